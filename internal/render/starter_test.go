package render

import (
	"context"
	"encoding/json"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"peerflow/internal/bgp"
	"peerflow/internal/driver/bird"
	"peerflow/internal/driver/eos"
	"peerflow/internal/driver/frr"
	"peerflow/internal/driver/iosxe"
	"peerflow/internal/driver/iosxr"
	"peerflow/internal/driver/junos"
	"peerflow/internal/driver/nxos"
	"peerflow/internal/driver/openconfig"
	"peerflow/internal/driver/sros"
	"peerflow/internal/peering"
	"peerflow/standalone/lab"
)

var syntaxes = map[string]peering.Syntax{
	"bird": bird.Syntax{}, "openconfig": openconfig.Syntax{}, "frr": frr.Syntax, "junos": junos.Syntax, "iosxr": iosxr.Syntax,
	"eos": eos.Syntax, "iosxe": iosxe.Syntax, "nxos": nxos.Syntax, "sros": sros.Syntax,
}

// edited is the desired state with its one session changed.
func edited(t testing.TB, driver string, edit func(*peering.Session)) peering.Desired {
	t.Helper()
	d := desired(t, driver)
	s := d.Sessions[7]
	edit(&s)
	d.Sessions[7] = s
	return d
}

func TestEveryIntentRendersDifferently(t *testing.T) {
	t.Parallel()
	for driver := range syntaxes {
		texts := map[string]peering.Intent{}
		for _, intent := range []peering.Intent{peering.Absent, peering.Present, peering.Draining, peering.Shutdown, peering.Removing} {
			text, err := Router(t.Context(), edited(t, driver, func(s *peering.Session) { s.Intent = intent }))
			if err != nil {
				t.Fatalf("%s: %s: %v", driver, intent, err)
			}
			if gone := intent == peering.Absent || intent == peering.Removing; gone != !strings.Contains(text, "192.0.2.11") {
				t.Errorf("%s: %s renders\n%s", driver, intent, text)
			} else if other, same := texts[text]; same && !gone {
				t.Errorf("%s: %s renders as %s does", driver, intent, other)
			}
			texts[text] = intent
		}
	}
}

// A template loops over sessions at exchanges and direct ones apart: that it heeds an intent of one kind says nothing of the other.
func TestEachKindOfSessionHeedsItsIntent(t *testing.T) {
	t.Parallel()
	const ignores = "{% for s in sessions %}protocol bgp {{ s.name }} { neighbor {{ s.peer_address }} as {{ s.peer_asn }}; {% if s.bgp_group is not defined %}# {{ s.status }}{% endif %} }\n{% endfor %}"
	for _, intent := range []peering.Intent{peering.Draining, peering.Shutdown} {
		for range 5 { // always the same words
			d := edited(t, "bird", func(s *peering.Session) { s.Intent = intent })
			direct := d.Sessions[7]
			direct.ID, direct.Kind, direct.ConnectionID, direct.PeerAddress = 8, peering.DirectSession, 0, netip.MustParseAddr("198.51.100.9")
			d.Sessions[8] = direct
			d.Template.Body = ignores
			_, err := Router(t.Context(), d)
			want := "prints the same for session 8 with AS64501 whether it is " + string(intent) + " or present: make it heed the field " + string(intent) + " of direct sessions"
			if peering.KindOf(err) != peering.Unsupported || !strings.Contains(err.Error(), want) {
				t.Fatalf("%s: %v", intent, err)
			}
		}
	}
	d := edited(t, "bird", func(s *peering.Session) { s.Intent = peering.Shutdown })
	drains := d.Sessions[7]
	drains.ID, drains.Intent, drains.PeerAddress = 8, peering.Draining, netip.MustParseAddr("192.0.2.12")
	d.Sessions[8] = drains
	d.Template.Body = "x"
	for range 20 {
		if _, err := Router(t.Context(), d); err == nil || !strings.Contains(err.Error(), "field draining") {
			t.Fatalf("of two intents the first in order is named: %v", err)
		}
	}
}

func TestATemplateThatDoesNotHeedAnIntentIsRefusedByName(t *testing.T) {
	t.Parallel()
	const ignores = "{% for s in sessions %}protocol bgp {{ s.name }} { neighbor {{ s.peer_address }} as {{ s.peer_asn }}; }\n{% endfor %}"
	for _, intent := range []peering.Intent{peering.Draining, peering.Shutdown} {
		d := edited(t, "bird", func(s *peering.Session) { s.Intent, s.HeldByHand = intent, intent == peering.Shutdown })
		d.Template.Body = ignores
		_, err := Router(t.Context(), d)
		if peering.KindOf(err) != peering.Unsupported || !strings.Contains(err.Error(), "session 7 with AS64501") || !strings.Contains(err.Error(), string(intent)) {
			t.Errorf("%s: %v", intent, err)
		}
	}
	d := edited(t, "bird", func(*peering.Session) {})
	d.Template.Body = ignores
	if _, err := Router(t.Context(), d); err != nil {
		t.Errorf("a session that is present: %v", err)
	}
}

