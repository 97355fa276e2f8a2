package peering

import (
	"strings"
	"testing"
	"time"
)

var start = time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)

// sent is a deployment whose commit was sent at start, with a timer of 60 s.
func sent(state DeploymentState, edit func(*Deployment)) Deployment {
	d := Deployment{ID: 9, State: state, ArtifactHash: "artifact", BaseHash: "base", Baseline: &Baseline{}, Timer: time.Minute, CommitSentAt: start}
	if edit != nil {
		edit(&d)
	}
	return d
}

func after(d time.Duration, w Where) Read { return Read{Where: w, At: start.Add(d)} }

func TestNextStepFollowsTheCrashMatrix(t *testing.T) {
	t.Parallel()
	passed := func(d *Deployment) { d.Verdict = &Verdict{Outcome: CheckPassed} }
	failed := func(d *Deployment) { d.Verdict = &Verdict{Outcome: CheckFailed, Reason: "announced 900"} }
	confirmSent := func(d *Deployment) { passed(d); d.ConfirmSentAt = start.Add(20 * time.Second) }
	aborted := func(d *Deployment) { failed(d); d.AbortSentAt = start.Add(20 * time.Second) }
	seen := func(d *Deployment) { d.CommittedAt = start.Add(time.Second) }
	unsent := func(d *Deployment) { d.CommitSentAt = time.Time{} }
	cases := map[string]struct {
		dep     Deployment
		read    Read
		ordered bool
		step    Step
		state   DeploymentState
	}{
		"queued without a baseline is prepared":              {Deployment{State: DeploymentQueued}, Read{}, false, StepPrepare, ""},
		"queued with a baseline begins":                      {Deployment{State: DeploymentQueued, Baseline: &Baseline{}}, Read{}, false, StepBegin, ""},
		"5: nothing written, at base, commits":               {sent(DeploymentCommitting, unsent), after(0, AtBase), false, StepCommit, ""},
		"5: nothing written, but the router moved, fails":    {sent(DeploymentCommitting, unsent), after(0, AtElsewhere), false, StepEnd, DeploymentFailed},
		"7: reply lost, pending, goes on":                    {sent(DeploymentCommitting, nil), after(time.Second, AtPending), false, StepSoak, ""},
		"7: reply lost, base, waits for the late arrival":    {sent(DeploymentCommitting, nil), after(2*time.Second, AtBase), false, StepWait, ""},
		"7: reply lost, base for good, never commits again":  {sent(DeploymentCommitting, nil), after(20*time.Second, AtBase), false, StepEnd, DeploymentRolledBack},
		"7: reply lost, then the router, base: waits":        {sent(DeploymentUnknown, nil), after(2*time.Second, AtBase), false, StepWait, ""},
		"7: reply lost, then the router, base for good":      {sent(DeploymentUnknown, nil), after(20*time.Second, AtBase), false, StepEnd, DeploymentRolledBack},
		"21: seen committed, then unknown, then base early":  {sent(DeploymentUnknown, seen), after(20*time.Second, AtBase), false, StepEnd, DeploymentInterfered},
		"8: committed, not recorded, back in time, verifies": {sent(DeploymentSoaking, nil), after(30*time.Second, AtPending), false, StepSoak, ""},
		"9: less than 5 s left reverts by itself":            {sent(DeploymentSoaking, passed), after(56*time.Second, AtPending), false, StepWait, ""},
		"10: back after the timer proves base":               {sent(DeploymentSoaking, passed), after(70*time.Second, AtBase), false, StepEnd, DeploymentRolledBack},
		"10: back by the timer, which ends by another clock": {sent(DeploymentSoaking, seen), after(51*time.Second, AtBase), false, StepEnd, DeploymentRolledBack},
		"9: less than 5 s may be left: reverts by itself":    {sent(DeploymentSoaking, passed), Read{Where: AtPending, At: start.Add(54 * time.Second), Late: 2 * time.Second}, false, StepWait, ""},
		"11: verdict stored, in time, confirms":              {sent(DeploymentSoaking, passed), after(30*time.Second, AtPending), false, StepConfirm, ""},
		"12: confirm sent, artifact, installs":               {sent(DeploymentSoaking, confirmSent), after(30*time.Second, AtArtifact), false, StepInstall, ""},
		"12: confirm sent, reverted all the same":            {sent(DeploymentSoaking, confirmSent), after(70*time.Second, AtBase), false, StepEnd, DeploymentRolledBack},
		"13: installed is confirmed":                         {sent(DeploymentSoaking, confirmSent), Read{Where: AtArtifact, Booting: true, At: start}, false, StepEnd, DeploymentConfirmed},
		"13: restarted before the boot file, base":           {sent(DeploymentSoaking, confirmSent), Read{Where: AtBase, Restarted: true, At: start.Add(25 * time.Second)}, false, StepEnd, DeploymentRolledBack},
		"15: abort sent, at base, rolled back":               {sent(DeploymentSoaking, aborted), after(25*time.Second, AtBase), false, StepEnd, DeploymentRolledBack},
		"15: abort sent, still pending, aborts again":        {sent(DeploymentSoaking, aborted), after(25*time.Second, AtPending), false, StepAbort, ""},
		"19: the daemon restarted in the window":             {sent(DeploymentSoaking, nil), Read{Where: AtBase, Restarted: true, At: start.Add(9 * time.Second)}, false, StepEnd, DeploymentRolledBack},
		"21: base before the timer ended is interference":    {sent(DeploymentSoaking, nil), after(20*time.Second, AtBase), false, StepEnd, DeploymentInterfered},
		"21: another commit pending is interference":         {sent(DeploymentSoaking, nil), after(20*time.Second, AtForeign), false, StepEnd, DeploymentInterfered},
		"21: neither base nor artifact is interference":      {sent(DeploymentSoaking, nil), after(20*time.Second, AtElsewhere), false, StepEnd, DeploymentInterfered},
		"21: confirmed by somebody else is interference":     {sent(DeploymentSoaking, nil), after(20*time.Second, AtArtifact), false, StepEnd, DeploymentInterfered},
		"21: base after the timer, by another load":          {sent(DeploymentSoaking, seen), Read{Where: AtBase, Reloaded: true, At: start.Add(70 * time.Second)}, false, StepEnd, DeploymentInterfered},
		"21: base after our abort, by another load":          {sent(DeploymentSoaking, aborted), Read{Where: AtBase, Reloaded: true, At: start.Add(25 * time.Second)}, false, StepEnd, DeploymentInterfered},
		"21: another load while pending":                     {sent(DeploymentSoaking, passed), Read{Where: AtPending, Overloaded: true, At: start.Add(20 * time.Second)}, false, StepEnd, DeploymentInterfered},
		"19: a restart is another load, and no writer":       {sent(DeploymentSoaking, nil), Read{Where: AtBase, Restarted: true, Reloaded: true, At: start.Add(70 * time.Second)}, false, StepEnd, DeploymentRolledBack},
		"loaded again before the commit: prepared again":     {sent(DeploymentCommitting, unsent), Read{Where: AtBase, Reloaded: true, At: start}, false, StepPrepare, ""},
		"needs an operator stays":                            {sent(DeploymentNeedsOperator, nil), after(20*time.Second, AtPending), false, StepEnd, DeploymentNeedsOperator},
		"a failed verdict aborts":                            {sent(DeploymentSoaking, failed), after(20*time.Second, AtPending), false, StepAbort, ""},
		"roll back now beats a passed verdict":               {sent(DeploymentSoaking, passed), after(20*time.Second, AtPending), true, StepAbort, ""},
		"unknown that turns out pending goes on":             {sent(DeploymentUnknown, nil), after(20*time.Second, AtPending), false, StepSoak, ""},
		"15: pending long after its timer needs an operator": {sent(DeploymentSoaking, nil), after(75*time.Second, AtPending), false, StepEnd, DeploymentNeedsOperator},
		"roll back now before the commit writes nothing":     {sent(DeploymentCommitting, unsent), after(0, AtBase), true, StepEnd, DeploymentFailed},
		"terminal stays terminal":                            {sent(DeploymentConfirmed, nil), after(20*time.Second, AtBase), false, StepEnd, DeploymentConfirmed},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := NextStep(c.dep, c.read, LabProfile, c.ordered)
			if got.Step != c.step || got.State != c.state {
				t.Errorf("got %s %s (%s), want %s %s", got.Step, got.State, got.Text, c.step, c.state)
			}
			if got.Step == StepEnd && c.dep.State.InFlight() && c.dep.State != got.State {
				if err := c.dep.State.To(got.State); err != nil {
					t.Errorf("the end can't be written: %v", err)
				}
			}
		})
	}
}

