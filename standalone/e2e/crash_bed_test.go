package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"peerflow/cmd"
	"peerflow/db"
	"peerflow/internal/bgp"
	"peerflow/internal/peering"
)

// crashBed is a yard with a peerflow that knows it. Reading and deciding go
// through connections of the test's own, which outlive the processes under test.
type crashBed struct {
	*yard
	*watch
	parts *cmd.Parts
	admin peering.Actor
	nouns nouns

	*tally
	lead func(*testing.T, *wish) // starts a change's workflow; nil where peerflow does it by itself
}

// open connects to what serves now.
func (b *crashBed) open(c cmd.Config) error {
	parts, err := cmd.OpenParts(context.Background(), c, quiet())
	if err == nil && b.parts != nil {
		b.parts.Close()
	}
	if err == nil {
		b.parts = parts
	}
	return err
}

// wish is a change that adds one session to one router.
type wish struct {
	b      *crashBed
	edge   *edge
	change int64
	plan   string // hash
	peer   string

	before   photo
	sessions map[bgp.ASN]time.Time // nil: something reset them on purpose
	dep      peering.Deployment    // as last read
	rests    func()                // called when nothing is left but to wait for the rollback timer; may be nil
}

// wish brings a change on a router of its own to where it waits for approval.
func (b *crashBed) wish(t *testing.T, driver, suffix string) *wish {
	t.Helper()
	b.slots <- struct{}{}
	defer func() { <-b.slots }()
	return b.another(t, b.edge(t, driver, suffix))
}

// another records one more change on a router, which must not know the session yet, and waits for its plan.
func (b *crashBed) another(t *testing.T, e *edge) *wish {
	t.Helper()
	e.news++
	w := &wish{b: b, edge: e, peer: b.addr(200, e.news).String(), before: e.photo(t), sessions: e.sessions()}
	if strings.Contains(w.before.runs+w.before.boots, w.peer) {
		t.Fatalf("%s has a session with %s before the change", e.name, w.peer)
	}
	patch, err := json.Marshal(map[string]any{"kind": "direct", "peering_id": b.nouns.peering, "router_id": e.id, "peer_address": w.peer, "multihop": 2,
		"local_address": e.address, "peer_asn": 64501, "families": []string{"ipv4"}, "intent": "present",
		"import_policies": b.nouns.policies[:1], "export_policies": b.nouns.policies[1:]})
	must(t, err)
	change, _, err := b.parts.DB.CreateChange(t.Context(), b.admin, db.NewChange{Kind: peering.KindMaintenance, Reason: "crash test",
		Request: peering.ChangeRequest{Operations: []peering.Operation{{RouterID: e.id, Object: peering.ObjectSession, Action: peering.Create, Patch: patch}}}})
	must(t, err)
	w.change = change.ID
	t.Cleanup(func() { w.told(t) })
	if b.lead != nil {
		b.lead(t, w)
	}
	w.planned(t)
	return w
}

// planned waits for a plan to approve.
func (w *wish) planned(t *testing.T) {
	t.Helper()
	eventually(t, 2*time.Minute, fmt.Sprintf("%s: plan of change %d", w.edge.name, w.change), func() bool {
		c, err := w.b.parts.DB.Change(t.Context(), w.change)
		if err == nil && c.State.Ended() {
			t.Fatalf("change %d ended %s: %s", c.ID, c.State, c.Outcome)
		}
		w.plan = c.PlanHash
		return err == nil && c.State == peering.ChangeAwaitingApproval
	})
}

func (w *wish) approve(t *testing.T) {
	t.Helper()
	w.planned(t)
	result, err := w.b.parts.DB.CastVote(t.Context(), w.b.admin, w.change, w.plan, peering.Approve, "looks right")
	must(t, err)
	if !result.Accepted {
		t.Fatal(result.Text)
	}
	must(t, w.b.parts.Workflows.LookAgain(t.Context(), w.change, "vote"))
}

// rollBack is a person who says so during the soak, unless the deployment ends before that.
func (w *wish) rollBack(t *testing.T) (soaked bool) {
	t.Helper()
	eventually(t, 2*time.Minute, w.edge.name+" soaks", func() bool {
		d := w.deployment(t)
		soaked = d.State == peering.DeploymentSoaking
		return soaked || d.ID != 0 && d.State.Ended()
	})
	if !soaked {
		return false
	}
	_, err := w.b.parts.DB.AddCommand(t.Context(), w.b.admin, w.change, peering.CommandRollBack, "looks wrong")
	must(t, err)
	return true
}

