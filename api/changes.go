package api

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"time"

	"peerflow/internal/bgp"
	"peerflow/internal/peering"
)

// Changes opens changes and reads them.
type Changes interface {
	OpenChange(ctx context.Context, by peering.Actor, n NewChange) (change peering.Change, replayed bool, err error)
	Change(ctx context.Context, id int64) (peering.Change, error)
	ChangeFilters() []peering.FilterField // those of ListChanges
	ListChanges(ctx context.Context, filters []peering.Filter, page peering.Page) (peering.List[peering.Change], error)
	Deployments(ctx context.Context, changeID int64) ([]peering.Deployment, error)
	// OpenDeployments are a router's, in the order in which they are served.
	OpenDeployments(ctx context.Context, routerID int64) ([]peering.Deployment, error)
	Deployment(ctx context.Context, id int64) (peering.Deployment, error)
	// ProposalStanding is what people, freezes and other deployments say of a proposal now.
	ProposalStanding(ctx context.Context, deploymentID int64) (peering.ProposalStanding, error)
	// EarlierHolds reports that nothing else was written on the router of a deployment since its base was taken.
	EarlierHolds(ctx context.Context, deploymentID int64) (bool, error)
	AuditEvents(ctx context.Context, changeID int64) ([]peering.AuditEvent, error)
}

// NewChange is a wish with the key that makes sending it twice harmless.
type NewChange struct {
	Kind     peering.ChangeKind
	Reason   string
	Request  peering.ChangeRequest
	Key      string
	BodyHash string
}

// Workflows starts and wakes workflows. What they do stands in the database, so
// that a call that fails delays and loses nothing.
type Workflows interface {
	StartPending(ctx context.Context) error
	LookAgain(ctx context.Context, changeID int64, why string) error
	// Enqueue lets a router's queue, and the deployment that waits at its head, look
	// again: what held a deployment there may be gone.
	Enqueue(ctx context.Context, routerID, deploymentID int64) error
	SyncNow(ctx context.Context, full bool) (workflowID string, err error)
	SyncRun(ctx context.Context) (peering.PDBSyncRun, error)
	// CompareRouter has a router read, and names the text of a peering.RouterDiff by its hash.
	CompareRouter(ctx context.Context, routerID int64) (hash string, at time.Time, err error)
}

// What is said when a request that starts something comes without its key, or with one that is none.
const (
	idempotencyKey    = "Idempotency-Key"
	idempotencyRemedy = "send a header Idempotency-Key with 8 to 128 letters of your choice, new for each wish (a UUID, say): " +
		"when the answer gets lost, the same request with the same key answers the same change, and starts nothing twice"
)

// Idempotent is the key of requests that start something.
type Idempotent struct {
	Key string `header:"Idempotency-Key" required:"true" minLength:"8" maxLength:"128" doc:"chosen by the caller: the same key and body again within 24 hours answers the same change"`
}

// opened is the answer to a request that started a change.
type opened struct {
	Location string `header:"Location" doc:"where the change is"`
	Replayed string `header:"Idempotency-Replayed" doc:"true when this key had made the change before"`
	Body     peering.Change
}

type provisionInput struct {
	Idempotent
	Body struct {
		ASN            bgp.ASN `json:"asn" minimum:"1" doc:"the peer's AS number" example:"64501"`
		ExchangeIDs    []int64 `json:"exchange_ids,omitempty" doc:"only these exchanges; all common ones when empty"`
		AllPorts       bool    `json:"all_ports,omitempty" doc:"more than 16 ports of the peer at one exchange are meant"`
		IncludePending bool    `json:"include_pending,omitempty" doc:"carry pending edits of others, which approvers see labelled"`
		Reason         string  `json:"reason,omitempty" maxLength:"1000"`
	}
}

type changeInput struct {
	Idempotent
	Body struct {
		Kind           peering.ChangeKind `json:"kind" enum:"provision,depeer,shutdown,maintenance,refresh,renumber,policy,adopt,rotate_secret,drift_fix,deploy"`
		Reason         string             `json:"reason,omitempty" maxLength:"1000"`
		RouterIDs      []int64            `json:"router_ids,omitempty" doc:"kind deploy: routers whose pending edits are carried"`
		Operations     []operationInput   `json:"operations,omitempty" doc:"the other kinds: what routers shall see differently"`
		IncludePending bool               `json:"include_pending,omitempty"`
	}
}

