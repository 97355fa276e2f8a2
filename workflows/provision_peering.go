package workflows

import (
	"fmt"
	"time"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"peerflow/activities"
	"peerflow/internal/peering"
)

// ProvisionPeeringInput names a change of kind provision.
type ProvisionPeeringInput struct {
	Change int64 `json:"change"`
}

const (
	agreementPatience = 30 * 24 * time.Hour // for the peer's answer
)

// WatchPatience is how long the other side may take to configure its end before
// the watch ends with a report.
const WatchPatience = 14 * 24 * time.Hour

// ProvisionPeering brings up sessions with one peer: look up, agree, plan the
// sessions, deploy them, and watch those that wait for the other side.
// Temporal's own Cancel ends it as a person's would while it asks the peer;
// later it is the change that one cancels.
func ProvisionPeering(ctx workflow.Context, in ProvisionPeeringInput) (DeployChangeResult, error) {
	ctx, cancel := detach(ctx)
	p := provisionRun{id: in.Change, changed: signals(ctx, SignalLookAgain, wakes), cancel: cancel}
	planned, err := p.prepare(ctx)
	if err != nil {
		return p.end(ctx, peering.ChangeFailed, reason(err))
	}
	if planned != nil {
		return *planned, nil
	}
	result := p.found
	if result.State == "" || !result.State.Ended() {
		result, err = p.deploy(ctx)
	}
	if err != nil || result.State != peering.ChangeCompleted {
		return result, err
	}
	return p.watch(ctx, result)
}

type provisionRun struct {
	id        int64
	changed   workflow.ReceiveChannel
	cancel    *cancellation
	found     DeployChangeResult // where an earlier run left the change; zero when it is a draft
	cancelled string             // who cancelled while we waited for the peer, and why
	summary   string             // the change in one line
	completed time.Time          // when; zero while this run is yet to see it
	refused   bool               // no venue is agreed, and none is worth asking for
}

// prepare answers a result when there is nothing to deploy.
func (p *provisionRun) prepare(ctx workflow.Context) (*DeployChangeResult, error) {
	// 1. Look up the peer; PeeringDB being away doesn't stop us.
	var a *activities.Planning
	var found activities.LookUpResult
	if err := workflow.ExecuteActivity(lookUp(ctx), a.LookUpPeer, p.id).Get(ctx, &found); err != nil {
		return nil, err
	}
	p.summary = found.Summary
	if found.State != "" && found.State != peering.ChangeDraft { // this run takes over from one that was stopped
		p.completed = found.EndedAt
		p.found = DeployChangeResult{State: found.State, Outcome: found.Outcome}
		return nil, nil
	}
	p.draft(ctx, found.Text)
	if found.Stale {
		if err := p.tell(ctx, found.Text); err != nil {
			return nil, err
		}
	}
	// 2. Agree: without agreement, ask and wait.
	agreed, err := p.agree(ctx)
	if err != nil {
		return nil, err
	}
	if p.cancelled != "" {
		done, err := p.end(ctx, peering.ChangeCancelled, p.cancelled)
		return &done, err
	}
	if !agreed {
		done, err := p.end(ctx, peering.ChangeExpired, "the peer didn't agree in time")
		return &done, err
	}
	// 3. Plan the sessions.
	var sessions activities.SessionsResult
	if err := workflow.ExecuteActivity(plan(ctx), a.PlanSessions, p.id).Get(ctx, &sessions); err != nil {
		return nil, err
	}
	p.draft(ctx, "Planned: "+sessions.Text)
	if sessions.Sessions == 0 {
		to := peering.ChangeCompleted
		if p.refused {
			to = peering.ChangeFailed
		}
		done, err := p.end(ctx, to, "nothing to configure: "+sessions.Text)
		return &done, err
	}
	return nil, nil
}

// agree waits until at least one venue may deploy.
func (p *provisionRun) agree(ctx workflow.Context) (agreed bool, err error) {
	var a *activities.Planning
	began := workflow.Now(ctx)
	until := began.Add(agreementPatience)
	for workflow.Now(ctx).Before(until) {
		var result activities.AgreeResult
		if err := workflow.ExecuteActivity(record(ctx), a.AssessAgreement, p.id).Get(ctx, &result); err != nil {
			return false, err
		}
		p.draft(ctx, result.Text)
		if result.Agreed > 0 {
			return true, nil
		}
		if result.Waiting == 0 {
			p.refused = result.Refused > 0
			return true, nil // planning says why there is nothing to peer over
		}
		if p.cancelled, err = p.ask(ctx, result, began); err != nil || p.cancelled != "" {
			return false, err
		}
	}
	return false, nil
}

