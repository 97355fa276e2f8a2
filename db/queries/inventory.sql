-- Everything that is recorded, by id.
-- name: InventoryIDs :one
SELECT
    ARRAY(SELECT r.id FROM router r)::bigint[] AS routers,
    ARRAY(SELECT f.id FROM platform f)::bigint[] AS platforms,
    ARRAY(SELECT s.id FROM session s)::bigint[] AS sessions,
    ARRAY(SELECT c.id FROM connection c)::bigint[] AS connections,
    ARRAY(SELECT x.id FROM ixp x)::bigint[] AS ixps,
    ARRAY(SELECT p.id FROM peering p)::bigint[] AS peerings,
    ARRAY(SELECT n.id FROM autonomous_system n)::bigint[] AS networks,
    ARRAY(SELECT g.id FROM bgp_group g)::bigint[] AS bgp_groups,
    ARRAY(SELECT l.id FROM relationship l)::bigint[] AS relationships,
    ARRAY(SELECT y.id FROM routing_policy y)::bigint[] AS policies,
    ARRAY(SELECT c.id FROM community c)::bigint[] AS communities,
    ARRAY(SELECT g.id FROM tag g)::bigint[] AS tags,
    ARRAY(SELECT b.id FROM bfd b)::bigint[] AS bfds,
    ARRAY(SELECT x.id FROM config_context x)::bigint[] AS contexts,
    ARRAY(SELECT k.id FROM contact k)::bigint[] AS contacts,
    ARRAY(SELECT k.id FROM contact_role k)::bigint[] AS contact_roles,
    ARRAY(SELECT t.id FROM template t)::bigint[] AS templates;

-- How long the lists of all networks are together, in bytes.
-- name: IRRListsSize :one
SELECT COALESCE(sum(octet_length(entries)), 0)::bigint FROM irr_list;
