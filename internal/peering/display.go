package peering

import (
	"cmp"
	"fmt"
	"time"
)

// Display is what people call the state of a session. It is derived from the
// four axes and never stored.
type Display string

const (
	ShowInterfered Display = "interfered"
	ShowDrifted    Display = "drifted"
	ShowDisputed   Display = "disputed"
	ShowSuspended  Display = "suspended"
	ShowEnding     Display = "ending"
	ShowDraining   Display = "draining"
	ShowShutdown   Display = "shut down"
	ShowOpen       Display = "to be shut" // held shut, and its router still has it open
	ShowRequested  Display = "requested"
	ShowAgreed     Display = "agreed" // and not on its router yet
	ShowDeploying  Display = "deploying"
	ShowWaiting    Display = "waiting for them" // configured here, never up: the other side isn't there yet
	ShowUp         Display = "up"
	ShowDegraded   Display = "degraded"
	ShowDown       Display = "down"
	ShowUnknown    Display = "unknown"
	ShowDepeered   Display = "depeered"
)

// Displays lists them in the order of precedence.
func Displays() []Display {
	return []Display{ShowInterfered, ShowDrifted, ShowDisputed, ShowSuspended, ShowEnding, ShowDraining, ShowShutdown, ShowOpen, ShowRequested, ShowAgreed,
		ShowDeploying, ShowWaiting, ShowUp, ShowDegraded, ShowDown, ShowUnknown, ShowDepeered}
}

// DisplayOf derives what a session shows, and one sentence that says why: the
// first rule that fits. Seen is what its router, in that mode, told last, nil for
// nothing; polled is the time between two looks at the router.
func DisplayOf(s Session, agreed PeeringState, mode RouterMode, seen *ObservedNeighbor, now time.Time, polled time.Duration) (Display, string) {
	bgp := BGPUnknown
	if seen != nil {
		bgp = seen.Shown(now, polled)
	}
	if show, why := showRecord(s, agreed, seen != nil); show == ShowShutdown && s.HeldByHand && seen != nil {
		return showHeld(s, why, mode, seen, bgp)
	} else if show != "" {
		return show, why
	}
	show, why := showObserved(s, seen, bgp, now)
	switch s.Sync {
	case Reverted:
		why += "; what was recorded of it since was deployed and taken back, and its router runs what it ran before: " + deployAgain(s.RouterID)
	case SyncUnknown:
		why += "; whether its router runs what is recorded isn't known"
	default: // nothing to add
	}
	return show, why
}

// deployAgain is what to do about what was taken back.
func deployAgain(router int64) string {
	return fmt.Sprintf("mend what took it back (peerflow change list says why), then peerflow router deploy %d", router)
}

// showRecord goes by agreement, intent and sync; "" leaves it to what was observed.
// Listed is that its router has it.
func showRecord(s Session, agreed PeeringState, listed bool) (Display, string) {
	switch {
	case s.Sync == SyncInterfered:
		return ShowInterfered, fmt.Sprintf("somebody else configured its router while a change was under way, and nothing is claimed of it: "+
			"peerflow router diff %d says what runs there otherwise than recorded, and peerflow router deploy %d brings back what is recorded", s.RouterID, s.RouterID)
	case s.Sync == Drifted:
		return ShowDrifted, fmt.Sprintf("its router doesn't run what was deployed, somebody else wrote there: peerflow router diff %d says what; "+
			"peerflow router deploy %d brings back what is recorded, or record what runs there", s.RouterID, s.RouterID)
	case agreed == Disputed:
		return ShowDisputed, "the peer disagrees about this peering"
	case agreed == Suspended:
		return ShowSuspended, "the peering is suspended"
	case agreed == Ending || s.Intent == Removing || s.Sync == SyncRemoving:
		return ShowEnding, "it is being taken off its router"
	case s.Intent == Draining:
		return ShowDraining, "traffic is led away before it is shut down"
	case agreed == Ended || s.Intent == Absent || s.Sync == ProvenAbsent:
		return ShowDepeered, "it is off its router"
	case s.Intent == Shutdown && s.HeldByHand && s.HeldReason != "":
		return ShowShutdown, s.HeldReason + ": only a person lifts that"
	case s.Intent == Shutdown && s.HeldByHand:
		return ShowShutdown, "somebody shut it down on the router: only a person lifts that"
	case s.Intent == Shutdown:
		return ShowShutdown, "it is shut down by us"
	case agreed == RequestedByUs:
		return ShowRequested, "we asked the peer: its answer is awaited"
	case agreed == RequestedByThem:
		return ShowRequested, "the peer asked us: our answer is awaited"
	case s.Sync == Deploying:
		return ShowDeploying, "a change is under way on its router"
	case s.Sync == NotDeployed:
		return ShowAgreed, fmt.Sprintf("it isn't on its router: peerflow router deploy %d brings it there", s.RouterID)
	case s.Sync == Reverted && !listed:
		return ShowAgreed, "it was deployed and taken back, and isn't on its router: " + deployAgain(s.RouterID)
	}
	return "", ""
}

