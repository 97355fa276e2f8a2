-- Reads communities by id, with their tags.
-- name: CommunityRows :many
SELECT sqlc.embed(t),
    ARRAY(SELECT g.tag_id FROM tag_assignment g WHERE g.object = 'community' AND g.object_id = t.id ORDER BY g.position)::bigint[] AS tags
FROM community t
WHERE t.id = ANY(@ids::bigint[])
ORDER BY t.id;

-- Writes a community under an id that was drawn before.
-- name: CommunityInsert :execrows
INSERT INTO community (
    slug, name, value, type, description, id, version)
OVERRIDING SYSTEM VALUE VALUES (
    @slug::text, @name::text, @value::text, sqlc.narg('type')::community_type, @description::text, @id::bigint, @version::bigint);

-- Writes a community that still has the version it was read with; no row otherwise.
-- name: CommunityUpdate :execrows
UPDATE community SET
    slug = @slug::text, name = @name::text, value = @value::text, type = sqlc.narg('type')::community_type, description = @description::text,
    updated_at = now(), version = version + 1
WHERE id = @id::bigint AND version = @version::bigint;

-- Removes a community that still has the version it was read with; no row otherwise.
-- name: CommunityDelete :execrows
DELETE FROM community WHERE id = @id::bigint AND version = @version::bigint;

-- Sets the communities of one record anew.
-- name: CommunitiesSet :exec
WITH gone AS (
    DELETE FROM community_assignment WHERE object = @object::text AND object_id = @object_id::bigint AND community_id <> ALL(@communities::bigint[])
)
INSERT INTO community_assignment (community_id, object, object_id)
SELECT unnest(@communities::bigint[]), @object::text, @object_id::bigint
ON CONFLICT DO NOTHING;
