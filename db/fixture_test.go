package db_test

import (
	"net/netip"
	"testing"

	"peerflow/db"
	"peerflow/internal/bgp"
	"peerflow/internal/peering"
)

// small is one lab router at one exchange with one peer: what most tests need to begin with.
type small struct {
	us, peer peering.AutonomousSystem
	site     peering.Site
	platform peering.PlatformRecord
	template peering.Template
	router   peering.Router
	ixp      peering.IXP
	port     peering.Connection
	peering  peering.Peering
	accept   peering.RoutingPolicy
	announce peering.RoutingPolicy
	session  peering.Session
}

func smallNetwork(t testing.TB, d *db.DB) small {
	t.Helper()
	var n small
	n.us = mustCreate(t, d.AutonomousSystems(), peering.AutonomousSystem{ASN: 64500, Name: "us", Local: true})
	n.peer = mustCreate(t, d.AutonomousSystems(), peering.AutonomousSystem{ASN: 64501, Name: "peer"})
	n.site = mustCreate(t, d.Sites(), peering.Site{Slug: "ams"})
	n.platform = mustCreate(t, d.Platforms(), peering.PlatformRecord{Slug: "bird2", Driver: "bird"})
	n.template = mustCreate(t, d.Templates(), peering.Template{Name: "bird", Body: "{# nothing #}"})
	n.accept = mustCreate(t, d.RoutingPolicies(), peering.RoutingPolicy{Slug: "accept-peers", Direction: peering.Import})
	n.announce = mustCreate(t, d.RoutingPolicies(), peering.RoutingPolicy{Slug: "announce-ours", Direction: peering.Export})
	n.router = mustCreate(t, d.Routers(), peering.Router{Name: "ams-1", SiteID: n.site.ID, PlatformID: n.platform.ID,
		LocalASID: n.us.ID, TemplateID: n.template.ID, Address: "127.0.0.1:22", Lab: true})
	n.ixp = mustCreate(t, d.IXPs(), peering.IXP{Slug: "ams-ix", LocalASID: n.us.ID, IXLANID: 26,
		Policies: peering.Policies{Import: []int64{n.accept.ID}, Export: []int64{n.announce.ID}}})
	n.port = mustCreate(t, d.Connections(), peering.Connection{IXPID: n.ixp.ID, RouterID: n.router.ID,
		IPv4: netip.MustParseAddr("198.51.100.1"), IPv4LAN: netip.MustParsePrefix("198.51.100.0/24"),
		IPv6: netip.MustParseAddr("2001:db8:1::1"), IPv6LAN: netip.MustParsePrefix("2001:db8:1::/64")})
	n.peering = mustCreate(t, d.Peerings(), peering.Peering{LocalASID: n.us.ID, PeerASID: n.peer.ID, IXPID: n.ixp.ID,
		State: peering.Agreed, Evidence: peering.ByMail})
	n.session = mustCreate(t, d.Sessions(), n.sessionTo("198.51.100.2"))
	return n
}

// sessionTo is a session with the peer over our port, not recorded yet.
func (n small) sessionTo(address string) peering.Session {
	return peering.Session{PeeringID: n.peering.ID, RouterID: n.router.ID, ConnectionID: n.port.ID,
		PeerAddress: netip.MustParseAddr(address), PeerAS: n.peer.ASN}
}

func mustCreate[T any](t testing.TB, n db.Noun[T], v T) T {
	t.Helper()
	v, err := n.Create(t.Context(), anna, v)
	if err != nil {
		t.Fatalf("create %T: %v", v, err)
	}
	return v
}

func sqlRun(t testing.TB, d *db.DB, sql string, args ...any) {
	t.Helper()
	if _, err := d.Pool().Exec(t.Context(), sql, args...); err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
}

// sqlRead reads one row.
func sqlRead(t testing.TB, d *db.DB, sql string, args []any, into ...any) {
	t.Helper()
	if err := d.Pool().QueryRow(t.Context(), sql, args...).Scan(into...); err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
}

func wantKind(t testing.TB, what string, err error, want peering.Kind) {
	t.Helper()
	if peering.KindOf(err) != want {
		t.Errorf("%s: kind %q (%v), want %q", what, peering.KindOf(err), err, want)
	}
}

// published puts a network into the PeeringDB mirror, with one port at a LAN.
func published(t testing.TB, d *db.DB, asn bgp.ASN, lan int64, address string, prefixes4 int64) {
	t.Helper()
	sqlRun(t, d, `INSERT INTO pdb_net VALUES ($1, 1, $1, 'peer', '', '', '', '', '', '', 'NSP', $2, 20, '', '', '', true, false, true, false,
		'', 'Open', '', false, '', 'ok', now(), now())`, int64(asn), prefixes4)
	sqlRun(t, d, `INSERT INTO pdb_netixlan VALUES ($1, $1, $2, $1, $3::inet, NULL, 10000, false, false, true, 'ok', now(), now())`, int64(asn), lan, address)
}
