package activities

import (
	"context"
	"errors"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"go.temporal.io/sdk/testsuite"

	"peerflow/internal/driver"
	"peerflow/internal/peering"
)

// fakeRouter takes a commit with a rollback timer, and notes what it is told.
type fakeRouter struct {
	text      string // of our part
	pending   *peering.Pending
	neighbors []peering.Neighbor
	closed    []driver.Reopened
	refusal   error         // of a commit
	refuse    map[int]error // the n-th login, from 1
	logins    int
	opened    func(driver.Target) // told of each login
	boots     bool                // what it runs
	told      []string
}

func (r *fakeRouter) Name() string           { return "fake" }
func (r *fakeRouter) Proof() driver.Proof    { return driver.Unproven }
func (r *fakeRouter) Syntax() peering.Syntax { return lines{} }
func (r *fakeRouter) Close() error           { return nil }

func (r *fakeRouter) Open(_ context.Context, t driver.Target, _ driver.Secrets) (driver.Conn, error) {
	if r.opened != nil {
		r.opened(t)
	}
	r.logins++
	return r, r.refuse[r.logins]
}

func (r *fakeRouter) ReadOwned(context.Context, []peering.SecretRef) (peering.Running, error) {
	stanzas, err := lines{}.Split(r.text)
	running := peering.Running{Stanzas: stanzas, Pending: r.pending}
	if r.boots {
		running.Boot = stanzas
	}
	return running, err
}

func (r *fakeRouter) ReadNeighbors(context.Context) ([]peering.Neighbor, error) {
	return r.neighbors, nil
}

func (r *fakeRouter) Reopens(context.Context, string) ([]driver.Reopened, error) {
	return r.closed, nil
}

func (r *fakeRouter) tell(what string) error { r.told = append(r.told, what); return nil }

func (r *fakeRouter) Stage(context.Context, driver.Commit) error   { return r.tell("stage") }
func (r *fakeRouter) Discard(context.Context, driver.Commit) error { return r.tell("discard") }
func (r *fakeRouter) Abort(context.Context, driver.Commit) error   { return r.tell("abort") }
func (r *fakeRouter) Install(context.Context, driver.Commit) error { return r.tell("install") }

func (r *fakeRouter) Commit(_ context.Context, c driver.Commit) error {
	if r.refusal != nil {
		return r.refusal
	}
	r.text, r.pending = c.Artifact, &peering.Pending{Owner: commitOwner(c.Deployment), Remaining: c.Timer}
	return r.tell("commit")
}

func (r *fakeRouter) Confirm(context.Context, driver.Commit) error {
	r.pending = nil
	return r.tell("confirm")
}

// lines is a syntax of one stanza a line, whose first word is its key. It is a
// session when the second is an address.
type lines struct{}

func (lines) Split(text string) (all []peering.Stanza, err error) {
	for line := range strings.Lines(text) {
		key, rest, _ := strings.Cut(strings.TrimSpace(line), " ")
		second, _, _ := strings.Cut(rest, " ")
		neighbor, _ := netip.ParseAddr(second)
		all = append(all, peering.Stanza{Key: key, Text: line, Neighbor: neighbor, Line: len(all) + 1})
	}
	return all, nil
}

func (lines) Join(stanzas []peering.Stanza) (string, error) {
	var text []string
	for _, s := range stanzas {
		text = append(text, s.Text)
	}
	slices.Sort(text)
	return strings.Join(text, ""), nil
}

func (lines) Disruption(_, _ *peering.Stanza) peering.Disruption { return peering.DisruptsNone }

// record is one deployment with what it needs of the database.
type record struct {
	DeploymentStore
	IntentStore
	PlanStore
	VoteStore
	router   *fakeRouter
	dep      peering.Deployment
	ahead    time.Duration // of this worker's clock, before the database's
	refusal  error         // of the claim to commit
	slow     time.Duration // what noting the confirm takes
	ordered  []Command
	verdicts []peering.Verdict
	ops      []peering.Operation
	rendered int // times that what it is rendered from was loaded
}

const (
	baseText     = "a 1\n"
	artifactText = "a 1\nb 2\n"
)

