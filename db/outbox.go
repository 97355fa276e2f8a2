package db

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"

	"peerflow/db/internal/dbsqlc"
	"peerflow/internal/peering"
)

// Position is a place in the outbox, in commit order. The zero value is its
// start; its text is what SSE calls Last-Event-ID.
type Position struct {
	Xid uint64 // transaction
	Pos int64  // row
}

// String prints "<xid>.<pos>".
func (p Position) String() string { return fmt.Sprintf("%d.%d", p.Xid, p.Pos) }

// ParsePosition reads what String prints; "" is the start.
func ParsePosition(text string) (Position, error) {
	if text == "" {
		return Position{}, nil
	}
	xid, pos, _ := strings.Cut(text, ".")
	x, errX := strconv.ParseUint(xid, 10, 64)
	p, errP := strconv.ParseInt(pos, 10, 64)
	if errX != nil || errP != nil || p < 0 {
		return Position{}, peering.Errorf(peering.Invalid, "%q is no position: send back the id of the last event", clip(text))
	}
	return Position{Xid: x, Pos: p}, nil
}

// Event is one row of the outbox: something happened and is committed.
type Event struct {
	Position Position        `json:"-"`
	At       time.Time       `json:"at"`
	Topic    string          `json:"topic"` // change, deployment, vote, session, …
	ChangeID int64           `json:"change_id,omitempty"`
	ObjectID int64           `json:"object_id"`
	Event    string          `json:"event"`
	Body     json.RawMessage `json:"body"`
}

// Events lists events after a position in commit order, of one change or (0) of
// everything, and where to go on. An event is given only once no transaction
// runs that could still put one before it: none is ever passed over, and a long
// transaction holds up those that began after it.
func (d *DB) Events(ctx context.Context, after Position, changeID int64, limit int) ([]Event, Position, error) {
	rows, err := d.eventRows(ctx, after, changeID, int32(limit))
	if err != nil {
		return nil, after, translate(err)
	}
	events := make([]Event, len(rows))
	for i, r := range rows {
		xid, err := strconv.ParseUint(r.Xid, 10, 64)
		if err != nil {
			return nil, after, fmt.Errorf("read outbox: %w", err)
		}
		after = Position{Xid: xid, Pos: r.Position}
		events[i] = Event{Position: after, At: r.At.UTC(), Topic: r.Topic, ChangeID: r.ChangeID, ObjectID: r.ObjectID, Event: r.Event, Body: r.Body}
	}
	return events, after, nil
}

func (d *DB) eventRows(ctx context.Context, after Position, changeID int64, limit int32) ([]dbsqlc.OutboxAfterRow, error) {
	xid := strconv.FormatUint(after.Xid, 10)
	if changeID == 0 {
		return d.q.OutboxAfter(ctx, dbsqlc.OutboxAfterParams{AfterXid: xid, AfterPosition: after.Pos, RowLimit: limit})
	}
	rows, err := d.q.OutboxAfterOfChange(ctx, dbsqlc.OutboxAfterOfChangeParams{ChangeID: changeID, AfterXid: xid, AfterPosition: after.Pos, RowLimit: limit})
	list := make([]dbsqlc.OutboxAfterRow, len(rows))
	for i, r := range rows {
		list[i] = dbsqlc.OutboxAfterRow(r)
	}
	return list, err
}

// EventsEnd is where a reader starts that wants only what is still to come.
func (d *DB) EventsEnd(ctx context.Context) (Position, error) {
	text, err := d.q.OutboxEnd(ctx)
	if err != nil {
		return Position{}, translate(err)
	}
	xid, err := strconv.ParseUint(text, 10, 64)
	return Position{Xid: xid}, err
}
