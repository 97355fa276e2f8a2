package db_test

import (
	"encoding/json"
	"fmt"
	"reflect"
	"testing"

	"peerflow/db"
	"peerflow/internal/peering"
)

// completed is a change of the author's that the routers run.
func (s *stage) completed(ops ...peering.Operation) peering.Change {
	s.Helper()
	change := s.draft(ops...)
	s.must(s.NoteUnmoved(s.Context(), change.ID))
	s.must(s.MoveChange(s.Context(), change.ID, peering.ChangeCompleted, "", "the routers run it already"))
	return change
}

// undo rolls an ended change back, and gives the change that does it.
func (s *stage) undo(change peering.Change) peering.Change {
	s.Helper()
	command, err := s.AddCommand(s.Context(), s.other, change.ID, peering.CommandRollBack, "it was wrong")
	s.must(err)
	undoing, err := s.Change(s.Context(), command.ChangeID)
	s.must(err)
	return undoing
}

func (s *stage) session(id int64) peering.Session {
	s.Helper()
	found, err := s.Sessions().Get(s.Context(), id)
	s.must(err)
	return found
}

func TestUndoingRestoresTheRecords(t *testing.T) {
	t.Parallel()
	tests := map[string]func(*stage, int64) []peering.Operation{
		"an edit": func(s *stage, id int64) []peering.Operation {
			return []peering.Operation{s.update(id, map[string]any{"description": "new", "hold_time": 30, "context": map[string]any{"b": 2}, "families": []string{"ipv4", "ipv6"}})}
		},
		"two edits of one record": func(s *stage, id int64) []peering.Operation {
			return []peering.Operation{s.update(id, map[string]any{"passive": true}), s.update(id, map[string]any{"passive": false, "hold_time": 30})}
		},
		"a delete": func(s *stage, id int64) []peering.Operation {
			return []peering.Operation{{RouterID: s.edge1, Object: peering.ObjectSession, ObjectID: id, Action: peering.Delete}}
		},
		"a create": func(s *stage, _ int64) []peering.Operation { return []peering.Operation{s.create(s.edge1)} },
		"a new address: the old one is created again": func(s *stage, id int64) []peering.Operation {
			return []peering.Operation{{RouterID: s.edge1, Object: peering.ObjectSession, ObjectID: id, Action: peering.Delete}, s.create(s.edge1)}
		},
	}
	for name, ops := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newStage(t)
			id := s.recorded(peering.Present)
			s.must(second(s.Sessions().Patch(t.Context(), s.author, id, 0, json.RawMessage(`{"context": {"a": 1}, "hold_time": 9}`))))
			before := s.session(id)
			change := s.completed(ops(s, id)...)
			undoing := s.undo(change)
			if undoing.Author != "carol" || undoing.Kind != peering.KindMaintenance || undoing.State != peering.ChangeDraft ||
				undoing.Reason != fmt.Sprintf("undoes change/%d: it was wrong", change.ID) || undoing.Request.Undoes != change.ID {
				t.Errorf("opened %+v", undoing)
			}
			if n := s.one(`SELECT count(*) FROM workflow_start WHERE workflow_id = $1`, fmt.Sprintf("change/%d", undoing.ID)); n != 1 {
				t.Errorf("%d workflows to start for it", n)
			}
			if again := s.undo(change); again.ID != undoing.ID {
				t.Errorf("asked again, it opened change %d beside %d", again.ID, undoing.ID)
			}
			s.must(s.NoteUnmoved(t.Context(), undoing.ID))
			s.must(s.MoveChange(t.Context(), undoing.ID, peering.ChangeCompleted, "", "the routers run it already"))
			after := s.session(id)
			before.Meta, after.Meta, before.Sync, after.Sync, after.WatchUntil = peering.Meta{}, peering.Meta{}, "", "", before.WatchUntil
			if !reflect.DeepEqual(before, after) {
				t.Errorf("restored\n%+v, was\n%+v", after, before)
			}
			if n := s.one(`SELECT count(*) FROM session`); n != 1 {
				t.Errorf("%d sessions, there was one", n)
			}
			_, err := s.AddCommand(t.Context(), s.other, change.ID, peering.CommandRollBack, "")
			s.refused(err, peering.Conflict, fmt.Sprintf("by change %d", undoing.ID))
		})
	}
}

func second[T any](_ T, err error) error { return err }

func TestUndoingSparesWhatWasWrittenSince(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	id := s.recorded(peering.Present)
	change := s.completed(s.update(id, map[string]any{"passive": true}), s.create(s.edge2))
	s.must(second(s.Sessions().Patch(t.Context(), s.approver, id, 0, json.RawMessage(`{"description": "mine"}`))))
	_, err := s.AddCommand(t.Context(), s.other, change.ID, peering.CommandRollBack, "")
	s.refused(err, peering.Conflict, fmt.Sprintf("session %d by bob", id), "undo those first")
	if n := s.one(`SELECT count(*) FROM change`); n != 1 {
		t.Errorf("%d changes, want none but the first", n)
	}
}

func TestUndoingIsForWhatRoutersRun(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	change, _, ids := s.queue(s.edge1, s.edge2)
	s.soak(ids[0])
	s.confirm(ids[0])
	s.must(s.EndDeployment(t.Context(), ids[1], peering.DeploymentEnd{State: peering.DeploymentFailed, Outcome: "no answer"}))
	settled, err := s.SettleChange(t.Context(), change.ID)
	s.must(err)
	if settled.State != peering.ChangePartial {
		t.Fatalf("settled as %s", settled.State)
	}
	ops, err := s.Overlay(t.Context(), s.undo(change).ID)
	s.must(err)
	if len(ops) != 1 || ops[0].RouterID != s.edge1 || ops[0].Action != peering.Delete {
		t.Errorf("undoes %+v, want edge1's session removed and nothing on edge2", ops)
	}
	viewer := s.person("dave", "{viewer}")
	_, err = s.AddCommand(t.Context(), viewer, change.ID, peering.CommandRollBack, "")
	s.refused(err, peering.Denied, "role operator")
}

func TestADeployIsNotUndone(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	c, _, err := s.CreateChange(t.Context(), s.author, db.NewChange{Kind: peering.KindDeploy, Request: peering.ChangeRequest{Routers: []int64{s.edge1}}})
	s.must(err)
	s.must(s.NoteUnmoved(t.Context(), c.ID))
	s.must(s.MoveChange(t.Context(), c.ID, peering.ChangeCompleted, "", "confirmed"))
	_, err = s.AddCommand(t.Context(), s.other, c.ID, peering.CommandRollBack, "")
	s.refused(err, peering.Conflict, "edit those records back")
}
