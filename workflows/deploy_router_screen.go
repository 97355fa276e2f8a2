package workflows

import (
	"slices"

	"go.temporal.io/sdk/workflow"

	"peerflow/internal/peering"
)

// stepScreens say what each step does, and in which state the record has the
// deployment meanwhile; "" leaves that as it is.
var stepScreens = map[peering.Step]struct {
	state peering.DeploymentState
	doing string
}{
	peering.StepPrepare: {peering.DeploymentQueued, "Reads the router twice and composes what it shall load. Nothing is written yet."},
	peering.StepBegin:   {peering.DeploymentQueued, "Checks votes, freezes and cancels once more. Nothing is written yet."},
	peering.StepCommit:  {peering.DeploymentCommitting, "Commits on the router, once, with the router's own rollback timer running."},
	peering.StepSoak:    {peering.DeploymentSoaking, "Committed, and not confirmed: watches what BGP does. The router's rollback timer runs."},
	peering.StepConfirm: {peering.DeploymentSoaking, "Verified: confirms, so that the router keeps it."},
	peering.StepInstall: {"", "Confirmed: writes the boot configuration, and proves it."},
	peering.StepAbort:   {"", "Has the router return to what it ran before, and proves it."},
	peering.StepWait:    {"", "Reads the router again soon."},
}

// show is the screen of a step that is about to be taken.
func (r *deployRun) show(ctx workflow.Context, next peering.Next) {
	known := labelsOf(ctx)
	step := stepScreens[next.Step]
	s := screen{state: string(step.state), doing: sentences(step.doing, next.Text)}
	if next.Step == peering.StepEnd {
		s.state, s.doing = string(next.State), next.Text
	}
	if s.state == "" {
		s.state = known.state
	}
	if slices.Contains([]peering.DeploymentState{peering.DeploymentNeedsOperator, peering.DeploymentInterfered, peering.DeploymentUnknown}, peering.DeploymentState(s.state)) {
		s.turn = peering.TurnUs
	}
	if !next.Until.IsZero() {
		s.until, s.then = next.Until, "it is over: confirmed, or the router runs what it ran before"
	}
	s.can = onDeployment(peering.DeploymentState(s.state), known)
	s.show(ctx, labels{})
}

// blocked is the screen of a deployment that somebody has to let on.
func (r *deployRun) blocked(ctx workflow.Context, what string) {
	known := labelsOf(ctx)
	s := screen{turn: peering.TurnUs, waits: what, can: append(onDeployment(peering.DeploymentState(known.state), known), can{"see the freezes", "peerflow freeze list"})}
	s.show(ctx, labels{})
}

// unread labels a deployment whose router can't be read: what it runs isn't known
// while it may have been committed.
func (r *deployRun) unread(ctx workflow.Context) {
	if state := peering.DeploymentState(labelsOf(ctx).state); state == peering.DeploymentCommitting || state == peering.DeploymentSoaking {
		label(ctx, labels{state: string(peering.DeploymentUnknown), turn: peering.TurnUs})
	}
}

func sentences(first, second string) string {
	if first == "" || second == "" {
		return first + second
	}
	return first + " " + second
}
