package render

import (
	"encoding/json"
	"net/netip"
	"os"
	"strings"
	"testing"
	"time"

	"peerflow/internal/bgp"
	"peerflow/internal/jinja"
	"peerflow/internal/peering"
)

// tables are testdata/network.json: flat rows in Peering Manager's names.
type tables struct {
	Tags         []tagRow         `json:"tags"`
	Communities  []communityRow   `json:"communities"`
	Policies     []policyRow      `json:"routing_policies"`
	Classes      []namedRow       `json:"relationships"`
	BFD          []bfdRow         `json:"bfd"`
	Platforms    []platformRow    `json:"platforms"`
	Systems      []systemRow      `json:"autonomous_systems"`
	Groups       []groupRow       `json:"bgp_groups"`
	Exchanges    []exchangeRow    `json:"internet_exchanges"`
	Configs      []templateRow    `json:"configurations"`
	Emails       []templateRow    `json:"emails"`
	Exports      []templateRow    `json:"export_templates"`
	Routers      []routerRow      `json:"routers"`
	Connections  []connectionRow  `json:"connections"`
	IXPSessions  []sessionRow     `json:"internet_exchange_peering_sessions"`
	Direct       []sessionRow     `json:"direct_peering_sessions"`
	Roles        []namedRow       `json:"contact_roles"`
	Contacts     []contactRow     `json:"contacts"`
	Assignments  []assignmentRow  `json:"contact_assignments"`
	Orgs         []facilityRow    `json:"peeringdb_organizations"`
	PDBNetworks  []pdbNetworkRow  `json:"peeringdb_networks"`
	Facilities   []facilityRow    `json:"peeringdb_facilities"`
	NetFacs      []netfacRow      `json:"peeringdb_network_facilities"`
	PDBExchanges []pdbExchangeRow `json:"peeringdb_exchanges"`
	LANs         []lanRow         `json:"peeringdb_ixlans"`
	LANPrefixes  []lanPrefixRow   `json:"peeringdb_ixlan_prefixes"`
	Ports        []portRow        `json:"peeringdb_netixlans"`
}

type baseRow struct {
	ID          int64           `json:"id"`
	Description string          `json:"description"`
	Comments    string          `json:"comments"`
	Tags        []int64         `json:"tags"`
	Context     json.RawMessage `json:"config_context"`
	Created     time.Time       `json:"created"`
	Updated     time.Time       `json:"updated"`
}

type namedRow struct {
	baseRow
	Name  string `json:"name"`
	Slug  string `json:"slug"`
	Color string `json:"color"`
}

type tagRow struct{ namedRow }

type communityRow struct {
	namedRow
	Value string `json:"value"`
	Type  string `json:"type"`
}

type appliedRow struct {
	Import      []int64 `json:"import_routing_policies"`
	Export      []int64 `json:"export_routing_policies"`
	Communities []int64 `json:"communities"`
}

type policyRow struct {
	namedRow
	Type        string  `json:"type"`
	Weight      int     `json:"weight"`
	Family      int     `json:"address_family"`
	Communities []int64 `json:"communities"`
}

type bfdRow struct {
	namedRow
	Transmit   int64 `json:"minimum_transmit_interval"`
	Receive    int64 `json:"minimum_receive_interval"`
	Multiplier int64 `json:"detection_multiplier"`
	Hold       int64 `json:"hold_time"`
}

type platformRow struct {
	namedRow
	Driver    string          `json:"napalm_driver"`
	Args      json.RawMessage `json:"napalm_args"`
	Algorithm string          `json:"password_algorithm"`
}

type systemRow struct {
	namedRow
	appliedRow
	ASN        int64           `json:"asn"`
	IRRASSet   *string         `json:"irr_as_set"`
	Max4       *int64          `json:"ipv4_max_prefixes"`
	Max6       *int64          `json:"ipv6_max_prefixes"`
	Prefixes   json.RawMessage `json:"prefixes"`
	ASList     []int64         `json:"as_list"`
	Retrieve   bool            `json:"retrieve_prefixes"`
	Sources    string          `json:"irr_sources_override"`
	Args6      string          `json:"irr_ipv6_prefixes_args_override"`
	Args4      string          `json:"irr_ipv4_prefixes_args_override"`
	Affiliated bool            `json:"affiliated"`
	Private    bool            `json:"is_private"`
}

