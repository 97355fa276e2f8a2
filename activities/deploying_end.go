package activities

import (
	"context"
	"fmt"

	"go.temporal.io/sdk/activity"

	"peerflow/internal/peering"
)

// EndInput names how a deployment ends.
type EndInput struct {
	Deployment int64                   `json:"deployment"`
	State      peering.DeploymentState `json:"state"`
	Text       string                  `json:"text"`
}

// EndDeployment writes the terminal state. A deployment that may have reached
// the router is read once more: the outcome is what the router says, not what
// the caller does.
func (d *Deploying) EndDeployment(ctx context.Context, in EndInput) (peering.Next, error) {
	dep, err := d.Deployments.Deployment(ctx, in.Deployment)
	if err == nil {
		err = ledBy(dep, false)
	}
	if err != nil || dep.State.Ended() || dep.State == peering.DeploymentNeedsOperator {
		return peering.NextStep(dep, peering.Read{}, peering.Profile{}, false), fail(err)
	}
	if dep.CommitSentAt.IsZero() {
		if !in.State.Unwritten() { // whoever says so didn't read the router: ask for what is true
			return d.DecideDeployment(ctx, in.Deployment)
		}
		d.tidy(ctx, dep)
		return d.end(ctx, dep, in, nil)
	}
	a, err := d.open(ctx, in.Deployment)
	if err != nil {
		return d.unread(ctx, dep, err)
	}
	defer a.close()
	next, err := d.next(ctx, a)
	if err != nil {
		return d.unread(ctx, dep, err)
	}
	if next.Step != peering.StepEnd {
		return next, nil
	}
	if err := d.shutOut(ctx, a, next.State); err != nil {
		return d.unread(ctx, dep, err)
	}
	next, running, err := d.look(ctx, a)
	if err != nil {
		return d.unread(ctx, dep, err)
	}
	if next.Step != peering.StepEnd {
		return next, nil
	}
	return d.end(ctx, dep, EndInput{in.Deployment, next.State, next.Text}, &running)
}

// shutOut gives the router a newer token and removes the candidate, so that the
// write of a worker that was taken for dead can't arrive after the last read. A
// router at its base must have taken the token; elsewhere a candidate that
// stays does no harm.
func (d *Deploying) shutOut(ctx context.Context, a at, end peering.DeploymentState) error {
	err := d.discard(ctx, a)
	if err != nil && end != peering.DeploymentRolledBack {
		activity.GetLogger(ctx).Warn("candidate stays on the router", "router", a.router.Name, "deployment", a.dep.ID, "error", err)
		return nil
	}
	return err
}

// tidy removes the candidate of a deployment that ends without a commit. One
// that stays, on a router that can't be reached, does no harm: the end doesn't
// wait for it.
func (d *Deploying) tidy(ctx context.Context, dep peering.Deployment) {
	if dep.State != peering.DeploymentCommitting {
		return // nothing is staged before
	}
	a, err := d.open(ctx, dep.ID)
	if err == nil {
		defer a.close()
		err = d.discard(ctx, a)
	}
	if err != nil {
		activity.GetLogger(ctx).Warn("candidate stays on the router", "router", dep.Router, "deployment", dep.ID, "error", err)
	}
}

// end writes the end, with what a read showed; nil when the router wasn't read.
func (d *Deploying) end(ctx context.Context, dep peering.Deployment, in EndInput, read *peering.Running) (peering.Next, error) {
	var hashes map[string]string
	if read != nil {
		hashes = make(map[string]string, len(read.Stanzas))
		for _, s := range read.Stanzas {
			hashes[s.Key] = s.Hash()
		}
	}
	if in.State == peering.DeploymentInterfered {
		if err := d.Deployments.FreezeRouter(ctx, dep.RouterID, fmt.Sprintf("deployment %d of change %d was interfered with: %s", dep.ID, dep.ChangeID, in.Text)); err != nil {
			return peering.Next{}, fail(err)
		}
	}
	if err := d.Deployments.EndDeployment(ctx, dep.ID, DeploymentEnd{State: in.State, Outcome: in.Text, Stanzas: hashes}); err != nil {
		return peering.Next{}, fail(err)
	}
	stored, err := d.Deployments.Deployment(ctx, dep.ID) // an overlay that no longer fits needs an operator instead
	return ended(stored.State, stored.Outcome), fail(err)
}

// discard removes a candidate that isn't in use.
func (d *Deploying) discard(ctx context.Context, a at) error {
	committer, err := a.committer()
	if err != nil {
		return err
	}
	commit, err := d.commit(ctx, a)
	if err != nil {
		return err
	}
	return committer.Discard(ctx, commit)
}
