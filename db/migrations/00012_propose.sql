-- Routers on which peerflow is unable to write: a person pastes what was approved, and peerflow verifies it.

-- +goose Up
ALTER TYPE deployment_state ADD VALUE IF NOT EXISTS 'proposed' AFTER 'queued'; -- waits for the person who pastes it; stays when this is taken back

ALTER TABLE deployment
    ADD COLUMN mode router_mode NOT NULL DEFAULT 'manage', -- as planned
    ADD COLUMN proposed_at timestamptz,                    -- when a person could paste it first, by this database's clock
    ADD CONSTRAINT deployment_mode CHECK (mode <> 'observe'),
    ADD CONSTRAINT deployment_proposed CHECK ((proposed_at IS NULL OR mode = 'propose') AND (state::text <> 'proposed' OR (proposed_at IS NOT NULL AND deadline IS NOT NULL)));

ALTER TABLE plan_router
    ADD COLUMN mode router_mode NOT NULL DEFAULT 'manage', -- of the router when it was planned: who approves knows whether a person pastes it
    ADD CONSTRAINT plan_router_mode CHECK (mode <> 'observe');

ALTER TABLE router ADD COLUMN accept_unproven boolean NOT NULL DEFAULT false; -- managed though its driver was never tried on anything

-- +goose Down
ALTER TABLE router DROP COLUMN accept_unproven;
ALTER TABLE plan_router DROP COLUMN mode;
ALTER TABLE deployment DROP COLUMN mode, DROP COLUMN proposed_at;
