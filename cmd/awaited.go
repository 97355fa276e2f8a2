package cmd

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"peerflow/api"
	"peerflow/internal/peering"
)

// told is what a change's watch for the other side told: a reminder, or the
// report that ended it.
type told struct {
	At    time.Time `json:"at"`
	Event string    `json:"event"` // reminder or report
	Text  string    `json:"text"`
}

// toldWithin bounds how long the events of a change that ended are read: they are
// all there, unless another transaction holds them back.
const toldWithin = 5 * time.Second

// watchTold reads what the watch of a change that ended told so far, oldest first.
func (c *Client) watchTold(ctx context.Context, id int64) (all []told, err error) {
	ctx, cancel := context.WithTimeout(ctx, toldWithin)
	defer cancel()
	err = c.follow(ctx, id, func(e api.Event) error {
		if e.Topic != "change" || e.Event != "reminder" && e.Event != "report" {
			return nil
		}
		var body struct{ Text string }
		if err := json.Unmarshal(e.Body, &body); err != nil {
			return fmt.Errorf("read an event of change %d: %w", id, err)
		}
		all = append(all, told{e.At, e.Event, body.Text})
		return nil
	})
	if errors.Is(err, context.DeadlineExceeded) {
		return all, nil
	}
	return all, err
}

// follow gives a change's events until the stream ends.
func (c *Client) follow(ctx context.Context, id int64, take func(api.Event) error) error {
	req, err := c.request(ctx, http.MethodGet, changePath(id, "/events"), nil)
	if err != nil {
		return err
	}
	res, err := c.do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	lines := bufio.NewScanner(res.Body)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		data, is := strings.CutPrefix(lines.Text(), "data: ")
		if !is {
			continue
		}
		var e api.Event
		if err := json.Unmarshal([]byte(data), &e); err != nil {
			return fmt.Errorf("read an event of change %d: %w", id, err)
		}
		if err := take(e); err != nil {
			return err
		}
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return lines.Err()
}

// showWatch prints what was told of sessions that wait for the other side, and
// until when they are watched.
func showWatch(s Screen, all []told, sessions []api.SessionView, now time.Time) {
	for _, t := range all {
		s.line("  %s %s  %s", s.paint(bold, t.Event), t.At.Format("2006-01-02 15:04 MST"), t.Text)
		if t.Event == (peering.Awaited{}).Event() {
			return // nothing is watched any more
		}
	}
	var until time.Time
	for _, v := range sessions {
		if v.Display == peering.ShowWaiting && v.WatchUntil.After(until) {
			until = v.WatchUntil
		}
	}
	if until.After(now) {
		s.line("  watched until %s: reminders after 1, 3 and 7 days, then a report; nothing is taken back", until.Format("2006-01-02 15:04 MST"))
	}
}
