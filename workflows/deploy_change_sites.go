package workflows

import (
	"go.temporal.io/sdk/workflow"

	"peerflow/activities"
	"peerflow/internal/peering"
)

// planned is what one round of planning came to.
type planned struct {
	plan      activities.PlanResult
	blockedBy int64               // an earlier open change touches the same object: no plan
	done      *DeployChangeResult // it was cancelled while a site had no worker
}

// planRound plans a change at each of its sites in turn; the last one puts the
// plan together.
func (c *changeRun) planRound(ctx workflow.Context) (round planned, err error) {
	var a *activities.Planning
	for {
		var scope activities.ScopeResult
		if err := workflow.ExecuteActivity(record(ctx), a.ScopeChange, c.id).Get(ctx, &scope); err != nil || scope.BlockedBy != 0 {
			return planned{blockedBy: scope.BlockedBy}, err
		}
		label(ctx, labels{sites: scope.Sites})
		if len(scope.Sites) == 0 {
			scope.Sites = []string{""} // no router is reached: nothing to read
		}
		for i, site := range scope.Sites {
			in := activities.PlanInput{Change: c.id, Site: site, Last: i == len(scope.Sites)-1}
			if round, err = c.planOn(ctx, in); err != nil || round.done != nil {
				return round, err
			}
		}
		if !round.plan.Again {
			return round, nil
		}
	}
}

// planOn waits for a worker of the site as long as it takes.
func (c *changeRun) planOn(ctx workflow.Context, in activities.PlanInput) (round planned, err error) {
	var a *activities.Planning
	for wait := servedWithin; ; wait = min(2*wait, maxUnserved) {
		err := workflow.ExecuteActivity(onSite(plan(ctx), in.Site, wait), a.PlanChange, in).Get(ctx, &round.plan)
		if !unserved(err) {
			return round, err
		}
		if err := c.noteStep(ctx, "can't be planned: "+noWorker(in.Site)); err != nil {
			return round, err
		}
		standing, err := c.standing(ctx, 0)
		if err != nil {
			return round, err
		}
		if standing.Cancel != "" {
			at, err := c.move(ctx, peering.ChangeCancelled, "", standing.Cancel)
			round.done = at.end
			return round, err
		}
	}
}

// noteStep says what the change waits for, in the state that it has.
func (c *changeRun) noteStep(ctx workflow.Context, text string) error {
	var a *activities.Changing
	c.show(ctx, screen{turn: peering.TurnUs, waits: text, can: c.can(peering.ChangePlanned)})
	return workflow.ExecuteActivity(record(ctx), a.NoteStep, activities.StepInput{Change: c.id, Text: text}).Get(ctx, nil)
}
