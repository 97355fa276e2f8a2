package db_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"peerflow/db"
	"peerflow/db/dbtest"
	"peerflow/internal/driver/bird"
	"peerflow/internal/peering"
	"peerflow/internal/render"
)

// What rendering a router of full size should take at most: from the first query to the text and its lines' origins.
const (
	aimRendering = 2.0 // seconds
	aimHeap      = 512 // MB
)

// filtering is a router's template that writes each network's prefixes as BIRD has them.
const filtering = `{% for a in autonomous_systems %}
define PREFIXES_{{ a.asn }} = [
{% for p in a | prefix_list(6) %}
  {{ p.prefix }}{% if not p.exact %}{ {{- p['greater-equal'] | default(48) }},{{ p['less-equal'] | default(128) }}}{% endif %}{{ '' if loop.last else ',' }}
{% endfor %}
];
{% endfor %}
{% for s in sessions %}
protocol bgp {{ s.name }} {
  local as {{ s.local_asn }};
  neighbor {{ s | ip }} as {{ s.peer_asn }};
  ipv6 { import where net ~ PREFIXES_{{ s.peer_asn }}; export none; import limit {{ s.families[0].prefix_limit }} action disable; };
}
{% endfor %}
`

// BenchmarkFullRouter loads and renders a router with 2,000 sessions of 1,000 networks, which have 500,000 entries in
// their prefix lists, as planning does it: with where each line comes from. PeeringDB has each network at 12 LANs.
func BenchmarkFullRouter(b *testing.B) {
	d := dbtest.Open(b, dbtest.URL(b), db.Options{Needs: render.Needs})
	n := smallNetwork(b, d)
	n.fill(b, d, n.router.ID, n.port.ID, 1000, 2)
	sqlRun(b, d, `INSERT INTO irr_list (as_id, kind, entries, count, fetched_at)
		SELECT a.id, 'ipv6', (SELECT string_agg('2001:db8:' || to_hex((a.asn - 4200000000)::integer) || ':' || to_hex(i) || '::/64' || CASE i % 4 WHEN 0 THEN '{,72}' ELSE '' END, E'\n' ORDER BY i)
			FROM generate_series(1, 500) i), 500, now() FROM autonomous_system a WHERE a.asn >= 4200000000`)
	for _, sql := range []string{
		`INSERT INTO pdb_org SELECT i, 'owner ' || i, '', '', '', '', '', 'ok', now(), now() FROM generate_series(1, 1000) i`,
		`INSERT INTO pdb_net SELECT i, i, 4200000000 + i, 'network ' || i, '', '', 'https://www.example.net', '', '', 'AS-EXAMPLE', 'NSP', 500, 500, '', '', '', true, false, true, false,
			'', 'Open', '', false, '', 'ok', now(), now() FROM generate_series(1, 1000) i`,
		`INSERT INTO pdb_ix SELECT i, 1, 'exchange ' || i, '', '', '', '', '', '', '', '', 'ok', now(), now() FROM generate_series(1, 300) i`,
		`INSERT INTO pdb_ixlan SELECT i, i, '', 1500, false, 0, 'ok', now(), now() FROM generate_series(1, 300) i`,
		`INSERT INTO pdb_netixlan SELECT n * 12 + i, n, CASE i WHEN 0 THEN 26 ELSE 1 + (n * 12 + i) % 300 END, 4200000000 + n, NULL, '2001:db8:1::'::inet + n * 16 + i, 10000, false, false, true, 'ok', now(), now()
			FROM generate_series(1, 1000) n, generate_series(0, 11) i`,
	} {
		sqlRun(b, d, sql)
	}
	if _, err := d.Templates().Patch(b.Context(), anna, n.template.ID, 0, fmt.Appendf(nil, `{"body": %q, "trim_blocks": true}`, filtering)); err != nil {
		b.Fatal(err)
	}
	var loaded, bare, rendered, split time.Duration
	var peak float64
	var lines int
	for b.Loop() {
		stop := pdbPeakHeap()
		start := time.Now()
		desired, err := d.Desired(b.Context(), n.router.ID)
		if err != nil {
			b.Fatal(err)
		}
		read := time.Now()
		text, origins, err := render.RouterWithOrigins(b.Context(), desired)
		if err != nil {
			b.Fatal(err)
		}
		done := time.Now()
		peak = max(peak, stop())
		cut, err := peering.CutTemplate(bird.Syntax{}, "bird", desired.Template, text)
		if err != nil || len(cut) < 3000 || strings.Count(text, "::/64") != 500_000 {
			b.Fatalf("%d stanzas, %v", len(cut), err)
		}
		peering.Origins(text, origins, slices.Collect(maps.Values(cut)))
		split += time.Since(done)
		again := time.Now()
		if none, err := d.DesiredFor(b.Context(), n.router.ID, peering.Needs{}); err != nil || len(none.Sessions) < 2000 || len(desired.PeeringDB.Ports) != 12_000 {
			b.Fatalf("%d ports, %d sessions, %v", len(desired.PeeringDB.Ports), len(none.Sessions), err)
		}
		bare += time.Since(again)
		loaded, rendered, lines = loaded+read.Sub(start), rendered+done.Sub(read), len(origins)
	}
	rounds := float64(b.N)
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(float64(lines), "lines")
	b.ReportMetric(loaded.Seconds()/rounds, "s-queries")
	b.ReportMetric(bare.Seconds()/rounds, "s-queries-for-a-template-without-lists")
	b.ReportMetric(rendered.Seconds()/rounds, "s-rendering")
	b.ReportMetric((loaded+rendered).Seconds()/rounds, "s-both")
	b.ReportMetric(aimRendering, "s-aim")
	b.ReportMetric(peak, "MB-peak-heap")
	b.ReportMetric(aimHeap, "MB-aim")
	b.ReportMetric(split.Seconds()/rounds, "s-cut-into-stanzas")
}

