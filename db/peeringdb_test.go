package db_test

import (
	"context"
	"errors"
	"net/http/httptest"
	"net/netip"
	"os"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5/pgxpool"

	"peerflow/db"
	"peerflow/db/dbtest"
	"peerflow/internal/peering"
	"peerflow/internal/peeringdb"
	"peerflow/internal/peeringdb/pdbfake"
)

var pdbStart = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

// pdbWorld is a mirror in a database of its own, a PeeringDB, and the syncer between.
type pdbWorld struct {
	*testing.T
	fake   *pdbfake.Server
	client *peeringdb.Client
	pool   *pgxpool.Pool
	mirror *db.PeeringDBMirror
	syncer *peeringdb.Syncer
	now    time.Time
}

func (w *pdbWorld) sync(opt peeringdb.Options) (peeringdb.Report, error) {
	w.Helper()
	return w.syncer.Sync(w.Context(), nil, opt)
}

func (w *pdbWorld) mustSync(opt peeringdb.Options) peeringdb.Report {
	w.Helper()
	report, err := w.sync(opt)
	if err != nil {
		w.Fatal(err)
	}
	return report
}

// requests counts what each type was asked for, and forgets.
func (w *pdbWorld) requests() map[string]int {
	count := map[string]int{}
	for _, r := range w.fake.Requests() {
		count[r.Type]++
	}
	w.fake.ForgetRequests()
	return count
}

func (w *pdbWorld) count(query string, args ...any) (n int64) {
	w.Helper()
	if err := w.pool.QueryRow(w.Context(), query, args...).Scan(&n); err != nil {
		w.Fatal(err)
	}
	return n
}

func (w *pdbWorld) state(t peering.PDBType) peering.PDBTypeState {
	w.Helper()
	f, err := w.mirror.Freshness(w.Context())
	if err != nil {
		w.Fatal(err)
	}
	return f.Types[slices.Index(peering.PDBTypes, t)]
}

// content is everything that the mirror holds of PeeringDB, as text.
func (w *pdbWorld) content() map[peering.PDBType]string {
	w.Helper()
	out := map[peering.PDBType]string{}
	for _, t := range peering.PDBTypes {
		var text string
		err := w.pool.QueryRow(w.Context(), `SELECT COALESCE(string_agg(t::text, E'\n' ORDER BY id), '') FROM pdb_`+string(t)+` AS t`).Scan(&text)
		if err != nil {
			w.Fatal(err)
		}
		out[t] = text
	}
	return out
}

func (w *pdbWorld) port(id int64) *peering.PDBPort {
	return &peering.PDBPort{PDBHead: peering.PDBHead{ID: id, Status: peering.PDBOK, Created: w.now, Updated: w.now}, NetID: 101,
		LANID: pdbfake.ExampleIX, ASN: 64501, Speed: 100000, Operational: true,
		IPv4: netip.AddrFrom4([4]byte{192, 0, 2, byte(id)})}
}

// loadPort brings a port as a lookup of its network does.
func (w *pdbWorld) loadPort(p *peering.PDBPort) {
	w.Helper()
	network := &peering.PDBNetwork{PDBHead: peering.PDBHead{ID: 101, Status: peering.PDBOK}, ASN: 64501} // older than the mirror's
	if err := w.mirror.LoadNetwork(w.Context(), 64501, w.now, []peering.PDBRow{network, p}); err != nil {
		w.Fatal(err)
	}
}

