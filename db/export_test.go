package db

import (
	"context"
	"slices"

	"github.com/jackc/pgx/v5"

	"peerflow/internal/peering"
)

// Explained names the constraints that have a text of their own.
func Explained() (names []string) {
	for name := range refusals {
		names = append(names, name)
	}
	return names
}

// Refusal is the text of one constraint.
func Refusal(name string) string { return refusals[name].text }

// Exec lets tests run into constraints that the domain's own checks keep others away from.
func (tx *Tx) Exec(ctx context.Context, sql string, args ...any) error {
	_, err := tx.pgx.Exec(ctx, sql, args...)
	return err
}

var listings = []listing{autonomousSystems.list, relationships.list, sites.list, platforms.list, templates.list, routers.list, ixps.list,
	connections.list, bgpGroups.list, routingPolicies.list, communities.list, tags.list, bfds.list, configContexts.list, contacts.list, contactRoles.list, peerings.list, sessions.list, logList, secretList, changeList, auditList}

// ListFields gives the operators of each field of each noun's list; q is one of them where it exists.
func ListFields() map[string]map[string][]string {
	all := map[string]map[string][]string{}
	for _, l := range listings {
		all[l.table] = map[string][]string{}
		for name, f := range l.fields {
			all[l.table][name] = f.kind.operators
		}
		for name, f := range everywhere {
			if !l.bare {
				all[l.table][name] = f.kind.operators
			}
		}
		if l.tagged {
			all[l.table]["tag"] = tagSlugs(l.table).kind.operators
		}
		if len(l.search) > 0 {
			all[l.table]["q"] = []string{""}
		}
	}
	return all
}

// samples are values that each kind of filter accepts; an enum takes the first one that it knows.
var samples = []string{"1", "true", "router", "2026-01-01T00:00:00Z", "192.0.2.1", "ipv4", "stanza", "jinja2", "observe", "full", "ask_first", "enabled", "import",
	"ingress", "none", "bilateral", "direct", "present", "unknown", "provision", "draft"}

// TryList runs a list with one filter of so many values, whatever value it accepts, and gives the statement.
func (d *DB) TryList(ctx context.Context, table, field, op string, values int) (sql string, err error) {
	for _, l := range listings {
		for _, value := range samples {
			if l.table != table {
				continue
			}
			if op == "isnull" {
				value = "true"
			}
			var q listQuery
			if q, err = l.query([]peering.Filter{{Field: field, Op: op, Values: slices.Repeat([]string{value}, values)}}, peering.Page{}); err == nil {
				return q.sql, pgx.BeginFunc(ctx, d.pool, func(tx pgx.Tx) error { _, _, err := q.ids(ctx, tx); return err })
			}
		}
	}
	return "", err
}

// FitServer is what is said of a server's version.
func FitServer(version string, number int, standby bool) error {
	return fitServer(version, number, standby)
}
