package activities

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"time"

	"go.temporal.io/sdk/activity"

	"peerflow/internal/driver"
	"peerflow/internal/peering"
)

// GuardStore keeps the export guards of sessions that weren't up when their
// deployment was verified; every method is one transaction.
type GuardStore interface {
	// OpenGuards lists a router's guards that still watch; none while a deployment is under way there.
	OpenGuards(ctx context.Context, routerID int64) ([]peering.ExportGuard, error)
	// DecideGuard records what a poll made of a guard; false when it no longer counts.
	// A breach also records the session as shut down and held.
	DecideGuard(ctx context.Context, g peering.ExportGuard, at time.Time) (bool, error)
	// BreachedSessions lists the sessions of a router that peerflow has to shut: none where it may not write.
	BreachedSessions(ctx context.Context, routerID int64) ([]int64, error)
	// BeginShutdown takes a token to shut a session; false when there is nothing to
	// shut any more, a conflict while a deployment is under way on the router. None
	// begins there until EndShutdown, or for peering.ShutLease.
	BeginShutdown(ctx context.Context, sessionID int64) (peering.ShutOrder, bool, error)
	// EndShutdown ends an attempt that writes nothing any more, and records whether
	// the session was read closed on its router.
	EndShutdown(ctx context.Context, order peering.ShutOrder, closed bool) error
	// NoteShut records that a session which a person had to shut was read shut.
	NoteShut(ctx context.Context, g peering.ExportGuard) error
}

// look is one look at a router: its neighbors, what those under guard are
// announced, and how sessions stand to what it runs.
type look struct {
	router    peering.Router
	profile   peering.Profile
	neighbors []peering.Neighbor
	guards    []peering.ExportGuard
	exports   map[peering.NeighborKey][]peering.ExportCount // those that a look had the time to count
	uncounted map[peering.NeighborKey]bool                  // those that it hadn't: they may be in breach, and don't pass
	basis     peering.SyncBasis
	standing  map[netip.Addr]peering.SyncEvent // nil when it wasn't read
}

// look reads the guards first: one that is armed later isn't judged by counters of before.
func (r *Routers) look(ctx context.Context, routerID int64) (seen look, err error) {
	if seen.guards, err = r.Guards.OpenGuards(ctx, routerID); err != nil {
		return seen, err
	}
	if seen.basis, err = r.Observed.SyncBasis(ctx, routerID); err != nil {
		return seen, err
	}
	dev, err := r.open(ctx, routerID)
	if err != nil {
		return seen, err
	}
	defer dev.close()
	seen.router, seen.profile = dev.router, r.Profile(dev.router)
	if seen.neighbors, err = dev.neighbors(ctx); err != nil {
		return seen, err
	}
	if seen.basis.Due {
		limited, cancel := context.WithTimeout(ctx, standFor)
		seen.standing, err = r.standing(limited, dev, seen.basis)
		cancel()
		if err != nil {
			activity.GetLogger(ctx).Warn("what it runs of ours can't be read: whether sessions drifted isn't known", "router", routerID, "error", err)
		}
	}
	r.count(ctx, dev, &seen)
	return seen, nil
}

// standFor is how long one look may take to tell how sessions stand to their router:
// what it saw of neighbors and guards must be recorded whatever comes of that.
const standFor = 10 * time.Second

// countFor is how long one look may count exports: a poll of a router with many
// sessions that just came up must end before the next one is due.
const countFor = 3 * time.Second

// count counts what sessions under guard are announced, as far as its time goes.
// Each look begins at another one, so that all have their turn.
func (r *Routers) count(ctx context.Context, dev device, seen *look) {
	seen.exports, seen.uncounted = map[peering.NeighborKey][]peering.ExportCount{}, map[peering.NeighborKey]bool{}
	counter, can := dev.conn.(driver.ExportCounter)
	if !can || len(seen.guards) == 0 {
		return
	}
	limited, cancel := context.WithTimeout(ctx, countFor)
	defer cancel()
	first := int(r.Now().Unix()) % len(seen.guards)
	for _, g := range slices.Concat(seen.guards[first:], seen.guards[:first]) {
		_, counted := seen.exports[g.Neighbor]
		if n, up := neighborAt(seen.neighbors, g.Neighbor); counted || !up || !n.Established() {
			continue
		}
		counts, err := counter.CountExport(limited, g.Neighbor)
		if limited.Err() != nil {
			seen.uncounted[g.Neighbor] = true
			continue
		}
		if err != nil {
			activity.GetLogger(ctx).Warn("exports can't be counted; the router's own counter has to do", "router", dev.router.Name, "neighbor", g.Neighbor.String(), "error", err)
		}
		seen.exports[g.Neighbor] = counts
	}
}

