package cmd

import (
	"fmt"
	"net/netip"

	"peerflow/db"
	"peerflow/internal/peering"
)

// network is one lab router at one exchange with one peer, recorded over HTTP as a person would.
func (b *bench) network() {
	b.Helper()
	for _, r := range [][2]string{
		{"autonomous-systems", `{"asn": 64500, "name": "us", "local": true}`},
		{"autonomous-systems", `{"asn": 64501, "name": "Example"}`},
		{"relationships", `{"slug": "peer", "role": "peer"}`},
		{"sites", `{"slug": "ams"}`},
		{"platforms", `{"slug": "bird2", "driver": "bird"}`},
		{"templates", `{"name": "bird", "body": "{# nothing #}"}`},
		{"routing-policies", `{"slug": "accept-peers", "direction": "import"}`},
		{"routers", `{"name": "edge1", "site_id": 1, "platform_id": 1, "local_as_id": 1, "template_id": 1, "address": "127.0.0.1:22", "lab": true}`},
		{"exchanges", `{"slug": "ams-ix", "local_as_id": 1}`},
		{"connections", `{"exchange_id": 1, "router_id": 1, "ipv4": "198.51.100.1", "ipv4_lan": "198.51.100.0/24"}`},
		{"bgp-groups", `{"slug": "customers"}`},
		{"communities", `{"slug": "customers", "value": "64500:1", "type": "ingress"}`},
		{"tags", `{"slug": "weekend", "color": "ff0000"}`},
		{"bfd", `{"slug": "fast", "minimum_transmit_interval": 50}`},
		{"config-contexts", `{"name": "region", "data": {"site": "ams", "dscp": 48}}`},
		{"contacts", `{"name": "Example NOC", "email": "noc@example.net"}`},
		{"contact-roles", `{"slug": "noc", "name": "NOC"}`},
		{"approval-rules", `{"name": "huge", "min_sessions": 1000, "votes_needed": 2}`},
	} {
		b.wants(b.do("admin", "POST", "/api/v1/"+r[0], r[1]), 201, `"id":`)
	}
	agreed := peering.Peering{LocalASID: 1, PeerASID: 2, IXPID: 1, State: peering.RequestedByUs}
	_, err := b.db.Peerings().Create(b.Context(), b.actor("admin"), agreed)
	b.must(err)
	b.wants(b.do("admin", "POST", "/api/v1/sessions",
		`{"peering_id": 1, "router_id": 1, "connection_id": 1, "peer_address": "198.51.100.2", "peer_asn": 64501}`), 201, `"display":"requested"`)
}

// planned is a change of the admin's with a plan that waits for its decision.
func (b *bench) planned() peering.Change {
	b.Helper()
	ctx := b.Context()
	c, _, err := b.db.CreateChange(ctx, b.actor("admin"), db.NewChange{Kind: peering.KindDeploy, Reason: "a test", Request: peering.ChangeRequest{Routers: []int64{1}}})
	b.must(err)
	return b.plan(c)
}

// plan does what the workflow would: it stores a plan, and waits for its approval.
func (b *bench) plan(c peering.Change) peering.Change {
	b.Helper()
	ctx := b.Context()
	b.must(b.db.SetPeering(ctx, c.ID, 1, peering.Agreed, peering.PersonSaysSo, "they said so"))
	artifact := "protocol bgp as64501_1 {\n  password \"{secret:1@3}\";\n}\n"
	count := int64(3)
	p := peering.Plan{ChangeID: c.ID, Routers: []peering.RouterPlan{{RouterID: 1, BaseHash: peering.HashText(""),
		ArtifactHash: peering.HashText(artifact), Diff: "+ protocol bgp as64501_1 {\n+   password \"{secret:1@3}\";\n+ }\n",
		Moves: []peering.Move{{Key: "protocol/as64501_1", After: peering.HashText(artifact)}},
		Touched: []peering.TouchedSession{{Neighbor: netip.MustParseAddr("198.51.100.2"), PeerAS: 64501, SessionID: 1, Added: true,
			Expect: []peering.ExpectedExport{{Family: 4, Count: &count, Origin: "policy"}}}}}}}
	if router, err := b.db.Routers().Get(ctx, 1); err == nil && router.Mode == peering.Propose {
		p.Routers[0].Mode = peering.Propose
	}
	p.Hash, p.Impact = peering.PlanHash(p.Routers), peering.NewImpact(p.Routers, nil)
	p.Impact.Ask, p.Impact.Stale = c.Ask, c.Stale
	_, err := b.db.StorePlan(ctx, p, []string{"", artifact}, "")
	b.must(err)
	b.must(b.db.MoveChange(ctx, c.ID, peering.ChangePlanned, "planned", ""))
	b.must(b.db.MoveChange(ctx, c.ID, peering.ChangeAwaitingApproval, "waits for approval", ""))
	c, err = b.db.Change(ctx, c.ID)
	b.must(err)
	return c
}

func pathOf(c peering.Change, rest string) string {
	return fmt.Sprintf("/api/v1/changes/%d/%s", c.ID, rest)
}
