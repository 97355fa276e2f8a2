-- What one router is rendered from, by id, and what operations of open changes may make it be rendered from: the peering and
-- the networks of sessions, our networks, and exchanges and connections that they bring to it. Policies, groups,
-- relationships, templates, platforms, communities, tags, BFD timers, config contexts and contacts come whole: an overlay may name any.
-- name: DesiredIDs :one
WITH planned AS (
    SELECT object, object_id, patch
    FROM change_operation
    WHERE (router_id = @router_id::bigint OR router_id IS NULL) AND action <> 'delete' AND applied_at IS NULL AND discarded_at IS NULL
), sessions AS (
    SELECT id, peering_id, peer_asn, local_asn FROM session WHERE router_id = @router_id::bigint
), connections AS (
    SELECT id, ixp_id FROM connection WHERE router_id = @router_id::bigint
    UNION SELECT c.id, c.ixp_id FROM connection c JOIN planned n ON n.object = 'connection' AND n.object_id = c.id
), exchanges AS (
    SELECT x.id, x.local_as_id FROM ixp x
    WHERE x.id IN (SELECT c.ixp_id FROM connections c UNION SELECT (n.patch->>'exchange_id')::bigint FROM planned n WHERE n.object = 'connection')
), peerings AS (
    SELECT p.id, p.local_as_id, p.peer_as_id FROM peering p
    WHERE p.id IN (SELECT s.peering_id FROM sessions s UNION SELECT (n.patch->>'peering_id')::bigint FROM planned n WHERE n.object = 'session')
), numbers AS (
    SELECT s.peer_asn AS asn FROM sessions s UNION SELECT s.local_asn FROM sessions s
    UNION SELECT (n.patch->>'peer_asn')::bigint FROM planned n WHERE n.object = 'session'
    UNION SELECT (n.patch->>'local_asn')::bigint FROM planned n WHERE n.object = 'session'
    UNION SELECT (n.patch->>'asn')::bigint FROM planned n WHERE n.object = 'autonomous_system'
), networks AS (
    SELECT p.peer_as_id AS id FROM peerings p
    UNION SELECT p.local_as_id FROM peerings p
    UNION SELECT x.local_as_id FROM exchanges x
    UNION SELECT r.local_as_id FROM router r WHERE r.id = @router_id::bigint
    UNION SELECT a.id FROM autonomous_system a WHERE a.asn IN (SELECT m.asn FROM numbers m)
    UNION SELECT (n.patch->>'local_as_id')::bigint FROM planned n WHERE n.object IN ('router', 'ixp')
    UNION SELECT n.object_id FROM planned n WHERE n.object = 'autonomous_system'
)
SELECT
    ARRAY(SELECT s.id FROM sessions s)::bigint[] AS sessions,
    ARRAY(SELECT c.id FROM connections c)::bigint[] AS connections,
    ARRAY(SELECT x.id FROM exchanges x)::bigint[] AS ixps,
    ARRAY(SELECT p.id FROM peerings p)::bigint[] AS peerings,
    ARRAY(SELECT n.id FROM networks n WHERE n.id IS NOT NULL)::bigint[] AS networks,
    ARRAY(SELECT m.asn FROM numbers m WHERE m.asn IS NOT NULL)::bigint[] AS asns,
    ARRAY(SELECT o.id FROM platform o)::bigint[] AS platforms,
    ARRAY(SELECT g.id FROM bgp_group g)::bigint[] AS bgp_groups,
    ARRAY(SELECT l.id FROM relationship l)::bigint[] AS relationships,
    ARRAY(SELECT y.id FROM routing_policy y)::bigint[] AS policies,
    ARRAY(SELECT c.id FROM community c)::bigint[] AS communities,
    ARRAY(SELECT g.id FROM tag g)::bigint[] AS tags,
    ARRAY(SELECT b.id FROM bfd b)::bigint[] AS bfds,
    ARRAY(SELECT x.id FROM config_context x)::bigint[] AS contexts,
    ARRAY(SELECT k.id FROM contact k)::bigint[] AS contacts,
    ARRAY(SELECT k.id FROM contact_role k)::bigint[] AS contact_roles,
    ARRAY(SELECT t.id FROM template t)::bigint[] AS templates,
    EXISTS (
        SELECT FROM change_operation o
        WHERE o.applied_at IS NULL AND o.discarded_at IS NULL
            AND (o.object = 'template' OR o.object = 'router' AND o.object_id = @router_id::bigint AND o.patch ? 'template_id')
    ) AS templates_move; -- an open change brings another text

-- What networks publish as their prefix counts; the newest record, should two claim an AS number.
-- name: PublishedCounts :many
SELECT DISTINCT ON (asn) asn, info_prefixes4, info_prefixes6
FROM pdb_net
WHERE asn = ANY(@asns::bigint[]) AND status = 'ok'
ORDER BY asn, updated DESC, id DESC;

