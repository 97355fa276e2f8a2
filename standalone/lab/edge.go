package lab

import (
	"fmt"
	"net/netip"
	"strings"

	"peerflow/internal/bgp"
)

// EdgeConfig is a network's border router as its operator wrote it by hand,
// before peerflow: the demo's starting point.
type EdgeConfig struct {
	ASN       bgp.ASN
	Address   netip.Addr // in 127/8; also its router id
	Port      int        // BGP port; 0 is DefaultBGPPort
	HoldTime  int        // seconds; 0 is DefaultHoldTime
	Originate []netip.Prefix
	Neighbors []EdgeNeighbor
}

// EdgeNeighbor is a session of the operator's own, which peerflow doesn't own.
type EdgeNeighbor struct {
	Name     string // name of its BIRD protocol
	ASN      bgp.ASN
	Address  netip.Addr
	Kind     string // ibgp, transit or peer: what it is announced
	Routes   int    // how many its remote end originates
	Password string
}

// EdgeMain writes the edge's main file. Its last line includes peerflow's part;
// everything above it stays the operator's.
func EdgeMain(c EdgeConfig) string {
	if c.Port == 0 {
		c.Port = DefaultBGPPort
	}
	if c.HoldTime == 0 {
		c.HoldTime = DefaultHoldTime
	}
	var b strings.Builder
	fmt.Fprintf(&b, edgeHead, c.Address, uint32(c.ASN), c.Port, c.HoldTime)
	b.WriteString("protocol static ours {\n\tipv4;\n")
	for _, p := range c.Originate {
		fmt.Fprintf(&b, "\troute %s blackhole;\n", p)
	}
	b.WriteString("}\n")
	for _, n := range c.Neighbors {
		writeNeighbor(&b, c, n)
	}
	b.WriteString("\n# peerflow's part\ninclude \"peerflow/owned.conf\";\n")
	return b.String()
}

// BIRD ignores the loopback interface when it looks for next hops, and all of the lab's are there: show route calls
// them unreachable. Routes are chosen and announced all the same; nothing is forwarded here.
const edgeHead = `# Border router of a small network, written by hand.
log stderr { warning, error, fatal, bug, auth, remote };
router id %[1]s;
debug protocols off;

define OURAS = %[2]d;

protocol device { }

function is_ours() {
	return proto = "ours";
}

filter to_peers {
	if is_ours() then accept;
	reject;
}

filter to_ibgp {
	if source = RTS_BGP || is_ours() then accept;
	reject;
}

filter from_neighbor {
	if net.len > 24 || net ~ [ 0.0.0.0/0{0,7}, 127.0.0.0/8+ ] then reject;
	accept;
}

template bgp neighbor_of_ours {
	local %[1]s port %[3]d as OURAS;
	multihop;
	strict bind yes;
	hold time %[4]d;
	connect delay time 1;
	connect retry time 2;
	error wait time 1, 4;
	startup hold time %[4]d;
}

`

func writeNeighbor(b *strings.Builder, c EdgeConfig, n EdgeNeighbor) {
	export := "to_peers"
	if n.Kind == "ibgp" {
		export = "to_ibgp"
	}
	fmt.Fprintf(b, "\nprotocol bgp %s from neighbor_of_ours {\n\tdescription \"%s %s\";\n\tneighbor %s port %d as %d;\n",
		n.Name, n.ASN, n.Kind, n.Address, c.Port, uint32(n.ASN))
	if n.Password != "" {
		fmt.Fprintf(b, "\tpassword \"%s\";\n", n.Password)
	}
	nextHop := ""
	if n.Kind == "ibgp" {
		nextHop = "\t\tnext hop self;\n"
	}
	fmt.Fprintf(b, "\tipv4 {\n\t\timport filter from_neighbor;\n\t\texport filter %s;\n%s\t};\n}\n", export, nextHop)
}

// Routes gives n distinct /24 out of 10.0.0.0/8, numbered from first: plenty of
// routes that can't be mistaken for anybody's.
func Routes(first, n int) []netip.Prefix {
	prefixes := make([]netip.Prefix, 0, n)
	for i := first; i < first+n; i++ {
		prefixes = append(prefixes, netip.PrefixFrom(netip.AddrFrom4([4]byte{10, byte(i >> 8), byte(i), 0}), 24))
	}
	return prefixes
}
