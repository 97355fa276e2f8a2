package db

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"peerflow/db/internal/dbsqlc"
	"peerflow/internal/peering"
)

// AddCommand records what a person tells a change to do; its workflow only
// looks again. The same command that is still open is answered, not repeated.
// Rolling back what runs for good opens a change that undoes it, and names that.
// confirm_now needs the role approver and takes effect here, every other one
// the role operator.
func (d *DB) AddCommand(ctx context.Context, actor peering.Actor, changeID int64, kind peering.CommandKind, reason string) (command peering.Command, err error) {
	err = d.Write(ctx, actor, func(tx *Tx) error {
		tx.actor.ChangeID = changeID
		change, err := tx.lockChange(ctx, changeID)
		if err != nil {
			return err
		}
		if err := tx.checkOrderer(ctx, kind); err != nil {
			return err
		}
		if kind == peering.CommandRollBack && undoable(change.State) {
			command, err = tx.undo(ctx, change, reason)
			return err
		}
		if err := tx.checkCommand(ctx, change, kind); err != nil {
			return err
		}
		if err := tx.effect(ctx, change, kind, reason); err != nil {
			return err
		}
		command, err = tx.addCommand(ctx, changeID, kind, reason)
		return err
	})
	return command, err
}

// Waive ends a soak early in an approver's name: the verdict is stored as waived
// with what wasn't checked. Refused when a check has failed, or before the first
// verdict.
func (d *DB) Waive(ctx context.Context, actor peering.Actor, changeID int64, reason string) error {
	_, err := d.AddCommand(ctx, actor, changeID, peering.CommandConfirmNow, reason)
	return err
}

// addCommand records a command. One that is open already stands for the same again, but not for a resolve: that
// means a look at the router as it is from now on, and an earlier one may have been taken.
func (tx *Tx) addCommand(ctx context.Context, changeID int64, kind peering.CommandKind, reason string) (peering.Command, error) {
	open, err := tx.q.CommandOpen(ctx, dbsqlc.CommandOpenParams{ChangeID: changeID, Kind: dbsqlc.CommandKind(kind)})
	if err == nil && kind != peering.CommandResolve {
		return peering.Command{ID: open.ID, Kind: kind, User: open.UserName, Reason: open.Reason}, nil
	}
	if err != nil && !errors.Is(err, pgx.ErrNoRows) {
		return peering.Command{}, err
	}
	insert := dbsqlc.CommandInsertParams{ChangeID: changeID, Kind: dbsqlc.CommandKind(kind), UserID: tx.actor.UserID, Reason: reason}
	id, err := tx.q.CommandInsert(ctx, insert)
	if err != nil {
		return peering.Command{}, err
	}
	command := peering.Command{ID: id, Kind: kind, User: tx.actor.Name, Reason: reason}
	return command, tx.Log(ctx, "command", id, string(kind), nil, command)
}

// commandRole is who may order what. Rolling back needs no approval.
func commandRole(kind peering.CommandKind) peering.Role {
	switch kind {
	case peering.CommandConfirmNow, peering.CommandRevoke:
		return peering.Approver
	}
	return peering.Operator
}

// checkOrderer refuses whoever may not order this.
func (tx *Tx) checkOrderer(ctx context.Context, kind peering.CommandKind) error {
	if !dbsqlc.CommandKind(kind).Valid() {
		return peering.Errorf(peering.Invalid, "there is no command %q", kind)
	}
	if role := commandRole(kind); !tx.actor.May(role) {
		return peering.Errorf(peering.Denied, "%s needs the role %s", sayCommand(kind), role)
	}
	who, err := tx.subject(ctx, tx.actor.UserID)
	if err != nil {
		return deniedIfRefused(err)
	}
	if !who.active {
		return peering.Errorf(peering.Denied, "%s may not log in any more", who.name)
	}
	return nil
}

// checkCommand refuses what can't be done where the change stands.
func (tx *Tx) checkCommand(ctx context.Context, change peering.Change, kind peering.CommandKind) error {
	if change.State.Ended() {
		return peering.Errorf(peering.Conflict, "change %d is %s already: %s", change.ID, sayState(change.State), onceEnded(change, kind))
	}
	switch kind {
	case peering.CommandCancel:
		return tx.refuseCancel(ctx, change)
	case peering.CommandResolve:
		if change.State != peering.ChangeNeedsOperator {
			return tx.refuseResolve(ctx, change)
		}
	}
	return nil
}

// onceEnded is what is possible after a change's end instead of a command.
func onceEnded(c peering.Change, kind peering.CommandKind) string {
	switch {
	case kind == peering.CommandConfirmNow && c.State == peering.ChangeCompleted:
		return "nothing of it waits to be confirmed"
	case c.State == peering.ChangeInterfered:
		return "look at the router (peerflow router diff), lift its freeze, and open a new change"
	}
	return "open a new change"
}

