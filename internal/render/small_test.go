package render

import (
	"errors"
	"net/netip"
	"strings"
	"testing"
	"time"

	"peerflow/internal/jinja"
	"peerflow/internal/peering"
)

func maxPrefixes(n int64) *int64 { return &n }

// small is a network of a few records, each under a name that the cases use.
func small() (*Network, *jinja.Dict) {
	tag := &Tag{Record: Record{ID: 1}, Name: "Filter Prefixes", Slug: "filter-prefixes"}
	noc := &ContactAssignment{Record: Record{ID: 1}, Contact: &Contact{Record: Record{ID: 1}, Name: "Ada", Email: "noc@example.net"}, Role: &ContactRole{Name: "NOC"}}
	all := &RoutingPolicy{Record: Record{ID: 1}, Name: "All in", Slug: "all-in", Type: "import-policy", Weight: 10}
	v4 := &RoutingPolicy{Record: Record{ID: 2}, Name: "v4 in", Slug: "v4-in", Type: "import-policy", Weight: 5, Family: 4}
	v6 := &RoutingPolicy{Record: Record{ID: 3}, Name: "v6 in", Slug: "v6-in", Type: "import-policy", Weight: 5, Family: 6}
	out := &RoutingPolicy{Record: Record{ID: 4}, Name: "All out", Slug: "all-out", Type: "export-policy", Weight: 1}
	learned := &Community{Record: Record{ID: 1}, Name: "learned", Slug: "learned", Value: "64500:100", Type: "ingress"}
	blackhole := &Community{Record: Record{ID: 2}, Name: "blackhole", Slug: "blackhole", Value: "65535:666"}
	sets := "RIPE::AS-CLOUD, AS-CLOUD6 AS-CLOUD"
	us := &AutonomousSystem{Record: Record{ID: 1}, ASN: 64500, Name: "Us", Affiliated: true}
	peer := &AutonomousSystem{
		Record: Record{ID: 2, Tags: []*Tag{tag}, LocalContext: NewData([]byte(`{"limits": {"hold": 30}, "mtu": 9000}`))}, ASN: 64496, Name: "Example Cloud é", IRRASSet: &sets,
		IPv4MaxPrefixes: maxPrefixes(100), IPv6MaxPrefixes: maxPrefixes(0), Contacts: []*ContactAssignment{noc},
		Prefixes: NewData([]byte(`{"ipv6": [{"prefix": "2001:db8:1::/48", "exact": true}], "ipv4": [{"prefix": "203.0.113.0/24", "exact": false, "less-equal": 26}]}`)),
		ASList:   []int64{64496, 64497}, Applied: Applied{Import: []*RoutingPolicy{v6, v4}, Communities: []*Community{blackhole}},
	}
	lan := &IXLan{Record: Record{ID: 1}, Exchange: &PeeringDBExchange{Name: "Test-IX"}, Prefixes: []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24"), netip.MustParsePrefix("2001:db8::/64")}}
	ixp := &InternetExchange{Group: Group{Record: Record{ID: 1}, Name: "Test-IX", Slug: "test-ix", Status: "enabled", Applied: Applied{Import: []*RoutingPolicy{all}, Export: []*RoutingPolicy{out}}}, LAN: lan, Local: us}
	group := &BGPGroup{Group: Group{Record: Record{ID: 1}, Name: "Transit", Slug: "transit", Status: "maintenance"}}
	platform := &Platform{Record: Record{ID: 1}, Name: "Arista EOS", Slug: "arista-eos", PasswordAlgorithm: "arista-type7"}
	router := &RouterRecord{Record: Record{ID: 1}, Local: us, Name: "edge1", Status: "enabled", Platform: platform, Communities: []*Community{learned}}
	idle := &RouterRecord{Record: Record{ID: 2}, Local: us, Name: "spare", Status: "enabled"}
	port := &Connection{Record: Record{ID: 1}, Status: "enabled", MAC: "001B.7749.54FD", IPv4: netip.MustParsePrefix("192.0.2.1/24"), IPv6: netip.MustParsePrefix("2001:db8::1/64"), Exchange: ixp, Router: router, Interface: "et0"}
	fast := &BFD{Record: Record{ID: 1}, Name: "fast", MinimumTransmit: 300}
	x4 := &Session{Record: Record{ID: 1, Created: time.Date(2026, 2, 3, 4, 5, 6, 0, time.UTC)}, AS: peer, Address: netip.MustParsePrefix("192.0.2.10/32"), Status: "enabled", Connection: port,
		Applied: Applied{Import: []*RoutingPolicy{v6}}, BFD: fast}
	x6 := &Session{Record: Record{ID: 2}, AS: peer, Address: netip.MustParsePrefix("2001:db8::10/128"), Status: "disabled", Connection: port, RouteServer: true}
	d4 := &Session{Record: Record{ID: 3}, Direct: true, AS: peer, Local: us, Address: netip.MustParsePrefix("198.51.100.1/31"), LocalAddress: netip.MustParsePrefix("198.51.100.0/31"),
		Status: "enabled", Group: group, Router: router, Relationship: &Relationship{Record: Record{ID: 1}, Name: "Transit Provider", Slug: "transit-provider"}}
	d4.Password, d4.Encrypted = passwords(peering.Session{Password: peering.SecretRef{ID: 17, Version: 3}, PeerAddress: d4.Address.Addr()}, platform)
	ours := &PeeringDBNetwork{Record: Record{ID: 1}, ASN: 64500, Name: "Us", Ports: []*NetworkIXLan{{Record: Record{ID: 1}, ASN: 64500, IPv4: netip.MustParseAddr("192.0.2.1"), LAN: lan}}}
	dc := &Facility{Record: Record{ID: 1}, Name: "DC 1"}
	ours.Facilities = []*Facility{dc}
	theirs := &PeeringDBNetwork{Record: Record{ID: 2}, ASN: 64496, Name: "Cloud", Facilities: []*Facility{dc}, Ports: []*NetworkIXLan{
		{Record: Record{ID: 2}, ASN: 64496, IPv4: netip.MustParseAddr("192.0.2.10"), IPv6: netip.MustParseAddr("2001:db8::10"), LAN: lan},
		{Record: Record{ID: 3}, ASN: 64496, IPv4: netip.MustParseAddr("192.0.2.11"), IPv6: netip.MustParseAddr("2001:db8::10"), LAN: lan}}}
	n := &Network{AutonomousSystems: []*AutonomousSystem{peer, us}, Groups: []*BGPGroup{group}, Exchanges: []*InternetExchange{ixp}, Connections: []*Connection{port},
		Sessions: []*Session{x4, x6, d4}, Policies: []*RoutingPolicy{out, v6, v4, all}, Communities: []*Community{blackhole, learned}, Routers: []*RouterRecord{router, idle},
		PeeringDB: PeeringDB{Networks: []*PeeringDBNetwork{ours, theirs}, LANs: []*IXLan{lan}, Facilities: []*Facility{dc}}}
	vars := n.Link().configuration(router)
	for name, v := range map[string]jinja.Value{"ixp": ixp, "group": group, "x4": x4, "x6": x6, "d4": d4, "peer": peer, "us": us, "conn": port, "policy": all, "idle": idle, "theirs": theirs, "ours": ours, "tag": tag} {
		vars.SetStr(name, v)
	}
	return n, vars
}

// renders runs a template over the small network.
func renders(t *testing.T, body string, lenient bool) (string, error) {
	t.Helper()
	_, vars := small()
	return renderText(t.Context(), peering.Template{Name: "t", Body: body, Lenient: lenient}, vars, plain)
}

// rule is a template and what it prints, or the class of its failure and a part of what that says.
type rule struct{ body, want, class string }

func check(t *testing.T, rules map[string]rule) {
	t.Helper()
	for name, r := range rules {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := renders(t, r.body, true)
			if r.class == "" {
				if err != nil || got != r.want {
					t.Errorf("%s\n got %q, %v\nwant %q", r.body, got, err, r.want)
				}
				return
			}
			var failed *jinja.Error
			if !errors.As(err, &failed) || failed.Class != r.class || !strings.Contains(failed.Msg, r.want) {
				t.Errorf("%s\n got %q, %v\nwant %s: %s", r.body, got, err, r.class, r.want)
			}
		})
	}
}
