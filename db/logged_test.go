package db_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"peerflow/db"
	"peerflow/db/dbtest"
)

func TestEveryTableIsLoggedOrExemptWithAReason(t *testing.T) {
	t.Parallel()
	d := dbtest.New(t)
	rows, err := d.Pool().Query(t.Context(), `SELECT tablename FROM pg_tables WHERE schemaname = 'public'`)
	if err != nil {
		t.Fatal(err)
	}
	tables, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		t.Fatal(err)
	}
	for _, table := range tables {
		reason, exempt := dbtest.Unlogged[table]
		switch logged := slices.Contains(dbtest.Logged, table); {
		case exempt == logged:
			t.Errorf("table %s: write it either into dbtest.Logged, or into dbtest.Unlogged with the reason why its writes leave no entry in the change log", table)
		case exempt && reason == "":
			t.Errorf("table %s is exempt without a reason", table)
		}
	}
	for table := range dbtest.Unlogged {
		if !slices.Contains(tables, table) {
			t.Errorf("dbtest.Unlogged names %s, which doesn't exist", table)
		}
	}
}

// The guard that all tests of this package run under: were it blind, unlogged writes would pass everywhere.
func TestAWriteThatIsNotLoggedCanNotBeCommitted(t *testing.T) {
	t.Parallel()
	d := dbtest.New(t)
	write := func(log bool) error {
		return d.Write(t.Context(), anna, func(tx *db.Tx) error {
			if err := tx.Exec(t.Context(), `INSERT INTO site (slug, name) VALUES ('ams', 'Amsterdam')`); err != nil || !log {
				return err
			}
			return tx.Log(t.Context(), "site", 1, "create", nil, nil)
		})
	}
	if err := write(false); err == nil || !strings.Contains(err.Error(), "writes to site leaves no entry") {
		t.Errorf("unlogged: %v", err)
	}
	if err := write(true); err != nil {
		t.Errorf("logged: %v", err)
	}
	var there int
	sqlRead(t, d, `SELECT count(*) FROM pg_trigger WHERE tgname = 'logged'`, nil, &there)
	if there != len(dbtest.Logged) {
		t.Errorf("%d tables are guarded, want %d", there, len(dbtest.Logged))
	}
}
