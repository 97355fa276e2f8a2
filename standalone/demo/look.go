package demo

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"peerflow/internal/bgp"
)

// Established counts the sessions with the edge that the other sides see up.
func (n *Network) Established(ctx context.Context) int {
	up := 0
	for _, p := range n.Peers {
		if p.State(ctx, n.at(edgeAddr)) == bgp.Established {
			up++
		}
	}
	return up
}

// Since is when each session with the edge came up, as the other side saw it, to
// the second; sessions that aren't up are left out.
func (n *Network) Since(ctx context.Context) map[bgp.ASN]time.Time {
	up := map[bgp.ASN]time.Time{}
	for asn, p := range n.Peers {
		if since := p.Since(ctx, n.at(edgeAddr)); !since.IsZero() {
			up[asn] = since
		}
	}
	return up
}

// Announced is how many prefixes a peer has from the edge.
func (n *Network) Announced(ctx context.Context, asn bgp.ASN) int {
	return n.Peers[asn].Received(ctx, n.at(edgeAddr))
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

// Summary is the edge's sessions as its operator lists them.
func (n *Network) Summary(ctx context.Context) (string, error) {
	if n.Edge != nil {
		return n.Edge.Birdc(ctx, "show", "protocols")
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%-16s %-9s %s\n", "neighbor", "AS", "state on the other side")
	for _, f := range n.everybody() {
		key := f.ASN
		if f.Kind == "ibgp" {
			key = 0
		}
		if text := n.Public(f.Address).String(); strings.Contains(string(n.GNMI.Running()), `"`+text+`"`) {
			fmt.Fprintf(&b, "%-16s %-9s %s\n", text, f.ASN, n.Peers[key].State(ctx, n.at(edgeAddr)))
		}
	}
	return b.String(), nil
}

// BestRoute is one route that the edge has from AS64501.
func (n *Network) BestRoute(ctx context.Context) (string, error) {
	first := n.Peers[PeerASN].Config.Prefixes[0]
	if n.Edge == nil {
		return n.GNMI.BestRoute(first)
	}
	out, err := n.Edge.Birdc(ctx, "show", "route", first.String())
	for line := range strings.Lines(out) {
		if strings.Contains(line, first.String()) {
			return strings.TrimSpace(line), err
		}
	}
	return "", errors.Join(err, fmt.Errorf("the edge has no route %s", first))
}
