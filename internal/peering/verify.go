package peering

import (
	"fmt"
	"slices"
	"time"
)

// Baseline is what a router's neighbors looked like before a commit. It is
// stored before the commit and never taken again: a restarted verification
// compares with it.
type Baseline struct {
	TakenAt   time.Time  `json:"taken_at"`
	Neighbors []Neighbor `json:"neighbors"`
	// Ignored neighbors don't count: not Established in both samples, or
	// flapping. The reason stands beside each.
	Ignored map[NeighborKey]string `json:"ignored"`
	// Protected neighbors roll the change back when they drop for a local cause.
	Protected map[NeighborKey]string `json:"protected"`
}

// NewBaseline judges two samples taken one after the other, the second at that time.
func NewBaseline(first, second []Neighbor, flapped, protected map[NeighborKey]string, at time.Time) Baseline {
	b := Baseline{TakenAt: at, Neighbors: second, Ignored: map[NeighborKey]string{}, Protected: protected}
	earlier := neighborMap(first)
	for _, n := range second {
		before, known := earlier[n.Key()]
		switch {
		case !n.Established():
			b.Ignored[n.Key()] = "not Established before the change"
		case !known || !before.Established() || left(before, n) || n.Since.Sub(before.Since) > sinceJitter:
			b.Ignored[n.Key()] = "came up or flapped while the baseline was taken"
		case flapped[n.Key()] != "":
			b.Ignored[n.Key()] = flapped[n.Key()]
		}
	}
	return b
}

// LargestHold is the largest hold time at risk: of the sessions that count and
// that the plan neither resets nor removes.
func (b Baseline) LargestHold(touched []TouchedSession) time.Duration {
	var largest time.Duration
	for _, n := range b.Neighbors {
		if b.Ignored[n.Key()] == "" && !Touched(touched).restarts(n.Key()) {
			largest = max(largest, n.HoldTime)
		}
	}
	return largest
}

// Touched are the sessions that a plan touches on one router.
type Touched []TouchedSession

func (t Touched) find(key NeighborKey) (TouchedSession, bool) {
	i := slices.IndexFunc(t, func(s TouchedSession) bool { return s.Key() == key })
	if i < 0 {
		return TouchedSession{}, false
	}
	return t[i], true
}

// restarts reports that the plan itself ends or restarts a session.
func (t Touched) restarts(key NeighborKey) bool {
	s, touched := t.find(key)
	return touched && (s.Removed || s.Disruption != DisruptsNone && s.Disruption != DisruptsRefresh)
}

// left reports that the router's own counter says so.
func left(before, now Neighbor) bool {
	return before.Transitions >= 0 && now.Transitions > before.Transitions
}

// sinceJitter is what two reads of the same uptime may differ by: daemons print
// whole seconds, and their clocks are turned into ours with every read.
const sinceJitter = 2 * time.Second

// restarted reports that an Established session isn't the baseline's any more:
// by the router's own counter, or because it is younger than it would be. Ages
// are compared and not times of day, so that a clock that jumps says nothing.
func (b Baseline) restarted(before, now Neighbor, at time.Time, elapsed time.Duration) bool {
	if left(before, now) {
		return true
	}
	return !before.Since.IsZero() && !now.Since.IsZero() && at.Sub(now.Since)+sinceJitter < b.TakenAt.Sub(before.Since)+elapsed
}

// CheckState is one check's result.
type CheckState string

const (
	CheckPassed     CheckState = "passed"
	CheckFailed     CheckState = "failed"
	CheckPending    CheckState = "pending"
	CheckNotChecked CheckState = "not_checked" // the router doesn't report what it needs
	CheckRecorded   CheckState = "recorded"    // noted, and no reason to roll back
)

// Check is one thing that verification looked at.
type Check struct {
	Name    string     `json:"name"` // management, applied, collateral, hold_timer, band, imports_fell, router_band, export, policy
	Subject string     `json:"subject,omitempty"`
	State   CheckState `json:"state"`
	Text    string     `json:"text"`
}

// Verdict is what verification found. Confirm needs a stored one that passed or
// was waived by a named approver.
type Verdict struct {
	Outcome CheckState `json:"outcome"` // passed, failed, or pending while the soak goes on
	Waived  string     `json:"waived,omitempty"`
	Checks  []Check    `json:"checks"`
	At      time.Time  `json:"at"`
	Reason  string     `json:"reason"` // of a failure, one line for people
	Watch   Watch      `json:"watch"`  // for the next sample
}

// Confirmable reports that the commit may be confirmed.
func (v *Verdict) Confirmable() bool {
	return v != nil && (v.Outcome == CheckPassed || v.Waived != "" && v.Outcome != CheckFailed)
}

// Observation is what a verification has at hand at one moment of the soak.
type Observation struct {
	Neighbors  []Neighbor
	Exports    map[NeighborKey][]ExportCount // of touched sessions, where the router could count
	Management error                         // of a second, fresh login; nil when it worked
	Now        time.Time
	Elapsed    time.Duration // since the commit, by our clock and by the router's rollback timer: the shorter
	Earlier    Watch         // of the sample before
}

