package db

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"peerflow/internal/bgp"
	"peerflow/internal/peering"
)

// PeeringDBMirror is the local copy of PeeringDB: written by whole types or by
// single networks, read by planning. It writes with COPY and set-based merges,
// because a type has tens of thousands of rows.
type PeeringDBMirror struct{ pool *pgxpool.Pool }

// NewPeeringDBMirror works on a database that is migrated already.
func NewPeeringDBMirror(pool *pgxpool.Pool) *PeeringDBMirror { return &PeeringDBMirror{pool: pool} }

// watchClient has the server ask every ten seconds, after 30 s of silence, whether the client's host is there, and
// end the session after three without an answer: its own defaults take two hours. On a Unix socket it does nothing.
const watchClient = `SELECT set_config('tcp_keepalives_idle', '30', false), set_config('tcp_keepalives_interval', '10', false), set_config('tcp_keepalives_count', '3', false)`

// unlockPatience bounds what a database that hangs costs a sync that is over.
const unlockPatience = 10 * time.Second

// Alone holds a lock of PostgreSQL's, which the end of the process gives back too, and within a minute or so that of a
// host that vanishes.
func (m *PeeringDBMirror) Alone(ctx context.Context, waits func(), do func() error) error {
	conn, err := m.pool.Acquire(ctx)
	if err != nil {
		return fmt.Errorf("begin peeringdb sync: %w", translate(err))
	}
	defer conn.Release()
	if _, err := conn.Exec(ctx, watchClient); err != nil {
		return fmt.Errorf("begin peeringdb sync: %w", translate(err))
	}
	for held := false; !held; {
		err := conn.QueryRow(ctx, `SELECT pg_try_advisory_lock(hashtextextended('sync/peeringdb', 0))`).Scan(&held)
		if err != nil {
			return fmt.Errorf("wait for another peeringdb sync: %w", translate(err))
		}
		if held {
			break
		}
		waits()
		select {
		case <-ctx.Done():
			return fmt.Errorf("wait for another peeringdb sync: %w", context.Cause(ctx))
		case <-time.After(pdbAskAgain):
		}
	}
	defer func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), unlockPatience)
		defer cancel()
		if _, err := conn.Exec(ctx, `SELECT pg_advisory_unlock(hashtextextended('sync/peeringdb', 0))`); err != nil {
			_ = conn.Conn().Close(ctx) // so that the lock goes with it
		}
	}()
	return do()
}

// BeginRun takes up a run that was left open not long ago, or begins one.
func (m *PeeringDBMirror) BeginRun(ctx context.Context, full bool, at time.Time) (peering.PDBRun, error) {
	run := peering.PDBRun{Full: full}
	err := m.pool.QueryRow(ctx, `
		SELECT id, started_at, counts FROM pdb_run
		WHERE finished_at IS NULL AND is_full = $1 AND started_at > $2
		ORDER BY id DESC LIMIT 1`, full, at.Add(-pdbResumeWithin)).Scan(&run.ID, &run.StartedAt, &run.Done)
	if errors.Is(err, pgx.ErrNoRows) {
		run.StartedAt, run.Done = at, nil
		err = m.pool.QueryRow(ctx, `
			INSERT INTO pdb_run (is_full, started_at) VALUES ($1, $2) RETURNING id`, full, at).Scan(&run.ID)
	}
	if err != nil {
		return peering.PDBRun{}, fmt.Errorf("begin peeringdb run: %w", err)
	}
	return run, nil
}

// EndRun writes down the failure of each type that failed, and finishes the run
// when there was none.
func (m *PeeringDBMirror) EndRun(ctx context.Context, end peering.PDBRunEnd) error {
	var finished *time.Time
	if len(end.Failed) == 0 {
		finished = &end.At
	}
	err := pgx.BeginFunc(ctx, m.pool, func(tx pgx.Tx) error {
		var texts []string
		for _, t := range slices.Sorted(maps.Keys(end.Failed)) {
			texts = append(texts, end.Failed[t])
			if _, err := tx.Exec(ctx, `
				INSERT INTO pdb_sync (type, error) VALUES ($1, $2)
				ON CONFLICT (type) DO UPDATE SET error = EXCLUDED.error`, t, end.Failed[t]); err != nil {
				return err
			}
		}
		_, err := tx.Exec(ctx, `UPDATE pdb_run SET finished_at = $2, error = $3 WHERE id = $1`,
			end.Run, finished, strings.Join(texts, "; "))
		return err
	})
	if err != nil {
		return fmt.Errorf("end peeringdb run %d: %w", end.Run, err)
	}
	return nil
}

