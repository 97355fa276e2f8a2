package db

import (
	"context"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"time"

	"peerflow/db/internal/dbsqlc"
	"peerflow/internal/peering"
)

// watchFor is how long a session that is new to its router may wait for the
// other side before people hear of it.
const watchFor = 14 * 24 * time.Hour

// EndDeployment writes a terminal state. Confirmed applies this router's
// operations (and the shared ones with the change's last router, or with the
// first that needs them), moves the
// ledger and sets sessions in_sync, all in the same transaction. When the
// overlay no longer fits the records, the router is right and the record isn't:
// the deployment becomes needs_operator and says why. One that a person resolves
// is recorded over edits that came after it. Failed means that nothing
// was written, and is refused once the commit was sent. What ended stays; the
// same end again is no error.
func (d *DB) EndDeployment(ctx context.Context, id int64, e peering.DeploymentEnd) error {
	if !e.State.Ended() && e.State != peering.DeploymentNeedsOperator {
		return peering.Errorf(peering.Invalid, "%s is no end of a deployment", e.State)
	}
	return d.onDeployment(ctx, id, func(tx *Tx, change peering.Change, dep peering.Deployment) error {
		if dep.State == e.State {
			return nil
		}
		if err := dep.State.To(e.State); err != nil {
			return err
		}
		if e.State == peering.DeploymentFailed && !dep.CommitSentAt.IsZero() {
			return peering.Errorf(peering.Conflict, "deployment %d has sent its commit meanwhile: only a read of the router says how it ends", id)
		}
		if e.State == peering.DeploymentConfirmed && dep.State == peering.DeploymentProposed {
			if err := tx.checkPasted(ctx, change, dep); err != nil {
				return err
			}
		}
		if dep.Mode == peering.Propose { // a poll that read before compares with what isn't recorded any more
			if _, err := tx.q.DeploymentNextFence(ctx, dep.RouterID); err != nil {
				return err
			}
		}
		if e.State == peering.DeploymentConfirmed {
			return tx.endConfirmed(ctx, change, dep, e)
		}
		if e.Stanzas != nil {
			absent := dbsqlc.LedgerAbsentUnconfirmedParams{RouterID: dep.RouterID, DeploymentID: dep.ID, Keys: keysOf(e.Stanzas)}
			if err := tx.q.LedgerAbsentUnconfirmed(ctx, absent); err != nil {
				return err
			}
		}
		if err := tx.moveDeployment(ctx, dep, e.State, e.Outcome); err != nil {
			return err
		}
		return tx.syncUnconfirmed(ctx, change, dep, e.State)
	})
}

func (tx *Tx) endConfirmed(ctx context.Context, change peering.Change, dep peering.Deployment, e peering.DeploymentEnd) error {
	if err := tx.checkLedger(ctx, dep, e); err != nil {
		return err
	}
	refusal, err := tx.try(ctx, func(inner *Tx) error { return inner.applyOverlay(ctx, change, dep) })
	if err != nil {
		return err
	}
	if err := tx.moveLedger(ctx, dep, e.Stanzas); err != nil {
		return err
	}
	if refusal != nil {
		text := fmt.Sprintf("the router runs the change for good, but it can't be recorded: %v", refusal)
		if dep.State == peering.DeploymentNeedsOperator {
			return peering.Errorf(peering.Conflict, "%s: mend that record, then run peerflow change resolve %d again", text, change.ID)
		}
		text += fmt.Sprintf(": peerflow change resolve %d records it over later edits; another record in its place has to go first", change.ID)
		return tx.moveDeployment(ctx, dep, peering.DeploymentNeedsOperator, text)
	}
	if err := tx.armGuards(ctx, dep); err != nil {
		return err
	}
	if err := tx.noteDeployed(ctx, dep); err != nil {
		return err
	}
	if err := tx.q.DeploymentSetConfirmed(ctx, dep.ID); err != nil {
		return err
	}
	return tx.moveDeployment(ctx, dep, peering.DeploymentConfirmed, e.Outcome)
}

