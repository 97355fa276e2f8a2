package render

import (
	"context"
	"encoding/json"
	"net/netip"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"peerflow/internal/bgp"
	"peerflow/internal/driver/bird"
	"peerflow/internal/driver/openconfig"
	"peerflow/internal/peering"
)

func desired(t testing.TB, driver string) peering.Desired {
	t.Helper()
	body, err := Starter(driver)
	if err != nil {
		t.Fatal(err)
	}
	return peering.Desired{
		Router:      peering.Router{Meta: peering.Meta{ID: 1}, Name: "edge1", BGPPort: 179},
		LocalAS:     peering.AutonomousSystem{Meta: peering.Meta{ID: 1}, ASN: 64496, Local: true},
		Template:    peering.Template{Meta: peering.Meta{ID: 1}, Name: "starter", Body: body, Mode: peering.ModeStanza},
		Networks:    map[int64]peering.AutonomousSystem{2: {Meta: peering.Meta{ID: 2}, ASN: 64501, Name: "Example Net"}},
		Connections: map[int64]peering.Connection{1: {Meta: peering.Meta{ID: 1}, IXPID: 1, RouterID: 1, IPv4: netip.MustParseAddr("192.0.2.1"), IPv4LAN: netip.MustParsePrefix("192.0.2.0/24")}},
		IXPs: map[int64]peering.IXP{1: {Meta: peering.Meta{ID: 1}, Name: "Example-IX",
			Policies: peering.Policies{Import: []int64{1}, Export: []int64{2}}}},
		Policies: map[int64]peering.RoutingPolicy{
			1: {Meta: peering.Meta{ID: 1}, Slug: "peers-in", Direction: peering.Import, Context: json.RawMessage(`{"local_pref": 100}`)},
			2: {Meta: peering.Meta{ID: 2}, Slug: "peers-out", Direction: peering.Export, Context: json.RawMessage(`{"announce": ["203.0.113.0/24"]}`)},
		},
		Sessions: map[int64]peering.Session{7: {
			Meta: peering.Meta{ID: 7}, Kind: peering.IXPSession, RouterID: 1, ConnectionID: 1, PeerAS: 64501,
			PeerAddress: netip.MustParseAddr("192.0.2.11"), Families: []bgp.Family{bgp.IPv4}, Intent: peering.Present,
			Password: peering.SecretRef{ID: 17, Version: 3}, Description: "Example Net",
		}},
	}
}

func TestStarterForBIRDIsCutIntoOneStanzaPerPolicyAndSession(t *testing.T) {
	t.Parallel()
	text, err := Router(context.Background(), desired(t, "bird"))
	if err != nil {
		t.Fatal(err)
	}
	stanzas, err := bird.Syntax{}.Split(text)
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	var keys []string
	for _, s := range stanzas {
		keys = append(keys, s.Key)
	}
	if got := strings.Join(keys, " "); got != "filter/pf_peers_in filter/pf_peers_out protocol/as64501_7" {
		t.Errorf("stanzas: %s\n%s", got, text)
	}
	for _, want := range []string{`password "{secret:17@3}"`, "import limit 100 action disable", "neighbor 192.0.2.11 as 64501", "local 192.0.2.1 as 64496"} {
		if !strings.Contains(text, want) {
			t.Errorf("%q isn't in\n%s", want, text)
		}
	}
}

func TestRenderingFailsInsteadOfPrintingErrors(t *testing.T) {
	t.Parallel()
	cases := map[string]struct{ body, want string }{
		"an undefined variable fails":                 {"{{ nothing }}", "nothing"},
		"a syntax error fails":                        {"{% for %}", "starter"},
		"an empty rendering is refused":               {"  \n", "renders nothing"},
		"a secret can't be joined to text":            {"{{ sessions[0].password ~ 'x' }}", "secret"},
		"a placeholder typed by hand is refused":      {"a {secret:17}", "{secret:"},
		"nor one in other letters":                    {"a {Secret:17@3}", "{secret:"},
		"a secret that no session has can't be named": {"{{ '{secret:1@1}' }}", "spells"},
		"fields that aren't offered don't exist":      {"{{ sessions[0].sync }}", "sync"},
		"a loop without end is stopped":               {"{% for i in range(99999) %}{% for j in range(99999) %}{{ 'x' * 9999 }}{% endfor %}{% endfor %}", "limit"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := desired(t, "bird")
			d.Template.Body = c.body
			text, err := Router(context.Background(), d)
			if err == nil || text != "" {
				t.Fatalf("rendered %q", text)
			}
			if !strings.Contains(strings.ToLower(err.Error()), strings.ToLower(c.want)) {
				t.Errorf("%v doesn't name %q", err, c.want)
			}
			if peering.KindOf(err) != peering.Invalid {
				t.Errorf("kind %s: %v", peering.KindOf(err), err)
			}
		})
	}
}

func TestRenderingIsInvariantOverSyncAndObservation(t *testing.T) {
	t.Parallel()
	for _, driver := range []string{"bird", "openconfig"} {
		want, err := Router(context.Background(), desired(t, driver))
		if err != nil {
			t.Fatal(err)
		}
		rapid.Check(t, func(r *rapid.T) {
			d := desired(t, driver)
			s := d.Sessions[7]
			s.Sync = rapid.SampledFrom([]peering.Sync{peering.SyncUnknown, peering.NotDeployed, peering.InSync, peering.Drifted, peering.Reverted}).Draw(r, "sync")
			s.Version = rapid.Int64().Draw(r, "version")
			d.Sessions[7] = s
			got, err := Router(context.Background(), d)
			if err != nil || got != want {
				r.Fatalf("another text: %v\n%s", err, got)
			}
		})
	}
}

func TestStarterForOpenConfigIsCutIntoOneStanzaPerPolicyAndSession(t *testing.T) {
	t.Parallel()
	text, err := Router(context.Background(), desired(t, "openconfig"))
	if err != nil {
		t.Fatal(err)
	}
	stanzas, err := openconfig.Syntax{}.Split(text)
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	var keys []string
	for _, s := range stanzas {
		keys = append(keys, s.Key)
	}
	want := "prefix-set/pf-special-v4 prefix-set/pf-special-v6 prefix-set/pf-peers-in-v4 prefix-set/pf-peers-in-v6 policy/pf-peers-in prefix-set/pf-peers-out-v4 policy/pf-peers-out peer-group/pf-sessions neighbor/192.0.2.11"
	if got := strings.Join(keys, " "); got != want {
		t.Errorf("stanzas: %s\n%s", got, text)
	}
	if last := stanzas[len(stanzas)-1]; !strings.Contains(last.Text, `"{secret:17@3}"`) {
		t.Error(last.Text)
	}
}
