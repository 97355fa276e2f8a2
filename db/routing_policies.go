package db

import (
	"context"
	"slices"

	"peerflow/db/internal/dbsqlc"
	"peerflow/internal/bgp"
	"peerflow/internal/peering"
)

// RoutingPolicies are the import and export policies.
func (d *DB) RoutingPolicies() Noun[peering.RoutingPolicy] {
	return Noun[peering.RoutingPolicy]{d, routingPolicies}
}

var routingPolicies = &kind[peering.RoutingPolicy]{
	object: "routing_policy",
	list: listing{table: "routing_policy", tagged: true, search: []string{"t.slug", "t.name"}, fields: map[string]field{
		"slug":      {expr: "t.slug", kind: word},
		"name":      {expr: "t.name", kind: word},
		"direction": oneOf(dbsqlc.AllPolicyDirectionValues, "t.direction"),
		"family": {expr: "t.family", values: []string{"ipv4", "ipv6"}, kind: valueKind{"string", "smallint", func(s string) (any, error) {
			f, err := bgp.ParseFamily(s)
			return int16(f), err
		}, exact}},
		"weight": {expr: "t.weight", kind: number},
	}},
	meta: func(p *peering.RoutingPolicy) *peering.Meta { return &p.Meta },
	load: loads((*dbsqlc.Queries).RoutingPolicyRows, routingPolicyOf),
	insert: writes((*dbsqlc.Queries).RoutingPolicyInsert, func(p peering.RoutingPolicy) dbsqlc.RoutingPolicyInsertParams {
		return dbsqlc.RoutingPolicyInsertParams(routingPolicyParams(p))
	}),
	update:      writes((*dbsqlc.Queries).RoutingPolicyUpdate, routingPolicyParams),
	remove:      removes((*dbsqlc.Queries).RoutingPolicyDelete),
	complete:    (*peering.RoutingPolicy).Complete,
	communities: func(p *peering.RoutingPolicy) []int64 { return p.Communities },
	tags:        func(p *peering.RoutingPolicy) []int64 { return p.Tags },
	contexts:    func(p *peering.RoutingPolicy) []peering.ContextRef { return p.ConfigContexts },
}

func routingPolicyOf(row dbsqlc.RoutingPolicyRowsRow) peering.RoutingPolicy {
	r := row.RoutingPolicy
	return peering.RoutingPolicy{
		Meta: meta(r.ID, r.Version, r.CreatedAt, r.UpdatedAt),
		Slug: r.Slug, Name: r.Name, Direction: peering.Direction(r.Direction), Family: bgp.Family(orZero(r.Family)), Weight: int(r.Weight),
		ExpectIPv4: r.ExpectV4, ExpectIPv6: r.ExpectV6, AllowDefault: r.AllowDefault, AllowLong: r.AllowLong, Communities: row.Communities, Tags: row.Tags, ConfigContexts: contextRefs(row.Contexts, row.ContextWeights), Context: r.Context,
	}
}

func routingPolicyParams(p peering.RoutingPolicy) dbsqlc.RoutingPolicyUpdateParams {
	return dbsqlc.RoutingPolicyUpdateParams{
		Slug: p.Slug, Name: p.Name, Direction: dbsqlc.PolicyDirection(p.Direction), Family: orNull(int16(p.Family)), Weight: int32(p.Weight),
		ExpectV4: p.ExpectIPv4, ExpectV6: p.ExpectIPv6, AllowDefault: p.AllowDefault, AllowLong: p.AllowLong,
		Context: object(p.Context), ID: p.ID, Version: p.Version,
	}
}

// assigns writes the policy lists of an owner anew where they moved; one of the four owners in the parameters is set.
func assigns[T any](owner func(T) (dbsqlc.PolicyListClearParams, peering.Policies)) func(ctx context.Context, q *dbsqlc.Queries, v, before *T) error {
	return func(ctx context.Context, q *dbsqlc.Queries, v, before *T) error {
		of, policies := owner(*v)
		if before != nil {
			if _, had := owner(*before); slices.Equal(had.Import, policies.Import) && slices.Equal(had.Export, policies.Export) {
				return nil
			}
		}
		if err := q.PolicyListClear(ctx, of); err != nil {
			return err
		}
		for direction, list := range map[dbsqlc.PolicyDirection][]int64{
			dbsqlc.PolicyDirectionImport: policies.Import, dbsqlc.PolicyDirectionExport: policies.Export} {
			if len(list) == 0 {
				continue
			}
			err := q.PolicyListFill(ctx, dbsqlc.PolicyListFillParams{Policies: list, Direction: direction,
				AsID: of.AsID, GroupID: of.GroupID, IXPID: of.IXPID, SessionID: of.SessionID})
			if err != nil {
				return err
			}
		}
		return nil
	}
}
