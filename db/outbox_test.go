package db_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"peerflow/db"
	"peerflow/db/dbtest"
	"peerflow/internal/peering"
)

// emit writes one event in a transaction that ends when hold does.
func emit(t *testing.T, d *db.DB, change int64, name string, written chan<- struct{}, hold <-chan struct{}) error {
	return d.Write(t.Context(), anna, func(tx *db.Tx) error {
		err := tx.Emit(t.Context(), "change", change, 1, name, map[string]any{})
		if written != nil {
			close(written)
			<-hold
		}
		return err
	})
}

// readUntil reads events until there are so many.
func readUntil(t *testing.T, d *db.DB, after db.Position, change int64, n int) (names []string, next db.Position) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); len(names) < n; {
		if time.Now().After(deadline) {
			t.Fatalf("%d events: %v, want %d", len(names), names, n)
		}
		events, at, err := d.Events(t.Context(), after, change, 2)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range events {
			names = append(names, e.Event)
		}
		after = at
	}
	return names, after
}

func TestATransactionThatCommitsLateIsNotPassedOver(t *testing.T) {
	t.Parallel()
	d := dbtest.New(t)
	written, hold, done := make(chan struct{}), make(chan struct{}), make(chan error, 1)
	go func() { done <- emit(t, d, 0, "late", written, hold) }()
	<-written
	if err := emit(t, d, 0, "early", nil, nil); err != nil { // a higher id, and committed first
		t.Fatal(err)
	}
	events, at, err := d.Events(t.Context(), db.Position{}, 0, 10)
	if err != nil || len(events) != 0 || at != (db.Position{}) {
		t.Errorf("while the earlier transaction runs: %v at %s, %v; want nothing yet", events, at, err)
	}
	close(hold)
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	names, _ := readUntil(t, d, db.Position{}, 0, 2)
	if fmt.Sprint(names) != "[late early]" {
		t.Errorf("events %v, want both, in the order in which their transactions began", names)
	}
}

func TestAReaderResumesAtAPosition(t *testing.T) {
	t.Parallel()
	d := dbtest.New(t)
	for i := range 5 {
		change := int64(i%2) + 1
		if err := emit(t, d, change, fmt.Sprintf("e%d", i), nil, nil); err != nil {
			t.Fatal(err)
		}
	}
	first, at := readUntil(t, d, db.Position{}, 1, 2)
	resumed, err := db.ParsePosition(at.String())
	if err != nil || resumed != at {
		t.Fatalf("position %s reads back as %s, %v", at, resumed, err)
	}
	rest, _ := readUntil(t, d, resumed, 1, 1)
	if fmt.Sprint(first, rest) != "[e0 e2] [e4]" {
		t.Errorf("events of change 1: %v, then %v", first, rest)
	}
	end, err := d.EventsEnd(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := emit(t, d, 1, "new", nil, nil); err != nil {
		t.Fatal(err)
	}
	if names, _ := readUntil(t, d, end, 0, 1); names[0] != "new" {
		t.Errorf("a reader that starts at the end gets %v", names)
	}
}

func TestWhatIsNoPosition(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"x", "1", "1.x", "-1.2", "1.-2", "1.2.3", "99999999999999999999.1"} {
		if _, err := db.ParsePosition(text); peering.KindOf(err) != peering.Invalid {
			t.Errorf("%q: %v, want a refusal", text, err)
		}
	}
	if p, err := db.ParsePosition(""); err != nil || p != (db.Position{}) {
		t.Errorf("nothing is %s, %v, want the start", p, err)
	}
}

func TestARolledBackTransactionLeavesNoEvent(t *testing.T) {
	t.Parallel()
	d := dbtest.New(t)
	broken := errors.New("broken")
	err := d.Write(t.Context(), anna, func(tx *db.Tx) error {
		return errors.Join(tx.Emit(t.Context(), "change", 0, 1, "never", nil), broken)
	})
	if !errors.Is(err, broken) {
		t.Fatal(err)
	}
	if err := emit(t, d, 0, "after", nil, nil); err != nil {
		t.Fatal(err)
	}
	if names, _ := readUntil(t, d, db.Position{}, 0, 1); fmt.Sprint(names) != "[after]" {
		t.Errorf("events %v", names)
	}
}
