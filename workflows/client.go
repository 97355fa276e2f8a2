package workflows

import (
	"context"
	"errors"
	"fmt"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"

	"peerflow/activities"
	"peerflow/internal/peering"
)

// Client starts and wakes workflows. Everything it sends is an id or a word:
// what they mean is in the database.
type Client struct {
	Temporal client.Client
	Routers  Routers
}

// Routers names routers, for what people find their workflows by.
type Routers interface {
	RouterRef(ctx context.Context, routerID int64) (peering.RouterRef, error)
}

// StartChange starts the workflow of a change that was written as a start row.
// One that runs already is no error, nor is one that ran: see Resume.
func (c Client) StartChange(ctx context.Context, workflow string, change peering.Change) error {
	err := c.start(ctx, workflow, change, enumspb.WORKFLOW_ID_REUSE_POLICY_REJECT_DUPLICATE)
	if temporal.IsWorkflowExecutionAlreadyStartedError(err) {
		return nil
	}
	return err
}

// Resume starts the workflow of an open change again when it doesn't run: it was
// terminated, or lost with Temporal's own store. A run goes on where the change
// stands.
func (c Client) Resume(ctx context.Context, workflow string, change peering.Change) error {
	return c.start(ctx, workflow, change, enumspb.WORKFLOW_ID_REUSE_POLICY_ALLOW_DUPLICATE)
}

func (c Client) start(ctx context.Context, workflow string, change peering.Change, reuse enumspb.WorkflowIdReusePolicy) (err error) {
	switch workflow {
	case "ProvisionPeering":
		options := aboutProvision(change).start()
		options.WorkflowIDReusePolicy = reuse
		_, err = c.Temporal.ExecuteWorkflow(ctx, options, ProvisionPeering, ProvisionPeeringInput{Change: change.ID})
	case "DeployChange":
		options := aboutChange(change.ID, change.Summary(), ofChange(change)).start()
		options.WorkflowIDReusePolicy = reuse
		_, err = c.Temporal.ExecuteWorkflow(ctx, options, DeployChange, DeployChangeInput{Change: change.ID})
	default:
		return fmt.Errorf("no workflow %q starts from a change", workflow)
	}
	return err
}

// ResumeRouter starts a router's queue when it doesn't run.
func (c Client) ResumeRouter(ctx context.Context, router int64) error {
	_, err := c.Temporal.ExecuteWorkflow(ctx, aboutQueue(c.router(ctx, router)).start(), ServeRouter, ServeRouterInput{Router: router})
	return err
}

// ResumeWatch starts the workflow of a completed provisioning again, so that it
// watches for the other side as long as it would have: only when its last run was
// cut short, and never one that came to its own end.
func (c Client) ResumeWatch(ctx context.Context, change peering.Change) error {
	err := c.start(ctx, "ProvisionPeering", change, enumspb.WORKFLOW_ID_REUSE_POLICY_ALLOW_DUPLICATE_FAILED_ONLY)
	if temporal.IsWorkflowExecutionAlreadyStartedError(err) {
		return nil
	}
	return err
}

// CutShort lists the changes whose provisioning was terminated, or ended
// otherwise than by itself, since then; those that run again since are among them.
func (c Client) CutShort(ctx context.Context, since time.Time) (changes []int64, err error) {
	ids, err := c.list(ctx, fmt.Sprintf(`WorkflowType = "ProvisionPeering" AND ExecutionStatus IN ("Terminated", "Failed", "Canceled", "TimedOut") AND CloseTime > "%s"`,
		since.UTC().Format(time.RFC3339)))
	for id := range ids {
		var change int64
		if _, err := fmt.Sscanf(id, "provision/%d", &change); err == nil {
			changes = append(changes, change)
		}
	}
	return changes, err
}

// Running names the workflows of changes that run, as Temporal lists them: one
// that just began may be missing, and starting it again does nothing.
func (c Client) Running(ctx context.Context) (map[string]bool, error) {
	return c.list(ctx, `ExecutionStatus = "Running" AND WorkflowType IN ("ProvisionPeering", "DeployChange")`)
}