// No read of any router may lead to a confirm without a stored, passed verdict,
// nor to a second commit.
func TestNextStepNeverConfirmsNorCommitsOnItsOwn(t *testing.T) {
	t.Parallel()
	states := []DeploymentState{DeploymentCommitting, DeploymentSoaking, DeploymentUnknown}
	verdicts := []*Verdict{nil, {Outcome: CheckPending}, {Outcome: CheckFailed, Waived: "somebody"}}
	for _, state := range states {
		for _, verdict := range verdicts {
			for _, where := range []Where{AtBase, AtPending, AtArtifact, AtForeign, AtElsewhere} {
				for at := time.Duration(0); at < 90*time.Second; at += time.Second {
					d := sent(state, func(d *Deployment) { d.Verdict = verdict })
					if next := NextStep(d, after(at, where), LabProfile, false); next.Step == StepConfirm || next.Step == StepCommit || next.State == DeploymentConfirmed {
						t.Fatalf("%s, %s, verdict %v, after %s: %s %s", state, where, verdict, at, next.Step, next.State)
					}
				}
			}
		}
	}
}

func TestLocate(t *testing.T) {
	t.Parallel()
	d := Deployment{ID: 9, ArtifactHash: "a", BaseHash: "b", BaseIncarnation: "boot 1"}
	pending := func(owner string) *Pending { return &Pending{Owner: owner} }
	cases := map[string]struct {
		hash    string
		pending *Pending
		want    Where
	}{
		"base and nothing pending":                     {"b", nil, AtBase},
		"artifact with our timer":                      {"a", pending("9"), AtPending},
		"artifact with a timer whose owner isn't told": {"a", pending(""), AtPending},
		"artifact for good":                            {"a", nil, AtArtifact},
		"another deployment's timer":                   {"a", pending("8"), AtForeign},
		"base with any timer":                          {"b", pending(""), AtForeign},
		"something else":                               {"c", nil, AtElsewhere},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := Locate(d, c.hash, "b", "9", Running{Pending: c.pending, Incarnation: "boot 2"})
			if got.Where != c.want || !got.Restarted || got.Booting {
				t.Errorf("got %+v, want %s", got, c.want)
			}
		})
	}
}

