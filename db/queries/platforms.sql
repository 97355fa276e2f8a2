-- Reads platforms by id.
-- name: PlatformRows :many
SELECT t.*
FROM platform t
WHERE t.id = ANY(@ids::bigint[])
ORDER BY t.id;

-- Writes a platform under an id that was drawn before.
-- name: PlatformInsert :execrows
INSERT INTO platform (
    slug, name, driver, id, version)
OVERRIDING SYSTEM VALUE VALUES (
    @slug::text, @name::text, @driver::text, @id::bigint, @version::bigint);

-- Writes a platform that still has the version it was read with; no row otherwise.
-- name: PlatformUpdate :execrows
UPDATE platform SET
    slug = @slug::text, name = @name::text, driver = @driver::text,
    updated_at = now(), version = version + 1
WHERE id = @id::bigint AND version = @version::bigint;

-- Removes a platform that still has the version it was read with; no row otherwise.
-- name: PlatformDelete :execrows
DELETE FROM platform WHERE id = @id::bigint AND version = @version::bigint;