// ask notes that we wait for the peer, and waits for an answer or a day. What it
// notes changes once a week, which reminds whoever follows the change.
func (p *provisionRun) ask(ctx workflow.Context, agreement activities.AgreeResult, began time.Time) (cancelled string, err error) {
	text := agreement.Text
	until, weeks := began.Add(agreementPatience), int(workflow.Now(ctx).Sub(began)/(7*24*time.Hour))
	step := text + "; waits for the peer: record its answer with " + agreeCommand(ctx)
	if weeks > 0 {
		step += fmt.Sprintf("; asked %d days ago, and the change expires on %s", 7*weeks, until.UTC().Format(time.DateOnly))
	}
	if err := p.tell(ctx, step); err != nil {
		return "", err
	}
	if p.cancelled != "" {
		return p.cancelled, nil
	}
	p.show(ctx, screen{turn: peering.TurnThem, doing: text, send: agreement.Ask, waits: "the peer to agree", until: until, then: "the change expires, and nothing was written",
		can: append([]can{{"get the text to send", "peerflow peering ask " + peer(ctx)}, {"record its answer", agreeCommand(ctx)}}, onChange(p.id, peering.ChangeDraft, "")...)})
	rest(ctx, 24*time.Hour, "look at the agreement again", func() bool { return p.changed.Len() > 0 || p.cancel.news() })
	drain(p.changed)
	p.cancel.seen = p.cancel.asked
	var v *activities.Approving
	var s activities.Standing
	if err := workflow.ExecuteActivity(record(ctx), v.TallyVotes, activities.StandingInput{Change: p.id}).Get(ctx, &s); err != nil {
		return "", err
	}
	if p.cancel.asked && s.Cancel == "" {
		return temporalCancel, nil
	}
	return s.Cancel, nil
}

// tell says what a draft does or waits for, and notes when it was cancelled.
func (p *provisionRun) tell(ctx workflow.Context, step string) error {
	now, err := moveChange(ctx, activities.MoveInput{Change: p.id, To: peering.ChangeDraft, Step: step})
	if now.State == peering.ChangeCancelled {
		p.cancelled = now.Outcome
	}
	return err
}

// deploy runs the change as an abandoned child: ending this workflow leaves it
// alone. One that runs already, as the child of an earlier run, is waited for.
func (p *provisionRun) deploy(ctx workflow.Context) (DeployChangeResult, error) {
	own := labelsOf(ctx)
	own.change, own.state, own.turn = p.id, string(peering.ChangeDraft), peering.TurnNobody
	p.show(ctx, screen{state: stateHandedOver, waits: "workflow " + changeID(p.id) + ", which plans the change, asks for its approval and deploys it",
		can: onChange(p.id, peering.ChangeApproved, "")})
	child := workflow.WithChildOptions(ctx, aboutChange(p.id, p.summary, own).child())
	for pause := childPause; ; pause = min(pause*3/2, maxChildPause) {
		var result DeployChangeResult
		err := workflow.ExecuteChildWorkflow(child, DeployChange, DeployChangeInput{Change: p.id}).Get(ctx, &result)
		if !temporal.IsWorkflowExecutionAlreadyStartedError(err) {
			if err == nil {
				p.ended(ctx, result)
			}
			return result, err
		}
		rest(ctx, pause, "look whether "+changeID(p.id)+", which an earlier run started, has ended", func() bool { return p.changed.Len() > 0 })
		drain(p.changed)
	}
}

// Pauses between two looks at a change that an earlier run leads.
const (
	childPause    = 5 * time.Second
	maxChildPause = 10 * time.Minute
)

// Between two looks at whether the other side came up: soon at first, and seldom
// later, so that the watch of two weeks has a short history.
const (
	firstLook = 2 * time.Second
	maxLook   = 4 * time.Hour
)

// reminders are told so long after the change completed; the report ends the watch.
var reminders = []time.Duration{24 * time.Hour, 3 * 24 * time.Hour, 7 * 24 * time.Hour}

