package peering_test

import (
	"strings"
	"testing"

	"peerflow/internal/peering"
)

func TestOnlyAgreedPeeringsDeploy(t *testing.T) {
	t.Parallel()
	for state, remedy := range map[peering.PeeringState]string{
		peering.Agreed:          "",
		peering.PeeringNone:     "peerflow peering agree AS64501 --evidence",
		peering.RequestedByUs:   "peerflow peering agree AS64501 --evidence",
		peering.RequestedByThem: "peerflow peering agree AS64501 --evidence",
		peering.Lapsed:          "peerflow peering agree AS64501 --evidence",
		peering.Declined:        "peerflow peering agree AS64501 --exchange ams-ix --evidence",
		peering.Disputed:        "peerflow peering agree AS64501 --exchange ams-ix --evidence",
		peering.Suspended:       "peerflow peering agree AS64501 --exchange ams-ix --evidence",
		peering.Ignored:         "peerflow peering agree AS64501 --exchange ams-ix --evidence",
		peering.Ended:           "peerflow peering agree AS64501 --exchange ams-ix --evidence",
		peering.Ending:          "it ends first",
	} {
		err := peering.RefuseUnagreed([]peering.OpenedSession{{SessionID: 7, PeerAddress: "192.0.2.7", SessionAS: 64501, SessionExchange: "ams-ix", PeerAS: 64501, Exchange: "ams-ix",
			State: state, Reason: "ticket 9"}})
		if remedy == "" {
			if err != nil {
				t.Errorf("%s is refused: %v", state, err)
			}
			continue
		}
		if peering.KindOf(err) != peering.Denied {
			t.Errorf("%s: %v, want denied", state, err)
			continue
		}
		for _, want := range []string{"192.0.2.7 (7)", "AS64501 at ams-ix", string(state) + " (ticket 9)", remedy} {
			if !strings.Contains(err.Error(), want) {
				t.Errorf("%s: %q doesn't say %q", state, err, want)
			}
		}
	}
	direct := peering.RefuseUnagreed([]peering.OpenedSession{{SessionAS: 64501, PeerAS: 64501, State: peering.Suspended}})
	if direct == nil || !strings.Contains(direct.Error(), "AS64501 (direct)") || !strings.Contains(direct.Error(), "--exchange direct") {
		t.Errorf("direct: %v", direct)
	}
}

func TestASessionGoesByItsOwnPeering(t *testing.T) {
	t.Parallel()
	own := peering.OpenedSession{SessionID: 7, PeerAddress: "192.0.2.7", SessionAS: 64501, SessionExchange: "ams-ix", PeerAS: 64501, Exchange: "ams-ix", State: peering.Agreed}
	if err := peering.RefuseUnagreed([]peering.OpenedSession{own}); err != nil {
		t.Error(err)
	}
	another, elsewhere := own, own
	another.PeerAS, elsewhere.Exchange = 64502, ""
	for s, words := range map[peering.OpenedSession]string{another: "names the peering with AS64502 at ams-ix", elsewhere: "names the peering with AS64501 (direct)"} {
		if err := peering.RefuseUnagreed([]peering.OpenedSession{s}); peering.KindOf(err) != peering.Denied || !strings.Contains(err.Error(), words) {
			t.Errorf("%v, want %q", err, words)
		}
	}
}
