package db

import (
	"context"
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"peerflow/db/internal/dbsqlc"
	"peerflow/internal/peering"
)

// RecordOverlay replaces the change's open operations and what planning found. A create
// without an object id gets one; the same call twice keeps the ids and changes
// nothing. Once people were asked to approve, the overlay stays as it is.
func (d *DB) RecordOverlay(ctx context.Context, changeID int64, ops []peering.Operation, found peering.Findings) (recorded []peering.Operation, err error) {
	err = d.Write(ctx, actorOf(changeID), func(tx *Tx) error {
		change, err := tx.lockChange(ctx, changeID)
		if err != nil {
			return err
		}
		completed, before, err := tx.completeOperations(ctx, changeID, ops)
		if err != nil {
			return err
		}
		if sameOperations(before, completed) && sameFindings(change, found) {
			recorded = before
			return nil
		}
		if !overlayOpen(change.State) {
			return peering.Errorf(peering.Conflict, "change %d is %s: what it does can't change any more", changeID, change.State)
		}
		if err := tx.setFindings(ctx, changeID, found); err != nil {
			return err
		}
		recorded, err = tx.putOperations(ctx, changeID, completed)
		return err
	})
	return recorded, err
}

// sameFindings compares with what is recorded; a later look at the same old view tells nothing new.
func sameFindings(c peering.Change, f peering.Findings) bool {
	return slices.Equal(c.Omissions, f.Omitted) && slices.Equal(c.Ask, f.Ask) && (c.Stale == nil) == (f.Stale == nil)
}

func (tx *Tx) setFindings(ctx context.Context, changeID int64, f peering.Findings) error {
	set := dbsqlc.ChangeSetFindingsParams{ID: changeID}
	var err error
	if set.Omissions, err = json.Marshal(listOf(f.Omitted)); err != nil {
		return err
	}
	if set.Ask, err = json.Marshal(listOf(f.Ask)); err != nil {
		return err
	}
	if f.Stale != nil {
		if set.StaleView, err = json.Marshal(f.Stale); err != nil {
			return err
		}
	}
	return tx.q.ChangeSetFindings(ctx, set)
}

// LeaveOut takes sessions out of what a change will make, with the reasons, by
// session id. The plan in force is void with it, since it has them. Twice is the
// same as once; refused (conflict) while anything of it is under way on a router.
func (d *DB) LeaveOut(ctx context.Context, changeID int64, omitted map[int64]peering.Omission) error {
	return d.Write(ctx, actorOf(changeID), func(tx *Tx) error {
		change, err := tx.lockChange(ctx, changeID)
		if err != nil {
			return err
		}
		before, err := tx.openOperations(ctx, changeID)
		if err != nil {
			return err
		}
		var left []peering.Operation
		for _, op := range before {
			o, out := omitted[op.ObjectID]
			if !out || op.Object != peering.ObjectSession || op.Action != peering.Create {
				left = append(left, op)
				continue
			}
			change.Omissions = append(change.Omissions, o)
		}
		if len(left) == len(before) {
			return nil
		}
		if !plannable(change.State) {
			return peering.Errorf(peering.Conflict, "change %d is %s: what it does can't change any more", changeID, change.State)
		}
		if change.PlanID != 0 {
			if err := tx.voidPlan(ctx, change, "sessions left it that the router has by somebody else's hand"); err != nil {
				return err
			}
		}
		found := peering.Findings{Omitted: change.Omissions, Ask: change.Ask, Stale: change.Stale}
		if err := tx.setFindings(ctx, changeID, found); err != nil {
			return err
		}
		_, err = tx.putOperations(ctx, changeID, left)
		return err
	})
}

// overlayOpen reports states before people are asked to approve what a change does.
func overlayOpen(s peering.ChangeState) bool {
	return s == peering.ChangeDraft || s == peering.ChangePlanned || s == peering.ChangeStale
}

// plannable reports states in which a plan may take another's place: nothing is
// under way on a router.
func plannable(s peering.ChangeState) bool {
	return !s.Ended() && s != peering.ChangeDeploying && s != peering.ChangeNeedsOperator
}

// completeOperations gives operations as they would be recorded, beside those that
// are. One that can't be, or that names what isn't there, is refused by its number.
func (tx *Tx) completeOperations(ctx context.Context, changeID int64, ops []peering.Operation) (completed, before []peering.Operation, err error) {
	if before, err = tx.openOperations(ctx, changeID); err != nil {
		return nil, nil, err
	}
	known, edited := createdIDs(before), editedRouters(ops)
	completed = make([]peering.Operation, 0, len(ops))
	for i, op := range ops {
		if op, err = tx.complete(ctx, op, known, edited); err != nil {
			return nil, nil, fmt.Errorf("operation %d: %w", i+1, err)
		}
		completed = append(completed, op)
	}
	return completed, before, tx.refuseMissing(ctx, completed)
}

