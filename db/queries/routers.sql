-- Reads routers by id, with their communities, tags and config contexts.
-- name: RouterRows :many
SELECT sqlc.embed(t),
    ARRAY(SELECT c.community_id FROM community_assignment c WHERE c.object = 'router' AND c.object_id = t.id ORDER BY c.community_id)::bigint[] AS communities,
    ARRAY(SELECT g.tag_id FROM tag_assignment g WHERE g.object = 'router' AND g.object_id = t.id ORDER BY g.position)::bigint[] AS tags,
    ARRAY(SELECT x.config_context_id FROM context_assignment x WHERE x.object = 'router' AND x.object_id = t.id ORDER BY x.weight, x.config_context_id)::bigint[] AS contexts,
    ARRAY(SELECT x.weight FROM context_assignment x WHERE x.object = 'router' AND x.object_id = t.id ORDER BY x.weight, x.config_context_id)::integer[] AS context_weights
FROM router t
WHERE t.id = ANY(@ids::bigint[])
ORDER BY t.id;

-- Writes a router under an id that was drawn before.
-- name: RouterInsert :execrows
INSERT INTO router (
    name, site_id, platform_id, local_as_id, template_id, mode, address, username, login_secret, login_version,
    host_key, bgp_port, lab, accept_unproven, settings, context, reached_via, id, version)
OVERRIDING SYSTEM VALUE VALUES (
    @name::text, @site_id::bigint, @platform_id::bigint, @local_as_id::bigint, sqlc.narg('template_id')::bigint,
    @mode::router_mode, @address::text, @username::text, sqlc.narg('login_secret')::bigint,
    sqlc.narg('login_version')::bigint, @host_key::text, @bgp_port::integer, @lab::boolean, @accept_unproven::boolean,
    @settings::jsonb, @context::jsonb, sqlc.narg('reached_via')::inet, @id::bigint, @version::bigint);

-- Writes a router that still has the version it was read with; no row otherwise.
-- name: RouterUpdate :execrows
UPDATE router SET
    name = @name::text, site_id = @site_id::bigint, platform_id = @platform_id::bigint,
    local_as_id = @local_as_id::bigint, template_id = sqlc.narg('template_id')::bigint, mode = @mode::router_mode,
    address = @address::text, username = @username::text, login_secret = sqlc.narg('login_secret')::bigint,
    login_version = sqlc.narg('login_version')::bigint, host_key = @host_key::text, bgp_port = @bgp_port::integer,
    lab = @lab::boolean, accept_unproven = @accept_unproven::boolean, settings = @settings::jsonb, context = @context::jsonb,
    reached_via = sqlc.narg('reached_via')::inet,
    updated_at = now(), version = version + 1
WHERE id = @id::bigint AND version = @version::bigint;

-- Removes a router that still has the version it was read with; no row otherwise.
-- name: RouterDelete :execrows
DELETE FROM router WHERE id = @id::bigint AND version = @version::bigint;
