package db

import (
	"peerflow/db/internal/dbsqlc"
	"peerflow/internal/peering"
)

// IXPs are the exchanges where we have connections.
func (d *DB) IXPs() Noun[peering.IXP] { return Noun[peering.IXP]{d, ixps} }

var ixps = &kind[peering.IXP]{
	object: "ixp",
	list: listing{table: "ixp", tagged: true, search: []string{"t.slug", "t.name"}, fields: map[string]field{
		"slug":            {expr: "t.slug", kind: word},
		"name":            {expr: "t.name", kind: word},
		"local_as_id":     {expr: "t.local_as_id", kind: number},
		"relationship_id": {expr: "t.relationship_id", kind: number},
		"ixlan_id":        {expr: "t.ixlan_id", kind: number},
		"mesh":            oneOf(dbsqlc.AllMeshValues, "t.mesh"),
		"agreement":       oneOf(dbsqlc.AllAgreementRuleValues, "t.agreement"),
	}},
	meta: func(x *peering.IXP) *peering.Meta { return &x.Meta },
	load: loads((*dbsqlc.Queries).IXPRows, ixpOf),
	insert: writes((*dbsqlc.Queries).IXPInsert, func(x peering.IXP) dbsqlc.IXPInsertParams {
		return dbsqlc.IXPInsertParams(ixpParams(x))
	}),
	update:   writes((*dbsqlc.Queries).IXPUpdate, ixpParams),
	remove:   removes((*dbsqlc.Queries).IXPDelete),
	complete: (*peering.IXP).Complete,
	after: assigns(func(x peering.IXP) (dbsqlc.PolicyListClearParams, peering.Policies) {
		return dbsqlc.PolicyListClearParams{IXPID: &x.ID}, x.Policies
	}),
	communities: func(x *peering.IXP) []int64 { return x.Communities },
	tags:        func(x *peering.IXP) []int64 { return x.Tags },
	contexts:    func(x *peering.IXP) []peering.ContextRef { return x.ConfigContexts },
	contacts:    func(x *peering.IXP) []peering.ContactRef { return x.Contacts },
}

func ixpOf(r dbsqlc.IXPRowsRow) peering.IXP {
	x := r.IXP
	return peering.IXP{
		Meta: meta(x.ID, x.Version, x.CreatedAt, x.UpdatedAt),
		Slug: x.Slug, Name: x.Name, LocalASID: x.LocalAsID, RelationshipID: orZero(x.RelationshipID), IXLANID: orZero(x.IxlanID),
		Mesh: peering.Mesh(x.Mesh), Agreement: peering.AgreementRule(x.Agreement),
		Policies: peering.Policies{Import: r.ImportPolicies, Export: r.ExportPolicies}, Communities: r.Communities, Tags: r.Tags, ConfigContexts: contextRefs(r.Contexts, r.ContextWeights), Contacts: contactRefs(r.Contacts, r.ContactRoles), Context: x.Context,
	}
}

func ixpParams(x peering.IXP) dbsqlc.IXPUpdateParams {
	return dbsqlc.IXPUpdateParams{
		Slug: x.Slug, Name: x.Name, LocalAsID: x.LocalASID, RelationshipID: orNull(x.RelationshipID), IxlanID: orNull(x.IXLANID),
		Mesh: dbsqlc.Mesh(x.Mesh), Agreement: dbsqlc.AgreementRule(x.Agreement), Context: object(x.Context), ID: x.ID, Version: x.Version,
	}
}
