package lab_test

import (
	"fmt"
	"net/netip"
	"sync"
	"testing"

	"peerflow/standalone/lab"
)

func TestABlockIsTakenOnce(t *testing.T) {
	first := netip.MustParsePrefix("127.0.96.0/24")
	const most = 8
	var mu sync.Mutex
	taken := map[netip.Prefix]*lab.Block{}
	var all sync.WaitGroup
	for range most {
		all.Go(func() {
			b, err := lab.TakeBlock(first, most)
			if err != nil {
				t.Error(err)
				return
			}
			t.Cleanup(func() { _ = b.Close() })
			mu.Lock()
			defer mu.Unlock()
			if taken[b.Prefix] != nil {
				t.Errorf("%s is taken twice", b.Prefix)
			}
			taken[b.Prefix] = b
		})
	}
	all.Wait()
}

func TestABlockIsPassedByWhereSomebodySpeaksBGP(t *testing.T) {
	first := netip.MustParsePrefix("127.99.0.0/16")
	p, err := lab.StartPeer(t.Context(), lab.PeerConfig{ASN: 64501, Address: netip.MustParseAddr("127.99.0.2")})
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	take := func() *lab.Block {
		t.Helper()
		b, err := lab.TakeBlock(first, 2)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	b := take()
	if a := b.At(netip.MustParseAddr("127.0.7.1")); a != netip.MustParseAddr("127.100.7.1") {
		t.Errorf("%s is at %s", b.Prefix, a)
	}
	want := fmt.Sprintf("port %d is taken in all of 127.99.0.0 to 127.100.255.255: stop another demo", lab.DefaultBGPPort)
	if _, err := lab.TakeBlock(first, 2); err == nil || err.Error() != want {
		t.Errorf("%v, want %s", err, want)
	}
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	_ = take().Close()
}
