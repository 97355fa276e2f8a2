package e2e

import (
	"context"
	"encoding/json"
	"os"
	"strings"
	"testing"
	"time"

	"peerflow/internal/bgp"
	"peerflow/internal/peering"
	"peerflow/standalone/lab"
)

// Two changes share one router: what one of them waits for never reaches the
// router with the other, and votes hold exactly as long as what was voted on.
func TestChangesThatShareARouter(t *testing.T) {
	t.Parallel()
	b := stage(t, 0)
	second := b.user("second", peering.Approver)
	third := b.user("third", peering.Approver)
	b.admin = b.user("author", peering.Operator, peering.Approver, peering.Admin)
	b.decider = &second

	b.deploy(b.provision(openAS, "the first"))
	other := b.session(openAS)
	limit := update(other.RouterID, peering.ObjectSession, other.ID, `{"prefix_limits": {"ipv4": 250}}`)
	alone := b.in(t).edit("the limit, with nothing else open", limit)
	without := b.plan(alone)
	b.cancel(alone)

	// A awaits approval with one of two votes.
	b.needTwo(peering.KindProvision)
	a := b.provision(knownAS, "needs two votes")
	if v := b.vote(second, a, a.PlanHash); !v.Accepted || v.Text != "approved by second: 1 of 2" {
		t.Fatal(v.Text)
	}

	t.Run("a change that waits for approval doesn't reach the router with another one", func(t *testing.T) {
		b := b.in(t)
		c := b.edit("the limit", limit)
		with := b.plan(c)
		if with.Hash != without.Hash || with.Routers[0].ArtifactHash != without.Routers[0].ArtifactHash {
			t.Errorf("plan %s with artifact %s, and %s with %s when nothing else is open", with.Hash, with.Routers[0].ArtifactHash, without.Hash, without.Routers[0].ArtifactHash)
		}
		c = b.deploy(c)
		if got := b.deployment(c).ArtifactHash; got != without.Routers[0].ArtifactHash {
			t.Errorf("deployed artifact %s, want %s", got, without.Routers[0].ArtifactHash)
		}
		boot := b.boot()
		if strings.Contains(boot, "64501") || b.runs("64501") {
			t.Errorf("AS64501 isn't approved, and on the router:\n%s", boot)
		}
		if !strings.Contains(boot, "import limit 250") {
			t.Errorf("the limit isn't on the router:\n%s", boot)
		}
	})

	t.Run("votes stand while the router moves elsewhere", func(t *testing.T) {
		b := b.in(t)
		base := b.plan(a).Routers[0].BaseHash
		b.await("the plan is looked at again", time.Minute, func(ctx context.Context) bool {
			p, err := b.Parts.DB.Plan(ctx, a.PlanID)
			return err == nil && p.Routers[0].BaseHash == b.deployedBase(ctx)
		})
		now := b.inState(a.ID, time.Second, peering.ChangeAwaitingApproval)
		if now.PlanHash != a.PlanHash || now.PlanID != a.PlanID {
			t.Errorf("plan %d %s, was %d %s (base %s)", now.PlanID, now.PlanHash, a.PlanID, a.PlanHash, base)
		}
		if tally := b.tally(now); tally.Have != 1 {
			t.Errorf("%d votes, want the one from before", tally.Have)
		}
	})

	t.Run("a shared stanza that moves voids the votes and is named", func(t *testing.T) {
		b := b.in(t)
		b.deploy(b.edit("prefer peers more", update(0, peering.ObjectRoutingPolicy, b.policy("peers-in").ID, `{"context": {"local_pref": 250}}`)))
		var now peering.Change
		b.await("another plan", time.Minute, func(ctx context.Context) bool {
			now = b.inState(a.ID, time.Minute, peering.ChangeAwaitingApproval, peering.ChangePlanned, peering.ChangeStale)
			return now.PlanHash != a.PlanHash && now.State == peering.ChangeAwaitingApproval && strings.Contains(b.story(a.ID), "change stale")
		})
		if tally := b.tally(now); tally.Have != 0 {
			t.Errorf("%d votes on the new plan, want none", tally.Have)
		}
		story := b.story(a.ID)
		for _, want := range []string{"plan void", "change stale", "filter/pf_peers_in on edge1 moved with change", "by author"} {
			if !strings.Contains(story, want) {
				t.Errorf("the change doesn't tell %q:\n%s", want, story)
			}
		}
		if v := b.vote(third, now, a.PlanHash); v.Accepted || !strings.Contains(v.Text, "moved") {
			t.Errorf("a vote on the plan from before: %+v", v)
		}
		if b.runs("64501") {
			t.Error("AS64501 is on the router")
		}
		b.vote(second, now, now.PlanHash)
		b.vote(third, now, now.PlanHash)
		b.inState(a.ID, 2*time.Minute, peering.ChangeCompleted)
		if !b.runs("64501") {
			t.Error("approved by two, and not on the router")
		}
	})

	t.Run("the other side comes later: nothing changes for it", func(t *testing.T) {
		b := b.in(t)
		ctx := context.Background()
		_, waiting, err := b.Parts.DB.SessionsUp(ctx, a.ID)
		b.must(err)
		if len(waiting) != 1 {
			t.Fatalf("%d sessions wait for the other side, want 1", len(waiting))
		}
		before := b.look()
		artifact := b.deployment(a).ArtifactHash
		peer := b.peers[b.newcomer(knownAS)]
		b.must(peer.AddNeighbor(ctx, lab.PeerNeighbor{ASN: ourAS, Address: b.ourAddr()}))
		b.await("AS64501 is up", time.Minute, func(ctx context.Context) bool {
			up, _, err := b.Parts.DB.SessionsUp(ctx, a.ID)
			return err == nil && len(up) == 1 && peer.Received(ctx, b.ourAddr()) == 3
		})
		c := b.deployAll("anything left?")
		if c = b.ends(c.ID); c.State != peering.ChangeCompleted || c.PlanID != 0 || !strings.Contains(c.Outcome, "nothing to change") {
			t.Errorf("a deploy change is %s with plan %d: %s", c.State, c.PlanID, c.Outcome)
		}
		b.untouched(before)
		if got := b.identity(); got != artifact {
			t.Errorf("the router names artifact %s, deployed was %s", got, artifact)
		}
	})

	t.Run("what was approved is pushed, though its template was edited meanwhile", func(t *testing.T) { b.in(t).approvedIsPushed(openAS) })
}

