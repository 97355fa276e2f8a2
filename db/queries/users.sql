-- Records a person.
-- name: UserInsert :one
INSERT INTO app_user (name, roles) VALUES (@name::text, CAST(@roles::text[] AS app_role[]))
RETURNING id, name, roles::text[] AS roles, active, created_at, version;

-- One person.
-- name: UserGet :one
SELECT id, name, roles::text[] AS roles, active, created_at, version FROM app_user WHERE id = @id::bigint;

-- Everybody.
-- name: UserList :many
SELECT id, name, roles::text[] AS roles, active, created_at, version FROM app_user ORDER BY id;

-- Changes what a person may do, if the record still has the version it was read with.
-- name: UserUpdate :execrows
UPDATE app_user SET roles = CAST(@roles::text[] AS app_role[]), active = @active::boolean, version = version + 1
WHERE id = @id::bigint AND version = @version::bigint;

-- Locks the administrators who may log in, so that two of them can't shut each other out.
-- name: UserLockAdmins :many
SELECT id FROM app_user WHERE active AND 'admin' = ANY(roles) ORDER BY id FOR UPDATE;

-- Keeps a token's hash.
-- name: TokenInsert :one
INSERT INTO api_token (user_id, name, hash, roles, expires_at)
VALUES (@user_id::bigint, @name::text, @hash::bytea, CAST(@roles::text[] AS app_role[]), sqlc.narg('expires_at')::timestamptz)
RETURNING id, user_id, name, roles::text[] AS roles, created_at, expires_at, used_at, revoked_at;

-- Who a token stands for, if it counts now; used_lately spares a write a request.
-- name: TokenUser :one
SELECT t.id, t.roles::text[] AS token_roles, u.id AS user_id, u.name, u.roles::text[] AS user_roles,
    COALESCE(t.used_at > now() - interval '1 minute', false)::boolean AS used_lately
FROM api_token t JOIN app_user u ON u.id = t.user_id
WHERE t.hash = @hash::bytea AND t.revoked_at IS NULL AND (t.expires_at IS NULL OR t.expires_at > now()) AND u.active;

-- Whose a token is that doesn't count, and why.
-- name: TokenRefused :one
SELECT t.id, t.name, u.id AS user_id, u.name AS user_name, (t.revoked_at IS NOT NULL)::boolean AS revoked, (NOT u.active)::boolean AS gone
FROM api_token t JOIN app_user u ON u.id = t.user_id
WHERE t.hash = @hash::bytea;

-- Notes that a token was used.
-- name: TokenUsed :exec
UPDATE api_token SET used_at = now() WHERE id = @id::bigint;

-- A person's tokens.
-- name: TokenList :many
SELECT id, user_id, name, roles::text[] AS roles, created_at, expires_at, used_at, revoked_at
FROM api_token WHERE user_id = @user_id::bigint ORDER BY id;

-- Ends a token for good.
-- name: TokenRevoke :one
UPDATE api_token SET revoked_at = COALESCE(revoked_at, now()) WHERE id = @id::bigint
RETURNING id, user_id, name, roles::text[] AS roles, created_at, expires_at, used_at, revoked_at;
