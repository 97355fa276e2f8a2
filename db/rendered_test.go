package db_test

import (
	"encoding/json"
	"flag"
	"fmt"
	"maps"
	"os"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"peerflow/db"
	"peerflow/db/dbtest"
	"peerflow/internal/bgp"
	"peerflow/internal/driver/bird"
	"peerflow/internal/driver/openconfig"
	"peerflow/internal/peering"
	"peerflow/internal/render"
)

// TestMain asks for fewer examples of each property than rapid's 100: each one
// here is some hundred queries.
func TestMain(m *testing.M) {
	flag.Parse()
	if checks := flag.Lookup("rapid.checks"); checks.Value.String() == checks.DefValue {
		if err := checks.Value.Set("20"); err != nil {
			panic(err)
		}
	}
	os.Exit(m.Run())
}

// platforms are those with a starter template.
var platforms = map[string]peering.Syntax{"bird": bird.Syntax{}, "openconfig": openconfig.Syntax{}}

// several is the small network with four sessions, and contexts that the starters read.
type several struct {
	small
	*db.DB
	sessions []peering.Session
	author   peering.User
}

func severalSessions(t *testing.T) several {
	t.Helper()
	n := several{DB: dbtest.New(t)}
	n.small = smallNetwork(t, n.DB)
	n.author = newUser(t, n.DB, "author", peering.Operator)
	for id, context := range map[int64]string{n.accept.ID: `{"local_pref": 100}`, n.announce.ID: `{"announce": ["203.0.113.0/24"]}`} {
		if _, err := n.RoutingPolicies().Patch(t.Context(), anna, id, 0, []byte(`{"context": `+context+`}`)); err != nil {
			t.Fatal(err)
		}
	}
	n.sessions = []peering.Session{n.session}
	for _, address := range []string{"198.51.100.3", "198.51.100.4", "2001:db8:1::3"} {
		n.sessions = append(n.sessions, mustCreate(t, n.DB.Sessions(), n.sessionTo(address)))
	}
	return n
}

// rendering is what one platform's starter makes of a router without and with a change.
type rendering struct {
	without, with string
	delta         []peering.Move
}

// rendered is what the router gets for some operations, on each platform.
func (n several) rendered(t testing.TB, ops []peering.Operation) map[string]rendering {
	t.Helper()
	desired, err := n.Desired(t.Context(), n.router.ID)
	if err != nil {
		t.Fatal(err)
	}
	changed, err := desired.Apply(ops)
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]rendering{}
	for driver, syntax := range platforms {
		var r rendering
		var a, b map[string]peering.Stanza
		r.without, a = starter(t, desired, driver, syntax)
		r.with, b = starter(t, changed, driver, syntax)
		r.delta = peering.Delta(a, b, a)
		out[driver] = r
	}
	return out
}

func starter(t testing.TB, d peering.Desired, driver string, syntax peering.Syntax) (string, map[string]peering.Stanza) {
	t.Helper()
	body, err := render.Starter(driver)
	if err != nil {
		t.Fatal(err)
	}
	d.Template.Body = body
	text, err := render.Router(t.Context(), d)
	if err != nil {
		t.Fatal(err)
	}
	cut, err := syntax.Split(text)
	if err != nil {
		t.Fatal(err)
	}
	stanzas, err := peering.StanzaMap(cut)
	if err != nil {
		t.Fatal(err)
	}
	return text, stanzas
}

func sameRendering(a, b map[string]rendering) bool {
	return maps.EqualFunc(a, b, func(x, y rendering) bool {
		return x.without == y.without && x.with == y.with && slices.Equal(x.delta, y.delta)
	})
}