// Judge compares the router's neighbors with the baseline and the plan. A
// failure is final at once; without one the verdict is pending until the soak
// is over and counters are stable, or had their time to become so.
func Judge(p Profile, touched []TouchedSession, b Baseline, e Observation) Verdict {
	j := judge{p: p, b: b, e: e, now: neighborMap(e.Neighbors), touched: touched, hold: b.LargestHold(touched)}
	j.watch = e.Earlier.See(p, b, e.Neighbors, e.Now, e.Elapsed)
	j.management()
	j.collateral()
	j.exports()
	j.holdTimers()
	j.bands()
	return j.verdict()
}

type judge struct {
	p       Profile
	b       Baseline
	e       Observation
	now     map[NeighborKey]Neighbor
	touched Touched
	watch   Watch
	hold    time.Duration // largest at risk
	checks  []Check
}

func (j *judge) add(name, subject string, s CheckState, format string, args ...any) {
	j.checks = append(j.checks, Check{Name: name, Subject: subject, State: s, Text: fmt.Sprintf(format, args...)})
}

func (j *judge) soaked() bool { return j.e.Elapsed >= j.p.SoakFor(j.hold) }

// final reports that counters had their time to become stable.
func (j *judge) final() bool { return j.e.Elapsed >= j.p.SoakFor(j.hold)+j.p.BandWait }

func (j *judge) management() {
	if j.e.Management != nil {
		j.add("management", "", CheckFailed, "a fresh login doesn't work: %v", j.e.Management)
		return
	}
	j.add("management", "", CheckPassed, "a fresh login works")
}

// collateral counts sessions that left Established since the baseline, apart
// from those that the plan said it would reset.
func (j *judge) collateral() {
	counted, dropped := 0, 0
	for _, before := range j.b.Neighbors {
		key := before.Key()
		if j.b.Ignored[key] != "" {
			continue
		}
		counted++
		left, gone := j.left(key)
		if !gone {
			continue
		}
		who := fmt.Sprintf("%s %s", before.RemoteAS, key)
		_, listed := j.now[key]
		switch {
		case listed && !left.Reason.LocalCause():
			j.add("collateral", who, CheckRecorded, "went down by the peer itself (%s): %s", left.Reason, j.now[key].DownText)
		case j.b.Protected[key] != "":
			dropped++
			j.add("collateral", who, CheckFailed, "protected session (%s) dropped", j.b.Protected[key])
		default:
			dropped++
			j.add("collateral", who, CheckRecorded, "dropped (%s)", orUnknown(left.Reason))
		}
	}
	most := max(j.p.DropCount, counted*j.p.DropPercent/100)
	switch {
	case dropped >= most && dropped > 0:
		j.add("collateral", "", CheckFailed, "%d of %d sessions dropped (limit %d)", dropped, counted, most)
	default:
		j.add("collateral", "", CheckPassed, "%d of %d sessions dropped (limit %d)", dropped, counted, most)
	}
}

// left reports that a session went down since the baseline, be it up again or
// not. One that the plan resets has to come back, no more.
func (j *judge) left(key NeighborKey) (Departure, bool) {
	d, gone := j.watch.Left[key]
	if t, _ := j.touched.find(key); j.touched.restarts(key) {
		gone = !t.Removed && j.soaked() && !j.now[key].Established()
	}
	return d, gone
}

// holdTimers waits until each session at risk either had the time to fail or
// was heard of after the commit.
func (j *judge) holdTimers() {
	for _, before := range j.b.Neighbors {
		key := before.Key()
		now := j.now[key]
		if j.b.Ignored[key] != "" || !now.Established() || j.touched.restarts(key) {
			continue
		}
		if before.HoldTime == 0 {
			j.add("hold_timer", key.String(), CheckNotChecked, "the router doesn't report its hold time")
			continue
		}
		heard := !now.LastMessage.IsZero() && j.e.Now.Sub(now.LastMessage) < j.e.Elapsed
		if j.e.Elapsed < before.HoldTime && !heard {
			j.add("hold_timer", key.String(), CheckPending, "silent since the commit; its hold time is %s", before.HoldTime)
			return
		}
	}
	j.add("hold_timer", "", CheckPassed, "every session whose hold time is known had it to fail, or was heard of")
}

func (j *judge) verdict() Verdict {
	v := Verdict{Outcome: CheckPassed, Checks: j.checks, At: j.e.Now, Watch: j.watch}
	if !j.soaked() {
		v.Outcome = CheckPending
	}
	for _, c := range j.checks {
		if c.State == CheckPending {
			v.Outcome = CheckPending
		}
	}
	for _, c := range j.checks {
		if c.State == CheckFailed {
			v.Outcome, v.Reason = CheckFailed, c.Text
			if c.Subject != "" {
				v.Reason = c.Subject + ": " + c.Text
			}
			break
		}
	}
	return v
}

func neighborMap(ns []Neighbor) map[NeighborKey]Neighbor {
	m := make(map[NeighborKey]Neighbor, len(ns))
	for _, n := range ns {
		m[n.Key()] = n
	}
	return m
}

func orUnknown(r DownReason) DownReason {
	if r == "" {
		return "cause not reported"
	}
	return r
}

func abs(n int64) int64 {
	if n < 0 {
		return -n
	}
	return n
}
