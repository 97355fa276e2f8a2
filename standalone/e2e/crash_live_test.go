//go:build crash

package e2e

import (
	"context"
	"fmt"
	"io"
	"net"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"

	"peerflow/activities"
	"peerflow/internal/peering"
	"peerflow/standalone/lab"
	"peerflow/workflows"
)

// row is a row of the matrix in which something other than a kill goes wrong.
type row struct {
	name string
	try  func(*testing.T, *crashBed, *edge)
}

// rows that share a worker, each on an edge of its own.
var liveRows = []row{
	{"7: the request never arrives", lost("before commit", peering.DeploymentRolledBack)},
	{"7: the reply gets lost", lost("after commit", peering.DeploymentConfirmed)},
	{"7: the request gets lost, and the way to the router with it", routerLost},
	{"12: the confirm never arrives", lost("before confirm", peering.DeploymentConfirmed)},
	{"12: the confirm's reply gets lost", lost("after confirm", peering.DeploymentConfirmed)},
	{"13: the installation's reply gets lost", lost("after install", peering.DeploymentConfirmed)},
	{"13: the daemon restarts before the boot file is installed", restartedBeforeInstall},
	{"15: the abort's reply gets lost", abortLost},
	{"17: the change's workflow is reset, the queue terminated", resetAndTerminated},
	{"19: the daemon restarts in the window", restartedInTheWindow},
	{"20: a second change is approved in the window", secondChange},
	{"21: somebody loads the main file in the window", configuredByHand},
	{"21: somebody confirms our commit by hand", confirmedByHand},
}

func TestEverythingElseThatGoesWrongLeavesNoDoubt(t *testing.T) {
	t.Parallel()
	const others = 8
	l := startLanes(t, 73, len(liveRows)+others)
	rest := l.edges[len(liveRows):]
	bed := l.on("live")
	l.worker(t, "live")
	var all sync.WaitGroup
	try := func(name string, f func(*testing.T)) { all.Go(func() { t.Run(name, f) }) }
	for i, r := range liveRows {
		try(r.name, func(t *testing.T) { r.try(t, bed, l.edges[i]) })
	}
	try("1, 2: the worker is killed before and while a vote is answered", func(t *testing.T) { l.votes(t, rest[0], rest[1]) })
	try("16: a zombie resumes at a write after a takeover", func(t *testing.T) { l.zombies(t, rest[2:6]) })
	try("18: Temporal is away", func(t *testing.T) { l.temporalAway(t, rest[6]) })
	all.Wait()
	t.Run("18: the database is away", func(t *testing.T) { l.databaseAway(t, bed, rest[7]) }) // it stops everybody else
}

// lost tries a deployment whose request or reply at one point gets lost.
func lost(point string, want peering.DeploymentState) func(*testing.T, *crashBed, *edge) {
	return func(t *testing.T, b *crashBed, e *edge) {
		w := b.wish(t, e)
		defer w.told(t)
		h := b.lose(e.name, point)
		w.approve(t)
		h.await(t, point)
		w.judge(t, want)
		w.end(t, changeEnd(want))
	}
}

// The router can't be reached for a moment after a commit that never arrived:
// being back at the base, which it never left, isn't somebody else's doing.
func routerLost(t *testing.T, b *crashBed, e *edge) {
	w := b.wish(t, e)
	defer w.told(t)
	h := b.hold(e.name, "before commit")
	w.approve(t)
	h.await(t, "commit")
	must(t, e.ssh.Close())
	h.answer <- lose
	eventually(t, 2*time.Minute, "the deployment is unknown", func() bool { return w.deployment(t).State == peering.DeploymentUnknown })
	ssh, err := lab.StartSSHD(t.Context(), filepath.Dir(e.ssh.Log), e.ssh.Address)
	must(t, err)
	e.ssh = ssh
	w.judge(t, peering.DeploymentRolledBack)
}

func restartedBeforeInstall(t *testing.T, b *crashBed, e *edge) {
	w := b.wish(t, e)
	defer w.told(t)
	h := b.hold(e.name, "before install")
	w.approve(t)
	h.await(t, "install")
	must(t, e.bird.Restart(t.Context()))
	h.answer <- goOn
	w.before.foreign = nil // the restart reset them
	w.judge(t, peering.DeploymentRolledBack)
}

