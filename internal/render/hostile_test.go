package render

import (
	"strings"
	"testing"
	"time"

	"peerflow/internal/peering"
)

// Templates of people one doesn't know: each ends with an error, and soon.
func TestTemplatesThatWouldNeverEndAreStopped(t *testing.T) {
	t.Parallel()
	for name, body := range map[string]string{
		"a list in itself":               "{% set l = [] %}{% do l.append(l) %}{{ l | ip }}",
		"a collection of lists":          "{% set l = [] %}{% set q = autonomous_systems.union([l]) %}{{ q }}",
		"a text that triples":            "{% set ns = namespace(t='ab') %}{% for i in range(40) %}{% set ns.t = ns.t | quote(ns.t) %}{% endfor %}{{ ns.t | length }}",
		"data that doubles, as YAML":     "{% set ns = namespace(a=['x']) %}{% for i in range(60) %}{% set ns.a = [ns.a, ns.a] %}{% endfor %}{{ ns.a | as_yaml }}",
		"a name that is longer than any": "{% include 'a' * 6000000 %}",
	} {
		d := desired(t, "bird")
		d.Template.Body = body
		if text, err := Router(t.Context(), d); err == nil {
			t.Errorf("%s renders %d bytes", name, len(text))
		} else if len(err.Error()) > 2000 {
			t.Errorf("%s: an error of %d bytes", name, len(err.Error()))
		}
	}
	d := desired(t, "bird")
	d.Router.Context = []byte(`{"a": {"b": 1}}`)
	d.Template.Body = "{% do router.context.update({'a': router.context}) %}{{ router | context_has_key('zz') }}"
	if text, err := Router(t.Context(), d); err != nil || !strings.Contains(text, "False") {
		t.Errorf("a context in itself: %q, %v", text, err)
	}
}

// The time that a pattern takes grows with the text and with itself: both have an end.
func TestPatternsHaveLimits(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ body, want string }{
		"a pattern too long":       {"{{ autonomous_systems.filter(name__regex='a' * 600) }}", "a pattern of at most 512 bytes"},
		"a text too long":          {"{{ policies.filter(config_context__long__iregex='b') }}", "texts of at most 65536"},
		"a pattern of repetitions": {"{{ autonomous_systems.filter(name__regex='((a{100}){100}){100}') }}", "invalid repeat count"},
	} {
		d := desired(t, "bird")
		d.Template.Body = c.body
		for id, p := range d.Policies {
			p.Context = []byte(`{"long": "` + strings.Repeat("x", 70000) + `"}`)
			d.Policies[id] = p
		}
		if text, _, err := RouterWithOrigins(t.Context(), d); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %d bytes, %v", name, len(text), err)
		}
	}
}

// A router's text is the same at each rendering.
func TestChanceIsForMailsAlone(t *testing.T) {
	t.Parallel()
	for _, body := range []string{"{{ [1, 2] | random }}", "{{ lipsum(1) }}", "{{ [[1, 2]] | map('random') | list }}"} {
		d := desired(t, "bird")
		d.Template.Body = body
		if text, err := Router(t.Context(), d); err == nil || !strings.Contains(err.Error(), "what is approved would not be what is pushed") {
			t.Errorf("%s: %q, %v", body, text, err)
		}
		f := exampleNetwork(t)
		around := surroundings{now: time.Date(2026, 2, 3, 4, 5, 6, 0, time.UTC)}
		if _, err := renderText(around.in(t.Context()), peering.Template{Name: "mail", Body: body}, f.variables(job{}), plain); err != nil {
			t.Errorf("%s in a mail: %v", body, err)
		}
	}
}

// What a template prints is looked at as it stands, and again as the router would read it.
func TestASecretThatTheTextDoesNotNameIsRefused(t *testing.T) {
	t.Parallel()
	const escaped = `{"peer-group": {"config": {"peer-group-name": "pf-sessions"}}}
{"neighbor": {"config": {"neighbor-address": "192.0.2.11", "peer-as": 64501, "peer-group": "pf-sessions", "auth-password": "\u007bsecret:99@1}"}}}`
	_, err := peering.CutTemplate(syntaxes["openconfig"], "openconfig", peering.Template{Name: "escaped", Mode: peering.ModeStanza}, escaped)
	if peering.KindOf(err) != peering.Invalid || !strings.Contains(err.Error(), "writes a secret into neighbor/192.0.2.11") {
		t.Errorf("%v", err)
	}
	// Of a session whose password stands elsewhere in the text, too.
	beside := strings.Replace(escaped, `{"peer-group"`, `{"neighbor": {"config": {"neighbor-address": "192.0.2.12", "peer-as": 64502, "peer-group": "pf-sessions", "auth-password": "{secret:99@1}"}}}
{"peer-group"`, 1)
	_, err = peering.CutTemplate(syntaxes["openconfig"], "openconfig", peering.Template{Name: "escaped", Mode: peering.ModeStanza}, beside)
	if peering.KindOf(err) != peering.Invalid || !strings.Contains(err.Error(), "writes a secret into neighbor/192.0.2.1") {
		t.Errorf("%v", err)
	}
}

// A session of a VRF must not end in the global table because its template knows none.
func TestATemplateThatDoesNotNameAVRFIsRefused(t *testing.T) {
	t.Parallel()
	for _, driver := range []string{"bird", "openconfig"} { // whose starters have no VRF
		_, err := Router(t.Context(), edited(t, driver, func(s *peering.Session) { s.VRF = "customers" }))
		if peering.KindOf(err) != peering.Unsupported || !strings.Contains(err.Error(), "VRF customers of session 7") {
			t.Errorf("%s: %v", driver, err)
		}
	}
}

// Slugs that differ in a sign give filters of two names.
func TestIdentifiersKeepSlugsApart(t *testing.T) {
	t.Parallel()
	if a, b := identifier("peer-out"), identifier("peer_out"); a == b || a != "peer_out" {
		t.Errorf("%s and %s", a, b)
	}
}

func TestWhatAPolicysContextSaysEndsNoStatement(t *testing.T) {
	t.Parallel()
	contexts := map[string]struct{ policy, network, want string }{
		"a preference":     {`{"local_pref": "100; accept"}`, `{}`, `"100; accept" is no whole number from 0 to 4294967295`},
		"a prefix":         {`{"accept": ["198.51.100.0/24 ] then accept; if net ~ [ 0.0.0.0/0"]}`, `{}`, "is no range of prefixes"},
		"one of our own":   {`{"accept": ["198.51.100.0/24"]}`, `{"own_prefixes": ["203.0.113.0/24\"}"]}`, "is no range of prefixes"},
		"one that is none": {`{"accept": [5]}`, `{}`, "prefix_range takes a prefix as text"},
	}
	for driver := range syntaxes {
		for name, c := range contexts {
			d := desired(t, driver)
			policy := d.Policies[1]
			policy.Context = peering.Context(c.policy)
			d.Policies[1] = policy
			d.LocalAS.Context = peering.Context(c.network)
			if text, err := Router(t.Context(), d); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%s: %s: %v\n%s", driver, name, err, text)
			}
		}
	}
}
