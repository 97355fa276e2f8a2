-- Tags, and the records that they mark.

-- +goose Up
CREATE TABLE tag (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    slug        text NOT NULL CONSTRAINT tag_slug_unique UNIQUE CONSTRAINT tag_slug_shape CHECK (slug ~ '^[a-z0-9][a-z0-9_-]{0,99}$'),
    name        text NOT NULL,
    color       text NOT NULL CONSTRAINT tag_color_shape CHECK (color ~ '^[0-9a-f]{6}$'),
    description text NOT NULL DEFAULT '',
    version     bigint NOT NULL DEFAULT 1,
    created_at  timestamptz NOT NULL DEFAULT now(),
    updated_at  timestamptz NOT NULL DEFAULT now()
);

-- object is the table of what they mark, and object_id its row, which takes them along when it goes.
CREATE TABLE tag_assignment (
    tag_id    bigint NOT NULL CONSTRAINT tag_assignment_tag REFERENCES tag,
    position  integer NOT NULL,
    object    text NOT NULL CONSTRAINT tag_assignment_object CHECK (object IN ('autonomous_system', 'bgp_group', 'community', 'connection', 'ixp',
              'relationship', 'router', 'routing_policy', 'session')),
    object_id bigint NOT NULL,
    PRIMARY KEY (object, object_id, tag_id)
);
CREATE INDEX tag_assignment_tag_index ON tag_assignment (tag_id);

CREATE TRIGGER tags AFTER DELETE ON autonomous_system FOR EACH ROW EXECUTE FUNCTION forget_assignments('tag_assignment');
CREATE TRIGGER tags AFTER DELETE ON bgp_group FOR EACH ROW EXECUTE FUNCTION forget_assignments('tag_assignment');
CREATE TRIGGER tags AFTER DELETE ON community FOR EACH ROW EXECUTE FUNCTION forget_assignments('tag_assignment');
CREATE TRIGGER tags AFTER DELETE ON connection FOR EACH ROW EXECUTE FUNCTION forget_assignments('tag_assignment');
CREATE TRIGGER tags AFTER DELETE ON ixp FOR EACH ROW EXECUTE FUNCTION forget_assignments('tag_assignment');
CREATE TRIGGER tags AFTER DELETE ON relationship FOR EACH ROW EXECUTE FUNCTION forget_assignments('tag_assignment');
CREATE TRIGGER tags AFTER DELETE ON router FOR EACH ROW EXECUTE FUNCTION forget_assignments('tag_assignment');
CREATE TRIGGER tags AFTER DELETE ON routing_policy FOR EACH ROW EXECUTE FUNCTION forget_assignments('tag_assignment');
CREATE TRIGGER tags AFTER DELETE ON session FOR EACH ROW EXECUTE FUNCTION forget_assignments('tag_assignment');

-- +goose Down
DROP TRIGGER tags ON autonomous_system;
DROP TRIGGER tags ON bgp_group;
DROP TRIGGER tags ON community;
DROP TRIGGER tags ON connection;
DROP TRIGGER tags ON ixp;
DROP TRIGGER tags ON relationship;
DROP TRIGGER tags ON router;
DROP TRIGGER tags ON routing_policy;
DROP TRIGGER tags ON session;
DROP TABLE tag_assignment, tag;
