package workflows_test

import (
	"strings"
	"testing"
	"time"

	"peerflow/activities"
	"peerflow/internal/peering"
	"peerflow/workflows"
)

func TestAChangeEndsAsItsRouterDoes(t *testing.T) {
	t.Parallel()
	for ends, want := range map[peering.DeploymentState]peering.ChangeState{
		peering.DeploymentConfirmed:  peering.ChangeCompleted,
		peering.DeploymentRolledBack: peering.ChangeRolledBack,
		peering.DeploymentInterfered: peering.ChangeInterfered,
		peering.DeploymentFailed:     peering.ChangeFailed,
		peering.DeploymentCancelled:  peering.ChangeCancelled,
	} {
		t.Run(string(ends), func(t *testing.T) {
			t.Parallel()
			s := newStage(t)
			s.ends = []peering.DeploymentState{ends}
			s.later(time.Hour, s.approve)
			if got := s.deploy(t); got.State != want {
				t.Errorf("ended %s (%s), want %s", got.State, got.Outcome, want)
			}
			if len(s.deployments) != 1 {
				t.Errorf("%d deployments", len(s.deployments))
			}
		})
	}
}

func TestARejectionReachesAChangeThatWaitsForItsRouter(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	s.ends, s.took = []peering.DeploymentState{peering.DeploymentCancelled}, 24*time.Hour
	s.later(time.Hour, s.approve)
	s.later(2*time.Hour, func() { s.rejected = "ben"; s.deployments[0].endsAt = s.env.Now(); s.look("reject") })
	start := s.env.Now()
	if got := s.deploy(t); got.State != peering.ChangeRejected || s.env.Now().Sub(start) > 3*time.Hour || s.woken != 1 {
		t.Errorf("ended %s after %s, and woke %d queues whose deployment sleeps", got.State, s.env.Now().Sub(start), s.woken)
	}
}

// Nothing reaches a router on these ways out.
func TestAChangeThatIsNotApprovedDeploysNothing(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		set  func(*stage)
		want peering.ChangeState
		text string
	}{
		"nobody decides: it expires":        {func(*stage) {}, peering.ChangeExpired, ""},
		"rejected":                          {func(s *stage) { s.later(time.Hour, func() { s.rejected = "ben"; s.look("vote") }) }, peering.ChangeRejected, "ben"},
		"rejected, and the signal got lost": {func(s *stage) { s.later(time.Minute, func() { s.rejected = "ben" }) }, peering.ChangeRejected, "ben"},
		"cancelled by a person":             {func(s *stage) { s.later(time.Hour, func() { s.cancel = "cancelled by anna"; s.look("command") }) }, peering.ChangeCancelled, "anna"},
		"cancelled in Temporal":             {func(s *stage) { s.later(time.Hour, s.env.CancelWorkflow) }, peering.ChangeCancelled, "Temporal"},
		"cancelled in Temporal at once":     {func(s *stage) { s.later(0, s.env.CancelWorkflow) }, peering.ChangeCancelled, "Temporal"},
		"cancelled while another change blocks it": {func(s *stage) {
			s.blocked = 12
			s.later(time.Hour, func() { s.cancel = "cancelled by anna"; s.look("command") })
		}, peering.ChangeCancelled, "anna"},
		"cancelled in Temporal while another change blocks it": {func(s *stage) {
			s.blocked = 12
			s.later(time.Hour, s.env.CancelWorkflow)
		}, peering.ChangeCancelled, "Temporal"},
		"the routers run it already": {func(s *stage) { s.plan.Empty = true }, peering.ChangeCompleted, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newStage(t)
			c.set(s)
			got := s.deploy(t)
			if got.State != c.want || !strings.Contains(s.outcome, c.text) {
				t.Errorf("ended %s (%s), want %s with %q", got.State, s.outcome, c.want, c.text)
			}
			if len(s.deployments) != 0 {
				t.Errorf("%d deployments", len(s.deployments))
			}
		})
	}
}

// Temporal's own Cancel ends nothing once a change deploys: the record follows
// the router, and nobody is left watching a rollback timer alone.
func TestTemporalsCancelEndsNothingOnceAChangeDeploys(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	s.later(time.Minute, s.approve)
	s.later(90*time.Second, s.env.CancelWorkflow)
	if got := s.deploy(t); got.State != peering.ChangeCompleted {
		t.Errorf("ended %s (%s)", got.State, got.Outcome)
	}
}

