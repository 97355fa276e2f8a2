package peering

import (
	"fmt"

	"peerflow/internal/bgp"
)

// EffectiveSession is what holds for a session as it is recorded, each value with
// its origin: what its router's template is given, without an open change's edits.
type EffectiveSession struct {
	SessionID    int64               `json:"session_id"`
	RouterID     int64               `json:"router_id"`
	Router       string              `json:"router"`
	Protected    string              `json:"protected,omitempty" doc:"why no change may touch it, unless its kind allows it"`
	Relationship Effective[string]   `json:"relationship" doc:"slug; empty when there is none"`
	Role         Effective[bgp.Role] `json:"role" doc:"ours, as RFC 9234 names it"`
	LocalAS      Effective[bgp.ASN]  `json:"local_asn"`
	LocalAddress Effective[string]   `json:"local_address" doc:"empty where the router chooses it"`
	BGPPort      Effective[*int]     `json:"bgp_port" doc:"TCP port"`
	Families     []EffectiveFamily   `json:"families"`
	HoldTime     Effective[*int]     `json:"hold_time" doc:"seconds; null: the router's default"`
	Multihop     Effective[*int]     `json:"multihop" doc:"TTL; null: single hop"`
	Passive      Effective[bool]     `json:"passive" doc:"we wait for the peer to connect"`
	// Password names a version of a stored secret, never its value.
	Password Effective[*SecretRef] `json:"password" doc:"the stored secret's id and version, never its value; null: none"`
}

// EffectiveFamily is what holds in one address family.
type EffectiveFamily struct {
	Family bgp.Family                 `json:"family"`
	Limit  Effective[bgp.PrefixLimit] `json:"prefix_limit" doc:"null with origin none: it has none, and isn't deployed without one"`
	Import []Effective[PolicyRef]     `json:"import_policies" doc:"in the order they apply: weight, then session, autonomous system, group, exchange"`
	Export []Effective[PolicyRef]     `json:"export_policies" doc:"in the order they apply"`
}

// PolicyRef names a routing policy.
type PolicyRef struct {
	ID   int64  `json:"id"`
	Slug string `json:"slug"`
}

// EffectiveOf gives what holds for one session of the router; not_found when it
// isn't one of them.
func (d Desired) EffectiveOf(sessionID int64) (EffectiveSession, error) {
	s, known := d.Sessions[sessionID]
	if !known {
		return EffectiveSession{}, Errorf(NotFound, "no session %d on router %s", sessionID, d.Router.Name)
	}
	relationship := d.Relationship(s)
	e := EffectiveSession{
		SessionID: s.ID, RouterID: d.Router.ID, Router: d.Router.Name, Protected: d.Protected(s),
		Relationship: sourced(d, s, Effective[string]{Value: relationship.Value.Slug, Origin: relationship.Origin}),
		Role:         sourced(d, s, Effective[bgp.Role]{Value: relationship.Value.Role, Origin: relationship.Origin}),
		LocalAS:      sourced(d, s, d.localAS(s)),
		LocalAddress: sourced(d, s, d.LocalAddressOf(s)),
		BGPPort:      sourced(d, s, Effective[*int]{Value: &d.Router.BGPPort, Origin: FromRouter}),
		HoldTime:     sourced(d, s, own(s.HoldTime, s.HoldTime != nil)),
		Multihop:     sourced(d, s, own[*int](nil, false)),
		Passive:      sourced(d, s, own(s.Passive, s.Passive)),
		Password:     sourced(d, s, own[*SecretRef](nil, false)),
	}
	if s.Multihop != 0 {
		e.Multihop = sourced(d, s, own(&s.Multihop, true))
	}
	if !s.Password.IsZero() {
		e.Password = sourced(d, s, own(&s.Password, true))
	}
	for _, f := range s.Families {
		e.Families = append(e.Families, EffectiveFamily{Family: f, Limit: d.limitFrom(s, f),
			Import: d.policyRefs(s, Import, f), Export: d.policyRefs(s, Export, f)})
	}
	return e, nil
}

// sourced adds to a value what its origin is called.
func sourced[T any](d Desired, s Session, e Effective[T]) Effective[T] {
	e.From = d.originName(s, e.Origin)
	return e
}

// own is a value that only the session itself can have.
func own[T any](v T, set bool) Effective[T] {
	if !set {
		return Effective[T]{Value: v, Origin: FromNowhere}
	}
	return Effective[T]{Value: v, Origin: FromSession}
}

// originName calls an origin by the name of its record.
func (d Desired) originName(s Session, origin Origin) string {
	switch origin {
	case FromSession:
		return fmt.Sprintf("session %d", s.ID)
	case FromNetwork:
		n, _ := d.Network(s.PeerAS)
		return fmt.Sprintf("%s %s", n.ASN, n.Name)
	case FromGroup:
		return "BGP group " + d.Groups[s.GroupID].Slug
	case FromExchange:
		return "exchange " + d.IXPs[d.Connections[s.ConnectionID].IXPID].Slug
	case FromPort:
		return fmt.Sprintf("connection %d at %s", s.ConnectionID, d.IXPs[d.Connections[s.ConnectionID].IXPID].Slug)
	case FromRouter:
		return "router " + d.Router.Name
	case FromMirror, FromRule, FromNowhere:
	}
	return ""
}

// limitFrom is the effective prefix limit with the figures that it follows from.
func (d Desired) limitFrom(s Session, f bgp.Family) Effective[bgp.PrefixLimit] {
	e := d.LimitOf(s, f)
	published := d.Mirror[s.PeerAS].For(f)
	switch {
	case e.Origin == FromMirror:
		e.From = fmt.Sprintf("PeeringDB's %d for %s, × 1.1", published, s.PeerAS)
	case e.Origin == FromRule && published > 0:
		e.From = fmt.Sprintf("the least in %s, as PeeringDB's %d for %s is low", f, published, s.PeerAS)
	case e.Origin == FromRule:
		e.From = fmt.Sprintf("the least in %s, as PeeringDB has no figure for %s", f, s.PeerAS)
	case e.Origin == FromNowhere:
		e.From = "give the session, its group or its AS one"
	default:
		e.From = d.originName(s, e.Origin)
	}
	return e
}

func (d Desired) policyRefs(s Session, dir Direction, f bgp.Family) []Effective[PolicyRef] {
	refs := []Effective[PolicyRef]{}
	for _, p := range d.PolicyOf(s, dir, f) {
		refs = append(refs, sourced(d, s, Effective[PolicyRef]{Value: PolicyRef{p.Value.ID, p.Value.Slug}, Origin: p.Origin}))
	}
	return refs
}
