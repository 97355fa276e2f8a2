package db

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"peerflow/db/internal/dbsqlc"
	"peerflow/internal/peering"
)

// NewChange is a wish as a door got it.
type NewChange struct {
	Kind    peering.ChangeKind
	Reason  string
	Request peering.ChangeRequest
	// Key is the caller's Idempotency-Key, "" without one; BodyHash tells
	// whether the same key comes with the same request. Both live for 24 hours.
	Key      string
	BodyHash string
}

// CreateChange records a draft, its overlay, the caller's key and the workflow
// to start, in one transaction. The same key again answers the change that it
// made and true; with another body it is a conflict.
func (d *DB) CreateChange(ctx context.Context, actor peering.Actor, n NewChange) (change peering.Change, replayed bool, err error) {
	if err := n.check(actor); err != nil {
		return peering.Change{}, false, err
	}
	err = d.Write(ctx, actor, func(tx *Tx) error {
		id, err := tx.replayOf(ctx, n)
		if err != nil {
			return err
		}
		if replayed = id != 0; !replayed {
			if id, err = tx.insertChange(ctx, n); err != nil {
				return err
			}
		}
		change, err = tx.change(ctx, id)
		return err
	})
	return change, replayed, err
}

func (n NewChange) check(actor peering.Actor) error {
	operates := n.Request.Operations != nil || len(n.Request.Routers) > 0
	switch {
	case !actor.May(peering.Operator):
		return peering.NewError(peering.Denied, "opening a change needs the role operator")
	case actor.UserID == 0:
		return peering.NewError(peering.Denied, "a change has a person as its author: log in")
	case !dbsqlc.ChangeKind(n.Kind).Valid():
		return peering.Errorf(peering.Invalid, "there is no change of kind %q", n.Kind)
	case n.Kind == peering.KindProvision && n.Request.ASN == 0:
		return peering.NewError(peering.Invalid, "provisioning needs the peer's AS number (asn)")
	case n.Kind == peering.KindDeploy && len(n.Request.Routers) == 0:
		return peering.NewError(peering.Invalid, "deploying pending edits needs the routers (router_ids)")
	case n.Kind != peering.KindProvision && !operates:
		return peering.Errorf(peering.Invalid, "a change of kind %s needs its operations, or the routers it is for", n.Kind)
	}
	return nil
}

// replayOf gives the change that the caller's key made, 0 when it made none.
func (tx *Tx) replayOf(ctx context.Context, n NewChange) (int64, error) {
	if n.Key == "" {
		return 0, nil
	}
	if err := tx.q.LockName(ctx, fmt.Sprintf("idempotency/%d/%s", tx.actor.UserID, n.Key)); err != nil {
		return 0, err
	}
	row, err := tx.q.IdempotencyGet(ctx, dbsqlc.IdempotencyGetParams{UserID: tx.actor.UserID, Key: n.Key})
	switch {
	case errors.Is(err, pgx.ErrNoRows):
		return 0, nil
	case err != nil:
		return 0, err
	case row.BodyHash != n.BodyHash:
		return 0, peering.Errorf(peering.Conflict, "this Idempotency-Key made change %d from another request: use a new key", row.ChangeID)
	}
	return row.ChangeID, nil
}

func (tx *Tx) insertChange(ctx context.Context, n NewChange) (int64, error) {
	request, err := json.Marshal(n.Request)
	if err != nil {
		return 0, err
	}
	if n.Kind == peering.KindProvision {
		if ours, err := tx.q.ASNIsOurs(ctx, int64(n.Request.ASN)); err != nil || ours {
			return 0, cmp.Or(err, peering.WithOurselves(n.Request.ASN))
		}
	}
	id, err := tx.q.ChangeInsert(ctx, dbsqlc.ChangeInsertParams{Kind: dbsqlc.ChangeKind(n.Kind), AuthorID: tx.actor.UserID,
		Reason: n.Reason, Request: request})
	if err != nil {
		return 0, err
	}
	tx.actor.ChangeID = id
	ops, _, err := tx.completeOperations(ctx, id, n.Request.Operations)
	if err != nil {
		return 0, err
	}
	if _, err := tx.putOperations(ctx, id, ops); err != nil {
		return 0, err
	}
	if n.Key != "" {
		put := dbsqlc.IdempotencyPutParams{UserID: tx.actor.UserID, Key: n.Key, BodyHash: n.BodyHash, ChangeID: id}
		if err := tx.q.IdempotencyPut(ctx, put); err != nil {
			return 0, err
		}
	}
	if err := tx.q.StartInsert(ctx, startOf(id, n.Kind)); err != nil {
		return 0, err
	}
	return id, tx.Log(ctx, "change", id, "draft", nil, map[string]any{"kind": n.Kind, "reason": n.Reason, "request": n.Request})
}

