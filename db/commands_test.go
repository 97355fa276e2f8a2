package db_test

import (
	"strings"
	"testing"

	"peerflow/internal/peering"
)

// order is AddCommand without its answer.
func (s *stage) order(who peering.Actor, change peering.Change, kind peering.CommandKind) error {
	_, err := s.AddCommand(s.Context(), who, change.ID, kind, "because")
	return err
}

func TestCommandsDependOnWhereTheChangeStands(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	queued, _, ids := s.queue(s.edge1)
	soaking, _, soakingIDs := s.queue(s.edge2)
	s.soak(soakingIDs[0])
	s.refused(s.order(s.other, soaking, peering.CommandCancel), peering.Conflict, "roll back now")
	s.refused(s.order(s.approver, soaking, peering.CommandRevoke), peering.Conflict, "roll back now")
	s.refused(s.order(s.other, soaking, peering.CommandResolve), peering.Conflict, "only one that needs an operator")
	s.refused(s.order(s.other, queued, peering.CommandRollBack), peering.Conflict, "cancel it instead")
	s.refused(s.order(s.other, queued, peering.CommandConfirmNow), peering.Conflict, "nothing of it is under way")
	s.refused(s.order(s.other, queued, "explode"), peering.Invalid, "explode")
	s.refused(s.order(s.other, peering.Change{Meta: peering.Meta{ID: 999}}, peering.CommandCancel), peering.NotFound)
	if n := s.one(`SELECT count(*) FROM command`); n != 0 {
		t.Errorf("%d commands are recorded after refusals", n)
	}
	s.must(s.order(s.other, soaking, peering.CommandRollBack))
	s.must(s.order(s.other, queued, peering.CommandCancel))
	s.must(s.EndDeployment(t.Context(), ids[0], peering.DeploymentEnd{State: peering.DeploymentCancelled, Outcome: "cancelled by carol"}))
	_, err := s.SettleChange(t.Context(), queued.ID)
	s.must(err)
	s.refused(s.order(s.other, queued, peering.CommandCancel), peering.Conflict, "cancelled already")
	if n := s.one(`SELECT count(*) FROM command WHERE change_id = $1 AND handled_at IS NULL`, queued.ID); n != 0 {
		t.Error("a command of an ended change is still open")
	}
}

func TestWhoMayOrderWhat(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	change, _, ids := s.queue(s.edge1)
	s.soak(ids[0])
	viewer := s.person("dave", "{viewer}")
	operator := s.person("erin", "{operator}")
	s.refused(s.order(viewer, change, peering.CommandRollBack), peering.Denied, "needs the role operator")
	s.refused(s.order(operator, change, peering.CommandConfirmNow), peering.Denied, "needs the role approver")
	s.run(`UPDATE app_user SET active = false WHERE name = 'carol'`)
	s.refused(s.order(s.other, change, peering.CommandRollBack), peering.Denied, "may not log in")
	s.must(s.order(operator, change, peering.CommandRollBack))
}

// The look that the first one asked for may be over, with nothing mended yet.
func TestAResolveWhileOneIsOpenAsksForAnotherLook(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	change, _, ids := s.queue(s.edge1)
	s.soak(ids[0])
	s.must(s.EndDeployment(t.Context(), ids[0], peering.DeploymentEnd{State: peering.DeploymentNeedsOperator, Outcome: "can't be read"}))
	_, err := s.SettleChange(t.Context(), change.ID)
	s.must(err)
	var asked []peering.Command
	for range 2 {
		c, err := s.AddCommand(t.Context(), s.other, change.ID, peering.CommandResolve, "")
		s.must(err)
		asked = append(asked, c)
	}
	for i, left := range []int{1, 0} {
		s.must(s.CommandHandled(t.Context(), asked[i].ID))
		if open, err := s.LatestCommands(t.Context(), change.ID); err != nil || len(open) != left {
			t.Errorf("after look %d, open are %+v (%v), want %d", i+1, open, err, left)
		}
	}
	for range 2 {
		_, err := s.AddCommand(t.Context(), s.other, change.ID, peering.CommandResolve, "")
		s.must(err)
	}
	open, err := s.LatestCommands(t.Context(), change.ID)
	s.must(err)
	s.must(s.CommandHandled(t.Context(), open[len(open)-1].ID))
	if open, err := s.LatestCommands(t.Context(), change.ID); err != nil || len(open) != 0 {
		t.Errorf("one look answers all that were asked before it: %+v, %v", open, err)
	}
}