// deployment reads the change's newest, zero while there is none.
func (w *wish) deployment(t *testing.T) peering.Deployment {
	t.Helper()
	all, err := w.b.parts.DB.Deployments(context.Background(), w.change)
	must(t, err)
	if len(all) > 0 {
		w.dep = all[len(all)-1]
	}
	return w.dep
}

// reach approves and waits until a process is held at a point, or the deployment ended before it came there.
func (w *wish) reach(t *testing.T, at string) (h *hold, reached bool) {
	t.Helper()
	return point{name: w.edge.name + ", " + at, at: at}.reach(t, w)
}

// instead is another wish for one whose deployment ended early, since Temporal gave it up on a busy machine.
func (b *crashBed) instead(t *testing.T, w *wish) *wish {
	t.Helper()
	if !b.excuse(t, fmt.Sprintf("%s ended %s early", w.edge.name, w.dep.State)) {
		t.Fatalf("%s ended early: %s (%s)", w.edge.name, w.dep.State, w.dep.Outcome)
	}
	other := b.wish(t, w.edge.driver, w.edge.suffix)
	other.rests = w.rests
	return other
}

// Patience of the property: commit + T + margin after the commit the router is at
// its base or at the artifact for good, and within a minute after that, once it
// can be known, the record says which.
const (
	routerMargin = 3 * time.Second
	recordMargin = time.Minute
	// lateVerdict is the time before the timer's end from which on a verdict comes too late for a busy machine.
	lateVerdict = 15 * time.Second
)

// judge waits until the timer must be over, reads the router first, and then
// holds the record against it.
func (w *wish) judge(t *testing.T, want ...peering.DeploymentState) {
	t.Helper()
	w.outlast(t)
	w.b.judged.Add(1)
	now := w.edge.photo(t)
	w.b.settles(t, w.edge.name+": terminal record", func() bool { d := w.deployment(t); return d.ID != 0 && d.State.Ended() })
	w.matches(t, now)
	final := w.edge.photo(t)
	w.matches(t, final) // recording it moved nothing
	w.boots(t, final)
	if !slices.Contains(want, w.dep.State) && !w.gaveUp(t) {
		t.Errorf("%s ended %s (%s), want %s", w.edge.name, w.dep.State, w.dep.Outcome, want)
	}
	w.end(t, changeEnds[w.dep.State])
}

// gaveUp tells whether a process that lived was given up, because its heartbeat
// didn't get through a busy machine: what it had sent may be lost, as in row 7,
// and after three tries without a commit nothing is written any more. Or it read
// the router so slowly that its verdict came when the timer was about to end.
func (w *wish) gaveUp(t *testing.T) bool {
	t.Helper()
	late := func(text string) bool {
		return strings.Contains(text, context.Canceled.Error()) || strings.Contains(text, "Heartbeat timeout")
	}
	for _, verified := range w.b.passages(w.dep.ID, "before verdict passed") {
		if verified.at.After(w.dep.CommitSentAt.Add(w.dep.Timer - lateVerdict)) {
			return w.dep.State == peering.DeploymentRolledBack && w.b.excuse(t, w.edge.name+": verified too late to confirm")
		}
	}
	written := append(w.b.passages(w.dep.ID, "after commit"), w.b.passages(w.dep.ID, "after confirm")...)
	given := late(w.dep.Outcome) || slices.ContainsFunc(written, func(p passage) bool { return late(p.Error) })
	harmless := w.dep.State == peering.DeploymentRolledBack || w.dep.State == peering.DeploymentFailed && w.dep.CommitSentAt.IsZero()
	return given && harmless && w.b.excuse(t, fmt.Sprintf("%s ended %s (%s)", w.edge.name, w.dep.State, w.dep.Outcome))
}

// outlast waits until commit + T + margin. A deployment that never gets as far ends at once.
func (w *wish) outlast(t *testing.T) {
	t.Helper()
	eventually(t, 4*time.Minute, w.edge.name+": a commit, or an end without one", func() bool {
		d := w.deployment(t)
		return !d.CommitSentAt.IsZero() || d.ID != 0 && d.State.Ended()
	})
	if w.rests != nil {
		w.rests()
	}
	if sent := w.dep.CommitSentAt; !sent.IsZero() {
		for _, answered := range w.b.passages(w.dep.ID, "after commit") {
			sent = answered.at // the router's timer runs from some moment in between
		}
		<-time.After(time.Until(sent.Add(w.dep.Timer + routerMargin)))
	}
}

