package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/netip"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"peerflow/internal/bgp"
	"peerflow/internal/peering"
	"peerflow/internal/render"
	"peerflow/standalone/lab"
)

// yard is where points are tried, each on a router of its own: three networks
// with which every router has a session that isn't peerflow's.
type yard struct {
	dir     string
	block   *lab.Block // router x is at 127.y.x.1
	foreign []lab.EdgeNeighbor
	peers   []*lab.Peer
	slots   chan struct{} // bounds how many routers are made and planned for at once

	mu   sync.Mutex
	last int
}

const crashASN bgp.ASN = 64496

// preparing bounds what is made ready at once: more would only make all of it late.
const preparing = 4

func startYard(t *testing.T, dir string) *yard {
	t.Helper()
	block, err := lab.TakeBlock(netip.MustParsePrefix("127.71.0.0/16"), 8)
	must(t, err)
	t.Cleanup(func() { _ = block.Close() })
	y := &yard{dir: dir, block: block, slots: make(chan struct{}, preparing)}
	y.foreign = []lab.EdgeNeighbor{
		{Name: "core1", ASN: crashASN, Address: y.addr(0, 2), Kind: "ibgp", Routes: 20},
		{Name: "transit1", ASN: 64497, Address: y.addr(0, 3), Kind: "transit", Routes: 30},
		{Name: "peer1", ASN: 64502, Address: y.addr(0, 4), Kind: "peer", Routes: 5},
	}
	for i, f := range y.foreign {
		peer, err := lab.StartPeer(t.Context(), lab.PeerConfig{ASN: f.ASN, Address: f.Address, Prefixes: lab.Routes(100*i, f.Routes)})
		must(t, err)
		t.Cleanup(func() { _ = peer.Close() })
		y.peers = append(y.peers, peer)
	}
	return y
}

func (y *yard) addr(third, last byte) netip.Addr {
	return y.block.At(netip.AddrFrom4([4]byte{127, 0, third, last}))
}

// edge is one router of the yard, and the way to it.
type edge struct {
	device
	name    string
	driver  string
	suffix  string // of the name
	address netip.Addr
	id      int64 // in our record
	way     *line // to its management
	peers   []*lab.Peer
	news    byte // sessions that changes asked for so far
}

// brief is in the name of routers on which the rollback timer is to end soon.
const brief = "-brief"

// edge starts a router that lives as long as t, with its sessions up.
func (y *yard) edge(t *testing.T, driver, suffix string) *edge {
	t.Helper()
	y.mu.Lock()
	y.last++
	e := &edge{name: fmt.Sprintf("%s%d%s", driver, y.last, suffix), driver: driver, suffix: suffix, address: y.addr(byte(y.last), 1), peers: y.peers}
	y.mu.Unlock()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	for _, p := range y.peers {
		must(t, p.AddNeighbor(ctx, lab.PeerNeighbor{ASN: crashASN, Address: e.address}))
	}
	var err error
	e.device, err = startDevice(ctx, driver, filepath.Join(y.dir, e.name), e.address, y.foreign)
	must(t, err)
	t.Cleanup(e.close)
	r, _ := e.record()
	e.way = newLine(t, r.Address)
	eventually(t, 2*time.Minute, "the foreign sessions of "+e.name, func() bool { return len(e.sessions()) == len(y.foreign) })
	return e
}

// sessions tells since when each foreign session is up, as the other side sees it.
func (e *edge) sessions() map[bgp.ASN]time.Time {
	up := map[bgp.ASN]time.Time{}
	for _, p := range e.peers {
		if since := p.Since(context.Background(), e.address); !since.IsZero() {
			up[p.Config.ASN] = since
		}
	}
	return up
}

// photo looks at the router; a busy machine may take more than one look.
func (e *edge) photo(t *testing.T) photo {
	t.Helper()
	var p photo
	var err error
	for range 3 {
		ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
		p, err = e.look(ctx)
		cancel()
		if err == nil {
			return p
		}
	}
	t.Fatalf("%s can't be looked at: %v", e.name, err)
	return p
}

// awaitReverts waits until no rollback timer runs any more on routers, nil ones left out.
func awaitReverts(edges ...*edge) error {
	ctx, cancel := context.WithTimeout(context.Background(), 3*time.Minute)
	defer cancel()
	look := time.NewTicker(200 * time.Millisecond)
	defer look.Stop()
	for _, e := range edges {
		for e != nil {
			if now, err := e.look(ctx); err == nil && !now.pending {
				break
			}
			select {
			case <-look.C:
			case <-ctx.Done():
				return fmt.Errorf("%s: its rollback timer didn't end: %w", e.name, ctx.Err())
			}
		}
	}
	return nil
}

// nouns are the records that every router needs.
type nouns struct {
	us, site, peering   int64
	policies            [2]int64         // import, export
	platforms, template map[string]int64 // by driver
}

