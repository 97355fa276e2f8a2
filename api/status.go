package api

import (
	"context"
	"net/http"

	"peerflow/internal/peering"
)

// Status is how this process and what it stands on are doing. It names no secret.
type Status struct {
	Version  string `json:"version"`
	Database string `json:"database" doc:"ok, or what is wrong"`
	Temporal string `json:"temporal" doc:"ok, or what is wrong"`
	User     string `json:"user" doc:"who asks"`
	// PeeringDB is nil where the database doesn't answer.
	PeeringDB *peering.PDBMirrorState `json:"peeringdb,omitempty" doc:"how the syncs of PeeringDB's mirror went; absent: the database doesn't answer"`
}

func (s *server) registerStatus() {
	add(s, operation{method: http.MethodGet, path: "/api/v1/status", role: peering.Viewer, tag: "system", summary: "How peerflow is doing",
		description: "Version of this build, whether database and Temporal answer, how old PeeringDB's mirror is and why it isn't renewed, and who the token belongs to."},
		func(ctx context.Context, _ *struct{}) (*answer[Status], error) {
			status := s.Status(ctx)
			status.Version, status.User = s.Version, ActorOf(ctx).Name
			return say(status, nil)
		})
}
