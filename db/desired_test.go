package db_test

import (
	"context"
	"fmt"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/jackc/pgx/v5"

	"peerflow/db"
	"peerflow/db/dbtest"
	"peerflow/internal/bgp"
	"peerflow/internal/peering"
)

// statements counts what goes to the server, and may do something before it goes.
type statements struct {
	n      atomic.Int64
	before func(sql string)
}

func (s *statements) TraceQueryStart(ctx context.Context, _ *pgx.Conn, q pgx.TraceQueryStartData) context.Context {
	s.n.Add(1)
	if s.before != nil {
		s.before(q.SQL)
	}
	return ctx
}

func (s *statements) TraceQueryEnd(context.Context, *pgx.Conn, pgx.TraceQueryEndData) {}

func TestDesiredTakesTheSameQueriesHoweverManySessions(t *testing.T) {
	t.Parallel()
	count := &statements{}
	d := dbtest.Open(t, dbtest.URL(t), db.Options{Tracer: count})
	n := smallNetwork(t, d)
	figure := func() int64 {
		before := count.n.Load()
		if _, err := d.Desired(t.Context(), n.router.ID); err != nil {
			t.Fatal(err)
		}
		return count.n.Load() - before
	}
	one := figure()
	for i := range 60 {
		as := mustCreate(t, d.AutonomousSystems(), peering.AutonomousSystem{ASN: bgp.ASN(4200000000 + i)})
		p := mustCreate(t, d.Peerings(), peering.Peering{LocalASID: n.us.ID, PeerASID: as.ID, IXPID: n.ixp.ID})
		s := n.sessionTo(fmt.Sprintf("198.51.100.%d", 10+i))
		s.PeeringID, s.PeerAS = p.ID, as.ASN
		mustCreate(t, d.Sessions(), s)
		mustCreate(t, d.Templates(), peering.Template{Name: fmt.Sprintf("part %d", i), Body: "{#- a part of others -#}"})
	}
	if many := figure(); many != one || many > 33 {
		t.Errorf("%d queries for one session and one template, %d for 61: want the same, 33 at most (BEGIN and COMMIT included)", one, many)
	}
}

func TestDesiredIsOneViewWhateverHappensMeanwhile(t *testing.T) {
	t.Parallel()
	meanwhile := &statements{}
	url := dbtest.URL(t)
	d, other := dbtest.Open(t, url, db.Options{Tracer: meanwhile}), dbtest.Open(t, url, db.Options{})
	n := smallNetwork(t, other)
	deleted := false
	meanwhile.before = func(sql string) {
		if strings.Contains(sql, "name: SessionRows") && !deleted { // the ids are read, the sessions aren't
			deleted = true
			if err := other.Sessions().Delete(t.Context(), anna, n.session.ID, 0); err != nil {
				t.Error(err)
			}
		}
	}
	got, err := d.Desired(t.Context(), n.router.ID)
	if err != nil || !deleted || len(got.Sessions) != 1 {
		t.Errorf("%d sessions, %v (deleted meanwhile: %v): want the view that the reading began with", len(got.Sessions), err, deleted)
	}
}

func TestDesiredHoldsAllThatARouterIsRenderedFrom(t *testing.T) {
	t.Parallel()
	d := dbtest.New(t)
	n := smallNetwork(t, d)
	published(t, d, n.peer.ASN, 26, "198.51.100.2", 1000)
	other := mustCreate(t, d.Routers(), peering.Router{Name: "fra-1", SiteID: n.site.ID, PlatformID: n.platform.ID, LocalASID: n.us.ID, Address: "127.0.0.2:22", Lab: true})
	mustCreate(t, d.Sessions(), peering.Session{PeeringID: n.peering.ID, RouterID: other.ID, PeerAddress: netip.MustParseAddr("203.0.113.1"), PeerAS: 64501})

	got, err := d.Desired(t.Context(), n.router.ID)
	if err != nil {
		t.Fatal(err)
	}
	if len(got.Sessions) != 1 || got.Sessions[n.session.ID].PeerAddress != n.session.PeerAddress {
		t.Errorf("sessions: %v, want the router's own alone", got.Sessions)
	}
	if got.LocalAS.ASN != 64500 || got.Template.ID != n.template.ID || got.Router.Name != "ams-1" {
		t.Errorf("local AS %v, template %d, router %q", got.LocalAS.ASN, got.Template.ID, got.Router.Name)
	}
	import4 := got.PolicyOf(n.session, peering.Import, bgp.IPv4)
	if len(import4) != 1 || import4[0].Value.Slug != "accept-peers" || import4[0].Origin != peering.FromExchange {
		t.Errorf("import policies %v, want the exchange's", import4)
	}
	limit := got.LimitOf(n.session, bgp.IPv4)
	if l, _ := limit.Value.Count(); l != 1100 || limit.Origin != peering.FromMirror {
		t.Errorf("limit %v from %s, want 1100 from the mirror", limit.Value, limit.Origin)
	}
	if _, err := d.Desired(t.Context(), 999); peering.KindOf(err) != peering.NotFound || !strings.Contains(err.Error(), "router 999") {
		t.Errorf("a router that isn't there: %v", err)
	}
	if none, err := d.Desired(t.Context(), other.ID); err != nil || none.Template.ID != 0 {
		t.Errorf("a router without template: %v, template %d", err, none.Template.ID)
	}
}

// plannedSession opens a change that would create a session on the small network's router.
func plannedSession(t testing.TB, d *db.DB, n small, address string, asn bgp.ASN, peeringID int64) (changeID, sessionID int64) {
	t.Helper()
	sqlRun(t, d, `INSERT INTO app_user (name) VALUES ('planner') ON CONFLICT DO NOTHING`)
	sqlRead(t, d, `INSERT INTO change (kind, author_id, state) SELECT 'provision', id, 'planned' FROM app_user WHERE name = 'planner' RETURNING id`, nil, &changeID)
	sessionID, err := d.NewID(t.Context(), peering.ObjectSession)
	if err != nil {
		t.Fatal(err)
	}
	patch := fmt.Sprintf(`{"peering_id": %d, "router_id": %d, "connection_id": %d, "peer_address": %q, "peer_asn": %d}`,
		peeringID, n.router.ID, n.port.ID, address, asn)
	sqlRun(t, d, `INSERT INTO change_operation (change_id, position, router_id, object, object_id, action, patch) VALUES ($1, 1, $2, 'session', $3, 'create', $4)`,
		changeID, n.router.ID, sessionID, patch)
	return changeID, sessionID
}

func TestDesiredBringsWhatAPlannedSessionNeeds(t *testing.T) {
	t.Parallel()
	d := dbtest.New(t)
	n := smallNetwork(t, d)
	fresh := mustCreate(t, d.AutonomousSystems(), peering.AutonomousSystem{ASN: 64502, Policies: peering.Policies{Import: []int64{n.accept.ID}}})
	p := mustCreate(t, d.Peerings(), peering.Peering{LocalASID: n.us.ID, PeerASID: fresh.ID, IXPID: n.ixp.ID})
	plannedSession(t, d, n, "198.51.100.9", 64502, p.ID)
	got, err := d.Desired(t.Context(), n.router.ID)
	if err != nil {
		t.Fatal(err)
	}
	if _, known := got.Network(64502); !known || got.Peerings[p.ID].ID == 0 || len(got.Sessions) != 1 {
		t.Errorf("networks %v, peerings %v, sessions %v: want the planned peer's records, and not its session", got.Networks, got.Peerings, got.Sessions)
	}
}
