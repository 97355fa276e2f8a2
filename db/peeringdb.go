package db

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"maps"
	"net/netip"
	"slices"
	"strings"
	"time"
	"unicode"

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

const (
	// A run that failed is taken up again for a little less than the hour in which
	// PeeringDB refuses to send the same large answer twice; an hourly schedule then
	// always begins a new one.
	pdbResumeWithin = 55 * time.Minute

	// A full answer may lack this many known rows, and beyond that this share of
	// those held, before it is taken for a damaged one. All of PeeringDB's ports see
	// less than a hundred changes on a day.
	pdbVanishRows  = 100
	pdbVanishShare = 10 // percent
)

// pdbTable is how one object type is stored. Another type joins with an entry in
// pdbTables, its table in a migration, and its struct in package peering.
type pdbTable struct {
	name    string
	columns []string                   // besides those of the head
	fields  func(peering.PDBRow) []any // pointers to the row's fields, in the order of columns
	parents map[string]peering.PDBType // column → the type it points to
}

var pdbHeadColumns = []string{"id", "status", "created", "updated"}

var pdbTables = map[peering.PDBType]pdbTable{
	peering.PDBOrgs: {
		name:    "pdb_org",
		columns: []string{"name", "aka", "name_long", "website", "city", "country"},
		fields: pdbFields(func(o *peering.PDBOrganization) []any {
			return []any{&o.Name, &o.AKA, &o.NameLong, &o.Website, &o.City, &o.Country}
		}),
	},
	peering.PDBNetworks: {
		name: "pdb_net",
		columns: []string{"org_id", "asn", "name", "aka", "name_long", "website", "looking_glass", "route_server",
			"irr_as_set", "info_type", "info_prefixes4", "info_prefixes6", "info_traffic", "info_ratio", "info_scope",
			"info_unicast", "info_multicast", "info_ipv6", "info_never_via_route_servers",
			"policy_url", "policy_general", "policy_locations", "policy_ratio", "policy_contracts"},
		fields: pdbFields(func(n *peering.PDBNetwork) []any {
			return []any{&n.OrgID, &n.ASN, &n.Name, &n.AKA, &n.NameLong, &n.Website, &n.LookingGlass, &n.RouteServer,
				&n.IRRASSet, &n.InfoType, &n.InfoPrefixes4, &n.InfoPrefixes6, &n.InfoTraffic, &n.InfoRatio, &n.InfoScope,
				&n.InfoUnicast, &n.InfoMulticast, &n.InfoIPv6, &n.InfoNeverViaRouteServers,
				&n.PolicyURL, &n.PolicyGeneral, &n.PolicyLocations, &n.PolicyRatio, &n.PolicyContracts}
		}),
		parents: map[string]peering.PDBType{"org_id": peering.PDBOrgs},
	},
	peering.PDBExchanges: {
		name: "pdb_ix",
		columns: []string{"org_id", "name", "aka", "name_long", "city", "country", "region_continent", "media",
			"website", "url_stats"},
		fields: pdbFields(func(x *peering.PDBExchange) []any {
			return []any{&x.OrgID, &x.Name, &x.AKA, &x.NameLong, &x.City, &x.Country, &x.RegionContinent, &x.Media,
				&x.Website, &x.URLStats}
		}),
		parents: map[string]peering.PDBType{"org_id": peering.PDBOrgs},
	},
	peering.PDBLANs: {
		name:    "pdb_ixlan",
		columns: []string{"ix_id", "name", "mtu", "dot1q_support", "rs_asn"},
		fields: pdbFields(func(l *peering.PDBLAN) []any {
			return []any{&l.IXID, &l.Name, &l.MTU, &l.Dot1Q, &l.RSASN}
		}),
		parents: map[string]peering.PDBType{"ix_id": peering.PDBExchanges},
	},
	peering.PDBPrefixes: {
		name:    "pdb_ixpfx",
		columns: []string{"ixlan_id", "protocol", "prefix", "in_dfz"},
		fields: pdbFields(func(p *peering.PDBPrefix) []any {
			return []any{&p.LANID, &p.Protocol, &p.Prefix, &p.InDFZ}
		}),
		parents: map[string]peering.PDBType{"ixlan_id": peering.PDBLANs},
	},
	peering.PDBPorts: {
		name: "pdb_netixlan",
		columns: []string{"net_id", "ixlan_id", "asn", "ipaddr4", "ipaddr6", "speed", "is_rs_peer", "bfd_support",
			"operational"},
		fields: pdbFields(func(p *peering.PDBPort) []any {
			return []any{&p.NetID, &p.LANID, &p.ASN, &p.IPv4, &p.IPv6, &p.Speed, &p.RSPeer, &p.BFD, &p.Operational}
		}),
		parents: map[string]peering.PDBType{"net_id": peering.PDBNetworks, "ixlan_id": peering.PDBLANs},
	},
}

