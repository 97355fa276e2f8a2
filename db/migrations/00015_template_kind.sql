-- Templates of mails and of exports stand beside those of routers.

-- +goose Up
CREATE TYPE template_kind AS ENUM ('router', 'mail', 'export');

ALTER TABLE template
    ADD COLUMN kind template_kind NOT NULL DEFAULT 'router',
    ADD COLUMN subject text NOT NULL DEFAULT '', -- of a mail, a template too
    ADD COLUMN dataset text NOT NULL DEFAULT '', -- of an export: the records that it is given
    DROP CONSTRAINT template_name_unique,
    ADD CONSTRAINT template_name_unique UNIQUE (kind, name),
    ADD CONSTRAINT template_kind_key UNIQUE (id, kind),
    ADD CONSTRAINT template_subject CHECK (kind = 'mail' OR subject = ''),
    ADD CONSTRAINT template_dataset CHECK ((kind = 'export') = (dataset <> ''));

ALTER TABLE router
    ADD COLUMN template_kind template_kind NOT NULL GENERATED ALWAYS AS ('router'::template_kind) STORED,
    ADD CONSTRAINT router_template_kind FOREIGN KEY (template_id, template_kind) REFERENCES template (id, kind);

-- +goose Down
ALTER TABLE router DROP CONSTRAINT router_template_kind, DROP COLUMN template_kind;
DELETE FROM template WHERE kind <> 'router';
ALTER TABLE template
    DROP CONSTRAINT template_subject, DROP CONSTRAINT template_dataset, DROP CONSTRAINT template_kind_key, DROP CONSTRAINT template_name_unique,
    DROP COLUMN kind, DROP COLUMN subject, DROP COLUMN dataset,
    ADD CONSTRAINT template_name_unique UNIQUE (name);
DROP TYPE template_kind;
