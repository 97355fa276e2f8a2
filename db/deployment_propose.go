package db

import (
	"context"
	"errors"
	"fmt"

	"peerflow/db/internal/dbsqlc"
	"peerflow/internal/peering"
)

// OpenProposals lists the proposals that aren't over, oldest first: on one router,
// or with 0 on all.
func (d *DB) OpenProposals(ctx context.Context, routerID int64) ([]peering.Deployment, error) {
	rows, err := d.q.DeploymentProposalList(ctx, orNull(routerID))
	if err != nil {
		return nil, translate(err)
	}
	list := make([]peering.Deployment, len(rows))
	for i, r := range rows {
		if list[i], err = deploymentOf(r.Deployment, r.Router); err != nil {
			return nil, err
		}
	}
	return list, nil
}

// ProposeDeployment is the gate before a person may paste: it holds and checks
// what BeginDeployment does, for a router in mode propose, and moves queued to
// proposed with a deadline. The stanzas of the plan are in the ledger from then
// on, since they may appear on the router at any time. Called again it changes
// nothing. A refusal is kind denied and names what stands in the way.
func (d *DB) ProposeDeployment(ctx context.Context, id int64) error {
	return d.onDeployment(ctx, id, func(tx *Tx, change peering.Change, dep peering.Deployment) error {
		if dep.State == peering.DeploymentProposed {
			return nil
		}
		if dep.Mode != peering.Propose {
			return peering.Errorf(peering.Denied, "deployment %d isn't a proposal: peerflow writes it itself", id)
		}
		if err := tx.checkBegin(ctx, change, dep); err != nil {
			return err
		}
		announce := dbsqlc.LedgerAnnounceParams{DeploymentID: id, PlanID: dep.PlanID, RouterID: dep.RouterID}
		if err := tx.q.LedgerAnnounce(ctx, announce); err != nil {
			return err
		}
		set := dbsqlc.DeploymentSetProposedParams{ID: id, Seconds: peering.ProposalPatience.Seconds()}
		if err := tx.q.DeploymentSetProposed(ctx, set); err != nil {
			return err
		}
		if err := tx.moveDeployment(ctx, dep, peering.DeploymentProposed, ""); err != nil {
			return err
		}
		return tx.moveChange(ctx, change, peering.ChangeDeploying, fmt.Sprintf("waits for a person to paste it on %s", dep.Router), "")
	})
}

// ProposalStanding is what stands beside a proposal in the record now. Nothing is
// decided by it that isn't looked at again where it is written.
func (d *DB) ProposalStanding(ctx context.Context, id int64) (s peering.ProposalStanding, err error) {
	err = d.onDeployment(ctx, id, func(tx *Tx, change peering.Change, dep peering.Deployment) error {
		s, err = standingOf(tx.checkProposal(ctx, change, dep))
		return err
	})
	return s, err
}

// EarlierHolds reports that a router had nothing of another deployment written or
// pasted since the base of this one was taken: that base is still what to go back to.
func (d *DB) EarlierHolds(ctx context.Context, id int64) (bool, error) {
	later, err := d.q.DeploymentOvertaken(ctx, id)
	return !later, translate(err)
}

// standingOf turns what checkProposal refuses into what becomes of the proposal.
func standingOf(refusal error) (peering.ProposalStanding, error) {
	switch {
	case refusal == nil:
		return peering.ProposalStanding{}, nil
	case errors.Is(refusal, peering.ErrFrozen), errors.Is(refusal, peering.ErrHeld):
		return peering.ProposalStanding{Hold: true, Why: refusal.Error()}, nil
	case errors.Is(refusal, peering.ErrOtherMode):
		return peering.ProposalStanding{End: peering.DeploymentStale, Why: refusal.Error()}, nil
	case peering.KindOf(refusal) == peering.Denied:
		return peering.ProposalStanding{End: peering.DeploymentCancelled, Why: refusal.Error()}, nil
	}
	return peering.ProposalStanding{}, refusal
}

