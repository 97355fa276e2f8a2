package render

import (
	"fmt"
	"net/netip"
	"slices"

	"peerflow/internal/jinja"
)

var networkFields = identified[*PeeringDBNetwork]().with(fields[*PeeringDBNetwork]{
	"asn":                          func(n *PeeringDBNetwork) jinja.Value { return jinja.Int(n.ASN) },
	"name":                         func(n *PeeringDBNetwork) jinja.Value { return jinja.Str(n.Name) },
	"name_long":                    func(n *PeeringDBNetwork) jinja.Value { return jinja.Str(n.NameLong) },
	"aka":                          func(n *PeeringDBNetwork) jinja.Value { return jinja.Str(n.AKA) },
	"irr_as_set":                   func(n *PeeringDBNetwork) jinja.Value { return jinja.Str(n.IRRASSet) },
	"website":                      func(n *PeeringDBNetwork) jinja.Value { return jinja.Str(n.Website) },
	"looking_glass":                func(n *PeeringDBNetwork) jinja.Value { return jinja.Str(n.LookingGlass) },
	"route_server":                 func(n *PeeringDBNetwork) jinja.Value { return jinja.Str(n.RouteServer) },
	"notes":                        func(n *PeeringDBNetwork) jinja.Value { return jinja.Str(n.Notes) },
	"info_traffic":                 func(n *PeeringDBNetwork) jinja.Value { return jinja.Str(n.InfoTraffic) },
	"info_ratio":                   func(n *PeeringDBNetwork) jinja.Value { return jinja.Str(n.InfoRatio) },
	"info_scope":                   func(n *PeeringDBNetwork) jinja.Value { return jinja.Str(n.InfoScope) },
	"info_type":                    func(n *PeeringDBNetwork) jinja.Value { return jinja.Str(n.InfoType) },
	"info_prefixes4":               func(n *PeeringDBNetwork) jinja.Value { return id(n.InfoPrefixes4) },
	"info_prefixes6":               func(n *PeeringDBNetwork) jinja.Value { return id(n.InfoPrefixes6) },
	"info_unicast":                 func(n *PeeringDBNetwork) jinja.Value { return jinja.Bool(n.Unicast) },
	"info_multicast":               func(n *PeeringDBNetwork) jinja.Value { return jinja.Bool(n.Multicast) },
	"info_ipv6":                    func(n *PeeringDBNetwork) jinja.Value { return jinja.Bool(n.IPv6) },
	"info_never_via_route_servers": func(n *PeeringDBNetwork) jinja.Value { return jinja.Bool(n.NeverViaRouteServers) },
	"policy_url":                   func(n *PeeringDBNetwork) jinja.Value { return jinja.Str(n.PolicyURL) },
	"policy_general":               func(n *PeeringDBNetwork) jinja.Value { return jinja.Str(n.PolicyGeneral) },
	"policy_locations":             func(n *PeeringDBNetwork) jinja.Value { return jinja.Str(n.PolicyLocations) },
	"policy_ratio":                 func(n *PeeringDBNetwork) jinja.Value { return jinja.Bool(n.PolicyRatio) },
	"policy_contracts":             func(n *PeeringDBNetwork) jinja.Value { return jinja.Str(n.PolicyContracts) },
	"info_types":                   func(n *PeeringDBNetwork) jinja.Value { return words(n.InfoTypes) },
	"org":                          func(n *PeeringDBNetwork) jinja.Value { return one(n.Organization) },
	"netixlan_set":                 func(n *PeeringDBNetwork) jinja.Value { return manager("NetworkIXLan", n.Ports) },
	"poc_set":                      func(n *PeeringDBNetwork) jinja.Value { return manager("NetworkContact", n.Contacts) },
})

var networkNoun = describe("Network", networkFields, `created updated asn name name_long aka irr_as_set website looking_glass route_server notes
	info_traffic info_ratio info_scope info_types info_type info_prefixes4 info_prefixes6 info_unicast info_multicast info_ipv6 info_never_via_route_servers
	policy_url policy_general policy_locations policy_ratio policy_contracts org`)

func (*PeeringDBNetwork) noun() *noun                            { return networkNoun }
func (*PeeringDBNetwork) TypeName() string                       { return "Network" }
func (n *PeeringDBNetwork) String() string                       { return asName(n.ASN, n.Name) }
func (n *PeeringDBNetwork) Repr() string                         { return reprOf(n) }
func (n *PeeringDBNetwork) Attr(name string) (jinja.Value, bool) { return networkFields.of(n, name) }

// words are a list of texts.
func words(list []string) *jinja.List {
	out := jinja.NewList()
	for _, w := range list {
		out.Items = append(out.Items, jinja.Str(w))
	}
	return out
}

