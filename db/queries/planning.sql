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
SELECT router_id, peer_address, peer_asn, session_id, change_id
FROM session_end
WHERE router_id = ANY(@routers::bigint[]) AND vrf = '' AND interface = ''
ORDER BY change_id DESC, session_id;

-- The record of a network.
-- name: NetworkIDByASN :one
SELECT id FROM autonomous_system WHERE asn = @asn::bigint;

-- The peering of two networks at a venue; a null exchange is direct.
-- name: PeeringIDAt :one
SELECT id FROM peering
WHERE local_as_id = @local_as_id::bigint AND peer_as_id = @peer_as_id::bigint
    AND ixp_id IS NOT DISTINCT FROM sqlc.narg('ixp_id')::bigint;

-- Whether an AS number is one of our own.
-- name: ASNIsOurs :one
SELECT EXISTS (SELECT FROM autonomous_system a WHERE a.asn = @asn::bigint AND (a.local
    OR EXISTS (SELECT FROM router r WHERE r.local_as_id = a.id) OR EXISTS (SELECT FROM ixp x WHERE x.local_as_id = a.id)));
