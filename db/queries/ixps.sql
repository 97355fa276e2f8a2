-- Reads exchanges by id, with their policies in order, their communities, tags, config contexts and contacts.
-- name: IXPRows :many
SELECT sqlc.embed(t),
    ARRAY(SELECT p.policy_id FROM policy_assignment p WHERE p.ixp_id = t.id AND p.direction = 'import' ORDER BY p.position)::bigint[] AS import_policies,
    ARRAY(SELECT p.policy_id FROM policy_assignment p WHERE p.ixp_id = t.id AND p.direction = 'export' ORDER BY p.position)::bigint[] AS export_policies,
    ARRAY(SELECT c.community_id FROM community_assignment c WHERE c.object = 'ixp' AND c.object_id = t.id ORDER BY c.community_id)::bigint[] AS communities,
    ARRAY(SELECT g.tag_id FROM tag_assignment g WHERE g.object = 'ixp' AND g.object_id = t.id ORDER BY g.position)::bigint[] AS tags,
    ARRAY(SELECT x.config_context_id FROM context_assignment x WHERE x.object = 'ixp' AND x.object_id = t.id ORDER BY x.weight, x.config_context_id)::bigint[] AS contexts,
    ARRAY(SELECT x.weight FROM context_assignment x WHERE x.object = 'ixp' AND x.object_id = t.id ORDER BY x.weight, x.config_context_id)::integer[] AS context_weights,
    ARRAY(SELECT k.contact_id FROM contact_assignment k WHERE k.object = 'ixp' AND k.object_id = t.id ORDER BY k.contact_id, k.role_id)::bigint[] AS contacts,
    ARRAY(SELECT k.role_id FROM contact_assignment k WHERE k.object = 'ixp' AND k.object_id = t.id ORDER BY k.contact_id, k.role_id)::bigint[] AS contact_roles
FROM ixp t
WHERE t.id = ANY(@ids::bigint[])
ORDER BY t.id;

-- Writes an exchange under an id that was drawn before.
-- name: IXPInsert :execrows
INSERT INTO ixp (
    slug, name, local_as_id, relationship_id, ixlan_id, mesh, agreement, context, id, version)
OVERRIDING SYSTEM VALUE VALUES (
    @slug::text, @name::text, @local_as_id::bigint, sqlc.narg('relationship_id')::bigint,
    sqlc.narg('ixlan_id')::bigint, @mesh::mesh, @agreement::agreement_rule, @context::jsonb, @id::bigint,
    @version::bigint);

-- Writes an exchange that still has the version it was read with; no row otherwise.
-- name: IXPUpdate :execrows
UPDATE ixp SET
    slug = @slug::text, name = @name::text, local_as_id = @local_as_id::bigint,
    relationship_id = sqlc.narg('relationship_id')::bigint, ixlan_id = sqlc.narg('ixlan_id')::bigint,
    mesh = @mesh::mesh, agreement = @agreement::agreement_rule, context = @context::jsonb,
    updated_at = now(), version = version + 1
WHERE id = @id::bigint AND version = @version::bigint;

-- Removes an exchange that still has the version it was read with; no row otherwise.
-- name: IXPDelete :execrows
DELETE FROM ixp WHERE id = @id::bigint AND version = @version::bigint;
