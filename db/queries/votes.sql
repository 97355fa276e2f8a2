-- Who a subject is, with what it may do.
-- name: SubjectGet :one
SELECT id, name, roles::text[] AS roles, active FROM app_user WHERE id = @id::bigint;

-- Those who may log in, by id; two are enough to know that there is more than one.
-- name: SubjectActive :many
SELECT id, name, roles::text[] AS roles, active FROM app_user WHERE active ORDER BY id LIMIT 2;

-- The answer that a decision got, by its update id.
-- name: VoteAnswer :one
SELECT refused, text FROM audit_event WHERE update_id = @update_id::text;

-- An approval code; only its hash is kept.
-- name: CodeInsert :exec
INSERT INTO approval_code (hash, user_id, change_id, plan_hash, decision, expires_at)
VALUES (@hash::bytea, @user_id::bigint, @change_id::bigint, @plan_hash::text, @decision::decision, @expires_at::timestamptz);

-- Looks a code up and holds it.
-- name: CodeLock :one
SELECT id, user_id, change_id, plan_hash, decision, used_at, (expires_at <= now())::boolean AS expired
FROM approval_code
WHERE hash = @hash::bytea
FOR UPDATE;

-- Any presentation burns a code.
-- name: CodeBurn :exec
UPDATE approval_code SET used_at = now() WHERE id = @id::bigint AND used_at IS NULL;

-- A subject's valid vote on a plan.
-- name: VoteOf :one
SELECT * FROM vote WHERE plan_id = @plan_id::bigint AND user_id = @user_id::bigint AND revoked_at IS NULL;

-- One decision.
-- name: VoteInsert :one
INSERT INTO vote (change_id, plan_id, user_id, decision, reason, door, solo, update_id)
VALUES (@change_id::bigint, @plan_id::bigint, @user_id::bigint, @decision::decision, @reason::text, @door::text, @solo::boolean,
    sqlc.narg('update_id')::text)
RETURNING id;

-- A vote that its voter took back.
-- name: VoteRevoke :exec
UPDATE vote SET revoked_at = now() WHERE id = @id::bigint AND revoked_at IS NULL;

-- The votes on a change, oldest first, those taken back or void included.
-- name: VoteList :many
SELECT sqlc.embed(v), u.name AS user_name
FROM vote v
JOIN app_user u ON u.id = v.user_id
WHERE v.change_id = @change_id::bigint
ORDER BY v.id;

-- The votes on a plan that may count, oldest first: not taken back, by people who may still decide; and the time now.
-- name: VoteValid :many
SELECT v.decision, v.reason, u.name AS user_name, v.created_at, (v.user_id = c.author_id)::boolean AS author,
    (v.user_id = ANY(c.carried_authors))::boolean AS carried, now()::timestamptz AS now
FROM vote v
JOIN plan p ON p.id = v.plan_id AND p.voided_at IS NULL
JOIN change c ON c.id = v.change_id
JOIN app_user u ON u.id = v.user_id AND u.active AND u.roles && '{approver,admin}'::app_role[]
WHERE v.plan_id = @plan_id::bigint AND v.change_id = @change_id::bigint AND v.revoked_at IS NULL
ORDER BY v.id;

-- Whose pending edits a change's plan carries.
-- name: ChangeCarriedAuthors :one
SELECT carried_authors FROM change WHERE id = @id::bigint;
