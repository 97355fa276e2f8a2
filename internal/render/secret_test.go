package render

import (
	"strings"
	"testing"

	"peerflow/internal/jinja"
	"peerflow/internal/peering"
)

func TestASecretIsPrintedAndNothingElse(t *testing.T) {
	t.Parallel()
	check(t, map[string]rule{
		"it prints as its placeholder":                    {body: "{{ d4.password }}", want: "{secret:17@3}"},
		"it is true, and there is none without":           {body: "{{ 'y' if d4.password else 'n' }} {{ x4.password is none }} {{ d4.password is defined }}", want: "y True True"},
		"the platform's cipher has Arista's magic":        {body: "{{ d4.encrypted_password }}", want: "7 {secret:17@3|arista-type7:198.51.100.1}"},
		"arista_password strips it, cisco_password too":   {body: "{{ d4.encrypted_password | arista_password }} {{ d4.encrypted_password | cisco_password }}", want: "{secret:17@3|arista-type7:198.51.100.1} {secret:17@3|arista-type7:198.51.100.1}"},
		"of a password in clear they strip nothing":       {body: "{{ d4.password | cisco_password }}", want: "{secret:17@3}"},
		"text is stripped":                                {body: "{{ '7 0448' | cisco_password }}{{ '0448' | arista_password }}", want: "04480448"},
		"cipher names the way to write it":                {body: "{{ d4.password | cipher('cisco-type7') }} {{ d4.password | cipher('junos-9') }} {{ d4.password | cipher('juniper-type9') }}", want: "{secret:17@3|cisco-type7} {secret:17@3|junos-9} {secret:17@3|junos-9}"},
		"Arista's key is the neighbor without its length": {body: "{{ d4.password | cipher('arista-type7') }}", want: "{secret:17@3|arista-type7:198.51.100.1}"},
		"cipher of no password is none":                   {body: "{{ x4.password | cipher('junos-9') }}", want: "None"},
		"there are three ciphers":                         {body: "{{ d4.password | cipher('rot13') }}", class: jinja.ValueErr, want: "there is no cipher"},
		"it is ciphered once":                             {body: "{{ d4.encrypted_password | cipher('junos-9') }}", class: jinja.ValueErr, want: "ciphered already"},
		"only a password is ciphered":                     {body: "{{ 'x' | cipher('junos-9') }}", class: jinja.ValueErr, want: "only a session's password"},
		"it can't be joined":                              {body: "{{ d4.password ~ 'x' }}", class: jinja.OpaqueErr, want: "secret"},
		"nor compared":                                    {body: "{{ d4.password == 'x' }}", class: jinja.OpaqueErr, want: "secret"},
		"nor cut, nor upper":                              {body: "{{ d4.password | upper }}", class: jinja.OpaqueErr, want: "secret"},
		"nor joined in a list":                            {body: "{{ [d4] | iterate('password') | join }}", class: jinja.OpaqueErr, want: "secret"},
		"nor looked up":                                   {body: "{{ (router | direct_sessions).filter(password='x') | length }}", class: jinja.OpaqueErr, want: "secret"},
		"nor matched":                                     {body: "{{ (router | direct_sessions).filter(password__startswith='x') | length }}", class: jinja.OpaqueErr, want: "secret"},
		"nor sorted by":                                   {body: "{{ [d4, d4] | sort(attribute='password') }}", class: jinja.OpaqueErr, want: "secret"},
		"nor quoted":                                      {body: "{{ d4.password | quote }}", class: jinja.OpaqueErr, want: "secret"},
		"whether there is one may be looked up":           {body: "{{ (router | direct_sessions).filter(password__isnull=false) | length }}", want: "1"},
		"as data it is its placeholder":                   {body: "{{ '{secret:17@3}' in (d4 | as_json) }}", want: "True"},
	})
}

func TestOnlyASessionsOwnSecretIsPrinted(t *testing.T) {
	t.Parallel()
	for body, want := range map[string]string{
		"{{ sessions[0].password }}":                             "",
		"{{ sessions[0].password | cipher('junos-9') }}":         "",
		"{{ sessions[0].password | cipher('arista-type7') }}":    "",
		"{{ '{secret:17@4}' }}":                                  "starter: line 1: SecurityError: line 1 of the text: the text spells",
		"x\n{{ 'y' }}\n\n{{ '{sec' }}ret:17}":                    "starter: line 4: SecurityError: line 4 of the text: the text spells",
		"{{ '{secret:17@3|rot13}' }}":                            `spells "{secret:"`,
		"{{ '{secret:%d@3}' | format(18) }}":                     `spells "{secret:"`,
		"{{ sessions[0].encrypted_password or 'no algorithm' }}": "",
	} {
		d := desired(t, "bird")
		d.Template.Body = body
		text, err := Router(t.Context(), d)
		if want == "" && err != nil || want != "" && (err == nil || text != "" || !strings.Contains(err.Error(), want)) {
			t.Errorf("%s: %q, %v; want %q", body, text, err, want)
		}
	}
}

func TestAPlatformsSlugTellsHowItWritesPasswords(t *testing.T) {
	t.Parallel()
	for slug, want := range map[string]string{
		"arista-eos": "7 {secret:17@3|arista-type7:192.0.2.11}", "cisco-iosxr": "7 {secret:17@3|cisco-type7}", "juniper-junos": "{secret:17@3|junos-9}", "bird": "None",
	} {
		d := desired(t, "bird")
		d.Platform = peering.PlatformRecord{Meta: peering.Meta{ID: 1}, Slug: slug}
		d.Template.Body = "{{ sessions[0].encrypted_password }}"
		if text, err := Router(t.Context(), d); err != nil || text != want {
			t.Errorf("%s: %q, %v; want %q", slug, text, err, want)
		}
	}
}

