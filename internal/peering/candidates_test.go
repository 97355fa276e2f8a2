package peering

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"peerflow/internal/bgp"
)

// venueFacts is AS64501 with one port at an exchange where we have one connection.
func venueFacts(edits ...func(*PlanningFacts)) PlanningFacts {
	lan := netip.MustParsePrefix("192.0.2.0/24")
	f := PlanningFacts{
		Now:     start,
		Peer:    PDBNetwork{ASN: 64501, Name: "Example", PolicyGeneral: "Open"},
		Ports:   []PDBPresence{port(1, "192.0.2.11", "")},
		OurASNs: map[bgp.ASN]bool{64496: true},
		IXPs:    map[int64]IXP{1: {Meta: Meta{ID: 1}, Name: "Example-IX", IXLANID: 7}},
		Connections: []Connection{{Meta: Meta{ID: 1}, IXPID: 1, RouterID: 1, State: ConnectionEnabled,
			IPv4: netip.MustParseAddr("192.0.2.1"), IPv4LAN: lan}},
		Routers:  map[int64]Router{1: {Meta: Meta{ID: 1}, Name: "edge1", Mode: Manage}, 2: {Meta: Meta{ID: 2}, Name: "edge2", Mode: Manage}},
		Peerings: map[int64]Peering{1: {Meta: Meta{ID: 1}, State: Agreed}},
		Sessions: map[SessionKey]SessionFact{},
	}
	for _, e := range edits {
		e(&f)
	}
	return f
}

func port(id int64, v4, v6 string) PDBPresence {
	p := PDBPresence{PDBPort: PDBPort{PDBHead: PDBHead{ID: id}, LANID: 7, ASN: 64501, Operational: true}, Venue: PDBVenue{LANID: 7, RSASN: 64500}}
	if v4 != "" {
		p.IPv4 = netip.MustParseAddr(v4)
	}
	if v6 != "" {
		p.IPv6 = netip.MustParseAddr(v6)
	}
	return p
}

func second(f *PlanningFacts) {
	f.Connections = append(f.Connections, Connection{Meta: Meta{ID: 2}, IXPID: 1, RouterID: 2, State: ConnectionEnabled,
		IPv4: netip.MustParseAddr("192.0.2.2"), IPv4LAN: netip.MustParsePrefix("192.0.2.0/24")})
}

// secondPort is one more connection of the first router.
func secondPort(f *PlanningFacts) {
	second(f)
	f.Connections[1].RouterID = 1
}

func there(router int64, address string, s SessionFact) func(*PlanningFacts) {
	return func(f *PlanningFacts) { f.Sessions[SessionKey{router, netip.MustParseAddr(address)}] = s }
}

func ports(n int) func(*PlanningFacts) {
	return func(f *PlanningFacts) {
		f.Ports = nil
		for i := range n {
			f.Ports = append(f.Ports, port(int64(i+1), fmt.Sprintf("192.0.2.%d", 11+i), ""))
		}
	}
}

func mesh(m Mesh) func(*PlanningFacts) {
	return func(f *PlanningFacts) {
		ixp := f.IXPs[1]
		ixp.Mesh = m
		f.IXPs[1] = ixp
	}
}

