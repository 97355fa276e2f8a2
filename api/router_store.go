package api

import (
	"context"
	"encoding/json"
	"slices"

	"peerflow/internal/peering"
)

// routerStore keeps a router from mode manage with a driver that was never tried on
// anything, unless the record says that somebody accepts that. Writing to the
// router rests on the record, whichever way it was written: this is the early word.
type routerStore struct {
	Store[peering.Router]
	server *server
}

func (s routerStore) Create(ctx context.Context, by peering.Actor, v peering.Router) (peering.Router, error) {
	if err := s.proven(ctx, v); err != nil {
		return v, err
	}
	return s.Store.Create(ctx, by, v)
}

func (s routerStore) Patch(ctx context.Context, by peering.Actor, id, version int64, patch json.RawMessage) (peering.Router, error) {
	v, err := s.Get(ctx, id)
	if err != nil {
		return v, err
	}
	if json.Unmarshal(patch, &v) == nil { // a patch that doesn't fit is refused where it is applied
		if err := s.proven(ctx, v); err != nil {
			return v, err
		}
	}
	return s.Store.Patch(ctx, by, id, version, patch)
}

func (s routerStore) proven(ctx context.Context, r peering.Router) error {
	if r.Mode != peering.Manage || r.AcceptUnproven || r.PlatformID == 0 {
		return nil
	}
	platform, err := s.server.Nouns.Platforms.Get(ctx, r.PlatformID)
	if err != nil {
		return err
	}
	i := slices.IndexFunc(s.server.Drivers, func(d DriverView) bool { return d.Name == platform.Driver && d.Proof == unproven })
	if i < 0 {
		return nil
	}
	return peering.Errorf(peering.Conflict, "router %s: driver %s is %s: %s; mode manage writes with it only where accept_unproven says so (peerflow router mode %s manage --unproven)",
		r.Name, platform.Driver, unproven, s.server.Drivers[i].Text, r.Name)
}

// unproven is the proof level of a driver that was never tried.
const unproven = "unproven"
