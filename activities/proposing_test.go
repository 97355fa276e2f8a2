package activities

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"go.temporal.io/sdk/temporal"

	"peerflow/internal/driver"
	"peerflow/internal/peering"
)

// desk is a proposal on a router where a person pastes.
type desk struct {
	*record
	standing peering.ProposalStanding
	readOnly []bool // of each login
	stored   int    // baselines
	end      DeploymentEnd
}

// Propose makes the fake a platform on which a person can paste.
func (r *fakeRouter) Propose(w peering.Way) (peering.Proposal, error) {
	return peering.Proposal{Text: w.Artifact}, nil
}

// proposed is one that nobody pasted yet.
func proposed() *desk {
	d := &desk{record: underWay()}
	d.dep.Mode, d.dep.State, d.dep.Timer = peering.Propose, peering.DeploymentProposed, 0
	d.dep.ProposedAt, d.dep.Deadline = time.Now(), time.Now().Add(time.Hour)
	d.router.opened = func(t driver.Target) { d.readOnly = append(d.readOnly, t.ReadOnly) }
	return d
}

// Router may be written to: that its deployment is a proposal is enough.
func (d *desk) Router(context.Context, int64) (peering.Router, error) {
	return peering.Router{Meta: peering.Meta{ID: 1}, Name: "edge1", Mode: peering.Manage, AcceptUnproven: true}, nil
}

func (d *desk) Plan(context.Context, int64) (peering.Plan, error) {
	b := peering.Stanza{Key: "b", Text: "b 2\n"}
	return peering.Plan{ID: 1, Routers: []peering.RouterPlan{{RouterID: 1, BaseHash: d.dep.BaseHash, ArtifactHash: peering.HashText(artifactText), Mode: peering.Propose,
		Moves: []peering.Move{{Key: "b", After: b.Hash()}}}}}, nil
}

func (d *desk) Texts(context.Context, []string) (map[string]string, error) {
	return map[string]string{d.dep.BaseHash: baseText, peering.HashText(artifactText): artifactText}, nil
}

func (d *desk) ProposalStanding(context.Context, int64) (peering.ProposalStanding, error) {
	return d.standing, nil
}

func (d *desk) MarkPasted(context.Context, int64, string) error {
	d.dep.CommittedAt = time.Now()
	return nil
}

func (d *desk) ForgetPaste(context.Context, int64) error {
	d.dep.CommittedAt, d.dep.Verdict = time.Time{}, nil
	return nil
}

func (d *desk) NoteHindrance(_ context.Context, _ int64, text string) error {
	d.dep.Hindrance = text
	return nil
}

func (d *desk) StoreBaseline(_ context.Context, _ int64, b BaselineRecord) error {
	d.stored++
	if late := time.Since(b.ReadAt); late < 0 || late > time.Minute {
		return fmt.Errorf("the base was read at %s", b.ReadAt)
	}
	d.dep.Baseline, d.dep.BaseHash, d.dep.ArtifactHash = &b.Baseline, peering.HashText(b.Base), peering.HashText(b.Artifact)
	return nil
}

func (d *desk) EndDeployment(_ context.Context, _ int64, e DeploymentEnd) error {
	d.end, d.dep.State, d.dep.Outcome = e, e.State, e.Outcome
	return nil
}

func (d *desk) Flapped(context.Context, int64, time.Time) (map[peering.NeighborKey]string, error) {
	return nil, nil
}

// do runs a step, with the desk in the place of the database.
func (d *desk) do(t *testing.T, step func(*Deploying) any, in any) peering.Next {
	t.Helper()
	profile := peering.LabProfile
	profile.Sample, profile.Soak, profile.Stable, profile.Settle = time.Millisecond, 0, 0, 0
	next, err := d.give(t, func(a *Deploying) any {
		a.Deployments, a.Plans, a.Intent, a.Observed = d, d, d, observed{d}
		return step(a)
	}, in, profile)
	if err != nil {
		t.Fatal(err)
	}
	if len(d.router.told) > 0 {
		t.Errorf("the router was told %v", d.router.told)
	}
	for _, only := range d.readOnly {
		if !only {
			t.Error("a connection that may write was opened")
		}
	}
	return next
}

type observed struct{ *desk }

func (observed) SyncBasis(context.Context, int64) (peering.SyncBasis, error) {
	return peering.SyncBasis{}, nil
}
func (observed) NoteSync(context.Context, peering.SyncBasis, map[netip.Addr]peering.SyncEvent) error {
	return nil
}