func TestPeeringDBMirror(t *testing.T) {
	t.Parallel()
	tests := map[string]func(*pdbWorld){
		"a first run loads all types, a second changes nothing though the boundary rows come again":        pdbTestFirstRun,
		"planning reads the network, its ports and their LANs":                                             pdbTestReads,
		"tombstones delete, unknown and outdated ones don't":                                               pdbTestTombstones,
		"changes and new rows come with a delta, and the cursor moves":                                     pdbTestDelta,
		"a damaged answer changes nothing, whatever the damage":                                            pdbTestFaults,
		"a run throttled at the fourth type goes on there":                                                 pdbTestResume,
		"a run left open for more than an hour is not taken up again":                                      pdbTestOpenTooLong,
		"one broken type does not keep the others back":                                                    pdbTestOneBroken,
		"a server error of one type lets the next go on, two in a row end the attempt":                     pdbTestDown5xx,
		"an empty full answer is refused, forced or not":                                                   pdbTestEmpty,
		"more than 10 % and more than 100 rows vanish only when forced":                                    pdbTestVanish,
		"a full answer older than the mirror takes nothing back":                                           pdbTestStaleCache,
		"a second full run within the hour asks for deltas":                                                pdbTestFullTwice,
		"readers see a type before or after, never between":                                                pdbTestReaders,
		"children without parents are kept, counted, and read without a name":                              pdbTestOrphans,
		"a row that can't be read keeps its old content":                                                   pdbTestUnreadable,
		"a lookup of one network adds its rows and leaves the cursors":                                     pdbTestRefresh,
		"a lookup in an outage tells how old the mirror is":                                                pdbTestRefreshOutage,
		"a lookup brings missing parents":                                                                  pdbTestRefreshParents,
		"a lookup of a network that isn't there is not_found, and silence about a known one is refused":    pdbTestRefreshUnknown,
		"an older row never replaces a newer one":                                                          pdbTestOlderRow,
		"NUL in a text, which PostgreSQL can't hold, is left out, and other control characters are blanks": pdbTestControl,
		"a cancelled run leaves whole types only":                                                          pdbTestCancel,
		"a load that is cancelled while it copies says so":                                                 pdbTestCancelInCopy,
		"the migration goes down again":                                                                    pdbTestDown,
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(pdbSetup(t))
		})
	}
}

func pdbTestFirstRun(w *pdbWorld) {
	w.fake.Keys, w.client.APIKey = []string{"key"}, "key"
	progress := map[peering.PDBType]int64{}
	report := w.mustSync(peeringdb.Options{Progress: func(t peering.PDBType, n int64) { progress[t] = n }})
	want := map[peering.PDBType]int64{"org": 16, "net": 14, "ix": 2, "ixlan": 2, "ixpfx": 4, "netixlan": 19}
	for i, c := range report.Types {
		if c.Type != peering.PDBTypes[i] || !c.Full || c.Inserted != want[c.Type] || c.Held != want[c.Type] || c.Orphans != 0 {
			w.Errorf("first run: %+v, want %d rows", c, want[c.Type])
		}
	}
	if diff := cmp.Diff(want, progress); diff != "" || report.AuthStatus != "authenticated" {
		w.Errorf("progress %s, auth %q", diff, report.AuthStatus)
	}
	before := w.content()
	again := w.mustSync(peeringdb.Options{})
	for _, c := range again.Types {
		if c.Full || c.Received == 0 || c.Inserted+c.Updated+c.Deleted != 0 {
			w.Errorf("second run: %+v", c)
		}
	}
	if diff := cmp.Diff(before, w.content()); diff != "" {
		w.Error(diff)
	}
	if n := w.count(`SELECT count(*) FROM pdb_run WHERE finished_at IS NOT NULL AND error = '' AND counts ? 'netixlan'`); n != 2 {
		w.Errorf("%d finished runs, want one row per run", n)
	}
}

