package peeringdb

import (
	"context"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"peerflow/internal/bgp"
	"peerflow/internal/peering"
)

// MissingIDs tells which ids of a type the mirror lacks.
type MissingIDs func(ctx context.Context, t peering.PDBType, ids []int64) ([]int64, error)

// maxIDsPerQuery is PeeringDB's advice for __in filters.
const maxIDsPerQuery = 150

// FetchASN looks up one network: the network, its ports, and of their parents
// (organisation, LANs with prefixes, exchanges) those that missing names; a nil
// missing asks for all. Deleted rows come as tombstones, never as silence, so
// that an empty answer takes nothing away. Two requests when nothing is missing.
func (c *Client) FetchASN(ctx context.Context, asn bgp.ASN, missing MissingIDs) ([]peering.PDBRow, error) {
	if missing == nil {
		missing = func(_ context.Context, _ peering.PDBType, ids []int64) ([]int64, error) { return ids, nil }
	}
	l := &lookup{client: c, ctx: ctx, missing: missing}
	nets := l.where(peering.PDBNetworks, "asn", []int64{int64(asn)}, func(row peering.PDBRow) int64 {
		return int64(row.(*peering.PDBNetwork).ASN)
	})
	l.where(peering.PDBPorts, "net_id", ids(nets), func(row peering.PDBRow) int64 { return row.(*peering.PDBPort).NetID })
	l.parents()
	return l.rows, l.err
}

// lookup gathers rows until the first error.
type lookup struct {
	client  *Client
	ctx     context.Context
	missing MissingIDs
	rows    []peering.PDBRow
	err     error
}

func (l *lookup) parents() {
	l.where(peering.PDBOrgs, "id", l.lacking(peering.PDBOrgs, func(row peering.PDBRow) int64 {
		if n, ok := row.(*peering.PDBNetwork); ok {
			return n.OrgID
		}
		return 0
	}), rowID)
	lans := l.lacking(peering.PDBLANs, func(row peering.PDBRow) int64 {
		if p, ok := row.(*peering.PDBPort); ok {
			return p.LANID
		}
		return 0
	})
	l.where(peering.PDBLANs, "id", lans, rowID)
	l.where(peering.PDBExchanges, "id", l.lacking(peering.PDBExchanges, func(row peering.PDBRow) int64 {
		if lan, ok := row.(*peering.PDBLAN); ok {
			return lan.IXID
		}
		return 0
	}), rowID)
	l.where(peering.PDBPrefixes, "ixlan_id", lans, func(row peering.PDBRow) int64 { return row.(*peering.PDBPrefix).LANID })
}

// lacking are the parents of the rows so far that the mirror has not got.
func (l *lookup) lacking(t peering.PDBType, parent func(peering.PDBRow) int64) []int64 {
	var want []int64
	for _, row := range l.rows {
		if id := parent(row); id != 0 && row.Head().Status == peering.PDBOK {
			want = append(want, id)
		}
	}
	if l.err != nil || len(want) == 0 {
		return nil
	}
	slices.Sort(want)
	lacking, err := l.missing(l.ctx, t, slices.Compact(want))
	l.err = err
	return lacking
}

// where asks for rows whose field is one of values, and checks that it got those.
func (l *lookup) where(t peering.PDBType, field string, values []int64, have func(peering.PDBRow) int64) []peering.PDBRow {
	start := len(l.rows)
	for part := range slices.Chunk(values, maxIDsPerQuery) {
		if l.err == nil {
			l.err = l.ask(t, field, part, have)
		}
	}
	return l.rows[start:]
}

func (l *lookup) ask(t peering.PDBType, field string, values []int64, have func(peering.PDBRow) int64) error {
	// since=1 is what makes PeeringDB show tombstones.
	query := url.Values{"depth": {"0"}, "since": {"1"}}
	if len(values) == 1 {
		query.Set(field, strconv.FormatInt(values[0], 10))
	} else {
		query.Set(field+"__in", joinIDs(values))
	}
	stream, err := l.client.fetch(l.ctx, t, query, func(row peering.PDBRow) error {
		if row.Head().Status == peering.PDBOK && !slices.Contains(values, have(row)) {
			return fmt.Errorf("row %d was not asked for: the server ignored %s", row.Head().ID, field)
		}
		return nil
	})
	if err != nil {
		return err
	}
	for row, err := range stream.Rows {
		if err != nil {
			return err
		}
		if row.Head().Status != peering.PDBUnreadable {
			l.rows = append(l.rows, row)
		}
	}
	return nil
}

func rowID(row peering.PDBRow) int64 { return row.Head().ID }

func ids(rows []peering.PDBRow) []int64 {
	var out []int64
	for _, row := range rows {
		out = append(out, row.Head().ID)
	}
	return out
}

func joinIDs(ids []int64) string {
	text := make([]string, len(ids))
	for i, id := range ids {
		text[i] = strconv.FormatInt(id, 10)
	}
	return strings.Join(text, ",")
}