func TestTimerOutlivesEverythingItMust(t *testing.T) {
	t.Parallel()
	for _, p := range []Profile{DefaultProfile, LabProfile} {
		for _, hold := range []time.Duration{0, 9 * time.Second, 90 * time.Second, 240 * time.Second} {
			least := p.Commit + p.Settle + hold + 2*p.HeartbeatTimeout + p.Margin
			if got := p.Timer(hold); got < least || got < p.SoakFor(hold)+2*p.HeartbeatTimeout+p.ConfirmReserve || got < p.MinTimer {
				t.Errorf("timer %s for hold time %s is shorter than %s", got, hold, least)
			}
		}
	}
	if got := NextStep(sent(DeploymentSoaking, nil), after(20*time.Second, AtBase), LabProfile, false); !strings.Contains(got.Text, "somebody else") {
		t.Error(got.Text)
	}
}

func TestResolvedSaysWhatTheRouterSays(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		read  Read
		step  Step
		state DeploymentState
	}{
		"the change, for good":                    {Read{Where: AtArtifact, Booting: true}, StepEnd, DeploymentConfirmed},
		"the change, but a restart would undo it": {Read{Where: AtArtifact}, StepInstall, ""},
		"its base":                          {Read{Where: AtBase}, StepEnd, DeploymentRolledBack},
		"something else":                    {Read{Where: AtElsewhere}, StepEnd, DeploymentInterfered},
		"a commit that still waits":         {Read{Where: AtPending}, StepWait, ""},
		"somebody else's commit that waits": {Read{Where: AtForeign}, StepWait, ""},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := Resolved(c.read); got.Step != c.step || got.State != c.state {
				t.Errorf("got %s %s, want %s %s", got.Step, got.State, c.step, c.state)
			}
		})
	}
}

// Only a platform whose revert brings the earlier load back proves another writer.
func TestAnotherGenerationProvesAnotherLoadOnlyWhereARevertBringsTheEarlierOneBack(t *testing.T) {
	t.Parallel()
	d := Deployment{ID: 9, ArtifactHash: "a", BaseHash: "b", BaseGeneration: "1", CommitGeneration: "2"}
	cases := map[string]struct {
		running    Running
		re, overly bool
	}{
		"the baseline's load":           {Running{Generation: "1", RevertsToLoad: true}, false, true},
		"our commit's load":             {Running{Generation: "2", RevertsToLoad: true}, true, false},
		"a third load":                  {Running{Generation: "3", RevertsToLoad: true}, true, true},
		"it changed during the read":    {Running{RevertsToLoad: true}, false, false},
		"a counter that a revert moves": {Running{Generation: "3"}, false, false},
	}
	for name, c := range cases {
		if got := Locate(d, "b", "b", "9", c.running); got.Reloaded != c.re || got.Overloaded != c.overly {
			t.Errorf("%s: %+v", name, got)
		}
	}
}
