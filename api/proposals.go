package api

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"peerflow/internal/peering"
)

// ProposalView is what a person pastes for one router in mode propose, and what puts
// the earlier text back.
type ProposalView struct {
	DeploymentID int64                   `json:"deployment_id"`
	RouterID     int64                   `json:"router_id"`
	Router       string                  `json:"router"`
	State        peering.DeploymentState `json:"state" doc:"proposed: waits for the paste, or verifies it"`
	ProposedAt   time.Time               `json:"proposed_at" doc:"when it could be pasted first, by the database's clock"`
	Until        time.Time               `json:"until" doc:"when it ends, unless it was pasted"`
	ArtifactHash string                  `json:"artifact_hash" doc:"SHA-256 of the router's text with its placeholders; composed anew when the router moves elsewhere"`
	Proposal     peering.Proposal        `json:"proposal"`
	Earlier      peering.Proposal        `json:"earlier" doc:"what the router ran before"`
	Secrets      []string                `json:"secrets" doc:"what stands in the text in their place, for the person to fill in"`
	Outcome      string                  `json:"outcome"`
}

func (s *server) registerProposals() {
	add(s, operation{method: http.MethodGet, path: "/api/v1/changes/{id}/proposals", role: peering.Viewer, tag: "changes",
		summary: "What a person pastes",
		description: "For each router in mode propose, once the plan was approved: the text, where it goes on the router and what to type then. peerflow is unable to " +
			"write there. It reads the router every minute, verifies what was pasted as it verifies its own commits, and says so in the change. " +
			"Secrets stand as <secret v3>; the person fills them in."}, s.showProposals)
}

func (s *server) showProposals(ctx context.Context, in *ByID) (*answer[listed[ProposalView]], error) {
	found, err := s.Changes.Deployments(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	var views []ProposalView
	for _, d := range found {
		if d.ProposedAt.IsZero() {
			continue
		}
		view, err := s.proposal(ctx, d)
		if err != nil {
			return nil, err
		}
		views = append(views, view)
	}
	return sayAll(views, nil)
}

func (s *server) proposal(ctx context.Context, d peering.Deployment) (ProposalView, error) {
	v := ProposalView{DeploymentID: d.ID, RouterID: d.RouterID, Router: d.Router, State: d.State, ProposedAt: d.ProposedAt, Until: d.Deadline,
		ArtifactHash: d.ArtifactHash, Outcome: d.Outcome}
	router, err := s.Nouns.Routers.Get(ctx, d.RouterID)
	if err != nil {
		return v, err
	}
	platform, err := s.Nouns.Platforms.Get(ctx, router.PlatformID)
	if err != nil {
		return v, err
	}
	texts, err := s.Plans.Texts(ctx, []string{d.BaseHash, d.ArtifactHash})
	if err != nil {
		return v, err
	}
	way := peering.Way{Address: router.Address, Settings: router.Settings, Base: texts[d.BaseHash], Identity: d.BaseIdentity, Artifact: texts[d.ArtifactHash]}
	if v.Proposal, err = s.Propose(platform.Driver, way); err != nil {
		return v, err
	}
	if v.Earlier, err = s.Propose(platform.Driver, way.Back()); err != nil {
		return v, err
	}
	refs, err := peering.SecretRefs(way.Artifact)
	v.Secrets = []string{}
	for _, ref := range refs {
		v.Secrets = append(v.Secrets, fmt.Sprintf("%s is version %d of secret %d", peering.HideSecrets(ref.String()), ref.Version, ref.ID))
	}
	return v, err
}
