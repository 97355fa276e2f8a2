package render

import (
	"context"
	"fmt"
	"maps"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"peerflow/internal/capture"
	"peerflow/internal/jinja"
	"peerflow/internal/peering"
)

// finding is what a case wants: the code with line and column, and words of text and fix.
type finding struct {
	at    string // "code line:column"
	words []string
}

func TestTheCheckFindsWhatIsWrongAndNothingElse(t *testing.T) {
	t.Parallel()
	twice := func(d *peering.Desired) { // a second import policy on the session
		d.Policies[3] = peering.RoutingPolicy{Meta: peering.Meta{ID: 3}, Slug: "best", Direction: peering.Import}
		s := d.Sessions[7]
		s.Policies.Import = []int64{3}
		d.Sessions[7] = s
	}
	const neighbor = "{% for s in sessions %}neighbor {{ s | ip }} {{ s.enabled }}\n"
	for name, c := range map[string]struct {
		bad, good string
		edit      func(*peering.Template, *peering.Desired)
		want      finding
	}{
		"a name that isn't given": {
			bad: "x\n{% for s in sesions %}{{ s.name }}{% endfor %}", good: "x\n{% for s in sessions %}{{ s.name }}{% endfor %}",
			want: finding{"error unknown-variable 2:13", []string{`"sesions"`, `did you mean "sessions"?`}}},
		"a name that is asked for in vain": {
			bad: "x{% if sesions is defined %}y{% endif %}", good: "x{% if city is defined and city %}y{% endif %}",
			want: finding{"warning unknown-variable 1:8", []string{`did you mean "sessions"?`}}},
		"a filter": {
			bad: "x {{ router.name | uper }}", good: "x {{ router.name | upper }}",
			want: finding{"error unknown-filter 1:20", []string{`"uper"`, `did you mean "upper"?`}}},
		"a test": {
			bad: "x {% if router is defind %}{% endif %}", good: "x {% if router is defined %}{% endif %}",
			want: finding{"error unknown-test 1:16", []string{`did you mean "defined"?`}}},
		"a field of a session": {
			bad: neighbor + "{{ s.peer_adddress }}{% endfor %}", good: neighbor + "{{ s.peer_address }}{% endfor %}",
			want: finding{"error unknown-field 2:5", []string{"InternetExchangePeeringSession has no field", `did you mean "peer_address"?`}}},
		"a field in a branch that no session takes": {
			bad: neighbor + "{% if s.passive %}{{ s.holdtime }}{% endif %}{% endfor %}", good: neighbor + "{% if s.passive %}{{ s.hold_time }}{{ s.context.holdtime }}{% endif %}{% endfor %}",
			want: finding{"warning unknown-field 2:23", []string{"nothing that a template is given", `did you mean "hold_time"?`}}},
		"a field in a branch, and the template's own data": {
			bad: neighbor + "{% if s.passive %}{{ s.peer_asnn }}{% endif %}{% endfor %}", good: "{% set own = {'peer_asnn': 1} %}" + neighbor + "{% if s.passive %}{{ own.peer_asnn }}{% endif %}{% endfor %}",
			want: finding{"warning unknown-field 2:23", []string{`"peer_asnn"`}}},
		"a field that other sessions have, asked for": {
			bad: neighbor + "{{ s.bgp_group }}{% endfor %}", good: neighbor + "{% if s.bgp_group is defined %}{{ s.bgp_group }}{% endif %}{% endfor %}",
			want: finding{"error unknown-field 2:5", []string{"bgp_group"}}},
		"a method of a collection": {
			bad: "x{{ routing_policies.frist().slug }}", good: "x{{ routing_policies.first().slug }}",
			want: finding{"error unknown-field 1:27", []string{"QuerySet", `did you mean "first"?`}}},
		"data that a record lacks": {
			bad: "x{{ policies[1].context.local_pref }}", good: "x{{ policies[1].context.local_pref | default(100) }}",
			want: finding{"error missing 1:24", []string{`"local_pref"`, "| default"}}},
		"a field of a lenient template": {
			bad: "x{{ router.nam }}", good: "x{{ router.name }}", edit: func(t *peering.Template, _ *peering.Desired) { t.Lenient = true },
			want: finding{"warning unknown-field 1:11", []string{"prints nothing", `did you mean "name"?`}}},
		"a syntax error": {
			bad: "x\n\n{% if %}", good: "x",
			want: finding{"error syntax 3:7", []string{"Expected an expression"}}},
		"an include that isn't there": {
			bad: "x{% include_configuration 'nieghbors' %}", good: "x{% include_configuration 'neighbors' %}",
			want: finding{"error unknown-template 1:5", []string{"nieghbors", `did you mean "neighbors"?`}}},
		"another way to include": {
			bad: "x{% include 'nosuch' %}", good: "x{% include 'nosuch' ignore missing %}",
			want: finding{"error unknown-template 1:5", []string{"nosuch", "record it first"}}},
		"the time": {
			bad: "! {{ now() }}", good: "! {{ router.name }}",
			want: finding{"error now 1:6", []string{"leave it out"}}},
		"the sessions of an exchange": {
			bad:  "{% for x in internet_exchange_points %}{% for s in x | sessions %}{{ s | ip }}{% endfor %}{% endfor %}",
			good: "{% for x in internet_exchange_points %}{% for s in router | ixp_sessions(ixp=x) %}{{ s | ip }}{% endfor %}{% endfor %}",
			want: finding{"warning sessions-of-all-routers 1:56", []string{"router | ixp_sessions(ixp=x)"}}},
		"a session without an import policy": {
			bad: "x", good: "x", edit: func(t *peering.Template, d *peering.Desired) {
				if t.Name == "bad" {
					d.IXPs[1] = peering.IXP{Meta: peering.Meta{ID: 1}, Policies: peering.Policies{Export: []int64{2}}}
				}
			}, want: finding{"warning no-import-policy 0:0", []string{"router edge1 session 7 with AS64501 (ipv4)", "RFC 8212", "set an import policy"}}},
		"a session without an export policy": {
			bad: "x", good: "x", edit: func(t *peering.Template, d *peering.Desired) {
				if t.Name == "bad" {
					d.IXPs[1] = peering.IXP{Meta: peering.Meta{ID: 1}, Policies: peering.Policies{Import: []int64{1}}}
				}
			}, want: finding{"warning no-export-policy 0:0", []string{"set an export policy"}}},
		"several policies where one is meant": {
			bad:  neighbor + " route-map {{ s | merge_import_policies | map(attribute='slug') | join(' ') }} in\n{% endfor %}",
			good: neighbor + " import [ {{ s | merge_import_policies | map(attribute='slug') | join(' ') }} ];\n{% endfor %}",
			edit: func(_ *peering.Template, d *peering.Desired) { twice(d) },
			want: finding{"warning joined-policies 2:67", []string{"session 7 with AS64501 has 2", "import policies"}}},
		"one policy in each direction": {
			bad:  neighbor + " route-map {{ s.import_chain | map(attribute='slug') | join(' ') }} in\n{% endfor %}",
			good: neighbor + " route-map {{ s.export_chain | map(attribute='slug') | join(' ') }} out\n{% endfor %}",
			edit: func(_ *peering.Template, d *peering.Desired) { twice(d) },
			want: finding{"warning joined-policies 2:56", nil}},
		"a merge that never takes a neighbor away": {
			bad:  "{% for s in sessions if s.enabled %}neighbor {{ s | ip }} remote-as {{ s.peer_asn }}\n{% endfor %}end",
			good: "{% for s in sessions %}{% if s.enabled %}neighbor {{ s | ip }} remote-as {{ s.peer_asn }}\n{% else %}no neighbor {{ s | ip }}\n{% endif %}{% endfor %}end",
			edit: func(t *peering.Template, _ *peering.Desired) { t.Mode = peering.ModeMerge },
			want: finding{"error no-removal 0:0", []string{"session 7 (192.0.2.11)", "no neighbor"}}},
		"a merge that only opens": {
			bad:  "{% for s in sessions %}neighbor {{ s | ip }} remote-as {{ s.peer_asn }}\n{% if s.enabled %}no neighbor {{ s | ip }} shutdown\n{% endif %}{% endfor %}end",
			good: "{% for s in sessions %}neighbor {{ s | ip }}\n remote-as {{ s.peer_asn }}\n {{ 'no ' if s.enabled }}shutdown\n{% endfor %}end",
			edit: func(t *peering.Template, _ *peering.Desired) { t.Mode = peering.ModeMerge },
			want: finding{"error no-removal 0:0", nil}},
		"a merge whose lines name no neighbor": {
			bad:  "{% for s in sessions if s.enabled %}neighbor {{ s | ip }} remote-as {{ s.peer_asn }}\n{% endfor %}interface lo9\n shutdown\nend",
			good: "{% for s in sessions %}neighbor {{ s | ip }}\n remote-as {{ s.peer_asn }}\n {{ 'no ' if s.enabled }}shutdown\n{% endfor %}interface lo9\n shutdown\nend",
			edit: func(t *peering.Template, _ *peering.Desired) { t.Mode = peering.ModeMerge },
			want: finding{"error no-removal 0:0", nil}},
		"a merge that closes something else": {
			bad:  "{% for s in sessions %}neighbor {{ s | ip }} remote-as {{ s.peer_asn }}\n{% if not s.enabled %}interface lo9\n shutdown\n{% endif %}{% endfor %}end",
			good: "{% for s in sessions %}neighbor {{ s | ip }} remote-as {{ s.peer_asn }}\n{% if not s.enabled %}neighbor {{ s | ip }} shutdown\n{% endif %}{% endfor %}end",
			edit: func(t *peering.Template, _ *peering.Desired) { t.Mode = peering.ModeMerge },
			want: finding{"error no-removal 0:0", nil}},
		"a merge that only says so": {
			bad:  "{% for s in sessions %}neighbor {{ s | ip }} remote-as {{ s.peer_asn }}\nneighbor {{ s | ip }} description {{ s.status }}\n{% endfor %}end",
			good: "{% for s in sessions %}neighbor {{ s | ip }}\n{% if not s.enabled %} disable;\n{% endif %}{% endfor %}end",
			edit: func(t *peering.Template, _ *peering.Desired) { t.Mode = peering.ModeMerge },
			want: finding{"error no-removal 0:0", nil}},
		"a prefix list that only grows": {
			bad:  "x\nip prefix-list as64501 permit 192.0.2.0/24\n",
			good: "x\nip prefix-list as64501-2 permit 192.0.2.0/24\nno ip prefix-list as64501-2\n",
			edit: func(t *peering.Template, d *peering.Desired) { t.Mode = peering.ModeMerge; d.Sessions = nil },
			want: finding{"warning list-never-emptied 2:0", []string{"stay on the router"}}},
		"a filter that goes before it comes": {
			bad: "x\nno route-map peers-in\nroute-map peers-in permit 10\n", good: "x\nroute-map peers-in2 permit 10\nno route-map peers-in\n",
			want: finding{"error deleted-in-use 2:0", []string{"route-map peers-in is deleted", "new name"}}},
		"a list that goes before it comes": {
			bad: "x\n\nno ip prefix-list a\nip prefix-list a permit 192.0.2.0/24\n", good: "x\n\nno ipv6 prefix-list a\nip prefix-list a permit 192.0.2.0/24\n",
			want: finding{"error deleted-in-use 3:0", nil}},
		"a policy that goes before it comes, in a candidate": {
			bad: "delete policy-options policy-statement in\nset policy-options policy-statement in then accept\n", good: "set policy-options policy-statement in then accept\n",
			want: finding{"warning deleted-in-use 1:0", []string{"commits both at once"}}},
		"a limit of nothing": {
			bad:  neighbor + " maximum-prefix {{ s | max_prefix }} 95\n{% endfor %}",
			good: neighbor + "{% if s | max_prefix %} maximum-prefix {{ s | max_prefix }} 95\n{% endif %}{% endfor %}",
			want: finding{"error limit-of-zero 2:0", []string{"maximum-prefix 0 95", "{% if %}"}}},
		"a limit of nothing in a block": {
			bad:  neighbor + " prefix-limit {\n  maximum {{ s | max_prefix }};\n }{% endfor %}",
			good: neighbor + "{% if s | max_prefix %} prefix-limit {\n  maximum {{ s | max_prefix }};\n }{% endif %}{% endfor %}",
			want: finding{"error limit-of-zero 3:0", nil}},
		"a password of everybody's": {
			bad: "x\nneighbor 192.0.2.11 password 7 0822455D0A16\n", good: "x\n{# password 7 0822455D0A16 #}{% for s in sessions %}neighbor {{ s | ip }} password 7 {{ s.password | cipher('cisco-type7') }}{% endfor %}\nservice password-encryption\n",
			want: finding{"error secret-in-clear 2:0", []string{"{{ session.password }}"}}},
		"a password in a variable": {
			bad: "{% set md5_password = 'hunter2' %}x", good: "{% set name = 'hunter2' %}x",
			want: finding{"error secret-in-clear 1:0", nil}},
		"a password in JSON": {
			bad: `{"auth-password": "hunter22"}`, good: `{"auth-password": "{{ sessions[0].password }}"}`,
			want: finding{"error secret-in-clear 1:0", nil}},
		"a context that nobody reads": {
			bad:  "x{% for p in policies if p.direction == 'import' %}{{ p.context }}{% endfor %}",
			good: "x{% for p in policies %}{{ p | context_has_key('announce') }}{{ p.context.x is defined }}{% endfor %}",
			want: finding{"note unused-context 0:0", []string{"routing policy peers-out", "context_get_key"}}},
		"a template that fails": {
			bad: "x\n{{ 1 // 0 }}", good: "x\n{{ 1 // 1 }}",
			want: finding{"error fails 2:4", []string{"ZeroDivisionError"}}},
		"a template that prints nothing": {
			bad: " ", good: "x",
			want: finding{"error fails 0:0", []string{"renders nothing"}}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for which, body := range map[string]string{"bad": c.bad, "good": c.good} {
				d := desired(t, "bird")
				tmpl := peering.Template{Name: which, Body: body, Mode: peering.ModeStanza}
				if c.edit != nil {
					c.edit(&tmpl, &d)
				}
				library := map[int64]peering.Template{9: {Meta: peering.Meta{ID: 9}, Name: "neighbors", Body: "{{ router.name }}"}}
				var all, same []string
				for _, f := range Check(t.Context(), tmpl, library, []peering.Desired{d}) {
					line := fmt.Sprintf("%s %s %d:%d", f.Level, f.Code, f.Line, f.Column)
					all = append(all, line+" "+f.Text+" – "+f.Fix)
					if line == c.want.at {
						same = append(same, f.Text+" "+f.Fix)
					}
				}
				text := strings.Join(all, "\n")
				switch {
				case which == "bad" && len(same) != 1:
					t.Errorf("%s: %d times %s in\n%s", which, len(same), c.want.at, text)
				case which == "good" && strings.Contains(text, strings.Fields(c.want.at)[1]+" "):
					t.Errorf("%s: %s in\n%s", which, c.want.at, text)
				}
				for _, word := range c.want.words {
					if which == "bad" && !strings.Contains(strings.Join(same, "\n"), word) {
						t.Errorf("%q isn't in\n%s", word, text)
					}
				}
			}
		})
	}
}

