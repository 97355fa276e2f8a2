-- Reads BFD timers by id.
-- name: BFDRows :many
SELECT t.*
FROM bfd t
WHERE t.id = ANY(@ids::bigint[])
ORDER BY t.id;

-- Writes BFD timers under an id that was drawn before.
-- name: BFDInsert :execrows
INSERT INTO bfd (
    slug, name, description, minimum_transmit_interval, minimum_receive_interval, detection_multiplier, hold_time, id, version)
OVERRIDING SYSTEM VALUE VALUES (
    @slug::text, @name::text, @description::text, @minimum_transmit_interval::integer, @minimum_receive_interval::integer,
    @detection_multiplier::integer, @hold_time::integer, @id::bigint, @version::bigint);

-- Writes BFD timers that still have the version they were read with; no row otherwise.
-- name: BFDUpdate :execrows
UPDATE bfd SET
    slug = @slug::text, name = @name::text, description = @description::text,
    minimum_transmit_interval = @minimum_transmit_interval::integer, minimum_receive_interval = @minimum_receive_interval::integer,
    detection_multiplier = @detection_multiplier::integer, hold_time = @hold_time::integer,
    updated_at = now(), version = version + 1
WHERE id = @id::bigint AND version = @version::bigint;

-- Removes BFD timers that still have the version they were read with; no row otherwise.
-- name: BFDDelete :execrows
DELETE FROM bfd WHERE id = @id::bigint AND version = @version::bigint;
