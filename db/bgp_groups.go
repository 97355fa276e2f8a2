package db

import (
	"peerflow/db/internal/dbsqlc"
	"peerflow/internal/peering"
)

// BGPGroups gather direct sessions that share policies and limits.
func (d *DB) BGPGroups() Noun[peering.BGPGroup] { return Noun[peering.BGPGroup]{d, bgpGroups} }

var bgpGroups = &kind[peering.BGPGroup]{
	object: "bgp_group",
	list: listing{table: "bgp_group", tagged: true, search: []string{"t.slug", "t.name"}, fields: map[string]field{
		"slug":            {expr: "t.slug", kind: word},
		"name":            {expr: "t.name", kind: word},
		"relationship_id": {expr: "t.relationship_id", kind: number},
	}},
	meta: func(g *peering.BGPGroup) *peering.Meta { return &g.Meta },
	load: loads((*dbsqlc.Queries).BGPGroupRows, bgpGroupOf),
	insert: writes((*dbsqlc.Queries).BGPGroupInsert, func(g peering.BGPGroup) dbsqlc.BGPGroupInsertParams {
		return dbsqlc.BGPGroupInsertParams(bgpGroupParams(g))
	}),
	update:   writes((*dbsqlc.Queries).BGPGroupUpdate, bgpGroupParams),
	remove:   removes((*dbsqlc.Queries).BGPGroupDelete),
	complete: (*peering.BGPGroup).Complete,
	after: assigns(func(g peering.BGPGroup) (dbsqlc.PolicyListClearParams, peering.Policies) {
		return dbsqlc.PolicyListClearParams{GroupID: &g.ID}, g.Policies
	}),
	communities: func(g *peering.BGPGroup) []int64 { return g.Communities },
	tags:        func(g *peering.BGPGroup) []int64 { return g.Tags },
	contexts:    func(g *peering.BGPGroup) []peering.ContextRef { return g.ConfigContexts },
}

func bgpGroupOf(r dbsqlc.BGPGroupRowsRow) peering.BGPGroup {
	g := r.BgpGroup
	return peering.BGPGroup{
		Meta: meta(g.ID, g.Version, g.CreatedAt, g.UpdatedAt),
		Slug: g.Slug, Name: g.Name, RelationshipID: orZero(g.RelationshipID), Limits: limitsOf(g.LimitV4, g.LimitV6),
		Policies: peering.Policies{Import: r.ImportPolicies, Export: r.ExportPolicies}, Communities: r.Communities, Tags: r.Tags, ConfigContexts: contextRefs(r.Contexts, r.ContextWeights), Context: g.Context,
	}
}

func bgpGroupParams(g peering.BGPGroup) dbsqlc.BGPGroupUpdateParams {
	return dbsqlc.BGPGroupUpdateParams{
		Slug: g.Slug, Name: g.Name, RelationshipID: orNull(g.RelationshipID),
		LimitV4: limitParam(g.Limits.IPv4), LimitV6: limitParam(g.Limits.IPv6), Context: object(g.Context), ID: g.ID, Version: g.Version,
	}
}
