package activities_test

import (
	"fmt"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"peerflow/activities"
	"peerflow/db/dbtest"
	"peerflow/internal/bgp"
	"peerflow/internal/peering"
)

// exchange is an exchange with one router of ours, and AS64501 with one port, in a real database.
type exchange struct {
	*testing.T
	activities.Planning
	run func(sql string, args ...any)
	one func(sql string, args ...any) int64
}

func newExchange(t *testing.T) exchange {
	t.Helper()
	d := dbtest.New(t)
	x := exchange{T: t, Planning: activities.Planning{Intent: d, Changes: d, Plans: d, Mirror: &view{}, Now: time.Now}}
	x.run = func(sql string, args ...any) {
		t.Helper()
		if _, err := d.Pool().Exec(t.Context(), sql, args...); err != nil {
			t.Fatalf("%s: %v", sql, err)
		}
	}
	x.one = func(sql string, args ...any) (n int64) {
		t.Helper()
		if err := d.Pool().QueryRow(t.Context(), sql, args...).Scan(&n); err != nil {
			t.Fatalf("%s: %v", sql, err)
		}
		return n
	}
	by := peering.Actor{Kind: peering.ActorImport, Name: "test"}
	us, err := d.AutonomousSystems().Create(t.Context(), by, peering.AutonomousSystem{ASN: 64500, Local: true})
	check(t, err)
	site, err := d.Sites().Create(t.Context(), by, peering.Site{Slug: "ams"})
	check(t, err)
	platform, err := d.Platforms().Create(t.Context(), by, peering.PlatformRecord{Slug: "bird", Driver: "bird"})
	check(t, err)
	router, err := d.Routers().Create(t.Context(), by, peering.Router{Name: "edge1", SiteID: site.ID, PlatformID: platform.ID, LocalASID: us.ID,
		Address: "127.0.0.1:22", Lab: true, Mode: peering.Manage})
	check(t, err)
	ixp, err := d.IXPs().Create(t.Context(), by, peering.IXP{Slug: "example-ix", LocalASID: us.ID, IXLANID: 26, Agreement: peering.ConfigureThenAsk})
	check(t, err)
	_, err = d.Connections().Create(t.Context(), by, peering.Connection{IXPID: ixp.ID, RouterID: router.ID,
		IPv4: netip.MustParseAddr("198.51.100.1"), IPv4LAN: netip.MustParsePrefix("198.51.100.0/24"),
		IPv6: netip.MustParseAddr("2001:db8::1"), IPv6LAN: netip.MustParsePrefix("2001:db8::/64")})
	check(t, err)
	x.run(`INSERT INTO app_user (name) VALUES ('anna')`)
	x.publish(64501, "198.51.100.9", "2001:db8::a")
	return x
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// publish puts a network with an open policy and one port into the mirror.
func (x exchange) publish(asn bgp.ASN, v4, v6 string) {
	x.Helper()
	x.run(`INSERT INTO pdb_net VALUES ($1, 1, $1, 'peer', '', '', '', '', '', '', 'NSP', 10, 10, '', '', '', true, false, true, false,
		'', 'Open', '', false, '', 'ok', now(), now())`, int64(asn))
	x.run(`INSERT INTO pdb_netixlan VALUES ($1, $1, 26, $1, $2::inet, $3::inet, 10000, false, false, true, 'ok', now(), now())`, int64(asn), v4, v6)
}

// agreed is a change that peers with the network, up to the planning of its sessions.
func (x exchange) agreed(asn bgp.ASN) int64 {
	x.Helper()
	id := x.one(`INSERT INTO change (kind, author_id, request) SELECT 'provision', min(id), $1 FROM app_user RETURNING id`, fmt.Sprintf(`{"asn": %d}`, asn))
	if _, err := x.AssessAgreement(x.Context(), id); err != nil {
		x.Fatal(err)
	}
	return id
}

func (x exchange) omissions(change int64) string {
	x.Helper()
	c, err := x.Changes.Change(x.Context(), change)
	check(x.T, err)
	var all []string
	for _, o := range c.Omissions {
		all = append(all, fmt.Sprintf("%s %s", o.Code, o.PeerAddress))
	}
	return strings.Join(all, ", ")
}

func TestChangesForOnePeerAtTheSameMomentPlanEachSessionOnce(t *testing.T) {
	t.Parallel()
	x := newExchange(t)
	var changes []int64
	for range 4 {
		changes = append(changes, x.agreed(64501))
	}
	results := make([]activities.SessionsResult, len(changes))
	var group sync.WaitGroup
	for i, id := range changes {
		group.Go(func() {
			var err error
			if results[i], err = x.PlanSessions(t.Context(), id); err != nil {
				t.Errorf("change %d: %v", id, err)
			}
		})
	}
	group.Wait()
	planned := 0
	for i, r := range results {
		planned += r.Sessions
		if r.Sessions == 0 && !strings.Contains(r.Text, "plans it already") {
			t.Errorf("change %d plans nothing and says %q", changes[i], r.Text)
		}
	}
	if n := x.one(`SELECT count(*) FROM session_end`); planned != 2 || n != 2 {
		t.Errorf("%d sessions planned, %d ends held: want one of each family", planned, n)
	}
	before := x.one(`SELECT min(session_id) FROM session_end`)
	for _, id := range changes { // each step may run twice
		if _, err := x.PlanSessions(t.Context(), id); err != nil {
			t.Errorf("again: %v", err)
		}
	}
	if n := x.one(`SELECT count(*) FROM session_end`); n != 2 || x.one(`SELECT min(session_id) FROM session_end`) != before {
		t.Errorf("%d ends after planning again: want the same two", n)
	}
}

func TestAPeerThatWasRenumberedGetsItsNewAddressesOnly(t *testing.T) {
	t.Parallel()
	x := newExchange(t)
	first := x.agreed(64501)
	if _, err := x.PlanSessions(t.Context(), first); err != nil {
		t.Fatal(err)
	}
	check(t, x.Changes.MoveChange(t.Context(), first, peering.ChangePlanned, "", ""))
	check(t, x.Plans.NoteUnmoved(t.Context(), first))
	check(t, x.Changes.MoveChange(t.Context(), first, peering.ChangeCompleted, "", "the routers run it already"))

	// Another row with the same addresses: nothing new.
	x.run(`UPDATE pdb_netixlan SET id = 77, speed = 100000, updated = now()`)
	same := x.agreed(64501)
	if r, err := x.PlanSessions(t.Context(), same); err != nil || r.Sessions != 0 || x.omissions(same) != "exists 198.51.100.9, exists 2001:db8::a" {
		t.Errorf("another row: %+v, %s, %v", r, x.omissions(same), err)
	}
	x.run(`UPDATE pdb_netixlan SET ipaddr4 = '198.51.100.19'`)
	moved := x.agreed(64501)
	r, err := x.PlanSessions(t.Context(), moved)
	if got, want := x.omissions(moved), "vanished 198.51.100.9, exists 2001:db8::a"; err != nil || r.Sessions != 1 || got != want {
		t.Errorf("renumbered: %+v, left out %q, %v; want %q", r, got, err, want)
	}
	if n := x.one(`SELECT count(*) FROM session_end WHERE peer_address = '198.51.100.19'`); n != 1 {
		t.Errorf("%d sessions with the new address, want one", n)
	}
}