// checkProposal refuses (denied) to go on with a proposal that people took back,
// whose peerings aren't agreed any more before it was pasted, whose router is in
// another mode now, or that a freeze or another deployment holds.
// What comes last holds freezes and router.
func (tx *Tx) checkProposal(ctx context.Context, change peering.Change, dep peering.Deployment) error {
	if cancel, err := tx.cancelOf(ctx, change.ID); err != nil || cancel != "" {
		return errors.Join(err, refuseIf(cancel))
	}
	if err := tx.checkVotes(ctx, change, dep); err != nil {
		return err
	}
	if dep.CommittedAt.IsZero() { // later it runs: what is agreed meanwhile doesn't take it back
		if err := tx.checkAgreed(ctx, dep); err != nil {
			return err
		}
	}
	if err := tx.q.LockNameShared(ctx, freezeLock); err != nil {
		return err
	}
	router, err := tx.q.DeploymentRouterLock(ctx, dep.RouterID)
	if err != nil {
		return err
	}
	if mode := peering.RouterMode(router.Mode); mode != dep.Mode {
		return wrongMode(router.Name, mode, dep)
	}
	if err := tx.refuseOther(ctx, dep); err != nil {
		return err
	}
	return tx.refuseIfFrozen(ctx, router.SiteID, router.ID)
}

func refuseIf(why string) error {
	if why == "" {
		return nil
	}
	return peering.NewError(peering.Denied, why)
}

// NoteHindrance records why a proposal must not be pasted, as its router was just
// read; "" when nothing there stands in the way.
func (d *DB) NoteHindrance(ctx context.Context, id int64, text string) error {
	return translate(d.q.DeploymentSetHindrance(ctx, dbsqlc.DeploymentSetHindranceParams{ID: id, Hindrance: text}))
}

// MarkPasted records that the router was read running a proposal: its verification
// begins now, by the database's clock, however late whoever read it says so. It
// refuses what checkProposal does. What was marked stays.
func (d *DB) MarkPasted(ctx context.Context, id int64, generation string) error {
	return d.onDeployment(ctx, id, func(tx *Tx, change peering.Change, dep peering.Deployment) error {
		if dep.State != peering.DeploymentProposed {
			return peering.Errorf(peering.Conflict, "deployment %d is %s: nothing of it waits to be pasted", id, dep.State)
		}
		if !dep.CommittedAt.IsZero() {
			return nil
		}
		if err := tx.checkProposal(ctx, change, dep); err != nil {
			return err
		}
		at, err := tx.q.DeploymentSetPasted(ctx, dbsqlc.DeploymentSetPastedParams{ID: id, CommitGeneration: generation})
		if err != nil {
			return err
		}
		return tx.Log(ctx, "deployment", id, "pasted", nil, map[string]any{"router_id": dep.RouterID, "at": at})
	})
}

// ForgetPaste records that the router runs a proposal no more, before it was
// confirmed: what verification found is void.
func (d *DB) ForgetPaste(ctx context.Context, id int64) error {
	return d.onDeployment(ctx, id, func(tx *Tx, _ peering.Change, dep peering.Deployment) error {
		if dep.State != peering.DeploymentProposed || dep.CommittedAt.IsZero() {
			return nil
		}
		if err := tx.q.DeploymentForgetPaste(ctx, id); err != nil {
			return err
		}
		return tx.Log(ctx, "deployment", id, "paste_gone", nil, map[string]any{"router_id": dep.RouterID})
	})
}

// checkPasted is what a confirmed end of a proposal needs beside the read: a stored
// verdict that passed, and that nobody took the proposal back meanwhile.
func (tx *Tx) checkPasted(ctx context.Context, change peering.Change, dep peering.Deployment) error {
	if dep.CommittedAt.IsZero() || !dep.Verdict.Confirmable() {
		return peering.Errorf(peering.Denied, "deployment %d isn't verified: it is not confirmed", dep.ID)
	}
	err := tx.checkProposal(ctx, change, dep)
	if errors.Is(err, peering.ErrFrozen) { // never between the paste and the verdict's end
		return nil
	}
	return err
}
