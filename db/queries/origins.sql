-- What is known of where stanzas come from; a later rendering of the same text counts.
-- name: StanzaOriginsPut :exec
INSERT INTO stanza_origin (hash, lines)
SELECT o.hash, o.lines::jsonb FROM (SELECT unnest(@hashes::text[]) AS hash, unnest(@lines::text[]) AS lines) o
ORDER BY o.hash
ON CONFLICT (hash) DO UPDATE SET lines = EXCLUDED.lines WHERE stanza_origin.lines IS DISTINCT FROM EXCLUDED.lines;

-- Where stanzas come from, by the hash of their text.
-- name: StanzaOriginList :many
SELECT hash, lines FROM stanza_origin WHERE hash = ANY(@hashes::text[]) ORDER BY hash;
