package render

import (
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"peerflow/internal/peering"
)

func inPongo(t testing.TB, body string, edit func(*peering.Desired)) peering.Desired {
	t.Helper()
	d := desired(t, "bird")
	d.Template = peering.Template{Meta: peering.Meta{ID: 1}, Name: "p", Engine: peering.EnginePongo2, Body: body}
	if edit != nil {
		edit(&d)
	}
	return d
}

const inBoth = `{% for s in sessions %}
protocol bgp {{ s.name }} {
  description "{{ s.description }}";
{% if s.shutdown %}
  disabled;
{% endif %}
  local {{ s.local_address }} as {{ s.local_asn }};
  neighbor {{ s.peer_address }} as {{ s.peer_asn }};
{% if s.password %}
  password "{{ s.password }}";
{% endif %}
{% for f in s.families %}
  {{ f.name }} {
    import {% for p in f.import_chain %}filter pf_{{ p.identifier }}{% else %}none{% endfor %};
    import limit {{ f.prefix_limit }} action disable;
    # {{ policies.0.context.local_pref }} & "quoted" <{{ router.name }}>
  };
{% endfor %}
}
{% endfor %}
`

func TestBothDialectsRenderTheSameConfiguration(t *testing.T) {
	t.Parallel()
	for _, trim := range []bool{false, true} {
		one := func(engine peering.TemplateEngine) string {
			d := inPongo(t, inBoth, func(d *peering.Desired) {
				s := d.Sessions[7]
				s.Description = `Example & "Net" <x>`
				d.Sessions[7] = s
			})
			d.Template.Engine, d.Template.TrimBlocks, d.Template.LstripBlocks = engine, trim, trim
			if engine == peering.EnginePongo2 { // whose loops say "empty" where Jinja2's say "else"
				d.Template.Body = strings.Replace(inBoth, "{% else %}none{% endfor %}", "{% empty %}none{% endfor %}", 1)
			}
			text, err := Router(t.Context(), d)
			if err != nil {
				t.Fatal(err)
			}
			return text
		}
		jinja, pongo := one(peering.EngineJinja2), one(peering.EnginePongo2)
		if jinja != pongo || !strings.Contains(pongo, `password "{secret:17@3}"`) || !strings.Contains(pongo, `"Example & "Net" <x>"`) || !strings.Contains(pongo, "import filter pf_peers_in;") {
			t.Errorf("trimmed %v\njinja2 %q\npongo2 %q", trim, jinja, pongo)
		}
	}
}

func TestWhatPongoMayNotUseIsRefusedByNameWithTheRemedy(t *testing.T) {
	t.Parallel()
	for tag, body := range map[string]string{
		"block": "{% block a %}{% endblock %}", "extends": `{% extends "a" %}`, "import": `{% import "a" b %}`, "include": `{% include "a" %}`, "lorem": "{% lorem 3 w %}",
		"macro": "{% macro a() %}{{ a() }}{% endmacro %}{{ a() }}", "now": `{% now "Y" %}`, "set": "{% set a = 1 %}", "ssi": `{% ssi "/etc/hostname" %}`, "with": "{% with a=1 %}{% endwith %}",
		"filter": "{% filter lower %}a{% endfilter %}", "ifchanged": "{% ifchanged %}a{% endifchanged %}", "spaceless": "{% spaceless %}a{% endspaceless %}",
	} {
		_, err := Router(t.Context(), inPongo(t, "x\n "+body, func(d *peering.Desired) { d.Template.Lenient = true }))
		if peering.KindOf(err) != peering.Invalid || !strings.Contains(err.Error(), `line 2, column`) || !strings.Contains(err.Error(), `the tag "`+tag+`"`) || !strings.Contains(err.Error(), "write the template in jinja2") {
			t.Errorf("%s: %v", tag, err)
		}
	}
	if len(pongoRefused) != 13 {
		t.Errorf("%d tags are refused, and 13 are tried here", len(pongoRefused))
	}
	for _, filter := range pongoBanned {
		_, err := Router(t.Context(), inPongo(t, `{{ router.name|`+filter+`:"1" }}`, nil))
		if err == nil || !strings.Contains(err.Error(), `the filter "`+filter+`"`) {
			t.Errorf("%s: %v", filter, err)
		}
	}
}

