package render

import (
	"peerflow/internal/jinja"
)

const (
	directClass = "DirectPeeringSession"
	ixpClass    = "InternetExchangePeeringSession"
)

// ofFamily keeps the sessions of family 4 or 6; any other number keeps all.
func ofFamily(class string, sessions []*Session, family jinja.Value) *querySet {
	wanted := numberOr(family, 0)
	return where(class, sessions, func(s *Session) bool { return wanted != 4 && wanted != 6 || s.family() == wanted })
}

// where is a collection of the rows that hold.
func where[T jinja.Value](class string, list []T, holds func(T) bool) *querySet {
	out := make([]jinja.Value, 0, len(list))
	for _, row := range list {
		if holds(row) {
			out = append(out, row)
		}
	}
	return &querySet{class: class, items: out}
}

// given is an argument that a template may leave out or leave empty.
func given(v jinja.Value) bool {
	return v != nil && v != jinja.None && v != jinja.Str("")
}

// filterDirectSessions are the direct sessions of a network or a router.
func filterDirectSessions(s *jinja.State, in jinja.Value, a jinja.Args) (jinja.Value, error) {
	bound, err := a.Bind("direct_sessions", "family?", "group?")
	if err != nil {
		return nil, err
	}
	var all []*Session
	switch v := in.(type) {
	case *AutonomousSystem:
		all = v.direct
	case *RouterRecord:
		all = v.direct
	default:
		return nil, invalidInput(s, in, "%s has no direct peering sessions, try `sessions`", name(in))
	}
	if !given(bound[1]) {
		return ofFamily(directClass, all, bound[0]), nil
	}
	group, ok := bound[1].(*BGPGroup)
	if !ok {
		return nil, invalidInput(s, bound[1], "direct_sessions takes a BGP group, and not %s", name(bound[1]))
	}
	return ofFamily(directClass, only(all, func(s *Session) bool { return s.Group == group }), bound[0]), nil
}

func only[T any](list []T, holds func(T) bool) []T {
	var out []T
	for _, row := range list {
		if holds(row) {
			out = append(out, row)
		}
	}
	return out
}

// filterIXPSessions are the sessions of a network or a router over exchanges, or over one.
func filterIXPSessions(s *jinja.State, in jinja.Value, a jinja.Args) (jinja.Value, error) {
	bound, err := a.Bind("ixp_sessions", "family?", "ixp?")
	if err != nil {
		return nil, err
	}
	var all []*Session
	switch v := in.(type) {
	case *AutonomousSystem:
		all = v.ixp
	case *RouterRecord:
		all = v.ixp
	default:
		return nil, invalidInput(s, in, "%s has no ixp peering sessions, try `sessions`", name(in))
	}
	if !given(bound[1]) {
		return ofFamily(ixpClass, all, bound[0]), nil
	}
	ixp, ok := bound[1].(*InternetExchange)
	if !ok {
		return nil, invalidInput(s, bound[1], "ixp_sessions takes an exchange, and not %s", name(bound[1]))
	}
	return ofFamily(ixpClass, only(all, func(s *Session) bool { return s.exchange() == ixp }), bound[0]), nil
}

// sessionMethods are Peering Manager's methods with which a network or a router gives its sessions.
func sessionMethods[T jinja.Value]() fields[T] {
	return fields[T]{
		"get_direct_peering_sessions": func(r T) jinja.Value {
			return narrowing("get_direct_peering_sessions", "bgp_group", r, filterDirectSessions, "group")
		},
		"get_ixp_peering_sessions": func(r T) jinja.Value {
			return narrowing("get_ixp_peering_sessions", "internet_exchange_point", r, filterIXPSessions, "ixp")
		},
	}
}

// narrowing is a filter called as a method, with its one argument by another name.
func narrowing(name, param string, on jinja.Value, filter jinja.Filter, as string) jinja.Value {
	return &jinja.Func{Name: name, Fn: func(s *jinja.State, a jinja.Args) (jinja.Value, error) {
		bound, err := a.Bind(name, param+"?")
		if err != nil || bound[0] == nil {
			a = jinja.Args{}
		} else {
			a = jinja.Args{Kw: []jinja.Keyword{{Name: as, Value: bound[0]}}}
		}
		if err != nil {
			return nil, err
		}
		return filter(s, on, a)
	}}
}

// filterSessions are the sessions of a group or of an exchange.
func filterSessions(s *jinja.State, in jinja.Value, a jinja.Args) (jinja.Value, error) {
	bound, err := a.Bind("sessions", "family?")
	if err != nil {
		return nil, err
	}
	switch v := in.(type) {
	case *BGPGroup:
		return ofFamily(directClass, v.sessions, bound[0]), nil
	case *InternetExchange:
		return ofFamily(ixpClass, v.sessions, bound[0]), nil
	}
	return nil, invalidInput(s, in, "%s has no generic peering sessions, try `direct_sessions` or `ixp_sessions`", name(in))
}

func filterRouteServer(s *jinja.State, in jinja.Value, a jinja.Args) (jinja.Value, error) {
	bound, err := a.Bind("route_server", "family?")
	if err != nil {
		return nil, err
	}
	x, ok := in.(*InternetExchange)
	if !ok {
		return nil, invalidInput(s, in, "value is not an internet exchange: it is %s", name(in))
	}
	return ofFamily(ixpClass, only(x.sessions, func(s *Session) bool { return s.RouteServer }), bound[0]), nil
}

func filterConnections(s *jinja.State, in jinja.Value, a jinja.Args) (jinja.Value, error) {
	if err := none("connections", a); err != nil {
		return nil, err
	}
	switch v := in.(type) {
	case *InternetExchange:
		return v.getConnections(), nil
	case *RouterRecord:
		return v.getConnections(), nil
	}
	return nil, invalidInput(s, in, "%s has no connections", name(in))
}

// routerOnly refuses what is no router.
func routerOnly(s *jinja.State, in jinja.Value) (*RouterRecord, error) {
	r, ok := in.(*RouterRecord)
	if !ok {
		return nil, invalidInput(s, in, "value is not a router: it is %s", name(in))
	}
	return r, nil
}

// filterDirectPeers are the networks that a router has direct sessions with, or those in the group of a slug.
func filterDirectPeers(s *jinja.State, in jinja.Value, a jinja.Args) (jinja.Value, error) {
	group, err := textArgs(s, a, "direct_peers", "group?")
	if err != nil {
		return nil, err
	}
	r, err := routerOnly(s, in)
	if err != nil {
		return nil, err
	}
	return systemsOf(only(r.direct, func(s *Session) bool { return group[0] == "" || s.Group != nil && s.Group.Slug == group[0] })), nil
}

// filterIXPPeers are the networks that a router has sessions with over exchanges, or over the one of a slug.
func filterIXPPeers(s *jinja.State, in jinja.Value, a jinja.Args) (jinja.Value, error) {
	ixp, err := textArgs(s, a, "ixp_peers", "ixp?")
	if err != nil {
		return nil, err
	}
	r, err := routerOnly(s, in)
	if err != nil {
		return nil, err
	}
	return systemsOf(only(r.ixp, func(s *Session) bool {
		return ixp[0] == "" || s.exchange() != nil && s.exchange().Slug == ixp[0]
	})), nil
}

func filterBFDs(s *jinja.State, in jinja.Value, a jinja.Args) (jinja.Value, error) {
	if err := none("bfds", a); err != nil {
		return nil, err
	}
	r, err := routerOnly(s, in)
	if err != nil {
		return nil, err
	}
	return r.bfds(), nil
}
