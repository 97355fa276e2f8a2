package db

import (
	"context"

	"peerflow/db/internal/dbsqlc"
	"peerflow/internal/peering"
)

// Platforms are the router operating systems, with the drivers that speak to them.
func (d *DB) Platforms() Noun[peering.PlatformRecord] {
	return Noun[peering.PlatformRecord]{d, platforms}
}

var platforms = &kind[peering.PlatformRecord]{
	object: "platform",
	list: listing{table: "platform", search: []string{"t.slug", "t.name"}, fields: map[string]field{
		"slug":   {expr: "t.slug", kind: word},
		"name":   {expr: "t.name", kind: word},
		"driver": {expr: "t.driver", kind: word},
	}},
	meta: func(p *peering.PlatformRecord) *peering.Meta { return &p.Meta },
	load: loads((*dbsqlc.Queries).PlatformRows, platformOf),
	insert: writes((*dbsqlc.Queries).PlatformInsert, func(p peering.PlatformRecord) dbsqlc.PlatformInsertParams {
		return dbsqlc.PlatformInsertParams(platformParams(p))
	}),
	update:   writes((*dbsqlc.Queries).PlatformUpdate, platformParams),
	remove:   removes((*dbsqlc.Queries).PlatformDelete),
	complete: (*peering.PlatformRecord).Complete,
	hold:     holdPlatform,
}

func platformOf(r dbsqlc.Platform) peering.PlatformRecord {
	return peering.PlatformRecord{
		Meta: meta(r.ID, r.Version, r.CreatedAt, r.UpdatedAt), Slug: r.Slug, Name: r.Name, Driver: r.Driver}
}

func platformParams(p peering.PlatformRecord) dbsqlc.PlatformUpdateParams {
	return dbsqlc.PlatformUpdateParams{Slug: p.Slug, Name: p.Name, Driver: p.Driver, ID: p.ID, Version: p.Version}
}

// Driver is the driver slug of a router's platform.
func (d *DB) Driver(ctx context.Context, platformID int64) (string, error) {
	p, err := d.Platforms().Get(ctx, platformID)
	return p.Driver, err
}
