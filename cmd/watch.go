package cmd

import (
	"context"
	"fmt"
	"strings"
	"time"

	"peerflow/api"
	"peerflow/internal/peering"
)

// Until says when Watch has seen enough.
type Until func(peering.Change) bool

// Ended waits for a change's end, or until a person has to resolve it.
func Ended(c peering.Change) bool {
	return c.State.Ended() || c.State == peering.ChangeNeedsOperator
}

// Decidable waits for a plan that people may decide on, for the peer whose
// agreement is missing, or for the end.
func Decidable(c peering.Change) bool {
	return Ended(c) || c.State == peering.ChangeAwaitingApproval || c.State == peering.ChangeDeploying || waitsForAgreement(c)
}

// waitsForAgreement: a draft to peer has a step only while the peer is asked.
func waitsForAgreement(c peering.Change) bool {
	return c.Kind == peering.KindProvision && c.State == peering.ChangeDraft && c.Step != ""
}

const watchPause = 500 * time.Millisecond

// Watch prints what a change does, as it happens, and gives the change once
// until says so. A server that doesn't answer for a while is waited for.
func Watch(ctx context.Context, c *Client, changeID int64, s Screen, until Until) (peering.Change, error) {
	return newWatcher(c, changeID, s).watch(ctx, until)
}

func newWatcher(c *Client, changeID int64, s Screen) *watcher {
	return &watcher{client: c, screen: s, id: changeID, said: map[string]string{}}
}

// watch may be called again: what was said once isn't repeated.
func (w *watcher) watch(ctx context.Context, until Until) (peering.Change, error) {
	tick := time.NewTicker(watchPause)
	defer tick.Stop()
	defer w.screen.clear()
	for {
		change, err := w.look(ctx)
		if err != nil || until(change) {
			return change, err
		}
		select {
		case <-ctx.Done():
			return change, ctx.Err()
		case <-tick.C:
		}
	}
}

// outagePatience is how long Watch goes on without an answer.
const outagePatience = 2 * time.Minute

type watcher struct {
	client *Client
	screen Screen
	id     int64
	said   map[string]string // what was printed last of each thing
	silent time.Time         // since when nobody answers
}

func (w *watcher) look(ctx context.Context) (peering.Change, error) {
	change, err := w.client.Change(ctx, w.id)
	var deployments []api.DeploymentView
	if err == nil && (change.State == peering.ChangeDeploying || Ended(change)) {
		deployments, err = w.client.Deployments(ctx, w.id)
	}
	if err != nil {
		return change, w.outage(ctx, err)
	}
	w.silent = time.Time{}
	w.change(change)
	for _, d := range deployments {
		w.deployment(d)
	}
	w.progress(deployments)
	return change, nil
}

func (w *watcher) outage(ctx context.Context, err error) error {
	if exitCode(err) != exitUnavailable || ctx.Err() != nil {
		return err
	}
	now := time.Now()
	if w.silent.IsZero() {
		w.silent = now
	}
	if now.Sub(w.silent) > outagePatience {
		return err
	}
	w.say("outage", w.screen.paint(yellow, err.Error()))
	return nil
}

// say prints a line when it is another one than last time.
func (w *watcher) say(about, line string) {
	if w.said[about] == line {
		return
	}
	w.said[about] = line
	w.screen.clear()
	w.screen.line("%s", line)
}

func (w *watcher) change(c peering.Change) {
	text := c.Step
	if c.State.Ended() {
		text = c.Outcome
	}
	w.say("change", strings.TrimRight(fmt.Sprintf("%s  %s  %s", w.screen.paint(dim, fmt.Sprintf("change/%d", c.ID)), w.screen.state(string(c.State)), text), " "))
}

func (w *watcher) deployment(d api.DeploymentView) {
	about := fmt.Sprintf("deployment %d", d.ID)
	w.say(about, fmt.Sprintf("  %s  %s%s", d.Router, w.screen.state(string(d.State)), deploymentNote(w.id, d)))
	if d.Verdict == nil {
		return
	}
	for _, check := range d.Verdict.Checks {
		key := strings.Join([]string{about, check.Name, check.Subject}, "/")
		if check.State == peering.CheckPending && w.said[key] == "" {
			continue // the line with the countdown tells how many are open
		}
		if was := w.said[key]; strings.HasPrefix(was, string(check.State)) {
			continue // figures move with every look: a line for each change of state is enough
		}
		w.said[key] = string(check.State)
		w.screen.clear()
		w.screen.line("    %s %s", w.screen.state(string(check.State)), strings.TrimSpace(check.Name+" "+check.Subject)+": "+check.Text)
	}
}

