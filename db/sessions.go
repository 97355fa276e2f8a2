package db

import (
	"context"
	"slices"

	"peerflow/db/internal/dbsqlc"
	"peerflow/internal/bgp"
	"peerflow/internal/peering"
)

// Sessions are our records of BGP sessions.
func (d *DB) Sessions() Noun[peering.Session] { return Noun[peering.Session]{d, sessions} }

var sessions = &kind[peering.Session]{
	object:   "session",
	list:     sessionList,
	meta:     func(s *peering.Session) *peering.Meta { return &s.Meta },
	load:     loads((*dbsqlc.Queries).SessionRows, sessionOf),
	insert:   insertSession,
	update:   writes((*dbsqlc.Queries).SessionUpdate, sessionParams),
	remove:   removes((*dbsqlc.Queries).SessionDelete),
	complete: (*peering.Session).Complete,
	found:    directPeering,
	may:      sessionMayHave,
	follows:  (*peering.Session).Follows,
	keep:     keepObserved,
	router:   func(s *peering.Session) int64 { return s.RouterID },
	stays:    true,
	after: assigns(func(s peering.Session) (dbsqlc.PolicyListClearParams, peering.Policies) {
		return dbsqlc.PolicyListClearParams{SessionID: &s.ID}, s.Policies
	}),
	communities: func(s *peering.Session) []int64 { return s.Communities },
	tags:        func(s *peering.Session) []int64 { return s.Tags },
	contexts:    func(s *peering.Session) []peering.ContextRef { return s.ConfigContexts },
}

// What a session's connection leads to, for filters.
const (
	overConnection = "connection c ON c.id = t.connection_id"
	atExchange     = "(connection v JOIN ixp x ON x.id = v.ixp_id) ON v.id = t.connection_id"
)

var sessionList = listing{
	table:  "session",
	tagged: true,
	search: []string{"t.description", "t.service_reference", "host(t.peer_address)", "t.peer_asn", "(SELECT a.name FROM autonomous_system a WHERE a.asn = t.peer_asn)"},
	fields: map[string]field{
		"kind":              oneOf(dbsqlc.AllSessionKindValues, "t.kind"),
		"asn":               {expr: "t.peer_asn", kind: asNumber},
		"peer_asn":          {expr: "t.peer_asn", kind: asNumber},
		"peering_id":        {expr: "t.peering_id", kind: number},
		"router_id":         {expr: "t.router_id", kind: number},
		"router":            {expr: "r.name", join: "router r ON r.id = t.router_id", kind: word},
		"connection_id":     {expr: "t.connection_id", kind: number},
		"exchange_id":       {expr: "c.ixp_id", join: overConnection, kind: number},
		"exchange":          {expr: "x.slug", join: atExchange, kind: word},
		"group_id":          {expr: "t.group_id", kind: number},
		"relationship_id":   {expr: "t.relationship_id", kind: number},
		"vrf":               {expr: "t.vrf", kind: word},
		"peer_address":      {expr: "t.peer_address", kind: host},
		"ip_address":        {expr: "t.peer_address", kind: host}, // Peering Manager's name
		"intent":            oneOf(dbsqlc.AllSessionIntentValues, "t.intent"),
		"sync":              oneOf(dbsqlc.AllSessionSyncValues, syncShown),
		"held_by_hand":      {expr: "t.held_by_hand", kind: flag},
		"passive":           {expr: "t.passive", kind: flag},
		"bfd_id":            {expr: "t.bfd_id", kind: number},
		"service_reference": {expr: "t.service_reference", kind: word},
		"description":       {expr: "t.description", kind: word},
		"watch_until":       {expr: "t.watch_until", kind: moment},
	},
}

// syncShown is peering.SyncUnderWay in SQL, for a filter.
const syncShown = `coalesce((
	SELECT CASE WHEN d.state = 'needs_operator' THEN 'unknown' WHEN bool_or(coalesce((e->>'removed')::boolean, false)) THEN 'removing' ELSE 'deploying' END::session_sync
	FROM deployment d
	JOIN plan_router p ON p.plan_id = d.plan_id AND p.router_id = d.router_id
	CROSS JOIN jsonb_array_elements(p.touched) e
	WHERE d.router_id = t.router_id AND d.state IN ('committing', 'soaking', 'unknown', 'needs_operator') AND (e->>'session_id')::bigint = t.id
	GROUP BY d.state), t.sync)`

