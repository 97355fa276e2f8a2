package render

import (
	"cmp"
	"net/netip"
	"slices"

	"peerflow/internal/jinja"
)

// grouped is a BGP group or an exchange.
type grouped interface {
	record() *Record
	applied() *Applied
	group() *Group
}

func (g *Group) group() *Group { return g }

// grouping are the fields of groups and exchanges.
func grouping[T grouped]() fields[T] {
	return featured[T]().with(applied[T]()).with(fields[T]{
		"name":   func(g T) jinja.Value { return jinja.Str(g.group().Name) },
		"slug":   func(g T) jinja.Value { return jinja.Str(g.group().Slug) },
		"status": func(g T) jinja.Value { return jinja.Str(g.group().Status) },
	})
}

var groupFields = grouping[*BGPGroup]().with(fields[*BGPGroup]{
	"get_peering_sessions": func(g *BGPGroup) jinja.Value {
		return method("get_peering_sessions", func() jinja.Value { return g.peeringSessions() })
	},
	"directpeeringsession_set": func(g *BGPGroup) jinja.Value { return manager("DirectPeeringSession", g.sessions) },
})

var groupNoun = describe("BGPGroup", groupFields, storedAlways+"name slug status import_routing_policies export_routing_policies communities")

func (*BGPGroup) noun() *noun                            { return groupNoun }
func (*BGPGroup) TypeName() string                       { return "BGPGroup" }
func (g *BGPGroup) String() string                       { return g.Name }
func (g *BGPGroup) Repr() string                         { return reprOf(g) }
func (g *BGPGroup) Attr(name string) (jinja.Value, bool) { return groupFields.of(g, name) }
func (g *BGPGroup) peeringSessions() *querySet           { return rows("DirectPeeringSession", g.sessions) }
func (g *BGPGroup) rank(other jinja.Value) int {
	h, _ := other.(*BGPGroup)
	return nullsLast(g, h, byGroup)
}

func byGroup(a, b *BGPGroup) int {
	return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.Slug, b.Slug), byID(a, b))
}

var exchangeFields = grouping[*InternetExchange]().with(mergedMethods[*InternetExchange]()).with(fields[*InternetExchange]{
	"peeringdb_ixlan":         func(x *InternetExchange) jinja.Value { return one(x.lan()) },
	"ixapi_endpoint":          func(*InternetExchange) jinja.Value { return jinja.None },
	"linked_to_peeringdb":     func(x *InternetExchange) jinja.Value { return jinja.Bool(x.lan() != nil) },
	"local_autonomous_system": func(x *InternetExchange) jinja.Value { return one(x.Local) },
	"contacts": func(x *InternetExchange) jinja.Value {
		return manager("ContactAssignment", inOrder(x.Contacts, byContact))
	},
	"peeringdb_prefixes": func(x *InternetExchange) jinja.Value { return x.prefixes() },
	"connection_set":     func(x *InternetExchange) jinja.Value { return manager("Connection", x.connections) },
	"has_connected_routers": func(x *InternetExchange) jinja.Value {
		return jinja.Bool(slices.ContainsFunc(x.connections, func(c *Connection) bool { return c.Router != nil }))
	},
	"get_connections": func(x *InternetExchange) jinja.Value {
		return method("get_connections", func() jinja.Value { return x.getConnections() })
	},
	"get_peering_sessions": func(x *InternetExchange) jinja.Value {
		return method("get_peering_sessions", func() jinja.Value { return x.peeringSessions() })
	},
	"get_autonomous_systems": func(x *InternetExchange) jinja.Value {
		return method("get_autonomous_systems", func() jinja.Value { return systemsOf(x.sessions) })
	},
})

var exchangeNoun = describe("InternetExchange", exchangeFields, storedAlways+`name slug status peeringdb_ixlan ixapi_endpoint local_autonomous_system
	import_routing_policies export_routing_policies communities`)

func (*InternetExchange) noun() *noun                            { return exchangeNoun }
func (*InternetExchange) TypeName() string                       { return "InternetExchange" }
func (x *InternetExchange) String() string                       { return x.Name }
func (x *InternetExchange) Repr() string                         { return reprOf(x) }
func (x *InternetExchange) Attr(name string) (jinja.Value, bool) { return exchangeFields.of(x, name) }
func (x *InternetExchange) getConnections() *querySet            { return rows("Connection", x.connections) }
func (x *InternetExchange) peeringSessions() *querySet {
	return rows("InternetExchangePeeringSession", x.sessions)
}

func (x *InternetExchange) mergedPolicies(export bool) []*RoutingPolicy { return x.of(export) }

func (x *InternetExchange) rank(other jinja.Value) int {
	y, _ := other.(*InternetExchange)
	return byExchange(x, y)
}

