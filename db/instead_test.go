package db_test

import (
	"testing"

	"peerflow/internal/peering"
)

// A confirm or roll back that isn't possible says what is, wherever the change stands.
func TestWhatIsPossibleInsteadOfAConfirm(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	change, _, ids := s.queue(s.edge1)
	refused := func(where string, kind peering.CommandKind, words string) {
		t.Helper()
		t.Log(where)
		s.refused(s.order(s.approver, change, kind), peering.Conflict, words)
	}
	for _, c := range []struct {
		state             peering.ChangeState
		confirm, rollBack string
	}{
		{peering.ChangeDraft, "it is being planned: wait for it (peerflow change watch 1)", "it is being planned"},
		{peering.ChangePlanned, "it is being planned", "it is being planned"},
		{peering.ChangeStale, "or cancel it (peerflow change cancel 1)", "it is being planned"},
		{peering.ChangeAwaitingApproval, "approve it (peerflow change approve 1), reject it, or cancel", "approve it"},
		{peering.ChangeApproved, "it waits for a router (peerflow change show 1 says for what)", "cancel it instead"},
		{peering.ChangeDeploying, "it waits for a router", "cancel it instead (peerflow change cancel 1)"},
		{peering.ChangeNeedsOperator, "peerflow change resolve 1", "peerflow change resolve 1"},
		{peering.ChangeCompleted, "nothing of it waits to be confirmed", "nothing that it wrote is left to undo"},
		{peering.ChangePartial, "open a new change", "nothing that it wrote is left to undo"},
		{peering.ChangeRejected, "is rejected already: open a new change", "open a new change"},
		{peering.ChangeExpired, "open a new change", "open a new change"},
		{peering.ChangeCancelled, "open a new change", "open a new change"},
		{peering.ChangeFailed, "open a new change", "open a new change"},
		{peering.ChangeRolledBack, "is rolled back already", "open a new change"},
		{peering.ChangeInterfered, "peerflow router diff", "lift its freeze"},
	} {
		s.run(`UPDATE change SET state = $1`, string(c.state))
		refused(string(c.state), peering.CommandConfirmNow, c.confirm)
		refused(string(c.state), peering.CommandRollBack, c.rollBack)
	}
	s.run(`UPDATE change SET state = 'deploying'`)
	for _, c := range []struct {
		state   peering.DeploymentState
		set     string
		confirm string
	}{
		{peering.DeploymentCommitting, "", "only a soak can be ended early. Wait for it, or roll it back now (peerflow change rollback 1)"},
		{peering.DeploymentUnknown, "deadline = '2026-11-01T12:00:00Z'", "nothing is confirmed unseen. It reverts by itself by 2026-11-01T12:00:00Z"},
		{peering.DeploymentNeedsOperator, "", "peerflow change resolve 1"},
		{peering.DeploymentSoaking, "", "has no verification yet: wait for the first"},
		{peering.DeploymentSoaking, `verdict = '{"outcome": "failed", "reason": "announced 900"}'`, "is being rolled back: announced 900"},
		{peering.DeploymentSoaking, "confirm_sent_at = now()", "is being confirmed already"},
	} {
		s.run(`UPDATE deployment SET state = $1, verdict = NULL, confirm_sent_at = NULL WHERE id = $2`, string(c.state), ids[0])
		if c.set != "" {
			s.run(`UPDATE deployment SET `+c.set+` WHERE id = $1`, ids[0])
		}
		refused("deployment "+string(c.state), peering.CommandConfirmNow, c.confirm)
	}
	refused("being confirmed", peering.CommandRollBack, "once it completed, roll it back again")
}

func TestARejectionAfterApprovalEndsTheChangeAsRejected(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		come    func(*stage) (peering.Change, peering.Plan) // to the window
		end     peering.ChangeState
		outcome string
		words   string // of the refusal instead
	}{
		"approved, nothing submitted": {func(s *stage) (peering.Change, peering.Plan) {
			c := s.draft(s.create(s.edge1))
			p := s.plan(c, "text", s.edge1)
			s.approve(c, p)
			return c, p
		}, "", "", ""}, // its workflow is on its way to the router: Begin refuses
		"queued": {func(s *stage) (peering.Change, peering.Plan) {
			c, p, _ := s.queue(s.edge1)
			s.must(s.MoveChange(s.Context(), c.ID, peering.ChangeDeploying, "deploying", ""))
			return c, p
		}, peering.ChangeRejected, "rejected by carol: not today", ""},
		"between two routers": {func(s *stage) (peering.Change, peering.Plan) {
			c, p, ids := s.queue(s.edge1, s.edge2)
			s.soak(ids[0])
			s.confirm(ids[0])
			return c, p
		}, peering.ChangePartial, "confirmed on edge1 (1 of 2 routers); edge2 cancelled: rejected by carol: not today; nothing was written", ""},
		"begun": {func(s *stage) (peering.Change, peering.Plan) {
			c, p, ids := s.queue(s.edge1)
			s.must(s.begin(ids[0]))
			return c, p
		}, "", "", "use roll back now (peerflow change rollback"},
		"confirmed everywhere": {func(s *stage) (peering.Change, peering.Plan) {
			c, p, ids := s.queue(s.edge1)
			s.soak(ids[0])
			s.confirm(ids[0])
			return c, p
		}, "", "", "nothing left to reject"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newStage(t)
			change, plan := test.come(s)
			result, err := s.CastVote(t.Context(), s.other, change.ID, plan.Hash, peering.Reject, "not today")
			s.must(err)
			if test.words != "" {
				s.refused(peering.NewError(peering.Denied, result.Text), peering.Denied, test.words)
				if result.Accepted {
					t.Error("accepted")
				}
				return
			}
			if !result.Accepted {
				t.Fatalf("refused: %s", result.Text)
			}
			if test.end == "" { // the workflow submits and begins all the same
				id, err := s.SubmitDeployment(t.Context(), change.ID, plan.ID, s.edge1)
				s.must(err)
				s.refused(s.begin(id), peering.Denied, "carol rejected the plan")
				s.must(s.EndDeployment(t.Context(), id, peering.DeploymentEnd{State: peering.DeploymentCancelled, Outcome: "carol rejected the plan"}))
				test.end, test.outcome = peering.ChangeRejected, "rejected by carol: not today"
			}
			settled, err := s.SettleChange(t.Context(), change.ID)
			s.must(err)
			if settled.State != test.end || settled.Outcome != test.outcome || settled.EndedAt.IsZero() {
				t.Errorf("ended %s: %s", settled.State, settled.Outcome)
			}
		})
	}
}
