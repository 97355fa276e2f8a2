package render

import (
	"cmp"
	"slices"

	"peerflow/internal/jinja"
)

var systemFields = primary[*AutonomousSystem]().with(applied[*AutonomousSystem]()).with(sessionMethods[*AutonomousSystem]()).with(fields[*AutonomousSystem]{
	"asn":                              func(a *AutonomousSystem) jinja.Value { return jinja.Int(a.ASN) },
	"name":                             func(a *AutonomousSystem) jinja.Value { return jinja.Str(a.Name) },
	"name_peeringdb_sync":              func(*AutonomousSystem) jinja.Value { return jinja.Bool(true) },
	"irr_as_set":                       func(a *AutonomousSystem) jinja.Value { return textOrNone(a.IRRASSet) },
	"irr_as_set_peeringdb_sync":        func(*AutonomousSystem) jinja.Value { return jinja.Bool(true) },
	"ipv4_max_prefixes":                func(a *AutonomousSystem) jinja.Value { return a.maxPrefixes(4) },
	"ipv4_max_prefixes_peeringdb_sync": func(*AutonomousSystem) jinja.Value { return jinja.Bool(true) },
	"ipv6_max_prefixes":                func(a *AutonomousSystem) jinja.Value { return a.maxPrefixes(6) },
	"ipv6_max_prefixes_peeringdb_sync": func(*AutonomousSystem) jinja.Value { return jinja.Bool(true) },
	"prefixes":                         func(a *AutonomousSystem) jinja.Value { return a.prefixes().get() },
	"retrieve_prefixes":                func(a *AutonomousSystem) jinja.Value { return jinja.Bool(!a.Unresolved) },
	"as_list":                          func(a *AutonomousSystem) jinja.Value { return a.numbers() },
	"retrieve_as_list":                 func(*AutonomousSystem) jinja.Value { return jinja.Bool(true) },
	"irr_sources_override":             func(a *AutonomousSystem) jinja.Value { return jinja.Str(a.IRRSources) },
	"irr_ipv4_prefixes_args_override":  func(a *AutonomousSystem) jinja.Value { return jinja.Str(a.IRRArgs4) },
	"irr_ipv6_prefixes_args_override":  func(a *AutonomousSystem) jinja.Value { return jinja.Str(a.IRRArgs6) },
	"affiliated":                       func(a *AutonomousSystem) jinja.Value { return jinja.Bool(a.Affiliated) },
	"contacts": func(a *AutonomousSystem) jinja.Value {
		return manager("ContactAssignment", inOrder(a.Contacts, byContact))
	},
	"is_private":         func(a *AutonomousSystem) jinja.Value { return jinja.Bool(a.Private) },
	"peeringdb_network":  func(a *AutonomousSystem) jinja.Value { return one(a.peeringDB()) },
	"general_policy":     func(a *AutonomousSystem) jinja.Value { return a.generalPolicy() },
	"peeringdb_contacts": func(a *AutonomousSystem) jinja.Value { return a.peeringDBContacts() },
	"can_receive_email": func(a *AutonomousSystem) jinja.Value {
		return jinja.Bool(len(a.Contacts)+len(a.peeringDBContacts().Items()) > 0)
	},
	"directpeeringsession_set":           func(a *AutonomousSystem) jinja.Value { return manager("DirectPeeringSession", a.direct) },
	"internetexchangepeeringsession_set": func(a *AutonomousSystem) jinja.Value { return manager("InternetExchangePeeringSession", a.ixp) },
	"get_routers": func(a *AutonomousSystem) jinja.Value {
		return method("get_routers", func() jinja.Value { return a.routers() })
	},
})

