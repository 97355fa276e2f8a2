package activities

import (
	"context"
	"time"

	"peerflow/internal/driver"
	"peerflow/internal/peering"
)

// SoakDeployment watches the router between commit and confirm, and stores a
// verdict with every sample. It ends as soon as the next step isn't to watch.
// A restarted one compares with the stored baseline, and goes on with what the
// stored verdict remembers of earlier samples.
func (d *Deploying) SoakDeployment(ctx context.Context, id int64) (peering.Next, error) {
	return d.watch(ctx, id, d.look)
}

// watch samples a router as long as what look answers is to go on with that.
func (d *Deploying) watch(ctx context.Context, id int64, look func(context.Context, at) (peering.Next, peering.Running, error)) (peering.Next, error) {
	a, err := d.open(ctx, id)
	if err != nil {
		return peering.Next{}, fail(err)
	}
	defer a.close()
	s := soak{Deploying: d, at: a, management: d.freshLogin(ctx, a)}
	for {
		next, running, err := look(ctx, a)
		if err != nil || next.Step != peering.StepSoak {
			return next, fail(err)
		}
		verdict, err := s.sample(ctx, running)
		if err != nil {
			return peering.Next{}, fail(err)
		}
		if verdict.Outcome != peering.CheckPending {
			next, _, err = look(ctx, a)
			return next, fail(err)
		}
		if err := pause(ctx, a.profile.Sample); err != nil {
			return peering.Next{}, err
		}
	}
}

// logins is how often a fresh login is tried before it counts as broken.
const logins = 3

// freshLogin logs in a second time and asks for something.
func (d *Deploying) freshLogin(ctx context.Context, a at) (err error) {
	for try := range logins {
		if try > 0 {
			if paused := pause(ctx, a.profile.Sample); paused != nil {
				return paused
			}
		}
		if err = d.logIn(ctx, a.router); err == nil {
			return nil
		}
	}
	return err
}

func (d *Deploying) logIn(ctx context.Context, r peering.Router) error {
	second, err := d.Access.open(ctx, r)
	if err != nil {
		return err
	}
	defer second.close()
	_, err = second.neighbors(ctx)
	return err
}

// soak is one deployment's watch by one worker.
type soak struct {
	*Deploying
	at
	management error
	counts     map[peering.NeighborKey][]peering.ExportCount
	counted    time.Time // when counts were taken
}

// sample judges the router as it is now. What touched sessions are announced is
// counted now and then, and once more before anything passes.
func (s *soak) sample(ctx context.Context, running peering.Running) (peering.Verdict, error) {
	dep, err := s.Deployments.Deployment(ctx, s.dep.ID)
	if err != nil {
		return peering.Verdict{}, err
	}
	neighbors, err := s.neighbors(ctx)
	if err != nil {
		return peering.Verdict{}, err
	}
	seen := peering.Observation{Neighbors: neighbors, Management: s.management, Now: s.Now()}
	seen.Elapsed = elapsed(dep, running)
	if dep.Verdict != nil {
		seen.Earlier = dep.Verdict.Watch
	}
	fresh := s.counted.IsZero() || seen.Now.Sub(s.counted).Abs() >= s.profile.CountEvery
	for {
		if fresh {
			if err := s.count(ctx, neighbors); err != nil {
				return peering.Verdict{}, err
			}
		}
		seen.Exports = s.counts
		verdict := peering.Judge(s.profile, s.plan.Touched, *dep.Baseline, seen)
		if fresh || verdict.Outcome != peering.CheckPassed {
			return verdict, s.Deployments.StoreVerdict(ctx, dep.ID, dep.CommittedAt, verdict)
		}
		fresh = true
	}
}

// elapsed is how long before it was read the router took the commit: by the
// database's clock, and by its own rollback timer where it tells. The shorter one
// counts, so that a clock which jumps ends no soak early.
func elapsed(d peering.Deployment, running peering.Running) time.Duration {
	at := d.CommittedAt // when the router was first read running the artifact
	if at.IsZero() {
		at = d.CommitSentAt
	}
	passed := running.ReadAt.Sub(at)
	if running.Pending != nil && running.Pending.Remaining > 0 {
		passed = min(passed, d.Timer-running.Pending.Remaining)
	}
	return passed
}

// count asks what each touched session is announced, or would be. Sessions
// beyond a count's time budget, and those that the router can't count, are not
// checked.
func (s *soak) count(ctx context.Context, neighbors []peering.Neighbor) error {
	s.counts, s.counted = map[peering.NeighborKey][]peering.ExportCount{}, s.Now()
	counter, can := s.conn.(driver.ExportCounter)
	if !can {
		return nil
	}
	down := map[peering.NeighborKey]bool{}
	for _, n := range neighbors {
		down[n.Key()] = n.AdminDown
	}
	for _, t := range s.plan.Touched {
		if shut, listed := down[t.Key()]; t.Removed || shut || !listed || s.Now().Sub(s.counted) > s.profile.CountEvery {
			continue
		}
		counts, err := counter.CountExport(ctx, t.Key())
		if peering.KindOf(err) == peering.Unavailable || ctx.Err() != nil {
			return err
		}
		if err == nil {
			s.counts[t.Key()] = counts
		}
	}
	return nil
}
