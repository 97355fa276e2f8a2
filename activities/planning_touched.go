package activities

import (
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"

	"peerflow/internal/bgp"
	"peerflow/internal/peering"
)

// toucher tells who a touched session is, whether it is protected, and what it
// should be announced.
type toucher struct {
	desired, before peering.Desired
	neighbors       []peering.Neighbor
	stanzas         map[string]peering.Stanza // that the router runs
	reached         map[string]bool           // of them, those that move or refer to one that does
	own             map[netip.Addr]bool       // neighbors whose own stanza moves
	deployed        []peering.DeployedSession
}

func (t toucher) fill(s peering.TouchedSession) peering.TouchedSession {
	session, known := t.session(t.desired, s)
	if !known {
		session, known = t.session(t.before, s)
	}
	if known {
		s.SessionID, s.PeerAS, s.VRF, s.Shut = session.ID, session.PeerAS, session.VRF, session.Intent == peering.Shutdown
		for _, f := range session.Families {
			s.Expect = append(s.Expect, t.expect(session, f))
			if t.takesNothing(session, f) {
				s.TakesNothing = append(s.TakesNothing, f)
			}
		}
	} else {
		s.VRF, s.PeerAS = t.unrecorded(s.Neighbor)
	}
	if !s.Removed && known {
		s.Protects = t.desired.Protected(session)
	}
	s.Protected, s.Opened = t.protected(session, s), t.opened(session, s)
	for _, n := range t.neighbors {
		if n.Key() == s.Key() && n.Established() {
			s.ImportMoves = t.importMoves(n) || t.importsDiffer(session)
		}
	}
	return s
}

// opened reports a session that is there already and that the plan opens: it is
// recorded as shut, the router has it shut, or it has another neighbor there.
func (t toucher) opened(session peering.Session, s peering.TouchedSession) bool {
	open := session.Intent == peering.Present || session.Intent == peering.Draining
	if s.Added || s.Removed || !open || !t.own[s.Neighbor] {
		return false
	}
	before, was := t.before.Sessions[session.ID]
	runs := slices.ContainsFunc(slices.Collect(maps.Values(t.stanzas)), func(o peering.Stanza) bool { return o.Neighbor == s.Neighbor })
	shut := slices.ContainsFunc(t.neighbors, func(n peering.Neighbor) bool { return n.Key() == s.Key() && n.AdminDown })
	return shut || !runs || was && before.Intent != peering.Present && before.Intent != peering.Draining
}

// protected is why a session is touched by no change whose kind doesn't allow
// it: as it is recorded before the change or after, or was when it was last
// deployed. An edit or a deletion of the record makes it no less protected.
func (t toucher) protected(session peering.Session, s peering.TouchedSession) string {
	if t.desired.Router.ReachedVia == s.Neighbor || t.before.Router.ReachedVia == s.Neighbor ||
		s.From.IsValid() && t.before.Router.ReachedVia == s.From {
		return peering.CarriesManagement
	}
	if session.HeldByHand && session.Intent == peering.Shutdown {
		return "" // one that stays shut has nothing left to protect
	}
	for _, d := range t.deployed {
		if (d.NeighborKey == s.Key() || s.From.IsValid() && d.Address == s.From) && d.Protected != "" {
			return d.Protected
		}
	}
	if session.ID == 0 {
		return t.internal(s)
	}
	if before, was := t.before.Sessions[session.ID]; was {
		if why := t.before.Protected(before); why != "" {
			return why
		}
	}
	return t.desired.Protected(session)
}

// unrecorded tells of a neighbor that no record has: as it was deployed, else as the router has it.
func (t toucher) unrecorded(neighbor netip.Addr) (vrf string, as bgp.ASN) {
	for _, d := range t.deployed {
		if d.Address == neighbor {
			return d.VRF, d.PeerAS
		}
	}
	for _, n := range t.neighbors {
		if n.Address == neighbor {
			return n.VRF, n.RemoteAS
		}
	}
	return "", 0
}

// internal is why a session without a record is protected, as the router has it.
func (t toucher) internal(s peering.TouchedSession) string {
	for _, n := range t.neighbors {
		if n.Key() == s.Key() && n.RemoteAS == n.LocalAS {
			return "iBGP"
		}
	}
	return ""
}

