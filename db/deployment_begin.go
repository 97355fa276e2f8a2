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

// freezeLock is shared by those that begin, and held alone by those that
// freeze or lift: a freeze comes before a commit and stops it, or after it.
const freezeLock = "freeze"

// BeginDeployment is the one gate before a commit. It holds change, freezes,
// deployment and router, checks that the votes for the plan in force suffice,
// that the peerings of the sessions it adds or opens are agreed, that nothing is frozen or cancelled, that the router is in mode manage and has
// no other writer, be it the export guard, and moves queued to committing with a deadline and a new
// fence. Called again while committing it takes a new fence and answers the
// row. A refusal is kind denied and names what stands in the way.
func (d *DB) BeginDeployment(ctx context.Context, id int64, timer time.Duration, now time.Time) (begun peering.Deployment, err error) {
	err = d.onDeployment(ctx, id, func(tx *Tx, change peering.Change, dep peering.Deployment) error {
		if dep.State != peering.DeploymentCommitting {
			if dep.Mode != peering.Manage {
				return peering.Errorf(peering.Denied, "deployment %d is a proposal: a person pastes it (%s), and peerflow writes nothing", id, peering.PasteCommand(change.ID))
			}
			if err := tx.checkBegin(ctx, change, dep); err != nil {
				return err
			}
			if err := tx.begin(ctx, change, dep, timer, now); err != nil {
				return err
			}
		}
		if _, err := tx.nextFence(ctx, dep); err != nil {
			return err
		}
		row, err := tx.q.DeploymentGet(ctx, id)
		if err != nil {
			return err
		}
		begun, err = deploymentOf(row.Deployment, row.Router)
		return err
	})
	return begun, err
}

// begin writes what the checks allowed.
func (tx *Tx) begin(ctx context.Context, change peering.Change, dep peering.Deployment, timer time.Duration, now time.Time) error {
	set := dbsqlc.DeploymentSetTimerParams{ID: dep.ID, TimerSeconds: int32((timer + time.Second - 1) / time.Second), Deadline: now.Add(timer + beginSlack)}
	if err := tx.q.DeploymentSetTimer(ctx, set); err != nil {
		return err
	}
	if err := tx.moveDeployment(ctx, dep, peering.DeploymentCommitting, ""); err != nil {
		return err
	}
	return tx.moveChange(ctx, change, peering.ChangeDeploying, fmt.Sprintf("deploys to %s", dep.Router), "")
}

func (tx *Tx) checkBegin(ctx context.Context, change peering.Change, dep peering.Deployment) error {
	deny := func(format string, args ...any) error { return peering.Errorf(peering.Denied, format, args...) }
	switch {
	case dep.State.Ended():
		return deny("deployment %d is %s already: %s", dep.ID, dep.State, dep.Outcome)
	case dep.State != peering.DeploymentQueued:
		return deny("deployment %d is %s: it began already", dep.ID, dep.State)
	case change.State != peering.ChangeApproved && change.State != peering.ChangeDeploying:
		return deny("change %d is %s: only an approved change is deployed", change.ID, change.State)
	case dep.PlanID != change.PlanID:
		return deny("the plan of deployment %d is no longer in force: change %d was planned again", dep.ID, change.ID)
	}
	if err := tx.refuseIfOrdered(ctx, dep, peering.CommandCancel); err != nil {
		return err
	}
	if err := tx.checkVotes(ctx, change, dep); err != nil {
		return err
	}
	if err := tx.checkBases(ctx, change); err != nil {
		return err
	}
	if err := tx.checkAgreed(ctx, dep); err != nil {
		return err
	}
	return tx.checkRouter(ctx, dep)
}

// checkAgreed looks again at what was agreed when the plan was made.
func (tx *Tx) checkAgreed(ctx context.Context, dep peering.Deployment) error {
	plan, err := readPlan(ctx, tx.q, dep.PlanID)
	if err != nil {
		return err
	}
	return tx.refuseUnagreed(ctx, dep.ChangeID, dep.RouterID, plan.Routers)
}

// checkVotes counts again, and notes on the deployment what approved it.
func (tx *Tx) checkVotes(ctx context.Context, change peering.Change, dep peering.Deployment) error {
	plan, err := tx.q.PlanGet(ctx, dep.PlanID)
	if err != nil {
		return err
	}
	tally, err := tx.tally(ctx, change, plan)
	switch {
	case err != nil:
		return err
	case plan.VoidedAt != nil:
		return peering.Errorf(peering.Denied, "the plan is void: %s", plan.VoidReason)
	case tally.Rejected:
		return peering.Errorf(peering.Denied, "%s rejected the plan", tally.Rejecter)
	case !tally.Approved:
		return peering.Errorf(peering.Denied, "%w: the plan has %d of %d approvals, which rule %s asks for", peering.ErrUnapproved,
			tally.Have, tally.Need, tally.Rule)
	}
	return tx.q.DeploymentSetApproval(ctx, dbsqlc.DeploymentSetApprovalParams{ID: dep.ID, ApprovedBy: tally.ApprovedBy()})
}

