package workflows_test

import (
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"peerflow/activities"
	"peerflow/internal/peering"
)

func TestAPeeringThatIsProvisioned(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		set         func(*stage)
		want        peering.ChangeState
		text        string
		deployments int
	}{
		"agreed by rule, approved, up": {func(s *stage) { s.later(time.Hour, s.approve) }, peering.ChangeCompleted, "", 1},
		"the peer agrees after a week": {func(s *stage) {
			s.agreed, s.waiting = 0, 1
			s.later(7*24*time.Hour, func() { s.agreed, s.waiting = 1, 0; s.look("agreed") })
			s.later(8*24*time.Hour, s.approve)
		}, peering.ChangeCompleted, "", 1},
		"the peer agrees, and the signal got lost": {func(s *stage) {
			s.agreed, s.waiting = 0, 1
			s.later(time.Hour, func() { s.agreed, s.waiting = 1, 0 })
			s.later(3*24*time.Hour, s.approve)
		}, peering.ChangeCompleted, "", 1},
		"the peer never answers: it expires": {func(s *stage) { s.agreed, s.waiting = 0, 1 }, peering.ChangeExpired, "didn't agree", 0},
		"cancelled while the peer is asked": {func(s *stage) {
			s.agreed, s.waiting = 0, 1
			s.later(time.Hour, func() { s.cancel = "cancelled by anna"; s.look("command") })
		}, peering.ChangeCancelled, "anna", 0},
		"cancelled in Temporal while the peer is asked": {func(s *stage) {
			s.agreed, s.waiting = 0, 1
			s.later(time.Hour, s.env.CancelWorkflow)
		}, peering.ChangeCancelled, "Temporal", 0},
		"asking is of no use: it fails at once":         {func(s *stage) { s.agreed, s.refused, s.sessions = 0, 1, 0 }, peering.ChangeFailed, "nothing to configure", 0},
		"agreed elsewhere: what is refused is left out": {func(s *stage) { s.refused = 1; s.later(time.Hour, s.approve) }, peering.ChangeCompleted, "", 1},
		"nothing to configure":                          {func(s *stage) { s.sessions = 0 }, peering.ChangeCompleted, "nothing to configure", 0},
		"it comes up an hour after its configuration: no failure, and nothing is configured twice": {func(s *stage) {
			s.up, s.notUp = 0, 2
			s.later(time.Hour, s.approve)
			s.later(2*time.Hour, func() { s.up, s.notUp = 2, 0 })
		}, peering.ChangeCompleted, "", 1},
		"the other side never comes: still no failure": {func(s *stage) {
			s.up, s.notUp = 0, 2
			s.later(time.Hour, s.approve)
		}, peering.ChangeCompleted, "", 1},
		"a neighbor by somebody else's hand, before the plan: nothing is taken over": {func(s *stage) {
			s.refusal = "router edge1: it has these neighbors: 192.0.2.11 as byhand"
		}, peering.ChangeFailed, "192.0.2.11 as byhand", 0},
		"one that comes between approval and commit: planned again, and refused": {func(s *stage) {
			s.ends = []peering.DeploymentState{peering.DeploymentStale}
			s.later(time.Hour, func() { s.approve(); s.refusal = "router edge1: it has these neighbors: 192.0.2.11 as byhand" })
		}, peering.ChangeFailed, "192.0.2.11 as byhand", 1},
		"rejected": {func(s *stage) {
			s.later(time.Hour, func() {
				s.rejected = "ben"
				s.env.SignalWorkflowByID("change/1042", "look_again", map[string]string{"why": "vote"})
			})
		}, peering.ChangeRejected, "ben", 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newStage(t)
			c.set(s)
			start := s.env.Now()
			got := s.provision(t)
			if took := s.env.Now().Sub(start); got.State == peering.ChangeCancelled && took > 2*time.Hour {
				t.Errorf("cancelled after an hour, and it took %s", took)
			}
			if got.State != c.want || !strings.Contains(s.outcome, c.text) || len(s.deployments) != c.deployments {
				t.Errorf("ended %s (%s) after %d deployments, want %s with %q after %d", got.State, s.outcome, len(s.deployments), c.want, c.text, c.deployments)
			}
		})
	}
}

// provisionSteps come before the change's own.
var provisionSteps = []string{"LookUpPeer", "AssessAgreement", "PlanSessions"}

