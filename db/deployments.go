package db

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"peerflow/db/internal/dbsqlc"
	"peerflow/internal/peering"
)

// beginSlack is added to timer and begin for the first deadline: the commit
// follows at once, and sets its own.
const beginSlack = time.Minute

// SubmitDeployment inserts the queued row, or gives the one that exists. Only
// the plan in force of an approved change may be submitted.
func (d *DB) SubmitDeployment(ctx context.Context, changeID, planID, routerID int64) (id int64, err error) {
	err = d.Write(ctx, actorOf(changeID), func(tx *Tx) error {
		change, err := tx.lockChange(ctx, changeID)
		if err != nil {
			return err
		}
		id, err = tx.q.DeploymentOfPlan(ctx, dbsqlc.DeploymentOfPlanParams{PlanID: planID, RouterID: routerID})
		if !errors.Is(err, pgx.ErrNoRows) {
			return err
		}
		if planID != change.PlanID {
			return peering.Errorf(peering.Conflict, "plan %d isn't the plan in force of change %d", planID, changeID)
		}
		if change.State != peering.ChangeApproved && change.State != peering.ChangeDeploying {
			return peering.Errorf(peering.Denied, "change %d is %s: only an approved change is deployed", changeID, change.State)
		}
		mode, err := tx.q.PlanRouterMode(ctx, dbsqlc.PlanRouterModeParams{PlanID: planID, RouterID: routerID})
		if errors.Is(err, pgx.ErrNoRows) {
			return peering.Errorf(peering.Conflict, "plan %d moves nothing on router %d", planID, routerID)
		}
		if err != nil {
			return err
		}
		id, err = tx.q.DeploymentInsert(ctx, dbsqlc.DeploymentInsertParams{ChangeID: changeID, PlanID: planID, RouterID: routerID, Mode: mode})
		if err != nil {
			return err
		}
		return tx.Log(ctx, "deployment", id, "queued", nil, map[string]any{"change_id": changeID, "plan_id": planID, "router_id": routerID, "mode": mode})
	})
	return id, err
}

// OpenDeployments lists a router's queued and in-flight deployments, oldest
// first, in-flight ones before queued ones. Proposals that wait for a person
// aren't among them: see OpenProposals.
func (d *DB) OpenDeployments(ctx context.Context, routerID int64) ([]peering.Deployment, error) {
	rows, err := d.q.DeploymentOpenList(ctx, routerID)
	if err != nil {
		return nil, translate(err)
	}
	list := make([]peering.Deployment, len(rows))
	for i, r := range rows {
		if list[i], err = deploymentOf(r.Deployment, r.Router); err != nil {
			return nil, err
		}
	}
	return list, nil
}

// Deployments lists a change's deployments, oldest first.
func (d *DB) Deployments(ctx context.Context, changeID int64) ([]peering.Deployment, error) {
	list, err := deploymentsOf(ctx, d.q, changeID)
	return list, translate(err)
}

func deploymentsOf(ctx context.Context, q *dbsqlc.Queries, changeID int64) ([]peering.Deployment, error) {
	rows, err := q.DeploymentListOfChange(ctx, changeID)
	if err != nil {
		return nil, err
	}
	list := make([]peering.Deployment, len(rows))
	for i, r := range rows {
		if list[i], err = deploymentOf(r.Deployment, r.Router); err != nil {
			return nil, err
		}
	}
	return list, nil
}

// Deployment gives one; not_found when there is none.
func (d *DB) Deployment(ctx context.Context, id int64) (peering.Deployment, error) {
	row, err := d.q.DeploymentGet(ctx, id)
	if errors.Is(err, pgx.ErrNoRows) {
		return peering.Deployment{}, missing("deployment", id)
	}
	if err != nil {
		return peering.Deployment{}, translate(err)
	}
	return deploymentOf(row.Deployment, row.Router)
}

func deploymentOf(r dbsqlc.Deployment, router string) (peering.Deployment, error) {
	d := peering.Deployment{
		ID: r.ID, ChangeID: r.ChangeID, PlanID: r.PlanID, RouterID: r.RouterID, Router: router, Mode: peering.RouterMode(r.Mode), State: peering.DeploymentState(r.State),
		Fence: r.Fence, ArtifactHash: orZero(r.ArtifactHash), BaseHash: orZero(r.BaseHash), BaseIdentity: r.BaseIdentity,
		BaseGeneration: r.BaseGeneration, BaseIncarnation: r.BaseIncarnation, CommitGeneration: r.CommitGeneration,
		Timer: time.Duration(r.TimerSeconds) * time.Second, Deadline: timeOrZero(r.Deadline), ProposedAt: timeOrZero(r.ProposedAt), CommitSentAt: timeOrZero(r.CommitSentAt),
		CommittedAt: timeOrZero(r.CommittedAt), ConfirmSentAt: timeOrZero(r.ConfirmSentAt), ConfirmedAt: timeOrZero(r.ConfirmedAt),
		AbortSentAt: timeOrZero(r.AbortSentAt), Hindrance: r.Hindrance, Unread: r.Unread, Outcome: r.Outcome, ApprovedBy: r.ApprovedBy, CreatedAt: r.CreatedAt.UTC(), EndedAt: timeOrZero(r.EndedAt),
	}
	if err := errors.Join(unmarshalIf(r.Baseline, &d.Baseline), unmarshalIf(r.Verdict, &d.Verdict)); err != nil {
		return d, fmt.Errorf("read deployment %d: %w", r.ID, err)
	}
	return d, nil
}

