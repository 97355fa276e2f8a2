package e2e

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"

	"go.temporal.io/sdk/client"

	"peerflow/cmd"
	"peerflow/internal/peering"
	"peerflow/internal/temporalauth"
	"peerflow/standalone/pgserver"
	"peerflow/standalone/temporalserver"
	"peerflow/workflows"
)

// lanes is a peerflow whose workers are processes of their own, each on a task
// queue of its own.
type lanes struct {
	*crashBed
	dir      string
	postgres *pgserver.Server
}

func startLanes(t *testing.T) *lanes {
	t.Helper()
	dir := t.TempDir()
	must(t, os.Chmod(filepath.Dir(dir), 0o711)) // the database's user passes through
	l := &lanes{dir: dir, crashBed: &crashBed{yard: startYard(t, filepath.Join(dir, "yard")), watch: newWatch(t), tally: &tally{}}}
	must(t, l.open(l.serve(t)))
	t.Cleanup(l.parts.Close)
	by := peering.Actor{Kind: peering.ActorSystem, Name: "crash test"}
	admin, err := l.parts.DB.CreateUser(t.Context(), by, "admin", []peering.Role{peering.Admin, peering.Emergency})
	must(t, err)
	l.admin = peering.Actor{Kind: peering.ActorUser, UserID: admin.ID, Name: admin.Name, Door: peering.DoorAPI, Roles: admin.Roles}
	l.seed(t)
	return l
}

// serve starts PostgreSQL and Temporal in this process.
func (l *lanes) serve(t *testing.T) cmd.Config {
	t.Helper()
	ctx := t.Context()
	data := filepath.Join(l.dir, "data")
	postgres, err := pgserver.Start(ctx, pgserver.Options{DataDir: data})
	must(t, err)
	l.postgres = postgres
	t.Cleanup(func() { _ = postgres.Stop(context.Background()) })
	must(t, postgres.EnsureDatabases(ctx, append([]string{"peerflow"}, temporalserver.Databases()...)...))
	secret, err := temporalauth.LoadOrCreate(filepath.Join(data, "temporal.secret"))
	must(t, err)
	server, err := temporalserver.Start(ctx, temporalserver.Options{SocketDir: postgres.SocketDir(), User: "postgres", Secret: secret,
		LogFile: filepath.Join(l.dir, "temporal.log")})
	must(t, err)
	t.Cleanup(func() { _ = server.Stop() })
	c := cmd.Config{DatabaseURL: postgres.DSN("peerflow"), TemporalAddress: server.HostPort(), TemporalSecret: secret,
		KeyFile: filepath.Join(data, "secrets.key"), PeeringDBURL: nobody, LocalApproval: true}
	must(t, cmd.MigrateDatabase(ctx, c))
	return c
}

// lane is the bed with changes that are led on one task queue, and its worker
// process, which starts with the first of them.
type lane struct {
	*crashBed
	t      *testing.T // owns the worker
	first  sync.Once
	worker *child
	of     childConfig
	log    string
}

// lane makes one that lives as long as t; temporal is the way to Temporal, "" for the straight one.
func (l *lanes) lane(t *testing.T, queue, temporal string) *lane {
	t.Helper()
	bed := *l.crashBed
	n := &lane{crashBed: &bed, t: t, of: childConfig{Watch: l.url, Queue: queue, Parts: l.parts.Config}, log: filepath.Join(l.dir, queue+".log")}
	if temporal != "" {
		n.of.Parts.TemporalAddress = temporal
	}
	bed.lead = func(t *testing.T, w *wish) {
		t.Helper()
		var err error
		n.first.Do(func() { err = n.start() })
		must(t, err)
		options := client.StartWorkflowOptions{ID: changeRunOf(w.change), TaskQueue: queue}
		_, err = l.parts.Temporal.ExecuteWorkflow(t.Context(), options, workflows.DeployChange, workflows.DeployChangeInput{Change: w.change})
		must(t, err)
	}
	t.Cleanup(func() {
		if said, err := os.ReadFile(n.log); err == nil && t.Failed() {
			t.Logf("%s:\n%s", n.log, tail(said, 6000))
		}
	})
	return n
}

// start starts a worker process, beside one that may run already.
func (n *lane) start() (err error) {
	if n.worker, err = launchChild(n.of, n.log); err == nil {
		n.t.Cleanup(n.worker.kill)
	}
	return err
}

// perWorker is how many points one worker is killed at.
const perWorker = 5

func TestAKilledWorkerLeavesNoDoubt(t *testing.T) {
	t.Parallel()
	l := startLanes(t)
	turns := make(chan struct{}, 2) // groups made ready at once, while others wait for rollback timers
	var all sync.WaitGroup
	for _, late := range []bool{false, true} {
		all.Go(func() {
			t.Run(lateness(late), func(t *testing.T) {
				var groups sync.WaitGroup
				for points := range slices.Chunk(pointsOf(late, crashDrivers...), perWorker) {
					groups.Go(func() { l.killed(t, points, late, turns) })
				}
				groups.Wait()
			})
		})
	}
	all.Wait()
	l.enough(t)
}

func lateness(late bool) string {
	if late {
		return "replaced after the timer"
	}
	return "replaced at once"
}

// killed brings a group of points to a worker of their own, and kills it there.
func (l *lanes) killed(t *testing.T, points []tried, late bool, turns chan struct{}) {
	turns <- struct{}{}
	pass := sync.OnceFunc(func() { <-turns })
	defer pass()
	n := l.lane(t, fmt.Sprintf("%s before %s", lateness(late), points[0].name[:2]), "")
	n.round(t, points, late, func(edges []*edge) error {
		n.worker.kill()
		pass()
		if late {
			if err := awaitReverts(edges...); err != nil {
				return err
			}
		}
		return n.start()
	})
}
