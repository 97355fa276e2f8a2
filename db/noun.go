package db

import (
	"context"
	"encoding/json"
	"reflect"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"peerflow/db/internal/dbsqlc"
	"peerflow/internal/peering"
)

// Noun reads and writes the records of one kind: a session, a router, a policy.
// All nouns behave alike; what is special about one stands in its kind.
type Noun[T any] struct {
	db   *DB
	kind *kind[T]
}

// kind says how the records of one noun are stored.
type kind[T any] struct {
	object string // table, and name in the change log and in operations
	list   listing
	meta   func(*T) *peering.Meta
	load   func(context.Context, *dbsqlc.Queries, []int64) ([]T, error) // by id, in order of id; what isn't there is left out
	insert func(context.Context, *dbsqlc.Queries, T) (int64, error)
	update func(context.Context, *dbsqlc.Queries, T) (int64, error)                       // no row when the version moved on
	remove func(ctx context.Context, q *dbsqlc.Queries, id, version int64) (int64, error) // likewise

	complete func(*T) error                                                   // defaults, and what can't be
	found    func(ctx context.Context, tx *Tx, v *T) error                    // gives a new one what it stands on and doesn't name, before complete; nil: nothing
	follows  func(after *T, by peering.Actor, before *T) error                // steps that can't be; nil: all may
	may      func(ctx context.Context, tx *Tx, before, after *T) error        // what it can't be beside other records, at the door; before nil: new; nil: all may
	hold     func(ctx context.Context, tx *Tx, before, after *T) error        // what can't be now, after nil: to delete; nil: all may
	keep     func(after, before *T)                                           // restores what an edit can't change; nil: nothing
	after    func(ctx context.Context, q *dbsqlc.Queries, v, before *T) error // what hangs on the row, before nil: a new one; nil: nothing

	router func(*T) int64 // which a record is part of; nil: routers share it
	stays  bool           // on that router, whatever a change says

	communities func(*T) []int64 // that are set on it; nil: none ever
	tags        func(*T) []int64 // likewise, in order
	contexts    func(*T) []peering.ContextRef
	contacts    func(*T) []peering.ContactRef
}

// loads adapts sqlc's read by ids and the mapping from row to domain value.
func loads[R, T any](query func(*dbsqlc.Queries, context.Context, []int64) ([]R, error), value func(R) T) func(context.Context, *dbsqlc.Queries, []int64) ([]T, error) {
	return func(ctx context.Context, q *dbsqlc.Queries, ids []int64) ([]T, error) {
		rows, err := query(q, ctx, ids)
		if err != nil {
			return nil, err
		}
		values := make([]T, len(rows))
		for i, row := range rows {
			values[i] = value(row)
		}
		return values, nil
	}
}

// writes adapts sqlc's insert or update and the mapping from domain value to its parameters.
func writes[P, T any](query func(*dbsqlc.Queries, context.Context, P) (int64, error), params func(T) P) func(context.Context, *dbsqlc.Queries, T) (int64, error) {
	return func(ctx context.Context, q *dbsqlc.Queries, v T) (int64, error) { return query(q, ctx, params(v)) }
}

// removes adapts sqlc's delete by id and version.
func removes[P ~struct{ ID, Version int64 }](query func(*dbsqlc.Queries, context.Context, P) (int64, error)) func(context.Context, *dbsqlc.Queries, int64, int64) (int64, error) {
	return func(ctx context.Context, q *dbsqlc.Queries, id, version int64) (int64, error) {
		return query(q, ctx, P{ID: id, Version: version})
	}
}

// Get gives one record; kind not_found names it when there is none.
func (n Noun[T]) Get(ctx context.Context, id int64) (T, error) {
	v, err := n.kind.get(ctx, n.db.q, id)
	return v, translate(err)
}

// List gives one page of the records that meet all filters, by id or backwards. A record that
// is there from the first page to the last is listed exactly once.
func (n Noun[T]) List(ctx context.Context, filters []peering.Filter, p peering.Page) (peering.List[T], error) {
	return page(ctx, n.db, n.kind.list, n.kind.load, filters, p)
}

// Filters describes the filters of List.
func (n Noun[T]) Filters() []peering.FilterField { return n.kind.list.describe() }

// Create records something new. Its id and version are given here, whatever the value says.
func (n Noun[T]) Create(ctx context.Context, by peering.Actor, v T) (created T, err error) {
	err = n.db.Write(ctx, by, func(tx *Tx) error {
		fresh := v
		if err := n.kind.fresh(ctx, tx, &fresh); err != nil {
			return err
		}
		created, err = n.kind.create(ctx, tx, fresh)
		return err
	})
	return created, err
}

