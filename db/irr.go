package db

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"

	"peerflow/db/internal/dbsqlc"
	"peerflow/internal/peering"
)

// IRRLists gives the lists of a network; kind not_found names it when there is none.
func (d *DB) IRRLists(ctx context.Context, asID int64) (peering.IRRLists, error) {
	if _, err := autonomousSystems.get(ctx, d.q, asID); err != nil {
		return nil, translate(err)
	}
	lists, err := irrLists(ctx, d.q, []int64{asID})
	return lists[asID], translate(err)
}

// irrLists are the lists of networks, by their ids.
func irrLists(ctx context.Context, q *dbsqlc.Queries, ids []int64) (map[int64]peering.IRRLists, error) {
	rows, err := q.IRRLists(ctx, ids)
	if err != nil {
		return nil, err
	}
	all := map[int64]peering.IRRLists{}
	for _, r := range rows {
		if all[r.AsID] == nil {
			all[r.AsID] = peering.IRRLists{}
		}
		kind := peering.IRRKind(r.Kind)
		all[r.AsID][kind] = peering.IRRList{Kind: kind, Entries: r.Entries, Count: int(r.Count), Source: r.Source, FetchedAt: r.FetchedAt.UTC(), UpdatedAt: r.UpdatedAt.UTC()}
	}
	return all, nil
}

// PutIRRLists replaces lists of a network; a kind that isn't among them stays. A list
// that has entries is emptied only where mayEmpty says so, kind conflict otherwise: an
// IRR that fails answers with nothing, too. The change log has the counts.
func (d *DB) PutIRRLists(ctx context.Context, by peering.Actor, asID int64, lists []peering.IRRList, mayEmpty bool) error {
	return d.Write(ctx, by, func(tx *Tx) error {
		if _, err := tx.q.IRRListLock(ctx, asID); err != nil {
			if errors.Is(err, pgx.ErrNoRows) {
				return missing("autonomous_system", asID)
			}
			return err
		}
		rows, err := tx.q.IRRListCounts(ctx, asID)
		if err != nil {
			return err
		}
		before := map[peering.IRRKind]peering.IRRListView{}
		for _, r := range rows {
			before[peering.IRRKind(r.Kind)] = peering.IRRListView{Entries: int(r.Count), Source: r.Source, FetchedAt: r.FetchedAt.UTC()}
		}
		after := map[peering.IRRKind]peering.IRRListView{}
		for _, l := range lists {
			if had := before[l.Kind].Entries; l.Count == 0 && had > 0 && !mayEmpty {
				return peering.Errorf(peering.Conflict, "the %s list of autonomous system %d has %d entries, and the new one none: what filters by it would let nothing through. Say allow_empty if that is meant", l.Kind, asID, had)
			}
			if err := tx.q.IRRListPut(ctx, dbsqlc.IRRListPutParams{AsID: asID, Kind: dbsqlc.IrrListKind(l.Kind), Entries: l.Entries, Count: int32(l.Count), Source: l.Source, FetchedAt: l.FetchedAt}); err != nil {
				return fmt.Errorf("record the %s list of autonomous system %d: %w", l.Kind, asID, err)
			}
			after[l.Kind] = l.View()
		}
		return tx.Log(ctx, "irr_list", asID, "update", before, after)
	})
}
