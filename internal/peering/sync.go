package peering

import (
	"maps"
	"net/netip"
	"slices"
)

// Sync is how a session stands to what its router runs.
type Sync string

const (
	SyncUnknown    Sync = "unknown" // nothing is claimed: its router's deployment needs an operator, or it was never read
	NotDeployed    Sync = "not_deployed"
	Deploying      Sync = "deploying"
	InSync         Sync = "in_sync"
	Drifted        Sync = "drifted"    // its router runs something else than was last deployed
	Reverted       Sync = "reverted"   // what is recorded of it was deployed and taken back: its router runs what it ran before
	SyncInterfered Sync = "interfered" // somebody else wrote to its router while a deployment was under way
	SyncRemoving   Sync = "removing"
	ProvenAbsent   Sync = "proven_absent"
)

// SyncEvent is what was found out about a session and its router.
type SyncEvent string

const (
	EventRecorded   SyncEvent = "recorded"   // a deployment was confirmed, or planning read it: the router runs it as recorded
	EventTakenBack  SyncEvent = "taken_back" // a deployment of what is recorded went back to its base
	EventInterfered SyncEvent = "interfered" // a deployment on its router was interfered with
	EventSame       SyncEvent = "same"       // a poll reads what was last deployed of it
	EventOther      SyncEvent = "other"      // a poll reads something else
	EventNone       SyncEvent = "none"       // a poll reads nothing of it, and nothing was deployed
	EventGone       SyncEvent = "gone"       // a poll reads nothing of it, as it is recorded, though it was deployed
	EventTakenOff   SyncEvent = "taken_off"  // a poll reads nothing of it, as it was proposed to a person: it is verified soon
)

// After is where a session stands once something was found out: the only place
// where that moves. That a deployment is under way is no event, but where it
// stands for as long: SyncUnderWay.
func (s Sync) After(e SyncEvent, wanted Intent) Sync {
	off := wanted == Absent || wanted == Removing
	switch {
	case e == EventRecorded && off:
		return ProvenAbsent
	case e == EventRecorded:
		return InSync
	case e == EventInterfered:
		return SyncInterfered
	case e == EventTakenBack && s != Drifted && s != SyncInterfered:
		return Reverted
	case e == EventOther && s != SyncInterfered:
		return Drifted
	case (e == EventGone || e == EventTakenOff) && off:
		return ProvenAbsent
	case (e == EventSame || e == EventGone) && s.doubted(), e == EventSame && s == ProvenAbsent && wanted == Removing: // or it came back
		return InSync
	case e == EventNone && s.doubted() && wanted == Absent:
		return ProvenAbsent
	case e == EventNone && s.doubted():
		return NotDeployed
	}
	return s
}

// doubted are the states that a read of the router ends.
func (s Sync) doubted() bool { return s == Drifted || s == SyncInterfered || s == SyncUnknown }

// SyncUnderWay is how a session stands while a deployment that touches it is in
// flight; what is recorded otherwise. It is derived from the deployment and never
// stored, so that no session stays behind as deploying. A deployment that needs
// an operator claims nothing.
func SyncUnderWay(stored Sync, d DeploymentState, removed bool) Sync {
	switch {
	case !d.InFlight():
		return stored
	case d == DeploymentNeedsOperator:
		return SyncUnknown
	case removed:
		return SyncRemoving
	}
	return Deploying
}

// SyncBasis is what a router is compared with to tell how its sessions stand to it.
type SyncBasis struct {
	RouterID int64
	Fence    int64             // of the router: whoever writes there, or records what a person pasted, takes a newer one
	Due      bool              // something was deployed or is in doubt, and no deployment is in flight
	Ledger   map[string]string // last deployed hash by stanza key; "" was announced and never confirmed
	Proposed []Move            // what a person may paste at any time; Before isn't set
	Artifact string            // of the newest confirmed deployment, "" before the first
}

// Moved lists the stanzas that a router runs otherwise than they were last
// deployed. What a person pasted as it was proposed is no drift: it is verified soon.
func (b SyncBasis) Moved(running map[string]Stanza) []Move {
	var moves []Move
	keys := slices.Concat(slices.Collect(maps.Keys(b.Ledger)), slices.Collect(maps.Keys(running)))
	slices.Sort(keys)
	for _, key := range slices.Compact(keys) {
		if runs := hashOf(running, key); runs != b.Ledger[key] && !slices.Contains(b.Proposed, Move{Key: key, After: runs}) {
			moves = append(moves, Move{Key: key, Before: b.Ledger[key], After: runs})
		}
	}
	return moves
}

// Unrecorded drops the moves that led to what is recorded: somebody wrote by hand
// what the record says, or the record was edited to what runs.
func Unrecorded(moves []Move, recorded map[string]Stanza) []Move {
	return slices.DeleteFunc(slices.Clone(moves), func(m Move) bool { return hashOf(recorded, m.Key) == m.After })
}

// SyncRead tells by peer address what a read says of the sessions there: those
// whose own stanza moved, or one that it refers to, run something else. Those
// without a stanza that ought not to have one are gone, or taken off where that is
// proposed; sessions that it doesn't name never had one.
func SyncRead(deployed, running map[string]Stanza, moves, proposed []Move) map[netip.Addr]SyncEvent {
	reached := Reached(deployed, running, moves)
	found := map[netip.Addr]SyncEvent{}
	for _, all := range []map[string]Stanza{deployed, running} {
		for key, s := range all {
			switch {
			case !s.Neighbor.IsValid():
			case reached[key]:
				found[s.Neighbor] = EventOther
			case found[s.Neighbor] == "":
				found[s.Neighbor] = EventSame
			}
		}
	}
	there := map[netip.Addr]bool{}
	for _, s := range running {
		there[s.Neighbor] = true
	}
	for neighbor, e := range found {
		if e == EventSame && !there[neighbor] {
			found[neighbor] = EventGone
		}
	}
	for _, m := range proposed {
		if n := deployed[m.Key].Neighbor; m.After == "" && found[n] == EventGone {
			found[n] = EventTakenOff
		}
	}
	return found
}
