-- Facilities, who is in them, and contacts of PeeringDB's networks, and what
-- networks and ports say in notes. What is mirrored already is fetched whole
-- again, for its new columns.

-- +goose Up
CREATE TABLE pdb_fac (
    id        bigint CONSTRAINT pdb_fac_pkey PRIMARY KEY,
    org_id    bigint NOT NULL,
    name      text NOT NULL,
    aka       text NOT NULL,
    name_long text NOT NULL,
    website   text NOT NULL,
    address1  text NOT NULL,
    address2  text NOT NULL,
    city      text NOT NULL,
    state     text NOT NULL,
    zipcode   text NOT NULL,
    country   text NOT NULL,
    status    text NOT NULL,
    created   timestamptz NOT NULL,
    updated   timestamptz NOT NULL
);

CREATE TABLE pdb_netfac (
    id        bigint CONSTRAINT pdb_netfac_pkey PRIMARY KEY,
    net_id    bigint NOT NULL,
    fac_id    bigint NOT NULL,
    local_asn bigint NOT NULL CONSTRAINT pdb_netfac_local_asn_range CHECK (local_asn BETWEEN 0 AND 4294967295), -- 0: not said
    status    text NOT NULL,
    created   timestamptz NOT NULL,
    updated   timestamptz NOT NULL
);
CREATE INDEX pdb_netfac_net_idx ON pdb_netfac (net_id);

CREATE TABLE pdb_poc (
    id      bigint CONSTRAINT pdb_poc_pkey PRIMARY KEY,
    net_id  bigint NOT NULL,
    role    text NOT NULL,
    visible text NOT NULL,
    name    text NOT NULL,
    phone   text NOT NULL,
    email   text NOT NULL,
    url     text NOT NULL,
    status  text NOT NULL,
    created timestamptz NOT NULL,
    updated timestamptz NOT NULL
);
CREATE INDEX pdb_poc_net_idx ON pdb_poc (net_id);

ALTER TABLE pdb_net ADD COLUMN notes text NOT NULL DEFAULT '';
ALTER TABLE pdb_netixlan
    ADD COLUMN notes text NOT NULL DEFAULT '',
    ADD COLUMN net_side_id bigint NOT NULL DEFAULT 0, -- facility of the network's equipment; 0: not said
    ADD COLUMN ix_side_id bigint NOT NULL DEFAULT 0;  -- of the exchange's
UPDATE pdb_sync SET cursor = NULL, last_full = NULL WHERE type IN ('net', 'netixlan');

-- +goose Down
ALTER TABLE pdb_netixlan DROP COLUMN ix_side_id, DROP COLUMN net_side_id, DROP COLUMN notes;
ALTER TABLE pdb_net DROP COLUMN notes;
DROP TABLE pdb_poc;
DROP TABLE pdb_netfac;
DROP TABLE pdb_fac;