func abortLost(t *testing.T, b *crashBed, e *edge) {
	w := b.wish(t, e)
	defer w.told(t)
	b.lose(e.name, "after abort")
	w.approve(t)
	w.soaking(t)
	_, err := b.parts.DB.AddCommand(t.Context(), b.admin, w.change, peering.CommandRollBack, "looks wrong")
	must(t, err)
	w.judge(t, peering.DeploymentRolledBack)
}

// The change runs again from before it submitted, finds its deployment, and
// starts the queue anew, which adopts the deployment's workflow.
func resetAndTerminated(t *testing.T, b *crashBed, e *edge) {
	w := b.wish(t, e)
	defer w.told(t)
	h := b.hold(e.name, "after verdict pending")
	w.approve(t)
	h.await(t, "verdict")
	temporal := b.parts.Temporal
	must(t, temporal.TerminateWorkflow(t.Context(), fmt.Sprintf("router/%d", e.router), "", "crash test"))
	_, err := temporal.ResetWorkflowExecution(t.Context(), &workflowservice.ResetWorkflowExecutionRequest{
		Namespace: client.DefaultNamespace, WorkflowExecution: execution(changeRunOf(w.change)), Reason: "crash test", RequestId: e.name,
		WorkflowTaskFinishEventId: taskBefore(t, temporal, changeRunOf(w.change), "SubmitDeployment"),
	})
	must(t, err)
	h.answer <- goOn
	w.judge(t, peering.DeploymentConfirmed)
	w.end(t, peering.ChangeCompleted)
}

// taskBefore is the workflow task that scheduled an activity.
func taskBefore(t *testing.T, c client.Client, workflow, activity string) int64 {
	t.Helper()
	events := c.GetWorkflowHistory(t.Context(), workflow, "", false, enumspb.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT)
	for events.HasNext() {
		event, err := events.Next()
		must(t, err)
		if a := event.GetActivityTaskScheduledEventAttributes(); a.GetActivityType().GetName() == activity {
			return a.GetWorkflowTaskCompletedEventId()
		}
	}
	t.Fatalf("%s never scheduled %s", workflow, activity)
	return 0
}

func restartedInTheWindow(t *testing.T, b *crashBed, e *edge) {
	w := b.wish(t, e)
	defer w.told(t)
	h := b.hold(e.name, "after verdict pending")
	w.approve(t)
	h.await(t, "verdict")
	must(t, e.bird.Restart(t.Context()))
	h.answer <- goOn
	w.before.foreign = nil // the restart reset them
	w.judge(t, peering.DeploymentRolledBack)
}

// The second one waits. Both bring the same filters: once the first did, those
// of the second's plan have moved, and it is planned and approved again.
func secondChange(t *testing.T, b *crashBed, e *edge) {
	first, second := b.wish(t, e), b.wish(t, e)
	defer second.told(t)
	first.planned(t)
	second.planned(t)
	h := b.hold(e.name, "after verdict pending")
	first.approve(t)
	h.await(t, "verdict")
	second.approve(t)
	eventually(t, 2*time.Minute, "the second change queues", func() bool { return second.deployment(t).State == peering.DeploymentQueued })
	h.answer <- goOn
	eventually(t, 2*time.Minute, "the second change is stale", func() bool { return second.deployment(t).State == peering.DeploymentStale })
	if state := first.deployment(t).State; state != peering.DeploymentConfirmed {
		t.Errorf("the first is %s, and the second ended", state)
	}
	if runs := e.ask("show", "protocols", "all"); strings.Contains(runs, second.peer) {
		t.Error("the second is stale, and the router runs it")
	}
	stale := second.dep.ID
	second.approve(t)
	eventually(t, 2*time.Minute, "the second change is deployed again", func() bool { return second.deployment(t).ID != stale })
	second.judge(t, peering.DeploymentConfirmed)
	if runs := e.ask("show", "protocols", "all"); !strings.Contains(runs, first.peer) {
		t.Errorf("the second change took the first's session with %s away", first.peer)
	}
}

