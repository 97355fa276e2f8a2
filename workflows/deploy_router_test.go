package workflows_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/testsuite"

	"peerflow/activities"
	"peerflow/internal/peering"
	"peerflow/workflows"
)

// rehearsal is a router with a rollback timer, its record, and the activities
// of a deployment on both. Steps decide by peering.NextStep as the real ones do.
type rehearsal struct {
	env *testsuite.TestWorkflowEnvironment
	dep peering.Deployment
	// The router.
	runs, boots, reverts string // base or artifact; reverts: what the timer returns to
	until                time.Time
	commits              int
	// What goes wrong.
	breaks     string          // once this step was taken, every later one that writes fails …
	broken     bool            // … from now on
	lost       map[string]bool // steps whose first answer gets lost
	cancel     string          // when this step is taken, somebody presses Cancel in Temporal
	bad        bool            // verification fails
	unapproved bool            // votes no longer suffice when it begins
	tries      map[string]int
	// The workers of its site.
	site      string
	away      map[string]int // how often no worker takes a step up; while a commit is pending each costs 15 s
	told      []string       // to people, "" takes it back
	cancelled string         // by whom

	frozen func() bool       // nil: never
	held   bool              // a freeze comes between begin and commit, once
	look   map[string]func() // when a step is asked for
}

// at looks when a step is asked for.
func (r *rehearsal) at(step string, do func()) { r.look[step] = do }

const (
	base     = "base"
	artifact = "artifact"
)

func rehearse(t *testing.T) *rehearsal {
	t.Helper()
	var suite testsuite.WorkflowTestSuite
	r := &rehearsal{env: suite.NewTestWorkflowEnvironment(), runs: base, boots: base, lost: map[string]bool{}, tries: map[string]int{}, look: map[string]func(){}}
	r.env.SetTestTimeout(20 * time.Second)
	r.dep = peering.Deployment{ID: 7, State: peering.DeploymentQueued, BaseHash: base, ArtifactHash: artifact, Timer: time.Minute}
	for name, f := range map[string]any{
		"DecideDeployment": r.decide, "PrepareDeployment": r.prepare, "BeginDeployment": r.begin, "CommitDeployment": r.commit,
		"SoakDeployment": r.soak, "ConfirmDeployment": r.confirm, "InstallDeployment": r.install, "AbortDeployment": r.abort, "EndDeployment": r.end,
		"NoteWait": r.unserved,
	} {
		r.env.RegisterActivityWithOptions(f, activity.RegisterOptions{Name: name})
	}
	return r
}

func (r *rehearsal) run(t *testing.T) workflows.DeployRouterResult {
	t.Helper()
	r.env.ExecuteWorkflow(workflows.DeployRouter, workflows.DeployRouterInput{Deployment: 7, Site: r.site})
	var result workflows.DeployRouterResult
	if err := errors.Join(r.env.GetWorkflowError(), r.env.GetWorkflowResult(&result)); err != nil {
		t.Fatal(err)
	}
	if r.dep.State != result.State {
		t.Errorf("recorded %s, answered %s", r.dep.State, result.State)
	}
	r.tick()
	if r.pending() {
		t.Error("a rollback timer still runs")
	}
	return result
}

func (r *rehearsal) pending() bool { return !r.until.IsZero() }

// tick lets the router's own timer end.
func (r *rehearsal) tick() {
	if r.pending() && !r.env.Now().Before(r.until) {
		r.runs, r.until = r.reverts, time.Time{}
	}
}

func (r *rehearsal) next() peering.Next {
	r.tick()
	running := peering.Running{ReadAt: r.env.Now()}
	if r.pending() {
		running.Pending = &peering.Pending{Owner: "7", Remaining: r.until.Sub(r.env.Now())}
	}
	read := peering.Locate(r.dep, r.runs, r.boots, "7", running)
	if read.Where == peering.AtPending && r.dep.State == peering.DeploymentCommitting {
		r.dep.State, r.dep.CommittedAt = peering.DeploymentSoaking, r.env.Now()
	}
	return peering.NextStep(r.dep, read, peering.LabProfile, false)
}

