package db_test

import (
	"sync"
	"testing"
	"time"

	"peerflow/db"
	"peerflow/db/dbtest"
	"peerflow/internal/peering"
)

func TestAFreezeIsLiftedOnce(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	f := s.freeze(peering.Freeze{Scope: peering.FreezeRouter, RouterID: s.edge1, Reason: "works"})
	if f.Author != "bob" || f.CreatedAt.IsZero() {
		t.Errorf("frozen as %+v", f)
	}
	lifted, err := s.LiftFreeze(t.Context(), s.other, f.ID)
	s.must(err)
	again, err := s.LiftFreeze(t.Context(), s.approver, f.ID)
	s.must(err)
	if lifted.LiftedAt.IsZero() || !again.LiftedAt.Equal(lifted.LiftedAt) {
		t.Errorf("lifted %s, again %s", lifted.LiftedAt, again.LiftedAt)
	}
	if n := s.one(`SELECT lifted_by FROM change_freeze`); n != s.other.UserID {
		t.Errorf("lifted by user %d, want carol", n)
	}
	inForce, err := s.ListFreezes(t.Context(), false)
	s.must(err)
	all, err := s.ListFreezes(t.Context(), true)
	s.must(err)
	if len(inForce) != 0 || len(all) != 1 {
		t.Errorf("%d in force, %d in all", len(inForce), len(all))
	}
	_, _, ids := s.queue(s.edge1)
	s.must(s.begin(ids[0]))
}

func TestAFreezeIsRefused(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	viewer := s.person("dave", "{viewer}")
	tests := map[string]struct {
		who    peering.Actor
		freeze peering.Freeze
		kind   peering.Kind
	}{
		"of a viewer":            {viewer, peering.Freeze{Scope: peering.FreezeAll, Reason: "x"}, peering.Denied},
		"without a reason":       {s.other, peering.Freeze{Scope: peering.FreezeAll}, peering.Invalid},
		"of a site without one":  {s.other, peering.Freeze{Scope: peering.FreezeSite, Reason: "x"}, peering.Invalid},
		"of all with a router":   {s.other, peering.Freeze{Scope: peering.FreezeAll, RouterID: s.edge1, Reason: "x"}, peering.Invalid},
		"of a router that isn't": {s.other, peering.Freeze{Scope: peering.FreezeRouter, RouterID: 999, Reason: "x"}, peering.Invalid},
		"of an unknown scope":    {s.other, peering.Freeze{Scope: "planet", Reason: "x"}, peering.Invalid},
	}
	for name, test := range tests {
		_, err := s.AddFreeze(t.Context(), test.who, test.freeze)
		if peering.KindOf(err) != test.kind {
			t.Errorf("a freeze %s: %v, want kind %s", name, err, test.kind)
		}
	}
	_, err := s.LiftFreeze(t.Context(), viewer, 1)
	s.refused(err, peering.Denied)
	_, err = s.LiftFreeze(t.Context(), s.other, 999)
	s.refused(err, peering.NotFound)
}

