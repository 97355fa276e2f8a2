package workflows_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/testsuite"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"peerflow/activities"
	"peerflow/internal/peering"
	"peerflow/workflows"
)

// desk is a router on which a person pastes, its record, and the activities of a
// proposal on both. Steps decide by peering.NextOfProposal as the real ones do.
type desk struct {
	env      *testsuite.TestWorkflowEnvironment
	dep      peering.Deployment
	runs     string // base, artifact, or "part"
	standing peering.ProposalStanding
	bad      bool            // verification fails
	frozen   time.Time       // until then nothing is proposed
	unread   bool            // the router can't be read
	managed  bool            // peerflow writes it itself
	away     map[string]int  // how often no worker takes a step up
	lost     map[string]bool // steps whose first answer gets lost
	looked   []time.Time     // at the router
	told     []string        // to people
	ended    []int64         // told to the change
	moves    []peering.Move  // of the plan
	events   []*event
	runCount int
}

func atDesk() *desk {
	d := &desk{runs: base, away: map[string]int{}, lost: map[string]bool{},
		moves: []peering.Move{{Key: "a", After: peering.Stanza{Key: "a", Text: "1"}.Hash()}, {Key: "b", After: peering.Stanza{Key: "b", Text: "2"}.Hash()}}}
	d.dep = peering.Deployment{ID: 7, ChangeID: 3, Router: "edge1", Mode: peering.Propose, State: peering.DeploymentQueued, BaseHash: base, ArtifactHash: artifact}
	d.start(time.Date(2026, 11, 28, 8, 0, 0, 0, time.UTC))
	return d
}

// start is the world of one run of the workflow.
func (d *desk) start(at time.Time) {
	var suite testsuite.WorkflowTestSuite
	d.env = suite.NewTestWorkflowEnvironment()
	d.env.SetTestTimeout(20 * time.Second)
	d.env.SetWorkerOptions(worker.Options{DeadlockDetectionTimeout: 20 * time.Second}) // a busy machine is no deadlock
	d.env.SetStartTime(at)
	d.env.RegisterWorkflow(workflows.ProposeRouter)
	for name, f := range map[string]any{
		"PrepareDeployment": d.prepare, "ProposeDeployment": d.propose, "LookAtProposal": d.look, "VerifyProposal": d.verify, "EndProposal": d.end,
		"NoteWait": d.note, "TellDeployment": func(_ context.Context, id int64) error { d.ended = append(d.ended, id); return nil },
	} {
		d.env.RegisterActivityWithOptions(f, activity.RegisterOptions{Name: name})
	}
	for _, e := range d.events {
		e.register(d, at)
	}
	d.runCount++
}

// event is something that happens at the router or in the record; the workflow is
// told of it where somebody would tell it.
type event struct {
	at    time.Time
	tells bool
	do    func()
	done  bool
}

func (e *event) register(d *desk, now time.Time) {
	if e.done {
		return
	}
	env := d.env
	env.RegisterDelayedCallback(func() {
		e.do()
		if e.done = true; e.tells {
			env.SignalWorkflow(workflows.SignalLookAgain, workflows.LookAgainSignal{Why: "command"})
		}
	}, e.at.Sub(now))
}

func (d *desk) later(after time.Duration, tells bool, do func()) {
	e := &event{at: d.env.Now().Add(after), tells: tells, do: do}
	d.events = append(d.events, e)
	e.register(d, d.env.Now())
}

// run follows the workflow through the runs that it starts afresh.
func (d *desk) run(t *testing.T) (result workflows.DeployRouterResult) {
	t.Helper()
	for {
		d.env.ExecuteWorkflow(workflows.ProposeRouter, workflows.ProposeRouterInput{Deployment: 7, Site: "ams"})
		err := d.env.GetWorkflowError()
		if !workflow.IsContinueAsNewError(err) {
			if err = errors.Join(err, d.env.GetWorkflowResult(&result)); err != nil {
				t.Fatal(err)
			}
			break
		}
		d.start(d.env.Now())
	}
	if d.dep.State != result.State || !slices.Equal(d.ended, []int64{7}) {
		t.Errorf("recorded %s, answered %s, told %v", d.dep.State, result.State, d.ended)
	}
	return result
}

var running = map[string]map[string]peering.Stanza{
	base: {}, "part": {"a": {Key: "a", Text: "1"}}, artifact: {"a": {Key: "a", Text: "1"}, "b": {Key: "b", Text: "2"}}, "else": {"a": {Key: "a", Text: "3"}},
}

