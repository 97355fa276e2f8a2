package api

import (
	"context"
	"net/http"

	"peerflow/internal/peering"
)

// Intent is what routers are rendered from.
type Intent interface {
	Desired(ctx context.Context, routerID int64) (peering.Desired, error)
}

func (s *server) registerEffective() {
	add(s, operation{method: http.MethodGet, path: "/api/v1/sessions/{id}/effective", role: peering.Viewer, tag: "sessions",
		summary: "What holds for a session, and where it comes from",
		description: "The values that its router's template is given, inherited ones resolved: each has its `value`, its `origin` (the kind of record that says so) " +
			"and that record by name (`from`). As recorded now: what an open change would make of it is in that change's plan."}, s.effective)
}

func (s *server) effective(ctx context.Context, in *ByID) (*answer[peering.EffectiveSession], error) {
	session, err := s.Nouns.Sessions.Get(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	desired, err := s.Intent.Desired(ctx, session.RouterID)
	if err != nil {
		return nil, err
	}
	return say(desired.EffectiveOf(in.ID))
}