// checkBases refuses an overlay that couldn't be recorded once the router runs
// it: an object was edited or deleted since, or another took a new one's place.
// It is recorded for a try, and taken back.
func (tx *Tx) checkBases(ctx context.Context, change peering.Change) error {
	ops, err := tx.openOperations(ctx, change.ID)
	if err != nil {
		return err
	}
	refusal, err := tx.try(ctx, func(inner *Tx) error {
		if err := ApplyOperations(ctx, inner, ops); err != nil {
			return err
		}
		return errOnlyTried
	})
	if err != nil || errors.Is(refusal, errOnlyTried) {
		return err
	}
	return peering.Errorf(peering.Denied, "the change can't be recorded any more: %w: open a new change", refusal)
}

// checkRouter comes last, since what it holds stays held: the freezes in shared
// mode, and the router's row.
func (tx *Tx) checkRouter(ctx context.Context, dep peering.Deployment) error {
	if err := tx.q.LockNameShared(ctx, freezeLock); err != nil {
		return err
	}
	router, err := tx.q.DeploymentRouterLock(ctx, dep.RouterID)
	if err != nil {
		return err
	}
	if peering.RouterMode(router.Mode) != dep.Mode {
		return wrongMode(router.Name, peering.RouterMode(router.Mode), dep)
	}
	if err := tx.refuseOther(ctx, dep); err != nil {
		return err
	}
	if router.Shutting || dep.Baseline == nil {
		return peering.Errorf(peering.Denied, "%w on router %s, or just did: deployment %d begins after that, from a new baseline",
			peering.ErrShutting, router.Name, dep.ID)
	}
	return tx.refuseIfFrozen(ctx, router.SiteID, router.ID)
}

// wrongMode refuses to go on with a router whose mode isn't any more what the
// deployment was submitted for.
func wrongMode(router string, mode peering.RouterMode, dep peering.Deployment) error {
	switch {
	case mode == peering.Observe:
	case dep.Mode == peering.Propose:
		return peering.Errorf(peering.Denied, "%w: router %s is in mode %s now, and the plan is that a person pastes it", peering.ErrOtherMode, router, mode)
	default:
		return peering.Errorf(peering.Denied, "%w: router %s is in mode %s now, and the plan is that peerflow writes it", peering.ErrOtherMode, router, mode)
	}
	return peering.Errorf(peering.Denied, "router %s is in mode %s: peerflow writes to routers in mode manage only", router, mode)
}

// refuseOther is denied while another deployment is in flight on the router.
func (tx *Tx) refuseOther(ctx context.Context, dep peering.Deployment) error {
	other, err := tx.q.DeploymentInFlight(ctx, dep.RouterID)
	if errors.Is(err, pgx.ErrNoRows) || err == nil && other.Deployment.ID == dep.ID {
		return nil
	}
	if err != nil {
		return err
	}
	return peering.Errorf(peering.Denied, "%w: deployment %d of change %d is %s on router %s: one router, one writer", peering.ErrHeld,
		other.Deployment.ID, other.Deployment.ChangeID, strings.ReplaceAll(string(other.Deployment.State), "_", " "), other.Router)
}

// checkFreeze holds freezes in shared mode and refuses a frozen router.
func (tx *Tx) checkFreeze(ctx context.Context, dep peering.Deployment) error {
	if err := tx.q.LockNameShared(ctx, freezeLock); err != nil {
		return err
	}
	router, err := tx.q.DeploymentRouterLock(ctx, dep.RouterID)
	if err != nil {
		return err
	}
	return tx.refuseIfFrozen(ctx, router.SiteID, router.ID)
}

func (tx *Tx) refuseIfFrozen(ctx context.Context, siteID, routerID int64) error {
	frozen, err := tx.q.FreezeOf(ctx, dbsqlc.FreezeOfParams{SiteID: siteID, RouterID: routerID})
	if errors.Is(err, pgx.ErrNoRows) {
		return nil
	}
	if err != nil {
		return err
	}
	return peering.Errorf(peering.Denied, "%w by %s (%s, freeze %d): %s", peering.ErrFrozen, frozen.Author, frozen.ChangeFreeze.Scope,
		frozen.ChangeFreeze.ID, frozen.ChangeFreeze.Reason)
}

// DatabaseTime is the database's clock.
func (d *DB) DatabaseTime(ctx context.Context) (now time.Time, err error) {
	now, err = d.q.DatabaseTime(ctx)
	return now.UTC(), translate(err)
}