// underWay is a deployment that began, on a router at its base.
func underWay() *record {
	return &record{router: &fakeRouter{text: baseText}, dep: peering.Deployment{ID: 7, ChangeID: 3, PlanID: 1, RouterID: 1, Router: "edge1",
		State: peering.DeploymentCommitting, BaseHash: peering.HashText(baseText), ArtifactHash: peering.HashText(artifactText),
		Timer: time.Minute, Baseline: &peering.Baseline{}}}
}

// soaking is one whose commit is pending, verified, with so much left on the timer.
func soaking(left time.Duration) *record {
	r := underWay()
	r.router.text, r.router.pending = artifactText, &peering.Pending{Owner: "7", Remaining: left}
	r.dep.State, r.dep.Verdict = peering.DeploymentSoaking, &peering.Verdict{Outcome: peering.CheckPassed}
	r.dep.CommitSentAt = time.Now().Add(left - r.dep.Timer)
	r.dep.CommittedAt = r.dep.CommitSentAt
	return r
}

func (r *record) Deployment(context.Context, int64) (peering.Deployment, error) { return r.dep, nil }
func (r *record) TakeFence(context.Context, int64) (int64, error) {
	r.dep.Fence++
	return r.dep.Fence, nil
}

func (r *record) DatabaseTime(context.Context) (time.Time, error) {
	return time.Now().Add(-r.ahead), nil
}

func (r *record) Driver(context.Context, int64) (string, error) { return "fake", nil }

func (r *record) Plan(context.Context, int64) (peering.Plan, error) {
	return peering.Plan{ID: 1, Routers: []peering.RouterPlan{{RouterID: 1, BaseHash: r.dep.BaseHash, ArtifactHash: r.dep.ArtifactHash}}}, nil
}

func (r *record) Router(context.Context, int64) (peering.Router, error) {
	return peering.Router{Meta: peering.Meta{ID: 1}, Name: "edge1", Mode: peering.Manage}, nil
}

func (r *record) Desired(ctx context.Context, id int64) (peering.Desired, error) {
	r.rendered++
	router, err := r.Router(ctx, id)
	return peering.Desired{Router: router, Sessions: map[int64]peering.Session{}}, err
}

func (r *record) DeployedSessions(context.Context, int64) ([]peering.DeployedSession, error) {
	return nil, nil
}

func (r *record) Texts(context.Context, []string) (map[string]string, error) {
	return map[string]string{r.dep.BaseHash: baseText, r.dep.ArtifactHash: artifactText}, nil
}

func (r *record) LatestCommands(context.Context, int64) ([]Command, error) { return r.ordered, nil }

func (r *record) MarkCommitSent(_ context.Context, _ int64, at, deadline time.Time) (bool, error) {
	if r.refusal != nil {
		return false, r.refusal
	}
	r.dep.CommitSentAt, r.dep.Deadline = at, deadline
	return true, nil
}

func (r *record) NoteCommitFailed(_ context.Context, _ int64, why string) error {
	r.dep.Outcome = why
	return nil
}

func (r *record) HoldBack(context.Context, int64) error {
	r.dep.State, r.dep.Baseline = peering.DeploymentQueued, nil
	return nil
}

func (r *record) MarkCommitted(_ context.Context, _ int64, _ string, at time.Time) error {
	r.dep.State, r.dep.CommittedAt = peering.DeploymentSoaking, at
	return nil
}

func (r *record) MarkConfirmSent(_ context.Context, _ int64, at time.Time) error {
	<-time.After(r.slow)
	r.dep.ConfirmSentAt = at
	return nil
}

func (r *record) StoreVerdict(_ context.Context, _ int64, of time.Time, v peering.Verdict) error {
	if !of.Equal(r.dep.CommittedAt) {
		return peering.NewError(peering.Conflict, "another one runs")
	}
	r.verdicts = append(r.verdicts, v)
	if r.dep.Verdict == nil || r.dep.Verdict.Waived == "" || v.Outcome == peering.CheckFailed {
		r.dep.Verdict = &v
	}
	return nil
}

// changes has what the record's change does.
type changes struct {
	ChangeStore
	record *record
}

func (c changes) Overlay(context.Context, int64) ([]peering.Operation, error) {
	return c.record.ops, nil
}

// take runs one step as a worker would.
func (r *record) take(t *testing.T, step func(*Deploying) any, p peering.Profile) (peering.Next, error) {
	t.Helper()
	return r.give(t, step, int64(7), p)
}

