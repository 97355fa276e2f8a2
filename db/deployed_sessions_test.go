package db_test

import (
	"net/netip"
	"slices"
	"testing"

	"peerflow/internal/bgp"
	"peerflow/internal/peering"
)

func TestSessionsAreKeptAsTheyWereDeployed(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	deploy := func(touched string) {
		t.Helper()
		change, plan, ids := s.queue(s.edge1)
		s.run(`UPDATE plan_router SET touched = $1::text::jsonb WHERE plan_id = $2`, touched, plan.ID)
		s.soak(ids[0])
		s.confirm(ids[0])
		_, err := s.SettleChange(t.Context(), change.ID)
		s.must(err)
		s.run(`UPDATE session SET peer_address = peer_address + 100`) // the next one has its place
	}
	want := func(when string, want ...peering.DeployedSession) {
		t.Helper()
		got, err := s.DeployedSessions(t.Context(), s.edge1)
		s.must(err)
		if !slices.Equal(got, want) {
			t.Errorf("%s: %+v, want %+v", when, got, want)
		}
	}
	at := func(address string, as bgp.ASN, why string) peering.DeployedSession {
		return peering.DeployedSession{NeighborKey: peering.NeighborKey{Address: netip.MustParseAddr(address)}, PeerAS: as, Protected: why}
	}
	want("nothing was deployed")
	deploy(`[{"neighbor": "192.0.2.9", "session_id": 1, "peer_asn": 64501, "protects": "Transit"}, {"neighbor": "192.0.2.8", "session_id": 2, "peer_asn": 64502},
		{"neighbor": "192.0.2.7", "peer_asn": 64503}]`)
	want("two of ours, and one that no record has", at("192.0.2.8", 64502, ""), at("192.0.2.9", 64501, "Transit"))
	deploy(`[{"neighbor": "192.0.2.9", "session_id": 1, "peer_asn": 64501, "protected": "Transit"}, {"neighbor": "192.0.2.8", "removed": true}]`)
	want("one is a peer from now on, one is taken off", at("192.0.2.9", 64501, ""))
	deploy(`[{"neighbor": "192.0.2.5", "from": "192.0.2.9", "session_id": 1, "peer_asn": 64501}]`)
	want("one has another address", at("192.0.2.5", 64501, ""))
	deploy(`[{"neighbor": "192.0.2.5", "removed": true}, {"neighbor": "192.0.2.5", "session_id": 3, "peer_asn": 64501, "added": true}]`)
	want("another took the place of one", at("192.0.2.5", 64501, ""))
}
