package workflows

import (
	"errors"
	"fmt"
	"time"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"peerflow/activities"
	"peerflow/internal/peering"
)

// DeployRouterInput names a deployment, and the site whose workers open its
// router. Everything else is in the database.
type DeployRouterInput struct {
	Deployment int64  `json:"deployment"`
	Site       string `json:"site,omitempty"` // by slug; "" is this workflow's own queue
}

// DeployRouterResult is how it ended, as read from the router.
type DeployRouterResult struct {
	State peering.DeploymentState `json:"state"`
	Text  string                  `json:"text"`
}

// DeployRouter brings one deployment to its end. It remembers nothing but the
// next step, which each activity decides from the record and a read of the
// router: started again at any point it goes on from what is true there.
// Temporal's own Cancel doesn't end it: a person ends a deployment with "roll back now".
func DeployRouter(ctx workflow.Context, in DeployRouterInput) (DeployRouterResult, error) {
	ctx, _ = detach(ctx)
	r := deployRun{id: in.Deployment, site: in.Site, woken: signals(ctx, SignalLookAgain, wakes)}
	next, err := r.first(ctx)
	if err != nil {
		return DeployRouterResult{}, err
	}
	for {
		r.show(ctx, next)
		if next.Step == peering.StepEnd {
			ended, err := r.end(ctx, next)
			if err == nil && ended.Step == peering.StepEnd {
				return DeployRouterResult{State: ended.State, Text: ended.Text}, nil
			}
			next = r.afterError(ctx, next.Step, ended, err)
			continue
		}
		done, err := r.step(ctx, next)
		next = r.afterError(ctx, next.Step, done, err)
	}
}

// Pauses between two tries to begin while frozen, growing so that a freeze of
// days leaves a short history.
const (
	freezePause    = 3 * time.Second
	maxFreezePause = 5 * time.Minute
)

type deployRun struct {
	id      int64
	site    string                  // whose workers open the router
	waits   bool                    // people were told that the site has no worker
	woken   workflow.ReceiveChannel // a freeze was lifted
	pause   time.Duration           // of the last wait while frozen
	commits int                     // tries that staged or committed; a router that refuses to be staged isn't asked for ever
	failure time.Duration           // of the last wait before a step that failed is tried again
}

// Pauses before a step that failed is tried again: the first is short, since the
// rollback timer runs, and they grow so that a router that refuses for days
// leaves a short history.
const (
	failurePause    = time.Second
	maxFailurePause = time.Minute
)

// triesBeforeCommit bounds steps that fail before anything was written.
const triesBeforeCommit = 3

func (r *deployRun) step(ctx workflow.Context, next peering.Next) (done peering.Next, err error) {
	var a *activities.Deploying
	switch next.Step {
	case peering.StepPrepare:
		done, err = r.atRouter(device(ctx), a.PrepareDeployment, r.id)
		return r.givingUp(done, err)
	case peering.StepBegin:
		return r.begin(ctx, a.BeginDeployment)
	case peering.StepCommit:
		return r.commit(ctx)
	case peering.StepSoak:
		done, err = r.atRouter(soak(ctx), a.SoakDeployment, r.id)
	case peering.StepConfirm:
		done, err = r.atRouter(device(ctx), a.ConfirmDeployment, r.id)
	case peering.StepInstall:
		done, err = r.atRouter(device(ctx), a.InstallDeployment, r.id)
	case peering.StepAbort:
		done, err = r.atRouter(device(ctx), a.AbortDeployment, activities.AbortInput{Deployment: r.id, Reason: next.Text})
	case peering.StepWait:
		if err = pause(ctx, next.Wait, "then the router is read again"); err == nil {
			done = r.decide(ctx)
		}
	default:
		err = fmt.Errorf("no step %q", next.Step)
	}
	return done, err
}

// atRouter runs an activity that opens the router, on the workers of its site.
// While there is none it says so and waits: nothing is half done, and a commit
// that is pending is taken back by the router itself.
func (r *deployRun) atRouter(ctx workflow.Context, do, arg any) (done peering.Next, err error) {
	for wait := servedWithin; ; wait = min(2*wait, maxUnserved) {
		err = workflow.ExecuteActivity(onSite(ctx, r.site, wait), do, arg).Get(ctx, &done)
		if !unserved(err) {
			r.served(ctx)
			return done, err
		}
		if cancelled := r.unserved(ctx); cancelled != "" {
			return peering.Next{Step: peering.StepEnd, State: peering.DeploymentCancelled, Text: cancelled + "; nothing was written"}, nil
		}
	}
}

// commit is the one attempt. One that no worker took up isn't made later, from a
// baseline of long ago, but prepared again.
func (r *deployRun) commit(ctx workflow.Context) (done peering.Next, err error) {
	var a *activities.Deploying
	err = workflow.ExecuteActivity(onSite(commitOnce(ctx), r.site, servedWithin), a.CommitDeployment, r.id).Get(ctx, &done)
	if unserved(err) {
		return peering.Next{Step: peering.StepPrepare}, nil
	}
	r.commits++
	return done, err
}

// unserved tells people that the site has no worker, and learns where the router
// stands now. It answers who cancelled the change before anything was written.
func (r *deployRun) unserved(ctx workflow.Context) (cancelled string) {
	text := noWorker(r.site)
	r.unread(ctx)
	r.blocked(ctx, text)
	seen, err := r.note(ctx, text)
	if err != nil {
		return "" // the wait goes on, and tells again
	}
	r.site, r.waits = seen.Site, true
	return seen.Cancelled
}

