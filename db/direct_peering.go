package db

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"

	"github.com/jackc/pgx/v5"

	"peerflow/db/internal/dbsqlc"
	"peerflow/internal/bgp"
	"peerflow/internal/peering"
)

// directPeering gives a new direct session that names no peering the one of our
// AS and the peer's over no exchange. It is recorded in state none if it isn't
// yet, so that nothing of it is deployed before somebody says that it is agreed.
func directPeering(ctx context.Context, tx *Tx, s *peering.Session) error {
	if s.PeeringID != 0 || s.Kind == peering.IXPSession || s.ConnectionID != 0 || s.RouterID == 0 || s.PeerAS == 0 {
		return nil // what is missing then, Complete says
	}
	ours, err := tx.localAS(ctx, s)
	if err != nil {
		return err
	}
	theirs, err := tx.recordedAS(ctx, "peer_asn", s.PeerAS)
	if err != nil {
		return err
	}
	s.PeeringID, err = tx.directPeeringOf(ctx, ours, theirs)
	return err
}

// localAS is the record of the AS that a session speaks for.
func (tx *Tx) localAS(ctx context.Context, s *peering.Session) (int64, error) {
	if s.LocalAS != 0 {
		return tx.recordedAS(ctx, "local_asn", s.LocalAS)
	}
	found, err := tx.routersOf(ctx, s.RouterID)
	switch {
	case err != nil:
		return 0, err
	case len(found) == 0:
		return 0, peering.Errorf(peering.Invalid, "there is no such router (router_id): create it first")
	}
	return found[0].LocalASID, nil
}

func (tx *Tx) recordedAS(ctx context.Context, field string, asn bgp.ASN) (int64, error) {
	id, err := tx.q.NetworkIDByASN(ctx, int64(asn))
	if errors.Is(err, pgx.ErrNoRows) {
		return 0, peering.Errorf(peering.Invalid, "%s %s isn't recorded: record the autonomous system first", field, asn)
	}
	return id, err
}

// directPeeringOf finds the peering of two networks over no exchange, or records it.
func (tx *Tx) directPeeringOf(ctx context.Context, ours, theirs int64) (int64, error) {
	if err := tx.q.LockName(ctx, fmt.Sprintf("peering/%d/%d/direct", ours, theirs)); err != nil {
		return 0, err
	}
	id, err := tx.q.PeeringIDAt(ctx, dbsqlc.PeeringIDAtParams{LocalAsID: ours, PeerAsID: theirs})
	if !errors.Is(err, pgx.ErrNoRows) {
		return id, err
	}
	p := peering.Peering{LocalASID: ours, PeerASID: theirs}
	if err := p.Complete(); err != nil {
		return 0, err
	}
	p, err = peerings.create(ctx, tx, p)
	return p.ID, err
}

// namePeering writes the peering of a session that a change creates into its
// operation, by which the change is held to the agreement.
func (tx *Tx) namePeering(ctx context.Context, patch json.RawMessage, record map[string]json.RawMessage) error {
	s, err := sessions.merged(peering.Session{}, patch)
	if err != nil {
		return err
	}
	named := s.PeeringID
	if err := directPeering(ctx, tx, &s); err != nil || s.PeeringID == named {
		return err
	}
	record["peering_id"] = json.RawMessage(strconv.FormatInt(s.PeeringID, 10))
	return nil
}