// give is take with an input of its own.
func (r *record) give(t *testing.T, step func(*Deploying) any, in any, p peering.Profile) (peering.Next, error) {
	t.Helper()
	d := &Deploying{Access: Access{Drivers: driver.NewRegistry(r.router), Intent: r}, Intent: r, Changes: changes{record: r}, Plans: r, Votes: r, Deployments: r, Now: time.Now,
		Profile: func(peering.Router) peering.Profile { return p }}
	var suite testsuite.WorkflowTestSuite
	env := suite.NewTestActivityEnvironment()
	f := step(d)
	env.RegisterActivity(f)
	answer, err := env.ExecuteActivity(f, in)
	if err != nil {
		return peering.Next{}, err
	}
	var next peering.Next
	return next, answer.Get(&next)
}

func commitStep(d *Deploying) any  { return d.CommitDeployment }
func confirmStep(d *Deploying) any { return d.ConfirmDeployment }
func soakStep(d *Deploying) any    { return d.SoakDeployment }

func TestWhatComesOfACommitThatMayNotBeSent(t *testing.T) {
	t.Parallel()
	frozen := peering.Errorf(peering.Denied, "%w by bob: somebody digs", peering.ErrFrozen)
	unapproved := peering.Errorf(peering.Denied, "%w: 0 of 1", peering.ErrUnapproved)
	for name, c := range map[string]struct {
		refusal error
		step    peering.Step
		state   peering.DeploymentState
		told    string
	}{
		"nothing in its way":                       {nil, peering.StepSoak, peering.DeploymentSoaking, "stage commit"},
		"a freeze since it began: waits for it":    {frozen, peering.StepPrepare, peering.DeploymentQueued, "stage discard"},
		"a vote taken back since: asked for again": {unapproved, peering.StepPrepare, peering.DeploymentQueued, "stage discard"},
		"both": {peering.Errorf(peering.Denied, "%w", errors.Join(unapproved, frozen)), peering.StepPrepare, peering.DeploymentQueued, "stage discard"},
		"a roll back ordered since: ends, nothing there": {peering.NewError(peering.Denied, "bob ordered: roll back"), peering.StepEnd, peering.DeploymentCommitting, "stage"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := underWay()
			r.refusal = c.refusal
			next, err := r.take(t, commitStep, peering.LabProfile)
			if err != nil || next.Step != c.step || r.dep.State != c.state || strings.Join(r.router.told, " ") != c.told {
				t.Errorf("next %+v, %v; %s; the router was told %v", next, err, r.dep.State, r.router.told)
			}
		})
	}
}

// What the router said of a commit is still known when the router was read and runs its base.
func TestACommitThatDidNotTakeSaysWhy(t *testing.T) {
	t.Parallel()
	r := underWay()
	r.router.refusal = &driver.RejectedError{Words: "line 7:12 syntax error"}
	if next, err := r.take(t, commitStep, peering.LabProfile); err == nil {
		t.Fatalf("a refused commit gives %+v", next)
	}
	r.dep.CommitSentAt = time.Now().Add(-30 * time.Second) // it can't arrive any more
	next, err := r.take(t, func(d *Deploying) any { return d.DecideDeployment }, peering.LabProfile)
	if err != nil || next.State != peering.DeploymentRolledBack {
		t.Fatalf("next %+v, %v", next, err)
	}
	for _, w := range []string{"the router runs its base", "commit on router edge1", "line 7:12 syntax error"} {
		if !strings.Contains(next.Text, w) {
			t.Errorf("%q isn't in %q", w, next.Text)
		}
	}
}

// Begin's own look at the clock is another worker's.
func TestAWorkerWhoseClockIsWrongCommitsNothing(t *testing.T) {
	t.Parallel()
	for _, ahead := range []time.Duration{4 * time.Minute, -4 * time.Minute} {
		r := underWay()
		r.ahead = ahead
		next, err := r.take(t, commitStep, peering.LabProfile)
		if err == nil || !strings.Contains(err.Error(), "the clock of this worker is 4m0s") || slices.Contains(r.router.told, "commit") || !r.dep.CommitSentAt.IsZero() {
			t.Errorf("next %+v, %v; the router was told %v", next, err, r.router.told)
		}
	}
}

