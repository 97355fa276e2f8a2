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

-- Reads secrets by id: their newest version, when it was sealed, and by whom as the log tells.
-- name: SecretRows :many
SELECT t.id, t.name, t.version, v.created_at AS set_at, coalesce(l.actor, '')::text AS set_by
FROM secret t
JOIN secret_version v ON v.secret_id = t.id AND v.version = t.version
LEFT JOIN LATERAL (SELECT g.actor FROM change_log g WHERE g.object = 'secret' AND g.object_id = t.id ORDER BY g.id DESC LIMIT 1) l ON true
WHERE t.id = ANY(@ids::bigint[])
ORDER BY t.id;

-- What names versions of these secrets: routers as their login, sessions as their password, and open changes for either.
-- A change's patch may name one half alone: the record has the other.
-- name: SecretUses :many
SELECT u.secret_id::bigint AS secret_id, u.version::bigint AS version, u.object::text AS object, u.id::bigint AS id, u.name::text AS name
FROM (
    SELECT r.login_secret AS secret_id, r.login_version AS version, 'router' AS object, r.id, r.name
    FROM router r WHERE r.login_secret = ANY(@ids::bigint[])
    UNION ALL
    SELECT s.password_secret, s.password_version, 'session', s.id, 'AS' || s.peer_asn || ' ' || host(s.peer_address) || ' on ' || r.name
    FROM session s JOIN router r ON r.id = s.router_id WHERE s.password_secret = ANY(@ids::bigint[])
    UNION ALL
    SELECT coalesce((o.patch->f.field->>'id')::bigint, r.login_secret, s.password_secret),
        coalesce((o.patch->f.field->>'version')::bigint, r.login_version, s.password_version, 0),
        'change', o.change_id, o.object || ' ' || o.object_id
    FROM change_operation o JOIN (VALUES ('router'::operation_object, 'login'), ('session', 'password')) f (object, field) ON f.object = o.object
    LEFT JOIN router r ON o.object = 'router' AND r.id = o.object_id
    LEFT JOIN session s ON o.object = 'session' AND s.id = o.object_id
    WHERE o.applied_at IS NULL AND o.discarded_at IS NULL AND jsonb_typeof(o.patch->f.field) = 'object'
        AND coalesce((o.patch->f.field->>'id')::bigint, r.login_secret, s.password_secret) = ANY(@ids::bigint[])
) u
ORDER BY u.secret_id, u.object, u.id, u.version;

-- Routers whose configuration holds a secret, by the text that was last confirmed there or by one that is on its way, before or after.
-- name: SecretRunsOn :many
SELECT r.name
FROM router r
WHERE EXISTS (
    SELECT FROM (
        (SELECT d.artifact_hash AS hash FROM deployment d WHERE d.router_id = r.id AND d.state = 'confirmed' ORDER BY d.confirmed_at DESC NULLS LAST, d.id DESC LIMIT 1)
        UNION ALL
        SELECT unnest(ARRAY[d.artifact_hash, d.base_hash]) FROM deployment d WHERE d.router_id = r.id AND d.ended_at IS NULL
    ) h
    JOIN config_text t ON t.hash = h.hash
    WHERE strpos(t.text, @placeholder::text) > 0
)
ORDER BY r.name;

-- Changes whose plan shows a secret, in the text that is to run or in the one that ran when it was planned: the plans in
-- force of open changes, and those that open deployments carry out. Each read of such a router resolves what its plan shows.
-- name: SecretPlannedBy :many
SELECT DISTINCT p.change_id
FROM plan p
JOIN plan_router r ON r.plan_id = p.id
JOIN config_text t ON t.hash IN (r.artifact_hash, r.base_hash)
WHERE (EXISTS (SELECT FROM change c WHERE c.plan_id = p.id AND c.ended_at IS NULL)
        OR EXISTS (SELECT FROM deployment d WHERE d.plan_id = r.plan_id AND d.router_id = r.router_id AND d.ended_at IS NULL))
    AND strpos(t.text, @placeholder::text) > 0
ORDER BY p.change_id;

-- Removes a secret with all its versions; refused by what refers to one.
-- name: SecretDelete :execrows
DELETE FROM secret WHERE id = @id::bigint;