func sessionOf(r dbsqlc.SessionRowsRow) peering.Session {
	s := r.Session
	return peering.Session{
		Meta: meta(s.ID, s.Version, s.CreatedAt, s.UpdatedAt),
		Kind: peering.SessionKind(s.Kind), PeeringID: s.PeeringID, RouterID: s.RouterID, ConnectionID: orZero(s.ConnectionID),
		GroupID: orZero(s.GroupID), RelationshipID: orZero(s.RelationshipID), VRF: s.Vrf, Interface: s.Interface,
		PeerAddress: s.PeerAddress.Unmap(), LocalAddress: addrOf(s.LocalAddress),
		PeerAS: bgp.ASN(s.PeerASN), LocalAS: bgp.ASN(orZero(s.LocalASN)), Families: familiesOf(s.Families),
		Intent: peering.Intent(s.Intent), HeldByHand: s.HeldByHand, HeldReason: s.HeldReason,
		Sync:   peering.SyncUnderWay(peering.Sync(s.Sync), peering.DeploymentState(r.Deployment), r.Removed),
		Limits: limitsOf(s.LimitV4, s.LimitV6), Policies: peering.Policies{Import: r.ImportPolicies, Export: r.ExportPolicies}, Communities: r.Communities, Tags: r.Tags, ConfigContexts: contextRefs(r.Contexts, r.ContextWeights),
		Password: peering.SecretRef{ID: orZero(s.PasswordSecret), Version: orZero(s.PasswordVersion)},
		HoldTime: intOf(s.HoldTime), Multihop: int(orZero(s.Multihop)), Passive: s.Passive,
		BFDID: orZero(s.BfdID), ServiceReference: s.ServiceReference, Description: s.Description, Context: s.Context, WatchUntil: timeOrZero(s.WatchUntil),
	}
}

func sessionParams(s peering.Session) dbsqlc.SessionUpdateParams {
	return dbsqlc.SessionUpdateParams{
		Kind: dbsqlc.SessionKind(s.Kind), PeeringID: s.PeeringID, RouterID: s.RouterID, ConnectionID: orNull(s.ConnectionID),
		GroupID: orNull(s.GroupID), RelationshipID: orNull(s.RelationshipID), Vrf: s.VRF, Interface: s.Interface,
		PeerAddress: s.PeerAddress, LocalAddress: orNull(s.LocalAddress),
		PeerASN: int64(s.PeerAS), LocalASN: orNull(int64(s.LocalAS)), Families: familyParams(s.Families),
		Intent: dbsqlc.SessionIntent(s.Intent), HeldByHand: s.HeldByHand, HeldReason: s.HeldReason,
		LimitV4: limitParam(s.Limits.IPv4), LimitV6: limitParam(s.Limits.IPv6),
		PasswordSecret: orNull(s.Password.ID), PasswordVersion: orNull(s.Password.Version),
		HoldTime: intParam(s.HoldTime), Multihop: intOrNull(s.Multihop), Passive: s.Passive,
		BfdID: orNull(s.BFDID), ServiceReference: s.ServiceReference, Description: s.Description, Context: object(s.Context), ID: s.ID, Version: s.Version,
	}
}

// insertSession also says how the session stands to its router, which no edit changes later.
func insertSession(ctx context.Context, q *dbsqlc.Queries, s peering.Session) (int64, error) {
	rows, err := q.SessionInsert(ctx, dbsqlc.SessionInsertParams(sessionParams(s)))
	derived := []peering.Sync{peering.NotDeployed, peering.Deploying, peering.SyncRemoving} // the latter two are never stored
	if err != nil || slices.Contains(derived, s.Sync) {
		return rows, err
	}
	return q.SessionSetSync(ctx, dbsqlc.SessionSetSyncParams{ID: s.ID, Sync: dbsqlc.SessionSync(s.Sync)})
}

// keepObserved restores what deployments and polls write.
func keepObserved(after, before *peering.Session) {
	after.Sync, after.WatchUntil = before.Sync, before.WatchUntil
}

func familiesOf(numbers []int16) []bgp.Family {
	families := make([]bgp.Family, len(numbers))
	for i, n := range numbers {
		families[i] = bgp.Family(n)
	}
	return families
}

func familyParams(families []bgp.Family) []int16 {
	numbers := make([]int16, len(families))
	for i, f := range families {
		numbers[i] = int16(f)
	}
	return numbers
}

func intOf(n *int32) *int {
	if n == nil {
		return nil
	}
	i := int(*n)
	return &i
}

func intParam(n *int) *int32 {
	if n == nil {
		return nil
	}
	i := int32(*n)
	return &i
}
