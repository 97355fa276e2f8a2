package api

import (
	"context"
	"net/http"

	"peerflow/internal/peering"
)

// Freezes halts changes before their next commit.
type Freezes interface {
	AddFreeze(ctx context.Context, by peering.Actor, f peering.Freeze) (peering.Freeze, error)
	LiftFreeze(ctx context.Context, by peering.Actor, id int64) (peering.Freeze, error)
	// HeldBy maps the routers that a freeze reaches, lifted or not, to the oldest
	// deployment that is queued there.
	HeldBy(ctx context.Context, freezeID int64) (map[int64]int64, error)
	// ProposedUnder lists the changes with an open proposal on a router that a freeze reaches, lifted or not.
	ProposedUnder(ctx context.Context, freezeID int64) ([]int64, error)
	ListFreezes(ctx context.Context, lifted bool) ([]peering.Freeze, error)
}

type freezeInput struct {
	Body struct {
		Scope    peering.FreezeScope `json:"scope" enum:"all,site,router"`
		SiteID   int64               `json:"site_id,omitempty"`
		RouterID int64               `json:"router_id,omitempty"`
		Reason   string              `json:"reason" minLength:"1" maxLength:"1000"`
	}
}

type freezesInput struct {
	Lifted bool `query:"lifted" doc:"the lifted ones as well"`
}

func (s *server) registerFreezes() {
	add(s, operation{method: http.MethodGet, path: "/api/v1/freezes", role: peering.Viewer, tag: "freezes", summary: "List freezes",
		description: "Those in force, newest first."}, func(ctx context.Context, in *freezesInput) (*answer[listed[peering.Freeze]], error) {
		return sayAll(s.Freezes.ListFreezes(ctx, in.Lifted))
	})
	add(s, operation{method: http.MethodPost, path: "/api/v1/freezes", role: peering.Operator, also: peering.Emergency, tag: "freezes", status: http.StatusCreated, summary: "Freeze",
		description: "Halts every change in its scope before its next commit; never between commit and confirm."},
		func(ctx context.Context, in *freezeInput) (*answer[peering.Freeze], error) {
			b := in.Body
			return say(s.Freezes.AddFreeze(ctx, ActorOf(ctx), peering.Freeze{Scope: b.Scope, SiteID: b.SiteID, RouterID: b.RouterID, Reason: b.Reason}))
		})
	add(s, operation{method: http.MethodPost, path: "/api/v1/freezes/{id}/lift", role: peering.Operator, tag: "freezes", summary: "Lift a freeze",
		description: "Changes that it held go on. Lifting twice is fine."}, s.liftFreeze)
}

func (s *server) liftFreeze(ctx context.Context, in *ByID) (*answer[peering.Freeze], error) {
	lifted, err := s.Freezes.LiftFreeze(ctx, ActorOf(ctx), in.ID)
	if err != nil {
		return nil, err
	}
	held, err := s.Freezes.HeldBy(ctx, in.ID)
	if err != nil {
		s.Log.Warn("wake deployments that a freeze held; they look again by themselves", "freeze", in.ID, "error", err)
	}
	waking, cancel := context.WithTimeout(ctx, startPatience)
	defer cancel()
	for router, deployment := range held {
		if err := s.Workflows.Enqueue(waking, router, deployment); err != nil {
			s.Log.Warn("wake what waits for a router; it looks again by itself", "router", router, "deployment", deployment, "error", err)
		}
	}
	s.wakeProposals(waking, in.ID)
	return say(lifted, nil)
}

// wakeProposals lets those that a freeze held look again, by way of their changes.
func (s *server) wakeProposals(ctx context.Context, freeze int64) {
	changes, err := s.Freezes.ProposedUnder(ctx, freeze)
	if err != nil {
		s.Log.Warn("wake proposals that a freeze held; they look again by themselves", "freeze", freeze, "error", err)
	}
	for _, change := range changes {
		if err := s.Workflows.LookAgain(ctx, change, "freeze_lifted"); err != nil {
			s.Log.Warn("wake a proposal; it looks again by itself", "change", change, "error", err)
		}
	}
}
