package render

import (
	"net/netip"
	"regexp"
	"slices"
	"strings"

	"peerflow/internal/jinja"
)

// systemOnly refuses what is no autonomous system.
func systemOnly(s *jinja.State, in jinja.Value, otherwise string) (*AutonomousSystem, error) {
	system, ok := in.(*AutonomousSystem)
	if !ok {
		return nil, invalidInput(s, in, "%s: it is %s", otherwise, name(in))
	}
	return system, nil
}

// filterIXPs are the exchanges of one of our networks where a network has sessions with us.
func filterIXPs(s *jinja.State, in jinja.Value, a jinja.Args) (jinja.Value, error) {
	bound, err := a.Bind("ixps", "other")
	if err != nil {
		return nil, err
	}
	system, err := systemOnly(s, in, "ixps takes an autonomous system")
	if err != nil {
		return nil, err
	}
	at := picked(system.ixp, (*Session).exchange)
	return where("InternetExchange", inOrder(at, byExchange), func(x *InternetExchange) bool { return jinja.Value(x.Local) == bound[0] }), nil
}

// peeringDBOf is what PeeringDB has of a network; nil when it has nothing, or can't have.
func peeringDBOf(s *jinja.State, v jinja.Value) (*PeeringDBNetwork, error) {
	switch v := v.(type) {
	case *AutonomousSystem:
		return v.peeringDB(), nil
	case *PeeringDBNetwork:
		return v, nil
	}
	return nil, invalidInput(s, v, "%s is not an autonomous system or a peeringdb network", name(v))
}

// both are what PeeringDB has of two networks; two nils unless it has both and they differ.
func both(s *jinja.State, in, other jinja.Value) (mine, theirs *PeeringDBNetwork, err error) {
	if mine, err = peeringDBOf(s, in); err != nil {
		return nil, nil, err
	}
	theirs, err = peeringDBOf(s, other)
	if err != nil || mine == nil || theirs == nil || mine == theirs {
		return nil, nil, err
	}
	return mine, theirs, nil
}

// filterSharedIXPs are our exchanges where PeeringDB has both networks.
func filterSharedIXPs(s *jinja.State, in jinja.Value, a jinja.Args) (jinja.Value, error) {
	bound, err := a.Bind("shared_ixps", "other")
	if err != nil {
		return nil, err
	}
	system, ok := in.(*AutonomousSystem)
	other := bound[0]
	if !ok {
		if system, ok = other.(*AutonomousSystem); !ok {
			return nil, invalidInput(s, in, "one of the values must be an autonomous system")
		}
		other = in
	}
	return system.sharedExchanges(s, other)
}

func (a *AutonomousSystem) sharedExchanges(s *jinja.State, other jinja.Value) (*querySet, error) {
	mine, theirs, err := both(s, a, other)
	if err != nil || mine == nil {
		return rows[*InternetExchange]("InternetExchange", nil), err
	}
	local := a // ours is the other one, when that is a network of ours too
	if system, ok := other.(*AutonomousSystem); ok {
		local = system
	}
	lans := theirs.lans()
	shared := only(mine.lans(), func(l *IXLan) bool { return slices.Contains(lans, l) })
	return where("InternetExchange", a.net.Exchanges, func(x *InternetExchange) bool {
		return x.lan() != nil && x.Local == local && slices.Contains(shared, x.lan())
	}), nil
}

// filterSharedFacilities are the facilities where PeeringDB has both networks.
func filterSharedFacilities(s *jinja.State, in jinja.Value, a jinja.Args) (jinja.Value, error) {
	bound, err := a.Bind("shared_facilities", "other")
	if err != nil {
		return nil, err
	}
	mine, theirs, err := both(s, in, bound[0])
	if err != nil || mine == nil {
		return rows[*Facility]("Facility", nil), err
	}
	shared := only(mine.Facilities, func(f *Facility) bool { return slices.Contains(theirs.Facilities, f) })
	return rows("Facility", inOrder(shared, func(a, b *Facility) int { return byID(a, b) })), nil
}

// filterMissingSessions are the ports of a network that we have no session with: of two autonomous systems, or as
// PeeringDB knows of two networks whatever sessions there are.
func filterMissingSessions(s *jinja.State, in jinja.Value, a jinja.Args) (jinja.Value, error) {
	bound, err := a.Bind("missing_sessions", "other", "ixp?")
	if err != nil {
		return nil, err
	}
	var ixp *InternetExchange
	if given(bound[1]) {
		x, ok := bound[1].(*InternetExchange)
		if !ok {
			return nil, invalidInput(s, bound[1], "missing_sessions takes an exchange, and not %s", name(bound[1]))
		}
		ixp = x
	}
	system, isSystem := in.(*AutonomousSystem)
	if other, ok := bound[0].(*AutonomousSystem); ok && isSystem {
		return system.missing(s, other, ixp)
	}
	mine, theirs, err := both(s, in, bound[0])
	if err != nil || mine == nil {
		return rows[*NetworkIXLan]("NetworkIXLan", nil), err
	}
	lans := mine.lans()
	if ixp != nil {
		lans = only(lans, func(l *IXLan) bool { return ixp.lan() == nil || l == ixp.lan() })
	}
	return where("NetworkIXLan", theirs.Ports, func(p *NetworkIXLan) bool { return slices.Contains(lans, p.LAN) }), nil
}

