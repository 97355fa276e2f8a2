package activities

import (
	"context"
	"fmt"
	"time"

	"go.temporal.io/sdk/temporal"

	"peerflow/internal/peering"
)

// Changing moves changes and hands their deployments to the routers' queues.
type Changing struct {
	Changes     ChangeStore
	Plans       PlanStore
	Deployments DeploymentStore
	Observed    ObservationStore
	Queue       RouterQueue
	Now         func() time.Time
	PollEvery   time.Duration // between two looks at a router
}

// RouterQueue reaches the workflow that serves one router.
type RouterQueue interface {
	// Enqueue signals the router's workflow, starting it when it doesn't run.
	Enqueue(ctx context.Context, routerID, deploymentID int64) error
	// Propose starts the workflow that waits for a person to paste a deployment. One
	// that runs is no error.
	Propose(ctx context.Context, change peering.Change, dep peering.Deployment) error
	// LookAgain tells a change's workflow that something it waits for may have
	// happened. One that doesn't run is no error.
	LookAgain(ctx context.Context, changeID int64, why string) error
}

// MoveInput names a change's next state.
type MoveInput struct {
	Change  int64               `json:"change"`
	To      peering.ChangeState `json:"to"`
	Step    string              `json:"step"`
	Outcome string              `json:"outcome,omitempty"`
}

// EndedOtherwise is the type of MoveChange's failure when the change ended, and
// not as it was told to: its details are a DescribeResult.
const EndedOtherwise = "ended_otherwise"

// MoveChange sets a change's state; the state it has already is no error. One that
// was cancelled meanwhile, or that a router runs already, ends as the database says.
func (c *Changing) MoveChange(ctx context.Context, in MoveInput) error {
	if err := c.Changes.MoveChange(ctx, in.Change, in.To, in.Step, in.Outcome); err != nil {
		return fail(err)
	}
	now, err := c.DescribeChange(ctx, in.Change)
	if err == nil && now.State.Ended() && (now.State != in.To || now.Outcome != in.Outcome) {
		return temporal.NewNonRetryableApplicationError(now.Outcome, EndedOtherwise, nil, now)
	}
	return err
}

// StepInput says what a change does or waits for.
type StepInput struct {
	Change int64  `json:"change"`
	Text   string `json:"text"`
}

// NoteStep says so, and leaves the state as it is.
func (c *Changing) NoteStep(ctx context.Context, in StepInput) error {
	change, err := c.Changes.Change(ctx, in.Change)
	if err != nil || change.State.Ended() {
		return fail(err)
	}
	return fail(c.Changes.MoveChange(ctx, in.Change, change.State, in.Text, ""))
}

// DescribeResult is what a workflow needs to know of its change.
type DescribeResult struct {
	Kind    peering.ChangeKind  `json:"kind"`
	State   peering.ChangeState `json:"state"`
	ASN     uint32              `json:"asn,omitempty"`
	Outcome string              `json:"outcome,omitempty"`
	PlanID  int64               `json:"plan_id,omitempty"` // in force
}

// DescribeChange reads a change.
func (c *Changing) DescribeChange(ctx context.Context, changeID int64) (DescribeResult, error) {
	change, err := c.Changes.Change(ctx, changeID)
	return DescribeResult{Kind: change.Kind, State: change.State, ASN: uint32(change.Request.ASN), Outcome: change.Outcome, PlanID: change.PlanID}, fail(err)
}

// PlannedRouter is a router of a plan.
type PlannedRouter struct {
	ID   int64  `json:"id"`
	Name string `json:"name"`
	// Mode is propose where a person pastes what was approved.
	Mode peering.RouterMode `json:"mode,omitempty"`
}

// PlannedRouters lists a plan's routers in the order they are deployed.
func (c *Changing) PlannedRouters(ctx context.Context, planID int64) ([]PlannedRouter, error) {
	plan, err := c.Plans.Plan(ctx, planID)
	if err != nil {
		return nil, fail(err)
	}
	var routers []PlannedRouter
	for _, r := range plan.Routers {
		routers = append(routers, PlannedRouter{ID: r.RouterID, Name: r.Router, Mode: r.Mode})
	}
	return routers, nil
}

// SubmitInput names what to deploy where.
type SubmitInput struct {
	Change int64 `json:"change"`
	Plan   int64 `json:"plan"`
	Router int64 `json:"router"`
}