// refuseProtected names the protected sessions that a change of this kind may not touch.
func refuseProtected(kind peering.ChangeKind, plan peering.Plan, ops []peering.Operation) error {
	var protected []string
	for _, r := range plan.Routers {
		for _, t := range r.Touched {
			if !kind.MayTouch(t, ops) {
				text := fmt.Sprintf("%s %s (%s)", t.PeerAS, t.Key(), t.Protected)
				if t.SessionID == 0 && t.Protected != peering.CarriesManagement {
					text += ", whose record is gone: record it again as it was, and take it off by a change of kind depeer that names it"
				}
				protected = append(protected, text)
			}
		}
	}
	if len(protected) == 0 {
		return nil
	}
	return peering.Errorf(peering.Denied, "a change of kind %s may not touch these protected sessions: %s", kind, peering.Some(protected, named, ", "))
}

// importMoves reports that the moves reach what an Established session is
// accepted through. A policy that isn't a stanza of ours can't be told from the
// session's own stanza: what it accepts has no forecast then.
func (t toucher) importMoves(n peering.Neighbor) bool {
	for _, f := range n.Families {
		for name := range strings.FieldsSeq(f.ImportPolicy) {
			known := false
			for key := range t.stanzas {
				if _, own, _ := strings.Cut(key, "/"); own == name {
					known = true
					if t.reached[key] {
						return true
					}
				}
			}
			if !known {
				return true
			}
		}
	}
	return false
}

// importsDiffer reports that a recorded session gets other import policies than
// before, or drains: another filter accepts for it, though no filter moves.
func (t toucher) importsDiffer(s peering.Session) bool {
	before, was := t.before.Sessions[s.ID]
	if !was {
		return false
	}
	return (s.Intent == peering.Draining) != (before.Intent == peering.Draining) ||
		slices.ContainsFunc(s.Families, func(f bgp.Family) bool {
			return !samePolicies(t.before.PolicyOf(before, peering.Import, f), t.desired.PolicyOf(s, peering.Import, f))
		})
}

// takesNothing reports that people said so: the session drains, or each of its
// import policies expects 0 prefixes. A session without import policies is no
// such case: that is a mistake to be told (RFC 8212).
func (t toucher) takesNothing(s peering.Session, f bgp.Family) bool {
	policies := t.desired.PolicyOf(s, peering.Import, f)
	takes := func(p peering.Effective[peering.RoutingPolicy]) bool {
		n, said := p.Value.Expected(f)
		return !said || n > 0
	}
	return s.Intent == peering.Draining || len(policies) > 0 && !slices.ContainsFunc(policies, takes)
}

// session finds the record of a session that a stanza describes.
func (t toucher) session(d peering.Desired, s peering.TouchedSession) (peering.Session, bool) {
	for _, session := range d.Sessions {
		if session.PeerAddress == s.Neighbor && (s.VRF == "" || session.VRF == s.VRF) {
			return session, true
		}
	}
	return peering.Session{}, false
}

// expect is what the session's export policy says, else the most that an
// Established session with the same export policy is announced now, else what our
// own AS publishes in PeeringDB.
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
	if e.Count != nil {
		return e
	}
	for _, other := range t.before.Sessions {
		if len(policies) == 0 {
			break // nothing is announced without a policy (RFC 8212): no session tells what would be
		}
		if most := t.announced(other, f); most != nil && samePolicies(policies, t.before.PolicyOf(other, peering.Export, f)) {
			if e.Count == nil || *most > *e.Count {
				e.Count, e.Origin = most, "announced now to "+other.PeerAS.String()
			}
		}
	}
	us := t.desired.LocalASOf(s)
	if published := t.desired.Mirror[us].For(f); e.Count == nil && published > 0 {
		e.Count, e.Origin = &published, "PeeringDB's figure for "+us.String()
	}
	return e
}

func (t toucher) announced(s peering.Session, f bgp.Family) *int64 {
	for _, n := range t.neighbors {
		if n.Key() == s.Key() && n.Established() {
			state, _ := n.Family(f)
			return state.Announced
		}
	}
	return nil
}

func samePolicies(a, b []peering.Effective[peering.RoutingPolicy]) bool {
	return slices.EqualFunc(a, b, func(x, y peering.Effective[peering.RoutingPolicy]) bool { return x.Value.ID == y.Value.ID })
}
