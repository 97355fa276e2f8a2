package activities

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"peerflow/internal/peering"
)

// clock is a database of which only the time matters.
type clock struct {
	DeploymentStore
	now time.Time
}

func (c clock) DatabaseTime(context.Context) (time.Time, error) { return c.now, nil }

func TestNothingNewIsCommittedOnAFullDiskOrByAWrongClock(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC)
	full := func() error { return errors.New("100 MiB are free") }
	for name, c := range map[string]struct {
		database time.Time
		room     func() error
		says     string
	}{
		"all is well":                  {now, nil, ""},
		"a little off":                 {now.Add(peering.MaxSkew), func() error { return nil }, ""},
		"the disk is nearly full":      {now, full, "100 MiB are free"},
		"the worker's clock is behind": {now.Add(time.Minute), nil, "1m0s behind the database's: set both by NTP"},
		"the worker's clock is ahead":  {now.Add(-6 * time.Second), nil, "6s ahead of the database's"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := Deploying{Deployments: clock{now: c.database}, Room: c.room, Now: func() time.Time { return now }}
			at, err := d.clock(t.Context())
			text := d.hindrance(at)
			if err != nil || (text == "") != (c.says == "") || !strings.Contains(text, c.says) {
				t.Errorf("%q, %v; want %q", text, err, c.says)
			}
		})
	}
}
