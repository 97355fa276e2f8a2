package lab

import (
	"context"
	"errors"
	"fmt"
	"net/netip"

	"peerflow/internal/bgp"
)

// Edge is a border router as it was before peerflow, with the far ends of its operator's own sessions.
type Edge struct {
	*Bird
	Config    EdgeConfig
	Neighbors []*Peer // in the order of Config.Neighbors
}

// DemoEdge describes AS64496's edge at an address in 127/8: one iBGP session, one
// transit and nine peers, at the addresses .11 to .21 beside it.
func DemoEdge(address netip.Addr) EdgeConfig {
	c := EdgeConfig{
		ASN: 64496, Address: address,
		Originate: []netip.Prefix{
			netip.MustParsePrefix("192.0.2.0/24"), netip.MustParsePrefix("198.51.100.0/24"), netip.MustParsePrefix("203.0.113.0/24"),
		},
		Neighbors: []EdgeNeighbor{
			{Name: "core1", ASN: 64496, Address: beside(address, 11), Kind: "ibgp", Routes: 20},
			{Name: "transit1", ASN: 64497, Address: beside(address, 12), Kind: "transit", Routes: 200},
		},
	}
	for i := range 9 {
		asn := bgp.ASN(64503 + i)
		c.Neighbors = append(c.Neighbors, EdgeNeighbor{
			Name: fmt.Sprintf("peer%d", i+1), ASN: asn, Address: beside(address, byte(13+i)), Kind: "peer", Routes: 30,
		})
	}
	return c
}

// beside is the address with another last byte.
func beside(a netip.Addr, last byte) netip.Addr {
	b := a.As4()
	b[3] = last
	return netip.AddrFrom4(b)
}

// StartEdge starts the edge and the far ends of its sessions. They come up by themselves within seconds.
func StartEdge(ctx context.Context, dir string, c EdgeConfig) (*Edge, error) {
	bird, err := StartBird(ctx, dir, BirdConfig{Main: EdgeMain(c)})
	if err != nil {
		return nil, err
	}
	e := &Edge{Bird: bird, Config: c}
	for i, n := range c.Neighbors {
		p, err := StartPeer(ctx, PeerConfig{
			ASN: n.ASN, Address: n.Address, Port: c.Port, HoldTime: c.HoldTime, Prefixes: Routes(i*1000, n.Routes),
			Neighbors: []PeerNeighbor{{ASN: c.ASN, Address: c.Address, Password: n.Password}},
		})
		if err != nil {
			return nil, errors.Join(err, e.Close())
		}
		e.Neighbors = append(e.Neighbors, p)
	}
	return e, nil
}

// Close ends the edge and its neighbors.
func (e *Edge) Close() error {
	errs := []error{e.Bird.Close()}
	for _, p := range e.Neighbors {
		errs = append(errs, p.Close())
	}
	return errors.Join(errs...)
}