// served takes back what unserved told.
func (r *deployRun) served(ctx workflow.Context) {
	if !r.waits {
		return
	}
	r.waits = false
	if _, err := r.note(ctx, ""); err != nil {
		workflow.GetLogger(ctx).Warn("the change still says that it waits for a worker", "deployment", r.id, "error", err)
	}
}

func (r *deployRun) note(ctx workflow.Context, text string) (seen activities.WaitResult, err error) {
	var a *activities.Deploying
	err = workflow.ExecuteActivity(record(ctx), a.NoteWait, activities.WaitInput{Deployment: r.id, Text: text}).Get(ctx, &seen)
	return seen, err
}

// givingUp ends a deployment whose preparation failed for good.
func (r *deployRun) givingUp(done peering.Next, err error) (peering.Next, error) {
	if err == nil {
		return done, nil
	}
	return peering.Next{Step: peering.StepEnd, State: peering.DeploymentFailed, Text: reason(err) + "; nothing was written"}, nil
}

// begin passes a gate, or waits for what stands in the way to go.
func (r *deployRun) begin(ctx workflow.Context, gate any) (peering.Next, error) {
	var result activities.BeginResult
	err := workflow.ExecuteActivity(record(ctx), gate, r.id).Get(ctx, &result)
	if err != nil {
		return r.givingUp(peering.Next{}, err)
	}
	if result.Frozen != "" {
		r.blocked(ctx, result.Frozen)
		if _, err := r.note(ctx, "waits: "+result.Frozen); err != nil {
			workflow.GetLogger(ctx).Warn("the change doesn't say what it waits for", "deployment", r.id, "error", err)
		}
		r.pause = min(max(r.pause*3/2, freezePause), maxFreezePause)
		woken := rest(ctx, r.pause, "try to begin again", func() bool { return r.woken.Len() > 0 })
		if drain(r.woken); woken {
			r.pause = 0
		}
		return peering.Next{Step: peering.StepPrepare}, nil // the router may have moved meanwhile
	}
	if result.Unapproved != "" {
		return peering.Next{Step: peering.StepEnd, State: peering.DeploymentStale, Text: result.Unapproved + "; nothing was written"}, nil
	}
	if result.Refused != "" {
		return peering.Next{Step: peering.StepEnd, State: peering.DeploymentCancelled, Text: result.Refused + "; nothing was written"}, nil
	}
	return result.Next, nil
}

// end writes the terminal state, or learns that the router says otherwise. One
// that wrote nothing needs no router, and no worker of its site.
func (r *deployRun) end(ctx workflow.Context, next peering.Next) (done peering.Next, err error) {
	var a *activities.Deploying
	in := activities.EndInput{Deployment: r.id, State: next.State, Text: next.Text}
	switch next.State {
	case peering.DeploymentFailed, peering.DeploymentCancelled, peering.DeploymentStale:
		err = workflow.ExecuteActivity(device(ctx), a.EndDeployment, in).Get(ctx, &done)
		return done, err
	default:
		return r.atRouter(device(ctx), a.EndDeployment, in)
	}
}

// afterError lets the router decide after a failed step.
func (r *deployRun) afterError(ctx workflow.Context, failed peering.Step, done peering.Next, err error) peering.Next {
	if err == nil {
		r.failure = 0
		return done
	}
	next := r.decide(ctx)
	if next.Step == peering.StepCommit && r.commits >= triesBeforeCommit {
		return peering.Next{Step: peering.StepEnd, State: peering.DeploymentFailed, Text: reason(err) + "; nothing was written"}
	}
	if next.Step == failed {
		r.failure = min(max(r.failure*3/2, failurePause), maxFailurePause)
		_ = pause(ctx, r.failure, "try the step again: "+reason(err))
	}
	return next
}

// first decides where to begin; a deployment that isn't there, or isn't this
// workflow's, ends in an error that says so, and is left as it is.
func (r *deployRun) first(ctx workflow.Context) (peering.Next, error) {
	next, err := r.ask(ctx)
	if notOurs(err) {
		return next, err
	}
	return next, nil
}

// notOurs reports that a deployment isn't there, or that another workflow leads it.
func notOurs(err error) bool {
	var app *temporal.ApplicationError
	return errors.As(err, &app) && (app.Type() == string(peering.NotFound) || app.Type() == activities.LedOtherwise)
}

// decide asks until the router answers: no outcome is ever guessed.
func (r *deployRun) decide(ctx workflow.Context) peering.Next {
	next, _ := r.ask(ctx)
	return next
}

func (r *deployRun) ask(ctx workflow.Context) (peering.Next, error) {
	var a *activities.Deploying
	next, err := r.atRouter(untilRead(ctx), a.DecideDeployment, r.id)
	if err != nil {
		r.unread(ctx)
		next = peering.Next{Step: peering.StepWait, Wait: 10 * time.Second, Text: reason(err)}
	}
	return next, err
}

// reason is an activity's own words, without Temporal's wrapping.
func reason(err error) string {
	var app *temporal.ApplicationError
	if errors.As(err, &app) {
		return app.Message()
	}
	return err.Error()
}
