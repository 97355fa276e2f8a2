package pdbfake

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"strings"
	"time"

	"peerflow/internal/bgp"
	"peerflow/internal/peering"
)

// Ids of the synthetic set that tests and the demo speak of.
const (
	ExampleIX  int64 = 1 // 192.0.2.0/24 and 2001:db8:1::/64, route servers AS64511
	OtherIX    int64 = 2 // 198.51.100.0/25 and 198.51.100.128/25: two LAN prefixes, no IPv6
	firstNetID int64 = 100
)

// Synthetic is a small PeeringDB of documentation numbers, all last updated at or
// before at: two exchanges and fourteen networks AS64500 to AS64511 and AS65536,
// AS65537. Every case that planning must tell apart is there: open, selective,
// restrictive and no policy, facilities and contacts, two ports at one exchange, a port without IPv6, one
// without any address, one out of service, one on the other LAN, 4-byte numbers,
// figures unknown.
func Synthetic(at time.Time) []peering.PDBRow {
	b := &builder{at: at.UTC().Truncate(time.Second).Add(-24 * time.Hour)}
	b.exchange(ExampleIX, "Example-IX", "Amsterdam", "NL", 64511, "192.0.2.0/24", "2001:db8:1::/64")
	b.exchange(OtherIX, "Other-IX", "Frankfurt", "DE", 0, "198.51.100.0/25", "198.51.100.128/25")
	policies := []string{"Open", "Open", "Selective", "Open", "Restrictive", "Open", "No", "Open", "", "Open", "Open", "Open", "Open", "Selective"}
	for i, policy := range policies {
		asn := bgp.ASN(64500 + i)
		if i >= 12 {
			asn = bgp.ASN(65536 + i - 12)
		}
		b.network(firstNetID+int64(i), asn, policy, int64(i*20))
	}
	b.ports()
	b.buildings()
	return b.rows
}

// buildings: two facilities, the first with AS64500 and AS64501 in it, the second
// with AS64500 alone, and contacts of both.
func (b *builder) buildings() {
	for id, name := range []string{"Example House", "Other House"} {
		b.rows = append(b.rows, &peering.PDBFacility{PDBHead: b.head(int64(id + 1)), OrgID: ExampleIX, Name: name, Address1: "1 Example Street", City: "Amsterdam", Country: "NL"})
	}
	for i, h := range [][2]int64{{firstNetID, 1}, {firstNetID + 1, 1}, {firstNetID, 2}} {
		b.rows = append(b.rows, &peering.PDBNetworkFacility{PDBHead: b.head(int64(i + 1)), NetID: h[0], FacilityID: h[1], LocalASN: b.asns[h[0]]})
	}
	for i, c := range []peering.PDBContact{{NetID: firstNetID, Role: "NOC", Name: "Desk"}, {NetID: firstNetID, Role: "Policy", Name: "Peering"}, {NetID: firstNetID + 1, Role: "Policy", Name: "Peering"}} {
		c.PDBHead, c.Visible = b.head(int64(i+1)), "Public"
		c.Email = fmt.Sprintf("%s@as%d.example.net", strings.ToLower(c.Name), b.asns[c.NetID])
		b.rows = append(b.rows, &c)
	}
}

// ports: every network at Example-IX with host numbers as its place in the list
// (10 for AS64500, 11 for AS64501, …), then the special cases.
func (b *builder) ports() {
	for i := range int64(14) {
		host := byte(10 + i)
		b.port(firstNetID+i, ExampleIX, v4(192, 0, 2, host), v6(1, host), func(p *peering.PDBPort) {
			switch p.ASN {
			case 64503:
				p.IPv6 = netip.Addr{}
			case 64505:
				p.Operational = false
			case 64508:
				p.IPv4, p.IPv6 = netip.Addr{}, netip.Addr{}
			case 64511:
				p.RSPeer = true
			}
		})
	}
	b.port(firstNetID+1, ExampleIX, v4(192, 0, 2, 111), v6(1, 111), nil)
	b.port(firstNetID, OtherIX, v4(198, 51, 100, 10), netip.Addr{}, nil)
	b.port(firstNetID+1, OtherIX, v4(198, 51, 100, 11), netip.Addr{}, nil)
	b.port(firstNetID+2, OtherIX, v4(198, 51, 100, 200), netip.Addr{}, nil) // the second prefix of that LAN
	b.port(firstNetID+3, OtherIX, v4(203, 0, 113, 3), netip.Addr{}, nil)    // in no prefix of it
}

type builder struct {
	at     time.Time
	rows   []peering.PDBRow
	asns   map[int64]bgp.ASN
	prefix int64
	nextID int64
}

