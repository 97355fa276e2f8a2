package e2e

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"peerflow/db"
	"peerflow/internal/peering"
)

// Somebody edits a record directly and deploys nothing: no change of another
// person takes that to the router unless it says so, and then the editor can't
// approve it.
func TestAPendingEditNeverRidesAlongUnseen(t *testing.T) {
	t.Parallel()
	s := stage(t, 2)
	ctx := context.Background()
	editor := s.user("editor", peering.Operator, peering.Approver)
	approver := s.user("approver", peering.Approver)
	s.admin = s.user("author", peering.Operator, peering.Approver)
	s.decider = &approver

	const edited = "edited by hand"
	pending, other := s.sessions[0], 1
	_, err := s.Parts.DB.Sessions().Patch(ctx, editor, pending.ID, 0, []byte(`{"description": "`+edited+`"}`))
	s.must(err)
	stanza := fmt.Sprintf("protocol/as%d_%d", pending.PeerAS, pending.ID)
	onTop := update(pending.RouterID, peering.ObjectSession, pending.ID, `{"prefix_limits": {"ipv4": 251}}`)

	t.Run("a change of another stanza delivers none of it", func(t *testing.T) {
		s := s.in(t)
		c := s.edit("another session", s.describe(other, "by the author"))
		plan := s.plan(c)
		if moves := plan.Routers[0].Moves; len(moves) != 1 || moves[0].Key == stanza {
			t.Errorf("the plan moves %+v", moves)
		}
		if strings.Contains(plan.Impact.Line(), "pending") || strings.Contains(plan.Routers[0].Diff, edited) {
			t.Errorf("the plan says %q and shows\n%s", plan.Impact.Line(), plan.Routers[0].Diff)
		}
		s.deploy(c)
		if boot := s.boot(); strings.Contains(boot, edited) || !strings.Contains(boot, "by the author") {
			t.Errorf("the router has\n%s", boot)
		}
	})

	t.Run("a change of the same stanza is refused, and names editor and remedy", func(t *testing.T) {
		s := s.in(t)
		before := s.look()
		c := s.ends(s.open("the same session", onTop).ID)
		if c.State != peering.ChangeFailed {
			t.Errorf("%s: %s", c.State, c.Outcome)
		}
		for _, w := range []string{"router edge1", "edits of " + stanza + " by editor", "never deployed", "deploy those first", "--include-pending"} {
			s.wants(c.Outcome, w)
		}
		s.untouched(before)
		s.leftNothing(c)
	})

	t.Run("included, it is labelled, and its editor may not vote", func(t *testing.T) {
		s := s.in(t)
		c := s.change(db.NewChange{Kind: peering.KindMaintenance, Reason: "the same session, with what is pending",
			Request: peering.ChangeRequest{Operations: []peering.Operation{onTop}, IncludePending: true}})
		c = s.inState(c.ID, time.Minute, peering.ChangeAwaitingApproval)
		plan := s.plan(c)
		s.wants(plan.Impact.Line(), "carries pending edits: "+stanza+" by editor")
		s.wants(plan.Routers[0].Diff, edited)
		if v := s.vote(editor, c, c.PlanHash); v.Accepted || !strings.Contains(v.Text, "carries edits by editor") {
			t.Errorf("the editor's vote: %+v", v)
		}
		if v := s.vote(s.admin, c, c.PlanHash); v.Accepted {
			t.Errorf("the author's vote: %+v", v)
		}
		s.deploy(c)
		for _, w := range []string{edited, "import limit 251"} {
			s.wants(s.boot(), w)
		}
	})

	t.Run("once it is on the router, nothing is pending", func(t *testing.T) {
		s := s.in(t)
		c := s.edit("the same session again", update(pending.RouterID, peering.ObjectSession, pending.ID, `{"prefix_limits": {"ipv4": 252}}`))
		if plan := s.plan(c); strings.Contains(plan.Impact.Line(), "pending") {
			t.Errorf("the plan says %q", plan.Impact.Line())
		}
		s.cancel(c)
	})
}
