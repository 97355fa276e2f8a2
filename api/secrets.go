package api

import (
	"context"
	"net/http"

	"peerflow/internal/peering"
)

// Secrets seals what routers and peers know. Nothing here reads one.
type Secrets interface {
	PutSecret(ctx context.Context, by peering.Actor, name, clear string) (peering.SecretRef, error)
	Secret(ctx context.Context, name string) (peering.Secret, error)
	SecretFilters() []peering.FilterField // those of ListSecrets
	ListSecrets(ctx context.Context, filters []peering.Filter, page peering.Page) (peering.List[peering.Secret], error)
	DeleteSecret(ctx context.Context, by peering.Actor, name string) error
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

func (s *server) registerSecrets() {
	add(s, operation{method: http.MethodGet, path: "/api/v1/secrets", role: peering.Operator, tag: "secrets", filters: s.Secrets.SecretFilters(), summary: "List secrets",
		description: "Never their values: names, versions, who stored the newest one and when, and what names a version."},
		func(ctx context.Context, in *listInput) (*answer[page[peering.Secret]], error) {
			return run(ctx, in, s.Secrets.ListSecrets)
		})
	add(s, operation{method: http.MethodGet, path: "/api/v1/secrets/{name}", role: peering.Operator, tag: "secrets", summary: "Which version a secret has, and what uses it",
		description: "Never its value."}, func(ctx context.Context, in *SecretName) (*answer[peering.Secret], error) {
		return say(s.Secrets.Secret(ctx, in.Name))
	})
	add(s, operation{method: http.MethodPut, path: "/api/v1/secrets/{name}", role: peering.Operator, tag: "secrets", summary: "Store a secret's new version",
		description: "Sealed at rest. Sessions and routers name id and version: a new version reaches routers with a change, as part of its plan."},
		func(ctx context.Context, in *secretInput) (*answer[peering.Secret], error) {
			if _, err := s.Secrets.PutSecret(ctx, ActorOf(ctx), in.Name, in.Body.Value); err != nil {
				return nil, err
			}
			return say(s.Secrets.Secret(ctx, in.Name))
		})
	add(s, operation{method: http.MethodDelete, path: "/api/v1/secrets/{name}", role: peering.Operator, tag: "secrets", status: http.StatusNoContent, summary: "Delete a secret",
		description: "With all its versions. Refused (409) while a record, an open change or its plan names one, or one stands in a configuration that runs on a router or is on its way there."},
		func(ctx context.Context, in *SecretName) (*struct{}, error) {
			return nil, s.Secrets.DeleteSecret(ctx, ActorOf(ctx), in.Name)
		})
}
