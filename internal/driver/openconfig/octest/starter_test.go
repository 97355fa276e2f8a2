package octest

import (
	"encoding/json"
	"net/netip"
	"testing"

	"github.com/openconfig/ygot/exampleoc"

	"peerflow/internal/bgp"
	"peerflow/internal/peering"
	"peerflow/internal/render"
)

// starterText is what the shipped template makes of sessions of every intent, with
// policies of every shape.
func starterText(t *testing.T) string {
	t.Helper()
	body, err := render.Starter("openconfig")
	if err != nil {
		t.Fatal(err)
	}
	hold := 30
	d := peering.Desired{
		Router:   peering.Router{Meta: peering.Meta{ID: 1}, Name: "router1", BGPPort: 179},
		LocalAS:  peering.AutonomousSystem{Meta: peering.Meta{ID: 1}, ASN: 64500, Local: true, Context: json.RawMessage(`{"own_prefixes": ["203.0.113.0/24", "2001:db8::/32"]}`)},
		Template: peering.Template{Meta: peering.Meta{ID: 1}, Name: "starter", Body: body},
		Sessions: map[int64]peering.Session{}, Policies: map[int64]peering.RoutingPolicy{},
	}
	policies := peering.Policies{Import: []int64{1, 2}, Export: []int64{3, 4}}
	for id, context := range map[int64]string{1: `{"accept": ["198.51.100.0/24+", "2001:db8:1::/48{48,56}"], "local_pref": 200}`, 2: `{}`,
		3: `{"announce": ["203.0.113.0/24", "2001:db8::/32"]}`, 4: `{"announce": "all"}`} {
		p := peering.RoutingPolicy{Meta: peering.Meta{ID: id}, Slug: string(rune('a' + id)), Direction: peering.Import, Context: json.RawMessage(context)}
		if id > 2 {
			p.Direction = peering.Export
		}
		if id == 4 {
			p.Family = bgp.IPv4
		}
		d.Policies[id] = p
	}
	for i, intent := range []peering.Intent{peering.Present, peering.Draining, peering.Shutdown} {
		address := netip.MustParseAddr([]string{"192.0.2.11", "192.0.2.12", "192.0.2.13"}[i])
		d.Sessions[int64(i)] = peering.Session{Meta: peering.Meta{ID: int64(i)}, PeerAS: 64501, PeerAddress: address, Families: bgp.Families,
			Intent: intent, Policies: policies, HoldTime: &hold, Description: `a "quoted" name`, Password: peering.SecretRef{ID: 17, Version: 3}}
	}
	text, err := render.Router(t.Context(), d)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func TestTheStarterTemplateKeepsToTheFullSchema(t *testing.T) {
	t.Parallel()
	seen := &recorder{}
	router, _ := start(t, seen)
	deploy(t, router, starterText(t))
	schema, err := exampleoc.Schema()
	if err != nil {
		t.Fatal(err)
	}
	load(t, schema, initial)
	fits(t, schema, seen, 12)
}
