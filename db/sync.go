package db

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"peerflow/db/internal/dbsqlc"
	"peerflow/internal/peering"
)

// syncSessions notes that a router runs these sessions as recorded, or has none
// of them any more.
func (tx *Tx) syncSessions(ctx context.Context, routerID int64, ids []int64) error {
	if err := tx.q.SessionHold(ctx, ids); err != nil {
		return err
	}
	there, err := tx.q.SessionSyncs(ctx, routerID)
	if err != nil {
		return err
	}
	put := dbsqlc.SessionSyncedParams{WatchUntil: time.Now().Add(watchFor)}
	for _, s := range there {
		if slices.Contains(ids, s.ID) {
			put.Ids = append(put.Ids, s.ID)
			put.Syncs = append(put.Syncs, string(peering.Sync(s.Sync).After(peering.EventRecorded, peering.Intent(s.Intent))))
		}
	}
	synced, err := tx.q.SessionSynced(ctx, put)
	if err != nil {
		return err
	}
	for _, row := range synced {
		if err := tx.Log(ctx, "session", row.ID, "sync", nil, map[string]any{"sync": row.Sync, "intent": row.Intent}); err != nil {
			return err
		}
	}
	return nil
}

// syncUnmoved notes that a router was read running all that was recorded of it.
// Sessions that weren't there before are left: they may have been recorded since.
func (tx *Tx) syncUnmoved(ctx context.Context, routerID int64) error {
	return tx.moveSyncs(ctx, routerID, func(s dbsqlc.SessionSyncsRow) peering.SyncEvent {
		if s.Intent == dbsqlc.SessionIntentRemoving || s.Sync == dbsqlc.SessionSyncNotDeployed || s.Sync == dbsqlc.SessionSyncProvenAbsent {
			return ""
		}
		return peering.EventRecorded
	})
}

// syncUnconfirmed notes what the end of a deployment that wasn't confirmed says of
// sessions. Interference leaves nothing known of any that the router has. What
// went back to its base takes back what is recorded only where that was deployed: an
// overlay is discarded, and the router runs what was recorded before.
func (tx *Tx) syncUnconfirmed(ctx context.Context, change peering.Change, dep peering.Deployment, end peering.DeploymentState) error {
	touched, err := tx.touchedSessions(ctx, dep)
	if err != nil {
		return err
	}
	switch {
	case end == peering.DeploymentInterfered:
		return tx.moveSyncs(ctx, dep.RouterID, func(s dbsqlc.SessionSyncsRow) peering.SyncEvent {
			off := s.Sync == dbsqlc.SessionSyncNotDeployed || s.Sync == dbsqlc.SessionSyncProvenAbsent
			if off && !slices.Contains(touched, s.ID) {
				return ""
			}
			return peering.EventInterfered
		})
	case end == peering.DeploymentRolledBack && change.Kind == peering.KindDeploy:
		return tx.moveSyncs(ctx, dep.RouterID, func(s dbsqlc.SessionSyncsRow) peering.SyncEvent {
			if !slices.Contains(touched, s.ID) {
				return ""
			}
			return peering.EventTakenBack
		})
	}
	return nil
}

// moveSyncs tells each session of a router what was found out about it, "" for nothing.
func (tx *Tx) moveSyncs(ctx context.Context, routerID int64, found func(dbsqlc.SessionSyncsRow) peering.SyncEvent) error {
	there, err := tx.q.SessionSyncs(ctx, routerID)
	if err != nil {
		return err
	}
	var move dbsqlc.SessionMoveSyncParams
	for _, s := range there {
		e := found(s)
		if e == "" {
			continue
		}
		if next := peering.Sync(s.Sync).After(e, peering.Intent(s.Intent)); next != peering.Sync(s.Sync) {
			move.Ids, move.Were, move.Syncs = append(move.Ids, s.ID), append(move.Were, string(s.Sync)), append(move.Syncs, string(next))
		}
	}
	if len(move.Ids) == 0 {
		return nil
	}
	moved, err := tx.q.SessionMoveSync(ctx, move)
	if err != nil {
		return err
	}
	for _, m := range moved {
		if err := tx.Log(ctx, "session", m.ID, "sync", map[string]any{"sync": m.Was}, map[string]any{"sync": m.Sync, "router_id": routerID}); err != nil {
			return err
		}
	}
	return nil
}

// SyncBasis is what a read of a router is held against. It is taken before the read.
func (d *DB) SyncBasis(ctx context.Context, routerID int64) (basis peering.SyncBasis, err error) {
	err = d.read(ctx, func(_ pgx.Tx, q *dbsqlc.Queries) error {
		row, err := q.SyncBasis(ctx, routerID)
		if errors.Is(err, pgx.ErrNoRows) {
			return missing("router", routerID)
		}
		if err != nil || !row.Due {
			return err
		}
		basis = peering.SyncBasis{RouterID: routerID, Fence: row.Fence, Due: true}
		if basis.Ledger, err = ledger(ctx, q, routerID); err != nil {
			return err
		}
		proposed, err := q.ProposedMoves(ctx, routerID)
		for _, m := range proposed {
			basis.Proposed = append(basis.Proposed, peering.Move{Key: m.Key, After: m.AfterHash})
		}
		if err != nil || row.ArtifactHash == "" {
			return err
		}
		texts, err := q.TextList(ctx, []string{row.ArtifactHash})
		for _, t := range texts {
			basis.Artifact = t.Text
		}
		return err
	})
	return basis, err
}

// NoteSync records how a router's sessions stand to it, as a read tells by peer
// address; one that it doesn't name has nothing there. What was read before
// somebody of ours wrote to the router says nothing any more, and is dropped. A
// session that is held shut was closed by us, whatever the router runs of it.
func (d *DB) NoteSync(ctx context.Context, basis peering.SyncBasis, found map[netip.Addr]peering.SyncEvent) error {
	actor := peering.Actor{Kind: peering.ActorSchedule, Name: fmt.Sprintf("poll/%d", basis.RouterID)}
	return d.Write(ctx, actor, func(tx *Tx) error {
		router, err := tx.onlyWriter(ctx, basis.RouterID)
		if err != nil || router.Fence != basis.Fence {
			return notNow(err)
		}
		return tx.moveSyncs(ctx, basis.RouterID, func(s dbsqlc.SessionSyncsRow) peering.SyncEvent {
			e, named := found[s.PeerAddress.Unmap()]
			switch {
			case !named:
				return peering.EventNone
			case e == peering.EventOther && s.HeldByHand:
				return ""
			}
			return e
		})
	})
}