// showHeld is a session that is held shut, and that its router lists: the record says
// that it shall be closed, and only the router that it is.
func showHeld(s Session, why string, mode RouterMode, seen *ObservedNeighbor, state BGPState) (Display, string) {
	name := cmp.Or(seen.Name, s.PeerAddress.String())
	switch {
	case state == BGPUnknown:
		return ShowShutdown, why + "; its router isn't heard: whether it is shut there isn't known"
	case seen.AdminDown:
		return ShowShutdown, why
	case mode == Manage:
		return ShowOpen, why + "; its router was last seen with it open, and peerflow shuts it, again at each poll while that fails: the worker's log says why"
	}
	return ShowOpen, fmt.Sprintf("%s; its router is in mode %s and still has it open, since peerflow is unable to write there: shut it by hand "+
		"(on BIRD: birdc disable %s)", why, mode, name)
}

// showObserved goes by what the router told.
func showObserved(s Session, seen *ObservedNeighbor, state BGPState, now time.Time) (Display, string) {
	switch {
	case closedThere(s, seen, state):
		name := cmp.Or(seen.Name, s.PeerAddress.String())
		return ShowDown, fmt.Sprintf("its router has it shut down (%s), and no record says so: open it there (on BIRD: birdc enable %s; where peerflow router diff %d "+
			"shows that its configuration closes it, peerflow router deploy %d), or record its intent as shutdown", name, name, s.RouterID, s.RouterID)
	case state == BGPNeverUp && (s.Sync == InSync || s.Sync == Reverted):
		return ShowWaiting, "configured here and never up: the other side isn't there yet" + downReason(seen)
	case state == BGPEstablished && missingFamily(s, seen) != "":
		return ShowDegraded, fmt.Sprintf("up without %s", missingFamily(s, seen))
	case state == BGPEstablished || state == BGPSettling:
		return ShowUp, "up for " + since(seen.EstablishedAt, now)
	case state == BGPFlapping:
		return ShowDegraded, fmt.Sprintf("went down %d times, last %s ago", seen.Drops, since(seen.LastDropAt, now))
	case state == BGPDown || state == BGPNeverUp:
		return ShowDown, downSince(seen, now) + downReason(seen)
	case seen == nil:
		return ShowUnknown, "its router hasn't told of it"
	}
	return ShowUnknown, "its router was last heard " + since(seen.SeenAt, now) + " ago"
}

// closedThere reports a session that is wanted open and that its router has shut by
// configuration or by command, such as one whose hold was lifted and that nobody
// opened since.
func closedThere(s Session, seen *ObservedNeighbor, state BGPState) bool {
	return seen != nil && seen.AdminDown && state != BGPUnknown && (s.Intent == Present || s.Intent == Draining)
}

func missingFamily(s Session, seen *ObservedNeighbor) string {
	for _, f := range s.Families {
		if _, ok := seen.Family(f); !ok {
			return f.String()
		}
	}
	return ""
}

func downSince(seen *ObservedNeighbor, now time.Time) string {
	if seen.LastDropAt.IsZero() {
		return "down"
	}
	return "down for " + since(seen.LastDropAt, now)
}

// downReason adds what the router gave as the reason.
func downReason(seen *ObservedNeighbor) string {
	switch {
	case seen == nil || seen.DownReason == "" && seen.DownText == "":
		return ""
	case seen.DownText == "":
		return " (" + string(seen.DownReason) + ")"
	case seen.DownReason == "":
		return " (" + seen.DownText + ")"
	}
	return fmt.Sprintf(" (%s: %s)", seen.DownReason, seen.DownText)
}

func since(t, now time.Time) string { return max(now.Sub(t), 0).Round(time.Second).String() }
