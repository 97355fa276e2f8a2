package db

import (
	"context"

	"peerflow/db/internal/dbsqlc"
	"peerflow/internal/peering"
)

// Routers are the devices that peerflow reads or manages.
func (d *DB) Routers() Noun[peering.Router] { return Noun[peering.Router]{d, routers} }

var routers = &kind[peering.Router]{
	object: "router",
	list: listing{table: "router", tagged: true, search: []string{"t.name", "t.address"}, fields: map[string]field{
		"name":        {expr: "t.name", kind: word},
		"site_id":     {expr: "t.site_id", kind: number},
		"site":        {expr: "(SELECT s.slug FROM site s WHERE s.id = t.site_id)", kind: word},
		"platform_id": {expr: "t.platform_id", kind: number},
		"platform":    {expr: "(SELECT p.slug FROM platform p WHERE p.id = t.platform_id)", kind: word},
		"local_as_id": {expr: "t.local_as_id", kind: number},
		"template_id": {expr: "t.template_id", kind: number},
		"mode":        oneOf(dbsqlc.AllRouterModeValues, "t.mode"),
		"address":     {expr: "t.address", kind: word},
		"lab":         {expr: "t.lab", kind: flag},
	}},
	meta: func(r *peering.Router) *peering.Meta { return &r.Meta },
	load: loads((*dbsqlc.Queries).RouterRows, routerOf),
	insert: writes((*dbsqlc.Queries).RouterInsert, func(r peering.Router) dbsqlc.RouterInsertParams {
		return dbsqlc.RouterInsertParams(routerParams(r))
	}),
	update:      writes((*dbsqlc.Queries).RouterUpdate, routerParams),
	remove:      removes((*dbsqlc.Queries).RouterDelete),
	complete:    (*peering.Router).Complete,
	may:         routerMayHave,
	hold:        holdRouter,
	router:      func(r *peering.Router) int64 { return r.ID },
	stays:       true,
	communities: func(r *peering.Router) []int64 { return r.Communities },
	tags:        func(r *peering.Router) []int64 { return r.Tags },
	contexts:    func(r *peering.Router) []peering.ContextRef { return r.ConfigContexts },
}

func routerOf(row dbsqlc.RouterRowsRow) peering.Router {
	r := row.Router
	return peering.Router{
		Meta: meta(r.ID, r.Version, r.CreatedAt, r.UpdatedAt),
		Name: r.Name, SiteID: r.SiteID, PlatformID: r.PlatformID, LocalASID: r.LocalAsID, TemplateID: orZero(r.TemplateID),
		Mode: peering.RouterMode(r.Mode), Address: r.Address, Username: r.Username,
		Login:   peering.SecretRef{ID: orZero(r.LoginSecret), Version: orZero(r.LoginVersion)},
		HostKey: r.HostKey, BGPPort: int(r.BgpPort), Lab: r.Lab, AcceptUnproven: r.AcceptUnproven,
		Communities: row.Communities, Tags: row.Tags, ConfigContexts: contextRefs(row.Contexts, row.ContextWeights), Settings: r.Settings, Context: r.Context, ReachedVia: addrOf(r.ReachedVia),
	}
}

func routerParams(r peering.Router) dbsqlc.RouterUpdateParams {
	return dbsqlc.RouterUpdateParams{
		Name: r.Name, SiteID: r.SiteID, PlatformID: r.PlatformID, LocalAsID: r.LocalASID, TemplateID: orNull(r.TemplateID),
		Mode: dbsqlc.RouterMode(r.Mode), Address: r.Address, Username: r.Username,
		LoginSecret: orNull(r.Login.ID), LoginVersion: orNull(r.Login.Version),
		HostKey: r.HostKey, BgpPort: int32(r.BGPPort), Lab: r.Lab, AcceptUnproven: r.AcceptUnproven,
		Settings: object(r.Settings), Context: object(r.Context), ReachedVia: orNull(r.ReachedVia), ID: r.ID, Version: r.Version,
	}
}

// AllRouters lists every router, by id.
func (d *DB) AllRouters(ctx context.Context) ([]peering.Router, error) {
	var all []peering.Router
	page := peering.Page{Limit: 1000}
	for {
		list, err := d.Routers().List(ctx, nil, page)
		if err != nil {
			return nil, err
		}
		all = append(all, list.Items...)
		if list.Next == "" {
			return all, nil
		}
		page.After = list.Next
	}
}
