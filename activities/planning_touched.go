package activities

import (
	"net/netip"
	"slices"

	"peerflow/internal/bgp"
	"peerflow/internal/peering"
)

// toucher tells who a touched session is, whether it is protected, and what it
// should be announced.
type toucher struct {
	desired, before peering.Desired
	neighbors       []peering.Neighbor
}

func (t toucher) fill(s peering.TouchedSession) peering.TouchedSession {
	session, known := t.session(t.desired, s.Neighbor)
	if !known {
		session, known = t.session(t.before, s.Neighbor)
	}
	if !known {
		return s
	}
	s.SessionID, s.PeerAS = session.ID, session.PeerAS
	if r := t.desired.Relationship(session); r.Value.Protected {
		s.Protected = r.Value.Name
	}
	if t.desired.Router.ReachedVia == s.Neighbor {
		s.Protected = "it carries our own way to the router"
	}
	for _, f := range session.Families {
		s.Expect = append(s.Expect, t.expect(session, f))
	}
	return s
}

func (t toucher) session(d peering.Desired, addr netip.Addr) (peering.Session, bool) {
	for _, s := range d.Sessions {
		if s.PeerAddress == addr {
			return s, true
		}
	}
	return peering.Session{}, false
}

// expect is what the session's export policy says, else the most that an
// Established session with the same export policy is announced now.
func (t toucher) expect(s peering.Session, f bgp.Family) peering.ExpectedExport {
	e := peering.ExpectedExport{Family: f, Origin: "not known"}
	policies := t.desired.PolicyOf(s, peering.Export, f)
	for _, p := range policies {
		e.AllowDefault = e.AllowDefault || p.Value.AllowDefault
		e.AllowLong = e.AllowLong || p.Value.AllowLong
		if n, ok := p.Value.Expected(f); ok && e.Count == nil {
			e.Count, e.Origin = &n, "policy "+p.Value.Slug
		}
	}
	if e.Count != nil || len(policies) == 0 {
		return e
	}
	for _, other := range t.before.Sessions {
		if most := t.announced(other, f); most != nil && samePolicies(policies, t.before.PolicyOf(other, peering.Export, f)) {
			if e.Count == nil || *most > *e.Count {
				e.Count, e.Origin = most, "announced now to "+other.PeerAS.String()
			}
		}
	}
	return e
}

func (t toucher) announced(s peering.Session, f bgp.Family) *int64 {
	for _, n := range t.neighbors {
		if n.Address == s.PeerAddress && n.Established() {
			state, _ := n.Family(f)
			return state.Announced
		}
	}
	return nil
}

func samePolicies(a, b []peering.Effective[peering.RoutingPolicy]) bool {
	return slices.EqualFunc(a, b, func(x, y peering.Effective[peering.RoutingPolicy]) bool { return x.Value.ID == y.Value.ID })
}
