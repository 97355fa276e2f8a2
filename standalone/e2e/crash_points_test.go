package e2e

import (
	"context"
	"flag"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	commonpb "go.temporal.io/api/common/v1"
	"go.temporal.io/sdk/client"

	"peerflow/activities"
	"peerflow/internal/peering"
	"peerflow/workflows"
)

// full tries the whole product of points, drivers, lateness and what is killed:
//
//	go test ./standalone/e2e -run NoDoubt -full -timeout 60m
var full = flag.Bool("full", false, "try every point of the crash matrix on every driver, for the process tree too")

func quiet() *slog.Logger { return slog.New(slog.DiscardHandler) }

// point is one row of the crash matrix: where the process is when it dies, and
// what the deployment must become when it is replaced in time, or only after the
// rollback timer.
type point struct {
	name  string
	at    string // the passage at which it is held and killed; "" for rows that have a bring
	abort bool   // a person rolls back during the soak
	back  peering.DeploymentState
	late  peering.DeploymentState // "": it doesn't matter when, and back holds

	bring func(*testing.T, *wish) // to the point, where it isn't a deployment's
	after func(*testing.T, *wish) // what a person does once the process is back
}

// crashPoints are the rows in which a process dies.
var crashPoints = []point{
	{name: "1: awaiting approval", bring: waits, after: approves, back: peering.DeploymentConfirmed},
	{name: "2: vote row written, Update not answered", bring: voteUnanswered, after: voteAgain, back: peering.DeploymentConfirmed},
	{name: "3: token taken, nothing sent", at: "after fence", back: peering.DeploymentConfirmed},
	{name: "4: candidate uploaded", at: "after stage", back: peering.DeploymentConfirmed},
	{name: "5: committing written, no device write", at: "after begin", back: peering.DeploymentConfirmed},
	{name: "7: request claimed, never sent", at: "before commit", back: peering.DeploymentRolledBack},
	{name: "8: committed, reply not read", at: "after commit", back: peering.DeploymentConfirmed, late: peering.DeploymentRolledBack},
	{name: "8: committed, not recorded", at: "before committed", back: peering.DeploymentConfirmed, late: peering.DeploymentRolledBack},
	{name: "9: during verification", at: "after verdict pending", back: peering.DeploymentConfirmed, late: peering.DeploymentRolledBack},
	{name: "11: verdict stored, confirm not sent", at: "before confirm_sent", back: peering.DeploymentConfirmed, late: peering.DeploymentRolledBack},
	{name: "11: confirm announced, not sent", at: "before confirm", back: peering.DeploymentConfirmed, late: peering.DeploymentRolledBack},
	{name: "12: confirm sent, reply not read", at: "after confirm", back: peering.DeploymentConfirmed, late: peering.DeploymentConfirmed},
	{name: "13: confirmed, boot file not installed", at: "before install", back: peering.DeploymentConfirmed, late: peering.DeploymentConfirmed},
	{name: "14: final, row not written", at: "before end", back: peering.DeploymentConfirmed},
	{name: "14: row written, nobody told", at: "after end", back: peering.DeploymentConfirmed},
	{name: "15: abort announced, not sent", at: "before abort", abort: true, back: peering.DeploymentRolledBack, late: peering.DeploymentRolledBack},
	{name: "15: abort sent, revert not proven", at: "after abort", abort: true, back: peering.DeploymentRolledBack},
}

// takeover is what a process that is back may need from its start until it has
// verified and confirmed, on a busy machine: the lost one's heartbeat, the soak
// again, the reserve at the timer's end.
const takeover = 45 * time.Second

// ends is what the matrix names for what happened. A process that is back well
// before the timer's end must finish, one that is back after it mustn't; what
// comes between is a race, which the router decides.
func (p point) ends(t *testing.T, d peering.Deployment, back time.Time) []peering.DeploymentState {
	t.Helper()
	over := d.CommitSentAt.Add(d.Timer)
	switch {
	case p.late == "" || p.late == p.back, back.Before(over.Add(-takeover)):
		return []peering.DeploymentState{p.back}
	case back.After(over):
		return []peering.DeploymentState{p.late}
	}
	t.Logf("back at %s, and the timer ended at %s: in time or late, both are right", clock(back), clock(over))
	return []peering.DeploymentState{p.back, p.late}
}

