package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"peerflow/db"
	"peerflow/internal/peering"
	"peerflow/standalone/demo"
)

// The story of the demo, on each driver: one peering, from its number to an
// Established session with routes, and a change that would leak, reverted by
// itself.
func TestOnePeeringEndToEnd(t *testing.T) {
	t.Parallel()
	for _, driver := range []string{"bird", "openconfig"} {
		t.Run(driver, func(t *testing.T) {
			t.Parallel()
			onePeering(t, setup(t, driver))
		})
	}
}

// foreignSessions is what the edge carries that isn't peerflow's.
const foreignSessions = 11

func onePeering(t *testing.T, b *bed) {
	ctx := context.Background()
	b.await("the foreign sessions", time.Minute, func(ctx context.Context) bool { return b.net.Established(ctx) == foreignSessions })
	if b.onRouter("64501") {
		t.Fatal("the edge has AS64501 before the change")
	}

	// 1. Plan, with what was left out.
	c := b.provision(demo.PeerASN)
	codes := map[peering.OmissionCode]bool{}
	for _, o := range c.Omissions {
		codes[o.Code] = true
		t.Logf("left out: %s %s %s", o.Code, o.PeerAddress, o.Text)
	}
	for _, want := range []peering.OmissionCode{peering.OmitOtherLAN, peering.OmitNotOperational, peering.OmitWeLackV6} {
		if !codes[want] {
			t.Errorf("the plan leaves nothing out as %s", want)
		}
	}
	plan, err := b.Parts.DB.Plan(ctx, c.PlanID)
	b.must(err)
	t.Logf("%s\n%s", plan.Impact.Line(), plan.Routers[0].Diff)
	if got := plan.Impact.Line(); got != "adds 1 session; announces 3 prefixes" {
		t.Errorf("impact %q", got)
	}
	if b.onRouter("64501") {
		t.Fatal("something reached the router before the approval")
	}

	// 2. Approve, commit, verify, confirm: without the other side there.
	began := time.Now()
	b.approve(c)
	c = b.inState(c.ID, 2*time.Minute, peering.ChangeCompleted)
	t.Logf("completed %s after the approval: %s", time.Since(began).Round(100*time.Millisecond), c.Outcome)
	if !b.onRouter("64501") {
		t.Fatal("the change completed, and the router has no AS64501")
	}
	b.judgedAll(c, foreignSessions)
	up, waiting, err := b.Parts.DB.SessionsUp(ctx, c.ID)
	b.must(err)
	if len(up) != 0 || len(waiting) != 1 {
		t.Errorf("%d up and %d waiting for them, want 0 and 1", len(up), len(waiting))
	}

	// 3. The other side comes up: nothing on the router changes for it.
	boot, err := b.net.Boot()
	b.must(err)
	b.must(b.net.ConfigurePeer(ctx, demo.PeerASN))
	b.await("AS64501 is Established and has our 3 prefixes", time.Minute, func(ctx context.Context) bool {
		return b.net.Established(ctx) == foreignSessions+1 && b.net.Announced(ctx, demo.PeerASN) == 3
	})
	b.await("the session is seen up", 30*time.Second, func(ctx context.Context) bool {
		up, _, err := b.Parts.DB.SessionsUp(ctx, c.ID)
		return err == nil && len(up) == 1
	})
	b.unchanged(boot)

	b.diffsAreTold(c)
	b.linesTellWhereTheyComeFrom(plan)
	b.operatorFinds(c)

	// 4. A change that would leak is reverted by itself.
	broken := b.leak("spine-leak")
	began = time.Now()
	b.approve(broken)
	broken = b.inState(broken.ID, 2*time.Minute, peering.ChangeRolledBack)
	t.Logf("rolled back %s after the approval: %s", time.Since(began).Round(100*time.Millisecond), broken.Outcome)
	if !strings.Contains(broken.Outcome, "announced 900 prefixes, expected 3 (limit 13)") {
		t.Errorf("outcome %q", broken.Outcome)
	}
	b.unchanged(boot)
	if n := b.net.Established(ctx); n != foreignSessions+1 {
		t.Errorf("%d sessions are Established, want %d", n, foreignSessions+1)
	}
	b.await("the peer has our 3 prefixes again", 20*time.Second, func(ctx context.Context) bool { return b.net.Announced(ctx, demo.PeerASN) == 3 })
}

