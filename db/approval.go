package db

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"peerflow/db/internal/dbsqlc"
	"peerflow/internal/peering"
)

// demanded is what the rules in force ask for a plan of a change now; carried
// are the authors of pending edits that ride along.
func (tx *Tx) demanded(ctx context.Context, c peering.Change, impact peering.Impact, routers, carried []int64) (peering.Demand, error) {
	rows, err := tx.q.ApprovalRuleInForce(ctx)
	if err != nil {
		return peering.Demand{}, err
	}
	rules := make([]peering.ApprovalRule, len(rows))
	for i, r := range rows {
		rules[i] = approvalRuleOf(dbsqlc.ApprovalRuleRowsRow(r))
	}
	facts := peering.ApprovalFacts{Kind: c.Kind, Impact: impact, RouterIDs: routers,
		Carries: slices.ContainsFunc(carried, func(id int64) bool { return id != c.AuthorID })}
	if facts.SiteIDs, err = tx.q.SiteOfRouters(ctx, routers); err != nil {
		return peering.Demand{}, err
	}
	if facts.OwnRules, err = tx.q.ApprovalRuleOfAuthors(ctx, append([]int64{c.AuthorID}, carried...)); err != nil {
		return peering.Demand{}, err
	}
	ops, err := tx.q.OperationList(ctx, c.ID)
	if err != nil {
		return peering.Demand{}, err
	}
	facts.ContextOnly = peering.ContextOnly(operationsOf(ops))
	return peering.Demanded(rules, facts), nil
}

// demand is what a plan takes: what rules asked for when it was made, and what
// they ask for now. Editing a rule adds to a plan that waits, and takes nothing
// from it; an automatic rule counts only as long as it would answer again.
func (tx *Tx) demand(ctx context.Context, c peering.Change, plan dbsqlc.Plan) (peering.Demand, error) {
	var impact peering.Impact
	if err := json.Unmarshal(plan.Impact, &impact); err != nil {
		return peering.Demand{}, fmt.Errorf("read impact of plan %d: %w", plan.ID, err)
	}
	routers, err := tx.q.PlanRouterIDs(ctx, plan.ID)
	if err != nil {
		return peering.Demand{}, err
	}
	carried, err := tx.q.ChangeCarriedAuthors(ctx, c.ID)
	if err != nil {
		return peering.Demand{}, err
	}
	now, err := tx.demanded(ctx, c, impact, routers, carried)
	return demandOf(plan).And(now), err
}

func demandOf(p dbsqlc.Plan) peering.Demand {
	return peering.Demand{Rule: p.Rule, Terms: peering.Terms{VotesNeeded: int(p.VotesNeeded), ApprovalMinutes: int(p.ApprovalMinutes),
		SoloAfterMinutes: int(p.SoloAfterMinutes)}}
}

// TallyVotes counts the valid votes for a plan; a plan that is void has none.
func (d *DB) TallyVotes(ctx context.Context, changeID, planID int64) (tally peering.Tally, err error) {
	err = d.read(ctx, func(ptx pgx.Tx, q *dbsqlc.Queries) error {
		tx := &Tx{pgx: ptx, q: q}
		plan, err := q.PlanGet(ctx, planID)
		if errors.Is(err, pgx.ErrNoRows) || err == nil && plan.ChangeID != changeID {
			return peering.Errorf(peering.NotFound, "change %d has no plan %d", changeID, planID)
		}
		if err != nil {
			return err
		}
		change, err := tx.change(ctx, changeID)
		if err != nil {
			return err
		}
		tally, err = tx.tally(ctx, change, plan)
		return err
	})
	return tally, err
}

func (tx *Tx) tally(ctx context.Context, c peering.Change, plan dbsqlc.Plan) (peering.Tally, error) {
	demand, err := tx.demand(ctx, c, plan)
	if err != nil {
		return peering.Tally{}, err
	}
	rows, err := tx.q.VoteValid(ctx, dbsqlc.VoteValidParams{PlanID: plan.ID, ChangeID: plan.ChangeID})
	if err != nil {
		return peering.Tally{}, err
	}
	alone, err := tx.alone(ctx)
	if err != nil {
		return peering.Tally{}, err
	}
	var now time.Time
	votes := make([]peering.CastVote, len(rows))
	for i, r := range rows {
		now = r.Now
		votes[i] = peering.CastVote{User: r.UserName, Decision: peering.Decision(r.Decision), Reason: r.Reason, At: r.CreatedAt.UTC(),
			Author: r.Author, Carried: r.Carried}
	}
	t := demand.Tally(votes, alone, now)
	t.Approved = t.Approved && plan.VoidedAt == nil
	return t, nil
}

// alone tells whether exactly one person may log in.
func (tx *Tx) alone(ctx context.Context) (bool, error) {
	users, err := tx.q.SubjectActive(ctx)
	return len(users) == 1, err
}

// noteApproval records what approved a change, and that nothing does once it waits again.
func (tx *Tx) noteApproval(ctx context.Context, c peering.Change, to peering.ChangeState) error {
	switch to {
	case peering.ChangeApproved:
	case peering.ChangePlanned, peering.ChangeAwaitingApproval, peering.ChangeStale:
		return tx.q.ChangeSetApproval(ctx, dbsqlc.ChangeSetApprovalParams{ID: c.ID})
	default:
		return nil
	}
	plan, err := tx.q.PlanGet(ctx, c.PlanID)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil
	}
	if err != nil {
		return err
	}
	tally, err := tx.tally(ctx, c, plan)
	if err != nil {
		return err
	}
	if tally.Approved && tally.Need == 0 {
		event := dbsqlc.AuditInsertParams{Door: string(peering.DoorRule), Act: "decide " + string(peering.Approve), ChangeID: orNull(c.ID),
			Text: "approved by rule " + tally.Rule + ": " + c.PlanHash[:localDigits]}
		if _, err := tx.q.AuditInsert(ctx, event); err != nil {
			return err
		}
	}
	return tx.q.ChangeSetApproval(ctx, dbsqlc.ChangeSetApprovalParams{ID: c.ID, ApprovedBy: tally.ApprovedBy()})
}
