-- Reads tags by id.
-- name: TagRows :many
SELECT t.*
FROM tag t
WHERE t.id = ANY(@ids::bigint[])
ORDER BY t.id;

-- Writes a tag under an id that was drawn before.
-- name: TagInsert :execrows
INSERT INTO tag (
    slug, name, color, description, id, version)
OVERRIDING SYSTEM VALUE VALUES (
    @slug::text, @name::text, @color::text, @description::text, @id::bigint, @version::bigint);

-- Writes a tag that still has the version it was read with; no row otherwise.
-- name: TagUpdate :execrows
UPDATE tag SET
    slug = @slug::text, name = @name::text, color = @color::text, description = @description::text,
    updated_at = now(), version = version + 1
WHERE id = @id::bigint AND version = @version::bigint;

-- Removes a tag that still has the version it was read with; no row otherwise.
-- name: TagDelete :execrows
DELETE FROM tag WHERE id = @id::bigint AND version = @version::bigint;

-- Sets the tags of one record anew, in the order given.
-- name: TagsSet :exec
WITH gone AS (
    DELETE FROM tag_assignment WHERE object = @object::text AND object_id = @object_id::bigint AND tag_id <> ALL(@tags::bigint[])
)
INSERT INTO tag_assignment (tag_id, position, object, object_id)
SELECT (@tags::bigint[])[i], i, @object::text, @object_id::bigint
FROM generate_subscripts(@tags::bigint[], 1) AS i
ON CONFLICT (object, object_id, tag_id) DO UPDATE SET position = EXCLUDED.position;
