package db

import (
	"peerflow/db/internal/dbsqlc"
	"peerflow/internal/peering"
)

// Communities are the BGP communities that records may be given.
func (d *DB) Communities() Noun[peering.Community] { return Noun[peering.Community]{d, communities} }

var communities = &kind[peering.Community]{
	object: "community",
	list: listing{table: "community", tagged: true, search: []string{"t.slug", "t.name", "t.value", "t.description"}, fields: map[string]field{
		"slug":  {expr: "t.slug", kind: word},
		"name":  {expr: "t.name", kind: word},
		"value": {expr: "t.value", kind: word},
		"type":  oneOf(dbsqlc.AllCommunityTypeValues, "t.type"),
	}},
	meta: func(c *peering.Community) *peering.Meta { return &c.Meta },
	load: loads((*dbsqlc.Queries).CommunityRows, communityOf),
	insert: writes((*dbsqlc.Queries).CommunityInsert, func(c peering.Community) dbsqlc.CommunityInsertParams {
		return dbsqlc.CommunityInsertParams(communityParams(c))
	}),
	update:   writes((*dbsqlc.Queries).CommunityUpdate, communityParams),
	remove:   removes((*dbsqlc.Queries).CommunityDelete),
	complete: (*peering.Community).Complete,
	tags:     func(c *peering.Community) []int64 { return c.Tags },
}

func communityOf(row dbsqlc.CommunityRowsRow) peering.Community {
	c := row.Community
	return peering.Community{
		Meta: meta(c.ID, c.Version, c.CreatedAt, c.UpdatedAt),
		Slug: c.Slug, Name: c.Name, Value: c.Value, Type: peering.CommunityType(orZero(c.Type)), Description: c.Description, Tags: row.Tags,
	}
}

func communityParams(c peering.Community) dbsqlc.CommunityUpdateParams {
	return dbsqlc.CommunityUpdateParams{Slug: c.Slug, Name: c.Name, Value: c.Value, Type: orNull(dbsqlc.CommunityType(c.Type)), Description: c.Description, ID: c.ID, Version: c.Version}
}
