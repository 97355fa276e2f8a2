package workflows

import (
	"fmt"

	"go.temporal.io/sdk/workflow"

	"peerflow/activities"
	"peerflow/internal/peering"
)

// show is a screen of a change.
func (c *changeRun) show(ctx workflow.Context, s screen) { s.show(ctx, labels{change: c.id}) }

// state is a screen of a change that says what may be done in that state.
func (c *changeRun) state(ctx workflow.Context, s screen) {
	s.can = c.can(peering.ChangeState(s.state))
	c.show(ctx, s)
}

// deploying is the screen of a change that waits for one of its routers.
func (c *changeRun) deploying(ctx workflow.Context, r activities.PlannedRouter, leads string) {
	s := screen{state: string(peering.ChangeDeploying), doing: c.plan.Impact, waits: fmt.Sprintf("router %s: workflow %s leads it", r.Name, leads)}
	s.can = c.can(peering.ChangeDeploying)
	if r.Mode == peering.Propose {
		s.turn = peering.TurnUs
		s.waits = fmt.Sprintf("a person to paste it on router %s: workflow %s looks whether that was done", r.Name, leads)
		s.can = []can{{"see what to paste, and where", peering.PasteCommand(c.id)}, {"end it", cancelCommand(c.id)}}
	}
	c.show(ctx, s)
}

func (c *changeRun) can(state peering.ChangeState) []can {
	return onChange(c.id, state, c.plan.Hash[:min(8, len(c.plan.Hash))])
}

// describe is the screen of a change that waits for approval.
func (c *changeRun) describe(ctx workflow.Context, s activities.Standing) {
	rule := ""
	if s.Tally.Rule != "" {
		rule = ", as rule " + s.Tally.Rule + " asks"
	}
	c.state(ctx, screen{
		state: string(peering.ChangeAwaitingApproval), turn: peering.TurnUs, doing: c.plan.Impact + c.note,
		waits: fmt.Sprintf("approval of plan %s: %s%s", c.plan.Hash[:8], s.Tally.Line(), rule),
		until: s.Expires, then: "it expires, and nothing was written",
	})
}

// settled is the screen of a change whose deployments ended, or one needs an operator.
func (c *changeRun) settled(ctx workflow.Context, now activities.DescribeResult) {
	s := screen{state: string(now.State), doing: now.Outcome}
	if now.State == peering.ChangeNeedsOperator {
		s.turn, s.waits = peering.TurnUs, "an operator: nobody else ends what the router is in"
	}
	c.state(ctx, s)
}

func namesOf(routers []activities.PlannedRouter) (names []string) {
	for _, r := range routers {
		names = append(names, r.Name)
	}
	return names
}
