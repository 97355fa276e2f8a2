package db

import (
	"context"
	"errors"

	"github.com/jackc/pgx/v5"

	"peerflow/db/internal/dbsqlc"
	"peerflow/internal/peering"
)

// AddFreeze halts every change in its scope before the next commit. It waits
// for deployments that are beginning: those come before it. Author and times
// are set here.
func (d *DB) AddFreeze(ctx context.Context, actor peering.Actor, f peering.Freeze) (added peering.Freeze, err error) {
	if !actor.May(peering.Operator) && !actor.May(peering.Emergency) {
		return peering.Freeze{}, peering.NewError(peering.Denied, "freezing needs the role operator")
	}
	if !dbsqlc.FreezeScope(f.Scope).Valid() {
		return peering.Freeze{}, peering.Errorf(peering.Invalid, "a freeze has scope all, site or router, not %q", f.Scope)
	}
	err = d.Write(ctx, actor, func(tx *Tx) error {
		if err := tx.q.LockName(ctx, freezeLock); err != nil {
			return err
		}
		added, err = tx.insertFreeze(ctx, f)
		return err
	})
	return added, err
}

// insertFreeze needs the freeze lock.
func (tx *Tx) insertFreeze(ctx context.Context, f peering.Freeze) (peering.Freeze, error) {
	row, err := tx.q.FreezeInsert(ctx, dbsqlc.FreezeInsertParams{Scope: dbsqlc.FreezeScope(f.Scope), SiteID: orNull(f.SiteID),
		RouterID: orNull(f.RouterID), UserID: orNull(tx.actor.UserID), Reason: f.Reason})
	if err != nil {
		return f, err
	}
	f.ID, f.CreatedAt, f.Author = row.ID, row.CreatedAt.UTC(), tx.actor.Name
	return f, tx.Log(ctx, "freeze", f.ID, "create", nil, f)
}

// LiftFreeze ends a freeze; one that was lifted before stays as it is.
func (d *DB) LiftFreeze(ctx context.Context, actor peering.Actor, id int64) (lifted peering.Freeze, err error) {
	if !actor.May(peering.Operator) {
		return peering.Freeze{}, peering.NewError(peering.Denied, "lifting a freeze needs the role operator")
	}
	err = d.Write(ctx, actor, func(tx *Tx) error {
		if err := tx.q.LockName(ctx, freezeLock); err != nil {
			return err
		}
		before, err := tx.freeze(ctx, id)
		if err != nil || !before.LiftedAt.IsZero() {
			lifted = before
			return err
		}
		if err := tx.q.FreezeLift(ctx, dbsqlc.FreezeLiftParams{ID: id, LiftedBy: orNull(actor.UserID)}); err != nil {
			return err
		}
		if lifted, err = tx.freeze(ctx, id); err != nil {
			return err
		}
		return tx.Log(ctx, "freeze", id, "lift", before, lifted)
	})
	return lifted, err
}

// HeldBy maps the routers that a freeze reaches, lifted or not, to the oldest
// deployment that is queued there for peerflow to write; routers without one aren't listed.
func (d *DB) HeldBy(ctx context.Context, freezeID int64) (map[int64]int64, error) {
	rows, err := d.q.DeploymentQueuedUnder(ctx, freezeID)
	held := make(map[int64]int64, len(rows))
	for _, r := range rows {
		held[r.RouterID] = r.ID
	}
	return held, translate(err)
}

// ProposedUnder lists the changes with an open proposal on a router that a freeze
// reaches, lifted or not.
func (d *DB) ProposedUnder(ctx context.Context, freezeID int64) ([]int64, error) {
	changes, err := d.q.DeploymentProposedUnder(ctx, freezeID)
	return changes, translate(err)
}

func (tx *Tx) freeze(ctx context.Context, id int64) (peering.Freeze, error) {
	row, err := tx.q.FreezeLock(ctx, id)
	if errors.Is(err, pgx.ErrNoRows) {
		return peering.Freeze{}, missing("freeze", id)
	}
	return freezeOf(row.ChangeFreeze, row.Author), err
}

// ListFreezes lists freezes, newest first: those in force, or the lifted ones as well.
func (d *DB) ListFreezes(ctx context.Context, lifted bool) ([]peering.Freeze, error) {
	rows, err := d.q.FreezeList(ctx, lifted)
	if err != nil {
		return nil, translate(err)
	}
	list := make([]peering.Freeze, len(rows))
	for i, r := range rows {
		list[i] = freezeOf(r.ChangeFreeze, r.Author)
	}
	return list, nil
}

func freezeOf(f dbsqlc.ChangeFreeze, author string) peering.Freeze {
	return peering.Freeze{ID: f.ID, Scope: peering.FreezeScope(f.Scope), SiteID: orZero(f.SiteID), RouterID: orZero(f.RouterID),
		Author: author, Reason: f.Reason, CreatedAt: f.CreatedAt.UTC(), LiftedAt: timeOrZero(f.LiftedAt)}
}
