package db

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"

	"peerflow/internal/peering"
)

// mirroredFor loads what the mirror has for one router's templates, with one query for each type: the networks of its
// sessions and ours with all their ports, all ports at the LANs of its exchanges with their networks, and what those
// belong to. PeeringDB's tombstones, and what it has not approved, are absent.
func mirroredFor(ctx context.Context, tx pgx.Tx, d peering.Desired, more ...int64) (m peering.PDBObjects, err error) {
	asns := asnsOf(d, more...)
	lans := make([]int64, 0, len(d.IXPs))
	for _, x := range d.IXPs {
		lans = append(lans, x.IXLANID)
	}
	if m.Networks, err = pdbSome[peering.PDBNetwork](ctx, tx, `
		t.id IN (SELECT n.id FROM pdb_net n WHERE n.asn = ANY($1) UNION
			SELECT p.net_id FROM pdb_netixlan p WHERE p.ixlan_id = ANY($2) AND p.status = 'ok')`, asns, lans); err != nil {
		return m, err
	}
	if m.Ports, err = pdbSome[peering.PDBPort](ctx, tx, `
		t.id IN (SELECT p.id FROM pdb_netixlan p JOIN pdb_net n ON n.id = p.net_id WHERE n.asn = ANY($1) AND n.status = 'ok' UNION
			SELECT p.id FROM pdb_netixlan p WHERE p.ixlan_id = ANY($2))`, asns, lans); err != nil {
		return m, err
	}
	for _, p := range m.Ports {
		lans = append(lans, p.LANID)
	}
	if m.LANs, err = pdbSome[peering.PDBLAN](ctx, tx, `t.id = ANY($1)`, lans); err != nil {
		return m, err
	}
	if m.Prefixes, err = pdbSome[peering.PDBPrefix](ctx, tx, `t.ixlan_id = ANY($1)`, lans); err != nil {
		return m, err
	}
	if m.Exchanges, err = pdbSome[peering.PDBExchange](ctx, tx, `t.id = ANY($1)`, idsOf(m.LANs, func(l peering.PDBLAN) int64 { return l.IXID })); err != nil {
		return m, err
	}
	if m.Organizations, err = pdbSome[peering.PDBOrganization](ctx, tx, `t.id = ANY($1)`, idsOf(m.Networks, func(n peering.PDBNetwork) int64 { return n.OrgID })); err != nil {
		return m, err
	}
	networks := idsOf(m.Networks, func(n peering.PDBNetwork) int64 { return n.ID })
	if m.Contacts, err = pdbSome[peering.PDBContact](ctx, tx, `t.net_id = ANY($1)`, networks); err != nil {
		return m, err
	}
	if m.NetworkFacilities, err = pdbSome[peering.PDBNetworkFacility](ctx, tx, `t.net_id = ANY($1)`, networks); err != nil {
		return m, err
	}
	m.Facilities, err = pdbSome[peering.PDBFacility](ctx, tx, `t.id = ANY($1)`, slices.Concat(idsOf(m.NetworkFacilities, func(h peering.PDBNetworkFacility) int64 { return h.FacilityID }),
		idsOf(m.Ports, func(p peering.PDBPort) int64 { return p.NetSideID }), idsOf(m.Ports, func(p peering.PDBPort) int64 { return p.IXSideID })))
	return m, err
}

func idsOf[T any](rows []T, id func(T) int64) []int64 {
	ids := make([]int64, len(rows))
	for i, row := range rows {
		ids[i] = id(row)
	}
	return ids
}

// pdbSome are the rows of one type for which a condition over t holds, by id.
func pdbSome[R any, P interface {
	*R
	peering.PDBRow
}](ctx context.Context, tx pgx.Tx, where string, args ...any) ([]R, error) {
	t := P(new(R)).PDBType()
	table := pdbTables[t]
	rows, err := tx.Query(ctx, fmt.Sprintf(`SELECT t.%s FROM %s t WHERE t.status = 'ok' AND (%s) ORDER BY t.id`,
		strings.Join(table.allColumns(), ", t."), table.name, where), args...)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (R, error) {
		var r R
		err := row.Scan(table.allFields(P(&r))...)
		return r, err
	})
}
