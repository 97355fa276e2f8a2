package dbtest

import (
	"context"

	"github.com/jackc/pgx/v5"
)

// Unlogged are the tables whose writes may leave no change-log entry, each with
// the reason. Every other table is Logged: in test databases PostgreSQL itself
// refuses the commit of a transaction that writes to one and has no entry and no
// outbox row beside it. A test of package db holds both against the tables there are.
var Unlogged = map[string]string{
	"change_log": "is the log",
	"outbox":     "is the outbox",

	"goose_db_version": "written by migrations",
	"idempotency_key":  "what was answered to a request, for 24 hours",
	"workflow_start":   "a workflow that is still to be started; the change it belongs to is logged",

	"config_text":      "texts by their own hash: they never change",
	"plan_router":      "part of a plan, which is logged as one",
	"plan_move":        "part of a plan, which is logged as one",
	"stanza_origin":    "where the lines of stored texts come from, by their hash",
	"plan_part":        "what planning found so far: the plan made of it is logged",
	"plan":             "logged when it comes and when it is void; renewing it with an equal hash changes nothing that was approved",
	"change":           "each state is logged; a step within one is an event of the outbox alone",
	"change_operation": "part of a change: the draft's entry holds what was asked, and applying it is logged with the record it changes",
	"deployment":       "each state is logged; what happens within one is an event of the outbox alone",
	"stanza_ledger":    "moves with a deployment that ends, which is logged",
	"deployed_session": "moves with a deployment that is confirmed, which is logged",
	"approval_code":    "burnt at its first use: the vote, or the audited refusal, is the record of it",
	"export_guard":     "armed by a deployment's end, which is logged; a breach is logged with the session that it shuts",
	"audit_event":      "is a record of refusals",

	"router_poll":    "observed: one event per poll that saw something move",
	"neighbor_state": "observed: one event per poll that saw something move",
	"neighbor_drop":  "observed: one event per poll that saw something move",

	"pdb_org":      "mirror of PeeringDB: one row in pdb_run per run",
	"pdb_fac":      "mirror of PeeringDB: one row in pdb_run per run",
	"pdb_netfac":   "mirror of PeeringDB: one row in pdb_run per run",
	"pdb_poc":      "mirror of PeeringDB: one row in pdb_run per run",
	"pdb_net":      "mirror of PeeringDB: one row in pdb_run per run",
	"pdb_ix":       "mirror of PeeringDB: one row in pdb_run per run",
	"pdb_ixlan":    "mirror of PeeringDB: one row in pdb_run per run",
	"pdb_ixpfx":    "mirror of PeeringDB: one row in pdb_run per run",
	"pdb_netixlan": "mirror of PeeringDB: one row in pdb_run per run",
	"pdb_sync":     "mirror of PeeringDB: how far each type is fetched",
	"pdb_run":      "mirror of PeeringDB: the record of its runs",
	"pdb_refresh":  "mirror of PeeringDB: when one network was asked for",
}

// Logged are the tables of the source of truth.
var Logged = []string{
	"api_token", "app_user", "approval_rule", "autonomous_system", "bfd", "bgp_group", "change_freeze", "command", "community", "community_assignment", "config_context", "connection", "contact", "contact_assignment", "contact_role", "context_assignment", "irr_list", "ixp", "peering", "platform",
	"policy_assignment", "relationship", "router", "routing_policy", "secret", "secret_version", "session", "site", "tag", "tag_assignment", "template", "vote",
}

// A statement outside a transaction is a test's own hand: at its commit the
// current query is that statement or none, and COMMIT for a transaction of package db.
// A router's fence is no edit, nor is shutting_until: each attempt to write sets them. Nor is it one that an IRR gave the same list again.
// What a savepoint wrote has an xmin of its own; now() is when the whole transaction began.
const guard = `
CREATE FUNCTION logged_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF coalesce(lower(current_query()), '') NOT LIKE 'commit%' THEN
        RETURN NULL;
    END IF;
    IF TG_OP = 'UPDATE' AND to_jsonb(NEW) - '{fence,shutting_until}'::text[] = to_jsonb(OLD) - '{fence,shutting_until}'::text[] THEN
        RETURN NULL;
    END IF;
    IF TG_TABLE_NAME = 'irr_list' AND TG_OP = 'UPDATE' AND to_jsonb(NEW) - '{source,fetched_at}'::text[] = to_jsonb(OLD) - '{source,fetched_at}'::text[] THEN
        RETURN NULL;
    END IF;
    IF NOT EXISTS (SELECT 1 FROM change_log WHERE at = now()) OR NOT EXISTS (SELECT 1 FROM outbox WHERE xid = pg_current_xact_id()) THEN
        RAISE EXCEPTION 'a transaction that writes to % leaves no entry in change_log and outbox', TG_TABLE_NAME;
    END IF;
    RETURN NULL;
END $$`

// guardTables makes PostgreSQL refuse unlogged writes in a migrated database.
func guardTables(ctx context.Context, url string) error {
	conn, err := pgx.Connect(ctx, url)
	if err != nil {
		return err
	}
	defer conn.Close(ctx)
	if _, err := conn.Exec(ctx, guard); err != nil {
		return err
	}
	for _, table := range Logged {
		_, err := conn.Exec(ctx, `CREATE CONSTRAINT TRIGGER logged AFTER INSERT OR UPDATE OR DELETE ON `+pgx.Identifier{table}.Sanitize()+
			` DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION logged_guard()`)
		if err != nil {
			return err
		}
	}
	return nil
}
