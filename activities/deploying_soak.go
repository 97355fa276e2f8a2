package activities

import (
	"context"
	"time"

	"peerflow/internal/peering"
)

// SoakDeployment watches the router between commit and confirm, and stores a
// verdict with every sample. It ends as soon as the next step isn't to watch.
// A restarted one compares with the stored baseline.
func (d *Deploying) SoakDeployment(ctx context.Context, id int64) (peering.Next, error) {
	a, err := d.open(ctx, id)
	if err != nil {
		return peering.Next{}, fail(err)
	}
	defer a.close()
	management := d.freshLogin(ctx, a)
	stable := stability{since: d.Now()}
	for {
		next, err := d.next(ctx, a)
		if err != nil || next.Step != peering.StepSoak {
			return next, fail(err)
		}
		verdict, err := d.sample(ctx, a, management, &stable)
		if err != nil {
			return peering.Next{}, fail(err)
		}
		if verdict.Outcome != peering.CheckPending {
			return d.nextOrFail(ctx, a)
		}
		if err := pause(ctx, a.profile.Sample); err != nil {
			return peering.Next{}, err
		}
	}
}

func (d *Deploying) freshLogin(ctx context.Context, a at) error {
	second, err := d.Access.open(ctx, a.router)
	if err != nil {
		return err
	}
	defer second.close()
	_, err = second.neighbors(ctx)
	return err
}

func (d *Deploying) sample(ctx context.Context, a at, management error, stable *stability) (peering.Verdict, error) {
	dep, err := d.Deployments.Deployment(ctx, a.dep.ID)
	if err != nil {
		return peering.Verdict{}, err
	}
	neighbors, err := a.neighbors(ctx)
	if err != nil {
		return peering.Verdict{}, err
	}
	now := d.Now()
	stable.see(neighbors, now)
	verdict := peering.Judge(a.profile, a.plan.Touched, *dep.Baseline, peering.Observation{
		Neighbors: neighbors, Management: management, CommittedAt: committed(dep), Now: now, StableSince: stable.since,
	})
	return verdict, d.Deployments.StoreVerdict(ctx, dep.ID, verdict)
}

// committed is when the router was first read running the artifact: the soak
// counts from there. Until that is recorded it is when the commit was sent.
func committed(d peering.Deployment) time.Time {
	if d.CommittedAt.IsZero() {
		return d.CommitSentAt
	}
	return d.CommittedAt
}

// stability notes when the router's accepted counters last moved.
type stability struct {
	total int64
	since time.Time
}

func (s *stability) see(neighbors []peering.Neighbor, now time.Time) {
	var total int64
	for _, n := range neighbors {
		for _, f := range n.Families {
			if f.Accepted != nil {
				total += *f.Accepted
			}
		}
	}
	if total != s.total {
		s.total, s.since = total, now
	}
}
