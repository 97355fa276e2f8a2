package peering

import (
	"fmt"
	"slices"
	"time"

	"peerflow/internal/bgp"
)

// OpenedSession is a session that a change adds or opens, with its peering.
type OpenedSession struct {
	SessionID   int64
	PeerAddress string
	// The session's own, which have to be those of its peering.
	SessionAS       bgp.ASN
	SessionExchange string

	PeerAS   bgp.ASN
	Exchange string // slug; "" is direct
	State    PeeringState
	Reason   string // of the state, as recorded
}

// RefuseUnagreed is denied when one of the sessions belongs to a peering that
// isn't agreed, or isn't its own, whatever the kind of change: it names session, peering, state and remedy.
func RefuseUnagreed(opened []OpenedSession) error {
	var refused []string
	for _, s := range opened {
		switch {
		case s.SessionAS != s.PeerAS || s.SessionExchange != s.Exchange: // what another peering allows allows nothing here
			refused = append(refused, fmt.Sprintf("session %s (%d) is with %s %s, and names the peering with %s %s: set its peering_id, or its peer_asn", s.PeerAddress, s.SessionID,
				s.SessionAS, venue(s.SessionExchange), s.PeerAS, venue(s.Exchange)))
		case s.State != Agreed:
			refused = append(refused, fmt.Sprintf("session %s (%d): the peering with %s %s is %s: %s", s.PeerAddress, s.SessionID, s.PeerAS,
				venue(s.Exchange), sayPeering(s.State, s.Reason), s.State.Remedy(s.PeerAS, s.Exchange)))
		}
	}
	if len(refused) == 0 {
		return nil
	}
	return Errorf(Denied, "only agreed peerings deploy; %s", Some(refused, mostNamed, "; "))
}

// awaited reports states in which nothing but the peer's answer is missing. Every
// other one that isn't agreed was decided, and is decided again for its venue by name.
func (s PeeringState) awaited() bool {
	return slices.Contains([]PeeringState{"", PeeringNone, RequestedByUs, RequestedByThem, Lapsed}, s)
}

// Awaits reports that nothing but the peer's answer is missing at a moment: what
// was ignored until then is open again.
func (p Peering) Awaits(now time.Time) bool {
	return p.State.awaited() || p.State == Ignored && !p.IgnoredUntil.IsZero() && !p.IgnoredUntil.After(now)
}

// Remedy is how a peering that isn't agreed becomes so at an exchange; "" is direct.
func (s PeeringState) Remedy(asn bgp.ASN, exchange string) string {
	switch {
	case s == Ending:
		return "it ends first, then it can be agreed again"
	case s.awaited():
		return fmt.Sprintf("record the answer with peerflow peering agree %s --evidence TEXT", asn)
	case exchange == "":
		exchange = Direct
	}
	return fmt.Sprintf("if that is over, peerflow peering agree %s --exchange %s --evidence TEXT", asn, exchange)
}

// Direct is what people call the venue of a peering over no exchange.
const Direct = "direct"

func venue(exchange string) string {
	if exchange == "" {
		return "(direct)"
	}
	return "at " + exchange
}

func sayPeering(s PeeringState, reason string) string {
	said := string(s)
	if said == "" {
		said = string(PeeringNone)
	}
	if reason != "" {
		said += " (" + reason + ")"
	}
	return said
}