func (o observed) StorePoll(context.Context, Poll) ([]StateChange, error) { return nil, nil }
func (o observed) AwaitedSessions(context.Context, int64, time.Time, time.Duration) ([]peering.AwaitedSession, error) {
	return nil, nil
}
func (o observed) TellAwaited(context.Context, int64, peering.Awaited) error { return nil }
func (o observed) SessionsUp(context.Context, int64) (up, waiting []int64, err error) {
	return nil, nil, nil
}

func lookStep(d *Deploying) any   { return d.LookAtProposal }
func verifyStep(d *Deploying) any { return d.VerifyProposal }
func endStep(d *Deploying) any    { return d.EndProposal }

func TestALookAtAProposalSaysWhatTheRouterRunsOfIt(t *testing.T) {
	t.Parallel()
	cancelled := peering.ProposalStanding{End: peering.DeploymentCancelled, Why: "cancelled by anna"}
	for name, c := range map[string]struct {
		set   func(*desk)
		step  peering.Step
		state peering.DeploymentState
		words string
		kept  int // baselines
	}{
		"nothing: the baseline is taken anew":         {func(*desk) {}, peering.StepWait, "", "peerflow change paste 3", 1},
		"nothing, and another stanza of ours moved":   {func(d *desk) { d.router.text = "a 9\n" }, peering.StepWait, "", "peerflow change paste 3", 1},
		"nothing, and the router is frozen":           {func(d *desk) { d.standing = peering.ProposalStanding{Hold: true, Why: "frozen by bob"} }, peering.StepWait, "", "don't paste it now: frozen by bob", 1},
		"nothing, and a load would open what is shut": {func(d *desk) { d.router.closed = []driver.Reopened{{Name: "x", Why: "disabled", Remedy: "enable it"}} }, peering.StepWait, "", "don't paste it now: router edge1: any commit would open", 0},
		"all of it":                         {func(d *desk) { d.router.text = artifactText }, peering.StepSoak, "", "the router runs it", 0},
		"all of it, under its own timer":    {func(d *desk) { d.router.text, d.router.pending = artifactText, &peering.Pending{} }, peering.StepSoak, "", "", 0},
		"all of it, and others moved along": {func(d *desk) { d.router.text = "a 9\nb 2\n" }, peering.StepWait, "", "not exactly what was proposed", 0},
		"all of it, and it is frozen": {func(d *desk) {
			d.router.text, d.standing = artifactText, peering.ProposalStanding{Hold: true, Why: "frozen by bob"}
		}, peering.StepWait, "", "it isn't verified yet: frozen by bob", 0},
		"its stanza otherwise":     {func(d *desk) { d.router.text = "a 1\nb 7\n" }, peering.StepEnd, peering.DeploymentStale, "stanza b moved", 0},
		"somebody's commit waits":  {func(d *desk) { d.router.pending = &peering.Pending{} }, peering.StepWait, "", "another commit waits", 0},
		"cancelled, and pasted":    {func(d *desk) { d.router.text, d.standing = artifactText, cancelled }, peering.StepEnd, peering.DeploymentCancelled, "cancelled by anna; nothing is claimed: router edge1 runs it all the same", 0},
		"cancelled, and not there": {func(d *desk) { d.standing = cancelled }, peering.StepEnd, peering.DeploymentCancelled, "runs nothing of it", 0},
		"cancelled, and unread": {func(d *desk) {
			d.standing, d.router.refuse = cancelled, map[int]error{1: driver.ErrUnreachable}
		}, peering.StepEnd, peering.DeploymentCancelled, "nothing is claimed: router edge1 can't be read", 0},
		"nobody knows: it can't be read": {func(d *desk) { d.router.refuse = map[int]error{1: driver.ErrUnreachable} }, peering.StepWait, "", "router edge1 can't be read", 0},
		"too late":                       {func(d *desk) { d.dep.Deadline = time.Now().Add(-time.Second) }, peering.StepEnd, peering.DeploymentCancelled, "nobody pasted it by", 0},
		"too late, and unread": {func(d *desk) {
			d.dep.Deadline, d.router.refuse = time.Now().Add(-time.Second), map[int]error{1: driver.ErrUnreachable}
		}, peering.StepEnd, peering.DeploymentCancelled, "nobody was seen to paste it", 0},
		"verification failed": {func(d *desk) {
			d.router.text, d.dep.CommittedAt, d.dep.Verdict = artifactText, time.Now(), &peering.Verdict{Outcome: peering.CheckFailed, Reason: "announces 900"}
		}, peering.StepEnd, peering.DeploymentNeedsOperator, "announces 900. Nothing is taken back", 0},
		"verified, and a restart would boot something else": {func(d *desk) {
			d.router.text, d.dep.CommittedAt, d.dep.Verdict = artifactText, time.Now(), &peering.Verdict{Outcome: peering.CheckPassed}
		}, peering.StepWait, "", "save its configuration there", 0},
		"verified, and it boots": {func(d *desk) {
			d.router.text, d.router.boots, d.dep.CommittedAt, d.dep.Verdict = artifactText, true, time.Now(), &peering.Verdict{Outcome: peering.CheckPassed}
		}, peering.StepEnd, peering.DeploymentConfirmed, "pasted by a person, verified", 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := proposed()
			c.set(d)
			next := d.do(t, lookStep, int64(7))
			if next.Step != c.step || next.State != c.state || !strings.Contains(next.Text, c.words) || d.stored != c.kept {
				t.Errorf("next %+v, %d baselines stored", next, d.stored)
			}
		})
	}
}

