package peering

// Turn is who has to move next for a session or peering to get on: the weekly
// work list. It is derived, like Display, and never stored.
type Turn string

const (
	TurnUs       Turn = "us"
	TurnThem     Turn = "them"
	TurnExchange Turn = "exchange"
	TurnNobody   Turn = "nobody" // it is as it should be, or a change is at it
)

// Turns lists them all.
func Turns() []Turn { return []Turn{TurnUs, TurnThem, TurnExchange, TurnNobody} }

// TurnOf derives whose turn it is from what a session shows.
func TurnOf(show Display, s Session, agreed PeeringState, seen *ObservedNeighbor) Turn {
	if s.Sync == Reverted {
		return TurnUs // what is recorded isn't what its router runs, up or not
	}
	switch show {
	case ShowUp, ShowDeploying, ShowDepeered:
		return TurnNobody
	case ShowShutdown:
		if s.HeldByHand {
			return TurnUs
		}
		return TurnNobody
	case ShowRequested:
		return agreed.Turn()
	case ShowWaiting:
		return TurnThem
	case ShowDown:
		return downTurn(s, seen)
	}
	return TurnUs // drifted, disputed, draining, degraded, unknown, …: somebody of ours has to look
}

// downTurn goes by what the router gave as the reason.
func downTurn(s Session, seen *ObservedNeighbor) Turn {
	if seen == nil {
		return TurnUs
	}
	switch seen.DownReason {
	case DownAdminPeer, DownLimitTheirs, DownRefused, DownNoAnswer, DownWrongASN:
		return TurnThem
	case DownLink:
		if s.Kind == IXPSession {
			return TurnExchange
		}
	}
	return TurnUs
}

// Turn is whose turn an agreement is.
func (s PeeringState) Turn() Turn {
	switch s {
	case RequestedByUs:
		return TurnThem
	case RequestedByThem, Disputed, Suspended, Ending:
		return TurnUs
	case PeeringNone, Agreed, Declined, Lapsed, Ended, Ignored:
	}
	return TurnNobody
}

// PeeringStates lists the states of agreements whose turn it is.
func (t Turn) PeeringStates() []PeeringState {
	var states []PeeringState
	for s := range peeringSteps {
		if s.Turn() == t {
			states = append(states, s)
		}
	}
	return states
}
