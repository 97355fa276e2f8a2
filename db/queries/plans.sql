-- Texts under their SHA-256; equal text is stored once.
-- name: TextsPut :exec
INSERT INTO config_text (hash, text)
SELECT t.hash, t.text FROM (SELECT unnest(@hashes::text[]) AS hash, unnest(@texts::text[]) AS text) t
ORDER BY t.hash
ON CONFLICT (hash) DO NOTHING;

-- Stored texts by hash.
-- name: TextList :many
SELECT hash, text FROM config_text WHERE hash = ANY(@hashes::text[]) ORDER BY hash;

-- One plan.
-- name: PlanGet :one
SELECT * FROM plan WHERE id = @id::bigint;

-- A plan in force.
-- name: PlanInsert :one
INSERT INTO plan (change_id, hash, impact, rule, votes_needed, approval_minutes, solo_after_minutes)
VALUES (@change_id::bigint, @hash::text, @impact::jsonb, @rule::text, @votes_needed::integer, @approval_minutes::integer,
    @solo_after_minutes::integer)
RETURNING id;

-- Figures of a plan whose moves stayed the same.
-- name: PlanRenew :exec
UPDATE plan SET impact = @impact::jsonb, rule = @rule::text, votes_needed = @votes_needed::integer,
    approval_minutes = @approval_minutes::integer, solo_after_minutes = @solo_after_minutes::integer
WHERE id = @id::bigint;

-- A plan that is no longer in force, and why.
-- name: PlanVoid :execrows
UPDATE plan SET voided_at = now(), void_reason = @void_reason::text WHERE id = @id::bigint AND voided_at IS NULL;

-- Votes end with their plan.
-- name: PlanRevokeVotes :execrows
UPDATE vote SET revoked_at = now() WHERE plan_id = @plan_id::bigint AND revoked_at IS NULL;

-- Whether the plan was deployed anywhere to an end: it isn't kept in force then.
-- name: PlanDeployed :one
SELECT EXISTS (SELECT FROM deployment WHERE plan_id = @plan_id::bigint AND ended_at IS NOT NULL)::boolean AS deployed;

-- A plan's part on one router; base, artifact and diff are renewed when it is stored again.
-- name: PlanRouterPut :exec
INSERT INTO plan_router (plan_id, router_id, artifact_hash, base_hash, diff, touched, mode)
VALUES (@plan_id::bigint, @router_id::bigint, @artifact_hash::text, @base_hash::text, @diff::text, @touched::jsonb, @mode::router_mode)
ON CONFLICT (plan_id, router_id) DO UPDATE
SET artifact_hash = EXCLUDED.artifact_hash, base_hash = EXCLUDED.base_hash, diff = EXCLUDED.diff, touched = EXCLUDED.touched, mode = EXCLUDED.mode;

-- Stanzas that move on a router, or that moved ones refer to.
-- name: PlanMovesPut :exec
INSERT INTO plan_move (plan_id, router_id, key, before_hash, after_hash, refers)
SELECT @plan_id::bigint, @router_id::bigint, m.key, m.before_hash, m.after_hash, @refers::boolean
FROM (SELECT unnest(@keys::text[]) AS key, unnest(@befores::text[]) AS before_hash, unnest(@afters::text[]) AS after_hash) m
ON CONFLICT (plan_id, router_id, key) DO NOTHING;

-- A plan's routers, by name.
-- name: PlanRouterList :many
SELECT sqlc.embed(p), r.name AS router
FROM plan_router p
JOIN router r ON r.id = p.router_id
WHERE p.plan_id = @plan_id::bigint
ORDER BY r.name, r.id;

-- A plan's stanzas, by router and key.
-- name: PlanMoveList :many
SELECT * FROM plan_move WHERE plan_id = @plan_id::bigint ORDER BY router_id, key;

-- The mode in which a plan found a router; no row when it moves nothing there.
-- name: PlanRouterMode :one
SELECT mode FROM plan_router WHERE plan_id = @plan_id::bigint AND router_id = @router_id::bigint;

-- The routers that a plan changes.
-- name: PlanRouterIDs :many
SELECT router_id FROM plan_router WHERE plan_id = @plan_id::bigint ORDER BY router_id;

-- What planning found on one router.
-- name: PlanPartPut :exec
INSERT INTO plan_part (change_id, router_id, part)
VALUES (@change_id::bigint, @router_id::bigint, @part::jsonb)
ON CONFLICT (change_id, router_id) DO UPDATE SET part = EXCLUDED.part, created_at = now();

-- What planning found on the routers of a change so far.
-- name: PlanPartList :many
SELECT part FROM plan_part WHERE change_id = @change_id::bigint ORDER BY router_id;

-- Parts of an earlier planning.
-- name: PlanPartDrop :exec
DELETE FROM plan_part WHERE change_id = @change_id::bigint;

-- The routers of a plan, by name.
-- name: PlanRouterNames :many
SELECT r.name FROM plan_router p JOIN router r ON r.id = p.router_id WHERE p.plan_id = @plan_id::bigint ORDER BY r.name;
