-- Arms a session's export guard in one family with what its newest deployment expects.
-- name: GuardArm :exec
INSERT INTO export_guard (session_id, family, deployment_id, expected, origin, allow_default, allow_long)
SELECT s.id, @family::smallint, @deployment_id::bigint, sqlc.narg('expected')::bigint, @origin::text, @allow_default::boolean, @allow_long::boolean
FROM session s
WHERE s.id = @session_id::bigint
ON CONFLICT (session_id, family) DO UPDATE
SET deployment_id = EXCLUDED.deployment_id, expected = EXCLUDED.expected, origin = EXCLUDED.origin, allow_default = EXCLUDED.allow_default,
    allow_long = EXCLUDED.allow_long, state = 'armed', up_since = NULL, finding = '', armed_at = now(), decided_at = NULL;

-- The guards of a router's sessions that still watch; none while a deployment is under way there, which has its own.
-- name: GuardOpenList :many
SELECT sqlc.embed(g), s.router_id, s.vrf, s.peer_address, s.peer_asn
FROM export_guard g
JOIN session s ON s.id = g.session_id
WHERE s.router_id = @router_id::bigint AND g.state <> 'passed'
    AND NOT EXISTS (SELECT FROM deployment d WHERE d.router_id = s.router_id
        AND (d.state IN ('committing', 'soaking', 'unknown') OR d.state = 'proposed' AND d.committed_at IS NOT NULL))
ORDER BY g.session_id, g.family;

-- One guard, held.
-- name: GuardLock :one
SELECT * FROM export_guard WHERE session_id = @session_id::bigint AND family = @family::smallint FOR UPDATE;

-- What a poll decided.
-- name: GuardDecide :exec
UPDATE export_guard
SET state = @state::guard_state, up_since = sqlc.narg('up_since')::timestamptz, finding = @finding::text, decided_at = sqlc.narg('decided_at')::timestamptz
WHERE session_id = @session_id::bigint AND family = @family::smallint;

-- The sessions of a router that peerflow has to shut; where it may not write, a person has to.
-- name: GuardBreachedSessions :many
SELECT DISTINCT s.id
FROM export_guard g
JOIN session s ON s.id = g.session_id
JOIN router r ON r.id = s.router_id AND r.mode = 'manage'
WHERE s.router_id = @router_id::bigint AND g.state = 'breached'
ORDER BY s.id;

-- A session was shut on its router.
-- name: GuardShut :execrows
UPDATE export_guard SET state = 'shut', up_since = NULL, decided_at = now() WHERE session_id = @session_id::bigint AND state = 'breached';

-- A new token to shut a session with; no deployment begins for so many seconds.
-- name: GuardBeginShutdown :one
UPDATE router SET fence = fence + 1, shutting_until = clock_timestamp() + make_interval(secs => @seconds::float8)
WHERE id = @router_id::bigint
RETURNING fence;

-- An attempt to shut a session is over, unless a newer one has begun.
-- name: GuardEndShutdown :exec
UPDATE router SET shutting_until = NULL WHERE id = @router_id::bigint AND fence = @fence::bigint;
