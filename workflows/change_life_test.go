package workflows_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/testsuite"

	"peerflow/activities"
	"peerflow/internal/peering"
	"peerflow/workflows"
)

// paperwork is a change's record, and the activities of its workflow on it. How
// each router's deployment ends is written beforehand.
type paperwork struct {
	env      *testsuite.TestWorkflowEnvironment
	state    peering.ChangeState
	outcome  string
	expires  time.Time
	approved bool
	cancel   string   // acted on at the next move, as the database does
	resolve  int64    // an open command to resolve
	routers  []string // of the plan
	ends     map[string]peering.DeploymentState
	tried    []string
	steps    []string
	woken    int
}

func paper(t *testing.T, state peering.ChangeState) *paperwork {
	t.Helper()
	var suite testsuite.WorkflowTestSuite
	p := &paperwork{env: suite.NewTestWorkflowEnvironment(), state: state, approved: true, routers: []string{"edge1"},
		ends: map[string]peering.DeploymentState{"edge1": peering.DeploymentConfirmed, "edge2": peering.DeploymentConfirmed}}
	p.env.SetTestTimeout(20 * time.Second)
	for name, f := range map[string]any{
		"DescribeChange": p.describe, "MoveChange": p.move, "PlanChange": p.plan, "TallyVotes": p.tally, "PlannedRouters": p.planned,
		"SubmitDeployment": p.submit, "ReadDeployment": p.read, "SettleChange": p.settle, "ResolveDeployment": p.resolved,
		"Unresolved": p.unresolved, "ResolveHandled": func(context.Context, int64) error { p.resolve = 0; return nil },
		"ScopeChange":    func(context.Context, int64) (activities.ScopeResult, error) { return activities.ScopeResult{}, nil },
		"WakeRouters":    func(context.Context, int64) error { p.woken++; return nil },
		"WaitingChanges": func(context.Context, int64) ([]int64, error) { return nil, nil },
	} {
		p.env.RegisterActivityWithOptions(f, activity.RegisterOptions{Name: name})
	}
	return p
}

func (p *paperwork) run(t *testing.T) workflows.DeployChangeResult {
	t.Helper()
	p.env.ExecuteWorkflow(workflows.DeployChange, workflows.DeployChangeInput{Change: 3})
	var result workflows.DeployChangeResult
	if err := p.env.GetWorkflowError(); err != nil {
		t.Fatal(err)
	}
	if err := p.env.GetWorkflowResult(&result); err != nil {
		t.Fatal(err)
	}
	if result.State != p.state || result.Outcome != p.outcome {
		t.Errorf("answered %s (%s), recorded %s (%s)", result.State, result.Outcome, p.state, p.outcome)
	}
	return result
}

func (p *paperwork) now() activities.DescribeResult {
	return activities.DescribeResult{State: p.state, Outcome: p.outcome, PlanID: 1}
}

func (p *paperwork) describe(context.Context, int64) (activities.DescribeResult, error) {
	return p.now(), nil
}

func (p *paperwork) move(_ context.Context, in activities.MoveInput) error {
	told := in.To
	if p.cancel != "" && !in.To.Ended() {
		in.To, in.Outcome = peering.ChangeCancelled, p.cancel
	}
	if p.state != in.To {
		if err := p.state.To(in.To); err != nil {
			return temporal.NewNonRetryableApplicationError(err.Error(), "conflict", nil)
		}
	}
	p.state, p.outcome = in.To, in.Outcome
	p.steps = append(p.steps, string(in.To))
	if told != in.To {
		return temporal.NewNonRetryableApplicationError(in.Outcome, activities.EndedOtherwise, nil, p.now())
	}
	return nil
}

func (p *paperwork) plan(context.Context, activities.PlanInput) (activities.PlanResult, error) {
	for r, end := range p.ends {
		if end == peering.DeploymentStale { // planned anew, it fits
			p.ends[r] = peering.DeploymentConfirmed
		}
	}
	return activities.PlanResult{PlanID: 1, Hash: "0123456789abcdef", Routers: len(p.routers), Impact: "adds 1 session"}, nil
}

func (p *paperwork) tally(_ context.Context, in activities.StandingInput) (activities.Standing, error) {
	return activities.Standing{Tally: peering.Tally{Approved: p.approved && in.Plan != 0}, Cancel: p.cancel, Resolve: p.resolve, Expires: p.expires}, nil
}

