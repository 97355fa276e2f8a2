package db

import (
	"context"
	"fmt"
	"slices"
	"time"

	"peerflow/db/internal/dbsqlc"
	"peerflow/internal/peering"
)

// AwaitedSessions lists the sessions that a change configured, with whether each
// is up, and why not. Polled is the time between two looks at a router.
func (d *DB) AwaitedSessions(ctx context.Context, changeID int64, now time.Time, polled time.Duration) ([]peering.AwaitedSession, error) {
	up, waiting, err := d.SessionsUp(ctx, changeID)
	if err != nil {
		return nil, err
	}
	ids := slices.Sorted(slices.Values(slices.Concat(up, waiting)))
	states, err := d.SessionStates(ctx, ids)
	if err != nil {
		return nil, err
	}
	all := make([]peering.AwaitedSession, len(ids))
	for i, id := range ids {
		session, err := d.Sessions().Get(ctx, id)
		if err != nil {
			return nil, err
		}
		router, err := d.Routers().Get(ctx, session.RouterID)
		if err != nil {
			return nil, err
		}
		var seen *peering.ObservedNeighbor
		if state, ok := states[id]; ok {
			seen = &state
		}
		_, why := peering.DisplayOf(session, peering.Agreed, router.Mode, seen, now, polled)
		all[i] = peering.AwaitedSession{SessionID: id, ASN: session.PeerAS, Address: session.PeerAddress, Router: router.Name, Up: slices.Contains(up, id), Why: why}
	}
	return all, nil
}

// TellAwaited puts a reminder or the report of a change's watch into the outbox,
// once each. The change has ended: its record stays.
func (d *DB) TellAwaited(ctx context.Context, changeID int64, a peering.Awaited) error {
	return d.Write(ctx, actorOfWatch(changeID), func(tx *Tx) error {
		if _, err := tx.lockChange(ctx, changeID); err != nil {
			return err
		}
		told, err := tx.q.OutboxAwaitedTold(ctx, dbsqlc.OutboxAwaitedToldParams{ChangeID: changeID, Event: a.Event(), Number: int32(a.Number)})
		if err != nil || told {
			return err
		}
		return tx.Emit(ctx, "change", changeID, changeID, a.Event(), map[string]any{"text": a.Text(), "awaited": a})
	})
}

func actorOfWatch(changeID int64) peering.Actor {
	return peering.Actor{Kind: peering.ActorWorkflow, Name: fmt.Sprintf("provision/%d", changeID), ChangeID: changeID}
}
