package db

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5/pgconn"

	"peerflow/internal/peering"
)

// applier writes one operation of a change into its noun's table.
type applier interface {
	apply(ctx context.Context, tx *Tx, op peering.Operation, r recording) error
	// check refuses an operation that would make a record that can't be, alone; what a session of
	// a router that the same change edits may have is asked when both are known, by Desired.Apply.
	check(ctx context.Context, tx *Tx, op peering.Operation, edited map[int64]bool) error
	// place refuses an operation that names another router than its object's, and
	// gives one that names none the router of a session.
	place(ctx context.Context, tx *Tx, op peering.Operation) (peering.Operation, error)
}

// recording is one call's way through an overlay.
type recording struct {
	moved map[peering.ObjectKind]map[int64]bool // by this very call: later operations follow earlier ones
	// over is a person's word that the router is right: the overlay goes over
	// edits that came after it, and leaves out what was deleted since.
	over bool
}

func (r recording) sees(op peering.Operation) {
	if r.moved[op.Object] == nil {
		r.moved[op.Object] = map[int64]bool{}
	}
	r.moved[op.Object][op.ObjectID] = true
}

var appliers = map[peering.ObjectKind]applier{
	peering.ObjectSession:          sessions,
	peering.ObjectRoutingPolicy:    routingPolicies,
	peering.ObjectAutonomousSystem: autonomousSystems,
	peering.ObjectIXP:              ixps,
	peering.ObjectBGPGroup:         bgpGroups,
	peering.ObjectConnection:       connections,
	peering.ObjectRouter:           routers,
	peering.ObjectTemplate:         templates,
}

// ApplyOperations makes a change's overlay the record, in the transaction that
// confirms it on the router. The router runs it already, so that steps are not
// judged again; a record that moved on since the operation was written is a
// conflict that names both. Deleting what is gone already is fine.
func ApplyOperations(ctx context.Context, tx *Tx, ops []peering.Operation) error {
	return applyOperations(ctx, tx, ops, false)
}

func applyOperations(ctx context.Context, tx *Tx, ops []peering.Operation, over bool) error {
	r := recording{moved: map[peering.ObjectKind]map[int64]bool{}, over: over}
	for _, op := range ops {
		a, ok := appliers[op.Object]
		if !ok {
			return peering.Errorf(peering.Unsupported, "no operation on %q", op.Object)
		}
		if err := a.apply(ctx, tx, op, r); err != nil {
			return fmt.Errorf("apply %s of %s %d: %w", op.Action, noun(string(op.Object)), op.ObjectID, translate(err))
		}
		r.sees(op)
	}
	return nil
}

// refuseMissing tries operations in their order, takes all of it back, and refuses
// the first one that names what isn't there: it would be rendered and approved
// without it, and refused once the router runs it. What else may stand in an
// operation's way depends on what others do until it is recorded, and is told then.
func (tx *Tx) refuseMissing(ctx context.Context, ops []peering.Operation) error {
	missing, err := tx.missing(ctx, ops)
	return cmp.Or(err, missing)
}

// missing is why the first operation that names what isn't there can't be recorded; nil when there is none.
func (tx *Tx) missing(ctx context.Context, ops []peering.Operation) (missing, err error) {
	_, err = tx.only(ctx, func(inner *Tx) error {
		r := recording{moved: map[peering.ObjectKind]map[int64]bool{}, over: true}
		for i, op := range ops {
			if err := appliers[op.Object].apply(ctx, inner, op, r); err != nil {
				var pg *pgconn.PgError
				if errors.As(err, &pg) && pg.Code == foreignKeyViolation {
					missing = fmt.Errorf("operation %d: %w", i+1, translate(err))
				}
				return err
			}
			r.sees(op)
		}
		return nil
	})
	return missing, err
}

// only runs fn for a trial: all that it does is taken back, whatever comes of it.
func (tx *Tx) only(ctx context.Context, fn func(*Tx) error) (refusal, err error) {
	trial := *tx
	trial.trial = true
	refusal, err = trial.try(ctx, func(inner *Tx) error { return cmp.Or(fn(inner), errOnlyTried) })
	if errors.Is(refusal, errOnlyTried) {
		refusal = nil
	}
	return refusal, err
}

