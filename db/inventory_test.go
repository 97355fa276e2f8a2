package db_test

import (
	"fmt"
	"net/netip"
	"testing"

	"peerflow/db"
	"peerflow/db/dbtest"
	"peerflow/internal/bgp"
	"peerflow/internal/peering"
)

func TestTheInventoryIsEverythingWithTheSameQueries(t *testing.T) {
	t.Parallel()
	count := &statements{}
	d := dbtest.Open(t, dbtest.URL(t), db.Options{Tracer: count})
	n := smallNetwork(t, d)
	load := func() (peering.Inventory, int64) {
		before := count.n.Load()
		all, err := d.Inventory(t.Context(), peering.AllNeeds)
		if err != nil {
			t.Fatal(err)
		}
		return all, count.n.Load() - before
	}
	_, one := load()
	other := mustCreate(t, d.Routers(), peering.Router{Name: "fra-1", SiteID: n.site.ID, PlatformID: n.platform.ID, LocalASID: n.us.ID, Address: "127.0.0.2:22", Lab: true})
	for i := range 20 {
		as := mustCreate(t, d.AutonomousSystems(), peering.AutonomousSystem{ASN: bgp.ASN(4200000000 + i)})
		p := mustCreate(t, d.Peerings(), peering.Peering{LocalASID: n.us.ID, PeerASID: as.ID})
		mustCreate(t, d.Sessions(), peering.Session{PeeringID: p.ID, RouterID: other.ID, PeerAddress: netip.MustParseAddr(fmt.Sprintf("203.0.113.%d", i+1)), PeerAS: as.ASN})
	}
	text, entries, err := peering.NewASList([]bgp.ASN{64501})
	if err != nil {
		t.Fatal(err)
	}
	if err := d.PutIRRLists(t.Context(), anna, n.peer.ID, []peering.IRRList{{Kind: peering.IRRNumbers, Entries: text, Count: entries}}, false); err != nil {
		t.Fatal(err)
	}
	all, many := load()
	if many != one || many > 33 {
		t.Errorf("%d queries for one session, %d for 21: want the same, 33 at most (BEGIN and COMMIT included)", one, many)
	}
	if len(all.Routers) != 2 || len(all.Sessions) != 21 || len(all.Networks) != 22 || len(all.Platforms) != 1 || all.IRR[n.peer.ID][peering.IRRNumbers].Count != 1 {
		t.Errorf("%d routers, %d sessions, %d networks, %d platforms, lists %v", len(all.Routers), len(all.Sessions), len(all.Networks), len(all.Platforms), all.IRR)
	}
	if none, err := d.Inventory(t.Context(), peering.Needs{}); err != nil || len(none.IRR) != 0 || none.Unneeded != peering.AllNeeds {
		t.Errorf("nothing large: %v, %+v, %v", none.IRR, none.Unneeded, err)
	}
	if mine := all.Of(other); len(mine.Sessions) != 20 || mine.Router.Name != "fra-1" || mine.LocalAS.ASN != n.us.ASN || mine.Platform.Slug != "bird2" || len(all.Sessions) != 21 {
		t.Errorf("of one router: %d sessions, %s, %s, %s", len(mine.Sessions), mine.Router.Name, mine.LocalAS.ASN, mine.Platform.Slug)
	}
}
