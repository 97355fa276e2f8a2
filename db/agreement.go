package db

import (
	"context"

	"peerflow/db/internal/dbsqlc"
	"peerflow/internal/bgp"
	"peerflow/internal/peering"
)

// refuseUnagreed refuses sessions that a change adds or opens while their
// peering isn't agreed, as its operations or its plan have it; routerID 0 means
// all routers. The peerings are held: none changes before the transaction ends.
func (tx *Tx) refuseUnagreed(ctx context.Context, changeID, routerID int64, routers []peering.RouterPlan) error {
	held := dbsqlc.PeeringsOfOpenedParams{ChangeID: changeID, RouterID: routerID, Sessions: []int64{}}
	for _, r := range routers {
		if routerID != 0 && r.RouterID != routerID {
			continue
		}
		for _, t := range r.Touched {
			if (t.Added || t.Opened) && t.SessionID != 0 {
				held.Sessions = append(held.Sessions, t.SessionID)
			}
		}
	}
	rows, err := tx.q.PeeringsOfOpened(ctx, held)
	if err != nil {
		return err
	}
	opened := make([]peering.OpenedSession, len(rows))
	for i, r := range rows {
		opened[i] = peering.OpenedSession{SessionID: r.SessionID, PeerAddress: r.PeerAddress, SessionAS: bgp.ASN(r.SessionASN), SessionExchange: r.SessionExchange, PeerAS: bgp.ASN(r.ASN), Exchange: r.Exchange,
			State: peering.PeeringState(r.State), Reason: r.Reason}
	}
	return peering.RefuseUnagreed(opened)
}
