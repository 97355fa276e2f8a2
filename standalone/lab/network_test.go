package lab_test

import (
	"context"
	"fmt"
	"net/netip"
	"runtime"
	"testing"
	"time"

	"peerflow/internal/bgp"
	"peerflow/standalone/lab"
)

func TestDemoEdgeHasElevenNeighborsWithRoutes(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithTimeout(context.Background(), 60*time.Second)
	defer cancel()
	address := netip.MustParseAddr("127.0.65.1")
	edge, err := lab.StartEdge(ctx, t.TempDir(), lab.DemoEdge(address))
	if err != nil {
		t.Fatal(err)
	}
	defer edge.Close()
	if len(edge.Neighbors) != 11 {
		t.Fatalf("%d neighbors, want 11", len(edge.Neighbors))
	}
	started := time.Now()
	for _, p := range edge.Neighbors {
		await(t, ctx, fmt.Sprintf("%s is up with the edge's three routes at least", p.Config.ASN), func() bool {
			return p.State(ctx, address) == bgp.Established && p.Received(ctx, address) >= 3
		})
	}
	transit, learned := edge.Neighbors[1], 0
	for _, n := range edge.Config.Neighbors {
		learned += n.Routes
	}
	if n := transit.Received(ctx, address); n != 3 {
		t.Errorf("transit is announced %d routes, want our own 3: a leak", n)
	}
	await(t, ctx, "the core learns every route", func() bool {
		return edge.Neighbors[0].Received(ctx, address) == learned-edge.Config.Neighbors[0].Routes+3
	})
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	t.Logf("all up after %s, %d MiB of heap in use by 11 peers", time.Since(started).Round(time.Millisecond), m.HeapInuse>>20)
}