// SubmitDeployment writes the queued row and tells the router's queue. What a
// person pastes waits in a workflow of its own instead: the queue never waits for
// a person. Idempotent: one row per plan and router, and both dedupe ids.
func (c *Changing) SubmitDeployment(ctx context.Context, in SubmitInput) (int64, error) {
	id, err := c.Deployments.SubmitDeployment(ctx, in.Change, in.Plan, in.Router)
	if err != nil {
		return 0, fail(err)
	}
	dep, err := c.Deployments.Deployment(ctx, id)
	if err != nil {
		return 0, fail(err)
	}
	if dep.Mode != peering.Propose {
		return id, fail(c.Queue.Enqueue(ctx, in.Router, id))
	}
	change, err := c.Changes.Change(ctx, in.Change)
	if err != nil {
		return 0, fail(err)
	}
	return id, fail(c.Queue.Propose(ctx, change, dep))
}

// DeploymentStatus is where a deployment stands.
type DeploymentStatus struct {
	State peering.DeploymentState `json:"state"`
	Ended bool                    `json:"ended"` // or it needs an operator, which only a person ends
	Text  string                  `json:"text"`
}

// ReadDeployment reads a deployment's record.
func (c *Changing) ReadDeployment(ctx context.Context, id int64) (DeploymentStatus, error) {
	d, err := c.Deployments.Deployment(ctx, id)
	return DeploymentStatus{State: d.State, Ended: d.State.Ended() || d.State == peering.DeploymentNeedsOperator, Text: d.Outcome}, fail(err)
}

// SettleChange derives the change's end from its deployments.
func (c *Changing) SettleChange(ctx context.Context, changeID int64) (DescribeResult, error) {
	change, err := c.Changes.SettleChange(ctx, changeID)
	return DescribeResult{Kind: change.Kind, State: change.State, Outcome: change.Outcome}, fail(err)
}

// TellDeployment tells the deployment's change that it ended.
func (c *Changing) TellDeployment(ctx context.Context, deploymentID int64) error {
	d, err := c.Deployments.Deployment(ctx, deploymentID)
	if err != nil {
		return fail(err)
	}
	return fail(c.Queue.LookAgain(ctx, d.ChangeID, "deployment_finished"))
}

// WakeRouters tells the queues of a change's routers, and what waits in them, to
// look again: what held them may be resolved or cancelled.
func (c *Changing) WakeRouters(ctx context.Context, changeID int64) error {
	all, err := c.Deployments.Deployments(ctx, changeID)
	if err != nil {
		return fail(err)
	}
	for _, d := range all {
		if err := c.Queue.Enqueue(ctx, d.RouterID, d.ID); err != nil {
			return fail(err)
		}
	}
	return nil
}

// TellInput names a change that moved a router, and those to tell.
type TellInput struct {
	By      int64   `json:"by"`
	Changes []int64 `json:"changes"`
}

// RouterMoved begins the word that tells a change that a router of its moved; what did it follows.
const RouterMoved = "router_moved"

// TellChanges tells other changes that a router moved, and by whom.
func (c *Changing) TellChanges(ctx context.Context, in TellInput) error {
	by, err := c.Changes.Change(ctx, in.By)
	if err != nil {
		return fail(err)
	}
	for _, id := range in.Changes {
		if err := c.Queue.LookAgain(ctx, id, fmt.Sprintf("%s with change %d by %s", RouterMoved, by.ID, by.Author)); err != nil {
			return fail(err)
		}
	}
	return nil
}

// UpResult counts a change's sessions by whether the other side is there.
type UpResult struct {
	Up      int `json:"up"`
	Waiting int `json:"waiting"`
}

// CountSessionsUp reads what polls saw of the change's sessions.
func (c *Changing) CountSessionsUp(ctx context.Context, changeID int64) (UpResult, error) {
	up, waiting, err := c.Observed.SessionsUp(ctx, changeID)
	return UpResult{Up: len(up), Waiting: len(waiting)}, fail(err)
}

// AwaitedInput says what to tell of a change that waits for the other side.
type AwaitedInput struct {
	Change int64 `json:"change"`
	Number int   `json:"number,omitempty"` // of the reminder, from 1; 0 is the report that ends the watch
	Days   int   `json:"days"`             // since it completed
}

// AwaitedResult is what was told.
type AwaitedResult struct {
	Up      int    `json:"up"`
	Waiting int    `json:"waiting"`
	Text    string `json:"text"`
}

// TellAwaited tells people which sessions of a change are up and which aren't, and
// why. Idempotent: what was told is told once.
func (c *Changing) TellAwaited(ctx context.Context, in AwaitedInput) (AwaitedResult, error) {
	sessions, err := c.Observed.AwaitedSessions(ctx, in.Change, c.Now(), c.PollEvery)
	if err != nil {
		return AwaitedResult{}, fail(err)
	}
	told := peering.Awaited{Number: in.Number, Days: in.Days, Sessions: sessions}
	up, waiting := told.Counts()
	return AwaitedResult{Up: up, Waiting: waiting, Text: told.Text()}, fail(c.Observed.TellAwaited(ctx, in.Change, told))
}
