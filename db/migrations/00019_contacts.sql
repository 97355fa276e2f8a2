-- People and desks of networks and exchanges.

-- +goose Up
CREATE TABLE contact_role (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    slug        text NOT NULL CONSTRAINT contact_role_slug_unique UNIQUE CONSTRAINT contact_role_slug_shape CHECK (slug ~ '^[a-z0-9][a-z0-9_-]{0,99}$'),
    name        text NOT NULL,
    description text NOT NULL DEFAULT '',
    version     bigint NOT NULL DEFAULT 1,
    created_at  timestamptz NOT NULL DEFAULT now(),
    updated_at  timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE contact (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name        text NOT NULL CONSTRAINT contact_name_present CHECK (name <> ''),
    title       text NOT NULL DEFAULT '',
    phone       text NOT NULL DEFAULT '',
    email       text NOT NULL DEFAULT '',
    address     text NOT NULL DEFAULT '',
    description text NOT NULL DEFAULT '',
    version     bigint NOT NULL DEFAULT 1,
    created_at  timestamptz NOT NULL DEFAULT now(),
    updated_at  timestamptz NOT NULL DEFAULT now()
);

-- object is the table of whose contact it is, and object_id its row, which takes them along when it goes.
CREATE TABLE contact_assignment (
    contact_id bigint NOT NULL CONSTRAINT contact_assignment_contact REFERENCES contact,
    role_id    bigint NOT NULL CONSTRAINT contact_assignment_role REFERENCES contact_role,
    object     text NOT NULL CONSTRAINT contact_assignment_object CHECK (object IN ('autonomous_system', 'ixp')),
    object_id  bigint NOT NULL,
    PRIMARY KEY (object, object_id, contact_id, role_id)
);
CREATE INDEX contact_assignment_contact_index ON contact_assignment (contact_id);
CREATE INDEX contact_assignment_role_index ON contact_assignment (role_id);

CREATE TRIGGER contacts AFTER DELETE ON autonomous_system FOR EACH ROW EXECUTE FUNCTION forget_assignments('contact_assignment');
CREATE TRIGGER contacts AFTER DELETE ON ixp FOR EACH ROW EXECUTE FUNCTION forget_assignments('contact_assignment');

-- +goose Down
DROP TRIGGER contacts ON autonomous_system;
DROP TRIGGER contacts ON ixp;
DROP TABLE contact_assignment, contact, contact_role;
