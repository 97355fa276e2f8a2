package api

import (
	"context"
	"net/http"

	"peerflow/internal/peering"
)

// Plans reads plans and the texts that they name by hash.
type Plans interface {
	Plan(ctx context.Context, id int64) (peering.Plan, error)
	Texts(ctx context.Context, hashes []string) (map[string]string, error)
}

// PlanView is a plan with its first line for people.
type PlanView struct {
	peering.Plan
	ImpactLine   string        `json:"impact_line" doc:"what it does, in one line"`
	Approval     peering.Tally `json:"approval" doc:"the votes that count now"`
	ApprovalLine string        `json:"approval_line" doc:"where approval stands, in one line" example:"1 of 2 approvals: anna"`
}

// RouterText is a text that concerns one router.
type RouterText struct {
	RouterID int64  `json:"router_id"`
	Router   string `json:"router"`
	Hash     string `json:"hash,omitempty" doc:"SHA-256 of the artifact with its placeholders"`
	Text     string `json:"text" doc:"secrets stand as <secret v3>"`
}

func (s *server) registerPlans() {
	add(s, operation{method: http.MethodGet, path: "/api/v1/changes/{id}/plan", role: peering.Viewer, tag: "changes", summary: "The plan in force",
		description: "For each router the stanzas that move, the sessions they reach and how hard, and how many prefixes we expect to announce. " +
			"Its hash is what people approve; `rule` is the approval rule that says how many, and `approval` who did."}, s.showPlan)
	add(s, operation{method: http.MethodGet, path: "/api/v1/changes/{id}/diff", role: peering.Viewer, tag: "changes", summary: "The diff, router by router",
		description: "In the router's own syntax: what it runs now against what it would run."}, s.showDiff)
	add(s, operation{method: http.MethodGet, path: "/api/v1/changes/{id}/config", role: peering.Viewer, tag: "changes", summary: "The configuration, router by router",
		description: "The full content of what peerflow owns on each router, as the plan would leave it."}, s.showConfig)
}

func (s *server) plan(ctx context.Context, changeID int64) (PlanView, error) {
	change, err := s.Changes.Change(ctx, changeID)
	if err != nil {
		return PlanView{}, err
	}
	if change.PlanID == 0 {
		return PlanView{}, peering.Errorf(peering.NotFound, "change %d has no plan yet: it is %s", changeID, change.State)
	}
	p, err := s.Plans.Plan(ctx, change.PlanID)
	if err != nil {
		return PlanView{}, err
	}
	for i := range p.Routers {
		p.Routers[i].Diff = peering.HideSecrets(p.Routers[i].Diff)
	}
	tally, err := s.Votes.TallyVotes(ctx, changeID, p.ID)
	if err != nil {
		return PlanView{}, err
	}
	return PlanView{Plan: p, ImpactLine: p.Impact.Line(), Approval: tally, ApprovalLine: tally.Line()}, nil
}

func (s *server) showPlan(ctx context.Context, in *ByID) (*answer[PlanView], error) {
	return say(s.plan(ctx, in.ID))
}

func (s *server) showDiff(ctx context.Context, in *ByID) (*answer[listed[RouterText]], error) {
	p, err := s.plan(ctx, in.ID)
	var texts []RouterText
	for _, r := range p.Routers {
		texts = append(texts, RouterText{RouterID: r.RouterID, Router: r.Router, Text: r.Diff})
	}
	return sayAll(texts, err)
}

func (s *server) showConfig(ctx context.Context, in *ByID) (*answer[listed[RouterText]], error) {
	p, err := s.plan(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	var hashes []string
	for _, r := range p.Routers {
		hashes = append(hashes, r.ArtifactHash)
	}
	stored, err := s.Plans.Texts(ctx, hashes)
	if err != nil {
		return nil, err
	}
	var texts []RouterText
	for _, r := range p.Routers {
		texts = append(texts, RouterText{RouterID: r.RouterID, Router: r.Router, Hash: r.ArtifactHash, Text: peering.HideSecrets(stored[r.ArtifactHash])})
	}
	return sayAll(texts, nil)
}