var errLost = errors.New("the answer got lost")

// step takes a step that record and router call for, unless writing is broken.
func (r *rehearsal) step(name string, want peering.Step, do func()) (peering.Next, error) {
	if r.away[name] > 0 {
		r.away[name]--
		return peering.Next{}, nobodyCame
	}
	if do := r.look[name]; do != nil {
		do()
	}
	r.tries[name]++
	if next := r.next(); next.Step != want {
		return next, nil
	}
	if r.broken {
		return peering.Next{}, errors.New("the router takes no command")
	}
	do()
	r.broken = r.broken || r.breaks == name
	if r.cancel == name {
		r.env.CancelWorkflow()
	}
	if r.lost[name] {
		r.lost[name] = false
		return peering.Next{}, errLost
	}
	return r.next(), nil
}

func (r *rehearsal) unserved(_ context.Context, in activities.WaitInput) (activities.WaitResult, error) {
	r.told = append(r.told, in.Text)
	if in.Text != "" && r.pending() {
		const wait = 15 * time.Second // itself it takes no time here
		r.until, r.dep.CommitSentAt = r.until.Add(-wait), r.dep.CommitSentAt.Add(-wait)
	}
	return activities.WaitResult{Site: r.site, Cancelled: r.cancelled}, nil
}

func (r *rehearsal) decide(context.Context, int64) (peering.Next, error) { return r.next(), nil }

func (r *rehearsal) prepare(context.Context, int64) (peering.Next, error) {
	if r.frozen != nil && r.dep.State == peering.DeploymentQueued {
		r.dep.Baseline = nil // a new one each time
	}
	return r.step("prepare", peering.StepPrepare, func() { r.dep.Baseline = &peering.Baseline{} })
}

func (r *rehearsal) begin(context.Context, int64) (activities.BeginResult, error) {
	if r.frozen != nil && r.frozen() {
		return activities.BeginResult{Frozen: "frozen by bob"}, nil
	}
	if r.broken {
		return activities.BeginResult{Refused: "cancelled by anna"}, nil
	}
	if r.unapproved {
		return activities.BeginResult{Unapproved: "0 of 1 approvals"}, nil
	}
	next, err := r.step("begin", peering.StepBegin, func() { r.dep.State = peering.DeploymentCommitting })
	return activities.BeginResult{Next: next}, err
}

// commit is BIRD's: a second one in the window makes the first the state to return to.
func (r *rehearsal) commit(context.Context, int64) (peering.Next, error) {
	if r.held && r.dep.State == peering.DeploymentCommitting {
		r.held, r.dep.State, r.dep.Baseline = false, peering.DeploymentQueued, nil
		lifted := r.env.Now().Add(time.Hour)
		r.frozen = func() bool { return r.env.Now().Before(lifted) }
		return peering.Next{Step: peering.StepPrepare, Text: "frozen by bob"}, nil
	}
	return r.step("commit", peering.StepCommit, func() {
		r.commits++
		r.dep.CommitSentAt = r.env.Now()
		r.dep.Deadline = r.env.Now().Add(r.dep.Timer)
		r.reverts, r.runs, r.until = r.runs, artifact, r.env.Now().Add(r.dep.Timer)
	})
}

func (r *rehearsal) soak(context.Context, int64) (peering.Next, error) {
	return r.step("soak", peering.StepSoak, func() {
		r.dep.Verdict = &peering.Verdict{Outcome: peering.CheckPassed}
		if r.bad {
			r.dep.Verdict = &peering.Verdict{Outcome: peering.CheckFailed, Reason: "announced 900"}
		}
	})
}

