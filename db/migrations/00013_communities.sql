-- BGP communities, and the records that they are set on.

-- +goose Up
CREATE TYPE community_type AS ENUM ('ingress', 'egress');

CREATE TABLE community (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    slug        text NOT NULL CONSTRAINT community_slug_unique UNIQUE CONSTRAINT community_slug_shape CHECK (slug ~ '^[a-z0-9][a-z0-9_-]{0,99}$'),
    name        text NOT NULL,
    value       text NOT NULL CONSTRAINT community_value_shape CHECK (value ~ '^[a-z0-9.:-]{1,50}$'), -- goes into configurations as it is
    type        community_type, -- null: not said
    description text NOT NULL DEFAULT '',
    version     bigint NOT NULL DEFAULT 1,
    created_at  timestamptz NOT NULL DEFAULT now(),
    updated_at  timestamptz NOT NULL DEFAULT now()
);

-- object is the table of what they are set on, and object_id its row, which takes them along when it goes.
CREATE TABLE community_assignment (
    community_id bigint NOT NULL CONSTRAINT community_assignment_community REFERENCES community,
    object       text NOT NULL CONSTRAINT community_assignment_object
                 CHECK (object IN ('autonomous_system', 'bgp_group', 'ixp', 'router', 'routing_policy', 'session')),
    object_id    bigint NOT NULL,
    PRIMARY KEY (object, object_id, community_id)
);
CREATE INDEX community_assignment_community_index ON community_assignment (community_id);

-- +goose StatementBegin
CREATE FUNCTION forget_assignments() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE format('DELETE FROM %I WHERE object = $1 AND object_id = $2', TG_ARGV[0]) USING TG_TABLE_NAME::text, OLD.id;
    RETURN NULL;
END $$;
-- +goose StatementEnd

CREATE TRIGGER communities AFTER DELETE ON autonomous_system FOR EACH ROW EXECUTE FUNCTION forget_assignments('community_assignment');
CREATE TRIGGER communities AFTER DELETE ON bgp_group FOR EACH ROW EXECUTE FUNCTION forget_assignments('community_assignment');
CREATE TRIGGER communities AFTER DELETE ON ixp FOR EACH ROW EXECUTE FUNCTION forget_assignments('community_assignment');
CREATE TRIGGER communities AFTER DELETE ON router FOR EACH ROW EXECUTE FUNCTION forget_assignments('community_assignment');
CREATE TRIGGER communities AFTER DELETE ON routing_policy FOR EACH ROW EXECUTE FUNCTION forget_assignments('community_assignment');
CREATE TRIGGER communities AFTER DELETE ON session FOR EACH ROW EXECUTE FUNCTION forget_assignments('community_assignment');

-- +goose Down
DROP TRIGGER communities ON autonomous_system;
DROP TRIGGER communities ON bgp_group;
DROP TRIGGER communities ON ixp;
DROP TRIGGER communities ON router;
DROP TRIGGER communities ON routing_policy;
DROP TRIGGER communities ON session;
DROP FUNCTION forget_assignments;
DROP TABLE community_assignment, community;
DROP TYPE community_type;