// LoadType merges a stream of rows of one type in one transaction, so that a
// reader sees the type before or after, never between. An error in the stream
// leaves everything as it was. The same stream twice changes nothing.
func (m *PeeringDBMirror) LoadType(ctx context.Context, load peering.PDBLoad, rows iter.Seq2[peering.PDBRow, error]) (peering.PDBCounts, error) {
	counts := peering.PDBCounts{Type: load.Type, Full: load.Full}
	table, err := pdbTableOf(load.Type)
	if err != nil {
		return counts, err
	}
	err = pgx.BeginFunc(ctx, m.pool, func(tx pgx.Tx) error {
		merge := pdbMerge{tx: tx, table: table, load: load, counts: &counts}
		if err := merge.copyIn(ctx, rows); err != nil {
			return err
		}
		if err := merge.run(ctx); err != nil {
			return err
		}
		return merge.record(ctx)
	})
	return counts, pdbLoadError(ctx, string(load.Type), err)
}

// LoadNetwork merges what a lookup of one network found, parents included. Rows it
// lacks stay: deletions come as tombstones, and for the same reason an answer
// without the network is refused when the mirror has it. Cursors don't move.
func (m *PeeringDBMirror) LoadNetwork(ctx context.Context, asn bgp.ASN, at time.Time, rows []peering.PDBRow) error {
	err := pgx.BeginFunc(ctx, m.pool, func(tx pgx.Tx) error {
		if err := pdbRefuseSilence(ctx, tx, asn, rows); err != nil {
			return err
		}
		for _, t := range peering.PDBTypes {
			if err := pdbMergeSome(ctx, tx, t, rows); err != nil {
				return err
			}
		}
		_, err := tx.Exec(ctx, `
			INSERT INTO pdb_refresh (asn, refreshed_at) VALUES ($1, $2)
			ON CONFLICT (asn) DO UPDATE SET refreshed_at = EXCLUDED.refreshed_at, failed_at = NULL, failure = ''`, asn, at)
		return err
	})
	return pdbLoadError(ctx, "network "+asn.String(), err)
}

// NoteFailure records that a lookup of one network failed, and why, until one succeeds.
func (m *PeeringDBMirror) NoteFailure(ctx context.Context, asn bgp.ASN, at time.Time, why string) error {
	_, err := m.pool.Exec(ctx, `
		INSERT INTO pdb_refresh (asn, failed_at, failure) VALUES ($1, $2, $3)
		ON CONFLICT (asn) DO UPDATE SET failed_at = EXCLUDED.failed_at, failure = EXCLUDED.failure`, asn, at, why)
	if err != nil {
		return fmt.Errorf("note that peeringdb network %s couldn't be looked up: %w", asn, err)
	}
	return nil
}

// pdbLoadError keeps a cancellation recognisable: COPY reports it as a closed connection.
func pdbLoadError(ctx context.Context, what string, err error) error {
	if err == nil {
		return nil
	}
	if ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	return fmt.Errorf("load peeringdb %s: %w", what, err)
}

func pdbRefuseSilence(ctx context.Context, tx pgx.Tx, asn bgp.ASN, rows []peering.PDBRow) error {
	if slices.ContainsFunc(rows, func(row peering.PDBRow) bool { return row.PDBType() == peering.PDBNetworks }) {
		return nil
	}
	var held int64
	err := tx.QueryRow(ctx, `SELECT count(*) FROM pdb_net WHERE asn = $1`, asn).Scan(&held)
	if err == nil && held > 0 {
		return &peering.PDBVanishError{Type: peering.PDBNetworks, Held: held, Vanishing: held}
	}
	return err
}

func pdbMergeSome(ctx context.Context, tx pgx.Tx, t peering.PDBType, rows []peering.PDBRow) error {
	ofType := func(yield func(peering.PDBRow, error) bool) {
		for _, row := range rows {
			if row.PDBType() == t && !yield(row, nil) {
				return
			}
		}
	}
	if !slices.ContainsFunc(rows, func(row peering.PDBRow) bool { return row.PDBType() == t }) {
		return nil
	}
	merge := pdbMerge{tx: tx, table: pdbTables[t], load: peering.PDBLoad{Type: t}, counts: &peering.PDBCounts{}}
	if err := merge.copyIn(ctx, ofType); err != nil {
		return err
	}
	return merge.run(ctx)
}