func (r *rehearsal) confirm(context.Context, int64) (peering.Next, error) {
	return r.step("confirm", peering.StepConfirm, func() { r.dep.ConfirmSentAt, r.until = r.env.Now(), time.Time{} })
}

func (r *rehearsal) install(context.Context, int64) (peering.Next, error) {
	return r.step("install", peering.StepInstall, func() { r.boots = artifact })
}

func (r *rehearsal) abort(context.Context, activities.AbortInput) (peering.Next, error) {
	return r.step("abort", peering.StepAbort, func() {
		r.dep.AbortSentAt, r.runs, r.until = r.env.Now(), r.reverts, time.Time{}
	})
}

func (r *rehearsal) end(_ context.Context, in activities.EndInput) (peering.Next, error) {
	r.tries["end"]++
	next := r.next()
	if r.dep.CommitSentAt.IsZero() && !r.dep.State.Ended() {
		next = peering.Next{Step: peering.StepEnd, State: in.State, Text: in.Text}
	}
	if next.Step != peering.StepEnd {
		return next, nil
	}
	if r.dep.State != next.State {
		if err := r.dep.State.To(next.State); err != nil {
			return next, err
		}
		r.dep.State, r.dep.Outcome = next.State, next.Text
	}
	if r.lost["end"] {
		r.lost["end"] = false
		return peering.Next{}, errLost
	}
	return next, nil
}

func TestAFreezeBetweenBeginAndCommitIsWaitedFor(t *testing.T) {
	t.Parallel()
	r := rehearse(t)
	r.held = true
	start := r.env.Now()
	got := r.run(t)
	if got.State != peering.DeploymentConfirmed || r.commits != 1 || r.runs != artifact {
		t.Errorf("ended %s (%s) after %d commits, running %s", got.State, got.Text, r.commits, r.runs)
	}
	if took := r.env.Now().Sub(start); took < time.Hour || !slices.Contains(r.told, "waits: frozen by bob") {
		t.Errorf("took %s and told %q: want it to wait for the freeze, and to say so", took, r.told)
	}
}

func TestADeploymentThatFailsAfterAnyStepEndsAtBase(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		breaks string
		bad    bool
		state  peering.DeploymentState
		runs   string
	}{
		"after preparing: nothing was written":               {"prepare", false, peering.DeploymentCancelled, base},
		"after begin: nothing was written":                   {"begin", false, peering.DeploymentFailed, base},
		"after the commit: the router reverts by itself":     {"commit", false, peering.DeploymentRolledBack, base},
		"after a passed soak: the router reverts by itself":  {"soak", false, peering.DeploymentRolledBack, base},
		"after a failed soak: aborted":                       {"", true, peering.DeploymentRolledBack, base},
		"after a failed soak, and no abort arrives: reverts": {"soak", true, peering.DeploymentRolledBack, base},
		"after the abort: at base":                           {"abort", true, peering.DeploymentRolledBack, base},
		"after the installation it stays: past the confirm":  {"install", false, peering.DeploymentConfirmed, artifact},
		"nothing breaks: confirmed, and in the boot file":    {"", false, peering.DeploymentConfirmed, artifact},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := rehearse(t)
			r.breaks, r.bad = c.breaks, c.bad
			result := r.run(t)
			if result.State != c.state || r.runs != c.runs || r.boots != c.runs {
				t.Errorf("ended %s (%s), runs %s, boots %s; want %s, %s", result.State, result.Text, r.runs, r.boots, c.state, c.runs)
			}
			if c.state == peering.DeploymentFailed && r.tries["commit"] > 3 {
				t.Errorf("%d tries to commit", r.tries["commit"])
			}
		})
	}
}