// instead is what is possible while nothing of a change is under way on a router.
func instead(c peering.Change) string {
	switch c.State {
	case peering.ChangeDraft, peering.ChangePlanned, peering.ChangeStale:
		return fmt.Sprintf("it is being planned: wait for it (peerflow change watch %d), or cancel it (peerflow change cancel %d)", c.ID, c.ID)
	case peering.ChangeAwaitingApproval:
		return fmt.Sprintf("approve it (peerflow change approve %d), reject it, or cancel it instead", c.ID)
	case peering.ChangeNeedsOperator:
		return fmt.Sprintf("look at the router, then peerflow change resolve %d", c.ID)
	default:
		return fmt.Sprintf("it waits for a router (peerflow change show %d says for what): wait, or cancel it instead (peerflow change cancel %d)", c.ID, c.ID)
	}
}

func sayCommand(kind peering.CommandKind) string {
	return strings.ReplaceAll(string(kind), "_", " ")
}

// refuseCancel: from begin to the end of a deployment a cancel would say nothing
// about the router. Before, and between two routers, it ends what is left.
func (tx *Tx) refuseCancel(ctx context.Context, change peering.Change) error {
	row, err := tx.q.DeploymentInFlightOfChange(ctx, change.ID)
	switch {
	case err == nil && peering.DeploymentState(row.Deployment.State) == peering.DeploymentNeedsOperator:
		return peering.Errorf(peering.Conflict, "change %d needs an operator on router %s and can't be cancelled: look at the router, then peerflow change resolve %d",
			change.ID, row.Router, change.ID)
	case err == nil:
		return peering.Errorf(peering.Conflict, "change %d is being deployed on router %s and can't be cancelled: use roll back now (peerflow change rollback %d)",
			change.ID, row.Router, change.ID)
	case !errors.Is(err, pgx.ErrNoRows):
		return err
	case change.State != peering.ChangeDeploying:
		return nil
	}
	to, outcome, err := tx.outcome(ctx, change)
	if err == nil && to != "" && to != peering.ChangeStale {
		err = peering.Errorf(peering.Conflict, "change %d ends %s: %s: there is nothing left to cancel", change.ID, sayState(to), outcome)
	}
	return err
}

func sayState(s peering.ChangeState) string { return strings.ReplaceAll(string(s), "_", " ") }

// cancelOf is who cancelled a change, and why; "" when nobody did.
func (tx *Tx) cancelOf(ctx context.Context, changeID int64) (string, error) {
	open, err := tx.q.CommandOpen(ctx, dbsqlc.CommandOpenParams{ChangeID: changeID, Kind: dbsqlc.CommandKindCancel})
	if errors.Is(err, pgx.ErrNoRows) {
		return "", nil
	}
	return sayCancelled(open.UserName, open.Reason), err
}

func sayCancelled(by, reason string) string {
	if reason == "" {
		return "cancelled by " + by
	}
	return "cancelled by " + by + ": " + reason
}

// endQueued ends what waits for its router: Begin can't let it pass any more,
// and nobody has to wait until it is its turn, or until a freeze is lifted.
func (tx *Tx) endQueued(ctx context.Context, change peering.Change, why string) error {
	all, err := deploymentsOf(ctx, tx.q, change.ID)
	if err != nil {
		return err
	}
	for _, d := range all {
		if d.State != peering.DeploymentQueued {
			continue
		}
		if err := tx.moveDeployment(ctx, d, peering.DeploymentCancelled, why+"; nothing was written"); err != nil {
			return err
		}
	}
	return nil
}

// refuseResolve lets resolve pass when a deployment waits for a person before the change says so.
func (tx *Tx) refuseResolve(ctx context.Context, change peering.Change) error {
	dep, err := tx.inFlight(ctx, change)
	if err == nil && dep.State == peering.DeploymentNeedsOperator || err != nil && peering.KindOf(err) == "" {
		return err
	}
	return peering.Errorf(peering.Conflict, "change %d is %s: only one that needs an operator is resolved", change.ID, change.State)
}

// effect does what a command does at once, in its own transaction.
func (tx *Tx) effect(ctx context.Context, change peering.Change, kind peering.CommandKind, reason string) error {
	switch kind {
	case peering.CommandCancel:
		return tx.endQueued(ctx, change, sayCancelled(tx.actor.Name, reason))
	case peering.CommandRevoke:
		return tx.revoke(ctx, change)
	case peering.CommandConfirmNow:
		return tx.waive(ctx, change, reason)
	case peering.CommandRollBack:
		dep, err := tx.inFlight(ctx, change)
		if err != nil {
			return err
		}
		if !dep.ConfirmSentAt.IsZero() {
			return peering.Errorf(peering.Conflict, "change %d is being confirmed on router %s: once it completed, roll it back again, which opens a change that undoes it", change.ID, dep.Router)
		}
	}
	return nil
}

