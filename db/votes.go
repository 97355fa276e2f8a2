package db

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"

	"peerflow/db/internal/dbsqlc"
	"peerflow/internal/peering"
)

// ballot is a decision whose voter a door has established.
type ballot struct {
	change   peering.Change
	subject  subject
	door     peering.Door
	decision peering.Decision
	reason   string
	updateID string // "" outside of an Update
}

// subject is a person as the database knows it now.
type subject struct {
	id     int64
	name   string
	roles  []string
	active bool
}

// may mirrors peering.Actor.May for roles as recorded.
func (s subject) may(r peering.Role) bool {
	actor := peering.Actor{}
	for _, name := range s.roles {
		actor.Roles = append(actor.Roles, peering.Role(name))
	}
	return actor.May(r)
}

// refused ends the checks of a vote with a text that names reason and remedy;
// the transaction goes on, since the refusal is recorded.
type refused string

func (r refused) Error() string { return string(r) }

func refuse(format string, args ...any) error { return refused(fmt.Sprintf(format, args...)) }

// RecordVote looks the code up, burns it, checks everything that approval
// demands, and inserts the vote or the audited refusal, in one transaction.
// A repeat with the same update id answers the same. Without a code the first 8
// hex digits of the plan's hash count, as the embedded single-user default.
func (d *DB) RecordVote(ctx context.Context, v peering.VoteInput) (result peering.VoteResult, err error) {
	err = d.Write(ctx, actorOf(v.ChangeID), func(tx *Tx) error {
		change, err := tx.lockChange(ctx, v.ChangeID)
		if err != nil {
			return err
		}
		b := ballot{change: change, decision: v.Decision, reason: v.Reason}
		if v.UpdateID != "" {
			b.updateID = fmt.Sprintf("%d/%s", v.ChangeID, v.UpdateID) // Temporal's are unique within a workflow only
			answer, err := tx.q.VoteAnswer(ctx, b.updateID)
			if !errors.Is(err, pgx.ErrNoRows) {
				result = peering.VoteResult{Accepted: !answer.Refused, Text: answer.Text}
				return err
			}
		}
		if v.Code != "" {
			b.door = peering.DoorTemporal
			err = tx.presentCode(ctx, &b, v.Code)
		} else {
			b.door = peering.DoorLocal
			err = d.presentPlan(ctx, tx, &b, v.Plan)
		}
		result, err = tx.answer(ctx, b, err)
		return err
	})
	return result, err
}

// answer casts the vote unless something refused it already, and leaves the
// audit event that a repeat is answered from.
func (tx *Tx) answer(ctx context.Context, b ballot, err error) (peering.VoteResult, error) {
	var text string
	if err == nil {
		text, err = tx.cast(ctx, b)
	}
	var no refused
	if err != nil && !errors.As(err, &no) {
		return peering.VoteResult{}, err
	}
	result := peering.VoteResult{Accepted: err == nil, Text: text}
	if err != nil {
		result.Text = no.Error()
	}
	event := dbsqlc.AuditInsertParams{UserID: orNull(b.subject.id), Door: string(b.door), Act: "decide " + string(b.decision),
		ChangeID: orNull(b.change.ID), UpdateID: orNull(b.updateID), Refused: !result.Accepted, Text: result.Text}
	if _, err := tx.q.AuditInsert(ctx, event); err != nil {
		return peering.VoteResult{}, err
	}
	if !result.Accepted {
		return result, tx.Emit(ctx, "change", b.change.ID, b.change.ID, "vote_refused", map[string]any{"text": result.Text})
	}
	return result, nil
}