func configuredByHand(t *testing.T, b *crashBed, e *edge) {
	w := b.wish(t, e)
	defer w.told(t)
	h := b.hold(e.name, "after verdict pending")
	w.approve(t)
	h.await(t, "verdict")
	e.ask("configure")
	h.answer <- goOn
	w.judge(t, peering.DeploymentInterfered)
	w.end(t, peering.ChangeInterfered)
	b.frozen(t, e)
}

// Nothing is claimed of a router that runs our change for good without our word.
func confirmedByHand(t *testing.T, b *crashBed, e *edge) {
	w := b.wish(t, e)
	defer w.told(t)
	h := b.hold(e.name, "after verdict pending")
	w.approve(t)
	h.await(t, "verdict")
	e.ask("configure", "confirm")
	h.answer <- goOn
	w.end(t, peering.ChangeInterfered)
	b.frozen(t, e)
	if got := w.deployment(t).State; got != peering.DeploymentInterfered {
		t.Errorf("recorded %s", got)
	}
}

// frozen: nothing more is written to the router until a person looked at it.
func (b *crashBed) frozen(t *testing.T, e *edge) {
	t.Helper()
	freezes, err := b.parts.DB.ListFreezes(t.Context(), false)
	must(t, err)
	for _, f := range freezes {
		if f.RouterID == e.router {
			return
		}
	}
	t.Errorf("%s isn't frozen", e.name)
}

// votes kills the worker while one change waits for approval and while another
// one's vote is written but not answered.
func (l *lanes) votes(t *testing.T, waits, votes *edge) {
	b := l.on("vote")
	running := l.worker(t, "vote")
	one, two := b.wish(t, waits), b.wish(t, votes)
	defer one.told(t)
	defer two.told(t)
	one.planned(t)
	plan := two.planned(t).PlanHash
	h := b.hold(changeRunOf(two.change), "after vote")
	decide := func(ctx context.Context) (activities.VoteResult, error) {
		var result activities.VoteResult
		handle, err := b.parts.Temporal.UpdateWorkflow(ctx, client.UpdateWorkflowOptions{WorkflowID: changeRunOf(two.change), UpdateID: "vote-1",
			UpdateName: workflows.UpdateDecide, WaitForStage: client.WorkflowUpdateStageCompleted,
			Args: []any{workflows.Decide{Decision: peering.Approve, Plan: plan[:8]}}})
		if err == nil {
			err = handle.Get(ctx, &result)
		}
		return result, err
	}
	first, cancel := context.WithCancel(t.Context())
	go func() { _, _ = decide(first) }()
	h.await(t, "vote")
	cancel()
	running.kill()
	l.worker(t, "vote")
	again, stop := context.WithTimeout(t.Context(), time.Minute)
	defer stop()
	result, err := decide(again)
	must(t, err)
	if !result.Accepted || !strings.Contains(result.Text, "1 of 1") {
		t.Errorf("the repeated vote was answered %+v", result)
	}
	events, err := b.parts.DB.AuditEvents(t.Context(), two.change)
	must(t, err)
	if len(events) != 1 {
		t.Errorf("%d decisions are on record, want one: %+v", len(events), events)
	}
	one.approve(t)
	two.judge(t, peering.DeploymentConfirmed)
	one.judge(t, peering.DeploymentConfirmed)
}

// zombies stops a worker between its check and its write, lets another one take
// over and finish, and wakes it up: every write of its own must be refused.
func (l *lanes) zombies(t *testing.T, edges []*edge) {
	b := l.on("zombie")
	zombie := l.worker(t, "zombie")
	steps := []struct {
		write string
		abort bool
		end   peering.DeploymentState
	}{
		{"confirm", false, peering.DeploymentConfirmed}, {"install", false, peering.DeploymentConfirmed},
		{"abort", true, peering.DeploymentRolledBack}, {"commit", false, peering.DeploymentRolledBack},
	}
	var points []point
	var wishes []*wish
	for i, s := range steps {
		points = append(points, point{name: s.write, at: "before " + s.write, soaks: true, abort: s.abort})
		wishes = append(wishes, b.wish(t, edges[i]))
		wishes[i].planned(t)
	}
	holds := b.bring(t, points, wishes, true)
	zombie.signal(syscall.SIGSTOP)
	l.worker(t, "zombie")
	for i, w := range wishes {
		eventually(t, 2*time.Minute, steps[i].write+": taken over", func() bool { return w.deployment(t).State.Ended() })
	}
	zombie.signal(syscall.SIGCONT)
	for i, w := range wishes {
		holds[i].answer <- insist
		eventually(t, 20*time.Second, "the zombie's "+steps[i].write, func() bool { return b.refusedTo(w, zombie, steps[i].write) != "" })
		if said := b.refusedTo(w, zombie, steps[i].write); !strings.Contains(said, "newer attempt") {
			t.Errorf("%s: the zombie's write was answered %q", steps[i].write, said)
		}
		w.judge(t, steps[i].end)
		w.told(t)
	}
}