// fresh completes a new record.
func (k *kind[T]) fresh(ctx context.Context, tx *Tx, v *T) error {
	if k.found != nil {
		if err := k.found(ctx, tx, v); err != nil {
			return err
		}
	}
	if err := k.complete(v); err != nil || k.may == nil {
		return err
	}
	return k.may(ctx, tx, nil, v)
}

// Patch changes what a JSON merge patch (RFC 7396) names. The version is the one
// that the caller read (If-Match); kind stale when the record moved on, 0 doesn't
// ask. A patch that changes nothing writes nothing.
func (n Noun[T]) Patch(ctx context.Context, by peering.Actor, id, version int64, patch json.RawMessage) (after T, err error) {
	err = n.db.Write(ctx, by, func(tx *Tx) (err error) {
		after, err = n.kind.patch(ctx, tx, id, version, patch)
		return err
	})
	return after, err
}

// Delete removes a record that nothing refers to; kind conflict names what does.
// The version is as for Patch.
func (n Noun[T]) Delete(ctx context.Context, by peering.Actor, id, version int64) error {
	return n.db.Write(ctx, by, func(tx *Tx) error { return n.kind.drop(ctx, tx, id, version) })
}

// Bulk writes all items, in their order, or none: a *peering.BulkError names each
// one that can't be.
func (n Noun[T]) Bulk(ctx context.Context, by peering.Actor, edits []peering.Edit) (done []peering.Edited, err error) {
	err = n.db.Write(ctx, by, func(tx *Tx) error {
		done = make([]peering.Edited, len(edits))
		failed := &peering.BulkError{Of: len(edits)}
		for i, e := range edits {
			refusal, err := tx.try(ctx, func(inner *Tx) (err error) {
				done[i], err = n.kind.edit(ctx, inner, e)
				return err
			})
			if err != nil {
				return err
			}
			if refusal != nil {
				failed.Items = append(failed.Items, peering.ItemError{Index: i, Err: refusal})
			}
		}
		if len(failed.Items) > 0 {
			return failed
		}
		return nil
	})
	return done, err
}

func (k *kind[T]) edit(ctx context.Context, tx *Tx, e peering.Edit) (peering.Edited, error) {
	var v T
	var err error
	switch e.Action {
	case peering.Delete:
		return peering.Edited{ID: e.ID}, k.drop(ctx, tx, e.ID, e.Version)
	case peering.Update:
		v, err = k.patch(ctx, tx, e.ID, e.Version, e.Body)
	case peering.Create:
		if v, err = k.merged(v, e.Body); err != nil {
			break
		}
		if err = k.fresh(ctx, tx, &v); err == nil {
			v, err = k.create(ctx, tx, v)
		}
	}
	if err != nil {
		return peering.Edited{}, err
	}
	return peering.Edited{ID: k.meta(&v).ID, Version: k.meta(&v).Version}, nil
}

func (k *kind[T]) patch(ctx context.Context, tx *Tx, id, version int64, patch json.RawMessage) (after T, err error) {
	before, err := k.current(ctx, tx.q, id, version)
	if err != nil {
		return after, err
	}
	if after, err = k.patched(before, patch); err != nil {
		return after, err
	}
	if k.follows != nil {
		if err := k.follows(&after, tx.actor, &before); err != nil {
			return after, err
		}
	}
	if k.may != nil {
		if err := k.may(ctx, tx, &before, &after); err != nil {
			return after, err
		}
	}
	return k.change(ctx, tx, before, after)
}

func (k *kind[T]) drop(ctx context.Context, tx *Tx, id, version int64) error {
	before, err := k.current(ctx, tx.q, id, version)
	if err != nil {
		return err
	}
	return k.delete(ctx, tx, before)
}

func (k *kind[T]) get(ctx context.Context, q *dbsqlc.Queries, id int64) (T, error) {
	found, err := k.load(ctx, q, []int64{id})
	if err == nil && len(found) == 0 {
		err = missing(k.object, id)
	}
	if err != nil {
		var none T
		return none, err
	}
	return found[0], nil
}

// current is the record, if it still is what the caller read.
func (k *kind[T]) current(ctx context.Context, q *dbsqlc.Queries, id, version int64) (T, error) {
	v, err := k.get(ctx, q, id)
	if err != nil {
		return v, err
	}
	if has := k.meta(&v).Version; version != 0 && version != has {
		return v, changed(k.object, id, version, has)
	}
	return v, nil
}

// patched is the record with a patch on it; identity and what no edit may change stay.
func (k *kind[T]) patched(before T, patch json.RawMessage) (T, error) {
	after, err := k.merged(before, patch)
	if err != nil {
		return after, err
	}
	return after, k.complete(&after)
}