func unmarshalIf(text []byte, target any) error {
	if text == nil {
		return nil
	}
	return json.Unmarshal(text, target)
}

// onDeployment runs fn with the change and the deployment held, in this order.
func (d *DB) onDeployment(ctx context.Context, id int64, fn func(*Tx, peering.Change, peering.Deployment) error) error {
	changeID, err := d.q.DeploymentChange(ctx, id)
	if errors.Is(err, pgx.ErrNoRows) {
		return missing("deployment", id)
	}
	if err != nil {
		return translate(err)
	}
	actor := peering.Actor{Kind: peering.ActorWorkflow, Name: fmt.Sprintf("deployment/%d", id), ChangeID: changeID}
	return d.Write(ctx, actor, func(tx *Tx) error {
		change, err := tx.lockChange(ctx, changeID)
		if err != nil {
			return err
		}
		row, err := tx.q.DeploymentLock(ctx, id)
		if err != nil {
			return err
		}
		deployment, err := deploymentOf(row.Deployment, row.Router)
		if err != nil {
			return err
		}
		return fn(tx, change, deployment)
	})
}

// moveDeployment takes a step that peering.DeploymentState allows.
func (tx *Tx) moveDeployment(ctx context.Context, d peering.Deployment, to peering.DeploymentState, outcome string) error {
	if err := d.State.To(to); err != nil {
		return err
	}
	move := dbsqlc.DeploymentMoveParams{ID: d.ID, State: dbsqlc.DeploymentState(to), Outcome: outcome, Ended: to.Ended()}
	if err := tx.q.DeploymentMove(ctx, move); err != nil {
		return err
	}
	return tx.Log(ctx, "deployment", d.ID, string(to), map[string]any{"state": d.State},
		map[string]any{"state": to, "outcome": outcome, "router_id": d.RouterID})
}

// StoreBaseline keeps baseline, base and artifact before anything is written;
// the stored ones win when it is called again after the commit was sent, or after
// a proposal was read on its router.
func (d *DB) StoreBaseline(ctx context.Context, id int64, b peering.BaselineRecord) error {
	text, err := json.Marshal(b.Baseline)
	if err != nil {
		return err
	}
	return d.onDeployment(ctx, id, func(tx *Tx, _ peering.Change, dep peering.Deployment) error {
		if !dep.CommitSentAt.IsZero() || !dep.CommittedAt.IsZero() {
			return nil
		}
		if dep.State != peering.DeploymentQueued && dep.State != peering.DeploymentCommitting && dep.State != peering.DeploymentProposed {
			return peering.Errorf(peering.Conflict, "deployment %d is %s: its baseline is taken before the commit", id, dep.State)
		}
		if err := tx.putTexts(ctx, b.Base, b.Artifact); err != nil {
			return err
		}
		return tx.q.DeploymentSetBaseline(ctx, dbsqlc.DeploymentSetBaselineParams{ID: id, Baseline: text,
			BaseHash: peering.HashText(b.Base), ArtifactHash: peering.HashText(b.Artifact), BaseIdentity: b.Identity,
			BaseGeneration: b.Generation, BaseIncarnation: b.Incarnation, BaseReadAt: b.ReadAt})
	})
}

// TakeFence takes a new token for one attempt of a writing step.
func (d *DB) TakeFence(ctx context.Context, id int64) (fence int64, err error) {
	err = d.onDeployment(ctx, id, func(tx *Tx, _ peering.Change, dep peering.Deployment) error {
		if !dep.State.InFlight() {
			return peering.Errorf(peering.Conflict, "deployment %d is %s: it writes nothing", id, dep.State)
		}
		fence, err = tx.nextFence(ctx, dep)
		return err
	})
	return fence, err
}

// nextFence takes the router's next token; the router's row is the last one held.
func (tx *Tx) nextFence(ctx context.Context, d peering.Deployment) (int64, error) {
	fence, err := tx.q.DeploymentNextFence(ctx, d.RouterID)
	if err != nil {
		return 0, err
	}
	return fence, tx.q.DeploymentSetFence(ctx, dbsqlc.DeploymentSetFenceParams{ID: d.ID, Fence: fence})
}

