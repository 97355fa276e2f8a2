package db

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"peerflow/internal/peering"
)

// pdbMerge is one type's way from a stream into its table.
type pdbMerge struct {
	tx     pgx.Tx
	table  pdbTable
	load   peering.PDBLoad
	counts *peering.PDBCounts
	newest time.Time // newest update among the readable rows
	before time.Time // cursor before this merge
}

// copyIn streams the rows into a temporary table. It has no constraints: rows
// that the reader could not use come along, to be left alone by the merge.
func (m *pdbMerge) copyIn(ctx context.Context, rows iter.Seq2[peering.PDBRow, error]) error {
	columns := m.table.allColumns()
	create := fmt.Sprintf(`CREATE TEMP TABLE %s ON COMMIT DROP AS SELECT %s FROM %s WITH NO DATA`,
		m.table.incoming(), strings.Join(columns, ", "), m.table.name)
	if _, err := m.tx.Exec(ctx, create); err != nil {
		return err
	}
	next, stop := iter.Pull2(rows)
	defer stop()
	var streamErr error // kept apart: the error must keep its type, and COPY's doesn't
	_, err := m.tx.CopyFrom(ctx, pgx.Identifier{m.table.incoming()}, columns, pgx.CopyFromFunc(func() ([]any, error) {
		row, err, ok := next()
		if !ok || err != nil {
			streamErr = err
			return nil, err
		}
		return m.take(row), nil
	}))
	if streamErr != nil {
		return streamErr
	}
	return err
}

// take counts a row and readies it: PostgreSQL's text can't hold NUL, and no text of these columns has two lines.
func (m *pdbMerge) take(row peering.PDBRow) []any {
	m.counts.Received++
	head := row.Head()
	if head.Status == peering.PDBUnreadable {
		m.counts.Unreadable++
	} else if head.Updated.After(m.newest) {
		m.newest = head.Updated
	}
	fields := m.table.allFields(row)
	for _, f := range fields {
		if s, ok := f.(*string); ok {
			*s = peering.StrangersText(*s)
		}
	}
	return fields
}

// run merges: tombstones, then new and changed rows, then what a full answer lacks.
// Loads of one type queue here, so that the state read is the state merged into.
func (m *pdbMerge) run(ctx context.Context) error {
	if _, err := m.tx.Exec(ctx, `SELECT pg_advisory_xact_lock(hashtext('peeringdb'), hashtext($1))`, m.load.Type); err != nil {
		return err
	}
	if _, err := m.tx.Exec(ctx, `ANALYZE `+m.table.incoming()); err != nil {
		return err
	}
	steps := []func(context.Context) error{m.deleteTombstones, m.upsert}
	if m.load.Full {
		steps = append([]func(context.Context) error{m.deleteVanished}, steps...)
	}
	for _, step := range steps {
		if err := step(ctx); err != nil {
			return err
		}
	}
	return nil
}

func (m *pdbMerge) deleteTombstones(ctx context.Context) error {
	tag, err := m.tx.Exec(ctx, fmt.Sprintf(`
		DELETE FROM %s AS t USING %s AS i
		WHERE t.id = i.id AND i.status = 'deleted' AND i.updated >= t.updated`, m.table.name, m.table.incoming()))
	m.counts.Deleted += tag.RowsAffected()
	return err
}

// upsert never lets an older row replace a newer one: full answers come from a
// cache, and a lookup of one network may have run meanwhile.
func (m *pdbMerge) upsert(ctx context.Context) error {
	columns := m.table.allColumns()
	set, old, fresh := make([]string, len(columns)), make([]string, len(columns)), make([]string, len(columns))
	for i, c := range columns {
		set[i], old[i], fresh[i] = c+" = EXCLUDED."+c, "t."+c, "EXCLUDED."+c
	}
	list := strings.Join(columns, ", ")
	query := fmt.Sprintf(`
		WITH merged AS (
			INSERT INTO %[1]s AS t (%[3]s)
			SELECT DISTINCT ON (id) %[3]s FROM %[2]s
			WHERE status NOT IN ('deleted', 'unreadable') ORDER BY id, updated DESC
			ON CONFLICT (id) DO UPDATE SET %[4]s
			WHERE EXCLUDED.updated >= t.updated AND (%[5]s) IS DISTINCT FROM (%[6]s)
			RETURNING xmax = 0 AS inserted) -- an updated row carries our transaction there
		SELECT count(*) FILTER (WHERE inserted), count(*) FILTER (WHERE NOT inserted) FROM merged`,
		m.table.name, m.table.incoming(), list,
		strings.Join(set, ", "), strings.Join(old, ", "), strings.Join(fresh, ", "))
	return m.tx.QueryRow(ctx, query).Scan(&m.counts.Inserted, &m.counts.Updated)
}

