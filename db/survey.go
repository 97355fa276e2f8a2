package db

import (
	"context"
	"fmt"
	"slices"

	"peerflow/internal/peering"
)

// OldestServer is the oldest major version of PostgreSQL that the schema fits (UNIQUE NULLS NOT DISTINCT).
const OldestServer = 15

// Survey is what an operator asks of a database before peerflow runs on it.
type Survey struct {
	Server string  // PostgreSQL's version
	Lacks  []int64 // migrations of this build that it doesn't have yet
	Sealed bool    // it holds secrets, whichever key sealed them
}

// Survey looks at a database, migrated or not, and changes nothing. A server or a
// schema that this build can't work on is an error, as is a role that may not
// bring what is missing.
func (d *DB) Survey(ctx context.Context) (s Survey, err error) {
	if s.Server, err = d.serverVersion(ctx); err != nil {
		return s, err
	}
	provider, done, err := d.migrator()
	if err != nil {
		return s, fmt.Errorf("prepare migrations: %w", err)
	}
	defer done()
	if err := d.refuseNewer(ctx, provider); err != nil {
		return s, err
	}
	applied, err := d.appliedMigrations(ctx)
	if err != nil {
		return s, err
	}
	for _, source := range provider.ListSources() {
		if !slices.Contains(applied, source.Version) {
			s.Lacks = append(s.Lacks, source.Version)
		}
	}
	if len(s.Lacks) > 0 {
		if err := d.refuseNoCreate(ctx); err != nil {
			return s, err
		}
	}
	var sealing bool
	if err := d.pool.QueryRow(ctx, `SELECT to_regclass('secret_version') IS NOT NULL`).Scan(&sealing); err != nil || !sealing {
		return s, translate(err)
	}
	s.Sealed, err = d.HoldsSecrets(ctx)
	return s, translate(err)
}

// serverVersion refuses a server that is too old, or that takes no writes.
func (d *DB) serverVersion(ctx context.Context) (string, error) {
	var version string
	var number int
	var standby bool
	err := d.pool.QueryRow(ctx, `SELECT current_setting('server_version'), current_setting('server_version_num')::int, pg_is_in_recovery()`).
		Scan(&version, &number, &standby)
	if err != nil {
		return "", translate(err)
	}
	return version, fitServer(version, number, standby)
}

func fitServer(version string, number int, standby bool) error {
	switch {
	case number/10000 < OldestServer:
		return peering.Errorf(peering.Unavailable, "the database's server is PostgreSQL %s: peerflow needs version %d or a newer one", version, OldestServer)
	case standby:
		return peering.NewError(peering.Unavailable, "the database is a standby, which takes no writes: let PEERFLOW_DATABASE_URL name the primary")
	}
	return nil
}

func (d *DB) refuseNoCreate(ctx context.Context) error {
	var role, schema string
	var may bool
	err := d.pool.QueryRow(ctx, `
		SELECT current_user, coalesce(current_schema(), ''), coalesce(has_schema_privilege(current_schema(), 'CREATE'), false)`).Scan(&role, &schema, &may)
	switch {
	case err != nil:
		return translate(err)
	case schema == "":
		return peering.Errorf(peering.Unavailable, "role %s finds no schema in its search_path: create one, or set search_path in PEERFLOW_DATABASE_URL", role)
	case !may:
		return peering.Errorf(peering.Denied, "role %s may not create tables in schema %s: GRANT CREATE ON SCHEMA %s TO %s", role, schema, schema, role)
	}
	return nil
}
