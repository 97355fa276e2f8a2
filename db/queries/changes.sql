-- One change with its author's name and the hash of its plan in force.
-- name: ChangeGet :one
SELECT sqlc.embed(c), u.name AS author, coalesce(p.hash, '')::text AS plan_hash
FROM change c
JOIN app_user u ON u.id = c.author_id
LEFT JOIN plan p ON p.id = c.plan_id
WHERE c.id = @id::bigint;

-- Holds a change until the transaction ends: whoever decides about it (begin, cancel, revoke, vote, plan) comes one after
-- another. What it joins is read afterwards, by a statement that sees what the holder before wrote.
-- name: ChangeLock :one
SELECT id FROM change WHERE id = @id::bigint FOR UPDATE;

-- A new change, as draft.
-- name: ChangeInsert :one
INSERT INTO change (kind, author_id, reason, request)
VALUES (@kind::change_kind, @author_id::bigint, @reason::text, @request::jsonb)
RETURNING id;

-- State, step and outcome; ended is whether nothing follows. One that awaits approval expires, and planning the same
-- again gives it no more time; one that is approved doesn't expire any more.
-- name: ChangeMove :exec
UPDATE change
SET state = @state::change_state, step = @step::text, outcome = @outcome::text,
    expires_at = CASE @state::change_state
        WHEN 'awaiting_approval' THEN coalesce(expires_at, @expires_at::timestamptz)
        WHEN 'approved' THEN NULL
        ELSE expires_at END,
    ended_at = CASE WHEN @ended::boolean THEN now() END, updated_at = now(), version = version + 1
WHERE id = @id::bigint;

-- What approved a change; '' once it waits again.
-- name: ChangeSetApproval :exec
UPDATE change SET approved_by = @approved_by::text WHERE id = @id::bigint;

-- What planning sessions left out, what a person should look at, and how old the view was that it went by.
-- name: ChangeSetFindings :exec
UPDATE change SET omissions = @omissions::jsonb, ask = @ask::jsonb, stale_view = sqlc.narg('stale_view')::jsonb, updated_at = now(), version = version + 1 WHERE id = @id::bigint;

-- The plan in force, and whose pending edits it carries. Another plan has its own time to be approved.
-- name: ChangeSetPlan :exec
UPDATE change
SET expires_at = CASE WHEN plan_id = @plan_id::bigint THEN expires_at END, plan_id = @plan_id::bigint, carried_authors = @carried_authors::bigint[], unmoved_at = NULL, updated_at = now(), version = version + 1
WHERE id = @id::bigint;

-- The overlay: operations that are neither applied nor discarded, in order.
-- name: OperationOpenList :many
SELECT * FROM change_operation
WHERE change_id = @change_id::bigint AND applied_at IS NULL AND discarded_at IS NULL
ORDER BY position;

-- All operations of a change, in order.
-- name: OperationList :many
SELECT * FROM change_operation WHERE change_id = @change_id::bigint ORDER BY position;

-- Where the next operation of a change goes.
-- name: OperationNextPosition :one
SELECT (coalesce(max(position), 0) + 1)::integer FROM change_operation WHERE change_id = @change_id::bigint;

-- Makes room for a new overlay.
-- name: OperationDeleteOpen :exec
DELETE FROM change_operation WHERE change_id = @change_id::bigint AND applied_at IS NULL AND discarded_at IS NULL;

-- One operation of an overlay.
-- name: OperationInsert :one
INSERT INTO change_operation (change_id, position, router_id, object, object_id, action, patch, base_version)
VALUES (@change_id::bigint, @position::integer, sqlc.narg('router_id')::bigint, @object::operation_object, @object_id::bigint,
    @action::operation_action, @patch::jsonb, @base_version::bigint)
RETURNING id;

-- Operations that are now in the noun tables.
-- name: OperationMarkApplied :exec
UPDATE change_operation SET applied_at = now() WHERE id = ANY(@ids::bigint[]) AND discarded_at IS NULL;

-- The rest of an overlay, once its change ended.
-- name: OperationDiscardOpen :exec
UPDATE change_operation SET discarded_at = now()
WHERE change_id = @change_id::bigint AND applied_at IS NULL AND discarded_at IS NULL;

-- The next id of an object's table, for an object that is created later.
-- name: ObjectNewID :one
SELECT nextval(pg_get_serial_sequence((@object::operation_object)::text, 'id'))::bigint;

-- The row version of an object; 0 when there is none.
-- name: ObjectVersion :one
SELECT coalesce(CASE @object::operation_object
    WHEN 'session' THEN (SELECT version FROM session WHERE session.id = @id::bigint)
    WHEN 'routing_policy' THEN (SELECT version FROM routing_policy WHERE routing_policy.id = @id::bigint)
    WHEN 'autonomous_system' THEN (SELECT version FROM autonomous_system WHERE autonomous_system.id = @id::bigint)
    WHEN 'ixp' THEN (SELECT version FROM ixp WHERE ixp.id = @id::bigint)
    WHEN 'bgp_group' THEN (SELECT version FROM bgp_group WHERE bgp_group.id = @id::bigint)
    WHEN 'connection' THEN (SELECT version FROM connection WHERE connection.id = @id::bigint)
    WHEN 'router' THEN (SELECT version FROM router WHERE router.id = @id::bigint)
    WHEN 'template' THEN (SELECT version FROM template WHERE template.id = @id::bigint)
END, 0)::bigint AS version;