// Change gives one change; not_found when there is none.
func (d *DB) Change(ctx context.Context, id int64) (peering.Change, error) {
	row, err := d.q.ChangeGet(ctx, id)
	if errors.Is(err, pgx.ErrNoRows) {
		return peering.Change{}, missing("change", id)
	}
	if err != nil {
		return peering.Change{}, translate(err)
	}
	return changeOf(row.Change, row.Author, row.PlanHash)
}

func (tx *Tx) change(ctx context.Context, id int64) (peering.Change, error) {
	row, err := tx.q.ChangeGet(ctx, id)
	if errors.Is(err, pgx.ErrNoRows) {
		return peering.Change{}, missing("change", id)
	}
	if err != nil {
		return peering.Change{}, err
	}
	return changeOf(row.Change, row.Author, row.PlanHash)
}

// lockChange holds a change until the transaction ends, and gives it as the
// holder before left it. It comes before any lock on a deployment or a router.
func (tx *Tx) lockChange(ctx context.Context, id int64) (peering.Change, error) {
	if _, err := tx.q.ChangeLock(ctx, id); err != nil {
		if errors.Is(err, pgx.ErrNoRows) {
			return peering.Change{}, missing("change", id)
		}
		return peering.Change{}, err
	}
	return tx.change(ctx, id)
}

func changeOf(c dbsqlc.Change, author, planHash string) (peering.Change, error) {
	change := peering.Change{
		Meta: peering.Meta{ID: c.ID, Version: c.Version, CreatedAt: c.CreatedAt.UTC(), UpdatedAt: c.UpdatedAt.UTC()},
		Kind: peering.ChangeKind(c.Kind), AuthorID: c.AuthorID, Author: author, Reason: c.Reason,
		State: peering.ChangeState(c.State), Step: c.Step, PlanID: orZero(c.PlanID), PlanHash: planHash, Outcome: c.Outcome, ApprovedBy: c.ApprovedBy,
		ExpiresAt: timeOrZero(c.ExpiresAt), EndedAt: timeOrZero(c.EndedAt),
	}
	err := errors.Join(json.Unmarshal(c.Request, &change.Request), json.Unmarshal(c.Omissions, &change.Omissions), json.Unmarshal(c.Ask, &change.Ask))
	if c.StaleView != nil {
		err = errors.Join(err, json.Unmarshal(c.StaleView, &change.Stale))
	}
	if err != nil {
		return peering.Change{}, fmt.Errorf("read change %d: %w", c.ID, err)
	}
	return change, nil
}

// MoveChange sets state and step after checking the transition under the row's
// lock; the state it already has only updates step and outcome. A change that
// completes without a deployment (the routers run it already, as NoteUnmoved
// recorded) applies its overlay; any other end discards what is left of it. A change that was cancelled
// ends there instead, and one that a router runs already ends partial.
func (d *DB) MoveChange(ctx context.Context, id int64, to peering.ChangeState, step, outcome string) error {
	return d.Write(ctx, actorOf(id), func(tx *Tx) error {
		change, err := tx.lockChange(ctx, id)
		if err != nil {
			return err
		}
		to, outcome, err := tx.bound(ctx, change, to, outcome)
		if err != nil {
			return err
		}
		if err := tx.refuseEndInFlight(ctx, change, to); err != nil {
			return err
		}
		if to == peering.ChangeCompleted && !change.State.Ended() && change.State != peering.ChangeDeploying {
			if err := tx.completeUnmoved(ctx, change); err != nil {
				return err
			}
		}
		return tx.moveChange(ctx, change, to, step, outcome)
	})
}