// noteDeployed keeps who the sessions are that the router runs now, and what protects them.
func (tx *Tx) noteDeployed(ctx context.Context, dep peering.Deployment) error {
	plan, err := readPlan(ctx, tx.q, dep.PlanID)
	if err != nil {
		return err
	}
	put := dbsqlc.DeployedSessionPutParams{RouterID: dep.RouterID, DeploymentID: dep.ID, Vrfs: []string{}, Neighbors: []netip.Addr{}, PeerAsns: []int64{}, Protected: []string{}}
	for _, r := range plan.Routers {
		for _, t := range r.Touched {
			if r.RouterID != dep.RouterID {
				continue
			}
			gone := t.From
			if t.Removed {
				gone = t.Neighbor
			}
			if gone.IsValid() {
				if err := tx.q.DeployedSessionDelete(ctx, dbsqlc.DeployedSessionDeleteParams{RouterID: dep.RouterID, Vrf: t.VRF, Neighbor: gone}); err != nil {
					return err
				}
			}
			if !t.Removed && t.SessionID != 0 {
				put.Vrfs, put.Neighbors = append(put.Vrfs, t.VRF), append(put.Neighbors, t.Neighbor)
				put.PeerAsns, put.Protected = append(put.PeerAsns, int64(t.PeerAS)), append(put.Protected, t.Protects)
			}
		}
	}
	return tx.q.DeployedSessionPut(ctx, put)
}

// checkLedger refuses a confirmed end without the read that proves it: it would
// let go of every stanza that we own there.
func (tx *Tx) checkLedger(ctx context.Context, dep peering.Deployment, e peering.DeploymentEnd) error {
	if e.Stanzas != nil || dep.ArtifactHash == peering.HashText("") {
		return nil
	}
	return peering.Errorf(peering.Invalid, "deployment %d ends confirmed without the stanzas that the router runs", dep.ID)
}

// try runs fn so that a domain refusal undoes what fn did and nothing else; any
// other error ends the transaction.
func (tx *Tx) try(ctx context.Context, fn func(*Tx) error) (refusal, err error) {
	nested, err := tx.pgx.Begin(ctx)
	if err != nil {
		return nil, err
	}
	err = fn(&Tx{pgx: nested, q: tx.q.WithTx(nested), actor: tx.actor, trial: tx.trial})
	if err == nil {
		return nil, nested.Commit(ctx)
	}
	switch peering.KindOf(translate(err)) {
	case "", peering.Unavailable:
		return nil, err
	}
	return translate(err), nested.Rollback(ctx)
}

// applyOverlay records what this router now runs. The last router of the plan
// takes the shared objects along, and what no router of the plan renders; an
// earlier one those that come with the change and that its own objects name.
func (tx *Tx) applyOverlay(ctx context.Context, change peering.Change, dep peering.Deployment) error {
	ops, err := tx.openOperations(ctx, change.ID)
	if err != nil {
		return err
	}
	left, err := tx.q.DeploymentRoutersLeft(ctx, dbsqlc.DeploymentRoutersLeftParams{PlanID: dep.PlanID, RouterID: dep.RouterID})
	if err != nil {
		return err
	}
	if left > 0 {
		if ops, err = tx.operationsOf(ctx, ops, dep.RouterID); err != nil {
			return err
		}
	}
	if err := tx.apply(ctx, ops, dep.State == peering.DeploymentNeedsOperator); err != nil {
		return err
	}
	sessions := sessionsByRouter(ops)
	touched, err := tx.touchedSessions(ctx, dep)
	if err != nil {
		return err
	}
	sessions[dep.RouterID] = append(sessions[dep.RouterID], touched...)
	for _, router := range slices.Sorted(maps.Keys(sessions)) {
		if err := tx.syncSessions(ctx, router, sessions[router]); err != nil {
			return err
		}
	}
	return nil
}

