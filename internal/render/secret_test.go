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
		"{{ '{secret:17@4}' }}":                                  "secret 17 version 4, which no session of router edge1 has",
		"{{ '{secret:17@3|arista-type7:192.0.2.99}' }}":          "in a cipher that its session's password has no form of",
		"{{ '{secret:17@3|rot13}' }}":                            "in a cipher that its session's password has no form of",
		"{{ '{sec' }}ret:17}":                                    `"{secret:" outside a placeholder`,
		"{{ '{secret:%d@3}' | format(18) }}":                     "which no session",
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