// completeUnmoved applies what the routers run already. Who says so has to have
// read it: a workflow that was told so by anybody completes nothing.
func (tx *Tx) completeUnmoved(ctx context.Context, c peering.Change) error {
	unmoved, err := tx.q.ChangeUnmoved(ctx, c.ID)
	if err != nil {
		return err
	}
	if !unmoved {
		return peering.Errorf(peering.Conflict, "change %d can't complete without a deployment: planning didn't find that the routers run it", c.ID)
	}
	if err := tx.applyOpen(ctx, c.ID); err != nil || c.Kind != peering.KindDeploy {
		return err
	}
	for _, router := range c.Request.Routers {
		if err := tx.syncUnmoved(ctx, router); err != nil {
			return err
		}
	}
	return nil
}

// NoteUnmoved records that planning read the routers and found that they run a change already.
func (d *DB) NoteUnmoved(ctx context.Context, id int64) error {
	return translate(d.q.ChangeNoteUnmoved(ctx, id))
}

// refuseEndInFlight keeps a change open while a router may run base or artifact
// of it, by our hand or by that of the person it was proposed to: its end is what the deployments say, and then SettleChange writes it.
func (tx *Tx) refuseEndInFlight(ctx context.Context, c peering.Change, to peering.ChangeState) error {
	if !to.Ended() || c.State.Ended() {
		return nil
	}
	flying, err := tx.q.DeploymentOpenOfChange(ctx, c.ID)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil
	}
	if err != nil {
		return err
	}
	return peering.Errorf(peering.Conflict, "change %d can't become %s while deployment %d is %s on router %s", c.ID, to,
		flying.Deployment.ID, flying.Deployment.State, flying.Router)
}

// actorOf is the workflow that leads a change.
func actorOf(changeID int64) peering.Actor {
	return peering.Actor{Kind: peering.ActorWorkflow, Name: fmt.Sprintf("change/%d", changeID), ChangeID: changeID}
}

func (tx *Tx) moveChange(ctx context.Context, c peering.Change, to peering.ChangeState, step, outcome string) error {
	if c.State == to {
		return tx.stepChange(ctx, c, step, outcome)
	}
	if err := c.State.To(to); err != nil {
		return err
	}
	move := dbsqlc.ChangeMoveParams{ID: c.ID, State: dbsqlc.ChangeState(to), Step: step, Outcome: outcome, Ended: to.Ended(),
		ExpiresAt: time.Now().Add(peering.ApprovalPatience)}
	if err := tx.q.ChangeMove(ctx, move); err != nil {
		return err
	}
	if err := tx.noteApproval(ctx, c, to); err != nil {
		return err
	}
	if to.Ended() {
		if err := errors.Join(tx.q.OperationDiscardOpen(ctx, c.ID), tx.q.CommandHandleAll(ctx, c.ID)); err != nil {
			return err
		}
	}
	return tx.Log(ctx, "change", c.ID, string(to), map[string]any{"state": c.State},
		map[string]any{"state": to, "step": step, "outcome": outcome})
}

// stepChange tells what goes on within a state; a change that ended stays as it is.
func (tx *Tx) stepChange(ctx context.Context, c peering.Change, step, outcome string) error {
	if c.State.Ended() || c.Step == step && c.Outcome == outcome {
		return nil
	}
	move := dbsqlc.ChangeMoveParams{ID: c.ID, State: dbsqlc.ChangeState(c.State), Step: step, Outcome: outcome, ExpiresAt: c.ExpiresAt}
	if err := tx.q.ChangeMove(ctx, move); err != nil {
		return err
	}
	return tx.Emit(ctx, "change", c.ID, c.ID, "step", map[string]any{"state": c.State, "step": step, "outcome": outcome})
}

