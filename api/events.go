package api

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"peerflow/internal/peering"
)

// Events reads the outbox of one change, in commit order and without gaps.
type Events interface {
	ChangeEvents(ctx context.Context, after string, changeID int64, limit int) ([]Event, error)
}

// Event is something that happened and is committed.
type Event struct {
	Position string          `json:"-"` // what SSE calls the event's id
	At       time.Time       `json:"at"`
	Topic    string          `json:"topic"`
	ChangeID int64           `json:"change_id"`
	ObjectID int64           `json:"object_id"`
	Event    string          `json:"event"`
	Body     json.RawMessage `json:"body"`
}

// ends reports the event after which a change has no others to wait for.
func (e Event) ends() bool {
	return e.Topic == "change" && ends[peering.ChangeState(e.Event)]
}

var ends = map[peering.ChangeState]bool{peering.ChangeCompleted: true, peering.ChangeRejected: true, peering.ChangeExpired: true,
	peering.ChangeCancelled: true, peering.ChangeFailed: true, peering.ChangeRolledBack: true, peering.ChangePartial: true, peering.ChangeInterfered: true}

const (
	eventBatch = 200
	eventPause = 250 * time.Millisecond // between two looks at the outbox
	heartbeat  = 15 * time.Second       // proxies cut connections that are silent for a minute
)

type eventsInput struct {
	ByID
	LastEventID string `header:"Last-Event-ID" maxLength:"64" doc:"id of the last event that was seen: the stream goes on after it"`
}

func (s *server) registerEvents() {
	add(s, operation{method: http.MethodGet, path: "/api/v1/changes/{id}/events", role: peering.Viewer, tag: "changes", summary: "Follow a change",
		description: "Server-sent events, from the change's beginning or after Last-Event-ID: none is lost, none comes twice. " +
			"Comments keep the connection alive; the stream ends with an event `end` once the change has ended. " +
			"A provisioning whose other side is awaited tells more afterwards, `reminder` and `report`, each with a `text`: follow it again to read them."}, s.follow)
}

func (s *server) follow(ctx context.Context, in *eventsInput) (*huma.StreamResponse, error) {
	if _, err := s.Changes.Change(ctx, in.ID); err != nil {
		return nil, err
	}
	first, err := s.Events.ChangeEvents(ctx, in.LastEventID, in.ID, eventBatch)
	if err != nil {
		return nil, err
	}
	return &huma.StreamResponse{Body: func(hc huma.Context) {
		hc.SetHeader("Content-Type", "text/event-stream")
		hc.SetHeader("X-Accel-Buffering", "no")
		stream := &eventStream{server: s, change: in.ID, after: in.LastEventID, beat: heartbeat, out: hc.BodyWriter()}
		if err := stream.run(hc.Context(), first); err != nil && hc.Context().Err() == nil {
			s.Log.Warn("event stream ended", "change", in.ID, "error", err)
		}
	}}, nil
}

// eventStream is one reader of one change.
type eventStream struct {
	*server
	change int64
	after  string
	ended  bool // the event that ends the change was given
	beat   time.Duration
	out    io.Writer
}

func (e *eventStream) run(ctx context.Context, batch []Event) error {
	beat := time.NewTicker(e.beat)
	defer beat.Stop()
	look := time.NewTicker(eventPause)
	defer look.Stop()
	if err := e.say(": from here\n\n"); err != nil {
		return err
	}
	for {
		if err := e.give(batch); err != nil {
			return err
		}
		if len(batch) == 0 {
			if over, err := e.over(ctx); err != nil || over {
				return err
			}
			select {
			case <-ctx.Done():
				return nil
			case <-beat.C:
				if err := e.say(": still here\n\n"); err != nil {
					return err
				}
			case <-look.C:
			}
		}
		var err error
		if batch, err = e.Events.ChangeEvents(ctx, e.after, e.change, eventBatch); err != nil {
			return err
		}
	}
}

func (e *eventStream) give(batch []Event) error {
	for _, event := range batch {
		text, err := json.Marshal(event)
		if err != nil {
			return err
		}
		if err := e.say(fmt.Sprintf("id: %s\nevent: %s\ndata: %s\n\n", event.Position, event.Topic, text)); err != nil {
			return err
		}
		e.after, e.ended = event.Position, e.ended || event.ends()
	}
	return nil
}

// over ends the stream once nothing can follow. A reader that came back after
// the last event finds it among those before.
func (e *eventStream) over(ctx context.Context) (bool, error) {
	change, err := e.Changes.Change(ctx, e.change)
	if err != nil || !change.State.Ended() {
		return false, err
	}
	for after := ""; !e.ended; {
		batch, err := e.Events.ChangeEvents(ctx, after, e.change, eventBatch)
		if err != nil || len(batch) == 0 {
			return false, err
		}
		for _, event := range batch {
			e.ended = e.ended || event.ends()
		}
		after = batch[len(batch)-1].Position
	}
	// The look that came back empty may be older than the end: look once more.
	rest, err := e.Events.ChangeEvents(ctx, e.after, e.change, eventBatch)
	if err != nil || len(rest) > 0 {
		return false, err
	}
	return true, e.say(fmt.Sprintf("event: end\ndata: {\"state\":%q}\n\n", change.State))
}

func (e *eventStream) say(text string) error {
	if _, err := io.WriteString(e.out, text); err != nil {
		return err
	}
	if w, ok := e.out.(http.ResponseWriter); ok {
		return http.NewResponseController(w).Flush()
	}
	return nil
}
