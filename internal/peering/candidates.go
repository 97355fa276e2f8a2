package peering

import (
	"net/netip"
	"time"

	"peerflow/internal/bgp"
)

// PlanningFacts is what planning sessions with a peer needs to know.
type PlanningFacts struct {
	Now         time.Time
	Peer        PDBNetwork // as PeeringDB has it
	Ports       []PDBPort  // the peer's ports at exchanges where we are
	OurASNs     map[bgp.ASN]bool
	IXPs        map[int64]IXP
	Connections []Connection
	Routers     map[int64]Router
	Peerings    map[int64]Peering // by exchange id
	// Sessions are those that exist already on these routers, recorded or in an
	// open change, by router and peer address.
	Sessions map[SessionKey]SessionFact
	// Servers are AS numbers of route servers and collectors: they have their own flow.
	Servers map[bgp.ASN]bool
}

// SessionKey identifies a session on a router (VRF and interface are default here).
type SessionKey struct {
	RouterID    int64
	PeerAddress netip.Addr
}

// SessionFact is what already stands at a key.
type SessionFact struct {
	SessionID int64
	PeerAS    bgp.ASN
	ChangeID  int64 // the open change that plans it; 0 when it is recorded
}
