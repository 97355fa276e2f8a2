package activities

import (
	"context"
	"errors"
	"fmt"
	"time"

	"go.temporal.io/sdk/activity"

	"peerflow/internal/driver"

	"peerflow/internal/peering"
)

// BeginResult says whether the deployment may go on.
type BeginResult struct {
	Next    peering.Next `json:"next"`
	Refused string       `json:"refused,omitempty"` // what stands in the way: a missing vote, a cancel
	Frozen  string       `json:"frozen,omitempty"`  // what has to go before it may begin: a freeze with author and reason, a session being shut, a full disk
	// Unapproved says which approvals are missing (again), or that the router is in
	// another mode than was approved: the change is planned and asks for them anew.
	Unapproved string `json:"unapproved,omitempty"`
}

// BeginDeployment is the gate before the first write: one transaction that
// checks votes, freezes and cancels, and moves the deployment to committing.
func (d *Deploying) BeginDeployment(ctx context.Context, id int64) (BeginResult, error) {
	dep, plan, router, err := d.load(ctx, id)
	if err != nil {
		return BeginResult{}, fail(err)
	}
	if dep.Baseline == nil {
		return BeginResult{Next: peering.Next{Step: peering.StepPrepare}}, nil
	}
	clock, err := d.clock(ctx)
	if err != nil {
		return BeginResult{}, fail(err)
	}
	if text := d.hindrance(clock); text != "" {
		return BeginResult{Frozen: text}, nil
	}
	timer := d.Profile(router).Timer(dep.Baseline.LargestHold(plan.Touched))
	_, err = d.Deployments.BeginDeployment(ctx, id, timer, clock.theirs)
	return gate(err, peering.StepCommit)
}

// gate turns what the database refused into what becomes of the deployment; next
// when it refused nothing.
func gate(err error, next peering.Step) (BeginResult, error) {
	switch {
	case errors.Is(err, peering.ErrFrozen), errors.Is(err, peering.ErrShutting), errors.Is(err, peering.ErrHeld):
		return BeginResult{Frozen: err.Error()}, nil
	case errors.Is(err, peering.ErrUnapproved), errors.Is(err, peering.ErrOtherMode):
		return BeginResult{Unapproved: err.Error()}, nil
	case peering.KindOf(err) == peering.Denied:
		return BeginResult{Refused: err.Error()}, nil
	}
	return BeginResult{Next: peering.Next{Step: next}}, fail(err)
}

// CommitDeployment stages the candidate and commits it with the rollback timer
// running. It reads first and commits only from the base with nothing pending;
// the one attempt is claimed in the database before it is sent, so that running
// this twice never commits twice. Whatever is in doubt afterwards is Decide's.
func (d *Deploying) CommitDeployment(ctx context.Context, id int64) (peering.Next, error) {
	a, err := d.open(ctx, id)
	if err != nil {
		return peering.Next{}, fail(err)
	}
	defer a.close()
	next, err := d.next(ctx, a)
	if err != nil || next.Step != peering.StepCommit {
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
	if err := stage(ctx, a, committer, commit); err != nil {
		return stageFailed(err)
	}
	clock, err := d.clock(ctx)
	if err != nil {
		return peering.Next{}, fail(err)
	}
	if text := clock.skewed(); text != "" { // the worker that began may be another
		return peering.Next{}, fail(peering.NewError(peering.Unavailable, text))
	}
	mine, err := d.Deployments.MarkCommitSent(ctx, id, clock.theirs, clock.theirs.Add(commit.Timer+a.profile.Margin))
	if peering.KindOf(err) == peering.Denied { // a roll back, a vote taken back, a freeze since Begin
		return d.held(ctx, a, committer, commit, err)
	}
	if err != nil || !mine {
		return peering.Next{Step: peering.StepWait, Wait: time.Second, Text: "the commit was sent before"}, fail(err)
	}
	limited, cancel := context.WithTimeout(ctx, a.profile.Commit+writeDeadline)
	defer cancel()
	if err := committer.Commit(limited, commit); err != nil {
		err = fmt.Errorf("commit on router %s: %w", a.router.Name, err)
		noted := d.Deployments.NoteCommitFailed(ctx, id, peering.Clip(err.Error(), textSize/2))
		return peering.Next{}, fail(errors.Join(err, noted))
	}
	return d.nextOrFail(ctx, a)
}

// held is what comes of a commit that wasn't sent. A freeze, or a vote that was
// taken back, leaves the deployment to Begin, which waits or asks again and says
// for what; a person's roll back ends it.
func (d *Deploying) held(ctx context.Context, a at, committer driver.ConfirmedCommitter, c driver.Commit, why error) (peering.Next, error) {
	if !errors.Is(why, peering.ErrFrozen) && !errors.Is(why, peering.ErrUnapproved) {
		return ended(peering.DeploymentFailed, why.Error()+"; nothing was written"), nil
	}
	if err := committer.Discard(ctx, c); err != nil { // staging again replaces it
		activity.GetLogger(ctx).Warn("candidate stays on the router", "router", a.dep.Router, "deployment", a.dep.ID, "error", err)
	}
	if err := d.Deployments.HoldBack(ctx, a.dep.ID); err != nil {
		return peering.Next{}, fail(err)
	}
	return peering.Next{Step: peering.StepPrepare, Text: why.Error()}, nil
}

// writeDeadline is the hard limit of a write, counted from the check of its
// fence, on platforms that can't check it themselves.
const writeDeadline = 10 * time.Second

func (d *Deploying) nextOrFail(ctx context.Context, a at) (peering.Next, error) {
	next, err := d.next(ctx, a)
	return next, fail(err)
}

// stage puts the candidate beside the running configuration, and lets the
// router judge it.
func stage(ctx context.Context, a at, committer driver.ConfirmedCommitter, c driver.Commit) error {
	if err := committer.Stage(ctx, c); err != nil {
		return err
	}
	if checker, ok := a.conn.(driver.Checker); ok {
		return checker.CheckCandidate(ctx, c)
	}
	return nil
}

// stageFailed ends a deployment whose candidate the router refuses; any other
// failure may be tried again, since nothing that runs was written.
func stageFailed(err error) (peering.Next, error) {
	var rejected *driver.RejectedError
	if errors.As(err, &rejected) {
		return ended(peering.DeploymentFailed, peering.Clip(rejected.Error(), textSize/2)+"; nothing was written"), nil
	}
	return peering.Next{}, fail(fmt.Errorf("stage the candidate: %w", err))
}

// commit takes a new fence for one attempt of a writing step.
func (d *Deploying) commit(ctx context.Context, a at) (driver.Commit, error) {
	dep, err := d.Deployments.Deployment(ctx, a.dep.ID)
	if err != nil {
		return driver.Commit{}, err
	}
	texts, err := d.Plans.Texts(ctx, []string{dep.ArtifactHash})
	if err != nil {
		return driver.Commit{}, err
	}
	fence, err := d.Deployments.TakeFence(ctx, dep.ID)
	if err != nil {
		return driver.Commit{}, err
	}
	return driver.Commit{Deployment: dep.ID, Fence: fence, Artifact: texts[dep.ArtifactHash], Hash: dep.ArtifactHash, Timer: dep.Timer}, nil
}
