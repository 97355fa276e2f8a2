-- A queued deployment, unless the plan has one on this router already.
-- name: DeploymentInsert :one
INSERT INTO deployment (change_id, plan_id, router_id, mode)
VALUES (@change_id::bigint, @plan_id::bigint, @router_id::bigint, @mode::router_mode)
RETURNING id;

-- A plan's deployment on a router.
-- name: DeploymentOfPlan :one
SELECT id FROM deployment WHERE plan_id = @plan_id::bigint AND router_id = @router_id::bigint;

-- One deployment with its router's name.
-- name: DeploymentGet :one
SELECT sqlc.embed(d), r.name AS router FROM deployment d JOIN router r ON r.id = d.router_id WHERE d.id = @id::bigint;

-- One deployment, held until the transaction ends. Its change is held first, always in this order.
-- name: DeploymentLock :one
SELECT sqlc.embed(d), r.name AS router FROM deployment d JOIN router r ON r.id = d.router_id WHERE d.id = @id::bigint FOR UPDATE OF d;

-- Whose deployment it is: to hold the change before the deployment.
-- name: DeploymentChange :one
SELECT change_id FROM deployment WHERE id = @id::bigint;

-- A router's queue: what is in flight, then what is queued, oldest first. Proposals that wait for a person aren't in it.
-- name: DeploymentOpenList :many
SELECT sqlc.embed(d), r.name AS router
FROM deployment d
JOIN router r ON r.id = d.router_id
WHERE d.router_id = @router_id::bigint AND (d.state IN ('committing', 'soaking', 'unknown', 'needs_operator') OR d.state = 'queued' AND d.mode = 'manage')
ORDER BY (d.state = 'queued'), d.id;

-- Proposals that are open, oldest first: on one router, or everywhere.
-- name: DeploymentProposalList :many
SELECT sqlc.embed(d), r.name AS router
FROM deployment d
JOIN router r ON r.id = d.router_id
WHERE d.mode = 'propose' AND d.state IN ('queued', 'proposed') AND d.router_id = coalesce(sqlc.narg('router_id')::bigint, d.router_id)
ORDER BY d.id;

-- A proposal that may be pasted from now on, and until when.
-- name: DeploymentSetProposed :exec
UPDATE deployment SET proposed_at = clock_timestamp(), deadline = clock_timestamp() + make_interval(secs => @seconds::double precision), updated_at = now() WHERE id = @id::bigint;

-- The router runs a proposal, as far as was read, from now on.
-- name: DeploymentSetPasted :one
UPDATE deployment SET committed_at = clock_timestamp(), commit_generation = @commit_generation::text, updated_at = now() WHERE id = @id::bigint
RETURNING committed_at::timestamptz AS at;

-- What was pasted is gone again: it is verified anew when it comes back.
-- name: DeploymentForgetPaste :exec
UPDATE deployment SET committed_at = NULL, commit_generation = '', verdict = NULL, updated_at = now() WHERE id = @id::bigint AND state = 'proposed';

-- Whether something else was written or pasted on a deployment's router after its base was taken, or may have been.
-- name: DeploymentOvertaken :one
SELECT EXISTS (SELECT FROM deployment o
    WHERE o.router_id = d.router_id AND o.id <> d.id
        AND coalesce(o.committed_at, o.commit_sent_at) > coalesce(d.base_read_at, '-infinity'))::boolean
FROM deployment d
WHERE d.id = @id::bigint;

-- A change's deployments, oldest first.
-- name: DeploymentListOfChange :many
SELECT sqlc.embed(d), r.name AS router
FROM deployment d
JOIN router r ON r.id = d.router_id
WHERE d.change_id = @change_id::bigint
ORDER BY d.id;

-- The deployment that is in flight on a router, a proposal that is being verified among them.
-- name: DeploymentInFlight :one
SELECT sqlc.embed(d), r.name AS router
FROM deployment d
JOIN router r ON r.id = d.router_id
WHERE d.router_id = @router_id::bigint
    AND (d.state IN ('committing', 'soaking', 'unknown', 'needs_operator') OR d.state = 'proposed' AND d.committed_at IS NOT NULL)
ORDER BY d.id
LIMIT 1;

-- A deployment that is in flight on a router of a platform.
-- name: DeploymentInFlightOfPlatform :one
SELECT sqlc.embed(d), r.name AS router
FROM deployment d
JOIN router r ON r.id = d.router_id
WHERE r.platform_id = @platform_id::bigint
    AND (d.state IN ('committing', 'soaking', 'unknown', 'needs_operator') OR d.state = 'proposed' AND d.committed_at IS NOT NULL)