// approvedIsPushed edits the template between approval and push: what reaches the
// router is what people saw, byte for byte.
func (s *scene) approvedIsPushed(asn bgp.ASN) {
	ctx := context.Background()
	session, template := s.session(asn), s.template()
	c := s.edit("another limit", update(session.RouterID, peering.ObjectSession, session.ID, `{"prefix_limits": {"ipv4": 260}}`))
	shown := s.plan(c).Routers[0].ArtifactHash
	text, err := s.Parts.DB.Texts(ctx, []string{shown})
	s.must(err)
	edited, err := json.Marshal(map[string]string{"body": strings.Replace(template.Body, "connect delay time 1;", "connect delay time 3;", 1)})
	s.must(err)
	_, err = s.Parts.DB.Templates().Patch(ctx, s.admin, template.ID, 0, edited)
	s.must(err)
	s.deploy(c)
	owned, err := os.ReadFile(s.edge.Owned)
	s.must(err)
	if !strings.Contains(text[shown], "import limit 260") || !strings.HasSuffix(string(owned), text[shown]) || s.identity() != shown {
		s.t.Errorf("approved was artifact %s:\n%s\nand the router runs %s:\n%s", shown, text[shown], s.identity(), owned)
	}
	if strings.Contains(s.boot(), "connect delay time 3;") {
		s.t.Error("an edit of the template that nobody approved is on the router")
	}
}

// tally counts the valid votes on a change's plan.
func (b *bed) tally(c peering.Change) peering.Tally {
	b.t.Helper()
	tally, err := b.Parts.DB.TallyVotes(context.Background(), c.ID, c.PlanID)
	b.must(err)
	return tally
}

// deployedBase is the artifact of the router's newest confirmed deployment.
func (b *scene) deployedBase(ctx context.Context) string {
	var hash string
	err := b.Parts.DB.Pool().QueryRow(ctx, `SELECT artifact_hash FROM deployment WHERE state = 'confirmed' ORDER BY ended_at DESC LIMIT 1`).Scan(&hash)
	if err != nil {
		return ""
	}
	return hash
}