// refusedTo is what the router said to a process's write, "" before it did.
func (b *crashBed) refusedTo(w *wish, p *child, write string) string {
	for _, passed := range b.passages(w.deploymentID(), "after "+write) {
		if passed.Process == p.cmd.Process.Pid {
			return passed.Error + " "
		}
	}
	return ""
}

// temporalAway cuts the worker off from Temporal during the soak, until the
// timer has ended: it may see that all is well, and must not confirm.
func (l *lanes) temporalAway(t *testing.T, e *edge) {
	b := l.on("cut")
	line := newLine(t, l.parts.Config.TemporalAddress)
	c := childConfig{Watch: l.url, Queue: "cut", Parts: l.parts.Config}
	c.Parts.TemporalAddress = line.address
	spawn(t, c, filepath.Join(l.dir, "cut.log"))
	w := b.wish(t, e)
	defer w.told(t)
	h := b.hold(e.name, "after verdict pending")
	w.approve(t)
	h.await(t, "verdict")
	line.cut()
	h.answer <- goOn
	outage(t, []*wish{w})
	line.mend()
	w.judge(t, peering.DeploymentRolledBack)
	if n := len(b.passages(w.dep.ID, "before confirm")); n > 0 {
		t.Errorf("confirmed %d times without Temporal", n)
	}
}

// databaseAway stops PostgreSQL, and with it Temporal, until the timer has ended.
func (l *lanes) databaseAway(t *testing.T, b *crashBed, e *edge) {
	w := b.wish(t, e)
	defer w.told(t)
	h := b.hold(e.name, "after verdict pending")
	w.approve(t)
	h.await(t, "verdict")
	pids := l.postgres.PIDs()
	resume := func() {
		for _, pid := range pids {
			_ = syscall.Kill(pid, syscall.SIGCONT) // a child may have ended
		}
	}
	t.Cleanup(resume)
	for _, pid := range pids {
		must(t, syscall.Kill(pid, syscall.SIGSTOP))
	}
	h.answer <- goOn
	outage(t, []*wish{w})
	resume()
	w.judge(t, peering.DeploymentRolledBack)
	if n := len(b.passages(w.dep.ID, "before confirm")); n > 0 {
		t.Errorf("confirmed %d times without the database", n)
	}
}

// line is a TCP path that can be cut and mended.
type line struct {
	address string

	mu    sync.Mutex
	down  bool
	conns []net.Conn
}

func newLine(t *testing.T, to string) *line {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	l := &line{address: listener.Addr().String()}
	t.Cleanup(func() { _ = listener.Close(); l.cut() })
	go func() {
		for {
			near, err := listener.Accept()
			if err != nil {
				return
			}
			l.connect(near, to)
		}
	}()
	return l
}

func (l *line) connect(near net.Conn, to string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	far, err := net.Dial("tcp", to)
	if err != nil || l.down {
		_ = near.Close()
		if err == nil {
			_ = far.Close()
		}
		return
	}
	l.conns = append(l.conns, near, far)
	go func() { _, _ = io.Copy(near, far); _ = near.Close() }()
	go func() { _, _ = io.Copy(far, near); _ = far.Close() }()
}

func (l *line) cut() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.down = true
	for _, c := range l.conns {
		_ = c.Close()
	}
	l.conns = nil
}

func (l *line) mend() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.down = false
}
