package peering

import (
	"strings"
	"testing"

	"peerflow/internal/bgp"
)

func TestLoosenedPlansNeedNewVotes(t *testing.T) {
	t.Parallel()
	session := func(edits ...func(*TouchedSession)) Plan {
		s := TouchedSession{Neighbor: neighbor(1).Address, Disruption: DisruptsRefresh, Expect: []ExpectedExport{{Family: bgp.IPv4, Count: count(3)}}}
		for _, e := range edits {
			e(&s)
		}
		return Plan{Routers: []RouterPlan{{RouterID: 1, Touched: []TouchedSession{s}}}}
	}
	expects := func(n *int64) func(*TouchedSession) { return func(s *TouchedSession) { s.Expect[0].Count = n } }
	another := session()
	another.Routers[0].Touched = append(another.Routers[0].Touched, TouchedSession{Neighbor: neighbor(2).Address})
	cases := map[string]struct {
		now  Plan
		want bool
	}{
		"the same":                          {session(), false},
		"fewer expected":                    {session(expects(count(2))), false},
		"more expected":                     {session(expects(count(900))), true},
		"no figure any more":                {session(expects(nil)), true},
		"a default may be announced":        {session(func(s *TouchedSession) { s.Expect[0].AllowDefault = true }), true},
		"longer prefixes may be announced":  {session(func(s *TouchedSession) { s.Expect[0].AllowLong = true }), true},
		"imports move":                      {session(func(s *TouchedSession) { s.ImportMoves = true }), true},
		"nothing is accepted any more":      {session(func(s *TouchedSession) { s.TakesNothing = []bgp.Family{bgp.IPv4} }), true},
		"a session restarts":                {session(func(s *TouchedSession) { s.Disruption = DisruptsReset }), true},
		"a session is no longer disrupted":  {session(func(s *TouchedSession) { s.Disruption = DisruptsNone }), false},
		"another session is reached":        {another, true},
		"fewer sessions are reached":        {Plan{Routers: []RouterPlan{{RouterID: 1}}}, false},
		"a family that wasn't guarded then": {session(func(s *TouchedSession) { s.Expect = append(s.Expect, ExpectedExport{Family: bgp.IPv6}) }), true},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := Loosened(session(), c.now); got != c.want {
				t.Errorf("loosened = %v, want %v", got, c.want)
			}
		})
	}
}

func TestTheImpactNamesWhoseImportsMove(t *testing.T) {
	t.Parallel()
	touched := []TouchedSession{
		{PeerAS: 64501, Disruption: DisruptsRefresh, ImportMoves: true},
		{PeerAS: 64502, Disruption: DisruptsRefresh, ImportMoves: true, TakesNothing: []bgp.Family{bgp.IPv4}},
		{PeerAS: 64503, Disruption: DisruptsRefresh, TakesNothing: []bgp.Family{bgp.IPv4}}, // nothing new
		{PeerAS: 64504, Removed: true, ImportMoves: true},
	}
	line := NewImpact([]RouterPlan{{Touched: touched}}, nil).Line()
	if want := "changes imports of 2 sessions: AS64501 AS64502; accepts nothing any more from 1: AS64502"; !strings.Contains(line, want) {
		t.Errorf("%q doesn't say %q", line, want)
	}
}