// BenchmarkManyRouters loads and renders routers of 50 to 200 sessions with BIRD's starter, two at a time.
func BenchmarkManyRouters(b *testing.B) {
	d := dbtest.Open(b, dbtest.URL(b), db.Options{Needs: render.Needs})
	n := smallNetwork(b, d)
	body, err := render.Starter("bird")
	if err != nil {
		b.Fatal(err)
	}
	if _, err := d.Templates().Patch(b.Context(), anna, n.template.ID, 0, fmt.Appendf(nil, `{"body": %q}`, body)); err != nil {
		b.Fatal(err)
	}
	if _, err := d.RoutingPolicies().Patch(b.Context(), anna, n.announce.ID, 0, []byte(`{"context": {"announce": ["203.0.113.0/24"]}}`)); err != nil {
		b.Fatal(err)
	}
	var routers []int64
	for i, sessions := range []int{50, 80, 110, 140, 170, 200} {
		r := mustCreate(b, d.Routers(), peering.Router{Name: fmt.Sprintf("edge-%d", i), SiteID: n.site.ID, PlatformID: n.platform.ID, LocalASID: n.us.ID, TemplateID: n.template.ID, Address: "127.0.0.9:22", Lab: true})
		port := n.port
		port.RouterID, port.IPv4, port.IPv6 = r.ID, port.IPv4.Next(), port.IPv6.Next()
		for range i {
			port.IPv4, port.IPv6 = port.IPv4.Next(), port.IPv6.Next()
		}
		port = mustCreate(b, d.Connections(), port)
		n.fill(b, d, r.ID, port.ID, sessions, 1)
		routers = append(routers, r.ID)
	}
	const rounds = 20
	start := time.Now()
	for b.Loop() {
		var next atomic.Int64
		var two sync.WaitGroup
		for range 2 {
			two.Go(func() {
				for i := next.Add(1); i <= int64(rounds*len(routers)); i = next.Add(1) {
					desired, err := d.Desired(b.Context(), routers[i%int64(len(routers))])
					if err == nil {
						_, _, err = render.RouterWithOrigins(b.Context(), desired)
					}
					if err != nil {
						b.Error(err)
						return
					}
				}
			})
		}
		two.Wait()
	}
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(float64(b.N*rounds*len(routers))/time.Since(start).Seconds(), "routers/s")
}

// fill gives a router sessions with networks of numbers from 4200000000 on, over one of our ports.
func (n small) fill(b testing.TB, d *db.DB, router, port int64, networks, each int) {
	b.Helper()
	for _, sql := range []string{
		`INSERT INTO autonomous_system (asn, name) SELECT 4200000000 + i, 'network ' || i FROM generate_series(1, $1) i ON CONFLICT DO NOTHING`,
		`INSERT INTO peering (local_as_id, peer_as_id, ixp_id, state, evidence)
			SELECT (SELECT id FROM autonomous_system WHERE asn = 64500), a.id, (SELECT min(id) FROM ixp), 'agreed', 'mail' FROM autonomous_system a
			WHERE a.asn BETWEEN 4200000001 AND 4200000000 + $1 ON CONFLICT DO NOTHING`,
	} {
		sqlRun(b, d, sql, networks)
	}
	sqlRun(b, d, `INSERT INTO session (kind, peering_id, router_id, connection_id, peer_address, peer_asn, families, sync)
		SELECT 'ixp', p.id, $1, $2, '2001:db8:1::'::inet + (a.asn - 4200000000) * 16 + i, a.asn, '{6}', 'in_sync'
		FROM autonomous_system a JOIN peering p ON p.peer_as_id = a.id, generate_series(1, $4) i WHERE a.asn BETWEEN 4200000001 AND 4200000000 + $3`, router, port, networks, each)
}
