package peering

import (
	"fmt"
	"net/netip"
	"time"

	"peerflow/internal/bgp"
)

// Baseline is what a router's neighbors looked like before a commit. It is
// stored before the commit and never taken again: a restarted verification
// compares with it.
type Baseline struct {
	TakenAt   time.Time  `json:"taken_at"`
	Neighbors []Neighbor `json:"neighbors"`
	// Ignored neighbors don't count: not Established in both samples, or
	// flapping. The reason stands beside each.
	Ignored map[netip.Addr]string `json:"ignored"`
	// Protected neighbors roll the change back when they drop for a local cause.
	Protected map[netip.Addr]string `json:"protected"`
}

// NewBaseline judges two samples taken one after the other.
func NewBaseline(first, second []Neighbor, flapped, protected map[netip.Addr]string, at time.Time) Baseline {
	b := Baseline{TakenAt: at, Neighbors: second, Ignored: map[netip.Addr]string{}, Protected: protected}
	earlier := neighborMap(first)
	for _, n := range second {
		before, known := earlier[n.Address]
		switch {
		case !n.Established():
			b.Ignored[n.Address] = "not Established before the change"
		case !known || !before.Established() || restarted(before, n):
			b.Ignored[n.Address] = "came up or flapped while the baseline was taken"
		case flapped[n.Address] != "":
			b.Ignored[n.Address] = flapped[n.Address]
		}
	}
	return b
}

// LargestHold is the largest hold time of the sessions that count and aren't touched.
func (b Baseline) LargestHold(touched map[netip.Addr]bool) time.Duration {
	var largest time.Duration
	for _, n := range b.Neighbors {
		if b.Ignored[n.Address] == "" && !touched[n.Address] {
			largest = max(largest, n.HoldTime)
		}
	}
	return largest
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
	Name    string     `json:"name"` // management, applied, collateral, hold_timer, band, router_band, export, policy
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
}

// Confirmable reports that the commit may be confirmed.
func (v *Verdict) Confirmable() bool {
	return v != nil && (v.Outcome == CheckPassed || v.Waived != "" && v.Outcome != CheckFailed)
}

// Observation is what a verification has at hand at one moment of the soak.
type Observation struct {
	Neighbors   []Neighbor
	Management  error     // of a second, fresh login; nil when it worked
	CommittedAt time.Time // by the clock that reads Now
	Now         time.Time
	StableSince time.Time // when the accepted counters last moved
}

// Judge compares the router's neighbors with the baseline and the plan. A
// failure is final at once; without one the verdict is pending until the soak
// is over.
func Judge(p Profile, touched []TouchedSession, b Baseline, e Observation) Verdict {
	j := judge{p: p, b: b, e: e, now: neighborMap(e.Neighbors), touched: map[netip.Addr]TouchedSession{}}
	for _, t := range touched {
		j.touched[t.Neighbor] = t
	}
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
	now     map[netip.Addr]Neighbor
	touched map[netip.Addr]TouchedSession
	checks  []Check
}

func (j *judge) add(name, subject string, s CheckState, format string, args ...any) {
	j.checks = append(j.checks, Check{Name: name, Subject: subject, State: s, Text: fmt.Sprintf(format, args...)})
}

func (j *judge) soaked() bool {
	return j.e.Now.Sub(j.e.CommittedAt) >= j.p.SoakFor(j.largestHold())
}

