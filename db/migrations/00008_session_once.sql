-- A router holds one session with a peer address, whether it is recorded or an open change will make it.

-- +goose Up

-- Where sessions end: those that are recorded (change 0), and those that operations of open changes create or move.
CREATE VIEW session_end AS
SELECT s.id AS session_id, 0::bigint AS change_id, 0::bigint AS operation_id, s.router_id, s.vrf, s.peer_address, s.interface, s.peer_asn
FROM session s
UNION ALL
SELECT o.object_id, o.change_id, o.id, coalesce(o.router_id, s.router_id), coalesce(o.patch->>'vrf', s.vrf, ''),
    coalesce((o.patch->>'peer_address')::inet, s.peer_address), coalesce(o.patch->>'interface', s.interface, ''),
    coalesce((o.patch->>'peer_asn')::bigint, s.peer_asn)
FROM change_operation o
LEFT JOIN session s ON s.id = o.object_id
WHERE o.object = 'session' AND o.applied_at IS NULL AND o.discarded_at IS NULL
    AND (o.action = 'create' OR o.action = 'update' AND o.patch ?| ARRAY['vrf', 'peer_address', 'interface']);

-- Both writers hold the router's name until they commit, so that of two at the same moment the second one sees the first.
-- +goose StatementBegin
CREATE FUNCTION session_end_free() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    mine session_end;
BEGIN
    IF TG_TABLE_NAME = 'session' THEN
        SELECT * INTO mine FROM session_end e WHERE e.session_id = NEW.id AND e.operation_id = 0;
    ELSE
        SELECT * INTO mine FROM session_end e WHERE e.operation_id = NEW.id;
    END IF;
    IF mine.router_id IS NULL THEN
        RETURN NULL; -- gone again, or an operation that moves nothing
    END IF;
    PERFORM pg_advisory_xact_lock(hashtextextended('sessions of router ' || mine.router_id, 0));
    IF EXISTS (SELECT FROM session_end e WHERE e.router_id = mine.router_id AND e.peer_address = mine.peer_address AND e.vrf = mine.vrf
            AND e.interface = mine.interface AND e.session_id <> mine.session_id) THEN
        RAISE unique_violation USING CONSTRAINT = TG_NAME, TABLE = TG_TABLE_NAME,
            MESSAGE = format('router %s has a session with %s already', mine.router_id, host(mine.peer_address));
    END IF;
    RETURN NULL;
END $$;
-- +goose StatementEnd

CREATE CONSTRAINT TRIGGER session_planned_once AFTER INSERT OR UPDATE OF router_id, vrf, peer_address, interface ON session
    FOR EACH ROW EXECUTE FUNCTION session_end_free();
CREATE CONSTRAINT TRIGGER change_operation_session_once AFTER INSERT ON change_operation
    FOR EACH ROW WHEN (NEW.object = 'session' AND NEW.action <> 'delete') EXECUTE FUNCTION session_end_free();

-- +goose Down
DROP TRIGGER change_operation_session_once ON change_operation;
DROP TRIGGER session_planned_once ON session;
DROP FUNCTION session_end_free;
DROP VIEW session_end;