func TestACommandThatIsOpenIsNotRepeated(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	change := s.draft(s.create(s.edge1))
	first, err := s.AddCommand(t.Context(), s.other, change.ID, peering.CommandCancel, "wrong peer")
	s.must(err)
	again, err := s.AddCommand(t.Context(), s.approver, change.ID, peering.CommandCancel, "me too")
	s.must(err)
	if again != first || first.User != "carol" || first.Reason != "wrong peer" {
		t.Errorf("first %+v, again %+v", first, again)
	}
	open, err := s.LatestCommands(t.Context(), change.ID)
	s.must(err)
	if len(open) != 1 || open[0] != first {
		t.Errorf("open commands %+v", open)
	}
	s.must(s.CommandHandled(t.Context(), first.ID))
	if open, err = s.LatestCommands(t.Context(), change.ID); err != nil || len(open) != 0 {
		t.Errorf("open after it was handled: %+v, %v", open, err)
	}
}

func TestRollBackStopsCommitAndConfirm(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	change, _, ids := s.queue(s.edge1)
	s.must(s.begin(ids[0]))
	s.must(s.order(s.other, change, peering.CommandRollBack))
	_, err := s.MarkCommitSent(t.Context(), ids[0], now, now)
	s.refused(err, peering.Denied, "carol ordered: roll back")
	if !s.deployment(ids[0]).CommitSentAt.IsZero() {
		t.Error("the refused commit is noted as sent")
	}

	change, _, ids = s.queue(s.edge2)
	s.soak(ids[0])
	s.must(s.judge(ids[0], peering.Verdict{Outcome: peering.CheckPassed}))
	s.must(s.order(s.other, change, peering.CommandRollBack))
	s.refused(s.MarkConfirmSent(t.Context(), ids[0], now), peering.Denied, "carol ordered")
}

func TestRollBackComesTooLateOnceTheConfirmIsSent(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	change, _, ids := s.queue(s.edge1)
	s.soak(ids[0])
	s.must(s.judge(ids[0], peering.Verdict{Outcome: peering.CheckPassed}))
	s.must(s.MarkConfirmSent(t.Context(), ids[0], now))
	s.refused(s.order(s.other, change, peering.CommandRollBack), peering.Conflict, "being confirmed")
}

func TestConfirmNowWaivesInAnApproversName(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	change, _, ids := s.queue(s.edge1)
	s.soak(ids[0])
	s.refused(s.Waive(t.Context(), s.approver, change.ID, "in a hurry"), peering.Conflict, "no verification yet")
	s.must(s.judge(ids[0], peering.Verdict{Outcome: peering.CheckPending, Checks: []peering.Check{
		{Name: "management", State: peering.CheckPassed}, {Name: "hold_timer", Subject: "192.0.2.9", State: peering.CheckPending},
		{Name: "band", State: peering.CheckNotChecked}}}))
	s.must(s.Waive(t.Context(), s.approver, change.ID, "in a hurry"))
	v := s.deployment(ids[0]).Verdict
	if v.Waived != "bob" || !v.Confirmable() || !strings.Contains(v.Reason, "in a hurry; not checked: hold_timer 192.0.2.9, band") {
		t.Errorf("verdict %+v", v)
	}
	s.must(s.judge(ids[0], peering.Verdict{Outcome: peering.CheckPending}))
	if v := s.deployment(ids[0]).Verdict; v.Waived != "bob" {
		t.Error("a later sample took the waiver away")
	}
	if n := s.one(`SELECT count(*) FROM change_log WHERE object = 'deployment' AND action = 'waive' AND user_id = $1`, s.approver.UserID); n != 1 {
		t.Error("the waiver isn't in the change log")
	}
	s.must(s.judge(ids[0], peering.Verdict{Outcome: peering.CheckFailed, Reason: "announced 900"}))
	if v := s.deployment(ids[0]).Verdict; v.Waived != "" || v.Confirmable() || v.Reason != "announced 900" {
		t.Errorf("a failure after the waiver leaves %+v", v)
	}
	s.refused(s.MarkConfirmSent(t.Context(), ids[0], now), peering.Denied, "isn't verified")
}

func TestAWaivedSoakIsConfirmed(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	change, _, ids := s.queue(s.edge1)
	s.soak(ids[0])
	s.must(s.judge(ids[0], peering.Verdict{Outcome: peering.CheckPending}))
	s.must(s.Waive(t.Context(), s.approver, change.ID, "in a hurry"))
	s.must(s.MarkConfirmSent(t.Context(), ids[0], now))
}

func TestConfirmNowIsRefusedOnceACheckFailed(t *testing.T) {
	t.Parallel()
	tests := map[string]peering.Verdict{
		"of the whole":   {Outcome: peering.CheckFailed, Reason: "2 of 10 sessions dropped"},
		"of one of them": {Outcome: peering.CheckPending, Checks: []peering.Check{{Name: "export", State: peering.CheckFailed, Text: "announces a default route"}}},
	}
	for name, verdict := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newStage(t)
			change, _, ids := s.queue(s.edge1)
			s.soak(ids[0])
			s.must(s.judge(ids[0], verdict))
			s.refused(s.Waive(t.Context(), s.approver, change.ID, ""), peering.Conflict, "rolled back")
			if s.deployment(ids[0]).Verdict.Waived != "" {
				t.Error("the verdict is waived")
			}
		})
	}
}
