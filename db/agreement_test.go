package db_test

import (
	"encoding/json"
	"net/netip"
	"testing"

	"peerflow/db"
	"peerflow/internal/peering"
)

// suspend is what a person does to the stage's peering.
func (s *stage) suspend() {
	s.Helper()
	_, err := s.Peerings().Patch(s.Context(), s.other, s.peering, 0, json.RawMessage(`{"state": "suspended", "reason": "abuse"}`))
	s.must(err)
}

// recorded is a session that was recorded by itself.
func (s *stage) recorded(intent peering.Intent) int64 {
	s.Helper()
	created, err := s.Sessions().Create(s.Context(), s.author, peering.Session{PeeringID: s.peering, RouterID: s.edge1,
		PeerAddress: netip.MustParseAddr("192.0.2.77"), PeerAS: 64501, Intent: intent})
	s.must(err)
	return created.ID
}

// planFor is the change's plan, which touches the sessions.
func (s *stage) planFor(change peering.Change, touched ...peering.TouchedSession) (peering.Plan, error) {
	s.Helper()
	p, texts := planOn(change.ID, "text", s.edge1)
	p.Routers[0].Touched = touched
	return s.StorePlan(s.Context(), p, texts, "")
}

func (s *stage) update(session int64, fields map[string]any) peering.Operation {
	return peering.Operation{RouterID: s.edge1, Object: peering.ObjectSession, ObjectID: session, Action: peering.Update, Patch: patch(fields)}
}

func TestPlanningRefusesSessionsThatArentAgreed(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		change func(*stage) (peering.Change, []peering.TouchedSession)
		denied bool
	}{
		"created by maintenance": {func(s *stage) (peering.Change, []peering.TouchedSession) {
			return s.draft(s.create(s.edge1)), nil
		}, true},
		"recorded before, and carried by deploy": {func(s *stage) (peering.Change, []peering.TouchedSession) {
			id := s.recorded(peering.Present)
			c, _, err := s.CreateChange(s.Context(), s.author, db.NewChange{Kind: peering.KindDeploy, Reason: "test",
				Request: peering.ChangeRequest{Routers: []int64{s.edge1}}})
			s.must(err)
			return c, []peering.TouchedSession{{SessionID: id, Added: true}}
		}, true},
		"opened by an operation": {func(s *stage) (peering.Change, []peering.TouchedSession) {
			return s.draft(s.update(s.recorded(peering.Shutdown), map[string]any{"intent": "present"})), nil
		}, true},
		"opened, as the router has it": {func(s *stage) (peering.Change, []peering.TouchedSession) {
			id := s.recorded(peering.Present)
			return s.draft(s.update(id, map[string]any{"passive": true})), []peering.TouchedSession{{SessionID: id, Opened: true}}
		}, true},
		"shut down": {func(s *stage) (peering.Change, []peering.TouchedSession) {
			id := s.recorded(peering.Present)
			return s.draft(s.update(id, map[string]any{"intent": "shutdown"})), []peering.TouchedSession{{SessionID: id, Shut: true}}
		}, false},
		"running, and edited": {func(s *stage) (peering.Change, []peering.TouchedSession) {
			id := s.recorded(peering.Present)
			return s.draft(s.update(id, map[string]any{"passive": true})), []peering.TouchedSession{{SessionID: id}}
		}, false},
		"removed": {func(s *stage) (peering.Change, []peering.TouchedSession) {
			id := s.recorded(peering.Shutdown)
			return s.draft(peering.Operation{RouterID: s.edge1, Object: peering.ObjectSession, ObjectID: id, Action: peering.Delete}),
				[]peering.TouchedSession{{SessionID: id, Removed: true}}
		}, false},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newStage(t)
			change, touched := test.change(s)
			_, err := s.planFor(change, touched...)
			s.must(err) // agreed
			s.suspend()
			_, err = s.planFor(change, touched...)
			if !test.denied {
				s.must(err)
				return
			}
			s.refused(err, peering.Denied, "only agreed peerings deploy", "192.0.2.", "AS64501 (direct)", "suspended (abuse)", "--exchange direct")
		})
	}
}

func TestASessionMovedToAPeeringThatIsntAgreedIsRefused(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	elsewhere := s.one(`WITH other AS (INSERT INTO autonomous_system (asn) VALUES (64502) RETURNING id)
		INSERT INTO peering (local_as_id, peer_as_id, state) SELECT local_as_id, other.id, 'declined' FROM peering, other RETURNING peering.id`)
	id := s.recorded(peering.Shutdown)
	change := s.draft(s.update(id, map[string]any{"intent": "present", "peering_id": elsewhere, "peer_asn": 64502}))
	_, err := s.planFor(change)
	s.refused(err, peering.Denied, "AS64502 (direct)", "declined")
}

// An agreed peering allows sessions with its own AS, at its own venue.
func TestPlanningRefusesSessionsOfAnothersPeering(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	with := func(op peering.Operation, asn int) peering.Operation {
		var fields map[string]any
		s.must(json.Unmarshal(op.Patch, &fields))
		fields["peer_asn"] = asn
		op.Patch = patch(fields)
		return op
	}
	if _, err := s.planFor(s.draft(with(s.create(s.edge1), 64501))); err != nil {
		t.Errorf("its own: %v", err)
	}
	_, err := s.planFor(s.draft(with(s.create(s.edge1), 64502)))
	s.refused(err, peering.Denied, "is with AS64502 (direct), and names the peering with AS64501 (direct)")
	_, err = s.planFor(s.draft(s.update(s.recorded(peering.Shutdown), map[string]any{"intent": "present", "peer_asn": 64502})))
	s.refused(err, peering.Denied, "AS64502")
}
