package workflows_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	commonpb "go.temporal.io/api/common/v1"
	historypb "go.temporal.io/api/history/v1"
	sdkpb "go.temporal.io/api/sdk/v1"
	"go.temporal.io/api/temporalproto"
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
	"ProposeRouter":    workflows.ProposeRouter,
	"PollRouter":       workflows.PollRouter,
	"CompareRouter":    workflows.CompareRouter,
	"SyncPeeringDB":    workflows.SyncPeeringDB,
}

// ends are the ways to an end of which a history is kept, beside whatever else a
// recording left: a workflow, states that it passed, and its last one.
var ends = []string{
	"DeployChange.completed", "DeployChange.stale.completed", "DeployChange.rolled_back", "DeployChange.interfered", "DeployChange.cancelled", "DeployChange.expired",
	"DeployChange.partial", "DeployChange.needs_operator.rolled_back", "DeployRouter.needs_operator", "ServeRouter.needs_operator.idle",
	"DeployRouter.confirmed", "DeployRouter.rolled_back", "DeployRouter.interfered", "ProposeRouter.confirmed", "ProposeRouter.cancelled", "ProposeRouter.needs_operator",
	"ProvisionPeering.completed", "ProvisionPeering.waiting_for_them",
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
	for _, way := range ends {
		if !slices.Contains(files, filepath.Join("testdata", "replay", way+".json")) {
			t.Errorf("no history of %s is recorded", way)
		}
	}
}

// What a real server kept of each workflow, whoever started it: a line and a
// paragraph of what it is, what it is found by, and a line for each activity and timer.
func TestHistoriesAreToldToOperators(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob(filepath.Join("testdata", "replay", "*.json"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no histories: %v", err)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			t.Parallel()
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			var h historypb.History
			if err := (temporalproto.CustomJSONUnmarshalOptions{DiscardUnknown: true}).Unmarshal(text, &h); err != nil {
				t.Fatal(err)
			}
			for _, event := range h.GetEvents() {
				told(t, event)
			}
		})
	}
}

func told(t *testing.T, event *historypb.HistoryEvent) {
	t.Helper()
	starts := func(what string, attributes *commonpb.SearchAttributes, wanted ...string) {
		if about := event.GetUserMetadata(); isEmpty(about.GetSummary()) || isEmpty(about.GetDetails()) {
			t.Errorf("%s has summary %s and details %s", what, about.GetSummary().GetData(), about.GetDetails().GetData())
		}
		for _, name := range wanted {
			if isEmpty(attributes.GetIndexedFields()[name]) {
				t.Errorf("%s has no %s: %v", what, name, attributes.GetIndexedFields())
			}
		}
	}
	lines := func(what string, about *sdkpb.UserMetadata) {
		if isEmpty(about.GetSummary()) {
			t.Errorf("event %d, %s, has no summary", event.GetEventId(), what)
		}
	}
	started, child := event.GetWorkflowExecutionStartedEventAttributes(), event.GetStartChildWorkflowExecutionInitiatedEventAttributes()
	switch {
	case started != nil:
		starts(started.GetWorkflowType().GetName(), started.GetSearchAttributes(), labelled[started.GetWorkflowType().GetName()]...)
	case child != nil:
		starts("child "+child.GetWorkflowId(), child.GetSearchAttributes(), labelled[child.GetWorkflowType().GetName()]...)
	case event.GetActivityTaskScheduledEventAttributes() != nil:
		lines(event.GetActivityTaskScheduledEventAttributes().GetActivityType().GetName(), event.GetUserMetadata())
	case event.GetTimerStartedEventAttributes() != nil:
		lines("a timer", event.GetUserMetadata())
	}
}

// labelled is what each workflow of a change with a peer is found by from its start.
var labelled = map[string][]string{
	"ProvisionPeering": {"PeerflowChange", "PeerflowAsn", "PeerflowState", "PeerflowTurn"},
	"DeployChange":     {"PeerflowChange", "PeerflowState", "PeerflowTurn"},
	"ServeRouter":      {"PeerflowRouter", "PeerflowSite", "PeerflowTurn"},
	"DeployRouter":     {"PeerflowChange", "PeerflowRouter", "PeerflowSite", "PeerflowState", "PeerflowTurn"},
	"ProposeRouter":    {"PeerflowChange", "PeerflowRouter", "PeerflowSite", "PeerflowState", "PeerflowTurn"},
	"PollRouter":       {"PeerflowRouter", "PeerflowSite", "PeerflowTurn"},
	"CompareRouter":    {"PeerflowRouter", "PeerflowSite", "PeerflowTurn"},
	"SyncPeeringDB":    {"PeerflowTurn"},
}

func isEmpty(p *commonpb.Payload) bool { return len(p.GetData()) <= len(`""`) }
