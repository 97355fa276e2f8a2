-- +goose Up

CREATE TYPE disruption AS ENUM ('none', 'refresh', 'reset', 'router');

-- How much approval plans take. An empty condition is met by every plan; what several matching rules ask for adds up.
CREATE TABLE approval_rule (
    id                  bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name                text NOT NULL CONSTRAINT approval_rule_name_unique UNIQUE
                        CONSTRAINT approval_rule_name_shape CHECK (name ~ '^[a-z0-9][a-z0-9_-]*$' AND name <> 'default'),
    disabled            boolean NOT NULL DEFAULT false,
    kinds               change_kind[] NOT NULL DEFAULT '{}',
    disruption          disruption NOT NULL DEFAULT 'none', -- at least
    protected           boolean NOT NULL DEFAULT false,
    min_sessions        integer NOT NULL DEFAULT 0,
    min_routers         integer NOT NULL DEFAULT 0,
    router_ids          bigint[] NOT NULL DEFAULT '{}', -- one that is deleted is met by no plan
    site_ids            bigint[] NOT NULL DEFAULT '{}',
    votes_needed        integer NOT NULL DEFAULT 1, -- 0: an automatic rule
    approval_minutes    integer NOT NULL DEFAULT 0, -- how long an approval counts; 0: as long as the change waits
    solo_after_minutes  integer NOT NULL DEFAULT 0, -- when the author's own starts to count; 0: never
    filter_change_limit integer NOT NULL DEFAULT 0, -- automatic: most entries of prefix lists that come and go
    version             bigint NOT NULL DEFAULT 1,
    created_at          timestamptz NOT NULL DEFAULT now(),
    updated_at          timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT approval_rule_counts CHECK (least(min_sessions, min_routers, votes_needed, approval_minutes, solo_after_minutes, filter_change_limit) >= 0),
    CONSTRAINT approval_rule_automatic CHECK (votes_needed > 0 AND filter_change_limit = 0
        OR votes_needed = 0 AND filter_change_limit > 0 AND kinds = '{refresh}' AND approval_minutes + solo_after_minutes = 0),
    CONSTRAINT approval_rule_solo CHECK (solo_after_minutes = 0 OR votes_needed = 1)
);

-- What the rules asked for when the plan was made: editing them afterwards can only add to it.
ALTER TABLE plan
    ADD COLUMN approval_minutes integer NOT NULL DEFAULT 0 CONSTRAINT plan_approval_minutes CHECK (approval_minutes >= 0),
    ADD COLUMN solo_after_minutes integer NOT NULL DEFAULT 0 CONSTRAINT plan_solo_after_minutes CHECK (solo_after_minutes >= 0);

-- People, or 'rule' and its name; '' while nothing did.
ALTER TABLE change ADD COLUMN approved_by text NOT NULL DEFAULT '';
ALTER TABLE deployment ADD COLUMN approved_by text NOT NULL DEFAULT '';

-- +goose Down
ALTER TABLE deployment DROP COLUMN approved_by;
ALTER TABLE change DROP COLUMN approved_by;
ALTER TABLE plan DROP COLUMN approval_minutes, DROP COLUMN solo_after_minutes;
DROP TABLE approval_rule;
DROP TYPE disruption;