-- The first open change that comes before this one with an object of its overlay: an earlier one, or one that deploys
-- already.
-- name: ChangeConflicting :one
SELECT coalesce(min(other.change_id), 0)::bigint AS change_id
FROM change_operation mine
JOIN change_operation other ON other.change_id <> mine.change_id AND other.applied_at IS NULL AND other.discarded_at IS NULL
    AND other.object = mine.object AND other.object_id = mine.object_id
JOIN change c ON c.id = other.change_id
    AND c.state IN ('draft', 'planned', 'awaiting_approval', 'approved', 'stale', 'deploying', 'needs_operator')
    AND (c.id < mine.change_id OR c.state IN ('deploying', 'needs_operator'))
WHERE mine.change_id = @change_id::bigint AND mine.applied_at IS NULL AND mine.discarded_at IS NULL;

-- Open changes whose plan or overlay reaches a router.
-- name: ChangeWaiting :many
SELECT c.id
FROM change c
WHERE c.id <> @except_id::bigint AND c.state IN ('planned', 'awaiting_approval', 'approved', 'stale', 'deploying')
    AND (EXISTS (SELECT FROM plan_router r WHERE r.plan_id = c.plan_id AND r.router_id = @router_id::bigint)
        OR EXISTS (SELECT FROM change_operation o WHERE o.change_id = c.id AND o.applied_at IS NULL AND o.discarded_at IS NULL
            AND (o.router_id IS NULL OR o.router_id = @router_id::bigint)))
ORDER BY c.id;

-- The change that a caller's key made within the last 24 hours.
-- name: IdempotencyGet :one
SELECT body_hash, change_id FROM idempotency_key
WHERE user_id = @user_id::bigint AND key = @key::text AND created_at > now() - interval '24 hours';

-- Remembers which change a caller's key made; a key older than a day is taken over.
-- name: IdempotencyPut :exec
INSERT INTO idempotency_key (user_id, key, body_hash, change_id)
VALUES (@user_id::bigint, @key::text, @body_hash::text, @change_id::bigint)
ON CONFLICT (user_id, key) DO UPDATE
SET body_hash = EXCLUDED.body_hash, change_id = EXCLUDED.change_id, created_at = now();

-- Lets only one transaction at a time work on a name.
-- name: LockName :exec
SELECT pg_advisory_xact_lock(hashtextextended(@name::text, 0));

-- Lets any number of transactions go on with a name that none of them changes.
-- name: LockNameShared :exec
SELECT pg_advisory_xact_lock_shared(hashtextextended(@name::text, 0));

-- These changes, by id.
-- name: ChangeListByID :many
SELECT sqlc.embed(c), u.name AS author, coalesce(p.hash, '')::text AS plan_hash
FROM change c
JOIN app_user u ON u.id = c.author_id
LEFT JOIN plan p ON p.id = c.plan_id
WHERE c.id = ANY(@ids::bigint[])
ORDER BY c.id;

-- Planning read that the routers run a change already.
-- name: ChangeNoteUnmoved :exec
UPDATE change SET unmoved_at = now() WHERE id = @id::bigint;

-- Whether a change may complete without a deployment: planning read that the routers run it, or there is nothing of it to run.
-- name: ChangeUnmoved :one
SELECT (c.unmoved_at IS NOT NULL OR c.plan_id IS NULL AND c.kind <> 'deploy' AND NOT EXISTS (
    SELECT FROM change_operation o WHERE o.change_id = c.id AND o.applied_at IS NULL AND o.discarded_at IS NULL))::boolean AS unmoved
FROM change c
WHERE c.id = @id::bigint;

-- The open change that undoes another one; 0 when there is none.
-- name: ChangeUndoing :one
SELECT coalesce(max(id), 0)::bigint AS id FROM change WHERE (request->>'undoes')::bigint = @id::bigint AND ended_at IS NULL;

-- What a change recorded, the last operation first: each object before and after it, as the log has it from the
-- transaction that applied it, and who wrote it next. A value of JSON null is none.
-- name: OperationRecordedList :many
SELECT t.router_id::bigint AS router_id, t.object::operation_object AS object, t.object_id::bigint AS object_id,
    coalesce(g.first_before, 'null')::jsonb AS before, coalesce(g.last_after, 'null')::jsonb AS after,
    coalesce(n.actor, '')::text AS later_actor, coalesce(n.change_id, 0)::bigint AS later_change
FROM (
    SELECT coalesce(o.router_id, 0) AS router_id, o.object, o.object_id, max(o.position) AS position, max(o.applied_at) AS applied_at
    FROM change_operation o
    WHERE o.change_id = @change_id::bigint AND o.applied_at IS NOT NULL
    GROUP BY coalesce(o.router_id, 0), o.object, o.object_id
) t
JOIN LATERAL (
    SELECT max(l.id) AS last_id, (array_agg(l.before ORDER BY l.id))[1] AS first_before, (array_agg(l.after ORDER BY l.id DESC))[1] AS last_after
    FROM change_log l
    WHERE l.change_id = @change_id::bigint AND l.object = t.object::text AND l.object_id = t.object_id AND l.at = t.applied_at
        AND l.action IN ('create', 'update', 'delete')
) g ON g.last_id IS NOT NULL
LEFT JOIN LATERAL (
    SELECT l.actor, l.change_id FROM change_log l
    WHERE l.object = t.object::text AND l.object_id = t.object_id AND l.id > g.last_id AND l.action IN ('create', 'update', 'delete')
    ORDER BY l.id LIMIT 1
) n ON true
ORDER BY t.position DESC;
