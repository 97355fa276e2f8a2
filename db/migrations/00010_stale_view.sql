-- How old the view of PeeringDB was that a change was planned from, and what a person should look at in its plan.

-- +goose Up
ALTER TABLE pdb_refresh
    ALTER COLUMN refreshed_at DROP NOT NULL, -- null: no lookup of it succeeded
    ADD COLUMN failed_at timestamptz,        -- null: the last one didn't fail
    ADD COLUMN failure text NOT NULL DEFAULT '',
    ADD CONSTRAINT pdb_refresh_failure CHECK ((failed_at IS NULL) = (failure = ''));

ALTER TABLE change
    ADD COLUMN ask jsonb NOT NULL DEFAULT '[]',
    ADD COLUMN stale_view jsonb; -- null: the view was fresh, or none was needed

-- +goose Down
ALTER TABLE change DROP COLUMN ask, DROP COLUMN stale_view;
ALTER TABLE pdb_refresh DROP COLUMN failed_at, DROP COLUMN failure;
DELETE FROM pdb_refresh WHERE refreshed_at IS NULL;
ALTER TABLE pdb_refresh ALTER COLUMN refreshed_at SET NOT NULL;
