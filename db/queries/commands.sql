-- What a person tells a change to do.
-- name: CommandInsert :one
INSERT INTO command (change_id, kind, user_id, reason)
VALUES (@change_id::bigint, @kind::command_kind, @user_id::bigint, @reason::text)
RETURNING id;

-- A change's open commands, oldest first.
-- name: CommandOpenList :many
SELECT c.id, c.kind, c.reason, c.created_at, u.name AS user_name
FROM command c
JOIN app_user u ON u.id = c.user_id
WHERE c.change_id = @change_id::bigint AND c.handled_at IS NULL
ORDER BY c.id;

-- The oldest open command of a kind.
-- name: CommandOpen :one
SELECT c.id, c.kind, c.reason, c.created_at, u.name AS user_name
FROM command c
JOIN app_user u ON u.id = c.user_id
WHERE c.change_id = @change_id::bigint AND c.kind = @kind::command_kind AND c.handled_at IS NULL
ORDER BY c.id
LIMIT 1;

-- It was looked at, and so were those before it that say the same.
-- name: CommandHandle :exec
UPDATE command c SET handled_at = now()
FROM command h
WHERE h.id = @id::bigint AND c.change_id = h.change_id AND c.kind = h.kind AND c.id <= h.id AND c.handled_at IS NULL;

-- Nobody looks at commands of a change that ended.
-- name: CommandHandleAll :exec
UPDATE command SET handled_at = now() WHERE change_id = @change_id::bigint AND handled_at IS NULL;
