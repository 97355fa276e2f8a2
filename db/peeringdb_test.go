package db_test

import (
	"net/http/httptest"
	"net/netip"
	"os"
	"slices"
	"strings"
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
		"a sync beside another one waits for its end, and is a run of its own":                             pdbTestTwo,
		"a sync that waits for another one ends when it is cancelled":                                      pdbTestWaitCancelled,
		"PostgreSQL watches who holds the lock of a sync":                                                  pdbTestVanishedHolder,
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
	want := map[peering.PDBType]int64{"org": 16, "fac": 2, "net": 14, "ix": 2, "ixlan": 2, "ixpfx": 4, "netixlan": 19, "netfac": 3, "poc": 3}
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
