package activities

import (
	"context"
	"errors"
	"fmt"
	"time"

	"peerflow/internal/peering"
)

// ProposeDeployment is the gate before a person may paste: one transaction that
// checks votes, freezes and cancels, and moves the deployment to proposed.
func (d *Deploying) ProposeDeployment(ctx context.Context, id int64) (BeginResult, error) {
	dep, err := d.Deployments.Deployment(ctx, id)
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

// lookAtPaste reads the router of an open proposal and decides, at a time of the
// database. What is seen pasted is marked, and what is gone again forgotten.
func (d *Deploying) lookAtPaste(ctx context.Context, a at) (peering.Next, peering.Running, error) {
	dep, err := d.Deployments.Deployment(ctx, a.dep.ID)
	if err != nil {
		return peering.Next{}, peering.Running{}, err
	}
	clock, err := d.clock(ctx)
	if err != nil {
		return peering.Next{}, peering.Running{}, err
	}
	read, running, err := a.locate(ctx, dep, a.known)
	if err != nil {
		return peering.Next{}, running, err
	}
	running.ReadAt = clock.at(running.ReadAt)
	read.At, read.Late = running.ReadAt, clock.late()
	now, err := peering.StanzaMap(running.Stanzas)
	if err != nil {
		return peering.Next{}, running, err
	}
	paste := peering.SeePaste(a.plan.Moves, now)
	standing, err := d.Deployments.ProposalStanding(ctx, dep.ID)
	if err != nil {
		return peering.Next{}, running, err
	}
	if dep, err = d.notePaste(ctx, dep, read, running, standing); err != nil {
		return peering.Next{}, running, err
	}
	next := peering.NextOfProposal(dep, read, paste, standing)
	if next.Step == peering.StepWait && read.Where != peering.AtForeign && paste.Untouched() {
		next, err = d.renew(ctx, a, running, next)
	}
	return next, running, err
}

// notePaste records that the router was first read running the proposal, or that it
// no longer does.
func (d *Deploying) notePaste(ctx context.Context, dep peering.Deployment, read peering.Read, running peering.Running, s peering.ProposalStanding) (peering.Deployment, error) {
	pasted := read.Where == peering.AtArtifact || read.Where == peering.AtPending
	switch {
	case pasted && dep.CommittedAt.IsZero() && s.End == "" && !s.Hold:
		dep.CommittedAt = read.At.Add(read.Late)
		return dep, d.Deployments.MarkPasted(ctx, dep.ID, running.Generation, dep.CommittedAt)
	case !pasted && !dep.CommittedAt.IsZero():
		dep.CommittedAt, dep.Verdict = time.Time{}, nil
		return dep, d.Deployments.ForgetPaste(ctx, dep.ID)
	}
	return dep, nil
}

// renew takes baseline and artifact anew from a router that runs nothing of the plan.
func (d *Deploying) renew(ctx context.Context, a at, running peering.Running, next peering.Next) (peering.Next, error) {
	prepared, err := d.prepare(ctx, a, running)
	switch {
	case err != nil:
		return next, err
	case prepared.State == peering.DeploymentFailed: // loading anything would open what is closed there: that may pass
		next.Text = "don't paste it now: " + prepared.Text
	case prepared.Step == peering.StepEnd:
		return prepared, nil
	}
	return next, nil
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