func TestPlanSessions(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		edits []func(*PlanningFacts)
		want  string // router>peer, in order
		codes string // omission codes, in order
	}{
		"one port, one connection":                  {nil, "1>192.0.2.11", ""},
		"two ports are spread over two connections": {[]func(*PlanningFacts){second, ports(2)}, "1>192.0.2.11 2>192.0.2.12", "mesh mesh"},
		"a full mesh pairs all":                     {[]func(*PlanningFacts){second, ports(2), mesh(FullMesh)}, "1>192.0.2.11 2>192.0.2.11 1>192.0.2.12 2>192.0.2.12", ""},
		"primary only uses the first connection":    {[]func(*PlanningFacts){second, ports(2), mesh(PrimaryOnly)}, "1>192.0.2.11 1>192.0.2.12", "mesh mesh"},
		"pairs leave a third port out":              {[]func(*PlanningFacts){second, ports(3), mesh(PairMesh)}, "1>192.0.2.11 2>192.0.2.12", "mesh mesh mesh"},
		"IPv6 of theirs that we lack":               {[]func(*PlanningFacts){func(f *PlanningFacts) { f.Ports[0].IPv6 = netip.MustParseAddr("2001:db8::b") }}, "1>192.0.2.11", "we_lack_v6"},
		"an address on another LAN":                 {[]func(*PlanningFacts){func(f *PlanningFacts) { f.Ports[0].IPv4 = netip.MustParseAddr("198.51.100.11") }}, "", "other_lan"},
		"a port out of service":                     {[]func(*PlanningFacts){func(f *PlanningFacts) { f.Ports[0].Operational = false }}, "", "not_operational"},
		"a connection in maintenance":               {[]func(*PlanningFacts){func(f *PlanningFacts) { f.Connections[0].State = ConnectionMaintenance }}, "", "we_lack_v4"},
		"the exchange's route server":               {[]func(*PlanningFacts){func(f *PlanningFacts) { f.Ports[0].ASN, f.Ports[0].Venue.RSASN = 64500, 64500 }}, "", "route_server"},
		"a route server under an AS that the exchange doesn't name": {[]func(*PlanningFacts){func(f *PlanningFacts) {
			f.Peer.InfoType, f.Ports[0].Venue.RSASN = "Route Server", 0
		}}, "", "route_server"},
		"a second route server, under an AS of its own": {[]func(*PlanningFacts){func(f *PlanningFacts) { f.Peer.InfoType = "Route Server" }}, "", "route_server"},
		"a route collector":                             {[]func(*PlanningFacts){func(f *PlanningFacts) { f.Peer.InfoType = "Route Collector" }}, "", "route_server"},
		"IPv6 of ours that they lack": {[]func(*PlanningFacts){func(f *PlanningFacts) {
			f.Connections[0].IPv6, f.Connections[0].IPv6LAN = netip.MustParseAddr("2001:db8::1"), netip.MustParsePrefix("2001:db8::/64")
		}}, "1>192.0.2.11", "no_address"},
		"a router in observe":             {[]func(*PlanningFacts){func(f *PlanningFacts) { f.Routers[1] = Router{Name: "edge1", Mode: Observe} }}, "", "router_observed"},
		"not agreed yet":                  {[]func(*PlanningFacts){func(f *PlanningFacts) { f.Peerings[1] = Peering{State: RequestedByUs} }}, "", "not_agreed"},
		"ignored":                         {[]func(*PlanningFacts){func(f *PlanningFacts) { f.Peerings[1] = Peering{State: Ignored, Reason: "spam"} }}, "", "ignored"},
		"routes by the route server only": {[]func(*PlanningFacts){func(f *PlanningFacts) { f.Peerings[1] = Peering{State: Agreed, Via: RouteServer} }}, "", "rs_only"},
		"policy No and not agreed": {[]func(*PlanningFacts){func(f *PlanningFacts) {
			f.Peer.PolicyGeneral, f.Peerings[1] = "No", Peering{State: PeeringNone}
		}}, "", "policy_no"},
		"two ports on one router share the peer's ports":     {[]func(*PlanningFacts){secondPort, ports(2)}, "1>192.0.2.11 1>192.0.2.12", "mesh mesh"},
		"a full mesh gives a router one session per address": {[]func(*PlanningFacts){secondPort, ports(2), mesh(FullMesh)}, "1>192.0.2.11 1>192.0.2.12", "mesh mesh"},
		"one per port is met by the session of our other router": {[]func(*PlanningFacts){second, ports(1),
			there(2, "192.0.2.11", SessionFact{SessionID: 5, PeerAS: 64501})}, "", "exists mesh"},
		"a pair stays one when the port before it is gone": {[]func(*PlanningFacts){second, ports(2), mesh(PairMesh), func(f *PlanningFacts) { f.Ports = f.Ports[1:] },
			there(2, "192.0.2.12", SessionFact{SessionID: 5, PeerAS: 64501})}, "", "exists mesh"},
		"an address that PeeringDB lists twice": {[]func(*PlanningFacts){second, func(f *PlanningFacts) { f.Ports = append(f.Ports, port(2, "192.0.2.11", "")) }},
			"1>192.0.2.11", "exists mesh"},
		"planned by an open change": {[]func(*PlanningFacts){there(1, "192.0.2.11", SessionFact{SessionID: 5, PeerAS: 64501, ChangeID: 8})}, "", "exists"},
		"renumbered: the new address is offered, and the old one told of": {[]func(*PlanningFacts){
			there(1, "192.0.2.99", SessionFact{SessionID: 5, PeerAS: 64501})}, "1>192.0.2.11", "vanished"},
		"another row of PeeringDB with the same address": {[]func(*PlanningFacts){func(f *PlanningFacts) { f.Ports[0].ID = 77 },
			there(1, "192.0.2.11", SessionFact{SessionID: 5, PeerAS: 64501})}, "", "exists"},
		"a session over another exchange isn't missed here": {[]func(*PlanningFacts){
			there(1, "203.0.113.5", SessionFact{SessionID: 5, PeerAS: 64501}), there(1, "192.0.2.98", SessionFact{SessionID: 6, PeerAS: 64502})}, "1>192.0.2.11", ""},
		"our own address": {[]func(*PlanningFacts){func(f *PlanningFacts) { f.Ports[0].IPv4 = netip.MustParseAddr("192.0.2.1") }}, "", "address_taken"},
		"two exchanges of ours with one LAN": {[]func(*PlanningFacts){func(f *PlanningFacts) {
			f.IXPs[2] = IXP{Meta: Meta{ID: 2}, Name: "Reseller", IXLANID: 8}
			f.Connections = append(f.Connections, f.Connections[0])
			f.Connections[1].ID, f.Connections[1].IXPID = 2, 2
			f.Peerings[2] = Peering{Meta: Meta{ID: 2}, State: Agreed}
			f.Ports = append(f.Ports, port(2, "192.0.2.11", ""))
			f.Ports[1].LANID = 8
		}}, "1>192.0.2.11", "exists"},
		"configured already": {[]func(*PlanningFacts){func(f *PlanningFacts) {
			f.Sessions[SessionKey{1, netip.MustParseAddr("192.0.2.11")}] = SessionFact{SessionID: 5, PeerAS: 64501}
		}}, "", "exists"},
		"the address is somebody else's here": {[]func(*PlanningFacts){func(f *PlanningFacts) {
			f.Sessions[SessionKey{1, netip.MustParseAddr("192.0.2.11")}] = SessionFact{SessionID: 5, PeerAS: 64502}
		}}, "", "address_taken"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			plan, err := PlanSessions(venueFacts(c.edits...), false)
			if err != nil {
				t.Fatal(err)
			}
			var got, codes []string
			for _, s := range plan.Sessions {
				got = append(got, fmt.Sprintf("%d>%s", s.RouterID, s.PeerAddress))
			}
			for _, o := range plan.Omitted {
				codes = append(codes, string(o.Code))
			}
			if strings.Join(got, " ") != c.want || strings.Join(codes, " ") != c.codes {
				t.Errorf("sessions %v, left out %v; want %q and %q", got, codes, c.want, c.codes)
			}
		})
	}
}

