package db_test

import (
	"fmt"
	"net/netip"
	"sync"
	"testing"

	"peerflow/db"
	"peerflow/internal/peering"
)

// open tries to open a change; unlike draft it may be refused.
func (s *stage) open(ops ...peering.Operation) (peering.Change, error) {
	change, _, err := s.CreateChange(s.Context(), s.author, db.NewChange{Kind: peering.KindMaintenance, Reason: "test",
		Request: peering.ChangeRequest{Operations: ops}})
	return change, err
}

// direct is a session with the next peer address, for a direct write.
func (s *stage) direct(router int64, address string) peering.Session {
	return peering.Session{PeeringID: s.peering, RouterID: router, PeerAddress: netip.MustParseAddr(address), PeerAS: 64501}
}

func TestARouterGetsOneSessionWithAPeerAddress(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	op := s.create(s.edge1) // 192.0.2.1
	first := s.draft(op)
	_, err := s.open(op)
	s.refused(err, peering.Conflict, "another open change plans one")
	_, err = s.Sessions().Create(t.Context(), s.author, s.direct(s.edge1, "192.0.2.1"))
	s.refused(err, peering.Conflict, "an open change plans a session")

	// Another router, another VRF: other ends.
	elsewhere := s.draft(s.addressed(peering.Operation{RouterID: s.edge2, Object: peering.ObjectSession, Action: peering.Create}, "192.0.2.1"))
	mixed := op
	mixed.RouterID = s.edge2
	_, err = s.open(mixed)
	s.refused(err, peering.Invalid, "name the same router in both")
	inVRF := s.direct(s.edge1, "192.0.2.1")
	inVRF.VRF = "blue"
	_, err = s.Sessions().Create(t.Context(), s.author, inVRF)
	s.must(err)

	// Once the change has ended, the pair is free.
	s.must(s.MoveChange(t.Context(), first.ID, peering.ChangeCancelled, "", "cancelled"))
	recorded, err := s.Sessions().Create(t.Context(), s.author, s.direct(s.edge1, "192.0.2.1"))
	s.must(err)
	_, err = s.open(op)
	s.refused(err, peering.Conflict, "this router has a session with this peer address")

	// A session that moves needs a free end as well, whether an edit or an operation moves it.
	_, err = s.Sessions().Patch(t.Context(), s.author, recorded.ID, 0, patch(map[string]any{"router_id": s.edge2}))
	s.refused(err, peering.Conflict, "an open change plans a session")
	second, err := s.Sessions().Create(t.Context(), s.author, s.direct(s.edge1, "192.0.2.50"))
	s.must(err)
	move := func(to string) peering.Operation {
		return peering.Operation{RouterID: s.edge1, Object: peering.ObjectSession, ObjectID: second.ID, Action: peering.Update,
			Patch: patch(map[string]any{"peer_address": to})}
	}
	_, err = s.open(move("192.0.2.1"))
	s.refused(err, peering.Conflict, "this router has a session with this peer address")
	s.draft(move("192.0.2.51"))
	_, err = s.open(s.addressed(s.create(s.edge1), "192.0.2.51"))
	s.refused(err, peering.Conflict, "another open change plans one")
	// What moves nothing is no end.
	s.draft(peering.Operation{RouterID: s.edge1, Object: peering.ObjectSession, ObjectID: recorded.ID, Action: peering.Update,
		Patch: patch(map[string]any{"description": "x"})})

	// A change that is confirmed makes its own session, whose end it holds.
	s.must(s.NoteUnmoved(t.Context(), elsewhere.ID))
	s.must(s.MoveChange(t.Context(), elsewhere.ID, peering.ChangeCompleted, "", "the routers run it already"))
	if n := s.one(`SELECT count(*) FROM session WHERE router_id = $1 AND peer_address = '192.0.2.1'`, s.edge2); n != 1 {
		t.Errorf("%d sessions on edge2, want the planned one", n)
	}
}

func (s *stage) addressed(op peering.Operation, address string) peering.Operation {
	s.Helper()
	op.Patch = patch(map[string]any{"kind": "direct", "peering_id": s.peering, "router_id": op.RouterID, "peer_address": address,
		"peer_asn": 64501, "families": []string{"ipv4"}, "intent": "present"})
	return op
}

func TestOneOfManyAtTheSameMomentGetsThePair(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	for round := range 5 {
		address := fmt.Sprintf("192.0.2.%d", 100+round)
		results := make([]error, 6)
		changes := make([]peering.Change, len(results))
		for i := range changes {
			changes[i] = s.draft(s.create(s.edge2))
		}
		var group sync.WaitGroup
		for i := range results {
			group.Go(func() {
				if i%3 == 2 {
					_, results[i] = s.Sessions().Create(t.Context(), s.author, s.direct(s.edge1, address))
					return
				}
				_, results[i] = s.RecordOverlay(t.Context(), changes[i].ID, []peering.Operation{s.addressed(peering.Operation{RouterID: s.edge1,
					Object: peering.ObjectSession, Action: peering.Create}, address)}, peering.Findings{})
			})
		}
		group.Wait()
		won := 0
		for _, err := range results {
			if err == nil {
				won++
			} else if peering.KindOf(err) != peering.Conflict {
				t.Errorf("%s: lost by %v", address, err)
			}
		}
		if n := s.one(`SELECT count(*) FROM session_end WHERE peer_address = $1`, netip.MustParseAddr(address)); won != 1 || n != 1 {
			t.Errorf("%s: %d won, %d ends: want one", address, won, n)
		}
	}
}