ORDER BY d.id
LIMIT 1;

-- The deployment of a change that is in flight.
-- name: DeploymentInFlightOfChange :one
SELECT sqlc.embed(d), r.name AS router
FROM deployment d
JOIN router r ON r.id = d.router_id
WHERE d.change_id = @change_id::bigint AND d.state IN ('committing', 'soaking', 'unknown', 'needs_operator')
ORDER BY d.id
LIMIT 1;

-- The deployment of a change that keeps it open: one in flight, or a proposal that waits for a person.
-- name: DeploymentOpenOfChange :one
SELECT sqlc.embed(d), r.name AS router
FROM deployment d
JOIN router r ON r.id = d.router_id
WHERE d.change_id = @change_id::bigint AND d.state IN ('proposed', 'committing', 'soaking', 'unknown', 'needs_operator')
ORDER BY d.id
LIMIT 1;

-- What a deployment starts from. Once the commit was sent, it stays as it is.
-- name: DeploymentSetBaseline :exec
UPDATE deployment
SET baseline = @baseline::jsonb, base_hash = @base_hash::text, artifact_hash = @artifact_hash::text,
    base_identity = @base_identity::text, base_generation = @base_generation::text, base_incarnation = @base_incarnation::text,
    base_read_at = @base_read_at::timestamptz, updated_at = now()
WHERE id = @id::bigint AND commit_sent_at IS NULL;

-- State and what is known of it.
-- name: DeploymentMove :exec
UPDATE deployment
SET state = @state::deployment_state, outcome = @outcome::text,
    ended_at = CASE WHEN @ended::boolean THEN now() END, updated_at = now()
WHERE id = @id::bigint;

-- What approved the plan when its deployment began.
-- name: DeploymentSetApproval :exec
UPDATE deployment SET approved_by = @approved_by::text, updated_at = now() WHERE id = @id::bigint AND approved_by <> @approved_by::text;

-- The router that a deployment goes to, held: mode and fence can't change meanwhile.
-- name: DeploymentRouterLock :one
SELECT id, name, site_id, mode, fence, coalesce(shutting_until > clock_timestamp(), false)::boolean AS shutting FROM router WHERE id = @id::bigint FOR NO KEY UPDATE;

-- What stands in the way of pasting a proposal; '' when nothing on its router does.
-- name: DeploymentSetHindrance :exec
UPDATE deployment SET hindrance = @hindrance::text, updated_at = now() WHERE id = @id::bigint AND state = 'proposed' AND hindrance <> @hindrance::text;

-- What stands in the way of reading the router; '' once it was read.
-- name: DeploymentSetUnread :exec
UPDATE deployment SET unread = @unread::text, updated_at = now() WHERE id = @id::bigint AND unread <> @unread::text;

-- A new token; the router's row version stays, since nothing of its configuration changed.
-- name: DeploymentNextFence :one
UPDATE router SET fence = fence + 1 WHERE id = @router_id::bigint RETURNING fence;

-- The token of one attempt.
-- name: DeploymentSetFence :exec
UPDATE deployment SET fence = @fence::bigint, updated_at = now() WHERE id = @id::bigint;

-- Timer and deadline of a deployment that begins.
-- name: DeploymentSetTimer :exec
UPDATE deployment SET timer_seconds = @timer_seconds::integer, deadline = @deadline::timestamptz, updated_at = now() WHERE id = @id::bigint;

-- What was begun and not sent begins again some time later: with another baseline, timer and deadline.
-- name: DeploymentUnbegin :exec
UPDATE deployment SET baseline = NULL, timer_seconds = 0, deadline = NULL, updated_at = now()
WHERE id = @id::bigint AND commit_sent_at IS NULL;

-- What waits for a router takes another baseline: a session was shut there.
-- name: DeploymentForgetBaselines :exec
UPDATE deployment SET baseline = NULL, updated_at = now() WHERE router_id = @router_id::bigint AND state = 'queued';

-- Claims the one attempt to commit; no row when it was claimed, or when nothing is prepared.
-- name: DeploymentClaimCommit :one
UPDATE deployment
SET commit_sent_at = @at::timestamptz, deadline = greatest(deadline, @deadline::timestamptz), updated_at = now()
WHERE id = @id::bigint AND state = 'committing' AND commit_sent_at IS NULL AND artifact_hash IS NOT NULL AND base_hash IS NOT NULL
RETURNING id;

