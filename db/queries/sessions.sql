-- Reads sessions by id, with their policies in order, their communities, tags and config contexts, and the deployment in flight that touches each.
-- name: SessionRows :many
WITH under_way AS (
    SELECT (e->>'session_id')::bigint AS session_id, d.state, bool_or(coalesce((e->>'removed')::boolean, false)) AS removed
    FROM deployment d
    JOIN plan_router p ON p.plan_id = d.plan_id AND p.router_id = d.router_id
    CROSS JOIN jsonb_array_elements(p.touched) e
    WHERE d.state IN ('committing', 'soaking', 'unknown', 'needs_operator') AND e->>'session_id' IS NOT NULL
    GROUP BY 1, 2
)
SELECT sqlc.embed(t), coalesce(u.state::text, '')::text AS deployment, coalesce(u.removed, false)::boolean AS removed,
    ARRAY(SELECT p.policy_id FROM policy_assignment p WHERE p.session_id = t.id AND p.direction = 'import' ORDER BY p.position)::bigint[] AS import_policies,
    ARRAY(SELECT p.policy_id FROM policy_assignment p WHERE p.session_id = t.id AND p.direction = 'export' ORDER BY p.position)::bigint[] AS export_policies,
    ARRAY(SELECT c.community_id FROM community_assignment c WHERE c.object = 'session' AND c.object_id = t.id ORDER BY c.community_id)::bigint[] AS communities,
    ARRAY(SELECT g.tag_id FROM tag_assignment g WHERE g.object = 'session' AND g.object_id = t.id ORDER BY g.position)::bigint[] AS tags,
    ARRAY(SELECT x.config_context_id FROM context_assignment x WHERE x.object = 'session' AND x.object_id = t.id ORDER BY x.weight, x.config_context_id)::bigint[] AS contexts,
    ARRAY(SELECT x.weight FROM context_assignment x WHERE x.object = 'session' AND x.object_id = t.id ORDER BY x.weight, x.config_context_id)::integer[] AS context_weights
FROM session t
LEFT JOIN under_way u ON u.session_id = t.id
WHERE t.id = ANY(@ids::bigint[])
ORDER BY t.id;

-- Writes a session under an id that was drawn before.
-- name: SessionInsert :execrows
INSERT INTO session (
    kind, peering_id, router_id, connection_id, group_id, relationship_id, vrf, interface, peer_address,
    local_address, peer_asn, local_asn, families, intent, held_by_hand, held_reason, limit_v4, limit_v6, password_secret,
    password_version, hold_time, multihop, passive, description, bfd_id, service_reference, context, id, version)
OVERRIDING SYSTEM VALUE VALUES (
    @kind::session_kind, @peering_id::bigint, @router_id::bigint, sqlc.narg('connection_id')::bigint,
    sqlc.narg('group_id')::bigint, sqlc.narg('relationship_id')::bigint, @vrf::text, @interface::text,
    @peer_address::inet, sqlc.narg('local_address')::inet, @peer_asn::bigint, sqlc.narg('local_asn')::bigint,
    @families::smallint[], @intent::session_intent, @held_by_hand::boolean, @held_reason::text, sqlc.narg('limit_v4')::bigint,
    sqlc.narg('limit_v6')::bigint, sqlc.narg('password_secret')::bigint, sqlc.narg('password_version')::bigint,
    sqlc.narg('hold_time')::integer, sqlc.narg('multihop')::integer, @passive::boolean, @description::text,
    sqlc.narg('bfd_id')::bigint, @service_reference::text, @context::jsonb, @id::bigint, @version::bigint);