var systemNoun = describe("AutonomousSystem", systemFields, storedInMost+`asn name name_peeringdb_sync irr_as_set irr_as_set_peeringdb_sync
	ipv6_max_prefixes ipv6_max_prefixes_peeringdb_sync ipv4_max_prefixes ipv4_max_prefixes_peeringdb_sync prefixes retrieve_prefixes as_list
	retrieve_as_list irr_sources_override irr_ipv6_prefixes_args_override irr_ipv4_prefixes_args_override affiliated
	import_routing_policies export_routing_policies communities`)

func (*AutonomousSystem) noun() *noun                            { return systemNoun }
func (*AutonomousSystem) TypeName() string                       { return "AutonomousSystem" }
func (a *AutonomousSystem) String() string                       { return asName(a.ASN, a.Name) }
func (a *AutonomousSystem) Repr() string                         { return reprOf(a) }
func (a *AutonomousSystem) Attr(name string) (jinja.Value, bool) { return systemFields.of(a, name) }

func asName(asn int64, name string) string { return "AS" + jinja.Repr(jinja.Int(asn)) + " - " + name }

func (a *AutonomousSystem) prefixes() *Data {
	unneeded(a.unlisted, "the prefixes of networks weren't loaded")
	return &a.Prefixes
}

func (a *AutonomousSystem) numbers() *jinja.List {
	unneeded(a.unlisted, "the AS numbers of networks weren't loaded")
	if a.asList == nil {
		a.asList = jinja.NewList()
		for _, asn := range a.ASList {
			a.asList.Items = append(a.asList.Items, jinja.Int(asn))
		}
	}
	return a.asList
}

// maxPrefixes is the prefix limit in a family.
func (a *AutonomousSystem) maxPrefixes(family int) jinja.Value {
	switch {
	case a.Limit != nil:
		return jinja.Int(a.Limit(family))
	case family == 6:
		return number(a.IPv6MaxPrefixes)
	}
	return number(a.IPv4MaxPrefixes)
}

// isPrivateASN is Peering Manager's notion: what PeeringDB can't know.
func isPrivateASN(n int64) bool {
	return n == 0 || n == 23456 || n == 65535 || n == 4294967295 || n >= 64496 && n <= 65534 || n >= 65536 && n <= 131071 || n >= 4200000000 && n <= 4294967294
}

func (a *AutonomousSystem) peeringDB() *PeeringDBNetwork {
	if a.Private || a.net == nil {
		return nil
	}
	return a.net.PeeringDB.network(a.ASN)
}

func (a *AutonomousSystem) generalPolicy() jinja.Value {
	if n := a.peeringDB(); n != nil {
		return jinja.Str(n.PolicyGeneral)
	}
	return jinja.None
}

func (a *AutonomousSystem) peeringDBContacts() *querySet {
	if n := a.peeringDB(); n != nil {
		return rows("NetworkContact", n.Contacts)
	}
	return rows[*NetworkContact]("NetworkContact", nil)
}

func (a *AutonomousSystem) routers() *querySet {
	var out []*RouterRecord
	for _, s := range slices.Concat(a.direct, a.ixp) {
		if r := s.router(); r != nil && !slices.Contains(out, r) {
			out = append(out, r)
		}
	}
	return rows("Router", inOrder(out, byRouter))
}

func (a *AutonomousSystem) rank(other jinja.Value) int {
	b, _ := other.(*AutonomousSystem)
	return byASN(a, b)
}

func byASN(a, b *AutonomousSystem) int {
	return nullsLast(a, b, func(a, b *AutonomousSystem) int {
		return cmp.Or(cmp.Compare(a.ASN, b.ASN), falseFirst(a.Affiliated, b.Affiliated), byID(a, b))
	})
}

func falseFirst(a, b bool) int {
	switch {
	case a == b:
		return 0
	case b:
		return -1
	}
	return 1
}

func textOrNone(s *string) jinja.Value {
	if s == nil {
		return jinja.None
	}
	return jinja.Str(*s)
}

func number(n *int64) jinja.Value {
	if n == nil {
		return jinja.None
	}
	return jinja.Int(*n)
}