func TestPlanSessionsRefusesWhatMakesNoSense(t *testing.T) {
	t.Parallel()
	if _, err := PlanSessions(venueFacts(func(f *PlanningFacts) { f.Peer.ASN = 64496 }), false); KindOf(err) != Invalid {
		t.Errorf("our own AS: %v", err)
	}
	if _, err := PlanSessions(venueFacts(func(f *PlanningFacts) { f.Ports = nil }), false); KindOf(err) != NotFound {
		t.Errorf("no common exchange: %v", err)
	}
	if _, err := PlanSessions(venueFacts(ports(17)), false); KindOf(err) != Invalid {
		t.Errorf("17 ports: %v", err)
	}
	if plan, err := PlanSessions(venueFacts(ports(4)), false); err != nil || len(plan.Ask) != 0 {
		t.Errorf("4 ports: ask %v, %v", plan.Ask, err)
	}
	if plan, err := PlanSessions(venueFacts(ports(5)), false); err != nil || len(plan.Ask) != 1 || !strings.Contains(plan.Ask[0], "5 ports") || !strings.Contains(plan.Ask[0], "--all-ports") {
		t.Errorf("5 ports: ask %v, %v", plan.Ask, err)
	}
	plan, err := PlanSessions(venueFacts(ports(17)), true)
	if err != nil || len(plan.Sessions) != 17 || len(plan.Ask) != 0 {
		t.Errorf("17 ports that are meant: %d sessions, ask %v, %v", len(plan.Sessions), plan.Ask, err)
	}
}

