-- +goose Up
-- What stands in the way of reading a router whose deployment is in doubt; '' once it was read.
ALTER TABLE deployment ADD COLUMN unread text NOT NULL DEFAULT '';

-- Nothing waits for a retry: a step that failed is tried again by itself, or ends its change.
DELETE FROM command WHERE kind = 'retry';
ALTER TYPE command_kind RENAME TO command_kind_with_retry;
CREATE TYPE command_kind AS ENUM ('cancel', 'roll_back', 'confirm_now', 'resolve', 'revoke');
ALTER TABLE command ALTER COLUMN kind TYPE command_kind USING kind::text::command_kind;
DROP TYPE command_kind_with_retry;

-- +goose Down
ALTER TYPE command_kind RENAME TO command_kind_without_retry;
CREATE TYPE command_kind AS ENUM ('cancel', 'roll_back', 'confirm_now', 'resolve', 'revoke', 'retry');
ALTER TABLE command ALTER COLUMN kind TYPE command_kind USING kind::text::command_kind;
DROP TYPE command_kind_without_retry;
ALTER TABLE deployment DROP COLUMN unread;