// operationInput is one edit that a change carries.
type operationInput struct {
	RouterID    int64              `json:"router_id,omitempty" doc:"whose it is: a session's or a connection's own (refused when it is another's; where the record stands it may be left out). 0: a shared object, such as a policy"`
	Object      peering.ObjectKind `json:"object" enum:"session,routing_policy,autonomous_system,ixp,bgp_group,connection,router,template"`
	ObjectID    int64              `json:"object_id,omitempty" doc:"the object that is updated or deleted; none for create, which gives the new object its own"`
	Action      peering.Action     `json:"action" enum:"create,update,delete"`
	Patch       json.RawMessage    `json:"patch,omitempty" doc:"JSON merge patch of the object"`
	BaseVersion int64              `json:"base_version,omitempty" doc:"version of the object that was read"`
}

func (s *server) registerChanges() {
	add(s, operation{method: http.MethodPost, path: "/api/v1/peerings", role: peering.Operator, tag: "peerings", status: http.StatusAccepted,
		summary: "Peer with a network",
		description: "Looks the network up, checks the agreement, plans sessions at common exchanges and waits for approval. " +
			"Answers the change at once, whether or not its workflow could be started by then: follow it under Location."}, s.provision)
	add(s, operation{method: http.MethodPost, path: "/api/v1/changes", role: peering.Operator, tag: "changes", status: http.StatusAccepted,
		summary: "Open a change",
		description: "Kind deploy carries pending edits of the given routers. The other kinds carry operations, which become the recorded intent " +
			"once the router's deployment is confirmed. Whatever the kind, a session that is added or opened needs an agreed peering, and approval rules " +
			"for provision and depeer count for plans that add or remove sessions. A direct session that is created needs no peering_id."}, s.openChange)
	add(s, operation{method: http.MethodGet, path: "/api/v1/changes", role: peering.Viewer, tag: "changes", filters: s.Changes.ChangeFilters(), summary: "List changes",
		description: "Newest first, unless `ordering=id`."},
		func(ctx context.Context, in *listInput) (*answer[page[peering.Change]], error) {
			return run(ctx, in, s.Changes.ListChanges)
		})
	add(s, operation{method: http.MethodGet, path: "/api/v1/changes/{id}", role: peering.Viewer, tag: "changes", summary: "Show one change",
		description: "Where it stands, what it does or waits for (step), the plan in force and what was left out of it."}, s.showChange)
	add(s, operation{method: http.MethodGet, path: "/api/v1/changes/{id}/deployments", role: peering.Viewer, tag: "changes",
		summary:     "What a change does on its routers",
		description: "One deployment a router: state, rollback timer, deadline, and the verification's checks so far."}, s.showDeployments)
	add(s, operation{method: http.MethodGet, path: "/api/v1/deployments/{id}", role: peering.Viewer, tag: "changes", summary: "Show one deployment",
		description: "One change on one router, by the number that its workflow (deployment/…) has."},
		func(ctx context.Context, in *ByID) (*answer[DeploymentView], error) {
			d, err := s.Changes.Deployment(ctx, in.ID)
			if err != nil {
				return nil, err
			}
			return say(s.viewOf(ctx, d))
		})
	add(s, operation{method: http.MethodGet, path: "/api/v1/changes/{id}/audit", role: peering.Viewer, tag: "changes",
		summary: "What doors refused or did on a change", description: "Oldest first; refused decisions and approval codes."},
		func(ctx context.Context, in *ByID) (*answer[listed[peering.AuditEvent]], error) {
			return sayAll(s.Changes.AuditEvents(ctx, in.ID))
		})
}

func (s *server) provision(ctx context.Context, in *provisionInput) (*opened, error) {
	b := in.Body
	return s.open(ctx, in.Key, peering.KindProvision, b.Reason, peering.ChangeRequest{ASN: b.ASN, IXPs: b.ExchangeIDs, AllPorts: b.AllPorts,
		IncludePending: b.IncludePending})
}

func (s *server) openChange(ctx context.Context, in *changeInput) (*opened, error) {
	b := in.Body
	if b.Kind == peering.KindProvision {
		return nil, peering.NewError(peering.Invalid, "provisioning starts with POST /api/v1/peerings")
	}
	request := peering.ChangeRequest{Routers: b.RouterIDs, IncludePending: b.IncludePending}
	for i, o := range b.Operations {
		if o.Action == peering.Create && o.ObjectID != 0 {
			return nil, peering.Errorf(peering.Invalid, "operation %d creates a %s with object_id %d: leave it out, a new object gets its own", i+1, o.Object, o.ObjectID)
		}
		request.Operations = append(request.Operations, peering.Operation{RouterID: o.RouterID, Object: o.Object, ObjectID: o.ObjectID,
			Action: o.Action, Patch: o.Patch, BaseVersion: o.BaseVersion})
	}
	return s.open(ctx, in.Key, b.Kind, b.Reason, request)
}

// startPatience is how long a caller waits for Temporal; the relay goes on after it.
const startPatience = 2 * time.Second