// seed records what all routers share.
func (b *crashBed) seed(t *testing.T) {
	t.Helper()
	ctx, d := t.Context(), b.parts.DB
	n := nouns{platforms: map[string]int64{}, template: map[string]int64{}}
	us, err := d.AutonomousSystems().Create(ctx, importer, peering.AutonomousSystem{ASN: crashASN, Local: true})
	must(t, err)
	them, err := d.AutonomousSystems().Create(ctx, importer, peering.AutonomousSystem{ASN: 64501})
	must(t, err)
	agreed, err := d.Peerings().Create(ctx, importer, peering.Peering{LocalASID: us.ID, PeerASID: them.ID, State: peering.Agreed, Evidence: peering.PersonSaysSo})
	must(t, err)
	site, err := d.Sites().Create(ctx, importer, peering.Site{Slug: "lab", Name: "Lab"})
	must(t, err)
	n.us, n.site, n.peering = us.ID, site.ID, agreed.ID
	for _, driver := range crashDrivers {
		platform, err := d.Platforms().Create(ctx, importer, peering.PlatformRecord{Slug: driver, Name: driver, Driver: driver})
		must(t, err)
		body, err := render.Starter(driver)
		must(t, err)
		template, err := d.Templates().Create(ctx, importer, peering.Template{Name: driver, Mode: peering.ModeStanza, Engine: peering.EngineJinja2, Body: body})
		must(t, err)
		n.platforms[driver], n.template[driver] = platform.ID, template.ID
	}
	in, err := d.RoutingPolicies().Create(ctx, importer, peering.RoutingPolicy{Slug: "peers-in", Direction: peering.Import})
	must(t, err)
	out, err := d.RoutingPolicies().Create(ctx, importer, peering.RoutingPolicy{Slug: "peers-out", Direction: peering.Export,
		Context: json.RawMessage(`{"announce": ["192.0.2.0/24"]}`)})
	must(t, err)
	n.policies = [2]int64{in.ID, out.ID}
	b.nouns = n
}

var importer = peering.Actor{Kind: peering.ActorImport, Name: "crash test"}

// edge starts a router and records it.
func (b *crashBed) edge(t *testing.T, driver, suffix string) *edge {
	t.Helper()
	e := b.yard.edge(t, driver, suffix)
	r, login := e.record()
	ref, err := b.parts.DB.PutSecret(t.Context(), importer, e.name, login)
	must(t, err)
	r.Name, r.Mode, r.BGPPort, r.Lab, r.Login, r.Address = e.name, peering.Manage, lab.DefaultBGPPort, true, ref, e.way.address
	r.SiteID, r.LocalASID, r.PlatformID, r.TemplateID = b.nouns.site, b.nouns.us, b.nouns.platforms[driver], b.nouns.template[driver]
	r, err = b.parts.DB.Routers().Create(t.Context(), importer, r)
	must(t, err)
	e.id = r.ID
	return e
}

// eventually polls until the condition holds.
func eventually(t *testing.T, patience time.Duration, what string, holds func() bool) {
	t.Helper()
	look := time.NewTicker(300 * time.Millisecond) // many wait at once
	defer look.Stop()
	deadline := time.After(patience)
	for !holds() {
		select {
		case <-look.C:
		case <-deadline:
			t.Fatalf("%s didn't come true within %s", what, patience)
		}
	}
}

// sub is a subtest that meets the others on its way.
type sub struct {
	name string
	try  func(t *testing.T, meet func(meeting int))
}

// gate is one meeting.
type gate struct {
	missing sync.WaitGroup
	came    atomic.Bool // anybody
	open    chan struct{}
	err     error
}

// together runs subtests side by side. At a meeting all of them wait, and then
// something is done to all. Who is left out by -run, or has failed before, isn't
// waited for; where nobody comes, nothing is done.
func together(t *testing.T, subs []sub, meetings ...func() error) {
	t.Helper()
	gates := make([]gate, len(meetings))
	for i := range gates {
		gates[i].open = make(chan struct{})
		gates[i].missing.Add(len(subs))
	}
	var all sync.WaitGroup
	for _, s := range subs {
		all.Go(func() {
			seats := make([]sync.Once, len(meetings))
			t.Run(s.name, func(t *testing.T) {
				s.try(t, func(i int) {
					gates[i].came.Store(true)
					seats[i].Do(gates[i].missing.Done)
					<-gates[i].open
					must(t, gates[i].err)
				})
			})
			for i := range seats {
				seats[i].Do(gates[i].missing.Done)
			}
		})
	}
	for i := range gates {
		gates[i].missing.Wait()
		if gates[i].came.Load() {
			gates[i].err = meetings[i]()
		}
		close(gates[i].open)
	}
	all.Wait()
}

func sameSessions(a, b map[bgp.ASN]time.Time) bool { return maps.EqualFunc(a, b, time.Time.Equal) }