func TestEveryStepOfAProvisionMayRunTwice(t *testing.T) {
	t.Parallel()
	for _, name := range append(provisionSteps, "CountSessionsUp", "TellAwaited") {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newStage(t)
			s.lost[name] = true
			if name == "TellAwaited" {
				s.up, s.notUp = 1, 1
			}
			s.later(time.Hour, s.approve)
			if got := s.provision(t); got.State != peering.ChangeCompleted || len(s.deployments) != 1 || s.lost[name] {
				t.Errorf("ended %s after %d deployments; lost an answer: %t", got.State, len(s.deployments), !s.lost[name])
			}
		})
	}
}

func TestAProvisionThatFailsBeforeItsPlanDeploysNothing(t *testing.T) {
	t.Parallel()
	for _, name := range provisionSteps {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newStage(t)
			s.broken[name] = true
			if got := s.provision(t); got.State != peering.ChangeFailed || !strings.Contains(s.outcome, name) || len(s.deployments) != 0 {
				t.Errorf("ended %s (%s) after %d deployments", got.State, s.outcome, len(s.deployments))
			}
		})
	}
}

func TestAProvisioningWatchesForTwoWeeksRemindsAndReports(t *testing.T) {
	t.Parallel()
	const day = 24 * time.Hour
	reminder := func(number, days int) activities.AwaitedInput {
		return activities.AwaitedInput{Change: changeNumber, Number: number, Days: days}
	}
	for name, c := range map[string]struct {
		up   time.Duration // when the other side comes; 0: never
		told []activities.AwaitedInput
		took time.Duration
		text string
	}{
		"up within hours: nobody is told":             {5 * time.Hour, nil, 0, "2 sessions up"},
		"up after five days: told twice, and the end": {5 * day, []activities.AwaitedInput{reminder(1, 1), reminder(2, 3), reminder(0, 5)}, 5 * day, "2 of 2 up after 5 days"},
		"never: three reminders, and the report": {0, []activities.AwaitedInput{reminder(1, 1), reminder(2, 3), reminder(3, 7), reminder(0, 14)}, 14 * day,
			"1 of 2 up after 14 days"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newStage(t)
			s.up, s.notUp = 1, 1
			s.approved = true
			start := s.env.Now()
			if c.up > 0 {
				s.later(c.up, func() { s.up, s.notUp = 2, 0 })
			}
			got := s.provision(t)
			if !slices.Equal(s.told, c.told) {
				t.Errorf("told %+v, want %+v", s.told, c.told)
			}
			if got.State != peering.ChangeCompleted || !strings.Contains(got.Outcome, c.text) {
				t.Errorf("ended %s (%s), want %q", got.State, got.Outcome, c.text)
			}
			if took := s.env.Now().Sub(start); took < c.took || c.took > 0 && took > c.took+5*time.Hour {
				t.Errorf("watched for %s, want %s", took, c.took)
			}
			looks := 0
			for _, call := range s.calls {
				if call == "CountSessionsUp" {
					looks++
				}
			}
			if looks > 150 { // some eleven events each: well below two thousand
				t.Errorf("looked %d times", looks)
			}
		})
	}
}

func TestAPeerThatDoesNotAnswerIsRememberedEveryWeek(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	s.agreed, s.waiting = 0, 1
	steps := map[string]bool{}
	for days := range 30 {
		s.later(time.Duration(days)*24*time.Hour+time.Hour, func() { steps[s.step] = true })
	}
	s.provision(t)
	for _, days := range []string{"asked 7 days ago", "asked 14 days ago", "asked 21 days ago", "asked 28 days ago"} {
		if !slices.ContainsFunc(slices.Collect(maps.Keys(steps)), func(step string) bool { return strings.Contains(step, days) }) {
			t.Errorf("nobody was told %q", days)
		}
	}
	if len(steps) != 5 {
		t.Errorf("%d different steps in a month: %v", len(steps), steps)
	}
}

// A run that was cut short after eight days goes on where it was: the report comes
// when it would have, and what was told may be told again for the record to drop.
func TestAWatchThatWasCutShortEndsWhenItWouldHave(t *testing.T) {
	t.Parallel()
	const day = 24 * time.Hour
	s := newStage(t)
	s.up, s.notUp, s.state = 0, 1, peering.ChangeCompleted
	s.found = activities.LookUpResult{State: peering.ChangeCompleted, Outcome: "confirmed on 1 router", EndedAt: s.env.Now().Add(-8 * day)}
	start := s.env.Now()
	got := s.provision(t)
	if took := s.env.Now().Sub(start); took < 6*day || took > 6*day+5*time.Hour {
		t.Errorf("it went on for %s, want six days", took)
	}
	if last := s.told[len(s.told)-1]; last.Number != 0 || last.Days != 14 || len(s.deployments) != 0 || !strings.Contains(got.Outcome, "after 14 days") {
		t.Errorf("last told %+v, %d deployments, %q", last, len(s.deployments), got.Outcome)
	}
}
