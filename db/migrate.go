package db

import (
	"context"
	"embed"
	"fmt"
	"io/fs"
	"slices"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/lock"

	"peerflow/internal/peering"
)

//go:embed migrations/*.sql
var migrations embed.FS

// Migrate brings the schema to what this binary knows. Several processes may
// start at once: an advisory lock lets one work while the others wait.
func (d *DB) Migrate(ctx context.Context) error {
	provider, done, err := d.migrator()
	if err != nil {
		return fmt.Errorf("prepare migrations: %w", err)
	}
	defer done()
	if _, err := d.serverVersion(ctx); err != nil {
		return err
	}
	if err := d.refuseNewer(ctx, provider); err != nil {
		return err
	}
	if _, err := provider.Up(ctx); err != nil {
		return fmt.Errorf("migrate the database: %w", translate(err))
	}
	return nil
}

// CheckSchema refuses a database whose schema is older or newer than this binary's.
func (d *DB) CheckSchema(ctx context.Context) error {
	provider, done, err := d.migrator()
	if err != nil {
		return fmt.Errorf("prepare migrations: %w", err)
	}
	defer done()
	if err := d.refuseNewer(ctx, provider); err != nil {
		return err
	}
	applied, err := d.appliedMigrations(ctx)
	if err != nil {
		return err
	}
	for _, source := range provider.ListSources() {
		if !slices.Contains(applied, source.Version) {
			return peering.Errorf(peering.Unavailable,
				"the database lacks migration %d: run `peerflow migrate` with this binary first", source.Version)
		}
	}
	return nil
}

// refuseNewer keeps an old binary away from a schema that it doesn't know.
func (d *DB) refuseNewer(ctx context.Context, provider *goose.Provider) error {
	sources := provider.ListSources()
	newest := sources[len(sources)-1].Version
	applied, err := d.appliedMigrations(ctx)
	if err != nil {
		return err
	}
	for _, version := range applied {
		if version > newest {
			return peering.Errorf(peering.Unavailable,
				"a newer peerflow migrated this database to schema %d, and this binary knows %d: use the newer binary", version, newest)
		}
	}
	return nil
}

func (d *DB) migrator() (provider *goose.Provider, done func(), err error) {
	files, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return nil, nil, err
	}
	// A try each second for five minutes: another process may be in a long migration.
	locker, err := lock.NewPostgresSessionLocker(lock.WithLockTimeout(1, 300))
	if err != nil {
		return nil, nil, err
	}
	config := d.pool.Config().ConnConfig.Copy()
	config.RuntimeParams["statement_timeout"] = "0" // rebuilding a large table takes what it takes
	handle := stdlib.OpenDB(*config)
	provider, err = goose.NewProvider(goose.DialectPostgres, handle, files, goose.WithSessionLocker(locker))
	if err != nil {
		handle.Close()
		return nil, nil, err
	}
	return provider, func() { handle.Close() }, nil
}

// appliedMigrations lists what goose wrote down; none on an empty database.
func (d *DB) appliedMigrations(ctx context.Context) ([]int64, error) {
	var kept bool
	err := d.pool.QueryRow(ctx, `SELECT to_regclass('goose_db_version') IS NOT NULL`).Scan(&kept)
	if err != nil || !kept {
		return nil, translate(err)
	}
	rows, err := d.pool.Query(ctx, `SELECT version_id FROM goose_db_version WHERE is_applied ORDER BY id`)
	if err != nil {
		return nil, translate(err)
	}
	applied, err := pgx.CollectRows(rows, pgx.RowTo[int64])
	return applied, translate(err)
}
