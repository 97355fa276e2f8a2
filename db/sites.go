package db

import (
	"context"
	"errors"

	"github.com/jackc/pgx/v5"

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

// SiteOf is the slug of the site where a router stands; not_found when there is no such router.
func (d *DB) SiteOf(ctx context.Context, routerID int64) (string, error) {
	router, err := d.RouterRef(ctx, routerID)
	return router.Site, err
}

// Router gives a router's own record; not_found when there is none.
func (d *DB) Router(ctx context.Context, routerID int64) (peering.Router, error) {
	return d.Routers().Get(ctx, routerID)
}

// RouterRef names a router and its site; not_found when there is no such router.
func (d *DB) RouterRef(ctx context.Context, routerID int64) (peering.RouterRef, error) {
	row, err := d.q.RouterRefGet(ctx, routerID)
	if errors.Is(err, pgx.ErrNoRows) {
		return peering.RouterRef{}, missing("router", routerID)
	}
	return peering.RouterRef(row), translate(err)
}

// RouterRefs names every router and its site, by id.
func (d *DB) RouterRefs(ctx context.Context) ([]peering.RouterRef, error) {
	rows, err := d.q.RouterRefList(ctx)
	refs := make([]peering.RouterRef, len(rows))
	for i, row := range rows {
		refs[i] = peering.RouterRef(row)
	}
	return refs, translate(err)
}

// SiteSlugs names every site, in order.
func (d *DB) SiteSlugs(ctx context.Context) ([]string, error) {
	slugs, err := d.q.SiteSlugs(ctx)
	return slugs, translate(err)
}
