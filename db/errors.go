package db

import (
	"context"
	"errors"
	"io"
	"net"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"peerflow/internal/peering"
)

// PostgreSQL's codes that people can do something about (Appendix A of its manual).
const (
	notNullViolation    = "23502"
	foreignKeyViolation = "23503"
	uniqueViolation     = "23505"
	checkViolation      = "23514"
	invalidText         = "22P02" // an enum value that doesn't exist, broken JSON
	notInEncoding       = "22021" // a NUL in a text
	notInJSON           = "22P05" // a NUL in a JSON text
	undefinedTable      = "42P01"
)

// refusal is what a constraint means to the one who ran into it.
type refusal struct {
	kind peering.Kind
	text string // names the remedy
}

// unreachable is what is said while there is no database, whatever the driver says of its host, user and name.
const unreachable = "the database can't be reached: is PostgreSQL running, and is PEERFLOW_DATABASE_URL right?"

// translate turns an error of PostgreSQL into a domain error. What is one
// already, and what the caller did to itself (a context that ended), stays.
// A driver's text is never part of one: the cause is kept for logs.
func translate(err error) error {
	if err == nil || peering.KindOf(err) != "" {
		return err
	}
	var connect *pgconn.ConnectError
	if errors.As(err, &connect) {
		if errors.Is(err, context.Canceled) {
			return context.Canceled
		}
		return peering.Hide(peering.Unavailable, unreachable, err) // our patience with it may have ended: that is the same
	}
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	if errors.Is(err, pgx.ErrNoRows) {
		return &peering.Error{Kind: peering.NotFound, Text: "no such record"}
	}
	var pg *pgconn.PgError
	if errors.As(err, &pg) {
		return translateCode(pg, err)
	}
	var network net.Error
	if errors.As(err, &network) || errors.Is(err, pgconn.ErrConnClosed) || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return peering.Hide(peering.Unavailable, unreachable, err)
	}
	return err
}

func translateCode(pg *pgconn.PgError, err error) error {
	switch pg.Code {
	case notNullViolation:
		return peering.Errorf(peering.Invalid, "%s is missing", pg.ColumnName)
	case foreignKeyViolation, uniqueViolation, checkViolation:
		r := explain(pg.ConstraintName, pg.Code)
		return &peering.Error{Kind: r.kind, Text: r.text}
	case invalidText:
		return &peering.Error{Kind: peering.Invalid, Text: pg.Message}
	case notInEncoding, notInJSON:
		return peering.NewError(peering.Invalid, "a text holds a letter that can't be stored (NUL)")
	case undefinedTable:
		return peering.NewError(peering.Unavailable, "the database has no peerflow schema: run `peerflow migrate`")
	}
	for _, t := range troubles {
		if strings.HasPrefix(pg.Code, t.code) {
			return peering.Hide(peering.Unavailable, t.text, err)
		}
	}
	return err
}

// troubles are states of the server that end, by codes or their beginnings; the first that fits counts.
var troubles = []struct{ code, text string }{
	{"08", unreachable},
	{"53100", "the database's disk is full: make room there"},
	{"53300", "the database takes no more connections: raise its max_connections, or run fewer processes"},
	{"53", "the database lacks room or memory: look at its log"},
	{"57014", "the database took too long and gave up: try again"},
	{"57", "the database is being stopped or started: try again in a moment"},
	{"40", "others wrote the same records at the same moment: try again"},
}

// explain finds the text of a constraint, or says what its kind means.
func explain(constraint, code string) refusal {
	if r, ok := refusals[constraint]; ok {
		return r
	}
	if strings.HasSuffix(constraint, "_pkey") {
		return refusal{peering.Conflict, strings.TrimSuffix(constraint, "_pkey") + " is recorded already"}
	}
	if code == uniqueViolation {
		return refusal{peering.Conflict, "it exists already (" + constraint + ")"}
	}
	return refusal{peering.Invalid, "it breaks the rule " + constraint}
}

// stillUsed translates the refusal to delete something that others refer to.
func stillUsed(object string, id int64, err error) error {
	var pg *pgconn.PgError
	if errors.As(err, &pg) && pg.Code == foreignKeyViolation {
		return peering.Errorf(peering.Conflict, "%s %d is still used by a %s: change or delete that first",
			noun(object), id, noun(pg.TableName))
	}
	return err
}

