-- What a session may be announced when it comes up after its deployment was
-- confirmed, and why a session is held shut.

-- +goose Up
CREATE TYPE guard_state AS ENUM ('armed', 'passed', 'breached', 'shut');

CREATE TABLE export_guard (
    session_id    bigint NOT NULL CONSTRAINT export_guard_session REFERENCES session ON DELETE CASCADE,
    family        smallint NOT NULL CONSTRAINT export_guard_family CHECK (family IN (4, 6)),
    deployment_id bigint NOT NULL CONSTRAINT export_guard_deployment REFERENCES deployment ON DELETE CASCADE, -- that armed it
    expected      bigint CONSTRAINT export_guard_expected CHECK (expected >= 0), -- prefixes; null: not known
    origin        text NOT NULL,
    allow_default boolean NOT NULL,
    allow_long    boolean NOT NULL,
    state         guard_state NOT NULL DEFAULT 'armed',
    up_since      timestamptz, -- the first poll of those that saw it Established without a break
    finding       text NOT NULL DEFAULT '',
    armed_at      timestamptz NOT NULL DEFAULT now(),
    decided_at    timestamptz,
    PRIMARY KEY (session_id, family)
);

ALTER TABLE session ADD COLUMN held_reason text NOT NULL DEFAULT ''; -- why peerflow holds it shut; '' when a person does

-- +goose Down
ALTER TABLE session DROP COLUMN held_reason;
DROP TABLE export_guard;
DROP TYPE guard_state;