-- The router took the commit: the generation of the first read that shows it counts.
-- name: DeploymentSetCommitted :exec
UPDATE deployment
SET commit_generation = CASE WHEN commit_generation = '' THEN @commit_generation::text ELSE commit_generation END, committed_at = coalesce(committed_at, @at::timestamptz), updated_at = now()
WHERE id = @id::bigint;

-- What verification found.
-- name: DeploymentSetVerdict :exec
UPDATE deployment SET verdict = @verdict::jsonb, updated_at = now() WHERE id = @id::bigint;

-- A confirm goes out; the first time counts.
-- name: DeploymentSetConfirmSent :exec
UPDATE deployment SET confirm_sent_at = coalesce(confirm_sent_at, @at::timestamptz), updated_at = now() WHERE id = @id::bigint;

-- We return to the base ourselves, and why; the first time counts.
-- name: DeploymentSetAbortSent :exec
UPDATE deployment
SET abort_sent_at = coalesce(abort_sent_at, @at::timestamptz), updated_at = now(),
    outcome = CASE WHEN @outcome::text = '' OR abort_sent_at IS NOT NULL THEN outcome ELSE @outcome::text END
WHERE id = @id::bigint;

-- The router runs it for good.
-- name: DeploymentSetConfirmed :exec
UPDATE deployment SET confirmed_at = now() WHERE id = @id::bigint;

-- Routers of a plan that have no confirmed deployment yet, apart from one.
-- name: DeploymentRoutersLeft :one
SELECT count(*)::bigint AS left_over
FROM plan_router r
WHERE r.plan_id = @plan_id::bigint AND r.router_id <> @router_id::bigint
    AND NOT EXISTS (SELECT FROM deployment d WHERE d.plan_id = r.plan_id AND d.router_id = r.router_id AND d.state = 'confirmed');

-- Stanza keys that a commit is about to write: ours until they are proven absent.
-- name: LedgerAnnounce :exec
INSERT INTO stanza_ledger (router_id, key, hash, deployment_id)
SELECT m.router_id, m.key, '', @deployment_id::bigint
FROM plan_move m
WHERE m.plan_id = @plan_id::bigint AND m.router_id = @router_id::bigint AND NOT m.refers AND m.after_hash <> ''
ON CONFLICT (router_id, key) DO UPDATE SET absent_at = NULL, deployment_id = EXCLUDED.deployment_id
WHERE stanza_ledger.absent_at IS NOT NULL;

-- What a router runs of ours, as read after the confirm. A stanza that the plan didn't move and that somebody else wrote
-- since stays as it was last deployed: it ran along, and nobody approved it.
-- name: LedgerPut :exec
INSERT INTO stanza_ledger AS l (router_id, key, hash, deployment_id)
SELECT @router_id::bigint, s.key, s.hash, @deployment_id::bigint
FROM (SELECT unnest(@keys::text[]) AS key, unnest(@hashes::text[]) AS hash) s
ON CONFLICT (router_id, key) DO UPDATE
SET hash = EXCLUDED.hash, deployment_id = EXCLUDED.deployment_id, written_at = now(), absent_at = NULL
WHERE l.absent_at IS NOT NULL OR l.hash = EXCLUDED.hash
    OR EXISTS (SELECT FROM plan_move m WHERE m.plan_id = @plan_id::bigint AND m.router_id = l.router_id AND m.key = l.key AND NOT m.refers);

-- Keys of ours that a read of the router no longer shows.
-- name: LedgerAbsent :exec
UPDATE stanza_ledger
SET hash = '', absent_at = now(), deployment_id = @deployment_id::bigint
WHERE router_id = @router_id::bigint AND absent_at IS NULL AND NOT key = ANY(@keys::text[]);

-- Keys that a deployment announced, never confirmed, and a read of the router no longer shows.
-- name: LedgerAbsentUnconfirmed :exec
UPDATE stanza_ledger
SET absent_at = now()
WHERE router_id = @router_id::bigint AND deployment_id = @deployment_id::bigint AND absent_at IS NULL AND hash = ''
    AND NOT key = ANY(@keys::text[]);

-- Stanzas that deployments wrote on a router and never confirmed, the newest last.
-- name: LeftThere :many
SELECT d.id, d.change_id, d.state, m.key, m.after_hash
FROM deployment d
JOIN plan_move m ON m.plan_id = d.plan_id AND m.router_id = d.router_id AND NOT m.refers
WHERE d.router_id = @router_id::bigint AND d.commit_sent_at IS NOT NULL
    AND d.state IN ('committing', 'soaking', 'unknown', 'needs_operator', 'interfered')
