-- Reads routing policies by id, with their communities, tags and config contexts.
-- name: RoutingPolicyRows :many
SELECT sqlc.embed(t),
    ARRAY(SELECT c.community_id FROM community_assignment c WHERE c.object = 'routing_policy' AND c.object_id = t.id ORDER BY c.community_id)::bigint[] AS communities,
    ARRAY(SELECT g.tag_id FROM tag_assignment g WHERE g.object = 'routing_policy' AND g.object_id = t.id ORDER BY g.position)::bigint[] AS tags,
    ARRAY(SELECT x.config_context_id FROM context_assignment x WHERE x.object = 'routing_policy' AND x.object_id = t.id ORDER BY x.weight, x.config_context_id)::bigint[] AS contexts,
    ARRAY(SELECT x.weight FROM context_assignment x WHERE x.object = 'routing_policy' AND x.object_id = t.id ORDER BY x.weight, x.config_context_id)::integer[] AS context_weights
FROM routing_policy t
WHERE t.id = ANY(@ids::bigint[])
ORDER BY t.id;

-- Writes a routing policy under an id that was drawn before.
-- name: RoutingPolicyInsert :execrows
INSERT INTO routing_policy (
    slug, name, direction, family, weight, expect_v4, expect_v6, allow_default, allow_long, context, id, version)
OVERRIDING SYSTEM VALUE VALUES (
    @slug::text, @name::text, @direction::policy_direction, sqlc.narg('family')::smallint, @weight::integer,
    sqlc.narg('expect_v4')::bigint, sqlc.narg('expect_v6')::bigint, @allow_default::boolean, @allow_long::boolean,
    @context::jsonb, @id::bigint, @version::bigint);

-- Writes a routing policy that still has the version it was read with; no row otherwise.
-- name: RoutingPolicyUpdate :execrows
UPDATE routing_policy SET
    slug = @slug::text, name = @name::text, direction = @direction::policy_direction,
    family = sqlc.narg('family')::smallint, weight = @weight::integer, expect_v4 = sqlc.narg('expect_v4')::bigint,
    expect_v6 = sqlc.narg('expect_v6')::bigint, allow_default = @allow_default::boolean,
    allow_long = @allow_long::boolean, context = @context::jsonb,
    updated_at = now(), version = version + 1
WHERE id = @id::bigint AND version = @version::bigint;

-- Removes a routing policy that still has the version it was read with; no row otherwise.
-- name: RoutingPolicyDelete :execrows
DELETE FROM routing_policy WHERE id = @id::bigint AND version = @version::bigint;

-- Empties the policy lists of one owner; the three other owners are NULL.
-- name: PolicyListClear :exec
DELETE FROM policy_assignment
WHERE as_id = sqlc.narg('as_id')::bigint OR group_id = sqlc.narg('group_id')::bigint
    OR ixp_id = sqlc.narg('ixp_id')::bigint OR session_id = sqlc.narg('session_id')::bigint;

-- Writes one policy list of one owner, in the order given.
-- name: PolicyListFill :exec
INSERT INTO policy_assignment (policy_id, direction, position, as_id, group_id, ixp_id, session_id)
SELECT (@policies::bigint[])[i], @direction::policy_direction, i,
    sqlc.narg('as_id')::bigint, sqlc.narg('group_id')::bigint, sqlc.narg('ixp_id')::bigint, sqlc.narg('session_id')::bigint
FROM generate_subscripts(@policies::bigint[], 1) AS i;