// missing are the ports of a network, at our exchanges or at one, with an address that we have no session with.
func (a *AutonomousSystem) missing(s *jinja.State, other *AutonomousSystem, ixp *InternetExchange) (*querySet, error) {
	network := a.peeringDB()
	if a == other || network == nil {
		return rows[*NetworkIXLan]("NetworkIXLan", nil), nil
	}
	known := map[netip.Addr]bool{}
	for _, session := range a.ixp {
		if ixp == nil || session.exchange() == ixp {
			known[session.Address.Addr()] = true
		}
	}
	var lans []*IXLan
	if ixp != nil {
		lans = []*IXLan{ixp.lan()}
	} else {
		shared, err := a.sharedExchanges(s, other)
		if err != nil {
			return nil, err
		}
		for _, x := range shared.Items() {
			lans = append(lans, x.(*InternetExchange).lan())
		}
	}
	return where("NetworkIXLan", network.Ports, func(p *NetworkIXLan) bool {
		lacking := p.IPv6.IsValid() && !known[p.IPv6] || p.IPv4.IsValid() && !known[p.IPv4]
		return lacking && p.LAN != nil && slices.Contains(lans, p.LAN)
	}), nil
}

// filterPrefixList are the prefixes of a network's AS-SET, or of an exchange's LAN: by family, or of one.
func filterPrefixList(s *jinja.State, in jinja.Value, a jinja.Args) (jinja.Value, error) {
	bound, err := a.Bind("prefix_list", "family?")
	if err != nil {
		return nil, err
	}
	var byFamily *jinja.Dict
	switch v := in.(type) {
	case *AutonomousSystem:
		if byFamily = v.prefixes().object(); byFamily == nil {
			byFamily = jinja.NewDict(2)
			byFamily.SetStr("ipv6", jinja.NewList())
			byFamily.SetStr("ipv4", jinja.NewList())
		}
	case *InternetExchange:
		byFamily = v.prefixes()
	default:
		return nil, invalidInput(s, in, "value has no prefixes: it is %s", name(in))
	}
	family, ok := map[int]string{4: "ipv4", 6: "ipv6"}[numberOr(bound[0], 0)]
	if !ok {
		return byFamily, nil
	}
	if list, ok := byFamily.GetStr(family); ok {
		return list, nil
	}
	return jinja.NewList(), nil
}

func filterASList(s *jinja.State, in jinja.Value, a jinja.Args) (jinja.Value, error) {
	if _, err := a.Bind("as_list", "family?"); err != nil {
		return nil, err
	}
	system, err := systemOnly(s, in, "value has no AS list")
	if err != nil {
		return nil, err
	}
	return system.numbers(), nil
}

var (
	betweenSets = regexp.MustCompile(`[/,&\s]`)
	// irrSource is one of the registries in front of an AS-SET's name.
	irrSource = regexp.MustCompile(`^(?:RPKI|RIPE|ARIN|APNIC|AFRINIC|LACNIC|RIPE-NONAUTH|RADB|ALTDB|NTTCOM|LEVEL3|TC):+\s*(.+)$`)
	irrFamily = regexp.MustCompile(`^(?:ipv4|ipv6):`)
)

// filterStripIRRSources are the AS-SETs of a network or of text without their registries, each once and in their order.
func filterStripIRRSources(s *jinja.State, in jinja.Value, a jinja.Args) (jinja.Value, error) {
	if err := none("strip_irr_sources", a); err != nil {
		return nil, err
	}
	asn, sets := int64(0), ""
	switch v := in.(type) {
	case *AutonomousSystem:
		if asn = v.ASN; v.IRRASSet != nil {
			sets = *v.IRRASSet
		}
	case jinja.Str:
		sets = string(v)
	default:
		return nil, invalidInput(s, in, "value has no IRR AS-SET: it is %s", name(in))
	}
	if strings.TrimSpace(sets) == "" {
		return jinja.NewList(jinja.Str("AS" + jinja.Repr(jinja.Int(asn)))), nil
	}
	var names []jinja.Value
	for _, set := range betweenSets.Split(sets, -1) {
		if set == "" {
			continue
		}
		if m := irrSource.FindStringSubmatch(set); m != nil {
			set = m[1]
		}
		names = append(names, jinja.Str(strings.TrimSpace(irrFamily.ReplaceAllString(set, ""))))
	}
	return jinja.NewList(uniqueItems(names)...), nil
}

// filterRelationships are those of a network's direct sessions, with all our networks or with one.
func filterRelationships(s *jinja.State, in jinja.Value, a jinja.Args) (jinja.Value, error) {
	bound, err := a.Bind("relationships", "local_autonomous_system?")
	if err != nil {
		return nil, err
	}
	system, err := systemOnly(s, in, "value has no relationships")
	if err != nil {
		return nil, err
	}
	with := only(system.direct, func(s *Session) bool { return !given(bound[0]) || jinja.Value(s.Local) == bound[0] })
	return rows("Relationship", inOrder(picked(with, func(s *Session) *Relationship { return s.Relationship }), byRelationship)), nil
}
