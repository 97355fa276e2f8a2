package activities

import (
	"context"
	"net/netip"

	"go.temporal.io/sdk/activity"

	"peerflow/internal/peering"
)

// standing reads what a router runs of ours and tells by peer address which
// sessions aren't as they were last deployed. What runs as it is recorded is no
// drift, whoever wrote it; only where something differs is the record loaded and rendered.
func (r *Routers) standing(ctx context.Context, dev device, basis peering.SyncBasis) (map[netip.Addr]peering.SyncEvent, error) {
	known, err := peering.SecretRefs(basis.Artifact)
	if err != nil {
		return nil, err
	}
	read, err := dev.owned(ctx, known)
	if err != nil || read.Pending != nil { // somebody is at it: the next poll tells
		return nil, err
	}
	running, err := peering.StanzaMap(read.Stanzas)
	if err != nil {
		return nil, err
	}
	cut, err := dev.platform.Syntax().Split(basis.Artifact)
	if err != nil {
		return nil, err
	}
	deployed, err := peering.StanzaMap(cut)
	if err != nil {
		return nil, err
	}
	moves := basis.Moved(running)
	if len(moves) > 0 {
		recorded, err := r.recorded(ctx, dev)
		if err != nil {
			activity.GetLogger(ctx).Warn("what is recorded can't be rendered: whatever wasn't deployed counts as drift", "router", dev.router.Name, "error", err)
		} else {
			moves = peering.Unrecorded(moves, recorded)
		}
	}
	return peering.SyncRead(deployed, running, moves, basis.Proposed), nil
}

// recorded is what is to run on a router by its record.
func (r *Routers) recorded(ctx context.Context, dev device) (map[string]peering.Stanza, error) {
	desired, err := r.Intent.Desired(ctx, dev.router.ID)
	if err != nil {
		return nil, err
	}
	return stanzas(ctx, dev, desired)
}