// MarkCommitSent claims the one attempt; false when it was claimed before. It
// refuses (denied) once a roll back was ordered, a vote was taken back or the
// router was frozen since the deployment began: nothing was written yet.
func (d *DB) MarkCommitSent(ctx context.Context, id int64, at, deadline time.Time) (claimed bool, err error) {
	err = d.onDeployment(ctx, id, func(tx *Tx, change peering.Change, dep peering.Deployment) error {
		claimed = false
		if !dep.CommitSentAt.IsZero() {
			return nil
		}
		if err := tx.refuseIfOrdered(ctx, dep, peering.CommandRollBack); err != nil {
			return err
		}
		if err := errors.Join(tx.checkVotes(ctx, change, dep), tx.checkFreeze(ctx, dep)); err != nil {
			return err
		}
		_, err := tx.q.DeploymentClaimCommit(ctx, dbsqlc.DeploymentClaimCommitParams{ID: id, At: at, Deadline: deadline})
		if errors.Is(err, pgx.ErrNoRows) {
			return peering.Errorf(peering.Conflict, "deployment %d is %s or not prepared: nothing is committed", id, dep.State)
		}
		if err != nil {
			return err
		}
		claimed = true
		announce := dbsqlc.LedgerAnnounceParams{DeploymentID: id, PlanID: dep.PlanID, RouterID: dep.RouterID}
		if err := tx.q.LedgerAnnounce(ctx, announce); err != nil {
			return err
		}
		return tx.Emit(ctx, "deployment", dep.ChangeID, id, "commit_sent", map[string]any{"deadline": deadline})
	})
	return claimed, err
}

// HoldBack takes back what began while no commit was sent: the deployment is
// queued again, and begins anew. One that is queued already stays so; a conflict
// once the commit was sent.
func (d *DB) HoldBack(ctx context.Context, id int64) error {
	return d.onDeployment(ctx, id, func(tx *Tx, _ peering.Change, dep peering.Deployment) error {
		switch {
		case dep.State == peering.DeploymentQueued:
			return nil
		case !dep.CommitSentAt.IsZero():
			return peering.Errorf(peering.Conflict, "the commit of deployment %d was sent: it isn't held back any more", id)
		}
		if err := tx.q.DeploymentUnbegin(ctx, id); err != nil {
			return err
		}
		return tx.moveDeployment(ctx, dep, peering.DeploymentQueued, "")
	})
}

// refuseIfOrdered is denied while a command of the kind is open.
func (tx *Tx) refuseIfOrdered(ctx context.Context, d peering.Deployment, kind peering.CommandKind) error {
	open, err := tx.q.CommandOpen(ctx, dbsqlc.CommandOpenParams{ChangeID: d.ChangeID, Kind: dbsqlc.CommandKind(kind)})
	if errors.Is(err, pgx.ErrNoRows) {
		return nil
	}
	if err != nil {
		return err
	}
	return peering.Errorf(peering.Denied, "%s ordered: %s", open.UserName, sayCommand(kind))
}

// MarkCommitted moves committing or unknown to soaking.
func (d *DB) MarkCommitted(ctx context.Context, id int64, generation string, at time.Time) error {
	return d.onDeployment(ctx, id, func(tx *Tx, _ peering.Change, dep peering.Deployment) error {
		if dep.State == peering.DeploymentSoaking {
			return nil
		}
		if err := tx.moveDeployment(ctx, dep, peering.DeploymentSoaking, dep.Outcome); err != nil {
			return err
		}
		if err := tx.q.DeploymentSetUnread(ctx, dbsqlc.DeploymentSetUnreadParams{ID: id}); err != nil {
			return err
		}
		return tx.q.DeploymentSetCommitted(ctx, dbsqlc.DeploymentSetCommittedParams{ID: id, CommitGeneration: generation, At: at})
	})
}

// NoteCommitFailed keeps why the commit that was sent got no success for an
// answer: if it didn't take, that is why. What became of it is read from the router.
func (d *DB) NoteCommitFailed(ctx context.Context, id int64, why string) error {
	return d.onDeployment(ctx, id, func(tx *Tx, _ peering.Change, dep peering.Deployment) error {
		if dep.State != peering.DeploymentCommitting || dep.CommitSentAt.IsZero() {
			return nil // it was read meanwhile, or nothing was sent
		}
		if err := tx.q.DeploymentMove(ctx, dbsqlc.DeploymentMoveParams{ID: id, State: dbsqlc.DeploymentState(dep.State), Outcome: why}); err != nil {
			return err
		}
		return tx.Log(ctx, "deployment", id, "commit_failed", nil, map[string]any{"outcome": why, "router_id": dep.RouterID})
	})
}