// pongo2 prints a record as <map[string]interface {} Value>, which must not reach a router.
func TestAWholeRecordInPongoIsAnError(t *testing.T) {
	t.Parallel()
	for _, body := range []string{"x\n{{ router }}", "x\n{{ sessions.0.families }}", "x\n{% for s in sessions %}{{ s }}{% endfor %}"} {
		text, err := Router(t.Context(), inPongo(t, body, nil))
		if text != "" || peering.KindOf(err) != peering.Invalid || !strings.Contains(err.Error(), "line 2 of the text prints a whole record or list") {
			t.Errorf("%q: %q, %v", body, text, err)
		}
	}
}

// Every tag and filter that pongo2 has is either offered or refused: a new version's too.
func TestEveryTagAndFilterOfPongoIsDecidedOn(t *testing.T) {
	t.Parallel()
	dir, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "github.com/flosch/pongo2/v6").Output()
	if err != nil {
		t.Fatal(err)
	}
	files, _ := filepath.Glob(strings.TrimSpace(string(dir)) + "/*.go")
	has := map[string][]string{}
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range regexp.MustCompile(`(?m)^\s+Register(Tag|Filter)\("(\w+)"`).FindAllStringSubmatch(string(text), -1) {
			has[m[1]] = append(has[m[1]], m[2])
		}
	}
	for kind, decided := range map[string][]string{"Tag": slices.DeleteFunc(slices.Concat(pongoTags, pongoRefused), func(s string) bool { return s == tickName }), "Filter": slices.Concat(pongoFilters, pongoBanned)} {
		slices.Sort(decided)
		slices.Sort(has[kind])
		if !slices.Equal(slices.Compact(has[kind]), decided) {
			t.Errorf("%ss of pongo2\n%v\ndecided on\n%v", kind, has[kind], decided)
		}
	}
}

func TestAPasswordIsPrintedWholeOrNotAtAll(t *testing.T) {
	t.Parallel()
	for body, wrong := range map[string]bool{
		"{% for s in sessions %}{{ s.password }}{% endfor %}":                                  false,
		"x{% for s in sessions %}{% if s.password %}has one{% endif %}{% endfor %}":            false,
		"{% for s in sessions %}{{ s.password|upper }}{% endfor %}":                            true,
		`{% for s in sessions %}{{ s.password|slice:":5" }}{% endfor %}`:                       true,
		"{% for s in sessions %}{{ s.password|length }}{% endfor %}":                           true,
		"{% for s in sessions %}{{ s.password|first }}{% endfor %}":                            true,
		`{% for s in sessions %}{{ s.password|cut:"a" }}{% endfor %}`:                          true,
		"{% for s in sessions %}{% for c in s.password %}{{ c }}.{% endfor %}{% endfor %}":     true,
		"{% for s in sessions %}{SECRET:17@3}{% endfor %}":                                     true,
		"{% for s in sessions %}{% if 'q' in s.password %}x{% else %}y{% endif %}{% endfor %}": true,
		"{% for s in sessions %}{{ s.password }} {secret:17@3}{% endfor %}":                    true,
		"{secret:18@3}": true,
	} {
		text, err := Router(t.Context(), inPongo(t, body, nil))
		if (err != nil) != wrong || len(text) > 100 {
			t.Errorf("%s: %q %v", body, text, err)
		}
	}
}

