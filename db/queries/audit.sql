-- What a door refused or did.
-- name: AuditInsert :one
INSERT INTO audit_event (user_id, door, act, change_id, update_id, refused, text)
VALUES (sqlc.narg('user_id')::bigint, @door::text, @act::text, sqlc.narg('change_id')::bigint, sqlc.narg('update_id')::text,
    @refused::boolean, @text::text)
RETURNING id;

-- How often the same was refused, and when last.
-- name: AuditCount :exec
UPDATE audit_event SET times = @times::bigint, last_at = @last_at::timestamptz WHERE id = @id::bigint;

-- What doors refused or did on a change, oldest first.
-- name: AuditOfChange :many
SELECT a.id, a.at, a.last_at, a.times, a.user_id, coalesce(u.name, '')::text AS user_name, a.door, a.act, a.change_id, a.refused, a.text
FROM audit_event a
LEFT JOIN app_user u ON u.id = a.user_id
WHERE a.change_id = @change_id::bigint
ORDER BY a.id;

-- These audit events, by id.
-- name: AuditRows :many
SELECT a.id, a.at, a.last_at, a.times, a.user_id, coalesce(u.name, '')::text AS user_name, a.door, a.act, a.change_id, a.refused, a.text
FROM audit_event a
LEFT JOIN app_user u ON u.id = a.user_id
WHERE a.id = ANY(@ids::bigint[])
ORDER BY a.id;
