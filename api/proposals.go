package api

import (
	"context"
	"fmt"
	"net/http"
	"slices"
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
	NotToPaste   string                  `json:"not_to_paste" doc:"why it must not be pasted now, and what leads on: then there is no text; empty while it may be"`
	Proposal     *peering.Proposal       `json:"proposal,omitempty" doc:"only while it may be pasted"`
	Earlier      *peering.Proposal       `json:"earlier,omitempty" doc:"what the router ran before; only while that is what to go back to"`
	Secrets      []string                `json:"secrets" doc:"what stands in the texts in their place, for the person to fill in"`
	Outcome      string                  `json:"outcome"`
}

func (s *server) registerProposals() {
	add(s, operation{method: http.MethodGet, path: "/api/v1/changes/{id}/proposals", role: peering.Viewer, tag: "changes",
		summary: "What a person pastes",
		description: "For each router in mode propose, once the plan was approved: the text, where it goes on the router and what to type then. peerflow is unable to " +
			"write there. It reads the router every minute, verifies what was pasted as it verifies its own commits, and says so in the change. " +
			"What is held by a freeze, taken back, stale, over, or hindered by what the last look found on the router comes without its text, and says why. " +
			"Secrets stand as <secret v3>; the person fills them in."}, s.showProposals)
}

// showProposals tells of each router's newest: what was planned again took the place of the one before.
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
		views = slices.DeleteFunc(views, func(v ProposalView) bool { return v.RouterID == d.RouterID })
		views = append(views, view)
	}
	return sayAll(views, nil)
}

func (s *server) proposal(ctx context.Context, d peering.Deployment) (v ProposalView, err error) {
	v = ProposalView{DeploymentID: d.ID, RouterID: d.RouterID, Router: d.Router, State: d.State, ProposedAt: d.ProposedAt, Until: d.Deadline,
		ArtifactHash: d.ArtifactHash, Outcome: d.Outcome, Secrets: []string{}}
	var standing peering.ProposalStanding
	if d.State == peering.DeploymentProposed {
		if standing, err = s.Changes.ProposalStanding(ctx, d.ID); err != nil {
			return v, err
		}
	}
	v.NotToPaste = d.NotToPaste(standing, time.Now())
	back := d.GoesBack()
	if back {
		if back, err = s.Changes.EarlierHolds(ctx, d.ID); err != nil {
			return v, err
		}
	}
	if v.NotToPaste != "" && !back {
		return v, nil
	}
	return v, s.addTexts(ctx, &v, d, back)
}

// addTexts adds what may be pasted.
func (s *server) addTexts(ctx context.Context, v *ProposalView, d peering.Deployment, back bool) error {
	router, err := s.Nouns.Routers.Get(ctx, d.RouterID)
	if err != nil {
		return err
	}
	platform, err := s.Nouns.Platforms.Get(ctx, router.PlatformID)
	if err != nil {
		return err
	}
	texts, err := s.Plans.Texts(ctx, []string{d.BaseHash, d.ArtifactHash})
	if err != nil {
		return err
	}
	way := peering.Way{Address: router.Address, Settings: router.Settings, Base: texts[d.BaseHash], Identity: d.BaseIdentity, Artifact: texts[d.ArtifactHash]}
	var shown string
	if v.NotToPaste == "" {
		if v.Proposal, err = s.pasted(platform.Driver, way); err != nil {
			return err
		}
		shown += way.Artifact
	}
	if back {
		if v.Earlier, err = s.pasted(platform.Driver, way.Back()); err != nil {
			return err
		}
		shown += way.Base
	}
	refs, err := peering.SecretRefs(shown)
	for _, ref := range refs {
		v.Secrets = append(v.Secrets, fmt.Sprintf("%s is version %d of secret %d", peering.HideSecrets(ref.String()), ref.Version, ref.ID))
	}
	return err
}

func (s *server) pasted(platform string, way peering.Way) (*peering.Proposal, error) {
	p, err := s.Propose(platform, way)
	return &p, err
}
