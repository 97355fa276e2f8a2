package peering

import (
	"fmt"
	"time"

	"peerflow/internal/bgp"
)

// ExportGuard waits for a session that wasn't up when its deployment was
// verified, and holds it to what the plan said it is announced.
type ExportGuard struct {
	SessionID    int64
	RouterID     int64
	Neighbor     NeighborKey
	PeerAS       bgp.ASN
	DeploymentID int64 // that armed it
	Expect       ExpectedExport
	State        GuardState
	UpSince      time.Time // the first poll of those that saw it Established without a break; zero while it is down
	Finding      string    // the breach, for people
}

// GuardState is how far a guard came.
type GuardState string

const (
	GuardArmed    GuardState = "armed"    // waits for the session, or for its counters to settle
	GuardPassed   GuardState = "passed"   // the session came up and kept to its figure
	GuardBreached GuardState = "breached" // it didn't: it has to be shut
	GuardShut     GuardState = "shut"     // it was shut; watched on, since a load of a configuration may open it
)

// See is the guard after one look at its session. One that came up without an
// import or an export policy is in breach at once. It passes only once the
// session has been up for the profile's settling time with its counters known:
// a session that just came up has announced nothing yet.
func (g ExportGuard) See(p Profile, n Neighbor, counted []ExportCount, at time.Time) ExportGuard {
	if !n.Established() {
		g.UpSince = time.Time{}
		return g
	}
	if g.UpSince.IsZero() {
		g.UpSince = at
	}
	if missing := n.MissingPolicy(g.Expect.Family); missing != "" {
		g.State, g.Finding = GuardBreached, missing
		return g
	}
	for _, c := range AnnouncedTo(n, counted) {
		if c.Family != g.Expect.Family {
			continue
		}
		if breach := g.Expect.Breach(c); breach != "" {
			g.State, g.Finding = GuardBreached, breach
		} else if c.Announced != nil && at.Sub(g.UpSince) >= p.Settle {
			g.State = GuardPassed
		}
	}
	return g
}

// ShutByHand says what a person has to do about a breach on a router where peerflow
// is unable to write.
func ShutByHand(router string, mode RouterMode, session int64) string {
	return fmt.Sprintf("session %d is in breach of its export guard, and router %s is in mode %s: shut it there by hand; peerflow session why %d says how, until it is seen shut",
		session, router, mode, session)
}

// SeenShut reports that a router has a session closed on our side, or hasn't got
// it at all: one that is only down comes up again.
func SeenShut(n Neighbor, listed bool) bool { return !listed || n.AdminDown }

// ShutWithin is the hard limit of one attempt to shut a session, counted from
// before its order is taken.
const ShutWithin = 20 * time.Second

// ShutLease is for how long an order keeps deployments from beginning: until its
// last write can't arrive any more.
const ShutLease = ShutWithin + commitGrace

// ShutOrder is a session to shut on its router, with the token of this attempt.
type ShutOrder struct {
	SessionID int64
	RouterID  int64
	Neighbor  NeighborKey
	Fence     int64
}
