package db

import (
	"context"
	"errors"
	"fmt"
	"time"

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
// IRR that fails answers with nothing, too. So is a list that was fetched before the
// one that is recorded. The same entries again are no edit: when they were fetched
// last is noted. The change log has counts and hashes.
func (d *DB) PutIRRLists(ctx context.Context, by peering.Actor, asID int64, lists []peering.IRRList, mayEmpty bool) error {
	return d.Write(ctx, by, func(tx *Tx) error {
		if _, err := tx.q.IRRListLock(ctx, asID); err != nil {
			if errors.Is(err, pgx.ErrNoRows) {
				return missing("autonomous_system", asID)
			}
			return err
		}
		rows, err := tx.q.IRRListHeads(ctx, asID)
		if err != nil {
			return err
		}
		recorded := map[peering.IRRKind]irrHead{}
		for _, r := range rows {
			recorded[peering.IRRKind(r.Kind)] = irrHead{peering.IRRListView{Entries: int(r.Count), Source: r.Source, FetchedAt: r.FetchedAt.UTC()}, r.Hash}
		}
		before, after := map[peering.IRRKind]irrHead{}, map[peering.IRRKind]irrHead{}
		for _, l := range lists {
			had, known := recorded[l.Kind]
			if err := had.refuses(asID, l, mayEmpty); err != nil {
				return err
			}
			next := irrHead{l.View(), peering.HashText(l.Entries)}
			if known && next.Hash == had.Hash {
				err = tx.q.IRRListSame(ctx, dbsqlc.IRRListSameParams{AsID: asID, Kind: dbsqlc.IrrListKind(l.Kind), Source: l.Source, FetchedAt: l.FetchedAt})
			} else {
				after[l.Kind] = next
				err = tx.q.IRRListPut(ctx, dbsqlc.IRRListPutParams{AsID: asID, Kind: dbsqlc.IrrListKind(l.Kind), Entries: l.Entries, Count: int32(l.Count), Source: l.Source, FetchedAt: l.FetchedAt})
			}
			if err != nil {
				return fmt.Errorf("record the %s list of autonomous system %d: %w", l.Kind, asID, err)
			}
			if _, moved := after[l.Kind]; known && moved {
				before[l.Kind] = had
			}
		}
		if len(after) == 0 {
			return nil
		}
		return tx.Log(ctx, "irr_list", asID, "update", before, after)
	})
}

// irrHead is a list without its entries, as the change log has it.
type irrHead struct {
	peering.IRRListView
	Hash string `json:"hash"` // SHA-256 of the entries as they are kept, in hex
}

// refuses says why a list may not take the place of the recorded one, which is the zero value when there is none.
func (h irrHead) refuses(asID int64, l peering.IRRList, mayEmpty bool) error {
	switch {
	case l.Count == 0 && h.Entries > 0 && !mayEmpty:
		return peering.Errorf(peering.Conflict, "the %s list of autonomous system %d has %d entries, and the new one none: what filters by it would let nothing through. Say allow_empty if that is meant", l.Kind, asID, h.Entries)
	case l.FetchedAt.Before(h.FetchedAt):
		return peering.Errorf(peering.Conflict, "the %s list of autonomous system %d was fetched at %s, after this one (%s): ask the IRR again", l.Kind, asID,
			h.FetchedAt.Format(time.RFC3339), l.FetchedAt.Format(time.RFC3339))
	case l.FetchedAt.After(time.Now().Add(irrClockSlack)):
		return peering.Errorf(peering.Invalid, "fetched_at of the %s list lies in the future (%s), and nothing could replace it until then: look at the clock of the machine that asked", l.Kind, l.FetchedAt.Format(time.RFC3339))
	}
	return nil
}

// irrClockSlack is how far clocks of those who ask IRRs may be ahead of ours.
const irrClockSlack = 5 * time.Minute
