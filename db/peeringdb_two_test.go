package db_test

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"peerflow/db"
	"peerflow/internal/peering"
	"peerflow/internal/peeringdb"
)

// held is a PeeringDB that gives no networks until it is let go.
type held struct {
	peeringdb.Source
	asked chan struct{} // closed once networks were asked for
	let   chan struct{}
	once  sync.Once
}

func (h *held) Fetch(ctx context.Context, t peering.PDBType, since time.Time) (*peeringdb.Stream, error) {
	if t == peering.PDBNetworks {
		h.once.Do(func() { close(h.asked) })
		select {
		case <-h.let:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	return h.Source.Fetch(ctx, t, since)
}

// synced is how a sync that runs beside the test ended.
type synced struct {
	report peeringdb.Report
	err    error
}

// beside syncs from a source until it is over; a look at waits tells that it waits.
func (w *pdbWorld) beside(ctx context.Context, from peeringdb.Source) (ended chan synced, waits chan struct{}) {
	ended, waits = make(chan synced, 1), make(chan struct{}, 1)
	s := &peeringdb.Syncer{Source: from, Store: w.mirror, Now: func() time.Time { return w.now }}
	go func() {
		report, err := s.Sync(ctx, nil, peeringdb.Options{Progress: func(t peering.PDBType, _ int64) {
			if t == peering.PDBWaits {
				select {
				case waits <- struct{}{}:
				default:
				}
			}
		}})
		ended <- synced{report, err}
	}()
	return ended, waits
}

func pdbTestTwo(w *pdbWorld) {
	slow := &held{Source: w.client, asked: make(chan struct{}), let: make(chan struct{})}
	first, _ := w.beside(w.Context(), slow)
	<-slow.asked
	w.requests()
	second, waits := w.beside(w.Context(), w.client)
	select {
	case <-waits:
	case s := <-second:
		w.Fatalf("it didn't wait: %+v", s)
	}
	if got := w.requests(); len(got) > 0 {
		w.Errorf("asked for %v while the first one runs", got)
	}
	close(slow.let)
	a, b := <-first, <-second
	if a.err != nil || b.err != nil || a.report.Run == b.report.Run || len(b.report.Types) != len(peering.PDBTypes) || len(b.report.Skipped) > 0 {
		w.Errorf("the first: %+v, the second: %+v", a, b)
	}
	if n := w.count(`SELECT count(*) FROM pdb_run WHERE finished_at IS NOT NULL AND error = ''`); n != 2 {
		w.Errorf("%d runs ended well, want 2", n)
	}
}

func pdbTestWaitCancelled(w *pdbWorld) {
	slow := &held{Source: w.client, asked: make(chan struct{}), let: make(chan struct{})}
	first, _ := w.beside(w.Context(), slow)
	<-slow.asked
	ctx, cancel := context.WithCancel(w.Context())
	defer cancel()
	second, waits := w.beside(ctx, w.client)
	select {
	case <-waits:
	case s := <-second:
		w.Fatalf("it didn't wait: %+v", s)
	}
	cancel()
	if s := <-second; !errors.Is(s.err, context.Canceled) {
		w.Errorf("cancelled: %+v", s)
	}
	close(slow.let)
	if s := <-first; s.err != nil {
		w.Errorf("the one that ran: %+v", s)
	}
	w.mustSync(peeringdb.Options{}) // nothing is held any more
}

// A host that lost its power says nothing: PostgreSQL has to ask whether it is there.
func pdbTestVanishedHolder(w *pdbWorld) {
	config := w.pool.Config()
	config.MaxConns = 1 // so that the next query has the connection that held the lock
	pool, err := pgxpool.NewWithConfig(w.Context(), config)
	if err != nil {
		w.Fatal(err)
	}
	defer pool.Close()
	if err := db.NewPeeringDBMirror(pool).Alone(w.Context(), func() {}, func() error { return nil }); err != nil {
		w.Fatal(err)
	}
	var asked int // the values show on TCP alone
	err = pool.QueryRow(w.Context(), `SELECT count(*) FROM pg_settings WHERE name LIKE 'tcp_keepalives%' AND source = 'session'`).Scan(&asked)
	if err != nil || asked != 3 {
		w.Errorf("%d of 3 settings, %v", asked, err)
	}
}
