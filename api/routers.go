package api

import (
	"context"
	"encoding/json"
	"net/http"
	"time"

	"peerflow/internal/peering"
)

func (s *server) registerObserved() {
	add(s, operation{method: http.MethodGet, path: "/api/v1/routers/{id}/neighbors", role: peering.Viewer, tag: "routers", summary: "A router's neighbors",
		description: "Every BGP neighbor that the router told of, ours or not, as it was seen last."}, s.neighbors)
	add(s, operation{method: http.MethodGet, path: "/api/v1/routers/{id}/diff", role: peering.Viewer, tag: "routers", summary: "A router against what is recorded",
		description: "Reads what the router runs of ours, now, and compares it stanza by stanza with what is recorded: `-` runs there, `+` is recorded. " +
			"Labels say which side moved since the last deployment: `pending` the record (a change of kind deploy carries it), `drift` the router, " +
			"`deploying` neither: a change under way put it there. What can't be read within 20 s is an error (503), never an empty answer."}, s.routerDiff)
	add(s, operation{method: http.MethodGet, path: "/api/v1/routers/{id}/stanzas", role: peering.Viewer, tag: "routers", summary: "What is ours on a router",
		description: "Every stanza that peerflow wrote there and that isn't proven absent, with the deployment that wrote it last. " +
			"Nothing else on the router is ever touched. The diff says whether the router still runs them."}, s.stanzas)
	add(s, operation{method: http.MethodGet, path: "/api/v1/routers/{id}/adoption", role: peering.Viewer, tag: "routers", summary: "What a router needs before it is managed",
		description: "The one line that a person adds to the router's own configuration, so that it includes the part that peerflow owns. Planning fails without it."}, s.adoption)
	add(s, operation{method: http.MethodGet, path: "/api/v1/drivers", role: peering.Viewer, tag: "routers", summary: "What this build can speak to",
		description: "A platform's `driver` is one of these names; `proof` says what that driver was tried on."},
		func(context.Context, *struct{}) (*answer[listed[DriverView]], error) { return sayAll(s.Drivers, nil) })
	add(s, operation{method: http.MethodGet, path: "/api/v1/polls", role: peering.Viewer, tag: "routers", summary: "When routers were asked last",
		description: "And what they said: an error here is why a session's state is unknown."},
		func(ctx context.Context, _ *struct{}) (*answer[listed[peering.PollStatus]], error) {
			return sayAll(s.Observed.Polls(ctx))
		})
	add(s, operation{method: http.MethodPost, path: "/api/v1/sync/peeringdb", role: peering.Operator, tag: "system", status: http.StatusAccepted,
		summary: "Sync PeeringDB's mirror now", description: "Joins the sync that was asked for and still runs; beside one of the schedule's it waits for its end. Without Temporal (503) nothing is asked for, and the schedule syncs once it is back."}, s.syncNow)
	add(s, operation{method: http.MethodGet, path: "/api/v1/sync/peeringdb", role: peering.Viewer, tag: "system",
		summary: "How the sync that was asked for goes", description: "The last one that somebody asked for, running or ended; those of the schedule show in the status."},
		func(ctx context.Context, _ *struct{}) (*answer[peering.PDBSyncRun], error) {
			return say(s.Workflows.SyncRun(ctx))
		})
}

// RouterDiffView is a comparison with when it was made.
type RouterDiffView struct {
	peering.RouterDiff
	At time.Time `json:"at" doc:"when the router was asked"`
}

func (s *server) routerDiff(ctx context.Context, in *ByID) (*answer[RouterDiffView], error) {
	if _, err := s.Nouns.Routers.Get(ctx, in.ID); err != nil {
		return nil, err
	}
	hash, at, err := s.Workflows.CompareRouter(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	texts, err := s.Plans.Texts(ctx, []string{hash})
	if err != nil {
		return nil, err
	}
	view := RouterDiffView{At: at}
	return say(view, json.Unmarshal([]byte(texts[hash]), &view.RouterDiff))
}

// AdoptionView is what a router needs once, before peerflow can manage it.
type AdoptionView struct {
	Router string `json:"router"`
	File   string `json:"file" doc:"on the router; peerflow never writes it"`
	Line   string `json:"line" doc:"to add to it; empty when the platform needs none"`
	Needs  string `json:"needs" doc:"what has to be there before the line is loaded"`
}

// DriverView is a way to speak to routers, and how far to trust it.
type DriverView struct {
	Name  string `json:"name"`
	Proof string `json:"proof" enum:"daemon-proven,simulator,recorded,unproven"`
	Text  string `json:"text" doc:"the proof in words"`
}

func (s *server) adoption(ctx context.Context, in *ByID) (*answer[AdoptionView], error) {
	router, err := s.Nouns.Routers.Get(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	platform, err := s.Nouns.Platforms.Get(ctx, router.PlatformID)
	if err != nil {
		return nil, err
	}
	v := AdoptionView{Router: router.Name}
	v.File, v.Line, v.Needs, err = s.Adoption(platform.Driver, router.Settings)
	return say(v, err)
}

func (s *server) neighbors(ctx context.Context, in *ByID) (*answer[listed[peering.ObservedNeighbor]], error) {
	if _, err := s.Nouns.Routers.Get(ctx, in.ID); err != nil {
		return nil, err
	}
	return sayAll(s.Observed.NeighborStates(ctx, in.ID))
}

func (s *server) stanzas(ctx context.Context, in *ByID) (*answer[listed[peering.DeployedStanza]], error) {
	if _, err := s.Nouns.Routers.Get(ctx, in.ID); err != nil {
		return nil, err
	}
	return sayAll(s.Observed.Stanzas(ctx, in.ID))
}

type syncInput struct {
	Body *struct {
		Full bool `json:"full,omitempty" doc:"fetch everything again instead of what changed"`
	}
}

// Started names a workflow that runs.
type Started struct {
	Workflow string `json:"workflow" doc:"its id in Temporal"`
}

func (s *server) syncNow(ctx context.Context, in *syncInput) (*answer[Started], error) {
	id, err := s.Workflows.SyncNow(ctx, in.Body != nil && in.Body.Full)
	return say(Started{Workflow: id}, err)
}
