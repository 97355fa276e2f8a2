package activities

import (
	"context"
	"slices"
	"time"

	"go.temporal.io/sdk/activity"

	"peerflow/internal/peering"
)

// Deploying brings one deployment to its end on one router. Every method takes
// a deployment's id and nothing else, reads the record and the router, does at
// most one writing step, and answers what comes next by peering.NextStep.
type Deploying struct {
	Access      Access
	Intent      IntentStore
	Changes     ChangeStore
	Plans       PlanStore
	Votes       VoteStore
	Deployments DeploymentStore
	Observed    ObservationStore
	Now         func() time.Time
	// Room tells why the disk under the database is too full for new commits; nil
	// where the database is on another machine.
	Room    func() error
	Profile func(peering.Router) peering.Profile // numbers of verification: peering.ProfileFor
}

// at is a deployment with its router open.
type at struct {
	device
	dep     peering.Deployment
	plan    peering.RouterPlan
	profile peering.Profile
	known   []peering.SecretRef
	rest    func() // ends the heartbeat
}

func (a at) close() {
	a.rest()
	a.device.close()
}

func (d *Deploying) load(ctx context.Context, id int64) (peering.Deployment, peering.RouterPlan, peering.Router, error) {
	dep, err := d.Deployments.Deployment(ctx, id)
	if err != nil {
		return dep, peering.RouterPlan{}, peering.Router{}, err
	}
	plan, err := d.Plans.Plan(ctx, dep.PlanID)
	if err != nil {
		return dep, peering.RouterPlan{}, peering.Router{}, err
	}
	i := slices.IndexFunc(plan.Routers, func(r peering.RouterPlan) bool { return r.RouterID == dep.RouterID })
	if i < 0 {
		return dep, peering.RouterPlan{}, peering.Router{}, peering.Errorf(peering.Invalid, "plan %d has no part on router %s", plan.ID, dep.Router)
	}
	router, err := d.Intent.Router(ctx, dep.RouterID)
	return dep, plan.Routers[i], router, err
}

func (d *Deploying) open(ctx context.Context, id int64) (at, error) {
	dep, plan, router, err := d.load(ctx, id)
	if err != nil {
		return at{}, err
	}
	known, err := d.secrets(ctx, dep, plan)
	if err != nil {
		return at{}, err
	}
	if dep.Mode == peering.Propose { // whatever mode the router is in meanwhile
		router.Mode = peering.Propose
	}
	rest := beat(ctx)
	dev, err := d.Access.open(ctx, router)
	if err != nil {
		rest()
		return at{}, err
	}
	return at{device: dev, dep: dep, plan: plan, profile: d.Profile(router), known: known, rest: rest}, nil
}

// heartbeat is how often a step says that its worker lives.
const heartbeat = 2 * time.Second

// beat says so until the returned function is called: a step may wait long for
// a router, and a worker that died must be replaced well inside the rollback timer.
func beat(ctx context.Context) (rest func()) {
	ctx, cancel := context.WithCancel(ctx)
	go func() {
		tick := time.NewTicker(heartbeat)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
				activity.RecordHeartbeat(ctx)
			}
		}
	}()
	return cancel
}

// secrets lists the references that may stand on the router: those of the
// artifact shown, of the base, and of the plan's stanzas. No other id is ever resolved.
func (d *Deploying) secrets(ctx context.Context, dep peering.Deployment, plan peering.RouterPlan) ([]peering.SecretRef, error) {
	hashes := []string{plan.ArtifactHash, plan.BaseHash}
	if dep.ArtifactHash != "" {
		hashes = append(hashes, dep.ArtifactHash, dep.BaseHash)
	}
	texts, err := d.Plans.Texts(ctx, hashes)
	if err != nil {
		return nil, err
	}
	var refs []peering.SecretRef
	for _, text := range texts {
		found, err := peering.SecretRefs(text)
		if err != nil {
			return nil, err
		}
		refs = append(refs, found...)
	}
	return refs, nil
}

// DecideDeployment reads record and router and answers what comes next. A router that
// can't be read leaves the deployment unknown, and is an error worth retrying.
func (d *Deploying) DecideDeployment(ctx context.Context, id int64) (peering.Next, error) {
	dep, err := d.Deployments.Deployment(ctx, id)
	if err == nil {
		err = ledBy(dep, false)
	}
	if err != nil {
		return peering.Next{}, fail(err)
	}
	if dep.State.Ended() || dep.State == peering.DeploymentQueued || dep.State == peering.DeploymentNeedsOperator {
		return peering.NextStep(dep, peering.Read{}, peering.Profile{}, false), nil
	}
	a, err := d.open(ctx, id)
	if err != nil {
		return d.unread(ctx, dep, err)
	}
	defer a.close()
	next, err := d.next(ctx, a)
	if err != nil {
		return d.unread(ctx, dep, err)
	}
	return next, nil
}

// next reads the router for an open deployment and decides.
func (d *Deploying) next(ctx context.Context, a at) (peering.Next, error) {
	next, _, err := d.look(ctx, a)
	return next, err
}

// sight is a deployment as recorded, and its router as read right after.
type sight struct {
	dep     peering.Deployment
	read    peering.Read
	running peering.Running
}

// see reads record and router, at a time of the database.
func (d *Deploying) see(ctx context.Context, a at) (s sight, err error) {
	if s.dep, err = d.Deployments.Deployment(ctx, a.dep.ID); err != nil {
		return s, err
	}
	clock, err := d.clock(ctx)
	if err != nil {
		return s, err
	}
	if s.read, s.running, err = a.locate(ctx, s.dep, a.known); err != nil {
		return s, err
	}
	s.running.ReadAt = clock.at(s.running.ReadAt)
	s.read.At, s.read.Late = s.running.ReadAt, clock.late()
	return s, nil
}

// look is next with what was read.
func (d *Deploying) look(ctx context.Context, a at) (peering.Next, peering.Running, error) {
	s, err := d.see(ctx, a)
	if err != nil {
		return peering.Next{}, s.running, err
	}
	if s.read.Where == peering.AtPending && s.dep.State != peering.DeploymentSoaking {
		if err := d.Deployments.MarkCommitted(ctx, s.dep.ID, s.running.Generation, s.read.At.Add(s.read.Late)); err != nil {
			return peering.Next{}, s.running, err
		}
		s.dep.State = peering.DeploymentSoaking
	}
	ordered, err := d.rollBackOrdered(ctx, s.dep)
	if err != nil {
		return peering.Next{}, s.running, err
	}
	return peering.NextStep(s.dep, s.read, a.profile, ordered), s.running, nil
}

func (d *Deploying) rollBackOrdered(ctx context.Context, dep peering.Deployment) (bool, error) {
	commands, err := d.Votes.LatestCommands(ctx, dep.ChangeID)
	if err != nil {
		return false, err
	}
	return slices.ContainsFunc(commands, func(c Command) bool { return c.Kind == peering.CommandRollBack }), nil
}

// pause waits, or ends with ctx.
func pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}