func TestPeerflowFreezesARouterOncePerReason(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	var group sync.WaitGroup
	for range 5 {
		group.Go(func() {
			if err := s.FreezeRouter(t.Context(), s.edge1, "deployment 7 was interfered with"); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	s.must(s.FreezeRouter(t.Context(), s.edge1, "deployment 8 was interfered with"))
	list, err := s.ListFreezes(t.Context(), false)
	s.must(err)
	if len(list) != 2 || list[0].Author != "peerflow" {
		t.Errorf("freezes %+v", list)
	}
}

// TestNothingBeginsAfterWhatForbidsIt races beginnings with freezes, cancels and
// revoked votes. Each deployment either began before what forbids it, or never.
func TestNothingBeginsAfterWhatForbidsIt(t *testing.T) {
	t.Parallel()
	s := stageOn(t, dbtest.Open(t, dbtest.URL(t), db.Options{MaxConns: 40}))
	const rounds = 20
	type round struct {
		change peering.Change
		id     int64
	}
	list := make([]round, rounds)
	for i := range list {
		router := s.router("racing" + string(rune('a'+i)))
		change, _, ids := s.queue(router)
		list[i] = round{change, ids[0]}
	}
	forbid := []func(round) error{
		func(round) error {
			_, err := s.AddFreeze(t.Context(), s.other, peering.Freeze{Scope: peering.FreezeAll, Reason: "storm"})
			return err
		},
		func(r round) error { return s.order(s.other, r.change, peering.CommandCancel) },
		func(r round) error { return s.RevokeVote(t.Context(), s.approver, r.change.ID, "") },
	}
	start := make(chan struct{})
	var group sync.WaitGroup
	begun, forbidden := make([]error, rounds), make([]error, rounds)
	for i, r := range list {
		group.Go(func() {
			<-start
			begun[i] = s.begin(r.id)
		})
		group.Go(func() {
			<-start
			if which := i % len(forbid); which != 0 || i == rounds/3*3 { // one freeze: it forbids all the others as well
				forbidden[i] = forbid[which](r)
			}
		})
	}
	close(start)
	group.Wait()

	events := s.eventsInOrder()
	frozen := events.index("freeze", "create", 0)
	if frozen < 0 {
		t.Fatal("nothing was frozen")
	}
	for i, r := range list {
		at := events.index("deployment", "committing", r.id)
		if (begun[i] == nil) != (at >= 0) {
			t.Errorf("deployment %d: Begin says %v, its event is number %d", r.id, begun[i], at)
		}
		if begun[i] != nil && peering.KindOf(begun[i]) != peering.Denied {
			t.Errorf("deployment %d: %v, want a refusal", r.id, begun[i])
		}
		if begun[i] == nil && at > frozen {
			t.Errorf("deployment %d began after the freeze", r.id)
		}
		if i%len(forbid) == 0 {
			continue
		}
		if (begun[i] == nil) == (forbidden[i] == nil) {
			t.Errorf("deployment %d: begin %v, and its cancel or revoke %v: want one of them refused", r.id, begun[i], forbidden[i])
		}
	}
}

// order of commits as the row locks made it: by position within what holds the same locks.
type eventOrder []struct {
	topic, event string
	object       int64
}

func (s *stage) eventsInOrder() (list eventOrder) {
	s.Helper()
	// A freeze and a beginning exclude each other, so that the later one took its position after the earlier committed.
	rows, err := s.Pool().Query(s.Context(), `SELECT topic, event, object_id FROM outbox ORDER BY position`)
	s.must(err)
	defer rows.Close()
	for rows.Next() {
		list = append(list, struct {
			topic, event string
			object       int64
		}{})
		e := &list[len(list)-1]
		s.must(rows.Scan(&e.topic, &e.event, &e.object))
	}
	s.must(rows.Err())
	return list
}

// index of the first such event, -1 when there is none; object 0 is any.
func (l eventOrder) index(topic, event string, object int64) int {
	for i, e := range l {
		if e.topic == topic && e.event == event && (object == 0 || e.object == object) {
			return i
		}
	}
	return -1
}

func TestOneOfManyClaimsTheCommit(t *testing.T) {
	t.Parallel()
	s := stageOn(t, dbtest.Open(t, dbtest.URL(t), db.Options{MaxConns: 50}))
	_, _, ids := s.queue(s.edge1)
	s.must(s.begin(ids[0]))
	var group sync.WaitGroup
	claims := make(chan time.Time, 50)
	for i := range 50 {
		group.Go(func() {
			at := now.Add(time.Duration(i) * time.Second)
			claimed, err := s.MarkCommitSent(t.Context(), ids[0], at, now.Add(time.Hour))
			if err != nil {
				t.Error(err)
			}
			if claimed {
				claims <- at
			}
		})
	}
	group.Wait()
	if len(claims) != 1 {
		t.Fatalf("%d of 50 claimed the commit", len(claims))
	}
	if at := <-claims; !s.deployment(ids[0]).CommitSentAt.Equal(at) {
		t.Error("the commit's time isn't the one of who claimed it")
	}
}

func TestEveryFenceIsHigherThanTheOnesBefore(t *testing.T) {
	t.Parallel()
	s := stageOn(t, dbtest.Open(t, dbtest.URL(t), db.Options{MaxConns: 30}))
	_, _, ids := s.queue(s.edge1)
	s.must(s.begin(ids[0]))
	var group sync.WaitGroup
	var mutex sync.Mutex
	seen := map[int64]bool{}
	for range 6 {
		group.Go(func() {
			last := int64(0)
			for range 5 {
				fence, err := s.TakeFence(t.Context(), ids[0])
				if err != nil {
					t.Error(err)
					return
				}
				mutex.Lock()
				if fence <= last || seen[fence] {
					t.Errorf("fence %d after %d, given before: %v", fence, last, seen[fence])
				}
				seen[fence], last = true, fence
				mutex.Unlock()
			}
		})
	}
	group.Wait()
	if len(seen) != 30 {
		t.Errorf("%d different fences, want 30", len(seen))
	}
}
