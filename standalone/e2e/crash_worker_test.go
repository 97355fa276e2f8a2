package e2e

import (
	"context"
	"os"
	"path/filepath"
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

func startLanes(t *testing.T, net byte) *lanes {
	t.Helper()
	dir := t.TempDir()
	must(t, os.Chmod(filepath.Dir(dir), 0o711)) // the database's user passes through
	l := &lanes{dir: dir, crashBed: &crashBed{yard: startYard(t, filepath.Join(dir, "yard"), net), watch: newWatch(t)}}
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
	database, err := cmd.OpenDatabase(ctx, c, 2)
	must(t, err)
	defer database.Close()
	must(t, database.Migrate(ctx))
	return c
}

// lane is the bed with changes that are led on one task queue, and its worker process.
type lane struct {
	*crashBed
	t      *testing.T // owns the worker
	worker *child
	of     childConfig
	log    string
}

// lane starts a worker that lives as long as t; temporal is the way to Temporal, "" for the straight one.
func (l *lanes) lane(t *testing.T, queue, temporal string) *lane {
	t.Helper()
	bed := *l.crashBed
	bed.lead = func(t *testing.T, w *wish) {
		t.Helper()
		options := client.StartWorkflowOptions{ID: changeRunOf(w.change), TaskQueue: queue}
		_, err := l.parts.Temporal.ExecuteWorkflow(t.Context(), options, workflows.DeployChange, workflows.DeployChangeInput{Change: w.change})
		must(t, err)
	}
	n := &lane{crashBed: &bed, t: t, of: childConfig{Watch: l.url, Queue: queue, Parts: l.parts.Config}, log: filepath.Join(l.dir, queue+".log")}
	if temporal != "" {
		n.of.Parts.TemporalAddress = temporal
	}
	t.Cleanup(func() {
		if said, err := os.ReadFile(n.log); err == nil && t.Failed() {
			t.Logf("%s:\n%s", n.log, tail(said, 6000))
		}
	})
	must(t, n.start())
	return n
}

// start starts a worker process, beside one that may run already.
func (n *lane) start() (err error) {
	if n.worker, err = launchChild(n.of, n.log); err == nil {
		n.t.Cleanup(n.worker.kill)
	}
	return err
}

// Each round has a worker of its own, and starts when the one before it has
// killed its worker: while some wait for rollback timers, others are made ready.
func TestAKilledWorkerLeavesNoDoubt(t *testing.T) {
	t.Parallel()
	l := startLanes(t, 71)
	var all sync.WaitGroup
	before := make(chan struct{})
	close(before)
	for _, late := range []bool{false, true} {
		for _, driver := range crashDrivers {
			crashed, next := before, make(chan struct{})
			before = next
			all.Go(func() {
				done := sync.OnceFunc(func() { close(next) })
				defer done()
				<-crashed
				t.Run(driver+" "+lateness(late), func(t *testing.T) { l.killed(t, driver, late, done) })
			})
		}
	}
	all.Wait()
}

func lateness(late bool) string {
	if late {
		return "replaced after the timer"
	}
	return "replaced at once"
}

func (l *lanes) killed(t *testing.T, driver string, late bool, killed func()) {
	queue := driver
	if late {
		queue += brief
	}
	n := l.lane(t, queue, "")
	n.round(t, pointsOf(late, driver), late, func(edges []*edge) error {
		n.worker.kill()
		killed()
		if late {
			if err := awaitReverts(edges...); err != nil {
				return err
			}
		}
		return n.start()
	})
}
