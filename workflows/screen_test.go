package workflows_test

import (
	"strings"
	"testing"
	"time"

	sdkpb "go.temporal.io/api/sdk/v1"
	"go.temporal.io/sdk/testsuite"

	"peerflow/activities"
	"peerflow/internal/peering"
	"peerflow/workflows"
)

// screenOf is what Temporal's UI shows of a workflow now: its current details, and
// the description of each handler by name.
func screenOf(t *testing.T, env *testsuite.TestWorkflowEnvironment) (details string, handlers map[string]string) {
	t.Helper()
	answer, err := env.QueryWorkflow("__temporal_workflow_metadata")
	if err != nil {
		t.Fatal(err)
	}
	var about sdkpb.WorkflowMetadata
	if err := answer.Get(&about); err != nil {
		t.Fatal(err)
	}
	handlers = map[string]string{}
	d := about.GetDefinition()
	for _, all := range [][]*sdkpb.WorkflowInteractionDefinition{d.GetSignalDefinitions(), d.GetUpdateDefinitions(), d.GetQueryDefinitions()} {
		for _, h := range all {
			handlers[h.GetName()] = h.GetDescription()
		}
	}
	return about.GetCurrentDetails(), handlers
}

// shows fails unless the screen has each text.
func shows(t *testing.T, env *testsuite.TestWorkflowEnvironment, when string, texts ...string) {
	t.Helper()
	details, handlers := screenOf(t, env)
	for _, text := range texts {
		if !strings.Contains(details, text) {
			t.Errorf("%s it doesn't say %q:\n%s", when, text, details)
		}
	}
	for name, description := range handlers {
		if description == "" {
			t.Errorf("%s handler %s has no description", when, name)
		}
	}
}

func TestAChangeSaysWhatItWaitsForAndWhatToDo(t *testing.T) {
	t.Parallel()
	t.Run("from approval to its router", func(t *testing.T) {
		t.Parallel()
		s := newStage(t)
		s.took = 10 * time.Minute
		s.later(time.Hour, func() {
			shows(t, s.env, "awaiting approval", "### awaiting approval", "adds 2 sessions", "approval of plan c0ffee00: 0 of 1 approval",
				"**Until** ", "it expires", "peerflow change approve 1042 --plan c0ffee00", "peerflow change approve 1042 --code",
				"peerflow change reject 1042", "peerflow change cancel 1042")
			s.approve()
		})
		s.later(time.Hour+time.Minute, func() {
			shows(t, s.env, "deploying", "### deploying", "router edge1", "deployment/0", "peerflow change rollback 1042")
		})
		s.deploy(t)
		shows(t, s.env, "at its end", "### completed")
		if _, handlers := screenOf(t, s.env); !strings.Contains(handlers[workflows.UpdateDecide], "peerflow change approve 1042 --code") ||
			handlers[workflows.SignalLookAgain] == "" {
			t.Errorf("handlers %v", handlers)
		}
	})
	t.Run("blocked by another change", func(t *testing.T) {
		t.Parallel()
		s := newStage(t)
		s.blocked = 12
		s.later(time.Minute, func() {
			shows(t, s.env, "blocked", "change 12, which edits the same object", "peerflow change show 12")
			s.cancel = "cancelled by anna"
		})
		s.deploy(t)
	})
	t.Run("an operator is needed", func(t *testing.T) {
		t.Parallel()
		s := newStage(t)
		s.ends = []peering.DeploymentState{peering.DeploymentNeedsOperator}
		s.later(time.Hour, s.approve)
		s.later(2*time.Hour, func() {
			shows(t, s.env, "with an operator", "### needs operator", "an operator", "peerflow change resolve 1042")
			s.resolve = 5
			s.look("command")
		})
		s.deploy(t)
	})
	t.Run("a site without a worker", func(t *testing.T) {
		t.Parallel()
		s := newStage(t)
		s.sites, s.away = []string{"ams"}, map[string]int{"ams": 1}
		s.onNote = func() {
			shows(t, s.env, "unserved", "no worker serves site.ams", "PEERFLOW\\_SITES=ams peerflow worker", "peerflow change cancel 1042")
			s.cancel = "cancelled by anna"
		}
		s.deploy(t)
	})
}

