package peering

import (
	"cmp"
	"encoding/json"
	"maps"
	"net/netip"
	"slices"

	"peerflow/internal/bgp"
)

// AskFacts is what a text to a peer goes by: planning's facts over all exchanges,
// and what they lack of ours and of the sessions that stand.
type AskFacts struct {
	PlanningFacts
	Ours      map[int64]AutonomousSystem // of our routers, by id
	Published map[bgp.ASN]PDBNetwork     // ours, as PeeringDB has them; absent when it doesn't
	Recorded  map[int64]Session          // with the peer, by id
	Up        map[int64]bool             // of them, those that are Established
}

// Ask is what one text asks a network for, over all exchanges.
type Ask struct {
	Peer      AskSide
	Us        []AskSide // most networks have one AS number
	Exchanges []AskExchange
}

// AskSide is one of the two networks, as the other one configures it.
type AskSide struct {
	ASN      bgp.ASN
	Name     string
	IRRASSet string // "" when none is known
	Limits   PDBLimits
	Contact  string // "" when none is recorded
}

// AskExchange is one venue with the sessions that the peer should configure there.
type AskExchange struct {
	Name     string
	Agreed   bool // only its configuration is missing
	Sessions []AskSession
}

// AskSession is one session, seen by both sides.
type AskSession struct {
	Family       bgp.Family
	OurASN       bgp.ASN
	Ours, Theirs netip.Addr
	Password     bool // it has one, which goes another way
}

// AskText is a text to send to a network; nothing sends it.
type AskText struct {
	ASN      bgp.ASN `json:"asn"`
	Contacts string  `json:"contacts" doc:"where the network publishes whom to write to"`
	Subject  string  `json:"subject"`
	Body     string  `json:"body"`
}

// NewAsk gathers what the peer is asked for: the sessions at every exchange where
// its answer is awaited, and those that are agreed and not up. Conflict: there is
// nothing to ask for.
func NewAsk(f AskFacts) (Ask, error) {
	facts := f.PlanningFacts
	facts.Peerings = maps.Clone(f.Peerings)
	for id, p := range facts.Peerings {
		if p.State == RequestedByUs || p.State == RequestedByThem {
			p.State = Agreed // as it would be, once it answers
			facts.Peerings[id] = p
		}
	}
	plan, err := PlanSessions(facts, true)
	if err != nil {
		return Ask{}, err
	}
	ask := Ask{Peer: AskSide{ASN: f.Peer.ASN, Name: f.Peer.Name, IRRASSet: f.Peer.IRRASSet,
		Limits: PDBLimits{IPv4: f.Peer.InfoPrefixes4, IPv6: f.Peer.InfoPrefixes6}}}
	venues := map[int64]*AskExchange{}
	for _, s := range slices.Concat(plan.There, plan.Sessions) {
		if r, known := f.Recorded[s.ID]; !f.Up[s.ID] && (!known || r.Intent == Present) {
			f.add(&ask, venues, s)
		}
	}
	if len(venues) == 0 {
		return Ask{}, Errorf(Conflict, "there is nothing to ask %s for: no answer of it is awaited, and no agreed session is missing; start with peerflow peer %s", f.Peer.ASN, f.Peer.ASN)
	}
	for _, id := range slices.Sorted(maps.Keys(venues)) {
		ask.Exchanges = append(ask.Exchanges, *venues[id])
	}
	return ask, nil
}

// add puts a session under its exchange, and our AS number among ours.
func (f AskFacts) add(ask *Ask, venues map[int64]*AskExchange, s Session) {
	recorded := f.Recorded[s.ID]
	us := f.us(f.Ours[f.Routers[s.RouterID].LocalASID])
	if recorded.LocalAS != 0 {
		us = AskSide{ASN: recorded.LocalAS}
	}
	if !slices.ContainsFunc(ask.Us, func(other AskSide) bool { return other.ASN == us.ASN }) {
		ask.Us = append(ask.Us, us)
	}
	i := slices.IndexFunc(f.Connections, func(c Connection) bool { return c.ID == s.ConnectionID })
	ixp := f.IXPs[f.Connections[i].IXPID]
	if venues[ixp.ID] == nil {
		venues[ixp.ID] = &AskExchange{Name: ixp.Name, Agreed: f.Peerings[ixp.ID].State == Agreed}
	}
	family := bgp.FamilyOf(s.PeerAddress)
	ours, _, _ := f.Connections[i].Address(family)
	if recorded.LocalAddress.IsValid() {
		ours = recorded.LocalAddress
	}
	venues[ixp.ID].Sessions = append(venues[ixp.ID].Sessions,
		AskSession{Family: family, OurASN: us.ASN, Ours: ours, Theirs: s.PeerAddress, Password: !recorded.Password.IsZero()})
}

// us is our side: what is recorded of it, else what PeeringDB has.
func (f AskFacts) us(as AutonomousSystem) AskSide {
	published := f.Published[as.ASN]
	side := AskSide{ASN: as.ASN, Name: cmp.Or(as.Name, published.Name), IRRASSet: cmp.Or(as.IRRASSet, published.IRRASSet),
		Limits: PDBLimits{IPv4: published.InfoPrefixes4, IPv6: published.InfoPrefixes6}}
	if n, ok := as.Limits.IPv4.Count(); ok {
		side.Limits.IPv4 = n
	}
	if n, ok := as.Limits.IPv6.Count(); ok {
		side.Limits.IPv6 = n
	}
	var context struct {
		Contact string `json:"contact"`
	}
	if json.Unmarshal(as.Context, &context) == nil { // its contact may be something else: a template's own
		side.Contact = context.Contact
	}
	return side
}
