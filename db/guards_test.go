package db_test

import (
	"errors"
	"sync"
	"testing"
	"time"

	"peerflow/internal/bgp"
	"peerflow/internal/peering"
)

// guarded brings a new session to edge1 that should be announced 3 prefixes, and gives the guard that its deployment armed.
func (s *stage) guarded() peering.ExportGuard {
	s.Helper()
	change, plan, ids := s.queue(s.edge1)
	session := s.one(`SELECT object_id FROM change_operation WHERE change_id = $1`, change.ID)
	s.run(`UPDATE plan_router SET touched = jsonb_build_array(jsonb_build_object('neighbor', '192.0.2.9', 'session_id', $1::bigint, 'peer_asn', 64501,
		'disruption', 'none', 'added', true, 'expect', jsonb_build_array(jsonb_build_object('family', 'ipv4', 'count', 3, 'origin', 'policy out'))))
		WHERE plan_id = $2`, session, plan.ID)
	s.soak(ids[0])
	s.confirm(ids[0])
	open, err := s.OpenGuards(s.Context(), s.edge1)
	s.must(err)
	if len(open) != 1 || open[0].SessionID != session {
		s.Fatalf("guards %+v, want the one that was armed", open)
	}
	return open[0]
}

func TestGuardHoldsASessionThatIsAnnouncedTooMuch(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	g := s.guarded()
	id := g.SessionID
	if g.State != peering.GuardArmed || *g.Expect.Count != 3 || g.Expect.Family != bgp.IPv4 {
		t.Fatalf("armed as %+v", g)
	}
	if _, due, err := s.BeginShutdown(t.Context(), id); due || err != nil {
		t.Errorf("nothing is in breach, and the shutdown is due: %v, %v", due, err)
	}
	announced := int64(900)
	n := peering.Neighbor{Address: g.Neighbor.Address, State: bgp.Established, Families: []peering.FamilyState{{Family: bgp.IPv4, Announced: &announced}}}
	breach := g.See(peering.LabProfile, n, nil, now)
	for range 2 {
		counts, err := s.DecideGuard(t.Context(), breach, now)
		if err != nil || !counts {
			t.Fatalf("counts: %v, %v", counts, err)
		}
	}
	held, err := s.Sessions().Get(t.Context(), id)
	s.must(err)
	if held.Intent != peering.Shutdown || !held.HeldByHand || held.HeldReason != "export guard: announced 900 prefixes, expected 3 (limit 13)" {
		t.Errorf("recorded as %s, %v, %q", held.Intent, held.HeldByHand, held.HeldReason)
	}
	if n := s.one(`SELECT count(*) FROM change_log WHERE object = 'session' AND action = 'export_guard_breached' AND actor = 'export guard'`); n != 1 {
		t.Errorf("%d rows tell of the breach, want 1", n)
	}
	order, due, err := s.BeginShutdown(t.Context(), id)
	if err != nil || !due || order.Neighbor != g.Neighbor || order.Fence == 0 {
		t.Fatalf("order %+v, due %v, %v", order, due, err)
	}
	again, _, err := s.BeginShutdown(t.Context(), id)
	if err != nil || again.Fence <= order.Fence {
		t.Errorf("a second attempt has fence %d after %d, %v", again.Fence, order.Fence, err)
	}
	s.must(s.EndShutdown(t.Context(), order, true))
	s.must(s.EndShutdown(t.Context(), order, true))
	if n := s.one(`SELECT count(*) FROM change_log WHERE object = 'session' AND action = 'shut'`); n != 1 {
		t.Errorf("%d rows tell that it was shut, want 1", n)
	}
	if due, err := s.BreachedSessions(t.Context(), s.edge1); err != nil || len(due) != 0 {
		t.Errorf("still due: %v, %v", due, err)
	}
	// Only a person lifts it.
	automatic := peering.Actor{Kind: peering.ActorWorkflow, Name: "deploy"}
	_, err = s.Sessions().Patch(t.Context(), automatic, id, 0, []byte(`{"held_by_hand": false, "intent": "present"}`))
	wantKind(t, "lifted by automation", err, peering.Denied)
	lifted, err := s.Sessions().Patch(t.Context(), s.approver, id, 0, []byte(`{"held_by_hand": false, "intent": "present"}`))
	if err != nil || lifted.HeldReason != "" {
		t.Errorf("lifted with reason %q, %v", lifted.HeldReason, err)
	}
}

