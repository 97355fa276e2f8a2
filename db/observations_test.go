package db_test

import (
	"fmt"
	"net/netip"
	"testing"
	"time"

	"peerflow/internal/bgp"
	"peerflow/internal/peering"
)

// neighbor is a router's report of one neighbor.
func neighbor(address string, state bgp.State, since time.Time, transitions int64) peering.Neighbor {
	return peering.Neighbor{Address: netip.MustParseAddr(address), RemoteAS: 64501, LocalAS: 64496, State: state, Since: since, Transitions: transitions}
}

// poll stores one look at edge1, so many seconds after the first.
func (s *stage) poll(seconds int, neighbors ...peering.Neighbor) []peering.StateChange {
	s.Helper()
	changes, err := s.StorePoll(s.Context(), peering.Poll{RouterID: s.edge1, At: at(seconds), Neighbors: neighbors, Generation: "7"})
	s.must(err)
	return changes
}

func at(seconds int) time.Time { return now.Add(time.Duration(seconds) * time.Second) }

func (s *stage) seen(address string) peering.ObservedNeighbor {
	s.Helper()
	list, err := s.NeighborStates(s.Context(), s.edge1)
	s.must(err)
	for _, n := range list {
		if n.Address.String() == address {
			return n
		}
	}
	s.Fatalf("no neighbor %s among %d", address, len(list))
	return peering.ObservedNeighbor{}
}

func TestPollsTellWhatMovedAndForgetWhatVanished(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	changes := s.poll(0, neighbor("192.0.2.1", bgp.Active, time.Time{}, -1), neighbor("2001:db8::1", bgp.Established, at(-60), 0))
	if fmt.Sprint(changes) != "[{192.0.2.1  active} {2001:db8::1  established}]" {
		t.Errorf("first look: %v", changes)
	}
	if changes = s.poll(10, neighbor("192.0.2.1", bgp.Active, time.Time{}, -1), neighbor("2001:db8::1", bgp.Established, at(-60), 0)); len(changes) != 0 {
		t.Errorf("the same again: %v", changes)
	}
	changes = s.poll(20, neighbor("192.0.2.1", bgp.Established, at(15), -1))
	if fmt.Sprint(changes) != "[{192.0.2.1 active established} {2001:db8::1 established }]" {
		t.Errorf("one up and one gone: %v", changes)
	}
	n := s.seen("192.0.2.1")
	if !n.EverUp || !n.EstablishedAt.Equal(at(15)) || !n.SeenAt.Equal(at(20)) || n.RemoteAS != 64501 || n.Drops != 0 {
		t.Errorf("seen as %+v", n)
	}
	if list, err := s.NeighborStates(t.Context(), s.edge1); err != nil || len(list) != 1 {
		t.Errorf("%d neighbors, %v: one vanished", len(list), err)
	}
	if n := s.one(`SELECT count(*) FROM outbox WHERE topic = 'router' AND event = 'observed' AND object_id = $1`, s.edge1); n != 2 {
		t.Errorf("%d events, want one per look that saw something move", n)
	}
	if n := s.one(`SELECT count(*) FROM change_log`); n != 0 {
		t.Error("observed state is in the change log")
	}
}

func TestAFailedPollOnlyNotesTheTry(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	s.poll(0, neighbor("192.0.2.1", bgp.Established, at(-60), 0))
	_, err := s.StorePoll(t.Context(), peering.Poll{RouterID: s.edge1, At: at(10), Error: "no route to host"})
	s.must(err)
	polls, err := s.Polls(t.Context())
	s.must(err)
	if p := polls[0]; !p.PolledAt.Equal(at(10)) || !p.AnsweredAt.Equal(at(0)) || p.Error != "no route to host" || p.Generation != "7" {
		t.Errorf("poll %+v", p)
	}
	if n := s.seen("192.0.2.1"); !n.SeenAt.Equal(at(0)) || !n.Established() {
		t.Errorf("neighbor %+v", n)
	}
	if changes := s.poll(5); len(changes) != 0 {
		t.Errorf("an older look changed %v", changes)
	}
}

func TestDropsAreCountedHoweverTheRouterTells(t *testing.T) {
	t.Parallel()
	up, down := bgp.Established, bgp.Idle
	tests := map[string]struct {
		looks []peering.Neighbor
		drops int64
	}{
		"never up":                          {[]peering.Neighbor{neighbor("192.0.2.1", down, at(0), 0), neighbor("192.0.2.1", down, at(0), 0)}, 0},
		"up and stays up":                   {[]peering.Neighbor{neighbor("192.0.2.1", up, at(0), 0), neighbor("192.0.2.1", up, at(0), 0)}, 0},
		"seen down":                         {[]peering.Neighbor{neighbor("192.0.2.1", up, at(0), -1), neighbor("192.0.2.1", down, at(9), -1)}, 1},
		"down and back between two looks":   {[]peering.Neighbor{neighbor("192.0.2.1", up, at(0), -1), neighbor("192.0.2.1", up, at(9), -1)}, 1},
		"a second's wander is no drop":      {[]peering.Neighbor{neighbor("192.0.2.1", up, at(0), -1), neighbor("192.0.2.1", up, at(1), -1)}, 0},
		"three times by the router's count": {[]peering.Neighbor{neighbor("192.0.2.1", up, at(0), 4), neighbor("192.0.2.1", up, at(9), 7)}, 3},
		"the counter started again":         {[]peering.Neighbor{neighbor("192.0.2.1", up, at(0), 4), neighbor("192.0.2.1", up, at(9), 0)}, 1},
		"down stays one drop":               {[]peering.Neighbor{neighbor("192.0.2.1", up, at(0), -1), neighbor("192.0.2.1", down, at(9), -1), neighbor("192.0.2.1", down, at(9), -1)}, 1},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newStage(t)
			for i, look := range test.looks {
				s.poll(10*(i+1), look)
			}
			n := s.seen("192.0.2.1")
			if n.Drops != test.drops || n.LastDropAt.IsZero() != (test.drops == 0) {
				t.Errorf("%d drops, the last at %s; want %d", n.Drops, n.LastDropAt, test.drops)
			}
			if n.Established() == n.EstablishedAt.IsZero() {
				t.Errorf("state %s, established at %s", n.State, n.EstablishedAt)
			}
		})
	}
}

