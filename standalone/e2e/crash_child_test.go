package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"os/signal"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"go.temporal.io/sdk/client"
	sdkworker "go.temporal.io/sdk/worker"

	"peerflow/activities"
	"peerflow/cmd"
	"peerflow/internal/driver"
	"peerflow/internal/peering"
	"peerflow/standalone/up"
	"peerflow/worker"
	"peerflow/workflows"
)

// childEnv makes this test binary a process that a test may kill: a worker, or
// all of peerflow. Its value is a childConfig.
const childEnv = "PEERFLOW_CRASH_CHILD"

// atOnce is how many of the tests that say t.Parallel run at a time, whatever the
// machine: each has a PostgreSQL, a Temporal and routers of its own, about 400 MB,
// and waits for timers nearly all of its time.
const atOnce = "3"

// childConfig is what such a process runs.
type childConfig struct {
	Watch   string     // where it reports the points it passes
	Queue   string     // a worker on this task queue, with Parts; "" for the tree
	Parts   cmd.Config // of a worker
	DataDir string     // of the tree
}

func TestMain(m *testing.M) {
	text := os.Getenv(childEnv)
	if text == "" {
		if err := flag.Set("test.parallel", atOnce); err != nil { // -parallel on the command line wins
			panic(err)
		}
		os.Exit(m.Run())
	}
	if err := runChild(text); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// runChild serves until its standard input ends, which happens however the test ends.
func runChild(text string) error {
	signal.Ignore(syscall.SIGINT)
	var c childConfig
	if err := json.Unmarshal([]byte(text), &c); err != nil {
		return err
	}
	start := startTree
	if c.Queue != "" {
		start = startWorker
	}
	parts, err := start(context.Background(), c)
	if err != nil {
		return err
	}
	if err := json.NewEncoder(os.Stdout).Encode(parts); err != nil {
		return err
	}
	_, err = io.Copy(io.Discard, os.Stdin)
	return err
}

// crashProfile leaves a process that is replaced at once enough of the rollback
// timer to confirm, on a busy machine too.
func crashProfile(r peering.Router) peering.Profile {
	p := peering.LabProfile
	p.Commit, p.Settle, p.Soak, p.MinTimer, p.Margin = 10*time.Second, time.Second, 3*time.Second, 2*time.Minute, 3*time.Second
	p.ConfirmReserve, p.Sample, p.Stable = 3*time.Second, 2*time.Second, time.Second
	if strings.HasSuffix(r.Name, brief) {
		p.MinTimer = time.Minute
	}
	return p
}

func startWorker(ctx context.Context, c childConfig) (cmd.Config, error) {
	parts, err := cmd.OpenParts(ctx, c.Parts, slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn})))
	if err != nil {
		return c.Parts, err
	}
	parts.Profile = crashProfile
	parts.Wire = reporter{url: c.Watch}.wire
	wired := parts.Activities()
	wired.Changing.Queue = laneQueue{parts.Workflows, c.Queue}
	wired.Planning.Intent, wired.Routers.Intent, wired.Deploying.Intent = noSites{wired.Planning.Intent}, noSites{wired.Routers.Intent}, noSites{wired.Deploying.Intent}
	w := sdkworker.New(parts.Temporal, c.Queue, sdkworker.Options{MaxHeartbeatThrottleInterval: 2 * time.Second})
	worker.Register(w, wired)
	return c.Parts, w.Start()
}

// laneQueue serves routers on a task queue of its own, so that killing its
// worker hurts nobody else.
type laneQueue struct {
	workflows.Client
	queue string
}

func (q laneQueue) Enqueue(ctx context.Context, router, deployment int64) error {
	id := fmt.Sprintf("router/%d", router)
	options := client.StartWorkflowOptions{TaskQueue: q.queue, ID: id}
	_, err := q.Temporal.SignalWithStartWorkflow(ctx, id, workflows.SignalEnqueue, workflows.EnqueueSignal{Deployment: deployment},
		options, workflows.ServeRouter, workflows.ServeRouterInput{Router: router})
	return err
}