func pdbTestReads(w *pdbWorld) {
	w.mustSync(peeringdb.Options{})
	ctx := w.Context()
	network, err := w.mirror.Network(ctx, 64502)
	if err != nil || network.Name != "Example 64502" || network.IRRASSet != "AS64502:AS-EXAMPLE" || network.PolicyGeneral != "Selective" ||
		network.InfoPrefixes4 != 40 || network.InfoPrefixes6 != 20 || !network.InfoIPv6 || network.ID != 102 || network.Updated.IsZero() {
		w.Errorf("network is %+v, %v", network, err)
	}
	if _, err := w.mirror.Network(ctx, 65551); peering.KindOf(err) != peering.NotFound || !strings.Contains(err.Error(), "AS65551") {
		w.Errorf("unknown network: %v", err)
	}
	ports, err := w.mirror.Ports(ctx, 64501)
	if err != nil || len(ports) != 3 {
		w.Fatalf("%d ports, %v", len(ports), err)
	}
	venue := peering.PDBVenue{LANID: 1, IXID: 1, Name: "Example-IX", City: "Amsterdam", Country: "NL", MTU: 1500, RSASN: 64511,
		Prefixes: []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24"), netip.MustParsePrefix("2001:db8:1::/64")}}
	byPrefix := cmp.Comparer(func(a, b netip.Prefix) bool { return a == b })
	if diff := cmp.Diff(venue, ports[0].Venue, byPrefix); diff != "" {
		w.Error(diff)
	}
	first := ports[0].PDBPort
	if first.IPv4 != netip.MustParseAddr("192.0.2.11") || first.IPv6 != netip.MustParseAddr("2001:db8:1::b") || first.Speed != 10000 || first.ASN != 64501 {
		w.Errorf("port is %+v", first)
	}
	exchange, err := w.mirror.Exchange(ctx, pdbfake.ExampleIX)
	if diff := cmp.Diff(venue, exchange, byPrefix); diff != "" || err != nil {
		w.Error(diff, err)
	}
	if _, err := w.mirror.Exchange(ctx, 99); peering.KindOf(err) != peering.NotFound {
		w.Errorf("unknown LAN: %v", err)
	}
	holders, err := w.mirror.PortsByAddress(ctx, netip.MustParseAddr("2001:db8:1::b"))
	if err != nil || len(holders) != 1 || holders[0].ASN != 64501 {
		w.Errorf("holders of the address: %+v, %v", holders, err)
	}
	pdbTestOddPorts(w)
}

func pdbTestOddPorts(w *pdbWorld) {
	w.Helper()
	v4only, err := w.mirror.Ports(w.Context(), 64503)
	if err != nil || v4only[0].IPv6.IsValid() || !v4only[0].IPv4.IsValid() {
		w.Errorf("port without IPv6: %+v, %v", v4only, err)
	}
	if _, ok := v4only[1].Venue.Prefix(v4only[1].IPv4); ok {
		w.Errorf("%s is in no prefix of its LAN", v4only[1].IPv4)
	}
	second, _ := w.mirror.Ports(w.Context(), 64502)
	if p, ok := second[1].Venue.Prefix(second[1].IPv4); !ok || p != netip.MustParsePrefix("198.51.100.128/25") {
		w.Errorf("prefix is %s", p)
	}
}

func pdbTestTombstones(w *pdbWorld) {
	w.mustSync(peeringdb.Options{})
	w.now = w.now.Add(2 * time.Hour)
	w.fake.Delete(peering.PDBPorts, 1, w.now)
	w.fake.Delete(peering.PDBPorts, 777, w.now)                    // born and deleted between two runs
	w.fake.Delete(peering.PDBPorts, 2, w.state("netixlan").Cursor) // newer than the row: deletes
	counts := w.mustSync(peeringdb.Options{}).Types[5]
	if counts.Deleted != 2 || counts.Held != 17 {
		w.Errorf("counts are %+v", counts)
	}
	stale := &peering.PDBPort{PDBHead: peering.PDBHead{ID: 3, Status: peering.PDBDeleted, Updated: pdbStart.Add(-48 * time.Hour)}}
	w.loadPort(stale)
	if n := w.count(`SELECT count(*) FROM pdb_netixlan WHERE id IN (1, 2, 3)`); n != 1 {
		w.Errorf("%d rows left of 1, 2, 3: a tombstone older than the row must not delete it", n)
	}
	again := w.mustSync(peeringdb.Options{}).Types[5]
	if again.Deleted != 0 || again.Held != 17 || again.Cursor.Before(counts.Cursor) {
		w.Errorf("tombstones again: %+v", again)
	}
}

func pdbTestDelta(w *pdbWorld) {
	w.mustSync(peeringdb.Options{})
	w.now = w.now.Add(2 * time.Hour)
	changed := w.port(2)
	changed.Speed, changed.IPv6 = 400000, netip.MustParseAddr("2001:db8:1::ffff")
	w.fake.Put(changed, w.port(200))
	w.fake.ForgetRequests()
	report := w.mustSync(peeringdb.Options{})
	counts := report.Types[5]
	if counts.Inserted != 1 || counts.Updated != 1 || counts.Deleted != 0 || !counts.Cursor.Equal(w.now) {
		w.Errorf("counts are %+v", counts)
	}
	for _, r := range w.fake.Requests() {
		if !r.Query.Has("since") {
			w.Errorf("%s was asked for whole", r.Type)
		}
	}
	ports, _ := w.mirror.Ports(w.Context(), 64501)
	if i := slices.IndexFunc(ports, func(p peering.PDBPresence) bool { return p.ID == 2 }); ports[i].Speed != 400000 || ports[i].IPv6 != changed.IPv6 {
		w.Errorf("port is %+v", ports[i])
	}
	if s := w.state("netixlan"); !s.Cursor.Equal(w.now) || !s.LastRun.Equal(w.now) || !s.LastFull.Equal(pdbStart) || s.Rows != 20 {
		w.Errorf("state is %+v", s)
	}
}

func pdbTestFaults(w *pdbWorld) {
	w.mustSync(peeringdb.Options{})
	before, cursor := w.content(), w.state("net").Cursor
	for _, full := range []bool{true, false} {
		for _, fault := range []pdbfake.Fault{pdbfake.ServerError, pdbfake.HTMLPage, pdbfake.Hangup, pdbfake.CutOff,
			pdbfake.NoData, pdbfake.Truncated, pdbfake.OtherType, pdbfake.Garbage, pdbfake.Empty} {
			if !full && fault == pdbfake.Empty {
				continue
			}
			w.now = w.now.Add(2 * time.Hour)
			w.fake.Fail(peering.PDBNetworks, fault)
			_, err := w.sync(peeringdb.Options{Full: full})
			if err == nil || !strings.Contains(err.Error(), "net") {
				w.Errorf("%s, full %t: %v", fault, full, err)
			}
			if diff := cmp.Diff(before, w.content()); diff != "" {
				w.Fatalf("%s, full %t: %s", fault, full, diff)
			}
			if s := w.state("net"); s.Error == "" || !s.Cursor.Equal(cursor) || !s.LastRun.Equal(pdbStart) {
				w.Errorf("%s, full %t: state is %+v", fault, full, s)
			}
		}
	}
	w.fake.Fail(peering.PDBNetworks, pdbfake.Empty)
	w.mustSync(peeringdb.Options{}) // a delta may be empty
	if diff := cmp.Diff(before, w.content()); diff != "" || !w.state("net").Cursor.Equal(cursor) {
		w.Errorf("empty delta: cursor %s, %s", w.state("net").Cursor, diff)
	}
	w.fake.Heal()
	w.mustSync(peeringdb.Options{})
	if s := w.state("net"); s.Error != "" || !s.LastRun.Equal(w.now) {
		w.Errorf("healed: state is %+v", s)
	}
}

func pdbTestResume(w *pdbWorld) {
	w.fake.EnforceLimits()
	w.fake.RetryAfter = 2 * time.Second
	w.fake.Fail(peering.PDBLANs, pdbfake.Throttle)
	report, err := w.sync(peeringdb.Options{Full: true})
	if peeringdb.RetryAfter(err) != 2*time.Second || len(report.Types) != 3 {
		w.Fatalf("%d types, %v", len(report.Types), err)
	}
	if got := w.requests(); got["ixlan"] != 1 || got["ixpfx"]+got["netixlan"] != 0 {
		w.Errorf("asked for %v: nothing may be asked after a 429", got)
	}
	w.fake.Heal()
	w.now = w.now.Add(50 * time.Minute)
	fresh := &peeringdb.Client{BaseURL: w.client.BaseURL, Pace: -1} // another process: it knows of no throttle
	w.syncer.Source = fresh
	again := w.mustSync(peeringdb.Options{Full: true})
	if again.Run != report.Run || !slices.Equal(again.Skipped, []peering.PDBType{"org", "net", "ix"}) || len(again.Types) != 3 {
		w.Errorf("taken up: %+v", again)
	}
	if diff := cmp.Diff(map[string]int{"ixlan": 1, "ixpfx": 1, "netixlan": 1}, w.requests()); diff != "" {
		w.Error(diff)
	}
	if n := w.count(`SELECT count(*) FROM pdb_run WHERE finished_at IS NOT NULL AND error = ''`); n != 1 {
		w.Errorf("%d runs, want the one that was taken up", n)
	}
}

func pdbTestOpenTooLong(w *pdbWorld) {
	w.fake.Fail(peering.PDBLANs, pdbfake.ServerError)
	first, err := w.sync(peeringdb.Options{})
	if err == nil {
		w.Fatal("a server error went unnoticed")
	}
	w.fake.Heal()
	w.now = w.now.Add(61 * time.Minute)
	second := w.mustSync(peeringdb.Options{})
	if second.Run == first.Run || len(second.Skipped) != 0 {
		w.Errorf("second run is %+v", second)
	}
}

func pdbTestOneBroken(w *pdbWorld) {
	w.fake.Fail(peering.PDBNetworks, pdbfake.CutOff)
	report, err := w.sync(peeringdb.Options{})
	if peeringdb.FaultOf(err) != peeringdb.Broken || len(report.Types) != 5 {
		w.Errorf("%d types, %v", len(report.Types), err)
	}
	if n := w.count(`SELECT count(*) FROM pdb_run WHERE finished_at IS NULL AND error LIKE '%cut off%'`); n != 1 {
		w.Error("the run is not written down as open with its error")
	}
	if c := report.Types[4]; c.Type != peering.PDBPorts || c.Orphans != 19 {
		w.Errorf("ports: %+v", c)
	}
	w.fake.Heal()
	again := w.mustSync(peeringdb.Options{})
	if again.Run != report.Run || len(again.Types) != 1 || again.Types[0].Type != peering.PDBNetworks {
		w.Errorf("taken up: %+v", again)
	}
}

func pdbTestDown5xx(w *pdbWorld) {
	w.fake.Fail(peering.PDBOrgs, pdbfake.CutOff)
	w.fake.Fail(peering.PDBExchanges, pdbfake.ServerError)
	w.fake.Fail(peering.PDBPrefixes, pdbfake.ServerError)
	w.fake.Fail(peering.PDBPorts, pdbfake.Throttle)
	report, err := w.sync(peeringdb.Options{})
	if len(report.Types) != 2 || peeringdb.RetryAfter(err) != time.Minute {
		w.Errorf("single types: %+v, %v", report.Types, err)
	}
	w.fake.Heal()
	w.syncer.Source = &peeringdb.Client{BaseURL: w.client.BaseURL, Pace: -1}
	w.fake.Fail(peering.PDBOrgs, pdbfake.ServerError)
	w.fake.Fail(peering.PDBExchanges, pdbfake.ServerError)
	w.fake.ForgetRequests()
	if _, err := w.sync(peeringdb.Options{}); peeringdb.FaultOf(err) != peeringdb.Unavailable {
		w.Errorf("got %v", err)
	}
	if diff := cmp.Diff(map[string]int{"org": 1, "ix": 1}, w.requests()); diff != "" {
		w.Errorf("two in a row end the attempt: %s", diff)
	}
}

func pdbTestEmpty(w *pdbWorld) {
	w.mustSync(peeringdb.Options{})
	before := w.content()
	for _, force := range []bool{false, true} {
		w.now = w.now.Add(2 * time.Hour)
		w.fake.Fail(peering.PDBPorts, pdbfake.Empty)
		_, err := w.sync(peeringdb.Options{Full: true, Force: force})
		var refusal *peering.PDBVanishError
		if !errors.As(err, &refusal) || refusal.Held != 19 || refusal.Received != 0 {
			w.Errorf("force %t: %v", force, err)
		}
		if diff := cmp.Diff(before, w.content()); diff != "" {
			w.Fatal(diff)
		}
	}
}

func pdbTestVanish(w *pdbWorld) {
	full := peeringdb.Options{Full: true}
	drop := func(first, n int) (held int64) { // never the newest, which is the answer's own age
		w.now = w.now.Add(2 * time.Hour)
		w.fake.Drop(peering.PDBPorts, w.fake.IDs(peering.PDBPorts)[first:first+n]...)
		return w.count(`SELECT count(*) FROM pdb_netixlan`)
	}
	w.mustSync(full)
	drop(5, 6)
	if c := w.mustSync(full).Types[5]; c.Deleted != 6 || c.Held != 13 {
		w.Errorf("few rows may vanish, even if they are a third of all: %+v", c)
	}
	w.fake.Put(pdbfake.Large(100, 1500, pdbStart)...)
	w.now = w.now.Add(2 * time.Hour)
	w.mustSync(full)
	drop(20, 151)
	if c := w.mustSync(full).Types[5]; c.Deleted != 151 || c.Held != 1362 {
		w.Errorf("a tenth may vanish, even if it is many: %+v", c)
	}
	held := drop(20, 137)
	_, err := w.sync(full)
	var refusal *peering.PDBVanishError
	if !errors.As(err, &refusal) || refusal.Vanishing != 137 || refusal.Held != held || peering.KindOf(err) != peering.Conflict {
		w.Fatalf("got %v", err)
	}
	if n := w.count(`SELECT count(*) FROM pdb_netixlan`); n != held {
		w.Errorf("%d rows after the refusal, want %d", n, held)
	}
	forced := w.mustSync(peeringdb.Options{Full: true, Force: true})
	if len(forced.Types) != 1 || forced.Types[0].Deleted != 137 || forced.Types[0].Held != held-137 {
		w.Errorf("forced, for the refused type alone: %+v", forced)
	}
}

func pdbTestStaleCache(w *pdbWorld) {
	w.mustSync(peeringdb.Options{})
	w.fake.FreezeCache()
	w.now = w.now.Add(2 * time.Hour)
	changed := w.port(2)
	changed.Speed = 400000
	w.fake.Put(changed, w.port(200))
	w.fake.Delete(peering.PDBPorts, 1, w.now)
	w.mustSync(peeringdb.Options{})
	before := w.content()
	w.now = w.now.Add(2 * time.Hour)
	counts := w.mustSync(peeringdb.Options{Full: true}).Types[5]
	if diff := cmp.Diff(before, w.content()); diff != "" {
		w.Error(diff)
	}
	if counts.Inserted != 1 || counts.Updated != 0 || counts.Deleted != 1 {
		w.Errorf("only the closed port may come, and must go again: %+v", counts)
	}
	if s := w.state("netixlan"); !s.Cursor.Equal(pdbStart.Add(2*time.Hour)) || !s.LastFull.Equal(w.now) || counts.Behind {
		w.Errorf("state is %+v, counts %+v", s, counts)
	}
}

func pdbTestFullTwice(w *pdbWorld) {
	w.fake.Put(pdbfake.Large(300, 600, pdbStart)...) // large enough for the hourly limit
	w.fake.EnforceLimits()
	w.mustSync(peeringdb.Options{Full: true})
	w.now = w.now.Add(30 * time.Minute)
	for _, c := range w.mustSync(peeringdb.Options{Full: true}).Types {
		if c.Full {
			w.Errorf("%s was asked for whole again", c.Type)
		}
	}
	w.now = w.now.Add(31 * time.Minute)
	for _, c := range w.mustSync(peeringdb.Options{Full: true}).Types {
		if !c.Full {
			w.Errorf("%s was not asked for whole after an hour", c.Type)
		}
	}
}

func pdbTestReaders(w *pdbWorld) {
	w.fake.Put(pdbfake.Large(50, 3000, pdbStart)...)
	w.mustSync(peeringdb.Options{})
	held := w.count(`SELECT count(*) FROM pdb_netixlan`)
	w.now = w.now.Add(2 * time.Hour)
	ids := w.fake.IDs(peering.PDBPorts)
	for _, id := range ids[:500] {
		w.fake.Delete(peering.PDBPorts, id, w.now)
	}
	for i := range int64(250) {
		w.fake.Put(w.port(100000 + i))
	}
	var done atomic.Bool
	failed := make(chan error, 1)
	go func() {
		_, err := w.syncer.Sync(w.Context(), nil, peeringdb.Options{})
		done.Store(true)
		failed <- err
	}()
	seen := map[int64]bool{}
	for !done.Load() {
		seen[w.count(`SELECT count(*) FROM pdb_netixlan`)] = true
	}
	if err := <-failed; err != nil {
		w.Fatal(err)
	}
	seen[w.count(`SELECT count(*) FROM pdb_netixlan`)] = true
	if want := map[int64]bool{held: true, held - 250: true}; !cmp.Equal(seen, want) {
		w.Errorf("readers saw %v rows, want %v", seen, want)
	}
}

func pdbTestOrphans(w *pdbWorld) {
	orphan := w.port(200)
	orphan.LANID = 9999
	w.fake.Put(orphan)
	report := w.mustSync(peeringdb.Options{})
	if c := report.Types[5]; c.Orphans != 1 || c.Held != 20 {
		w.Errorf("counts are %+v", c)
	}
	ports, err := w.mirror.Ports(w.Context(), 64501)
	if err != nil || len(ports) != 4 {
		w.Fatalf("%d ports, %v", len(ports), err)
	}
	if v := ports[3].Venue; v.LANID != 9999 || v.Name != "" || len(v.Prefixes) != 0 {
		w.Errorf("venue of the orphan is %+v", v)
	}
}

func pdbTestUnreadable(w *pdbWorld) {
	w.mustSync(peeringdb.Options{})
	before := w.content()
	w.now = w.now.Add(2 * time.Hour)
	broken := w.port(2)
	broken.ASN = 0
	w.fake.Put(broken)
	report := w.mustSync(peeringdb.Options{Full: true})
	if c := report.Types[5]; c.Unreadable != 1 || c.Deleted != 0 || !strings.Contains(report.Unreadable["netixlan"], "id 2") {
		w.Errorf("counts are %+v, %v", c, report.Unreadable)
	}
	if diff := cmp.Diff(before, w.content()); diff != "" {
		w.Error(diff)
	}
}

func pdbTestRefresh(w *pdbWorld) {
	w.mustSync(peeringdb.Options{})
	cursor := w.state("netixlan").Cursor
	w.now = w.now.Add(30 * time.Minute)
	w.fake.Put(w.port(200))
	w.fake.Delete(peering.PDBPorts, 2, w.now)
	w.fake.ForgetRequests()
	fresh, err := w.syncer.RefreshASN(w.Context(), 64501)
	if err != nil || !fresh.RefreshedAt.Equal(w.now) || !fresh.AsOf().Equal(w.now) {
		w.Errorf("freshness is %+v, %v", fresh, err)
	}
	if got := w.requests(); got["net"] != 1 || got["netixlan"] != 1 || len(got) != 2 {
		w.Errorf("asked for %v", got)
	}
	ports, _ := w.mirror.Ports(w.Context(), 64501)
	var ids []int64
	for _, p := range ports {
		ids = append(ids, p.ID)
	}
	if !slices.Equal(ids, []int64{15, 200, 17}) {
		w.Errorf("ports are %v", ids)
	}
	if got := w.state("netixlan").Cursor; !got.Equal(cursor) {
		w.Errorf("the cursor moved from %s to %s: rows of others would be missed", cursor, got)
	}
	if other, _ := w.mirror.NetworkFreshness(w.Context(), 64502); !other.RefreshedAt.IsZero() || !other.AsOf().Equal(pdbStart) {
		w.Errorf("another network counts as refreshed: %+v", other)
	}
}

func pdbTestRefreshOutage(w *pdbWorld) {
	w.mustSync(peeringdb.Options{})
	w.now = w.now.Add(26 * time.Hour)
	w.fake.Fail(peering.PDBPorts, pdbfake.ServerError)
	before := w.content()
	fresh, err := w.syncer.RefreshASN(w.Context(), 64501)
	if peeringdb.FaultOf(err) != peeringdb.Unavailable || !strings.Contains(err.Error(), "AS64501") {
		w.Errorf("got %v", err)
	}
	if !fresh.AsOf().Equal(pdbStart) || !fresh.Stale(w.now, 25*time.Hour) || fresh.Stale(w.now, 27*time.Hour) {
		w.Errorf("freshness is %+v", fresh)
	}
	if diff := cmp.Diff(before, w.content()); diff != "" {
		w.Error(diff)
	}
	// What failed is remembered for those who plan later, until a lookup succeeds; others don't share it.
	if stale := fresh.StaleView(64501, w.now); stale == nil || !stale.AsOf.Equal(pdbStart) || !strings.Contains(stale.Why, "peeringdb netixlan: unavailable (HTTP 5") {
		w.Errorf("marked %+v", stale)
	}
	if other, err := w.mirror.NetworkFreshness(w.Context(), 64502); err != nil || !other.FailedAt.IsZero() || other.Failure != "" {
		w.Errorf("another network failed, too: %+v, %v", other, err)
	}
	w.fake.Heal()
	if fresh, err := w.syncer.RefreshASN(w.Context(), 64501); err != nil || !fresh.FailedAt.IsZero() || fresh.StaleView(64501, w.now) != nil {
		w.Errorf("looked up again: %+v, %v", fresh, err)
	}
}

func pdbTestRefreshParents(w *pdbWorld) {
	fresh, err := w.syncer.RefreshASN(w.Context(), 64501)
	if err != nil || !fresh.AsOf().Equal(w.now) {
		w.Fatalf("%+v, %v", fresh, err)
	}
	ports, err := w.mirror.Ports(w.Context(), 64501)
	if err != nil || len(ports) != 3 || ports[0].Venue.Name != "Example-IX" || len(ports[2].Venue.Prefixes) != 2 {
		w.Errorf("ports are %+v, %v", ports, err)
	}
	// A lookup is no full load: the next run must still fetch everything.
	if c := w.mustSync(peeringdb.Options{}).Types[5]; !c.Full || c.Held != 19 {
		w.Errorf("counts are %+v", c)
	}
}

func pdbTestRefreshUnknown(w *pdbWorld) {
	w.mustSync(peeringdb.Options{})
	fresh, err := w.syncer.RefreshASN(w.Context(), 65551)
	if peering.KindOf(err) != peering.NotFound || !strings.Contains(err.Error(), "AS65551") || !fresh.RefreshedAt.Equal(w.now) {
		w.Errorf("never there: %+v, %v", fresh, err)
	}
	w.fake.Delete(peering.PDBNetworks, 102, w.now)
	if _, err := w.syncer.RefreshASN(w.Context(), 64502); peering.KindOf(err) != peering.NotFound {
		w.Errorf("deleted: %v", err)
	}
	if _, err := w.mirror.Network(w.Context(), 64502); peering.KindOf(err) != peering.NotFound {
		w.Errorf("deleted, in the mirror: %v", err)
	}
	w.fake.Fail(peering.PDBNetworks, pdbfake.Empty)
	fresh, err = w.syncer.RefreshASN(w.Context(), 64501)
	if peering.KindOf(err) != peering.Conflict || !fresh.RefreshedAt.IsZero() {
		w.Errorf("an empty answer for a network that we know: %+v, %v", fresh, err)
	}
	if _, err := w.mirror.Network(w.Context(), 64501); err != nil {
		w.Error(err)
	}
}

func pdbTestOlderRow(w *pdbWorld) {
	w.mustSync(peeringdb.Options{})
	newer, older := w.port(2), w.port(2)
	newer.Speed, newer.Updated = 400000, w.now.Add(time.Hour)
	older.Speed = 1000
	for _, row := range []*peering.PDBPort{newer, older} {
		w.loadPort(row)
	}
	if n := w.count(`SELECT speed FROM pdb_netixlan WHERE id = 2`); n != 400000 {
		w.Errorf("speed is %d", n)
	}
}

func pdbTestControl(w *pdbWorld) {
	w.fake.Put(&peering.PDBOrganization{PDBHead: peering.PDBHead{ID: 500, Status: peering.PDBOK, Created: w.now, Updated: w.now}, Name: "Exam\x00ple\n neighbor\x1b[2J"})
	w.mustSync(peeringdb.Options{})
	if n := w.count(`SELECT count(*) FROM pdb_org WHERE id = 500 AND name = 'Example  neighbor [2J'`); n != 1 {
		w.Error("the row is missing")
	}
}

func pdbTestCancel(w *pdbWorld) {
	w.fake.Put(pdbfake.Large(100, 5000, pdbStart)...)
	ctx, cancel := context.WithCancel(w.Context())
	_, err := w.syncer.Sync(ctx, nil, peeringdb.Options{Progress: func(t peering.PDBType, n int64) {
		if t == peering.PDBPorts && n == 2000 {
			cancel()
		}
	}})
	if !errors.Is(err, context.Canceled) {
		w.Errorf("got %v", err)
	}
	if n := w.count(`SELECT count(*) FROM pdb_netixlan`); n != 0 {
		w.Errorf("%d ports of a half type", n)
	}
	report := w.mustSync(peeringdb.Options{})
	if len(report.Skipped) != 5 || len(report.Types) != 1 || report.Types[0].Held != 5019 {
		w.Errorf("taken up: %+v", report)
	}
}

// The stream itself goes on here: the database is the first to see the cancellation.
func pdbTestCancelInCopy(w *pdbWorld) {
	ctx, cancel := context.WithCancel(w.Context())
	_, err := w.mirror.LoadType(ctx, peering.PDBLoad{Type: peering.PDBPorts, At: w.now}, func(yield func(peering.PDBRow, error) bool) {
		for id := range int64(5_000_000) {
			if id == 10 {
				cancel()
			}
			if !yield(w.port(id+1), nil) {
				return
			}
		}
	})
	if !errors.Is(err, context.Canceled) {
		w.Errorf("got %v", err)
	}
}

func pdbTestDown(w *pdbWorld) {
	up, down := pdbMigration(w.T)
	w.pool = dbtest.Open(w.T, dbtest.EmptyURL(w.T), db.Options{}).Pool()
	for _, statements := range []string{up, down, up, down} {
		if _, err := w.pool.Exec(w.Context(), statements); err != nil {
			w.Fatal(err)
		}
	}
	if n := w.count(`SELECT count(*) FROM pg_class WHERE relname LIKE 'pdb\_%'`); n != 0 {
		w.Errorf("%d relations left", n)
	}
}

// pdbSetup gives a test its own database and its own PeeringDB with the synthetic set.
func pdbSetup(t *testing.T) *pdbWorld {
	t.Helper()
	w := &pdbWorld{T: t, fake: pdbfake.New(pdbfake.Synthetic(pdbStart)...), now: pdbStart}
	w.fake.Now = func() time.Time { return w.now }
	w.pool = dbtest.New(t).Pool()
	server := httptest.NewServer(w.fake)
	t.Cleanup(server.Close)
	w.client = &peeringdb.Client{BaseURL: server.URL + "/api", Pace: -1}
	w.mirror = db.NewPeeringDBMirror(w.pool)
	w.syncer = peeringdb.NewSyncer(w.client, w.mirror)
	w.syncer.Now = func() time.Time { return w.now }
	return w
}

// pdbMigration is the mirror's own, for its way down.
func pdbMigration(t *testing.T) (up, down string) {
	t.Helper()
	text, err := os.ReadFile("migrations/00002_peeringdb.sql")
	if err != nil {
		t.Fatal(err)
	}
	up, down, ok := strings.Cut(string(text), "-- +goose Down")
	if !ok {
		t.Fatal("the migration has no way down")
	}
	return up, down
}

var _ peeringdb.Store = (*db.PeeringDBMirror)(nil)
