-- Names a secret, or counts its version up.
-- name: SecretNext :one
INSERT INTO secret (name) VALUES (@name::text)
ON CONFLICT ON CONSTRAINT secret_name_unique DO UPDATE SET version = secret.version + 1
RETURNING id, version;

-- Keeps one version; it is never changed afterwards.
-- name: SecretVersionInsert :exec
INSERT INTO secret_version (secret_id, version, key_id, ciphertext)
VALUES (@secret_id::bigint, @version::bigint, @key_id::text, @ciphertext::bytea);

-- One sealed version.
-- name: SecretVersionGet :one
SELECT key_id, ciphertext FROM secret_version WHERE secret_id = @secret_id::bigint AND version = @version::bigint;

-- Whether any secret is stored.
-- name: SecretsExist :one
SELECT EXISTS (SELECT FROM secret_version);

-- The newest version of a secret.
-- name: SecretByName :one
SELECT id, version FROM secret WHERE name = @name::text;