func neighborAt(all []peering.Neighbor, key peering.NeighborKey) (peering.Neighbor, bool) {
	for _, n := range all {
		if n.Key() == key {
			return n, true
		}
	}
	return peering.Neighbor{}, false
}

// guard holds the sessions that came up since their deployment to what they are
// expected to be announced, and has the router's queue shut those in breach. Where
// peerflow may not write a person shuts them, and it looks whether that was done.
func (r *Routers) guard(ctx context.Context, routerID int64, seen look, at time.Time) (breached []string, err error) {
	for _, g := range seen.guards {
		n, listed := neighborAt(seen.neighbors, g.Neighbor)
		if g.State == peering.GuardBreached && seen.router.Mode != peering.Manage && peering.SeenShut(n, listed) {
			if err := r.Guards.NoteShut(ctx, g); err != nil {
				return breached, err
			}
			continue
		}
		if !listed {
			continue
		}
		now := g.See(seen.profile, n, seen.exports[g.Neighbor], at)
		if seen.uncounted[g.Neighbor] && now.State == peering.GuardPassed { // the router's own counter finds a breach; only counting finds that there is none
			now.State = g.State
		}
		if now == g {
			continue
		}
		counts, err := r.Guards.DecideGuard(ctx, now, at)
		if err != nil {
			return breached, err
		}
		if counts && now.State == peering.GuardBreached && g.State != peering.GuardBreached {
			text := fmt.Sprintf("%s: %s", g.Neighbor, now.Finding)
			if seen.router.Mode != peering.Manage {
				text += "; " + peering.ShutByHand(seen.router.Name, seen.router.Mode, g.SessionID)
			}
			breached = append(breached, text)
		}
	}
	due, err := r.Guards.BreachedSessions(ctx, routerID)
	if err != nil || len(due) == 0 {
		return breached, err
	}
	return breached, r.Queue.Enqueue(ctx, routerID, 0)
}

// ShutSession closes one session in breach of its export guard on its router, and
// reads that it is closed. Idempotent: one that is closed, or that nothing has to
// be shut on any more, stays as it is.
func (r *Routers) ShutSession(ctx context.Context, sessionID int64) error {
	limited, cancel := context.WithTimeout(ctx, peering.ShutWithin)
	defer cancel()
	order, due, err := r.Guards.BeginShutdown(limited, sessionID)
	if err != nil || !due {
		return fail(err)
	}
	rest := beat(ctx)
	defer rest()
	inDoubt, err := r.shut(limited, order)
	if !inDoubt {
		err = errors.Join(err, r.Guards.EndShutdown(ctx, order, err == nil))
	}
	return fail(err)
}

// shut closes a session on its router. In doubt is an order that may arrive yet:
// the router didn't answer it.
func (r *Routers) shut(ctx context.Context, order peering.ShutOrder) (inDoubt bool, err error) {
	dev, err := r.open(ctx, order.RouterID)
	if err != nil {
		return false, err
	}
	defer dev.close()
	shutter, err := driver.Can[driver.SessionShutter](dev.platform, dev.conn)
	if err != nil {
		return false, err
	}
	writing, cancel := context.WithTimeout(ctx, writeDeadline)
	defer cancel()
	err = shutter.ShutSession(writing, driver.Shutdown{Neighbor: order.Neighbor, Fence: order.Fence})
	if err != nil && peering.KindOf(err) != peering.NotFound { // a neighbor that is gone is closed
		away := writing.Err() != nil || peering.KindOf(err) == peering.Unavailable && !errors.Is(err, driver.ErrAnswered)
		return away, fmt.Errorf("shut session %d with %s on router %s: %w", order.SessionID, order.Neighbor, dev.router.Name, err)
	}
	return false, readClosed(writing, dev, order.Neighbor)
}

// readClosed reads until the session isn't Established: an "ok" proves nothing.
func readClosed(ctx context.Context, dev device, key peering.NeighborKey) error {
	for {
		neighbors, err := dev.neighbors(ctx)
		if err != nil {
			return err
		}
		if n, listed := neighborAt(neighbors, key); !listed || !n.Established() {
			return nil
		}
		if err := pause(ctx, 200*time.Millisecond); err != nil {
			return peering.Errorf(peering.Unavailable, "router %s took the order to shut %s, and the session is still Established", dev.router.Name, key)
		}
	}
}
