package temporalserver

import (
	"context"
	"io/fs"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"
	"go.temporal.io/server/schema"
	postgresql "go.temporal.io/server/schema/postgresql/v12"
)

// database makes an empty one beside Temporal's own.
func database(t *testing.T, name string) *pgx.Conn {
	t.Helper()
	s := sharedStack(t)
	if err := s.pg.EnsureDatabases(limit(t), name); err != nil {
		t.Fatal(err)
	}
	conn, err := pgx.Connect(limit(t), s.pg.DSN(name))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close(context.Background()) })
	return conn
}

func bringTo(t *testing.T, conn *pgx.Conn, scripts, version string) error {
	t.Helper()
	steps, err := readSteps(schema.Assets(), scripts)
	if err != nil {
		t.Fatal(err)
	}
	name := conn.Config().Database
	return pgx.BeginFunc(limit(t), conn, func(tx pgx.Tx) error { return upgrade(limit(t), tx, steps, name, version) })
}

// The lists leave out what differs between Temporal's own two ways to a fresh database: a table that version 1.0 had and
// nothing reads any more, and defaults that its statements never rely on.
const (
	listColumns = `SELECT table_name || '.' || column_name || ' ' || data_type || ' ' || is_nullable FROM information_schema.columns
		WHERE table_schema = 'public' AND table_name NOT LIKE 'schema\_%' AND table_name <> 'cluster_metadata' ORDER BY 1`
	listIndexes = `SELECT indexdef FROM pg_indexes
		WHERE schemaname = 'public' AND tablename NOT LIKE 'schema\_%' AND tablename <> 'cluster_metadata' ORDER BY 1`
)

func texts(t *testing.T, conn *pgx.Conn, query string) []string {
	t.Helper()
	rows, err := conn.Query(limit(t), query)
	if err != nil {
		t.Fatal(err)
	}
	found, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		t.Fatal(err)
	}
	return found
}

func TestUpgradeFromAnOlderServerEndsAtTemporalsOwnSchema(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ folder, older, want string }{
		"main":       {"postgresql/v12/temporal", "1.12", postgresql.Version},
		"visibility": {"postgresql/v12/visibility", "1.5", postgresql.VisibilityVersion},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			stepwise, whole := database(t, "stepwise_"+name), database(t, "whole_"+name)
			for _, version := range []string{c.older, c.want, c.want} {
				if err := bringTo(t, stepwise, c.folder+"/versioned", version); err != nil {
					t.Fatalf("to %s: %v", version, err)
				}
			}
			script, err := fs.ReadFile(schema.Assets(), c.folder+"/schema.sql")
			if err != nil {
				t.Fatal(err)
			}
			if _, err := whole.Exec(limit(t), string(script)); err != nil {
				t.Fatal(err)
			}
			for _, list := range []string{listColumns, listIndexes} {
				got, want := texts(t, stepwise, list), texts(t, whole, list)
				if diff := cmp.Diff(want, got); len(want) < 10 || diff != "" {
					t.Errorf("%d of Temporal's own, difference:\n%s", len(want), diff)
				}
			}
		})
	}
}

func TestSchemaOfANewerServerIsRefused(t *testing.T) {
	t.Parallel()
	conn := database(t, "newer")
	if err := bringTo(t, conn, "postgresql/v12/temporal/versioned", postgresql.Version); err != nil {
		t.Fatal(err)
	}
	if _, err := conn.Exec(limit(t), "UPDATE schema_version SET curr_version = '1.100'"); err != nil {
		t.Fatal(err)
	}
	err := bringTo(t, conn, "postgresql/v12/temporal/versioned", postgresql.Version)
	if err == nil || !strings.Contains(err.Error(), "1.100 was written by a newer Temporal") {
		t.Errorf("err = %v", err)
	}
}

func TestAFailedUpgradeLeavesTheOldVersionWhole(t *testing.T) {
	t.Parallel()
	conn := database(t, "failed")
	steps, err := readSteps(schema.Assets(), "postgresql/v12/temporal/versioned")
	if err != nil {
		t.Fatal(err)
	}
	steps[len(steps)-1].script += "SELECT 1/0;"
	err = pgx.BeginFunc(limit(t), conn, func(tx pgx.Tx) error {
		return upgrade(limit(t), tx, steps, "failed", postgresql.Version)
	})
	if err == nil || len(texts(t, conn, listColumns)) != 0 {
		t.Errorf("err = %v, and tables are left behind", err)
	}
}