// presentCode finds the voter by an approval code, which is burnt whatever follows.
func (tx *Tx) presentCode(ctx context.Context, b *ballot, code string) error {
	row, err := tx.q.CodeLock(ctx, codeHash(code))
	if errors.Is(err, pgx.ErrNoRows) {
		return refuse("there is no such approval code: get one for change %d and paste it whole", b.change.ID)
	}
	if err != nil {
		return err
	}
	if err := tx.q.CodeBurn(ctx, row.ID); err != nil {
		return err
	}
	if b.subject, err = tx.subject(ctx, row.UserID); err != nil {
		return err
	}
	switch {
	case row.UsedAt != nil:
		return refuse("this approval code was used already: each counts once, get a new one")
	case row.Expired:
		return refuse("this approval code expired: get a new one")
	case row.ChangeID != b.change.ID:
		return refuse("this approval code is for change %d, not for change %d: get one for this change", row.ChangeID, b.change.ID)
	case peering.Decision(row.Decision) != b.decision:
		return refuse("this approval code says %s and the decision %s: get one for what you mean", row.Decision, b.decision)
	case row.PlanHash != b.change.PlanHash:
		return refuse("the plan moved since this approval code was made: look at the new plan and get a new code")
	}
	return nil
}

// presentPlan lets the only user of an embedded installation decide by naming the plan.
func (d *DB) presentPlan(ctx context.Context, tx *Tx, b *ballot, digits string) error {
	if digits == "" {
		return refuse("a decision needs an approval code: get one for change %d and send it as \"code\"", b.change.ID)
	}
	const how = "get an approval code for change %d and send it as \"code\""
	if !d.localApproval {
		return refuse("naming the plan counts only while peerflow runs embedded and listens on loopback alone: "+how, b.change.ID)
	}
	users, err := tx.q.SubjectActive(ctx)
	if err != nil {
		return err
	}
	if len(users) != 1 {
		return refuse("naming the plan counts only while exactly one active user exists: "+how, b.change.ID)
	}
	b.subject = subject{id: users[0].ID, name: users[0].Name, roles: users[0].Roles, active: users[0].Active}
	if b.change.PlanID == 0 {
		return nil // cast says so
	}
	plan, err := tx.q.PlanGet(ctx, b.change.PlanID)
	if err != nil {
		return err
	}
	demand, err := tx.demand(ctx, b.change, plan)
	switch {
	case err != nil:
		return err
	case demand.VotesNeeded != 1:
		return refuse("naming the plan counts only where one vote is needed, and this plan needs %d: "+how, demand.VotesNeeded, b.change.ID)
	case digits != plan.Hash[:localDigits]:
		return refuse("%q isn't the plan in force, whose hash starts with %s: look at the plan again", clip(digits), plan.Hash[:localDigits])
	}
	return nil
}

// localDigits is how much of the plan's hash the single-user default asks for.
const localDigits = 8

// clip keeps what a stranger sent short.
func clip(s string) string {
	if len(s) > 64 {
		return s[:64] + "…"
	}
	return s
}

// codeHash forgives how a code was typed: case, and what groups it.
func codeHash(code string) []byte {
	plain := strings.Map(func(r rune) rune {
		if r == '-' || r == ' ' || r == '\n' || r == '\t' || r == '\r' {
			return -1
		}
		return r
	}, strings.ToUpper(code))
	sum := sha256.Sum256([]byte(plain))
	return sum[:]
}

func (tx *Tx) subject(ctx context.Context, id int64) (subject, error) {
	u, err := tx.q.SubjectGet(ctx, id)
	if errors.Is(err, pgx.ErrNoRows) {
		return subject{}, refuse("there is no user %d", id)
	}
	return subject{id: u.ID, name: u.Name, roles: u.Roles, active: u.Active}, err
}

// CastVote is a decision through a door that knows who comes in. The checks are
// those of RecordVote, without a code; the roles of the token narrow the user's.
func (d *DB) CastVote(ctx context.Context, actor peering.Actor, changeID int64, planHash string, decision peering.Decision, reason string) (result peering.VoteResult, err error) {
	err = d.Write(ctx, actor, func(tx *Tx) error {
		tx.actor.ChangeID = changeID
		change, err := tx.lockChange(ctx, changeID)
		if err != nil {
			return err
		}
		b := ballot{change: change, door: actor.Door, decision: decision, reason: reason}
		b.subject, err = tx.subject(ctx, actor.UserID)
		switch {
		case err != nil:
		case !actor.May(peering.Approver):
			err = refuse("deciding needs the role approver, which this login doesn't have")
		case planHash != change.PlanHash:
			err = refuse("the plan moved since you looked at it: look at the new one and decide again")
		}
		result, err = tx.answer(ctx, b, err)
		return err
	})
	return result, err
}

