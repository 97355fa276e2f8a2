package db

import (
	"peerflow/db/internal/dbsqlc"
	"peerflow/internal/peering"
)

// Peerings are the agreements with peers, one per venue.
func (d *DB) Peerings() Noun[peering.Peering] { return Noun[peering.Peering]{d, peerings} }

var peerings = &kind[peering.Peering]{
	object: "peering",
	list: listing{table: "peering", search: []string{"t.evidence_text", "t.reason"}, fields: map[string]field{
		"local_as_id": {expr: "t.local_as_id", kind: number},
		"peer_as_id":  {expr: "t.peer_as_id", kind: number},
		"asn":         {expr: "a.asn", join: "autonomous_system a ON a.id = t.peer_as_id", kind: asNumber},
		"exchange_id": {expr: "t.ixp_id", kind: number},
		"exchange":    {expr: "x.slug", join: "ixp x ON x.id = t.ixp_id", kind: word},
		"state":       oneOf(dbsqlc.AllPeeringStateValues, "t.state"),
		"evidence":    oneOf(dbsqlc.AllPeeringEvidenceValues, "t.evidence"),
		"via":         oneOf(dbsqlc.AllPeeringViaValues, "t.via"),
	}},
	meta: func(p *peering.Peering) *peering.Meta { return &p.Meta },
	load: loads((*dbsqlc.Queries).PeeringRows, peeringOf),
	insert: writes((*dbsqlc.Queries).PeeringInsert, func(p peering.Peering) dbsqlc.PeeringInsertParams {
		return dbsqlc.PeeringInsertParams(peeringParams(p))
	}),
	update:   writes((*dbsqlc.Queries).PeeringUpdate, peeringParams),
	remove:   removes((*dbsqlc.Queries).PeeringDelete),
	complete: (*peering.Peering).Complete,
	follows:  (*peering.Peering).Follows,
}

func peeringOf(r dbsqlc.Peering) peering.Peering {
	return peering.Peering{
		Meta:      meta(r.ID, r.Version, r.CreatedAt, r.UpdatedAt),
		LocalASID: r.LocalAsID, PeerASID: r.PeerAsID, IXPID: orZero(r.IXPID), State: peering.PeeringState(r.State),
		Evidence: peering.Evidence(r.Evidence), EvidenceText: r.EvidenceText, Via: peering.Via(r.Via),
		IgnoredUntil: timeOrZero(r.IgnoredUntil), Reason: r.Reason,
	}
}

func peeringParams(p peering.Peering) dbsqlc.PeeringUpdateParams {
	return dbsqlc.PeeringUpdateParams{
		LocalAsID: p.LocalASID, PeerAsID: p.PeerASID, IXPID: orNull(p.IXPID), State: dbsqlc.PeeringState(p.State),
		Evidence: dbsqlc.PeeringEvidence(p.Evidence), EvidenceText: p.EvidenceText, Via: dbsqlc.PeeringVia(p.Via),
		IgnoredUntil: timeOrNull(p.IgnoredUntil), Reason: p.Reason, ID: p.ID, Version: p.Version,
	}
}
