package workflows

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"peerflow/activities"
	"peerflow/internal/peering"
)

// DeployChangeInput names a change.
type DeployChangeInput struct {
	Change int64 `json:"change"`
	// Continued is what a run before this one knew, whose history grew long.
	Continued *ContinuedChange `json:"continued,omitempty"`
}

// ContinuedChange is what the run of a change knows beside the record.
type ContinuedChange struct {
	Plan      activities.PlanResult `json:"plan"` // in force
	Note      string                `json:"note,omitempty"`
	Decided   int                   `json:"decided,omitempty"`   // decisions presented
	Cancelled bool                  `json:"cancelled,omitempty"` // by Temporal's own Cancel, which ends nothing on its way to a router
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

// DeployChange plans a change, waits for its approval and brings it to its
// routers, one after the other. It keeps no votes: the database is asked on
// every entry and after every decision.
func DeployChange(ctx workflow.Context, in DeployChangeInput) (DeployChangeResult, error) {
	ctx, cancel := detach(ctx)
	c := changeRun{id: in.Change, changed: signals(ctx, SignalLookAgain, wakes), cancel: cancel}
	if before := in.Continued; before != nil {
		c.plan, c.note, c.decided, c.looked, c.continues = before.Plan, before.Note, before.Decided, before.Decided, true
		cancel.asked, cancel.seen = before.Cancelled, before.Cancelled
	}
	if err := c.serveDecisions(ctx); err != nil {
		return DeployChangeResult{}, err
	}
	result, err := c.run(ctx)
	if errors.Is(err, errGrown) {
		return result, c.afresh(ctx)
	}
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
	// continues is that an earlier run waited for a deployment: what it said still
	// stands, and the deployment is looked at at once.
	continues bool
}

// errGrown ends a run whose history grew long while it waited for a deployment: the next goes on.
var errGrown = errors.New("the history grew long")

func (c *changeRun) afresh(ctx workflow.Context) error {
	if err := workflow.Await(ctx, func() bool { return workflow.AllHandlersFinished(ctx) }); err != nil {
		return err
	}
	drain(c.changed) // the next run looks at once
	return workflow.NewContinueAsNewError(ctx, DeployChange, DeployChangeInput{Change: c.id, Continued: &ContinuedChange{
		Plan: c.plan, Note: c.note, Decided: c.decided, Cancelled: c.cancel.asked}})
}

// turn is where a part of a change's way leads: to its end, back to planning, or
// (zero) on.
type turn struct {
	end    *DeployChangeResult
	replan bool
}

func (t turn) over() bool { return t.end != nil || t.replan }

func (c *changeRun) run(ctx workflow.Context) (DeployChangeResult, error) {
	at, err := c.pickUp(ctx)
	for err == nil && at.end == nil {
		// 1. Plan: render without and with the change, take what differs.
		if at, err = c.makePlan(ctx); err != nil || at.over() {
			continue
		}
		// 2. Wait for approval; a router that moved sends us back to 1.
		if at, err = c.approval(ctx); err != nil || at.over() {
			continue
		}
		// 3. Deploy, router by router, and settle from what the routers say; a
		// stanza that moved sends us back to 1.
		at, err = c.bring(ctx)
	}
	return orZero(at.end), err
}

// pickUp goes on where an earlier run of this workflow stopped: reset, or
// started a second time, it must neither fail the change nor forget what is on
// its way to a router.
func (c *changeRun) pickUp(ctx workflow.Context) (turn, error) {
	var a *activities.Changing
	var now activities.DescribeResult
	if err := workflow.ExecuteActivity(record(ctx), a.DescribeChange, c.id).Get(ctx, &now); err != nil {
		return turn{}, err
	}
	if c.plan.PlanID != now.PlanID {
		c.plan, c.continues = activities.PlanResult{PlanID: now.PlanID}, false
	}
	switch {
	case now.State.Ended():
		return turn{end: &DeployChangeResult{State: now.State, Outcome: now.Outcome}}, nil
	case now.State == peering.ChangeNeedsOperator:
		if at, err := c.settle(ctx); err != nil || at.over() {
			return at, err
		}
		return c.bring(ctx)
	case now.State == peering.ChangeDeploying:
		return c.bring(ctx)
	case now.State == peering.ChangeAwaitingApproval, now.State == peering.ChangeApproved:
		return c.move(ctx, peering.ChangeStale, "its workflow was started again: planning again", "")
	}
	return turn{}, nil
}

// makePlan ends the change when there is nothing to deploy.
func (c *changeRun) makePlan(ctx workflow.Context) (turn, error) {
	c.continues = false // what an earlier run waited for is over
	for {
		round, err := c.planRound(ctx)
		if err != nil || round.done != nil {
			return turn{end: round.done}, err
		}
		if round.blockedBy == 0 {
			c.plan = round.plan
			break
		}
		if at, err := c.waitBlocked(ctx, round.blockedBy); err != nil || at.over() {
			return at, err
		}
	}
	if c.plan.Empty {
		return c.move(ctx, peering.ChangeCompleted, "", c.plan.Impact)
	}
	return c.move(ctx, peering.ChangePlanned, c.plan.Impact, "")
}

func (c *changeRun) waitBlocked(ctx workflow.Context, by int64) (turn, error) {
	c.blocked = min(max(c.blocked*3/2, time.Minute), time.Hour)
	what := fmt.Sprintf("change %d, which edits the same object, to end", by)
	c.show(ctx, screen{turn: peering.TurnUs, doing: "Nothing is planned yet.", waits: what,
		can: append([]can{{"see the other one", fmt.Sprintf("peerflow change show %d", by)}}, c.can(peering.ChangePlanned)...)})
	c.wait(ctx, c.blocked, what)
	standing, err := c.standing(ctx, 0)
	if err != nil || standing.Cancel == "" {
		return turn{}, err
	}
	return c.move(ctx, peering.ChangeCancelled, "", standing.Cancel)
}

func (c *changeRun) approval(ctx workflow.Context) (turn, error) {
	if at, err := c.move(ctx, peering.ChangeAwaitingApproval, "waits for approval: "+c.plan.Impact+c.note, ""); err != nil || at.over() {
		return at, err
	}
	for {
		standing, err := c.standing(ctx, c.plan.PlanID)
		if err != nil {
			return turn{}, err
		}
		c.describe(ctx, standing)
		if at, err := c.judge(ctx, standing); err != nil || at.over() {
			return at, err
		}
		if standing.Tally.Approved {
			return c.move(ctx, peering.ChangeApproved, "approved by "+standing.Tally.ApprovedBy(), "")
		}
		if by, moved := strings.CutPrefix(c.wait(ctx, untilNextCount(ctx, standing), "count votes again"), activities.RouterMoved); moved {
			if at, err := c.moved(ctx, by); err != nil || at.over() {
				return at, err
			}
		}
	}
}

// untilNextCount is a durable timer's length: to when the author's own approval
// starts to count or the change expires, at most an hour.
func untilNextCount(ctx workflow.Context, s activities.Standing) time.Duration {
	wait := time.Hour
	if s.Tally.Solo != "" {
		wait = min(wait, s.Tally.SoloAt.Sub(workflow.Now(ctx)))
	}
	if !s.Expires.IsZero() {
		wait = min(wait, s.Expires.Sub(workflow.Now(ctx)))
	}
	return max(wait, time.Second)
}

// judge ends a change that was cancelled, rejected or left alone for too long.
func (c *changeRun) judge(ctx workflow.Context, s activities.Standing) (turn, error) {
	switch {
	case s.Cancel != "":
		return c.move(ctx, peering.ChangeCancelled, "", s.Cancel)
	case s.Tally.Rejected:
		return c.move(ctx, peering.ChangeRejected, "", fmt.Sprintf("rejected by %s: %s", s.Tally.Rejecter, s.Tally.Reason))
	case !s.Expires.IsZero() && !workflow.Now(ctx).Before(s.Expires):
		return c.move(ctx, peering.ChangeExpired, "", "nobody approved it by "+s.Expires.UTC().Format(time.RFC3339))
	}
	return turn{}, nil
}

// moved plans again, and goes back to planning when the plan in force is another
// one; by says who moved the router.
func (c *changeRun) moved(ctx workflow.Context, by string) (turn, error) {
	now, err := c.planRound(ctx)
	if err != nil || now.done != nil {
		return turn{end: now.done}, err
	}
	if now.plan.Hash == c.plan.Hash {
		c.plan = now.plan
		return turn{}, nil
	}
	c.note = fmt.Sprintf("; planned again, and earlier votes are void: %s moved%s", now.plan.Moved, by)
	return c.replan(ctx, fmt.Sprintf("%s moved%s: planning again, earlier votes are void", now.plan.Moved, by))
}

func (c *changeRun) replan(ctx workflow.Context, why string) (turn, error) {
	at, err := c.move(ctx, peering.ChangeStale, why, "")
	at.replan = at.end == nil
	return at, err
}

// bring deploys and settles, once more whenever an operator resolved what one
// router needed and others are left.
func (c *changeRun) bring(ctx workflow.Context) (turn, error) {
	for {
		if at, err := c.deploy(ctx); err != nil || at.over() {
			return at, err
		}
		if at, err := c.settle(ctx); err != nil || at.over() {
			return at, err
		}
	}
}

// deploy submits one deployment at a time and holds nothing else. It stops at
// the first one that isn't confirmed.
func (c *changeRun) deploy(ctx workflow.Context) (turn, error) {
	var a *activities.Changing
	var routers []activities.PlannedRouter
	if err := workflow.ExecuteActivity(record(ctx), a.PlannedRouters, c.plan.PlanID).Get(ctx, &routers); err != nil {
		return turn{}, err
	}
	label(ctx, labels{routers: namesOf(routers)})
	if !c.continues {
		if at, err := c.move(ctx, peering.ChangeDeploying, "deploying", ""); err != nil || at.over() {
			return at, err
		}
	}
	for _, r := range routers {
		status, err := c.deployTo(ctx, r)
		if err != nil {
			return turn{}, err
		}
		if status.State == peering.DeploymentStale {
			return c.replan(ctx, status.Text)
		}
		if status.State != peering.DeploymentConfirmed {
			return turn{}, nil
		}
	}
	c.tellOthers(ctx)
	return turn{}, nil
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
	leads := deploymentID(id)
	if r.Mode == peering.Propose {
		leads = proposalID(id)
	}
	c.deploying(ctx, r, leads)
	for pause := 30 * time.Second; ; pause = min(pause*3/2, maxPollPause) {
		why := ""
		if !c.continues {
			why = c.wait(ctx, pause, "look at "+leads+" in case its word was lost") // the row is polled too: a signal may be lost
		}
		var status activities.DeploymentStatus
		if err := workflow.ExecuteActivity(record(ctx), a.ReadDeployment, id).Get(ctx, &status); err != nil {
			return status, err
		}
		if status.State == peering.DeploymentCancelled {
			c.wakeRouters(ctx) // its workflow may sleep until it looks again, and hold up what queues behind it
		}
		if status.Ended {
			return status, nil
		}
		if (why != "" || c.continues) && r.Mode == peering.Propose {
			wake(ctx, leads) // votes and orders of people end what nobody pasted yet
		}
		if c.continues = false; workflow.GetInfo(ctx).GetContinueAsNewSuggested() {
			return status, errGrown
		}
	}
}

func (c *changeRun) wakeRouters(ctx workflow.Context) {
	var a *activities.Changing
	if err := workflow.ExecuteActivity(record(ctx), a.WakeRouters, c.id).Get(ctx, nil); err != nil {
		workflow.GetLogger(ctx).Warn("queues weren't woken; what waits there looks again by itself", "change", c.id, "error", err)
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
// waited for. Once it is resolved and routers are left, the change goes on.
func (c *changeRun) settle(ctx workflow.Context) (turn, error) {
	var a *activities.Changing
	for asked := false; ; {
		var now activities.DescribeResult
		if err := workflow.ExecuteActivity(record(ctx), a.SettleChange, c.id).Get(ctx, &now); err != nil {
			return turn{}, err
		}
		c.settled(ctx, now)
		switch {
		case now.State.Ended():
			return turn{end: &DeployChangeResult{State: now.State, Outcome: now.Outcome}}, nil
		case now.State == peering.ChangeStale:
			return turn{replan: true}, nil
		case now.State == peering.ChangeDeploying && asked:
			return turn{}, nil
		}
		asked = now.State == peering.ChangeNeedsOperator
		done, err := c.resolve(ctx)
		if err != nil {
			return turn{}, err
		}
		if !done {
			c.wait(ctx, time.Hour, "look whether somebody resolved it")
		}
	}
}

// resolve reads the routers that need an operator, once a person says so; false
// when nobody did, or it can't be done yet.
func (c *changeRun) resolve(ctx workflow.Context) (done bool, err error) {
	ordered, err := c.standing(ctx, 0)
	if err != nil || ordered.Resolve == 0 {
		return false, err
	}
	var d *activities.Deploying
	var open []activities.QueuedDeployment
	if err := workflow.ExecuteActivity(record(ctx), d.Unresolved, c.id).Get(ctx, &open); err != nil {
		return false, err
	}
	for _, dep := range open {
		err := workflow.ExecuteActivity(onSite(device(ctx), dep.Site, servedWithin), d.ResolveDeployment, dep.ID).Get(ctx, nil)
		if unserved(err) {
			return false, c.noteStep(ctx, "not resolved yet: "+noWorker(dep.Site))
		}
		if err != nil {
			workflow.GetLogger(ctx).Warn("not resolved", "change", c.id, "error", err)
			return false, nil
		}
	}
	if err := workflow.ExecuteActivity(record(ctx), d.ResolveHandled, ordered.Resolve).Get(ctx, nil); err != nil {
		return false, err
	}
	c.wakeRouters(ctx)
	return true, nil
}

// standing is what people said; without a plan, what they ordered alone.
func (c *changeRun) standing(ctx workflow.Context, planID int64) (activities.Standing, error) {
	var a *activities.Approving
	var s activities.Standing
	err := workflow.ExecuteActivity(record(ctx), a.TallyVotes, activities.StandingInput{Change: c.id, Plan: planID}).Get(ctx, &s)
	if c.cancel.asked && s.Cancel == "" {
		s.Cancel = temporalCancel
	}
	return s, err
}

// move takes the change on, or ends it. Where it stands then is the database's
// word: a change that was cancelled meanwhile ended, and one that a router runs
// already ends partial.
func (c *changeRun) move(ctx workflow.Context, to peering.ChangeState, step, outcome string) (turn, error) {
	c.state(ctx, screen{state: string(to), doing: step + outcome})
	now, err := moveChange(ctx, activities.MoveInput{Change: c.id, To: to, Step: step, Outcome: outcome})
	if err != nil || !now.State.Ended() {
		return turn{}, err
	}
	c.state(ctx, screen{state: string(now.State), doing: now.Outcome})
	return turn{end: &now}, nil
}

// moveChange answers where a change stands after a move.
func moveChange(ctx workflow.Context, in activities.MoveInput) (DeployChangeResult, error) {
	var a *activities.Changing
	err := workflow.ExecuteActivity(record(ctx), a.MoveChange, in).Get(ctx, nil)
	var app *temporal.ApplicationError
	if errors.As(err, &app) && app.Type() == activities.EndedOtherwise {
		var now activities.DescribeResult
		err = app.Details(&now)
		return DeployChangeResult{State: now.State, Outcome: now.Outcome}, err
	}
	return DeployChangeResult{State: in.To, Outcome: in.Outcome}, err
}

// fail ends a change whose step failed for good; nothing more of it gets to a router.
func (c *changeRun) fail(ctx workflow.Context, cause error) (DeployChangeResult, error) {
	at, err := c.move(ctx, peering.ChangeFailed, "", reason(cause))
	if err != nil {
		at, err = c.settle(ctx) // a deployment is in flight: the change ends as it does
	}
	if err == nil && at.end == nil {
		err = cause // resolved, and routers are left: the next run goes on with them
	}
	return orZero(at.end), err
}

// wait returns why it was woken: a signal's word, "decision", or "" by time.
func (c *changeRun) wait(ctx workflow.Context, atMost time.Duration, what string) string {
	var s LookAgainSignal
	if c.changed.ReceiveAsync(&s) {
		return s.Why
	}
	woken := rest(ctx, atMost, what, func() bool { return c.changed.Len() > 0 || c.decided > c.looked || c.cancel.news() })
	c.looked, c.cancel.seen = c.decided, c.cancel.asked
	if woken && c.changed.ReceiveAsync(&s) {
		return s.Why
	}
	if woken {
		return "decision"
	}
	return ""
}

func orZero(r *DeployChangeResult) DeployChangeResult {
	if r == nil {
		return DeployChangeResult{}
	}
	return *r
}
