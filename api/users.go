package api

import (
	"context"
	"net/http"
	"time"

	"peerflow/internal/peering"
)

// Users are the people who may log in, and the tokens they do it with.
type Users interface {
	Users(ctx context.Context) ([]peering.User, error)
	CreateUser(ctx context.Context, by peering.Actor, name string, roles []peering.Role) (peering.User, error)
	UpdateUser(ctx context.Context, by peering.Actor, id, version int64, roles []peering.Role, active bool) (peering.User, error)
	Tokens(ctx context.Context, userID int64) ([]peering.Token, error)
	MintToken(ctx context.Context, by peering.Actor, userID int64, name string, roles []peering.Role, expires time.Time) (string, peering.Token, error)
	RevokeToken(ctx context.Context, by peering.Actor, id int64) error
}

type userInput struct {
	Body struct {
		Name  string         `json:"name" minLength:"1" maxLength:"100"`
		Roles []peering.Role `json:"roles" minItems:"1" doc:"viewer, operator, approver, admin, emergency; admin includes all but emergency"`
	}
}

type userEdit struct {
	Matched
	Body struct {
		Roles  []peering.Role `json:"roles" minItems:"1"`
		Active bool           `json:"active" doc:"false: no login counts any more"`
	}
}

type tokenInput struct {
	ByID
	Body struct {
		Name      string         `json:"name" minLength:"1" maxLength:"100" doc:"what uses it"`
		Roles     []peering.Role `json:"roles" minItems:"1" doc:"narrow the person's"`
		ExpiresAt time.Time      `json:"expires_at,omitzero" required:"false" doc:"never, when left out"`
	}
}

// MintedToken is shown once.
type MintedToken struct {
	peering.Token
	Clear string `json:"token" doc:"shown once: keep it"`
}

func (s *server) registerUsers() {
	const people, tokens = "/api/v1/users", "/api/v1/users/{id}/tokens"
	add(s, operation{method: http.MethodGet, path: people, role: peering.Admin, tag: "users", summary: "List people", description: "Everybody who may or might log in."},
		func(ctx context.Context, _ *struct{}) (*answer[listed[peering.User]], error) {
			return sayAll(s.Users.Users(ctx))
		})
	add(s, operation{method: http.MethodPost, path: people, role: peering.Admin, tag: "users", status: http.StatusCreated, summary: "Add a person",
		description: "The second active person ends votes of authors on their own changes."},
		func(ctx context.Context, in *userInput) (*answer[peering.User], error) {
			return say(s.Users.CreateUser(ctx, ActorOf(ctx), in.Body.Name, in.Body.Roles))
		})
	add(s, operation{method: http.MethodPut, path: people + "/{id}", role: peering.Admin, tag: "users", summary: "Set what a person may do",
		description: "From the next request on. The last administrator stays one. If-Match holds the version that was read."}, s.updateUser)
	add(s, operation{method: http.MethodGet, path: tokens, role: peering.Admin, tag: "users", summary: "List a person's tokens", description: "Revoked ones too; the tokens themselves are never shown again."},
		func(ctx context.Context, in *ByID) (*answer[listed[peering.Token]], error) {
			return sayAll(s.Users.Tokens(ctx, in.ID))
		})
	add(s, operation{method: http.MethodPost, path: tokens, role: peering.Admin, tag: "users", status: http.StatusCreated, summary: "Make a token",
		description: "The answer holds it in clear, once."}, s.mintToken)
	add(s, operation{method: http.MethodDelete, path: "/api/v1/tokens/{id}", role: peering.Admin, tag: "users", status: http.StatusNoContent, summary: "Revoke a token",
		description: "From the next request on; doing so twice is fine."}, func(ctx context.Context, in *ByID) (*struct{}, error) {
		return nil, s.Users.RevokeToken(ctx, ActorOf(ctx), in.ID)
	})
}

func (s *server) updateUser(ctx context.Context, in *userEdit) (*answer[peering.User], error) {
	version, err := in.version()
	if err != nil {
		return nil, err
	}
	return say(s.Users.UpdateUser(ctx, ActorOf(ctx), in.ID, version, in.Body.Roles, in.Body.Active))
}

func (s *server) mintToken(ctx context.Context, in *tokenInput) (*answer[MintedToken], error) {
	clear, token, err := s.Users.MintToken(ctx, ActorOf(ctx), in.ID, in.Body.Name, in.Body.Roles, in.Body.ExpiresAt)
	return say(MintedToken{Token: token, Clear: clear}, err)
}
