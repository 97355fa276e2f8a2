package db_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/google/go-cmp/cmp"

	"peerflow/db"
	"peerflow/db/dbtest"
	"peerflow/internal/peering"
	"peerflow/internal/peeringdb"
	"peerflow/internal/peeringdb/pdbfake"
)

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
	if got := w.requests(); got["ixlan"] != 1 || got["ixpfx"]+got["netixlan"]+got["fac"]+got["netfac"]+got["poc"] != 0 {
		w.Errorf("asked for %v: nothing may be asked after a 429", got)
	}
	w.fake.Heal()
	w.now = w.now.Add(50 * time.Minute)
	fresh := &peeringdb.Client{BaseURL: w.client.BaseURL, Pace: -1} // another process: it knows of no throttle
	w.syncer.Source = fresh
	again := w.mustSync(peeringdb.Options{Full: true})
	if again.Run != report.Run || !slices.Equal(again.Skipped, []peering.PDBType{"org", "net", "ix"}) || len(again.Types) != 6 {
		w.Errorf("taken up: %+v", again)
	}
	if diff := cmp.Diff(map[string]int{"ixlan": 1, "ixpfx": 1, "netixlan": 1, "fac": 1, "netfac": 1, "poc": 1}, w.requests()); diff != "" {
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
	if peeringdb.FaultOf(err) != peeringdb.Broken || len(report.Types) != 8 {
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
	w.fake.Put(&peering.PDBOrganization{PDBHead: peering.PDBHead{ID: 500, Status: peering.PDBOK, Created: w.now, Updated: w.now}, Name: "Exam\x00ple\n neighbor\x1b[2J", AKA: "two\u2028lines {secret:17@3}"})
	w.mustSync(peeringdb.Options{})
	if n := w.count(`SELECT count(*) FROM pdb_org WHERE id = 500 AND name = 'Example  neighbor [2J' AND aka = 'two lines secret:17@3}'`); n != 1 {
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
	if len(report.Skipped) != 5 || len(report.Types) != 4 || report.Types[0].Held != 5019 {
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
