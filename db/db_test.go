package db_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"

	"peerflow/db"
	"peerflow/db/dbtest"
	"peerflow/internal/peering"
)

var anna = peering.Actor{Kind: peering.ActorSystem, Name: "test", RequestID: "req-1"}

func TestSchemaIsCheckedAgainstTheBinary(t *testing.T) {
	t.Parallel()
	d := dbtest.Open(t, dbtest.EmptyURL(t), db.Options{})
	if err := d.CheckSchema(t.Context()); peering.KindOf(err) != peering.Unavailable || !strings.Contains(err.Error(), "peerflow migrate") {
		t.Errorf("an empty database: %v", err)
	}
	var group sync.WaitGroup
	for range 3 { // several processes start at once
		group.Go(func() {
			if err := d.Migrate(t.Context()); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	if err := d.CheckSchema(t.Context()); err != nil {
		t.Errorf("a migrated database: %v", err)
	}
	if _, err := d.Pool().Exec(t.Context(), `INSERT INTO goose_db_version (version_id, is_applied) VALUES (9999, true)`); err != nil {
		t.Fatal(err)
	}
	for what, act := range map[string]func(context.Context) error{"CheckSchema": d.CheckSchema, "Migrate": d.Migrate} {
		if err := act(t.Context()); peering.KindOf(err) != peering.Unavailable || !strings.Contains(err.Error(), "newer") {
			t.Errorf("%s on a newer database: %v", what, err)
		}
	}
}

func TestLogAndOutboxComeAndGoWithTheirTransaction(t *testing.T) {
	t.Parallel()
	d := dbtest.New(t)
	count := func() (log, outbox int) {
		err := d.Pool().QueryRow(t.Context(), `SELECT (SELECT count(*) FROM change_log), (SELECT count(*) FROM outbox)`).Scan(&log, &outbox)
		if err != nil {
			t.Fatal(err)
		}
		return log, outbox
	}
	write := func(fail error) error {
		return d.Write(t.Context(), anna, func(tx *db.Tx) error {
			return errors.Join(tx.Log(t.Context(), "site", 1, "create", nil, peering.Site{Slug: "ams"}), fail)
		})
	}
	broken := errors.New("broken")
	if err := write(broken); !errors.Is(err, broken) {
		t.Errorf("Write gives %v, want the function's own error", err)
	}
	if log, outbox := count(); log+outbox != 0 {
		t.Errorf("after a roll back: %d log entries, %d outbox rows", log, outbox)
	}
	if err := write(nil); err != nil {
		t.Fatal(err)
	}
	if log, outbox := count(); log != 1 || outbox != 1 {
		t.Errorf("after a commit: %d log entries, %d outbox rows, want 1 and 1", log, outbox)
	}
}