// errOnlyTried takes back what was only tried.
var errOnlyTried error = peering.NewError(peering.Conflict, "only tried")

func (k *kind[T]) apply(ctx context.Context, tx *Tx, op peering.Operation, r recording) error {
	if op.Action == peering.Create {
		return k.applyCreate(ctx, tx, op)
	}
	before, err := k.get(ctx, tx.q, op.ObjectID)
	switch {
	case peering.KindOf(err) == peering.NotFound && (op.Action == peering.Delete || r.over):
		return nil
	case peering.KindOf(err) == peering.NotFound:
		return peering.Errorf(peering.Conflict, "%s %d was deleted since change %d was planned", noun(k.object), op.ObjectID, tx.actor.ChangeID)
	case err != nil:
		return err
	}
	if k.stays && op.RouterID != 0 && k.router(&before) != op.RouterID { // this router has nothing of it any more
		if op.Action == peering.Delete || r.over {
			return nil
		}
		return peering.Errorf(peering.Conflict, "%s %d was moved to router %d since change %d was planned for router %d",
			noun(k.object), op.ObjectID, k.router(&before), tx.actor.ChangeID, op.RouterID)
	}
	if has := k.meta(&before).Version; op.BaseVersion != 0 && has != op.BaseVersion && !r.over && !r.moved[op.Object][op.ObjectID] {
		return peering.Errorf(peering.Conflict, "%s %d changed since change %d was planned (version %d, now %d)",
			noun(k.object), op.ObjectID, tx.actor.ChangeID, op.BaseVersion, has)
	}
	if op.Action == peering.Delete {
		return k.delete(ctx, tx, before)
	}
	after, err := k.patched(before, patchOf(op))
	if err != nil {
		return err
	}
	_, err = k.change(ctx, tx, before, after)
	return err
}

func (k *kind[T]) check(ctx context.Context, tx *Tx, op peering.Operation, edited map[int64]bool) error {
	var recorded T
	var before *T
	if op.Action == peering.Update {
		var err error
		if recorded, err = k.get(ctx, tx.q, op.ObjectID); err != nil {
			return err
		}
		before = &recorded
	}
	after, err := k.patched(recorded, patchOf(op))
	if err != nil || k.may == nil || op.Object == peering.ObjectSession && edited[k.router(&after)] {
		return err
	}
	return k.may(ctx, tx, before, &after)
}

func (k *kind[T]) place(ctx context.Context, tx *Tx, op peering.Operation) (peering.Operation, error) {
	if k.router == nil {
		return op, nil
	}
	var before, after T
	var err error
	if op.Action != peering.Create {
		if before, err = k.get(ctx, tx.q, op.ObjectID); err != nil {
			return op, err
		}
	}
	after = before
	if op.Action != peering.Delete {
		if after, err = k.merged(before, patchOf(op)); err != nil {
			return op, err
		}
	}
	was, becomes := k.router(&before), k.router(&after)
	if k.stays && op.Action != peering.Create {
		if becomes != was {
			return op, peering.Errorf(peering.Invalid, "%s %d is on router %d: it moves to another one by delete and create, a connection by one change after the other", noun(k.object), op.ObjectID, was)
		}
		op.RouterID = cmp.Or(op.RouterID, was)
	}
	if op.RouterID == 0 || becomes == 0 || op.RouterID == was || op.RouterID == becomes {
		return op, nil
	}
	what := fmt.Sprintf("%s %d", noun(k.object), op.ObjectID)
	if op.Action == peering.Create {
		what = "the new " + noun(k.object)
	}
	return op, peering.Errorf(peering.Invalid, "it names router %d, where there is nothing of %s: name router %d (router_id beside object)", op.RouterID, what, cmp.Or(was, becomes))
}

// applyCreate records a planned object under the id that it was planned with.
func (k *kind[T]) applyCreate(ctx context.Context, tx *Tx, op peering.Operation) error {
	var none T
	v, err := k.patched(none, patchOf(op))
	if err != nil {
		return err
	}
	k.meta(&v).ID = op.ObjectID
	_, err = k.createAt(ctx, tx, v)
	return err
}

func patchOf(op peering.Operation) json.RawMessage {
	if len(op.Patch) == 0 {
		return json.RawMessage("{}")
	}
	return op.Patch
}