// operationsOf are those of one router, with the shared objects that they name and that come with the change.
func (tx *Tx) operationsOf(ctx context.Context, ops []peering.Operation, routerID int64) ([]peering.Operation, error) {
	own := func(op peering.Operation) bool { return op.RouterID == routerID }
	missing, err := tx.missing(ctx, keep(ops, own))
	if missing == nil {
		return keep(ops, own), err
	}
	return keep(ops, func(op peering.Operation) bool { return own(op) || op.RouterID == 0 && op.Action == peering.Create }), err
}

func keep(ops []peering.Operation, which func(peering.Operation) bool) []peering.Operation {
	return slices.DeleteFunc(slices.Clone(ops), func(op peering.Operation) bool { return !which(op) })
}

// touchedSessions are those that the plan reached on this router.
func (tx *Tx) touchedSessions(ctx context.Context, dep peering.Deployment) ([]int64, error) {
	plan, err := readPlan(ctx, tx.q, dep.PlanID)
	if err != nil {
		return nil, err
	}
	var ids []int64
	for _, r := range plan.Routers {
		for _, t := range r.Touched {
			if r.RouterID == dep.RouterID && t.SessionID != 0 {
				ids = append(ids, t.SessionID)
			}
		}
	}
	return ids, nil
}

// NoteOperator notes why a deployment still needs an operator, for the one who
// tried to resolve it. Elsewhere it changes nothing.
func (d *DB) NoteOperator(ctx context.Context, id int64, text string) error {
	return d.onDeployment(ctx, id, func(tx *Tx, _ peering.Change, dep peering.Deployment) error {
		if dep.State != peering.DeploymentNeedsOperator || dep.Outcome == text {
			return nil
		}
		move := dbsqlc.DeploymentMoveParams{ID: id, State: dbsqlc.DeploymentStateNeedsOperator, Outcome: text}
		if err := tx.q.DeploymentMove(ctx, move); err != nil {
			return err
		}
		return tx.Emit(ctx, "deployment", dep.ChangeID, id, "not_resolved", map[string]any{"outcome": text})
	})
}

// moveLedger sets the ledger to what the router runs of ours.
func (tx *Tx) moveLedger(ctx context.Context, dep peering.Deployment, stanzas map[string]string) error {
	keys := keysOf(stanzas)
	hashes := make([]string, len(keys))
	for i, k := range keys {
		hashes[i] = stanzas[k]
	}
	put := dbsqlc.LedgerPutParams{RouterID: dep.RouterID, DeploymentID: dep.ID, PlanID: dep.PlanID, Keys: keys, Hashes: hashes}
	if err := tx.q.LedgerPut(ctx, put); err != nil {
		return err
	}
	return tx.q.LedgerAbsent(ctx, dbsqlc.LedgerAbsentParams{RouterID: dep.RouterID, DeploymentID: dep.ID, Keys: keys})
}

// keysOf is never nil: NULL would compare with nothing.
func keysOf(m map[string]string) []string {
	return append([]string{}, slices.Sorted(maps.Keys(m))...)
}

// FreezeRouter freezes a router in peerflow's own name, once per reason.
func (d *DB) FreezeRouter(ctx context.Context, routerID int64, reason string) error {
	actor := peering.Actor{Kind: peering.ActorSystem, Name: "peerflow"}
	return d.Write(ctx, actor, func(tx *Tx) error {
		if err := tx.q.LockName(ctx, freezeLock); err != nil {
			return err
		}
		present, err := tx.q.FreezeOwnExists(ctx, dbsqlc.FreezeOwnExistsParams{RouterID: routerID, Reason: reason})
		if err != nil || present {
			return err
		}
		_, err = tx.insertFreeze(ctx, peering.Freeze{Scope: peering.FreezeRouter, RouterID: routerID, Reason: reason})
		return err
	})
}
