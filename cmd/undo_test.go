package cmd

import (
	"encoding/json"
	"strings"
	"testing"

	"peerflow/db"
	"peerflow/internal/peering"
)

// edited is a completed change of the admin's that made session 1 passive.
func (b *bench) edited() peering.Change {
	b.Helper()
	op := peering.Operation{RouterID: 1, Object: peering.ObjectSession, ObjectID: 1, Action: peering.Update, Patch: json.RawMessage(`{"passive": true}`)}
	c, _, err := b.db.CreateChange(b.Context(), b.actor("admin"), db.NewChange{Kind: peering.KindMaintenance, Reason: "a test",
		Request: peering.ChangeRequest{Operations: []peering.Operation{op}}})
	b.must(err)
	b.must(b.db.NoteUnmoved(b.Context(), c.ID))
	b.must(b.db.MoveChange(b.Context(), c.ID, peering.ChangeCompleted, "", "the routers run it already"))
	return c
}

func TestRollingBackWhatCompletedOpensAChangeThatUndoesIt(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.network()
	b.edited()
	r := b.wants(b.do("admin", "POST", "/api/v1/changes/1/roll-back", `{"reason": "it was wrong"}`), 202, `"change_id":2`)
	if at := r.header.Get("Location"); at != "/api/v1/changes/2" {
		t.Errorf("it is at %q", at)
	}
	b.wants(b.do("admin", "GET", "/api/v1/changes/2", ""), 200, `"reason":"undoes change/1: it was wrong"`)
	if b.flows.starts != 1 || len(b.flows.woken) != 0 {
		t.Errorf("%d starts, woken %v: want the new change's workflow started", b.flows.starts, b.flows.woken)
	}
	c, err := b.db.Change(t.Context(), 2)
	b.must(err)
	b.plan(c)
	code, stdout, stderr := b.cli("admin", "", "change", "rollback", "1")
	if code != exitOK || !strings.Contains(stdout, "change/2  maintenance") || !strings.Contains(stdout, "undoes change/1") ||
		!strings.Contains(stdout, "peerflow change approve 2 --plan ") {
		t.Errorf("exit %d, %s%s", code, stdout, stderr)
	}
	var report peerReport
	_, stdout, _ = b.cli("admin", "", "change", "rollback", "1", "--json")
	if err := json.Unmarshal([]byte(stdout), &report); err != nil || report.Change.ID != 2 || report.Plan == nil {
		t.Errorf("%v: %s", err, stdout)
	}
	b.must(b.db.MoveChange(t.Context(), 2, peering.ChangeStale, "it moved", ""))
	b.must(b.db.NoteUnmoved(t.Context(), 2))
	b.must(b.db.MoveChange(t.Context(), 2, peering.ChangeCompleted, "", "the routers run it already"))
	b.wants(b.do("admin", "GET", "/api/v1/sessions/1", ""), 200, `"passive":false`)
	if code, _, stderr := b.cli("admin", "", "change", "rollback", "1"); code != exitRefused || !strings.Contains(stderr, "session 1 by change 2") {
		t.Errorf("exit %d, %s", code, stderr)
	}
}
