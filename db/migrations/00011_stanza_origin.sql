-- Where the lines of a stanza come from: template lines, and fields of records.

-- +goose Up
CREATE TABLE stanza_origin (
    hash  text PRIMARY KEY CONSTRAINT stanza_origin_hash CHECK (hash ~ '^[0-9a-f]{64}$'), -- of the stanza's text
    lines jsonb NOT NULL -- one entry per line of it; the last one holds for what follows
);

-- +goose Down
DROP TABLE stanza_origin;
