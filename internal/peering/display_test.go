package peering

import (
	"strings"
	"testing"
	"time"

	"peerflow/internal/bgp"
)

func TestWhatASessionShowsIsTheFirstRuleThatFits(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	seen := func(state bgp.State, ever bool, families ...bgp.Family) *ObservedNeighbor {
		o := &ObservedNeighbor{Neighbor: Neighbor{State: state}, SeenAt: now.Add(-time.Second), EverUp: ever}
		for _, f := range families {
			o.Families = append(o.Families, FamilyState{Family: f})
		}
		if o.Established() {
			o.EstablishedAt = now.Add(-time.Hour)
		}
		return o
	}
	with := func(o *ObservedNeighbor, change func(*ObservedNeighbor)) *ObservedNeighbor {
		change(o)
		return o
	}
	up := seen(bgp.Established, true, bgp.IPv4)
	session := func(i Intent, s Sync) Session { return Session{Intent: i, Sync: s, Families: []bgp.Family{bgp.IPv4}} }
	for name, tt := range map[string]struct {
		session Session
		agreed  PeeringState
		seen    *ObservedNeighbor
		show    Display
		why     string
	}{
		"interfered is said before drifted and up":      {session(Present, SyncInterfered), Disputed, up, ShowInterfered, "somebody else configured its router while a change was under way"},
		"interfered says what to do":                    {Session{Intent: Present, Sync: SyncInterfered, RouterID: 7}, Agreed, up, ShowInterfered, "peerflow router diff 7"},
		"drifted is said before what is agreed":         {session(Present, Drifted), Disputed, up, ShowDrifted, "somebody else wrote there: peerflow router diff"},
		"disputed, although it is up":                   {session(Present, InSync), Disputed, up, ShowDisputed, ""},
		"suspended":                                     {session(Draining, InSync), Suspended, up, ShowSuspended, ""},
		"ending is said before draining":                {session(Draining, InSync), Ending, up, ShowEnding, ""},
		"removing is ending":                            {session(Removing, InSync), Agreed, up, ShowEnding, ""},
		"draining":                                      {session(Draining, InSync), Agreed, up, ShowDraining, ""},
		"shut down by us":                               {session(Shutdown, InSync), Agreed, seen(bgp.Idle, true), ShowShutdown, "by us"},
		"shut down on the router":                       {Session{Intent: Shutdown, HeldByHand: true, Sync: InSync}, Agreed, nil, ShowShutdown, "only a person"},
		"requested by us waits for their answer":        {session(Present, NotDeployed), RequestedByUs, nil, ShowRequested, "its answer"},
		"requested by them waits for ours":              {session(Present, NotDeployed), RequestedByThem, nil, ShowRequested, "our answer"},
		"agreed and not on the router":                  {session(Present, NotDeployed), Agreed, nil, ShowAgreed, ""},
		"reverted and not on the router":                {session(Present, Reverted), Agreed, nil, ShowAgreed, "taken back, and isn't on its router: mend"},
		"reverted and up as before":                     {session(Present, Reverted), Agreed, up, ShowUp, "1h0m0s; what was recorded of it since was deployed and taken back"},
		"reverted and never up as before":               {session(Present, Reverted), Agreed, seen(bgp.Active, false), ShowWaiting, "taken back"},
		"up, and nothing is claimed of what runs there": {session(Present, SyncUnknown), Agreed, up, ShowUp, "isn't known"},
		"deploying is said before what was observed":    {session(Present, Deploying), Agreed, up, ShowDeploying, ""},
		"in sync and never up: their turn":              {session(Present, InSync), Agreed, seen(bgp.Active, false), ShowWaiting, "other side"},
		"and the router's reason is told":               {session(Present, InSync), Agreed, with(seen(bgp.Active, false), func(o *ObservedNeighbor) { o.DownReason = DownRefused }), ShowWaiting, "refused"},
		"up":                                            {session(Present, InSync), Agreed, up, ShowUp, "1h0m0s"},
		"just up is up":                                 {session(Present, InSync), Agreed, with(seen(bgp.Established, true, bgp.IPv4), func(o *ObservedNeighbor) { o.EstablishedAt = now }), ShowUp, ""},
		"up without a family is degraded":               {Session{Intent: Present, Sync: InSync, Families: []bgp.Family{bgp.IPv4, bgp.IPv6}}, Agreed, up, ShowDegraded, "ipv6"},
		"flapping is degraded":                          {session(Present, InSync), Agreed, with(seen(bgp.Established, true, bgp.IPv4), func(o *ObservedNeighbor) { o.Drops, o.LastDropAt = 2, now.Add(-time.Minute) }), ShowDegraded, "2 times"},
		"was up and isn't":                              {session(Present, InSync), Agreed, with(seen(bgp.Active, true), func(o *ObservedNeighbor) { o.Drops, o.LastDropAt, o.DownText = 1, now.Add(-time.Minute), "maintenance" }), ShowDown, "1m0s (maintenance)"},
		"never up while nobody knows what runs there":   {session(Present, SyncUnknown), Agreed, seen(bgp.Idle, false), ShowDown, ""},
		"wanted open, and its router has it shut":       {session(Present, InSync), Agreed, with(seen(bgp.Idle, false), func(o *ObservedNeighbor) { o.AdminDown, o.Name, o.DownReason = true, "as64501_7", DownAdminOurs }), ShowDown, "its router has it shut down (as64501_7), and no record says so: open it there (on BIRD: birdc enable as64501_7"},
		"shut on its router as recorded":                {session(Shutdown, InSync), Agreed, with(seen(bgp.Idle, true), func(o *ObservedNeighbor) { o.AdminDown = true }), ShowShutdown, "by us"},
		"a router that fell silent":                     {session(Present, InSync), Agreed, with(seen(bgp.Established, true, bgp.IPv4), func(o *ObservedNeighbor) { o.SeenAt = now.Add(-3 * time.Minute) }), ShowUnknown, "3m0s"},
		"a router that never told":                      {session(Present, InSync), Agreed, nil, ShowUnknown, "hasn't told"},
		"off the router is depeered, whoever is silent": {session(Absent, ProvenAbsent), Ended, nil, ShowDepeered, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			show, why := DisplayOf(tt.session, tt.agreed, Manage, tt.seen, now, time.Minute)
			if show != tt.show || !strings.Contains(why, tt.why) || why == "" {
				t.Errorf("shows %q (%s), want %q with %q", show, why, tt.show, tt.why)
			}
		})
	}
}

