-- Sessions by the BFD timers and the passwords that they name: what those are deleted or listed by.

-- +goose Up
CREATE INDEX session_bfd_index ON session (bfd_id) WHERE bfd_id IS NOT NULL;
CREATE INDEX session_password_index ON session (password_secret) WHERE password_secret IS NOT NULL;

-- +goose Down
DROP INDEX session_password_index, session_bfd_index;
