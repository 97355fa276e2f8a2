-- Events in commit order after a position. Rows of transactions that are older than any running one can't get company
-- any more: only those are given, so that a transaction that commits late is never passed over.
-- name: OutboxAfter :many
SELECT xid::text AS xid, position, at, topic, coalesce(change_id, 0)::bigint AS change_id, object_id, event, body
FROM outbox
WHERE (xid, position) > ((@after_xid::text)::xid8, @after_position::bigint)
    AND xid < pg_snapshot_xmin(pg_current_snapshot())
ORDER BY outbox.xid, position
LIMIT @row_limit::integer;

-- The same for one change.
-- name: OutboxAfterOfChange :many
SELECT xid::text AS xid, position, at, topic, coalesce(change_id, 0)::bigint AS change_id, object_id, event, body
FROM outbox
WHERE change_id = @change_id::bigint AND (xid, position) > ((@after_xid::text)::xid8, @after_position::bigint)
    AND xid < pg_snapshot_xmin(pg_current_snapshot())
ORDER BY outbox.xid, position
LIMIT @row_limit::integer;

-- Whether a change told an awaited reminder, or its report. Unlike readers of the
-- stream it looks past transactions that are still open: the change's lock keeps
-- the order of those that write here.
-- name: OutboxAwaitedTold :one
SELECT EXISTS (
    SELECT FROM outbox
    WHERE change_id = @change_id::bigint AND topic = 'change' AND event = @event::text
        AND body @> jsonb_build_object('awaited', jsonb_build_object('number', @number::integer))
);

-- Where a reader starts that wants only what is still to come.
-- name: OutboxEnd :one
SELECT pg_snapshot_xmin(pg_current_snapshot())::text AS xid;
