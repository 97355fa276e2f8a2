package peering

import (
	"maps"
	"slices"
	"time"

	"peerflow/internal/bgp"
)

// Watch is what a soak remembers from one sample to the next. It is stored with
// every verdict, so that a soak that is taken over goes on with it.
type Watch struct {
	Levels map[NeighborKey][]Level   `json:"levels,omitempty"` // accepted prefixes of what is Established
	Left   map[NeighborKey]Departure `json:"left,omitempty"`   // who left Established since the baseline
}

// Level is where a counter of accepted prefixes stays: it moved on when the
// counter left the band around it.
type Level struct {
	Family bgp.Family    `json:"family"`
	At     int64         `json:"at"`    // prefixes
	Since  time.Duration `json:"since"` // after the commit
}

// Departure is why a neighbor left Established: the first reason seen, since
// later attempts to connect overwrite it. One for a cause of ours stays, however
// often the peer restarts afterwards.
type Departure struct {
	Reason DownReason `json:"reason"` // "" when the router gave none
	Back   bool       `json:"back"`   // Established again
}

// See adds one sample, taken so long after the commit.
func (w Watch) See(p Profile, b Baseline, sample []Neighbor, at time.Time, elapsed time.Duration) Watch {
	next := Watch{Levels: map[NeighborKey][]Level{}, Left: maps.Clone(w.Left)}
	if next.Left == nil {
		next.Left = map[NeighborKey]Departure{}
	}
	now := neighborMap(sample)
	for key, n := range now {
		if n.Established() {
			next.Levels[key] = levelsOf(p, w.Levels[key], n, elapsed)
		}
	}
	for _, before := range b.Neighbors {
		key := before.Key()
		if b.Ignored[key] != "" {
			continue
		}
		left, known := next.Left[key]
		if n := now[key]; !n.Established() || known || b.restarted(before, n, at, elapsed) {
			next.Left[key] = left.see(n, known)
		}
	}
	return next
}

func (d Departure) see(n Neighbor, known bool) Departure {
	switch {
	case n.Established() && d.Reason == "" && !known:
		return Departure{Reason: n.LastDown, Back: true} // it was away between two samples
	case n.Established():
		if d.Back && n.LastDown != "" && n.LastDown.LocalCause() {
			d.Reason = n.LastDown // it left once more between two samples
		}
		d.Back = true
		return d
	case known && (d.Reason == "" || d.Back && !d.Reason.LocalCause()):
		return Departure{Reason: n.DownReason}
	case !known:
		return Departure{Reason: n.DownReason}
	}
	d.Back = false
	return d
}

func levelsOf(p Profile, earlier []Level, n Neighbor, elapsed time.Duration) []Level {
	var now []Level
	for _, f := range n.Families {
		if f.Accepted == nil {
			continue
		}
		level := Level{Family: f.Family, At: *f.Accepted, Since: elapsed}
		i := slices.IndexFunc(earlier, func(l Level) bool { return l.Family == f.Family })
		if i >= 0 && abs(*f.Accepted-earlier[i].At) <= p.Band(earlier[i].At) {
			level = earlier[i]
		}
		now = append(now, level)
	}
	return now
}

// stable is for how long a counter has stayed where it is.
func (w Watch) stable(key NeighborKey, f bgp.Family, elapsed time.Duration) time.Duration {
	for _, l := range w.Levels[key] {
		if l.Family == f {
			return elapsed - l.Since
		}
	}
	return 0
}
