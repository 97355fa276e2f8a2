// Package demo is a small network to try peerflow on: an edge router that
// carries other people's sessions, an exchange with a route server and a dozen
// peers, all with routes, and a PeeringDB that knows them. It uses loopback
// addresses and documentation AS numbers only.
//
// Start with Start and Seed; run.go is the story that `up --demo` tells.
package demo

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"time"

	"peerflow/internal/bgp"
	"peerflow/internal/peering"
	"peerflow/internal/peeringdb/pdbfake"
	"peerflow/standalone/lab"
	"peerflow/standalone/lab/gnmid"
)

// The demo's numbers. Every daemon has an address of its own in 127/8.
const (
	ourASN   bgp.ASN = 64496
	coreASN          = ourASN
	transit  bgp.ASN = 64497
	rsASN    bgp.ASN = 64498
	PeerASN  bgp.ASN = 64501 // the network that the demo peers with
	bgpPort          = lab.DefaultBGPPort
	holdTime         = 9 // seconds; the profile of lab routers is made for it
)

var (
	edgeAddr = addr(1)
	peerAddr = addr(21)
	ours     = []netip.Prefix{
		netip.MustParsePrefix("192.0.2.0/24"), netip.MustParsePrefix("203.0.113.0/24"), netip.MustParsePrefix("198.18.64.0/24"),
	}
)

// addr is an address in the first block; a network's own are given by at.
func addr(host int) netip.Addr { return netip.AddrFrom4([4]byte{127, 64, 0, byte(host)}) }

// blocks is how many demos may run on one machine: each takes 127.64.<block>.0/24.
const blocks = 32

// at moves an address of the first block into the network's.
func (n *Network) at(a netip.Addr) netip.Addr { return n.block.At(a) }

// neighbors moves a list of neighbors into the network's block.
func (n *Network) neighbors(list []lab.EdgeNeighbor) []lab.EdgeNeighbor {
	moved := slices.Clone(list)
	for i := range moved {
		moved[i].Address = n.at(moved[i].Address)
	}
	return moved
}

// foreign are the eleven sessions that the edge carries before peerflow comes:
// written by hand, and never peerflow's.
var foreign = []lab.EdgeNeighbor{
	{Name: "core1", ASN: coreASN, Address: addr(2), Kind: "ibgp", Routes: 20},
	{Name: "transit1", ASN: transit, Address: addr(3), Kind: "transit", Routes: 740},
	{Name: "rs1", ASN: rsASN, Address: addr(4), Kind: "peer", Routes: 60},
	{Name: "peer_64502", ASN: 64502, Address: addr(11), Kind: "peer", Routes: 12},
	{Name: "peer_64503", ASN: 64503, Address: addr(12), Kind: "peer", Routes: 10},
	{Name: "peer_64504", ASN: 64504, Address: addr(13), Kind: "peer", Routes: 10},
	{Name: "peer_64505", ASN: 64505, Address: addr(14), Kind: "peer", Routes: 10},
	{Name: "peer_64506", ASN: 64506, Address: addr(15), Kind: "peer", Routes: 10},
	{Name: "peer_64507", ASN: 64507, Address: addr(16), Kind: "peer", Routes: 10},
	{Name: "peer_64508", ASN: 64508, Address: addr(17), Kind: "peer", Routes: 10},
	{Name: "peer_64509", ASN: 64509, Address: addr(18), Kind: "peer", Routes: 5},
}

// newcomers are networks at the exchange that the edge has no session with.
var newcomers = []lab.EdgeNeighbor{
	{Name: "peer_64501", ASN: PeerASN, Address: peerAddr, Routes: 14},
	{Name: "peer_64510", ASN: 64510, Address: addr(22), Routes: 8},
	{Name: "peer_64511", ASN: 64511, Address: addr(23), Routes: 6},
	{Name: "peer_65536", ASN: 65536, Address: addr(24), Routes: 4},
}

// Network is the running demo network.
type Network struct {
	Edge  *lab.Bird     // the edge, when it is BIRD
	SSH   *lab.SSHD     // its login
	GNMI  *gnmid.Target // the edge, when it speaks gNMI
	Peers map[bgp.ASN]*lab.Peer
	// PeeringDB answers at this URL.
	PeeringDB string

	block *lab.Block
	dir   string
	pdb   *http.Server
}

// Start brings up the daemons with an edge of the given driver, bird or
// openconfig; dir keeps the edge's files and keys.
func Start(ctx context.Context, dir, driver string) (*Network, error) {
	block, err := lab.TakeBlock(netip.PrefixFrom(addr(0), 24), blocks)
	if err != nil {
		return nil, err
	}
	n := &Network{Peers: map[bgp.ASN]*lab.Peer{}, dir: dir, block: block}
	if err := n.start(ctx, dir, driver); err != nil {
		return nil, errors.Join(err, n.Close())
	}
	return n, nil
}

func (n *Network) start(ctx context.Context, dir, driver string) error {
	if err := n.startEdge(ctx, dir, driver); err != nil {
		return err
	}
	if err := n.servePeeringDB(); err != nil {
		return err
	}
	first := 0
	for i, p := range n.everybody() {
		if err := n.startPeer(ctx, p, first, i < len(foreign)); err != nil {
			return err
		}
		first += p.Routes
	}
	return nil
}

