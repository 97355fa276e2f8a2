-- +goose Up

-- People and their tokens ----------------------------------------------------

CREATE TYPE app_role AS ENUM ('viewer', 'operator', 'approver', 'admin', 'emergency');

CREATE TABLE app_user (
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name       text NOT NULL CONSTRAINT app_user_name_unique UNIQUE
               CONSTRAINT app_user_name_shape CHECK (name ~ '^[a-z][a-z0-9._-]{0,62}$'),
    roles      app_role[] NOT NULL DEFAULT '{viewer}',
    active     boolean NOT NULL DEFAULT true,
    created_at timestamptz NOT NULL DEFAULT now(),
    version    bigint NOT NULL DEFAULT 1
);

-- A token is kept as its SHA-256 only; roles narrow the user's.
CREATE TABLE api_token (
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    user_id    bigint NOT NULL CONSTRAINT api_token_user REFERENCES app_user,
    name       text NOT NULL DEFAULT '',
    hash       bytea NOT NULL CONSTRAINT api_token_hash_unique UNIQUE CONSTRAINT api_token_hash_length CHECK (length(hash) = 32),
    roles      app_role[] NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    expires_at timestamptz,
    used_at    timestamptz,
    revoked_at timestamptz
);

-- Secrets: envelope-encrypted versions; a version is never changed -------------

CREATE TABLE secret (
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name       text NOT NULL CONSTRAINT secret_name_unique UNIQUE CONSTRAINT secret_name_present CHECK (name <> ''),
    created_at timestamptz NOT NULL DEFAULT now(),
    version    bigint NOT NULL DEFAULT 1
);

CREATE TABLE secret_version (
    secret_id  bigint NOT NULL CONSTRAINT secret_version_secret REFERENCES secret ON DELETE CASCADE,
    version    bigint NOT NULL CONSTRAINT secret_version_positive CHECK (version >= 1),
    key_id     text NOT NULL, -- names the envelope key
    ciphertext bytea NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (secret_id, version)
);

-- Nouns -------------------------------------------------------------------------

