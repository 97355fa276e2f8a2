package peering

import (
	"cmp"
	"encoding/json"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"peerflow/internal/bgp"
)

// PlanningFacts is what planning sessions with a peer needs to know.
type PlanningFacts struct {
	Now         time.Time
	Peer        PDBNetwork    // as PeeringDB has it
	Ports       []PDBPresence // the peer's ports at exchanges where we are
	OurASNs     map[bgp.ASN]bool
	IXPs        map[int64]IXP
	Connections []Connection
	Routers     map[int64]Router
	Peerings    map[int64]Peering // by exchange id
	// Sessions are those that exist already on these routers, recorded or in an
	// open change, by router and peer address.
	Sessions map[SessionKey]SessionFact
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

// Ports of one peer at one exchange: above the first figure we ask, above the
// second we refuse unless all ports are meant.
const (
	manyPorts    = 4
	tooManyPorts = 16
)

// SessionPlan is which sessions a peering would get, and what was found on the way.
type SessionPlan struct {
	Sessions []Session
	There    []Session // the same with the peer's addresses that have theirs already, recorded or planned by an open change
	Findings
}

// Findings are what planning sessions has to tell people.
type Findings struct {
	Omitted []Omission
	Ask     []string   // what a person should look at before approving
	Stale   *StaleView // nil: PeeringDB's data is fresh
}

// WithOurselves refuses to peer with an AS number of ours.
func WithOurselves(asn bgp.ASN) error {
	return Errorf(Invalid, "%s is one of our own AS numbers: a network doesn't peer with itself; give the peer's", asn)
}

// PlanSessions pairs a peer's ports with our connections. It fails only when
// there is nothing to peer over at all; everything else is an omission.
func PlanSessions(f PlanningFacts, allPorts bool) (SessionPlan, error) {
	p := planner{facts: f, planned: map[SessionKey]bool{}}
	if f.OurASNs[f.Peer.ASN] {
		return SessionPlan{}, WithOurselves(f.Peer.ASN)
	}
	ports := p.portsByIXP()
	if len(ports) == 0 {
		return SessionPlan{}, Errorf(NotFound, "no common exchange with %s (%s): record the exchange and our connection there, or a direct session (POST /api/v1/sessions)", f.Peer.ASN, f.Peer.Name)
	}
	for _, ixp := range p.ixpsInOrder() {
		if err := p.venue(ixp, ports[ixp.ID], allPorts); err != nil {
			return SessionPlan{}, err
		}
	}
	return p.plan, nil
}

type planner struct {
	facts   PlanningFacts
	plan    SessionPlan
	planned map[SessionKey]bool
}

func (p *planner) portsByIXP() map[int64][]PDBPresence {
	byLAN := map[int64]int64{}
	for _, ixp := range p.facts.IXPs {
		if ixp.IXLANID != 0 {
			byLAN[ixp.IXLANID] = ixp.ID
		}
	}
	ports := map[int64][]PDBPresence{}
	for _, port := range p.facts.Ports {
		if id, ours := byLAN[port.LANID]; ours {
			ports[id] = append(ports[id], port)
		}
	}
	return ports
}

func (p *planner) ixpsInOrder() []IXP {
	ixps := make([]IXP, 0, len(p.facts.IXPs))
	for _, ixp := range p.facts.IXPs {
		ixps = append(ixps, ixp)
	}
	slices.SortFunc(ixps, func(a, b IXP) int { return cmp.Compare(a.ID, b.ID) })
	return ixps
}

func (p *planner) venue(ixp IXP, ports []PDBPresence, allPorts bool) error {
	p.vanished(ixp, ports)
	if len(ports) == 0 {
		return nil
	}
	if reason := p.facts.NoSessions(ixp); reason.Code != "" {
		p.plan.Omitted = append(p.plan.Omitted, reason)
		return nil
	}
	if len(ports) > tooManyPorts && !allPorts {
		return Errorf(Invalid, "%s has %d ports at %s: say --all-ports when all of them are meant", p.facts.Peer.ASN, len(ports), ixp.Name)
	}
	if len(ports) > manyPorts && !allPorts {
		p.plan.Ask = append(p.plan.Ask, fmt.Sprintf("%s has %d ports at %s: approve if all of them are meant, else cancel; --all-ports says so beforehand",
			p.facts.Peer.ASN, len(ports), ixp.Name))
	}
	slices.SortFunc(ports, func(a, b PDBPresence) int { return cmp.Compare(a.ID, b.ID) })
	for _, f := range bgp.Families {
		p.family(ixp, ports, f)
	}
	return nil
}

// NoSessions says why there are no sessions with the peer at one of the exchanges,
// and what would change it; an empty code means that there may be some.
func (f PlanningFacts) NoSessions(ixp IXP) Omission {
	peering := f.Peerings[ixp.ID]
	o := Omission{IXPID: ixp.ID, Exchange: ixp.Name}
	remedy := peering.State.Remedy(f.Peer.ASN, ixp.Slug)
	switch {
	case peering.State == Ignored && !peering.Awaits(f.Now):
		o.Code, o.Text = OmitIgnored, "ignored: "+orText(peering.Reason, "no reason recorded")+": "+remedy
	case peering.Via == RouteServer:
		o.Code, o.Text = OmitRSOnly, fmt.Sprintf("we take its routes from the route servers there: set via to bilateral or both in peering %d for sessions of our own", peering.ID)
	case peering.State == Agreed:
	case strings.EqualFold(f.Peer.PolicyGeneral, "No") && peering.State != RequestedByThem && peering.Awaits(f.Now):
		o.Code, o.Text = OmitPolicyNo, "its peering policy is No: if it peers with us all the same, "+remedy
	default:
		o.Code, o.Text = OmitNotAgreed, "not agreed: "+sayPeering(peering.State, peering.Reason)+": "+remedy
	}
	return o
}

// family pairs ports and connections of one family at one exchange.
func (p *planner) family(ixp IXP, ports []PDBPresence, f bgp.Family) {
	ours := p.connections(ixp, f)
	var usable []portAddress
	for i, port := range ports {
		addr := port.address(f)
		switch {
		case !addr.IsValid() && len(ours) == 0: // neither side has it: nothing is left out
		case !addr.IsValid():
			p.omit(ixp, port, addr, OmitNoAddress, fmt.Sprintf("no %s address there", f))
		case len(ours) == 0 && f == bgp.IPv6:
			p.omit(ixp, port, addr, OmitWeLackV6, "we have no IPv6 address there")
		case len(ours) == 0:
			p.omit(ixp, port, addr, OmitWeLackV4, "we have no enabled connection with IPv4 there")
		case !port.Operational:
			p.omit(ixp, port, addr, OmitNotOperational, "its port isn't operational")
		case p.ourOwn(addr):
			p.omit(ixp, port, addr, OmitAddressTaken, "it is the address of our own connection")
		case slices.ContainsFunc(ports[:i], func(q PDBPresence) bool { return q.address(f) == addr }):
			p.omit(ixp, port, addr, OmitExists, "PeeringDB lists this address twice")
		case port.Venue.RSASN != 0 && port.ASN == port.Venue.RSASN:
			p.omit(ixp, port, addr, OmitRouteServer, "it is the exchange's route server: record such a session yourself (POST /api/v1/sessions, with its connection_id)")
		case slices.Contains(serverTypes, p.facts.Peer.InfoType): // under another AS than PeeringDB's rs_asn, or where that isn't said
			p.omit(ixp, port, addr, OmitRouteServer, fmt.Sprintf("PeeringDB calls the network a %s: record such a session yourself (POST /api/v1/sessions, with its connection_id)", strings.ToLower(p.facts.Peer.InfoType)))
		default:
			usable = append(usable, portAddress{port, addr})
		}
	}
	p.pair(ixp, usable, ours, f)
}

// serverTypes are PeeringDB's info_type of networks that peer with everybody by design.
var serverTypes = []string{"Route Server", "Route Collector"}

type portAddress struct {
	port PDBPresence
	addr netip.Addr
}

func (port PDBPresence) address(f bgp.Family) netip.Addr {
	if f == bgp.IPv6 {
		return port.IPv6
	}
	return port.IPv4
}

func (p *planner) connections(ixp IXP, f bgp.Family) []Connection {
	var ours []Connection
	for _, c := range p.facts.Connections {
		if _, _, has := c.Address(f); c.IXPID == ixp.ID && c.State == ConnectionEnabled && has {
			ours = append(ours, c)
		}
	}
	slices.SortFunc(ours, func(a, b Connection) int {
		if a.Primary != b.Primary {
			return map[bool]int{true: -1, false: 1}[a.Primary]
		}
		return cmp.Compare(a.ID, b.ID)
	})
	return ours
}

// pair applies the mesh: which of our connections faces which port.
func (p *planner) pair(ixp IXP, ports []portAddress, ours []Connection, f bgp.Family) {
	for i, pa := range ports {
		var same []Connection
		for _, c := range ours {
			if _, lan, _ := c.Address(f); lan.Contains(pa.addr) {
				same = append(same, c)
			}
		}
		if len(same) == 0 {
			p.omit(ixp, pa.port, pa.addr, OmitOtherLAN, "its address lies outside the LAN of our connection")
			continue
		}
		chosen := p.meshed(ixp.Mesh, same, i, pa.addr)
		for _, c := range chosen {
			p.session(ixp, pa, c, f)
		}
		if left := len(same) - len(chosen); left > 0 {
			p.omit(ixp, pa.port, pa.addr, OmitMesh, fmt.Sprintf("%d of our connections left out by mesh %s", left, orMesh(ixp.Mesh)))
		}
	}
}

// meshed chooses which of our connections on the port's LAN face the i-th port.
// Where a port gets one session, the one that stands already is it.
func (p *planner) meshed(m Mesh, same []Connection, i int, addr netip.Addr) []Connection {
	there := slices.IndexFunc(same, func(c Connection) bool { _, is := p.facts.Sessions[SessionKey{c.RouterID, addr}]; return is })
	switch {
	case m == FullMesh:
		return onePerRouter(same, i)
	case m == PrimaryOnly:
		return same[:1]
	case there >= 0:
		return same[there : there+1]
	case m != PairMesh:
		return same[i%len(same):][:1] // one session per peer port, spread over our connections
	case i < len(same):
		return same[i : i+1]
	}
	return nil
}

// onePerRouter chooses one connection of each router, spread over the peer's
// ports: a router holds one session with a peer address, whatever the port it
// leaves by.
func onePerRouter(same []Connection, i int) []Connection {
	var chosen []Connection
	for n, c := range same {
		if slices.ContainsFunc(same[:n], func(o Connection) bool { return o.RouterID == c.RouterID }) {
			continue
		}
		var of []Connection
		for _, o := range same[n:] {
			if o.RouterID == c.RouterID {
				of = append(of, o)
			}
		}
		chosen = append(chosen, of[i%len(of)])
	}
	return chosen
}

func (p *planner) session(ixp IXP, pa portAddress, c Connection, f bgp.Family) {
	router := p.facts.Routers[c.RouterID]
	if router.Mode == Observe {
		p.omit(ixp, pa.port, pa.addr, OmitObserve, fmt.Sprintf("router %s is in mode observe: set it to mode manage first", router.Name))
		return
	}
	s := p.between(ixp, pa, c, router, f)
	if there, taken := p.facts.Sessions[SessionKey{c.RouterID, pa.addr}]; taken {
		p.taken(ixp, pa, there)
		if s.ID = there.SessionID; there.PeerAS == s.PeerAS {
			p.plan.There = append(p.plan.There, s)
		}
		return
	}
	if p.planned[SessionKey{c.RouterID, pa.addr}] {
		p.omit(ixp, pa.port, pa.addr, OmitExists, fmt.Sprintf("planned already at another exchange of ours with this LAN: router %s holds one session with a peer address", router.Name))
		return
	}
	p.planned[SessionKey{c.RouterID, pa.addr}] = true
	p.plan.Sessions = append(p.plan.Sessions, s)
}

// between is a session from one of our connections to a port.
func (p *planner) between(ixp IXP, pa portAddress, c Connection, router Router, f bgp.Family) Session {
	s := Session{
		Kind: IXPSession, PeeringID: p.facts.Peerings[ixp.ID].ID, RouterID: c.RouterID, ConnectionID: c.ID,
		PeerAddress: pa.addr, PeerAS: p.facts.Peer.ASN, Families: []bgp.Family{f}, Intent: Present, Sync: NotDeployed,
		Description: p.facts.Peer.Name, Context: json.RawMessage("{}"),
	}
	if router.Lab {
		s.Multihop = 2
	}
	return s
}

func (p *planner) taken(ixp IXP, pa portAddress, there SessionFact) {
	switch {
	case there.PeerAS != p.facts.Peer.ASN:
		p.omit(ixp, pa.port, pa.addr, OmitAddressTaken, fmt.Sprintf("the address is %s's here: ask who moved, nothing is re-pointed", there.PeerAS))
	case there.ChangeID != 0:
		p.omit(ixp, pa.port, pa.addr, OmitExists, fmt.Sprintf("change %d plans it already", there.ChangeID))
	default:
		p.omit(ixp, pa.port, pa.addr, OmitExists, fmt.Sprintf("session %d exists", there.SessionID))
	}
}

// vanished tells of sessions with the peer that PeeringDB has no port for any
// more: it was renumbered or left. Nothing is done about them here.
func (p *planner) vanished(ixp IXP, ports []PDBPresence) {
	if ixp.IXLANID == 0 {
		return
	}
	var gone []SessionKey
	for key, s := range p.facts.Sessions {
		listed := slices.ContainsFunc(ports, func(port PDBPresence) bool { return port.IPv4 == key.PeerAddress || port.IPv6 == key.PeerAddress })
		if s.PeerAS == p.facts.Peer.ASN && !listed && p.onLAN(ixp, key) {
			gone = append(gone, key)
		}
	}
	slices.SortFunc(gone, func(a, b SessionKey) int {
		return cmp.Or(cmp.Compare(a.RouterID, b.RouterID), a.PeerAddress.Compare(b.PeerAddress))
	})
	for _, key := range gone {
		what := fmt.Sprintf("session %d", p.facts.Sessions[key].SessionID)
		if id := p.facts.Sessions[key].ChangeID; id != 0 {
			what = fmt.Sprintf("the session that change %d plans", id)
		}
		p.plan.Omitted = append(p.plan.Omitted, Omission{Code: OmitVanished, IXPID: ixp.ID, Exchange: ixp.Name, PeerAddress: key.PeerAddress.String(),
			Text: fmt.Sprintf("PeeringDB doesn't list the address of %s on %s any more: was it renumbered? Nothing is removed by itself", what, p.facts.Routers[key.RouterID].Name)})
	}
}

// onLAN reports a session that leaves its router by a connection at the exchange.
func (p *planner) onLAN(ixp IXP, key SessionKey) bool {
	return slices.ContainsFunc(p.facts.Connections, func(c Connection) bool {
		return c.IXPID == ixp.ID && c.RouterID == key.RouterID && (c.IPv4LAN.Contains(key.PeerAddress) || c.IPv6LAN.Contains(key.PeerAddress))
	})
}

func (p *planner) ourOwn(addr netip.Addr) bool {
	return slices.ContainsFunc(p.facts.Connections, func(c Connection) bool { return c.IPv4 == addr || c.IPv6 == addr })
}

func (p *planner) omit(ixp IXP, _ PDBPresence, addr netip.Addr, code OmissionCode, text string) {
	o := Omission{Code: code, IXPID: ixp.ID, Exchange: ixp.Name, Text: text}
	if addr.IsValid() {
		o.PeerAddress = addr.String()
	}
	p.plan.Omitted = append(p.plan.Omitted, o)
}

// AgreesByRule reports that a peer counts as agreed without being asked: its
// policy is open, and the exchange's rule is configure_then_ask.
func AgreesByRule(ixp IXP, peer PDBNetwork) bool {
	return ixp.Agreement == ConfigureThenAsk && strings.EqualFold(peer.PolicyGeneral, "Open")
}

func orText(s, fallback string) string {
	if s == "" {
		return fallback
	}
	return s
}

func orMesh(m Mesh) Mesh {
	if m == "" {
		return OnePerPeerPort
	}
	return m
}
