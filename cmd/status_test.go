package cmd

import (
	"strings"
	"testing"
	"time"

	"peerflow/api"
	"peerflow/internal/peering"
)

func TestStatusTellsWhatWaitsForAPerson(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.health.PeeringDB = &peering.PDBMirrorState{}
	code, out, _ := b.cli("admin", "", "status")
	if code != exitOK {
		t.Fatalf("exit %d", code)
	}
	holds(t, out, ", as admin\n", "database   ok\n", "Temporal   ok\n", "PeeringDB  never fetched: peerflow sync\n", "no change waits for a person\n")
	b.network()
	b.wants(b.do("admin", "POST", "/api/v1/freezes", `{"scope": "router", "router_id": 1, "reason": "power work"}`), 201, "")
	_, err := b.db.Pool().Exec(t.Context(), `INSERT INTO change (kind, state, author_id, step) SELECT 'deploy', s::change_state, $1, 'at ' || s
		FROM unnest(ARRAY['awaiting_approval', 'needs_operator', 'draft']) s`, b.users["admin"].ID)
	b.must(err)
	_, out, _ = b.cli("admin", "", "status")
	holds(t, out, "halted  freeze/1 halts router/1 since ", ", by admin: power work\n", "change/1  awaiting approval  at awaiting_approval\n", "change/2  needs operator  at needs_operator\n")
	if strings.Contains(out, "change/3") || strings.Contains(out, "no change") {
		t.Error(out)
	}
	_, out, _ = b.cli("admin", "", "status", "--json")
	holds(t, out, `"database": "ok"`, `"reason": "power work"`, `"state": "needs_operator"`)
}

func TestStatusEndsWithAnErrorWhenAPartIsAway(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.health = api.Status{Database: "ok", Temporal: "Temporal doesn't answer"}
	code, out, _ := b.cli("admin", "", "status")
	if code != exitUnavailable {
		t.Errorf("exit %d", code)
	}
	holds(t, out, "Temporal   Temporal doesn't answer\n")
}

func TestTheMirrorsAgeInWords(t *testing.T) {
	t.Parallel()
	got, failing := time.Date(2026, 1, 2, 3, 4, 0, 0, time.UTC), time.Date(2026, 1, 3, 3, 4, 0, 0, time.UTC)
	for want, state := range map[string]*peering.PDBMirrorState{
		"unknown: the database doesn't answer": nil,
		"never fetched: peerflow sync":         {},
		"never fetched: HTTP 503":              {Error: "HTTP 503", FailingSince: failing},
		"as of 2026-01-02 03:04 UTC":           {SucceededAt: got},
		"as of 2026-01-02 03:04 UTC, not renewed since 2026-01-03 03:04 UTC: HTTP 503": {SucceededAt: got, FailingSince: failing, Error: "HTTP 503"},
	} {
		if text := mirrored(state); text != want {
			t.Errorf("%q, want %q", text, want)
		}
	}
}

// holds fails for each piece that a text lacks.
func holds(t *testing.T, text string, pieces ...string) {
	t.Helper()
	for _, p := range pieces {
		if !strings.Contains(text, p) {
			t.Errorf("no %q in:\n%s", p, text)
		}
	}
}
