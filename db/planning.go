package db

import (
	"context"
	"errors"

	"github.com/jackc/pgx/v5"

	"peerflow/db/internal/dbsqlc"
	"peerflow/internal/bgp"
	"peerflow/internal/peering"
)

// PlanningFacts loads what planning sessions with a peer needs; no ixps means
// all of ours. A peer that the PeeringDB mirror lacks is kind not_found.
func (d *DB) PlanningFacts(ctx context.Context, asn bgp.ASN, ixpIDs []int64) (peering.PlanningFacts, error) {
	var facts peering.PlanningFacts
	mirror := NewPeeringDBMirror(d.pool)
	peer, err := mirror.Network(ctx, asn)
	if peering.KindOf(err) == peering.NotFound {
		return facts, unmirrored(ctx, mirror, asn)
	}
	if err != nil {
		return facts, translate(err)
	}
	ports, err := mirror.Ports(ctx, asn)
	if err != nil {
		return facts, translate(err)
	}
	facts.Peer = peer
	err = d.read(ctx, func(_ pgx.Tx, q *dbsqlc.Queries) error { return planningRecords(ctx, q, asn, ixpIDs, &facts) })
	facts.Ports = portsWhereWeAre(ports, facts.IXPs)
	return facts, err
}

// unmirrored says why the mirror may lack a network.
func unmirrored(ctx context.Context, mirror *PeeringDBMirror, asn bgp.ASN) error {
	fresh, err := mirror.NetworkFreshness(ctx, asn)
	if err != nil {
		return translate(err)
	}
	state, err := mirror.State(ctx)
	if err != nil {
		return translate(err)
	}
	if since, why := fresh.Unasked(state); why != "" {
		return peering.Errorf(peering.NotFound, "%s is not in the PeeringDB mirror, and PeeringDB can't be asked since %s (%s): run `peerflow sync`, which tells whether it answers again, and check the number",
			asn, since.Format("2006-01-02 15:04 MST"), why)
	}
	return peering.Errorf(peering.NotFound, "%s is not in the PeeringDB mirror: run `peerflow sync`, and check the number", asn)
}

func planningRecords(ctx context.Context, q *dbsqlc.Queries, asn bgp.ASN, ixpIDs []int64, f *peering.PlanningFacts) (err error) {
	if ixpIDs == nil {
		ixpIDs = []int64{}
	}
	ids, err := q.PlanningIDs(ctx, dbsqlc.PlanningIDsParams{ASN: int64(asn), Ixps: ixpIDs})
	if err != nil {
		return err
	}
	f.Now, f.OurASNs = ids.Now.UTC(), asnSet(ids.OurAsns)
	if f.IXPs, err = ixps.byID(ctx, q, ids.Ixps); err != nil {
		return err
	}
	for _, id := range ixpIDs {
		if _, ok := f.IXPs[id]; !ok {
			return missing(ixps.object, id)
		}
	}
	if f.Connections, err = connections.load(ctx, q, ids.Connections); err != nil {
		return err
	}
	if f.Routers, err = routers.byID(ctx, q, ids.Routers); err != nil {
		return err
	}
	if f.Peerings, err = peeringsByIXP(ctx, q, ids.Peerings); err != nil {
		return err
	}
	f.Sessions, err = sessionsThere(ctx, q, ids.Routers)
	return err
}

func peeringsByIXP(ctx context.Context, q *dbsqlc.Queries, ids []int64) (map[int64]peering.Peering, error) {
	list, err := peerings.load(ctx, q, ids)
	set := make(map[int64]peering.Peering, len(list))
	for _, p := range list {
		set[p.IXPID] = p
	}
	return set, err
}

