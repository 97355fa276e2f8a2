-- The local mirror of PeeringDB: one table per object type, the state of each
-- type, and one row per run.
--
-- Not the source of truth, hence no change log, no row versions and no foreign
-- keys among the tables: PeeringDB itself serves children of deleted parents,
-- and each type is a snapshot of its own time. A missing parent is counted, and
-- joins are outer. For the same reason asn and the addresses are not unique:
-- two operators may claim one, and the mirror must show that.

-- +goose Up
CREATE TABLE pdb_org (
    id        bigint CONSTRAINT pdb_org_pkey PRIMARY KEY,
    name      text NOT NULL,
    aka       text NOT NULL,
    name_long text NOT NULL,
    website   text NOT NULL,
    city      text NOT NULL,
    country   text NOT NULL,
    status    text NOT NULL,
    created   timestamptz NOT NULL,
    updated   timestamptz NOT NULL
);

CREATE TABLE pdb_net (
    id                           bigint CONSTRAINT pdb_net_pkey PRIMARY KEY,
    org_id                       bigint NOT NULL,
    asn                          bigint NOT NULL CONSTRAINT pdb_net_asn_range CHECK (asn BETWEEN 1 AND 4294967295),
    name                         text NOT NULL,
    aka                          text NOT NULL,
    name_long                    text NOT NULL,
    website                      text NOT NULL,
    looking_glass                text NOT NULL,
    route_server                 text NOT NULL,
    irr_as_set                   text NOT NULL,
    info_type                    text NOT NULL,
    info_prefixes4               bigint NOT NULL, -- 0: not said
    info_prefixes6               bigint NOT NULL, -- 0: not said
    info_traffic                 text NOT NULL,
    info_ratio                   text NOT NULL,
    info_scope                   text NOT NULL,
    info_unicast                 boolean NOT NULL,
    info_multicast               boolean NOT NULL,
    info_ipv6                    boolean NOT NULL,
    info_never_via_route_servers boolean NOT NULL,
    policy_url                   text NOT NULL,
    policy_general               text NOT NULL,
    policy_locations             text NOT NULL,
    policy_ratio                 boolean NOT NULL,
    policy_contracts             text NOT NULL,
    status                       text NOT NULL,
    created                      timestamptz NOT NULL,
    updated                      timestamptz NOT NULL
);
CREATE INDEX pdb_net_asn_idx ON pdb_net (asn);

CREATE TABLE pdb_ix (
    id               bigint CONSTRAINT pdb_ix_pkey PRIMARY KEY,
    org_id           bigint NOT NULL,
    name             text NOT NULL,
    aka              text NOT NULL,
    name_long        text NOT NULL,
    city             text NOT NULL,
    country          text NOT NULL,
    region_continent text NOT NULL,
    media            text NOT NULL,
    website          text NOT NULL,
    url_stats        text NOT NULL,
    status           text NOT NULL,
    created          timestamptz NOT NULL,
    updated          timestamptz NOT NULL
);

CREATE TABLE pdb_ixlan (
    id            bigint CONSTRAINT pdb_ixlan_pkey PRIMARY KEY,
    ix_id         bigint NOT NULL,
    name          text NOT NULL,
    mtu           bigint NOT NULL, -- 0: not said
    dot1q_support boolean NOT NULL,
    rs_asn        bigint NOT NULL CONSTRAINT pdb_ixlan_rs_asn_range CHECK (rs_asn BETWEEN 0 AND 4294967295),
    status        text NOT NULL,
    created       timestamptz NOT NULL,
    updated       timestamptz NOT NULL
);
CREATE INDEX pdb_ixlan_ix_idx ON pdb_ixlan (ix_id);

CREATE TABLE pdb_ixpfx (
    id       bigint CONSTRAINT pdb_ixpfx_pkey PRIMARY KEY,
    ixlan_id bigint NOT NULL,
    protocol text NOT NULL,
    prefix   cidr NOT NULL,
    in_dfz   boolean NOT NULL,
    status   text NOT NULL,
    created  timestamptz NOT NULL,
    updated  timestamptz NOT NULL
);
CREATE INDEX pdb_ixpfx_ixlan_idx ON pdb_ixpfx (ixlan_id);

CREATE TABLE pdb_netixlan (
    id          bigint CONSTRAINT pdb_netixlan_pkey PRIMARY KEY,
    net_id      bigint NOT NULL,
    ixlan_id    bigint NOT NULL,
    asn         bigint NOT NULL CONSTRAINT pdb_netixlan_asn_range CHECK (asn BETWEEN 1 AND 4294967295),
    ipaddr4     inet CONSTRAINT pdb_netixlan_ipaddr4_host CHECK (family(ipaddr4) = 4 AND masklen(ipaddr4) = 32),
    ipaddr6     inet CONSTRAINT pdb_netixlan_ipaddr6_host CHECK (family(ipaddr6) = 6 AND masklen(ipaddr6) = 128),
    speed       bigint NOT NULL, -- Mbit/s, 0: not said
    is_rs_peer  boolean NOT NULL,
    bfd_support boolean NOT NULL,
    operational boolean NOT NULL,
    status      text NOT NULL,
    created     timestamptz NOT NULL,
    updated     timestamptz NOT NULL
);
CREATE INDEX pdb_netixlan_asn_idx ON pdb_netixlan (asn);
CREATE INDEX pdb_netixlan_net_idx ON pdb_netixlan (net_id);
CREATE INDEX pdb_netixlan_ixlan_idx ON pdb_netixlan (ixlan_id);
CREATE INDEX pdb_netixlan_ipaddr4_idx ON pdb_netixlan (ipaddr4);
CREATE INDEX pdb_netixlan_ipaddr6_idx ON pdb_netixlan (ipaddr6);

-- How far each type has come. The cursor stands apart from the rows, since
-- deleting the newest row would move a cursor computed from them.
CREATE TABLE pdb_sync (
    type      text CONSTRAINT pdb_sync_pkey PRIMARY KEY,
    cursor    timestamptz,
    last_full timestamptz,
    last_run  timestamptz,
    rows      bigint NOT NULL DEFAULT 0,
    error     text NOT NULL DEFAULT ''
);

-- One row per run. A run that is not finished may be taken up again: a type named
-- in counts is done.
CREATE TABLE pdb_run (
    id          bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT pdb_run_pkey PRIMARY KEY,
    is_full     boolean NOT NULL,
    started_at  timestamptz NOT NULL,
    finished_at timestamptz,
    counts      jsonb NOT NULL DEFAULT '{}',
    error       text NOT NULL DEFAULT ''
);

-- Networks that were looked up by themselves, later than the last run.
CREATE TABLE pdb_refresh (
    asn          bigint CONSTRAINT pdb_refresh_pkey PRIMARY KEY
                 CONSTRAINT pdb_refresh_asn_range CHECK (asn BETWEEN 1 AND 4294967295),
    refreshed_at timestamptz NOT NULL
);

-- +goose Down
DROP TABLE pdb_refresh;
DROP TABLE pdb_run;
DROP TABLE pdb_sync;
DROP TABLE pdb_netixlan;
DROP TABLE pdb_ixpfx;
DROP TABLE pdb_ixlan;
DROP TABLE pdb_ix;
DROP TABLE pdb_net;
DROP TABLE pdb_org;