// head makes each row a second younger than the one before, so that their order
// by time is known.
func (b *builder) head(id int64) peering.PDBHead {
	b.at = b.at.Add(time.Second)
	return peering.PDBHead{ID: id, Status: peering.PDBOK, Created: b.at.Add(-24 * time.Hour), Updated: b.at}
}

func (b *builder) exchange(id int64, name, city, country string, rs bgp.ASN, prefixes ...string) {
	b.rows = append(b.rows,
		&peering.PDBOrganization{PDBHead: b.head(id), Name: name + " Association", City: city, Country: country},
		&peering.PDBExchange{PDBHead: b.head(id), OrgID: id, Name: name, City: city, Country: country, Media: "Ethernet"},
		&peering.PDBLAN{PDBHead: b.head(id), IXID: id, MTU: 1500, RSASN: rs})
	for _, text := range prefixes {
		p := netip.MustParsePrefix(text)
		protocol := "IPv6"
		if p.Addr().Is4() {
			protocol = "IPv4"
		}
		b.prefix++
		b.rows = append(b.rows, &peering.PDBPrefix{PDBHead: b.head(b.prefix), LANID: id, Protocol: protocol, Prefix: p})
	}
}

// network has its own organisation. prefixes 0 = the operator gave no figure.
func (b *builder) network(id int64, asn bgp.ASN, policy string, prefixes int64) {
	if b.asns == nil {
		b.asns = map[int64]bgp.ASN{}
	}
	b.asns[id] = asn
	b.rows = append(b.rows,
		&peering.PDBOrganization{PDBHead: b.head(id), Name: fmt.Sprintf("Example Networks %d", asn)},
		&peering.PDBNetwork{PDBHead: b.head(id), OrgID: id, ASN: asn, Name: fmt.Sprintf("Example %d", asn),
			IRRASSet: fmt.Sprintf("AS%d:AS-EXAMPLE", asn), InfoType: "NSP", InfoPrefixes4: prefixes, InfoPrefixes6: prefixes / 2,
			InfoUnicast: true, InfoIPv6: true, PolicyGeneral: policy, PolicyURL: "https://peering.example.net/"})
}

func (b *builder) port(net, lan int64, addr4, addr6 netip.Addr, edit func(*peering.PDBPort)) {
	b.nextID++
	p := &peering.PDBPort{PDBHead: b.head(b.nextID), NetID: net, LANID: lan, ASN: b.asns[net],
		IPv4: addr4, IPv6: addr6, Speed: 10000, Operational: true}
	if edit != nil {
		edit(p)
	}
	b.rows = append(b.rows, p)
}

func v4(a, b, c, d byte) netip.Addr { return netip.AddrFrom4([4]byte{a, b, c, d}) }

func v6(lan uint16, host byte) netip.Addr {
	return netip.AddrFrom16([16]byte{0x20, 0x01, 0x0d, 0xb8, byte(lan >> 8), byte(lan), 15: host})
}

// Large is a made-up set of about the real size's shape, for measuring where the
// real data isn't at hand: 500 exchanges on 198.18.0.0/15 (benchmarks, RFC 2544),
// networks with private numbers (RFC 6996), each with ports at random exchanges.
// The same arguments give the same rows. At most 127,000 ports.
func Large(networks, ports int, at time.Time) []peering.PDBRow {
	const exchanges, firstIX, firstNet, firstPort = 500, 1_000_001, 2_000_001, 3_000_001 // clear of Synthetic's ids
	random := rand.New(rand.NewPCG(1, 2))
	b := &builder{at: at.UTC().Truncate(time.Second).Add(-365 * 24 * time.Hour), prefix: firstPort, nextID: firstPort}
	for i := range exchanges {
		lan := netip.AddrFrom4([4]byte{198, byte(18 + i/256), byte(i), 0})
		b.exchange(int64(firstIX+i), fmt.Sprintf("IX %d", i+1), "City", "NL", 0,
			netip.PrefixFrom(lan, 24).String(), netip.PrefixFrom(v6(uint16(i), 0), 64).String())
	}
	for i := range networks {
		b.network(int64(firstNet+i), bgp.ASN(4200000000+i), "Open", int64(random.IntN(5000)))
	}
	used := make([]int, exchanges)
	for range min(ports, exchanges*254) {
		i := random.IntN(exchanges)
		for used[i] >= 254 {
			i = (i + 1) % exchanges
		}
		used[i]++
		host := byte(used[i])
		b.port(int64(firstNet+random.IntN(networks)), int64(firstIX+i), v4(198, byte(18+i/256), byte(i), host), v6(uint16(i), host), nil)
	}
	return b.rows
}
