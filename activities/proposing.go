package activities

import (
	"context"
	"errors"
	"fmt"
	"time"

	"go.temporal.io/sdk/temporal"

	"peerflow/internal/peering"
)

// LedOtherwise is the type of an error: a deployment's mode is led by another workflow.
const LedOtherwise = "led_otherwise"

// ledBy refuses a deployment that isn't of a mode: who led it on would end what
// another workflow, or nobody yet, brings to its router.
func ledBy(dep peering.Deployment, proposal bool) error {
	if (dep.Mode == peering.Propose) == proposal {
		return nil
	}
	text := fmt.Sprintf("deployment %d is a proposal: its workflow is ProposeRouter, and nothing was done to it", dep.ID)
	if proposal {
		text = fmt.Sprintf("deployment %d isn't a proposal: its workflow is DeployRouter, and nothing was done to it", dep.ID)
	}
	return temporal.NewNonRetryableApplicationError(text, LedOtherwise, nil)
}

// ProposeDeployment is the gate before a person may paste: one transaction that
// checks votes, freezes and cancels, and moves the deployment to proposed.
func (d *Deploying) ProposeDeployment(ctx context.Context, id int64) (BeginResult, error) {
	dep, err := d.Deployments.Deployment(ctx, id)
	if err == nil {
		err = ledBy(dep, true)
	}
	if err != nil {
		return BeginResult{}, fail(err)
	}
	if dep.State == peering.DeploymentQueued && dep.Baseline == nil {
		return BeginResult{Next: peering.Next{Step: peering.StepPrepare}}, nil
	}
	return gate(d.Deployments.ProposeDeployment(ctx, id), peering.StepLook)
}

// LookAtProposal reads record and router and answers what comes next of a proposal.
// While the router runs its base, baseline and artifact are taken anew, so that what
// is pasted is compared with how the router was just before. Nothing is written to
// the router: its connection is unable to. A router that can't be read is a wait
// that says why.
func (d *Deploying) LookAtProposal(ctx context.Context, id int64) (peering.Next, error) {
	dep, err := d.Deployments.Deployment(ctx, id)
	if err == nil {
		err = ledBy(dep, true)
	}
	if err != nil {
		return peering.Next{}, fail(err)
	}
	if dep.State != peering.DeploymentProposed {
		return peering.NextOfProposal(dep, peering.Read{}, peering.Paste{}, peering.ProposalStanding{}), nil
	}
	a, err := d.open(ctx, id)
	if err != nil {
		return d.unseen(ctx, dep, err)
	}
	defer a.close()
	next, _, err := d.lookAtPaste(ctx, a)
	if err != nil {
		return d.unseen(ctx, dep, err)
	}
	return next, nil
}

// VerifyProposal watches a router that runs a proposal by the checks of a soak, and
// stores a verdict with every sample. It ends as soon as the next step isn't to watch.
func (d *Deploying) VerifyProposal(ctx context.Context, id int64) (peering.Next, error) {
	return d.watch(ctx, id, d.lookAtPaste)
}

// EndProposal writes how a proposal ended: as record and router say when it is
// called, not as the caller does.
func (d *Deploying) EndProposal(ctx context.Context, in EndInput) (peering.Next, error) {
	dep, err := d.Deployments.Deployment(ctx, in.Deployment)
	if err == nil {
		err = ledBy(dep, true)
	}
	if err != nil || dep.State.Ended() || dep.State == peering.DeploymentNeedsOperator {
		return peering.NextOfProposal(dep, peering.Read{}, peering.Paste{}, peering.ProposalStanding{}), fail(err)
	}
	if dep.State == peering.DeploymentQueued && in.State.Unwritten() {
		return d.end(ctx, dep, in, nil)
	}
	var next peering.Next
	var read *peering.Running
	a, err := d.open(ctx, in.Deployment)
	if err == nil {
		defer a.close()
		var running peering.Running
		next, running, err = d.lookAtPaste(ctx, a)
		read = &running
	}
	if err != nil {
		read = nil
		next, err = d.unseen(ctx, dep, err)
	}
	if err != nil || next.Step != peering.StepEnd {
		return next, fail(err)
	}
	return d.end(ctx, dep, EndInput{in.Deployment, next.State, next.Text}, read)
}

