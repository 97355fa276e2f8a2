package db_test

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5"

	"peerflow/db"
	"peerflow/db/dbtest"
	"peerflow/internal/peering"
)

func TestEachConstraintSaysWhatToDo(t *testing.T) {
	t.Parallel()
	d := dbtest.New(t)
	rows, err := d.Pool().Query(t.Context(), `
		SELECT conname FROM pg_constraint c JOIN pg_class t ON t.oid = c.conrelid JOIN pg_namespace n ON n.oid = t.relnamespace
		WHERE n.nspname = 'public' AND (contype IN ('c', 'u', 'f') OR contype = 't' AND conname <> 'logged') AND t.relname NOT LIKE 'pdb\_%' AND t.relname <> 'goose_db_version'
		UNION SELECT i.relname FROM pg_index x JOIN pg_class i ON i.oid = x.indexrelid JOIN pg_namespace n ON n.oid = i.relnamespace
		WHERE n.nspname = 'public' AND x.indisunique AND NOT x.indisprimary AND i.relname NOT LIKE 'pdb\_%'`)
	if err != nil {
		t.Fatal(err)
	}
	schema, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		t.Fatal(err)
	}
	explained := db.Explained()
	for _, name := range schema {
		if !slices.Contains(explained, name) {
			t.Errorf("constraint %s has no text in errors.go", name)
		}
	}
	for _, name := range explained {
		if !slices.Contains(schema, name) {
			t.Errorf("errors.go explains %s, which the schema doesn't have", name)
		}
	}
}

