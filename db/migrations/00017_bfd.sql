-- Timers of bidirectional forwarding detection, and what else sessions refer to.

-- +goose Up
CREATE TABLE bfd (
    id                        bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    slug                      text NOT NULL CONSTRAINT bfd_slug_unique UNIQUE CONSTRAINT bfd_slug_shape CHECK (slug ~ '^[a-z0-9][a-z0-9_-]{0,99}$'),
    name                      text NOT NULL,
    description               text NOT NULL DEFAULT '',
    minimum_transmit_interval integer NOT NULL CONSTRAINT bfd_transmit CHECK (minimum_transmit_interval BETWEEN 1 AND 255000), -- milliseconds, as the next and the last
    minimum_receive_interval  integer NOT NULL CONSTRAINT bfd_receive CHECK (minimum_receive_interval BETWEEN 1 AND 255000),
    detection_multiplier      integer NOT NULL CONSTRAINT bfd_multiplier CHECK (detection_multiplier BETWEEN 1 AND 255),
    hold_time                 integer NOT NULL CONSTRAINT bfd_hold_time CHECK (hold_time BETWEEN 0 AND 255000),
    version                   bigint NOT NULL DEFAULT 1,
    created_at                timestamptz NOT NULL DEFAULT now(),
    updated_at                timestamptz NOT NULL DEFAULT now()
);

ALTER TABLE session
    ADD COLUMN bfd_id bigint CONSTRAINT session_bfd REFERENCES bfd,
    ADD COLUMN service_reference text NOT NULL DEFAULT '' CONSTRAINT session_service_reference CHECK (length(service_reference) <= 255 AND service_reference !~ '[[:cntrl:]"''`\\;{}#!]|/\*');

-- +goose Down
ALTER TABLE session DROP COLUMN bfd_id, DROP COLUMN service_reference;
DROP TABLE bfd;