// drawOperation is one thing that a change may do to the router, alone or to what it shares.
func (n several) drawOperation(r *rapid.T, serial int) peering.Operation {
	session := rapid.SampledFrom(n.sessions).Draw(r, "session").ID
	update := func(object peering.ObjectKind, id, router int64, patch string) peering.Operation {
		return peering.Operation{RouterID: router, Object: object, ObjectID: id, Action: peering.Update, Patch: json.RawMessage(patch)}
	}
	word := fmt.Sprintf("%s %d", rapid.StringMatching("[a-z]{1,5}").Draw(r, "word"), serial)
	switch rapid.SampledFrom([]string{"create", "describe", "limit", "shut", "drain", "delete", "policy", "exchange", "network"}).Draw(r, "kind") {
	case "create":
		s := n.sessionTo(fmt.Sprintf("198.51.100.%d", 100+serial))
		s.Description, s.Intent, s.Families = word, peering.Present, []bgp.Family{bgp.IPv4}
		text, _ := json.Marshal(s)
		return peering.Operation{RouterID: n.router.ID, Object: peering.ObjectSession, Action: peering.Create, Patch: text}
	case "describe":
		return update(peering.ObjectSession, session, n.router.ID, fmt.Sprintf(`{"description": %q}`, word))
	case "limit":
		return update(peering.ObjectSession, session, n.router.ID, fmt.Sprintf(`{"prefix_limits": {"ipv4": %d, "ipv6": %d}}`, 200+serial, 300+serial))
	case "shut":
		return update(peering.ObjectSession, session, n.router.ID, `{"intent": "shutdown"}`)
	case "drain":
		return update(peering.ObjectSession, session, n.router.ID, `{"intent": "draining"}`)
	case "delete":
		return peering.Operation{RouterID: n.router.ID, Object: peering.ObjectSession, ObjectID: session, Action: peering.Delete}
	case "policy":
		return update(peering.ObjectRoutingPolicy, n.accept.ID, 0, fmt.Sprintf(`{"context": {"local_pref": %d}}`, 200+serial))
	case "exchange":
		return update(peering.ObjectIXP, n.ixp.ID, 0, `{"export_policies": []}`)
	}
	return update(peering.ObjectAutonomousSystem, n.peer.ID, 0, fmt.Sprintf(`{"prefix_limits": {"ipv4": %d}}`, 400+serial))
}

// record opens a change with one to three operations; what one of them deletes, none after it names.
func (n several) record(t testing.TB, r *rapid.T, serial int) (change int64, ops []peering.Operation) {
	t.Helper()
	sqlRead(t, n.DB, `INSERT INTO change (kind, author_id, state) VALUES ('policy', $1, 'planned') RETURNING id`, []any{n.author.ID}, &change)
	for i := range rapid.IntRange(1, 3).Draw(r, "operations") {
		op := n.drawOperation(r, 3*serial+i)
		ops = append(ops, op)
		if op.Action == peering.Delete { // an edit of it would be refused
			n.sessions = slices.DeleteFunc(slices.Clone(n.sessions), func(s peering.Session) bool { return s.ID == op.ObjectID })
		}
		if len(n.sessions) == 0 {
			break
		}
	}
	ops, err := n.RecordOverlay(t.Context(), change, ops, peering.Findings{})
	if err != nil {
		t.Fatal(err)
	}
	return change, ops
}

// alone takes all other changes out of the database while f runs.
func (n several) alone(t testing.TB, change int64, f func()) {
	t.Helper()
	for _, table := range []string{"change_operation", "change"} {
		sqlRun(t, n.DB, `CREATE TABLE kept_`+table+` AS SELECT * FROM `+table)
	}
	sqlRun(t, n.DB, `DELETE FROM change_operation WHERE change_id <> $1`, change)
	sqlRun(t, n.DB, `DELETE FROM change WHERE id <> $1`, change)
	defer func() {
		for _, table := range []string{"change", "change_operation"} {
			sqlRun(t, n.DB, `INSERT INTO `+table+` OVERRIDING SYSTEM VALUE SELECT * FROM kept_`+table+` ON CONFLICT DO NOTHING`)
			sqlRun(t, n.DB, `DROP TABLE kept_`+table)
		}
	}()
	f()
}

func TestNothingOfAPendingOverlayLeaksIntoAnother(t *testing.T) {
	t.Parallel()
	n := severalSessions(t)
	serial := 0
	rapid.Check(t, func(r *rapid.T) {
		sqlRun(t, n.DB, `DELETE FROM change_operation`)
		sqlRun(t, n.DB, `DELETE FROM change`)
		nobody := n.rendered(t, nil)
		overlays := map[int64][]peering.Operation{}
		for range rapid.IntRange(2, 4).Draw(r, "changes") {
			serial = (serial + 1) % 30
			id, ops := n.record(t, r, serial)
			overlays[id] = ops
		}
		for id := range overlays {
			ops, err := n.Overlay(t.Context(), id)
			if err != nil {
				t.Fatal(err)
			}
			among := n.rendered(t, ops)
			for driver, got := range among {
				if got.without != nobody[driver].without {
					r.Fatalf("%s: open changes alter what is rendered without them", driver)
				}
			}
			n.alone(t, id, func() {
				own, err := n.Overlay(t.Context(), id)
				if err != nil {
					t.Fatal(err)
				}
				if alone := n.rendered(t, own); !sameRendering(alone, among) {
					r.Fatalf("change %d of %d gives\n%+v\namong the others, and alone\n%+v", id, len(overlays), among, alone)
				}
			})
		}
	})
}

