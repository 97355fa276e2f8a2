-- Reads contacts by id.
-- name: ContactRows :many
SELECT t.*
FROM contact t
WHERE t.id = ANY(@ids::bigint[])
ORDER BY t.id;

-- Writes a contact under an id that was drawn before.
-- name: ContactInsert :execrows
INSERT INTO contact (
    name, title, phone, email, address, description, id, version)
OVERRIDING SYSTEM VALUE VALUES (
    @name::text, @title::text, @phone::text, @email::text, @address::text, @description::text, @id::bigint, @version::bigint);

-- Writes a contact that still has the version it was read with; no row otherwise.
-- name: ContactUpdate :execrows
UPDATE contact SET
    name = @name::text, title = @title::text, phone = @phone::text, email = @email::text, address = @address::text, description = @description::text,
    updated_at = now(), version = version + 1
WHERE id = @id::bigint AND version = @version::bigint;

-- Removes a contact that still has the version it was read with; no row otherwise.
-- name: ContactDelete :execrows
DELETE FROM contact WHERE id = @id::bigint AND version = @version::bigint;

-- Reads roles of contacts by id.
-- name: ContactRoleRows :many
SELECT t.*
FROM contact_role t
WHERE t.id = ANY(@ids::bigint[])
ORDER BY t.id;

-- Writes a role of contacts under an id that was drawn before.
-- name: ContactRoleInsert :execrows
INSERT INTO contact_role (
    slug, name, description, id, version)
OVERRIDING SYSTEM VALUE VALUES (
    @slug::text, @name::text, @description::text, @id::bigint, @version::bigint);

-- Writes a role of contacts that still has the version it was read with; no row otherwise.
-- name: ContactRoleUpdate :execrows
UPDATE contact_role SET
    slug = @slug::text, name = @name::text, description = @description::text,
    updated_at = now(), version = version + 1
WHERE id = @id::bigint AND version = @version::bigint;

-- Removes a role of contacts that still has the version it was read with; no row otherwise.
-- name: ContactRoleDelete :execrows
DELETE FROM contact_role WHERE id = @id::bigint AND version = @version::bigint;

-- Sets the contacts of one record anew.
-- name: ContactsSet :exec
WITH given AS (
    SELECT (@contacts::bigint[])[i] AS contact_id, (@roles::bigint[])[i] AS role_id FROM generate_subscripts(@contacts::bigint[], 1) AS i
), gone AS (
    DELETE FROM contact_assignment a WHERE a.object = @object::text AND a.object_id = @object_id::bigint
        AND NOT EXISTS (SELECT FROM given g WHERE g.contact_id = a.contact_id AND g.role_id = a.role_id)
)
INSERT INTO contact_assignment (contact_id, role_id, object, object_id)
SELECT g.contact_id, g.role_id, @object::text, @object_id::bigint FROM given g
ON CONFLICT DO NOTHING;