// noSites keeps work on routers on the workflow's own queue: the lane's.
type noSites struct{ activities.IntentStore }

func (noSites) SiteOf(context.Context, int64) (string, error) { return "", nil }

func startTree(ctx context.Context, c childConfig) (cmd.Config, error) {
	stack, err := up.Start(ctx, up.Options{DataDir: c.DataDir, Listen: "127.0.0.1:0", PeeringDBURL: nobody, PollEvery: time.Hour,
		Out: os.Stderr, Profile: crashProfile, Wire: reporter{url: c.Watch}.wire})
	if err != nil {
		return cmd.Config{}, err
	}
	return stack.Parts.Config, nil
}

// passage is a point that a process passes on its way through a deployment.
type passage struct {
	Process    int
	Router     string // or change/<id>
	Deployment int64
	Point      string // "before commit", "after commit", …
	Error      string // of what was done, at an "after"

	at time.Time // heard
}

// What the test answers to a passage.
const (
	goOn   = "go on"
	lose   = "lose"   // before: the request never arrives; after: its reply doesn't
	insist = "insist" // go on although the step's own deadline is over, as a process does that slept between check and write
)

// reporter tells the test where this process is, and waits for its answer.
type reporter struct{ url string }

func (r reporter) at(p passage) string {
	p.Process = os.Getpid()
	body, _ := json.Marshal(p) // plain fields
	answer, err := http.Post(r.url, "application/json", bytes.NewReader(body))
	if err != nil {
		fmt.Fprintln(os.Stderr, "the test is gone:", err)
		os.Exit(1)
	}
	defer answer.Body.Close()
	text, _ := io.ReadAll(answer.Body)
	return string(text)
}

// around reports before and after a step, and loses its request or its reply.
func (r reporter) around(ctx context.Context, p passage, step string, do func(context.Context) error) error {
	p.Point = "before " + step
	switch r.at(p) {
	case lose:
		return fmt.Errorf("%s: %w", p.Point, driver.ErrUnreachable)
	case insist:
		ctx = context.WithoutCancel(ctx)
	}
	err := do(ctx)
	p.Point = "after " + step
	if err != nil {
		p.Error = err.Error()
	}
	if r.at(p) == lose {
		return fmt.Errorf("%s: %w", p.Point, driver.ErrUnreachable)
	}
	return err
}

// wire puts a report around every write to a router and to the record.
func (r reporter) wire(a worker.Activities) {
	drivers := driver.Registry{}
	for slug, platform := range a.Deploying.Access.Drivers {
		drivers[slug] = reportedPlatform{platform, r}
	}
	a.Deploying.Access.Drivers = drivers
	a.Deploying.Deployments = &reportedRecord{DeploymentStore: a.Deploying.Deployments, r: r}
	a.Approving.Votes = reportedVotes{a.Approving.Votes, r}
}

type reportedPlatform struct {
	driver.Platform
	r reporter
}

func (p reportedPlatform) Open(ctx context.Context, t driver.Target, s driver.Secrets) (driver.Conn, error) {
	conn, err := p.Platform.Open(ctx, t, s)
	if err != nil {
		return nil, err
	}
	reported := &reportedConn{Conn: conn, OwnedReader: conn.(driver.OwnedReader), NeighborReader: conn.(driver.NeighborReader),
		Checker: conn.(driver.Checker), writer: conn.(driver.ConfirmedCommitter), r: p.r, router: t.Router}
	if counter, ok := conn.(driver.ExportCounter); ok {
		return struct {
			*reportedConn
			driver.ExportCounter
		}{reported, counter}, nil
	}
	return reported, nil
}

// reportedConn is a connection with a report around each write.
type reportedConn struct {
	driver.Conn
	driver.OwnedReader
	driver.NeighborReader
	driver.Checker
	writer driver.ConfirmedCommitter
	r      reporter
	router string
}

func (c *reportedConn) around(ctx context.Context, step string, m driver.Commit, do func(context.Context, driver.Commit) error) error {
	return c.r.around(ctx, passage{Router: c.router, Deployment: m.Deployment}, step, func(ctx context.Context) error { return do(ctx, m) })
}