// round brings one deployment to each point, each on a router of its own and all
// of them held there, and lets crash end the process and start another one.
func (b *crashBed) round(t *testing.T, points []tried, late bool, crash func([]*edge) error) {
	t.Helper()
	var back time.Time
	edges := make([]*edge, len(points))
	subs := make([]sub, len(points))
	for i, p := range points {
		subs[i] = sub{p.driver + ", " + p.name, func(t *testing.T, meet func(int)) {
			suffix := ""
			if late {
				suffix = brief
			}
			w, _ := b.at(t, p.point, p.driver, suffix)
			edges[i] = w.edge
			meet(0)
			if p.after != nil {
				p.after(t, w)
			}
			w.outlast(t)
			want := p.ends(t, w.dep, back)
			w.judge(t, want...)
			if len(want) > 1 && w.dep.State != p.back {
				b.excused.Add(1)
			}
		}}
	}
	together(t, subs, func() error {
		err := crash(edges)
		back = time.Now()
		return err
	})
}

// tried is a point on a driver.
type tried struct {
	point
	driver string
}

// pointsOf are those of a round. Late, those count whose end depends on it.
func pointsOf(late bool, drivers ...string) (all []tried) {
	for _, p := range crashPoints {
		for _, driver := range drivers {
			if !late || p.late != "" {
				all = append(all, tried{p, driver})
			}
		}
	}
	return all
}

// at brings a new deployment to a point. One that Temporal gave up on a busy
// machine before it came there is replaced.
func (b *crashBed) at(t *testing.T, p point, driver, suffix string) (*wish, *hold) {
	t.Helper()
	for w := b.wish(t, driver, suffix); ; w = b.instead(t, w) {
		if h, reached := p.reach(t, w); reached {
			return w, h
		}
	}
}

// reach brings a deployment to the point; nothing is held where the point isn't a deployment's.
func (p point) reach(t *testing.T, w *wish) (h *hold, reached bool) {
	t.Helper()
	if p.bring != nil {
		p.bring(t, w)
		return nil, true
	}
	h = w.b.hold(w.edge.name, p.at)
	w.approve(t)
	if p.abort { // at once: it is refused when the confirm is on its way
		w.rollBack(t)
	}
	eventually(t, 3*time.Minute, p.name+": somebody comes to this point", func() bool {
		select {
		case <-h.reached:
			reached = true
		default:
		}
		state := w.deployment(t).State
		return reached || state == peering.DeploymentFailed || state == peering.DeploymentRolledBack
	})
	return h, reached
}

func waits(*testing.T, *wish) {} // it does already

func approves(t *testing.T, w *wish) { t.Helper(); w.approve(t) }

// voteUnanswered is a person who votes, and isn't answered.
func voteUnanswered(t *testing.T, w *wish) {
	t.Helper()
	h := w.b.hold(changeRunOf(w.change), "after vote")
	unanswered, cancel := context.WithCancel(t.Context())
	defer cancel()
	go func() { _, _ = w.decide(unanswered) }()
	h.await(t, "vote")
}

// voteAgain repeats the vote: there is one, and the answer is the first one's.
func voteAgain(t *testing.T, w *wish) {
	t.Helper()
	patient, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	result, err := w.decide(patient)
	must(t, err)
	if !result.Accepted || !strings.Contains(result.Text, "1 of 1") {
		t.Errorf("the repeated vote was answered %+v", result)
	}
	events, err := w.b.parts.DB.AuditEvents(t.Context(), w.change)
	must(t, err)
	if len(events) != 1 {
		t.Errorf("%d decisions are on record, want one: %+v", len(events), events)
	}
}

// decide votes through Temporal, always with the same update id.
func (w *wish) decide(ctx context.Context) (result activities.VoteResult, err error) {
	id := changeRunOf(w.change)
	handle, err := w.b.parts.Temporal.UpdateWorkflow(ctx, client.UpdateWorkflowOptions{WorkflowID: id, UpdateID: "vote-1",
		UpdateName: workflows.UpdateDecide, WaitForStage: client.WorkflowUpdateStageCompleted,
		Args: []any{workflows.Decide{Decision: peering.Approve, Plan: w.plan[:8]}}})
	if err == nil {
		err = handle.Get(ctx, &result)
	}
	return result, err
}

func execution(id string) *commonpb.WorkflowExecution {
	return &commonpb.WorkflowExecution{WorkflowId: id}
}

func changeRunOf(id int64) string { return fmt.Sprintf("change/%d", id) }
