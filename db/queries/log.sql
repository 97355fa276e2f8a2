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

-- Reads log entries by id.
-- name: LogRows :many
SELECT t.id, t.at, t.actor_kind, t.user_id, t.actor, t.request_id, t.change_id, t.object, t.object_id, t.action, t.before, t.after
FROM change_log t
WHERE t.id = ANY(@ids::bigint[])
ORDER BY t.id;
