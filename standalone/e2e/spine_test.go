package e2e

import (
	"context"
	"encoding/json"
	"os"
	"strings"
	"testing"
	"time"

	"peerflow/db"
	"peerflow/internal/peering"
	"peerflow/standalone/demo"
)

// The story of the demo: one peering, from its number to an Established
// session, and a change that would leak, reverted by itself.
func TestOnePeeringEndToEndOnBIRD(t *testing.T) {
	b := setup(t)
	ctx := context.Background()
	mainBefore, err := os.ReadFile(b.net.Edge.Main)
	b.must(err)
	b.await("the eleven foreign sessions", time.Minute, func(context.Context) bool {
		return strings.Count(b.birdc("show", "protocols"), "Established") == 11
	})
	if strings.Contains(b.birdc("show", "protocols"), "as64501") {
		t.Fatal("the edge has a session with AS64501 before the change")
	}

	began := time.Now()
	c := b.change(db.NewChange{Kind: peering.KindProvision, Reason: "demo", Request: peering.ChangeRequest{ASN: demo.PeerASN}, Key: "spine-1", BodyHash: "1"})
	c = b.inState(c.ID, time.Minute, peering.ChangeAwaitingApproval)
	t.Logf("planned after %s: %s", time.Since(began), c.Step)
	for _, o := range c.Omissions {
		t.Logf("left out: %s %s %s", o.Code, o.PeerAddress, o.Text)
	}
	plan, err := b.Parts.DB.Plan(ctx, c.PlanID)
	b.must(err)
	t.Logf("impact: %s\n%s", plan.Impact.Line(), plan.Routers[0].Diff)

	began = time.Now()
	b.approve(c)
	b.await("the session is on the router", time.Minute, func(context.Context) bool {
		return strings.Contains(b.birdc("show", "protocols"), "as64501")
	})
	t.Logf("committed after %s", time.Since(began))
	c = b.inState(c.ID, 2*time.Minute, peering.ChangeCompleted)
	t.Logf("completed after %s: %s", time.Since(began), c.Outcome)

	b.must(b.net.ConfigurePeer(ctx, demo.PeerASN))
	b.await("the session is Established", time.Minute, func(context.Context) bool {
		return strings.Count(b.birdc("show", "protocols"), "Established") == 12
	})
	b.await("the peer has our three prefixes", time.Minute, func(ctx context.Context) bool {
		return b.net.Peers[demo.PeerASN].Received(ctx, demo.EdgeAddr) == 3
	})

	// A second change with a broken export filter.
	policies, err := b.Parts.DB.RoutingPolicies().List(ctx, []peering.Filter{{Field: "slug", Values: []string{"peers-out"}}}, peering.Page{Limit: 2})
	b.must(err)
	owned, err := os.ReadFile(b.net.Edge.Owned)
	b.must(err)
	broken := b.change(db.NewChange{Kind: peering.KindPolicy, Reason: "announce more", Key: "spine-2", BodyHash: "2", Request: peering.ChangeRequest{
		Operations: []peering.Operation{{Object: peering.ObjectRoutingPolicy, ObjectID: policies.Items[0].ID, Action: peering.Update,
			Patch: json.RawMessage(`{"context": {"announce": "all"}}`)}},
	}})
	broken = b.inState(broken.ID, time.Minute, peering.ChangeAwaitingApproval)
	t.Logf("second change: %s", broken.Step)
	b.approve(broken)
	broken = b.inState(broken.ID, 2*time.Minute, peering.ChangeRolledBack)
	t.Logf("second change: %s", broken.Outcome)
	if !strings.Contains(broken.Outcome, "announced 900 prefixes, expected 3 (limit 13)") {
		t.Errorf("outcome %q", broken.Outcome)
	}
	now, err := os.ReadFile(b.net.Edge.Owned)
	b.must(err)
	if string(now) != string(owned) {
		t.Errorf("our part isn't as before:\n%s", now)
	}
	mainAfter, err := os.ReadFile(b.net.Edge.Main)
	b.must(err)
	if string(mainAfter) != string(mainBefore) {
		t.Error("the main file was touched")
	}
	if n := strings.Count(b.birdc("show", "protocols"), "Established"); n != 12 {
		t.Errorf("%d sessions are Established, want 12\n%s", n, b.birdc("show", "protocols"))
	}
}
