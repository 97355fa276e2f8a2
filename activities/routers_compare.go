package activities

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"peerflow/internal/peering"
)

// CompareResult names a comparison by the hash of its text, which is a
// peering.RouterDiff in JSON and stays in the database.
type CompareResult struct {
	Hash    string    `json:"hash"`
	Stanzas int       `json:"stanzas"` // that differ
	At      time.Time `json:"at"`      // when it began
}

// CompareRouter reads what a router runs of ours and compares it with what is
// recorded. It writes nothing to the router, whatever its mode. Idempotent: the
// same state gives the same hash.
func (r *Routers) CompareRouter(ctx context.Context, routerID int64) (CompareResult, error) {
	result := CompareResult{At: r.Now()}
	diff, err := r.diff(ctx, routerID)
	if err != nil {
		return CompareResult{}, fail(err)
	}
	text, err := json.Marshal(diff)
	if err != nil {
		return CompareResult{}, fail(err)
	}
	result.Stanzas = len(diff.Stanzas)
	result.Hash, err = r.Plans.PutText(ctx, string(text))
	return result, fail(err)
}

func (r *Routers) diff(ctx context.Context, routerID int64) (peering.RouterDiff, error) {
	desired, err := r.Intent.Desired(ctx, routerID)
	if err != nil {
		return peering.RouterDiff{}, err
	}
	reading := desired.Router
	reading.Mode = peering.Observe // a connection that is unable to write
	dev, err := r.Access.open(ctx, reading)
	if err != nil {
		return peering.RouterDiff{}, err
	}
	defer dev.close()
	flying, err := r.underWay(ctx, routerID) // before the read: what ends meanwhile is in the ledger by then
	if err != nil {
		return peering.RouterDiff{}, err
	}
	c, err := compare(ctx, dev, desired, nil, false)
	if err != nil {
		return peering.RouterDiff{}, err
	}
	ledger, err := r.Intent.Ledger(ctx, routerID)
	if err != nil {
		return peering.RouterDiff{}, err
	}
	d := peering.RouterDiff{RouterID: routerID, Router: desired.Router.Name, Authors: []string{},
		Stanzas: peering.DiffStanzas(c.running, c.with, ledger, flying)}
	d.InSync = len(d.Stanzas) == 0
	authors, err := r.Intent.PendingAuthors(ctx, routerID)
	for _, u := range authors {
		d.Authors = append(d.Authors, u.Name)
	}
	return d, err
}

// underWay is what deployments between commit and confirm put on the router, and
// what people may have pasted there that isn't verified yet.
func (r *Routers) underWay(ctx context.Context, routerID int64) ([]peering.UnderWay, error) {
	open, err := r.Deployments.OpenDeployments(ctx, routerID)
	if err != nil {
		return nil, err
	}
	proposed, err := r.Deployments.OpenProposals(ctx, routerID)
	if err != nil {
		return nil, err
	}
	var flying []peering.UnderWay
	for _, d := range append(open, proposed...) {
		if d.State == peering.DeploymentQueued {
			continue
		}
		plan, err := r.Plans.Plan(ctx, d.PlanID)
		if err != nil {
			return nil, fmt.Errorf("read the plan of deployment %d: %w", d.ID, err)
		}
		for _, one := range plan.Routers {
			if one.RouterID == routerID {
				flying = append(flying, peering.UnderWay{ChangeID: d.ChangeID, Moves: one.Moves})
			}
		}
	}
	return flying, nil
}