ORDER BY d.id, m.key;

-- Sessions that a router runs as recorded. One that is new to its router waits for the other side from now on. The row
-- version counts edits of people: only a change of intent moves it.
-- name: SessionSynced :many
UPDATE session s
SET sync = n.sync::session_sync,
    watch_until = CASE WHEN n.sync = 'proven_absent' THEN NULL
        WHEN s.sync IN ('in_sync', 'drifted') OR s.sync NOT IN ('not_deployed', 'proven_absent') AND s.watch_until IS NOT NULL THEN s.watch_until
        ELSE @watch_until::timestamptz END,
    version = CASE WHEN s.intent = 'removing' THEN s.version + 1 ELSE s.version END,
    intent = CASE WHEN s.intent = 'removing' THEN 'absent' ELSE s.intent END::session_intent,
    updated_at = now()
FROM (SELECT unnest(@ids::bigint[]) AS id, unnest(@syncs::text[]) AS sync) n
WHERE s.id = n.id AND (s.intent = 'removing' OR s.sync::text <> n.sync)
RETURNING s.id, s.sync, s.intent;

-- The database's clock.
-- name: DatabaseTime :one
SELECT clock_timestamp()::timestamptz AS now;

-- Routers with queued or in-flight deployments.
-- name: DeploymentBusyRouters :many
SELECT DISTINCT router_id FROM deployment
WHERE state IN ('committing', 'soaking', 'unknown', 'needs_operator') OR state = 'queued' AND mode = 'manage'
ORDER BY router_id;

-- The routers that a freeze reaches and something waits for, each with the oldest of that.
-- name: DeploymentQueuedUnder :many
SELECT d.router_id, min(d.id)::bigint AS id FROM deployment d
JOIN router r ON r.id = d.router_id
JOIN change_freeze f ON f.id = @freeze_id::bigint AND (f.scope = 'all' OR f.site_id = r.site_id OR f.router_id = r.id)
WHERE d.state = 'queued' AND d.mode = 'manage'
GROUP BY d.router_id
ORDER BY d.router_id;

-- The changes with a proposal on a router that a freeze reaches.
-- name: DeploymentProposedUnder :many
SELECT DISTINCT d.change_id FROM deployment d
JOIN router r ON r.id = d.router_id
JOIN change_freeze f ON f.id = @freeze_id::bigint AND (f.scope = 'all' OR f.site_id = r.site_id OR f.router_id = r.id)
WHERE d.state IN ('queued', 'proposed') AND d.mode = 'propose'
ORDER BY d.change_id;

-- Sessions as a deployment left them on its router.
-- name: DeployedSessionPut :exec
INSERT INTO deployed_session (router_id, vrf, neighbor, peer_asn, protected, deployment_id)
SELECT DISTINCT ON (s.vrf, s.neighbor) @router_id::bigint, s.vrf, s.neighbor, s.peer_asn, s.protected, @deployment_id::bigint
FROM (SELECT unnest(@vrfs::text[]) AS vrf, unnest(@neighbors::inet[]) AS neighbor, unnest(@peer_asns::bigint[]) AS peer_asn,
    unnest(@protected::text[]) AS protected) s
ORDER BY s.vrf, s.neighbor, s.protected DESC
ON CONFLICT (router_id, vrf, neighbor) DO UPDATE
SET peer_asn = EXCLUDED.peer_asn, protected = EXCLUDED.protected, deployment_id = EXCLUDED.deployment_id;

-- Sessions that a deployment took off its router.
-- name: DeployedSessionDelete :exec
DELETE FROM deployed_session WHERE router_id = @router_id::bigint AND vrf = @vrf::text AND neighbor = @neighbor::inet;

-- A router's sessions as they were last deployed.
-- name: DeployedSessionList :many
SELECT vrf, neighbor, peer_asn, protected FROM deployed_session WHERE router_id = @router_id::bigint ORDER BY vrf, neighbor;

-- What we wrote on a router and what isn't proven absent, with the deployments that did it.
-- name: LedgerList :many
SELECT l.key, l.hash, l.deployment_id, d.change_id, l.written_at
FROM stanza_ledger l JOIN deployment d ON d.id = l.deployment_id
WHERE l.router_id = @router_id::bigint AND l.absent_at IS NULL
ORDER BY l.key;
