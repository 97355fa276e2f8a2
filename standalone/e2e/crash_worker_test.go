//go:build crash

package e2e

import (
	"os"
	"path/filepath"
	"testing"

	"go.temporal.io/sdk/client"

	"peerflow/cmd"
	"peerflow/internal/peering"
	"peerflow/internal/temporalauth"
	"peerflow/standalone/pgserver"
	"peerflow/standalone/temporalserver"
	"peerflow/workflows"
)

// lanes is a peerflow whose workers are processes of their own, one task queue
// for each group of edges.
type lanes struct {
	*crashBed
	dir      string
	postgres *pgserver.Server
}

func startLanes(t *testing.T, net byte, edges int) *lanes {
	t.Helper()
	dir := t.TempDir()
	must(t, os.Chmod(filepath.Dir(dir), 0o711)) // the database's user passes through
	l := &lanes{dir: dir, crashBed: &crashBed{yard: startYard(t, filepath.Join(dir, "yard"), net, edges), watch: newWatch(t)}}
	l.open(t, l.serve(t))
	by := peering.Actor{Kind: peering.ActorSystem, Name: "crash test"}
	admin, err := l.parts.DB.CreateUser(t.Context(), by, "admin", []peering.Role{peering.Admin, peering.Emergency})
	must(t, err)
	l.admin = peering.Actor{Kind: peering.ActorUser, UserID: admin.ID, Name: admin.Name, Door: peering.DoorAPI, Roles: admin.Roles}
	l.seed(t)
	l.settled(t)
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
	t.Cleanup(func() { _ = postgres.Stop(t.Context()) })
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

// worker starts a worker process for a lane.
func (l *lanes) worker(t *testing.T, queue string) *child { // t owns the process
	t.Helper()
	log := filepath.Join(l.dir, queue+".log")
	t.Cleanup(func() {
		if said, err := os.ReadFile(log); err == nil && t.Failed() {
			t.Logf("%s:\n%s", log, tail(said, 6000))
		}
	})
	return spawn(t, childConfig{Watch: l.url, Queue: queue, Parts: l.parts.Config}, log)
}

// on is the bed with changes that are led on one lane.
func (l *lanes) on(queue string) *crashBed {
	bed := *l.crashBed
	bed.lead = func(t *testing.T, w *wish) {
		t.Helper()
		options := client.StartWorkflowOptions{ID: changeRunOf(w.change), TaskQueue: queue}
		_, err := l.parts.Temporal.ExecuteWorkflow(t.Context(), options, workflows.DeployChange, workflows.DeployChangeInput{Change: w.change})
		must(t, err)
	}
	return &bed
}

func TestAKilledWorkerLeavesNoDoubt(t *testing.T) {
	t.Parallel()
	root := t // the worker outlives the rounds
	l := startLanes(t, 71, len(crashPoints))
	bed := l.on("kill")
	running := l.worker(t, "kill")
	t.Run("replaced at once", func(t *testing.T) {
		bed.round(t, l.edges, false, func(*testing.T, []*wish) {
			running.kill()
			running = l.worker(root, "kill")
		})
	})
	t.Run("replaced after the timer", func(t *testing.T) {
		bed.round(t, l.edges, true, func(t *testing.T, wishes []*wish) {
			running.kill()
			outage(t, wishes)
			running = l.worker(root, "kill")
		})
	})
}
