package db

import (
	"context"
	"errors"
	"time"

	"github.com/jackc/pgx/v5"

	"peerflow/db/internal/dbsqlc"
	"peerflow/internal/bgp"
	"peerflow/internal/peering"
)

// exportGuard is who shuts a session that is announced too much, or came up without a policy.
var exportGuard = peering.Actor{Kind: peering.ActorSystem, Name: "export guard"}

// armGuards holds every session that a confirmed deployment touched to what its
// plan expects, from the next time that it is seen up.
func (tx *Tx) armGuards(ctx context.Context, dep peering.Deployment) error {
	plan, err := readPlan(ctx, tx.q, dep.PlanID)
	if err != nil {
		return err
	}
	for _, r := range plan.Routers {
		for _, t := range r.Touched {
			if r.RouterID != dep.RouterID || t.SessionID == 0 || t.Removed {
				continue
			}
			for _, e := range t.Expect {
				arm := dbsqlc.GuardArmParams{SessionID: t.SessionID, Family: int16(e.Family), DeploymentID: dep.ID, Expected: e.Count,
					Origin: e.Origin, AllowDefault: e.AllowDefault, AllowLong: e.AllowLong}
				if err := tx.q.GuardArm(ctx, arm); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// OpenGuards lists the export guards of a router's sessions that still watch. A
// router with a deployment under way has none: verification does their work.
func (d *DB) OpenGuards(ctx context.Context, routerID int64) ([]peering.ExportGuard, error) {
	rows, err := d.q.GuardOpenList(ctx, routerID)
	if err != nil {
		return nil, translate(err)
	}
	guards := make([]peering.ExportGuard, len(rows))
	for i, r := range rows {
		g := r.ExportGuard
		guards[i] = peering.ExportGuard{SessionID: g.SessionID, RouterID: r.RouterID, PeerAS: bgp.ASN(r.PeerASN),
			Neighbor: peering.NeighborKey{VRF: r.Vrf, Address: r.PeerAddress.Unmap()}, DeploymentID: g.DeploymentID,
			Expect: peering.ExpectedExport{Family: bgp.Family(g.Family), Count: g.Expected, Origin: g.Origin,
				AllowDefault: g.AllowDefault, AllowLong: g.AllowLong},
			State: peering.GuardState(g.State), UpSince: timeOrZero(g.UpSince), Finding: g.Finding}
	}
	return guards, nil
}

// DecideGuard records what a poll made of a guard, and answers false when it no
// longer counts: another deployment began meanwhile, or armed it anew. A breach
// records the session as shut down and held in the same transaction, before the
// router is touched: from then on every artifact has it closed.
func (d *DB) DecideGuard(ctx context.Context, g peering.ExportGuard, at time.Time) (counts bool, err error) {
	err = d.Write(ctx, exportGuard, func(tx *Tx) error {
		counts = false
		router, err := tx.onlyWriter(ctx, g.RouterID)
		if err != nil {
			return notNow(err)
		}
		stored, err := tx.q.GuardLock(ctx, dbsqlc.GuardLockParams{SessionID: g.SessionID, Family: int16(g.Expect.Family)})
		if errors.Is(err, pgx.ErrNoRows) || err == nil && stored.DeploymentID != g.DeploymentID {
			return nil
		}
		if err != nil {
			return err
		}
		counts = true
		decide := dbsqlc.GuardDecideParams{SessionID: g.SessionID, Family: int16(g.Expect.Family), State: dbsqlc.GuardState(g.State),
			UpSince: timeOrNull(g.UpSince), Finding: g.Finding, DecidedAt: stored.DecidedAt}
		if string(stored.State) != string(g.State) {
			decide.DecidedAt = &at
		}
		if err := tx.q.GuardDecide(ctx, decide); err != nil || g.State != peering.GuardBreached {
			return err
		}
		return tx.hold(ctx, g, router)
	})
	return counts, err
}

// notNow is no error for what may be done at the next look.
func notNow(err error) error {
	if peering.KindOf(err) == peering.Conflict {
		return nil
	}
	return err
}

// hold records a session as shut down until a person lifts it. Where peerflow is
// unable to write, the event says that a person has to shut it there.
func (tx *Tx) hold(ctx context.Context, g peering.ExportGuard, router dbsqlc.DeploymentRouterLockRow) error {
	before, err := sessions.get(ctx, tx.q, g.SessionID)
	if err != nil {
		return err
	}
	after := before
	after.HeldByHand, after.HeldReason = true, "export guard: "+g.Finding
	if before.HeldReason != "" {
		after.HeldReason = before.HeldReason // the finding that shut it first
	}
	if before.Intent.To(peering.Shutdown) == nil {
		after.Intent = peering.Shutdown
	}
	if _, err := sessions.change(ctx, tx, before, after); err != nil {
		return err
	}
	told := map[string]any{"peer_asn": g.PeerAS, "neighbor": g.Neighbor.String(), "router_id": g.RouterID, "family": g.Expect.Family.String(), "finding": g.Finding}
	if mode := peering.RouterMode(router.Mode); mode != peering.Manage {
		told["remedy"] = peering.ShutByHand(router.Name, mode, g.SessionID)
	}
	if same(before, after) {
		return nil // told before
	}
	return tx.Log(ctx, "session", g.SessionID, "export_guard_breached", nil, told)
}

// BreachedSessions lists the sessions of a router that peerflow has to shut: none
// where it may not write.
func (d *DB) BreachedSessions(ctx context.Context, routerID int64) ([]int64, error) {
	ids, err := d.q.GuardBreachedSessions(ctx, routerID)
	return ids, translate(err)
}

// BeginShutdown takes a token to shut a session on its router; false when there
// is nothing to shut any more. It is a conflict while a deployment is under way
// there: one router, one writer. No deployment begins there until EndShutdown, or
// for peering.ShutLease. A freeze doesn't stop it: what closes a session that
// leaks is what a freeze would want.
func (d *DB) BeginShutdown(ctx context.Context, sessionID int64) (order peering.ShutOrder, due bool, err error) {
	err = d.Write(ctx, exportGuard, func(tx *Tx) error {
		due = false
		s, err := sessions.get(ctx, tx.q, sessionID)
		if peering.KindOf(err) == peering.NotFound {
			return nil
		}
		if err != nil {
			return err
		}
		router, err := tx.onlyWriter(ctx, s.RouterID)
		if err != nil {
			return err
		}
		if peering.RouterMode(router.Mode) != peering.Manage {
			return peering.NewError(peering.Denied, peering.ShutByHand(router.Name, peering.RouterMode(router.Mode), sessionID))
		}
		breached, err := tx.q.GuardBreachedSessions(ctx, s.RouterID)
		if err != nil {
			return err
		}
		for _, id := range breached {
			due = due || id == sessionID
		}
		if !due {
			return nil
		}
		order = peering.ShutOrder{SessionID: s.ID, RouterID: s.RouterID, Neighbor: s.Key()}
		lease := dbsqlc.GuardBeginShutdownParams{RouterID: s.RouterID, Seconds: peering.ShutLease.Seconds()}
		order.Fence, err = tx.q.GuardBeginShutdown(ctx, lease)
		return err
	})
	return order, due, err
}

// EndShutdown ends an attempt, whose order writes nothing any more: deployments
// may begin again. Closed records that the session was read closed on its router;
// what waits there takes another baseline, without it. A second time changes nothing.
func (d *DB) EndShutdown(ctx context.Context, order peering.ShutOrder, closed bool) error {
	return d.Write(ctx, exportGuard, func(tx *Tx) error {
		if closed { // deployments are held before their router, always in this order
			if err := tx.q.DeploymentForgetBaselines(ctx, order.RouterID); err != nil {
				return err
			}
		}
		if err := tx.q.GuardEndShutdown(ctx, dbsqlc.GuardEndShutdownParams{RouterID: order.RouterID, Fence: order.Fence}); err != nil || !closed {
			return err
		}
		rows, err := tx.q.GuardShut(ctx, order.SessionID)
		if err != nil || rows == 0 {
			return err
		}
		return tx.Log(ctx, "session", order.SessionID, "shut", nil, map[string]any{"router_id": order.RouterID, "neighbor": order.Neighbor.String()})
	})
}

// NoteShut records that a session which a person had to shut was read shut on its
// router. A second time changes nothing.
func (d *DB) NoteShut(ctx context.Context, g peering.ExportGuard) error {
	return d.Write(ctx, exportGuard, func(tx *Tx) error {
		rows, err := tx.q.GuardShut(ctx, g.SessionID)
		if err != nil || rows == 0 {
			return err
		}
		return tx.Log(ctx, "session", g.SessionID, "shut", nil, map[string]any{"router_id": g.RouterID, "neighbor": g.Neighbor.String(), "by_hand": true})
	})
}

// onlyWriter holds a router against a deployment that would begin, and refuses
// (conflict) while one is under way. One that needs an operator writes nothing.
func (tx *Tx) onlyWriter(ctx context.Context, routerID int64) (dbsqlc.DeploymentRouterLockRow, error) {
	router, err := tx.q.DeploymentRouterLock(ctx, routerID)
	if err != nil {
		return router, err
	}
	other, err := tx.q.DeploymentInFlight(ctx, routerID)
	switch {
	case errors.Is(err, pgx.ErrNoRows):
		return router, nil
	case err != nil:
		return router, err
	case peering.DeploymentState(other.Deployment.State) == peering.DeploymentNeedsOperator:
		return router, nil
	}
	return router, peering.Errorf(peering.Conflict, "deployment %d is %s on router %s: one router, one writer",
		other.Deployment.ID, other.Deployment.State, router.Name)
}
