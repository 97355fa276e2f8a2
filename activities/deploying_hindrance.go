package activities

import (
	"context"
	"fmt"
	"time"

	"peerflow/internal/peering"
)

// theirClock is the database's clock as a worker sees it. A deployment's times are
// the database's: commits are timed by one worker and judged by the next.
type theirClock struct {
	asked, answered time.Time // by ours
	theirs          time.Time // between the two
}

func (d *Deploying) clock(ctx context.Context) (c theirClock, err error) {
	c.asked = d.Now()
	c.theirs, err = d.Deployments.DatabaseTime(ctx)
	c.answered = d.Now()
	return c, err
}

// at turns a time of ours that came after into the database's: never too late,
// and too early by what late says at most.
func (c theirClock) at(ours time.Time) time.Time { return c.theirs.Add(ours.Sub(c.answered)) }

func (c theirClock) late() time.Duration { return c.answered.Sub(c.asked) }

// hindrance is why this worker begins nothing new at present, or "". What is
// under way goes on: it needs less of both than stopping would.
func (d *Deploying) hindrance(c theirClock) string {
	if full := d.full(); full != "" {
		return full
	}
	return c.skewed()
}

// full says what lacks room on this machine's disk, and the remedy; "" when nothing does.
func (d *Deploying) full() string {
	if d.Room == nil {
		return ""
	}
	if err := d.Room(); err != nil {
		return err.Error()
	}
	return ""
}

// skewed says by how much our clock is off; "" within peering.MaxSkew.
func (c theirClock) skewed() string {
	off := peering.Skew(c.asked, c.theirs, c.answered)
	if off == "" {
		return ""
	}
	return fmt.Sprintf("the clock of this worker is %s the database's: set both by NTP, nothing new is committed until they agree within %s", off, peering.MaxSkew)
}
