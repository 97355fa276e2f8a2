package db_test

import (
	"fmt"
	"sync"
	"testing"

	"peerflow/db"
	"peerflow/db/dbtest"
	"peerflow/internal/peering"
)

func TestAChangeIsCreatedWithTheWorkflowThatLeadsIt(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	provision, _, err := s.CreateChange(t.Context(), s.author, db.NewChange{Kind: peering.KindProvision, Request: peering.ChangeRequest{ASN: 64501}})
	s.must(err)
	deploy, _, err := s.CreateChange(t.Context(), s.author, db.NewChange{Kind: peering.KindDeploy, Request: peering.ChangeRequest{Routers: []int64{s.edge1}}})
	s.must(err)
	if provision.State != peering.ChangeDraft || provision.Author != "anna" || provision.Request.ASN != 64501 || !provision.ExpiresAt.IsZero() {
		t.Errorf("created as %+v", provision)
	}
	pending, err := s.PendingStarts(t.Context(), 10)
	s.must(err)
	want := []string{fmt.Sprintf("provision/%d ProvisionPeering", provision.ID), fmt.Sprintf("change/%d DeployChange", deploy.ID)}
	for i, p := range pending {
		if got := p.WorkflowID + " " + p.Workflow; got != want[i] || p.SubjectID == 0 {
			t.Errorf("start %d is %s of %d, want %s", i, got, p.SubjectID, want[i])
		}
	}
	s.must(s.MarkStarted(t.Context(), pending[0].WorkflowID))
	s.must(s.MarkStarted(t.Context(), pending[0].WorkflowID))
	if pending, err = s.PendingStarts(t.Context(), 10); err != nil || len(pending) != 1 {
		t.Errorf("%d workflows are to be started, %v; want 1", len(pending), err)
	}
}

func TestTheSameKeyMakesOneChange(t *testing.T) {
	t.Parallel()
	s := stageOn(t, dbtest.Open(t, dbtest.URL(t), db.Options{MaxConns: 20}))
	wish := db.NewChange{Kind: peering.KindProvision, Request: peering.ChangeRequest{ASN: 64501}, Key: "k", BodyHash: "h"}
	var group sync.WaitGroup
	var mutex sync.Mutex
	fresh, ids := 0, map[int64]bool{}
	for range 10 {
		group.Go(func() {
			change, replayed, err := s.CreateChange(t.Context(), s.author, wish)
			mutex.Lock()
			defer mutex.Unlock()
			if err != nil {
				t.Error(err)
			}
			ids[change.ID] = true
			if !replayed {
				fresh++
			}
		})
	}
	group.Wait()
	if fresh != 1 || len(ids) != 1 {
		t.Errorf("%d were new, with ids %v", fresh, ids)
	}
	wish.BodyHash = "other"
	_, _, err := s.CreateChange(t.Context(), s.author, wish)
	s.refused(err, peering.Conflict, "use a new key")
	change, replayed, err := s.CreateChange(t.Context(), s.other, wish)
	s.must(err)
	if replayed || ids[change.ID] {
		t.Error("another caller's key is taken for this one's")
	}
	s.run(`UPDATE idempotency_key SET created_at = now() - interval '25 hours'`)
	if change, replayed, err = s.CreateChange(t.Context(), s.author, wish); err != nil || replayed {
		t.Errorf("a day later: change %d, replayed %v, %v", change.ID, replayed, err)
	}
}

func TestAWishIsRefused(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	viewer := s.person("dave", "{viewer}")
	nobody := peering.Actor{Kind: peering.ActorSystem, Name: "x", Roles: []peering.Role{peering.Admin}}
	peer := peering.ChangeRequest{ASN: 64501}
	tests := map[string]struct {
		who  peering.Actor
		wish db.NewChange
		kind peering.Kind
	}{
		"of a viewer":                 {viewer, db.NewChange{Kind: peering.KindProvision, Request: peer}, peering.Denied},
		"of nobody":                   {nobody, db.NewChange{Kind: peering.KindProvision, Request: peer}, peering.Denied},
		"of no kind":                  {s.author, db.NewChange{Kind: "wish", Request: peer}, peering.Invalid},
		"for no peer":                 {s.author, db.NewChange{Kind: peering.KindProvision}, peering.Invalid},
		"for no router":               {s.author, db.NewChange{Kind: peering.KindDeploy}, peering.Invalid},
		"for nothing":                 {s.author, db.NewChange{Kind: peering.KindShutdown}, peering.Invalid},
		"for what isn't there":        {s.author, db.NewChange{Kind: peering.KindShutdown, Request: peering.ChangeRequest{Operations: []peering.Operation{{Object: peering.ObjectSession, ObjectID: 9, Action: peering.Update}}}}, peering.NotFound},
		"for what no change carries":  {s.author, db.NewChange{Kind: peering.KindShutdown, Request: peering.ChangeRequest{Operations: []peering.Operation{{Object: "moon", ObjectID: 9, Action: peering.Update}}}}, peering.Unsupported},
		"for what nobody can do":      {s.author, db.NewChange{Kind: peering.KindShutdown, Request: peering.ChangeRequest{Operations: []peering.Operation{{Object: peering.ObjectSession, ObjectID: 9, Action: "paint"}}}}, peering.Invalid},
		"for a record that is no one": {s.author, db.NewChange{Kind: peering.KindShutdown, Request: peering.ChangeRequest{Operations: []peering.Operation{{Object: peering.ObjectSession, Action: peering.Create, Patch: []byte(`[]`)}}}}, peering.Invalid},
	}
	for name, test := range tests {
		if _, _, err := s.CreateChange(t.Context(), test.who, test.wish); peering.KindOf(err) != test.kind {
			t.Errorf("a wish %s: %v, want kind %s", name, err, test.kind)
		}
	}
	if n := s.one(`SELECT count(*) FROM change`) + s.one(`SELECT count(*) FROM workflow_start`) + s.one(`SELECT count(*) FROM change_log`); n != 0 {
		t.Error("a refused wish left something behind")
	}
}
