-- Reads templates by id.
-- name: TemplateRows :many
SELECT t.*
FROM template t
WHERE t.id = ANY(@ids::bigint[])
ORDER BY t.id;

-- Writes a template under an id that was drawn before.
-- name: TemplateInsert :execrows
INSERT INTO template (
    name, kind, subject, dataset, mode, engine, body, lenient, trim_blocks, lstrip_blocks, id, version)
OVERRIDING SYSTEM VALUE VALUES (
    @name::text, @kind::template_kind, @subject::text, @dataset::text, @mode::template_mode, @engine::template_engine, @body::text, @lenient::boolean,
    @trim_blocks::boolean, @lstrip_blocks::boolean, @id::bigint, @version::bigint);

-- Writes a template that still has the version it was read with; no row otherwise.
-- name: TemplateUpdate :execrows
UPDATE template SET
    name = @name::text, kind = @kind::template_kind, subject = @subject::text, dataset = @dataset::text, mode = @mode::template_mode, engine = @engine::template_engine, body = @body::text,
    lenient = @lenient::boolean, trim_blocks = @trim_blocks::boolean, lstrip_blocks = @lstrip_blocks::boolean,
    updated_at = now(), version = version + 1
WHERE id = @id::bigint AND version = @version::bigint;

-- Removes a template that still has the version it was read with; no row otherwise.
-- name: TemplateDelete :execrows
DELETE FROM template WHERE id = @id::bigint AND version = @version::bigint;
