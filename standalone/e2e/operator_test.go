package e2e

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"

	"peerflow/internal/peering"
)

// operatorFinds looks for what a change left in Temporal as an operator would:
// by search attributes, and by what each workflow says of itself, those that a
// schedule started among them.
func (b *bed) operatorFinds(c peering.Change) {
	b.t.Helper()
	ctx := context.Background()
	for query, want := range map[string][]string{
		fmt.Sprintf(`PeerflowChange = "%d" AND PeerflowAsn = 64501`, c.ID):  {"ProvisionPeering", "DeployChange", "DeployRouter"},
		`PeerflowRouter = "edge1" AND PeerflowState = "confirmed"`:          {"DeployRouter"},
		`PeerflowRouter = "edge1" AND PeerflowState = "idle"`:               {"ServeRouter"},
		`PeerflowSite = "lab" AND WorkflowType = "CompareRouter"`:           {"CompareRouter"},
		`PeerflowRouter = "edge1" AND WorkflowType = "PollRouter"`:          {"PollRouter"},
		`PeerflowTurn = "nobody" AND WorkflowType = "SyncPeeringDB"`:        {"SyncPeeringDB"},
		`PeerflowState = "completed" AND PeerflowTurn = "nobody"`:           {"ProvisionPeering", "DeployChange"},
		`PeerflowTurn = "us" AND PeerflowSite = "lab"`:                      nil,
		fmt.Sprintf(`PeerflowChange = "%d" AND PeerflowSite = "lab"`, c.ID): {"DeployChange", "DeployRouter"},
	} {
		b.await(fmt.Sprintf("%s finds %v", query, want), 30*time.Second, func(ctx context.Context) bool {
			list, err := b.Parts.Temporal.ListWorkflow(ctx, &workflowservice.ListWorkflowExecutionsRequest{Query: query, PageSize: 1000})
			b.must(err)
			var types []string
			for _, run := range list.GetExecutions() {
				types = append(types, run.GetType().GetName())
			}
			slices.Sort(types)
			types = slices.Compact(types)
			sorted := slices.Sorted(slices.Values(want))
			return slices.Equal(types, sorted)
		})
	}
	b.must(b.Parts.EnsureSchedules(ctx)) // once more: what is there is renewed
	for id, says := range map[string]string{"poll/1": "router edge1", "sync/peeringdb": "PeeringDB"} {
		about, err := b.Parts.Temporal.ScheduleClient().GetHandle(ctx, id).Describe(ctx)
		b.must(err)
		action, ok := about.Schedule.Action.(*client.ScheduleWorkflowAction)
		if !ok || !strings.Contains(action.StaticSummary, says) || action.StaticDetails == "" || action.TypedSearchAttributes.Size() == 0 ||
			!strings.Contains(about.Schedule.State.Note, says) {
			b.t.Errorf("schedule %s: %+v, noted %q", id, action, about.Schedule.State.Note)
		}
	}
	b.pollsAreTold(ctx)
}

// pollsAreTold reads what runs that the schedule started say of themselves.
func (b *bed) pollsAreTold(ctx context.Context) {
	b.t.Helper()
	list, err := b.Parts.Temporal.ListWorkflow(ctx, &workflowservice.ListWorkflowExecutionsRequest{PageSize: 1,
		Query: `WorkflowType = "PollRouter" AND ExecutionStatus = "Completed"`})
	b.must(err)
	if len(list.GetExecutions()) == 0 {
		b.t.Fatal("no poll completed")
	}
	run := list.GetExecutions()[0].GetExecution()
	about, err := b.Parts.Temporal.DescribeWorkflow(ctx, run.GetWorkflowId(), run.GetRunId())
	b.must(err)
	summary, err := about.GetStaticSummary()
	b.must(err)
	details, err := about.GetStaticDetails()
	b.must(err)
	if summary != "neighbors of router edge1" || details == "" {
		b.t.Errorf("%s says %q, %q", run.GetWorkflowId(), summary, details)
	}
	if now := b.details(ctx, run.GetWorkflowId()); !strings.Contains(now, "of them Established") {
		b.t.Errorf("%s ended with %q", run.GetWorkflowId(), now)
	}
}
