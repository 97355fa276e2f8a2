package peering

import (
	"net/netip"
	"strings"
	"testing"

	"peerflow/internal/bgp"
)

func TestAHandWrittenNeighborIsNotTakenOver(t *testing.T) {
	t.Parallel()
	at := netip.MustParseAddr("192.0.2.11")
	there := []Neighbor{{Name: "hand1", Address: at, RemoteAS: 64501, State: bgp.Established}, {Address: netip.MustParseAddr("192.0.2.99")}}
	added := TouchedSession{Neighbor: at, Added: true}
	for name, c := range map[string]struct {
		touched TouchedSession
		running map[string]Stanza
		taken   bool
	}{
		"by hand":                          {touched: added, taken: true},
		"ours under another name":          {touched: added, running: map[string]Stanza{"protocol/old": {Neighbor: at}}},
		"ours, and edited":                 {touched: TouchedSession{Neighbor: at}},
		"in another VRF":                   {touched: TouchedSession{Neighbor: at, Added: true, VRF: "blue"}},
		"another neighbor is no hindrance": {touched: TouchedSession{Neighbor: netip.MustParseAddr("192.0.2.12"), Added: true}},
	} {
		taken := TakenOver([]TouchedSession{c.touched}, c.running, there)
		if (len(taken) == 1) != c.taken || len(taken) > 1 {
			t.Errorf("%s: %+v", name, taken)
		}
	}
	err := TakeOverError(there[:1])
	if KindOf(err) != Conflict || !strings.Contains(err.Error(), "192.0.2.11 as hand1 (AS64501, ") || TakeOverError(nil) != nil {
		t.Errorf("%v", err)
	}
}