// matches says where router and record differ.
func (w *wish) matches(t *testing.T, now photo) {
	t.Helper()
	identity, confirmed := w.before.identity, w.dep.State == peering.DeploymentConfirmed
	if confirmed {
		identity = w.dep.ArtifactHash
	}
	switch runs := strings.Contains(now.runs, w.peer); {
	case now.pending:
		t.Errorf("%s: a rollback timer still runs", w.edge.name)
	case now.identity != identity:
		t.Errorf("%s: recorded %s, but it runs %.12q, not %.12q", w.edge.name, w.dep.State, now.identity, identity)
	case runs != confirmed:
		t.Errorf("%s: recorded %s, session with %s on the router: %t", w.edge.name, w.dep.State, w.peer, runs)
	case now.others != w.before.others:
		t.Errorf("%s: what isn't ours was written:\n%s", w.edge.name, now.others)
	}
	if up := w.edge.sessions(); w.sessions != nil && !sameSessions(up, w.sessions) {
		t.Errorf("%s: foreign sessions %v, before %v", w.edge.name, up, w.sessions)
	}
	w.once(t)
}

// once: a commit is never sent twice, and a confirm never without a stored verdict.
func (w *wish) once(t *testing.T) {
	t.Helper()
	if n := len(w.b.passages(w.dep.ID, "before commit")); n > 1 {
		t.Errorf("%s: committed %d times", w.edge.name, n)
	}
	confirms, verdicts := w.b.passages(w.dep.ID, "before confirm"), w.b.passages(w.dep.ID, "after verdict "+string(peering.CheckPassed))
	if len(confirms) > 0 && (len(verdicts) == 0 || confirms[0].at.Before(verdicts[0].at)) {
		t.Errorf("%s: confirmed before a verdict was stored", w.edge.name)
	}
}

// boots says where what a restart loads differs from the record, and what was left behind.
func (w *wish) boots(t *testing.T, now photo) {
	t.Helper()
	switch confirmed := w.dep.State == peering.DeploymentConfirmed; {
	case confirmed && (!strings.Contains(now.boots, w.dep.ArtifactHash) || !strings.Contains(now.boots, w.peer)):
		t.Errorf("%s: confirmed, and it would boot something else", w.edge.name)
	case !confirmed && now.boots != w.before.boots:
		t.Errorf("%s: what it would boot isn't as before", w.edge.name)
	}
	for _, file := range now.left {
		if strings.HasSuffix(file, fmt.Sprintf("candidate-%d.conf", w.dep.ID)) {
			t.Errorf("%s: %s is left behind", w.edge.name, file)
		}
	}
}

// changeEnds is how a change ends whose only deployment ended so.
var changeEnds = map[peering.DeploymentState]peering.ChangeState{
	peering.DeploymentConfirmed:     peering.ChangeCompleted,
	peering.DeploymentRolledBack:    peering.ChangeRolledBack,
	peering.DeploymentFailed:        peering.ChangeFailed,
	peering.DeploymentInterfered:    peering.ChangeInterfered,
	peering.DeploymentNeedsOperator: peering.ChangeNeedsOperator,
}

// end waits for the change's own end.
func (w *wish) end(t *testing.T, want peering.ChangeState) {
	t.Helper()
	var c peering.Change
	w.b.settles(t, fmt.Sprintf("end of change %d", w.change), func() bool {
		var err error
		c, err = w.b.parts.DB.Change(t.Context(), w.change)
		return err == nil && c.State.Ended()
	})
	if c.State != want {
		t.Errorf("change %d ended %s (%s), want %s", c.ID, c.State, c.Outcome, want)
	}
}

// told is for a failure's reader: what the record says, what each process did,
// and how to try this point alone.
func (w *wish) told(t *testing.T) {
	t.Helper()
	if !t.Failed() {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	c, err := w.b.parts.DB.Change(ctx, w.change)
	t.Logf("%s, change %d: %s, %s, %s %v", w.edge.name, w.change, c.State, c.Step, c.Outcome, err)
	if all, err := w.b.parts.DB.Deployments(ctx, w.change); err == nil {
		for _, d := range all {
			t.Logf("deployment %d: %s (%s), timer %s, sent %s, confirm %s, abort %s, ended %s", d.ID, d.State, d.Outcome, d.Timer,
				clock(d.CommitSentAt), clock(d.ConfirmSentAt), clock(d.AbortSentAt), clock(d.EndedAt))
		}
	}
	t.Logf("\n%s\nalone: go test ./standalone/e2e -run '%s'", w.b.story(w.edge.name), alone(t.Name()))
}

func clock(t time.Time) string {
	if t.IsZero() {
		return "never"
	}
	return t.Local().Format("15:04:05.0")
}

// alone makes a test's name a pattern for -run.
func alone(name string) string {
	parts := strings.Split(name, "/")
	for i, p := range parts {
		parts[i] = "^" + p + "$"
	}
	return strings.Join(parts, "/")
}
