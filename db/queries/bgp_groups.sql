-- Reads BGP groups by id, with their policies in order, their communities, tags and config contexts.
-- name: BGPGroupRows :many
SELECT sqlc.embed(t),
    ARRAY(SELECT p.policy_id FROM policy_assignment p WHERE p.group_id = t.id AND p.direction = 'import' ORDER BY p.position)::bigint[] AS import_policies,
    ARRAY(SELECT p.policy_id FROM policy_assignment p WHERE p.group_id = t.id AND p.direction = 'export' ORDER BY p.position)::bigint[] AS export_policies,
    ARRAY(SELECT c.community_id FROM community_assignment c WHERE c.object = 'bgp_group' AND c.object_id = t.id ORDER BY c.community_id)::bigint[] AS communities,
    ARRAY(SELECT g.tag_id FROM tag_assignment g WHERE g.object = 'bgp_group' AND g.object_id = t.id ORDER BY g.position)::bigint[] AS tags,
    ARRAY(SELECT x.config_context_id FROM context_assignment x WHERE x.object = 'bgp_group' AND x.object_id = t.id ORDER BY x.weight, x.config_context_id)::bigint[] AS contexts,
    ARRAY(SELECT x.weight FROM context_assignment x WHERE x.object = 'bgp_group' AND x.object_id = t.id ORDER BY x.weight, x.config_context_id)::integer[] AS context_weights
FROM bgp_group t
WHERE t.id = ANY(@ids::bigint[])
ORDER BY t.id;

-- Writes a BGP group under an id that was drawn before.
-- name: BGPGroupInsert :execrows
INSERT INTO bgp_group (
    slug, name, relationship_id, limit_v4, limit_v6, context, id, version)
OVERRIDING SYSTEM VALUE VALUES (
    @slug::text, @name::text, sqlc.narg('relationship_id')::bigint, sqlc.narg('limit_v4')::bigint,
    sqlc.narg('limit_v6')::bigint, @context::jsonb, @id::bigint, @version::bigint);

-- Writes a BGP group that still has the version it was read with; no row otherwise.
-- name: BGPGroupUpdate :execrows
UPDATE bgp_group SET
    slug = @slug::text, name = @name::text, relationship_id = sqlc.narg('relationship_id')::bigint,
    limit_v4 = sqlc.narg('limit_v4')::bigint, limit_v6 = sqlc.narg('limit_v6')::bigint, context = @context::jsonb,
    updated_at = now(), version = version + 1
WHERE id = @id::bigint AND version = @version::bigint;

-- Removes a BGP group that still has the version it was read with; no row otherwise.
-- name: BGPGroupDelete :execrows
DELETE FROM bgp_group WHERE id = @id::bigint AND version = @version::bigint;