func byExchange(a, b *InternetExchange) int {
	return nullsLast(a, b, func(a, b *InternetExchange) int {
		return cmp.Or(byASN(a.Local, b.Local), cmp.Compare(a.Name, b.Name), cmp.Compare(a.Slug, b.Slug), byID(a, b))
	})
}

// lan is what PeeringDB has of the exchange; nil when it has nothing.
func (x *InternetExchange) lan() *IXLan {
	if x.net != nil {
		x.net.PeeringDB.asked()
	}
	return x.LAN
}

// prefixes are the exchange's, by family: {"ipv4": […], "ipv6": […]}, families without any left out.
func (x *InternetExchange) prefixes() *jinja.Dict {
	byFamily := jinja.NewDict(2)
	if x.lan() == nil {
		return byFamily
	}
	for _, p := range x.LAN.Prefixes {
		key := "ipv6"
		if p.Addr().Is4() {
			key = "ipv4"
		}
		list, ok := byFamily.GetStr(key)
		if !ok {
			list = jinja.NewList()
			byFamily.SetStr(key, list)
		}
		list.(*jinja.List).Items = append(list.(*jinja.List).Items, jinja.Str(p.String()))
	}
	return byFamily
}

var connectionFields = primary[*Connection]().with(fields[*Connection]{
	"name":                    func(c *Connection) jinja.Value { return jinja.Str(c.String()) },
	"peeringdb_netixlan":      func(c *Connection) jinja.Value { return one(c.port()) },
	"linked_to_peeringdb":     func(c *Connection) jinja.Value { return jinja.Bool(c.port() != nil) },
	"status":                  func(c *Connection) jinja.Value { return jinja.Str(c.Status) },
	"vlan":                    func(c *Connection) jinja.Value { return id(int64(c.VLAN)) },
	"mac_address":             func(c *Connection) jinja.Value { return macOf(c.MAC) },
	"ipv4_address":            func(c *Connection) jinja.Value { return hostedOf(c.IPv4) },
	"ipv6_address":            func(c *Connection) jinja.Value { return hostedOf(c.IPv6) },
	"internet_exchange_point": func(c *Connection) jinja.Value { return one(c.Exchange) },
	"router":                  func(c *Connection) jinja.Value { return one(c.Router) },
	"interface":               func(c *Connection) jinja.Value { return jinja.Str(c.Interface) },
	"internetexchangepeeringsession_set": func(c *Connection) jinja.Value {
		return manager("InternetExchangePeeringSession", c.sessions)
	},
})

var connectionNoun = describe("Connection", connectionFields, storedInMost+`peeringdb_netixlan status vlan mac_address ipv6_address ipv4_address
	internet_exchange_point router interface`)

func (*Connection) noun() *noun                            { return connectionNoun }
func (*Connection) TypeName() string                       { return "Connection" }
func (c *Connection) Repr() string                         { return reprOf(c) }
func (c *Connection) Attr(name string) (jinja.Value, bool) { return connectionFields.of(c, name) }

func (c *Connection) String() string {
	name := ""
	if c.Exchange != nil {
		name = c.Exchange.Name
	}
	if c.Router != nil {
		if name != "" {
			name += " on "
		}
		name += c.Router.Name
		if c.Interface != "" {
			name += " " + c.Interface
		}
	}
	if name == "" {
		return "Connection #" + jinja.Repr(id(c.ID))
	}
	return name
}

// port is what PeeringDB has of the connection; nil when it has nothing.
func (c *Connection) port() *NetworkIXLan {
	if c.Exchange != nil {
		c.Exchange.lan()
	}
	return c.NetIXLan
}

func (c *Connection) rank(other jinja.Value) int {
	d, _ := other.(*Connection)
	return byConnection(c, d)
}

func byConnection(a, b *Connection) int {
	return nullsLast(a, b, func(a, b *Connection) int {
		return cmp.Or(byExchange(a.Exchange, b.Exchange), byRouter(a.Router, b.Router), byID(a, b))
	})
}

// address is ours in a family; not valid when there is none.
func (c *Connection) address(family int) netip.Prefix {
	if family == 6 {
		return c.IPv6
	}
	return c.IPv4
}

// systemsOf are the networks of sessions, once each.
func systemsOf(sessions []*Session) *querySet {
	return rows("AutonomousSystem", distinctSystems(sessions))
}

func distinctSystems(sessions []*Session) []*AutonomousSystem {
	seen := make(map[*AutonomousSystem]bool, len(sessions))
	var out []*AutonomousSystem
	for _, s := range sessions {
		if s.AS != nil && !seen[s.AS] {
			seen[s.AS] = true
			out = append(out, s.AS)
		}
	}
	return inOrder(out, byASN)
}
