package db

import (
	"context"

	"github.com/jackc/pgx/v5"

	"peerflow/db/internal/dbsqlc"
	"peerflow/internal/bgp"
	"peerflow/internal/peering"
)

// AskFacts loads what a text to a network goes by. A network that the PeeringDB
// mirror lacks is kind not_found.
func (d *DB) AskFacts(ctx context.Context, asn bgp.ASN) (f peering.AskFacts, err error) {
	if f.PlanningFacts, err = d.PlanningFacts(ctx, asn, nil); err != nil {
		return f, err
	}
	var with, ours []int64
	for _, s := range f.Sessions {
		if s.PeerAS == asn && s.ChangeID == 0 {
			with = append(with, s.SessionID)
		}
	}
	for _, r := range f.Routers {
		ours = append(ours, r.LocalASID)
	}
	err = d.read(ctx, func(_ pgx.Tx, q *dbsqlc.Queries) error {
		if f.Ours, err = autonomousSystems.byID(ctx, q, ours); err != nil {
			return err
		}
		f.Recorded, err = sessions.byID(ctx, q, with)
		return err
	})
	if err != nil {
		return f, err
	}
	seen, err := d.SessionStates(ctx, with)
	if err != nil {
		return f, err
	}
	f.Up = map[int64]bool{}
	for id, n := range seen {
		f.Up[id] = n.Established()
	}
	f.Published = map[bgp.ASN]peering.PDBNetwork{}
	for _, as := range f.Ours {
		published, err := NewPeeringDBMirror(d.pool).Network(ctx, as.ASN)
		if err == nil {
			f.Published[as.ASN] = published
		} else if peering.KindOf(err) != peering.NotFound {
			return f, translate(err)
		}
	}
	return f, nil
}
