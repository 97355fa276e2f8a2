package e2e

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"

	"peerflow/internal/peering"
)

// liveRows are those rows of the matrix in which something other than a kill
// goes wrong, each on a router of its own, all on one worker.
var liveRows = []struct {
	name string
	// brief: its rollback timer ends soon, since the row waits for more than that.
	brief bool
	// try tells whether the deployment came to where something goes wrong.
	try func(*testing.T, *wish) bool
}{
	{"4: staging fails for good", false, stagingFails},
	{"7: the request never arrives", false, lost("before commit", peering.DeploymentRolledBack)},
	{"7: the reply gets lost", false, lost("after commit", peering.DeploymentConfirmed)},
	{"7: the request gets lost, and the way to the router with it", false, routerLost},
	{"12: the confirm never arrives", false, lost("before confirm", peering.DeploymentConfirmed)},
	{"12: the confirm's reply gets lost", false, lost("after confirm", peering.DeploymentConfirmed)},
	{"13: the installation's reply gets lost", false, lost("after install", peering.DeploymentConfirmed)},
	{"13: the daemon restarts before the boot file is installed", false, restarted("before install")},
	{"15: the abort's reply gets lost", false, abortLost},
	{"15: another machine answers until past the timer; the router reverted", true, anotherMachine(nil, peering.DeploymentRolledBack)},
	{"15: another machine answers until past the timer; somebody confirmed on the router", true, anotherMachine(device.confirm, peering.DeploymentConfirmed)},
	{"17: the change's workflow is reset, the queue terminated", false, resetAndTerminated},
	{"19: the daemon restarts in the window", false, restarted("after verdict pending")},
	{"20: a second change is approved in the window", false, secondChange},
	{"21: another writer commits in the window", false, interfered21(device.meddle)},
	{"21: somebody confirms our commit by hand", false, interfered21(device.confirm)},
}

func TestEverythingElseThatGoesWrongLeavesNoDoubt(t *testing.T) {
	t.Parallel()
	l := startLanes(t)
	live := l.lane(t, "live", "")
	busy := make(chan struct{}, 2*perWorker) // the others wait for a rollback timer, or for their turn
	var subs []sub
	for _, driver := range crashDrivers {
		for _, r := range liveRows {
			subs = append(subs, sub{driver + ", " + r.name, func(t *testing.T, _ func(int)) {
				busy <- struct{}{}
				suffix := ""
				if r.brief {
					suffix = brief
				}
				w := live.wish(t, driver, suffix)
				w.rests = sync.OnceFunc(func() { <-busy })
				defer w.rests()
				for !r.try(t, w) {
					w = live.instead(t, w)
				}
			}})
		}
	}
	together(t, subs)
	l.enough(t)
}

func TestZombiesAndOutagesLeaveNoDoubt(t *testing.T) {
	t.Parallel()
	l := startLanes(t)
	live := l.lane(t, "live", "")
	away := newLine(t, l.parts.Config.TemporalAddress)
	cut := l.lane(t, "cut", away.address)
	t.Run("16: a zombie resumes at a write after a takeover", func(t *testing.T) { l.zombies(t) })
	t.Run("18: Temporal is away", func(t *testing.T) {
		cut.unconfirmed(t, func() error { away.cut(); return nil }, func() error { away.mend(); return nil })
	})
	t.Run("18: the database is away", func(t *testing.T) { // it stops everybody else too
		var stopped []int
		resume := func() error { return signalAll(syscall.SIGCONT, stopped) }
		t.Cleanup(func() { _ = resume() })
		live.unconfirmed(t, func() error {
			first := l.postgres.PIDs()[:1] // starts one for each connection: none comes after the list
			err := signalAll(syscall.SIGSTOP, first)
			stopped = l.postgres.PIDs()
			return errors.Join(err, signalAll(syscall.SIGSTOP, stopped))
		}, resume)
	})
	l.enough(t)
}

// signalAll sends a signal to processes, of which some may have ended.
func signalAll(s syscall.Signal, pids []int) error {
	for _, pid := range pids {
		if err := syscall.Kill(pid, s); err != nil && err != syscall.ESRCH {
			return fmt.Errorf("signal process %d: %w", pid, err)
		}
	}
	return nil
}

// lost tries a deployment whose request or reply at one point gets lost.
func lost(point string, want peering.DeploymentState) func(*testing.T, *wish) bool {
	return func(t *testing.T, w *wish) bool {
		w.b.lose(w.edge.name, point, 1)
		w.approve(t)
		w.judge(t, want)
		if len(w.b.passages(w.dep.ID, point)) == 0 {
			t.Errorf("nothing came to %q: nothing got lost", point)
		}
		return true
	}
}