// MarkUnknown moves committing or soaking to unknown, with what stands in the way
// of reading the router. One that is unknown already learns what stands there now.
func (d *DB) MarkUnknown(ctx context.Context, id int64, unread string) error {
	return d.onDeployment(ctx, id, func(tx *Tx, _ peering.Change, dep peering.Deployment) error {
		if err := tx.q.DeploymentSetUnread(ctx, dbsqlc.DeploymentSetUnreadParams{ID: id, Unread: unread}); err != nil {
			return err
		}
		if dep.State == peering.DeploymentUnknown {
			return nil
		}
		outcome := unread
		if dep.Outcome != "" && (!dep.AbortSentAt.IsZero() || dep.State == peering.DeploymentCommitting) {
			outcome = dep.Outcome // why we return to the base, or why the commit failed
		}
		return tx.moveDeployment(ctx, dep, peering.DeploymentUnknown, outcome)
	})
}

// StoreVerdict keeps the newest verdict. One that failed stays, and one that was
// waived gives way to a failure only: nobody waived that.
// Only Waive waives, whatever the verdict says. Of is when what it judged was
// committed, or first seen pasted: a conflict once that is gone, or another one runs.
func (d *DB) StoreVerdict(ctx context.Context, id int64, of time.Time, v peering.Verdict) error {
	v.Waived = ""
	return d.onDeployment(ctx, id, func(tx *Tx, _ peering.Change, dep peering.Deployment) error {
		if !dep.CommittedAt.Equal(of) {
			return peering.Errorf(peering.Conflict, "deployment %d was committed or pasted anew since: the verdict on what ran before says nothing of it", id)
		}
		if old := dep.Verdict; old != nil && (old.Outcome == peering.CheckFailed || old.Waived != "" && v.Outcome != peering.CheckFailed) {
			return nil
		}
		if !dep.Verifying() {
			return peering.Errorf(peering.Conflict, "deployment %d is %s: it isn't being verified", id, dep.State)
		}
		return tx.storeVerdict(ctx, dep, v)
	})
}

func (tx *Tx) storeVerdict(ctx context.Context, d peering.Deployment, v peering.Verdict) error {
	text, err := json.Marshal(v)
	if err != nil {
		return err
	}
	if err := tx.q.DeploymentSetVerdict(ctx, dbsqlc.DeploymentSetVerdictParams{ID: d.ID, Verdict: text}); err != nil {
		return err
	}
	if d.Verdict != nil && d.Verdict.Outcome == v.Outcome && d.Verdict.Waived == v.Waived {
		return nil // one more sample of the same
	}
	return tx.Emit(ctx, "deployment", d.ChangeID, d.ID, "verdict",
		map[string]any{"outcome": v.Outcome, "reason": v.Reason, "waived": v.Waived})
}

// MarkConfirmSent refuses (denied) unless the deployment soaks, its stored
// verdict is confirmable and no roll back was ordered.
func (d *DB) MarkConfirmSent(ctx context.Context, id int64, at time.Time) error {
	return d.onDeployment(ctx, id, func(tx *Tx, _ peering.Change, dep peering.Deployment) error {
		switch {
		case dep.State != peering.DeploymentSoaking:
			return peering.Errorf(peering.Denied, "deployment %d is %s: only a soaking one is confirmed", id, dep.State)
		case !dep.Verdict.Confirmable():
			return peering.Errorf(peering.Denied, "deployment %d isn't verified: it is not confirmed", id)
		}
		if err := tx.refuseIfOrdered(ctx, dep, peering.CommandRollBack); err != nil {
			return err
		}
		if err := tx.q.DeploymentSetConfirmSent(ctx, dbsqlc.DeploymentSetConfirmSentParams{ID: id, At: at}); err != nil {
			return err
		}
		return tx.Emit(ctx, "deployment", dep.ChangeID, id, "confirm_sent", map[string]any{})
	})
}

// MarkAbortSent records that we return to the base ourselves, and why (the
// outcome's text, unless a failed verdict gives it).
func (d *DB) MarkAbortSent(ctx context.Context, id int64, reason string, at time.Time) error {
	return d.onDeployment(ctx, id, func(tx *Tx, _ peering.Change, dep peering.Deployment) error {
		if !dep.State.InFlight() {
			return peering.Errorf(peering.Conflict, "deployment %d is %s: there is nothing to abort", id, dep.State)
		}
		if dep.Verdict != nil && dep.Verdict.Outcome == peering.CheckFailed {
			reason = dep.Verdict.Reason
		}
		if err := tx.q.DeploymentSetAbortSent(ctx, dbsqlc.DeploymentSetAbortSentParams{ID: id, At: at, Outcome: reason}); err != nil {
			return err
		}
		return tx.Emit(ctx, "deployment", dep.ChangeID, id, "abort_sent", map[string]any{"reason": reason})
	})
}
