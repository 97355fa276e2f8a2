package db

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"strings"

	"github.com/jackc/pgx/v5"

	"peerflow/internal/bgp"
	"peerflow/internal/peering"
)

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

// State tells how the syncs went.
func (m *PeeringDBMirror) State(ctx context.Context) (s peering.PDBMirrorState, err error) {
	err = m.pool.QueryRow(ctx, `
		WITH done AS (SELECT COALESCE(max(finished_at), '0001-01-01Z') AS at FROM pdb_run),
			failed AS (SELECT id, started_at, error FROM pdb_run, done WHERE finished_at IS NULL AND error <> '' AND started_at > done.at)
		SELECT at, COALESCE((SELECT max(started_at) FROM pdb_run), '0001-01-01Z'),
			COALESCE((SELECT min(started_at) FROM failed), '0001-01-01Z'),
			COALESCE((SELECT error FROM failed ORDER BY id DESC LIMIT 1), '') FROM done`).Scan(&s.SucceededAt, &s.TriedAt, &s.FailingSince, &s.Error)
	if err != nil {
		return peering.PDBMirrorState{}, fmt.Errorf("read how the syncs of peeringdb's mirror went: %w", err)
	}
	s.SucceededAt, s.TriedAt, s.FailingSince = s.SucceededAt.UTC(), s.TriedAt.UTC(), s.FailingSince.UTC()
	return s, nil
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