// stagingFails: nothing was written, and the candidate goes.
func stagingFails(t *testing.T, w *wish) bool {
	w.b.lose(w.edge.name, "after stage", 10)
	w.approve(t)
	w.judge(t, peering.DeploymentFailed)
	if len(w.b.passages(w.dep.ID, "after stage")) == 0 {
		t.Error("nothing was staged")
	}
	return true
}

// The router can't be reached for a moment after a commit that never arrived:
// being back at the base, which it never left, isn't somebody else's doing.
func routerLost(t *testing.T, w *wish) bool {
	h, reached := w.reach(t, "before commit")
	if !reached {
		return false
	}
	w.edge.way.cut()
	h.answer <- lose
	eventually(t, 2*time.Minute, "the deployment is unknown", func() bool { return w.deployment(t).State == peering.DeploymentUnknown })
	w.edge.way.mend()
	w.judge(t, peering.DeploymentRolledBack)
	return true
}

// restarted lets the routing daemon crash and boot while a process is held.
func restarted(point string) func(*testing.T, *wish) bool {
	return func(t *testing.T, w *wish) bool {
		h, reached := w.reach(t, point)
		if !reached {
			return false
		}
		must(t, w.edge.restart(t.Context()))
		h.answer <- goOn
		w.sessions = nil // the restart reset them
		w.judge(t, peering.DeploymentRolledBack)
		return true
	}
}

func abortLost(t *testing.T, w *wish) bool {
	w.b.lose(w.edge.name, "after abort", 1)
	w.approve(t)
	if !w.rollBack(t) {
		return false
	}
	w.judge(t, peering.DeploymentRolledBack)
	return true
}

