package workflows

import (
	"fmt"
	"slices"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"peerflow/activities"
)

// ServeRouterInput names a router.
type ServeRouterInput struct {
	Router int64 `json:"router"`
}

// EnqueueSignal names a deployment that was submitted, or that something may go
// on for; 0 is a session to shut. The queue itself is in the database; the signal
// only means "look again", to the deployment at its head as well unless it is 0.
type EnqueueSignal struct {
	Deployment int64 `json:"deployment"`
}

// servedPerRun is how many deployments one run serves before it starts afresh,
// so that its history stays short.
const servedPerRun = 100

// operatorPause is between two looks at whether a person has resolved what
// holds the queue; resolving also wakes it.
const operatorPause = 10 * time.Minute

// ServeRouter is the queue of one router: one deployment at a time, in order of
// arrival, those in flight first, then sessions that the export guard has to
// shut: those come before a deployment that was started and hasn't begun, however
// long it waits. It never waits for a person. Its memory is the database, so that
// resetting or terminating it loses nothing; Temporal's own Cancel doesn't end it.
func ServeRouter(ctx workflow.Context, in ServeRouterInput) error {
	ctx, _ = detach(ctx)
	arrived := signals(ctx, SignalEnqueue, `Look at the router's queue in the database again, now, e.g. {"deployment":12}. What isn't queued there isn't served.`)
	var adopted int64        // a deployment that an earlier run's child serves …
	var paused time.Duration // … and the last pause beside it
	for served := 0; served < servedPerRun && !workflow.GetInfo(ctx).GetContinueAsNewSuggested(); {
		named := drained(arrived)
		queue, err := openDeployments(ctx, in.Router)
		if err != nil {
			return err
		}
		if adopted != 0 && named && !underWay(queue) {
			wake(ctx, deploymentID(adopted))
		}
		queue = shut(ctx, queue)
		if adopted != 0 && (len(queue) == 0 || queue[0].ID != adopted || queue[0].NeedsOperator) {
			tell(ctx, adopted)
			adopted, paused = 0, 0
		}
		if len(queue) == 0 {
			queueScreen(ctx, screen{state: "idle", doing: "Nothing waits for this router."})
			arrived.Receive(ctx, nil)
			continue
		}
		if queue[0].NeedsOperator {
			queueScreen(ctx, needsOperator(queue))
			rest(ctx, operatorPause, "look whether somebody resolved it", func() bool { return arrived.Len() > 0 })
			continue
		}
		served++
		queueScreen(ctx, serving(queue))
		if serve(ctx, in.Router, queue[0], arrived) {
			adopted, paused = 0, 0
			continue
		}
		// It runs as the child of an earlier run: look at the record, and start it once that child is gone.
		adopted, paused = queue[0].ID, min(max(paused*3/2, adoptPause), maxAdoptPause)
		rest(ctx, paused, "look whether "+deploymentID(adopted)+", which an earlier run started, has ended", func() bool { return arrived.Len() > 0 })
	}
	drain(arrived)
	return workflow.NewContinueAsNewError(ctx, ServeRouter, in)
}

// shut closes the sessions at the head of the queue, and answers the rest of it.
// They come before every deployment but one that is under way. One that can't be
// shut now holds nothing up: the next poll finds it in breach again.
func shut(ctx workflow.Context, queue []activities.QueuedDeployment) (rest []activities.QueuedDeployment) {
	var a *activities.Routers
	for _, q := range queue {
		if q.Shut == 0 {
			rest = append(rest, q)
			continue
		}
		if len(rest) > 0 {
			continue // after the deployment that is under way
		}
		queueScreen(ctx, screen{state: "shutting", doing: fmt.Sprintf("Shuts session %d, which is announced more than its export guard allows.", q.Shut),
			can: []can{{"see why", fmt.Sprintf("peerflow session why %d", q.Shut)}}})
		if err := workflow.ExecuteActivity(onSite(device(ctx), q.Site, servedWithin), a.ShutSession, q.Shut).Get(ctx, nil); err != nil {
			workflow.GetLogger(ctx).Error("session can't be shut; the next poll tries again", "session", q.Shut, "error", err)
		}
	}
	return rest
}

// childFailurePause is before a deployment whose workflow failed is started again.
const childFailurePause = 15 * time.Second

