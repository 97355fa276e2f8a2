-- +goose Up

-- What planning found on the routers of one site, until the worker of the last site puts the plan together. Texts lie in
-- config_text; a part is replaced each time that its change is planned.
CREATE TABLE plan_part (
    change_id  bigint NOT NULL CONSTRAINT plan_part_change REFERENCES change ON DELETE CASCADE,
    router_id  bigint NOT NULL CONSTRAINT plan_part_router REFERENCES router ON DELETE CASCADE,
    part       jsonb NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (change_id, router_id)
);

-- +goose Down
DROP TABLE plan_part;