// What a look finds in the way of a paste is kept beside the proposal, so that whoever asks
// for its text is told, until a look finds it no more.
func TestWhatStandsInTheWayOfAPasteIsKept(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		set  func(*desk)
		want string
	}{
		"somebody's commit waits": {func(d *desk) { d.router.pending = &peering.Pending{} }, "another commit waits for its confirmation on the router"},
		"somebody's commit waits over a part of it": {func(d *desk) { d.router.text, d.router.pending = "a 9\nb 2\n", &peering.Pending{} },
			"another commit waits for its confirmation on the router"},
		"a load would open what is shut": {func(d *desk) { d.router.closed = []driver.Reopened{{Name: "x", Why: "disabled", Remedy: "enable it"}} },
			"router edge1: any commit would open what is closed there: x is disabled: enable it"},
		"it can't be read":                  {func(d *desk) { d.router.refuse = map[int]error{1: driver.ErrUnreachable} }, "as before"},
		"nothing any more":                  {func(*desk) {}, ""},
		"it was pasted":                     {func(d *desk) { d.router.text = artifactText }, ""},
		"it is pasted, under its own timer": {func(d *desk) { d.router.text, d.router.pending = artifactText, &peering.Pending{} }, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := proposed()
			d.dep.Hindrance = "as before"
			c.set(d)
			next := d.do(t, lookStep, int64(7))
			if d.dep.Hindrance != c.want {
				t.Errorf("kept %q, want %q", d.dep.Hindrance, c.want)
			}
			if c.want != "" && c.want != "as before" && !strings.Contains(next.Text, "don't paste it now: "+c.want+"; router edge1") {
				t.Errorf("told %q", next.Text)
			}
		})
	}
}

func TestWhatWasPastedAndIsGoneAgainIsVerifiedAnew(t *testing.T) {
	t.Parallel()
	d := proposed()
	d.dep.CommittedAt, d.dep.Verdict = time.Now(), &peering.Verdict{Outcome: peering.CheckPassed}
	if next := d.do(t, lookStep, int64(7)); next.Step != peering.StepWait || !d.dep.CommittedAt.IsZero() || d.dep.Verdict != nil {
		t.Errorf("next %+v, pasted at %s, verdict %+v", next, d.dep.CommittedAt, d.dep.Verdict)
	}
}

func TestAProposalIsVerifiedByTheChecksOfASoak(t *testing.T) {
	t.Parallel()
	d := proposed()
	d.router.text, d.router.boots = artifactText, true
	next := d.do(t, verifyStep, int64(7))
	if next.Step != peering.StepEnd || next.State != peering.DeploymentConfirmed || len(d.verdicts) == 0 {
		t.Fatalf("next %+v after %d samples", next, len(d.verdicts))
	}
	next = d.do(t, endStep, EndInput{Deployment: 7, State: peering.DeploymentConfirmed})
	if next.State != peering.DeploymentConfirmed || d.end.Stanzas["b"] == "" {
		t.Errorf("ended %+v with %v", next, d.end.Stanzas)
	}
}

