package db

import (
	"context"

	"peerflow/db/internal/dbsqlc"
	"peerflow/internal/peering"
)

// ConfigContexts are the data for templates that several records share.
func (d *DB) ConfigContexts() Noun[peering.ConfigContext] {
	return Noun[peering.ConfigContext]{d, configContexts}
}

var configContexts = &kind[peering.ConfigContext]{
	object: "config_context",
	list: listing{table: "config_context", search: []string{"t.name", "t.description"}, fields: map[string]field{
		"name":      {expr: "t.name", kind: word},
		"is_active": {expr: "t.is_active", kind: flag},
	}},
	meta: func(c *peering.ConfigContext) *peering.Meta { return &c.Meta },
	load: loads((*dbsqlc.Queries).ConfigContextRows, configContextOf),
	insert: writes((*dbsqlc.Queries).ConfigContextInsert, func(c peering.ConfigContext) dbsqlc.ConfigContextInsertParams {
		return dbsqlc.ConfigContextInsertParams(configContextParams(c))
	}),
	update:   writes((*dbsqlc.Queries).ConfigContextUpdate, configContextParams),
	remove:   removes((*dbsqlc.Queries).ConfigContextDelete),
	complete: (*peering.ConfigContext).Complete,
}

func configContextOf(c dbsqlc.ConfigContext) peering.ConfigContext {
	return peering.ConfigContext{Meta: meta(c.ID, c.Version, c.CreatedAt, c.UpdatedAt), Name: c.Name, Description: c.Description, IsActive: &c.IsActive, Data: c.Data}
}

func configContextParams(c peering.ConfigContext) dbsqlc.ConfigContextUpdateParams {
	return dbsqlc.ConfigContextUpdateParams{Name: c.Name, Description: c.Description, IsActive: orZero(c.IsActive), Data: object(c.Data), ID: c.ID, Version: c.Version}
}

// contextRefs reads the columns of config contexts and their weights.
func contextRefs(ids []int64, weights []int32) []peering.ContextRef {
	refs := make([]peering.ContextRef, len(ids))
	for i, id := range ids {
		weight := int(weights[i])
		refs[i] = peering.ContextRef{ID: id, Weight: &weight}
	}
	return refs
}

func setContexts(ctx context.Context, q *dbsqlc.Queries, table string, id int64, refs []peering.ContextRef) error {
	set := dbsqlc.ConfigContextsSetParams{Object: table, ObjectID: id, Contexts: []int64{}, Weights: []int32{}}
	for _, r := range refs {
		set.Contexts, set.Weights = append(set.Contexts, r.ID), append(set.Weights, int32(orZero(r.Weight)))
	}
	return q.ConfigContextsSet(ctx, set)
}