// deleteVanished removes rows that a full answer lacks, if they are few. Rows
// newer than the whole answer are no part of what it can tell about.
func (m *pdbMerge) deleteVanished(ctx context.Context) error {
	vanished := fmt.Sprintf(`t.updated <= $1 AND NOT EXISTS (SELECT FROM %s AS i WHERE i.id = t.id)`, m.table.incoming())
	var held, vanishing int64
	err := m.tx.QueryRow(ctx, fmt.Sprintf(`SELECT count(*), count(*) FILTER (WHERE %s) FROM %s AS t`,
		vanished, m.table.name), m.newest).Scan(&held, &vanishing)
	if err != nil {
		return err
	}
	refusal := &peering.PDBVanishError{Type: m.load.Type, Held: held, Received: m.counts.Received, Vanishing: vanishing}
	if m.counts.Received == 0 && held > 0 {
		return refusal
	}
	if vanishing > pdbVanishRows && vanishing*100 > held*pdbVanishShare && !m.load.Force {
		return refusal
	}
	tag, err := m.tx.Exec(ctx, fmt.Sprintf(`DELETE FROM %s AS t WHERE %s`, m.table.name, vanished), m.newest)
	m.counts.Deleted += tag.RowsAffected()
	return err
}

// record moves the cursor and writes the counts, in the merge's own transaction:
// a type is done exactly when its rows are in.
func (m *pdbMerge) record(ctx context.Context) error {
	if err := m.count(ctx); err != nil {
		return err
	}
	if err := m.moveCursor(ctx); err != nil {
		return err
	}
	key := string(m.load.Type)
	if m.counts.Behind {
		key += " (full)" // not done before the delta that follows
	}
	_, err := m.tx.Exec(ctx, `UPDATE pdb_run SET counts = counts || jsonb_build_object($2::text, $3::jsonb) WHERE id = $1`,
		m.load.Run, key, m.counts)
	return err
}

func (m *pdbMerge) count(ctx context.Context) error {
	var orphan []string
	for column, parent := range m.table.parents {
		orphan = append(orphan, fmt.Sprintf(`NOT EXISTS (SELECT FROM %s AS p WHERE p.id = t.%s)`, pdbTables[parent].name, column))
	}
	if orphan == nil {
		orphan = []string{"false"}
	}
	return m.tx.QueryRow(ctx, fmt.Sprintf(`SELECT count(*), count(*) FILTER (WHERE %s) FROM %s AS t`,
		strings.Join(orphan, " OR "), m.table.name)).Scan(&m.counts.Held, &m.counts.Orphans)
}

// moveCursor sets the cursor to the newest row seen. After a full answer that was
// older than the mirror it goes back, so that the next delta repairs what the
// answer was late about.
func (m *pdbMerge) moveCursor(ctx context.Context) error {
	var before *time.Time
	err := m.tx.QueryRow(ctx, `SELECT cursor FROM pdb_sync WHERE type = $1`, m.load.Type).Scan(&before)
	if err != nil && !errors.Is(err, pgx.ErrNoRows) {
		return err
	}
	if before != nil {
		m.before = before.UTC()
	}
	m.counts.Cursor = m.newest
	m.counts.Behind = m.load.Full && !m.newest.IsZero() && m.newest.Before(m.before)
	if !m.counts.Behind && m.newest.Before(m.before) {
		m.counts.Cursor = m.before
	}
	_, err = m.tx.Exec(ctx, `
		INSERT INTO pdb_sync (type, cursor, last_full, last_run, rows, error)
		VALUES ($1, $2, CASE WHEN $3 THEN $4::timestamptz END, $4, $5, '')
		ON CONFLICT (type) DO UPDATE SET cursor = EXCLUDED.cursor, rows = EXCLUDED.rows, error = '',
			last_full = COALESCE(EXCLUDED.last_full, pdb_sync.last_full), last_run = EXCLUDED.last_run`,
		m.load.Type, pdbTime(m.counts.Cursor), m.load.Full, m.load.At, m.counts.Held)
	return err
}

func pdbTime(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}
