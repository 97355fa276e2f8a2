package workflows_test

import (
	"path/filepath"
	"strings"
	"testing"

	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"peerflow/workflows"
)

// released lists the workflows as worker/register.go names them.
var released = map[string]any{
	"ProvisionPeering": workflows.ProvisionPeering,
	"DeployChange":     workflows.DeployChange,
	"ServeRouter":      workflows.ServeRouter,
	"DeployRouter":     workflows.DeployRouter,
	"PollRouter":       workflows.PollRouter,
	"CompareRouter":    workflows.CompareRouter,
	"SyncPeeringDB":    workflows.SyncPeeringDB,
}

// A workflow that is under way while peerflow is upgraded must go on: what was
// recorded from a release replays on this code. standalone/e2e/record_test.go
// says how the histories are recorded; a change that breaks one needs workflow.GetVersion.
func TestReleasedHistoriesReplay(t *testing.T) {
	t.Parallel()
	replayer := worker.NewWorkflowReplayer()
	for name, f := range released {
		replayer.RegisterWorkflowWithOptions(f, workflow.RegisterOptions{Name: name})
	}
	files, err := filepath.Glob(filepath.Join("testdata", "replay", "*.json"))
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for _, file := range files {
		name, _, _ := strings.Cut(filepath.Base(file), ".")
		seen[name] = true
		t.Run(filepath.Base(file), func(t *testing.T) {
			if err := replayer.ReplayWorkflowHistoryFromJSONFile(nil, file); err != nil {
				t.Error(err)
			}
		})
	}
	for name := range released {
		if !seen[name] {
			t.Errorf("no history of %s is recorded", name)
		}
	}
}