// Whatever becomes of text with a password in it: the password's own placeholder is there as it was printed, or there is no text.
func TestNothingButAPasswordPrintsItsPlaceholder(t *testing.T) {
	t.Parallel()
	const (
		macro  = "{% macro line(s) %}password {{ s.password }};{% endmacro %}"
		kept   = "{% set pw %}{{ sessions[0].password }}{% endset %}"
		forged = `spells "{secret:" where no password is printed`
		other  = "something else is done with a password"
	)
	for body, want := range map[string]string{
		"{{ line(sessions[0]) }}":                                                       "password {secret:17@3};",
		"{{ [line(sessions[0]), line(sessions[0])] | join('\n') }}":                     "password {secret:17@3};\npassword {secret:17@3};",
		"{{ line(sessions[0]) | indent(2) }}":                                           "  password {secret:17@3};",
		"{% filter replace('password', 'key') %}{{ line(sessions[0]) }}{% endfilter %}": "key {secret:17@3};",
		"{% call wrap() %}{{ sessions[0].password }}{% endcall %}":                      "<{secret:17@3}>",
		"{{ {'key': pw} | tojson }} {{ pw | trim | quote }}":                            `{"key": "{secret:17@3}"} "{secret:17@3}"`,
		"{{ {'key': pw} | as_yaml }}":                                                   "key: '{secret:17@3}'\n",
		"{{ sessions[0].password }}{{ 'set' if pw else 'none' }}":                       "{secret:17@3}set",
		"{{ sessions[0] | as_json | length > 20 }}":                                     "True",

		// Two texts of the records side by side, and one with letters taken out.
		"{{ '{sec' }}{{ 'ret:17@3}' }}":                                               forged,
		"{{ sessions[0].password }}{{ '{secX' | replace('X', '') }}{{ 'ret:17@3}' }}": forged,
		"{{ pw }}{{ '{sec' }}{{ 'ret:17@3}' }}":                                       forged,
		"{{ '{SECRET:17@3}' | lower }}":                                               forged,
		"{% filter trim %}{{ '{sec' }}{{ 'ret:17@3}' }}{% endfilter %}":               forged,
		"{% include_exporttemplate spells %}":                                         forged,

		"{{ pw | replace('17', '18') }}":            other,
		"{{ pw | upper }}":                          other,
		"{{ pw | replace('{', '') }}":               other,
		"{{ pw[1:] }}":                              other,
		"{{ pw[9:11] }}":                            other,
		"{{ pw | length }}":                         other,
		"{{ pw | digest }}":                         other,
		"{{ pw | urlencode }}":                      other,
		"{{ pw | list }}":                           other,
		"{{ pw[:8] ~ '18@1}' }}":                    other,
		"{% if 'q' in pw %}x{% else %}y{% endif %}": other,
		"{{ (pw[8:10] | int) + 1 }}":                other,
		"{% filter upper %}{{ pw }}{% endfilter %}": other,
		"{% filter upper %}{{ sessions[0].password }}{% endfilter %}": other,
		"{{ '17' in (sessions[0] | as_json) }}":                       other,
		"{{ '{secret:17@3}' in (sessions[0] | as_json) }}":            other,
	} {
		d := desired(t, "bird")
		d.Templates = map[int64]peering.Template{5: {Meta: peering.Meta{ID: 5}, Name: "spells", Kind: peering.ExportTemplate, Dataset: "routers", Body: "{{ '{sec' }}ret:17@3}"}}
		d.Template.Body = macro + "{% macro wrap() %}<{{ caller() }}>{% endmacro %}" + kept + body
		text, err := Router(t.Context(), d)
		if want == forged || want == other {
			if err == nil || text != "" || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), ": line 1: SecurityError") {
				t.Errorf("%s: %q, %v; want %q", body, text, err, want)
			}
			continue
		}
		traced, _, errTraced := RouterWithOrigins(t.Context(), d)
		if err != nil || text != want || errTraced != nil || traced != want {
			t.Errorf("%s: %q, %v, traced %q, %v; want %q", body, text, err, traced, errTraced, want)
		}
	}
}

// What an export prints of a router's records is text of the template that includes it.
func TestAPasswordInAnIncludedExportIsHeldToo(t *testing.T) {
	t.Parallel()
	d := desired(t, "bird")
	d.Templates = map[int64]peering.Template{5: {Meta: peering.Meta{ID: 5}, Name: "keys", Kind: peering.ExportTemplate, Dataset: "exchange-sessions", Body: "{% for s in dataset %}{{ s.password }}{% endfor %}"}}
	for body, want := range map[string]string{
		"{% include_exporttemplate keys %}":                                  "{secret:17@3}",
		"{% filter upper %}{% include_exporttemplate keys %}{% endfilter %}": "",
	} {
		d.Template.Body = body
		if text, err := Router(t.Context(), d); text != want || (err == nil) != (want != "") {
			t.Errorf("%s: %q, %v", body, text, err)
		}
	}
}

// What a template finds in a placeholder it must not find in the token by chance.
func TestATokenSharesNoTwoLettersWithItsPlaceholder(t *testing.T) {
	t.Parallel()
	const placeholder = "{secret:1717@3|arista-type7:2001:db8::1}"
	for range 500 {
		if token := newToken(placeholder); sharesPair(token, placeholder) || len(token) != 64 {
			t.Fatalf("%s shares two letters with %s", token, placeholder)
		}
	}
}