// inFlight is the change's deployment that is under way; a conflict when none is.
func (tx *Tx) inFlight(ctx context.Context, change peering.Change) (peering.Deployment, error) {
	row, err := tx.q.DeploymentInFlightOfChange(ctx, change.ID)
	if errors.Is(err, pgx.ErrNoRows) {
		return peering.Deployment{}, peering.Errorf(peering.Conflict, "change %d is %s and nothing of it is under way on a router: %s",
			change.ID, sayState(change.State), instead(change))
	}
	if err != nil {
		return peering.Deployment{}, err
	}
	return deploymentOf(row.Deployment, row.Router)
}

func (tx *Tx) revoke(ctx context.Context, change peering.Change) error {
	if _, err := tx.inFlight(ctx, change); err == nil {
		return peering.Errorf(peering.Conflict, "change %d is being deployed: votes count until the commit, use roll back now", change.ID)
	} else if peering.KindOf(err) != peering.Conflict {
		return err
	}
	vote, err := tx.q.VoteOf(ctx, dbsqlc.VoteOfParams{PlanID: change.PlanID, UserID: tx.actor.UserID})
	if errors.Is(err, pgx.ErrNoRows) {
		return peering.Errorf(peering.Conflict, "%s has no vote on the plan of change %d", tx.actor.Name, change.ID)
	}
	if err != nil {
		return err
	}
	if err := tx.q.VoteRevoke(ctx, vote.ID); err != nil {
		return err
	}
	return tx.Log(ctx, "vote", vote.ID, "revoke", map[string]any{"decision": vote.Decision, "user": tx.actor.Name}, nil)
}

func (tx *Tx) waive(ctx context.Context, change peering.Change, reason string) error {
	found, err := tx.inFlight(ctx, change)
	if err != nil {
		return err
	}
	row, err := tx.q.DeploymentLock(ctx, found.ID)
	if err != nil {
		return err
	}
	dep, err := deploymentOf(row.Deployment, row.Router)
	if err != nil {
		return err
	}
	verdict, err := waived(dep, tx.actor.Name, reason)
	if err != nil {
		return err
	}
	if err := tx.storeVerdict(ctx, dep, verdict); err != nil {
		return err
	}
	return tx.Log(ctx, "deployment", dep.ID, "waive", nil, map[string]any{"waived": verdict.Waived, "reason": verdict.Reason})
}

// waived is the stored verdict with an approver's name and what nobody checked.
func waived(dep peering.Deployment, name, reason string) (peering.Verdict, error) {
	conflict := func(text string) (peering.Verdict, error) {
		return peering.Verdict{}, peering.Errorf(peering.Conflict, "the deployment on router %s %s", dep.Router, text)
	}
	switch {
	case dep.State == peering.DeploymentNeedsOperator:
		return conflict(fmt.Sprintf("needs an operator: look at the router, then peerflow change resolve %d", dep.ChangeID))
	case dep.State == peering.DeploymentUnknown:
		return conflict(fmt.Sprintf("can't be read: nothing is confirmed unseen. It reverts by itself by %s, unless it answers before", dep.Deadline.UTC().Format(time.RFC3339)))
	case dep.State != peering.DeploymentSoaking:
		return conflict(fmt.Sprintf("is %s: only a soak can be ended early. Wait for it, or roll it back now (peerflow change rollback %d)", dep.State, dep.ChangeID))
	case !dep.ConfirmSentAt.IsZero():
		return conflict("is being confirmed already: wait for its end")
	case dep.Verdict == nil:
		return conflict("has no verification yet: wait for the first")
	case dep.Verdict.Waived != "":
		return *dep.Verdict, nil
	}
	v := *dep.Verdict
	var unchecked []string
	for _, c := range v.Checks {
		switch c.State {
		case peering.CheckFailed:
			return conflict("has a failed check and is being rolled back: " + c.Text)
		case peering.CheckPending, peering.CheckNotChecked:
			unchecked = append(unchecked, strings.TrimSpace(c.Name+" "+c.Subject))
		}
	}
	if v.Outcome == peering.CheckFailed {
		return conflict("failed verification and is being rolled back: " + v.Reason)
	}
	v.Waived, v.Reason = name, fmt.Sprintf("soak ended early by %s: %s", name, reason)
	if len(unchecked) > 0 {
		v.Reason += "; not checked: " + strings.Join(unchecked, ", ")
	}
	return v, nil
}

// LatestCommands lists a change's open commands, oldest first.
func (d *DB) LatestCommands(ctx context.Context, changeID int64) ([]peering.Command, error) {
	rows, err := d.q.CommandOpenList(ctx, changeID)
	if err != nil {
		return nil, translate(err)
	}
	list := make([]peering.Command, len(rows))
	for i, r := range rows {
		list[i] = peering.Command{ID: r.ID, Kind: peering.CommandKind(r.Kind), User: r.UserName, Reason: r.Reason}
	}
	return list, nil
}

// CommandHandled closes one, and those before it that say the same; a second time changes nothing.
func (d *DB) CommandHandled(ctx context.Context, id int64) error {
	return translate(d.q.CommandHandle(ctx, id))
}
