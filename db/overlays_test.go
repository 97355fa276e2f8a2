package db_test

import (
	"fmt"
	"reflect"
	"testing"
	"time"

	"peerflow/internal/peering"
)

func TestAnOverlayKeepsTheIDsOfWhatItCreates(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	change := s.draft(s.create(s.edge1))
	one, two := s.create(s.edge1), s.create(s.edge2)
	found := peering.Findings{Omitted: []peering.Omission{{Code: peering.OmitMesh, Text: "paired already"}}, Ask: []string{"five ports"},
		Stale: &peering.StaleView{ASN: 64501, AsOf: time.Date(2026, 5, 3, 10, 0, 0, 0, time.UTC), Why: "it is away"}}
	first, err := s.RecordOverlay(t.Context(), change.ID, []peering.Operation{one, two}, found)
	s.must(err)
	if first[0].ObjectID == 0 || first[0].ObjectID == first[1].ObjectID {
		t.Errorf("ids %d and %d", first[0].ObjectID, first[1].ObjectID)
	}
	again, err := s.RecordOverlay(t.Context(), change.ID, []peering.Operation{two, one}, found)
	s.must(err)
	if again[0].ObjectID != first[1].ObjectID || again[1].ObjectID != first[0].ObjectID {
		t.Errorf("ids %d and %d, then %d and %d: want the same", first[1].ObjectID, first[0].ObjectID, again[0].ObjectID, again[1].ObjectID)
	}
	open, err := s.Overlay(t.Context(), change.ID)
	s.must(err)
	if len(open) != 2 {
		t.Fatalf("%d open operations, want 2", len(open))
	}
	d, err := peering.Desired{Router: peering.Router{Meta: peering.Meta{ID: s.edge2}, Lab: true}, Sessions: map[int64]peering.Session{}}.Apply([]peering.Operation{open[0]})
	if created := d.Sessions[open[0].ObjectID]; err != nil || created.ID != open[0].ObjectID || created.PeerAddress.String() != "192.0.2.3" {
		t.Errorf("rendered from session %+v, %v", created, err)
	}
	now, err := s.Change(t.Context(), change.ID)
	s.must(err)
	if got := (peering.Findings{Omitted: now.Omissions, Ask: now.Ask, Stale: now.Stale}); !reflect.DeepEqual(got, found) {
		t.Errorf("found %+v, want %+v", got, found)
	}
}

func TestAnOverlayNotesTheVersionItWasWrittenAgainst(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	s.run(`UPDATE router SET version = 5 WHERE id = $1`, s.edge1)
	op := peering.Operation{RouterID: s.edge1, Object: peering.ObjectRouter, ObjectID: s.edge1, Action: peering.Update, Patch: patch(map[string]any{"context": map[string]any{"a": 1}})}
	change := s.draft(op)
	ops, err := s.Overlay(t.Context(), change.ID)
	s.must(err)
	if ops[0].BaseVersion != 5 {
		t.Errorf("base version %d, want the record's", ops[0].BaseVersion)
	}
	plan := s.plan(change, "text", s.edge1)
	s.approve(change, plan)
	id, err := s.SubmitDeployment(t.Context(), change.ID, plan.ID, s.edge1)
	s.must(err)
	s.run(`UPDATE router SET version = 6 WHERE id = $1`, s.edge1)
	s.refused(s.begin(id), peering.Denied, "changed since change")
}

func TestAnOverlayStaysOncePeopleAreAsked(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	change := s.draft(s.create(s.edge1))
	ops, err := s.Overlay(t.Context(), change.ID)
	s.must(err)
	s.plan(change, "text", s.edge1)
	before := s.one(`SELECT max(id) FROM change_operation`)
	again, err := s.RecordOverlay(t.Context(), change.ID, ops, peering.Findings{})
	s.must(err)
	if len(again) != 1 || again[0].ID != ops[0].ID || s.one(`SELECT max(id) FROM change_operation`) != before {
		t.Errorf("the same overlay again is %+v, want what is recorded", again)
	}
	_, err = s.RecordOverlay(t.Context(), change.ID, append(ops, s.create(s.edge1)), peering.Findings{})
	s.refused(err, peering.Conflict, "awaiting_approval")
	_, err = s.RecordOverlay(t.Context(), change.ID, nil, peering.Findings{})
	s.refused(err, peering.Conflict, "awaiting_approval")
}

func TestWhichChangesMeet(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	edit := func(router int64) peering.Operation {
		return peering.Operation{RouterID: router, Object: peering.ObjectRouter, ObjectID: router, Action: peering.Update}
	}
	first, second := s.draft(edit(s.edge1)), s.draft(edit(s.edge1))
	third, apart := s.draft(s.create(s.edge2)), s.draft(s.create(s.edge2))
	meets := func(c peering.Change, want int64) {
		t.Helper()
		if got, err := s.ConflictingChange(t.Context(), c.ID); err != nil || got != want {
			t.Errorf("change %d waits for %d, %v; want %d", c.ID, got, err, want)
		}
	}
	meets(first, 0)
	meets(second, first.ID)
	meets(third, 0)
	meets(apart, 0)
	s.run(`UPDATE change SET state = 'deploying' WHERE id = $1`, second.ID)
	meets(first, second.ID) // it is under way: the earlier one waits
	s.run(`UPDATE change SET state = 'draft' WHERE id = $1`, second.ID)
	s.must(s.MoveChange(t.Context(), first.ID, peering.ChangeCancelled, "", "cancelled"))
	meets(second, 0)

	s.run(`UPDATE change SET state = 'planned' WHERE state = 'draft'`)
	waiting, err := s.WaitingChanges(t.Context(), s.edge2, third.ID)
	s.must(err)
	if fmt.Sprint(waiting) != fmt.Sprint([]int64{apart.ID}) {
		t.Errorf("waiting on edge2: %v, want %d", waiting, apart.ID)
	}
}

