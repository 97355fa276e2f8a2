package workflows_test

import (
	"testing"
	"time"

	"peerflow/internal/peering"
)

// ballots are the votes on a change's plan, counted as the database counts them.
type ballots struct {
	*stage
	demand     peering.Demand
	votes      []peering.CastVote
	began      time.Time // when it began to wait
	approvedAt time.Time
	by         string
}

func vote(t *testing.T, demand peering.Demand) *ballots {
	t.Helper()
	b := &ballots{stage: newStage(t), demand: demand}
	b.count = func() peering.Tally {
		if b.began.IsZero() {
			b.began = b.env.Now()
		}
		tally := b.demand.Tally(b.votes, false, b.env.Now())
		if tally.Approved && b.by == "" {
			b.approvedAt, b.by = b.env.Now(), tally.ApprovedBy()
		}
		return tally
	}
	return b
}

// cast does something to the votes after a while, and wakes the change.
func (b *ballots) cast(after time.Duration, do func()) {
	b.later(after, func() { do(); b.look("vote") })
}

func (b *ballots) author() {
	b.votes = []peering.CastVote{{User: "anna", Decision: peering.Approve, At: b.env.Now(), Author: true}}
}

// approved checks by whom, and how long after the change began to wait.
func (b *ballots) approved(t *testing.T, by string, after time.Duration) {
	t.Helper()
	if got := b.deploy(t); got.State != peering.ChangeCompleted {
		t.Errorf("ended %s: %s", got.State, got.Outcome)
	}
	if waited := b.approvedAt.Sub(b.began); b.by != by || waited < after || waited > after+5*time.Second {
		t.Errorf("approved by %q after %s, want by %q after %s", b.by, waited, by, after)
	}
}

var solo = peering.Demand{Rule: "small-team", Terms: peering.Terms{VotesNeeded: 1, SoloAfterMinutes: 90}}

func TestAnAutomaticRuleLetsAChangeGoOnByItself(t *testing.T) {
	t.Parallel()
	vote(t, peering.Demand{Rule: "small-refresh"}).approved(t, "rule small-refresh", 0)
}

func TestTheAuthorsOwnVoteIsCountedWhenItsDelayEnds(t *testing.T) {
	t.Parallel()
	b := vote(t, solo)
	b.cast(10*time.Minute, b.author)
	b.approved(t, "anna (solo)", 100*time.Minute)
}

func TestAnObjectionWithinTheDelayEndsTheChange(t *testing.T) {
	t.Parallel()
	b := vote(t, solo)
	b.cast(10*time.Minute, b.author)
	b.cast(99*time.Minute, func() {
		b.votes = append(b.votes, peering.CastVote{User: "bob", Decision: peering.Reject, Reason: "not today", At: b.env.Now()})
	})
	if got := b.deploy(t); got.State != peering.ChangeRejected || len(b.deployments) != 0 {
		t.Errorf("ended %s with %d deployments", got.State, len(b.deployments))
	}
}

func TestAVoteThatWasTakenBackDoesntCountWhenItsDelayEnds(t *testing.T) {
	t.Parallel()
	b := vote(t, solo)
	b.cast(10*time.Minute, b.author)
	b.cast(time.Hour, func() { b.votes = nil })
	b.cast(5*time.Hour, func() { b.votes = []peering.CastVote{{User: "bob", Decision: peering.Approve, At: b.env.Now()}} })
	b.approved(t, "bob", 5*time.Hour)
}
