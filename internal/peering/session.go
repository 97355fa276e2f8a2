package peering

import (
	"net/netip"
	"time"

	"peerflow/internal/bgp"
)

// Peering is the agreement with a peer at one venue: an exchange, or direct (IXPID 0).
type Peering struct {
	Meta
	LocalASID    int64        `json:"local_as_id"`
	PeerASID     int64        `json:"peer_as_id"`
	IXPID        int64        `json:"exchange_id"`
	State        PeeringState `json:"state"`
	Evidence     Evidence     `json:"evidence"`
	EvidenceText string       `json:"evidence_text"`
	Via          Via          `json:"via"`
	IgnoredUntil time.Time    `json:"ignored_until,omitzero"`
	Reason       string       `json:"reason"`
}

// PeeringState is how far the two networks agree. Only agreed peerings deploy.
type PeeringState string

const (
	PeeringNone     PeeringState = "none"
	RequestedByUs   PeeringState = "requested_by_us"
	RequestedByThem PeeringState = "requested_by_them"
	Agreed          PeeringState = "agreed"
	Declined        PeeringState = "declined"
	Lapsed          PeeringState = "lapsed"
	Disputed        PeeringState = "disputed"
	Suspended       PeeringState = "suspended"
	Ending          PeeringState = "ending"
	Ended           PeeringState = "ended"
	Ignored         PeeringState = "ignored"
)

// Evidence is why a peering counts as agreed.
type Evidence string

const (
	NoEvidence   Evidence = "none"
	OpenPolicy   Evidence = "open_policy" // the peer's policy is open, and our rule says that is enough
	ByMail       Evidence = "mail"
	ByTicket     Evidence = "ticket"
	ByAPI        Evidence = "api"
	AdoptedOne   Evidence = "adopted" // it was on the router before
	PersonSaysSo Evidence = "person"
)

// Via is how we want routes of a peer: from it, from a route server, or both.
type Via string

const (
	Bilateral   Via = "bilateral"
	RouteServer Via = "route_server"
	BothWays    Via = "both"
)

// Session is our record of one BGP session; the router's view of it is a Neighbor.
type Session struct {
	Meta
	Kind           SessionKind  `json:"kind"`
	PeeringID      int64        `json:"peering_id" doc:"the agreement that it belongs to. Left out of a new direct session it is that of our AS and the peer's over no exchange, recorded in state none if it isn't yet"`
	RouterID       int64        `json:"router_id"`
	ConnectionID   int64        `json:"connection_id"`   // ixp sessions; 0 for direct ones
	GroupID        int64        `json:"group_id"`        // direct sessions; 0: none
	RelationshipID int64        `json:"relationship_id"` // 0: the exchange's or group's
	VRF            string       `json:"vrf"`
	Interface      string       `json:"interface"` // link-local peers only
	PeerAddress    netip.Addr   `json:"peer_address"`
	LocalAddress   netip.Addr   `json:"local_address,omitzero"` // zero: the connection's
	PeerAS         bgp.ASN      `json:"peer_asn"`
	LocalAS        bgp.ASN      `json:"local_asn"` // 0: the router's
	Families       []bgp.Family `json:"families"`
	Intent         Intent       `json:"intent"`
	HeldByHand     bool         `json:"held_by_hand"` // shut down on the router by a person or a guard: only a person lifts it
	HeldReason     string       `json:"held_reason"`  // what peerflow shut it for; "" when a person did
	Sync           Sync         `json:"sync"`
	Limits         Limits       `json:"prefix_limits"`
	Policies
	Communities []int64   `json:"communities" doc:"ids of the communities set on it; templates see them by value"`
	Tags        []int64   `json:"tags" doc:"ids of its tags, in their order"`
	Password    SecretRef `json:"password"`
	HoldTime    *int      `json:"hold_time"` // seconds, 0 or 3 to 65535 (RFC 4271 §4.2); nil inherits
	Multihop    int       `json:"multihop"`  // TTL, 1 to 255; 0: single hop
	Passive     bool      `json:"passive"`
	BFDID       int64     `json:"bfd_id" doc:"timers of BFD that it uses; 0: none"`
	// ServiceReference is ours for the session, such as an order or a circuit.
	ServiceReference string       `json:"service_reference" doc:"one line of at most 255 characters, without quotes, backslashes, semicolons, braces, #, ! and /*"`
	Description      string       `json:"description"`
	Context          Context      `json:"context"`
	ConfigContexts   []ContextRef `json:"config_contexts" doc:"config contexts that it is given, beneath its own context"`
	WatchUntil       time.Time    `json:"watch_until,omitzero"` // waits for the other side until then
}

// Key is what the session's router knows it by.
func (s Session) Key() NeighborKey { return NeighborKey{s.VRF, s.PeerAddress} }

// SessionKind is where a session runs.
type SessionKind string

const (
	DirectSession SessionKind = "direct"
	IXPSession    SessionKind = "ixp"
)

// Intent is what we want of a session. It is the only axis that templates see.
type Intent string

const (
	Absent   Intent = "absent"
	Present  Intent = "present"
	Draining Intent = "draining"
	Shutdown Intent = "shutdown"
	Removing Intent = "removing"
)
