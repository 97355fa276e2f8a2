package cmd

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"

	"peerflow/internal/peering"
)

// direct is the body of a new direct session with AS64502 that names no peering.
func direct(address string) string {
	return fmt.Sprintf(`{"kind": "direct", "router_id": 1, "peer_address": %q, "peer_asn": 64502}`, address)
}

// directPeering is the one peering with AS64502, which is over no exchange.
func (b *bench) directPeering() (p peering.Peering) {
	b.Helper()
	var found struct{ Items []peering.Peering }
	b.wants(b.do("admin", "GET", "/api/v1/peerings?asn=64502", ""), 200, "").into(b.T, &found)
	if len(found.Items) != 1 || found.Items[0].IXPID != 0 {
		b.Fatalf("peerings with AS64502: %+v, want one over no exchange", found.Items)
	}
	return found.Items[0]
}

// storePlan plans one added session of a change, as the workflow would.
func (b *bench) storePlan(changeID int64, session peering.TouchedSession) error {
	b.Helper()
	p := peering.Plan{ChangeID: changeID, Routers: []peering.RouterPlan{{RouterID: 1, BaseHash: peering.HashText(""), ArtifactHash: peering.HashText("x"),
		Diff: "+ x\n", Moves: []peering.Move{{Key: "protocol/as64502_1", After: peering.HashText("x")}}, Touched: []peering.TouchedSession{session}}}}
	p.Hash, p.Impact = peering.PlanHash(p.Routers), peering.NewImpact(p.Routers, nil)
	_, err := b.db.StorePlan(b.Context(), p, []string{"", "x"}, "")
	return err
}

func (b *bench) wantsUnagreed(err error) {
	b.Helper()
	if err == nil || !strings.Contains(err.Error(), "the peering with AS64502 (direct) is none") {
		b.Fatalf("%v, want the plan refused: nothing that isn't agreed is deployed", err)
	}
}

func TestADirectSessionIsRecordedAgreedAndPlanned(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.network()
	b.wants(b.do("admin", "POST", "/api/v1/sessions", direct("203.0.113.1")), 422, "peer_asn AS64502 isn't recorded: record the autonomous system first")
	b.wants(b.do("admin", "POST", "/api/v1/autonomous-systems", `{"asn": 64502, "name": "Transit"}`), 201, "")
	for body, want := range map[string]string{
		`{"router_id": 9, "peer_address": "203.0.113.1", "peer_asn": 64502}`:                                          "there is no such router",
		`{"router_id": 1, "peer_address": "203.0.113.1", "peer_asn": 64500}`:                                          "a network doesn't peer with itself",
		`{"router_id": 1, "connection_id": 1, "peer_address": "198.51.100.9", "peer_asn": 64502}`:                     "peering_id is missing",
		`{"router_id": 1, "kind": "ixp", "connection_id": 1, "peer_address": "198.51.100.9", "peer_asn": 64502}`:      "peering_id is missing",
		`{"router_id": 1, "peer_address": "203.0.113.1", "peer_asn": 64502, "local_asn": 64503}`:                      "local_asn AS64503 isn't recorded",
		`{"kind": "direct", "router_id": 1, "connection_id": 1, "peer_address": "198.51.100.9", "peer_asn": 64502}`:   "peering_id is missing",
		`{"kind": "direct", "router_id": 1, "peer_address": "203.0.113.1", "peer_asn": 64502, "hold_time": 1}`:        "hold time",
		`{"kind": "direct", "router_id": 1, "peer_address": "203.0.113.1", "peer_asn": 64502, "relationship_id": 99}`: "relationship",
	} {
		b.wants(b.do("admin", "POST", "/api/v1/sessions", body), 422, want)
	}
	b.wants(b.do("admin", "GET", "/api/v1/peerings?asn=64502", ""), 200, `"items":[]`) // what is refused leaves nothing

	// The first session makes the peering of both networks, and the second one finds it.
	var s peering.Session
	b.wants(b.do("admin", "POST", "/api/v1/sessions", direct("203.0.113.1")), 201, `"kind":"direct"`).into(t, &s)
	p := b.directPeering()
	if p.State != peering.PeeringNone || p.LocalASID != 1 {
		t.Fatalf("%+v, want our AS's, and nobody said yet that it is agreed", p)
	}
	b.wants(b.do("admin", "POST", "/api/v1/sessions/bulk", "["+direct("2001:db8::1")+","+direct("2001:db8::2")+"]"), 201, "")
	b.wants(b.do("admin", "GET", fmt.Sprintf("/api/v1/sessions?peering_id=%d&peer_address=2001:db8::2", p.ID), ""), 200, `"peer_asn":64502`)
	b.directPeering()
	b.wants(b.edit(fmt.Sprintf("sessions/%d", s.ID), `{"peering_id": null}`), 422, "peering_id is missing") // an agreement isn't left behind by an edit

	var c peering.Change
	b.wants(b.do("admin", "POST", "/api/v1/changes", `{"kind": "deploy", "router_ids": [1]}`, "Idempotency-Key", "direct-one"), 202, "").into(t, &c)
	added := peering.TouchedSession{Neighbor: netip.MustParseAddr("203.0.113.1"), PeerAS: 64502, SessionID: s.ID, Added: true}
	b.wantsUnagreed(b.storePlan(c.ID, added))
	code, stdout, stderr := b.cli("admin", "", "peering", "agree", "AS64502", "--exchange", "direct", "--evidence", "contract 7")
	if code != exitOK || !strings.Contains(stdout, "AS64502 agreed: 1 peering") {
		t.Fatalf("exit %d, %s%s", code, stdout, stderr)
	}
	b.must(b.storePlan(c.ID, added))
}

// A change may create a direct session too, and is held to the agreement like any other.
func TestAChangeCreatesADirectSessionWithItsPeering(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.network()
	b.wants(b.do("admin", "POST", "/api/v1/autonomous-systems", `{"asn": 64502, "name": "Transit"}`), 201, "")
	open := func(key string) reply {
		return b.do("admin", "POST", "/api/v1/changes", `{"kind": "renumber", "operations": [{"router_id": 1, "object": "session", "action": "create", "patch": `+
			direct("203.0.113.1")+`}]}`, "Idempotency-Key", key)
	}
	var c peering.Change
	b.wants(open("direct-two"), 202, "").into(t, &c)
	p := b.directPeering()
	ops, err := b.db.Overlay(t.Context(), c.ID)
	b.must(err)
	if len(ops) != 1 || !strings.Contains(string(ops[0].Patch), fmt.Sprintf(`"peering_id": %d`, p.ID)) {
		t.Fatalf("operations %+v, want the session with its peering %d", ops, p.ID)
	}
	added := peering.TouchedSession{Neighbor: netip.MustParseAddr("203.0.113.1"), PeerAS: 64502, SessionID: ops[0].ObjectID, Added: true}
	b.wantsUnagreed(b.storePlan(c.ID, added))
	b.wants(b.do("admin", "POST", fmt.Sprintf("/api/v1/peerings/%d/agree", p.ID), `{"evidence": "ticket", "text": "T7"}`), 200, `"state":"agreed"`)
	b.must(b.storePlan(c.ID, added))
}