type groupRow struct {
	namedRow
	appliedRow
	Status string `json:"status"`
}

type exchangeRow struct {
	groupRow
	LAN   int64 `json:"peeringdb_ixlan"`
	Local int64 `json:"local_autonomous_system"`
}

type templateRow struct {
	ID          int64  `json:"id"`
	Name        string `json:"name"`
	Template    string `json:"template"`
	ContentType string `json:"content_type"`
	Trim        bool   `json:"jinja2_trim"`
	Lstrip      bool   `json:"jinja2_lstrip"`
}

type routerRow struct {
	namedRow
	Local       int64           `json:"local_autonomous_system"`
	Hostname    string          `json:"hostname"`
	Platform    int64           `json:"platform"`
	Status      string          `json:"status"`
	Encrypts    bool            `json:"encrypt_passwords"`
	Communities []int64         `json:"communities"`
	NetBox      int64           `json:"netbox_device_id"`
	Polls       bool            `json:"poll_bgp_sessions_state"`
	Polled      time.Time       `json:"poll_bgp_sessions_last_updated"`
	Args        json.RawMessage `json:"napalm_args"`
	Template    int64           `json:"configuration_template"`
}

type connectionRow struct {
	baseRow
	Port      int64        `json:"peeringdb_netixlan"`
	Status    string       `json:"status"`
	VLAN      int          `json:"vlan"`
	MAC       string       `json:"mac_address"`
	IPv6      netip.Prefix `json:"ipv6_address"`
	IPv4      netip.Prefix `json:"ipv4_address"`
	Exchange  int64        `json:"internet_exchange_point"`
	Router    int64        `json:"router"`
	Interface string       `json:"interface"`
}

type sessionRow struct {
	baseRow
	appliedRow
	Service      string             `json:"service_reference"`
	AS           int64              `json:"autonomous_system"`
	Address      string             `json:"ip_address"`
	Status       string             `json:"status"`
	Password     *peering.SecretRef `json:"password"`
	TTL          int                `json:"multihop_ttl"`
	Passive      bool               `json:"passive"`
	BFD          int64              `json:"bfd"`
	State        string             `json:"bgp_state"`
	Received     int64              `json:"received_prefix_count"`
	Accepted     int64              `json:"accepted_prefix_count"`
	Advertised   int64              `json:"advertised_prefix_count"`
	Established  time.Time          `json:"last_established_state"`
	Connection   int64              `json:"connection"`
	IXPort       int64              `json:"ixp_connection"`
	RouteServer  bool               `json:"is_route_server"`
	Local        int64              `json:"local_autonomous_system"`
	LocalAddress netip.Prefix       `json:"local_ip_address"`
	Group        int64              `json:"bgp_group"`
	Relationship int64              `json:"relationship"`
	Router       int64              `json:"router"`
}

type contactRow struct {
	namedRow
	Title   string `json:"title"`
	Phone   string `json:"phone"`
	Email   string `json:"email"`
	Address string `json:"address"`
}

type assignmentRow struct {
	ID      int64  `json:"id"`
	Kind    string `json:"content_type"`
	Object  int64  `json:"object_id"`
	Contact int64  `json:"contact"`
	Role    int64  `json:"role"`
}

type pdbNetworkRow struct {
	ID        int64    `json:"id"`
	ASN       int64    `json:"asn"`
	Name      string   `json:"name"`
	IRRASSet  string   `json:"irr_as_set"`
	Prefixes4 int64    `json:"info_prefixes4"`
	Prefixes6 int64    `json:"info_prefixes6"`
	Unicast   bool     `json:"info_unicast"`
	IPv6      bool     `json:"info_ipv6"`
	Policy    string   `json:"policy_general"`
	Type      string   `json:"info_type"`
	Types     []string `json:"info_types"`
	Website   string   `json:"website"`
	Org       int64    `json:"org"`
}

