package db_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"peerflow/db"
	"peerflow/db/dbtest"
	"peerflow/internal/peering"
)

func apply(t testing.TB, d *db.DB, ops ...peering.Operation) error {
	t.Helper()
	by := peering.Actor{Kind: peering.ActorWorkflow, Name: "change/1042", ChangeID: 1042}
	return d.Write(t.Context(), by, func(tx *db.Tx) error { return db.ApplyOperations(t.Context(), tx, ops) })
}

func TestConfirmedOperationsBecomeTheRecord(t *testing.T) {
	t.Parallel()
	d := dbtest.New(t)
	n := smallNetwork(t, d)
	planned, err := d.NewID(t.Context(), peering.ObjectSession)
	if err != nil {
		t.Fatal(err)
	}
	create, err := json.Marshal(n.sessionTo("198.51.100.9"))
	if err != nil {
		t.Fatal(err)
	}
	next := mustCreate(t, d.Sessions(), n.sessionTo("198.51.100.10")) // drawn and recorded before the planned one is
	err = apply(t, d,
		peering.Operation{Object: peering.ObjectSession, ObjectID: planned, Action: peering.Create, Patch: create},
		peering.Operation{Object: peering.ObjectSession, ObjectID: n.session.ID, Action: peering.Update, BaseVersion: 1, Patch: json.RawMessage(`{"intent": "removing"}`)},
		peering.Operation{Object: peering.ObjectSession, ObjectID: n.session.ID, Action: peering.Update, BaseVersion: 1, Patch: json.RawMessage(`{"description": "gone"}`)},
		peering.Operation{Object: peering.ObjectRoutingPolicy, ObjectID: n.accept.ID, Action: peering.Update, BaseVersion: 1, Patch: json.RawMessage(`{"weight": 3}`)},
		peering.Operation{Object: peering.ObjectSession, ObjectID: next.ID, Action: peering.Delete, BaseVersion: 1},
		peering.Operation{Object: peering.ObjectSession, ObjectID: next.ID, Action: peering.Delete, BaseVersion: 1})
	if err != nil {
		t.Fatal(err)
	}
	got, err := d.Sessions().Get(t.Context(), planned)
	if err != nil || got.PeerAddress.String() != "198.51.100.9" || got.Sync != peering.NotDeployed || got.Version != 1 {
		t.Errorf("the planned session: %+v, %v", got, err)
	}
	got, err = d.Sessions().Get(t.Context(), n.session.ID)
	if err != nil || got.Intent != peering.Removing || got.Description != "gone" || got.Version != 3 {
		t.Errorf("the edited session: %+v, %v (what a router runs is recorded, whatever the step)", got, err)
	}
	_, err = d.Sessions().Get(t.Context(), next.ID)
	wantKind(t, "the deleted session", err, peering.NotFound)
	var logged int
	sqlRead(t, d, `SELECT count(*) FROM change_log WHERE change_id = 1042 AND actor = 'change/1042'`, nil, &logged)
	if logged != 5 {
		t.Errorf("%d log entries in the change's name, want 5", logged)
	}
}

func TestWhatMovedOnSinceThePlanIsAConflict(t *testing.T) {
	t.Parallel()
	d := dbtest.New(t)
	n := smallNetwork(t, d)
	if _, err := d.Sessions().Patch(t.Context(), anna, n.session.ID, 1, []byte(`{"description": "x"}`)); err != nil {
		t.Fatal(err)
	}
	ok := peering.Operation{Object: peering.ObjectRoutingPolicy, ObjectID: n.accept.ID, Action: peering.Update, BaseVersion: 1, Patch: json.RawMessage(`{"weight": 3}`)}
	for name, op := range map[string]peering.Operation{
		"edited meanwhile":         {Object: peering.ObjectSession, ObjectID: n.session.ID, Action: peering.Update, BaseVersion: 1, Patch: json.RawMessage(`{"passive": true}`)},
		"to delete, but edited":    {Object: peering.ObjectSession, ObjectID: n.session.ID, Action: peering.Delete, BaseVersion: 1},
		"deleted meanwhile":        {Object: peering.ObjectSession, ObjectID: 999, Action: peering.Update, BaseVersion: 1},
		"created where another is": {Object: peering.ObjectSession, ObjectID: 500, Action: peering.Create, Patch: marshal(t, n.sessionTo("198.51.100.2"))},
	} {
		err := apply(t, d, ok, op)
		wantKind(t, name, err, peering.Conflict)
		if text := fmt.Sprint(err); !strings.Contains(text, fmt.Sprintf("session %d", op.ObjectID)) || op.Action != peering.Create && !strings.Contains(text, "change 1042") {
			t.Errorf("%s: %q names not both", name, text)
		}
	}
	policy, err := d.RoutingPolicies().Get(t.Context(), n.accept.ID)
	if err != nil || policy.Weight != 0 {
		t.Errorf("weight %d, %v: operations before the conflict have to be undone", policy.Weight, err)
	}
	wantKind(t, "an object that no change may touch", apply(t, d, peering.Operation{Object: "site", Action: peering.Delete}), peering.Unsupported)
	_, err = d.NewID(t.Context(), "site")
	wantKind(t, "an id for it", err, peering.Invalid)
}

func marshal(t testing.TB, v any) json.RawMessage {
	t.Helper()
	text, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return text
}