-- What we wrote on a router and what isn't proven absent.
-- name: LedgerOf :many
SELECT key, hash FROM stanza_ledger
WHERE router_id = @router_id::bigint AND absent_at IS NULL
ORDER BY key;

-- Who edited what a router is rendered from since the last change of kind deploy, which carries every edit, that was
-- confirmed there: since it was made, as what came after its plan isn't in its text, and an unrelated change in between
-- delivers nobody's edits. What a change wrote into the record without a deployment there is its author's edit. Sessions
-- and connections are found by what the log says of their router, networks by their numbers too and templates by their
-- names, since they may be gone from there. Templates count when the router's names them, or one that it names; all do
-- when a name is computed. All policies count where a template is given all of them.
-- Communities all count, since each template is given all of them, and so do the few relationships; tags, config contexts, contacts and their roles where something has them.
-- Late are those who edited since made_at. On request, edited tells what they edited and what has it: kind and id of either.
-- Of what a change wrote and people approved on any router, it tells nothing.
-- name: PendingAuthors :many
WITH RECURSIVE since AS (
    SELECT COALESCE(max(c.created_at), '-infinity'::timestamptz) AS at
    FROM deployment d JOIN change c ON c.id = d.change_id
    WHERE d.router_id = @router_id::bigint AND d.state = 'confirmed' AND c.kind = 'deploy'
), edits AS (
    SELECT COALESCE(l.user_id, c.author_id) AS user_id, l.object, l.object_id, l.before, l.after, l.at,
        l.user_id IS NULL AND EXISTS (SELECT FROM deployment d WHERE d.change_id = l.change_id AND d.state = 'confirmed') AS approved
    FROM since CROSS JOIN change_log l
    LEFT JOIN change c ON c.id = l.change_id AND NOT EXISTS (
        SELECT FROM deployment d WHERE d.change_id = c.id AND d.router_id = @router_id::bigint AND d.state = 'confirmed')
    WHERE COALESCE(l.user_id, c.author_id) IS NOT NULL AND l.at > since.at
        AND l.object IN ('platform', 'session', 'connection', 'router', 'template', 'ixp', 'bgp_group', 'autonomous_system', 'irr_list', 'routing_policy', 'community', 'relationship', 'tag', 'bfd',
            'config_context', 'contact', 'contact_role')
), here AS (
    SELECT s.id, s.peer_asn, s.local_asn, s.group_id, s.bfd_id, s.relationship_id FROM session s WHERE s.router_id = @router_id::bigint
), exchanges AS (
    SELECT c.ixp_id AS id FROM connection c WHERE c.router_id = @router_id::bigint
), networks AS (
    SELECT a.id FROM autonomous_system a WHERE a.asn IN (SELECT h.peer_asn FROM here h UNION SELECT h.local_asn FROM here h)
    UNION SELECT r.local_as_id FROM router r WHERE r.id = @router_id::bigint
    UNION SELECT x.local_as_id FROM ixp x WHERE x.id IN (SELECT e.id FROM exchanges e)
), templates AS (
    SELECT t.id, t.name, t.kind, t.body FROM template t JOIN router r ON r.template_id = t.id WHERE r.id = @router_id::bigint
    UNION
    SELECT t.id, t.name, t.kind, t.body FROM template t JOIN templates x
        ON t.name <> '' AND strpos(x.body, t.name) > 0 OR x.body ~ ('(include|import|from|extends)[^%]*\m0*' || t.id || '\M')
), computed AS ( -- templates that include what isn't named by a text, a number or a bare word
    SELECT t.id FROM templates t
    WHERE regexp_replace(t.body, '\{%[-+]?\s*(include\w*|import|from|extends)\s+("[^"]*"|''[^'']*''|\w+)\s*([-+]?%\}|(import|as|ignore|with|without)\M)', '', 'g')
        ~ '\{%[-+]?\s*(include\w*|import|from|extends)\M'
), policies AS (
    SELECT p.policy_id AS id, 'session' AS owner, p.session_id AS owner_id FROM policy_assignment p WHERE p.session_id IN (SELECT h.id FROM here h)
    UNION ALL SELECT p.policy_id, 'bgp_group', p.group_id FROM policy_assignment p WHERE p.group_id IN (SELECT h.group_id FROM here h)
    UNION ALL SELECT p.policy_id, 'ixp', p.ixp_id FROM policy_assignment p WHERE p.ixp_id IN (SELECT x.id FROM exchanges x)
    UNION ALL SELECT p.policy_id, 'autonomous_system', p.as_id FROM policy_assignment p WHERE p.as_id IN (SELECT n.id FROM networks n)
), read AS ( -- what a template of the router is given, whose tags and the like it may ask for
    SELECT 'session' AS object, h.id FROM here h
    UNION SELECT 'connection', c.id FROM connection c WHERE c.router_id = @router_id::bigint
    UNION SELECT 'router', @router_id::bigint
    UNION SELECT 'ixp', x.id FROM exchanges x
    UNION SELECT 'bgp_group', h.group_id FROM here h
    UNION SELECT 'autonomous_system', n.id FROM networks n
    UNION SELECT 'routing_policy', y.id FROM policies y
    UNION SELECT 'routing_policy', y.id FROM routing_policy y
        WHERE NOT EXISTS (SELECT FROM session s WHERE s.router_id = @router_id::bigint AND s.intent NOT IN ('absent', 'removing'))
            OR EXISTS (SELECT FROM templates t WHERE t.kind = 'export')
    UNION SELECT 'relationship', l.id FROM relationship l
    UNION SELECT 'community', c.id FROM community c
), uses AS ( -- that, and what it has, which it may have more than once
    SELECT d.object, d.id, '' AS owner, 0::bigint AS owner_id FROM read d
    UNION ALL SELECT 'platform', r.platform_id, 'router', r.id FROM router r WHERE r.id = @router_id::bigint
    UNION ALL SELECT 'template', t.id, '', 0 FROM templates t
    UNION ALL SELECT 'irr_list', n.id, '', 0 FROM networks n -- logged under its network's id
    UNION ALL SELECT 'bfd', h.bfd_id, 'session', h.id FROM here h
    UNION ALL SELECT 'bgp_group', h.group_id, 'session', h.id FROM here h
    UNION ALL SELECT 'relationship', h.relationship_id, 'session', h.id FROM here h
    UNION ALL SELECT 'relationship', g.relationship_id, 'bgp_group', g.id FROM bgp_group g WHERE g.id IN (SELECT h.group_id FROM here h)
    UNION ALL SELECT 'relationship', x.relationship_id, 'ixp', x.id FROM ixp x WHERE x.id IN (SELECT e.id FROM exchanges e)
    UNION ALL SELECT 'routing_policy', y.id, y.owner, y.owner_id FROM policies y
    UNION ALL SELECT 'community', a.community_id, a.object, a.object_id FROM community_assignment a JOIN read d ON d.object = a.object AND d.id = a.object_id
    UNION ALL SELECT 'tag', a.tag_id, a.object, a.object_id FROM tag_assignment a JOIN read d ON d.object = a.object AND d.id = a.object_id
    UNION ALL SELECT 'config_context', a.config_context_id, a.object, a.object_id FROM context_assignment a JOIN read d ON d.object = a.object AND d.id = a.object_id
    UNION ALL SELECT 'contact', a.contact_id, a.object, a.object_id FROM contact_assignment a JOIN read d ON d.object = a.object AND d.id = a.object_id
    UNION ALL SELECT 'contact_role', a.role_id, a.object, a.object_id FROM contact_assignment a JOIN read d ON d.object = a.object AND d.id = a.object_id
)
SELECT u.id, u.name, u.roles::text[] AS roles, u.active, u.created_at, u.version,
    bool_or(e.at > @made_at::timestamptz)::boolean AS late,
    coalesce(array_agg(DISTINCT concat_ws(' ', e.object, e.object_id, s.owner, s.owner_id)) FILTER (WHERE @detailed::boolean AND NOT e.approved), '{}')::text[] AS edited
FROM edits e
JOIN app_user u ON u.id = e.user_id
LEFT JOIN uses s ON s.object = e.object AND s.id = e.object_id
WHERE s.id IS NOT NULL OR CASE e.object
    WHEN 'session' THEN @router_id::bigint IN ((e.before->>'router_id')::bigint, (e.after->>'router_id')::bigint)
    WHEN 'connection' THEN @router_id::bigint IN ((e.before->>'router_id')::bigint, (e.after->>'router_id')::bigint)
    WHEN 'autonomous_system' THEN EXISTS (
        SELECT FROM here h WHERE (e.before->>'asn')::bigint IN (h.peer_asn, h.local_asn) OR (e.after->>'asn')::bigint IN (h.peer_asn, h.local_asn))
    WHEN 'template' THEN EXISTS (SELECT FROM computed) OR EXISTS (SELECT FROM templates t
        WHERE e.before->>'name' <> '' AND strpos(t.body, e.before->>'name') > 0 OR t.body ~ ('(include|import|from|extends)[^%]*\m0*' || e.object_id || '\M'))
    WHEN 'community' THEN true
    WHEN 'relationship' THEN true
    ELSE false
END
GROUP BY u.id
ORDER BY u.id;
