package cmd

import (
	"os"
	"testing"

	"peerflow/db"
	"peerflow/db/dbtest"
	"peerflow/internal/peering"
)

// A key is made at the first set-up alone: another one would open nothing that is stored.
func TestEnvelopeKeyIsMadeByMigrateWhileNoSecretIsStored(t *testing.T) {
	c := Config{DatabaseURL: dbtest.URL(t), KeyFile: t.TempDir() + "/secrets.key"}
	missing := func(err error) {
		t.Helper()
		if peering.KindOf(err) != peering.Unavailable {
			t.Errorf("without the key file: %v", err)
		}
		if _, err := os.Stat(c.KeyFile); !os.IsNotExist(err) {
			t.Errorf("a key was made: %v", err)
		}
	}
	open := func() (*db.DB, error) { return OpenDatabase(t.Context(), c, 2) }
	_, err := open()
	missing(err)
	if err := MigrateDatabase(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	database, err := open()
	if err != nil {
		t.Fatal(err)
	}
	defer database.Close()
	if _, err := database.PutSecret(t.Context(), peering.Actor{Kind: peering.ActorImport, Name: "test"}, "edge", "a password"); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(c.KeyFile); err != nil {
		t.Fatal(err)
	}
	missing(MigrateDatabase(t.Context(), c))
	_, err = open()
	missing(err)
}