// Past the confirm there is no way back: a boot file that can't be written yet
// is written when the router takes commands again, with a short history.
func TestAConfirmedDeploymentKeepsInstallingUntilTheBootFileIsWritten(t *testing.T) {
	t.Parallel()
	r := rehearse(t)
	r.breaks = "confirm"
	r.env.RegisterDelayedCallback(func() { r.breaks, r.broken = "", false }, time.Hour)
	result := r.run(t)
	if result.State != peering.DeploymentConfirmed || r.boots != artifact {
		t.Errorf("ended %s, boots %s", result.State, r.boots)
	}
	if r.tries["install"] > 300 {
		t.Errorf("%d tries in an hour", r.tries["install"])
	}
}

func TestEveryStepOfADeploymentMayRunTwice(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		step string
		bad  bool
		end  peering.DeploymentState
		runs string
	}{
		{"prepare", false, peering.DeploymentConfirmed, artifact}, {"begin", false, peering.DeploymentConfirmed, artifact},
		{"soak", false, peering.DeploymentConfirmed, artifact}, {"confirm", false, peering.DeploymentConfirmed, artifact},
		{"install", false, peering.DeploymentConfirmed, artifact}, {"end", false, peering.DeploymentConfirmed, artifact},
		{"abort", true, peering.DeploymentRolledBack, base},
	} {
		t.Run(c.step, func(t *testing.T) {
			t.Parallel()
			r := rehearse(t)
			r.lost[c.step], r.bad = true, c.bad
			result := r.run(t)
			if result.State != c.end || r.runs != c.runs || r.boots != c.runs {
				t.Errorf("ended %s, runs %s, boots %s; want %s, %s", result.State, r.runs, r.boots, c.end, c.runs)
			}
			if r.tries[c.step] < 2 {
				t.Errorf("%s ran once: nothing was tried", c.step)
			}
			if r.commits != 1 {
				t.Errorf("%d commits", r.commits)
			}
		})
	}
}

// A second commit in the window would make the unconfirmed one the state that
// the router returns to: the step is tried once, and reading decides.
func TestTheCommitRunsOnceWhateverHappens(t *testing.T) {
	t.Parallel()
	for name, breaks := range map[string]string{"the reply gets lost": "", "the reply gets lost, and nothing else arrives": "commit"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := rehearse(t)
			r.lost["commit"], r.breaks = true, breaks
			result := r.run(t)
			if r.tries["commit"] != 1 || r.commits != 1 {
				t.Errorf("%d tries, %d commits", r.tries["commit"], r.commits)
			}
			want, runs := peering.DeploymentConfirmed, artifact
			if breaks != "" {
				want, runs = peering.DeploymentRolledBack, base
			}
			if result.State != want || r.runs != runs {
				t.Errorf("ended %s (%s), runs %s; want %s, %s", result.State, result.Text, r.runs, want, runs)
			}
		})
	}
}

// Temporal's own Cancel ends nothing: the deployment goes to its end, and the
// record says what the router runs.
func TestTemporalsCancelEndsNoDeployment(t *testing.T) {
	t.Parallel()
	for _, step := range []string{"prepare", "begin", "commit", "soak", "confirm", "install", "abort"} {
		t.Run("cancelled in "+step, func(t *testing.T) {
			t.Parallel()
			r := rehearse(t)
			r.cancel, r.bad = step, step == "abort"
			want, runs := peering.DeploymentConfirmed, artifact
			if r.bad {
				want, runs = peering.DeploymentRolledBack, base
			}
			if result := r.run(t); result.State != want || r.runs != runs || r.boots != runs {
				t.Errorf("ended %s (%s), runs %s, boots %s; want %s, %s", result.State, result.Text, r.runs, r.boots, want, runs)
			}
		})
	}
}

func TestADeploymentWhoseVotesNoLongerSufficeAsksAgain(t *testing.T) {
	t.Parallel()
	r := rehearse(t)
	r.unapproved = true
	if got := r.run(t); got.State != peering.DeploymentStale || r.commits != 0 || r.runs != base {
		t.Errorf("ended %s after %d commits, the router runs %s", got.State, r.commits, r.runs)
	}
}
