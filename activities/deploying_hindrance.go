package activities

import (
	"context"
	"fmt"
	"time"
)

// maxSkew is how far a worker's clock may be off the database's. Commits are
// timed by the one worker and judged by the next: more would eat up the reserve
// that a confirm needs.
const maxSkew = 5 * time.Second

// hindrance is why this worker begins nothing new at present, or "". What is
// under way goes on: it needs less of both than stopping would.
func (d *Deploying) hindrance(ctx context.Context) (string, error) {
	if full := d.full(); full != "" {
		return full, nil
	}
	asked := d.Now()
	theirs, err := d.Deployments.DatabaseTime(ctx)
	if err != nil {
		return "", err
	}
	return skewed(asked, d.Now(), theirs), nil
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

// skewed says by how much a clock that was read between two moments of ours is
// off; "" within maxSkew.
func skewed(asked, answered, theirs time.Time) string {
	off, word := time.Duration(0), ""
	switch {
	case theirs.Before(asked):
		off, word = asked.Sub(theirs), "ahead of"
	case theirs.After(answered):
		off, word = theirs.Sub(answered), "behind"
	}
	if off <= maxSkew {
		return ""
	}
	return fmt.Sprintf("the clock of this worker is %s %s the database's: set both by NTP, nothing new is committed until they agree within %s",
		off.Round(time.Second), word, maxSkew)
}
