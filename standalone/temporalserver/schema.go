package temporalserver

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5"
	"go.temporal.io/server/schema"
	postgresql "go.temporal.io/server/schema/postgresql/v12"
)

// ensureSchemas makes Temporal's tables, or brings those of an older server up to this one. Temporal's own tool does the
// same statement by statement; here all of a database's steps are one transaction, so that a crash leaves no half.
func (o Options) ensureSchemas(ctx context.Context) error {
	for _, s := range []struct{ database, scripts, version string }{
		{mainDatabase, "postgresql/v12/temporal/versioned", postgresql.Version},
		{visibilityDatabase, "postgresql/v12/visibility/versioned", postgresql.VisibilityVersion},
	} {
		if err := o.ensureSchema(ctx, s.database, s.scripts, s.version); err != nil {
			return fmt.Errorf("tables of database %s: %w", s.database, err)
		}
	}
	return nil
}

func (o Options) ensureSchema(ctx context.Context, database, scripts, want string) error {
	steps, err := readSteps(schema.Assets(), scripts)
	if err != nil {
		return err
	}
	conn, err := o.connect(ctx, database)
	if err != nil {
		return err
	}
	defer conn.Close(ctx)
	return pgx.BeginFunc(ctx, conn, func(tx pgx.Tx) error { return upgrade(ctx, tx, steps, database, want) })
}

func (o Options) connect(ctx context.Context, database string) (*pgx.Conn, error) {
	cfg, err := pgx.ParseConfig("port=5432 sslmode=disable")
	if err != nil {
		return nil, err
	}
	cfg.Host, cfg.User, cfg.Database = o.SocketDir, o.User, database
	return pgx.ConnectConfig(ctx, cfg)
}

// versionTables are what Temporal's tool keeps its books in, so that the tool can take over or be taken over from.
const versionTables = `
CREATE TABLE IF NOT EXISTS schema_version (
	version_partition int NOT NULL, db_name varchar(255) NOT NULL, creation_time timestamp,
	curr_version varchar(64), min_compatible_version varchar(64), PRIMARY KEY (version_partition, db_name));
CREATE TABLE IF NOT EXISTS schema_update_history (
	version_partition int NOT NULL, year int NOT NULL, month int NOT NULL, update_time timestamp NOT NULL, description varchar(255),
	manifest_md5 varchar(64), new_version varchar(64), old_version varchar(64), PRIMARY KEY (version_partition, year, month, update_time))`

// upgrade runs the steps after the database's version, up to want. A database of a newer server is refused.
func upgrade(ctx context.Context, tx pgx.Tx, steps []step, database, want string) error {
	if _, err := tx.Exec(ctx, versionTables); err != nil {
		return err
	}
	have := "0.0"
	err := tx.QueryRow(ctx, "SELECT curr_version FROM schema_version WHERE version_partition = 0 AND db_name = $1 FOR UPDATE", database).Scan(&have)
	if err != nil && !errors.Is(err, pgx.ErrNoRows) {
		return err
	}
	if compareVersions(have, want) > 0 {
		return fmt.Errorf("version %s was written by a newer Temporal; this one knows %s", have, want)
	}
	for _, s := range steps {
		if compareVersions(s.Version, have) <= 0 || compareVersions(s.Version, want) > 0 {
			continue
		}
		if err := s.apply(ctx, tx, database, have); err != nil {
			return fmt.Errorf("from version %s to %s: %w", have, s.Version, err)
		}
		have = s.Version
	}
	if have != want {
		return fmt.Errorf("the scripts end at version %s, and the server needs %s", have, want)
	}
	return nil
}

// step is one folder of scripts, described by its manifest.
type step struct {
	Version     string   `json:"CurrVersion"`
	Compatible  string   `json:"MinCompatibleVersion"`
	Description string   `json:"Description"`
	Files       []string `json:"SchemaUpdateCqlFiles"`

	script string
}

func (s step) apply(ctx context.Context, tx pgx.Tx, database, from string) error {
	if _, err := tx.Exec(ctx, s.script); err != nil {
		return err
	}
	_, err := tx.Exec(ctx, `INSERT INTO schema_version (version_partition, db_name, creation_time, curr_version, min_compatible_version)
		VALUES (0, $1, clock_timestamp() AT TIME ZONE 'UTC', $2, $3) ON CONFLICT (version_partition, db_name) DO UPDATE SET
		creation_time = excluded.creation_time, curr_version = excluded.curr_version, min_compatible_version = excluded.min_compatible_version`,
		database, s.Version, s.Compatible)
	if err != nil {
		return err
	}
	_, err = tx.Exec(ctx, `INSERT INTO schema_update_history (version_partition, year, month, update_time, description, manifest_md5, new_version, old_version)
		SELECT 0, extract(year FROM t), extract(month FROM t), t, $1, '', $2, $3 FROM (SELECT clock_timestamp() AT TIME ZONE 'UTC' AS t) now`,
		s.Description, s.Version, from)
	return err
}

// readSteps reads all version folders below dir, oldest first.
func readSteps(files fs.FS, dir string) ([]step, error) {
	folders, err := fs.ReadDir(files, dir)
	if err != nil {
		return nil, err
	}
	var steps []step
	for _, f := range folders {
		if !f.IsDir() {
			continue
		}
		s, err := readStep(files, path.Join(dir, f.Name()))
		if err != nil {
			return nil, fmt.Errorf("scripts of %s: %w", f.Name(), err)
		}
		steps = append(steps, s)
	}
	slices.SortFunc(steps, func(a, b step) int { return compareVersions(a.Version, b.Version) })
	return steps, nil
}

func readStep(files fs.FS, dir string) (step, error) {
	raw, err := fs.ReadFile(files, path.Join(dir, "manifest.json"))
	if err != nil {
		return step{}, err
	}
	var s step
	if err := json.Unmarshal(raw, &s); err != nil {
		return step{}, err
	}
	for _, name := range s.Files {
		script, err := fs.ReadFile(files, path.Join(dir, name))
		if err != nil {
			return step{}, err
		}
		s.script += string(script) + "\n;\n" // a file may lack its last semicolon, or end in a comment
	}
	// nobody else is on this database yet, and a transaction can't build an index concurrently
	s.script = strings.ReplaceAll(s.script, " CONCURRENTLY", "")
	return s, nil
}

// compareVersions orders "1.9" before "1.10".
func compareVersions(a, b string) int {
	number := func(s string) int { n, _ := strconv.Atoi(s); return n }
	as, bs := strings.Split(a, "."), strings.Split(b, ".")
	for i := range max(len(as), len(bs)) {
		var x, y int
		if i < len(as) {
			x = number(as[i])
		}
		if i < len(bs) {
			y = number(bs[i])
		}
		if c := cmp.Compare(x, y); c != 0 {
			return c
		}
	}
	return 0
}