func TestStartersAreClean(t *testing.T) {
	t.Parallel()
	for _, starter := range Starters() {
		if starter.Mode != peering.ModeStanza {
			continue // a mail, which is given other variables than a router's template
		}
		driver := starter.Platform
		d := desired(t, driver)
		for _, f := range Check(t.Context(), d.Template, nil, []peering.Desired{d, chained(t, driver)}) {
			t.Errorf("%s: %+v", driver, f)
		}
	}
}

// One template, several wrong fields, in itself and in what it includes: each is told once, where it stands.
func TestAllThatIsWrongIsToldAtOnce(t *testing.T) {
	t.Parallel()
	library := map[int64]peering.Template{9: {Meta: peering.Meta{ID: 9}, Name: "part", Body: "{{ s.adddress }} {{ city }}\n{{ s.nick | nofilter }}"}, 10: {Meta: peering.Meta{ID: 10}, Name: "whole", Body: "{{ s.adddress }} {{ city }}"}}
	body := "{{ router.nam }}{{ router.nam }}\n{{ router.hostnam }}{{ local_as.as }}\n{% for s in sessions %}{% include_configuration 'part' %}{% include 'whole' %}{% endfor %}"
	d := desired(t, "bird")
	other := desired(t, "bird")
	other.Router.Name = "edge2"
	var got []string
	for _, f := range Check(t.Context(), peering.Template{Name: "t", Body: body}, library, []peering.Desired{d, other}) {
		if f.Code != "unused-context" {
			got = append(got, strings.TrimSpace(fmt.Sprintf("%s %d:%d %s", f.Template, f.Line, f.Column, f.Text)))
		}
	}
	want := `1:10 Router has no field "nam"
1:26 Router has no field "nam"
2:10 Router has no field "hostnam"
2:32 AutonomousSystem has no field "as"
configuration::part 2:13 there is no filter "nofilter"`
	if text := strings.Join(got, "\n"); text != want {
		t.Errorf("got\n%s\nwant\n%s", text, want)
	}
	library[9] = peering.Template{Meta: peering.Meta{ID: 9}, Name: "part", Body: "{{ s.ip_adddress }}"}
	got = nil
	for _, f := range Check(t.Context(), peering.Template{Name: "t", Body: body}, library, []peering.Desired{d}) {
		if f.Template != "" {
			got = append(got, fmt.Sprintf("%s %d:%d %s", f.Template, f.Line, f.Column, f.Code))
		}
	}
	if text := strings.Join(got, ", "); text != "configuration::part 1:5 unknown-field, whole 1:5 unknown-field, whole 1:21 unknown-variable" {
		t.Error(text)
	}
}