// cast checks everything that doesn't depend on the door, and inserts the vote.
func (tx *Tx) cast(ctx context.Context, b ballot) (string, error) {
	plan, solo, err := tx.checkBallot(ctx, b)
	if err != nil {
		return "", err
	}
	insert := dbsqlc.VoteInsertParams{ChangeID: b.change.ID, PlanID: plan.ID, UserID: b.subject.id, Decision: dbsqlc.Decision(b.decision),
		Reason: b.reason, Door: string(b.door), Solo: solo, UpdateID: orNull(b.updateID)}
	id, err := tx.q.VoteInsert(ctx, insert)
	if err != nil {
		return "", err
	}
	after := map[string]any{"change_id": b.change.ID, "plan": plan.Hash, "user": b.subject.name, "decision": b.decision, "door": b.door, "solo": solo}
	if err := tx.Log(ctx, "vote", id, "create", nil, after); err != nil {
		return "", err
	}
	if b.decision == peering.Reject {
		return fmt.Sprintf("rejected by %s", b.subject.name), tx.endQueued(ctx, b.change, sayRejected(b.subject.name, b.reason))
	}
	tally, err := tx.tally(ctx, b.change, plan)
	if err != nil {
		return "", err
	}
	if tally.Solo == b.subject.name {
		return "approved by the author: " + tally.Line(), nil
	}
	return fmt.Sprintf("approved by %s: %d of %d", b.subject.name, tally.Have, tally.Need), nil
}

func sayRejected(by, reason string) string {
	if reason == "" {
		return "rejected by " + by
	}
	return "rejected by " + by + ": " + reason
}

// checkBallot refuses what approval doesn't allow; solo marks the vote of an
// author, who is the only active user or whose vote counts after a delay.
func (tx *Tx) checkBallot(ctx context.Context, b ballot) (plan dbsqlc.Plan, solo bool, err error) {
	switch {
	case b.decision != peering.Approve && b.decision != peering.Reject:
		return plan, false, refuse("a decision is approve or reject")
	case !b.subject.active:
		return plan, false, refuse("%s may not log in any more", b.subject.name)
	case !b.subject.may(peering.Approver):
		return plan, false, refuse("%s lacks the role approver: an admin gives it, or somebody else decides", b.subject.name)
	case b.change.PlanID == 0:
		return plan, false, refuse("change %d has no plan yet: wait until it is planned", b.change.ID)
	case b.change.State == peering.ChangeDeploying && b.decision == peering.Reject:
		if err := tx.refuseLateReject(ctx, b.change); err != nil {
			return plan, false, err
		}
	case b.change.State != peering.ChangeAwaitingApproval && b.change.State != peering.ChangeApproved:
		return plan, false, refuse("change %d is %s: it isn't waiting for a decision", b.change.ID, sayState(b.change.State))
	}
	if plan, err = tx.q.PlanGet(ctx, b.change.PlanID); err != nil {
		return plan, false, err
	}
	if plan.VoidedAt != nil {
		return plan, false, refuse("the plan is void (%s): wait until change %d is planned again", plan.VoidReason, b.change.ID)
	}
	if solo, err = tx.soloOrRefuse(ctx, b, plan); err != nil {
		return plan, false, err
	}
	vote, err := tx.q.VoteOf(ctx, dbsqlc.VoteOfParams{PlanID: plan.ID, UserID: b.subject.id})
	if err == nil {
		return plan, false, refuse("%s decided on this plan already (%s): take that vote back first", b.subject.name, vote.Decision)
	}
	if !errors.Is(err, pgx.ErrNoRows) {
		return plan, false, err
	}
	return plan, solo, nil
}

