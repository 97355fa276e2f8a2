-- What planning with a peer looks at, by id; no exchanges named means all.
-- name: PlanningIDs :one
WITH exchanges AS (
    SELECT x.id FROM ixp x WHERE cardinality(@ixps::bigint[]) = 0 OR x.id = ANY(@ixps::bigint[])
), connections AS (
    SELECT c.id, c.router_id FROM connection c WHERE c.ixp_id IN (SELECT e.id FROM exchanges e)
)
SELECT now()::timestamptz AS now,
    ARRAY(SELECT e.id FROM exchanges e)::bigint[] AS ixps,
    ARRAY(SELECT c.id FROM connections c ORDER BY c.id)::bigint[] AS connections,
    ARRAY(SELECT DISTINCT c.router_id FROM connections c)::bigint[] AS routers,
    ARRAY(SELECT p.id FROM peering p JOIN autonomous_system a ON a.id = p.peer_as_id JOIN ixp x ON x.id = p.ixp_id
        WHERE a.asn = @asn::bigint AND p.local_as_id = x.local_as_id AND p.ixp_id IN (SELECT e.id FROM exchanges e))::bigint[] AS peerings,
    ARRAY(SELECT a.asn FROM autonomous_system a WHERE a.local
        UNION SELECT a.asn FROM autonomous_system a JOIN router r ON r.local_as_id = a.id
        UNION SELECT a.asn FROM autonomous_system a JOIN ixp x ON x.local_as_id = a.id)::bigint[] AS our_asns;

-- Sessions on these routers in the default VRF, recorded or planned by an open change; a recorded one comes last.
-- name: SessionsThere :many
SELECT o.router_id, (o.patch->>'peer_address')::inet AS peer_address, (o.patch->>'peer_asn')::bigint AS peer_asn,
    o.object_id AS session_id, o.change_id AS change_id
FROM change_operation o JOIN change c ON c.id = o.change_id
WHERE o.object = 'session' AND o.action = 'create' AND o.applied_at IS NULL AND o.discarded_at IS NULL
    AND c.ended_at IS NULL AND o.router_id = ANY(@routers::bigint[])
    AND COALESCE(o.patch->>'vrf', '') = '' AND COALESCE(o.patch->>'interface', '') = ''
UNION ALL
SELECT s.router_id, s.peer_address, s.peer_asn, s.id, 0
FROM session s
WHERE s.router_id = ANY(@routers::bigint[]) AND s.vrf = '' AND s.interface = ''
ORDER BY change_id DESC, session_id;

-- The record of a network.
-- name: NetworkIDByASN :one
SELECT id FROM autonomous_system WHERE asn = @asn::bigint;

-- The peering of two networks at a venue; a null exchange is direct.
-- name: PeeringIDAt :one
SELECT id FROM peering
WHERE local_as_id = @local_as_id::bigint AND peer_as_id = @peer_as_id::bigint
    AND ixp_id IS NOT DISTINCT FROM sqlc.narg('ixp_id')::bigint;