// list names the workflows that a query finds.
func (c Client) list(ctx context.Context, query string) (map[string]bool, error) {
	found := map[string]bool{}
	request := &workflowservice.ListWorkflowExecutionsRequest{PageSize: 1000, Query: query}
	for {
		page, err := c.Temporal.ListWorkflow(ctx, request)
		if err != nil {
			return nil, err
		}
		for _, e := range page.GetExecutions() {
			found[e.GetExecution().GetWorkflowId()] = true
		}
		if request.NextPageToken = page.GetNextPageToken(); len(request.NextPageToken) == 0 {
			return found, nil
		}
	}
}

// router names a router; one whose name can't be had is shown by its id, and
// served all the same.
func (c Client) router(ctx context.Context, id int64) peering.RouterRef {
	if c.Routers != nil {
		if r, err := c.Routers.RouterRef(ctx, id); err == nil {
			return r
		}
	}
	return peering.RouterRef{ID: id}
}

// Enqueue tells a router's queue that a deployment was submitted, or that what
// held it may be gone, and starts the queue when it doesn't run. Deployment 0
// means a session to shut.
func (c Client) Enqueue(ctx context.Context, router, deployment int64) error {
	options := aboutQueue(c.router(ctx, router)).start()
	_, err := c.Temporal.SignalWithStartWorkflow(ctx, routerID(router), SignalEnqueue, EnqueueSignal{Deployment: deployment},
		options, ServeRouter, ServeRouterInput{Router: router})
	return err
}

// Propose starts the workflow that waits for a person to paste a deployment, or
// joins the one that runs.
func (c Client) Propose(ctx context.Context, change peering.Change, dep peering.Deployment) error {
	router := c.router(ctx, dep.RouterID)
	router.Name = dep.Router
	options := aboutProposal(change, dep, router).start()
	_, err := c.Temporal.ExecuteWorkflow(ctx, options, ProposeRouter, ProposeRouterInput{Deployment: dep.ID, Site: router.Site})
	return err
}

// LookAgain wakes a change's workflows: DeployChange, and ProvisionPeering
// before and after it. Those that don't run are passed over.
func (c Client) LookAgain(ctx context.Context, change int64, why string) error {
	var errs []error
	for _, id := range []string{changeID(change), provisionID(change)} {
		err := c.Temporal.SignalWorkflow(ctx, id, "", SignalLookAgain, LookAgainSignal{Why: why})
		var gone *serviceerror.NotFound
		if err != nil && !errors.As(err, &gone) {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

// takeUp is how long somebody who asks waits for Temporal to take it up.
const takeUp = 3 * time.Second

// syncPatience is how long a sync may take, pauses that PeeringDB asks for included.
const syncPatience = time.Hour

// SyncNow starts a sync of PeeringDB's mirror, or joins the one that runs. It
// gives up (unavailable) after 3 s without an answer of Temporal.
func (c Client) SyncNow(ctx context.Context, full bool) (string, error) {
	options := aboutSync().start()
	options.WorkflowExecutionTimeout = syncPatience
	starting, cancel := context.WithTimeout(ctx, takeUp)
	defer cancel()
	run, err := c.Temporal.ExecuteWorkflow(starting, options, SyncPeeringDB, SyncPeeringDBInput{Full: full})
	if err != nil {
		return "", peering.Hide(peering.Unavailable, "Temporal doesn't answer: is it running? No sync was asked for; the mirror is synced by its schedule once it does", err)
	}
	return run.GetID(), nil
}

// AwaitSync waits for a sync to end.
func (c Client) AwaitSync(ctx context.Context) (activities.SyncResult, error) {
	var result activities.SyncResult
	err := c.Temporal.GetWorkflow(ctx, syncID, "").Get(ctx, &result)
	return result, err
}

// CompareRouter has a router read and compared with what is recorded, or joins
// the comparison that runs. What can't be had within the budget is an error of
// its kind, never an empty answer.
func (c Client) CompareRouter(ctx context.Context, router peering.RouterRef) (result activities.CompareResult, err error) {
	ctx, cancel := context.WithTimeout(ctx, glanceBudget+5*time.Second)
	defer cancel()
	options := aboutDiff(router).start()
	options.WorkflowExecutionTimeout = glanceBudget + 5*time.Second
	starting, stop := context.WithTimeout(ctx, takeUp)
	defer stop()
	run, err := c.Temporal.ExecuteWorkflow(starting, options, CompareRouter, CompareRouterInput{Router: router.ID, Site: router.Site})
	if err != nil {
		return result, peering.Hide(peering.Unavailable, "Temporal doesn't answer: is it running? The router wasn't read: ask again once it does", err)
	}
	early := time.AfterFunc(glanceBudget/2, func() {
		if c.neverBegan(ctx, run) {
			cancel()
		}
	})
	defer early.Stop()
	if err = run.Get(ctx, &result); err != nil && c.neverBegan(ctx, run) {
		return result, peering.Errorf(peering.Unavailable, "no worker serves %s: start one (peerflow worker)", ControlQueue)
	}
	return result, glanced(err)
}

// neverBegan reports that no worker took a workflow up.
func (c Client) neverBegan(ctx context.Context, run client.WorkflowRun) bool {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*time.Second)
	defer cancel()
	events := c.Temporal.GetWorkflowHistory(ctx, run.GetID(), run.GetRunID(), false, enumspb.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT)
	for events.HasNext() {
		event, err := events.Next()
		if err != nil || event.GetEventType() == enumspb.EVENT_TYPE_WORKFLOW_TASK_STARTED {
			return false
		}
	}
	return true
}

// glanced gives the error of a look at a router its kind back.
func glanced(err error) error {
	var app *temporal.ApplicationError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &app) && app.Type() != "":
		return peering.NewError(peering.Kind(app.Type()), app.Message())
	case errors.As(err, &app):
		return err
	}
	return peering.Errorf(peering.Unavailable, "the router wasn't read within %s: is a worker running, and does the router answer?", glanceBudget)
}

