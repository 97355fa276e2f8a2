package peering

import (
	"cmp"
	"slices"

	"peerflow/internal/bgp"
)

// Origin names where an effective value comes from.
type Origin string

const (
	FromSession  Origin = "session"
	FromNetwork  Origin = "autonomous_system"
	FromGroup    Origin = "bgp_group"
	FromExchange Origin = "exchange"
	FromPort     Origin = "connection" // our own, at an exchange
	FromRouter   Origin = "router"
	FromMirror   Origin = "peeringdb"
	FromRule     Origin = "rule" // the floor, when nothing else is known
	FromNowhere  Origin = "none" // nobody says: the platform's own default holds, if it has one
)

// Effective is a value with its origin.
type Effective[T any] struct {
	Value  T      `json:"value"`
	Origin Origin `json:"origin" enum:"session,autonomous_system,bgp_group,exchange,connection,router,peeringdb,rule,none" doc:"what kind of record it comes from"`
	From   string `json:"from,omitempty" doc:"the same by name, for people" example:"PeeringDB's 1000 for AS64501, × 1.1"` // set by EffectiveOf alone
}

// Floors of the default prefix limit, for networks that publish nothing.
const (
	floorIPv4 = 100
	floorIPv6 = 50
)

// Relationship of a session: its own, else the group's, else the exchange's.
func (d Desired) Relationship(s Session) Effective[Relationship] {
	if r, ok := d.Relationships[s.RelationshipID]; ok {
		return Effective[Relationship]{Value: r, Origin: FromSession}
	}
	if r, ok := d.Relationships[d.Groups[s.GroupID].RelationshipID]; ok {
		return Effective[Relationship]{Value: r, Origin: FromGroup}
	}
	if r, ok := d.Relationships[d.IXPs[d.Connections[s.ConnectionID].IXPID].RelationshipID]; ok {
		return Effective[Relationship]{Value: r, Origin: FromExchange}
	}
	return Effective[Relationship]{Origin: FromNowhere}
}

// Network is the peer's record, the oldest one if there were two; false when
// none exists for its AS number.
func (d Desired) Network(asn bgp.ASN) (network AutonomousSystem, found bool) {
	for _, n := range d.Networks {
		if n.ASN == asn && (!found || n.ID < network.ID) {
			network, found = n, true
		}
	}
	return network, found
}

// networkOf is a session's peer, found by its peering where it has one: a router
// has thousands of sessions.
func (d Desired) networkOf(s Session) (AutonomousSystem, bool) {
	if n, ok := d.Networks[d.Peerings[s.PeeringID].PeerASID]; ok && n.ASN == s.PeerAS {
		return n, true
	}
	return d.Network(s.PeerAS)
}

// PolicyOf is an effective policy in one family, or in several together: what
// the session says, then what its network adds, then its group or exchange;
// higher weight first within that order kept stable. A policy that occurs twice
// counts where it stands first.
func (d Desired) PolicyOf(s Session, dir Direction, families ...bgp.Family) []Effective[RoutingPolicy] {
	network, _ := d.networkOf(s)
	var out []Effective[RoutingPolicy]
	add := func(p Policies, from Origin) {
		ids := p.Import
		if dir == Export {
			ids = p.Export
		}
		for _, id := range ids {
			policy, ok := d.Policies[id]
			if ok && (policy.Family == 0 || slices.Contains(families, policy.Family)) && !holds(out, id) {
				out = append(out, Effective[RoutingPolicy]{Value: policy, Origin: from})
			}
		}
	}
	add(s.Policies, FromSession)
	add(network.Policies, FromNetwork)
	add(d.Groups[s.GroupID].Policies, FromGroup)
	add(d.IXPs[d.Connections[s.ConnectionID].IXPID].Policies, FromExchange)
	slices.SortStableFunc(out, func(a, b Effective[RoutingPolicy]) int { return b.Value.Weight - a.Value.Weight })
	return out
}

func holds(list []Effective[RoutingPolicy], id int64) bool {
	return slices.ContainsFunc(list, func(e Effective[RoutingPolicy]) bool { return e.Value.ID == id })
}

// LimitOf is the effective prefix limit of a session in one family: its own,
// the group's (direct), the network's, else what its class of session has by
// default. FromNowhere: it has none, and CheckLimits refuses it.
func (d Desired) LimitOf(s Session, f bgp.Family) Effective[bgp.PrefixLimit] {
	if l := s.Limits.For(f); !l.Inherits() {
		return Effective[bgp.PrefixLimit]{Value: l, Origin: FromSession}
	}
	if l := d.Groups[s.GroupID].Limits.For(f); !l.Inherits() {
		return Effective[bgp.PrefixLimit]{Value: l, Origin: FromGroup}
	}
	if n, ok := d.networkOf(s); ok {
		if l := n.Limits.For(f); !l.Inherits() {
			return Effective[bgp.PrefixLimit]{Value: l, Origin: FromNetwork}
		}
	}
	return d.defaultLimit(s, f)
}

