package db

import (
	"context"
	"crypto/rand"
	"encoding/base32"
	"errors"
	"slices"
	"strings"
	"time"

	"peerflow/db/internal/dbsqlc"
	"peerflow/internal/peering"
)

// How long an approval code lives, unless its door says less or more.
const (
	codeLife    = 15 * time.Minute
	longestCode = 24 * time.Hour
)

// MintGrant makes an approval code: 160 random bits in base32, grouped in fours,
// kept only as their SHA-256 together with what they bind. It refuses (denied)
// where a vote of this person would be refused now, and records that; ttl 0 is 15 minutes.
func (d *DB) MintGrant(ctx context.Context, actor peering.Actor, changeID int64, planHash string, decision peering.Decision, ttl time.Duration) (string, error) {
	if ttl <= 0 {
		ttl = codeLife
	}
	code := newCode()
	var no refused
	err := d.Write(ctx, actor, func(tx *Tx) error {
		tx.actor.ChangeID = changeID
		change, err := tx.lockChange(ctx, changeID)
		if err != nil {
			return err
		}
		audit := dbsqlc.AuditInsertParams{UserID: orNull(actor.UserID), Door: string(actor.Door), Act: "mint approval code",
			ChangeID: orNull(changeID), Text: "to " + string(decision) + " plan " + planHash[:min(localDigits, len(planHash))]}
		err = tx.mayDecide(ctx, change, planHash, decision)
		if no = ""; errors.As(err, &no) {
			audit.Refused, audit.Text = true, no.Error()
			_, err = tx.q.AuditInsert(ctx, audit)
			return err
		}
		if err != nil {
			return err
		}
		insert := dbsqlc.CodeInsertParams{Hash: codeHash(code), UserID: actor.UserID, ChangeID: changeID, PlanHash: planHash,
			Decision: dbsqlc.Decision(decision), ExpiresAt: time.Now().Add(min(ttl, longestCode))}
		if err := tx.q.CodeInsert(ctx, insert); err != nil {
			return err
		}
		_, err = tx.q.AuditInsert(ctx, audit)
		return err
	})
	switch {
	case err != nil:
		return "", err
	case no != "":
		return "", deniedIfRefused(no)
	}
	return code, nil
}

// mayDecide makes the checks of a vote by the transaction's actor.
func (tx *Tx) mayDecide(ctx context.Context, change peering.Change, planHash string, decision peering.Decision) error {
	if !tx.actor.May(peering.Approver) {
		return refuse("an approval code needs the role approver, which this login doesn't have")
	}
	who, err := tx.subject(ctx, tx.actor.UserID)
	if err != nil {
		return err
	}
	if _, _, err := tx.checkBallot(ctx, ballot{change: change, subject: who, decision: decision}); err != nil {
		return err
	}
	if planHash != change.PlanHash {
		return refuse("the plan moved since you looked at it: look at the new one and ask again")
	}
	return nil
}

// deniedIfRefused is for doors that answer with an error.
func deniedIfRefused(err error) error {
	var no refused
	if errors.As(err, &no) {
		return peering.NewError(peering.Denied, no.Error())
	}
	return err
}

func newCode() string {
	var bits [20]byte
	_, _ = rand.Read(bits[:]) // never fails: it ends the process instead
	var groups []string
	for g := range slices.Chunk([]byte(base32.StdEncoding.EncodeToString(bits[:])), 4) {
		groups = append(groups, string(g))
	}
	return strings.Join(groups, "-")
}