// PollEvery creates or updates the schedule that polls a router at its site.
func (c Client) PollEvery(ctx context.Context, router peering.RouterRef, every time.Duration) error {
	a := aboutPoll(router)
	return c.schedule(ctx, a, every, a.action(PollRouter, PollRouterInput{Router: router.ID, Site: router.Site}, 2*time.Minute))
}

// PollNoMore removes the schedule of a router that is gone.
func (c Client) PollNoMore(ctx context.Context, router int64) error {
	err := c.Temporal.ScheduleClient().GetHandle(ctx, pollID(router)).Delete(ctx)
	var gone *serviceerror.NotFound
	if errors.As(err, &gone) {
		return nil
	}
	return err
}

// SyncEvery creates or updates the schedule of the mirror's sync.
func (c Client) SyncEvery(ctx context.Context, every time.Duration) error {
	a := aboutSync()
	return c.schedule(ctx, a, every, a.action(SyncPeeringDB, SyncPeeringDBInput{}, syncPatience))
}

// schedule skips overlaps, catches up ten minutes at most, and spreads starts.
func (c Client) schedule(ctx context.Context, a about, every time.Duration, action *client.ScheduleWorkflowAction) error {
	spec := client.ScheduleSpec{Intervals: []client.ScheduleIntervalSpec{{Every: every}}, Jitter: every / 10}
	_, err := c.Temporal.ScheduleClient().Create(ctx, client.ScheduleOptions{
		ID: a.id, Spec: spec, Action: action, Note: oneLine(a.summary), TypedSearchAttributes: a.attributes(), Overlap: enumspb.SCHEDULE_OVERLAP_POLICY_SKIP, CatchupWindow: 10 * time.Minute,
	})
	if !errors.Is(err, temporal.ErrScheduleAlreadyRunning) {
		return err
	}
	return c.Temporal.ScheduleClient().GetHandle(ctx, a.id).Update(ctx, client.ScheduleUpdateOptions{
		DoUpdate: func(in client.ScheduleUpdateInput) (*client.ScheduleUpdate, error) {
			s := in.Description.Schedule
			s.Spec, s.Action, s.State.Note = &spec, action, oneLine(a.summary)
			attributes := a.attributes()
			return &client.ScheduleUpdate{Schedule: &s, TypedSearchAttributes: &attributes}, nil
		},
	})
}
