package db

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"peerflow/internal/peering"
)

// SettleChange derives state and outcome from the deployments of the plan in
// force and from the routers that earlier plans were confirmed on, and ends the
// change when all of them ended; what is left of an ended overlay is discarded.
// While one is open it changes nothing. One that needed an operator, was resolved
// and has routers left goes on with those.
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
	to, outcome, err := tx.outcome(ctx, change)
	switch {
	case err != nil:
		return err
	case to == "" && change.State == peering.ChangeNeedsOperator:
		return tx.moveChange(ctx, change, peering.ChangeDeploying, "resolved: goes on with the other routers", "")
	case to == "":
		return nil
	case to == peering.ChangeStale:
		// The stanza that moved voids the plan, even if it moves back before the next one.
		err = tx.voidPlan(ctx, change, outcome)
	}
	return errors.Join(err, tx.moveChange(ctx, change, to, "", outcome))
}

// outcome is what a change's deployments say of it; "" while it goes on.
func (tx *Tx) outcome(ctx context.Context, change peering.Change) (peering.ChangeState, string, error) {
	plan, err := readPlan(ctx, tx.q, change.PlanID)
	if err != nil {
		return "", "", err
	}
	all, err := deploymentsOf(ctx, tx.q, change.ID)
	if err != nil {
		return "", "", err
	}
	var ofPlan, earlier []peering.Deployment
	for _, d := range all {
		switch {
		case d.PlanID == plan.ID:
			ofPlan = append(ofPlan, d)
		case d.State == peering.DeploymentConfirmed && !slices.ContainsFunc(plan.Routers, func(r peering.RouterPlan) bool { return r.RouterID == d.RouterID }):
			earlier = append(earlier, d)
		}
	}
	to, outcome := outcomeOf(len(plan.Routers), ofPlan, earlier)
	if to != peering.ChangeCancelled {
		return to, outcome, nil
	}
	// Nothing was written, and it is the rejection of an approved plan that ended it.
	row, err := tx.q.PlanGet(ctx, change.PlanID)
	if err != nil {
		return "", "", err
	}
	tally, err := tx.tally(ctx, change, row)
	if err == nil && tally.Rejected {
		return peering.ChangeRejected, sayRejected(tally.Rejecter, tally.Reason), nil
	}
	return to, outcome, err
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

// outcomeOf is what a change became whose plan has so many routers; "" while it
// goes on. Once one deployment ended badly, routers that weren't tried yet are
// left out. Earlier are routers outside the plan that run the change already:
// they were confirmed under a plan that was made again for the others.
func outcomeOf(planned int, ds, earlier []peering.Deployment) (peering.ChangeState, string) {
	count := map[peering.DeploymentState]int{}
	var bad []string
	ran := slices.Clone(earlier)
	for _, d := range ds {
		count[d.State]++
		if d.State == peering.DeploymentConfirmed {
			ran = append(ran, d)
		}
		if d.State.Ended() && d.State != peering.DeploymentConfirmed || d.State == peering.DeploymentNeedsOperator {
			bad = append(bad, fmt.Sprintf("%s %s: %s", d.Router, strings.ReplaceAll(string(d.State), "_", " "), d.Outcome))
		}
	}
	before := len(routerNames(earlier))
	confirmed, routers := count[peering.DeploymentConfirmed]+before, planned+before
	why := strings.Join(bad, "; ")
	switch {
	case count[peering.DeploymentQueued]+count[peering.DeploymentProposed]+count[peering.DeploymentCommitting]+count[peering.DeploymentSoaking]+count[peering.DeploymentUnknown] > 0:
		return "", ""
	case count[peering.DeploymentNeedsOperator] > 0:
		return peering.ChangeNeedsOperator, why
	case count[peering.DeploymentInterfered] > 0:
		return peering.ChangeInterfered, why
	case confirmed == routers && planned > 0:
		return peering.ChangeCompleted, fmt.Sprintf("confirmed on %s", counted(confirmed, "router"))
	case len(bad) == 0:
		return "", ""
	case confirmed > 0:
		return peering.ChangePartial, fmt.Sprintf("confirmed on %s (%d of %s); %s", strings.Join(routerNames(ran), ", "), confirmed, counted(routers, "router"), why)
	}
	for _, e := range ends {
		if count[e.deployment] > 0 {
			return e.change, why
		}
	}
	return "", ""
}

// routerNames names the routers of deployments, each once.
func routerNames(ds []peering.Deployment) []string {
	var names []string
	for _, d := range ds {
		if !slices.Contains(names, d.Router) {
			names = append(names, d.Router)
		}
	}
	return names
}

// bound is where a change that is to move really goes: a cancel that nobody acted
// on yet ends it here, and what some router runs already doesn't end as if none did.
func (tx *Tx) bound(ctx context.Context, c peering.Change, to peering.ChangeState, outcome string) (peering.ChangeState, string, error) {
	if c.State.Ended() {
		return to, outcome, nil
	}
	if !to.Ended() || to == peering.ChangeCompleted {
		cancel, err := tx.cancelOf(ctx, c.ID)
		if err != nil {
			return to, outcome, err
		}
		if cancel != "" {
			to, outcome = peering.ChangeCancelled, cancel
		}
	}
	switch to {
	case peering.ChangeRejected, peering.ChangeExpired, peering.ChangeCancelled, peering.ChangeFailed, peering.ChangeCompleted:
	default:
		return to, outcome, nil
	}
	all, err := deploymentsOf(ctx, tx.q, c.ID)
	if err != nil {
		return to, outcome, err
	}
	all = slices.DeleteFunc(all, func(d peering.Deployment) bool { return d.State != peering.DeploymentConfirmed })
	on := strings.Join(routerNames(all), ", ")
	switch {
	case on == "":
		return to, outcome, nil
	case to == peering.ChangeCompleted:
		return to, fmt.Sprintf("confirmed on %s; %s", on, outcome), nil
	}
	return peering.ChangePartial, fmt.Sprintf("confirmed on %s; the rest is %s: %s", on, to, outcome), nil
}

func counted(n int, word string) string {
	if n == 1 {
		return "1 " + word
	}
	return fmt.Sprintf("%d %ss", n, word)
}
