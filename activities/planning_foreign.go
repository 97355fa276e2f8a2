package activities

import (
	"context"
	"errors"
	"slices"

	"peerflow/internal/peering"
)

// foreignError refuses to plan sessions whose neighbors a router has by somebody
// else's hand.
type foreignError struct {
	omitted map[int64]peering.Omission // by the session that would take it over
	err     error
}

func (e *foreignError) Error() string { return e.err.Error() }
func (e *foreignError) Unwrap() error { return e.err }

// foreign finds sessions that would take over what somebody else configured; nil
// when there are none.
func foreign(router string, desired peering.Desired, touched []peering.TouchedSession, taken []peering.Neighbor) error {
	if len(taken) == 0 {
		return nil
	}
	e := &foreignError{omitted: map[int64]peering.Omission{}, err: peering.TakeOverError(taken)}
	for _, n := range taken {
		i := slices.IndexFunc(touched, func(t peering.TouchedSession) bool { return t.Key() == n.Key() })
		s := desired.Sessions[touched[i].SessionID]
		e.omitted[s.ID] = peering.Foreign(router, n, s, desired.IXPs[desired.Connections[s.ConnectionID].IXPID])
	}
	return e
}

// planWithoutForeign plans a router. What a provisioning would take over leaves
// the change, and the other sessions go on; any other change is refused.
func (p *Planning) planWithoutForeign(ctx context.Context, r *reached, router peering.Router) (peering.RouterPlan, []string, []string, error) {
	for {
		part, texts, pending, err := p.planRouter(ctx, r.change, router, r.ops)
		var found *foreignError
		if r.change.Kind != peering.KindProvision || !errors.As(err, &found) {
			return part, texts, pending, err
		}
		before := len(r.ops)
		if err := p.leaveOut(ctx, r, found.omitted); err != nil {
			return part, nil, nil, err
		}
		if len(r.ops) == before { // it isn't this change that would make them
			return part, nil, nil, err
		}
	}
}

func (p *Planning) leaveOut(ctx context.Context, r *reached, omitted map[int64]peering.Omission) (err error) {
	if err = p.Changes.LeaveOut(ctx, r.change.ID, omitted); err != nil {
		return err
	}
	if r.change, err = p.Changes.Change(ctx, r.change.ID); err != nil {
		return err
	}
	if r.ops, err = p.Changes.Overlay(ctx, r.change.ID); err != nil || len(r.ops) > 0 {
		return err
	}
	return peering.ForeignLeft(r.change.Omissions)
}
