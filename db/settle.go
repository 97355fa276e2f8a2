package db

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"peerflow/internal/peering"
)

// SettleChange derives state and outcome from the deployments of the plan in
// force, and ends the change when all of them ended; what is left of an ended
// overlay is discarded. While one is open it changes nothing.
func (d *DB) SettleChange(ctx context.Context, changeID int64) (settled peering.Change, err error) {
	err = d.Write(ctx, actorOf(changeID), func(tx *Tx) error {
		change, err := tx.lockChange(ctx, changeID)
		if err != nil {
			return err
		}
		if err := tx.settle(ctx, change); err != nil {
			return err
		}
		settled, err = tx.change(ctx, changeID)
		return err
	})
	return settled, err
}

func (tx *Tx) settle(ctx context.Context, change peering.Change) error {
	if change.State.Ended() || change.PlanID == 0 {
		return nil
	}
	plan, err := readPlan(ctx, tx.q, change.PlanID)
	if err != nil {
		return err
	}
	all, err := deploymentsOf(ctx, tx.q, change.ID)
	if err != nil {
		return err
	}
	var ofPlan []peering.Deployment
	for _, d := range all {
		if d.PlanID == plan.ID {
			ofPlan = append(ofPlan, d)
		}
	}
	to, outcome := outcomeOf(len(plan.Routers), ofPlan)
	switch {
	case to == "":
		return nil
	case to == peering.ChangeStale:
		// The stanza that moved voids the plan, even if it moves back before the next one.
		err = tx.voidPlan(ctx, change, outcome)
	}
	return errors.Join(err, tx.moveChange(ctx, change, to, "", outcome))
}

// ends are the ways in which a change ends that no router confirmed, the one
// that says most first.
var ends = []struct {
	deployment peering.DeploymentState
	change     peering.ChangeState
}{
	{peering.DeploymentRolledBack, peering.ChangeRolledBack},
	{peering.DeploymentStale, peering.ChangeStale},
	{peering.DeploymentCancelled, peering.ChangeCancelled},
	{peering.DeploymentFailed, peering.ChangeFailed},
}

// outcomeOf is what a change with so many routers became; "" while it goes on.
// Once one deployment ended badly, routers that weren't tried yet are left out.
func outcomeOf(routers int, ds []peering.Deployment) (peering.ChangeState, string) {
	count := map[peering.DeploymentState]int{}
	var bad []string
	for _, d := range ds {
		count[d.State]++
		if d.State.Ended() && d.State != peering.DeploymentConfirmed || d.State == peering.DeploymentNeedsOperator {
			bad = append(bad, fmt.Sprintf("%s %s: %s", d.Router, strings.ReplaceAll(string(d.State), "_", " "), d.Outcome))
		}
	}
	confirmed := count[peering.DeploymentConfirmed]
	why := strings.Join(bad, "; ")
	switch {
	case count[peering.DeploymentQueued]+count[peering.DeploymentCommitting]+count[peering.DeploymentSoaking]+count[peering.DeploymentUnknown] > 0:
		return "", ""
	case count[peering.DeploymentNeedsOperator] > 0:
		return peering.ChangeNeedsOperator, why
	case count[peering.DeploymentInterfered] > 0:
		return peering.ChangeInterfered, why
	case confirmed == routers && routers > 0:
		return peering.ChangeCompleted, fmt.Sprintf("confirmed on %s", counted(confirmed, "router"))
	case len(bad) == 0:
		return "", ""
	case confirmed > 0:
		return peering.ChangePartial, fmt.Sprintf("confirmed on %d of %s; %s", confirmed, counted(routers, "router"), why)
	}
	for _, e := range ends {
		if count[e.deployment] > 0 {
			return e.change, why
		}
	}
	return "", ""
}

func counted(n int, word string) string {
	if n == 1 {
		return "1 " + word
	}
	return fmt.Sprintf("%d %ss", n, word)
}