type facilityRow struct {
	ID      int64  `json:"id"`
	Name    string `json:"name"`
	City    string `json:"city"`
	Country string `json:"country"`
}

type netfacRow struct{ Net, Fac int64 }

type pdbExchangeRow struct {
	facilityRow
	Region string `json:"region_continent"`
	Media  string `json:"media"`
}

type lanRow struct {
	ID    int64  `json:"id"`
	Name  string `json:"name"`
	MTU   int64  `json:"mtu"`
	RSASN int64  `json:"rs_asn"`
	IX    int64  `json:"ix"`
}

type lanPrefixRow struct {
	Prefix netip.Prefix `json:"prefix"`
	LAN    int64        `json:"ixlan"`
}

type portRow struct {
	ID          int64      `json:"id"`
	ASN         int64      `json:"asn"`
	IPv4        netip.Addr `json:"ipaddr4"`
	IPv6        netip.Addr `json:"ipaddr6"`
	RSPeer      bool       `json:"is_rs_peer"`
	BFD         bool       `json:"bfd_support"`
	Notes       string     `json:"notes"`
	Speed       int64      `json:"speed"`
	Operational bool       `json:"operational"`
	NetSide     int64      `json:"net_side"`
	IXSide      int64      `json:"ix_side"`
	Net         int64      `json:"net"`
	LAN         int64      `json:"ixlan"`
}

// fixture is the network of the tables, and its records by id.
type fixture struct {
	*Network
	tables
	tags        map[int64]*Tag
	communities map[int64]*Community
	policies    map[int64]*RoutingPolicy
	systems     map[int64]*AutonomousSystem
	groups      map[int64]*BGPGroup
	exchanges   map[int64]*InternetExchange
	routers     map[int64]*RouterRecord
	ports       map[int64]*Connection
	bfds        map[int64]*BFD
	classes     map[int64]*Relationship
	networks    map[int64]*PeeringDBNetwork
	lans        map[int64]*IXLan
	netixlans   map[int64]*NetworkIXLan
}

func (f *fixture) record(r baseRow) Record {
	return Record{ID: r.ID, Created: r.Created, Updated: r.Updated, Description: r.Description, Comments: r.Comments, Tags: byIDs(f.tags, r.Tags), LocalContext: NewData(r.Context)}
}

func (f *fixture) applied(r appliedRow) Applied {
	return Applied{Import: byIDs(f.policies, r.Import), Export: byIDs(f.policies, r.Export), Communities: byIDs(f.communities, r.Communities)}
}

func byIDs[T any](set map[int64]*T, ids []int64) (out []*T) {
	for _, id := range ids {
		out = append(out, set[id])
	}
	return out
}

// table makes a record of each row.
func table[R, T any](rows []R, id func(R) int64, made func(R) *T) map[int64]*T {
	out := make(map[int64]*T, len(rows))
	for _, r := range rows {
		out[id(r)] = made(r)
	}
	return out
}

// exampleNetwork reads testdata/network.json.
func exampleNetwork(t testing.TB) *fixture {
	t.Helper()
	text, err := os.ReadFile("testdata/network.json")
	if err != nil {
		t.Fatal(err)
	}
	f := &fixture{Network: &Network{}}
	if err := json.Unmarshal(text, &f.tables); err != nil {
		t.Fatal(err)
	}
	f.peeringDB()
	f.shared()
	f.nouns()
	f.sessions()
	f.contacts()
	f.Link()
	return f
}

