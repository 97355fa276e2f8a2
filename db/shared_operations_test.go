package db_test

import (
	"encoding/json"
	"testing"

	"peerflow/internal/peering"
)

func TestSharedOperationsGoWithTheLastRouter(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	network := s.one(`SELECT id FROM autonomous_system WHERE asn = 64501`)
	shared := peering.Operation{Object: peering.ObjectAutonomousSystem, ObjectID: network, Action: peering.Update, Patch: patch(map[string]any{"name": "Example Net"})}
	change := s.draft(s.create(s.edge1), shared, s.create(s.edge2))
	plan := s.plan(change, "text", s.edge1, s.edge2)
	s.approve(change, plan)
	for i, router := range []int64{s.edge1, s.edge2} {
		id, err := s.SubmitDeployment(t.Context(), change.ID, plan.ID, router)
		s.must(err)
		s.must(s.StoreBaseline(t.Context(), id, peering.BaselineRecord{Artifact: "text\n"}))
		s.soak(id)
		s.confirm(id)
		settled, err := s.SettleChange(t.Context(), change.ID)
		s.must(err)
		named := s.one(`SELECT count(*) FROM autonomous_system WHERE name = 'Example Net'`)
		if want := []peering.ChangeState{peering.ChangeDeploying, peering.ChangeCompleted}[i]; settled.State != want || named != int64(i) {
			t.Errorf("after router %d: %s, %d records named", i+1, settled.State, named)
		}
		if n := s.one(`SELECT count(*) FROM session`); n != int64(i+1) {
			t.Errorf("after router %d: %d sessions", i+1, n)
		}
	}
}

// What the first router's own objects name has to be there as soon as they are.
func TestASharedObjectComesWithTheFirstRouterThatNamesIt(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	group, err := s.NewID(t.Context(), peering.ObjectBGPGroup)
	s.must(err)
	in := func(op peering.Operation) peering.Operation {
		var fields map[string]any
		s.must(json.Unmarshal(op.Patch, &fields))
		fields["group_id"] = group
		op.Patch = patch(fields)
		return op
	}
	network := s.one(`SELECT id FROM autonomous_system WHERE asn = 64501`)
	edit := peering.Operation{Object: peering.ObjectAutonomousSystem, ObjectID: network, Action: peering.Update, Patch: patch(map[string]any{"name": "Example Net"})}
	change := s.draft(peering.Operation{Object: peering.ObjectBGPGroup, ObjectID: group, Action: peering.Create, Patch: patch(map[string]any{"slug": "new", "name": "New"})},
		in(s.create(s.edge1)), edit, in(s.create(s.edge2)))
	plan := s.plan(change, "text", s.edge1, s.edge2)
	s.approve(change, plan)
	for i, router := range []int64{s.edge1, s.edge2} {
		id, err := s.SubmitDeployment(t.Context(), change.ID, plan.ID, router)
		s.must(err)
		s.must(s.StoreBaseline(t.Context(), id, peering.BaselineRecord{Artifact: "text\n"}))
		s.soak(id)
		s.confirm(id)
		if d := s.deployment(id); d.State != peering.DeploymentConfirmed {
			t.Fatalf("on router %d: %s, %s", i+1, d.State, d.Outcome)
		}
		if in, named := s.one(`SELECT count(*) FROM session WHERE group_id = $1`, group), s.one(`SELECT count(*) FROM autonomous_system WHERE name = 'Example Net'`); in != int64(i+1) || named != int64(i) {
			t.Errorf("after router %d: %d sessions in the group, %d networks renamed", i+1, in, named)
		}
		_, err = s.SettleChange(t.Context(), change.ID)
		s.must(err)
	}
}
