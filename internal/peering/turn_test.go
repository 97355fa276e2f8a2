package peering

import (
	"slices"
	"testing"
)

func TestWhoseTurnItIs(t *testing.T) {
	t.Parallel()
	down := func(r DownReason) *ObservedNeighbor { return &ObservedNeighbor{Neighbor: Neighbor{DownReason: r}} }
	for name, tt := range map[string]struct {
		show   Display
		s      Session
		agreed PeeringState
		seen   *ObservedNeighbor
		want   Turn
	}{
		"up":                                {show: ShowUp, want: TurnNobody},
		"up as before, its edit taken back": {show: ShowUp, s: Session{Sync: Reverted}, want: TurnUs},
		"a change is at it":                 {show: ShowDeploying, want: TurnNobody},
		"off its router":                    {show: ShowDepeered, want: TurnNobody},
		"we asked":                          {show: ShowRequested, agreed: RequestedByUs, want: TurnThem},
		"they asked":                        {show: ShowRequested, agreed: RequestedByThem, want: TurnUs},
		"agreed and not deployed":           {show: ShowAgreed, want: TurnUs},
		"configured here, not there":        {show: ShowWaiting, want: TurnThem},
		"shut down on purpose":              {show: ShowShutdown, want: TurnNobody},
		"shut down by hand on the router":   {show: ShowShutdown, s: Session{HeldByHand: true}, want: TurnUs},
		"drifted":                           {show: ShowDrifted, want: TurnUs},
		"flapping, or without a family":     {show: ShowDegraded, want: TurnUs},
		"its router isn't heard":            {show: ShowUnknown, want: TurnUs},
		"the peer shut it down":             {show: ShowDown, seen: down(DownAdminPeer), want: TurnThem},
		"our limit tripped":                 {show: ShowDown, seen: down(DownLimitOurs), want: TurnUs},
		"down for no reason told":           {show: ShowDown, seen: down(""), want: TurnUs},
		"no link at the exchange":           {show: ShowDown, s: Session{Kind: IXPSession}, seen: down(DownLink), want: TurnExchange},
		"no link on a cable of ours":        {show: ShowDown, s: Session{Kind: DirectSession}, seen: down(DownLink), want: TurnUs},
		"down and the router told nothing ": {show: ShowDown, want: TurnUs},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := TurnOf(tt.show, tt.s, tt.agreed, tt.seen); got != tt.want {
				t.Errorf("%s, want %s", got, tt.want)
			}
		})
	}
}

func TestEveryAgreementIsSomebodysTurnOrNobodys(t *testing.T) {
	t.Parallel()
	all := 0
	for _, turn := range Turns() {
		states := turn.PeeringStates()
		all += len(states)
		for _, s := range states {
			if s.Turn() != turn {
				t.Errorf("%s is listed for %s", s, turn)
			}
		}
	}
	if all != len(peeringSteps) || !slices.Contains(TurnUs.PeeringStates(), RequestedByThem) {
		t.Errorf("%d of %d states are somebody's turn", all, len(peeringSteps))
	}
}