// Whoever asks for an end gets the one that record and router call for.
func TestTheEndOfAProposalIsWhatTheRouterSays(t *testing.T) {
	t.Parallel()
	d := proposed()
	if next := d.do(t, endStep, EndInput{Deployment: 7, State: peering.DeploymentConfirmed, Text: "it runs"}); next.Step != peering.StepWait || d.dep.State != peering.DeploymentProposed {
		t.Errorf("next %+v, and it is %s", next, d.dep.State)
	}
	d.dep.State = peering.DeploymentQueued
	if next := d.do(t, endStep, EndInput{Deployment: 7, State: peering.DeploymentConfirmed}); next.Step == peering.StepEnd {
		t.Errorf("a queued one ends as %+v", next)
	}
}

func TestAPlanThatNothingCouldComeOfIsRefused(t *testing.T) {
	t.Parallel()
	manage := peering.Router{Name: "edge1", Mode: peering.Manage}
	accepted := manage
	accepted.AcceptUnproven = true
	propose := manage
	propose.Mode = peering.Propose
	for name, c := range map[string]struct {
		platform driver.Platform
		router   peering.Router
		words    string // "" is plannable
	}{
		"managed with a driver that was never tried":                       {&fakeRouter{}, manage, "peerflow router mode edge1 manage --unproven"},
		"managed with a driver that was never tried, and that is accepted": {&fakeRouter{}, accepted, ""},
		"proposed with a driver that was never tried":                      {&fakeRouter{}, propose, ""},
		"proposed where nobody could paste":                                {mute{&fakeRouter{}}, propose, "set it to manage or observe"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			err := device{platform: c.platform, router: c.router}.plannable()
			if c.words == "" && err != nil || c.words != "" && (err == nil || !strings.Contains(err.Error(), c.words)) {
				t.Errorf("%v, want %q", err, c.words)
			}
		})
	}
}

// mute is a platform without a text to paste.
type mute struct{ driver.Platform }

// A connection that may write with a driver that was never tried is opened only where the record accepts that.
func TestADriverThatWasNeverTriedIsUnableToWrite(t *testing.T) {
	t.Parallel()
	for accepted, want := range map[bool]bool{false: true, true: false} {
		d := proposed()
		a := Access{Drivers: driver.NewRegistry(d.router), Intent: d}
		_, err := a.open(t.Context(), peering.Router{Name: "edge1", Mode: peering.Manage, AcceptUnproven: accepted})
		if err != nil || len(d.readOnly) != 1 || d.readOnly[0] != want {
			t.Errorf("accepted %t: read-only %v, %v", accepted, d.readOnly, err)
		}
	}
}

// Whoever starts the wrong workflow on a deployment ends nothing.
func TestADeploymentIsLedByTheWorkflowOfItsMode(t *testing.T) {
	t.Parallel()
	profile := peering.LabProfile
	for name, c := range map[string]struct {
		mode peering.RouterMode
		step func(*Deploying) any
		in   any
	}{
		"a proposal is decided on as if peerflow wrote it": {peering.Propose, func(d *Deploying) any { return d.DecideDeployment }, int64(7)},
		"a proposal is ended as if peerflow wrote it":      {peering.Propose, func(d *Deploying) any { return d.EndDeployment }, EndInput{Deployment: 7, State: peering.DeploymentCancelled}},
		"what peerflow writes is looked at":                {peering.Manage, lookStep, int64(7)},
		"what peerflow writes is proposed":                 {peering.Manage, func(d *Deploying) any { return d.ProposeDeployment }, int64(7)},
		"what peerflow writes is ended":                    {peering.Manage, endStep, EndInput{Deployment: 7, State: peering.DeploymentCancelled}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := proposed()
			d.dep.Mode, d.dep.State = c.mode, peering.DeploymentQueued
			_, err := d.give(t, func(a *Deploying) any {
				a.Deployments, a.Plans, a.Intent, a.Observed = d, d, d, observed{d}
				return c.step(a)
			}, c.in, profile)
			var app *temporal.ApplicationError
			if !errors.As(err, &app) || app.Type() != LedOtherwise || !app.NonRetryable() || d.dep.State != peering.DeploymentQueued || len(d.readOnly) != 0 {
				t.Errorf("%v, and it is %s after %d logins", err, d.dep.State, len(d.readOnly))
			}
		})
	}
}