// missing names what isn't there.
func missing(object string, id int64) error {
	return peering.Errorf(peering.NotFound, "there is no %s %d", noun(object), id)
}

// changed tells that a row moved on since it was read.
func changed(object string, id, had, has int64) error {
	return peering.Errorf(peering.Stale, "%s %d changed meanwhile (version %d, now %d): read it again and repeat the edit",
		noun(object), id, had, has)
}

// noun is the word that people read for a table.
func noun(table string) string {
	switch table {
	case "ixp":
		return "exchange"
	case "bgp_group":
		return "BGP group"
	case "app_user":
		return "user"
	case "bfd":
		return "BFD"
	case "community_assignment":
		return "list of communities of a session, router, exchange, group, autonomous system or policy"
	case "tag_assignment", "context_assignment", "contact_assignment":
		return "record that has it"
	case "policy_assignment":
		return "policy list of a session, exchange, group or autonomous system"
	}
	return strings.ReplaceAll(table, "_", " ")
}

const (
	slugShape  = "lower-case letters, digits and dashes, starting with a letter or digit"
	limitRange = "a prefix limit is 1 to 4294967295, \"unlimited\", or nothing to inherit"
	hostOnly   = "give a host address, without a mask"
)

func taken(text string) refusal  { return refusal{peering.Conflict, text} }
func wrong(text string) refusal  { return refusal{peering.Invalid, text} }
func noSuch(text string) refusal { return refusal{peering.Invalid, "there is no such " + text} }

