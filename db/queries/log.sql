-- What was done, by whom: one row per write to the source of truth.
-- name: LogInsert :one
INSERT INTO change_log (actor_kind, user_id, actor, request_id, change_id, object, object_id, action, before, after)
VALUES (@actor_kind::text, sqlc.narg('user_id')::bigint, @actor::text, @request_id::text, sqlc.narg('change_id')::bigint,
    @object::text, @object_id::bigint, @action::text, sqlc.narg('before')::jsonb, sqlc.narg('after')::jsonb)
RETURNING id;

-- An event for webhooks and progress streams, in the transaction of what it tells.
-- name: OutboxInsert :exec
INSERT INTO outbox (topic, change_id, object_id, event, body)
VALUES (@topic::text, sqlc.narg('change_id')::bigint, @object_id::bigint, @event::text, @body::jsonb);

-- The log of one object, newest first, before an entry (0: from the newest).
-- name: LogOf :many
SELECT id, at, actor_kind, user_id, actor, request_id, change_id, object, object_id, action, before, after
FROM change_log
WHERE object = @object::text AND object_id = @object_id::bigint AND (@below::bigint = 0 OR id < @below::bigint)
ORDER BY id DESC
LIMIT @row_limit::integer;
