package api

import (
	"context"
	"net/http"

	"peerflow/internal/peering"
)

func (s *server) registerObserved() {
	add(s, operation{method: http.MethodGet, path: "/api/v1/routers/{id}/neighbors", role: peering.Viewer, tag: "routers", summary: "A router's neighbors",
		description: "Every BGP neighbor that the router told of, ours or not, as it was seen last."}, s.neighbors)
	add(s, operation{method: http.MethodGet, path: "/api/v1/polls", role: peering.Viewer, tag: "routers", summary: "When routers were asked last",
		description: "And what they said: an error here is why a session's state is unknown."},
		func(ctx context.Context, _ *struct{}) (*answer[listed[peering.PollStatus]], error) {
			return sayAll(s.Observed.Polls(ctx))
		})
	add(s, operation{method: http.MethodPost, path: "/api/v1/sync/peeringdb", role: peering.Operator, tag: "system", status: http.StatusAccepted,
		summary: "Sync PeeringDB's mirror now", description: "Joins the sync that runs, if one does."}, s.syncNow)
}

func (s *server) neighbors(ctx context.Context, in *ByID) (*answer[listed[peering.ObservedNeighbor]], error) {
	if _, err := s.Nouns.Routers.Get(ctx, in.ID); err != nil {
		return nil, err
	}
	return sayAll(s.Observed.NeighborStates(ctx, in.ID))
}

type syncInput struct {
	Body struct {
		Full bool `json:"full,omitempty" doc:"fetch everything again instead of what changed"`
	}
}

// Started names a workflow that runs.
type Started struct {
	Workflow string `json:"workflow" doc:"its id in Temporal"`
}

func (s *server) syncNow(ctx context.Context, in *syncInput) (*answer[Started], error) {
	id, err := s.Workflows.SyncNow(ctx, in.Body.Full)
	if err != nil {
		return nil, &peering.Error{Kind: peering.Unavailable, Text: "Temporal doesn't answer: is it running?"}
	}
	return say(Started{Workflow: id}, nil)
}
