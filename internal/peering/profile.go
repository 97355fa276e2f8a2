package peering

import "time"

// Profile holds every number of verification and of the timers around a
// commit. The zero value is not usable: take DefaultProfile or LabProfile.
type Profile struct {
	Commit           time.Duration // longest that a platform takes to load a candidate
	Settle           time.Duration // BGP convergence after a commit
	Soak             time.Duration // shortest watch between commit and confirm
	MinTimer         time.Duration // shortest rollback timer
	Margin           time.Duration // added to the rollback timer, and to patience after it
	ConfirmReserve   time.Duration // no confirm with less than this left on the timer
	HeartbeatTimeout time.Duration // H: a worker that is silent for so long is given up
	Sample           time.Duration // between two reads while soaking
	DropCount        int           // this many sessions dropped by us …
	DropPercent      int           // … or this share of the router's sessions, whichever is more, roll back
	BandFloor        int64         // sessions with fewer accepted prefixes have no band
	BandPercent      int64         // allowed change of accepted prefixes per session and family …
	BandCount        int64         // … or this many, whichever is more
	RouterPercent    int64         // allowed change of accepted prefixes of the router
	FullTable        int64         // from this many prefixes on a family counts as a full table …
	FullTablePercent int64         // … and may change by this share only
	Stable           time.Duration // counters are compared when they stayed within their band for so long
	BandWait         time.Duration // after the soak, how long counters may still take to become stable
	CountEvery       time.Duration // between two counts of what touched sessions are announced, which walk the router's table
}

// DefaultProfile is for routers on a network.
var DefaultProfile = Profile{
	Commit: 30 * time.Second, Settle: 30 * time.Second, Soak: 60 * time.Second, MinTimer: 5 * time.Minute,
	Margin: 60 * time.Second, ConfirmReserve: 5 * time.Second, HeartbeatTimeout: 8 * time.Second, Sample: 5 * time.Second,
	DropCount: 2, DropPercent: 2, BandFloor: 20, BandPercent: 25, BandCount: 50, RouterPercent: 10,
	FullTable: 500_000, FullTablePercent: 2, Stable: 15 * time.Second,
	BandWait: 30 * time.Second, CountEvery: 15 * time.Second,
}

// LabProfile is for daemons on loopback, which converge within a second: the
// demo's hold time is 9 s.
var LabProfile = Profile{
	Commit: 3 * time.Second, Settle: 5 * time.Second, Soak: 15 * time.Second, MinTimer: 60 * time.Second,
	Margin: 10 * time.Second, ConfirmReserve: 5 * time.Second, HeartbeatTimeout: 8 * time.Second, Sample: time.Second,
	DropCount: 2, DropPercent: 2, BandFloor: 20, BandPercent: 25, BandCount: 50, RouterPercent: 10,
	FullTable: 500_000, FullTablePercent: 2, Stable: 3 * time.Second,
	BandWait: 5 * time.Second, CountEvery: 2 * time.Second,
}

// ProfileFor is a router's profile.
func ProfileFor(r Router) Profile {
	if r.Lab {
		return LabProfile
	}
	return DefaultProfile
}

// Timer is the rollback timer that outlives commit, convergence, the largest
// hold time at risk, counters that settle late and a worker's loss; whole seconds.
func (p Profile) Timer(largestHold time.Duration) time.Duration {
	t := p.Commit + max(p.Settle, p.Soak) + largestHold + p.BandWait + 2*p.HeartbeatTimeout + p.Margin
	return max(t, p.MinTimer).Round(time.Second)
}

// SoakFor is how long to watch: a broken path stays Established until the hold
// timer ends, so never shorter than the largest hold time at risk.
func (p Profile) SoakFor(largestHold time.Duration) time.Duration {
	return max(p.Soak, largestHold)
}

// Band is how far accepted prefixes of one session and family may move from a figure.
func (p Profile) Band(from int64) int64 {
	if from >= p.FullTable {
		return from * p.FullTablePercent / 100
	}
	return max(from*p.BandPercent/100, p.BandCount)
}