func (f *fixture) peeringDB() {
	owners := table(f.Orgs, func(r facilityRow) int64 { return r.ID }, func(r facilityRow) *Organization {
		return &Organization{Record: Record{ID: r.ID}, Name: r.Name, City: r.City, Country: r.Country}
	})
	f.networks = table(f.PDBNetworks, func(r pdbNetworkRow) int64 { return r.ID }, func(r pdbNetworkRow) *PeeringDBNetwork {
		return &PeeringDBNetwork{Record: Record{ID: r.ID}, ASN: r.ASN, Name: r.Name, IRRASSet: r.IRRASSet, InfoPrefixes4: r.Prefixes4, InfoPrefixes6: r.Prefixes6,
			Unicast: r.Unicast, IPv6: r.IPv6, PolicyGeneral: r.Policy, InfoType: r.Type, InfoTypes: r.Types, Website: r.Website, Organization: owners[r.Org]}
	})
	ix := table(f.tables.PDBExchanges, func(r pdbExchangeRow) int64 { return r.ID }, func(r pdbExchangeRow) *PeeringDBExchange {
		return &PeeringDBExchange{Record: Record{ID: r.ID}, Name: r.Name, City: r.City, Country: r.Country, Region: r.Region, Media: r.Media}
	})
	f.lans = table(f.tables.LANs, func(r lanRow) int64 { return r.ID }, func(r lanRow) *IXLan {
		return &IXLan{Record: Record{ID: r.ID}, Name: r.Name, MTU: r.MTU, RSASN: r.RSASN, Exchange: ix[r.IX]}
	})
	for _, r := range f.LANPrefixes {
		f.lans[r.LAN].Prefixes = append(f.lans[r.LAN].Prefixes, r.Prefix)
	}
	buildings := table(f.tables.Facilities, func(r facilityRow) int64 { return r.ID }, func(r facilityRow) *Facility {
		return &Facility{Record: Record{ID: r.ID}, Name: r.Name, City: r.City, Country: r.Country}
	})
	for _, r := range f.NetFacs {
		f.networks[r.Net].Facilities = append(f.networks[r.Net].Facilities, buildings[r.Fac])
	}
	f.netixlans = map[int64]*NetworkIXLan{}
	for _, r := range f.tables.Ports {
		port := &NetworkIXLan{Record: Record{ID: r.ID}, ASN: r.ASN, IPv4: r.IPv4, IPv6: r.IPv6, RSPeer: r.RSPeer, BFD: r.BFD, Notes: r.Notes, Speed: r.Speed,
			Operational: r.Operational, LAN: f.lans[r.LAN], NetSide: buildings[r.NetSide], IXSide: buildings[r.IXSide]}
		f.netixlans[r.ID] = port
		f.networks[r.Net].Ports = append(f.networks[r.Net].Ports, port)
	}
	for _, n := range f.networks {
		f.PeeringDB.Networks = append(f.PeeringDB.Networks, n)
	}
	for _, l := range f.lans {
		f.PeeringDB.LANs = append(f.PeeringDB.LANs, l)
	}
}

func (f *fixture) shared() {
	f.tags = table(f.tables.Tags, func(r tagRow) int64 { return r.ID }, func(r tagRow) *Tag {
		return &Tag{Record: f.record(r.baseRow), Name: r.Name, Slug: r.Slug, Color: r.Color}
	})
	f.communities = table(f.tables.Communities, func(r communityRow) int64 { return r.ID }, func(r communityRow) *Community {
		return &Community{Record: f.record(r.baseRow), Name: r.Name, Slug: r.Slug, Value: r.Value, Type: r.Type}
	})
	f.policies = table(f.tables.Policies, func(r policyRow) int64 { return r.ID }, func(r policyRow) *RoutingPolicy {
		return &RoutingPolicy{Record: f.record(r.baseRow), Name: r.Name, Slug: r.Slug, Type: r.Type, Weight: r.Weight, Family: r.Family, Communities: byIDs(f.communities, r.Communities)}
	})
	f.classes = table(f.Classes, func(r namedRow) int64 { return r.ID }, func(r namedRow) *Relationship {
		return &Relationship{Record: f.record(r.baseRow), Name: r.Name, Slug: r.Slug, Color: r.Color}
	})
	f.bfds = table(f.BFD, func(r bfdRow) int64 { return r.ID }, func(r bfdRow) *BFD {
		return &BFD{Record: f.record(r.baseRow), Name: r.Name, Slug: r.Slug, MinimumTransmit: r.Transmit, MinimumReceive: r.Receive, Multiplier: r.Multiplier, HoldTime: r.Hold}
	})
}

