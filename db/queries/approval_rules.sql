-- Reads approval rules by id.
-- name: ApprovalRuleRows :many
SELECT t.id, t.name, t.disabled, t.kinds::text[] AS kinds, t.disruption, t.protected, t.min_sessions, t.min_routers, t.router_ids, t.site_ids,
    t.votes_needed, t.approval_minutes, t.solo_after_minutes, t.filter_change_limit, t.version, t.created_at, t.updated_at
FROM approval_rule t
WHERE t.id = ANY(@ids::bigint[])
ORDER BY t.id;

-- The rules that count, by id.
-- name: ApprovalRuleInForce :many
SELECT t.id, t.name, t.disabled, t.kinds::text[] AS kinds, t.disruption, t.protected, t.min_sessions, t.min_routers, t.router_ids, t.site_ids,
    t.votes_needed, t.approval_minutes, t.solo_after_minutes, t.filter_change_limit, t.version, t.created_at, t.updated_at
FROM approval_rule t
WHERE NOT t.disabled
ORDER BY t.id;

-- Writes an approval rule under an id that was drawn before.
-- name: ApprovalRuleInsert :execrows
INSERT INTO approval_rule (
    name, disabled, kinds, disruption, protected, min_sessions, min_routers, router_ids, site_ids,
    votes_needed, approval_minutes, solo_after_minutes, filter_change_limit, id, version)
OVERRIDING SYSTEM VALUE VALUES (
    @name::text, @disabled::boolean, CAST(@kinds::text[] AS change_kind[]), @disruption::disruption, @protected::boolean,
    @min_sessions::integer, @min_routers::integer, @router_ids::bigint[], @site_ids::bigint[],
    @votes_needed::integer, @approval_minutes::integer, @solo_after_minutes::integer, @filter_change_limit::integer,
    @id::bigint, @version::bigint);

-- Writes an approval rule that still has the version it was read with; no row otherwise.
-- name: ApprovalRuleUpdate :execrows
UPDATE approval_rule SET
    name = @name::text, disabled = @disabled::boolean, kinds = CAST(@kinds::text[] AS change_kind[]), disruption = @disruption::disruption,
    protected = @protected::boolean, min_sessions = @min_sessions::integer, min_routers = @min_routers::integer,
    router_ids = @router_ids::bigint[], site_ids = @site_ids::bigint[], votes_needed = @votes_needed::integer,
    approval_minutes = @approval_minutes::integer, solo_after_minutes = @solo_after_minutes::integer,
    filter_change_limit = @filter_change_limit::integer,
    updated_at = now(), version = version + 1
WHERE id = @id::bigint AND version = @version::bigint;

-- Removes an approval rule that still has the version it was read with; no row otherwise.
-- name: ApprovalRuleDelete :execrows
DELETE FROM approval_rule WHERE id = @id::bigint AND version = @version::bigint;

-- The first of a rule's routers and sites that doesn't exist; 0 when all do.
-- name: ApprovalRuleDangling :one
SELECT
    coalesce((SELECT min(i) FROM unnest(@router_ids::bigint[]) AS i WHERE NOT EXISTS (SELECT FROM router WHERE router.id = i)), 0)::bigint AS router_id,
    coalesce((SELECT min(i) FROM unnest(@site_ids::bigint[]) AS i WHERE NOT EXISTS (SELECT FROM site WHERE site.id = i)), 0)::bigint AS site_id;

-- Whether an author of a change, or of the edits that it carries, wrote approval rules within the last day.
-- name: ApprovalRuleOfAuthors :one
SELECT EXISTS (
    SELECT FROM change_log l
    WHERE l.object = 'approval_rule' AND l.at > now() - interval '24 hours' AND l.user_id = ANY(@authors::bigint[])
)::boolean AS edited;

-- The sites of routers.
-- name: SiteOfRouters :many
SELECT DISTINCT site_id FROM router WHERE id = ANY(@router_ids::bigint[]) ORDER BY site_id;