CREATE TABLE autonomous_system (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    asn         bigint NOT NULL CONSTRAINT autonomous_system_asn_unique UNIQUE
                CONSTRAINT autonomous_system_asn_range CHECK (asn BETWEEN 1 AND 4294967295),
    name        text NOT NULL DEFAULT '',
    local       boolean NOT NULL DEFAULT false, -- ours or affiliated
    irr_as_set  text NOT NULL DEFAULT '',
    limit_v4    bigint CONSTRAINT autonomous_system_limit_v4 CHECK (limit_v4 = -1 OR limit_v4 BETWEEN 1 AND 4294967295), -- null inherits, -1 unlimited
    limit_v6    bigint CONSTRAINT autonomous_system_limit_v6 CHECK (limit_v6 = -1 OR limit_v6 BETWEEN 1 AND 4294967295),
    context     jsonb NOT NULL DEFAULT '{}',
    comments    text NOT NULL DEFAULT '',
    version     bigint NOT NULL DEFAULT 1,
    created_at  timestamptz NOT NULL DEFAULT now(),
    updated_at  timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE relationship (
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    slug       text NOT NULL CONSTRAINT relationship_slug_unique UNIQUE,
    name       text NOT NULL,
    bgp_role   text NOT NULL DEFAULT '', -- RFC 9234, ours
    protected  boolean NOT NULL DEFAULT false,
    version    bigint NOT NULL DEFAULT 1,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE site (
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    slug       text NOT NULL CONSTRAINT site_slug_unique UNIQUE CONSTRAINT site_slug_shape CHECK (slug ~ '^[a-z0-9][a-z0-9-]*$'),
    name       text NOT NULL,
    version    bigint NOT NULL DEFAULT 1,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE platform (
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    slug       text NOT NULL CONSTRAINT platform_slug_unique UNIQUE,
    name       text NOT NULL,
    driver     text NOT NULL, -- slug in the driver registry
    version    bigint NOT NULL DEFAULT 1,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now()
);

CREATE TYPE template_mode AS ENUM ('stanza', 'whole', 'merge');
CREATE TYPE template_engine AS ENUM ('jinja2', 'pongo2');

CREATE TABLE template (
    id            bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name          text NOT NULL CONSTRAINT template_name_unique UNIQUE,
    mode          template_mode NOT NULL DEFAULT 'stanza',
    engine        template_engine NOT NULL DEFAULT 'jinja2',
    body          text NOT NULL,
    lenient       boolean NOT NULL DEFAULT false, -- undefined prints as nothing; imported templates only
    trim_blocks   boolean NOT NULL DEFAULT false,
    lstrip_blocks boolean NOT NULL DEFAULT false,
    version       bigint NOT NULL DEFAULT 1,
    created_at    timestamptz NOT NULL DEFAULT now(),
    updated_at    timestamptz NOT NULL DEFAULT now()
);

CREATE TYPE router_mode AS ENUM ('observe', 'propose', 'manage');

CREATE TABLE router (
    id            bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name          text NOT NULL CONSTRAINT router_name_unique UNIQUE CONSTRAINT router_name_present CHECK (name <> ''),
    site_id       bigint NOT NULL CONSTRAINT router_site REFERENCES site,
    platform_id   bigint NOT NULL CONSTRAINT router_platform REFERENCES platform,
    local_as_id   bigint NOT NULL CONSTRAINT router_local_as REFERENCES autonomous_system,
    template_id   bigint CONSTRAINT router_template REFERENCES template,
    mode          router_mode NOT NULL DEFAULT 'observe',
    address       text NOT NULL CONSTRAINT router_address_present CHECK (address <> ''), -- host:port of management
    username      text NOT NULL DEFAULT '',
    login_secret  bigint,
    login_version bigint,
    host_key      text NOT NULL DEFAULT '',
    bgp_port      integer NOT NULL DEFAULT 179 CONSTRAINT router_bgp_port CHECK (bgp_port BETWEEN 1 AND 65535),
    lab           boolean NOT NULL DEFAULT false, -- loopback only: documentation ASNs, multihop, short timers
    settings      jsonb NOT NULL DEFAULT '{}',
    context       jsonb NOT NULL DEFAULT '{}',
    reached_via   inet CONSTRAINT router_reached_via_host CHECK (masklen(reached_via) = CASE family(reached_via) WHEN 4 THEN 32 ELSE 128 END),
    fence         bigint NOT NULL DEFAULT 0,
    version       bigint NOT NULL DEFAULT 1,
    created_at    timestamptz NOT NULL DEFAULT now(),
    updated_at    timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT router_login FOREIGN KEY (login_secret, login_version) REFERENCES secret_version (secret_id, version),
    CONSTRAINT router_lab_loopback CHECK (NOT lab OR address ~ '^(127\.[0-9.]+|\[::1\]|localhost):')
);

CREATE TYPE mesh AS ENUM ('one_per_peer_port', 'full', 'pair', 'primary_only');
CREATE TYPE agreement_rule AS ENUM ('ask_first', 'configure_then_ask', 'configured_by_them');

CREATE TABLE ixp (
    id              bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    slug            text NOT NULL CONSTRAINT ixp_slug_unique UNIQUE CONSTRAINT ixp_slug_shape CHECK (slug ~ '^[a-z0-9][a-z0-9-]*$'),
    name            text NOT NULL,
    local_as_id     bigint NOT NULL CONSTRAINT ixp_local_as REFERENCES autonomous_system,
    relationship_id bigint CONSTRAINT ixp_relationship REFERENCES relationship,
    ixlan_id        bigint CONSTRAINT ixp_ixlan_unique UNIQUE, -- PeeringDB's; null when it isn't there
    mesh            mesh NOT NULL DEFAULT 'one_per_peer_port',
    agreement       agreement_rule NOT NULL DEFAULT 'ask_first',
    context         jsonb NOT NULL DEFAULT '{}',
    version         bigint NOT NULL DEFAULT 1,
    created_at      timestamptz NOT NULL DEFAULT now(),
    updated_at      timestamptz NOT NULL DEFAULT now()
);

CREATE TYPE connection_state AS ENUM ('enabled', 'maintenance', 'disabled');

CREATE TABLE connection (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    ixp_id      bigint NOT NULL CONSTRAINT connection_ixp REFERENCES ixp,
    router_id   bigint NOT NULL CONSTRAINT connection_router REFERENCES router,
    state       connection_state NOT NULL DEFAULT 'enabled',
    ipv4        inet CONSTRAINT connection_ipv4_host CHECK (family(ipv4) = 4 AND masklen(ipv4) = 32),
    ipv4_lan    cidr CONSTRAINT connection_ipv4_lan CHECK (ipv4_lan >> ipv4),
    ipv6        inet CONSTRAINT connection_ipv6_host CHECK (family(ipv6) = 6 AND masklen(ipv6) = 128),
    ipv6_lan    cidr CONSTRAINT connection_ipv6_lan CHECK (ipv6_lan >> ipv6),
    interface   text NOT NULL DEFAULT '',
    vlan        integer CONSTRAINT connection_vlan CHECK (vlan BETWEEN 1 AND 4094),
    is_primary  boolean NOT NULL DEFAULT false,
    description text NOT NULL DEFAULT '',
    version     bigint NOT NULL DEFAULT 1,
    created_at  timestamptz NOT NULL DEFAULT now(),
    updated_at  timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT connection_address CHECK (ipv4 IS NOT NULL OR ipv6 IS NOT NULL),
    CONSTRAINT connection_lans CHECK ((ipv4 IS NULL) = (ipv4_lan IS NULL) AND (ipv6 IS NULL) = (ipv6_lan IS NULL)),
    CONSTRAINT connection_ipv4_unique UNIQUE (ixp_id, ipv4),
    CONSTRAINT connection_ipv6_unique UNIQUE (ixp_id, ipv6),
    CONSTRAINT connection_router_key UNIQUE (id, router_id)
);

CREATE TABLE bgp_group (
    id              bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    slug            text NOT NULL CONSTRAINT bgp_group_slug_unique UNIQUE,
    name            text NOT NULL,
    relationship_id bigint CONSTRAINT bgp_group_relationship REFERENCES relationship,
    limit_v4        bigint CONSTRAINT bgp_group_limit_v4 CHECK (limit_v4 = -1 OR limit_v4 BETWEEN 1 AND 4294967295),
    limit_v6        bigint CONSTRAINT bgp_group_limit_v6 CHECK (limit_v6 = -1 OR limit_v6 BETWEEN 1 AND 4294967295),
    context         jsonb NOT NULL DEFAULT '{}',
    version         bigint NOT NULL DEFAULT 1,
    created_at      timestamptz NOT NULL DEFAULT now(),
    updated_at      timestamptz NOT NULL DEFAULT now()
);

CREATE TYPE policy_direction AS ENUM ('import', 'export');

CREATE TABLE routing_policy (
    id             bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    slug           text NOT NULL CONSTRAINT routing_policy_slug_unique UNIQUE CONSTRAINT routing_policy_slug_shape CHECK (slug ~ '^[a-z0-9][a-z0-9_-]*$'),
    name           text NOT NULL,
    direction      policy_direction NOT NULL,
    family         smallint CONSTRAINT routing_policy_family CHECK (family IN (4, 6)), -- null is both
    weight         integer NOT NULL DEFAULT 0,
    expect_v4      bigint CONSTRAINT routing_policy_expect_v4 CHECK (expect_v4 >= 0), -- prefixes announced by an export policy
    expect_v6      bigint CONSTRAINT routing_policy_expect_v6 CHECK (expect_v6 >= 0),
    allow_default  boolean NOT NULL DEFAULT false, -- may announce a default route
    allow_long     boolean NOT NULL DEFAULT false, -- may announce longer than /24 or /48
    context        jsonb NOT NULL DEFAULT '{}',
    version        bigint NOT NULL DEFAULT 1,
    created_at     timestamptz NOT NULL DEFAULT now(),
    updated_at     timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT routing_policy_direction_key UNIQUE (id, direction)
);

CREATE TYPE peering_state AS ENUM ('none', 'requested_by_us', 'requested_by_them', 'agreed', 'declined', 'lapsed',
    'disputed', 'suspended', 'ending', 'ended', 'ignored');
CREATE TYPE peering_evidence AS ENUM ('none', 'open_policy', 'mail', 'ticket', 'api', 'adopted', 'person');
CREATE TYPE peering_via AS ENUM ('bilateral', 'route_server', 'both');

-- One row per local AS, peer AS and venue; a null ixp is direct.
CREATE TABLE peering (
    id            bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    local_as_id   bigint NOT NULL CONSTRAINT peering_local_as REFERENCES autonomous_system,
    peer_as_id    bigint NOT NULL CONSTRAINT peering_peer_as REFERENCES autonomous_system,
    ixp_id        bigint CONSTRAINT peering_ixp REFERENCES ixp,
    state         peering_state NOT NULL DEFAULT 'none',
    evidence      peering_evidence NOT NULL DEFAULT 'none',
    evidence_text text NOT NULL DEFAULT '',
    via           peering_via NOT NULL DEFAULT 'bilateral',
    ignored_until timestamptz,
    reason        text NOT NULL DEFAULT '',
    version       bigint NOT NULL DEFAULT 1,
    created_at    timestamptz NOT NULL DEFAULT now(),
    updated_at    timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT peering_venue_unique UNIQUE NULLS NOT DISTINCT (local_as_id, peer_as_id, ixp_id),
    CONSTRAINT peering_agreed_evidence CHECK (state <> 'agreed' OR evidence <> 'none'),
    CONSTRAINT peering_two_networks CHECK (local_as_id <> peer_as_id)
);

CREATE TYPE session_kind AS ENUM ('direct', 'ixp');
CREATE TYPE session_intent AS ENUM ('absent', 'present', 'draining', 'shutdown', 'removing');
CREATE TYPE session_sync AS ENUM ('unknown', 'not_deployed', 'deploying', 'in_sync', 'drifted', 'reverted', 'interfered', 'removing', 'proven_absent');

CREATE TABLE session (
    id               bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    kind             session_kind NOT NULL,
    peering_id       bigint NOT NULL CONSTRAINT session_peering REFERENCES peering,
    router_id        bigint NOT NULL CONSTRAINT session_router REFERENCES router,
    connection_id    bigint,
    group_id         bigint CONSTRAINT session_group REFERENCES bgp_group,
    relationship_id  bigint CONSTRAINT session_relationship REFERENCES relationship,
    vrf              text NOT NULL DEFAULT '',
    interface        text NOT NULL DEFAULT '', -- link-local peers only
    peer_address     inet NOT NULL CONSTRAINT session_peer_host CHECK (masklen(peer_address) = CASE family(peer_address) WHEN 4 THEN 32 ELSE 128 END),
    local_address    inet CONSTRAINT session_local_host CHECK (masklen(local_address) = CASE family(local_address) WHEN 4 THEN 32 ELSE 128 END),
    peer_asn         bigint NOT NULL CONSTRAINT session_peer_asn CHECK (peer_asn BETWEEN 1 AND 4294967295),
    local_asn        bigint CONSTRAINT session_local_asn CHECK (local_asn BETWEEN 1 AND 4294967295), -- null: the router's
    families         smallint[] NOT NULL CONSTRAINT session_families CHECK (cardinality(families) BETWEEN 1 AND 2 AND families <@ '{4,6}'::smallint[]),
    intent           session_intent NOT NULL DEFAULT 'present',
    held_by_hand     boolean NOT NULL DEFAULT false, -- somebody shut it down on the router: only a person lifts it
    sync             session_sync NOT NULL DEFAULT 'not_deployed',
    limit_v4         bigint CONSTRAINT session_limit_v4 CHECK (limit_v4 = -1 OR limit_v4 BETWEEN 1 AND 4294967295),
    limit_v6         bigint CONSTRAINT session_limit_v6 CHECK (limit_v6 = -1 OR limit_v6 BETWEEN 1 AND 4294967295),
    password_secret  bigint,
    password_version bigint,
    hold_time        integer CONSTRAINT session_hold_time CHECK (hold_time = 0 OR hold_time BETWEEN 3 AND 65535), -- seconds, RFC 4271 §4.2; null inherits
    multihop         integer CONSTRAINT session_multihop CHECK (multihop BETWEEN 1 AND 255),
    passive          boolean NOT NULL DEFAULT false,
    description      text NOT NULL DEFAULT '',
    context          jsonb NOT NULL DEFAULT '{}',
    watch_until      timestamptz, -- waits for the other side until then
    version          bigint NOT NULL DEFAULT 1,
    created_at       timestamptz NOT NULL DEFAULT now(),
    updated_at       timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT session_identity UNIQUE NULLS NOT DISTINCT (router_id, vrf, peer_address, interface),
    CONSTRAINT session_connection FOREIGN KEY (connection_id, router_id) REFERENCES connection (id, router_id),
    CONSTRAINT session_password FOREIGN KEY (password_secret, password_version) REFERENCES secret_version (secret_id, version),
    CONSTRAINT session_kind_ixp CHECK (kind <> 'ixp' OR (connection_id IS NOT NULL AND group_id IS NULL)),
    CONSTRAINT session_kind_direct CHECK (kind <> 'direct' OR connection_id IS NULL),
    CONSTRAINT session_interface_link_local CHECK (interface = '' OR peer_address << 'fe80::/10')
);
CREATE INDEX session_router_index ON session (router_id);
CREATE INDEX session_peering_index ON session (peering_id);
CREATE INDEX session_peer_asn_index ON session (peer_asn);

-- Policies of an AS, group, exchange or session, in the order they apply.
CREATE TABLE policy_assignment (
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    policy_id  bigint NOT NULL,
    direction  policy_direction NOT NULL,
    position   integer NOT NULL,
    as_id      bigint CONSTRAINT policy_assignment_as REFERENCES autonomous_system ON DELETE CASCADE,
    group_id   bigint CONSTRAINT policy_assignment_group REFERENCES bgp_group ON DELETE CASCADE,
    ixp_id     bigint CONSTRAINT policy_assignment_ixp REFERENCES ixp ON DELETE CASCADE,
    session_id bigint CONSTRAINT policy_assignment_session REFERENCES session ON DELETE CASCADE,
    CONSTRAINT policy_assignment_policy FOREIGN KEY (policy_id, direction) REFERENCES routing_policy (id, direction),
    CONSTRAINT policy_assignment_one_owner CHECK (num_nonnulls(as_id, group_id, ixp_id, session_id) = 1),
    CONSTRAINT policy_assignment_once UNIQUE NULLS NOT DISTINCT (policy_id, as_id, group_id, ixp_id, session_id)
);
CREATE INDEX policy_assignment_as_index ON policy_assignment (as_id);
CREATE INDEX policy_assignment_group_index ON policy_assignment (group_id);
CREATE INDEX policy_assignment_ixp_index ON policy_assignment (ixp_id);
CREATE INDEX policy_assignment_session_index ON policy_assignment (session_id);

-- Changes ---------------------------------------------------------------------

CREATE TYPE change_kind AS ENUM ('provision', 'depeer', 'shutdown', 'maintenance', 'refresh', 'renumber', 'policy',
    'adopt', 'rotate_secret', 'drift_fix', 'deploy');
CREATE TYPE change_state AS ENUM ('draft', 'planned', 'awaiting_approval', 'approved', 'stale', 'deploying', 'completed',
    'rejected', 'expired', 'cancelled', 'failed', 'rolled_back', 'partial', 'interfered', 'needs_operator');

CREATE TABLE change (
    id              bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    kind            change_kind NOT NULL,
    author_id       bigint NOT NULL CONSTRAINT change_author REFERENCES app_user,
    reason          text NOT NULL DEFAULT '',
    request         jsonb NOT NULL DEFAULT '{}', -- what was asked, as peering.ChangeRequest
    state           change_state NOT NULL DEFAULT 'draft',
    step            text NOT NULL DEFAULT '', -- what it does or waits for now, for people
    plan_id         bigint,                   -- the plan in force
    omissions       jsonb NOT NULL DEFAULT '[]',
    outcome         text NOT NULL DEFAULT '', -- one line, once it ended
    carried_authors bigint[] NOT NULL DEFAULT '{}', -- authors of pending edits that ride along
    expires_at      timestamptz,
    created_at      timestamptz NOT NULL DEFAULT now(),
    updated_at      timestamptz NOT NULL DEFAULT now(),
    ended_at        timestamptz,
    version         bigint NOT NULL DEFAULT 1
);
CREATE INDEX change_state_index ON change (state);

CREATE TYPE operation_action AS ENUM ('create', 'update', 'delete');
CREATE TYPE operation_object AS ENUM ('session', 'routing_policy', 'autonomous_system', 'ixp', 'bgp_group', 'connection', 'router', 'template');

-- The overlay of a change. A null router is a shared object: it goes with the last router.
CREATE TABLE change_operation (
    id           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    change_id    bigint NOT NULL CONSTRAINT change_operation_change REFERENCES change,
    position     integer NOT NULL,
    router_id    bigint CONSTRAINT change_operation_router REFERENCES router,
    object       operation_object NOT NULL,
    object_id    bigint NOT NULL, -- given when the operation is recorded, for new objects too
    action       operation_action NOT NULL,
    patch        jsonb NOT NULL DEFAULT '{}', -- merge patch (RFC 7396) of the object's JSON; all of it for create
    base_version bigint NOT NULL DEFAULT 0,   -- the object's row version the patch was written against
    applied_at   timestamptz,
    discarded_at timestamptz,
    CONSTRAINT change_operation_position UNIQUE (change_id, position)
);
CREATE INDEX change_operation_object_index ON change_operation (object, object_id) WHERE applied_at IS NULL AND discarded_at IS NULL;

-- Texts are stored once, by their SHA-256 in hex. They hold placeholders for secrets.
CREATE TABLE config_text (
    hash text PRIMARY KEY CONSTRAINT config_text_hash CHECK (hash ~ '^[0-9a-f]{64}$'),
    text text NOT NULL
);

CREATE TABLE plan (
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    change_id  bigint NOT NULL CONSTRAINT plan_change REFERENCES change,
    hash       text NOT NULL CONSTRAINT plan_hash CHECK (hash ~ '^[0-9a-f]{64}$'),
    impact     jsonb NOT NULL,                  -- peering.Impact
    rule       text NOT NULL DEFAULT '',        -- the automatic rule that approves it, if any
    votes_needed integer NOT NULL DEFAULT 1 CONSTRAINT plan_votes_needed CHECK (votes_needed >= 0),
    created_at timestamptz NOT NULL DEFAULT now(),
    voided_at  timestamptz,
    void_reason text NOT NULL DEFAULT '',
    CONSTRAINT plan_change_key UNIQUE (id, change_id)
);
CREATE INDEX plan_change_index ON plan (change_id);
ALTER TABLE change ADD CONSTRAINT change_plan FOREIGN KEY (plan_id, id) REFERENCES plan (id, change_id);

CREATE TABLE plan_router (
    plan_id       bigint NOT NULL CONSTRAINT plan_router_plan REFERENCES plan ON DELETE CASCADE,
    router_id     bigint NOT NULL CONSTRAINT plan_router_router REFERENCES router,
    artifact_hash text NOT NULL CONSTRAINT plan_router_artifact REFERENCES config_text,
    base_hash     text NOT NULL, -- of what we own there, when planned
    diff          text NOT NULL,
    touched       jsonb NOT NULL DEFAULT '[]', -- []peering.TouchedSession
    PRIMARY KEY (plan_id, router_id)
);

-- What people approve: moves, and the stanzas that they refer to (before = after).
CREATE TABLE plan_move (
    plan_id     bigint NOT NULL,
    router_id   bigint NOT NULL,
    key         text NOT NULL,
    before_hash text NOT NULL DEFAULT '',
    after_hash  text NOT NULL DEFAULT '',
    refers      boolean NOT NULL DEFAULT false,
    PRIMARY KEY (plan_id, router_id, key),
    CONSTRAINT plan_move_router FOREIGN KEY (plan_id, router_id) REFERENCES plan_router ON DELETE CASCADE
);

CREATE TYPE decision AS ENUM ('approve', 'reject');

-- An approval code, kept as its SHA-256. Any presentation burns it.
CREATE TABLE approval_code (
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    hash       bytea NOT NULL CONSTRAINT approval_code_hash_unique UNIQUE,
    user_id    bigint NOT NULL CONSTRAINT approval_code_user REFERENCES app_user,
    change_id  bigint NOT NULL CONSTRAINT approval_code_change REFERENCES change,
    plan_hash  text NOT NULL,
    decision   decision NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    expires_at timestamptz NOT NULL,
    used_at    timestamptz
);

CREATE TABLE vote (
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    change_id  bigint NOT NULL CONSTRAINT vote_change REFERENCES change,
    plan_id    bigint NOT NULL,
    user_id    bigint NOT NULL CONSTRAINT vote_user REFERENCES app_user,
    decision   decision NOT NULL,
    reason     text NOT NULL DEFAULT '',
    door       text NOT NULL,                   -- api, cli, temporal, local, rule
    solo       boolean NOT NULL DEFAULT false,
    update_id  text CONSTRAINT vote_update_unique UNIQUE, -- a repeat answers the same
    created_at timestamptz NOT NULL DEFAULT now(),
    revoked_at timestamptz,
    CONSTRAINT vote_plan FOREIGN KEY (plan_id, change_id) REFERENCES plan (id, change_id)
);
CREATE UNIQUE INDEX vote_once ON vote (plan_id, user_id) WHERE revoked_at IS NULL;

-- Everything a door refused or did that leaves no row elsewhere.
CREATE TABLE audit_event (
    id        bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at        timestamptz NOT NULL DEFAULT now(),
    user_id   bigint CONSTRAINT audit_event_user REFERENCES app_user,
    door      text NOT NULL,
    act       text NOT NULL,
    change_id bigint,
    update_id text CONSTRAINT audit_event_update_unique UNIQUE,
    refused   boolean NOT NULL,
    text      text NOT NULL DEFAULT ''
);

CREATE TYPE deployment_state AS ENUM ('queued', 'committing', 'soaking', 'unknown', 'confirmed', 'stale', 'cancelled',
    'failed', 'rolled_back', 'interfered', 'needs_operator');

CREATE TABLE deployment (
    id            bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    change_id     bigint NOT NULL CONSTRAINT deployment_change REFERENCES change,
    plan_id       bigint NOT NULL,
    router_id     bigint NOT NULL CONSTRAINT deployment_router REFERENCES router,
    state         deployment_state NOT NULL DEFAULT 'queued',
    fence         bigint NOT NULL DEFAULT 0,
    artifact_hash text CONSTRAINT deployment_artifact REFERENCES config_text,
    base_hash     text CONSTRAINT deployment_base REFERENCES config_text,
    base_identity text NOT NULL DEFAULT '',     -- artifact hash that the router named before
    base_generation text NOT NULL DEFAULT '',
    commit_generation text NOT NULL DEFAULT '', -- as read right after our commit
    base_incarnation text NOT NULL DEFAULT '', -- of the router's daemon before the commit
    baseline      jsonb,                        -- peering.Baseline
    verdict       jsonb,                        -- peering.Verdict
    timer_seconds integer NOT NULL DEFAULT 0,
    deadline      timestamptz,                  -- the router is at base or artifact for good by then
    commit_sent_at  timestamptz,                -- the one attempt: set before it is sent
    committed_at  timestamptz,
    confirm_sent_at timestamptz,
    confirmed_at  timestamptz,
    abort_sent_at timestamptz,
    outcome       text NOT NULL DEFAULT '',
    created_at    timestamptz NOT NULL DEFAULT now(),
    updated_at    timestamptz NOT NULL DEFAULT now(),
    ended_at      timestamptz,
    CONSTRAINT deployment_plan FOREIGN KEY (plan_id, change_id) REFERENCES plan (id, change_id),
    CONSTRAINT deployment_once UNIQUE (plan_id, router_id)
);
-- One router, one writer.
CREATE UNIQUE INDEX deployment_one_in_flight ON deployment (router_id) WHERE state IN ('committing', 'soaking', 'unknown', 'needs_operator');

CREATE TABLE stanza_ledger (
    router_id     bigint NOT NULL CONSTRAINT stanza_ledger_router REFERENCES router,
    key           text NOT NULL,
    hash          text NOT NULL,       -- last confirmed; '' once removed
    deployment_id bigint NOT NULL CONSTRAINT stanza_ledger_deployment REFERENCES deployment,
    written_at    timestamptz NOT NULL DEFAULT now(),
    absent_at     timestamptz,         -- proven absent on the device
    PRIMARY KEY (router_id, key)
);

CREATE TYPE command_kind AS ENUM ('cancel', 'roll_back', 'confirm_now', 'resolve', 'revoke', 'retry');

-- What a person told a change to do; the workflow only looks again.
CREATE TABLE command (
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    change_id  bigint NOT NULL CONSTRAINT command_change REFERENCES change,
    kind       command_kind NOT NULL,
    user_id    bigint NOT NULL CONSTRAINT command_user REFERENCES app_user,
    reason     text NOT NULL DEFAULT '',
    created_at timestamptz NOT NULL DEFAULT now(),
    handled_at timestamptz
);
CREATE INDEX command_change_index ON command (change_id);

CREATE TYPE freeze_scope AS ENUM ('all', 'site', 'router');

CREATE TABLE change_freeze (
    id        bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    scope     freeze_scope NOT NULL,
    site_id   bigint CONSTRAINT freeze_site REFERENCES site,
    router_id bigint CONSTRAINT freeze_router REFERENCES router,
    user_id   bigint CONSTRAINT freeze_user REFERENCES app_user, -- null: peerflow itself, after interference
    reason    text NOT NULL CONSTRAINT freeze_reason CHECK (reason <> ''),
    created_at timestamptz NOT NULL DEFAULT now(),
    lifted_at timestamptz,
    lifted_by bigint CONSTRAINT freeze_lifted_by REFERENCES app_user,
    CONSTRAINT freeze_subject CHECK ((scope = 'site') = (site_id IS NOT NULL) AND (scope = 'router') = (router_id IS NOT NULL))
);

-- What happened, for everybody ---------------------------------------------------

CREATE TABLE change_log (
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at         timestamptz NOT NULL DEFAULT now(),
    actor_kind text NOT NULL, -- user, workflow, schedule, import, system
    user_id    bigint CONSTRAINT change_log_user REFERENCES app_user,
    actor      text NOT NULL,
    request_id text NOT NULL DEFAULT '',
    change_id  bigint,
    object     text NOT NULL,
    object_id  bigint NOT NULL,
    action     text NOT NULL,
    before     jsonb,
    after      jsonb
);
CREATE INDEX change_log_object_index ON change_log (object, object_id);
CREATE INDEX change_log_at_index ON change_log (at); -- pending edits are those since the last deployment

-- Read in commit order: by (xid, position) below pg_snapshot_xmin.
CREATE TABLE outbox (
    position   bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    xid        xid8 NOT NULL DEFAULT pg_current_xact_id(),
    at         timestamptz NOT NULL DEFAULT now(),
    topic      text NOT NULL, -- change, deployment, session, …
    change_id  bigint,
    object_id  bigint NOT NULL,
    event      text NOT NULL,
    body       jsonb NOT NULL DEFAULT '{}'
);
CREATE INDEX outbox_order_index ON outbox (xid, position);
CREATE INDEX outbox_change_index ON outbox (change_id, xid, position);

CREATE TABLE idempotency_key (
    user_id    bigint NOT NULL CONSTRAINT idempotency_key_user REFERENCES app_user,
    key        text NOT NULL CONSTRAINT idempotency_key_length CHECK (length(key) BETWEEN 1 AND 255),
    body_hash  text NOT NULL,
    change_id  bigint NOT NULL CONSTRAINT idempotency_key_change REFERENCES change,
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (user_id, key)
);

-- A workflow that has to be started; a relay retries until it is.
CREATE TABLE workflow_start (
    workflow_id text PRIMARY KEY,
    workflow    text NOT NULL,
    subject_id  bigint NOT NULL, -- its only argument
    created_at  timestamptz NOT NULL DEFAULT now(),
    started_at  timestamptz
);
CREATE INDEX workflow_start_open ON workflow_start (created_at) WHERE started_at IS NULL;

-- Observed state: written by the poller alone, one row per neighbor ----------------

CREATE TABLE router_poll (
    router_id   bigint PRIMARY KEY CONSTRAINT router_poll_router REFERENCES router ON DELETE CASCADE,
    polled_at   timestamptz NOT NULL, -- last try
    answered_at timestamptz,          -- last success
    error       text NOT NULL DEFAULT '',
    generation  text NOT NULL DEFAULT ''
);

CREATE TABLE neighbor_state (
    router_id   bigint NOT NULL CONSTRAINT neighbor_state_router REFERENCES router ON DELETE CASCADE,
    vrf         text NOT NULL DEFAULT '',
    address     inet NOT NULL,
    remote_asn  bigint NOT NULL,
    state       text NOT NULL,
    established_at timestamptz, -- since when it is up; null while it isn't
    ever_up     boolean NOT NULL DEFAULT false,
    drops       bigint NOT NULL DEFAULT 0, -- times we saw it leave Established
    last_drop_at timestamptz,
    body        jsonb NOT NULL, -- peering.Neighbor
    seen_at     timestamptz NOT NULL,
    PRIMARY KEY (router_id, vrf, address)
);

-- When a neighbor left Established, as polls saw it: flapping is told from these.
CREATE TABLE neighbor_drop (
    router_id bigint NOT NULL CONSTRAINT neighbor_drop_router REFERENCES router ON DELETE CASCADE,
    vrf       text NOT NULL,
    address   inet NOT NULL,
    at        timestamptz NOT NULL,
    drops     bigint NOT NULL CONSTRAINT neighbor_drop_positive CHECK (drops >= 1), -- between two polls
    PRIMARY KEY (router_id, vrf, address, at)
);

-- +goose Down
DROP TABLE neighbor_drop, neighbor_state, router_poll, workflow_start, idempotency_key, outbox, change_log, change_freeze, command, stanza_ledger,
    deployment, audit_event, vote, approval_code, plan_move, plan_router, config_text, change_operation, policy_assignment,
    session, peering, routing_policy, bgp_group, connection, ixp, router, template, platform, site, relationship,
    autonomous_system, secret_version, secret, api_token, app_user CASCADE;
DROP TABLE plan, change CASCADE;
DROP TYPE freeze_scope, command_kind, deployment_state, decision, operation_object, operation_action, change_state, change_kind,
    session_sync, session_intent, session_kind, peering_via, peering_evidence, peering_state, policy_direction, connection_state,
    agreement_rule, mesh, router_mode, template_engine, template_mode, app_role;