-- Writes a session that still has the version it was read with; no row otherwise.
-- name: SessionUpdate :execrows
UPDATE session SET
    kind = @kind::session_kind, peering_id = @peering_id::bigint, router_id = @router_id::bigint,
    connection_id = sqlc.narg('connection_id')::bigint, group_id = sqlc.narg('group_id')::bigint,
    relationship_id = sqlc.narg('relationship_id')::bigint, vrf = @vrf::text, interface = @interface::text,
    peer_address = @peer_address::inet, local_address = sqlc.narg('local_address')::inet,
    peer_asn = @peer_asn::bigint, local_asn = sqlc.narg('local_asn')::bigint, families = @families::smallint[],
    intent = @intent::session_intent, held_by_hand = @held_by_hand::boolean, held_reason = @held_reason::text, limit_v4 = sqlc.narg('limit_v4')::bigint,
    limit_v6 = sqlc.narg('limit_v6')::bigint, password_secret = sqlc.narg('password_secret')::bigint,
    password_version = sqlc.narg('password_version')::bigint, hold_time = sqlc.narg('hold_time')::integer,
    multihop = sqlc.narg('multihop')::integer, passive = @passive::boolean, description = @description::text,
    bfd_id = sqlc.narg('bfd_id')::bigint, service_reference = @service_reference::text, context = @context::jsonb,
    updated_at = now(), version = version + 1
WHERE id = @id::bigint AND version = @version::bigint;

-- Removes a session that still has the version it was read with; no row otherwise.
-- name: SessionDelete :execrows
DELETE FROM session WHERE id = @id::bigint AND version = @version::bigint;

-- How a session stands to its router is no edit: the version stays.
-- name: SessionSetSync :execrows
UPDATE session SET sync = @sync::session_sync WHERE id = @id::bigint;

-- How the sessions of a router stand to it, by id.
-- name: SessionSyncs :many
SELECT id, peer_address, intent, held_by_hand, sync FROM session WHERE router_id = @router_id::bigint ORDER BY id;

-- Sessions held until the transaction ends.
-- name: SessionHold :exec
SELECT id FROM session WHERE id = ANY(@ids::bigint[]) ORDER BY id FOR NO KEY UPDATE;

-- Moves sessions that still stand as they were read. It is no edit: the version stays.
-- name: SessionMoveSync :many
UPDATE session s SET sync = n.sync::session_sync, updated_at = now()
FROM (SELECT unnest(@ids::bigint[]) AS id, unnest(@were::text[]) AS was, unnest(@syncs::text[]) AS sync) n
WHERE s.id = n.id AND s.sync::text = n.was
RETURNING s.id, n.was, s.sync;

-- What the sessions of a router are held against: nothing is due while a deployment is in flight or a proposal that was pasted is verified, nor before the first one
-- as long as nothing is in doubt.
-- name: SyncBasis :one
SELECT r.fence, coalesce((
        SELECT d.artifact_hash FROM deployment d WHERE d.router_id = r.id AND d.state = 'confirmed' ORDER BY d.confirmed_at DESC NULLS LAST, d.id DESC LIMIT 1), '')::text AS artifact_hash,
    (NOT EXISTS (SELECT FROM deployment d WHERE d.router_id = r.id AND (d.state IN ('committing', 'soaking', 'unknown', 'needs_operator') OR d.state = 'proposed' AND d.committed_at IS NOT NULL))
        AND (EXISTS (SELECT FROM stanza_ledger l WHERE l.router_id = r.id AND l.absent_at IS NULL)
            OR EXISTS (SELECT FROM session s WHERE s.router_id = r.id AND s.sync IN ('interfered', 'drifted'))))::boolean AS due
FROM router r
WHERE r.id = @router_id::bigint;

-- What people may paste on a router at any time: the moves of its open proposals, those that remove a stanza with ''.
-- name: ProposedMoves :many
SELECT DISTINCT m.key, m.after_hash
FROM deployment d
JOIN plan_move m ON m.plan_id = d.plan_id AND m.router_id = d.router_id AND NOT m.refers
WHERE d.router_id = @router_id::bigint AND d.state = 'proposed'
ORDER BY m.key, m.after_hash;