// violations run into one constraint each, as raw SQL on the small network, whose ids all are 1 but for our AS (1) and the peer (2).
var violations = map[string]string{
	"app_user_name_unique":           `INSERT INTO app_user (name) VALUES ('bob'), ('bob')`,
	"app_user_name_shape":            `INSERT INTO app_user (name) VALUES ('Bob')`,
	"api_token_user":                 `INSERT INTO api_token (user_id, hash, roles) VALUES (99, sha256('a'), '{viewer}')`,
	"secret_name_unique":             `INSERT INTO secret (name) VALUES ('a'), ('a')`,
	"secret_name_present":            `INSERT INTO secret (name) VALUES ('')`,
	"autonomous_system_asn_unique":   `INSERT INTO autonomous_system (asn) VALUES (64500)`,
	"autonomous_system_asn_range":    `INSERT INTO autonomous_system (asn) VALUES (4294967296)`,
	"autonomous_system_limit_v4":     `UPDATE autonomous_system SET limit_v4 = 0`,
	"autonomous_system_limit_v6":     `UPDATE autonomous_system SET limit_v6 = -2`,
	"irr_list_as":                    `INSERT INTO irr_list (as_id, kind, entries, count, fetched_at) VALUES (99, 'as', '64501', 1, now())`,
	"irr_list_count":                 `INSERT INTO irr_list (as_id, kind, entries, count, fetched_at) VALUES (2, 'as', '', 1, now())`,
	"irr_list_source":                `INSERT INTO irr_list (as_id, kind, entries, count, source, fetched_at) VALUES (2, 'as', '', 0, repeat('a', 501), now())`,
	"relationship_slug_unique":       `INSERT INTO relationship (slug, name) VALUES ('peer', ''), ('peer', '')`,
	"site_slug_unique":               `INSERT INTO site (slug, name) VALUES ('ams', '')`,
	"site_slug_shape":                `INSERT INTO site (slug, name) VALUES ('Ams', '')`,
	"platform_slug_unique":           `INSERT INTO platform (slug, name, driver) VALUES ('bird2', '', '')`,
	"template_name_unique":           `INSERT INTO template (name, body) VALUES ('bird', '')`,
	"template_subject":               `INSERT INTO template (name, body, subject) VALUES ('a', '', 'a')`,
	"template_dataset":               `INSERT INTO template (name, body, kind) VALUES ('a', '', 'export')`,
	"router_template_kind":           `UPDATE template SET kind = 'mail'`,
	"router_name_unique":             `INSERT INTO router (name, site_id, platform_id, local_as_id, address) VALUES ('ams-1', 1, 1, 1, 'x:1')`,
	"router_name_present":            `UPDATE router SET name = ''`,
	"router_site":                    `UPDATE router SET site_id = 99`,
	"router_platform":                `UPDATE router SET platform_id = 99`,
	"router_local_as":                `UPDATE router SET local_as_id = 99`,
	"router_template":                `UPDATE router SET template_id = 99`,
	"router_address_present":         `UPDATE router SET address = ''`,
	"router_bgp_port":                `UPDATE router SET bgp_port = 0`,
	"router_reached_via_host":        `UPDATE router SET reached_via = '192.0.2.0/24'`,
	"router_login":                   `UPDATE router SET login_secret = 99, login_version = 1`,
	"router_lab_loopback":            `UPDATE router SET address = '192.0.2.1:22'`,
	"ixp_slug_unique":                `INSERT INTO ixp (slug, name, local_as_id) VALUES ('ams-ix', '', 1)`,
	"ixp_slug_shape":                 `INSERT INTO ixp (slug, name, local_as_id) VALUES ('AMS', '', 1)`,
	"ixp_local_as":                   `UPDATE ixp SET local_as_id = 99`,
	"ixp_relationship":               `UPDATE ixp SET relationship_id = 99`,
	"ixp_ixlan_unique":               `INSERT INTO ixp (slug, name, local_as_id, ixlan_id) VALUES ('b', '', 1, 26)`,
	"connection_ixp":                 `UPDATE connection SET ixp_id = 99`,
	"connection_router":              `INSERT INTO connection (ixp_id, router_id, ipv4, ipv4_lan) VALUES (1, 99, '198.51.100.9', '198.51.100.0/24')`,
	"connection_ipv4_host":           `UPDATE connection SET ipv4 = '198.51.100.1/25'`,
	"connection_ipv4_lan":            `UPDATE connection SET ipv4_lan = '203.0.113.0/24'`,
	"connection_ipv6_host":           `UPDATE connection SET ipv6 = '2001:db8:1::1/127'`,
	"connection_ipv6_lan":            `UPDATE connection SET ipv6_lan = '2001:db8:2::/64'`,
	"connection_vlan":                `UPDATE connection SET vlan = 0`,
	"connection_address":             `UPDATE connection SET ipv4 = NULL, ipv4_lan = NULL, ipv6 = NULL, ipv6_lan = NULL`,
	"connection_lans":                `UPDATE connection SET ipv4_lan = NULL`,
	"connection_ipv4_unique":         `INSERT INTO connection (ixp_id, router_id, ipv4, ipv4_lan) VALUES (1, 1, '198.51.100.1', '198.51.100.0/24')`,
	"connection_ipv6_unique":         `INSERT INTO connection (ixp_id, router_id, ipv6, ipv6_lan) VALUES (1, 1, '2001:db8:1::1', '2001:db8:1::/64')`,
	"bgp_group_slug_unique":          `INSERT INTO bgp_group (slug, name) VALUES ('a', ''), ('a', '')`,
	"bgp_group_relationship":         `INSERT INTO bgp_group (slug, name, relationship_id) VALUES ('a', '', 99)`,
	"bgp_group_limit_v4":             `INSERT INTO bgp_group (slug, name, limit_v4) VALUES ('a', '', 0)`,
	"bgp_group_limit_v6":             `INSERT INTO bgp_group (slug, name, limit_v6) VALUES ('a', '', 0)`,
	"routing_policy_slug_unique":     `INSERT INTO routing_policy (slug, name, direction) VALUES ('accept-peers', '', 'import')`,
	"routing_policy_slug_shape":      `INSERT INTO routing_policy (slug, name, direction) VALUES ('A B', '', 'import')`,
	"routing_policy_family":          `INSERT INTO routing_policy (slug, name, direction, family) VALUES ('a', '', 'import', 5)`,
	"routing_policy_expect_v4":       `UPDATE routing_policy SET expect_v4 = -1`,
	"routing_policy_expect_v6":       `UPDATE routing_policy SET expect_v6 = -1`,
	"community_slug_unique":          `INSERT INTO community (slug, name, value) VALUES ('a', '', '64500:1'), ('a', '', '64500:1')`,
	"community_slug_shape":           `INSERT INTO community (slug, name, value) VALUES ('A B', '', '64500:1')`,
	"community_value_shape":          `INSERT INTO community (slug, name, value) VALUES ('a', '', '64500:1; }')`,
	"community_assignment_community": `INSERT INTO community_assignment (community_id, object, object_id) VALUES (99, 'session', 1)`,
	"community_assignment_object":    `WITH c AS (INSERT INTO community (slug, name, value) VALUES ('a', '', '64500:1') RETURNING id) INSERT INTO community_assignment SELECT id, 'site', 1 FROM c`,
	"bfd_slug_unique":                `INSERT INTO bfd (slug, name, minimum_transmit_interval, minimum_receive_interval, detection_multiplier, hold_time) VALUES ('a', '', 1, 1, 1, 0), ('a', '', 1, 1, 1, 0)`,
	"bfd_slug_shape":                 `INSERT INTO bfd (slug, name, minimum_transmit_interval, minimum_receive_interval, detection_multiplier, hold_time) VALUES ('A', '', 1, 1, 1, 0)`,
	"bfd_transmit":                   `INSERT INTO bfd (slug, name, minimum_transmit_interval, minimum_receive_interval, detection_multiplier, hold_time) VALUES ('a', '', 0, 1, 1, 0)`,
	"bfd_receive":                    `INSERT INTO bfd (slug, name, minimum_transmit_interval, minimum_receive_interval, detection_multiplier, hold_time) VALUES ('a', '', 1, 255001, 1, 0)`,
	"bfd_multiplier":                 `INSERT INTO bfd (slug, name, minimum_transmit_interval, minimum_receive_interval, detection_multiplier, hold_time) VALUES ('a', '', 1, 1, 256, 0)`,
	"bfd_hold_time":                  `INSERT INTO bfd (slug, name, minimum_transmit_interval, minimum_receive_interval, detection_multiplier, hold_time) VALUES ('a', '', 1, 1, 1, -1)`,
	"session_bfd":                    `UPDATE session SET bfd_id = 99`,
	"session_service_reference":      `UPDATE session SET service_reference = 'a;'`,
	"config_context_name_unique":     `INSERT INTO config_context (name) VALUES ('a'), ('a')`,
	"config_context_name_present":    `INSERT INTO config_context (name) VALUES ('')`,
	"config_context_data":            `INSERT INTO config_context (name, data) VALUES ('a', '[]')`,
	"context_assignment_context":     `INSERT INTO context_assignment (config_context_id, weight, object, object_id) VALUES (99, 1, 'session', 1)`,
	"context_assignment_weight":      `WITH c AS (INSERT INTO config_context (name) VALUES ('a') RETURNING id) INSERT INTO context_assignment SELECT id, -1, 'session', 1 FROM c`,
	"context_assignment_object":      `WITH c AS (INSERT INTO config_context (name) VALUES ('a') RETURNING id) INSERT INTO context_assignment SELECT id, 1, 'site', 1 FROM c`,
	"contact_name_present":           `INSERT INTO contact (name) VALUES ('')`,
	"contact_role_slug_unique":       `INSERT INTO contact_role (slug, name) VALUES ('a', ''), ('a', '')`,
	"contact_role_slug_shape":        `INSERT INTO contact_role (slug, name) VALUES ('A', '')`,
	"contact_assignment_contact":     `WITH r AS (INSERT INTO contact_role (slug, name) VALUES ('a', '') RETURNING id) INSERT INTO contact_assignment SELECT 99, id, 'ixp', 1 FROM r`,
	"contact_assignment_role":        `WITH c AS (INSERT INTO contact (name) VALUES ('a') RETURNING id) INSERT INTO contact_assignment SELECT id, 99, 'ixp', 1 FROM c`,
	"contact_assignment_object": `WITH c AS (INSERT INTO contact (name) VALUES ('a') RETURNING id), r AS (INSERT INTO contact_role (slug, name) VALUES ('a', '') RETURNING id)
		INSERT INTO contact_assignment SELECT c.id, r.id, 'session', 1 FROM c, r`,
	"tag_slug_unique":           `INSERT INTO tag (slug, name, color) VALUES ('a', '', '000000'), ('a', '', '000000')`,
	"tag_slug_shape":            `INSERT INTO tag (slug, name, color) VALUES ('A', '', '000000')`,
	"tag_color_shape":           `INSERT INTO tag (slug, name, color) VALUES ('a', '', 'red')`,
	"tag_assignment_tag":        `INSERT INTO tag_assignment (tag_id, position, object, object_id) VALUES (99, 1, 'session', 1)`,
	"tag_assignment_object":     `WITH g AS (INSERT INTO tag (slug, name, color) VALUES ('a', '', '000000') RETURNING id) INSERT INTO tag_assignment SELECT id, 1, 'site', 1 FROM g`,
	"approval_rule_name_unique": `INSERT INTO approval_rule (name) VALUES ('a'), ('a')`,
	"approval_rule_name_shape":  `INSERT INTO approval_rule (name) VALUES ('default')`,
	"approval_rule_counts":      `INSERT INTO approval_rule (name, min_sessions) VALUES ('a', -1)`,
	"approval_rule_automatic":   `INSERT INTO approval_rule (name, votes_needed, filter_change_limit) VALUES ('a', 0, 5)`,
	"approval_rule_solo":        `INSERT INTO approval_rule (name, votes_needed, solo_after_minutes) VALUES ('a', 2, 30)`,
	"peering_local_as":          `INSERT INTO peering (local_as_id, peer_as_id) VALUES (99, 2)`,
	"peering_peer_as":           `INSERT INTO peering (local_as_id, peer_as_id) VALUES (1, 99)`,
	"peering_ixp":               `INSERT INTO peering (local_as_id, peer_as_id, ixp_id) VALUES (1, 2, 99)`,
	"peering_venue_unique":      `INSERT INTO peering (local_as_id, peer_as_id) VALUES (1, 2), (1, 2)`,
	"peering_agreed_evidence":   `UPDATE peering SET evidence = 'none'`,
	"peering_two_networks":      `INSERT INTO peering (local_as_id, peer_as_id) VALUES (1, 1)`,
	"session_peering":           `UPDATE session SET peering_id = 99`,
	"session_router":            `INSERT INTO session (kind, peering_id, router_id, peer_address, peer_asn, families) VALUES ('direct', 1, 99, '203.0.113.1', 64501, '{4}')`,
	"session_group":             `INSERT INTO session (kind, peering_id, router_id, peer_address, peer_asn, families, group_id) VALUES ('direct', 1, 1, '203.0.113.1', 64501, '{4}', 99)`,
	"session_relationship":      `UPDATE session SET relationship_id = 99`,
	"session_peer_host":         `UPDATE session SET peer_address = '198.51.100.2/24'`,
	"session_local_host":        `UPDATE session SET local_address = '198.51.100.1/24'`,
	"session_peer_asn":          `UPDATE session SET peer_asn = 0`,
	"session_local_asn":         `UPDATE session SET local_asn = 0`,
	"session_families":          `UPDATE session SET families = '{5}'`,
	"session_limit_v4":          `UPDATE session SET limit_v4 = 0`,
	"session_limit_v6":          `UPDATE session SET limit_v6 = 0`,
	"session_hold_time":         `UPDATE session SET hold_time = 2`,
	"session_multihop":          `UPDATE session SET multihop = 256`,
	"session_identity":          `INSERT INTO session (kind, peering_id, router_id, peer_address, peer_asn, families) VALUES ('direct', 1, 1, '198.51.100.2', 64501, '{4}')`,
	"session_planned_once": `WITH u AS (INSERT INTO app_user (name) VALUES ('w') RETURNING id),
		c AS (INSERT INTO change (kind, author_id) SELECT 'provision', id FROM u RETURNING id),
		o AS (INSERT INTO change_operation (change_id, position, router_id, object, object_id, action, patch)
			SELECT id, 1, 1, 'session', 99, 'create', '{"peer_address": "203.0.113.1"}' FROM c)
		INSERT INTO session (kind, peering_id, router_id, peer_address, peer_asn, families) VALUES ('direct', 1, 1, '203.0.113.1', 64501, '{4}')`,
	"change_operation_session_once": `WITH u AS (INSERT INTO app_user (name) VALUES ('w') RETURNING id),
		c AS (INSERT INTO change (kind, author_id) SELECT 'provision', id FROM u RETURNING id)
		INSERT INTO change_operation (change_id, position, router_id, object, object_id, action, patch)
		SELECT id, 1, 1, 'session', 99, 'create', '{"peer_address": "198.51.100.2"}' FROM c`,
	"session_connection":           `UPDATE session SET connection_id = 99`,
	"session_password":             `UPDATE session SET password_secret = 99, password_version = 1`,
	"session_kind_ixp":             `UPDATE session SET connection_id = NULL`,
	"session_kind_direct":          `UPDATE session SET kind = 'direct'`,
	"session_interface_link_local": `UPDATE session SET interface = 'eth0'`,
	"policy_assignment_as":         `INSERT INTO policy_assignment (policy_id, direction, position, as_id) VALUES (1, 'import', 1, 99)`,
	"policy_assignment_group":      `INSERT INTO policy_assignment (policy_id, direction, position, group_id) VALUES (1, 'import', 1, 99)`,
	"policy_assignment_ixp":        `INSERT INTO policy_assignment (policy_id, direction, position, ixp_id) VALUES (1, 'import', 1, 99)`,
	"policy_assignment_session":    `INSERT INTO policy_assignment (policy_id, direction, position, session_id) VALUES (1, 'import', 1, 99)`,
	"policy_assignment_policy":     `INSERT INTO policy_assignment (policy_id, direction, position, as_id) VALUES (1, 'export', 1, 1)`,
	"policy_assignment_one_owner":  `INSERT INTO policy_assignment (policy_id, direction, position, as_id, ixp_id) VALUES (1, 'import', 1, 1, 1)`,
	"policy_assignment_once":       `INSERT INTO policy_assignment (policy_id, direction, position, ixp_id) VALUES (1, 'import', 7, 1)`,
}

