-- Reads config contexts by id.
-- name: ConfigContextRows :many
SELECT t.*
FROM config_context t
WHERE t.id = ANY(@ids::bigint[])
ORDER BY t.id;

-- Writes a config context under an id that was drawn before.
-- name: ConfigContextInsert :execrows
INSERT INTO config_context (
    name, description, is_active, data, id, version)
OVERRIDING SYSTEM VALUE VALUES (
    @name::text, @description::text, @is_active::boolean, @data::jsonb, @id::bigint, @version::bigint);

-- Writes a config context that still has the version it was read with; no row otherwise.
-- name: ConfigContextUpdate :execrows
UPDATE config_context SET
    name = @name::text, description = @description::text, is_active = @is_active::boolean, data = @data::jsonb,
    updated_at = now(), version = version + 1
WHERE id = @id::bigint AND version = @version::bigint;

-- Removes a config context that still has the version it was read with; no row otherwise.
-- name: ConfigContextDelete :execrows
DELETE FROM config_context WHERE id = @id::bigint AND version = @version::bigint;

-- Sets the config contexts of one record anew.
-- name: ConfigContextsSet :exec
WITH gone AS (
    DELETE FROM context_assignment WHERE object = @object::text AND object_id = @object_id::bigint AND config_context_id <> ALL(@contexts::bigint[])
)
INSERT INTO context_assignment (config_context_id, weight, object, object_id)
SELECT (@contexts::bigint[])[i], (@weights::integer[])[i], @object::text, @object_id::bigint
FROM generate_subscripts(@contexts::bigint[], 1) AS i
ON CONFLICT (object, object_id, config_context_id) DO UPDATE SET weight = EXCLUDED.weight;