// watch looks after the sessions that wait for the other side: no failure, and
// never rolled back for it. It ends when all are up, or with a report.
func (p *provisionRun) watch(ctx workflow.Context, result DeployChangeResult) (DeployChangeResult, error) {
	var c *activities.Changing
	began := p.completed
	if began.IsZero() {
		began = workflow.Now(ctx)
	}
	until, due, look := began.Add(WatchPatience), reminders, firstLook
	for {
		var count activities.UpResult
		if err := workflow.ExecuteActivity(record(ctx), c.CountSessionsUp, p.id).Get(ctx, &count); err != nil {
			return result, err
		}
		after := workflow.Now(ctx).Sub(began)
		if count.Waiting == 0 && len(due) == len(reminders) { // before anybody was told that they wait
			result.Outcome = fmt.Sprintf("%s; %d sessions up", result.Outcome, count.Up)
			p.ended(ctx, result)
			return result, nil
		}
		if count.Waiting == 0 || after >= WatchPatience {
			return p.report(ctx, result, after)
		}
		p.watching(ctx, count, until)
		if len(due) > 0 && after >= due[0] {
			if _, err := p.tellAwaited(ctx, len(reminders)-len(due)+1, after); err != nil {
				return result, err
			}
			due = due[1:]
		}
		p.restUntilLook(ctx, look, after, due)
		look = min(look*5/4, maxLook)
	}
}

// restUntilLook rests for so long, and not past what is due.
func (p *provisionRun) restUntilLook(ctx workflow.Context, look, after time.Duration, due []time.Duration) {
	next := WatchPatience
	if len(due) > 0 {
		next = due[0]
	}
	rest(ctx, max(min(look, next-after), time.Second), "look whether the sessions are up", func() bool { return p.changed.Len() > 0 })
	drain(p.changed)
}

func (p *provisionRun) report(ctx workflow.Context, result DeployChangeResult, after time.Duration) (DeployChangeResult, error) {
	told, err := p.tellAwaited(ctx, 0, after)
	if err == nil {
		result.Outcome += "; " + told.Text
		p.ended(ctx, result)
	}
	return result, err
}

func (p *provisionRun) tellAwaited(ctx workflow.Context, number int, after time.Duration) (told activities.AwaitedResult, err error) {
	var c *activities.Changing
	in := activities.AwaitedInput{Change: p.id, Number: number, Days: int(after / (24 * time.Hour))}
	err = workflow.ExecuteActivity(record(ctx), c.TellAwaited, in).Get(ctx, &told)
	return told, err
}

func (p *provisionRun) end(ctx workflow.Context, to peering.ChangeState, outcome string) (DeployChangeResult, error) {
	p.ended(ctx, DeployChangeResult{State: to, Outcome: outcome})
	return moveChange(ctx, activities.MoveInput{Change: p.id, To: to, Outcome: outcome})
}

func (p *provisionRun) show(ctx workflow.Context, s screen) { s.show(ctx, labels{change: p.id}) }

// draft is the screen of a change that isn't planned yet.
func (p *provisionRun) draft(ctx workflow.Context, doing string) {
	p.show(ctx, screen{state: string(peering.ChangeDraft), doing: doing, can: onChange(p.id, peering.ChangeDraft, "")})
}

func (p *provisionRun) ended(ctx workflow.Context, r DeployChangeResult) {
	p.show(ctx, screen{state: string(r.State), doing: r.Outcome, can: onChange(p.id, r.State, "")})
}

// watching is the screen while the other side is awaited.
func (p *provisionRun) watching(ctx workflow.Context, count activities.UpResult, until time.Time) {
	p.show(ctx, screen{state: stateWaiting, turn: peering.TurnThem,
		doing: fmt.Sprintf("Configured and verified here: %d up, %d waiting for them.", count.Up, count.Waiting),
		waits: "the other side to configure its end; peerflow takes nothing back for it",
		until: until, then: "the watch ends with a report",
		can: []can{{"get the text to send", "peerflow peering ask " + peer(ctx)}, {"see which", "peerflow session list --waiting --asn " + peer(ctx)}, {"see why", "peerflow session why SESSION"}}})
}

// What a provisioning is labelled with while its change's own workflow leads, and
// once that completed.
const (
	stateHandedOver = "handed_over"
	stateWaiting    = "waiting_for_them"
)

// peer is the other network, as people type it.
func peer(ctx workflow.Context) string {
	if asn := labelsOf(ctx).asn; asn != 0 {
		return fmt.Sprintf("AS%d", asn)
	}
	return "AS…"
}

func agreeCommand(ctx workflow.Context) string {
	return "peerflow peering agree " + peer(ctx) + ` --evidence "mail of 3 May"`
}
