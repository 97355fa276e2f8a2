package lab_test

import (
	"context"
	"net/netip"
	"strings"
	"testing"
	"time"

	"peerflow/internal/bgp"
	"peerflow/standalone/lab"
)

func TestEdgeExchangesRoutesWithItsNeighbors(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithTimeout(context.Background(), 60*time.Second)
	defer cancel()
	edge := netip.MustParseAddr("127.0.64.1")
	neighbors := []lab.EdgeNeighbor{
		{Name: "core1", ASN: 64496, Address: netip.MustParseAddr("127.0.64.2"), Kind: "ibgp", Routes: 3},
		{Name: "transit1", ASN: 64497, Address: netip.MustParseAddr("127.0.64.3"), Kind: "transit", Routes: 50, Password: "md5 of the lab"},
		{Name: "peer1", ASN: 64498, Address: netip.MustParseAddr("127.0.64.4"), Kind: "peer", Routes: 7},
	}
	main := lab.EdgeMain(lab.EdgeConfig{
		ASN: 64496, Address: edge, Neighbors: neighbors,
		Originate: []netip.Prefix{netip.MustParsePrefix("203.0.113.0/24"), netip.MustParsePrefix("198.51.100.0/24")},
	})
	bird, err := lab.StartBird(ctx, t.TempDir(), lab.BirdConfig{Main: main})
	if err != nil {
		t.Fatal(err)
	}
	defer bird.Close()
	peers := map[string]*lab.Peer{}
	for i, n := range neighbors {
		p, err := lab.StartPeer(ctx, lab.PeerConfig{
			ASN: n.ASN, Address: n.Address, Prefixes: lab.Routes(i*100, n.Routes),
			Neighbors: []lab.PeerNeighbor{{ASN: 64496, Address: edge, Password: n.Password}},
		})
		if err != nil {
			t.Fatal(err)
		}
		defer p.Close()
		peers[n.Name] = p
	}
	want := map[string]int{"core1": 2 + 57, "transit1": 2, "peer1": 2}
	for name, count := range want {
		await(t, ctx, name+" receives what the edge announces to it", func() bool { return peers[name].Received(ctx, edge) == count })
	}
	out, _ := bird.Birdc(ctx, "show", "protocols", "all")
	t.Log(out)

	p := peers["peer1"]
	if err := p.Disable(ctx, edge, "moving to another rack"); err != nil {
		t.Fatal(err)
	}
	await(t, ctx, "the edge hears the shutdown's text", func() bool {
		out, _ := bird.Birdc(ctx, "show", "protocols", "all", "peer1")
		return strings.Contains(out, "moving to another rack")
	})
	out, _ = bird.Birdc(ctx, "show", "protocols", "all", "peer1")
	t.Log(out)
	if err := p.Enable(ctx, edge); err != nil {
		t.Fatal(err)
	}
	await(t, ctx, "the session returns", func() bool { return p.State(ctx, edge) == bgp.Established })

	peers["transit1"].Freeze()
	await(t, ctx, "the hold timer ends a silent path", func() bool {
		out, _ := bird.Birdc(ctx, "show", "protocols", "all", "transit1")
		return strings.Contains(out, "Hold timer expired")
	})
	out, _ = bird.Birdc(ctx, "show", "protocols", "all", "transit1")
	t.Log(out)
	peers["transit1"].Thaw()
	await(t, ctx, "the path heals", func() bool { return peers["transit1"].Received(ctx, edge) == 2 })
}

func await(t *testing.T, ctx context.Context, what string, holds func() bool) {
	t.Helper()
	for !holds() {
		select {
		case <-ctx.Done():
			t.Fatalf("never: %s", what)
		case <-time.After(50 * time.Millisecond):
		}
	}
}
