package workflows

import (
	"go.temporal.io/sdk/interceptor"
	"go.temporal.io/sdk/workflow"

	"peerflow/activities"
)

// activitySummaries says in a line what each activity does, for the timeline of
// Temporal's UI: above all, whether it writes to a router.
var activitySummaries = map[string]string{
	"LookUpPeer":        "ask PeeringDB for the peer",
	"AssessAgreement":   "see where the peer agreed",
	"PlanSessions":      "plan the sessions",
	"ScopeChange":       "see which sites the change reaches",
	"PlanChange":        "render, read the routers and compare; nothing is written",
	"WaitingChanges":    "see which other changes wait on these routers",
	"RecordVote":        "record a decision, or its refusal",
	"TallyVotes":        "count votes, and look for orders of people",
	"DescribeChange":    "read the change's record",
	"MoveChange":        "record where the change stands",
	"NoteStep":          "record what the change waits for",
	"PlannedRouters":    "read the plan's routers",
	"SubmitDeployment":  "queue the deployment at its router, or propose it there to a person",
	"ReadDeployment":    "read the deployment's record",
	"SettleChange":      "record the change's end, as its routers have it",
	"TellDeployment":    "tell the change that its deployment ended",
	"TellChanges":       "tell other changes that a router moved",
	"WakeRouters":       "wake the routers' queues",
	"CountSessionsUp":   "count the sessions that are up",
	"TellAwaited":       "tell people which sessions wait for the other side",
	"Unresolved":        "see which deployments need an operator",
	"ResolveDeployment": "read the router, for a person who resolves",
	"ResolveHandled":    "note that the order to resolve was followed",
	"NoteWait":          "record what the deployment waits for",
	"DecideDeployment":  "read record and router, and decide what comes next",
	"PrepareDeployment": "read the router twice and compose what it shall load; nothing is written",
	"BeginDeployment":   "the gate: votes, freezes and cancels, in one transaction",
	"ProposeDeployment": "the gate before a person may paste: votes, freezes and cancels, in one transaction",
	"LookAtProposal":    "see what the router runs of it; nothing is written",
	"VerifyProposal":    "watch BGP after a person pasted it",
	"EndProposal":       "read the router and record the end; nothing is written",
	"CommitDeployment":  "WRITES: commit once, with the rollback timer running",
	"SoakDeployment":    "watch BGP before the confirm",
	"ConfirmDeployment": "WRITES: confirm, so that the router keeps it",
	"InstallDeployment": "WRITES: the boot configuration, and prove it",
	"AbortDeployment":   "WRITES: have the router return to what it ran before",
	"EndDeployment":     "read the router and record the end",
	"QueuedDeployments": "read the router's queue",
	"ShutSession":       "WRITES: shut a session that is announced more than expected",
	"PollNeighbors":     "read the router's neighbors",
	"NoteUnpolled":      "record that the router wasn't polled",
	"CompareRouter":     "compare what the router runs with what is recorded",
	"SyncMirror":        "fetch what changed in PeeringDB",
}

// particulars is what an activity's input adds to its line.
func particulars(input any) string {
	switch in := input.(type) {
	case activities.MoveInput:
		return string(in.To)
	case activities.StepInput:
		return in.Text
	case activities.PlanInput:
		return in.Site
	case activities.WaitInput:
		return in.Text
	case activities.AbortInput:
		return in.Reason
	case activities.EndInput:
		return string(in.State)
	}
	return ""
}

func activitySummary(name string, args []any) string {
	text := activitySummaries[name]
	if len(args) == 0 {
		return text
	}
	if more := particulars(args[0]); more != "" {
		text += ": " + more
	}
	return oneLine(text)
}

// Summarize gives every activity that a workflow runs its line, in one place
// instead of where it is called. It adds no event and changes no decision.
func Summarize() interceptor.WorkerInterceptor { return &summarizing{} }

type summarizing struct {
	interceptor.WorkerInterceptorBase
}

func (*summarizing) InterceptWorkflow(_ workflow.Context, next interceptor.WorkflowInboundInterceptor) interceptor.WorkflowInboundInterceptor {
	return &summarizingIn{interceptor.WorkflowInboundInterceptorBase{Next: next}}
}

type summarizingIn struct {
	interceptor.WorkflowInboundInterceptorBase
}

func (i *summarizingIn) Init(out interceptor.WorkflowOutboundInterceptor) error {
	return i.Next.Init(&summarizingOut{interceptor.WorkflowOutboundInterceptorBase{Next: out}})
}

type summarizingOut struct {
	interceptor.WorkflowOutboundInterceptorBase
}

func (o *summarizingOut) ExecuteActivity(ctx workflow.Context, name string, args ...any) workflow.Future {
	options := workflow.GetActivityOptions(ctx)
	options.Summary = activitySummary(name, args)
	return o.Next.ExecuteActivity(workflow.WithActivityOptions(ctx, options), name, args...)
}