// pdbFields lets a table entry name the fields of its own struct.
func pdbFields[R peering.PDBRow](fields func(R) []any) func(peering.PDBRow) []any {
	return func(row peering.PDBRow) []any { return fields(row.(R)) }
}

func (t pdbTable) allColumns() []string { return append(slices.Clone(t.columns), pdbHeadColumns...) }

func (t pdbTable) allFields(row peering.PDBRow) []any {
	h := row.Head()
	return append(t.fields(row), &h.ID, &h.Status, &h.Created, &h.Updated)
}

// incoming is the temporary table that a transaction copies rows into.
func (t pdbTable) incoming() string { return t.name + "_in" }

func pdbTableOf(t peering.PDBType) (pdbTable, error) {
	table, ok := pdbTables[t]
	if !ok {
		return pdbTable{}, peering.Errorf(peering.Invalid, "peeringdb type %q is not mirrored", t)
	}
	return table, nil
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

// take counts a row and readies it: PostgreSQL's text can't hold NUL, and no text of these columns has two lines. What
// strangers write there is printed into configurations and on terminals.
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
		if s, ok := f.(*string); ok && strings.ContainsFunc(*s, unicode.IsControl) {
			*s = strings.Map(withoutControl, *s)
		}
	}
	return fields
}

func withoutControl(r rune) rune {
	switch {
	case r == 0:
		return -1
	case unicode.IsControl(r):
		return ' '
	}
	return r
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

// MissingIDs are those of ids that the mirror has no row for.
func (m *PeeringDBMirror) MissingIDs(ctx context.Context, t peering.PDBType, ids []int64) ([]int64, error) {
	table, err := pdbTableOf(t)
	if err != nil {
		return nil, err
	}
	rows, err := m.pool.Query(ctx, fmt.Sprintf(`
		SELECT DISTINCT want FROM unnest($1::bigint[]) AS want
		WHERE NOT EXISTS (SELECT FROM %s AS t WHERE t.id = want) ORDER BY want`, table.name), ids)
	if err != nil {
		return nil, fmt.Errorf("look for peeringdb %s ids: %w", t, err)
	}
	return pgx.CollectRows(rows, pgx.RowTo[int64])
}

// Freshness tells how far each type has come.
func (m *PeeringDBMirror) Freshness(ctx context.Context) (peering.PDBFreshness, error) {
	return m.NetworkFreshness(ctx, 0)
}

// NetworkFreshness adds when the network was last looked up by itself.
func (m *PeeringDBMirror) NetworkFreshness(ctx context.Context, asn bgp.ASN) (peering.PDBFreshness, error) {
	states := map[peering.PDBType]peering.PDBTypeState{}
	rows, err := m.pool.Query(ctx, `
		SELECT type, COALESCE(cursor, '0001-01-01Z'), COALESCE(last_full, '0001-01-01Z'), COALESCE(last_run, '0001-01-01Z'),
			rows, error FROM pdb_sync`)
	if err != nil {
		return peering.PDBFreshness{}, fmt.Errorf("read peeringdb freshness: %w", err)
	}
	var s peering.PDBTypeState
	_, err = pgx.ForEachRow(rows, []any{&s.Type, &s.Cursor, &s.LastFull, &s.LastRun, &s.Rows, &s.Error}, func() error {
		states[s.Type] = peering.PDBTypeState{Type: s.Type, Cursor: s.Cursor.UTC(), LastFull: s.LastFull.UTC(),
			LastRun: s.LastRun.UTC(), Rows: s.Rows, Error: s.Error}
		return nil
	})
	var f peering.PDBFreshness
	for _, t := range peering.PDBTypes {
		state := states[t]
		state.Type = t
		f.Types = append(f.Types, state)
	}
	if err == nil {
		err = m.pool.QueryRow(ctx, `
			SELECT COALESCE(max(refreshed_at), '0001-01-01Z'), COALESCE(max(failed_at), '0001-01-01Z'), COALESCE(max(failure), '')
			FROM pdb_refresh WHERE asn = $1`, asn).Scan(&f.RefreshedAt, &f.FailedAt, &f.Failure)
	}
	if err != nil {
		return peering.PDBFreshness{}, fmt.Errorf("read peeringdb freshness: %w", err)
	}
	f.RefreshedAt, f.FailedAt = f.RefreshedAt.UTC(), f.FailedAt.UTC()
	return f, nil
}

// Network is the network with this AS number; the newest, should two claim it.
func (m *PeeringDBMirror) Network(ctx context.Context, asn bgp.ASN) (peering.PDBNetwork, error) {
	var n peering.PDBNetwork
	table := pdbTables[peering.PDBNetworks]
	err := m.pool.QueryRow(ctx, fmt.Sprintf(`
		SELECT %s FROM pdb_net WHERE asn = $1 AND status = 'ok' ORDER BY updated DESC, id DESC LIMIT 1`,
		strings.Join(table.allColumns(), ", ")), asn).Scan(table.allFields(&n)...)
	if errors.Is(err, pgx.ErrNoRows) {
		return n, peering.Errorf(peering.NotFound, "%s is not in the PeeringDB mirror", asn)
	}
	if err != nil {
		return n, fmt.Errorf("read peeringdb network %s: %w", asn, err)
	}
	return n, nil
}

// pdbVenue are the columns of a peering LAN, from pdb_ixlan l and pdb_ix x.
const pdbVenue = `COALESCE(l.ix_id, 0), COALESCE(x.name, ''), COALESCE(x.city, ''), COALESCE(x.country, ''),
	COALESCE(l.mtu, 0), COALESCE(l.rs_asn, 0),
	ARRAY(SELECT f.prefix FROM pdb_ixpfx f WHERE f.ixlan_id = %s AND f.status = 'ok' ORDER BY f.prefix, f.id)`

func pdbVenueFields(v *peering.PDBVenue) []any {
	return []any{&v.IXID, &v.Name, &v.City, &v.Country, &v.MTU, &v.RSASN, &v.Prefixes}
}

// Ports are the network's ports with the LANs they are on, ordered by LAN and id;
// those out of service too, since a plan names them as left out.
func (m *PeeringDBMirror) Ports(ctx context.Context, asn bgp.ASN) ([]peering.PDBPresence, error) {
	return m.ports(ctx, "p.asn = $1", asn)
}

// PortsByAddress are the ports that claim a peer address: normally one at most.
func (m *PeeringDBMirror) PortsByAddress(ctx context.Context, peerAddr netip.Addr) ([]peering.PDBPresence, error) {
	return m.ports(ctx, "p.ipaddr4 = $1 OR p.ipaddr6 = $1", peerAddr)
}

func (m *PeeringDBMirror) ports(ctx context.Context, where string, arg any) ([]peering.PDBPresence, error) {
	table := pdbTables[peering.PDBPorts]
	rows, err := m.pool.Query(ctx, fmt.Sprintf(`
		SELECT p.%s, `+fmt.Sprintf(pdbVenue, "p.ixlan_id")+`
		FROM pdb_netixlan p LEFT JOIN pdb_ixlan l ON l.id = p.ixlan_id LEFT JOIN pdb_ix x ON x.id = l.ix_id
		WHERE (%s) AND p.status = 'ok' ORDER BY p.ixlan_id, p.id`,
		strings.Join(table.allColumns(), ", p."), where), arg)
	if err != nil {
		return nil, fmt.Errorf("read peeringdb ports: %w", err)
	}
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (peering.PDBPresence, error) {
		var p peering.PDBPresence
		err := row.Scan(append(table.allFields(&p.PDBPort), pdbVenueFields(&p.Venue)...)...)
		p.Venue.LANID = p.LANID
		return p, err
	})
}

// Exchange is the peering LAN with this id (ixlan; in practice the exchange's id).
func (m *PeeringDBMirror) Exchange(ctx context.Context, lanID int64) (peering.PDBVenue, error) {
	v := peering.PDBVenue{LANID: lanID}
	err := m.pool.QueryRow(ctx, `SELECT `+fmt.Sprintf(pdbVenue, "l.id")+`
		FROM pdb_ixlan l LEFT JOIN pdb_ix x ON x.id = l.ix_id WHERE l.id = $1`, lanID).Scan(pdbVenueFields(&v)...)
	if errors.Is(err, pgx.ErrNoRows) {
		return v, peering.Errorf(peering.NotFound, "peering LAN %d is not in the PeeringDB mirror", lanID)
	}
	if err != nil {
		return v, fmt.Errorf("read peeringdb LAN %d: %w", lanID, err)
	}
	return v, nil
}