func TestDrainingAnnouncesGracefulShutdownAndPrefersNothingReceived(t *testing.T) {
	t.Parallel()
	for driver, wants := range map[string][]string{
		"bird":       {"filter pf_peers_in_DRAINING {", "bgp_local_pref = 0;", "filter pf_peers_out_DRAINING {", "bgp_community.add((65535, 0));"},
		"openconfig": {`"pf-peers-in-draining"`, `"set-local-pref": 0`, `"pf-peers-out-draining"`, `"communities": ["65535:0"]`},
		"frr":        {"route-map pf-peers-in-DRAINING-v4-", "set local-preference 0", "route-map pf-peers-out-DRAINING-v4-", "set community graceful-shutdown additive"},
		"junos":      {"policy-statement pf-peers-in-DRAINING-v4 {", "local-preference 0;", "policy-statement pf-peers-out-DRAINING-v4 {", "community add pf-GSHUT;"},
		"iosxr":      {"route-policy pf-peers-in-DRAINING-v4\n", "set local-preference 0\n", "route-policy pf-peers-out-DRAINING-v4\n", "set community (65535:0) additive"},
		"eos":        {"route-map pf-peers-in-DRAINING-v4-", "set local-preference 0\n", "route-map pf-peers-out-DRAINING-v4-", "set community GSHUT additive"},
		"iosxe":      {"route-map pf-peers-in-DRAINING-v4-", "set local-preference 0\n", "route-map pf-peers-out-DRAINING-v4-", "set community 65535:0 additive"},
		"nxos":       {"route-map pf-peers-in-DRAINING-v4-", "set local-preference 0\n", "route-map pf-peers-out-DRAINING-v4-", "set community 65535:0 additive"},
		"sros":       {"policy-statement \"pf-peers-in-DRAINING-v4-", "local-preference 0\n", "policy-statement \"pf-peers-out-DRAINING-v4-", "add [\"pf-GSHUT\"]"},
	} {
		text, err := Router(t.Context(), edited(t, driver, func(s *peering.Session) { s.Intent = peering.Draining }))
		if err != nil {
			t.Fatal(err)
		}
		for _, want := range wants {
			if !strings.Contains(text, want) {
				t.Errorf("%s: %q isn't in\n%s", driver, want, text)
			}
		}
		cut, err := syntaxes[driver].Split(text)
		if err != nil {
			t.Fatal(err)
		}
		stanzas := mustMap(t, cut)
		session := cut[len(cut)-1]
		if !slices.ContainsFunc(session.Refs, func(key string) bool { return strings.Contains(strings.ToLower(key), "draining") }) {
			t.Errorf("%s: %s refers to %v", driver, session.Key, session.Refs)
		}
		for _, ref := range session.Refs {
			if _, defined := stanzas[ref]; !defined {
				t.Errorf("%s: %s refers to %s, which isn't defined", driver, session.Key, ref)
			}
		}
		if strings.Contains(text, "local_pref = 100") || strings.Contains(text, `"set-local-pref": 100`) || strings.Contains(text, "local-preference 100") {
			t.Errorf("%s: the policy's own preference is set:\n%s", driver, text)
		}
	}
}

func TestDrainingASessionRestartsNothing(t *testing.T) {
	t.Parallel()
	for driver, syntax := range syntaxes {
		var stages []map[string]peering.Stanza
		for _, intent := range []peering.Intent{peering.Present, peering.Draining} {
			text, err := Router(t.Context(), edited(t, driver, func(s *peering.Session) { s.Intent = intent }))
			if err != nil {
				t.Fatal(err)
			}
			cut, err := syntax.Split(text)
			if err != nil {
				t.Fatal(err)
			}
			stages = append(stages, mustMap(t, cut))
		}
		touched := peering.Touch(syntax, stages[0], stages[1], peering.Delta(stages[0], stages[1], stages[0]))
		want := peering.DisruptsRefresh
		if !slices.Contains([]string{"bird", "openconfig", "frr"}, driver) {
			want = peering.DisruptsUnknown // nobody measured it
		}
		if len(touched) != 1 || touched[0].Disruption != want {
			t.Errorf("%s: %+v, want one session and %s", driver, touched, want)
		}
	}
}

