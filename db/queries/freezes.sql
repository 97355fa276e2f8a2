-- A new freeze; a null user is peerflow itself.
-- name: FreezeInsert :one
INSERT INTO change_freeze (scope, site_id, router_id, user_id, reason)
VALUES (@scope::freeze_scope, sqlc.narg('site_id')::bigint, sqlc.narg('router_id')::bigint, sqlc.narg('user_id')::bigint, @reason::text)
RETURNING id, created_at;

-- One freeze, held.
-- name: FreezeLock :one
SELECT sqlc.embed(f), coalesce(u.name, 'peerflow')::text AS author
FROM change_freeze f
LEFT JOIN app_user u ON u.id = f.user_id
WHERE f.id = @id::bigint
FOR UPDATE OF f;

-- It ends.
-- name: FreezeLift :exec
UPDATE change_freeze SET lifted_at = now(), lifted_by = sqlc.narg('lifted_by')::bigint WHERE id = @id::bigint AND lifted_at IS NULL;

-- Freezes, newest first; those in force only, or the lifted ones as well.
-- name: FreezeList :many
SELECT sqlc.embed(f), coalesce(u.name, 'peerflow')::text AS author
FROM change_freeze f
LEFT JOIN app_user u ON u.id = f.user_id
WHERE @lifted::boolean OR f.lifted_at IS NULL
ORDER BY f.id DESC;

-- The freeze that stops a router, oldest first: of everything, of its site, or its own.
-- name: FreezeOf :one
SELECT sqlc.embed(f), coalesce(u.name, 'peerflow')::text AS author
FROM change_freeze f
LEFT JOIN app_user u ON u.id = f.user_id
WHERE f.lifted_at IS NULL AND (f.scope = 'all' OR f.site_id = @site_id::bigint OR f.router_id = @router_id::bigint)
ORDER BY f.id
LIMIT 1;

-- Whether peerflow froze a router for this reason already.
-- name: FreezeOwnExists :one
SELECT EXISTS (
    SELECT FROM change_freeze
    WHERE router_id = @router_id::bigint AND user_id IS NULL AND lifted_at IS NULL AND reason = @reason::text
)::boolean AS present;