// merged is patched before it is completed.
func (k *kind[T]) merged(before T, patch json.RawMessage) (T, error) {
	after, err := peering.MergePatch(before, patch)
	if err != nil {
		return after, err
	}
	*k.meta(&after) = *k.meta(&before)
	if k.keep != nil {
		k.keep(&after, &before)
	}
	return after, nil
}

// create writes a new record under its id, or under a fresh one when that is 0.
func (k *kind[T]) create(ctx context.Context, tx *Tx, v T) (created T, err error) {
	meta := k.meta(&v)
	*meta = peering.Meta{Version: 1}
	if meta.ID, err = newID(ctx, tx.pgx, k.object); err != nil {
		return created, err
	}
	return k.createAt(ctx, tx, v)
}

func (k *kind[T]) createAt(ctx context.Context, tx *Tx, v T) (created T, err error) {
	meta := k.meta(&v)
	meta.Version = 1
	if _, err := k.insert(ctx, tx.q, v); err != nil {
		return created, err
	}
	if err := k.hang(ctx, tx.q, &v, nil); err != nil {
		return created, err
	}
	return k.written(ctx, tx, v, "create", nil)
}

// change writes a record over the one that was read in this transaction.
func (k *kind[T]) change(ctx context.Context, tx *Tx, before, after T) (T, error) {
	if same(before, after) {
		return before, nil
	}
	if k.hold != nil && !tx.trial {
		if err := k.hold(ctx, tx, &before, &after); err != nil {
			return after, err
		}
	}
	rows, err := k.update(ctx, tx.q, after)
	if err != nil {
		return after, err
	}
	if meta := k.meta(&before); rows == 0 {
		return after, changed(k.object, meta.ID, meta.Version, meta.Version+1)
	}
	if err := k.hang(ctx, tx.q, &after, &before); err != nil {
		return after, err
	}
	return k.written(ctx, tx, after, "update", before)
}

// written logs a record as it can be read now.
func (k *kind[T]) written(ctx context.Context, tx *Tx, v T, action string, before any) (stored T, err error) {
	id := k.meta(&v).ID
	if stored, err = k.get(ctx, tx.q, id); err != nil {
		return stored, err
	}
	return stored, tx.Log(ctx, k.object, id, action, before, stored)
}

// hang stores what hangs on a row that is written; before is the record that was there, nil for a new one.
func (k *kind[T]) hang(ctx context.Context, q *dbsqlc.Queries, v, before *T) error {
	if k.after != nil {
		if err := k.after(ctx, q, v, before); err != nil {
			return err
		}
	}
	return k.assign(ctx, q, v, before)
}

func (k *kind[T]) delete(ctx context.Context, tx *Tx, before T) error {
	if k.hold != nil && !tx.trial {
		if err := k.hold(ctx, tx, &before, nil); err != nil {
			return err
		}
	}
	meta := k.meta(&before)
	rows, err := k.remove(ctx, tx.q, meta.ID, meta.Version)
	if err != nil {
		return stillUsed(k.object, meta.ID, err)
	}
	if rows == 0 {
		return changed(k.object, meta.ID, meta.Version, meta.Version+1)
	}
	return tx.Log(ctx, k.object, meta.ID, "delete", before, nil)
}

// same compares as JSON: the order of keys in free data says nothing.
func same[T any](a, b T) bool { return reflect.DeepEqual(decoded(a), decoded(b)) }

func decoded(v any) (plain any) {
	text, err := json.Marshal(v)
	if err != nil {
		return err
	}
	_ = json.Unmarshal(text, &plain)
	return plain
}

// querier is what a pool and a transaction have in common.
type querier interface {
	QueryRow(context.Context, string, ...any) pgx.Row
}

// NewID draws an id for an object that a change plans and that is recorded later.
func (d *DB) NewID(ctx context.Context, object peering.ObjectKind) (int64, error) {
	if !slices.Contains(planned, object) {
		return 0, peering.Errorf(peering.Invalid, "no operation on %q", object)
	}
	id, err := newID(ctx, d.pool, string(object))
	return id, translate(err)
}

// planned are the objects that a change may create, edit or delete.
var planned = []peering.ObjectKind{peering.ObjectSession, peering.ObjectRoutingPolicy, peering.ObjectAutonomousSystem, peering.ObjectIXP,
	peering.ObjectBGPGroup, peering.ObjectConnection, peering.ObjectRouter, peering.ObjectTemplate}

func newID(ctx context.Context, q querier, table string) (id int64, err error) {
	err = q.QueryRow(ctx, `SELECT nextval(pg_get_serial_sequence($1, 'id'))`, table).Scan(&id)
	return id, err
}

// meta maps the columns that every noun has.
func meta(id, version int64, created, updated time.Time) peering.Meta {
	return peering.Meta{ID: id, Version: version, CreatedAt: created.UTC(), UpdatedAt: updated.UTC()}
}
