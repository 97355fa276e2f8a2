package db

import (
	"context"
	"maps"
	"slices"

	"peerflow/db/internal/dbsqlc"
	"peerflow/internal/peering"
)

// carriedAuthors are those whose edits a plan carries: they can't approve it. A change that carries what is pending
// has them all. Any other has those who edited what its overlay makes a router be rendered from, or gives to what it
// is rendered from already, and those who edited any of that since the change was made.
func (tx *Tx) carriedAuthors(ctx context.Context, c peering.Change, p peering.Plan) ([]int64, error) {
	before, err := tx.editors(ctx, c, p)
	if err != nil {
		return nil, err
	}
	after, err := tx.editorsOnce(ctx, c, p)
	if err != nil {
		return nil, err
	}
	all := c.Kind == peering.KindDeploy || c.Request.IncludePending
	authors := map[int64]bool{}
	for key, with := range after {
		if all || key.user != c.AuthorID && (with.Late || moreThan(before[key].Edited, with.Edited)) {
			authors[key.user] = true
		}
	}
	return listOf(slices.Sorted(maps.Keys(authors))), nil
}

// editor is a person who edited what a router is rendered from.
type editor struct{ router, user int64 }

func (tx *Tx) editors(ctx context.Context, c peering.Change, p peering.Plan) (map[editor]dbsqlc.PendingAuthorsRow, error) {
	all := map[editor]dbsqlc.PendingAuthorsRow{}
	for _, r := range p.Routers {
		rows, err := tx.q.PendingAuthors(ctx, dbsqlc.PendingAuthorsParams{RouterID: r.RouterID, MadeAt: c.CreatedAt, Detailed: true})
		if err != nil {
			return nil, err
		}
		for _, row := range rows {
			all[editor{r.RouterID, row.ID}] = row
		}
	}
	return all, nil
}

// editorsOnce are the editors once the overlay is recorded, which is tried and taken back.
func (tx *Tx) editorsOnce(ctx context.Context, c peering.Change, p peering.Plan) (with map[editor]dbsqlc.PendingAuthorsRow, err error) {
	ops, err := tx.openOperations(ctx, c.ID)
	if err != nil {
		return nil, err
	}
	refusal, err := tx.only(ctx, func(inner *Tx) (err error) {
		if err = applyOperations(ctx, inner, ops, true); err == nil {
			with, err = inner.editors(ctx, c, p)
		}
		return err
	})
	if refusal != nil {
		return nil, peering.Errorf(peering.Conflict, "the change can't be recorded any more: %w: open a new change", refusal)
	}
	return with, err
}

// moreThan reports that a list has what another one hasn't.
func moreThan(list, more []string) bool {
	known := map[string]bool{}
	for _, s := range list {
		known[s] = true
	}
	return slices.ContainsFunc(more, func(s string) bool { return !known[s] })
}