func (p *paperwork) planned(context.Context, int64) (routers []activities.PlannedRouter, err error) {
	for i, name := range p.routers {
		routers = append(routers, activities.PlannedRouter{ID: int64(i + 1), Name: name})
	}
	return routers, nil
}

func (p *paperwork) submit(_ context.Context, in activities.SubmitInput) (int64, error) {
	p.tried = append(p.tried, p.routers[in.Router-1])
	return in.Router, nil
}

func (p *paperwork) read(_ context.Context, id int64) (activities.DeploymentStatus, error) {
	return activities.DeploymentStatus{State: p.ends[p.routers[id-1]], Ended: true}, nil
}

// settle is the database's, for as many routers as were tried.
func (p *paperwork) settle(context.Context, int64) (activities.DescribeResult, error) {
	confirmed := 0
	for _, r := range p.routers {
		switch end := p.ends[r]; {
		case end == peering.DeploymentConfirmed && strings.Contains(fmt.Sprint(p.tried), r):
			confirmed++
		case end == peering.DeploymentNeedsOperator:
			p.state = peering.ChangeNeedsOperator
			return p.now(), nil
		case end == peering.DeploymentRolledBack:
			p.state, p.outcome = peering.ChangeRolledBack, r+" rolled back"
			return p.now(), nil
		}
	}
	switch {
	case confirmed == len(p.routers):
		p.state, p.outcome = peering.ChangeCompleted, fmt.Sprintf("confirmed on %d", confirmed)
	case p.state == peering.ChangeNeedsOperator:
		p.state = peering.ChangeDeploying
	}
	return p.now(), nil
}

func (p *paperwork) unresolved(context.Context, int64) ([]activities.QueuedDeployment, error) {
	return []activities.QueuedDeployment{{ID: 1, NeedsOperator: true}}, nil
}

func (p *paperwork) resolved(context.Context, int64) error {
	for r, end := range p.ends {
		if end == peering.DeploymentNeedsOperator {
			p.ends[r] = peering.DeploymentConfirmed
		}
	}
	return nil
}

func TestAChangeExpiresWhenItsRecordSays(t *testing.T) {
	t.Parallel()
	p := paper(t, peering.ChangeDraft)
	p.approved, p.expires = false, p.env.Now().Add(90*time.Minute)
	began := p.env.Now()
	if got := p.run(t); got.State != peering.ChangeExpired {
		t.Errorf("ended %s: %s", got.State, got.Outcome)
	}
	if after := p.env.Now().Sub(began); after < 90*time.Minute || after > 91*time.Minute {
		t.Errorf("expired after %s", after)
	}
}

func TestACancelledChangeEndsAtItsNextMove(t *testing.T) {
	t.Parallel()
	p := paper(t, peering.ChangeApproved)
	p.cancel = "cancelled by carol"
	if got := p.run(t); got.State != peering.ChangeCancelled || len(p.tried) != 0 {
		t.Errorf("ended %s, tried %v", got.State, p.tried)
	}
}

func TestAResolvedChangeGoesOnWithTheRoutersThatAreLeft(t *testing.T) {
	t.Parallel()
	for name, state := range map[string]peering.ChangeState{"in one run": peering.ChangeDraft, "in a run that takes over": peering.ChangeNeedsOperator} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := paper(t, state)
			p.routers, p.ends["edge1"] = []string{"edge1", "edge2"}, peering.DeploymentNeedsOperator
			if state == peering.ChangeNeedsOperator {
				p.tried = []string{"edge1"}
			}
			p.env.RegisterDelayedCallback(func() {
				p.resolve = 9
				p.env.SignalWorkflow(workflows.SignalLookAgain, workflows.LookAgainSignal{Why: "resolve"})
			}, 2*time.Hour)
			got := p.run(t)
			if got.State != peering.ChangeCompleted || !strings.Contains(fmt.Sprint(p.tried), "edge2") || p.woken != 1 {
				t.Errorf("ended %s (%s), tried %v, woke %d queues", got.State, got.Outcome, p.tried, p.woken)
			}
		})
	}
}