func (f *fixture) nouns() {
	platforms := table(f.Platforms, func(r platformRow) int64 { return r.ID }, func(r platformRow) *Platform {
		return &Platform{Record: f.record(r.baseRow), Name: r.Name, Slug: r.Slug, Driver: r.Driver, Args: NewData(r.Args), PasswordAlgorithm: r.Algorithm}
	})
	f.systems = table(f.Systems, func(r systemRow) int64 { return r.ID }, func(r systemRow) *AutonomousSystem {
		made := &AutonomousSystem{Record: f.record(r.baseRow), ASN: r.ASN, Name: r.Name, IRRASSet: r.IRRASSet, IPv4MaxPrefixes: r.Max4, IPv6MaxPrefixes: r.Max6,
			Affiliated: r.Affiliated, Private: r.Private, Unresolved: !r.Retrieve, IRRSources: r.Sources, IRRArgs4: r.Args4, IRRArgs6: r.Args6, Applied: f.applied(r.appliedRow)}
		made.setIRR(r.lists())
		return made
	})
	group := func(r groupRow) Group {
		return Group{Record: f.record(r.baseRow), Name: r.Name, Slug: r.Slug, Status: r.Status, Applied: f.applied(r.appliedRow)}
	}
	f.groups = table(f.tables.Groups, func(r groupRow) int64 { return r.ID }, func(r groupRow) *BGPGroup { return &BGPGroup{Group: group(r)} })
	f.exchanges = table(f.tables.Exchanges, func(r exchangeRow) int64 { return r.ID }, func(r exchangeRow) *InternetExchange {
		return &InternetExchange{Group: group(r.groupRow), LAN: f.lans[r.LAN], Local: f.systems[r.Local]}
	})
	configs := table(f.Configs, func(r templateRow) int64 { return r.ID }, func(r templateRow) *Configuration {
		return &Configuration{Record: Record{ID: r.ID}, Name: r.Name, Body: r.Template}
	})
	f.routers = table(f.tables.Routers, func(r routerRow) int64 { return r.ID }, func(r routerRow) *RouterRecord {
		return &RouterRecord{Record: f.record(r.baseRow), Local: f.systems[r.Local], Name: r.Name, Hostname: r.Hostname, Platform: platforms[r.Platform], Status: r.Status,
			Encrypts: r.Encrypts, Communities: byIDs(f.communities, r.Communities), NetBoxID: r.NetBox, Polls: r.Polls, Polled: r.Polled, Args: NewData(r.Args), Template: configs[r.Template]}
	})
	f.ports = table(f.tables.Connections, func(r connectionRow) int64 { return r.ID }, func(r connectionRow) *Connection {
		return &Connection{Record: f.record(r.baseRow), NetIXLan: f.netixlans[r.Port], Status: r.Status, VLAN: r.VLAN, MAC: r.MAC, IPv4: r.IPv4, IPv6: r.IPv6,
			Exchange: f.exchanges[r.Exchange], Router: f.routers[r.Router], Interface: r.Interface}
	})
	n := f.Network
	n.Communities, n.Policies, n.AutonomousSystems = collect(f.communities), collect(f.policies), collect(f.systems)
	n.Groups, n.Exchanges, n.Routers, n.Connections = collect(f.groups), collect(f.exchanges), collect(f.routers), collect(f.ports)
}

func collect[T any](set map[int64]*T) (out []*T) {
	for _, v := range set {
		out = append(out, v)
	}
	return out
}

func (f *fixture) sessions() {
	for _, r := range f.IXPSessions {
		f.Network.Sessions = append(f.Network.Sessions, f.session(r, false))
	}
	for _, r := range f.Direct {
		f.Network.Sessions = append(f.Network.Sessions, f.session(r, true))
	}
}