func TestTheCheckOfAHostileTemplateEnds(t *testing.T) {
	t.Parallel()
	for name, body := range map[string]string{
		"a loop without end":   "{% for i in range(99999) %}{% for j in range(99999) %}{{ nosuch }}{% endfor %}{% endfor %}",
		"recursion":            "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}",
		"a text without end":   "{{ 'x' * 1000000000 }}",
		"an include of itself": "{% include 'self' %}",
		"much that is wrong":   strings.Repeat("{{ nosuch }}{{ router.nosuch }}\n", 2000),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			library := map[int64]peering.Template{9: {Meta: peering.Meta{ID: 9}, Name: "self", Body: body}}
			limited, cancel := context.WithTimeout(t.Context(), 2*time.Second)
			defer cancel()
			found := Check(limited, peering.Template{Name: "t", Body: body}, library, []peering.Desired{desired(t, "bird")})
			if len(found) == 0 || len(found) > maxFindings {
				t.Errorf("%d findings", len(found))
			}
		})
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if found := Check(ended, peering.Template{Name: "t", Body: "x"}, nil, []peering.Desired{desired(t, "bird")}); len(found) != 1 || found[0].Code != "unchecked" || !strings.Contains(found[0].Text, "edge1") {
		t.Errorf("when the time is up: %+v", found)
	}
}