// sameOperations compares all but the rows' own ids.
func sameOperations(before, after []peering.Operation) bool {
	return slices.EqualFunc(before, after, func(a, b peering.Operation) bool {
		return a.RouterID == b.RouterID && a.Object == b.Object && a.ObjectID == b.ObjectID && a.Action == b.Action &&
			a.BaseVersion == b.BaseVersion && sameJSON(a.Patch, b.Patch)
	})
}

// sameJSON compares values, since PostgreSQL keeps neither spaces nor the order of keys.
func sameJSON(a, b []byte) bool {
	var x, y any
	if json.Unmarshal(a, &x) != nil || json.Unmarshal(b, &y) != nil {
		return false
	}
	return reflect.DeepEqual(x, y)
}

// putOperations replaces the open operations of a change that is held.
func (tx *Tx) putOperations(ctx context.Context, changeID int64, ops []peering.Operation) ([]peering.Operation, error) {
	if err := tx.q.OperationDeleteOpen(ctx, changeID); err != nil {
		return nil, err
	}
	position, err := tx.q.OperationNextPosition(ctx, changeID)
	if err != nil {
		return nil, err
	}
	recorded := slices.Clone(ops)
	for i := range recorded {
		if recorded[i].ID, err = tx.insertOperation(ctx, changeID, position+int32(i), recorded[i]); err != nil {
			return nil, err
		}
	}
	return recorded, nil
}

func (tx *Tx) insertOperation(ctx context.Context, changeID int64, position int32, op peering.Operation) (int64, error) {
	return tx.q.OperationInsert(ctx, dbsqlc.OperationInsertParams{ChangeID: changeID, Position: position, RouterID: orNull(op.RouterID),
		Object: dbsqlc.OperationObject(op.Object), ObjectID: op.ObjectID, Action: dbsqlc.OperationAction(op.Action),
		Patch: op.Patch, BaseVersion: op.BaseVersion})
}

// complete fills what an operation lacks: the id of a new object, or the row
// version that the patch was written against.
func (tx *Tx) complete(ctx context.Context, op peering.Operation, known map[string]int64, edited map[int64]bool) (peering.Operation, error) {
	switch {
	case !dbsqlc.OperationObject(op.Object).Valid():
		return op, peering.Errorf(peering.Unsupported, "a change can't carry a %q", op.Object)
	case !dbsqlc.OperationAction(op.Action).Valid():
		return op, peering.Errorf(peering.Invalid, "there is no action %q: create, update or delete", op.Action)
	case op.Action == peering.Create:
		return tx.completeCreate(ctx, op, known, edited)
	}
	op.Patch = object(op.Patch)
	record := map[string]json.RawMessage{}
	if err := json.Unmarshal(op.Patch, &record); err != nil {
		return op, peering.Errorf(peering.Invalid, "the patch of %s %d is no JSON object: %w", op.Object, op.ObjectID, err)
	}
	if err := sameRouter(op, record); err != nil {
		return op, err
	}
	version, err := tx.q.ObjectVersion(ctx, dbsqlc.ObjectVersionParams{Object: dbsqlc.OperationObject(op.Object), ID: op.ObjectID})
	switch {
	case err != nil:
		return op, err
	case version == 0:
		return op, missing(string(op.Object), op.ObjectID)
	case op.BaseVersion == 0:
		op.BaseVersion = version
	}
	if op, err = appliers[op.Object].place(ctx, tx, op); err != nil || op.Action == peering.Delete {
		return op, err
	}
	return op, appliers[op.Object].check(ctx, tx, op, edited)
}

// sameRouter refuses a session that would be recorded on another router than the
// one that the operation is deployed to.
func sameRouter(op peering.Operation, record map[string]json.RawMessage) error {
	router, named := record["router_id"]
	if op.Object != peering.ObjectSession || !named && op.Action != peering.Create || string(router) == strconv.FormatInt(op.RouterID, 10) {
		return nil
	}
	if op.RouterID == 0 && op.Action != peering.Create { // place fills it in, and holds the two against each other
		return nil
	}
	return peering.Errorf(peering.Invalid, "the session's router_id isn't the operation's (%d): name the same router in both; a session moves to another one by delete and create", op.RouterID)
}

func (tx *Tx) completeCreate(ctx context.Context, op peering.Operation, known map[string]int64, edited map[int64]bool) (peering.Operation, error) {
	record := map[string]json.RawMessage{}
	if err := json.Unmarshal(op.Patch, &record); err != nil {
		return op, peering.Errorf(peering.Invalid, "the new %s is no JSON object: %w", op.Object, err)
	}
	if err := sameRouter(op, record); err != nil {
		return op, err
	}
	if op.ObjectID == 0 {
		op.ObjectID = known[createKey(op)]
	}
	if op.ObjectID == 0 {
		id, err := tx.q.ObjectNewID(ctx, dbsqlc.OperationObject(op.Object))
		if err != nil {
			return op, err
		}
		op.ObjectID = id
	}
	if op.Object == peering.ObjectSession {
		if err := tx.namePeering(ctx, op.Patch, record); err != nil {
			return op, err
		}
	}
	if op, err := appliers[op.Object].place(ctx, tx, op); err != nil {
		return op, err
	}
	record["id"] = json.RawMessage(strconv.FormatInt(op.ObjectID, 10)) // so that the record that is rendered knows itself
	patch, err := json.Marshal(record)
	op.Patch, op.BaseVersion = patch, 0
	if err != nil {
		return op, err
	}
	return op, appliers[op.Object].check(ctx, tx, op, edited)
}