// One that takes over soaks and counts the timer down by the database's clock, as
// the one before it did.
func TestAWorkerThatTakesOverSoaksByTheSameClock(t *testing.T) {
	t.Parallel()
	profile := peering.LabProfile
	profile.Sample, profile.Soak, profile.Stable = 20*time.Millisecond, time.Second, 0
	for _, ahead := range []time.Duration{0, 4 * time.Minute, -4 * time.Minute} {
		r := soaking(time.Minute)
		r.ahead, r.dep.Verdict, r.router.pending.Remaining = ahead, nil, 0
		r.dep.CommitSentAt = r.dep.CommitSentAt.Add(-ahead)
		r.dep.CommittedAt = r.dep.CommitSentAt
		next, err := r.take(t, soakStep, profile)
		if err != nil || next.Step != peering.StepConfirm || len(r.verdicts) < 2 || r.verdicts[0].Outcome != peering.CheckPending {
			t.Errorf("%s ahead: next %+v, %v; %d samples", ahead, next, err, len(r.verdicts))
		}
	}
}

func TestNothingIsConfirmedInTheLastSecondsOfTheTimer(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		left time.Duration
		mute bool // the router doesn't tell what is left
		slow time.Duration
		sent bool
	}{
		"enough is left":                          {left: 20 * time.Second, sent: true},
		"4 s are left":                            {left: 4 * time.Second},
		"4 s are left by our clock":               {left: 4 * time.Second, mute: true},
		"none is left by our clock":               {left: -time.Second, mute: true},
		"enough was left, and the record is slow": {left: 5500 * time.Millisecond, slow: time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := soaking(c.left)
			r.slow = c.slow
			if c.mute {
				r.router.pending.Remaining = 0
			}
			next, err := r.take(t, confirmStep, peering.LabProfile)
			if sent := slices.Contains(r.router.told, "confirm"); sent != c.sent {
				t.Errorf("confirmed: %t; next %+v, %v", sent, next, err)
			}
			if !c.sent && c.slow == 0 && next.Step != peering.StepWait {
				t.Errorf("next %+v, %v: want to wait for the router's own revert", next, err)
			}
			if c.slow > 0 && err == nil {
				t.Error("no error: the router decides what comes next")
			}
		})
	}
}

func TestAFreshLoginIsTriedThreeTimes(t *testing.T) {
	t.Parallel()
	profile := peering.LabProfile
	profile.Sample, profile.Soak, profile.Stable = time.Millisecond, 0, 0
	away := errors.New("no route to host")
	for name, c := range map[string]struct {
		refuse  map[int]error // the first login is the soak's own
		step    peering.Step
		outcome peering.CheckState
		logins  int
	}{
		"works at once":         {nil, peering.StepConfirm, peering.CheckPassed, 2},
		"works the third time":  {map[int]error{2: away, 3: away}, peering.StepConfirm, peering.CheckPassed, 4},
		"fails for good: abort": {map[int]error{2: away, 3: away, 4: away}, peering.StepAbort, peering.CheckFailed, 4},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := soaking(30 * time.Second)
			r.dep.Verdict, r.router.refuse = nil, c.refuse
			next, err := r.take(t, soakStep, profile)
			if err != nil || next.Step != c.step || r.dep.Verdict == nil || r.dep.Verdict.Outcome != c.outcome || r.router.logins != c.logins {
				t.Errorf("next %+v, %v; verdict %+v after %d logins", next, err, r.dep.Verdict, r.router.logins)
			}
		})
	}
}

// An approver waives what nobody has checked yet, and no failure that comes later.
func TestAFailureComesOverAWaiver(t *testing.T) {
	t.Parallel()
	profile := peering.LabProfile
	profile.Sample = time.Millisecond
	r := soaking(30 * time.Second)
	r.dep.Verdict = &peering.Verdict{Outcome: peering.CheckPending, Waived: "ada"}
	if next, err := r.take(t, soakStep, profile); err != nil || next.Step != peering.StepConfirm {
		t.Errorf("waived: next %+v, %v", next, err)
	}
	r.dep.Verdict.Outcome = peering.CheckFailed
	for _, step := range []func(*Deploying) any{soakStep, confirmStep} {
		if next, err := r.take(t, step, profile); err != nil || next.Step != peering.StepAbort {
			t.Errorf("waived and failed: next %+v, %v", next, err)
		}
	}
	if len(r.router.told) > 0 {
		t.Errorf("the router was told %v", r.router.told)
	}
}