func TestGuardWaitsForTheOneWriter(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	g := s.guarded()
	id := g.SessionID
	breach := g
	breach.State, breach.Finding = peering.GuardBreached, "announced 900 prefixes"
	counts, err := s.DecideGuard(t.Context(), breach, now)
	if err != nil || !counts {
		t.Fatalf("%v, %v", counts, err)
	}
	_, _, ids := s.queue(s.edge1)
	s.must(s.begin(ids[0]))
	if open, err := s.OpenGuards(t.Context(), s.edge1); err != nil || len(open) != 0 {
		t.Errorf("%d guards while a deployment is under way, %v", len(open), err)
	}
	_, _, err = s.BeginShutdown(t.Context(), id)
	wantKind(t, "a shutdown while a deployment is under way", err, peering.Conflict)
	if counts, err = s.DecideGuard(t.Context(), breach, now); counts || err != nil {
		t.Errorf("a poll decides while a deployment is under way: %v, %v", counts, err)
	}
	s.run(`UPDATE deployment SET state = 'failed' WHERE id = $1`, ids[0])
	stale := breach
	stale.DeploymentID++
	if counts, err = s.DecideGuard(t.Context(), stale, now); counts || err != nil {
		t.Errorf("a guard that was armed anew is decided by what was seen before: %v, %v", counts, err)
	}
	s.run(`UPDATE router SET mode = 'observe' WHERE id = $1`, s.edge1)
	_, _, err = s.BeginShutdown(t.Context(), id)
	wantKind(t, "a shutdown on an observed router", err, peering.Denied)
}

// breach has a poll find a guarded session in breach.
func (s *stage) breach(g peering.ExportGuard) {
	s.Helper()
	g.State, g.Finding = peering.GuardBreached, "announced 900 prefixes"
	if counts, err := s.DecideGuard(s.Context(), g, now); err != nil || !counts {
		s.Fatalf("decided: %v, %v", counts, err)
	}
}

func TestNoDeploymentBeginsWhileASessionIsBeingShut(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	g := s.guarded()
	s.breach(g)
	_, _, ids := s.queue(s.edge1)
	_, _, elsewhere := s.queue(s.edge2)
	shutting := func(when string) {
		t.Helper()
		if err := s.begin(ids[0]); !errors.Is(err, peering.ErrShutting) {
			t.Errorf("%s: begins: %v", when, err)
		}
	}
	order, due, err := s.BeginShutdown(t.Context(), g.SessionID)
	if err != nil || !due {
		t.Fatalf("due %v, %v", due, err)
	}
	shutting("while it is being shut")
	s.must(s.begin(elsewhere[0]))
	newer, _, err := s.BeginShutdown(t.Context(), g.SessionID)
	s.must(err)
	s.must(s.EndShutdown(t.Context(), order, false))
	shutting("an older attempt ended, and a newer one goes on")
	s.must(s.EndShutdown(t.Context(), newer, true))
	shutting("from a baseline with the session up")
	s.must(s.StoreBaseline(t.Context(), ids[0], peering.BaselineRecord{Artifact: "protocol bgp {}\n"}))
	s.must(s.begin(ids[0]))
}

func TestAShutdownThatDidNothingHoldsNoDeploymentUp(t *testing.T) {
	t.Parallel()
	for name, leave := range map[string]func(*stage, peering.ShutOrder){
		"it couldn't be sent": func(s *stage, o peering.ShutOrder) { s.must(s.EndShutdown(t.Context(), o, false)) },
		"its worker died: nothing of it arrives any more": func(s *stage, o peering.ShutOrder) {
			s.run(`UPDATE router SET shutting_until = shutting_until - make_interval(secs => $1) WHERE id = $2`, peering.ShutLease.Seconds(), o.RouterID)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newStage(t)
			g := s.guarded()
			s.breach(g)
			_, _, ids := s.queue(s.edge1)
			order, _, err := s.BeginShutdown(t.Context(), g.SessionID)
			s.must(err)
			leave(s, order)
			s.must(s.begin(ids[0]))
		})
	}
}