func TestFlappedIsTwoDropsInTheWindow(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	up := func(address string, since, transitions int) peering.Neighbor {
		return neighbor(address, bgp.Established, at(since), int64(transitions))
	}
	inBlue := func(n peering.Neighbor) peering.Neighbor { n.VRF = "blue"; return n }
	s.poll(0, up("192.0.2.1", -10, 0), up("192.0.2.2", -10, 0), up("192.0.2.3", -10, 0), inBlue(up("192.0.2.2", -10, 0)))
	s.poll(10, up("192.0.2.1", 5, 1), up("192.0.2.2", 5, 1), up("192.0.2.3", -10, 0), inBlue(up("192.0.2.2", 5, 1)))
	s.poll(20, up("192.0.2.1", 15, 2), up("192.0.2.2", 5, 1), up("192.0.2.3", -10, 0))
	flapped, err := s.Flapped(t.Context(), s.edge1, at(0))
	s.must(err)
	if len(flapped) != 1 || flapped[peering.NeighborKey{Address: netip.MustParseAddr("192.0.2.1")}] != "dropped 2 times since 2026-11-22 12:00 UTC" {
		t.Errorf("flapped %v", flapped)
	}
	if flapped, err = s.Flapped(t.Context(), s.edge1, at(15)); err != nil || len(flapped) != 0 {
		t.Errorf("since the last drop: %v, %v", flapped, err)
	}
	s.poll(8*24*3600, up("192.0.2.1", 15, 2))
	if n := s.one(`SELECT count(*) FROM neighbor_drop`); n != 0 {
		t.Errorf("%d drops are remembered after a week", n)
	}
}

func TestAChangesSessionsAreUpOnceARouterSeesThemSo(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	change := s.draft(s.create(s.edge1), s.create(s.edge1))
	plan := s.plan(change, "text", s.edge1)
	s.approve(change, plan)
	id, err := s.SubmitDeployment(t.Context(), change.ID, plan.ID, s.edge1)
	s.must(err)
	s.must(s.StoreBaseline(t.Context(), id, peering.BaselineRecord{Artifact: "text\n"}))
	if up, waiting, err := s.SessionsUp(t.Context(), change.ID); err != nil || len(up)+len(waiting) != 0 {
		t.Errorf("before the deployment: up %v, waiting %v, %v", up, waiting, err)
	}
	s.soak(id)
	s.confirm(id)
	s.poll(0, neighbor("192.0.2.1", bgp.Established, at(0), 0), neighbor("192.0.2.2", bgp.Active, at(0), 0))
	up, waiting, err := s.SessionsUp(t.Context(), change.ID)
	s.must(err)
	if len(up) != 1 || len(waiting) != 1 {
		t.Errorf("up %v, waiting %v", up, waiting)
	}
	states, err := s.SessionStates(t.Context(), append(up, waiting...))
	s.must(err)
	if !states[up[0]].Established() || states[waiting[0]].State != bgp.Active {
		t.Errorf("states %+v", states)
	}
}

func TestWhatPeopleReadOfAnObservedNeighbor(t *testing.T) {
	t.Parallel()
	seen := func(state bgp.State, fill func(*peering.ObservedNeighbor)) peering.ObservedNeighbor {
		o := peering.ObservedNeighbor{Neighbor: peering.Neighbor{State: state}, SeenAt: now, EverUp: true, EstablishedAt: at(-3600)}
		if fill != nil {
			fill(&o)
		}
		return o
	}
	tests := map[string]struct {
		seen peering.ObservedNeighbor
		want peering.BGPState
	}{
		"up":                         {seen(bgp.Established, nil), peering.BGPEstablished},
		"up just now":                {seen(bgp.Established, func(o *peering.ObservedNeighbor) { o.EstablishedAt = at(-5) }), peering.BGPSettling},
		"down":                       {seen(bgp.Active, nil), peering.BGPDown},
		"never up":                   {seen(bgp.Active, func(o *peering.ObservedNeighbor) { o.EverUp = false }), peering.BGPNeverUp},
		"dropped again a minute ago": {seen(bgp.Established, func(o *peering.ObservedNeighbor) { o.Drops, o.LastDropAt = 3, at(-60) }), peering.BGPFlapping},
		"dropped once":               {seen(bgp.Active, func(o *peering.ObservedNeighbor) { o.Drops, o.LastDropAt = 1, at(-60) }), peering.BGPDown},
		"not seen for three polls":   {seen(bgp.Established, func(o *peering.ObservedNeighbor) { o.SeenAt = at(-180) }), peering.BGPUnknown},
		"not seen at all":            {peering.ObservedNeighbor{}, peering.BGPUnknown},
	}
	for name, test := range tests {
		if got := test.seen.Shown(now, time.Minute); got != test.want {
			t.Errorf("%s: %s, want %s", name, got, test.want)
		}
	}
}
