package api

import (
	"context"
	"net/http"

	"peerflow/internal/peering"
)

// Secrets seals what routers and peers know. Nothing here reads one.
type Secrets interface {
	PutSecret(ctx context.Context, by peering.Actor, name, clear string) (peering.SecretRef, error)
	SecretByName(ctx context.Context, name string) (peering.SecretRef, error)
}

type SecretName struct {
	Name string `path:"name" maxLength:"200"`
}

type secretInput struct {
	SecretName
	Body struct {
		Value string `json:"value" minLength:"1" writeOnly:"true" doc:"never given back"`
	}
}

// SecretView names a secret's newest version.
type SecretView struct {
	ID      int64  `json:"id"`
	Name    string `json:"name"`
	Version int64  `json:"version"`
}

func (s *server) registerSecrets() {
	add(s, operation{method: http.MethodGet, path: "/api/v1/secrets/{name}", role: peering.Operator, tag: "secrets", summary: "Which version a secret has",
		description: "Never its value."}, func(ctx context.Context, in *SecretName) (*answer[SecretView], error) {
		ref, err := s.Secrets.SecretByName(ctx, in.Name)
		return say(SecretView{ID: ref.ID, Name: in.Name, Version: ref.Version}, err)
	})
	add(s, operation{method: http.MethodPut, path: "/api/v1/secrets/{name}", role: peering.Operator, tag: "secrets", summary: "Store a secret's new version",
		description: "Sealed at rest. Sessions and routers name id and version: a new version reaches routers with a change, as part of its plan."},
		func(ctx context.Context, in *secretInput) (*answer[SecretView], error) {
			ref, err := s.Secrets.PutSecret(ctx, ActorOf(ctx), in.Name, in.Body.Value)
			return say(SecretView{ID: ref.ID, Name: in.Name, Version: ref.Version}, err)
		})
}
