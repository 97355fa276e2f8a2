-- Data for templates that several records share.

-- +goose Up
CREATE TABLE config_context (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name        text NOT NULL CONSTRAINT config_context_name_unique UNIQUE CONSTRAINT config_context_name_present CHECK (name <> ''),
    description text NOT NULL DEFAULT '',
    is_active   boolean NOT NULL DEFAULT true,
    data        jsonb NOT NULL DEFAULT '{}' CONSTRAINT config_context_data CHECK (jsonb_typeof(data) = 'object'),
    version     bigint NOT NULL DEFAULT 1,
    created_at  timestamptz NOT NULL DEFAULT now(),
    updated_at  timestamptz NOT NULL DEFAULT now()
);

-- object is the table of what has them, and object_id its row, which takes them along when it goes.
CREATE TABLE context_assignment (
    config_context_id bigint NOT NULL CONSTRAINT context_assignment_context REFERENCES config_context,
    weight            integer NOT NULL CONSTRAINT context_assignment_weight CHECK (weight BETWEEN 0 AND 32767), -- the heaviest goes over the others
    object            text NOT NULL CONSTRAINT context_assignment_object
                      CHECK (object IN ('autonomous_system', 'bgp_group', 'ixp', 'router', 'routing_policy', 'session')),
    object_id         bigint NOT NULL,
    PRIMARY KEY (object, object_id, config_context_id)
);
CREATE INDEX context_assignment_context_index ON context_assignment (config_context_id);

CREATE TRIGGER contexts AFTER DELETE ON autonomous_system FOR EACH ROW EXECUTE FUNCTION forget_assignments('context_assignment');
CREATE TRIGGER contexts AFTER DELETE ON bgp_group FOR EACH ROW EXECUTE FUNCTION forget_assignments('context_assignment');
CREATE TRIGGER contexts AFTER DELETE ON ixp FOR EACH ROW EXECUTE FUNCTION forget_assignments('context_assignment');
CREATE TRIGGER contexts AFTER DELETE ON router FOR EACH ROW EXECUTE FUNCTION forget_assignments('context_assignment');
CREATE TRIGGER contexts AFTER DELETE ON routing_policy FOR EACH ROW EXECUTE FUNCTION forget_assignments('context_assignment');
CREATE TRIGGER contexts AFTER DELETE ON session FOR EACH ROW EXECUTE FUNCTION forget_assignments('context_assignment');

-- +goose Down
DROP TRIGGER contexts ON autonomous_system;
DROP TRIGGER contexts ON bgp_group;
DROP TRIGGER contexts ON ixp;
DROP TRIGGER contexts ON router;
DROP TRIGGER contexts ON routing_policy;
DROP TRIGGER contexts ON session;
DROP TABLE context_assignment, config_context;