func deploymentNote(change int64, d api.DeploymentView) string {
	switch {
	case d.Outcome != "":
		return "  " + d.Outcome
	case d.WaitsFor != "":
		return "  waits for " + d.WaitsFor
	case d.State == peering.DeploymentProposed && d.CommittedAt.IsZero():
		return "  to paste, by a person: " + peering.PasteCommand(change)
	case d.State == peering.DeploymentSoaking:
		return fmt.Sprintf("  the router reverts by itself after %ds unless we confirm", d.TimerSeconds)
	}
	return ""
}

// progress is the line that renews itself: countdown and open checks.
func (w *watcher) progress(deployments []api.DeploymentView) {
	for _, d := range deployments {
		if !d.State.InFlight() || d.State == peering.DeploymentNeedsOperator {
			continue
		}
		text := fmt.Sprintf("  %s %s", d.Router, d.State)
		if !d.CommittedAt.IsZero() {
			left := time.Until(d.CommittedAt.Add(time.Duration(d.TimerSeconds) * time.Second))
			text += fmt.Sprintf(", rollback timer %ds", max(0, int(left.Seconds())))
		}
		w.screen.over(text + countChecks(d.Verdict))
		return
	}
}

func countChecks(v *peering.Verdict) string {
	if v == nil {
		return ""
	}
	open := 0
	for _, c := range v.Checks {
		if c.State == peering.CheckPending {
			open++
		}
	}
	return fmt.Sprintf(", %d of %d checks done", len(v.Checks)-open, len(v.Checks))
}

// state colours a word by what it means.
func (s Screen) state(word string) string {
	shown := strings.ReplaceAll(word, "_", " ")
	switch word {
	case "completed", "confirmed", "passed", "approved", "up":
		return s.paint(green, shown)
	case "failed", "rolled_back", "interfered", "needs_operator", "rejected", "partial", "down", "drifted", string(peering.ShowOpen):
		return s.paint(red, shown)
	}
	return s.paint(yellow, shown)
}

// ShowPlan prints what a change would do: what was left out and why, the impact
// in one line, the sessions it reaches, and each router's diff.
func ShowPlan(s Screen, change peering.Change, plan api.PlanView) {
	ShowOmissions(s, change.Omissions)
	s.line("%s %s  %s", s.paint(bold, "plan"), shortHash(plan.Hash), s.paint(bold, plan.ImpactLine))
	s.line("%s %s", s.paint(bold, "approval"), approvalLine(change, plan))
	for _, p := range plan.Impact.Protected {
		s.line("  %s %s", s.paint(red, "protected:"), p)
	}
	for _, r := range plan.Routers {
		s.line("%s %s%s", s.paint(bold, "router"), r.Router, byHand(r))
		for _, t := range r.Touched {
			s.line("  %s", touched(t))
		}
		s.diff(r.Diff)
	}
}

// approvalLine is who approved, or what is missing and which rule asks for it.
func approvalLine(change peering.Change, plan api.PlanView) string {
	if change.ApprovedBy != "" {
		return "by " + change.ApprovedBy
	}
	return fmt.Sprintf("%s (rule %s)", plan.ApprovalLine, plan.Approval.Rule)
}

// ShowOmissions prints the sessions that planning left out.
func ShowOmissions(s Screen, omissions []peering.Omission) {
	if len(omissions) == 0 {
		return
	}
	s.line("%s", s.paint(bold, "left out"))
	for _, o := range omissions {
		s.line("  %s  %s", s.paint(yellow, string(o.Code)), strings.Join(strings.Fields(o.Exchange+" "+o.PeerAddress+" "+o.Text), " "))
	}
}

// byHand says that peerflow doesn't write to a router itself.
func byHand(r peering.RouterPlan) string {
	if r.Mode != peering.Propose {
		return ""
	}
	return "  mode propose: a person pastes it"
}

func touched(t peering.TouchedSession) string {
	what := "edits, disruption " + string(t.Disruption)
	switch {
	case t.Added:
		what = "adds"
	case t.Removed:
		what = "removes"
	}
	text := fmt.Sprintf("%s: %s %s", what, t.PeerAS, t.Neighbor)
	for _, e := range t.Expect {
		limit, known := e.Limit()
		if !known {
			text += fmt.Sprintf(", %s announcements not known", e.Family)
			continue
		}
		text += fmt.Sprintf(", expects to announce %d %s prefixes (limit %d, from %s)", *e.Count, e.Family, limit, e.Origin)
	}
	return text
}

func shortHash(hash string) string { return hash[:min(8, len(hash))] }

// ShowSessions prints sessions with what people call their state.
func ShowSessions(s Screen, sessions []api.SessionView) {
	for _, v := range sessions {
		s.line("  session/%d  %s %s  %s  %s", v.ID, v.PeerAS, v.PeerAddress, s.state(string(v.Display)), s.paint(dim, v.Why))
	}
}
