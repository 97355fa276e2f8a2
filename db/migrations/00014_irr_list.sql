-- What an IRR says of a network: the prefixes of its AS-SET by family, and the AS numbers in it.

-- +goose Up
CREATE TYPE irr_list_kind AS ENUM ('ipv4', 'ipv6', 'as');

CREATE TABLE irr_list (
    as_id      bigint NOT NULL CONSTRAINT irr_list_as REFERENCES autonomous_system ON DELETE CASCADE,
    kind       irr_list_kind NOT NULL,
    entries    text NOT NULL,    -- one a line, sorted, each once: 192.0.2.0/24, 192.0.2.0/24{25,28}, 64501
    count      integer NOT NULL CONSTRAINT irr_list_count CHECK (count BETWEEN 0 AND 500000 AND (count = 0) = (entries = '')),
    source     text NOT NULL DEFAULT '' CONSTRAINT irr_list_source CHECK (length(source) <= 500), -- what was asked, in its owner's words
    fetched_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT irr_list_pkey PRIMARY KEY (as_id, kind)
);

-- +goose Down
DROP TABLE irr_list;
DROP TYPE irr_list_kind;