// lans are the peering LANs where the network is.
func (n *PeeringDBNetwork) lans() []*IXLan {
	return picked(n.Ports, func(p *NetworkIXLan) *IXLan { return p.LAN })
}

var pdbExchangeFields = identified[*PeeringDBExchange]().with(fields[*PeeringDBExchange]{
	"name":             func(x *PeeringDBExchange) jinja.Value { return jinja.Str(x.Name) },
	"name_long":        func(x *PeeringDBExchange) jinja.Value { return jinja.Str(x.NameLong) },
	"aka":              func(x *PeeringDBExchange) jinja.Value { return jinja.Str(x.AKA) },
	"city":             func(x *PeeringDBExchange) jinja.Value { return jinja.Str(x.City) },
	"country":          func(x *PeeringDBExchange) jinja.Value { return jinja.Str(x.Country) },
	"region_continent": func(x *PeeringDBExchange) jinja.Value { return jinja.Str(x.Region) },
	"media":            func(x *PeeringDBExchange) jinja.Value { return jinja.Str(x.Media) },
	"website":          func(x *PeeringDBExchange) jinja.Value { return jinja.Str(x.Website) },
})

var pdbExchangeNoun = describe("InternetExchange", pdbExchangeFields, "created updated name name_long aka city country region_continent media website")

func (*PeeringDBExchange) noun() *noun      { return pdbExchangeNoun }
func (*PeeringDBExchange) TypeName() string { return "InternetExchange" }
func (x *PeeringDBExchange) String() string { return x.Name }
func (x *PeeringDBExchange) Repr() string   { return reprOf(x) }
func (x *PeeringDBExchange) Attr(name string) (jinja.Value, bool) {
	return pdbExchangeFields.of(x, name)
}

var lanFields = identified[*IXLan]().with(fields[*IXLan]{
	"name":         func(l *IXLan) jinja.Value { return jinja.Str(l.Name) },
	"mtu":          func(l *IXLan) jinja.Value { return id(l.MTU) },
	"rs_asn":       func(l *IXLan) jinja.Value { return jinja.Int(l.RSASN) },
	"ix":           func(l *IXLan) jinja.Value { return one(l.Exchange) },
	"netixlan_set": func(l *IXLan) jinja.Value { return manager("NetworkIXLan", l.Ports) },
})

var lanNoun = describe("IXLan", lanFields, "created updated name mtu rs_asn ix")

func (*IXLan) noun() *noun                            { return lanNoun }
func (*IXLan) TypeName() string                       { return "IXLan" }
func (l *IXLan) Repr() string                         { return reprOf(l) }
func (l *IXLan) Attr(name string) (jinja.Value, bool) { return lanFields.of(l, name) }

func (l *IXLan) String() string {
	switch {
	case l.Exchange == nil:
		return l.Name
	case l.Name != "":
		return l.Exchange.Name + " - " + l.Name
	}
	return l.Exchange.Name
}

var portFields = identified[*NetworkIXLan]().with(fields[*NetworkIXLan]{
	"asn":         func(p *NetworkIXLan) jinja.Value { return jinja.Int(p.ASN) },
	"ipaddr4":     func(p *NetworkIXLan) jinja.Value { return wholeHost(p.IPv4) },
	"ipaddr6":     func(p *NetworkIXLan) jinja.Value { return wholeHost(p.IPv6) },
	"cidr4":       func(p *NetworkIXLan) jinja.Value { return p.onLAN(p.IPv4) },
	"cidr6":       func(p *NetworkIXLan) jinja.Value { return p.onLAN(p.IPv6) },
	"speed":       func(p *NetworkIXLan) jinja.Value { return jinja.Int(p.Speed) },
	"is_rs_peer":  func(p *NetworkIXLan) jinja.Value { return jinja.Bool(p.RSPeer) },
	"bfd_support": func(p *NetworkIXLan) jinja.Value { return jinja.Bool(p.BFD) },
	"operational": func(p *NetworkIXLan) jinja.Value { return jinja.Bool(p.Operational) },
	"notes":       func(p *NetworkIXLan) jinja.Value { return jinja.Str(p.Notes) },
	"net":         func(p *NetworkIXLan) jinja.Value { return one(p.Network) },
	"ixlan":       func(p *NetworkIXLan) jinja.Value { return one(p.LAN) },
	"net_side":    func(p *NetworkIXLan) jinja.Value { return one(p.NetSide) },
	"ix_side":     func(p *NetworkIXLan) jinja.Value { return one(p.IXSide) },
	"is_remote_peer": func(p *NetworkIXLan) jinja.Value {
		if p.NetSide == nil || p.IXSide == nil {
			return jinja.None
		}
		return jinja.Bool(p.NetSide != p.IXSide)
	},
})

var portNoun = describe("NetworkIXLan", portFields, "created updated asn ipaddr4 ipaddr6 is_rs_peer bfd_support notes speed operational net ixlan net_side ix_side")

