-- Reads sites by id.
-- name: SiteRows :many
SELECT t.*
FROM site t
WHERE t.id = ANY(@ids::bigint[])
ORDER BY t.id;

-- Writes a site under an id that was drawn before.
-- name: SiteInsert :execrows
INSERT INTO site (
    slug, name, id, version)
OVERRIDING SYSTEM VALUE VALUES (
    @slug::text, @name::text, @id::bigint, @version::bigint);

-- Writes a site that still has the version it was read with; no row otherwise.
-- name: SiteUpdate :execrows
UPDATE site SET
    slug = @slug::text, name = @name::text,
    updated_at = now(), version = version + 1
WHERE id = @id::bigint AND version = @version::bigint;

-- Removes a site that still has the version it was read with; no row otherwise.
-- name: SiteDelete :execrows
DELETE FROM site WHERE id = @id::bigint AND version = @version::bigint;

-- A router's name, and the slug of the site where it stands.
-- name: RouterRefGet :one
SELECT r.id, r.name, s.slug AS site FROM router r JOIN site s ON s.id = r.site_id WHERE r.id = @router_id::bigint;

-- Every router's name, and where it stands.
-- name: RouterRefList :many
SELECT r.id, r.name, s.slug AS site FROM router r JOIN site s ON s.id = r.site_id ORDER BY r.id;

-- Every site's slug.
-- name: SiteSlugs :many
SELECT slug FROM site ORDER BY slug;
