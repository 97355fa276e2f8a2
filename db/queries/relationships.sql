-- Reads relationships by id, with their tags.
-- name: RelationshipRows :many
SELECT sqlc.embed(t),
    ARRAY(SELECT g.tag_id FROM tag_assignment g WHERE g.object = 'relationship' AND g.object_id = t.id ORDER BY g.position)::bigint[] AS tags
FROM relationship t
WHERE t.id = ANY(@ids::bigint[])
ORDER BY t.id;

-- Writes a relationship under an id that was drawn before.
-- name: RelationshipInsert :execrows
INSERT INTO relationship (
    slug, name, bgp_role, protected, id, version)
OVERRIDING SYSTEM VALUE VALUES (
    @slug::text, @name::text, @bgp_role::text, @protected::boolean, @id::bigint, @version::bigint);

-- Writes a relationship that still has the version it was read with; no row otherwise.
-- name: RelationshipUpdate :execrows
UPDATE relationship SET
    slug = @slug::text, name = @name::text, bgp_role = @bgp_role::text, protected = @protected::boolean,
    updated_at = now(), version = version + 1
WHERE id = @id::bigint AND version = @version::bigint;

-- Removes a relationship that still has the version it was read with; no row otherwise.
-- name: RelationshipDelete :execrows
DELETE FROM relationship WHERE id = @id::bigint AND version = @version::bigint;
