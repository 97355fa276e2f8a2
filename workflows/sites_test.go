package workflows_test

import (
	"context"
	"slices"
	"strings"
	"testing"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/testsuite"

	"peerflow/activities"
	"peerflow/internal/peering"
	"peerflow/workflows"
)

// nobodyCame is how Temporal ends an activity that no worker took up.
var nobodyCame = temporal.NewTimeoutError(enumspb.TIMEOUT_TYPE_SCHEDULE_TO_START, nil)

func TestADeploymentWaitsForAWorkerOfItsSite(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		step      string // that no worker takes up
		times     int
		cancelled string
		state     peering.DeploymentState
		runs      string
		prepared  int // how often
	}{
		"before it was prepared":                     {"prepare", 5, "", peering.DeploymentConfirmed, artifact, 1},
		"before the commit: prepared afresh":         {"commit", 1, "", peering.DeploymentConfirmed, artifact, 2},
		"while soaking, for a moment":                {"soak", 1, "", peering.DeploymentConfirmed, artifact, 1},
		"while soaking, past the timer: it reverted": {"soak", 5, "", peering.DeploymentRolledBack, base, 1},
		"cancelled meanwhile":                        {"prepare", 9, "cancelled by anna", peering.DeploymentCancelled, base, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := rehearse(t)
			r.site, r.cancelled = "ams", c.cancelled
			r.away = map[string]int{c.step: c.times}
			result := r.run(t)
			if result.State != c.state || r.runs != c.runs {
				t.Errorf("ended %s (%s), runs %s; want %s, %s", result.State, result.Text, r.runs, c.state, c.runs)
			}
			if r.tries["prepare"] != c.prepared || r.commits > 1 {
				t.Errorf("prepared %d times, want %d; %d commits", r.tries["prepare"], c.prepared, r.commits)
			}
			if c.step != "commit" && (len(r.told) == 0 || !strings.Contains(r.told[0], "no worker serves site.ams")) {
				t.Errorf("people were told %q", r.told)
			}
			if c.cancelled == "" && c.step != "commit" && r.told[len(r.told)-1] != "" {
				t.Errorf("it was never taken back: %q", r.told)
			}
		})
	}
}

func TestAPollThatNoWorkerTakesUpIsRecordedAsOne(t *testing.T) {
	t.Parallel()
	env := new(testsuite.WorkflowTestSuite).NewTestWorkflowEnvironment()
	var noted activities.UnpolledInput
	env.RegisterActivityWithOptions(func(context.Context, int64) (activities.PollResult, error) {
		return activities.PollResult{}, nobodyCame
	}, activity.RegisterOptions{Name: "PollNeighbors"})
	env.RegisterActivityWithOptions(func(_ context.Context, in activities.UnpolledInput) error {
		noted = in
		return nil
	}, activity.RegisterOptions{Name: "NoteUnpolled"})
	env.ExecuteWorkflow(workflows.PollRouter, workflows.PollRouterInput{Router: 3, Site: "ams"})
	if err := env.GetWorkflowError(); err != nil {
		t.Fatal(err)
	}
	if noted.Router != 3 || !strings.Contains(noted.Text, "no worker serves site.ams") {
		t.Errorf("noted %+v", noted)
	}
}

func TestAChangeIsPlannedByTheWorkersOfEachSite(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	s.sites, s.away, s.approved = []string{"ams", "fra"}, map[string]int{"fra": 2}, true
	if got := s.deploy(t); got.State != peering.ChangeCompleted {
		t.Fatalf("ended %s: %s", got.State, got.Outcome)
	}
	want := []activities.PlanInput{{Change: changeNumber, Site: "ams"}, {Change: changeNumber, Site: "fra", Last: true}}
	if !slices.Equal(s.planned, want) {
		t.Errorf("planned %+v, want %+v", s.planned, want)
	}
	if len(s.noted) != 2 || !strings.Contains(s.noted[0], "no worker serves site.fra") {
		t.Errorf("people were told %q", s.noted)
	}
}

func TestAChangeThatWaitsForAWorkerCanBeCancelled(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	s.sites, s.away, s.cancel = []string{"ams"}, map[string]int{"ams": 99}, "cancelled by anna"
	if got := s.deploy(t); got.State != peering.ChangeCancelled || len(s.planned) > 0 {
		t.Errorf("ended %s (%s), planned %+v", got.State, got.Outcome, s.planned)
	}
}