func TestNamesThatPongoWouldPrintAsNothingAreRefused(t *testing.T) {
	t.Parallel()
	for body, want := range map[string]string{
		"x\n{{ sesions }}": `line 2: UndefinedError: there is no variable "sesions": did you mean "sessions"?`,
		"x{% for s in sessions %}{{ s.peer_adddress }}{% endfor %}":                                                                       `there is no field "peer_adddress": did you mean "peer_address"?`,
		"x{% if router.lab and not nosuch %}{% endif %}":                                                                                  `"nosuch"`,
		`x{{ router.name|default:fallback }}`:                                                                                             `"fallback"`,
		"x{% for p in policies %}{{ p.context.any.key }}{{ forloop.Counter }}{% endfor %}":                                                "",
		`x{% for a, b in router.context reversed %}{{ a }}{{ b|default:"nosuch" }}{% empty %}{% endfor %}{% cycle "a" "b" as c %}{{ c }}`: "",
		"x{# nosuch #}{% comment %}{{ nosuch }}{% endcomment %}{% templatetag openblock %}":                                               "",
	} {
		_, err := Router(t.Context(), inPongo(t, body, nil))
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%s: %v, want %q", body, err, want)
		}
	}
	if text, err := Router(t.Context(), inPongo(t, "x{{ nosuch }}", func(d *peering.Desired) { d.Template.Lenient = true })); text != "x" || err != nil {
		t.Errorf("a lenient one: %q %v", text, err)
	}
}

func TestAHostilePongoTemplateIsAnErrorAndTheProcessLives(t *testing.T) {
	t.Parallel()
	loop := func(over string, inside string) string {
		return "{% for a in " + over + " %}" + inside + "{% endfor %}"
	}
	data := func(d *peering.Desired) {
		items := make([]int, 5000)
		text, _ := json.Marshal(map[string]any{"items": items, "text": strings.Repeat("x", 9000)})
		d.Router.Context = text
	}
	const items = "router.context.items"
	for name, body := range map[string]string{
		"a panic":                     "x{{ 1 / 0 }}",
		"another panic":               "x{{ sessions.0.families.0.name.nosuch.name }}",
		"a loop without end":          loop(items, loop(items, loop(items, loop(items, "")))),
		"a loop in a comparison":      loop(items, loop(items, loop(items, "{% if a == 1 %}{% endif %}"))),
		"a text without end":          loop(items, loop(items, "{{ router.context.text }}")),
		"brackets":                    "{{ " + strings.Repeat("(", 200_000) + "1 }}",
		"brackets that close":         "{{ " + strings.Repeat("(", 4900) + "1" + strings.Repeat(")", 4900) + " }}{{ nosuch }}",
		"blocks":                      strings.Repeat("{% if 1 %}", 26_000),
		"a sum":                       "{{ router.context.text" + strings.Repeat("+router.context.text", 9000) + " }}",
		"conditions":                  "{% if 1" + strings.Repeat(" and 1", 40_000) + " %}{% endif %}{{ nosuch }}",
		"a loop over a tag's end":     `{% for a in "x%}y" %}{% endfor %}`,
		"more than a template's size": strings.Repeat("x", maxPongoBody+1),
		"the clock that a loop asks":  "x{{ peerflow_clock.Write }}",
		"a loop's own clock":          "{% for peerflow_clock in " + items + " %}{% for b in " + items + " %}{% endfor %}{% endfor %}",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
			defer cancel()
			if text, err := Router(ctx, inPongo(t, body, data)); err == nil || text != "" {
				t.Errorf("%.80q %v", text, err)
			} else if len(err.Error()) > 600 {
				t.Errorf("an error of %d bytes", len(err.Error()))
			}
		})
	}
}

func TestTheCheckTakesPongoToo(t *testing.T) {
	t.Parallel()
	body := "{% for s in sessions %}neighbor {{ s.peer_address }} password hunter22\n{% endfor %}\nno route-map a\nroute-map a permit 10"
	var codes []string
	d := inPongo(t, body, nil)
	for _, f := range Check(t.Context(), d.Template, nil, []peering.Desired{d}) {
		codes = append(codes, f.Code)
	}
	if got := strings.Join(codes, " "); got != "secret-in-clear deleted-in-use" {
		t.Error(got)
	}
	d.Template.Body = "x\n{{ sesions }}"
	if found := Check(t.Context(), d.Template, nil, []peering.Desired{d}); len(found) != 1 || found[0].Line != 2 || !strings.Contains(found[0].Text, "sesions") {
		t.Errorf("%+v", found)
	}
}
