package db_test

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"peerflow/db"
	"peerflow/db/dbtest"
	"peerflow/internal/bgp"
	"peerflow/internal/peering"
)

// BenchmarkNetwork times what people and polls ask of a network that has grown: 20 exchanges and routers, 1,000 networks with
// 7,500 sessions, 5,000 changes with a deployment each, and 200,000 entries in the change log and the outbox. Each figure is one
// question, queries included.
func BenchmarkNetwork(b *testing.B) {
	d := dbtest.New(b)
	n := smallNetwork(b, d)
	n.grow(b, d)
	poll := peering.Poll{RouterID: n.router.ID, At: time.Now()}
	for i := range 1000 {
		address := netip.AddrFrom16([16]byte{0x20, 0x01, 0x0d, 0xb8, 14: byte(i / 256), 15: byte(i % 256)})
		poll.Neighbors = append(poll.Neighbors, peering.Neighbor{Address: address, RemoteAS: 64501, LocalAS: 64500, State: bgp.Established, Since: poll.At})
	}
	listed := func(filter string) func() error {
		return func() error {
			_, err := d.Sessions().List(b.Context(), filters(filter), peering.Page{})
			return err
		}
	}
	questions := map[string]func() error{
		"7500-sessions": func() error {
			for page := (peering.Page{Limit: 1000}); ; {
				list, err := d.Sessions().List(b.Context(), nil, page)
				if page.After = list.Next; err != nil || page.After == "" {
					return err
				}
			}
		},
		"sessions-of-an-exchange": listed("exchange=lan-19"),
		"sessions-of-no-exchange": listed("exchange=nowhere"),
		"sessions-of-a-router":    listed("router=edge-19"),
		"log-of-a-change": func() error {
			list, err := d.ChangeLog(b.Context(), filters("change_id=17"), peering.Page{})
			return few(len(list.Items), 40, err)
		},
		"deployments-of-a-change": func() error {
			list, err := d.Deployments(b.Context(), 17)
			return few(len(list), 1, err)
		},
		"queue-of-a-router": func() error {
			list, err := d.OpenDeployments(b.Context(), n.router.ID)
			return few(len(list), 0, err)
		},
		"200-events-from-the-middle": func() error {
			list, _, err := d.Events(b.Context(), db.Position{Xid: 300}, 0, 200)
			return few(len(list), 200, err)
		},
		"poll-of-1000-neighbors": func() error {
			poll.At = poll.At.Add(time.Second)
			_, err := d.StorePoll(b.Context(), poll)
			return err
		},
	}
	took := map[string]time.Duration{}
	for b.Loop() {
		for name, ask := range questions {
			start := time.Now()
			if err := ask(); err != nil {
				b.Fatalf("%s: %v", name, err)
			}
			took[name] += time.Since(start)
		}
	}
	b.ReportMetric(0, "ns/op")
	for name, sum := range took {
		b.ReportMetric(float64(sum.Microseconds())/1000/float64(b.N), "ms-"+name)
	}
}

func few(found, want int, err error) error {
	if err == nil && found != want {
		err = fmt.Errorf("%d found, want %d", found, want)
	}
	return err
}

// grow gives a small network the rows of a large one that is some years old.
func (n small) grow(b *testing.B, d *db.DB) {
	b.Helper()
	for i := range 19 {
		x := mustCreate(b, d.IXPs(), peering.IXP{Slug: fmt.Sprintf("lan-%d", i+1), LocalASID: n.us.ID})
		r := mustCreate(b, d.Routers(), peering.Router{Name: fmt.Sprintf("edge-%d", i+1), SiteID: n.site.ID, PlatformID: n.platform.ID, LocalASID: n.us.ID, TemplateID: n.template.ID, Address: "127.0.0.9:22", Lab: true})
		port := n.port
		port.IXPID, port.RouterID = x.ID, r.ID
		port = mustCreate(b, d.Connections(), port)
		n.fill(b, d, r.ID, port.ID, 400, 1)
	}
	sqlRun(b, d, `INSERT INTO app_user (name, roles) VALUES ('grown', '{admin}')`)
	for _, sql := range strings.Split(`INSERT INTO config_text SELECT encode(sha256('grown'), 'hex'), 'grown'
;INSERT INTO change (kind, author_id, state, ended_at) SELECT 'deploy', u.id, 'completed', now() FROM app_user u, generate_series(1, 5000) WHERE u.name = 'grown'
;INSERT INTO plan (change_id, hash, impact) SELECT id, encode(sha256(id::text::bytea), 'hex'), '{}' FROM change
;INSERT INTO deployment (change_id, plan_id, router_id, state, artifact_hash, baseline, committed_at, confirmed_at, ended_at)
	SELECT p.change_id, p.id, r.id, 'confirmed', encode(sha256('grown'), 'hex'), jsonb_build_object('x', repeat('neighbor ', 100)), now(), now(), now()
	FROM plan p JOIN (SELECT id, row_number() OVER (ORDER BY id) AS place FROM router) r ON r.place = 1 + p.id % 20
;INSERT INTO change_log (actor_kind, actor, change_id, object, object_id, action, after)
	SELECT 'user', 'grown', 1 + i % 5000, 'session', 1 + i % 7500, 'update', jsonb_build_object('x', repeat('session ', 40)) FROM generate_series(1, 200000) i
;INSERT INTO outbox (xid, topic, change_id, object_id, event) SELECT (10 + i / 400)::text::xid8, 'change', 1 + i % 5000, 1 + i % 5000, 'step' FROM generate_series(1, 200000) i
;ANALYZE`, "\n;") {
		sqlRun(b, d, sql)
	}
}
