package db_test

import (
	"context"
	"errors"
	"net/http/httptest"
	"runtime"
	"sync"
	"testing"
	"time"

	"peerflow/db"
	"peerflow/db/dbtest"
	"peerflow/internal/capture"
	"peerflow/internal/peering"
	"peerflow/internal/peeringdb"
	"peerflow/internal/peeringdb/pdbfake"
)

// BenchmarkPeeringDBFullSync fills an empty database from a PeeringDB of full size
// on loopback, without the pace that the public server asks for (a request for
// each type, some 20 s). The peak is that of the whole process over its start, the serving side's
// answer buffers included. Aim: 15 s, 300 MB. (The test database does not wait for
// the disk; PEERFLOW_TEST_DATABASE_URL names one that does.)
func BenchmarkPeeringDBFullSync(b *testing.B) {
	fake := pdbFullSize(b)
	client := pdbServe(b, fake)
	var peak float64
	var rows int64
	for b.Loop() {
		b.StopTimer()
		mirror := db.NewPeeringDBMirror(dbtest.New(b).Pool())
		stop := pdbPeakHeap()
		b.StartTimer()
		report, err := peeringdb.NewSyncer(client, mirror).Sync(b.Context(), nil, peeringdb.Options{Full: true})
		b.StopTimer()
		if err != nil {
			b.Fatal(err)
		}
		peak, rows = max(peak, stop()), pdbHeld(report)
		b.StartTimer()
	}
	pdbReport(b, rows, peak)
}

// BenchmarkPeeringDBDelta merges a thousand changed ports into a full mirror, all
// six types asked for. Aim: 2 s.
func BenchmarkPeeringDBDelta(b *testing.B) {
	fake := pdbFullSize(b)
	syncer := peeringdb.NewSyncer(pdbServe(b, fake), db.NewPeeringDBMirror(dbtest.New(b).Pool()))
	if _, err := syncer.Sync(b.Context(), nil, peeringdb.Options{Full: true}); err != nil {
		b.Fatal(err)
	}
	ids := fake.IDs(peering.PDBPorts)
	at := time.Now()
	var peak float64
	var updated int64
	for b.Loop() {
		b.StopTimer()
		at = at.Add(time.Hour)
		for _, id := range ids[:1000] {
			fake.Put(&peering.PDBPort{PDBHead: peering.PDBHead{ID: id, Status: peering.PDBOK, Created: at, Updated: at},
				NetID: 1, LANID: 1, ASN: 64500, Speed: at.Unix()})
		}
		stop := pdbPeakHeap()
		b.StartTimer()
		report, err := syncer.Sync(b.Context(), nil, peeringdb.Options{})
		b.StopTimer()
		if err != nil {
			b.Fatal(err)
		}
		peak, updated = max(peak, stop()), report.Types[5].Updated
		b.StartTimer()
	}
	if updated != 1000 {
		b.Fatalf("%d rows changed, want 1000", updated)
	}
	pdbReport(b, updated, peak)
}

// pdbFullSize is the data of 2022 where it is at hand, else a made-up set of that size.
func pdbFullSize(b *testing.B) *pdbfake.Server {
	b.Helper()
	fake := pdbfake.New()
	dir, _ := capture.Path("peeringdb", "coherent-2022")
	err := fake.Load(dir)
	if err == nil {
		b.Log("data: coherent-2022 (its networks and organisations are derived)")
		return fake
	}
	if !errors.Is(err, pdbfake.ErrNoData) {
		b.Fatal(err)
	}
	b.Log("data: generated, as coherent-2022 is not at " + dir)
	fake.Put(pdbfake.Large(14000, 46000, time.Now())...)
	return fake
}

func pdbServe(b *testing.B, fake *pdbfake.Server) *peeringdb.Client {
	server := httptest.NewServer(fake)
	b.Cleanup(server.Close)
	return &peeringdb.Client{BaseURL: server.URL + "/api", Pace: -1}
}

// pdbPeakHeap samples the heap until the returned function is called; that gives
// the peak over the start, in MB.
func pdbPeakHeap() (stop func() float64) {
	runtime.GC()
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	start, peak := stats.HeapAlloc, stats.HeapAlloc
	ctx, cancel := context.WithCancel(context.Background())
	var wait sync.WaitGroup
	wait.Go(func() {
		tick := time.NewTicker(10 * time.Millisecond)
		defer tick.Stop()
		for ctx.Err() == nil {
			<-tick.C
			runtime.ReadMemStats(&stats)
			peak = max(peak, stats.HeapAlloc)
		}
	})
	return func() float64 {
		cancel()
		wait.Wait()
		return float64(peak-start) / 1e6
	}
}

func pdbHeld(report peeringdb.Report) (rows int64) {
	for _, c := range report.Types {
		rows += c.Held
	}
	return rows
}

func pdbReport(b *testing.B, rows int64, peak float64) {
	b.ReportMetric(float64(rows), "rows")
	b.ReportMetric(peak, "MB-peak-heap")
	b.ReportMetric(b.Elapsed().Seconds()/float64(b.N), "s/sync")
}
