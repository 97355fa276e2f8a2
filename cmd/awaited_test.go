package cmd

import (
	"encoding/json"
	"net/netip"
	"strings"
	"testing"
	"time"

	"peerflow/api"
	"peerflow/db"
	"peerflow/internal/peering"
)

func TestAChangeShowsWhatItsWatchTold(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.network()
	c, _, err := b.db.CreateChange(t.Context(), b.actor("admin"), db.NewChange{Kind: peering.KindProvision, Reason: "a test", Request: peering.ChangeRequest{ASN: 64501}})
	b.must(err)
	b.must(b.db.NoteUnmoved(t.Context(), c.ID))
	b.must(b.db.MoveChange(t.Context(), c.ID, peering.ChangeCompleted, "", "configured"))
	shown := func(args ...string) string {
		t.Helper()
		code, stdout, stderr := b.cli("admin", "", append([]string{"change", "show", "1"}, args...)...)
		if code != exitOK {
			t.Fatalf("exit %d, %s", code, stderr)
		}
		return stdout
	}
	// Events show once no earlier transaction of the whole server runs, other tests' among them.
	shows := func(word string, args ...string) (got string) {
		t.Helper()
		for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); {
			if got = shown(args...); strings.Contains(got, word) {
				break
			}
		}
		return got
	}
	if got := shown(); strings.Contains(got, "reminder") {
		t.Errorf("nothing was told yet, and it shows\n%s", got)
	}
	waits := []peering.AwaitedSession{{SessionID: 1, ASN: 64501, Address: netip.MustParseAddr("198.51.100.2"), Router: "edge1", Why: "refused"}}
	b.must(b.db.TellAwaited(t.Context(), c.ID, peering.Awaited{Number: 1, Days: 1, Sessions: waits}))
	if got := shows("reminder 20"); !strings.Contains(got, "reminder 20") || !strings.Contains(got, "0 of 1 session up after 1 day; not up: AS64501 198.51.100.2 on edge1 (refused)") {
		t.Errorf("it shows\n%s", got)
	}
	b.must(b.db.TellAwaited(t.Context(), c.ID, peering.Awaited{Days: 14, Sessions: waits}))
	var report peerReport
	stdout := shows(`"event": "report"`, "--json")
	if err := json.Unmarshal([]byte(stdout), &report); err != nil || len(report.Watch) != 2 || report.Watch[0].Event != "reminder" || report.Watch[1].Event != "report" ||
		!strings.Contains(report.Watch[1].Text, "after 14 days") || report.Watch[1].At.IsZero() {
		t.Errorf("%v: %s", err, stdout)
	}
}

func TestAWatchShowsUntilWhen(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)
	waiting := api.SessionView{Session: peering.Session{WatchUntil: now.Add(14 * 24 * time.Hour)}, Display: peering.ShowWaiting}
	up := api.SessionView{Session: peering.Session{WatchUntil: now.Add(15 * 24 * time.Hour)}, Display: peering.ShowUp}
	for name, tt := range map[string]struct {
		told     []told
		sessions []api.SessionView
		want     string
	}{
		"one waits":            {nil, []api.SessionView{up, waiting}, "watched until 2026-11-15 12:00 UTC"},
		"all are up":           {nil, []api.SessionView{up}, ""},
		"reminded, it goes on": {[]told{{now, "reminder", "0 of 1"}}, []api.SessionView{waiting}, "watched until"},
		"the report was told":  {[]told{{now, "report", "0 of 1"}}, []api.SessionView{waiting}, ""},
	} {
		var out strings.Builder
		showWatch(Screen{Out: &out}, tt.told, tt.sessions, now)
		if got := out.String(); strings.Contains(got, "watched until") != (tt.want != "") || !strings.Contains(got, tt.want) {
			t.Errorf("%s: %q", name, got)
		}
	}
}
