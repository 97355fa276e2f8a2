-- Reads autonomous systems by id, with their policies in order, their communities, tags, config contexts and contacts.
-- name: AutonomousSystemRows :many
SELECT sqlc.embed(t),
    ARRAY(SELECT p.policy_id FROM policy_assignment p WHERE p.as_id = t.id AND p.direction = 'import' ORDER BY p.position)::bigint[] AS import_policies,
    ARRAY(SELECT p.policy_id FROM policy_assignment p WHERE p.as_id = t.id AND p.direction = 'export' ORDER BY p.position)::bigint[] AS export_policies,
    ARRAY(SELECT c.community_id FROM community_assignment c WHERE c.object = 'autonomous_system' AND c.object_id = t.id ORDER BY c.community_id)::bigint[] AS communities,
    ARRAY(SELECT g.tag_id FROM tag_assignment g WHERE g.object = 'autonomous_system' AND g.object_id = t.id ORDER BY g.position)::bigint[] AS tags,
    ARRAY(SELECT x.config_context_id FROM context_assignment x WHERE x.object = 'autonomous_system' AND x.object_id = t.id ORDER BY x.weight, x.config_context_id)::bigint[] AS contexts,
    ARRAY(SELECT x.weight FROM context_assignment x WHERE x.object = 'autonomous_system' AND x.object_id = t.id ORDER BY x.weight, x.config_context_id)::integer[] AS context_weights,
    ARRAY(SELECT k.contact_id FROM contact_assignment k WHERE k.object = 'autonomous_system' AND k.object_id = t.id ORDER BY k.contact_id, k.role_id)::bigint[] AS contacts,
    ARRAY(SELECT k.role_id FROM contact_assignment k WHERE k.object = 'autonomous_system' AND k.object_id = t.id ORDER BY k.contact_id, k.role_id)::bigint[] AS contact_roles
FROM autonomous_system t
WHERE t.id = ANY(@ids::bigint[])
ORDER BY t.id;

-- Writes an autonomous system under an id that was drawn before.
-- name: AutonomousSystemInsert :execrows
INSERT INTO autonomous_system (
    asn, name, local, irr_as_set, limit_v4, limit_v6, context, comments, id, version)
OVERRIDING SYSTEM VALUE VALUES (
    @asn::bigint, @name::text, @local::boolean, @irr_as_set::text, sqlc.narg('limit_v4')::bigint,
    sqlc.narg('limit_v6')::bigint, @context::jsonb, @comments::text, @id::bigint, @version::bigint);

-- Writes an autonomous system that still has the version it was read with; no row otherwise.
-- name: AutonomousSystemUpdate :execrows
UPDATE autonomous_system SET
    asn = @asn::bigint, name = @name::text, local = @local::boolean, irr_as_set = @irr_as_set::text,
    limit_v4 = sqlc.narg('limit_v4')::bigint, limit_v6 = sqlc.narg('limit_v6')::bigint, context = @context::jsonb,
    comments = @comments::text,
    updated_at = now(), version = version + 1
WHERE id = @id::bigint AND version = @version::bigint;

-- Removes an autonomous system that still has the version it was read with; no row otherwise.
-- name: AutonomousSystemDelete :execrows
DELETE FROM autonomous_system WHERE id = @id::bigint AND version = @version::bigint;