// drawNeighbor is any report of a neighbor that a router may give.
func drawNeighbor(r *rapid.T, address string) peering.Neighbor {
	n := neighbor(address, rapid.SampledFrom([]bgp.State{"", bgp.Idle, bgp.Connect, bgp.Active, bgp.OpenSent, bgp.OpenConfirm, bgp.Established}).Draw(r, "state"),
		at(rapid.IntRange(-9000, 0).Draw(r, "since")), rapid.Int64Range(-1, 50).Draw(r, "transitions"))
	n.RemoteAS = rapid.SampledFrom([]bgp.ASN{64501, 64510}).Draw(r, "remote AS")
	n.AdminDown = rapid.Bool().Draw(r, "admin down")
	n.DownReason = rapid.SampledFrom([]peering.DownReason{"", peering.DownNoAnswer, peering.DownRefused, peering.DownAuth, peering.DownWrongASN, peering.DownLimitOurs,
		peering.DownLimitTheirs, peering.DownAdminPeer, peering.DownAdminOurs, peering.DownHoldTimer, peering.DownBFD, peering.DownLink, peering.DownOther}).Draw(r, "reason")
	n.DownText = rapid.SampledFrom([]string{"", "maintenance until noon"}).Draw(r, "text")
	for _, f := range bgp.Families {
		if rapid.Bool().Draw(r, f.String()) {
			count := rapid.Int64Range(0, 1_000_000).Draw(r, "count")
			n.Families = append(n.Families, peering.FamilyState{Family: f, Received: &count, Accepted: &count, Announced: &count, Limit: &count})
		}
	}
	return n
}

// observe writes what BGP may do to every session: states, drops, failed polls, and how the record stands to it.
func (n several) observe(t testing.TB, r *rapid.T, second int) {
	t.Helper()
	poll := peering.Poll{RouterID: n.router.ID, At: at(second), Generation: rapid.SampledFrom([]string{"", "7"}).Draw(r, "generation"),
		Error: rapid.SampledFrom([]string{"", "", "no route to host"}).Draw(r, "error")}
	for _, s := range n.sessions {
		if rapid.Bool().Draw(r, "seen") {
			poll.Neighbors = append(poll.Neighbors, drawNeighbor(r, s.PeerAddress.String()))
		}
		sqlRun(t, n.DB, `INSERT INTO neighbor_drop VALUES ($1, '', $2, $3, $4) ON CONFLICT DO NOTHING`, n.router.ID, s.PeerAddress, at(second-60),
			rapid.IntRange(1, 9).Draw(r, "drops"))
		var watch *time.Time
		if rapid.Bool().Draw(r, "watched") {
			until := at(rapid.IntRange(-99, 99).Draw(r, "until"))
			watch = &until
		}
		sqlRun(t, n.DB, `UPDATE session SET sync = $2, watch_until = $3 WHERE id = $1`, s.ID, rapid.SampledFrom([]peering.Sync{peering.SyncUnknown, peering.NotDeployed,
			peering.Deploying, peering.InSync, peering.Drifted, peering.Reverted, peering.SyncInterfered, peering.SyncRemoving}).Draw(r, "sync"), watch)
	}
	if _, err := n.StorePoll(t.Context(), poll); err != nil {
		t.Fatal(err)
	}
}

func TestWhatIsRenderedIsTheSameInEveryStateOfBGP(t *testing.T) {
	t.Parallel()
	n := severalSessions(t)
	want := n.rendered(t, nil)
	second := 0
	rapid.Check(t, func(r *rapid.T) {
		for range rapid.IntRange(1, 3).Draw(r, "polls") {
			second++
			n.observe(t, r, second)
		}
		if got := n.rendered(t, nil); !sameRendering(got, want) {
			r.Fatalf("rendered\n%+v\nwant\n%+v", got, want)
		}
	})
}
