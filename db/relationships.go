package db

import (
	"peerflow/db/internal/dbsqlc"
	"peerflow/internal/bgp"
	"peerflow/internal/peering"
)

// Relationships are the classes of sessions.
func (d *DB) Relationships() Noun[peering.Relationship] {
	return Noun[peering.Relationship]{d, relationships}
}

var relationships = &kind[peering.Relationship]{
	object: "relationship",
	list: listing{table: "relationship", tagged: true, search: []string{"t.slug", "t.name"}, fields: map[string]field{
		"slug":      {expr: "t.slug", kind: word},
		"name":      {expr: "t.name", kind: word},
		"role":      {expr: "t.bgp_role", kind: word},
		"protected": {expr: "t.protected", kind: flag},
	}},
	meta: func(r *peering.Relationship) *peering.Meta { return &r.Meta },
	load: loads((*dbsqlc.Queries).RelationshipRows, relationshipOf),
	insert: writes((*dbsqlc.Queries).RelationshipInsert, func(r peering.Relationship) dbsqlc.RelationshipInsertParams {
		return dbsqlc.RelationshipInsertParams(relationshipParams(r))
	}),
	update:   writes((*dbsqlc.Queries).RelationshipUpdate, relationshipParams),
	remove:   removes((*dbsqlc.Queries).RelationshipDelete),
	complete: (*peering.Relationship).Complete,
	tags:     func(r *peering.Relationship) []int64 { return r.Tags },
}

func relationshipOf(row dbsqlc.RelationshipRowsRow) peering.Relationship {
	r := row.Relationship
	return peering.Relationship{
		Meta: meta(r.ID, r.Version, r.CreatedAt, r.UpdatedAt),
		Slug: r.Slug, Name: r.Name, Role: bgp.Role(r.BgpRole), Protected: r.Protected, Tags: row.Tags,
	}
}

func relationshipParams(r peering.Relationship) dbsqlc.RelationshipUpdateParams {
	return dbsqlc.RelationshipUpdateParams{
		Slug: r.Slug, Name: r.Name, BgpRole: string(r.Role), Protected: r.Protected, ID: r.ID, Version: r.Version}
}
