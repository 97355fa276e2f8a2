package workflows

import (
	"fmt"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"peerflow/activities"
	"peerflow/internal/peering"
)

// about is what a workflow shows from its first moment, however it is started:
// by a client, as a child, or by a schedule.
type about struct {
	id      string
	summary string // one line, in lists
	details string // what it is there for, in Markdown
	labels  labels
}

func (a about) attributes() temporal.SearchAttributes {
	return temporal.NewSearchAttributes(a.labels.updates()...)
}

// start is for a client; one that runs already is joined.
func (a about) start() client.StartWorkflowOptions {
	return client.StartWorkflowOptions{
		ID: a.id, TaskQueue: ControlQueue, StaticSummary: oneLine(a.summary), StaticDetails: a.details, TypedSearchAttributes: a.attributes(),
		WorkflowIDConflictPolicy: enumspb.WORKFLOW_ID_CONFLICT_POLICY_USE_EXISTING,
	}
}

// child is for a child that outlives its parents, so that ending one of these
// ends nothing else.
func (a about) child() workflow.ChildWorkflowOptions {
	return workflow.ChildWorkflowOptions{
		WorkflowID: a.id, StaticSummary: oneLine(a.summary), StaticDetails: a.details, TypedSearchAttributes: a.attributes(),
		ParentClosePolicy: enumspb.PARENT_CLOSE_POLICY_ABANDON,
	}
}

// action is for a schedule; each run may take so long.
func (a about) action(flow, input any, patience time.Duration) *client.ScheduleWorkflowAction {
	return &client.ScheduleWorkflowAction{
		ID: a.id, TaskQueue: ControlQueue, Workflow: flow, Args: []any{input}, WorkflowExecutionTimeout: patience,
		StaticSummary: oneLine(a.summary), StaticDetails: a.details, TypedSearchAttributes: a.attributes(),
	}
}

func ofChange(c peering.Change) labels {
	return labels{change: c.ID, asn: int64(c.Request.ASN), state: string(c.State), turn: peering.TurnNobody}
}

func aboutProvision(c peering.Change) about {
	return about{id: provisionID(c.ID), summary: fmt.Sprintf("change %d: %s", c.ID, c.Summary()), labels: ofChange(c),
		details: "Brings up sessions with one peer: looks it up, waits until it agrees, plans the sessions, has `" + changeID(c.ID) +
			"` bring them to the routers, and then watches those that wait for the other side.\n\n" +
			"Ending this workflow never touches a router; peerflow starts it again while its change is open. To end the change: `" + cancelCommand(c.ID) + "`."}
}

// aboutChange takes what a change's summary says and its labels, which are all
// that a parent workflow knows.
func aboutChange(change int64, summary string, l labels) about {
	return about{id: changeID(change), summary: fmt.Sprintf("change %d: %s", change, summary), labels: l,
		details: "Plans one change, waits for its approval, and brings it to its routers one after the other. Votes, cancels and freezes are in peerflow's database: " +
			"a signal only has it look there again.\n\n" +
			"Ending this workflow stops no deployment that is under way (`deployment/…`), and peerflow starts it again while the change is open. To end the change: `" +
			cancelCommand(change) + "`, and once a router was committed `" + rollBackCommand(change) + "`."}
}

func aboutQueue(r peering.RouterRef) about {
	return about{id: routerID(r.ID), summary: "queue of router " + named(r.Name, r.ID), labels: ofRouter(r),
		details: "One router, one writer: hands deployments to the router one at a time, oldest first. It never ends by itself, and keeps nothing: " +
			"peerflow starts it again within a minute when something waits for the router."}
}

func aboutDeployment(q activities.QueuedDeployment) about {
	return about{id: deploymentID(q.ID), summary: fmt.Sprintf("change %d on router %s", q.Change, q.Router),
		labels: labels{change: q.Change, asn: int64(q.ASN), routers: nonzero(q.Router), sites: nonzero(q.Site),
			state: string(peering.DeploymentQueued), turn: peering.TurnNobody},
		details: "Brings one change to one router, between commit and confirm under the router's own rollback timer. Every step is decided by reading the router.\n\n" +
			"**Don't terminate it between commit and confirm**: the router then returns to what it ran before when its timer ends. To have that now: `" +
			rollBackCommand(q.Change) + "`. Temporal's Cancel does nothing here."}
}

func aboutProposal(c peering.Change, d peering.Deployment, r peering.RouterRef) about {
	l := ofChange(c)
	l.routers, l.sites, l.state = nonzero(d.Router), nonzero(r.Site), string(peering.DeploymentQueued)
	return about{id: proposalID(d.ID), summary: fmt.Sprintf("change %d, to paste on router %s", c.ID, d.Router), labels: l,
		details: "Waits until a person has pasted one change on a router that peerflow is unable to write to (mode propose), and verifies it then. What to paste, and where: `" +
			peering.PasteCommand(c.ID) + "`.\n\nIt blocks nothing else on the router, and peerflow starts it again when it is lost. To end the change: `" + cancelCommand(c.ID) + "`."}
}