func (d *desk) next() peering.Next {
	read := peering.Locate(d.dep, d.runs, d.runs, "7", peering.Running{ReadAt: d.env.Now()})
	pasted := read.Where == peering.AtArtifact
	switch {
	case d.dep.State != peering.DeploymentProposed:
	case pasted && d.dep.CommittedAt.IsZero() && d.standing == (peering.ProposalStanding{}):
		d.dep.CommittedAt = d.env.Now()
	case !pasted:
		d.dep.CommittedAt, d.dep.Verdict = time.Time{}, nil
	}
	return peering.NextOfProposal(d.dep, read, peering.SeePaste(d.moves, running[d.runs]), d.standing)
}

func (d *desk) step(name string, do func()) (peering.Next, error) {
	if d.away[name] > 0 {
		d.away[name]--
		return peering.Next{}, nobodyCame
	}
	do()
	if d.lost[name] {
		d.lost[name] = false
		return peering.Next{}, errLost
	}
	return d.next(), nil
}

func (d *desk) prepare(context.Context, int64) (peering.Next, error) {
	return d.step("prepare", func() { d.dep.Baseline = &peering.Baseline{} })
}

func (d *desk) propose(context.Context, int64) (activities.BeginResult, error) {
	if d.env.Now().Before(d.frozen) {
		return activities.BeginResult{Frozen: "frozen by bob"}, nil
	}
	next, err := d.step("propose", func() {
		d.dep.State, d.dep.ProposedAt, d.dep.Deadline = peering.DeploymentProposed, d.env.Now(), d.env.Now().Add(peering.ProposalPatience)
	})
	return activities.BeginResult{Next: next}, err
}

func (d *desk) look(context.Context, int64) (peering.Next, error) {
	if d.managed {
		return peering.Next{}, temporal.NewNonRetryableApplicationError("deployment 7 isn't a proposal", activities.LedOtherwise, nil)
	}
	if d.unread {
		return peering.Next{Step: peering.StepWait, Text: "router edge1 can't be read"}, nil
	}
	return d.step("look", func() { d.looked = append(d.looked, d.env.Now()) })
}

func (d *desk) verify(context.Context, int64) (peering.Next, error) {
	return d.step("verify", func() {
		if d.bad {
			d.dep.Verdict = &peering.Verdict{Outcome: peering.CheckFailed, Reason: "announces 900"}
			return
		}
		d.dep.Verdict = &peering.Verdict{Outcome: peering.CheckPassed}
	})
}

func (d *desk) end(context.Context, activities.EndInput) (peering.Next, error) {
	return d.step("end", func() {
		if next := d.next(); next.Step == peering.StepEnd {
			d.dep.State, d.dep.Outcome = next.State, next.Text
		}
	})
}

func (d *desk) note(_ context.Context, in activities.WaitInput) (activities.WaitResult, error) {
	d.told = append(d.told, in.Text)
	return activities.WaitResult{Site: "ams"}, nil
}

