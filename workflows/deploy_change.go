package workflows

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"go.temporal.io/sdk/workflow"

	"peerflow/activities"
	"peerflow/internal/peering"
)

// DeployChangeInput names a change.
type DeployChangeInput struct {
	Change int64 `json:"change"`
}

// DeployChangeResult is how it ended.
type DeployChangeResult struct {
	State   peering.ChangeState `json:"state"`
	Outcome string              `json:"outcome"`
}

// LookAgainSignal means that something a change waits for may have happened:
// a vote, a command, a deployment's end, or that a router moved.
type LookAgainSignal struct {
	Why string `json:"why"`
}

// approvalPatience is how long a plan waits for its votes before it expires.
const approvalPatience = 7 * 24 * time.Hour

// DeployChange plans a change, waits for its approval and brings it to its
// routers, one after the other. It keeps no votes: the database is asked on
// every entry and after every decision.
func DeployChange(ctx workflow.Context, in DeployChangeInput) (DeployChangeResult, error) {
	ctx, cancel := detach(ctx)
	c := changeRun{id: in.Change, changed: workflow.GetSignalChannel(ctx, SignalLookAgain), cancel: cancel}
	if err := c.serveDecisions(ctx); err != nil {
		return DeployChangeResult{}, err
	}
	result, err := c.run(ctx)
	if err != nil {
		result, err = c.fail(ctx, err)
	}
	_ = workflow.Await(ctx, func() bool { return workflow.AllHandlersFinished(ctx) })
	return result, err
}

type changeRun struct {
	id      int64
	plan    activities.PlanResult
	changed workflow.ReceiveChannel
	cancel  *cancellation
	blocked time.Duration // last pause behind another change
	note    string        // why it was planned again, for those who approve it; "" when it wasn't
	decided int           // decisions presented, accepted or not
	looked  int           // of them, seen by the main flow
}

func (c *changeRun) run(ctx workflow.Context) (DeployChangeResult, error) {
	if done, err := c.pickUp(ctx); err != nil || done != nil {
		return orZero(done), err
	}
	for {
		// 1. Plan: render without and with the change, take what differs.
		if done, err := c.makePlan(ctx); err != nil || done != nil {
			return orZero(done), err
		}
		// 2. Wait for approval; a router that moved sends us back to 1.
		standing, err := c.approval(ctx)
		if err != nil || standing.end != nil {
			return orZero(standing.end), err
		}
		if standing.replan {
			continue
		}
		// 3. Deploy, router by router; a stanza that moved sends us back to 1.
		stale, err := c.deploy(ctx)
		if err != nil {
			return DeployChangeResult{}, err
		}
		if stale {
			continue
		}
		// 4. Settle from what the routers say.
		return c.settle(ctx)
	}
}

// pickUp goes on where an earlier run of this workflow stopped: reset, or
// started a second time, it must neither fail the change nor forget what is on
// its way to a router.
func (c *changeRun) pickUp(ctx workflow.Context) (*DeployChangeResult, error) {
	var a *activities.Changing
	var now activities.DescribeResult
	if err := workflow.ExecuteActivity(record(ctx), a.DescribeChange, c.id).Get(ctx, &now); err != nil {
		return nil, err
	}
	switch {
	case now.State.Ended():
		return &DeployChangeResult{State: now.State, Outcome: now.Outcome}, nil
	case now.State == peering.ChangeNeedsOperator:
		done, err := c.settle(ctx)
		return &done, err
	case now.State == peering.ChangeDeploying:
		c.plan.PlanID = now.PlanID
		stale, err := c.deploy(ctx)
		if err != nil || stale {
			return nil, err
		}
		done, err := c.settle(ctx)
		return &done, err
	case now.State == peering.ChangeAwaitingApproval, now.State == peering.ChangeApproved:
		return nil, c.move(ctx, peering.ChangeStale, "its workflow was started again: planning again", "")
	}
	return nil, nil
}