func (*NetworkIXLan) noun() *noun                            { return portNoun }
func (*NetworkIXLan) TypeName() string                       { return "NetworkIXLan" }
func (p *NetworkIXLan) String() string                       { return fmt.Sprintf("%s on %s", p.Network, p.LAN) }
func (p *NetworkIXLan) Repr() string                         { return reprOf(p) }
func (p *NetworkIXLan) Attr(name string) (jinja.Value, bool) { return portFields.of(p, name) }

// wholeHost is an address as Django's field has it: with its full length.
func wholeHost(a netip.Addr) jinja.Value {
	if !a.IsValid() {
		return jinja.None
	}
	return hosted{netip.PrefixFrom(a, a.BitLen())}
}

// onLAN is an address with the length of the LAN's prefix that holds it.
func (p *NetworkIXLan) onLAN(a netip.Addr) jinja.Value {
	if p.LAN == nil || !a.IsValid() {
		return jinja.None
	}
	i := slices.IndexFunc(p.LAN.Prefixes, func(lan netip.Prefix) bool { return lan.Contains(a) })
	if i < 0 {
		return jinja.None
	}
	return hosted{netip.PrefixFrom(a, p.LAN.Prefixes[i].Bits())}
}

var facilityFields = identified[*Facility]().with(fields[*Facility]{
	"name":      func(f *Facility) jinja.Value { return jinja.Str(f.Name) },
	"name_long": func(f *Facility) jinja.Value { return jinja.Str(f.NameLong) },
	"aka":       func(f *Facility) jinja.Value { return jinja.Str(f.AKA) },
	"website":   func(f *Facility) jinja.Value { return jinja.Str(f.Website) },
	"address1":  func(f *Facility) jinja.Value { return jinja.Str(f.Address1) },
	"address2":  func(f *Facility) jinja.Value { return jinja.Str(f.Address2) },
	"city":      func(f *Facility) jinja.Value { return jinja.Str(f.City) },
	"state":     func(f *Facility) jinja.Value { return jinja.Str(f.State) },
	"zipcode":   func(f *Facility) jinja.Value { return jinja.Str(f.Zipcode) },
	"country":   func(f *Facility) jinja.Value { return jinja.Str(f.Country) },
})

var facilityNoun = describe("Facility", facilityFields, "created updated name name_long aka website address1 address2 city state zipcode country")

func (*Facility) noun() *noun                            { return facilityNoun }
func (*Facility) TypeName() string                       { return "Facility" }
func (f *Facility) String() string                       { return f.Name }
func (f *Facility) Repr() string                         { return reprOf(f) }
func (f *Facility) Attr(name string) (jinja.Value, bool) { return facilityFields.of(f, name) }

var organizationFields = identified[*Organization]().with(fields[*Organization]{
	"name":    func(o *Organization) jinja.Value { return jinja.Str(o.Name) },
	"website": func(o *Organization) jinja.Value { return jinja.Str(o.Website) },
	"city":    func(o *Organization) jinja.Value { return jinja.Str(o.City) },
	"country": func(o *Organization) jinja.Value { return jinja.Str(o.Country) },
})

var organizationNoun = describe("Organization", organizationFields, "created updated name website city country")

func (*Organization) noun() *noun                            { return organizationNoun }
func (*Organization) TypeName() string                       { return "Organization" }
func (o *Organization) String() string                       { return o.Name }
func (o *Organization) Repr() string                         { return reprOf(o) }
func (o *Organization) Attr(name string) (jinja.Value, bool) { return organizationFields.of(o, name) }

var pocFields = identified[*NetworkContact]().with(fields[*NetworkContact]{
	"role":    func(c *NetworkContact) jinja.Value { return jinja.Str(c.Role) },
	"visible": func(c *NetworkContact) jinja.Value { return jinja.Str(c.Visible) },
	"name":    func(c *NetworkContact) jinja.Value { return jinja.Str(c.Name) },
	"phone":   func(c *NetworkContact) jinja.Value { return jinja.Str(c.Phone) },
	"email":   func(c *NetworkContact) jinja.Value { return jinja.Str(c.Email) },
	"url":     func(c *NetworkContact) jinja.Value { return jinja.Str(c.URL) },
})

var pocNoun = describe("NetworkContact", pocFields, "created updated role visible name phone email url")

func (*NetworkContact) noun() *noun                            { return pocNoun }
func (*NetworkContact) TypeName() string                       { return "NetworkContact" }
func (c *NetworkContact) Repr() string                         { return reprOf(c) }
func (c *NetworkContact) Attr(name string) (jinja.Value, bool) { return pocFields.of(c, name) }

func (c *NetworkContact) String() string {
	if c.Email == "" {
		return c.Name
	}
	return c.Name + " <" + c.Email + ">"
}