// refuseLateReject: an approved change can be rejected until a router begins, and
// between two routers.
func (tx *Tx) refuseLateReject(ctx context.Context, c peering.Change) error {
	row, err := tx.q.DeploymentInFlightOfChange(ctx, c.ID)
	if err == nil {
		return refuse("change %d is being deployed on router %s and can't be rejected any more: use roll back now (peerflow change rollback %d)", c.ID, row.Router, c.ID)
	}
	if !errors.Is(err, pgx.ErrNoRows) {
		return err
	}
	to, outcome, err := tx.outcome(ctx, c)
	if err == nil && to != "" && to != peering.ChangeStale {
		err = refuse("change %d ends %s: %s: there is nothing left to reject", c.ID, sayState(to), outcome)
	}
	return err
}

// soloOrRefuse keeps authors from deciding on their own edits, except while
// exactly one active user exists, and where a rule lets the change's author
// approve with a delay.
func (tx *Tx) soloOrRefuse(ctx context.Context, b ballot, plan dbsqlc.Plan) (bool, error) {
	carried, err := tx.q.ChangeCarriedAuthors(ctx, b.change.ID)
	if err != nil {
		return false, err
	}
	author := b.change.AuthorID == b.subject.id
	if !author && !slices.Contains(carried, b.subject.id) {
		return false, nil
	}
	alone, err := tx.alone(ctx)
	if err != nil || alone {
		return alone, err
	}
	demand, err := tx.demand(ctx, b.change, plan)
	switch {
	case err != nil:
		return false, err
	case !author:
		return false, tx.refuseCarried(ctx, b, plan)
	case b.decision == peering.Reject:
		return false, refuse("%s is the author: cancel the change instead", b.subject.name)
	case demand.SoloAfterMinutes > 0:
		return true, nil
	}
	return false, refuse("%s is the author of change %d: somebody else has to approve it", b.subject.name, b.change.ID)
}

// refuseCarried refuses who edited what the plan carries, and names the ways out.
func (tx *Tx) refuseCarried(ctx context.Context, b ballot, plan dbsqlc.Plan) error {
	routers, err := tx.q.PlanRouterNames(ctx, plan.ID)
	if err != nil {
		return err
	}
	return refuse("the plan carries edits by %s: somebody else has to decide. That is a third person; or %s, who opened it, where an approval rule lets authors approve after a delay (solo_after_minutes); "+
		"or somebody who edited none of it, once %[1]s asks for the change instead, or has brought the edits to the router first (peerflow router deploy %[3]s), as far as it runs them",
		b.subject.name, b.change.Author, strings.Join(routers, " "))
}

// RevokeVote takes the actor's vote back, until a deployment of the plan begins.
// The change looks at its votes again.
func (d *DB) RevokeVote(ctx context.Context, actor peering.Actor, changeID int64, reason string) error {
	_, err := d.AddCommand(ctx, actor, changeID, peering.CommandRevoke, reason)
	return err
}

// Votes lists the votes on a change, oldest first, those taken back or void included.
func (d *DB) Votes(ctx context.Context, changeID int64) ([]peering.RecordedVote, error) {
	rows, err := d.q.VoteList(ctx, changeID)
	if err != nil {
		return nil, translate(err)
	}
	votes := make([]peering.RecordedVote, len(rows))
	for i, r := range rows {
		votes[i] = peering.RecordedVote{Vote: peering.Vote{ID: r.Vote.ID, UserID: r.Vote.UserID, User: r.UserName, Decision: peering.Decision(r.Vote.Decision),
			Reason: r.Vote.Reason, Door: peering.Door(r.Vote.Door), Solo: r.Vote.Solo, At: r.Vote.CreatedAt.UTC()},
			PlanID: r.Vote.PlanID, RevokedAt: timeOrZero(r.Vote.RevokedAt)}
	}
	return votes, nil
}