func (j *judge) largestHold() time.Duration {
	touched := map[netip.Addr]bool{}
	for a := range j.touched {
		touched[a] = true
	}
	return j.b.LargestHold(touched)
}

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
		if j.b.Ignored[before.Address] != "" {
			continue
		}
		counted++
		now, listed := j.now[before.Address]
		if !j.left(before, now, listed) {
			continue
		}
		who := fmt.Sprintf("%s %s", before.RemoteAS, before.Address)
		switch {
		case !now.DownReason.LocalCause() && listed:
			j.add("collateral", who, CheckRecorded, "down by the peer itself (%s): %s", now.DownReason, now.DownText)
		case j.b.Protected[before.Address] != "":
			dropped++
			j.add("collateral", who, CheckFailed, "protected session (%s) dropped", j.b.Protected[before.Address])
		default:
			dropped++
			j.add("collateral", who, CheckRecorded, "dropped (%s)", orUnknown(now.DownReason))
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

// left reports that a session went down since the baseline: it is down now, or
// came back in between. Uptime alone isn't trusted: transitions count where reported.
func (j *judge) left(before, now Neighbor, listed bool) bool {
	t, touched := j.touched[before.Address]
	if touched && (t.Removed || t.Disruption != DisruptsNone && t.Disruption != DisruptsRefresh) {
		return !t.Removed && j.soaked() && !now.Established() // reset as planned, but it has to come back
	}
	if !listed || !now.Established() {
		return true
	}
	return restarted(before, now)
}

// sinceJitter is what two reads of the same uptime may differ by: daemons print
// whole seconds, and their clocks are turned into ours with every read.
const sinceJitter = 2 * time.Second

// restarted reports that an Established session came up again between two reads.
func restarted(before, now Neighbor) bool {
	return before.Transitions >= 0 && now.Transitions > before.Transitions || now.Since.Sub(before.Since) > sinceJitter
}

// exports holds every touched session to what the plan says it is announced.
func (j *judge) exports() {
	for _, t := range j.touched {
		now, listed := j.now[t.Neighbor]
		if t.Removed || !listed {
			continue
		}
		who := fmt.Sprintf("%s %s", t.PeerAS, t.Neighbor)
		if !now.Established() {
			j.add("export", who, CheckNotChecked, "not Established: guarded when it first comes up")
			continue
		}
		for _, f := range now.Families {
			j.policies(who, now, f)
			j.export(who, t, f)
		}
		for _, e := range t.Expect {
			if _, reported := now.Family(e.Family); !reported {
				j.add("export", who, CheckNotChecked, "%s: the router reports nothing of this family", e.Family)
			}
		}
	}
}

func (j *judge) policies(who string, n Neighbor, f FamilyState) {
	if n.RemoteAS == n.LocalAS {
		return // RFC 8212 is about external sessions
	}
	if f.ImportPolicy == "" || f.ExportPolicy == "" {
		j.add("policy", who, CheckFailed, "%s: import and export policy must both be on the router (RFC 8212)", f.Family)
		return
	}
	j.add("policy", who, CheckPassed, "%s: import %s, export %s", f.Family, f.ImportPolicy, f.ExportPolicy)
}

func (j *judge) export(who string, t TouchedSession, f FamilyState) {
	expect, known := expectFor(t, f.Family)
	limit, limited := expect.Limit()
	switch {
	case !known || !limited:
		j.add("export", who, CheckNotChecked, "%s: no expected figure", f.Family)
	case f.Announced == nil:
		j.add("export", who, CheckNotChecked, "%s: the router doesn't report what it announces", f.Family)
	case *f.Announced > limit:
		j.add("export", who, CheckFailed, "announced %d prefixes, expected %d (limit %d)", *f.Announced, *expect.Count, limit)
	default:
		j.add("export", who, CheckPassed, "%s: announces %d, expected %d (limit %d)", f.Family, *f.Announced, *expect.Count, limit)
	}
}

func expectFor(t TouchedSession, f bgp.Family) (ExpectedExport, bool) {
	for _, e := range t.Expect {
		if e.Family == f {
			return e, true
		}
	}
	return ExpectedExport{}, false
}

// holdTimers waits until each session at risk either had the time to fail or
// was heard of after the commit.
func (j *judge) holdTimers() {
	waited := j.e.Now.Sub(j.e.CommittedAt)
	for _, before := range j.b.Neighbors {
		now, listed := j.now[before.Address]
		if j.b.Ignored[before.Address] != "" || !listed || !now.Established() {
			continue
		}
		if before.HoldTime == 0 {
			j.add("hold_timer", before.Address.String(), CheckNotChecked, "the router doesn't report its hold time")
			continue
		}
		if waited < before.HoldTime && !now.LastMessage.After(j.e.CommittedAt) {
			j.add("hold_timer", before.Address.String(), CheckPending, "silent since the commit; its hold time is %s", before.HoldTime)
			return
		}
	}
	j.add("hold_timer", "", CheckPassed, "every session had its hold time to fail, or was heard of")
}

// bands compares accepted prefixes of untouched sessions, once they are stable.
func (j *judge) bands() {
	if !j.soaked() || j.e.Now.Sub(j.e.StableSince) < j.p.Stable {
		return
	}
	var before, after int64
	for _, b := range j.b.Neighbors {
		now, listed := j.now[b.Address]
		if _, touched := j.touched[b.Address]; touched || !listed || j.b.Ignored[b.Address] != "" || !now.Established() {
			continue
		}
		for _, f := range b.Families {
			old, fresh := f.Accepted, accepted(now, f.Family)
			if old == nil || fresh == nil {
				j.add("band", b.Address.String(), CheckNotChecked, "%s: accepted prefixes aren't reported", f.Family)
				continue
			}
			before, after = before+*old, after+*fresh
			j.band(b, f.Family, *old, *fresh)
		}
	}
	if moved := abs(after - before); before >= j.p.BandFloor && moved > before*j.p.RouterPercent/100 {
		j.add("router_band", "", CheckFailed, "the router's accepted prefixes went from %d to %d", before, after)
	}
}

func (j *judge) band(n Neighbor, f bgp.Family, old, fresh int64) {
	if old < j.p.BandFloor {
		return
	}
	allowed := max(old*j.p.BandPercent/100, j.p.BandCount)
	if old >= j.p.FullTable {
		allowed = old * j.p.FullTablePercent / 100
	}
	if abs(fresh-old) > allowed {
		j.add("band", fmt.Sprintf("%s %s", n.RemoteAS, n.Address), CheckFailed, "%s: accepted prefixes went from %d to %d (±%d)", f, old, fresh, allowed)
	}
}

func (j *judge) verdict() Verdict {
	v := Verdict{Outcome: CheckPassed, Checks: j.checks, At: j.e.Now}
	if !j.soaked() || j.e.Now.Sub(j.e.StableSince) < j.p.Stable {
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

func neighborMap(ns []Neighbor) map[netip.Addr]Neighbor {
	m := make(map[netip.Addr]Neighbor, len(ns))
	for _, n := range ns {
		m[n.Address] = n
	}
	return m
}

func accepted(n Neighbor, f bgp.Family) *int64 {
	s, ok := n.Family(f)
	if !ok {
		return nil
	}
	return s.Accepted
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