// Some of Peering Manager's documentation templates: what is wrong with them is known.
func TestDocumentationTemplatesHaveTheFindingsTheyDeserve(t *testing.T) {
	t.Parallel()
	folder := capture.Need(t, "templating", "peering-manager-docs")
	for file, want := range map[string]string{
		"examples-arista-eos-0.j2":         "fails mode sessions-of-all-routers unknown-variable",
		"examples-cisco-iosxr-0.j2":        "joined-policies mode sessions-of-all-routers unused-context",
		"examples-juniper-junos-0.j2":      "mode unused-context",
		"examples-nokia-sros-0.j2":         "mode unknown-template",
		"examples-tutorial-cisco-ios-0.j2": "deleted-in-use mode sessions-of-all-routers",
	} {
		body, err := os.ReadFile(filepath.Join(folder, file))
		if err != nil {
			t.Fatal(err)
		}
		codes, lines := map[string]bool{}, ""
		for _, f := range Check(t.Context(), peering.Template{Name: file, Body: string(body), Mode: peering.ModeMerge, Lenient: true}, nil, []peering.Desired{chained(t, "bird")}) {
			codes[f.Code] = true
			lines += fmt.Sprintf("%d:%d %s %s: %s – %s\n", f.Line, f.Column, f.Level, f.Code, f.Text, f.Fix)
		}
		if got := strings.Join(slices.Sorted(maps.Keys(codes)), " "); got != want {
			t.Errorf("%s\n got %s\nwant %s\n%s", file, got, want, lines)
		}
	}
}

