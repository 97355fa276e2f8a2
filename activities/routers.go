package activities

import (
	"context"
	"time"

	"peerflow/internal/peering"
)

// Routers reads routers outside of deployments, and their queues.
type Routers struct {
	Access      Access
	Intent      IntentStore
	Plans       PlanStore
	Deployments DeploymentStore
	Observed    ObservationStore
	Now         func() time.Time
}

// QueuedDeployment is one entry of a router's queue.
type QueuedDeployment struct {
	ID       int64  `json:"id"`
	InFlight bool   `json:"in_flight"`
	Site     string `json:"site,omitempty"` // whose workers open the router
	// NeedsOperator holds the queue until a person resolved it.
	NeedsOperator bool `json:"needs_operator,omitempty"`
}

// QueuedDeployments reads a router's open deployments from the database, the
// queue's memory across restarts: in-flight ones first, then in order of arrival.
func (r *Routers) QueuedDeployments(ctx context.Context, routerID int64) ([]QueuedDeployment, error) {
	open, err := r.Deployments.OpenDeployments(ctx, routerID)
	if err != nil {
		return nil, fail(err)
	}
	site, err := r.Intent.SiteOf(ctx, routerID)
	if err != nil {
		return nil, fail(err)
	}
	var queue []QueuedDeployment
	for _, d := range open {
		queue = append(queue, QueuedDeployment{ID: d.ID, Site: site, InFlight: d.State.InFlight(), NeedsOperator: d.State == peering.DeploymentNeedsOperator})
	}
	return queue, nil
}

// PollResult says what a poll saw.
type PollResult struct {
	Neighbors   int      `json:"neighbors"`
	Established int      `json:"established"`
	Changed     []string `json:"changed,omitempty"` // addresses that came up or went down
	Error       string   `json:"error,omitempty"`
}

// PollNeighbors reads a router's neighbors and records them: the only writer of
// observed state. A router that doesn't answer is recorded as that, not failed.
func (r *Routers) PollNeighbors(ctx context.Context, routerID int64) (PollResult, error) {
	poll := Poll{RouterID: routerID, At: r.Now()}
	neighbors, err := r.read(ctx, routerID)
	if err != nil {
		poll.Error = err.Error()
	}
	poll.Neighbors = neighbors
	changes, err := r.Observed.StorePoll(ctx, poll)
	if err != nil {
		return PollResult{}, fail(err)
	}
	result := PollResult{Neighbors: len(neighbors), Error: poll.Error}
	for _, n := range neighbors {
		if n.Established() {
			result.Established++
		}
	}
	for _, c := range changes {
		result.Changed = append(result.Changed, c.Address)
	}
	return result, nil
}

// UnpolledInput names a router that no worker could poll, and why.
type UnpolledInput struct {
	Router int64  `json:"router"`
	Text   string `json:"text"`
}

// NoteUnpolled records a poll that didn't take place.
func (r *Routers) NoteUnpolled(ctx context.Context, in UnpolledInput) error {
	_, err := r.Observed.StorePoll(ctx, Poll{RouterID: in.Router, At: r.Now(), Error: in.Text})
	return fail(err)
}

func (r *Routers) read(ctx context.Context, routerID int64) ([]peering.Neighbor, error) {
	desired, err := r.Intent.Desired(ctx, routerID)
	if err != nil {
		return nil, err
	}
	dev, err := r.Access.open(ctx, desired.Router)
	if err != nil {
		return nil, err
	}
	defer dev.close()
	return dev.neighbors(ctx)
}
