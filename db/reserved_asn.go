package db

import (
	"context"

	"peerflow/db/internal/dbsqlc"
	"peerflow/internal/bgp"
	"peerflow/internal/peering"
)

// routerMayHave refuses a router whose AS number, or one of whose sessions', can't be on it.
func routerMayHave(ctx context.Context, tx *Tx, before, after *peering.Router) error {
	if before != nil && !after.Renumbers(*before) {
		return nil
	}
	ours, err := tx.asnOf(ctx, after.LocalASID)
	if err != nil {
		return err
	}
	if err := after.RefuseReserved(ours); err != nil || before == nil {
		return err
	}
	rows, err := tx.q.SessionSyncs(ctx, after.ID)
	if err != nil {
		return err
	}
	ids := make([]int64, len(rows))
	for i, r := range rows {
		ids[i] = r.ID
	}
	there, err := sessions.load(ctx, tx.q, ids)
	if err != nil {
		return err
	}
	for _, s := range there {
		if err := s.RefuseReserved(*after, ours); err != nil {
			return peering.Errorf(peering.Invalid, "session %s (%d) of router %s: %w", s.PeerAddress, s.ID, after.Name, err)
		}
	}
	return nil
}

// sessionMayHave refuses AS numbers that a session can't have on its router.
func sessionMayHave(ctx context.Context, tx *Tx, before, after *peering.Session) error {
	if before != nil && !after.Renumbers(*before) {
		return nil
	}
	found, err := tx.routersOf(ctx, after.RouterID)
	if err != nil || len(found) == 0 { // the database names what isn't there
		return err
	}
	ours, err := tx.asnOf(ctx, found[0].LocalASID)
	if err != nil {
		return err
	}
	return after.RefuseReserved(found[0], ours)
}

// routersOf is the router with an id, or none.
func (tx *Tx) routersOf(ctx context.Context, id int64) ([]peering.Router, error) {
	return loads((*dbsqlc.Queries).RouterRows, routerOf)(ctx, tx.q, []int64{id})
}

// asnOf is the number of a recorded AS; 0 when there is no such record.
func (tx *Tx) asnOf(ctx context.Context, id int64) (bgp.ASN, error) {
	found, err := autonomousSystems.load(ctx, tx.q, []int64{id})
	if err != nil || len(found) == 0 {
		return 0, err
	}
	return found[0].ASN, nil
}
