package activities

import (
	"context"
	"net/netip"
	"strings"
	"testing"
	"time"

	"go.temporal.io/sdk/testsuite"

	"peerflow/internal/bgp"
	"peerflow/internal/driver"
	"peerflow/internal/peering"
)

// shutting is a router and a record with one session to shut.
type shutting struct {
	*record
	GuardStore
	ended string // what the record was told
}

func (s *shutting) BeginShutdown(context.Context, int64) (peering.ShutOrder, bool, error) {
	return peering.ShutOrder{SessionID: 5, RouterID: 1, Fence: 2}, true, nil
}

func (s *shutting) EndShutdown(_ context.Context, _ peering.ShutOrder, closed bool) error {
	s.ended = "over"
	if closed {
		s.ended = "closed"
	}
	return nil
}

// shutter is a fake router that also shuts sessions.
type shutter struct {
	*fakeRouter
	answer error
}

func (r shutter) Open(context.Context, driver.Target, driver.Secrets) (driver.Conn, error) {
	return r, r.refuse[1]
}

func (r shutter) ShutSession(context.Context, driver.Shutdown) error {
	if r.answer == nil {
		r.neighbors = nil
	}
	return r.answer
}

// Deployments wait for an order that may arrive yet, and for no other.
func TestWhatIsToldOfAnAttemptToShutASession(t *testing.T) {
	t.Parallel()
	away := peering.NewError(peering.Unavailable, "connection reset")
	for name, c := range map[string]struct {
		open, answer error
		told         string
	}{
		"it was shut":                         {nil, nil, "closed"},
		"the neighbor is gone":                {nil, peering.NewError(peering.NotFound, "no such neighbor"), "closed"},
		"no login: nothing was sent":          {away, nil, "over"},
		"the router answers with a refusal":   {nil, peering.Errorf(peering.Conflict, "%w", driver.ErrFenced), "over"},
		"the router answers with an error":    {nil, driver.ErrAnswered, "over"},
		"no answer: the order may arrive yet": {nil, away, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := &shutting{record: underWay()}
			s.router.refuse = map[int]error{1: c.open}
			router := shutter{s.router, c.answer}
			r := &Routers{Access: Access{Drivers: driver.NewRegistry(router), Intent: s.record}, Intent: s.record, Guards: s}
			if c.answer == nil {
				s.router.neighbors = []peering.Neighbor{{State: bgp.Established}}
			}
			var suite testsuite.WorkflowTestSuite
			env := suite.NewTestActivityEnvironment()
			env.RegisterActivity(r.ShutSession)
			_, err := env.ExecuteActivity(r.ShutSession, int64(5))
			if s.ended != c.told || (err == nil) != (c.told == "closed") {
				t.Errorf("the record was told %q, want %q; %v", s.ended, c.told, err)
			}
		})
	}
}

// leaking is a record with one guard, and a router that may or may not be written to.
type leaking struct {
	*polled
	guard  peering.ExportGuard
	mode   peering.RouterMode
	shut   bool // recorded as read shut
	queued int  // times that the router's queue was woken
}

func (l *leaking) OpenGuards(context.Context, int64) ([]peering.ExportGuard, error) {
	return []peering.ExportGuard{l.guard}, nil
}

func (l *leaking) DecideGuard(_ context.Context, g peering.ExportGuard, _ time.Time) (bool, error) {
	l.guard = g
	return true, nil
}

func (l *leaking) BreachedSessions(context.Context, int64) ([]int64, error) {
	if l.mode == peering.Manage && l.guard.State == peering.GuardBreached {
		return []int64{l.guard.SessionID}, nil
	}
	return nil, nil
}

func (l *leaking) NoteShut(context.Context, peering.ExportGuard) error {
	l.shut = true
	return nil
}

func (l *leaking) Enqueue(context.Context, int64, int64) error {
	l.queued++
	return nil
}

func (l *leaking) Propose(context.Context, peering.Change, peering.Deployment) error { return nil }
func (l *leaking) LookAgain(context.Context, int64, string) error                    { return nil }

func (l *leaking) Router(context.Context, int64) (peering.Router, error) {
	return peering.Router{Meta: peering.Meta{ID: 1}, Name: "edge1", Mode: l.mode}, nil
}

// A session in breach is shut by peerflow where it may write, and by a person elsewhere: a poll looks whether that was done.
func TestABreachIsShutByWhoMayWrite(t *testing.T) {
	t.Parallel()
	many := int64(900)
	open := peering.Neighbor{Address: netip.MustParseAddr("192.0.2.1"), State: bgp.Established, Families: []peering.FamilyState{{Family: bgp.IPv4, Announced: &many}}}
	down, closed := open, open
	down.State = bgp.Active
	closed.State, closed.AdminDown = bgp.Idle, true
	for name, c := range map[string]struct {
		mode      peering.RouterMode
		state     peering.GuardState
		neighbors []peering.Neighbor
		says      string
		queued    int
		shut      bool
	}{
		"manage: peerflow shuts it":            {peering.Manage, peering.GuardArmed, []peering.Neighbor{open}, "900", 1, false},
		"propose: a person is told":            {peering.Propose, peering.GuardArmed, []peering.Neighbor{open}, "shut it there by hand", 0, false},
		"propose: it is open still":            {peering.Propose, peering.GuardBreached, []peering.Neighbor{open}, "", 0, false},
		"propose: it is down, and comes again": {peering.Propose, peering.GuardBreached, []peering.Neighbor{down}, "", 0, false},
		"propose: it was shut":                 {peering.Propose, peering.GuardBreached, []peering.Neighbor{closed}, "", 0, true},
		"propose: it was taken off":            {peering.Propose, peering.GuardBreached, nil, "", 0, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			three := int64(3)
			l := &leaking{polled: &polled{record: underWay()}, mode: c.mode, guard: peering.ExportGuard{SessionID: 5, RouterID: 1, Neighbor: open.Key(), State: c.state,
				Finding: "announced 900", Expect: peering.ExpectedExport{Family: bgp.IPv4, Count: &three}}}
			if c.state == peering.GuardBreached {
				l.guard = l.guard.See(peering.LabProfile, open, nil, time.Unix(0, 0))
			}
			l.router.neighbors = c.neighbors
			r := &Routers{Access: Access{Drivers: driver.NewRegistry(l.router), Intent: l}, Intent: l, Guards: l, Observed: l, Queue: l,
				Now: time.Now, Profile: func(peering.Router) peering.Profile { return peering.LabProfile }}
			var suite testsuite.WorkflowTestSuite
			env := suite.NewTestActivityEnvironment()
			env.RegisterActivity(r.PollNeighbors)
			value, err := env.ExecuteActivity(r.PollNeighbors, int64(1))
			if err != nil {
				t.Fatal(err)
			}
			var result PollResult
			if err := value.Get(&result); err != nil {
				t.Fatal(err)
			}
			told := strings.Join(result.Breached, "\n")
			if (c.says == "") != (told == "") || !strings.Contains(told, c.says) || l.queued != c.queued || l.shut != c.shut {
				t.Errorf("told %q, queue woken %d times, recorded as shut: %t", told, l.queued, l.shut)
			}
		})
	}
}
