package e2e

import (
	"fmt"
	"os"
	"runtime"
	"sync/atomic"
	"testing"
	"time"
)

// tally counts points, and those that a machine was too busy for: on it,
// heartbeats don't get through in time, and a read of a router takes half a minute.
type tally struct{ judged, excused atomic.Int64 }

// busyLoad is the load per processor above which a machine is too busy. On any
// other, nothing is excused.
const busyLoad = 4

// excuse accepts what is late and harmless, on a busy machine alone. What the
// router runs and what the record says of it is never excused.
func (n *tally) excuse(t *testing.T, what string) bool {
	t.Helper()
	load := loadAverage()
	if load < busyLoad*float64(runtime.NumCPU()) {
		return false
	}
	n.excused.Add(1)
	t.Logf("%s: excused, since the machine is too busy (load %.0f on %d processors)", what, load, runtime.NumCPU())
	return true
}

// enough fails a test in which too much was excused to have shown anything.
func (n *tally) enough(t *testing.T) {
	t.Helper()
	if excused, judged := n.excused.Load(), n.judged.Load(); excused*3 > judged {
		t.Errorf("of %d points, %d were late because the machine was too busy: try again on a quieter one", judged, excused)
	}
}

// settles waits for a record that is due within recordMargin.
func (n *tally) settles(t *testing.T, what string, holds func() bool) {
	t.Helper()
	began := time.Now()
	eventually(t, 5*recordMargin, what, holds)
	if took := time.Since(began); took > recordMargin && !n.excuse(t, fmt.Sprintf("%s after %s", what, took.Round(time.Second))) {
		t.Errorf("%s came after %s, and is due within %s", what, took.Round(time.Second), recordMargin)
	}
}

// loadAverage is of the last minute; 0 where the system doesn't tell.
func loadAverage() float64 {
	text, _ := os.ReadFile("/proc/loadavg")
	load := 0.0
	_, _ = fmt.Sscan(string(text), &load)
	return load
}