func aboutPoll(r peering.RouterRef) about {
	return about{id: pollID(r.ID), summary: "neighbors of router " + named(r.Name, r.ID), labels: ofRouter(r),
		details: "Reads the router's BGP neighbors once, and records them. A session that is announced more than its export guard allows is shut by the router's queue."}
}

func aboutDiff(r peering.RouterRef) about {
	return about{id: diffID(r.ID), summary: "router " + named(r.Name, r.ID) + " against what is recorded", labels: ofRouter(r),
		details: "Reads the router once, for a person who asked (`peerflow router diff " + r.Name + "`). Nothing is written to it."}
}

func aboutSync() about {
	return about{id: syncID, summary: "sync of PeeringDB's mirror", labels: labels{turn: peering.TurnNobody},
		details: "Fetches what changed in PeeringDB since the last time. Plans go on with the mirror's view while PeeringDB is away. To have it now: `peerflow sync`."}
}

func ofRouter(r peering.RouterRef) labels {
	return labels{routers: nonzero(r.Name), sites: nonzero(r.Site), turn: peering.TurnNobody}
}

func nonzero(word string) []string {
	if word == "" {
		return nil
	}
	return []string{word}
}

func named(name string, id int64) string {
	if name == "" {
		return fmt.Sprint(id)
	}
	return name
}

// The commands that more than one page names.
func cancelCommand(change int64) string   { return fmt.Sprintf("peerflow change cancel %d", change) }
func rollBackCommand(change int64) string { return fmt.Sprintf("peerflow change rollback %d", change) }

// onChange is what a person may do with a change, by where it stands.
func onChange(change int64, state peering.ChangeState, plan string) []can {
	show := can{"see it, with plan and diff", fmt.Sprintf("peerflow change show %d", change)}
	follow := can{"follow it", fmt.Sprintf("peerflow change watch %d", change)}
	cancel := can{"end it, before anything is written", cancelCommand(change)}
	switch state {
	case peering.ChangeDraft, peering.ChangePlanned, peering.ChangeStale, peering.ChangeApproved:
		return []can{show, cancel}
	case peering.ChangeAwaitingApproval:
		return []can{show, {"approve it", fmt.Sprintf("peerflow change approve %d --plan %s", change, plan)},
			{"get a code for the update decide", fmt.Sprintf("peerflow change approve %d --code", change)},
			{"reject it", fmt.Sprintf("peerflow change reject %d", change)}, cancel}
	case peering.ChangeDeploying:
		return []can{follow, {"stop it before its next router", cancelCommand(change)}, {"take back what isn't confirmed yet", rollBackCommand(change)}}
	case peering.ChangeNeedsOperator:
		return []can{show, {"go on, once what is wrong was mended", fmt.Sprintf("peerflow change resolve %d", change)}}
	case peering.ChangeInterfered:
		return []can{show, {"see what the router runs otherwise than recorded", "peerflow router diff ROUTER"}, {"see the freeze that this left", "peerflow freeze list"}}
	default:
		return []can{show}
	}
}

// onDeployment is what a person may do with a deployment, by where it stands.
func onDeployment(state peering.DeploymentState, l labels) []can {
	all := []can{{"follow it", fmt.Sprintf("peerflow change watch %d", l.change)}}
	switch state {
	case peering.DeploymentQueued:
		all = append(all, can{"end it, before anything is written", cancelCommand(l.change)})
	case peering.DeploymentProposed:
		all = append(all, can{"see what to paste, and where", peering.PasteCommand(l.change)}, can{"end it", cancelCommand(l.change)})
	case peering.DeploymentSoaking:
		all = append(all, can{"take it back now", rollBackCommand(l.change)},
			can{"confirm now, in your name", fmt.Sprintf("peerflow change confirm %d", l.change)})
	case peering.DeploymentCommitting, peering.DeploymentUnknown:
		all = append(all, can{"take it back now", rollBackCommand(l.change)})
	case peering.DeploymentNeedsOperator:
		all = append(all, can{"go on, once what is wrong was mended", fmt.Sprintf("peerflow change resolve %d", l.change)})
	default: // it ended: nothing is left to order
	}
	for _, router := range l.routers {
		all = append(all, can{"see the router's neighbors", "peerflow router show " + router},
			can{"see what it runs otherwise than recorded", "peerflow router diff " + router})
	}
	return all
}