// What is recorded as shut is shut once the router says so: until then somebody has to do it.
func TestWhatIsHeldShutIsSeenShut(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	held := Session{Intent: Shutdown, HeldByHand: true, HeldReason: "export guard: 900 prefixes", Sync: InSync}
	const byHand = "shut it by hand (on BIRD: birdc disable as64501_7)"
	for name, tt := range map[string]struct {
		mode RouterMode
		seen *ObservedNeighbor
		show Display
		why  string
	}{
		"open, and a person pastes":            {Propose, &ObservedNeighbor{Neighbor: Neighbor{State: bgp.Established}}, ShowOpen, byHand},
		"open, and nobody may write":           {Observe, &ObservedNeighbor{Neighbor: Neighbor{State: bgp.Established}}, ShowOpen, byHand},
		"down for now, and it comes up again":  {Propose, &ObservedNeighbor{Neighbor: Neighbor{State: bgp.Active}}, ShowOpen, byHand},
		"shut there":                           {Propose, &ObservedNeighbor{Neighbor: Neighbor{State: bgp.Idle, AdminDown: true}}, ShowShutdown, "900 prefixes: only a person lifts that"},
		"gone from there":                      {Propose, nil, ShowShutdown, "only a person lifts that"},
		"open, and peerflow is about to do it": {Manage, &ObservedNeighbor{Neighbor: Neighbor{State: bgp.Established}}, ShowOpen, "peerflow shuts it"},
		"its router fell silent":               {Propose, &ObservedNeighbor{Neighbor: Neighbor{State: bgp.Established}, SeenAt: now.Add(-time.Hour)}, ShowShutdown, "isn't known"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if tt.seen != nil {
				if tt.seen.Name = "as64501_7"; tt.seen.SeenAt.IsZero() {
					tt.seen.SeenAt = now
				}
			}
			show, why := DisplayOf(held, Agreed, tt.mode, tt.seen, now, time.Minute)
			if show != tt.show || !strings.Contains(why, tt.why) {
				t.Errorf("shows %q (%s), want %q with %q", show, why, tt.show, tt.why)
			}
			if turn := TurnOf(show, held, Agreed, tt.seen); turn != TurnUs {
				t.Errorf("it is %s's turn", turn)
			}
		})
	}
}
