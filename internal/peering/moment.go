package peering

import (
	"strings"
	"time"
)

// A router that names a load or a start by its time (BIRD) tells it by the wall
// clock, but counts by another one: what it tells of the same moment differs by
// milliseconds while it is busy, and by more once somebody sets the clock. The
// time between start and load stays the same, to the millisecond.
const (
	loadJitter  = 5 * time.Millisecond
	clockJitter = time.Second
)

const momentLayout = "2006-01-02 15:04:05.999999"

const sinceStart = " since "

// TimedGeneration is the generation of a router that tells when it loaded what it
// runs and when its daemon started, and nothing else of it.
func TimedGeneration(loaded, started string) string { return loaded + sinceStart + started }

// SameGeneration compares two generations: what they say, or, where both are
// timed, the times they mean.
func SameGeneration(a, b string) bool {
	if a == b {
		return true
	}
	loadedA, startedA, timedA := strings.Cut(a, sinceStart)
	loadedB, startedB, timedB := strings.Cut(b, sinceStart)
	if !timedA || !timedB || !SameIncarnation(startedA, startedB) {
		return false
	}
	sinceA, okA := between(startedA, loadedA)
	sinceB, okB := between(startedB, loadedB)
	return okA && okB && (sinceA-sinceB).Abs() <= loadJitter
}

// SameIncarnation compares two starts of a daemon: what they say, or the times.
func SameIncarnation(a, b string) bool {
	if a == b {
		return true
	}
	apart, ok := between(a, b)
	return ok && apart.Abs() <= clockJitter
}

func between(from, to string) (time.Duration, bool) {
	a, errA := time.Parse(momentLayout, from)
	b, errB := time.Parse(momentLayout, to)
	return b.Sub(a), errA == nil && errB == nil
}
