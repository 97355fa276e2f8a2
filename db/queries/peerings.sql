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