// everybody is each network with a router at the exchange or beside it.
func (n *Network) everybody() []lab.EdgeNeighbor {
	return n.neighbors(append(foreign[:len(foreign):len(foreign)], newcomers...))
}

// startPeer starts a network's router. Newcomers don't know the edge yet.
func (n *Network) startPeer(ctx context.Context, p lab.EdgeNeighbor, first int, knowsEdge bool) error {
	c := lab.PeerConfig{ASN: p.ASN, Address: p.Address, Port: bgpPort, HoldTime: holdTime, Prefixes: lab.Routes(first, p.Routes)}
	if knowsEdge {
		c.Neighbors = []lab.PeerNeighbor{{ASN: ourASN, Address: n.at(edgeAddr), Password: p.Password}}
	}
	peer, err := lab.StartPeer(ctx, c)
	if err != nil {
		return fmt.Errorf("start %s: %w", p.Name, err)
	}
	key := p.ASN
	if p.Kind == "ibgp" {
		key = 0 // our own number stands for the edge
	}
	n.Peers[key] = peer
	return nil
}

// Close ends every daemon.
func (n *Network) Close() error {
	var errs []error
	for _, p := range n.Peers {
		errs = append(errs, p.Close())
	}
	if n.Edge != nil {
		errs = append(errs, n.Edge.Close())
	}
	if n.SSH != nil {
		errs = append(errs, n.SSH.Close())
	}
	if n.GNMI != nil {
		n.GNMI.Close()
	}
	if n.pdb != nil {
		errs = append(errs, n.pdb.Close())
	}
	errs = append(errs, n.block.Close())
	return errors.Join(errs...)
}

func (n *Network) servePeeringDB() error {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	n.pdb = &http.Server{Handler: pdbfake.New(n.rows()...), ReadHeaderTimeout: 5 * time.Second}
	go func() { _ = n.pdb.Serve(listener) }()
	n.PeeringDB = "http://" + listener.Addr().String() + "/api"
	return nil
}

const (
	ixlanID  = 1 // Demo-IX
	otherLAN = 2 // Other-IX, where we aren't
)

// rows is the exchange as PeeringDB has it.
func (n *Network) rows() []peering.PDBRow {
	at := time.Now().Add(-24 * time.Hour).UTC().Truncate(time.Second)
	head := func(id int64) peering.PDBHead {
		return peering.PDBHead{ID: id, Status: peering.PDBOK, Created: at, Updated: at}
	}
	rows := []peering.PDBRow{&peering.PDBOrganization{PDBHead: head(1), Name: "Demo networks"}}
	for id, name := range map[int64]string{ixlanID: "Demo-IX", otherLAN: "Other-IX"} {
		rows = append(rows,
			&peering.PDBExchange{PDBHead: head(id), OrgID: 1, Name: name, City: "Loopback"},
			&peering.PDBLAN{PDBHead: head(id), IXID: id, RSASN: rsASN, MTU: 1500})
	}
	rows = append(rows,
		&peering.PDBPrefix{PDBHead: head(1), LANID: ixlanID, Protocol: "IPv4", Prefix: n.lan()},
		&peering.PDBPrefix{PDBHead: head(2), LANID: ixlanID, Protocol: "IPv6", Prefix: netip.MustParsePrefix("2001:db8:64::/64")},
		&peering.PDBPrefix{PDBHead: head(3), LANID: otherLAN, Protocol: "IPv4", Prefix: netip.MustParsePrefix("127.65.1.0/24")})
	for i, p := range n.everybody()[2:] {
		id := int64(i + 10)
		rows = append(rows,
			&peering.PDBNetwork{PDBHead: head(id), OrgID: 1, ASN: p.ASN, Name: fmt.Sprintf("Example network %d", p.ASN), InfoPrefixes4: int64(p.Routes), PolicyGeneral: policyOf(p.ASN)},
			&peering.PDBPort{PDBHead: head(id), NetID: id, LANID: ixlanID, ASN: p.ASN, IPv4: n.Public(p.Address), IPv6: ipv6(p.Address), Speed: 10000, Operational: true})
	}
	// AS64501 has more ports: on another LAN of the same exchange, and out of service.
	rows = append(rows,
		&peering.PDBPort{PDBHead: head(40), NetID: peerNet, LANID: ixlanID, ASN: PeerASN, IPv4: n.elsewhere(), Speed: 10000, Operational: true},
		&peering.PDBPort{PDBHead: head(41), NetID: peerNet, LANID: ixlanID, ASN: PeerASN, IPv4: n.Public(n.at(addr(31))), Speed: 1000, Operational: false},
		&peering.PDBPort{PDBHead: head(42), NetID: peerNet, LANID: otherLAN, ASN: PeerASN, IPv4: netip.MustParseAddr("127.65.1.21"), Speed: 10000, Operational: true})
	return rows
}

// peerNet is the PeeringDB id of AS64501's network: it stands after the nine foreign ones.
const peerNet = 10 + 9

func policyOf(asn bgp.ASN) string {
	switch asn {
	case 64510:
		return "Selective"
	case 64511:
		return "No"
	}
	return "Open"
}

// ipv6 mirrors the last byte: the peers have IPv6 there, and we lack it.
func ipv6(a netip.Addr) netip.Addr {
	b := netip.MustParseAddr("2001:db8:64::").As16()
	b[15] = a.As4()[3]
	return netip.AddrFrom16(b)
}