// ConflictingChange is the first other open change with an operation on an
// object of this one's overlay, 0 when there is none: the later one waits for
// the earlier, and every one for those that deploy already.
func (d *DB) ConflictingChange(ctx context.Context, changeID int64) (int64, error) {
	id, err := d.q.ChangeConflicting(ctx, changeID)
	return id, translate(err)
}

// WaitingChanges lists other open changes whose plan or overlay reaches the router.
func (d *DB) WaitingChanges(ctx context.Context, routerID, except int64) ([]int64, error) {
	ids, err := d.q.ChangeWaiting(ctx, dbsqlc.ChangeWaitingParams{RouterID: routerID, ExceptID: except})
	return ids, translate(err)
}

var changeList = listing{
	table:  "change",
	newest: true,
	search: []string{"t.reason", "t.step", "t.outcome"},
	fields: map[string]field{
		"kind":       oneOf(dbsqlc.AllChangeKindValues, "t.kind"),
		"state":      oneOf(dbsqlc.AllChangeStateValues, "t.state"),
		"author":     {expr: "u.name", join: "app_user u ON u.id = t.author_id", kind: word},
		"author_id":  {expr: "t.author_id", kind: number},
		"reason":     {expr: "t.reason", kind: word},
		"asn":        {expr: "(t.request->>'asn')::bigint", kind: asNumber},
		"expires_at": {expr: "t.expires_at", kind: moment},
		"ended_at":   {expr: "t.ended_at", kind: moment},
	},
}

// ChangeFilters describes the filters of ListChanges. Router_id means the
// routers of a change's plan and overlay.
func (d *DB) ChangeFilters() []peering.FilterField {
	reaches := peering.FilterField{Name: "router_id", Type: number.name}
	return append(changeList.describe(), reaches)
}

// ListChanges lists changes, newest first unless the page asks for another order.
func (d *DB) ListChanges(ctx context.Context, filters []peering.Filter, page peering.Page) (list peering.List[peering.Change], err error) {
	q, err := changeQuery(filters, page)
	if err != nil {
		return list, err
	}
	err = d.read(ctx, func(tx pgx.Tx, queries *dbsqlc.Queries) error {
		ids, next, err := q.ids(ctx, tx)
		if err != nil {
			return err
		}
		rows, err := queries.ChangeListByID(ctx, ids)
		if err != nil {
			return err
		}
		list = peering.List[peering.Change]{Items: make([]peering.Change, len(rows)), Next: next}
		for i, r := range rows {
			if list.Items[i], err = changeOf(r.Change, r.Author, r.PlanHash); err != nil {
				return err
			}
		}
		if q.down {
			slices.Reverse(list.Items) // loaded by id
		}
		return nil
	})
	return list, err
}

// changeQuery takes the filter router_id out: a change reaches any number of routers.
func changeQuery(filters []peering.Filter, page peering.Page) (listQuery, error) {
	var routers []string
	var rest []peering.Filter
	for _, f := range filters {
		if f.Field != "router_id" || f.Op != "" {
			rest = append(rest, f)
			continue
		}
		for _, v := range f.Values {
			if _, err := strconv.ParseInt(v, 10, 64); err != nil {
				return listQuery{}, peering.Errorf(peering.Invalid, "filter router_id: %q doesn't fit: it is no number", clip(v))
			}
			routers = append(routers, v)
		}
	}
	q, err := changeList.query(rest, page)
	if err != nil || routers == nil {
		return q, err
	}
	reaching := changeList
	reaching.table = fmt.Sprintf(changesReaching, strings.Join(routers, ", ")) // numbers, as checked above
	return reaching.query(rest, page)
}

// changesReaching are the changes whose plan in force or overlay names one of these routers.
const changesReaching = `(SELECT c.* FROM change c WHERE c.id IN (
	SELECT o.change_id FROM change_operation o WHERE o.router_id IN (%[1]s)
	UNION SELECT p.change_id FROM plan p JOIN plan_router r ON r.plan_id = p.id WHERE p.voided_at IS NULL AND r.router_id IN (%[1]s)))`