// A cancel of Temporal's that ended nothing on its way to a router ends the change before it is brought anywhere again.
func TestAContinuedRunKeepsThatItWasCancelled(t *testing.T) {
	t.Parallel()
	p := paper(t, peering.ChangeDeploying)
	p.ends["edge1"] = peering.DeploymentStale
	p.env.ExecuteWorkflow(workflows.DeployChange, workflows.DeployChangeInput{Change: 3, Continued: &workflows.ContinuedChange{Plan: activities.PlanResult{PlanID: 1}, Cancelled: true}})
	var got workflows.DeployChangeResult
	if err := p.env.GetWorkflowResult(&got); err != nil || got.State != peering.ChangeCancelled || len(p.tried) != 1 {
		t.Errorf("ended %s (%v), tried %v", got.State, err, p.tried)
	}
}

// A resolve whose signal got lost is seen before anything is waited for.
func TestARunThatTakesOverFindsWhatWasOrdered(t *testing.T) {
	t.Parallel()
	p := paper(t, peering.ChangeNeedsOperator)
	p.ends["edge1"], p.tried, p.resolve = peering.DeploymentNeedsOperator, []string{"edge1"}, 9
	began := p.env.Now()
	if got := p.run(t); got.State != peering.ChangeCompleted || p.env.Now().Sub(began) > time.Minute {
		t.Errorf("ended %s after %s", got.State, p.env.Now().Sub(began))
	}
}

func TestARunThatTakesOverGoesOnWhereTheChangeStands(t *testing.T) {
	t.Parallel()
	for state, steps := range map[peering.ChangeState]string{
		peering.ChangePlanned:          "[planned awaiting_approval approved deploying]",
		peering.ChangeAwaitingApproval: "[stale planned awaiting_approval approved deploying]",
		peering.ChangeApproved:         "[stale planned awaiting_approval approved deploying]",
		peering.ChangeDeploying:        "[deploying]",
		peering.ChangeRejected:         "[]",
	} {
		p := paper(t, state)
		p.run(t)
		if fmt.Sprint(p.steps) != steps {
			t.Errorf("from %s: %v, want %s", state, p.steps, steps)
		}
	}
}

// What an earlier run waited for is over once it is planned again: the next deployment is told like any other.
func TestAContinuedRunThatPlansAgainSaysThatItDeploys(t *testing.T) {
	t.Parallel()
	p := paper(t, peering.ChangeDeploying)
	p.ends["edge1"] = peering.DeploymentStale
	p.env.ExecuteWorkflow(workflows.DeployChange, workflows.DeployChangeInput{Change: 3, Continued: &workflows.ContinuedChange{Plan: activities.PlanResult{PlanID: 1}}})
	if err := p.env.GetWorkflowError(); err != nil || fmt.Sprint(p.steps) != "[stale planned awaiting_approval approved deploying]" {
		t.Errorf("took %v, %v", p.steps, err)
	}
}

func TestADeploymentThatIsNotThereEndsInAnErrorThatSaysSo(t *testing.T) {
	t.Parallel()
	var suite testsuite.WorkflowTestSuite
	env := suite.NewTestWorkflowEnvironment()
	env.RegisterActivityWithOptions(func(context.Context, int64) (peering.Next, error) {
		return peering.Next{}, temporal.NewNonRetryableApplicationError("there is no deployment 999", string(peering.NotFound), nil)
	}, activity.RegisterOptions{Name: "DecideDeployment"})
	env.ExecuteWorkflow(workflows.DeployRouter, workflows.DeployRouterInput{Deployment: 999})
	if err := env.GetWorkflowError(); err == nil || !strings.Contains(err.Error(), "there is no deployment 999") {
		t.Errorf("ended with %v", err)
	}
}

// A deployment that has waited for days looks rarely; lifting the freeze wakes it.
func TestADeploymentGoesOnAtOnceWhenAFreezeIsLifted(t *testing.T) {
	t.Parallel()
	r := rehearse(t)
	const lift = 26*time.Hour + 17*time.Second
	frozen, began := true, r.env.Now()
	var after time.Duration
	r.frozen = func() bool {
		if !frozen && after == 0 {
			after = r.env.Now().Sub(began)
		}
		return frozen
	}
	r.env.RegisterDelayedCallback(func() {
		frozen = false
		r.env.SignalWorkflow(workflows.SignalLookAgain, workflows.LookAgainSignal{Why: "freeze lifted"})
	}, lift)
	if got := r.run(t); got.State != peering.DeploymentConfirmed {
		t.Errorf("ended %s", got.State)
	}
	if after-lift > time.Second {
		t.Errorf("looked again %s after the freeze was lifted", after-lift)
	}
}