// makePlan answers a result when there is nothing to deploy.
func (c *changeRun) makePlan(ctx workflow.Context) (*DeployChangeResult, error) {
	for {
		round, err := c.planRound(ctx)
		if err != nil || round.done != nil {
			return round.done, err
		}
		if round.blockedBy == 0 {
			c.plan = round.plan
			break
		}
		step := fmt.Sprintf("waits for change %d, which edits the same object", round.blockedBy)
		if done, err := c.waitBlocked(ctx, step); err != nil || done != nil {
			return done, err
		}
	}
	if c.plan.Empty {
		return c.finish(ctx, peering.ChangeCompleted, c.plan.Impact)
	}
	return nil, c.move(ctx, peering.ChangePlanned, c.plan.Impact, "")
}

func (c *changeRun) waitBlocked(ctx workflow.Context, step string) (*DeployChangeResult, error) {
	workflow.SetCurrentDetails(ctx, step)
	c.blocked = min(max(c.blocked*3/2, time.Minute), time.Hour)
	c.wait(ctx, c.blocked)
	standing, err := c.standing(ctx)
	if err != nil || standing.Cancel == "" {
		return nil, err
	}
	return c.finish(ctx, peering.ChangeCancelled, standing.Cancel)
}

// waited is how waiting for approval ended.
type waited struct {
	end    *DeployChangeResult
	replan bool
}

func (c *changeRun) approval(ctx workflow.Context) (waited, error) {
	if err := c.move(ctx, peering.ChangeAwaitingApproval, "waits for approval: "+c.plan.Impact+c.note, ""); err != nil {
		return waited{}, err
	}
	expires := workflow.Now(ctx).Add(approvalPatience)
	for {
		standing, err := c.standing(ctx)
		if err != nil {
			return waited{}, err
		}
		c.describe(ctx, standing.Tally)
		if done, err := c.judge(ctx, standing, expires); err != nil || done != nil {
			return waited{end: done}, err
		}
		if standing.Tally.Approved {
			return waited{}, c.move(ctx, peering.ChangeApproved, "approved by "+standing.Tally.ApprovedBy(), "")
		}
		if by, moved := strings.CutPrefix(c.wait(ctx, untilNextCount(ctx, standing.Tally)), activities.RouterMoved); moved {
			if w, err := c.moved(ctx, by); err != nil || w.replan || w.end != nil {
				return w, err
			}
		}
	}
}

// untilNextCount is a durable timer's length: to when the author's own approval
// starts to count, at most an hour.
func untilNextCount(ctx workflow.Context, t peering.Tally) time.Duration {
	if t.Solo == "" {
		return time.Hour
	}
	return min(max(t.SoloAt.Sub(workflow.Now(ctx)), time.Second), time.Hour)
}

// judge ends a change that was cancelled, rejected or left alone for too long.
func (c *changeRun) judge(ctx workflow.Context, s activities.Standing, expires time.Time) (*DeployChangeResult, error) {
	switch {
	case s.Cancel != "":
		return c.finish(ctx, peering.ChangeCancelled, s.Cancel)
	case s.Tally.Rejected:
		return c.finish(ctx, peering.ChangeRejected, fmt.Sprintf("rejected by %s: %s", s.Tally.Rejecter, s.Tally.Reason))
	case workflow.Now(ctx).After(expires):
		return c.finish(ctx, peering.ChangeExpired, "nobody approved it in time")
	}
	return nil, nil
}

// moved plans again, and tells whether the plan in force is another one; by says
// who moved the router.
func (c *changeRun) moved(ctx workflow.Context, by string) (waited, error) {
	now, err := c.planRound(ctx)
	if err != nil || now.done != nil {
		return waited{end: now.done}, err
	}
	if now.plan.Hash == c.plan.Hash {
		c.plan = now.plan
		return waited{}, nil
	}
	c.note = fmt.Sprintf("; planned again, and earlier votes are void: %s moved%s", now.plan.Moved, by)
	return waited{replan: true}, c.move(ctx, peering.ChangeStale, fmt.Sprintf("%s moved%s: planning again, earlier votes are void", now.plan.Moved, by), "")
}

