-- Reads connections by id, with their tags.
-- name: ConnectionRows :many
SELECT sqlc.embed(t),
    ARRAY(SELECT g.tag_id FROM tag_assignment g WHERE g.object = 'connection' AND g.object_id = t.id ORDER BY g.position)::bigint[] AS tags
FROM connection t
WHERE t.id = ANY(@ids::bigint[])
ORDER BY t.id;

-- Writes a connection under an id that was drawn before.
-- name: ConnectionInsert :execrows
INSERT INTO connection (
    ixp_id, router_id, state, ipv4, ipv4_lan, ipv6, ipv6_lan, interface, vlan, is_primary, description, id, version)
OVERRIDING SYSTEM VALUE VALUES (
    @ixp_id::bigint, @router_id::bigint, @state::connection_state, sqlc.narg('ipv4')::inet,
    sqlc.narg('ipv4_lan')::cidr, sqlc.narg('ipv6')::inet, sqlc.narg('ipv6_lan')::cidr, @interface::text,
    sqlc.narg('vlan')::integer, @is_primary::boolean, @description::text, @id::bigint, @version::bigint);

-- Writes a connection that still has the version it was read with; no row otherwise.
-- name: ConnectionUpdate :execrows
UPDATE connection SET
    ixp_id = @ixp_id::bigint, router_id = @router_id::bigint, state = @state::connection_state,
    ipv4 = sqlc.narg('ipv4')::inet, ipv4_lan = sqlc.narg('ipv4_lan')::cidr, ipv6 = sqlc.narg('ipv6')::inet,
    ipv6_lan = sqlc.narg('ipv6_lan')::cidr, interface = @interface::text, vlan = sqlc.narg('vlan')::integer,
    is_primary = @is_primary::boolean, description = @description::text,
    updated_at = now(), version = version + 1
WHERE id = @id::bigint AND version = @version::bigint;

-- Removes a connection that still has the version it was read with; no row otherwise.
-- name: ConnectionDelete :execrows
DELETE FROM connection WHERE id = @id::bigint AND version = @version::bigint;