func sessionsThere(ctx context.Context, q *dbsqlc.Queries, routerIDs []int64) (map[peering.SessionKey]peering.SessionFact, error) {
	rows, err := q.SessionsThere(ctx, routerIDs)
	set := make(map[peering.SessionKey]peering.SessionFact, len(rows))
	for _, r := range rows {
		key := peering.SessionKey{RouterID: r.RouterID, PeerAddress: r.PeerAddress.Unmap()}
		set[key] = peering.SessionFact{SessionID: r.SessionID, PeerAS: bgp.ASN(r.PeerASN), ChangeID: r.ChangeID}
	}
	return set, err
}

func asnSet(numbers []int64) map[bgp.ASN]bool {
	set := make(map[bgp.ASN]bool, len(numbers))
	for _, n := range numbers {
		set[bgp.ASN(n)] = true
	}
	return set
}

func portsWhereWeAre(ports []peering.PDBPresence, ours map[int64]peering.IXP) []peering.PDBPresence {
	lans := map[int64]bool{}
	for _, x := range ours {
		lans[x.IXLANID] = true
	}
	var out []peering.PDBPresence
	for _, p := range ports {
		if p.LANID != 0 && lans[p.LANID] {
			out = append(out, p)
		}
	}
	return out
}

// EnsureNetwork records a peer's AS if it isn't yet, and gives the record.
func (d *DB) EnsureNetwork(ctx context.Context, changeID int64, n peering.AutonomousSystem) (out peering.AutonomousSystem, err error) {
	if err := n.Complete(); err != nil {
		return out, err
	}
	find := func(q *dbsqlc.Queries) (int64, error) { return q.NetworkIDByASN(ctx, int64(n.ASN)) }
	return ensure(ctx, d, actorOf(changeID), autonomousSystems, n, find)
}

// EnsurePeering records the venue's peering in state none if it isn't yet, and
// gives the record. An ixpID of 0 is direct.
func (d *DB) EnsurePeering(ctx context.Context, changeID, localASID, peerASID, ixpID int64) (out peering.Peering, err error) {
	p := peering.Peering{LocalASID: localASID, PeerASID: peerASID, IXPID: ixpID}
	if err := p.Complete(); err != nil {
		return out, err
	}
	find := func(q *dbsqlc.Queries) (int64, error) {
		return q.PeeringIDAt(ctx, dbsqlc.PeeringIDAtParams{LocalAsID: localASID, PeerAsID: peerASID, IXPID: orNull(ixpID)})
	}
	return ensure(ctx, d, actorOf(changeID), peerings, p, find)
}

// ensure finds a record or creates it. When another transaction creates it at
// the same moment, that one is found on the second look.
func ensure[T any](ctx context.Context, d *DB, by peering.Actor, k *kind[T], v T, find func(*dbsqlc.Queries) (int64, error)) (out T, err error) {
	for range 2 {
		err = d.Write(ctx, by, func(tx *Tx) error {
			id, err := find(tx.q)
			if errors.Is(err, pgx.ErrNoRows) {
				out, err = k.create(ctx, tx, v)
				return err
			}
			if err != nil {
				return err
			}
			out, err = k.get(ctx, tx.q, id)
			return err
		})
		if peering.KindOf(err) != peering.Conflict {
			break
		}
	}
	return out, err
}

// SetPeering moves a peering on the axis of agreement, with its evidence. A
// peering that is there already stays as it is.
func (d *DB) SetPeering(ctx context.Context, changeID, peeringID int64, to peering.PeeringState, e peering.Evidence, text string) error {
	by := actorOf(changeID)
	return d.Write(ctx, by, func(tx *Tx) error {
		before, err := peerings.get(ctx, tx.q, peeringID)
		if err != nil || before.State == to {
			return err
		}
		after := before
		after.State = to
		if e != "" && e != peering.NoEvidence {
			after.Evidence, after.EvidenceText = e, text
		} else if text != "" {
			after.Reason = text
		}
		if err := after.Follows(by, &before); err != nil {
			return err
		}
		if err := after.Complete(); err != nil {
			return err
		}
		_, err = peerings.change(ctx, tx, before, after)
		return err
	})
}
