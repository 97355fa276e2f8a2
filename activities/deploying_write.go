package activities

import (
	"context"
	"fmt"
	"time"

	"peerflow/internal/driver"

	"peerflow/internal/peering"
)

// ConfirmDeployment makes the commit stay. The database refuses it unless this
// deployment's verification is stored; the driver refuses it unless this
// deployment's commit is pending.
func (d *Deploying) ConfirmDeployment(ctx context.Context, id int64) (peering.Next, error) {
	return d.write(ctx, id, peering.StepConfirm, func(ctx context.Context, w driver.ConfirmedCommitter, c driver.Commit) error {
		if err := d.Deployments.MarkConfirmSent(ctx, id, d.Now()); err != nil {
			return err
		}
		if err := ctx.Err(); err != nil { // the record took so long that too little is left of the rollback timer
			return err
		}
		return w.Confirm(ctx, c)
	})
}

// InstallDeployment makes a restart boot what runs. Twice is the same as once.
func (d *Deploying) InstallDeployment(ctx context.Context, id int64) (peering.Next, error) {
	return d.write(ctx, id, peering.StepInstall, func(ctx context.Context, w driver.ConfirmedCommitter, c driver.Commit) error {
		return w.Install(ctx, c)
	})
}

// AbortInput names a deployment to return to its base, and why.
type AbortInput struct {
	Deployment int64  `json:"deployment"`
	Reason     string `json:"reason"`
}

// AbortDeployment returns to the base while the commit is pending.
func (d *Deploying) AbortDeployment(ctx context.Context, in AbortInput) (peering.Next, error) {
	return d.write(ctx, in.Deployment, peering.StepAbort, func(ctx context.Context, w driver.ConfirmedCommitter, c driver.Commit) error {
		if err := d.Deployments.MarkAbortSent(ctx, in.Deployment, in.Reason, d.Now()); err != nil {
			return err
		}
		return w.Abort(ctx, c)
	})
}

// write does one writing step if record and router still call for it, and
// answers what comes next either way.
func (d *Deploying) write(ctx context.Context, id int64, step peering.Step, do func(context.Context, driver.ConfirmedCommitter, driver.Commit) error) (peering.Next, error) {
	a, err := d.open(ctx, id)
	if err != nil {
		return peering.Next{}, fail(err)
	}
	defer a.close()
	asked := time.Now()
	next, err := d.next(ctx, a)
	if err != nil || next.Step != step {
		return next, fail(err)
	}
	committer, err := a.committer()
	if err != nil {
		return peering.Next{}, fail(err)
	}
	commit, err := d.commit(ctx, a)
	if err != nil {
		return peering.Next{}, fail(err)
	}
	until := time.Now().Add(writeDeadline)
	if tooLate := asked.Add(next.Wait); step == peering.StepConfirm && tooLate.Before(until) {
		until = tooLate
	}
	limited, cancel := context.WithDeadline(ctx, until)
	defer cancel()
	if err := do(limited, committer, commit); err != nil {
		if step == peering.StepInstall && d.hopeless(ctx, a.dep, err) {
			return d.giveUp(ctx, a.dep, fmt.Errorf("it runs the change for good, but a restart would return to its base: %w", err))
		}
		return peering.Next{}, fail(fmt.Errorf("%s on router %s: %w", step, a.router.Name, err))
	}
	return d.nextOrFail(ctx, a)
}
