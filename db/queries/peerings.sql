-- Reads peerings by id.
-- name: PeeringRows :many
SELECT t.*
FROM peering t
WHERE t.id = ANY(@ids::bigint[])
ORDER BY t.id;

-- Writes a peering under an id that was drawn before.
-- name: PeeringInsert :execrows
INSERT INTO peering (
    local_as_id, peer_as_id, ixp_id, state, evidence, evidence_text, via, ignored_until, reason, id, version)
OVERRIDING SYSTEM VALUE VALUES (
    @local_as_id::bigint, @peer_as_id::bigint, sqlc.narg('ixp_id')::bigint, @state::peering_state,
    @evidence::peering_evidence, @evidence_text::text, @via::peering_via, sqlc.narg('ignored_until')::timestamptz,
    @reason::text, @id::bigint, @version::bigint);

-- Writes a peering that still has the version it was read with; no row otherwise.
-- name: PeeringUpdate :execrows
UPDATE peering SET
    local_as_id = @local_as_id::bigint, peer_as_id = @peer_as_id::bigint, ixp_id = sqlc.narg('ixp_id')::bigint,
    state = @state::peering_state, evidence = @evidence::peering_evidence, evidence_text = @evidence_text::text,
    via = @via::peering_via, ignored_until = sqlc.narg('ignored_until')::timestamptz, reason = @reason::text,
    updated_at = now(), version = version + 1
WHERE id = @id::bigint AND version = @version::bigint;

-- Removes a peering that still has the version it was read with; no row otherwise.
-- name: PeeringDelete :execrows
DELETE FROM peering WHERE id = @id::bigint AND version = @version::bigint;

-- The peerings of sessions that a change opens, held so that none changes until the transaction ends: the given ones,
-- and those that the change's operations create or open (on one router; 0 is all).
-- name: PeeringsOfOpened :many
WITH ops AS (
    SELECT object_id, action, patch, position FROM change_operation
    WHERE change_id = @change_id::bigint AND object = 'session' AND applied_at IS NULL AND discarded_at IS NULL
        AND (@router_id::bigint = 0 OR router_id = @router_id::bigint)
), opened AS (
    SELECT unnest(@sessions::bigint[]) AS id
    UNION
    SELECT o.object_id FROM ops o LEFT JOIN session s ON s.id = o.object_id
    WHERE o.action = 'create' AND coalesce(o.patch->>'intent', 'present') NOT IN ('absent', 'removing')
        OR o.action = 'update' AND o.patch->>'intent' IN ('present', 'draining') AND s.intent NOT IN ('present', 'draining')
), found AS (
    SELECT e.id,
        coalesce((SELECT (o.patch->>'peering_id')::bigint FROM ops o WHERE o.object_id = e.id AND o.patch->>'peering_id' IS NOT NULL
            ORDER BY o.position DESC LIMIT 1), s.peering_id) AS peering_id,
        coalesce((SELECT o.patch->>'peer_address' FROM ops o WHERE o.object_id = e.id AND o.patch->>'peer_address' IS NOT NULL
            ORDER BY o.position DESC LIMIT 1), host(s.peer_address), '') AS peer_address,
        coalesce((SELECT (o.patch->>'peer_asn')::bigint FROM ops o WHERE o.object_id = e.id AND o.patch->>'peer_asn' IS NOT NULL
            ORDER BY o.position DESC LIMIT 1), s.peer_asn) AS peer_asn,
        coalesce((SELECT (o.patch->>'connection_id')::bigint FROM ops o WHERE o.object_id = e.id AND o.patch->>'connection_id' IS NOT NULL
            ORDER BY o.position DESC LIMIT 1), s.connection_id) AS connection_id,
        coalesce((SELECT o.patch->>'kind' FROM ops o WHERE o.object_id = e.id AND o.patch->>'kind' IS NOT NULL
            ORDER BY o.position DESC LIMIT 1), s.kind::text, '') AS kind
    FROM opened e
    LEFT JOIN session s ON s.id = e.id
)
SELECT f.id::bigint AS session_id, f.peer_address::text AS peer_address, coalesce(f.peer_asn, 0)::bigint AS session_asn,
    coalesce(at.slug, '')::text AS session_exchange, a.asn, coalesce(x.slug, '')::text AS exchange, p.state, p.reason
FROM found f
JOIN peering p ON p.id = f.peering_id
JOIN autonomous_system a ON a.id = p.peer_as_id
LEFT JOIN ixp x ON x.id = p.ixp_id
LEFT JOIN connection c ON c.id = f.connection_id AND f.kind <> 'direct'
LEFT JOIN ixp at ON at.id = c.ixp_id
ORDER BY f.id
FOR SHARE OF p;
