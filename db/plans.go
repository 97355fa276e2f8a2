package db

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"

	"peerflow/db/internal/dbsqlc"
	"peerflow/internal/peering"
)

// StorePlan keeps a plan in force for its change. The plan that is in force
// stays, with its votes, when the hash is equal (base, artifact and diff are
// renewed), unless it was deployed somewhere to an end; otherwise it is voided
// with the reason, votes included. How much approval the plan takes is set here,
// from the rules in force; a plan that stays takes no less than before. Texts are
// stored under their own hash. A plan that adds or opens a session whose peering
// isn't agreed is denied.
func (d *DB) StorePlan(ctx context.Context, p peering.Plan, texts []string, voidReason string) (peering.Plan, error) {
	if p.Hash != peering.PlanHash(p.Routers) {
		return peering.Plan{}, peering.NewError(peering.Invalid, "the plan's hash isn't the hash of its moves")
	}
	var stored peering.Plan
	err := d.Write(ctx, actorOf(p.ChangeID), func(tx *Tx) error {
		change, err := tx.lockChange(ctx, p.ChangeID)
		if err != nil {
			return err
		}
		if !plannable(change.State) {
			return peering.Errorf(peering.Conflict, "change %d is %s: it can't be planned again", change.ID, change.State)
		}
		if err := tx.refuseUnagreed(ctx, change.ID, 0, p.Routers); err != nil {
			return err
		}
		if err := tx.putTexts(ctx, texts...); err != nil {
			return err
		}
		carried, err := tx.carriedAuthors(ctx, change, p)
		if err != nil {
			return err
		}
		if p.Demand, err = tx.demanded(ctx, change, p.Impact, routersOf(p), carried); err != nil {
			return err
		}
		id, err := tx.putPlan(ctx, change, p, voidReason)
		if err != nil {
			return err
		}
		set := dbsqlc.ChangeSetPlanParams{ID: change.ID, PlanID: id, CarriedAuthors: carried}
		if err := tx.q.ChangeSetPlan(ctx, set); err != nil {
			return err
		}
		stored, err = readPlan(ctx, tx.q, id)
		return err
	})
	return stored, err
}

func (tx *Tx) putTexts(ctx context.Context, texts ...string) error {
	hashes := make([]string, len(texts))
	for i, text := range texts {
		hashes[i] = peering.HashText(text)
	}
	if err := tx.q.TextsPut(ctx, dbsqlc.TextsPutParams{Hashes: hashes, Texts: texts}); err != nil {
		return fmt.Errorf("store texts: %w", err)
	}
	return nil
}

// PutText stores a text under its hash; one that is there stays.
func (d *DB) PutText(ctx context.Context, text string) (hash string, err error) {
	hash = peering.HashText(text)
	return hash, translate(d.q.TextsPut(ctx, dbsqlc.TextsPutParams{Hashes: []string{hash}, Texts: []string{text}}))
}

// putPlan renews the plan in force when the new one is equal to it, or puts the new one in its place.
func (tx *Tx) putPlan(ctx context.Context, c peering.Change, p peering.Plan, voidReason string) (int64, error) {
	impact, err := json.Marshal(p.Impact)
	if err != nil {
		return 0, err
	}
	kept, err := tx.planToKeep(ctx, c, p)
	switch {
	case err != nil:
		return 0, err
	case kept != nil:
		terms := kept.Demand.And(p.Demand)
		renew := dbsqlc.PlanRenewParams{ID: kept.ID, Impact: impact, Rule: terms.Rule, VotesNeeded: int32(terms.VotesNeeded),
			ApprovalMinutes: int32(terms.ApprovalMinutes), SoloAfterMinutes: int32(terms.SoloAfterMinutes)}
		return kept.ID, errors.Join(tx.q.PlanRenew(ctx, renew), tx.putRouters(ctx, kept.ID, p.Routers))
	case c.PlanID != 0:
		if err := tx.voidPlan(ctx, c, voidReason); err != nil {
			return 0, err
		}
	}
	id, err := tx.q.PlanInsert(ctx, dbsqlc.PlanInsertParams{ChangeID: c.ID, Hash: p.Hash, Impact: impact, Rule: p.Rule,
		VotesNeeded: int32(p.VotesNeeded), ApprovalMinutes: int32(p.ApprovalMinutes), SoloAfterMinutes: int32(p.SoloAfterMinutes)})
	if err != nil {
		return 0, err
	}
	if err := tx.putRouters(ctx, id, p.Routers); err != nil {
		return 0, err
	}
	return id, tx.Log(ctx, "plan", id, "create", nil, map[string]any{"change_id": c.ID, "hash": p.Hash, "impact": p.Impact.Line(),
		"rule": p.Rule, "votes_needed": p.VotesNeeded})
}

// planToKeep is the plan in force when it has this hash, reaches no more than
// people approved, and no deployment of it ended; else nil.
func (tx *Tx) planToKeep(ctx context.Context, c peering.Change, p peering.Plan) (*peering.Plan, error) {
	if c.PlanID == 0 || c.PlanHash != p.Hash {
		return nil, nil
	}
	deployed, err := tx.q.PlanDeployed(ctx, c.PlanID)
	if err != nil || deployed {
		return nil, err
	}
	approved, err := readPlan(ctx, tx.q, c.PlanID)
	if err != nil || peering.Loosened(approved, p) {
		return nil, err
	}
	return &approved, nil
}