// refusals explains every named constraint. Those of foreign keys speak of the
// write that names something missing; a delete that is held up goes through stillUsed.
var refusals = map[string]refusal{
	"app_user_name_unique":    taken("a user of this name exists already"),
	"app_user_name_shape":     wrong("a user name is lower-case letters, digits, dots, dashes and underscores, starts with a letter and has at most 63 characters"),
	"api_token_user":          noSuch("user"),
	"api_token_hash_unique":   taken("this token exists already: mint another"),
	"api_token_hash_length":   wrong("a token is kept as its SHA-256, 32 bytes"),
	"secret_name_unique":      taken("a secret of this name exists already"),
	"secret_name_present":     wrong("a secret needs a name"),
	"secret_version_secret":   noSuch("secret"),
	"secret_version_positive": wrong("versions of a secret start at 1"),

	"autonomous_system_asn_unique": taken("this AS number is recorded already: edit that record"),
	"autonomous_system_asn_range":  wrong("an AS number is 1 to 4294967295 (RFC 7607 refuses 0)"),
	"autonomous_system_limit_v4":   wrong(limitRange),
	"autonomous_system_limit_v6":   wrong(limitRange),

	"irr_list_as":              noSuch("autonomous system"),
	"irr_list_count":           wrong("a list has at most 500000 entries"),
	"irr_list_source":          wrong("a list's source is at most 500 characters"),
	"relationship_slug_unique": taken("a relationship with this slug exists already"),
	"site_slug_unique":         taken("a site with this slug exists already"),
	"site_slug_shape":          wrong("a site's slug is " + slugShape),
	"platform_slug_unique":     taken("a platform with this slug exists already"),
	"template_name_unique":     taken("a template of this kind and name exists already"),
	"template_kind_key":        taken("this template exists already"),
	"template_subject":         wrong("a mail alone has a subject"),
	"template_dataset":         wrong("an export has a dataset, and no other template has one"),
	"router_template_kind":     wrong("a router takes a template of kind router, and one that a router uses stays of that kind"),

	"router_name_unique":      taken("a router of this name exists already"),
	"router_name_present":     wrong("a router needs a name"),
	"router_site":             noSuch("site (site_id): create it first"),
	"router_platform":         noSuch("platform (platform_id): create it first"),
	"router_local_as":         noSuch("autonomous system (local_as_id): create it first, with local set"),
	"router_template":         noSuch("template (template_id): create it first"),
	"router_address_present":  wrong("a router needs the address of its management port, as host:port"),
	"router_bgp_port":         wrong("a BGP port is 1 to 65535, usually 179"),
	"router_reached_via_host": wrong("reached_via: " + hostOnly),
	"router_login":            noSuch("version of the login secret: record it first"),
	"router_lab_loopback":     wrong("a lab router lives on loopback: its address starts with 127., [::1] or localhost"),

	"ixp_slug_unique":  taken("an exchange with this slug exists already"),
	"ixp_slug_shape":   wrong("an exchange's slug is " + slugShape),
	"ixp_local_as":     noSuch("autonomous system (local_as_id): create it first, with local set"),
	"ixp_relationship": noSuch("relationship (relationship_id): create it first"),
	"ixp_ixlan_unique": taken("another exchange has this PeeringDB LAN (ixlan_id)"),

	"connection_ixp":         noSuch("exchange (exchange_id): create it first"),
	"connection_router":      noSuch("router (router_id): create it first"),
	"connection_ipv4_host":   wrong("ipv4: " + hostOnly),
	"connection_ipv4_lan":    wrong("ipv4_lan has to be the peering LAN that holds ipv4"),
	"connection_ipv6_host":   wrong("ipv6: " + hostOnly),
	"connection_ipv6_lan":    wrong("ipv6_lan has to be the peering LAN that holds ipv6"),
	"connection_vlan":        wrong("a VLAN is 1 to 4094; 0 is untagged"),
	"connection_address":     wrong("a connection needs an IPv4 or an IPv6 address"),
	"connection_lans":        wrong("a connection's address and its peering LAN belong together: give both or neither"),
	"connection_ipv4_unique": taken("another connection at this exchange has this IPv4 address"),
	"connection_ipv6_unique": taken("another connection at this exchange has this IPv6 address"),
	"connection_router_key":  taken("this connection exists already"),

	"bgp_group_slug_unique":        taken("a BGP group with this slug exists already"),
	"bgp_group_relationship":       noSuch("relationship (relationship_id): create it first"),
	"bgp_group_limit_v4":           wrong(limitRange),
	"bgp_group_limit_v6":           wrong(limitRange),
	"routing_policy_slug_unique":   taken("a routing policy with this slug exists already"),
	"routing_policy_slug_shape":    wrong("a policy's slug is lower-case letters, digits, dashes and underscores, starting with a letter or digit"),
	"routing_policy_family":        wrong("a policy's family is ipv4, ipv6, or nothing for both"),
	"routing_policy_expect_v4":     wrong("an expected number of prefixes is 0 or more"),
	"routing_policy_expect_v6":     wrong("an expected number of prefixes is 0 or more"),
	"routing_policy_direction_key": taken("this policy exists already"),

	"peering_local_as":        noSuch("autonomous system (local_as_id)"),
	"peering_peer_as":         noSuch("autonomous system (peer_as_id)"),
	"peering_ixp":             noSuch("exchange (exchange_id): create it first"),
	"peering_venue_unique":    taken("a peering of these two networks at this venue exists already: edit that one"),
	"peering_agreed_evidence": wrong("an agreed peering needs its evidence: a mail, a ticket, an open policy, or who says so"),
	"peering_two_networks":    wrong("a network doesn't peer with itself"),

	"session_peering":              noSuch("peering (peering_id): create it first"),
	"session_router":               noSuch("router (router_id): create it first"),
	"session_group":                noSuch("BGP group (group_id): create it first"),
	"session_bfd":                  noSuch("BFD (bfd_id): create it first"),
	"session_service_reference":    wrong("a service_reference is one line of at most 255 characters, without quotes, backslashes, semicolons, braces, #, ! and /*"),
	"session_relationship":         noSuch("relationship (relationship_id): create it first"),
	"session_peer_host":            wrong("peer_address: " + hostOnly),
	"session_local_host":           wrong("local_address: " + hostOnly),
	"session_peer_asn":             wrong("a peer's AS number is 1 to 4294967295 (RFC 7607 refuses 0)"),
	"session_local_asn":            wrong("local_asn is 1 to 4294967295, or 0 for the router's own"),
	"session_families":             wrong("a session carries ipv4, ipv6 or both"),
	"session_limit_v4":             wrong(limitRange),
	"session_limit_v6":             wrong(limitRange),
	"session_hold_time":            wrong("a hold time is 0 or 3 to 65535 seconds (RFC 4271 §4.2)"),
	"session_multihop":             wrong("multihop is a TTL of 1 to 255; 0 is single hop"),
	"session_identity":             taken("this router has a session with this peer address in this VRF already"),
	"session_planned_once":         taken("an open change plans a session of this router with this peer address: wait for it, or end it first"),
	"session_connection":           wrong("connection_id has to be a connection of the session's router"),
	"session_password":             noSuch("version of the password's secret: record it first"),
	"session_kind_ixp":             wrong("a session at an exchange needs a connection and has no BGP group"),
	"session_kind_direct":          wrong("a direct session has no connection"),
	"session_interface_link_local": wrong("an interface belongs to link-local peers (fe80::/10) alone"),

	"export_guard_session":    noSuch("session"),
	"export_guard_deployment": noSuch("deployment"),
	"export_guard_family":     wrong("the export guard counts families 4 and 6"),
	"export_guard_expected":   wrong("an expected number of prefixes is 0 or more"),

	"policy_assignment_as":        noSuch("autonomous system"),
	"policy_assignment_group":     noSuch("BGP group"),
	"policy_assignment_ixp":       noSuch("exchange"),
	"policy_assignment_session":   noSuch("session"),
	"policy_assignment_policy":    noSuch("routing policy in this direction: create it first; an import policy can't stand among the export policies, nor the reverse"),
	"policy_assignment_one_owner": wrong("a policy is assigned to one autonomous system, group, exchange or session"),
	"policy_assignment_once":      wrong("a policy stands once in a list"),

	"community_slug_unique":          taken("a community with this slug exists already"),
	"community_slug_shape":           wrong("a community's slug is at most 100 lower-case letters, digits, dashes and underscores, starting with a letter or digit"),
	"community_value_shape":          wrong("a community's value is written as 64500:1, 64500:1:2, target:64500:1 or no-export, in at most 50 characters"),
	"community_assignment_community": noSuch("community (communities): create it first"),
	"community_assignment_object":    wrong("communities are set on sessions, routers, exchanges, groups, autonomous systems and policies"),

	"bfd_slug_unique": taken("BFD timers with this slug exist already"),
	"bfd_slug_shape":  wrong("a slug of BFD timers is at most 100 lower-case letters, digits, dashes and underscores, starting with a letter or digit"),
	"bfd_transmit":    wrong("minimum_transmit_interval is 1 to 255000 milliseconds"),
	"bfd_receive":     wrong("minimum_receive_interval is 1 to 255000 milliseconds"),
	"bfd_multiplier":  wrong("detection_multiplier is 1 to 255"),
	"bfd_hold_time":   wrong("hold_time of BFD is 0 to 255000 milliseconds"),

	"config_context_name_unique":  taken("a config context of this name exists already"),
	"config_context_name_present": wrong("a config context needs a name"),
	"config_context_data":         wrong("a config context's data is a JSON object"),
	"context_assignment_context":  noSuch("config context (config_contexts): create it first"),
	"context_assignment_weight":   wrong("a config context's weight is 0 to 32767"),
	"context_assignment_object":   wrong("records of this kind have no config contexts"),

	"contact_name_present":       wrong("a contact needs a name"),
	"contact_role_slug_unique":   taken("a contact role with this slug exists already"),
	"contact_role_slug_shape":    wrong("a contact role's slug is at most 100 lower-case letters, digits, dashes and underscores, starting with a letter or digit"),
	"contact_assignment_contact": noSuch("contact (contact_id): create it first"),
	"contact_assignment_role":    noSuch("contact role (role_id): create it first"),
	"contact_assignment_object":  wrong("contacts belong to autonomous systems and exchanges"),

	"tag_slug_unique":       taken("a tag with this slug exists already"),
	"tag_slug_shape":        wrong("a tag's slug is at most 100 lower-case letters, digits, dashes and underscores, starting with a letter or digit"),
	"tag_color_shape":       wrong("a color is six hexadecimal digits in small letters, such as 9e9e9e"),
	"tag_assignment_tag":    noSuch("tag (tags): create it first"),
	"tag_assignment_object": wrong("records of this kind have no tags"),

	"approval_rule_name_unique": taken("an approval rule of this name exists already"),
	"approval_rule_name_shape":  wrong("an approval rule's name is lower-case letters, digits, dashes and underscores, starts with a letter or digit, and isn't default"),
	"approval_rule_counts":      wrong("the figures of an approval rule are 0 or more"),
	"approval_rule_automatic":   wrong("a rule that needs 0 votes is for kind refresh alone, has a filter_change_limit and no minutes; other rules have no such limit"),
	"approval_rule_solo":        wrong("solo_after_minutes goes with votes_needed 1"),

	"change_author":             noSuch("user (author)"),
	"change_plan":               noSuch("plan of this change"),
	"change_operation_change":   noSuch("change"),
	"change_operation_router":   noSuch("router (router_id): create it first"),
	"change_operation_position": taken("an operation of this change has this position already"),
	"change_operation_session_once": taken("this router has a session with this peer address in this VRF, or another open change plans one: " +
		"look at `peerflow session list` and `peerflow change list`"),
	"config_text_hash":          wrong("a text is kept under its SHA-256 in hex"),
	"plan_change":               noSuch("change"),
	"stanza_origin_hash":        wrong("what is known of a stanza is kept under the SHA-256 of its text in hex"),
	"plan_hash":                 wrong("a plan's hash is a SHA-256 in hex"),
	"plan_votes_needed":         wrong("a plan needs 0 votes or more"),
	"plan_approval_minutes":     wrong("approval_minutes is 0 or more"),
	"plan_solo_after_minutes":   wrong("solo_after_minutes is 0 or more"),
	"plan_part_change":          noSuch("change"),
	"plan_part_router":          noSuch("router"),
	"plan_change_key":           taken("this plan exists already"),
	"plan_router_plan":          noSuch("plan"),
	"plan_router_router":        noSuch("router"),
	"plan_router_artifact":      noSuch("stored text"),
	"plan_move_router":          noSuch("router of this plan"),
	"approval_code_hash_unique": taken("this approval code exists already: ask for another"),
	"approval_code_user":        noSuch("user"),
	"approval_code_change":      noSuch("change"),
	"vote_change":               noSuch("change"),
	"vote_user":                 noSuch("user"),
	"vote_update_unique":        taken("this decision was recorded already"),
	"vote_plan":                 noSuch("plan of this change"),
	"vote_once":                 taken("this person has voted on this plan already: revoke that vote first"),
	"audit_event_user":          noSuch("user"),
	"audit_event_times":         wrong("an audit event stands for at least one"),
	"audit_event_update_unique": taken("this decision was recorded already"),

	"deployment_change":           noSuch("change"),
	"deployment_router":           noSuch("router"),
	"deployment_artifact":         noSuch("stored text"),
	"deployment_base":             noSuch("stored text"),
	"deployment_plan":             noSuch("plan of this change"),
	"deployment_once":             taken("this plan has a deployment on this router already"),
	"plan_router_mode":            wrong("a plan is for routers in mode manage or propose"),
	"deployment_mode":             wrong("a deployment is for a router in mode manage or propose"),
	"deployment_proposed":         wrong("only a deployment to a router in mode propose is proposed, with a deadline"),
	"deployment_one_in_flight":    taken("another deployment is in flight on this router: one router, one writer"),
	"stanza_ledger_router":        noSuch("router"),
	"stanza_ledger_deployment":    noSuch("deployment"),
	"deployed_session_router":     noSuch("router"),
	"deployed_session_deployment": noSuch("deployment"),
	"command_change":              noSuch("change"),
	"command_user":                noSuch("user"),
	"freeze_site":                 noSuch("site"),
	"freeze_router":               noSuch("router"),
	"freeze_user":                 noSuch("user"),
	"freeze_reason":               wrong("a freeze needs a reason"),
	"freeze_lifted_by":            noSuch("user"),
	"freeze_subject":              wrong("a freeze of a site names the site, one of a router the router, one of everything neither"),
	"change_log_user":             noSuch("user"),
	"idempotency_key_user":        noSuch("user"),
	"idempotency_key_length":      wrong("an Idempotency-Key has 1 to 255 characters"),
	"idempotency_key_change":      noSuch("change"),
	"router_poll_router":          noSuch("router"),
	"neighbor_state_router":       noSuch("router"),
	"neighbor_drop_router":        noSuch("router"),
	"neighbor_drop_positive":      wrong("a neighbor that dropped did so at least once"),
}
