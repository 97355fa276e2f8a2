//go:build crash

package e2e

import (
	"fmt"
	"log/slog"
	"sync"
	"testing"
	"time"

	commonpb "go.temporal.io/api/common/v1"

	"peerflow/internal/peering"
)

func quiet() *slog.Logger { return slog.New(slog.DiscardHandler) }

// point is one row of the crash matrix: where the process is when it dies, and
// what the deployment must become when it is replaced at once, or only after
// the rollback timer.
type point struct {
	name  string
	at    string                  // the passage at which it is held and killed
	soaks bool                    // it comes only after a soak, with the timer running
	abort bool                    // a person rolls back during the soak
	back  peering.DeploymentState // replaced at once
	late  peering.DeploymentState // replaced after the timer; "" isn't tried
}

// crashPoints are the rows in which a process dies with a deployment in hand.
var crashPoints = []point{
	{name: "3: token taken, nothing sent", at: "after fence", back: peering.DeploymentConfirmed},
	{name: "4: candidate uploaded", at: "after stage", back: peering.DeploymentConfirmed},
	{name: "5: committing written, no device write", at: "after begin", back: peering.DeploymentConfirmed},
	{name: "7: request claimed, never sent", at: "before commit", back: peering.DeploymentRolledBack},
	{name: "8: committed, reply not read", at: "after commit", back: peering.DeploymentConfirmed, late: peering.DeploymentRolledBack},
	{name: "8: committed, not recorded", at: "before committed", back: peering.DeploymentConfirmed, late: peering.DeploymentRolledBack},
	{name: "9: during verification", at: "after verdict pending", back: peering.DeploymentConfirmed, late: peering.DeploymentRolledBack},
	{name: "11: verdict stored, confirm not sent", at: "before confirm_sent", soaks: true, back: peering.DeploymentConfirmed, late: peering.DeploymentRolledBack},
	{name: "11: confirm announced, not sent", at: "before confirm", soaks: true, back: peering.DeploymentConfirmed, late: peering.DeploymentRolledBack},
	{name: "12: confirm sent, reply not read", at: "after confirm", soaks: true, back: peering.DeploymentConfirmed, late: peering.DeploymentConfirmed},
	{name: "13: confirmed, boot file not installed", at: "before install", soaks: true, back: peering.DeploymentConfirmed, late: peering.DeploymentConfirmed},
	{name: "14: final, row not written", at: "before end", soaks: true, back: peering.DeploymentConfirmed},
	{name: "14: row written, nobody told", at: "after end", soaks: true, back: peering.DeploymentConfirmed},
	{name: "15: abort announced, not sent", at: "before abort", soaks: true, abort: true, back: peering.DeploymentRolledBack, late: peering.DeploymentRolledBack},
	{name: "15: abort sent, revert not proven", at: "after abort", soaks: true, abort: true, back: peering.DeploymentRolledBack},
}

// lateness of a round: how the points are judged depends on it.
func (p point) ends(late bool) peering.DeploymentState {
	if late {
		return p.late
	}
	return p.back
}

// round brings one deployment to each point, all of them held there, and then
// lets crash end the process and start another one.
func (b *crashBed) round(t *testing.T, edges []*edge, late bool, crash func(*testing.T, []*wish)) {
	var points []point
	for _, p := range crashPoints {
		if p.ends(late) != "" {
			points = append(points, p)
		}
	}
	wishes := make([]*wish, len(points))
	for i, p := range points {
		wishes[i] = b.wish(t, edges[i])
		t.Logf("%s on %s, change %d", p.name, edges[i].name, wishes[i].change)
	}
	defer func() {
		if t.Failed() {
			for _, w := range wishes {
				w.told(t)
			}
		}
	}()
	for _, w := range wishes {
		w.planned(t)
	}
	b.bring(t, points, wishes, true) // those that soak take longer
	b.bring(t, points, wishes, false)
	crash(t, wishes)
	var judged sync.WaitGroup
	for i, p := range points {
		judged.Go(func() {
			t.Run(p.name, func(t *testing.T) {
				defer wishes[i].told(t)
				wishes[i].judge(t, p.ends(late))
				wishes[i].end(t, changeEnd(p.ends(late)))
			})
		})
	}
	judged.Wait()
}

func changeEnd(s peering.DeploymentState) peering.ChangeState {
	if s == peering.DeploymentConfirmed {
		return peering.ChangeCompleted
	}
	return peering.ChangeRolledBack
}

// bring approves the points of one kind and waits until each is held.
func (b *crashBed) bring(t *testing.T, points []point, wishes []*wish, soaks bool) map[int]*hold {
	t.Helper()
	holds := map[int]*hold{}
	for i, p := range points {
		if p.soaks == soaks {
			holds[i] = b.hold(wishes[i].edge.name, p.at)
			wishes[i].approve(t)
		}
	}
	for i := range holds {
		if points[i].abort { // at once: it is refused when the confirm is on its way
			wishes[i].soaking(t)
			_, err := b.parts.DB.AddCommand(t.Context(), b.admin, wishes[i].change, peering.CommandRollBack, "looks wrong")
			must(t, err)
		}
	}
	for i, h := range holds {
		h.await(t, points[i].name)
	}
	return holds
}

// await returns once a process is held.
func (h *hold) await(t *testing.T, what string) passage {
	t.Helper()
	select {
	case p := <-h.reached:
		return p
	case <-time.After(2 * time.Minute):
		t.Fatalf("%s: nobody came to this point", what)
	}
	return passage{}
}

// outage waits until every rollback timer has ended on the routers.
func outage(t *testing.T, wishes []*wish) {
	t.Helper()
	for _, w := range wishes {
		eventually(t, 2*time.Minute, fmt.Sprintf("%s: rollback timer", w.edge.name), func() bool { return !w.edge.pending() })
	}
}

func execution(id string) *commonpb.WorkflowExecution {
	return &commonpb.WorkflowExecution{WorkflowId: id}
}

func changeRunOf(id int64) string { return fmt.Sprintf("change/%d", id) }