// voidPlan ends a change's plan in force together with its votes.
func (tx *Tx) voidPlan(ctx context.Context, c peering.Change, reason string) error {
	voided, err := tx.q.PlanVoid(ctx, dbsqlc.PlanVoidParams{ID: c.PlanID, VoidReason: reason})
	if err != nil || voided == 0 {
		return err
	}
	votes, err := tx.q.PlanRevokeVotes(ctx, c.PlanID)
	if err != nil {
		return err
	}
	return tx.Log(ctx, "plan", c.PlanID, "void", map[string]any{"hash": c.PlanHash}, map[string]any{"reason": reason, "votes_revoked": votes})
}

func (tx *Tx) putRouters(ctx context.Context, planID int64, routers []peering.RouterPlan) error {
	for _, r := range routers {
		touched, err := json.Marshal(listOf(r.Touched))
		if err != nil {
			return err
		}
		put := dbsqlc.PlanRouterPutParams{PlanID: planID, RouterID: r.RouterID, ArtifactHash: r.ArtifactHash, BaseHash: r.BaseHash,
			Diff: r.Diff, Touched: touched, Mode: dbsqlc.RouterMode(cmp.Or(r.Mode, peering.Manage))}
		if err := tx.q.PlanRouterPut(ctx, put); err != nil {
			return err
		}
		if err := tx.putMoves(ctx, planID, r.RouterID, r.Moves, false); err != nil {
			return err
		}
		if err := tx.putMoves(ctx, planID, r.RouterID, r.Refers, true); err != nil {
			return err
		}
	}
	return nil
}

func (tx *Tx) putMoves(ctx context.Context, planID, routerID int64, moves []peering.Move, refers bool) error {
	put := dbsqlc.PlanMovesPutParams{PlanID: planID, RouterID: routerID, Refers: refers}
	for _, m := range moves {
		put.Keys, put.Befores, put.Afters = append(put.Keys, m.Key), append(put.Befores, m.Before), append(put.Afters, m.After)
	}
	return tx.q.PlanMovesPut(ctx, put)
}

func routersOf(p peering.Plan) []int64 {
	ids := make([]int64, len(p.Routers))
	for i, r := range p.Routers {
		ids[i] = r.RouterID
	}
	return ids
}

// listOf makes JSON say [] where there is nothing.
func listOf[T any](list []T) []T {
	if list == nil {
		return []T{}
	}
	return list
}

// Plan gives one plan with its routers, voided ones too.
func (d *DB) Plan(ctx context.Context, id int64) (p peering.Plan, err error) {
	err = d.read(ctx, func(_ pgx.Tx, q *dbsqlc.Queries) error {
		p, err = readPlan(ctx, q, id)
		return err
	})
	return p, err
}

func readPlan(ctx context.Context, q *dbsqlc.Queries, id int64) (peering.Plan, error) {
	row, err := q.PlanGet(ctx, id)
	if errors.Is(err, pgx.ErrNoRows) {
		return peering.Plan{}, missing("plan", id)
	}
	if err != nil {
		return peering.Plan{}, err
	}
	p := peering.Plan{ID: row.ID, ChangeID: row.ChangeID, Hash: row.Hash, Demand: demandOf(row),
		CreatedAt: row.CreatedAt.UTC(), Routers: []peering.RouterPlan{}}
	if err := json.Unmarshal(row.Impact, &p.Impact); err != nil {
		return peering.Plan{}, fmt.Errorf("read impact of plan %d: %w", id, err)
	}
	moves, err := q.PlanMoveList(ctx, id)
	if err != nil {
		return peering.Plan{}, err
	}
	routers, err := q.PlanRouterList(ctx, id)
	if err != nil {
		return peering.Plan{}, err
	}
	for _, r := range routers {
		one, err := routerPlanOf(r, moves)
		if err != nil {
			return peering.Plan{}, err
		}
		p.Routers = append(p.Routers, one)
	}
	return p, nil
}

func routerPlanOf(r dbsqlc.PlanRouterListRow, moves []dbsqlc.PlanMove) (peering.RouterPlan, error) {
	one := peering.RouterPlan{RouterID: r.PlanRouter.RouterID, Router: r.Router, BaseHash: r.PlanRouter.BaseHash,
		ArtifactHash: r.PlanRouter.ArtifactHash, Mode: peering.RouterMode(r.PlanRouter.Mode), Diff: r.PlanRouter.Diff, Moves: []peering.Move{}, Refers: []peering.Move{}}
	for _, m := range moves {
		move := peering.Move{Key: m.Key, Before: m.BeforeHash, After: m.AfterHash}
		switch {
		case m.RouterID != one.RouterID:
		case m.Refers:
			one.Refers = append(one.Refers, move)
		default:
			one.Moves = append(one.Moves, move)
		}
	}
	if err := json.Unmarshal(r.PlanRouter.Touched, &one.Touched); err != nil {
		return one, fmt.Errorf("read touched sessions of router %s: %w", r.Router, err)
	}
	return one, nil
}

// Texts gives stored texts by hash; a missing one is not_found.
func (d *DB) Texts(ctx context.Context, hashes []string) (map[string]string, error) {
	rows, err := d.q.TextList(ctx, hashes)
	if err != nil {
		return nil, translate(err)
	}
	texts := make(map[string]string, len(rows))
	for _, r := range rows {
		if peering.HashText(r.Text) != r.Hash {
			return nil, peering.Errorf(peering.Conflict, "the stored text %s isn't what it was: plan the change again", r.Hash)
		}
		texts[r.Hash] = r.Text
	}
	for _, h := range hashes {
		if _, ok := texts[h]; !ok {
			return nil, peering.Errorf(peering.NotFound, "there is no stored text %s", h)
		}
	}
	return texts, nil
}
