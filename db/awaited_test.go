package db_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"peerflow/internal/peering"
)

func TestAwaitedSessionsAreToldOnce(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	change, _, ids := s.queue(s.edge1)
	s.soak(ids[0])
	s.confirm(ids[0])
	_, err := s.SettleChange(t.Context(), change.ID)
	s.must(err)
	sessions, err := s.AwaitedSessions(t.Context(), change.ID, time.Now(), time.Minute)
	s.must(err)
	if len(sessions) != 1 || sessions[0].Up || sessions[0].ASN != 64501 || sessions[0].Router == "" || sessions[0].Why == "" || !sessions[0].Address.IsValid() {
		t.Fatalf("awaited: %+v", sessions)
	}
	// Somebody else's transaction that stays open holds back what readers of the stream see, not what is known to be told.
	open, err := s.Pool().Begin(t.Context())
	s.must(err)
	defer func() { _ = open.Rollback(context.Background()) }()
	_, err = open.Exec(t.Context(), "SELECT pg_current_xact_id()")
	s.must(err)
	first := peering.Awaited{Number: 1, Days: 1, Sessions: sessions}
	report := peering.Awaited{Days: 14, Sessions: sessions}
	for _, a := range []peering.Awaited{first, first, report, report} {
		s.must(s.TellAwaited(t.Context(), change.ID, a))
	}
	for event, text := range map[string]string{"reminder": "after 1 day", "report": "after 14 days"} {
		if n := s.one(`SELECT count(*) FROM outbox WHERE topic = 'change' AND change_id = $1 AND event = $2 AND body->>'text' LIKE $3`,
			change.ID, event, "%"+text+"; not up: AS64501%"); n != 1 {
			t.Errorf("%d events %s say %q, want 1", n, event, text)
		}
	}
	if err := s.TellAwaited(t.Context(), change.ID+1000, first); peering.KindOf(err) != peering.NotFound || !strings.Contains(err.Error(), "change") {
		t.Errorf("a change that doesn't exist: %v", err)
	}
}