func TestAProvisioningSaysWhomItWaitsFor(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	s.agreed, s.waiting = 0, 1
	s.up, s.notUp = 1, 1
	s.later(time.Hour, func() {
		shows(t, s.env, "asking", "### draft", "the peer to agree", "    Peering AS64500 with AS64501\n    \n    Dear [peering] team,\n\n", "peerflow peering ask AS…", "the change expires", "peerflow peering agree AS… --evidence", "peerflow change cancel 1042")
		s.agreed, s.waiting = 1, 0
		s.look("agreed")
	})
	s.later(2*time.Hour, func() {
		shows(t, s.env, "leaving it to its change", "### handed over", "change/1042", "peerflow change show 1042")
		s.approve()
	})
	s.later(24*time.Hour, func() {
		shows(t, s.env, "watching", "### waiting for them", "1 up, 1 waiting for them", "the other side", "**Until** ", "peerflow session list --waiting --asn AS…")
		s.up, s.notUp = 2, 0
	})
	s.provision(t)
	shows(t, s.env, "at its end", "### completed", "2 sessions up")
}

func TestADeploymentSaysWhereTheRouterIsAndWhatToDo(t *testing.T) {
	t.Parallel()
	r := rehearse(t)
	frozen := true
	r.frozen = func() bool { return frozen }
	r.env.RegisterDelayedCallback(func() {
		shows(t, r.env, "frozen", "### queued", "**Waits for** frozen by bob", "peerflow freeze list", "peerflow change cancel 0")
		frozen = false
		r.env.SignalWorkflow(workflows.SignalLookAgain, workflows.LookAgainSignal{})
	}, time.Hour)
	seen := map[string]bool{}
	for _, step := range []string{"prepare", "begin", "commit", "soak", "confirm", "install"} {
		r.at(step, func() {
			seen[step] = true
			want := map[string][]string{
				"prepare": {"### queued", "Nothing is written"}, "begin": {"### queued"},
				"commit":  {"### committing", "rollback timer", "peerflow change rollback 0"},
				"soak":    {"### soaking", "not confirmed", "**Until** ", "peerflow change rollback 0", "peerflow change confirm 0"},
				"confirm": {"### soaking", "confirms"}, "install": {"boot configuration"},
			}[step]
			shows(t, r.env, step, want...)
		})
	}
	r.run(t)
	shows(t, r.env, "at its end", "### confirmed", "verified, confirmed, and in the boot configuration")
	if len(seen) != 6 {
		t.Errorf("looked at %v alone", seen)
	}
}

func TestAQueueSaysWhatItServes(t *testing.T) {
	t.Parallel()
	q := newQueue(t, 1, 2)
	q.open[0].Change, q.open[1].Change, q.open[1].NeedsOperator = 7, 8, true
	q.env.RegisterDelayedCallback(func() {
		shows(t, q.env, "serving", "### serving", "deployment/1, which brings change 7", "1 more behind it", "peerflow change watch 7")
	}, 10*time.Second)
	q.env.RegisterDelayedCallback(func() {
		shows(t, q.env, "standing", "### needs operator", "deployment/2 of change 8", "peerflow change resolve 8")
		q.open = nil
		q.env.SignalWorkflow(workflows.SignalEnqueue, workflows.EnqueueSignal{})
	}, 10*time.Minute)
	q.serve(t, time.Hour)
	shows(t, q.env, "idle", "### idle", "Nothing waits")
}

func TestPollsAndComparisonsAndSyncsSayWhatCameOfThem(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		flow, in, result any
		activity         string
		want             string
	}{
		"a poll": {workflows.PollRouter, workflows.PollRouterInput{Router: 3}, activities.PollResult{Neighbors: 11, Established: 10, Changed: []string{"192.0.2.7"}},
			"PollNeighbors", "11 neighbors, 10 of them Established. Since the last poll came up or went down: 192.0.2.7."},
		"a poll of a router that doesn't answer": {workflows.PollRouter, workflows.PollRouterInput{Router: 3}, activities.PollResult{Error: "edge1 doesn't answer"},
			"PollNeighbors", "### unread"},
		"a poll that found a breach": {workflows.PollRouter, workflows.PollRouterInput{Router: 3}, activities.PollResult{Breached: []string{"192.0.2.7"}},
			"PollNeighbors", "peerflow session why 192.0.2.7"},
		"a comparison": {workflows.CompareRouter, workflows.CompareRouterInput{Router: 3}, activities.CompareResult{Stanzas: 2}, "CompareRouter", "2 stanzas differ"},
		"a sync":       {workflows.SyncPeeringDB, workflows.SyncPeeringDBInput{}, activities.SyncResult{Rows: 9, Changed: 2}, "SyncMirror", "Of 9 rows that PeeringDB gave, 2 changed"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var suite testsuite.WorkflowTestSuite
			env := suite.NewTestWorkflowEnvironment()
			answering(env, c.activity, c.result)
			env.ExecuteWorkflow(c.flow, c.in)
			if err := env.GetWorkflowError(); err != nil {
				t.Fatal(err)
			}
			shows(t, env, "at its end", c.want)
		})
	}
}