func TestTheCheckOfATextEndsWithItsTime(t *testing.T) {
	t.Parallel()
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	body := strings.Repeat("{{ router.hostnam }}", 50_000)
	found := Check(ended, peering.Template{Name: "t", Body: body}, nil, nil)
	if len(found) != 1 || found[0].Code != "unchecked" {
		t.Errorf("%d findings: %.300v", len(found), found)
	}
}

func TestNamesThatATextSpellsOutAreItsOwn(t *testing.T) {
	t.Parallel()
	for body, want := range map[string]int{
		"{% if false %}{{ router.hostnamee }}{% endif %}":                                     1,
		"{% set d = {'hostnamee': 1} %}{% if false %}{{ d.hostnamee }}{% endif %}":            0,
		"{% set n = namespace() %}{% set n.hostnamee = 1 %}{{ n.hostnamee }}":                 0,
		"{% set n = 'a hostnamee b' %}{% if false %}{{ router.hostnamee }}{% endif %}{{ n }}": 1,
	} {
		if found := Check(t.Context(), peering.Template{Name: "t", Body: body}, nil, nil); len(found) != want {
			t.Errorf("%s: %+v", body, found)
		}
	}
}

func TestWhatIsAddedToAMergedContextStaysOutOfItsContexts(t *testing.T) {
	t.Parallel()
	shared := &ConfigContext{Data: NewData([]byte(`{"a": {"b": 1}}`))}
	one, other := &Record{Contexts: []*ContextAssignment{{Context: shared}}}, &Record{Contexts: []*ContextAssignment{{Context: shared}}}
	merged := one.context().(*jinja.Dict)
	merged.SetStr("c", jinja.Int(1))
	inner, _ := merged.GetStr("a")
	inner.(*jinja.Dict).SetStr("c", jinja.Int(1))
	merged = other.context().(*jinja.Dict)
	inner, _ = merged.GetStr("a")
	if merged.Len() != 1 || inner.(*jinja.Dict).Len() != 1 {
		t.Error("another record's context has what was added")
	}
}

