package db_test

import (
	"strings"
	"testing"

	"peerflow/db"
	"peerflow/db/dbtest"
)

func TestAServerThatTheSchemaDoesNotFitIsRefused(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		version string
		number  int
		standby bool
		says    string
	}{
		{"14.9", 140009, false, "PostgreSQL 14.9: peerflow needs version 15 or a newer one"},
		{"9.6.24", 90624, false, "PostgreSQL 9.6.24"},
		{"15.0", 150000, false, ""},
		{"15.18 (Debian 15.18-0+deb12u1)", 150018, false, ""},
		{"18.1", 180001, false, ""},
		{"17.2", 170002, true, "let PEERFLOW_DATABASE_URL name the primary"},
	} {
		err := db.FitServer(c.version, c.number, c.standby)
		if (err != nil) != (c.says != "") || err != nil && !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s, standby %v: %v, want %q", c.version, c.standby, err, c.says)
		}
	}
}

func TestASurveyTellsWhatADatabaseLacks(t *testing.T) {
	t.Parallel()
	d := dbtest.Open(t, dbtest.EmptyURL(t), db.Options{})
	before, err := d.Survey(t.Context())
	if err != nil || len(before.Lacks) < 21 || before.Lacks[0] != 1 || before.Sealed {
		t.Errorf("empty: %+v, %v", before, err)
	}
	if err := d.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	if after, err := d.Survey(t.Context()); err != nil || len(after.Lacks) != 0 || after.Server != before.Server || after.Server == "" {
		t.Errorf("migrated: %+v, %v", after, err)
	}
}