// deploy submits one deployment at a time and holds nothing else.
func (c *changeRun) deploy(ctx workflow.Context) (stale bool, err error) {
	var a *activities.Changing
	var routers []activities.PlannedRouter
	if err := workflow.ExecuteActivity(record(ctx), a.PlannedRouters, c.plan.PlanID).Get(ctx, &routers); err != nil {
		return false, err
	}
	c.nameRouters(ctx, routers)
	if err := c.move(ctx, peering.ChangeDeploying, "deploying", ""); err != nil {
		return false, err
	}
	for _, r := range routers {
		workflow.SetCurrentDetails(ctx, fmt.Sprintf("deploying to **%s**: %s", r.Name, c.plan.Impact))
		status, err := c.deployTo(ctx, r)
		if err != nil {
			return false, err
		}
		if status.State == peering.DeploymentStale {
			return true, c.move(ctx, peering.ChangeStale, status.Text, "")
		}
		if status.State != peering.DeploymentConfirmed {
			return false, nil
		}
	}
	c.tellOthers(ctx)
	return false, nil
}

// maxPollPause bounds the growing pause between two looks at a deployment's row:
// one that is frozen for days leaves a short history.
const maxPollPause = 5 * time.Minute

func (c *changeRun) deployTo(ctx workflow.Context, r activities.PlannedRouter) (activities.DeploymentStatus, error) {
	var a *activities.Changing
	var id int64
	in := activities.SubmitInput{Change: c.id, Plan: c.plan.PlanID, Router: r.ID}
	if err := workflow.ExecuteActivity(record(ctx), a.SubmitDeployment, in).Get(ctx, &id); err != nil {
		return activities.DeploymentStatus{}, err
	}
	for pause := 30 * time.Second; ; pause = min(pause*3/2, maxPollPause) {
		c.wait(ctx, pause) // the row is polled too: a signal may be lost
		var status activities.DeploymentStatus
		if err := workflow.ExecuteActivity(record(ctx), a.ReadDeployment, id).Get(ctx, &status); err != nil {
			return status, err
		}
		if status.Ended {
			return status, nil
		}
	}
}

// tellOthers lets open changes on the same routers look at their plans again.
// One that isn't told learns it from its deployment: no reason to end as failed
// what every router runs.
func (c *changeRun) tellOthers(ctx workflow.Context) {
	var p *activities.Planning
	var a *activities.Changing
	var others []int64
	err := workflow.ExecuteActivity(record(ctx), p.WaitingChanges, c.id).Get(ctx, &others)
	if err == nil && len(others) > 0 {
		err = workflow.ExecuteActivity(record(ctx), a.TellChanges, activities.TellInput{By: c.id, Changes: others}).Get(ctx, nil)
	}
	if err != nil {
		workflow.GetLogger(ctx).Warn("open changes on the same routers weren't told", "change", c.id, "error", err)
	}
}

// settle derives the end from the deployments; one that needs an operator is
// waited for.
func (c *changeRun) settle(ctx workflow.Context) (DeployChangeResult, error) {
	var a *activities.Changing
	for {
		var settled activities.DescribeResult
		if err := workflow.ExecuteActivity(record(ctx), a.SettleChange, c.id).Get(ctx, &settled); err != nil {
			return DeployChangeResult{}, err
		}
		c.show(ctx, settled.State, settled.Outcome)
		if settled.State.Ended() {
			return DeployChangeResult{State: settled.State, Outcome: settled.Outcome}, nil
		}
		c.wait(ctx, time.Hour)
		if err := c.resolve(ctx); err != nil {
			return DeployChangeResult{}, err
		}
	}
}

// resolve reads the routers that need an operator, once a person says so.
func (c *changeRun) resolve(ctx workflow.Context) error {
	var v *activities.Approving
	var ordered activities.Standing
	if err := workflow.ExecuteActivity(record(ctx), v.TallyVotes, activities.StandingInput{Change: c.id}).Get(ctx, &ordered); err != nil || ordered.Resolve == 0 {
		return err
	}
	var d *activities.Deploying
	var open []activities.QueuedDeployment
	if err := workflow.ExecuteActivity(record(ctx), d.Unresolved, c.id).Get(ctx, &open); err != nil {
		return err
	}
	for _, dep := range open {
		err := workflow.ExecuteActivity(onSite(device(ctx), dep.Site, servedWithin), d.ResolveDeployment, dep.ID).Get(ctx, nil)
		if unserved(err) {
			return c.noteStep(ctx, "not resolved yet: "+noWorker(dep.Site))
		}
		if err != nil {
			workflow.GetLogger(ctx).Warn("not resolved", "change", c.id, "error", err)
			return nil
		}
	}
	return workflow.ExecuteActivity(record(ctx), d.ResolveHandled, ordered.Resolve).Get(ctx, nil)
}