func TestViolationsComeBackAsTheirText(t *testing.T) {
	t.Parallel()
	d := dbtest.New(t)
	smallNetwork(t, d)
	for constraint, statement := range violations {
		err := d.Write(t.Context(), anna, func(tx *db.Tx) error { return tx.Exec(t.Context(), statement) })
		if err == nil || err.Error() != db.Refusal(constraint) {
			t.Errorf("%s: %v, want %q", constraint, err, db.Refusal(constraint))
		}
		if kind := peering.KindOf(err); kind != peering.Invalid && kind != peering.Conflict {
			t.Errorf("%s: kind %q", constraint, kind)
		}
	}
}

func TestOtherErrorsOfTheDatabaseHaveAKind(t *testing.T) {
	t.Parallel()
	d := dbtest.New(t)
	for statement, want := range map[string]peering.Kind{
		`INSERT INTO site (slug) VALUES ('a')`:                                                        peering.Invalid,     // name is NULL
		`INSERT INTO site (slug, name, id) OVERRIDING SYSTEM VALUE VALUES ('a', '', 1), ('b', '', 1)`: peering.Conflict,    // a primary key
		`SELECT 'sideways'::policy_direction`:                                                         peering.Invalid,     // no such value
		`SELECT * FROM no_such_table`:                                                                 peering.Unavailable, // no schema
		`SELECT 1/0`:                                                                                  "",                  // a bug stays one
	} {
		err := d.Write(t.Context(), anna, func(tx *db.Tx) error { return tx.Exec(t.Context(), statement) })
		if err == nil || peering.KindOf(err) != want {
			t.Errorf("%s: kind %q (%v), want %q", statement, peering.KindOf(err), err, want)
		}
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if err := d.Write(ended, anna, func(*db.Tx) error { return nil }); !errors.Is(err, context.Canceled) {
		t.Errorf("a context that ended: %v", err)
	}
	_, err := db.Open(t.Context(), "postgres://postgres:hunter2@127.0.0.1:1/x?connect_timeout=1", db.Options{})
	wantKind(t, "nobody listens", err, peering.Unavailable)
	_, err2 := db.Open(t.Context(), "postgres://postgres:hunter2@[::1/x", db.Options{})
	wantKind(t, "no URL", err2, peering.Invalid)
	for _, e := range []error{err, err2} {
		if strings.Contains(e.Error(), "hunter2") {
			t.Errorf("the error tells the password: %v", e)
		}
	}
}

func TestATransactionThatLostARaceRunsAgain(t *testing.T) {
	t.Parallel()
	d := dbtest.New(t)
	smallNetwork(t, d)
	mustCreate(t, d.Sites(), peering.Site{Slug: "fra"})
	// Two writers take the same two rows in opposite order: PostgreSQL ends one of them.
	var meet sync.WaitGroup
	meet.Add(2)
	runs := make(chan int, 2)
	write := func(first, second string) error {
		n := 0
		defer func() { runs <- n }()
		return d.Write(t.Context(), anna, func(tx *db.Tx) error {
			n++
			if err := tx.Exec(t.Context(), `UPDATE site SET name = name || 'x' WHERE slug = $1`, first); err != nil {
				return err
			}
			if n == 1 {
				meet.Done()
				meet.Wait()
			}
			err := tx.Exec(t.Context(), `UPDATE site SET name = name || 'x' WHERE slug = $1`, second)
			return errors.Join(err, tx.Log(t.Context(), "site", 1, "update", nil, nil))
		})
	}
	failed := make(chan error, 2)
	go func() { failed <- write("ams", "fra") }()
	go func() { failed <- write("fra", "ams") }()
	for range 2 {
		if err := <-failed; err != nil {
			t.Error(err)
		}
	}
	var ams, fra string
	sqlRead(t, d, `SELECT (SELECT name FROM site WHERE slug = 'ams'), (SELECT name FROM site WHERE slug = 'fra')`, nil, &ams, &fra)
	if total := <-runs + <-runs; total < 3 || ams != "amsxx" || fra != "fraxx" {
		t.Errorf("%d runs, names %q and %q: want a repeat, and each write once", total, ams, fra)
	}
}

func TestDeletingWhatIsUsedNamesTheUser(t *testing.T) {
	t.Parallel()
	d := dbtest.New(t)
	n := smallNetwork(t, d)
	tests := map[string]struct {
		remove func() error
		user   string
	}{
		"a site with a router":               {func() error { return d.Sites().Delete(t.Context(), anna, n.site.ID, 0) }, "router"},
		"a peering with a session":           {func() error { return d.Peerings().Delete(t.Context(), anna, n.peering.ID, 0) }, "session"},
		"a policy in an exchange's list":     {func() error { return d.RoutingPolicies().Delete(t.Context(), anna, n.accept.ID, 0) }, "policy list"},
		"a connection that carries sessions": {func() error { return d.Connections().Delete(t.Context(), anna, n.port.ID, 0) }, "session"},
	}
	for name, test := range tests {
		err := test.remove()
		wantKind(t, name, err, peering.Conflict)
		if err == nil || !strings.Contains(err.Error(), "still used by a "+test.user) {
			t.Errorf("%s: %v, want the %s named", name, err, test.user)
		}
	}
}

func TestEveryNounConstraintIsTried(t *testing.T) {
	t.Parallel()
	// These can't be run into alone: another constraint of the same table comes first.
	shadowed := []string{"connection_router_key", "routing_policy_direction_key", "api_token_hash_unique", "api_token_hash_length",
		"secret_version_secret", "secret_version_positive", "template_kind_key"}
	for _, name := range db.Explained() {
		for _, table := range []string{"app_user", "api_token", "secret", "autonomous_system", "relationship", "site", "platform", "template",
			"router", "ixp", "connection", "bgp_group", "routing_policy", "peering", "session", "policy_assignment", "community", "tag", "bfd", "config_context", "context_assignment", "contact", "irr_list"} {
			ours := strings.HasPrefix(name, table+"_") && !strings.HasPrefix(name, "router_poll")
			if ours && !slices.Contains(shadowed, name) && !slices.Contains(slices.Collect(maps.Keys(violations)), name) {
				t.Errorf("no statement runs into %s", name)
			}
		}
	}
}
