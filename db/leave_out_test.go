package db_test

import (
	"testing"

	"peerflow/internal/peering"
)

func TestWhatARouterHasByHandLeavesAChangeAndItsPlan(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	change := s.draft(s.create(s.edge1), s.create(s.edge1))
	plan := s.plan(change, "both", s.edge1)
	ops, err := s.Overlay(t.Context(), change.ID)
	s.must(err)
	out := map[int64]peering.Omission{ops[0].ObjectID: {Code: peering.OmitForeign, PeerAddress: "192.0.2.1", Text: "by hand"}, 9999: {Code: peering.OmitForeign}}
	for range 2 { // a repeat changes nothing
		s.must(s.LeaveOut(t.Context(), change.ID, out))
	}
	left, err := s.Overlay(t.Context(), change.ID)
	s.must(err)
	if len(left) != 1 || left[0].ObjectID != ops[1].ObjectID {
		t.Errorf("left: %+v, want session %d alone", left, ops[1].ObjectID)
	}
	now, err := s.Change(t.Context(), change.ID)
	s.must(err)
	if len(now.Omissions) != 1 || now.Omissions[0].Code != peering.OmitForeign || now.Omissions[0].PeerAddress != "192.0.2.1" {
		t.Errorf("omissions %+v", now.Omissions)
	}
	if n := s.one(`SELECT count(*) FROM plan WHERE id = $1 AND voided_at IS NOT NULL`, plan.ID); n != 1 {
		t.Error("the plan that has the session is still in force")
	}
	if n := s.one(`SELECT count(*) FROM session_end WHERE change_id = $1`, change.ID); n != 1 {
		t.Errorf("%d ends are held, want 1: another change may have the other one", n)
	}

	// Nothing leaves a change that is under way on a router.
	_, _, ids := s.queue(s.edge2)
	s.must(s.begin(ids[0]))
	deploying := s.deployment(ids[0]).ChangeID
	ops, err = s.Overlay(t.Context(), deploying)
	s.must(err)
	s.refused(s.LeaveOut(t.Context(), deploying, map[int64]peering.Omission{ops[0].ObjectID: {}}), peering.Conflict, "can't change any more")
}