func (s *server) open(ctx context.Context, key string, kind peering.ChangeKind, reason string, request peering.ChangeRequest) (*opened, error) {
	wish := NewChange{Kind: kind, Reason: reason, Request: request, Key: key}
	text, err := json.Marshal(wish)
	if err != nil {
		return nil, peering.Errorf(peering.Invalid, "the body doesn't fit: %w", err)
	}
	sum := sha256.Sum256(text)
	wish.BodyHash = hex.EncodeToString(sum[:])
	change, replayed, err := s.Changes.OpenChange(ctx, ActorOf(ctx), wish)
	if err != nil {
		return nil, err
	}
	s.start(ctx, change.ID)
	return &opened{Location: changeAt(change.ID), Replayed: fmt.Sprint(replayed), Body: change}, nil
}

// start tries to start the workflow of a change that was just opened.
func (s *server) start(ctx context.Context, changeID int64) {
	starting, cancel := context.WithTimeout(ctx, startPatience)
	defer cancel()
	if err := s.Workflows.StartPending(starting); err != nil {
		s.Log.Warn("start workflows; the relay tries again", "change", changeID, "error", err)
	}
}

func changeAt(id int64) string { return fmt.Sprintf("/api/v1/changes/%d", id) }

func (s *server) showChange(ctx context.Context, in *ByID) (*one[peering.Change], error) {
	c, err := s.Changes.Change(ctx, in.ID)
	c.Omissions = orEmpty(c.Omissions)
	return tagged(c, err)
}

// DeploymentView is one deployment without the raw figures it was judged by.
type DeploymentView struct {
	ID            int64                   `json:"id"`
	ChangeID      int64                   `json:"change_id"`
	RouterID      int64                   `json:"router_id"`
	Router        string                  `json:"router"`
	Mode          peering.RouterMode      `json:"mode" doc:"manage, or propose: a person pastes it"`
	State         peering.DeploymentState `json:"state"`
	ArtifactHash  string                  `json:"artifact_hash"`
	TimerSeconds  int64                   `json:"timer_seconds" doc:"the rollback timer on the router"`
	Deadline      time.Time               `json:"deadline,omitzero" doc:"when the router has reverted by itself at the latest"`
	CommitSentAt  time.Time               `json:"commit_sent_at,omitzero"`
	CommittedAt   time.Time               `json:"committed_at,omitzero"`
	ConfirmSentAt time.Time               `json:"confirm_sent_at,omitzero"`
	ConfirmedAt   time.Time               `json:"confirmed_at,omitzero"`
	Verdict       *peering.Verdict        `json:"verdict,omitempty" doc:"the verification so far"`
	Outcome       string                  `json:"outcome"`
	WaitsFor      string                  `json:"waits_for,omitempty" doc:"of a queued one: the deployment that its router serves first, and what can be done about that"`
	ApprovedBy    string                  `json:"approved_by" doc:"what counted when it began: people, or 'rule' and its name"`
	CreatedAt     time.Time               `json:"created_at"`
	EndedAt       time.Time               `json:"ended_at,omitzero"`
}

func (s *server) showDeployments(ctx context.Context, in *ByID) (*answer[listed[DeploymentView]], error) {
	found, err := s.Changes.Deployments(ctx, in.ID)
	views := make([]DeploymentView, len(found))
	for i := 0; i < len(found) && err == nil; i++ {
		views[i], err = s.viewOf(ctx, found[i])
	}
	return sayAll(views, err)
}

func (s *server) viewOf(ctx context.Context, d peering.Deployment) (v DeploymentView, err error) {
	v = DeploymentView{ID: d.ID, ChangeID: d.ChangeID, RouterID: d.RouterID, Router: d.Router, Mode: d.Mode, State: d.State, ArtifactHash: d.ArtifactHash,
		TimerSeconds: int64(d.Timer.Seconds()), Deadline: d.Deadline, CommitSentAt: d.CommitSentAt, CommittedAt: d.CommittedAt,
		ConfirmSentAt: d.ConfirmSentAt, ConfirmedAt: d.ConfirmedAt, Verdict: d.Verdict, Outcome: d.Outcome, ApprovedBy: d.ApprovedBy, CreatedAt: d.CreatedAt, EndedAt: d.EndedAt}
	if d.State == peering.DeploymentQueued {
		v.WaitsFor, err = s.waitsFor(ctx, d)
	}
	return v, err
}

// waitsFor is the deployment that a queued one's router serves first, "" when that is its own turn.
func (s *server) waitsFor(ctx context.Context, d peering.Deployment) (string, error) {
	open, err := s.Changes.OpenDeployments(ctx, d.RouterID)
	if err != nil || len(open) == 0 || open[0].ID == d.ID {
		return "", err
	}
	first := open[0]
	return fmt.Sprintf("deployment %d of change %d, which is %s: %s", first.ID, first.ChangeID, strings.ReplaceAll(string(first.State), "_", " "), first.Remedy()), nil
}
