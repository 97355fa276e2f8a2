-- Why a proposal must not be pasted at present, as its router was last read, and when
-- the base of a deployment was read there, by the database's clock.

-- +goose Up
ALTER TABLE deployment ADD COLUMN hindrance text NOT NULL DEFAULT '';
ALTER TABLE deployment ADD COLUMN base_read_at timestamptz;
UPDATE deployment SET base_read_at = (baseline->>'taken_at')::timestamptz;

-- +goose Down
ALTER TABLE deployment DROP COLUMN base_read_at;
ALTER TABLE deployment DROP COLUMN hindrance;