func TestWhatAPersonPastedIsVerified(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		set  func(*desk)
		want peering.DeploymentState
		text string
	}{
		"and confirmed": {func(d *desk) { d.later(time.Hour, false, func() { d.runs = artifact }) }, peering.DeploymentConfirmed, "pasted by a person, verified"},
		"a part of it first": {func(d *desk) {
			d.later(time.Hour, false, func() { d.runs = "part" })
			d.later(2*time.Hour, false, func() { d.runs = artifact })
		}, peering.DeploymentConfirmed, ""},
		"and needs an operator when it fails": {func(d *desk) {
			d.bad = true
			d.later(time.Hour, false, func() { d.runs = artifact })
		}, peering.DeploymentNeedsOperator, "its verification failed: announces 900. Nothing is taken back"},
		"nobody pastes it: it ends after a week": {func(*desk) {}, peering.DeploymentCancelled, "nobody pasted it by"},
		"cancelled": {func(d *desk) {
			d.later(time.Hour, true, func() {
				d.standing = peering.ProposalStanding{End: peering.DeploymentCancelled, Why: "cancelled by anna"}
			})
		}, peering.DeploymentCancelled, "cancelled by anna; nothing is claimed: router edge1 runs nothing of it"},
		"cancelled when a part runs": {func(d *desk) {
			d.runs = "part"
			d.later(time.Hour, false, func() {
				d.standing = peering.ProposalStanding{End: peering.DeploymentCancelled, Why: "cancelled by anna"}
			})
		}, peering.DeploymentCancelled, "router edge1 runs a part of it, unverified (a)"},
		"a stanza of it moved elsewhere": {func(d *desk) { d.later(time.Hour, false, func() { d.runs = "else" }) }, peering.DeploymentStale, "stanza a moved"},
		"pasted while the router is frozen: verified once that is lifted": {func(d *desk) {
			d.standing = peering.ProposalStanding{Hold: true, Why: "frozen by bob"}
			d.later(time.Hour, false, func() { d.runs = artifact })
			d.later(5*time.Hour, false, func() {
				if d.dep.Verdict != nil || !strings.Contains(d.told[len(d.told)-1], "isn't verified yet: frozen by bob") {
					panic("verified while frozen")
				}
				d.standing = peering.ProposalStanding{}
			})
		}, peering.DeploymentConfirmed, ""},
		"frozen before it is proposed": {func(d *desk) {
			d.frozen = d.env.Now().Add(3 * time.Hour)
			d.later(4*time.Hour, false, func() { d.runs = artifact })
		}, peering.DeploymentConfirmed, ""},
		"no worker for a while": {func(d *desk) {
			d.away = map[string]int{"prepare": 1, "look": 3, "verify": 2, "end": 0}
			d.later(time.Hour, false, func() { d.runs = artifact })
		}, peering.DeploymentConfirmed, ""},
		"answers get lost": {func(d *desk) {
			d.lost = map[string]bool{"prepare": true, "propose": true, "look": true, "verify": true, "end": true}
			d.later(time.Hour, false, func() { d.runs = artifact })
		}, peering.DeploymentConfirmed, ""},
		"Temporal's own Cancel ends nothing": {func(d *desk) {
			d.env.RegisterDelayedCallback(d.env.CancelWorkflow, time.Minute)
			d.later(time.Hour, false, func() { d.runs = artifact })
		}, peering.DeploymentConfirmed, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := atDesk()
			c.set(d)
			got := d.run(t)
			if got.State != c.want || !strings.Contains(got.Text, c.text) {
				t.Errorf("ended %s: %s", got.State, got.Text)
			}
		})
	}
}

// A wait of a week is many short histories, and looks at the router once a minute.
func TestAWaitForAPersonLeavesShortHistories(t *testing.T) {
	t.Parallel()
	d := atDesk()
	began := d.env.Now()
	d.later(24*time.Hour, false, func() { d.unread = true })
	d.later(48*time.Hour, false, func() { d.unread = false })
	d.later(72*time.Hour, false, func() { d.runs = artifact })
	if got := d.run(t); got.State != peering.DeploymentConfirmed {
		t.Fatalf("ended %s: %s", got.State, got.Text)
	}
	if at := d.dep.CommittedAt.Sub(began); at < 72*time.Hour || at > 72*time.Hour+2*time.Minute {
		t.Errorf("seen pasted after %s", at)
	}
	if d.runCount < 10 {
		t.Errorf("%d runs", d.runCount)
	}
	gap := time.Duration(0)
	for i := range d.looked[1:] {
		if apart := d.looked[i+1].Sub(d.looked[i]); d.looked[i+1].Sub(began) < 24*time.Hour {
			gap = max(gap, apart)
		}
	}
	if gap > 2*time.Minute {
		t.Errorf("%s between two looks: the baseline is as old", gap)
	}
	if !slices.Contains(d.told, "router edge1 can't be read") {
		t.Errorf("people were told %q", d.told)
	}
}

// A command is followed at once, and not at the next look.
func TestACancelOfAProposalIsFollowedAtOnce(t *testing.T) {
	t.Parallel()
	d := atDesk()
	began := d.env.Now()
	d.later(time.Hour+time.Second, true, func() {
		d.standing = peering.ProposalStanding{End: peering.DeploymentCancelled, Why: "cancelled by anna"}
	})
	if got := d.run(t); got.State != peering.DeploymentCancelled || d.looked[len(d.looked)-1].Sub(began) > time.Hour+2*time.Second {
		t.Errorf("ended %s, seen after %s", got.State, d.looked[len(d.looked)-1].Sub(began))
	}
}

