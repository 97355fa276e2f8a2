package activities

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"peerflow/internal/driver"
	"peerflow/internal/peering"
)

// doubted keeps what becomes of one deployment; everything else of the store is missing.
type doubted struct {
	DeploymentStore
	dep peering.Deployment
	now time.Time // of the database
}

func (s *doubted) DatabaseTime(context.Context) (time.Time, error) { return s.now, nil }

func (s *doubted) Deployment(context.Context, int64) (peering.Deployment, error) { return s.dep, nil }

func (s *doubted) MarkUnknown(_ context.Context, _ int64, unread string) error {
	s.dep.State, s.dep.Unread = peering.DeploymentUnknown, unread
	return nil
}

func (s *doubted) EndDeployment(_ context.Context, _ int64, e DeploymentEnd) error {
	if e.Stanzas != nil {
		return errors.New("a router that wasn't read proves nothing absent")
	}
	if err := s.dep.State.To(e.State); err != nil {
		return err
	}
	s.dep.State, s.dep.Outcome = e.State, e.Outcome
	return nil
}

// Past its deadline a deployment waits for nobody but a router that can't be reached.
func TestARouterThatCannotBeReadIsAPersonsOnceTheDeadlineIsOver(t *testing.T) {
	t.Parallel()
	deadline := time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)
	login := fmt.Errorf("open router edge1: %w", driver.ErrLogin)
	gone := fmt.Errorf("open router edge1: %w", driver.ErrUnreachable)
	answered := fmt.Errorf("read router edge1: %w: Internal", driver.ErrAnswered)
	cases := map[string]struct {
		after time.Duration // the deadline
		err   error
		sent  bool
		state peering.DeploymentState // of the record
		ends  peering.DeploymentState // as the next step; "" to be tried again
	}{
		"unreadable before the deadline is unknown":     {-time.Second, login, true, peering.DeploymentUnknown, ""},
		"unreadable just after it is tried again":       {5 * time.Second, login, true, peering.DeploymentUnknown, ""},
		"unreadable within the minute is a person's":    {30 * time.Second, login, true, peering.DeploymentNeedsOperator, peering.DeploymentNeedsOperator},
		"answering with errors is a person's":           {30 * time.Second, answered, true, peering.DeploymentNeedsOperator, peering.DeploymentNeedsOperator},
		"out of reach stays unknown":                    {time.Hour, gone, true, peering.DeploymentUnknown, ""},
		"a step that ran out of time says nothing":      {time.Hour, context.DeadlineExceeded, true, peering.DeploymentUnknown, ""},
		"never sent, before the deadline: tried again":  {-time.Second, gone, false, peering.DeploymentCommitting, ""},
		"never sent, out of reach: nothing was written": {30 * time.Second, gone, false, peering.DeploymentCommitting, peering.DeploymentFailed},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := &doubted{now: deadline.Add(c.after), dep: peering.Deployment{ID: 7, ChangeID: 3, Router: "edge1", State: peering.DeploymentCommitting, Deadline: deadline}}
			if c.sent {
				s.dep.CommitSentAt = deadline.Add(-time.Minute)
			}
			d := &Deploying{Deployments: s, Now: func() time.Time { return deadline.Add(-c.after) }}
			next, err := d.unread(t.Context(), s.dep, c.err)
			if (err == nil) != (c.ends != "") || next.State != c.ends || s.dep.State != c.state {
				t.Errorf("next %+v, %v; recorded %s (%s)", next, err, s.dep.State, s.dep.Outcome)
			}
			if c.state == peering.DeploymentUnknown && s.dep.Unread == "" {
				t.Error("the record doesn't say what stands in the way")
			}
		})
	}
}
