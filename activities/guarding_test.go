package activities

import (
	"context"
	"testing"

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