func TestMovesAreThoseOfTheStateMachine(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	change := s.draft(s.create(s.edge1))
	s.refused(s.MoveChange(t.Context(), change.ID, peering.ChangeDeploying, "", ""), peering.Conflict, "draft can't become deploying")
	s.refused(s.MoveChange(t.Context(), 999, peering.ChangePlanned, "", ""), peering.NotFound, "change 999")
	s.must(s.MoveChange(t.Context(), change.ID, peering.ChangePlanned, "renders", ""))
	s.must(s.MoveChange(t.Context(), change.ID, peering.ChangePlanned, "reads edge1", ""))
	now, err := s.Change(t.Context(), change.ID)
	s.must(err)
	if now.Step != "reads edge1" || !now.EndedAt.IsZero() || now.Version <= change.Version {
		t.Errorf("moved to %+v", now)
	}
	s.must(s.MoveChange(t.Context(), change.ID, peering.ChangeFailed, "", "edge1 doesn't answer"))
	s.must(s.MoveChange(t.Context(), change.ID, peering.ChangeFailed, "", "told twice"))
	if now, err = s.Change(t.Context(), change.ID); err != nil || now.EndedAt.IsZero() || now.Outcome != "edge1 doesn't answer" {
		t.Errorf("ended as %+v, %v", now, err)
	}
	if n := s.one(`SELECT count(*) FROM change_operation WHERE discarded_at IS NOT NULL`); n != 1 {
		t.Error("the overlay of a failed change isn't discarded")
	}
}

func TestAChangeThatRoutersRunAlreadyBecomesIntent(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	change := s.draft(s.create(s.edge1))
	wantKind(t, "before anybody read the routers", s.MoveChange(t.Context(), change.ID, peering.ChangeCompleted, "", "trust me"), peering.Conflict)
	if n := s.one(`SELECT count(*) FROM change_operation WHERE applied_at IS NOT NULL`); n != 0 {
		t.Error("applied without a read of the routers")
	}
	s.must(s.NoteUnmoved(t.Context(), change.ID))
	s.must(s.MoveChange(t.Context(), change.ID, peering.ChangeCompleted, "", "the routers run it already"))
	if n := s.one(`SELECT count(*) FROM session WHERE sync = 'in_sync'`); n != 1 {
		t.Errorf("%d sessions in sync, want 1", n)
	}
	if n := s.one(`SELECT count(*) FROM change_operation WHERE applied_at IS NOT NULL AND discarded_at IS NULL`); n != 1 {
		t.Error("the operation isn't applied")
	}
}

func TestChangesAreListed(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	one := s.draft(s.create(s.edge1))
	two := s.draft(s.create(s.edge1), s.create(s.edge2))
	s.plan(two, "text", s.edge2)
	tests := map[string]struct {
		filters []peering.Filter
		want    []int64
	}{
		"all":                     {nil, []int64{two.ID, one.ID}},
		"by state":                {[]peering.Filter{{Field: "state", Values: []string{"draft"}}}, []int64{one.ID}},
		"by kind":                 {[]peering.Filter{{Field: "kind", Values: []string{"provision"}}}, []int64{}},
		"by author":               {[]peering.Filter{{Field: "author", Values: []string{"anna"}}}, []int64{two.ID, one.ID}},
		"by router":               {[]peering.Filter{{Field: "router_id", Values: []string{fmt.Sprint(s.edge2)}}}, []int64{two.ID}},
		"by router and state":     {[]peering.Filter{{Field: "router_id", Values: []string{fmt.Sprint(s.edge1)}}, {Field: "state", Values: []string{"draft"}}}, []int64{one.ID}},
		"by peer, which is asked": {[]peering.Filter{{Field: "asn", Values: []string{"AS64501"}}}, []int64{}},
	}
	for name, test := range tests {
		list, err := s.ListChanges(t.Context(), test.filters, peering.Page{})
		s.must(err)
		ids := []int64{}
		for _, c := range list.Items {
			ids = append(ids, c.ID)
		}
		if fmt.Sprint(ids) != fmt.Sprint(test.want) {
			t.Errorf("%s: %v, want %v", name, ids, test.want)
		}
	}
	for order, want := range map[string][]int64{"": {two.ID, one.ID}, peering.NewestFirst: {two.ID, one.ID}, peering.OldestFirst: {one.ID, two.ID}} {
		first, err := s.ListChanges(t.Context(), nil, peering.Page{Limit: 1, Order: order})
		s.must(err)
		second, err := s.ListChanges(t.Context(), nil, peering.Page{Limit: 1, After: first.Next, Order: order})
		s.must(err)
		if got := []int64{first.Items[0].ID, second.Items[0].ID}; fmt.Sprint(got) != fmt.Sprint(want) || second.Next != "" {
			t.Errorf("ordered by %q: pages %v, want %v; next %q", order, got, want, second.Next)
		}
	}
	_, err := s.ListChanges(t.Context(), []peering.Filter{{Field: "router_id", Values: []string{"1) OR (1=1"}}}, peering.Page{})
	s.refused(err, peering.Invalid, "is no number")
}
