package cmd

import (
	"bufio"
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"peerflow/db"
	"peerflow/internal/peering"
)

// stream is an open event stream of one change.
type stream struct {
	*bench
	lines *bufio.Scanner
	stop  context.CancelFunc
}

func (b *bench) stream(c peering.Change, after string) *stream {
	b.Helper()
	ctx, cancel := context.WithTimeout(b.Context(), time.Minute)
	b.Cleanup(cancel)
	req, err := http.NewRequestWithContext(ctx, "GET", b.server.URL+pathOf(c, "events"), nil)
	b.must(err)
	req.Header.Set("Authorization", "Bearer "+b.tokens["admin"])
	if after != "" {
		req.Header.Set("Last-Event-ID", after)
	}
	res, err := http.DefaultClient.Do(req)
	b.must(err)
	b.Cleanup(func() { res.Body.Close() })
	if res.StatusCode != 200 || res.Header.Get("Content-Type") != "text/event-stream" {
		b.Fatalf("%d %s", res.StatusCode, res.Header.Get("Content-Type"))
	}
	if res.Header.Get("Cache-Control") != "no-store" || res.Header.Get("X-Accel-Buffering") != "no" {
		b.Errorf("proxies may keep the stream back: %v", res.Header)
	}
	return &stream{bench: b, lines: bufio.NewScanner(res.Body), stop: cancel}
}

// next is the id of the next event, "" at the stream's orderly end.
func (s *stream) next() (id string) {
	s.Helper()
	for s.lines.Scan() {
		line := s.lines.Text()
		if text, ok := strings.CutPrefix(line, "id: "); ok {
			id = text
		}
		if line == "event: end" {
			return ""
		}
		if strings.HasPrefix(line, "data: ") {
			return id
		}
	}
	s.Fatalf("the stream broke off: %v", s.lines.Err())
	return ""
}

func TestEventsComeOnceEachAcrossReconnects(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.network()
	c := b.planned()
	ctx := t.Context()
	for i := range 20 {
		b.must(b.db.MoveChange(ctx, c.ID, peering.ChangeAwaitingApproval, fmt.Sprintf("step %d", i), ""))
	}
	var got []string
	last := ""
	for ended := false; !ended; { // three events, then the connection is cut
		s := b.stream(c, last)
		for range 3 {
			id := s.next()
			if ended = id == ""; ended {
				break
			}
			got, last = append(got, id), id
		}
		s.stop()
		if len(got) == 12 { // what happens meanwhile comes, too
			b.must(b.db.MoveChange(ctx, c.ID, peering.ChangeRejected, "", "rejected by bob"))
		}
	}
	want, _, err := b.db.Events(ctx, mustPosition(b, ""), c.ID, 1000)
	b.must(err)
	if len(want) < 24 {
		t.Fatalf("only %d events", len(want))
	}
	for i, e := range want {
		if i >= len(got) || got[i] != e.Position.String() {
			t.Fatalf("event %d is missing or out of order: got %d of %d", i, len(got), len(want))
		}
	}
	if len(got) != len(want) {
		t.Errorf("%d events, want %d: some came twice", len(got), len(want))
	}
	if id := b.stream(c, last).next(); id != "" {
		t.Errorf("a reader that has everything got %s again", id)
	}
	b.wants(b.do("admin", "GET", pathOf(c, "events"), "", "Last-Event-ID", "x"), 422, "position")
	b.wants(b.do("", "GET", pathOf(c, "events"), ""), 401, "token")
	b.wants(b.do("admin", "GET", "/api/v1/changes/99/events", ""), 404, "")
}

func TestAStreamWaitsForWhatIsStillToCome(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.network()
	c := b.planned()
	s := b.stream(c, "")
	seen, _, err := b.db.Events(t.Context(), mustPosition(b, ""), c.ID, 1000)
	b.must(err)
	for range seen {
		s.next()
	}
	b.must(b.db.MoveChange(t.Context(), c.ID, peering.ChangeCancelled, "", "cancelled"))
	more := 0
	for s.next() != "" {
		more++
	}
	all, _, err := b.db.Events(t.Context(), mustPosition(b, ""), c.ID, 1000)
	b.must(err)
	if more == 0 || len(seen)+more != len(all) {
		t.Errorf("%d and %d events, want %d in all", len(seen), more, len(all))
	}
}

func mustPosition(b *bench, text string) db.Position {
	b.Helper()
	p, err := db.ParsePosition(text)
	b.must(err)
	return p
}
