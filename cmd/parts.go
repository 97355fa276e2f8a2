package cmd

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"go.temporal.io/sdk/client"

	"peerflow/activities"
	"peerflow/db"
	"peerflow/internal/peering"
	"peerflow/internal/peeringdb"
	"peerflow/internal/render"
	"peerflow/internal/secret"
	"peerflow/worker"
	"peerflow/workflows"
)

// Parts are the concrete database, Temporal client and outside services that
// commands share.
type Parts struct {
	Config    Config
	DB        *db.DB
	Temporal  client.Client
	Workflows workflows.Client
	Mirror    *peeringdb.Syncer
	Log       *slog.Logger
	Profile   func(peering.Router) peering.Profile // numbers of verification
	Room      func() error                         // why the database's disk is too full for new commits; nil: not known here
	Wire      func(worker.Activities)              // changes how activities are wired before the worker is built; nil leaves them

	owed owed // what the relay has to tell
}

// OpenDatabase connects to the database alone, with the key of its secrets, which
// has to be there: MigrateDatabase makes it.
func OpenDatabase(ctx context.Context, c Config, maxConns int32) (*db.DB, error) {
	options := db.Options{MaxConns: maxConns, LocalApproval: c.LocalApproval, Needs: render.Needs}
	if c.KeyFile != "" {
		keeper, err := secret.OpenFile(c.KeyFile, false)
		if err != nil {
			return nil, err
		}
		options.Keeper = keeper
	}
	return db.Open(ctx, c.DatabaseURL, options)
}

// MigrateDatabase brings the schema to this build's. It makes the envelope key
// where there is none, but only while no secret is stored: a new key opens none
// of those that another one sealed.
func MigrateDatabase(ctx context.Context, c Config) error {
	database, err := db.Open(ctx, c.DatabaseURL, db.Options{MaxConns: 2})
	if err != nil {
		return err
	}
	defer database.Close()
	if err := database.Migrate(ctx); err != nil || c.KeyFile == "" {
		return err
	}
	sealed, err := database.HoldsSecrets(ctx)
	if err != nil {
		return err
	}
	_, err = secret.OpenFile(c.KeyFile, !sealed)
	return err
}

// OpenParts connects to everything that c names. The caller closes it.
func OpenParts(ctx context.Context, c Config, log *slog.Logger) (*Parts, error) {
	database, err := OpenDatabase(ctx, c, 0)
	if err != nil {
		return nil, err
	}
	if err := database.CheckSchema(ctx); err != nil {
		database.Close()
		return nil, err
	}
	temporal, err := dialTemporal(ctx, c, log)
	if err != nil {
		database.Close()
		return nil, err
	}
	source := &peeringdb.Client{BaseURL: c.PeeringDBURL, APIKey: c.PeeringDBKey}
	return &Parts{
		Config: c, DB: database, Temporal: temporal, Workflows: workflows.Client{Temporal: temporal, Routers: database}, Log: log, Profile: peering.ProfileFor,
		Mirror: peeringdb.NewSyncer(source, db.NewPeeringDBMirror(database.Pool())),
	}, nil
}

// Close ends the connections.
func (p *Parts) Close() {
	p.Temporal.Close()
	p.DB.Close()
}

// Workers builds the workers of this process.
func (p *Parts) Workers() *worker.Workers {
	sites := p.DB.SiteSlugs
	if len(p.Config.Sites) > 0 {
		sites = func(context.Context) ([]string, error) { return p.Config.Sites, nil }
	}
	return worker.NewWorkers(p.Temporal, p.Activities(), sites, p.Log)
}

// Activities wires every activity to the real thing.
func (p *Parts) Activities() worker.Activities {
	access := activities.Access{Drivers: Drivers(), Secrets: p.DB, Intent: p.DB}
	wired := worker.Activities{
		Planning:  &activities.Planning{Access: access, Intent: p.DB, Changes: p.DB, Plans: p.DB, Mirror: p.Mirror, Now: time.Now, NoProvenance: p.Config.NoProvenance},
		Approving: &activities.Approving{Votes: p.DB, Changes: p.DB},
		Changing: &activities.Changing{Changes: p.DB, Plans: p.DB, Deployments: p.DB, Observed: p.DB, Queue: p.Workflows,
			Now: time.Now, PollEvery: p.pollEvery()},
		Deploying: &activities.Deploying{Access: access, Intent: p.DB, Changes: p.DB, Plans: p.DB, Votes: p.DB, Deployments: p.DB, Observed: p.DB, Now: time.Now, Room: p.Room, Profile: p.Profile},
		Routers: &activities.Routers{Access: access, Intent: p.DB, Plans: p.DB, Changes: p.DB, Deployments: p.DB, Observed: p.DB, Guards: p.DB,
			Queue: p.Workflows, Now: time.Now, Profile: p.Profile},
		Mirroring: &activities.Mirroring{Sync: mirrorSync{p.Mirror}},
	}
	if p.Wire != nil {
		p.Wire(wired)
	}
	return wired
}

// mirrorSync tells a sync's report in figures.
type mirrorSync struct{ *peeringdb.Syncer }

func (m mirrorSync) SyncMirror(ctx context.Context, full bool, progress func(string, int64)) (rows, changed int64, err error) {
	report, err := m.Sync(ctx, nil, peeringdb.Options{Full: full, Progress: func(t peering.PDBType, n int64) { progress(string(t), n) }})
	for _, t := range report.Types {
		rows += t.Received
		changed += t.Inserted + t.Updated + t.Deleted
	}
	return rows, changed, err
}

func (p *Parts) pollEvery() time.Duration {
	if p.Config.PollEvery == 0 {
		return time.Minute
	}
	return p.Config.PollEvery
}

// EnsureSchedules polls every router and keeps the mirror fresh.
func (p *Parts) EnsureSchedules(ctx context.Context) error {
	if err := p.schedulePolls(ctx, map[int64]peering.RouterRef{}); err != nil {
		return err
	}
	return p.Workflows.SyncEvery(ctx, 6*time.Hour)
}

// schedulePolls does so for routers that aren't known yet by that name and at their site.
func (p *Parts) schedulePolls(ctx context.Context, known map[int64]peering.RouterRef) error {
	routers, err := p.DB.RouterRefs(ctx)
	if err != nil {
		return err
	}
	there := map[int64]bool{}
	for _, router := range routers {
		there[router.ID] = true
		if known[router.ID] == router {
			continue
		}
		if err := p.Workflows.PollEvery(ctx, router, p.pollEvery()); err != nil {
			return fmt.Errorf("schedule the poll of router %s: %w", router.Name, err)
		}
		known[router.ID] = router
	}
	for id, router := range known {
		if there[id] {
			continue
		}
		if err := p.Workflows.PollNoMore(ctx, id); err != nil {
			return fmt.Errorf("end the poll of router %s: %w", router.Name, err)
		}
		delete(known, id)
	}
	return nil
}

// newRouterEvery is how soon a router that is recorded, moved or removed is
// polled at its site, or not at all.
const newRouterEvery = 10 * time.Second

// KeepPolling looks after the polls of routers that come, move and go, until ctx ends.
func (p *Parts) KeepPolling(ctx context.Context) {
	known := map[int64]peering.RouterRef{}
	tick := time.NewTicker(newRouterEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		if err := p.schedulePolls(ctx, known); err != nil && ctx.Err() == nil {
			p.Log.Warn("schedule polls", "error", err)
		}
	}
}
