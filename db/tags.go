package db

import (
	"peerflow/db/internal/dbsqlc"
	"peerflow/internal/peering"
)

// Tags are the marks that records may be given.
func (d *DB) Tags() Noun[peering.Tag] { return Noun[peering.Tag]{d, tags} }

var tags = &kind[peering.Tag]{
	object: "tag",
	list: listing{table: "tag", search: []string{"t.slug", "t.name", "t.description"}, fields: map[string]field{
		"slug":  {expr: "t.slug", kind: word},
		"name":  {expr: "t.name", kind: word},
		"color": {expr: "t.color", kind: word},
	}},
	meta: func(t *peering.Tag) *peering.Meta { return &t.Meta },
	load: loads((*dbsqlc.Queries).TagRows, tagOf),
	insert: writes((*dbsqlc.Queries).TagInsert, func(t peering.Tag) dbsqlc.TagInsertParams {
		return dbsqlc.TagInsertParams(tagParams(t))
	}),
	update:   writes((*dbsqlc.Queries).TagUpdate, tagParams),
	remove:   removes((*dbsqlc.Queries).TagDelete),
	complete: (*peering.Tag).Complete,
}

func tagOf(t dbsqlc.Tag) peering.Tag {
	return peering.Tag{Meta: meta(t.ID, t.Version, t.CreatedAt, t.UpdatedAt), Slug: t.Slug, Name: t.Name, Color: t.Color, Description: t.Description}
}

func tagParams(t peering.Tag) dbsqlc.TagUpdateParams {
	return dbsqlc.TagUpdateParams{Slug: t.Slug, Name: t.Name, Color: t.Color, Description: t.Description, ID: t.ID, Version: t.Version}
}

// tagSlugs is the filter for records that have all tags of some slugs, as NetBox has it.
func tagSlugs(table string) field {
	return field{each: "EXISTS (SELECT FROM tag_assignment a JOIN tag g ON g.id = a.tag_id WHERE a.object = '" + table + "' AND a.object_id = t.id AND g.slug = %s)",
		kind: valueKind{word.name, word.sqlType, word.parse, []string{"", "n"}}}
}
