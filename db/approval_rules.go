package db

import (
	"context"

	"peerflow/db/internal/dbsqlc"
	"peerflow/internal/peering"
)

// ApprovalRules say how much approval plans take.
func (d *DB) ApprovalRules() Noun[peering.ApprovalRule] {
	return Noun[peering.ApprovalRule]{d, approvalRules}
}

var approvalRules = &kind[peering.ApprovalRule]{
	object: "approval_rule",
	list: listing{table: "approval_rule", search: []string{"t.name"}, fields: map[string]field{
		"name":         {expr: "t.name", kind: word},
		"disabled":     {expr: "t.disabled", kind: flag},
		"votes_needed": {expr: "t.votes_needed", kind: number},
	}},
	meta: func(r *peering.ApprovalRule) *peering.Meta { return &r.Meta },
	load: loads((*dbsqlc.Queries).ApprovalRuleRows, approvalRuleOf),
	insert: writes((*dbsqlc.Queries).ApprovalRuleInsert, func(r peering.ApprovalRule) dbsqlc.ApprovalRuleInsertParams {
		return dbsqlc.ApprovalRuleInsertParams(approvalRuleParams(r))
	}),
	update:   writes((*dbsqlc.Queries).ApprovalRuleUpdate, approvalRuleParams),
	remove:   removes((*dbsqlc.Queries).ApprovalRuleDelete),
	complete: (*peering.ApprovalRule).Complete,
	after:    approvalRuleReaches,
}

func approvalRuleOf(r dbsqlc.ApprovalRuleRowsRow) peering.ApprovalRule {
	rule := peering.ApprovalRule{
		Meta: meta(r.ID, r.Version, r.CreatedAt, r.UpdatedAt),
		Name: r.Name, Disabled: r.Disabled, Kinds: make([]peering.ChangeKind, len(r.Kinds)), Disruption: peering.Disruption(r.Disruption),
		Protected: r.Protected, MinSessions: int(r.MinSessions), MinRouters: int(r.MinRouters), RouterIDs: r.RouterIds, SiteIDs: r.SiteIds,
		Terms: peering.Terms{VotesNeeded: int(r.VotesNeeded), ApprovalMinutes: int(r.ApprovalMinutes),
			SoloAfterMinutes: int(r.SoloAfterMinutes)},
		FilterChangeLimit: int(r.FilterChangeLimit),
	}
	for i, k := range r.Kinds {
		rule.Kinds[i] = peering.ChangeKind(k)
	}
	return rule
}

func approvalRuleParams(r peering.ApprovalRule) dbsqlc.ApprovalRuleUpdateParams {
	kinds := make([]string, len(r.Kinds))
	for i, k := range r.Kinds {
		kinds[i] = string(k)
	}
	return dbsqlc.ApprovalRuleUpdateParams{
		Name: r.Name, Disabled: r.Disabled, Kinds: kinds, Disruption: dbsqlc.Disruption(r.Disruption), Protected: r.Protected,
		MinSessions: int32(r.MinSessions), MinRouters: int32(r.MinRouters), RouterIds: r.RouterIDs, SiteIds: r.SiteIDs,
		VotesNeeded: int32(r.VotesNeeded), ApprovalMinutes: int32(r.ApprovalMinutes), SoloAfterMinutes: int32(r.SoloAfterMinutes),
		FilterChangeLimit: int32(r.FilterChangeLimit), ID: r.ID, Version: r.Version}
}

// approvalRuleReaches refuses routers and sites that don't exist: such a rule would guard nothing.
func approvalRuleReaches(ctx context.Context, q *dbsqlc.Queries, r, _ *peering.ApprovalRule) error {
	dangling, err := q.ApprovalRuleDangling(ctx, dbsqlc.ApprovalRuleDanglingParams{RouterIds: r.RouterIDs, SiteIds: r.SiteIDs})
	switch {
	case err != nil:
		return err
	case dangling.RouterID != 0:
		return peering.Errorf(peering.Invalid, "router_ids: there is no router %d", dangling.RouterID)
	case dangling.SiteID != 0:
		return peering.Errorf(peering.Invalid, "site_ids: there is no site %d", dangling.SiteID)
	}
	return nil
}
