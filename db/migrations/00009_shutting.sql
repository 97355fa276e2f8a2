-- The export guard shuts a session while a deployment waits to begin: one router,
-- one writer.

-- +goose Up
ALTER TABLE router ADD COLUMN shutting_until timestamptz; -- no deployment begins before that; null: nothing is being shut

-- +goose Down
ALTER TABLE router DROP COLUMN shutting_until;