func TestOneOfAShutdownAndADeploymentBegins(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	g := s.guarded()
	s.breach(g)
	for range 20 {
		_, _, ids := s.queue(s.edge1)
		var group sync.WaitGroup
		var begun, shut error
		var order peering.ShutOrder
		group.Go(func() { begun = s.begin(ids[0]) })
		group.Go(func() { order, _, shut = s.BeginShutdown(t.Context(), g.SessionID) })
		group.Wait()
		switch {
		case begun == nil && peering.KindOf(shut) == peering.Conflict:
		case errors.Is(begun, peering.ErrShutting) && shut == nil:
			s.must(s.EndShutdown(t.Context(), order, false))
		default:
			t.Fatalf("begun: %v; shut: %v", begun, shut)
		}
		s.run(`UPDATE deployment SET state = 'failed', ended_at = now() WHERE id = $1`, ids[0])
		s.run(`UPDATE change SET state = 'failed' WHERE id = (SELECT change_id FROM deployment WHERE id = $1)`, ids[0])
	}
}

func TestGuardPassesOnlyOnceTheSessionHasSettled(t *testing.T) {
	t.Parallel()
	three := int64(3)
	up := peering.Neighbor{State: bgp.Established, Families: []peering.FamilyState{{Family: bgp.IPv4, Announced: &three}}}
	silent := peering.Neighbor{State: bgp.Established, Families: []peering.FamilyState{{Family: bgp.IPv4}}}
	g := peering.ExportGuard{State: peering.GuardArmed, Expect: peering.ExpectedExport{Family: bgp.IPv4, Count: &three}}
	p := peering.DefaultProfile
	first := g.See(p, up, nil, now)
	if first.State != peering.GuardArmed || !first.UpSince.Equal(now) {
		t.Errorf("just up: %+v", first)
	}
	if got := first.See(p, silent, nil, now.Add(time.Hour)); got.State != peering.GuardArmed {
		t.Errorf("a counter that is missing passes: %+v", got)
	}
	if got := first.See(p, peering.Neighbor{}, nil, now.Add(p.Settle)); !got.UpSince.IsZero() {
		t.Errorf("down again, and it still counts from before: %+v", got)
	}
	if got := first.See(p, up, nil, now.Add(p.Settle)); got.State != peering.GuardPassed {
		t.Errorf("settled: %+v", got)
	}
	long := []peering.ExportCount{{Family: bgp.IPv4, Announced: &three, Default: new(int64), Long: &three}}
	if got := first.See(p, up, long, now.Add(p.Settle)); got.State != peering.GuardBreached {
		t.Errorf("long prefixes: %+v", got)
	}
}

func TestABreachOnARouterThatPeerflowMayNotWriteToIsAPersons(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	g := s.guarded()
	s.run(`UPDATE router SET mode = 'propose' WHERE id = $1`, s.edge1)
	breach := g
	breach.State, breach.Finding = peering.GuardBreached, "announced 900 prefixes"
	if counts, err := s.DecideGuard(t.Context(), breach, now); err != nil || !counts {
		t.Fatalf("counts: %v, %v", counts, err)
	}
	if n := s.one(`SELECT count(*) FROM change_log WHERE after->>'remedy' LIKE 'session % is in breach of its export guard, and router edge1 is in mode propose: shut it there by hand%'`); n != 1 {
		t.Errorf("%d rows say who has to shut it, want 1", n)
	}
	if due, err := s.BreachedSessions(t.Context(), s.edge1); err != nil || len(due) != 0 {
		t.Errorf("peerflow would shut %v, %v", due, err)
	}
	_, _, err := s.BeginShutdown(t.Context(), g.SessionID)
	s.refused(err, peering.Denied, "shut it there by hand", "peerflow session why")
	s.must(s.NoteShut(t.Context(), breach))
	s.must(s.NoteShut(t.Context(), breach))
	if n := s.one(`SELECT count(*) FROM change_log WHERE object = 'session' AND action = 'shut' AND after->>'by_hand' = 'true'`); n != 1 {
		t.Errorf("%d rows tell that it was shut, want 1", n)
	}
	if open, err := s.OpenGuards(t.Context(), s.edge1); err != nil || len(open) != 1 || open[0].State != peering.GuardShut {
		t.Errorf("guards %+v, %v", open, err)
	}
}
