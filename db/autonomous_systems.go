package db

import (
	"peerflow/db/internal/dbsqlc"
	"peerflow/internal/bgp"
	"peerflow/internal/peering"
)

// AutonomousSystems are the networks: peers, and our own.
func (d *DB) AutonomousSystems() Noun[peering.AutonomousSystem] {
	return Noun[peering.AutonomousSystem]{d, autonomousSystems}
}

var autonomousSystems = &kind[peering.AutonomousSystem]{
	object: "autonomous_system",
	list: listing{table: "autonomous_system", tagged: true, search: []string{"t.name", "t.asn", "t.irr_as_set"}, fields: map[string]field{
		"asn":        {expr: "t.asn", kind: asNumber},
		"name":       {expr: "t.name", kind: word},
		"local":      {expr: "t.local", kind: flag},
		"affiliated": {expr: "t.local", kind: flag}, // Peering Manager's name
		"irr_as_set": {expr: "t.irr_as_set", kind: word},
	}},
	meta: func(a *peering.AutonomousSystem) *peering.Meta { return &a.Meta },
	load: loads((*dbsqlc.Queries).AutonomousSystemRows, networkOf),
	insert: writes((*dbsqlc.Queries).AutonomousSystemInsert, func(a peering.AutonomousSystem) dbsqlc.AutonomousSystemInsertParams {
		return dbsqlc.AutonomousSystemInsertParams(networkParams(a))
	}),
	update:   writes((*dbsqlc.Queries).AutonomousSystemUpdate, networkParams),
	remove:   removes((*dbsqlc.Queries).AutonomousSystemDelete),
	complete: (*peering.AutonomousSystem).Complete,
	after: assigns(func(a peering.AutonomousSystem) (dbsqlc.PolicyListClearParams, peering.Policies) {
		return dbsqlc.PolicyListClearParams{AsID: &a.ID}, a.Policies
	}),
	communities: func(a *peering.AutonomousSystem) []int64 { return a.Communities },
	tags:        func(a *peering.AutonomousSystem) []int64 { return a.Tags },
	contexts:    func(a *peering.AutonomousSystem) []peering.ContextRef { return a.ConfigContexts },
	contacts:    func(a *peering.AutonomousSystem) []peering.ContactRef { return a.Contacts },
}

func networkOf(r dbsqlc.AutonomousSystemRowsRow) peering.AutonomousSystem {
	a := r.AutonomousSystem
	return peering.AutonomousSystem{
		Meta: meta(a.ID, a.Version, a.CreatedAt, a.UpdatedAt),
		ASN:  bgp.ASN(a.ASN), Name: a.Name, Local: a.Local, IRRASSet: a.IrrAsSet,
		Limits:      limitsOf(a.LimitV4, a.LimitV6),
		Policies:    peering.Policies{Import: r.ImportPolicies, Export: r.ExportPolicies},
		Communities: r.Communities, Tags: r.Tags, ConfigContexts: contextRefs(r.Contexts, r.ContextWeights), Contacts: contactRefs(r.Contacts, r.ContactRoles), Context: a.Context, Comments: a.Comments,
	}
}

func networkParams(a peering.AutonomousSystem) dbsqlc.AutonomousSystemUpdateParams {
	return dbsqlc.AutonomousSystemUpdateParams{
		ASN: int64(a.ASN), Name: a.Name, Local: a.Local, IrrAsSet: a.IRRASSet,
		LimitV4: limitParam(a.Limits.IPv4), LimitV6: limitParam(a.Limits.IPv6),
		Context: object(a.Context), Comments: a.Comments, ID: a.ID, Version: a.Version,
	}
}

// limitsOf reads the two columns of prefix limits: NULL inherits, -1 is unlimited.
func limitsOf(v4, v6 *int64) peering.Limits {
	return peering.Limits{IPv4: limitOf(v4), IPv6: limitOf(v6)}
}

func limitOf(n *int64) bgp.PrefixLimit {
	if n == nil {
		return bgp.PrefixLimit{}
	}
	if *n == -1 {
		return bgp.Unlimited
	}
	limit, _ := bgp.Limit(*n) // the column's CHECK has the same range
	return limit
}

func limitParam(l bgp.PrefixLimit) *int64 {
	if l.Inherits() {
		return nil
	}
	n := int64(-1)
	if count, counted := l.Count(); counted {
		n = count
	}
	return &n
}