func TestATextThatNoDriverTakesIsNoted(t *testing.T) {
	t.Parallel()
	for mode, want := range map[peering.TemplateMode]int{"": 0, peering.ModeStanza: 0, peering.ModeWhole: 1, peering.ModeMerge: 1} {
		found := Check(t.Context(), peering.Template{Name: "t", Body: "x", Mode: mode}, nil, nil)
		if len(found) != want || want > 0 && (found[0].Code != "mode" || found[0].Level != peering.FindingNote || !strings.Contains(found[0].Text, string(mode))) {
			t.Errorf("mode %q: %+v", mode, found)
		}
	}
	if found := Check(t.Context(), peering.Template{Name: "t", Body: "x", Kind: peering.MailTemplate, Mode: peering.ModeMerge}, nil, nil); len(found) != 0 {
		t.Errorf("a mail: %+v", found)
	}
}

// A fault in a loop over sessions is one fault: a few of its lines are shown.
func TestAFaultInALoopIsToldAFewTimes(t *testing.T) {
	t.Parallel()
	d := desired(t, "bird")
	for id := int64(100); id < 120; id++ {
		s := d.Sessions[7]
		s.ID, s.PeerAddress = id, netip.AddrFrom4([4]byte{192, 0, 2, byte(id)})
		d.Sessions[id] = s
	}
	body := "{% for s in sessions %}neighbor {{ s | ip }} maximum-prefix {{ 0 }}\n{% endfor %}{% for s in sessions %}neighbor {{ s | ip }} maximum-prefix {{ 0 }}\n{% endfor %}"
	lines := map[int]int{}
	for _, f := range Check(t.Context(), peering.Template{Name: "t", Body: body}, nil, []peering.Desired{d}) {
		if f.Code == "limit-of-zero" {
			lines[f.Line]++
		}
	}
	if lines[1] != 3 || lines[2] != 3 || len(lines) != 2 {
		t.Errorf("findings by line: %v", lines)
	}
}