func (c *changeRun) standing(ctx workflow.Context) (activities.Standing, error) {
	var a *activities.Approving
	var s activities.Standing
	err := workflow.ExecuteActivity(record(ctx), a.TallyVotes, activities.StandingInput{Change: c.id, Plan: c.plan.PlanID}).Get(ctx, &s)
	if c.cancel.asked && s.Cancel == "" {
		s.Cancel = temporalCancel
	}
	return s, err
}

func (c *changeRun) move(ctx workflow.Context, to peering.ChangeState, step, outcome string) error {
	var a *activities.Changing
	c.show(ctx, to, step)
	return workflow.ExecuteActivity(record(ctx), a.MoveChange, activities.MoveInput{Change: c.id, To: to, Step: step, Outcome: outcome}).Get(ctx, nil)
}

func (c *changeRun) finish(ctx workflow.Context, to peering.ChangeState, outcome string) (*DeployChangeResult, error) {
	if err := c.move(ctx, to, "", outcome); err != nil {
		return nil, err
	}
	return &DeployChangeResult{State: to, Outcome: outcome}, nil
}

// fail ends a change whose step failed for good; nothing of it is on a router.
func (c *changeRun) fail(ctx workflow.Context, cause error) (DeployChangeResult, error) {
	done, err := c.finish(ctx, peering.ChangeFailed, reason(cause))
	if err != nil {
		return c.settle(ctx) // a deployment is in flight: the change ends as it does
	}
	return orZero(done), nil
}

// wait returns why it was woken: a signal's word, "decision", or "" by time.
func (c *changeRun) wait(ctx workflow.Context, atMost time.Duration) string {
	var s LookAgainSignal
	if c.changed.ReceiveAsync(&s) {
		return s.Why
	}
	woken, _ := workflow.AwaitWithTimeout(ctx, atMost, func() bool { return c.changed.Len() > 0 || c.decided > c.looked || c.cancel.news() })
	c.looked, c.cancel.seen = c.decided, c.cancel.asked
	if woken && c.changed.ReceiveAsync(&s) {
		return s.Why
	}
	if woken {
		return "decision"
	}
	return ""
}

func (c *changeRun) show(ctx workflow.Context, state peering.ChangeState, text string) {
	_ = workflow.UpsertTypedSearchAttributes(ctx, attrState.ValueSet(string(state)), attrChange.ValueSet(strconv.FormatInt(c.id, 10)))
	workflow.SetCurrentDetails(ctx, fmt.Sprintf("**%s** %s", state, text))
}

func (c *changeRun) nameRouters(ctx workflow.Context, routers []activities.PlannedRouter) {
	var names []string
	for _, r := range routers {
		names = append(names, r.Name)
	}
	_ = workflow.UpsertTypedSearchAttributes(ctx, attrRouter.ValueSet(names))
}

// describe is what an operator reads in the Temporal UI while it waits.
func (c *changeRun) describe(ctx workflow.Context, t peering.Tally) {
	workflow.SetCurrentDetails(ctx, fmt.Sprintf(
		"**waits for approval** of plan `%s`: %s (rule %s)\n\n%s\n\nRead the diff with `peerflow change show %d`. "+
			"To approve here, send the update `decide` with an approval code: `{\"decision\":\"approve\",\"code\":\"…\"}`.",
		c.plan.Hash[:8], t.Line(), t.Rule, c.plan.Impact, c.id))
}

func orZero(r *DeployChangeResult) DeployChangeResult {
	if r == nil {
		return DeployChangeResult{}
	}
	return *r
}