func TestAProposalsWorkflowLeavesWhatPeerflowWrites(t *testing.T) {
	t.Parallel()
	d := atDesk()
	d.managed = true
	d.env.ExecuteWorkflow(workflows.ProposeRouter, workflows.ProposeRouterInput{Deployment: 7})
	if err := d.env.GetWorkflowError(); err == nil || !strings.Contains(err.Error(), "isn't a proposal") {
		t.Errorf("it ended with %v", err)
	}
	if d.dep.State != peering.DeploymentQueued || len(d.ended) != 0 || len(d.told) != 0 {
		t.Errorf("the deployment is %s; ended %v, told %v", d.dep.State, d.ended, d.told)
	}
}

// A change that waits for weeks for the person who pastes goes on in a fresh run, which asks
// nothing of anybody again: neither does it plan, nor say that it deploys.
func TestAChangeThatWaitsLongForAPasteStartsAfresh(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	s.routers = []activities.PlannedRouter{{ID: 3, Name: "edge1"}, {ID: 4, Name: "edge2", Mode: peering.Propose}}
	s.took = 30 * 24 * time.Hour
	s.env.OnSignalExternalWorkflow("default-test-namespace", "proposal/1", "", workflows.SignalLookAgain, workflows.LookAgainSignal{Why: "queue"}).Return(nil)
	s.later(time.Hour, func() { s.approve() })
	s.later(2*time.Hour, func() { s.deployments[0].endsAt = s.env.Now(); s.look("deployment_finished") })
	s.later(24*time.Hour, func() { s.step = "a person pastes it"; s.env.SetContinueAsNewSuggested(true) })
	s.env.ExecuteWorkflow(workflows.DeployChange, workflows.DeployChangeInput{Change: changeNumber})
	var next workflows.DeployChangeInput
	var afresh *workflow.ContinueAsNewError
	if err := s.env.GetWorkflowError(); !errors.As(err, &afresh) {
		t.Fatalf("it ended with %v", err)
	} else if err := converter.GetDefaultDataConverter().FromPayloads(afresh.Input, &next); err != nil {
		t.Fatal(err)
	}
	if next.Change != changeNumber || next.Continued == nil || next.Continued.Plan.Impact != "adds 2 sessions" {
		t.Fatalf("the next run begins with %+v", next)
	}
	calls, planned, began := len(s.calls), len(s.planned), s.env.Now()
	s.restart(began)
	s.env.OnSignalExternalWorkflow("default-test-namespace", "proposal/1", "", workflows.SignalLookAgain, workflows.LookAgainSignal{Why: "queue"}).Return(nil)
	s.later(time.Minute, func() {
		if details, _ := screenOf(t, s.env); !strings.Contains(details, "peerflow change paste 1042") || s.step != "a person pastes it" {
			t.Errorf("it says %q, and the screen\n%s", s.step, details)
		}
		s.deployments[1].endsAt = s.env.Now()
		s.look("deployment_finished")
	})
	if got := s.run(t, workflows.DeployChange, next); got.State != peering.ChangeCompleted || s.env.Now().Sub(began) > 2*time.Minute {
		t.Errorf("ended %s after %s", got.State, s.env.Now().Sub(began))
	}
	if len(s.planned) != planned || len(s.deployments) != 2 || slices.Contains(s.calls[calls:], "MoveChange/deploying") {
		t.Errorf("planned %d times, %d deployments, then %.300s", len(s.planned), len(s.deployments), fmt.Sprint(s.calls[calls:]))
	}
}

// The change of a proposal hears of votes and commands first, and tells it.
func TestAChangeWakesItsProposal(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	s.routers[0].Mode = peering.Propose
	s.ends, s.took = []peering.DeploymentState{peering.DeploymentCancelled}, 3*24*time.Hour
	woken := 0
	s.env.OnSignalExternalWorkflow("default-test-namespace", "proposal/0", "", workflows.SignalLookAgain, workflows.LookAgainSignal{Why: "queue"}).Return(func(string, string, string, string, any) error {
		woken++
		s.deployments[0].endsAt = s.env.Now()
		s.later(time.Second, func() { s.look("deployment_finished") })
		return nil
	})
	s.later(time.Hour, s.approve)
	s.later(2*time.Hour, func() {
		details, _ := screenOf(t, s.env)
		if !strings.Contains(details, "peerflow change paste 1042") || !strings.Contains(details, "proposal/0") {
			t.Errorf("the screen says\n%s", details)
		}
		s.look("command")
	})
	start := s.env.Now()
	if got := s.deploy(t); got.State != peering.ChangeCancelled || woken != 1 || s.env.Now().Sub(start) > 3*time.Hour {
		t.Errorf("ended %s after %s, woken %d times", got.State, s.env.Now().Sub(start), woken)
	}
}