// defaultLimit is max(floor, PeeringDB × 1.1). A transit has no default: what it
// announces is no figure of its own network. A route server has what it publishes
// itself, and no floor, which is meant for one network's routes.
func (d Desired) defaultLimit(s Session, f bgp.Family) Effective[bgp.PrefixLimit] {
	published, floor := d.Mirror[s.PeerAS].IPv4, int64(floorIPv4)
	if f == bgp.IPv6 {
		published, floor = d.Mirror[s.PeerAS].IPv6, floorIPv6
	}
	switch d.Relationship(s).Value.Role {
	case bgp.RoleCustomer: // we are the customer of a transit
		published, floor = 0, 0
	case bgp.RoleRSClient:
		floor = 0
	}
	origin := FromRule
	if published*11/10 > floor {
		floor, origin = published*11/10, FromMirror
	}
	limit, err := bgp.Limit(floor)
	if err != nil {
		return Effective[bgp.PrefixLimit]{Origin: FromNowhere}
	}
	return Effective[bgp.PrefixLimit]{Value: limit, Origin: origin}
}

// CheckLimits refuses a session that has no prefix limit: transits and route
// servers must be given one.
func (d Desired) CheckLimits() error {
	for _, s := range d.SessionsInOrder() {
		for _, f := range s.Families {
			if d.LimitOf(s, f).Origin == FromNowhere {
				return Errorf(Invalid, "session %d with %s at %s is %s and has no %s prefix limit: set one on the session, its group or its AS (a number or \"unlimited\")",
					s.ID, s.PeerAS, s.PeerAddress, d.Relationship(s).Value.Name, f)
			}
		}
	}
	return nil
}

// LocalAddressOf is our side of a session: its own, else the connection's in
// the peer's family.
func (d Desired) LocalAddressOf(s Session) (addr Effective[string]) {
	if s.LocalAddress.IsValid() {
		return Effective[string]{Value: s.LocalAddress.String(), Origin: FromSession}
	}
	if a, _, ok := d.Connections[s.ConnectionID].Address(bgp.FamilyOf(s.PeerAddress)); ok {
		return Effective[string]{Value: a.String(), Origin: FromPort}
	}
	return Effective[string]{Origin: FromNowhere}
}

// LocalASOf is the AS number that we open a session with: its own, else the router's.
func (d Desired) LocalASOf(s Session) bgp.ASN { return d.localAS(s).Value }

func (d Desired) localAS(s Session) Effective[bgp.ASN] {
	if s.LocalAS != 0 {
		return Effective[bgp.ASN]{Value: s.LocalAS, Origin: FromSession}
	}
	return Effective[bgp.ASN]{Value: d.LocalAS.ASN, Origin: FromRouter}
}

// For gives one family's count; 0 is unknown.
func (l PDBLimits) For(f bgp.Family) int64 {
	if f == bgp.IPv6 {
		return l.IPv6
	}
	return l.IPv4
}

// CarriesManagement is why a session that our own way to a router goes over is protected.
const CarriesManagement = "it carries our own way to the router"

// Protected is why no change may touch a session unless its kind allows it; "" when any may.
func (d Desired) Protected(s Session) string {
	r := d.Relationship(s).Value
	switch {
	case s.PeerAddress == d.Router.ReachedVia:
		return CarriesManagement
	case s.PeerAS == d.LocalASOf(s):
		return "iBGP"
	case r.Protected:
		return r.Name
	case r.Role == bgp.RoleCustomer, r.Role == bgp.RoleProvider: // we are their customer, or their provider
		return r.Name
	}
	return ""
}

// RecordGone is why a session that we deployed, and that has no record any more, is protected: nobody decided yet that it goes.
const RecordGone = "deployed by peerflow, and its record is gone"

// ProtectedNeighbor is why no change may drop a neighbor of the router, be it
// recorded or not: every one that isn't ours is protected, and what protected one
// of ours when it was deployed still does.
func (d Desired) ProtectedNeighbor(n Neighbor, deployed []DeployedSession) string {
	switch {
	case n.Address == d.Router.ReachedVia:
		return CarriesManagement
	case n.RemoteAS == n.LocalAS:
		return "iBGP"
	}
	otherwise, was := "not ours", ""
	for _, s := range deployed {
		if s.NeighborKey == n.Key() {
			otherwise, was = cmp.Or(s.Protected, RecordGone), s.Protected
		}
	}
	for _, s := range d.Sessions {
		if s.Key() == n.Key() {
			return cmp.Or(d.Protected(s), was)
		}
	}
	return otherwise
}
