-- When a router was asked, and what it said. A failed try leaves what it said before.
-- name: PollPut :exec
INSERT INTO router_poll (router_id, polled_at, answered_at, error, generation)
VALUES (@router_id::bigint, @polled_at::timestamptz, sqlc.narg('answered_at')::timestamptz, @error::text, @generation::text)
ON CONFLICT (router_id) DO UPDATE
SET polled_at = EXCLUDED.polled_at, answered_at = coalesce(EXCLUDED.answered_at, router_poll.answered_at), error = EXCLUDED.error,
    generation = CASE WHEN EXCLUDED.generation = '' THEN router_poll.generation ELSE EXCLUDED.generation END;

-- The last try and the last answer of a router, held against another poll.
-- name: PollLock :one
SELECT * FROM router_poll WHERE router_id = @router_id::bigint FOR UPDATE;

-- The last tries of all routers.
-- name: PollList :many
SELECT * FROM router_poll ORDER BY router_id;

-- What a router's neighbors were seen doing.
-- name: NeighborList :many
SELECT * FROM neighbor_state WHERE router_id = @router_id::bigint ORDER BY vrf, address;

-- One neighbor as seen now.
-- name: NeighborPut :batchexec
INSERT INTO neighbor_state (router_id, vrf, address, remote_asn, state, established_at, ever_up, drops, last_drop_at, body, seen_at)
VALUES (@router_id::bigint, @vrf::text, @address::inet, @remote_asn::bigint, @state::text, sqlc.narg('established_at')::timestamptz,
    @ever_up::boolean, @drops::bigint, sqlc.narg('last_drop_at')::timestamptz, @body::jsonb, @seen_at::timestamptz)
ON CONFLICT (router_id, vrf, address) DO UPDATE
SET remote_asn = EXCLUDED.remote_asn, state = EXCLUDED.state, established_at = EXCLUDED.established_at, ever_up = EXCLUDED.ever_up,
    drops = EXCLUDED.drops, last_drop_at = EXCLUDED.last_drop_at, body = EXCLUDED.body, seen_at = EXCLUDED.seen_at;

-- Neighbors that the router no longer lists.
-- name: NeighborDropUnseen :exec
DELETE FROM neighbor_state WHERE router_id = @router_id::bigint AND seen_at < @seen_at::timestamptz;

-- A neighbor left Established.
-- name: NeighborDropPut :batchexec
INSERT INTO neighbor_drop (router_id, vrf, address, at, drops)
VALUES (@router_id::bigint, @vrf::text, @address::inet, @at::timestamptz, @drops::bigint)
ON CONFLICT (router_id, vrf, address, at) DO NOTHING;

-- Drops are kept for as long as somebody may ask for them.
-- name: NeighborDropForget :exec
DELETE FROM neighbor_drop WHERE router_id = @router_id::bigint AND at < @before::timestamptz;

-- Neighbors that dropped at least twice since then.
-- name: NeighborFlapped :many
SELECT vrf, address, sum(drops)::bigint AS drops
FROM neighbor_drop
WHERE router_id = @router_id::bigint AND at >= @since::timestamptz
GROUP BY vrf, address
HAVING sum(drops) >= 2
ORDER BY vrf, address;

-- The sessions that a change created, with whether each is Established now.
-- name: SessionUpList :many
SELECT s.id, coalesce(n.state = 'established', false)::boolean AS up
FROM change_operation o
JOIN session s ON s.id = o.object_id
LEFT JOIN neighbor_state n ON n.router_id = s.router_id AND n.vrf = s.vrf AND n.address = s.peer_address
WHERE o.change_id = @change_id::bigint AND o.object = 'session' AND o.action = 'create' AND o.applied_at IS NOT NULL
ORDER BY s.id;

-- What routers were seen doing with these sessions.
-- name: SessionStateList :many
SELECT s.id AS session_id, sqlc.embed(n)
FROM session s
JOIN neighbor_state n ON n.router_id = s.router_id AND n.vrf = s.vrf AND n.address = s.peer_address
WHERE s.id = ANY(@ids::bigint[])
ORDER BY s.id;