func TestPlanningTwiceGivesTheSame(t *testing.T) {
	t.Parallel()
	first, _ := PlanSessions(venueFacts(second, ports(5)), false)
	for range 20 {
		facts := venueFacts(second, ports(5))
		slices.Reverse(facts.Ports)
		slices.Reverse(facts.Connections)
		again, _ := PlanSessions(facts, false)
		for i := range first.Sessions {
			if first.Sessions[i].PeerAddress != again.Sessions[i].PeerAddress || first.Sessions[i].RouterID != again.Sessions[i].RouterID {
				t.Fatalf("another order of the same facts gives %v", again.Sessions)
			}
		}
	}
}

func TestWhyThereAreNoSessionsNamesTheRemedy(t *testing.T) {
	t.Parallel()
	agree := "peerflow peering agree AS64501"
	for name, c := range map[string]struct {
		peering Peering
		policy  string
		code    OmissionCode
		says    string
		awaits  bool
	}{
		"agreed":                          {Peering{State: Agreed}, "No", "", "", false},
		"asked":                           {Peering{State: RequestedByUs}, "Open", OmitNotAgreed, agree + " --evidence", true},
		"asked by them, policy No":        {Peering{State: RequestedByThem}, "No", OmitNotAgreed, agree + " --evidence", true},
		"asked by us, policy No":          {Peering{State: RequestedByUs}, "no", OmitPolicyNo, agree + " --evidence", true},
		"suspended":                       {Peering{State: Suspended, Reason: "abuse"}, "Open", OmitNotAgreed, "suspended (abuse): if that is over, " + agree + " --exchange ex", false},
		"suspended, policy No":            {Peering{State: Suspended}, "No", OmitNotAgreed, "suspended", false},
		"ended":                           {Peering{State: Ended}, "Open", OmitNotAgreed, agree + " --exchange ex", false},
		"declined":                        {Peering{State: Declined}, "Open", OmitNotAgreed, agree + " --exchange ex", false},
		"ending":                          {Peering{State: Ending}, "Open", OmitNotAgreed, "it ends first", false},
		"ignored":                         {Peering{State: Ignored, Reason: "spam"}, "Open", OmitIgnored, "spam: if that is over, " + agree + " --exchange ex", false},
		"ignored for now":                 {Peering{State: Ignored, IgnoredUntil: start.Add(1)}, "Open", OmitIgnored, "no reason recorded", false},
		"ignored until now":               {Peering{State: Ignored, IgnoredUntil: start}, "Open", OmitNotAgreed, agree, true},
		"by route servers":                {Peering{Meta: Meta{ID: 4}, State: Agreed, Via: RouteServer}, "Open", OmitRSOnly, "set via to bilateral or both in peering 4", false},
		"by route servers, and suspended": {Peering{State: Suspended, Via: RouteServer}, "Open", OmitRSOnly, "route servers", false},
	} {
		f := venueFacts(func(f *PlanningFacts) { f.Peer.PolicyGeneral, f.Peerings[1] = c.policy, c.peering })
		got := f.NoSessions(IXP{Meta: Meta{ID: 1}, Slug: "ex"})
		if got.Code != c.code || !strings.Contains(got.Text, c.says) || c.peering.Awaits(f.Now) != c.awaits {
			t.Errorf("%s: %s %q, awaits %v; want %s with %q", name, got.Code, got.Text, c.peering.Awaits(f.Now), c.code, c.says)
		}
	}
}
