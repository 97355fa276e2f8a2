package activities

import (
	"context"
	"time"

	"peerflow/internal/peering"
)

// Approving asks the database, the authority on approval. Workflows keep no votes.
type Approving struct {
	Votes   VoteStore
	Changes ChangeStore
}

// RecordVote records a vote or the audited refusal. Idempotent by the update's id.
func (a *Approving) RecordVote(ctx context.Context, in VoteInput) (VoteResult, error) {
	result, err := a.Votes.RecordVote(ctx, in)
	return result, fail(err)
}

// StandingInput names a change and the plan in force.
type StandingInput struct {
	Change int64 `json:"change"`
	Plan   int64 `json:"plan"`
}

// Standing is what people have said about a change so far.
type Standing struct {
	Tally  Tally  `json:"tally"`
	Cancel string `json:"cancel,omitempty"` // who cancelled, and why; "" when nobody did
	// Resolve is the open command to resolve; 0 when there is none.
	Resolve int64 `json:"resolve,omitempty"`
	// Expires is when the change expires unless it is approved; zero when it doesn't.
	Expires time.Time `json:"expires,omitzero"`
}

// TallyVotes counts valid votes, and looks for a cancel and the time that is left.
func (a *Approving) TallyVotes(ctx context.Context, in StandingInput) (Standing, error) {
	commands, err := a.Votes.LatestCommands(ctx, in.Change)
	if err != nil {
		return Standing{}, fail(err)
	}
	var standing Standing
	standing.Cancel = cancelIn(commands)
	for _, c := range commands {
		if c.Kind == peering.CommandResolve {
			standing.Resolve = c.ID
		}
	}
	if in.Plan == 0 { // asked for what people ordered alone
		return standing, nil
	}
	change, err := a.Changes.Change(ctx, in.Change)
	if err != nil {
		return Standing{}, fail(err)
	}
	standing.Expires = change.ExpiresAt
	standing.Tally, err = a.Votes.TallyVotes(ctx, in.Change, in.Plan)
	return standing, fail(err)
}
