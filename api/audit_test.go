package api

import (
	"context"
	"fmt"
	"log/slog"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"peerflow/db/dbtest"
	"peerflow/internal/peering"
)

// auditOf is what a test's refusals left, oldest first.
func auditOf(t *testing.T, d Audit) []peering.AuditEvent {
	t.Helper()
	found, err := d.ListAudit(t.Context(), nil, peering.Page{Order: peering.OldestFirst, Limit: 1000})
	if err != nil {
		t.Fatal(err)
	}
	return found.Items
}

func TestAFloodOfRefusalsIsAFewEventsWithTheirNumber(t *testing.T) {
	t.Parallel()
	d := dbtest.New(t)
	f := newRefusals(d, slog.New(slog.DiscardHandler))
	from := func(host string, change int64) {
		r := httptest.NewRequest("POST", "http://127.0.0.1/api/v1/changes/"+fmt.Sprint(change)+"/approve?secret=1", nil)
		r.RemoteAddr = host + ":4711"
		f.note(r, peering.Actor{}, actLogIn, change, "nobody has it")
	}
	for range 300 {
		from("192.0.2.1", 0)
	}
	if first := auditOf(t, d); len(first) != 1 || first[0].Times != 1 || first[0].Text != `POST "/api/v1/changes/0/approve" from 192.0.2.1: nobody has it` {
		t.Fatalf("at once: %+v", first)
	}
	for i := range 200 {
		from(fmt.Sprintf("198.51.100.%d", i), 7)
	}
	r := httptest.NewRequest("GET", "/", nil)
	r.Host = "evil.example"
	f.note(r, peering.Actor{}, actByName, 0, "another act isn't drowned")
	f.settle()
	told := auditOf(t, d)
	if len(told) != auditDiffer+2 {
		t.Fatalf("%d events, want %d different ones, one for the others, and that of the other act", len(told), auditDiffer)
	}
	var total int64
	for _, e := range told {
		total += e.Times
		if !e.Refused || e.Door != peering.DoorAPI || e.LastAt.IsZero() != (e.Times == 1) {
			t.Errorf("%+v", e)
		}
	}
	others := told[auditDiffer]
	if total != 501 || told[0].Times != 300 || others.Times != 191 || others.ChangeID != 0 || !strings.HasPrefix(others.Text, "beyond") {
		t.Errorf("%d refusals are told, want 501; the first %d times; others: %+v", total, told[0].Times, others)
	}
	from("192.0.2.1", 0)
	if again := auditOf(t, d); len(again) != len(told)+1 {
		t.Errorf("%d events after the minute, want one more than %d", len(again), len(told))
	}
}

// stuck is an audit that doesn't answer until it is let go.
type stuck struct {
	Audit
	let chan struct{}
}

func (s stuck) NoteAudit(ctx context.Context, e peering.AuditEvent) (int64, error) {
	<-s.let
	return s.Audit.NoteAudit(ctx, e)
}

// eventually looks until something holds, for a minute at most.
func eventually(holds func() bool) {
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(time.Minute); !holds() && time.Now().Before(deadline); {
		<-tick.C
	}
}

// Another door's callers aren't kept waiting for the audit, and can't fill it.
func TestWhatAnotherDoorRefusesIsAuditedBesideIt(t *testing.T) {
	t.Parallel()
	d := dbtest.New(t)
	away := stuck{d, make(chan struct{})}
	g := NewGuard(GuardDeps{Audit: away, Log: slog.New(slog.DiscardHandler)})
	for i := range 1000 { // returns though nothing can be written
		g.Refused(peering.DoorTemporal, "call Temporal", fmt.Sprintf("/Service/Method%d", i%100), "192.0.2.1", "without the secret")
	}
	close(away.let)
	written := func() bool { return len(auditOf(t, d)) == auditDiffer+1 }
	eventually(written)
	settled := func() bool {
		g.refused.mu.Lock()
		defer g.refused.mu.Unlock()
		for _, one := range g.refused.open {
			if one.id == 0 {
				return false
			}
		}
		return true
	}
	eventually(settled)
	g.refused.settle()
	var total int64
	texts := map[string]bool{}
	told := auditOf(t, d)
	for _, e := range told {
		total += e.Times
		texts[e.Text] = true
		if !e.Refused || e.Door != peering.DoorTemporal || e.Act != "call Temporal" {
			t.Errorf("%+v", e)
		}
	}
	if len(told) != auditDiffer+1 || total != 1000 || !texts[`"/Service/Method7" from 192.0.2.1: without the secret`] {
		t.Errorf("%d events of %d refusals, want %d of 1000: %v", len(told), total, auditDiffer+1, texts)
	}
}

// A database that is away for a moment loses no refusal.
func TestARefusalThatCouldNotBeWrittenIsWrittenLater(t *testing.T) {
	t.Parallel()
	d := dbtest.New(t)
	f := newRefusals(d, slog.New(slog.DiscardHandler))
	away, err := d.Pool().Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := away.Exec(t.Context(), "LOCK TABLE audit_event IN ACCESS EXCLUSIVE MODE"); err != nil {
		t.Fatal(err)
	}
	r := httptest.NewRequest("GET", "http://evil.example/", nil)
	f.note(r, peering.Actor{}, actByName, 0, "it calls us \"evil.example\"")
	f.note(r, peering.Actor{}, actByName, 0, "it calls us \"evil.example\"")
	if err := away.Rollback(t.Context()); err != nil {
		t.Fatal(err)
	}
	if early := auditOf(t, d); len(early) != 0 {
		t.Fatalf("%+v", early)
	}
	f.settle()
	if told := auditOf(t, d); len(told) != 1 || told[0].Times != 2 {
		t.Errorf("%+v", told)
	}
}
