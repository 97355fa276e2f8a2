package api

import (
	"context"
	"strings"
	"testing"
	"time"

	"peerflow/internal/peering"
)

// quietChange is under way, and nothing happens.
type quietChange struct{ Changes }

func (quietChange) Change(_ context.Context, id int64) (peering.Change, error) {
	return peering.Change{Meta: peering.Meta{ID: id}, State: peering.ChangeAwaitingApproval}, nil
}

func (quietChange) ChangeEvents(context.Context, string, int64, int) ([]Event, error) {
	return nil, nil
}

// reader ends a stream once it has read what it waits for.
type reader struct {
	text strings.Builder
	want string
	end  func()
}

func (r *reader) Write(p []byte) (int, error) {
	r.text.Write(p)
	if strings.Count(r.text.String(), r.want) == 2 {
		r.end()
	}
	return len(p), nil
}

func TestASilentStreamIsKeptAlive(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	out := &reader{want: ": still here\n\n", end: cancel}
	s := &server{Deps: Deps{Changes: quietChange{}, Events: quietChange{}}}
	if err := (&eventStream{server: s, change: 1, beat: time.Millisecond, out: out}).run(ctx, nil); err != nil {
		t.Fatal(err)
	}
	if got := out.text.String(); ctx.Err() != context.Canceled || strings.Contains(got, "data:") {
		t.Errorf("%v, %q: comments alone keep a connection alive", ctx.Err(), got)
	}
}
