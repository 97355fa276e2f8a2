package activities

import (
	"context"
	"fmt"
	"slices"
	"time"

	"peerflow/internal/peering"
)

// Routers reads routers outside of deployments, and their queues.
type Routers struct {
	Access      Access
	Intent      IntentStore
	Plans       PlanStore
	Changes     ChangeStore
	Deployments DeploymentStore
	Observed    ObservationStore
	Guards      GuardStore
	Queue       RouterQueue
	Now         func() time.Time
	Profile     func(peering.Router) peering.Profile // numbers of verification: peering.ProfileFor
}

// QueuedDeployment is one entry of a router's queue: a deployment, or a session
// to shut.
type QueuedDeployment struct {
	ID       int64  `json:"id"`
	Shut     int64  `json:"shut,omitempty"` // session that the export guard has to shut; ID is 0 then
	InFlight bool   `json:"in_flight"`
	Site     string `json:"site,omitempty"` // whose workers open the router
	// What people find it by.
	Change int64  `json:"change,omitempty"`
	Router string `json:"router,omitempty"`
	ASN    uint32 `json:"asn,omitempty"` // the change's peer; 0 when it is for none in particular
	// NeedsOperator holds the queue until a person resolved it.
	NeedsOperator bool `json:"needs_operator,omitempty"`
}

// QueuedDeployments reads a router's open deployments from the database, the
// queue's memory across restarts: in-flight ones first, then sessions to shut,
// then in order of arrival.
func (r *Routers) QueuedDeployments(ctx context.Context, routerID int64) ([]QueuedDeployment, error) {
	open, err := r.Deployments.OpenDeployments(ctx, routerID)
	if err != nil {
		return nil, fail(err)
	}
	site, err := r.Intent.SiteOf(ctx, routerID)
	if err != nil {
		return nil, fail(err)
	}
	breached, err := r.Guards.BreachedSessions(ctx, routerID)
	if err != nil {
		return nil, fail(err)
	}
	var first, queue []QueuedDeployment
	for _, id := range breached {
		first = append(first, QueuedDeployment{Shut: id, Site: site})
	}
	for _, d := range open {
		change, err := r.Changes.Change(ctx, d.ChangeID)
		if err != nil {
			return nil, fail(err)
		}
		q := QueuedDeployment{ID: d.ID, Site: site, InFlight: d.State.InFlight(), NeedsOperator: d.State == peering.DeploymentNeedsOperator,
			Change: d.ChangeID, Router: d.Router, ASN: uint32(change.Request.ASN)}
		if q.InFlight && !q.NeedsOperator {
			first = slices.Insert(first, 0, q) // one router, one writer: at most one
			continue
		}
		queue = append(queue, q)
	}
	return append(first, queue...), nil
}

// PollResult says what a poll saw.
type PollResult struct {
	Neighbors   int      `json:"neighbors"`
	Established int      `json:"established"`
	Changed     []string `json:"changed,omitempty"`  // addresses that came up or went down; of many the first
	Breached    []string `json:"breached,omitempty"` // sessions that are announced more than expected, and are shut for it, by a person where peerflow may not write
	Error       string   `json:"error,omitempty"`
}

// PollNeighbors reads a router's neighbors and records them: the only writer of
// observed state. A router that doesn't answer is recorded as that, not failed.
// Sessions that came up since their deployment are held to their export guard, and
// those whose stanza isn't as it was last deployed are recorded as drifted.
func (r *Routers) PollNeighbors(ctx context.Context, routerID int64) (PollResult, error) {
	rest := beat(ctx)
	defer rest()
	poll := Poll{RouterID: routerID, At: r.Now()}
	seen, err := r.look(ctx, routerID)
	if err != nil {
		poll.Error = peering.Clip(err.Error(), textSize)
	}
	poll.Neighbors = seen.neighbors
	changes, err := r.Observed.StorePoll(ctx, poll)
	if err != nil {
		return PollResult{}, fail(err)
	}
	result := PollResult{Neighbors: len(seen.neighbors), Error: poll.Error}
	for _, n := range seen.neighbors {
		if n.Established() {
			result.Established++
		}
	}
	for _, c := range changes {
		result.Changed = append(result.Changed, c.Address)
	}
	if poll.Error == "" && len(seen.guards) > 0 {
		result.Breached, err = r.guard(ctx, routerID, seen, poll.At)
	}
	if err == nil && seen.standing != nil {
		err = r.Observed.NoteSync(ctx, seen.basis, seen.standing)
	}
	result.Changed, result.Breached = few(result.Changed), few(result.Breached)
	return result, fail(err)
}

// few keeps the first names of a list and counts the rest.
func few(list []string) []string {
	if len(list) <= named {
		return list
	}
	return append(list[:named:named], fmt.Sprintf("and %d more", len(list)-named))
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

func (r *Routers) open(ctx context.Context, routerID int64) (device, error) {
	router, err := r.Intent.Router(ctx, routerID)
	if err != nil {
		return device{}, err
	}
	return r.Access.open(ctx, router)
}