// Pauses between two looks at a deployment that an earlier run's child serves.
const (
	adoptPause    = 2 * time.Second
	maxAdoptPause = 30 * time.Second
)

func drain(c workflow.ReceiveChannel) {
	for c.ReceiveAsync(nil) {
	}
}

// drained is drain, and reports that a signal named a deployment: something that
// one waits for may have happened.
func drained(arrived workflow.ReceiveChannel) (named bool) {
	for {
		var s EnqueueSignal
		if !arrived.ReceiveAsync(&s) {
			return named
		}
		named = named || s.Deployment != 0
	}
}

// underWay reports that a deployment writes to the router.
func underWay(queue []activities.QueuedDeployment) bool {
	return len(queue) > 0 && queue[0].InFlight && !queue[0].NeedsOperator
}

// wake lets the workflow of a deployment that waits look again. One that ended meanwhile has no need of it.
func wake(ctx workflow.Context, workflowID string) {
	if err := workflow.SignalExternalWorkflow(ctx, workflowID, "", SignalLookAgain, LookAgainSignal{Why: "queue"}).Get(ctx, nil); err != nil {
		workflow.GetLogger(ctx).Info("not woken; it looks by itself", "workflow", workflowID, "error", err)
	}
}

func openDeployments(ctx workflow.Context, router int64) ([]activities.QueuedDeployment, error) {
	var a *activities.Routers
	var queue []activities.QueuedDeployment
	err := workflow.ExecuteActivity(record(ctx), a.QueuedDeployments, router).Get(ctx, &queue)
	return queue, err
}

// serve runs a deployment as an abandoned child, so that ending this workflow
// never kills what lies between commit and confirm; false when it runs already, or
// outlasts this run.
func serve(ctx workflow.Context, router int64, next activities.QueuedDeployment, arrived workflow.ReceiveChannel) bool {
	id := next.ID
	options := aboutDeployment(next).child()
	options.WorkflowIDReusePolicy = enumspb.WORKFLOW_ID_REUSE_POLICY_ALLOW_DUPLICATE
	child := workflow.ExecuteChildWorkflow(workflow.WithChildOptions(ctx, options), DeployRouter, DeployRouterInput{Deployment: id, Site: next.Site})
	for {
		if err := workflow.Await(ctx, func() bool { return child.IsReady() || arrived.Len() > 0 }); err != nil || child.IsReady() {
			break
		}
		if workflow.GetInfo(ctx).GetContinueAsNewSuggested() {
			return false
		}
		meanwhile(ctx, router, next, arrived)
	}
	err := child.Get(ctx, nil)
	switch {
	case temporal.IsWorkflowExecutionAlreadyStartedError(err):
		return false
	case err != nil:
		workflow.GetLogger(ctx).Error("deployment's workflow failed", "deployment", id, "error", err)
		_ = pause(ctx, childFailurePause, "start "+deploymentID(id)+" again") // then it is started again, from what the router says
	}
	tell(ctx, id)
	return true
}

// meanwhile answers a signal while a deployment is served. One that hasn't begun
// holds up no session that has to be shut, and looks again itself: a freeze that
// was lifted, or its cancel, would find it asleep. The database keeps it from
// beginning while a session is being shut.
func meanwhile(ctx workflow.Context, router int64, served activities.QueuedDeployment, arrived workflow.ReceiveChannel) {
	named := drained(arrived)
	queue, err := openDeployments(ctx, router)
	if err != nil || underWay(queue) {
		return // the loop around serve looks again once it ended
	}
	left := shut(ctx, queue)
	if named {
		wake(ctx, deploymentID(served.ID))
	}
	left = slices.DeleteFunc(left, func(q activities.QueuedDeployment) bool { return q.ID == served.ID })
	queueScreen(ctx, serving(append([]activities.QueuedDeployment{served}, left...)))
}

// tell lets a deployment's change know that it ended.
func tell(ctx workflow.Context, id int64) {
	var c *activities.Changing
	if err := workflow.ExecuteActivity(record(ctx), c.TellDeployment, id).Get(ctx, nil); err != nil {
		workflow.GetLogger(ctx).Warn("the change wasn't told; it looks by itself", "deployment", id, "error", err)
	}
}
