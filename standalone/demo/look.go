package demo

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"peerflow/internal/bgp"
)

// Established counts the sessions with the edge that the other sides see up.
func (n *Network) Established(ctx context.Context) int {
	up := 0
	for _, p := range n.Peers {
		if p.State(ctx, EdgeAddr) == bgp.Established {
			up++
		}
	}
	return up
}

// Announced is how many prefixes a peer has from the edge.
func (n *Network) Announced(ctx context.Context, asn bgp.ASN) int {
	return n.Peers[asn].Received(ctx, EdgeAddr)
}

// Boot is everything that a restart of the edge would load, as its files have it.
func (n *Network) Boot() (string, error) {
	files := []string{}
	if n.GNMI != nil {
		files = append(files, filepath.Join(n.dir, "gnmi", "boot.json"))
	} else {
		files = append(files, n.Edge.Main, n.Edge.Owned)
	}
	text := ""
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil {
			return "", fmt.Errorf("read the edge's boot configuration: %w", err)
		}
		text += string(b)
	}
	return text, nil
}

// Running is what the edge runs of everybody's, as its operator would look at
// it: BIRD's protocols, or the whole OpenConfig tree.
func (n *Network) Running(ctx context.Context) (string, error) {
	if n.GNMI != nil {
		return string(n.GNMI.Running()), nil
	}
	return n.Edge.Birdc(ctx, "show", "protocols")
}
