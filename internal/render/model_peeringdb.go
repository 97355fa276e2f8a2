package render

import "net/netip"

// PeeringDB is what its mirror holds of the networks that templates ask about.
type PeeringDB struct {
	Networks   []*PeeringDBNetwork
	LANs       []*IXLan
	Facilities []*Facility

	byASN    map[int64]*PeeringDBNetwork
	unneeded bool // none of it was loaded, since no template in use names what asks for it
}

// network is the one with a number; nil when there is none.
func (p *PeeringDB) network(asn int64) *PeeringDBNetwork {
	p.asked()
	return p.byASN[asn]
}

func (p *PeeringDB) asked() { unneeded(p.unneeded, "PeeringDB's objects weren't loaded") }

// PeeringDBNetwork is a network as its operator describes it.
type PeeringDBNetwork struct {
	Record
	ASN                          int64
	Name, NameLong, AKA          string
	IRRASSet                     string
	Website, LookingGlass        string
	RouteServer, Notes           string
	InfoTraffic, InfoRatio       string
	InfoScope, InfoType          string
	InfoPrefixes4, InfoPrefixes6 int64 // 0 prints as None: not said
	Unicast, Multicast, IPv6     bool
	NeverViaRouteServers         bool
	PolicyURL, PolicyGeneral     string
	PolicyLocations              string
	PolicyRatio                  bool
	PolicyContracts              string

	InfoTypes    []string
	Organization *Organization

	Ports      []*NetworkIXLan
	Facilities []*Facility
	Contacts   []*NetworkContact
}

// Organization owns networks.
type Organization struct {
	Record
	Name, Website, City, Country string
}

// PeeringDBExchange is an exchange.
type PeeringDBExchange struct {
	Record
	Name, NameLong, AKA string
	City, Country       string
	Region, Media       string
	Website             string
}

// IXLan is the peering LAN of an exchange.
type IXLan struct {
	Record
	Name     string
	MTU      int64 // 0 prints as None
	RSASN    int64
	Exchange *PeeringDBExchange
	Prefixes []netip.Prefix
	Ports    []*NetworkIXLan
}

// NetworkIXLan is a network's port at an exchange.
type NetworkIXLan struct {
	Record
	ASN         int64
	IPv4, IPv6  netip.Addr
	Speed       int64 // Mbit/s
	RSPeer      bool
	BFD         bool
	Operational bool
	Notes       string
	Network     *PeeringDBNetwork
	LAN         *IXLan
	// Where the network's and the exchange's equipment stand; nil when not said.
	NetSide, IXSide *Facility
}

// Facility is a building with networks in it.
type Facility struct {
	Record
	Name, NameLong, AKA      string
	Website                  string
	Address1, Address2, City string
	State, Zipcode, Country  string
}

// NetworkContact is a contact as PeeringDB has it.
type NetworkContact struct {
	Record
	Role, Visible      string
	Name, Phone, Email string
	URL                string
}