func TestAChangePlansAgainWhenItsStanzaMoved(t *testing.T) {
	t.Parallel()
	moved := activities.PlanResult{PlanID: 2, Hash: "decafbaddecafbad", Impact: "adds 2 sessions", Moved: "policy PEERS on edge1"}
	t.Run("while it waits: the votes are void, and the approvers read who moved it", func(t *testing.T) {
		t.Parallel()
		s := newStage(t)
		s.later(time.Hour, func() { s.plan = moved; s.look(activities.RouterMoved + " with change 9 by ben") })
		s.later(2*time.Hour, func() {
			if s.state != peering.ChangeAwaitingApproval || !strings.Contains(s.step, "policy PEERS on edge1 moved with change 9 by ben") {
				t.Errorf("%s: %s", s.state, s.step)
			}
			s.approve()
		})
		if got := s.deploy(t); got.State != peering.ChangeCompleted {
			t.Errorf("ended %s", got.State)
		}
	})
	t.Run("the same plan comes out: votes stand", func(t *testing.T) {
		t.Parallel()
		s := newStage(t)
		s.later(time.Hour, func() { s.look(activities.RouterMoved + " with change 9 by ben") })
		s.later(2*time.Hour, s.approve)
		s.deploy(t)
		for _, call := range s.calls {
			if call == "MoveChange/stale" {
				t.Error("the change became stale though its plan didn't move")
			}
		}
	})
	t.Run("found by the deployment: it asks again", func(t *testing.T) {
		t.Parallel()
		s := newStage(t)
		s.ends = []peering.DeploymentState{peering.DeploymentStale, peering.DeploymentConfirmed}
		s.later(time.Hour, s.approve)
		s.later(time.Hour+30*time.Second, func() { s.plan = moved; s.approved = false })
		s.later(3*time.Hour, s.approve)
		if got := s.deploy(t); got.State != peering.ChangeCompleted || len(s.deployments) != 2 {
			t.Errorf("ended %s after %d deployments", got.State, len(s.deployments))
		}
	})
}

func TestAChangeThatNeedsAnOperatorWaitsForOne(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	s.ends = []peering.DeploymentState{peering.DeploymentNeedsOperator}
	s.later(time.Hour, s.approve)
	s.later(48*time.Hour, func() {
		if s.state != peering.ChangeNeedsOperator {
			t.Errorf("%s after two days", s.state)
		}
		s.resolve = 5
		s.look("command")
	})
	if got := s.deploy(t); got.State != peering.ChangeRolledBack || !s.resolved {
		t.Errorf("ended %s, resolved %t", got.State, s.resolved)
	}
}

// A decision in the Temporal UI: what the database refuses is refused there, what
// has no shape never reaches it.
func TestDecisionsInTheTemporalUI(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	var shapeless, wrong, good *answer
	s.later(time.Hour, func() { shapeless = s.decide(workflows.Decide{Decision: "maybe", Code: "GOOD"}) })
	s.later(2*time.Hour, func() { wrong = s.decide(workflows.Decide{Decision: peering.Approve, Code: "WRONG"}) })
	s.later(3*time.Hour, func() { good = s.decide(workflows.Decide{Decision: peering.Approve, Code: "GOOD"}) })
	if got := s.deploy(t); got.State != peering.ChangeCompleted {
		t.Errorf("ended %s", got.State)
	}
	if shapeless.rejected == nil || wrong.failed == nil || good.failed != nil || good.rejected != nil {
		t.Errorf("shapeless %v, wrong %v, good %v", shapeless, wrong, good)
	}
}

// changeActivities lists what a change that goes through calls, in order.
var changeActivities = []string{
	"DescribeChange", "PlanChange", "MoveChange/planned", "MoveChange/awaiting_approval", "TallyVotes", "MoveChange/approved",
	"PlannedRouters", "MoveChange/deploying", "SubmitDeployment", "ReadDeployment", "WaitingChanges", "TellChanges", "SettleChange",
}

func TestAChangeCallsWhatTheTablesBelowBreak(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	s.later(time.Hour, s.approve)
	s.deploy(t)
	called := map[string]bool{}
	for _, name := range s.calls {
		called[name] = true
	}
	for _, name := range changeActivities {
		if !called[name] {
			t.Errorf("%s isn't called", name)
		}
		delete(called, name)
	}
	for name := range called {
		t.Errorf("%s is called and not listed", name)
	}
}

func TestEveryStepOfAChangeMayRunTwice(t *testing.T) {
	t.Parallel()
	for _, name := range changeActivities {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newStage(t)
			s.lost[name] = true
			s.later(time.Hour, s.approve)
			if got := s.deploy(t); got.State != peering.ChangeCompleted || len(s.deployments) != 1 {
				t.Errorf("ended %s after %d deployments", got.State, len(s.deployments))
			}
			if s.lost[name] {
				t.Errorf("%s wasn't called", name)
			}
		})
	}
}

// A step that fails for good ends the change without a router touched, or, once
// a deployment is on its way, as that deployment ends.
func TestAChangeThatFailsAtAnyStepEndsWithItsRouter(t *testing.T) {
	t.Parallel()
	deploys := false
	for _, name := range changeActivities {
		if name == "SettleChange" {
			continue // the end itself: without it the workflow fails and is started again
		}
		after := deploys
		deploys = deploys || name == "SubmitDeployment"
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newStage(t)
			s.broken[name] = true
			s.later(time.Hour, s.approve)
			got := s.deploy(t)
			want := peering.ChangeFailed
			if after {
				want = peering.ChangeCompleted
			}
			if got.State != want {
				t.Errorf("ended %s (%s), want %s", got.State, got.Outcome, want)
			}
			if !after && len(s.deployments) != 0 {
				t.Errorf("%d deployments", len(s.deployments))
			}
		})
	}
}