// linesTellWhereTheyComeFrom asks of a line on the router, and of the artifact
// that was approved, which template line and which record made it.
func (b *bed) linesTellWhereTheyComeFrom(plan peering.Plan) {
	b.t.Helper()
	if got := b.cli("router", "why", "edge1", "64501"); !strings.Contains(got, " line ") || !strings.Contains(got, "session ") || !strings.Contains(got, " peer_asn") {
		b.t.Errorf("a line of the new session comes from\n%s", got)
	}
	r := plan.Routers[0]
	var found struct{ Items []peering.LineWhy }
	_, text := b.get(fmt.Sprintf("/api/v1/routers/%d/artifacts/%s/provenance", r.RouterID, r.ArtifactHash))
	b.must(json.Unmarshal([]byte(text), &found))
	for _, line := range found.Items {
		if len(line.Places) == 0 {
			b.t.Errorf("line %d of the artifact, %q, comes from nowhere", line.Line, line.Text)
		}
	}
	if len(found.Items) == 0 {
		b.t.Error("the artifact has no lines")
	}
}

// diffsAreTold reads the router against what is recorded: nothing differs after
// a deployment, and an edit that waits for its own is pending.
func (b *bed) diffsAreTold(c peering.Change) {
	b.t.Helper()
	ctx := context.Background()
	if got := b.cli("router", "diff", "edge1"); !strings.Contains(got, "runs what is recorded") {
		b.t.Errorf("after a deployment:\n%s", got)
	}
	up, waiting, err := b.Parts.DB.SessionsUp(ctx, c.ID)
	b.must(err)
	id := append(up, waiting...)[0]
	before, err := b.Parts.DB.Sessions().Get(ctx, id)
	b.must(err)
	_, err = b.Parts.DB.Sessions().Patch(ctx, b.admin, id, 0, json.RawMessage(`{"hold_time": 42}`))
	b.must(err)
	var d peering.RouterDiff
	b.must(json.Unmarshal([]byte(b.cli("router", "diff", "edge1", "--json")), &d))
	if len(d.Stanzas) != 1 || fmt.Sprint(d.Stanzas[0].Labels) != "[pending]" || !strings.Contains(d.Stanzas[0].Text, "42") || fmt.Sprint(d.Authors) != "[admin]" {
		b.t.Errorf("a pending edit shows as %+v", d)
	}
	back, err := json.Marshal(map[string]any{"hold_time": before.HoldTime})
	b.must(err)
	_, err = b.Parts.DB.Sessions().Patch(ctx, b.admin, id, 0, back)
	b.must(err)
}

// leak opens a change that makes the export policy announce everything.
func (b *bed) leak(key string) peering.Change {
	b.t.Helper()
	policies, err := b.Parts.DB.RoutingPolicies().List(context.Background(), []peering.Filter{{Field: "slug", Values: []string{"peers-out"}}}, peering.Page{Limit: 2})
	b.must(err)
	c := b.change(db.NewChange{Kind: peering.KindPolicy, Reason: "announce more" + strings.Repeat(", as everybody wanted", 40), Key: key, BodyHash: key, Request: peering.ChangeRequest{
		Operations: []peering.Operation{{Object: peering.ObjectRoutingPolicy, ObjectID: policies.Items[0].ID, Action: peering.Update,
			Patch: json.RawMessage(`{"context": {"announce": "all"}}`)}},
	}})
	return b.inState(c.ID, time.Minute, peering.ChangeAwaitingApproval)
}

// judgedAll checks that the verification had every foreign session in view.
func (b *bed) judgedAll(c peering.Change, sessions int) {
	b.t.Helper()
	deployments, err := b.Parts.DB.Deployments(context.Background(), c.ID)
	b.must(err)
	want := fmt.Sprintf("0 of %d sessions dropped", sessions)
	for _, check := range deployments[0].Verdict.Checks {
		if check.Name == "collateral" && strings.Contains(check.Text, want) {
			return
		}
	}
	b.t.Errorf("no check says %q: %+v", want, deployments[0].Verdict.Checks)
}
