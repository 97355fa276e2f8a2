-- What IRRs say of networks, lists and all.
-- name: IRRLists :many
SELECT as_id, kind, entries, count, source, fetched_at, updated_at
FROM irr_list
WHERE as_id = ANY(@as_ids::bigint[])
ORDER BY as_id, kind;

-- The lists of a network without their entries, for which a SHA-256 in hex stands.
-- name: IRRListHeads :many
SELECT l.kind, l.count, l.source, l.fetched_at, encode(sha256(convert_to(l.entries, 'UTF8')), 'hex')::text AS hash
FROM irr_list l
WHERE l.as_id = @as_id::bigint
ORDER BY l.kind;

-- Keeps a network from being deleted while its lists are written, and two writers of them apart.
-- name: IRRListLock :one
SELECT id FROM autonomous_system WHERE id = @id::bigint FOR NO KEY UPDATE;

-- Replaces one list of a network.
-- name: IRRListPut :exec
INSERT INTO irr_list (as_id, kind, entries, count, source, fetched_at)
VALUES (@as_id::bigint, @kind::irr_list_kind, @entries::text, @count::integer, @source::text, @fetched_at::timestamptz)
ON CONFLICT (as_id, kind) DO UPDATE SET
    entries = EXCLUDED.entries, count = EXCLUDED.count, source = EXCLUDED.source, fetched_at = EXCLUDED.fetched_at, updated_at = now();

-- Notes that the IRR gave the same list again.
-- name: IRRListSame :exec
UPDATE irr_list SET source = @source::text, fetched_at = @fetched_at::timestamptz
WHERE as_id = @as_id::bigint AND kind = @kind::irr_list_kind;
