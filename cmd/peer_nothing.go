package cmd

import (
	"context"
	"fmt"
	"slices"

	"peerflow/api"
	"peerflow/internal/peering"
)

// nothingPlanned ends a command whose change had nothing to plan: well only if
// what was asked for is there already.
func (p *peerRun) nothingPlanned(ctx context.Context, change peering.Change) ([]api.SessionView, error) {
	standing, elsewhere, err := p.standing(ctx, change)
	if err != nil {
		return nil, err
	}
	if p.wait == "up" && elsewhere == 0 && len(standing) > 0 {
		standing, err = awaitUp(ctx, p.patience, func() (s []api.SessionView, err error) {
			s, elsewhere, err = p.standing(ctx, change)
			return s, err
		})
		if err != nil {
			return standing, err
		}
	}
	ShowSessions(p.show, standing)
	switch {
	case len(standing)+elsewhere == 0:
		p.show.line("no session was planned, and none is there: see why each was left out")
		return standing, ended{code: exitNotDeployed}
	case slices.ContainsFunc(standing, notOnRouter):
		p.show.line("a recorded session isn't on its router: peerflow router deploy brings it there")
		return standing, ended{code: exitNotDeployed}
	case elsewhere > 0:
		p.show.line("another change plans what is missing: peerflow change list --state awaiting_approval shows what waits for a decision")
		return standing, ended{code: exitWaiting}
	case slices.ContainsFunc(standing, deploys), p.wait == "up" && !allUp(standing):
		return standing, ended{code: exitWaiting}
	}
	return standing, nil
}

// standing are the recorded sessions that left the change nothing to do, and how
// many more some other open change is to make.
func (p *peerRun) standing(ctx context.Context, change peering.Change) (there []api.SessionView, elsewhere int, err error) {
	var addresses []string
	for _, o := range change.Omissions {
		if o.Code == peering.OmitExists && !slices.Contains(addresses, o.PeerAddress) {
			addresses = append(addresses, o.PeerAddress)
		}
	}
	if len(addresses) == 0 {
		return nil, 0, nil
	}
	recorded, err := p.client.Sessions(ctx, "asn", fmt.Sprint(p.wish.ASN))
	for _, address := range addresses {
		at := len(there)
		for _, s := range recorded {
			if s.PeerAddress.String() == address {
				there = append(there, s)
			}
		}
		if len(there) == at {
			elsewhere++
		}
	}
	return there, elsewhere, err
}

func notOnRouter(s api.SessionView) bool { return s.Sync == peering.NotDeployed }

func deploys(s api.SessionView) bool { return s.Sync == peering.Deploying }
