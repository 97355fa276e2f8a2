package render

import (
	"strings"
	"testing"
	"time"

	"peerflow/internal/jinja"
	"peerflow/internal/peering"
)

// includes renders a template that may include some others.
func includes(t *testing.T, body string) (string, error) {
	t.Helper()
	around := surroundings{library: map[string][]inclusion{
		kindConfiguration: {{1, "Names", "{{ router }}{{ p }}", nil}, {2, "outer", `{% include_configuration "Names" %}!`, nil}, {3, "loop", "{% include_configuration loop %}", nil},
			{4, "broken", "\n{{ nothing.more }}", nil}, {5, "macros", "{% macro twice(x) %}{{ x }}{{ x }}{% endmacro %}", nil}},
		kindEmail:          {{1, "Signature", "--\n{{ local_as.name }}", nil}},
		kindExportTemplate: {{7, "AS sets", verbatim("{{ router }}"), nil}},
	}}
	_, vars := small()
	return renderText(around.in(t.Context()), peering.Template{Name: "main", Body: body, Lenient: true}, vars, plain)
}

func TestIncludeTags(t *testing.T) {
	t.Parallel()
	for name, r := range map[string]rule{
		"by name, with the variables that are visible": {body: `{% set p = "!" %}{% include_configuration "Names" %}`, want: "edge1!"},
		"a bare word is the name itself":               {body: "{% set Names = 'outer' %}{% include_configuration Names %}", want: "edge1"},
		"a number is an id":                            {body: "{% include_configuration 2 %}", want: "edge1!"},
		"a number in quotes is an id too":              {body: `{% include_configuration "1" %}`, want: "edge1"},
		"mails are of their own":                       {body: "{% include_email Signature %}", want: "--\nUs"},
		"what an export gives is text":                 {body: `{% include_exporttemplate "AS sets" %}`, want: "{{ router }}"},
		"Jinja2's own include names the kind":          {body: `{% include "configuration::Names" %}{% include "Names" %}`, want: "edge1edge1"},
		"macros are imported":                          {body: `{% from "macros" import twice %}{{ twice('a') }}`, want: "aa"},
		"what is missing may be ignored by include":    {body: `{% include "configuration::None" ignore missing %}.`, want: "."},
		"what isn't there is told with a near name":    {body: `{% include_configuration "Namse" %}`, class: jinja.NotFoundErr, want: `did you mean "Names"?`},
		"a mail is no configuration":                   {body: `{% include_configuration "Signature" %}`, class: jinja.NotFoundErr, want: `no configuration template is called "Signature"`},
		"an id that isn't there is told":               {body: "{% include_email 9 %}", class: jinja.NotFoundErr, want: "no email template has the id 9"},
		"one that includes itself is stopped":          {body: "{% include_configuration loop %}", class: jinja.RecursionErr, want: "maximum recursion depth"},
		"a fault inside names where it was included":   {body: "{# #}\n{% include_configuration broken %}", class: jinja.UndefinedErr, want: "'nothing' is undefined"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := includes(t, r.body)
			if r.class == "" && (err != nil || got != r.want) {
				t.Errorf("got %q, %v, want %q", got, err, r.want)
			}
			if r.class != "" && (err == nil || !strings.Contains(err.Error(), r.class) || !strings.Contains(err.Error(), r.want)) {
				t.Errorf("got %q, %v, want %s: %s", got, err, r.class, r.want)
			}
		})
	}
	_, err := includes(t, "{# #}\n{% include_configuration broken %}")
	if err == nil || !strings.Contains(err.Error(), "configuration::broken: line 2") || !strings.Contains(err.Error(), "from main line 2") {
		t.Errorf("no include stack: %v", err)
	}
}

func TestARoutersTemplateIncludesWhatIsRecorded(t *testing.T) {
	t.Parallel()
	d := desired(t, "bird")
	d.Template.Body = "{% include_configuration part %}"
	d.Templates = map[int64]peering.Template{1: d.Template, 2: {Meta: peering.Meta{ID: 2}, Name: "part", Body: "router {{ router.name }}"}}
	if text, err := Router(t.Context(), d); err != nil || text != "router edge1" {
		t.Fatalf("%q, %v", text, err)
	}
	changed, err := d.Apply([]peering.Operation{{Object: peering.ObjectTemplate, ObjectID: 2, Action: peering.Update, Patch: []byte(`{"body": "another"}`)}})
	if err != nil {
		t.Fatal(err)
	}
	if text, err := Router(t.Context(), changed); err != nil || text != "another" {
		t.Errorf("a change of an included template renders %q, %v", text, err)
	}
	if text, _ := Router(t.Context(), d); text != "router edge1" {
		t.Errorf("the change reached what is recorded: %q", text)
	}
}

