package render

import (
	"cmp"
	"slices"

	"peerflow/internal/peering"
)

// mirrored gives the network what the mirror of PeeringDB has, as far as it was loaded. A port without its network or its
// LAN is left out: PeeringDB serves what belongs to something deleted. Times stay empty, as those of all records.
func (p *projection) mirrored() {
	m, all := p.d.PeeringDB, &p.network.PeeringDB
	all.unneeded = p.d.Unneeded.PeeringDB
	owners := byPDB(m.Organizations, func(o peering.PDBOrganization) (int64, *Organization) {
		return o.ID, &Organization{Record: Record{ID: o.ID}, Name: o.Name, Website: o.Website, City: o.City, Country: o.Country}
	})
	facilities := byPDB(m.Facilities, func(f peering.PDBFacility) (int64, *Facility) {
		made := &Facility{Record: Record{ID: f.ID}, Name: f.Name, NameLong: f.NameLong, AKA: f.AKA, Website: f.Website,
			Address1: f.Address1, Address2: f.Address2, City: f.City, State: f.State, Zipcode: f.Zipcode, Country: f.Country}
		all.Facilities = append(all.Facilities, made)
		return f.ID, made
	})
	exchanges := byPDB(m.Exchanges, func(x peering.PDBExchange) (int64, *PeeringDBExchange) {
		return x.ID, &PeeringDBExchange{Record: Record{ID: x.ID}, Name: x.Name, NameLong: x.NameLong, AKA: x.AKA, City: x.City, Country: x.Country,
			Region: x.RegionContinent, Media: x.Media, Website: x.Website}
	})
	lans := byPDB(m.LANs, func(l peering.PDBLAN) (int64, *IXLan) {
		made := &IXLan{Record: Record{ID: l.ID}, Name: l.Name, MTU: l.MTU, RSASN: int64(l.RSASN), Exchange: exchanges[l.IXID]}
		all.LANs = append(all.LANs, made)
		return l.ID, made
	})
	for _, f := range m.Prefixes {
		if lan := lans[f.LANID]; lan != nil {
			lan.Prefixes = append(lan.Prefixes, f.Prefix)
		}
	}
	inOrderOfAge := slices.SortedStableFunc(slices.Values(m.Networks), func(a, b peering.PDBNetwork) int { return a.Updated.Compare(b.Updated) })
	networks := byPDB(inOrderOfAge, func(n peering.PDBNetwork) (int64, *PeeringDBNetwork) { // the newest counts, should two claim a number
		made := networkOf(n)
		made.Organization = owners[n.OrgID]
		all.Networks = append(all.Networks, made)
		return n.ID, made
	})
	for _, c := range m.Contacts {
		if network := networks[c.NetID]; network != nil {
			network.Contacts = append(network.Contacts, &NetworkContact{Record: Record{ID: c.ID}, Role: c.Role, Visible: c.Visible,
				Name: c.Name, Phone: c.Phone, Email: c.Email, URL: c.URL})
		}
	}
	for _, h := range m.NetworkFacilities {
		network, facility := networks[h.NetID], facilities[h.FacilityID]
		if network != nil && facility != nil && !slices.Contains(network.Facilities, facility) {
			network.Facilities = append(network.Facilities, facility)
		}
	}
	for _, port := range m.Ports {
		network, lan := networks[port.NetID], lans[port.LANID]
		if network != nil && lan != nil {
			network.Ports = append(network.Ports, &NetworkIXLan{Record: Record{ID: port.ID}, ASN: int64(port.ASN), IPv4: port.IPv4, IPv6: port.IPv6,
				Speed: port.Speed, RSPeer: port.RSPeer, BFD: port.BFD, Operational: port.Operational, Notes: port.Notes, Network: network, LAN: lan,
				NetSide: facilities[port.NetSideID], IXSide: facilities[port.IXSideID]})
		}
	}
	p.linked(lans)
}

// byPDB makes a record of each of a list, by id.
func byPDB[A, B any](list []A, made func(A) (int64, *B)) map[int64]*B {
	out := make(map[int64]*B, len(list))
	for _, a := range list {
		id, b := made(a)
		out[id] = b
	}
	return out
}

func networkOf(n peering.PDBNetwork) *PeeringDBNetwork {
	made := &PeeringDBNetwork{
		Record: Record{ID: n.ID}, ASN: int64(n.ASN), Name: n.Name, NameLong: n.NameLong, AKA: n.AKA, IRRASSet: n.IRRASSet,
		Website: n.Website, LookingGlass: n.LookingGlass, RouteServer: n.RouteServer,
		InfoTraffic: n.InfoTraffic, InfoRatio: n.InfoRatio, InfoScope: n.InfoScope, InfoType: n.InfoType, InfoPrefixes4: n.InfoPrefixes4, InfoPrefixes6: n.InfoPrefixes6,
		Unicast: n.InfoUnicast, Multicast: n.InfoMulticast, IPv6: n.InfoIPv6, NeverViaRouteServers: n.InfoNeverViaRouteServers,
		PolicyURL: n.PolicyURL, PolicyGeneral: n.PolicyGeneral, PolicyLocations: n.PolicyLocations, PolicyRatio: n.PolicyRatio, PolicyContracts: n.PolicyContracts, Notes: n.Notes,
	}
	if n.InfoType != "" {
		made.InfoTypes = []string{n.InfoType}
	}
	return made
}

// linked ties our exchanges to their LANs, as recorded, and our connections to the ports that PeeringDB has at their
// addresses. An exchange that is recorded without a LAN has that of its connections, when they agree.
func (p *projection) linked(lans map[int64]*IXLan) {
	for id, x := range p.ixps {
		x.LAN = lans[p.d.IXPs[id].IXLANID]
	}
	ports := map[*InternetExchange][]*NetworkIXLan{}
	for _, c := range p.network.Connections {
		if c.NetIXLan = p.portOf(c); c.NetIXLan != nil {
			ports[c.Exchange] = append(ports[c.Exchange], c.NetIXLan)
		}
	}
	for x, linked := range ports {
		if at := picked(linked, func(port *NetworkIXLan) *IXLan { return port.LAN }); p.d.IXPs[x.ID].IXLANID == 0 && len(at) == 1 {
			x.LAN = at[0]
		}
	}
}

// portOf is the port that our network has in PeeringDB with one of a connection's addresses, at the exchange's own LAN
// where that is recorded; the oldest of several.
func (p *projection) portOf(c *Connection) *NetworkIXLan {
	if c.Exchange == nil || c.Exchange.Local == nil {
		return nil
	}
	recorded := p.d.IXPs[c.Exchange.ID].IXLANID
	var found *NetworkIXLan
	for _, n := range p.network.PeeringDB.Networks {
		if n.ASN != c.Exchange.Local.ASN {
			continue
		}
		for _, port := range n.Ports {
			ours := port.IPv4.IsValid() && port.IPv4 == c.IPv4.Addr() || port.IPv6.IsValid() && port.IPv6 == c.IPv6.Addr()
			if ours && (recorded == 0 || recorded == port.LAN.ID) && (found == nil || cmp.Less(port.ID, found.ID)) {
				found = port
			}
		}
	}
	return found
}