// The change runs again from before it submitted, finds its deployment, and
// starts the queue anew, which adopts the deployment's workflow.
func resetAndTerminated(t *testing.T, w *wish) bool {
	h, reached := w.reach(t, "after verdict pending")
	if !reached {
		return false
	}
	temporal := w.b.parts.Temporal
	must(t, temporal.TerminateWorkflow(t.Context(), fmt.Sprintf("router/%d", w.edge.id), "", "crash test"))
	_, err := temporal.ResetWorkflowExecution(t.Context(), &workflowservice.ResetWorkflowExecutionRequest{
		Namespace: client.DefaultNamespace, WorkflowExecution: execution(changeRunOf(w.change)), Reason: "crash test", RequestId: w.edge.name,
		WorkflowTaskFinishEventId: taskBefore(t, temporal, changeRunOf(w.change), "SubmitDeployment"),
	})
	must(t, err)
	h.answer <- goOn
	w.judge(t, peering.DeploymentConfirmed)
	return true
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

// The second change waits. Both bring the same filters: once the first did, those
// of the second's plan have moved, and it is planned and approved again.
func secondChange(t *testing.T, first *wish) bool {
	second := first.b.another(t, first.edge)
	h, reached := first.reach(t, "after verdict pending")
	if !reached {
		return false
	}
	second.approve(t)
	eventually(t, 2*time.Minute, "the second change queues", func() bool { return second.deployment(t).State == peering.DeploymentQueued })
	h.answer <- goOn
	eventually(t, 2*time.Minute, "the second change is stale", func() bool { return second.deployment(t).State == peering.DeploymentStale })
	if state := first.deployment(t).State; state != peering.DeploymentConfirmed {
		t.Errorf("the first is %s, and the second ended", state)
	}
	if strings.Contains(first.edge.photo(t).runs, second.peer) {
		t.Error("the second is stale, and the router runs it")
	}
	stale := second.dep.ID
	second.approve(t)
	eventually(t, 2*time.Minute, "the second change is deployed again", func() bool { return second.deployment(t).ID != stale })
	second.judge(t, peering.DeploymentConfirmed)
	if !strings.Contains(first.edge.photo(t).runs, first.peer) {
		t.Errorf("the second change took the first's session with %s away", first.peer)
	}
	return true
}

// interfered21 lets another writer do something in the window: nothing is
// claimed of the router or written to it, and it is frozen until a person looked.
func interfered21(do func(device, context.Context) error) func(*testing.T, *wish) bool {
	return func(t *testing.T, w *wish) bool {
		h, reached := w.reach(t, "after verdict pending")
		if !reached {
			return false
		}
		must(t, do(w.edge.device, t.Context()))
		found := w.edge.photo(t)
		h.answer <- goOn
		w.outlast(t)
		w.end(t, peering.ChangeInterfered)
		if d := w.deployment(t); d.State != peering.DeploymentInterfered || !d.ConfirmSentAt.IsZero() {
			t.Errorf("recorded %s, confirm sent %s", d.State, clock(d.ConfirmSentAt))
		}
		now := w.edge.photo(t)
		if now.identity != found.identity || now.pending || now.boots != found.boots || now.others != found.others {
			t.Errorf("the other writer left it with %.12q, and now it runs %.12q", found.identity, now.identity)
		}
		w.b.frozen(t, w.edge)
		return true
	}
}

// frozen: nothing more is written to the router until a person looked at it.
func (b *crashBed) frozen(t *testing.T, e *edge) {
	t.Helper()
	freezes, err := b.parts.DB.ListFreezes(t.Context(), false)
	must(t, err)
	for _, f := range freezes {
		if f.RouterID == e.id {
			return
		}
	}
	t.Errorf("%s isn't frozen", e.name)
}

// zombies stops a worker between its check and its write, lets another one take
// over and finish, and wakes it up: every write of its own must be refused.
func (l *lanes) zombies(t *testing.T) {
	n := l.lane(t, "zombie", "")
	var zombie *child // the lane's worker, which starts with the first change
	var subs []sub
	for _, driver := range crashDrivers {
		for write, end := range map[string]peering.DeploymentState{"confirm": peering.DeploymentConfirmed, "install": peering.DeploymentConfirmed,
			"abort": peering.DeploymentRolledBack, "commit": peering.DeploymentRolledBack} {
			p := point{name: write, at: "before " + write, abort: write == "abort"}
			subs = append(subs, sub{driver + ", " + write, func(t *testing.T, meet func(int)) {
				w, h := n.at(t, p, driver, "")
				meet(0)
				eventually(t, 3*time.Minute, write+": taken over", func() bool { return w.deployment(t).State.Ended() })
				meet(1)
				h.answer <- insist
				said := ""
				eventually(t, 30*time.Second, "the zombie's "+write, func() bool { said = n.refusedTo(w, zombie, write); return said != "" })
				if !strings.Contains(said, "newer attempt") {
					t.Errorf("%s: the zombie's write was answered %q", write, said)
				}
				ends := []peering.DeploymentState{end}
				// A stopped process's polls are still open at Temporal, and may take the retries too, a heartbeat's time each.
				if d := w.deployment(t); write == "confirm" && d.EndedAt.After(d.CommitSentAt.Add(d.Timer)) {
					ends = append(ends, peering.DeploymentRolledBack)
				}
				w.judge(t, ends...)
			}})
		}
	}
	together(t, subs, func() error {
		zombie = n.worker
		zombie.signal(syscall.SIGSTOP)
		return n.start()
	}, func() error {
		zombie.signal(syscall.SIGCONT)
		return nil
	})
}

// refusedTo is what the router said to a process's write, "" before it did.
func (b *crashBed) refusedTo(w *wish, p *child, write string) string {
	for _, passed := range b.passages(w.dep.ID, "after "+write) {
		if passed.Process == p.cmd.Process.Pid {
			return passed.Error + " "
		}
	}
	return ""
}

// awayPoints are where a deployment stands when database or Temporal goes.
var awayPoints = []point{
	{name: "8: committed, reply not read", at: "after commit"},
	{name: "9: during verification", at: "after verdict pending"},
	{name: "11: verdict stored, confirm not sent", at: "after verdict passed"},
}

// unconfirmed takes something away between commit and confirm until the timer has
// ended (row 10): the worker may see that all is well, and must not confirm.
func (n *lane) unconfirmed(t *testing.T, away, back func() error) {
	var subs []sub
	for _, driver := range crashDrivers {
		for _, p := range awayPoints {
			subs = append(subs, sub{driver + ", " + p.name, func(t *testing.T, meet func(int)) {
				w, h := n.at(t, p, driver, brief)
				meet(0)
				h.answer <- goOn
				must(t, awaitReverts(w.edge))
				meet(1)
				w.judge(t, peering.DeploymentRolledBack)
				if tries := len(n.passages(w.dep.ID, "before confirm")); tries > 0 {
					t.Errorf("confirmed %d times", tries)
				}
			}})
		}
	}
	together(t, subs, away, back)
}
