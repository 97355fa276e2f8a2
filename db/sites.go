package db

import (
	"peerflow/db/internal/dbsqlc"
	"peerflow/internal/peering"
)

// Sites are the places with routers.
func (d *DB) Sites() Noun[peering.Site] { return Noun[peering.Site]{d, sites} }

var sites = &kind[peering.Site]{
	object: "site",
	list: listing{table: "site", search: []string{"t.slug", "t.name"}, fields: map[string]field{
		"slug": {expr: "t.slug", kind: word},
		"name": {expr: "t.name", kind: word},
	}},
	meta: func(s *peering.Site) *peering.Meta { return &s.Meta },
	load: loads((*dbsqlc.Queries).SiteRows, siteOf),
	insert: writes((*dbsqlc.Queries).SiteInsert, func(s peering.Site) dbsqlc.SiteInsertParams {
		return dbsqlc.SiteInsertParams(siteParams(s))
	}),
	update:   writes((*dbsqlc.Queries).SiteUpdate, siteParams),
	remove:   removes((*dbsqlc.Queries).SiteDelete),
	complete: (*peering.Site).Complete,
}

func siteOf(r dbsqlc.Site) peering.Site {
	return peering.Site{Meta: meta(r.ID, r.Version, r.CreatedAt, r.UpdatedAt), Slug: r.Slug, Name: r.Name}
}

func siteParams(s peering.Site) dbsqlc.SiteUpdateParams {
	return dbsqlc.SiteUpdateParams{Slug: s.Slug, Name: s.Name, ID: s.ID, Version: s.Version}
}