func (c *reportedConn) Stage(ctx context.Context, m driver.Commit) error {
	return c.around(ctx, "stage", m, c.writer.Stage)
}
func (c *reportedConn) Commit(ctx context.Context, m driver.Commit) error {
	return c.around(ctx, "commit", m, c.writer.Commit)
}
func (c *reportedConn) Confirm(ctx context.Context, m driver.Commit) error {
	return c.around(ctx, "confirm", m, c.writer.Confirm)
}
func (c *reportedConn) Abort(ctx context.Context, m driver.Commit) error {
	return c.around(ctx, "abort", m, c.writer.Abort)
}
func (c *reportedConn) Install(ctx context.Context, m driver.Commit) error {
	return c.around(ctx, "install", m, c.writer.Install)
}
func (c *reportedConn) Discard(ctx context.Context, m driver.Commit) error {
	return c.writer.Discard(ctx, m)
}

// reportedRecord is the record of deployments with a report around each write.
type reportedRecord struct {
	activities.DeploymentStore
	r     reporter
	names sync.Map // router by deployment
}

func (s *reportedRecord) around(ctx context.Context, step string, id int64, do func(context.Context) error) error {
	name, ok := s.names.Load(id)
	if !ok {
		d, err := s.Deployment(ctx, id)
		if err != nil {
			return err
		}
		name = d.Router
		s.names.Store(id, name)
	}
	return s.r.around(ctx, passage{Router: name.(string), Deployment: id}, step, do)
}

func (s *reportedRecord) BeginDeployment(ctx context.Context, id int64, timer time.Duration, now time.Time) (d peering.Deployment, err error) {
	err = s.around(ctx, "begin", id, func(ctx context.Context) (err error) {
		d, err = s.DeploymentStore.BeginDeployment(ctx, id, timer, now)
		return err
	})
	return d, err
}

func (s *reportedRecord) TakeFence(ctx context.Context, id int64) (fence int64, err error) {
	err = s.around(ctx, "fence", id, func(ctx context.Context) (err error) {
		fence, err = s.DeploymentStore.TakeFence(ctx, id)
		return err
	})
	return fence, err
}

func (s *reportedRecord) MarkCommitSent(ctx context.Context, id int64, at, deadline time.Time) (mine bool, err error) {
	err = s.around(ctx, "commit_sent", id, func(ctx context.Context) (err error) {
		mine, err = s.DeploymentStore.MarkCommitSent(ctx, id, at, deadline)
		return err
	})
	return mine, err
}

func (s *reportedRecord) MarkCommitted(ctx context.Context, id int64, generation string, at time.Time) error {
	return s.around(ctx, "committed", id, func(ctx context.Context) error {
		return s.DeploymentStore.MarkCommitted(ctx, id, generation, at)
	})
}

func (s *reportedRecord) StoreVerdict(ctx context.Context, id int64, of time.Time, v peering.Verdict) error {
	return s.around(ctx, "verdict "+string(v.Outcome), id, func(ctx context.Context) error {
		return s.DeploymentStore.StoreVerdict(ctx, id, of, v)
	})
}

func (s *reportedRecord) MarkConfirmSent(ctx context.Context, id int64, at time.Time) error {
	return s.around(ctx, "confirm_sent", id, func(ctx context.Context) error {
		return s.DeploymentStore.MarkConfirmSent(ctx, id, at)
	})
}

func (s *reportedRecord) EndDeployment(ctx context.Context, id int64, e peering.DeploymentEnd) error {
	return s.around(ctx, "end", id, func(ctx context.Context) error { return s.DeploymentStore.EndDeployment(ctx, id, e) })
}

type reportedVotes struct {
	activities.VoteStore
	r reporter
}

func (v reportedVotes) RecordVote(ctx context.Context, in peering.VoteInput) (result peering.VoteResult, err error) {
	err = v.r.around(ctx, passage{Router: fmt.Sprintf("change/%d", in.ChangeID)}, "vote", func(ctx context.Context) (err error) {
		result, err = v.VoteStore.RecordVote(ctx, in)
		return err
	})
	return result, err
}
