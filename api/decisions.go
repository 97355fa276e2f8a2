package api

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"time"

	"peerflow/internal/peering"
)

// Votes takes decisions of people who are logged in.
type Votes interface {
	CastVote(ctx context.Context, by peering.Actor, changeID int64, planHash string, decision peering.Decision, reason string) (peering.VoteResult, error)
	MintGrant(ctx context.Context, by peering.Actor, changeID int64, planHash string, decision peering.Decision, ttl time.Duration) (string, error)
	Votes(ctx context.Context, changeID int64) ([]peering.RecordedVote, error)
	TallyVotes(ctx context.Context, changeID, planID int64) (peering.Tally, error)
}

type decisionInput struct {
	ByID
	Body struct {
		Plan   string `json:"plan" pattern:"^[0-9a-f]{8,64}$" doc:"hash of the plan that was looked at: whole, or its first 8 digits or more" example:"1f2e3d4c"`
		Reason string `json:"reason,omitempty" maxLength:"1000"`
	}
}

type codeInput struct {
	ByID
	Body struct {
		Plan     string           `json:"plan" pattern:"^[0-9a-f]{8,64}$" doc:"hash of the plan that was looked at: whole, or its first 8 digits or more"`
		Decision peering.Decision `json:"decision" enum:"approve,reject"`
		Minutes  int              `json:"minutes,omitempty" minimum:"1" maximum:"1440" doc:"how long it lives; 15 when left out"`
	}
}

// ApprovalCode is a decision to paste where nobody is logged in.
type ApprovalCode struct {
	Code  string `json:"code" doc:"shown once; counts once"`
	Paste string `json:"paste" doc:"input of the Update decide in the Temporal UI"`
}

func (s *server) registerDecisions() {
	path := "/api/v1/changes/{id}/"
	add(s, operation{method: http.MethodGet, path: path + "votes", role: peering.Viewer, tag: "changes", summary: "Who decided what",
		description: "Oldest first, with those taken back or void."},
		func(ctx context.Context, in *ByID) (*answer[listed[peering.RecordedVote]], error) {
			return sayAll(s.Votes.Votes(ctx, in.ID))
		})
	add(s, operation{method: http.MethodPost, path: path + "approve", role: peering.Approver, tag: "changes", summary: "Approve a plan",
		description: "Counts for exactly this plan, once a person. The author of a change doesn't approve it, except as the only user, and after the delay of a rule " +
			"that allows it. Refusals are recorded."},
		s.decide(peering.Approve))
	add(s, operation{method: http.MethodPost, path: path + "reject", role: peering.Approver, tag: "changes", summary: "Reject a plan",
		description: "One rejection ends the change as rejected: until a router begins, after approval and between two routers as well. Then it is roll back now."}, s.decide(peering.Reject))
	add(s, operation{method: http.MethodPost, path: path + "approval-codes", role: peering.Approver, tag: "changes", status: http.StatusCreated,
		summary:     "Get an approval code",
		description: "For deciding in Temporal's Web UI, which doesn't know who is there: it binds you, this change, this plan and the decision."}, s.mintCode)
}

func (s *server) decide(d peering.Decision) func(context.Context, *decisionInput) (*answer[peering.VoteResult], error) {
	return func(ctx context.Context, in *decisionInput) (*answer[peering.VoteResult], error) {
		hash, err := s.planHash(ctx, in.ID, in.Body.Plan)
		if err != nil {
			return nil, err
		}
		result, err := s.Votes.CastVote(ctx, ActorOf(ctx), in.ID, hash, d, in.Body.Reason)
		if err != nil {
			return nil, err
		}
		if !result.Accepted {
			return nil, peering.NewError(peering.Denied, result.Text)
		}
		s.wake(ctx, in.ID, string(d))
		return say(result, nil)
	}
}

// planHash completes the first digits of the plan in force. Digits of another
// plan stay as they are: the vote is refused with them, and the refusal recorded.
func (s *server) planHash(ctx context.Context, changeID int64, digits string) (string, error) {
	change, err := s.Changes.Change(ctx, changeID)
	if err != nil {
		return "", err
	}
	if strings.HasPrefix(change.PlanHash, digits) {
		return change.PlanHash, nil
	}
	return digits, nil
}

func (s *server) mintCode(ctx context.Context, in *codeInput) (*answer[ApprovalCode], error) {
	hash, err := s.planHash(ctx, in.ID, in.Body.Plan)
	if err != nil {
		return nil, err
	}
	code, err := s.Votes.MintGrant(ctx, ActorOf(ctx), in.ID, hash, in.Body.Decision, time.Duration(in.Body.Minutes)*time.Minute)
	return say(ApprovalCode{Code: code, Paste: fmt.Sprintf(`{"decision": %q, "code": %q}`, in.Body.Decision, code)}, err)
}

// wake tells a change's workflow to look again. What it will find is recorded
// already, and it looks by itself from time to time.
func (s *server) wake(ctx context.Context, changeID int64, why string) {
	waking, cancel := context.WithTimeout(ctx, startPatience)
	defer cancel()
	s.wakeWithin(waking, changeID, why)
}

// wakeWithin is for those who wake many, in the time of one.
func (s *server) wakeWithin(ctx context.Context, changeID int64, why string) {
	if err := s.Workflows.LookAgain(ctx, changeID, why); err != nil {
		s.Log.Warn("wake a change; it looks again by itself", "change", changeID, "error", err)
	}
}