func (f *fixture) session(r sessionRow, direct bool) *Session {
	s := &Session{Record: f.record(r.baseRow), Direct: direct, Service: r.Service, AS: f.systems[r.AS], Local: f.systems[r.Local], Address: anyPrefix(r.Address),
		LocalAddress: r.LocalAddress, Status: r.Status, MultihopTTL: r.TTL, Passive: r.Passive, Group: f.groups[r.Group], Relationship: f.classes[r.Relationship],
		Router: f.routers[r.Router], Connection: f.ports[max(r.Connection, r.IXPort)], RouteServer: r.RouteServer, BFD: f.bfds[r.BFD], Applied: f.applied(r.appliedRow),
		Observed: Observed{State: r.State, Received: r.Received, Accepted: r.Accepted, Advertised: r.Advertised, LastEstablished: r.Established}}
	if r.Password != nil {
		var platform *Platform
		if router := s.router(); router != nil && router.Encrypts {
			platform = router.Platform
		}
		s.Password, s.Encrypted = passwords(peering.Session{Password: *r.Password, PeerAddress: s.Address.Addr()}, platform)
	}
	return s
}

func anyPrefix(text string) netip.Prefix {
	if strings.Contains(text, "/") {
		return netip.MustParsePrefix(text)
	}
	a := netip.MustParseAddr(text)
	return netip.PrefixFrom(a, a.BitLen())
}

func (f *fixture) contacts() {
	people := table(f.Contacts, func(r contactRow) int64 { return r.ID }, func(r contactRow) *Contact {
		return &Contact{Record: f.record(r.baseRow), Name: r.Name, Title: r.Title, Phone: r.Phone, Email: r.Email, Address: r.Address}
	})
	roles := table(f.Roles, func(r namedRow) int64 { return r.ID }, func(r namedRow) *ContactRole {
		return &ContactRole{Record: f.record(r.baseRow), Name: r.Name, Slug: r.Slug}
	})
	for _, r := range f.Assignments {
		a := &ContactAssignment{Record: Record{ID: r.ID}, Contact: people[r.Contact], Role: roles[r.Role]}
		switch r.Kind {
		case "peering.autonomoussystem":
			f.systems[r.Object].Contacts = append(f.systems[r.Object].Contacts, a)
		case "peering.internetexchange":
			f.exchanges[r.Object].Contacts = append(f.exchanges[r.Object].Contacts, a)
		}
	}
}

// datasets are what export templates may list.
func (f *fixture) dataset(kind string) jinja.Value {
	switch kind {
	case "peering.autonomoussystem":
		return rows("AutonomousSystem", f.Network.AutonomousSystems)
	case "peering.bgpgroup":
		return rows("BGPGroup", f.Network.Groups)
	case "peering.internetexchange":
		return rows("InternetExchange", f.Network.Exchanges)
	case "peering.directpeeringsession":
		return rows(directClass, only(f.Network.Sessions, func(s *Session) bool { return s.Direct }))
	case "peering.internetexchangepeeringsession":
		return rows(ixpClass, only(f.Network.Sessions, func(s *Session) bool { return !s.Direct }))
	case "peering.routingpolicy":
		return rows("RoutingPolicy", f.Network.Policies)
	case "bgp.community":
		return rows("Community", f.Network.Communities)
	case "devices.router":
		return rows("Router", f.Network.Routers)
	case "net.connection":
		return rows("Connection", f.Network.Connections)
	}
	return nil
}

// lists are a row's prefix and AS lists as peerflow keeps them.
func (r systemRow) lists() peering.IRRLists {
	var prefixes map[peering.IRRKind][]peering.PrefixEntry
	if err := json.Unmarshal(r.Prefixes, &prefixes); err != nil {
		panic(err)
	}
	lists := peering.IRRLists{}
	for kind, family := range map[peering.IRRKind]bgp.Family{peering.IRRPrefixes4: bgp.IPv4, peering.IRRPrefixes6: bgp.IPv6} {
		if entries, ok := prefixes[kind]; ok {
			text, count, err := peering.NewPrefixList(family, entries)
			if err != nil {
				panic(err)
			}
			lists[kind] = peering.IRRList{Kind: kind, Entries: string(text), Count: count}
		}
	}
	numbers := make([]bgp.ASN, len(r.ASList))
	for i, n := range r.ASList {
		numbers[i] = bgp.ASN(n)
	}
	text, count, err := peering.NewASList(numbers)
	if err != nil {
		panic(err)
	}
	lists[peering.IRRNumbers] = peering.IRRList{Kind: peering.IRRNumbers, Entries: text, Count: count}
	return lists
}
