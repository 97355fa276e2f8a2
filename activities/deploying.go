package activities

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"go.temporal.io/sdk/activity"

	"peerflow/internal/driver"
	"peerflow/internal/peering"
)

// Deploying brings one deployment to its end on one router. Every method takes
// a deployment's id and nothing else, reads the record and the router, does at
// most one writing step, and answers what comes next by peering.NextStep.
type Deploying struct {
	Access      Access
	Intent      IntentStore
	Changes     ChangeStore
	Plans       PlanStore
	Votes       VoteStore
	Deployments DeploymentStore
	Observed    ObservationStore
	Now         func() time.Time
	// Room tells why the disk under the database is too full for new commits; nil
	// where the database is on another machine.
	Room    func() error
	Profile func(peering.Router) peering.Profile // numbers of verification: peering.ProfileFor
}

// at is a deployment with its router open.
type at struct {
	device
	dep     peering.Deployment
	plan    peering.RouterPlan
	profile peering.Profile
	known   []peering.SecretRef
	rest    func() // ends the heartbeat
}

func (a at) close() {
	a.rest()
	a.device.close()
}

func (d *Deploying) load(ctx context.Context, id int64) (peering.Deployment, peering.RouterPlan, peering.Router, error) {
	dep, err := d.Deployments.Deployment(ctx, id)
	if err != nil {
		return dep, peering.RouterPlan{}, peering.Router{}, err
	}
	plan, err := d.Plans.Plan(ctx, dep.PlanID)
	if err != nil {
		return dep, peering.RouterPlan{}, peering.Router{}, err
	}
	i := slices.IndexFunc(plan.Routers, func(r peering.RouterPlan) bool { return r.RouterID == dep.RouterID })
	if i < 0 {
		return dep, peering.RouterPlan{}, peering.Router{}, peering.Errorf(peering.Invalid, "plan %d has no part on router %s", plan.ID, dep.Router)
	}
	desired, err := d.Intent.Desired(ctx, dep.RouterID)
	return dep, plan.Routers[i], desired.Router, err
}

func (d *Deploying) open(ctx context.Context, id int64) (at, error) {
	dep, plan, router, err := d.load(ctx, id)
	if err != nil {
		return at{}, err
	}
	known, err := d.secrets(ctx, dep, plan)
	if err != nil {
		return at{}, err
	}
	rest := beat(ctx)
	dev, err := d.Access.open(ctx, router)
	if err != nil {
		rest()
		return at{}, err
	}
	return at{device: dev, dep: dep, plan: plan, profile: d.Profile(router), known: known, rest: rest}, nil
}

// heartbeat is how often a step says that its worker lives.
const heartbeat = 2 * time.Second

// beat says so until the returned function is called: a step may wait long for
// a router, and a worker that died must be replaced well inside the rollback timer.
func beat(ctx context.Context) (rest func()) {
	ctx, cancel := context.WithCancel(ctx)
	go func() {
		tick := time.NewTicker(heartbeat)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
				activity.RecordHeartbeat(ctx)
			}
		}
	}()
	return cancel
}

// secrets lists the references that may stand on the router: those of the
// artifact shown, of the base, and of the plan's stanzas. No other id is ever resolved.
func (d *Deploying) secrets(ctx context.Context, dep peering.Deployment, plan peering.RouterPlan) ([]peering.SecretRef, error) {
	hashes := []string{plan.ArtifactHash, plan.BaseHash}
	if dep.ArtifactHash != "" {
		hashes = append(hashes, dep.ArtifactHash, dep.BaseHash)
	}
	texts, err := d.Plans.Texts(ctx, hashes)
	if err != nil {
		return nil, err
	}
	var refs []peering.SecretRef
	for _, text := range texts {
		found, err := peering.SecretRefs(text)
		if err != nil {
			return nil, err
		}
		refs = append(refs, found...)
	}
	return refs, nil
}

// DecideDeployment reads record and router and answers what comes next. A router that
// can't be read leaves the deployment unknown, and is an error worth retrying.
func (d *Deploying) DecideDeployment(ctx context.Context, id int64) (peering.Next, error) {
	dep, err := d.Deployments.Deployment(ctx, id)
	if err != nil {
		return peering.Next{}, fail(err)
	}
	if dep.State.Ended() || dep.State == peering.DeploymentQueued || dep.State == peering.DeploymentNeedsOperator {
		return peering.NextStep(dep, peering.Read{}, peering.Profile{}, false), nil
	}
	a, err := d.open(ctx, id)
	if err != nil {
		return d.unread(ctx, dep, err)
	}
	defer a.close()
	next, err := d.next(ctx, a)
	if err != nil {
		return d.unread(ctx, dep, err)
	}
	return next, nil
}

// next reads the router for an open deployment and decides.
func (d *Deploying) next(ctx context.Context, a at) (peering.Next, error) {
	next, _, err := d.look(ctx, a)
	return next, err
}

// look is next with what was read, at a time of the database.
func (d *Deploying) look(ctx context.Context, a at) (peering.Next, peering.Running, error) {
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
	if read.Where == peering.AtPending && dep.State != peering.DeploymentSoaking {
		if err := d.Deployments.MarkCommitted(ctx, dep.ID, running.Generation, read.At.Add(read.Late)); err != nil {
			return peering.Next{}, running, err
		}
		dep.State = peering.DeploymentSoaking
	}
	ordered, err := d.rollBackOrdered(ctx, dep)
	if err != nil {
		return peering.Next{}, running, err
	}
	return peering.NextStep(dep, read, a.profile, ordered), running, nil
}

func (d *Deploying) rollBackOrdered(ctx context.Context, dep peering.Deployment) (bool, error) {
	commands, err := d.Votes.LatestCommands(ctx, dep.ChangeID)
	if err != nil {
		return false, err
	}
	return slices.ContainsFunc(commands, func(c Command) bool { return c.Kind == peering.CommandRollBack }), nil
}

// BeginResult says whether the deployment may go on.
type BeginResult struct {
	Next    peering.Next `json:"next"`
	Refused string       `json:"refused,omitempty"` // what stands in the way: a missing vote, a cancel
	Frozen  string       `json:"frozen,omitempty"`  // what has to go before it may begin: a freeze with author and reason, a session being shut, a full disk
	// Unapproved says which approvals are missing (again): the change asks for them anew.
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
	if errors.Is(err, peering.ErrFrozen) || errors.Is(err, peering.ErrShutting) {
		return BeginResult{Frozen: err.Error()}, nil
	}
	if errors.Is(err, peering.ErrUnapproved) {
		return BeginResult{Unapproved: err.Error()}, nil
	}
	if peering.KindOf(err) == peering.Denied {
		return BeginResult{Refused: err.Error()}, nil
	}
	return BeginResult{Next: peering.Next{Step: peering.StepCommit}}, fail(err)
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

// pause waits, or ends with ctx.
func pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}