// editedRouters are the routers whose records operations edit.
func editedRouters(ops []peering.Operation) map[int64]bool {
	ids := map[int64]bool{}
	for _, op := range ops {
		if op.Object == peering.ObjectRouter {
			ids[op.ObjectID] = true
		}
	}
	return ids
}

// createdIDs are the ids that earlier operations gave to new objects.
func createdIDs(ops []peering.Operation) map[string]int64 {
	ids := map[string]int64{}
	for _, op := range ops {
		if op.Action == peering.Create {
			ids[createKey(op)] = op.ObjectID
		}
	}
	return ids
}

// identity names the fields that make an object the same one before it has an id.
var identity = []string{"slug", "name", "asn", "ixp_id", "exchange_id", "vrf", "peer_address", "interface", "ipv4", "ipv6"}

func createKey(op peering.Operation) string {
	var record map[string]json.RawMessage
	_ = json.Unmarshal(op.Patch, &record) // an operation whose patch is no object was refused before
	key := []string{string(op.Object), fmt.Sprint(op.RouterID)}
	for _, field := range identity {
		if v, ok := record[field]; ok && string(v) != `""` {
			key = append(key, fmt.Sprintf("%s=%s", field, v))
		}
	}
	return strings.Join(key, " ")
}

// Overlay lists the operations that are neither applied nor discarded.
func (d *DB) Overlay(ctx context.Context, changeID int64) ([]peering.Operation, error) {
	rows, err := d.q.OperationOpenList(ctx, changeID)
	if err != nil {
		return nil, translate(err)
	}
	return operationsOf(rows), nil
}

func (tx *Tx) openOperations(ctx context.Context, changeID int64) ([]peering.Operation, error) {
	rows, err := tx.q.OperationOpenList(ctx, changeID)
	return operationsOf(rows), err
}

func operationsOf(rows []dbsqlc.ChangeOperation) []peering.Operation {
	ops := make([]peering.Operation, len(rows))
	for i, r := range rows {
		ops[i] = operationOf(r)
	}
	return ops
}

func operationOf(r dbsqlc.ChangeOperation) peering.Operation {
	return peering.Operation{ID: r.ID, RouterID: orZero(r.RouterID), Object: peering.ObjectKind(r.Object), ObjectID: r.ObjectID,
		Action: peering.Action(r.Action), Patch: r.Patch, BaseVersion: r.BaseVersion}
}

// RecordedOperation is an operation with what became of it.
type RecordedOperation struct {
	peering.Operation
	AppliedAt   time.Time `json:"applied_at,omitzero"`
	DiscardedAt time.Time `json:"discarded_at,omitzero"`
}

// Operations lists all operations of a change, in order.
func (d *DB) Operations(ctx context.Context, changeID int64) ([]RecordedOperation, error) {
	rows, err := d.q.OperationList(ctx, changeID)
	if err != nil {
		return nil, translate(err)
	}
	ops := make([]RecordedOperation, len(rows))
	for i, r := range rows {
		ops[i] = RecordedOperation{Operation: operationOf(r), AppliedAt: timeOrZero(r.AppliedAt), DiscardedAt: timeOrZero(r.DiscardedAt)}
	}
	return ops, nil
}

// apply puts operations into the noun tables; over is recording's.
func (tx *Tx) apply(ctx context.Context, ops []peering.Operation, over bool) error {
	if len(ops) == 0 {
		return nil
	}
	if err := applyOperations(ctx, tx, ops, over); err != nil {
		return err
	}
	ids := make([]int64, len(ops))
	for i, op := range ops {
		ids[i] = op.ID
	}
	return tx.q.OperationMarkApplied(ctx, ids)
}

// applyOpen applies all that is left of an overlay: the routers run it already.
func (tx *Tx) applyOpen(ctx context.Context, changeID int64) error {
	ops, err := tx.openOperations(ctx, changeID)
	if err != nil {
		return err
	}
	if err := tx.apply(ctx, ops, false); err != nil {
		return err
	}
	for router, sessions := range sessionsByRouter(ops) {
		if err := tx.syncSessions(ctx, router, sessions); err != nil {
			return err
		}
	}
	return nil
}

// sessionsByRouter lists the sessions that operations leave behind.
func sessionsByRouter(ops []peering.Operation) map[int64][]int64 {
	sessions := map[int64][]int64{}
	for _, op := range ops {
		if op.Object == peering.ObjectSession && op.Action != peering.Delete {
			sessions[op.RouterID] = append(sessions[op.RouterID], op.ObjectID)
		}
	}
	return sessions
}