func mustMap(t testing.TB, stanzas []peering.Stanza) map[string]peering.Stanza {
	t.Helper()
	m, err := peering.StanzaMap(stanzas)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// chained has policies on session and exchange, some of one family, and two families.
func chained(t testing.TB, driver string) peering.Desired {
	d := edited(t, driver, func(s *peering.Session) {
		s.Policies = peering.Policies{Import: []int64{3, 5}, Export: []int64{4}}
		s.Families = bgp.Families
	})
	policy := func(id int64, slug string, dir peering.Direction, f bgp.Family, context string) {
		d.Policies[id] = peering.RoutingPolicy{Meta: peering.Meta{ID: id}, Slug: slug, Direction: dir, Family: f, Context: json.RawMessage(context)}
	}
	policy(3, "best", peering.Import, 0, `{"accept": ["198.51.100.0/24+", "2001:db8:1::/48"], "local_pref": 200}`)
	policy(5, "odd", peering.Import, bgp.IPv4, `{"accept": ["192.0.2.0/24{24,28}"]}`)
	policy(4, "extra", peering.Export, 0, `{"announce": ["198.51.100.128/25", "2001:db8::/32"]}`)
	return d
}

func TestEveryInheritedPolicyReachesTheRouterInItsOrder(t *testing.T) {
	t.Parallel()
	for driver, wants := range map[string][]string{
		"bird": {
			"import filter pf_best_THEN_odd_THEN_peers_in;", "import filter pf_best_THEN_peers_in;", "export filter pf_extra_THEN_peers_out;",
			"if net ~ [ 198.51.100.0/24+ ] then {\n    bgp_local_pref = 200;\n    accept;\n  }", "if net ~ [ 192.0.2.0/24{24,28} ] then {\n    accept;",
			"if net = 198.51.100.128/25 then accept;\n  if net = 2001:db8::/32 then accept;\n  if net = 203.0.113.0/24 then accept;\n  reject;",
		},
		"openconfig": {
			`"import-policy": ["pf-best", "pf-odd", "pf-peers-in"], "export-policy": ["pf-extra", "pf-peers-out"]`,
			`"ip-prefix": "198.51.100.0/24", "masklength-range": "24..32"`, `"ip-prefix": "192.0.2.0/24", "masklength-range": "24..28"`,
			`"name": "pf-best-v6", "mode": "IPV6"`, `"ip-prefix": "2001:db8:1::/48", "masklength-range": "exact"`, `"set-local-pref": 200`,
		},
	} {
		text, err := Router(t.Context(), chained(t, driver))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := syntaxes[driver].Split(text); err != nil {
			t.Fatalf("%v\n%s", err, text)
		}
		for _, want := range wants {
			if !strings.Contains(text, want) {
				t.Errorf("%s: %q isn't in\n%s", driver, want, text)
			}
		}
	}
}

func TestAPolicyOfOneFamilyTakesNothingOfTheOther(t *testing.T) {
	t.Parallel()
	for _, family := range bgp.Families {
		d := chained(t, "openconfig")
		for id, p := range d.Policies {
			p.Family = family
			if p.Slug == "extra" {
				p.Context = json.RawMessage(`{"announce": "all"}`)
			}
			d.Policies[id] = p
		}
		text, err := Router(t.Context(), d)
		if err != nil {
			t.Fatal(err)
		}
		if set := "pf-extra-v" + strings.TrimPrefix(family.String(), "ipv"); !strings.Contains(text, `"prefix-set": "`+set+`"`) {
			t.Errorf("announcing all of %s isn't bound to it\n%s", family, text)
		}
		if v4, v6 := strings.Contains(text, `"IPV4"`), strings.Contains(text, `"IPV6"`); v4 != (family == bgp.IPv4) || v6 != (family == bgp.IPv6) {
			t.Errorf("policies of %s take IPv4 %v, IPv6 %v\n%s", family, v4, v6, text)
		}
	}
}

func TestATransitWithoutAPrefixLimitIsRefusedByName(t *testing.T) {
	t.Parallel()
	for driver := range syntaxes {
		d := edited(t, driver, func(s *peering.Session) { s.RelationshipID = 1 })
		d.Relationships = map[int64]peering.Relationship{1: {Meta: peering.Meta{ID: 1}, Slug: "transit", Name: "transit", Role: bgp.RoleCustomer}}
		_, err := Router(t.Context(), d)
		if peering.KindOf(err) != peering.Invalid || !strings.Contains(err.Error(), "session 7 with AS64501 at 192.0.2.11 is transit") {
			t.Errorf("%s: %v", driver, err)
		}
	}
}

// TestBIRDTakesWhatTheStarterRenders asks a live BIRD: it boots on chains, on
// policies of all shapes and on a draining session, and its filters do as said.
func TestBIRDTakesWhatTheStarterRenders(t *testing.T) {
	t.Parallel()
	d := chained(t, "bird")
	d.Router.Lab = true // its filters take addresses for documentation
	drains := d.Sessions[7]
	drains.ID, drains.Intent, drains.PeerAddress = 8, peering.Draining, netip.MustParseAddr("192.0.2.12")
	drains.Password = peering.SecretRef{}
	d.Sessions[8] = drains
	d.Policies[6] = peering.RoutingPolicy{Meta: peering.Meta{ID: 6}, Slug: "all", Direction: peering.Export, Context: json.RawMessage(`{"announce": "all"}`)}
	drains.ID, drains.PeerAddress, drains.Policies = 9, netip.MustParseAddr("192.0.2.13"), peering.Policies{Export: []int64{6}}
	d.Sessions[9] = drains
	text, err := Router(t.Context(), d)
	if err != nil {
		t.Fatal(err)
	}
	const main = `router id 192.0.2.1;
protocol device { }
protocol static { ipv4; route 198.51.100.128/25 blackhole; route 203.0.113.0/24 blackhole; route 192.0.2.0/27 blackhole; route 10.0.0.0/25 blackhole; }
`
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	router, err := lab.StartBird(ctx, t.TempDir(), lab.BirdConfig{Main: main + text})
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	t.Cleanup(func() { router.Close() })
	for filter, want := range map[string]string{
		"pf_best_THEN_odd_THEN_peers_in":          "192.0.2.0/27 198.51.100.128/25=200 203.0.113.0/24=100",
		"pf_best_THEN_odd_THEN_peers_in_DRAINING": "192.0.2.0/27=0 198.51.100.128/25=0 203.0.113.0/24=0",
		"pf_extra_THEN_peers_out":                 "198.51.100.128/25 203.0.113.0/24",
		"pf_extra_THEN_peers_out_DRAINING":        "198.51.100.128/25+(65535,0) 203.0.113.0/24+(65535,0)",
	} {
		out, err := router.Birdc(ctx, "show", "route", "filter", filter, "all")
		if err != nil {
			t.Fatal(err)
		}
		if got := routes(out); got != want {
			t.Errorf("%s takes %s, want %s\n%s", filter, got, want, out)
		}
	}
}

// TestBIRDTakesNothingFromAPeerThatRFC7454Refuses asks a live BIRD what the
// starter's filters take of every kind of route.
func TestBIRDTakesNothingFromAPeerThatRFC7454Refuses(t *testing.T) {
	t.Parallel()
	// 192.31.196.0/24 and 192.175.48.0/24, 2001:4:112::/48 and 2620:4f:8000::/48 are AS112's (RFC 7534, 7535): special, and announced to everybody.
	d := edited(t, "bird", func(s *peering.Session) { s.Families = bgp.Families })
	d.LocalAS.Context = json.RawMessage(`{"own_prefixes": ["192.175.48.0/24", "2620:4f:8000::/48"]}`)
	d.Policies[3] = peering.RoutingPolicy{Meta: peering.Meta{ID: 3}, Slug: "listed", Direction: peering.Import,
		Context: json.RawMessage(`{"accept": ["0.0.0.0/0", "192.175.48.0/24+", "203.0.113.0/24+"]}`)}
	s := d.Sessions[7]
	s.ID, s.PeerAddress, s.Policies = 8, netip.MustParseAddr("192.0.2.12"), peering.Policies{Import: []int64{3}}
	d.Sessions[8] = s
	text, err := Router(t.Context(), d)
	if err != nil {
		t.Fatal(err)
	}
	var main strings.Builder
	main.WriteString("router id 192.0.2.1;\nprotocol device { }\nprotocol static { ipv4;\n")
	for _, p := range []string{"0.0.0.0/0", "16.0.0.0/6", "10.0.0.0/16", "100.64.0.0/24", "127.0.0.0/24", "192.31.196.0/24", "192.31.196.0/25", "192.168.0.0/24",
		"192.175.48.0/24", "192.175.48.0/25", "203.0.113.0/24", "203.0.113.0/28", "240.0.0.0/8"} {
		fmt.Fprintf(&main, "route %s blackhole;\n", p)
	}
	main.WriteString("}\nprotocol static { ipv6;\n")
	for _, p := range []string{"::/0", "2000::/12", "2001:4:112::/48", "2001:4:112::/49", "2001:db8::/32", "2002::/16", "2002:c000::/24", "2620:4f:8000::/48", "fc00::/48", "3fff::/24"} {
		fmt.Fprintf(&main, "route %s blackhole;\n", p)
	}
	main.WriteString("}\n")
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	router, err := lab.StartBird(ctx, t.TempDir(), lab.BirdConfig{Main: main.String() + text})
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	t.Cleanup(func() { router.Close() })
	for filter, want := range map[string]string{
		"pf_peers_in": "192.31.196.0/24=100 2001:4:112::/48=100 2002::/16=100",
		// What a person lists is taken, except our own.
		"pf_listed_THEN_peers_in": "0.0.0.0/0 192.31.196.0/24=100 2001:4:112::/48=100 2002::/16=100 203.0.113.0/24 203.0.113.0/28",
	} {
		out, err := router.Birdc(ctx, "show", "route", "filter", filter, "all")
		if err != nil {
			t.Fatal(err)
		}
		if got := routes(out); got != want {
			t.Errorf("%s takes %s, want %s\n%s", filter, got, want, out)
		}
	}
}

func TestOurOwnPrefixesAndSpecialOnesAreRefusedByName(t *testing.T) {
	t.Parallel()
	d := edited(t, "openconfig", func(*peering.Session) {})
	d.LocalAS.Context = json.RawMessage(`{"own_prefixes": ["192.175.48.0/24", "2620:4f:8000::/48"]}`)
	text, err := Router(t.Context(), d)
	if err != nil {
		t.Fatal(err)
	}
	cut, err := openconfig.Syntax{}.Split(text)
	if err != nil {
		t.Fatal(err)
	}
	stanzas := mustMap(t, cut)
	if own := stanzas["prefix-set/pf-own-v4"].Text; !strings.Contains(own, `"24..32"`) || !strings.Contains(own, "192.175.48.0/24") {
		t.Errorf("our own: %s", own)
	}
	in, out := stanzas["policy/pf-peers-in"], stanzas["policy/pf-peers-out"]
	for _, set := range []string{"pf-own-v4", "pf-own-v6", "pf-special-v4", "pf-special-v6"} {
		if !slices.Contains(in.Refs, "prefix-set/"+set) || slices.Contains(out.Refs, "prefix-set/"+set) {
			t.Errorf("%s: import refers to %v, export to %v", set, in.Refs, out.Refs)
		}
	}
	if strings.Count(in.Text, "REJECT_ROUTE") != 4 || strings.LastIndex(in.Text, "REJECT_ROUTE") > strings.Index(in.Text, "ACCEPT_ROUTE") {
		t.Errorf("refusals don't come first: %s", in.Text)
	}
	if session := stanzas["neighbor/192.0.2.11"].Text; !strings.Contains(session, `"warning-threshold-pct"`) {
		t.Errorf("nobody is warned: %s", session)
	}
}

// routes reads "show route all": each prefix with its local preference and communities.
func routes(out string) string {
	var found []string
	for line := range strings.Lines(out) {
		fields := strings.Fields(line)
		switch {
		case len(fields) > 1 && strings.Contains(fields[0], "/"):
			found = append(found, fields[0])
		case len(fields) > 1 && fields[0] == "BGP.local_pref:":
			found[len(found)-1] += "=" + fields[1]
		case len(fields) > 1 && fields[0] == "BGP.community:":
			found[len(found)-1] += "+" + fields[1]
		}
	}
	slices.Sort(found)
	return fmt.Sprint(strings.Join(found, " "))
}

func TestWhatASessionSaysOfItsTransportReachesTheRouter(t *testing.T) {
	t.Parallel()
	for driver, want := range map[string][]string{
		"bird":       {"multihop 3;", "passive;", "local 203.0.113.1 as"},
		"openconfig": {`"multihop-ttl": 3`, `"passive-mode": true`, `"local-address": "203.0.113.1"`},
	} {
		text, err := Router(t.Context(), edited(t, driver, func(s *peering.Session) {
			s.Multihop, s.Passive, s.LocalAddress = 3, true, netip.MustParseAddr("203.0.113.1")
		}))
		if err != nil {
			t.Fatalf("%s: %v", driver, err)
		}
		for _, line := range want {
			if !strings.Contains(text, line) {
				t.Errorf("%s: %q isn't in\n%s", driver, line, text)
			}
		}
	}
}