// lookAtPaste reads the router of an open proposal and decides. What is seen
// pasted is marked, what is gone again forgotten, and what stands in the way of a paste kept.
func (d *Deploying) lookAtPaste(ctx context.Context, a at) (peering.Next, peering.Running, error) {
	s, err := d.see(ctx, a)
	if err != nil {
		return peering.Next{}, s.running, err
	}
	now, err := peering.StanzaMap(s.running.Stanzas)
	if err != nil {
		return peering.Next{}, s.running, err
	}
	paste := peering.SeePaste(a.plan.Moves, now)
	standing, err := d.Deployments.ProposalStanding(ctx, s.dep.ID)
	if err != nil {
		return peering.Next{}, s.running, err
	}
	if err := d.notePaste(ctx, &s, standing); err != nil {
		return peering.Next{}, s.running, err
	}
	next := peering.NextOfProposal(s.dep, s.read, paste, standing)
	hindrance := ""
	switch {
	case next.Step != peering.StepWait:
	case s.read.Where == peering.AtForeign:
		hindrance = "another commit waits for its confirmation on the router"
	case paste.Untouched():
		next, hindrance, err = d.renew(ctx, a, s.running, next)
	}
	if err == nil && hindrance != s.dep.Hindrance {
		err = d.Deployments.NoteHindrance(ctx, s.dep.ID, hindrance)
	}
	if hindrance != "" {
		next.Text = s.dep.NotNow(hindrance)
	}
	return next, s.running, err
}

// notePaste records that the router was first read running the proposal, or that it
// no longer does.
func (d *Deploying) notePaste(ctx context.Context, s *sight, standing peering.ProposalStanding) error {
	pasted := s.read.Where == peering.AtArtifact || s.read.Where == peering.AtPending
	switch {
	case pasted && s.dep.CommittedAt.IsZero() && standing.End == "" && !standing.Hold:
		s.dep.CommittedAt = s.read.At.Add(s.read.Late)
		return d.Deployments.MarkPasted(ctx, s.dep.ID, s.running.Generation)
	case !pasted && !s.dep.CommittedAt.IsZero():
		s.dep.CommittedAt, s.dep.Verdict = time.Time{}, nil
		return d.Deployments.ForgetPaste(ctx, s.dep.ID)
	}
	return nil
}

// renew takes baseline and artifact anew from a router that runs nothing of the plan,
// and says what stands in the way of loading anything there; "" for nothing.
func (d *Deploying) renew(ctx context.Context, a at, running peering.Running, next peering.Next) (_ peering.Next, hindrance string, err error) {
	prepared, err := d.prepare(ctx, a, running)
	switch {
	case err != nil:
		return next, "", err
	case prepared.State == peering.DeploymentFailed: // loading anything would open what is closed there: that may pass
		return next, prepared.Text, nil
	case prepared.Step == peering.StepEnd:
		return prepared, "", nil
	}
	return next, "", nil
}

// unseen is what comes next of a proposal whose router can't be read: it waits, and
// says why, unless people or its time ended it.
func (d *Deploying) unseen(ctx context.Context, dep peering.Deployment, why error) (peering.Next, error) {
	if errors.Is(why, context.Canceled) {
		return peering.Next{}, fail(why)
	}
	standing, err := d.Deployments.ProposalStanding(ctx, dep.ID)
	if err != nil {
		return peering.Next{}, fail(err)
	}
	now, err := d.Deployments.DatabaseTime(ctx)
	if err != nil {
		return peering.Next{}, fail(err)
	}
	unread := fmt.Sprintf("router %s can't be read: %s", dep.Router, peering.Clip(why.Error(), textSize/2))
	switch {
	case standing.End != "":
		return ended(standing.End, standing.Why+"; nothing is claimed: "+unread), nil
	case !now.Before(dep.Deadline):
		return ended(peering.DeploymentCancelled, fmt.Sprintf("nobody was seen to paste it by %s; nothing is claimed: %s", dep.Deadline.UTC().Format(time.RFC3339), unread)), nil
	}
	return peering.Next{Step: peering.StepWait, Text: unread, Until: dep.Deadline}, nil
}
