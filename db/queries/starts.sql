-- A workflow that has to be started; the same one twice is one.
-- name: StartInsert :exec
INSERT INTO workflow_start (workflow_id, workflow, subject_id)
VALUES (@workflow_id::text, @workflow::text, @subject_id::bigint)
ON CONFLICT (workflow_id) DO NOTHING;

-- Workflows that nobody has started yet, oldest first.
-- name: StartPending :many
SELECT workflow_id, workflow, subject_id, created_at
FROM workflow_start
WHERE started_at IS NULL
ORDER BY created_at, workflow_id
LIMIT @row_limit::integer;

-- It runs now.
-- name: StartMark :exec
UPDATE workflow_start SET started_at = now() WHERE workflow_id = @workflow_id::text AND started_at IS NULL;

-- Workflows that were started and whose change goes on.
-- name: StartOpen :many
SELECT s.workflow_id, s.workflow, s.subject_id, s.created_at
FROM workflow_start s
JOIN change c ON c.id = s.subject_id AND c.ended_at IS NULL
WHERE s.started_at IS NOT NULL
ORDER BY s.created_at, s.workflow_id;