func TestNowIsForMailsAndExportsOnly(t *testing.T) {
	t.Parallel()
	_, err := renders(t, "{{ now() }}", true)
	if err == nil || !strings.Contains(err.Error(), "now() is for mails and exports") {
		t.Errorf("a router's template tells the time: %v", err)
	}
	around := surroundings{now: time.Date(2026, 2, 3, 4, 5, 6, 789000, time.UTC)}
	for body, want := range map[string]string{
		"{{ now() }}": "2026-02-03T04:05:06Z",
		"{{ now('%d.%m.%y %H:%M %%', timezone='Europe/Paris') }}": "03.02.26 05:05 %",
		"{{ now(format='%a %b %j %U %W %u %w %f %p %I') }}":       "Tue Feb 034 05 05 2 2 000789 AM 04",
		"{{ now(format='%G %V %s %C %e') }}":                      "2026 06 1770091506 20  3",
	} {
		got, err := renderText(around.in(t.Context()), peering.Template{Name: "t", Body: body}, jinja.NewDict(0), plain)
		if err != nil || got != want {
			t.Errorf("%s: %q, %v, want %q", body, got, err, want)
		}
	}
	for _, body := range []string{"{{ now(timezone='Nowhere') }}", "{{ now('%Q') }}"} {
		if got, err := renderText(around.in(t.Context()), peering.Template{Name: "t", Body: body}, jinja.NewDict(0), plain); err == nil {
			t.Errorf("%s prints %q", body, got)
		}
	}
}

func TestARoutersTemplateIncludesRecordedMailsAndExports(t *testing.T) {
	t.Parallel()
	d := desired(t, "bird")
	templates := []peering.Template{
		{Name: "shared", Kind: peering.MailTemplate, Body: "mail of {{ router.name }}"},
		{Name: "shared", Kind: peering.ExportTemplate, Dataset: "exchange-sessions", Body: "{% for s in dataset %}{{ s.autonomous_system.asn }}{% endfor %}"},
		{Name: "shared", Body: "configuration"},
		{Name: "all", Kind: peering.ExportTemplate, Dataset: "autonomous-systems", Body: "{{ dataset | length }}"},
		{Name: "itself", Kind: peering.ExportTemplate, Dataset: "routers", Body: "{% include_exporttemplate itself %}"},
		{Name: "timed", Kind: peering.ExportTemplate, Dataset: "routers", Body: "{{ now() }}"},
	}
	d.Templates = map[int64]peering.Template{}
	for i, made := range templates {
		made.ID = int64(100 + i)
		d.Templates[made.ID] = made
	}
	for body, want := range map[string]string{
		"{% include_email shared %}, {% include_exporttemplate shared %}, {% include_configuration shared %}": "mail of edge1, 64501, configuration",
		"{% include_exporttemplate all %}": "1",
	} {
		d.Template.Body = body
		if text, err := Router(t.Context(), d); err != nil || text != want {
			t.Errorf("%s: %q, %v, want %q", body, text, err, want)
		}
	}
	for body, want := range map[string]string{
		"{% include_exporttemplate itself %}":      `no exporttemplate template is called "itself"`,
		"{% include_exporttemplate timed %}":       "now() is for mails and exports",
		"{% include_email all %}":                  `no email template is called "all"`,
		"{% include 'exporttemplate::nowhere' %}x": `no exporttemplate template is called "nowhere"`,
	} {
		d.Template.Body = body
		if text, err := Router(t.Context(), d); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %q, %v, want %q", body, text, err, want)
		}
	}
}

func TestWhatAnExportRendersToIsTextAndNoTemplate(t *testing.T) {
	t.Parallel()
	for _, name := range []string{
		"{{ router.name }}", "{% for s in sessions %}x{% endfor %}", "a {# comment #} b", "{%- raw %}{% endraw %}", "{{{ 1 }}} {", "{{ '{' }}", "{{ '' }}", "} }} %} #}", "\\{{ 1 }}\\", "  {%- set x = 1 +%}",
	} {
		for _, end := range []string{"", "\n", "\n\n", " \n ", "\r\n"} {
			d := desired(t, "bird")
			for id, as := range d.Networks {
				as.Name = name + end
				d.Networks[id] = as
			}
			d.Templates = map[int64]peering.Template{100: {Meta: peering.Meta{ID: 100}, Name: "names", Kind: peering.ExportTemplate, Dataset: "exchange-sessions", Body: "{{ dataset[0].autonomous_system.name }}"}}
			for _, body := range []string{"{% include_exporttemplate names %}", "{% include 'exporttemplate::names' %}", "{% extends 'exporttemplate::names' %}", "{% autoescape false %}{% include 'exporttemplate::100' %}{% endautoescape %}"} {
				d.Template.Body, d.Template.TrimBlocks, d.Template.LstripBlocks = body, true, true
				if text, err := Router(t.Context(), d); err != nil || text != name+end {
					t.Errorf("%s: a network named %q prints %q, %v", body, name+end, text, err)
				}
			}
		}
	}
}

func TestMailsAndExportsAreCheckedAsWhatTheyAre(t *testing.T) {
	t.Parallel()
	for body, want := range map[string]string{
		"{{ autonomous_system.name }} {{ now() }} {{ [1] | random }}": "",
		"{{ router.name }}":  `there is no variable "router"`,
		"{{ 1 | nofilter }}": `there is no filter "nofilter"`,
	} {
		found := Check(t.Context(), peering.Template{Name: "m", Kind: peering.MailTemplate, Body: body}, nil, nil)
		if want == "" && len(found) != 0 || want != "" && (len(found) != 1 || found[0].Text != want) {
			t.Errorf("%s: %+v, want %q", body, found, want)
		}
	}
	if found := Check(t.Context(), peering.Template{Name: "e", Kind: peering.ExportTemplate, Body: "{{ dataset | length }}{{ autonomous_system }}"}, nil, nil); len(found) != 1 || !strings.Contains(found[0].Fix, "export gets dataset") {
		t.Errorf("%+v", found)
	}
}
