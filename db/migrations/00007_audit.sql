-- +goose Up

-- Refusals at the door come in floods: those alike share a row a minute.
ALTER TABLE audit_event
    ADD COLUMN times bigint NOT NULL DEFAULT 1 CONSTRAINT audit_event_times CHECK (times >= 1),
    ADD COLUMN last_at timestamptz; -- null: there is one alone
CREATE INDEX audit_event_change_index ON audit_event (change_id) WHERE change_id IS NOT NULL;

-- When planning read that the routers run a change already; null once it was planned with moves.
ALTER TABLE change ADD COLUMN unmoved_at timestamptz;

-- +goose Down
ALTER TABLE change DROP COLUMN unmoved_at;
DROP INDEX audit_event_change_index;
ALTER TABLE audit_event DROP COLUMN times, DROP COLUMN last_at;
