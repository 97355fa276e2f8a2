package cmd

import (
	"testing"

	"peerflow/db/dbtest"
	"peerflow/internal/peering"
)

// The first token may be lost between its making and a person: a start that was
// killed, a disk that was full. Nobody must be locked out by that.
func TestTheFirstAdministratorsLostTokenIsReplacedUntilItWasUsed(t *testing.T) {
	d := dbtest.New(t)
	first := func(name string) string {
		t.Helper()
		clear, err := FirstAdmin(t.Context(), d, name, "a test")
		if err != nil {
			t.Fatal(err)
		}
		return clear
	}
	lost := first("alice")
	if clear := first("bob"); clear != "" {
		t.Error("bob came first, beside alice")
	}
	replaced := first("alice")
	if replaced == "" || replaced == lost {
		t.Fatalf("alice's token %q was replaced by %q", lost, replaced)
	}
	if _, err := d.Authenticate(t.Context(), lost); peering.KindOf(err) != peering.Denied {
		t.Errorf("the lost token still opens: %v", err)
	}
	actor, err := d.Authenticate(t.Context(), replaced)
	if err != nil || !actor.May(peering.Admin) {
		t.Fatalf("%+v, %v", actor, err)
	}
	if clear := first("alice"); clear != "" {
		t.Error("a token that was used is replaced")
	}
}
