package workflows_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/testsuite"

	"peerflow/activities"
	"peerflow/internal/peering"
	"peerflow/workflows"
)

// stage is the record of one change, with the activities of its workflows on
// it. States move by the transitions of internal/peering, as in the database.
type stage struct {
	woken int // times that the queues of its routers were woken
	env   *testsuite.TestWorkflowEnvironment

	state    peering.ChangeState
	step     string
	outcome  string
	expires  time.Time
	plan     activities.PlanResult // what planning gives next
	blocked  int64                 // the change that planning waits for
	sites    []string              // of the routers that the change reaches
	away     map[string]int        // how often no worker of a site takes planning up
	planned  []activities.PlanInput
	noted    []string
	onNote   func()
	approved bool
	rejected string               // who
	count    func() peering.Tally // counts votes instead; nil: approved and rejected say it
	cancel   string               // who cancelled with a command
	refusal  string               // why planning fails for good; "" when it doesn't
	resolve  int64
	ends     []peering.DeploymentState // how each deployment ends, in order; confirmed when there is none left
	took     time.Duration             // from submission to the end
	routers  []activities.PlannedRouter

	agreed, waiting, refused int // venues
	sessions                 int
	up, notUp                int
	told                     []activities.AwaitedInput
	found                    activities.LookUpResult

	deployments []deployed
	resolved    bool
	calls       []string        // activities in order of their first success
	lost        map[string]bool // activities whose first answer gets lost
	broken      map[string]bool // activities that fail for good
}

type deployed struct {
	router int64
	state  peering.DeploymentState
	endsAt time.Time
	ends   peering.DeploymentState
}

const changeNumber = 1042

func newStage(t *testing.T) *stage {
	t.Helper()
	s := &stage{
		state: peering.ChangeDraft, took: time.Minute,
		plan:    activities.PlanResult{PlanID: 1, Hash: "c0ffee00c0ffee00", VotesNeeded: 1, Routers: 1, Impact: "adds 2 sessions"},
		routers: []activities.PlannedRouter{{ID: 3, Name: "edge1"}},
		agreed:  1, sessions: 2, up: 2, lost: map[string]bool{}, broken: map[string]bool{},
	}
	s.restart(time.Date(2026, 11, 28, 8, 0, 0, 0, time.UTC))
	return s
}

// restart is the world of one more run, from a moment on.
func (s *stage) restart(at time.Time) {
	var suite testsuite.WorkflowTestSuite
	s.env = suite.NewTestWorkflowEnvironment()
	s.env.SetStartTime(at)
	s.env.SetTestTimeout(20 * time.Second)
	s.env.RegisterWorkflow(workflows.DeployChange)
	for name, f := range map[string]any{
		"DescribeChange": step(s, "DescribeChange", s.describeChange), "PlanChange": step(s, "PlanChange", s.planChange),
		"ScopeChange": s.scopeChange, "NoteStep": s.noteStep,
		"MoveChange": s.moveChange, "TallyVotes": step(s, "TallyVotes", s.tallyVotes),
		"RecordVote": step(s, "RecordVote", s.recordVote), "PlannedRouters": step(s, "PlannedRouters", s.plannedRouters),
		"SubmitDeployment": step(s, "SubmitDeployment", s.submit), "ReadDeployment": step(s, "ReadDeployment", s.readDeployment),
		"SettleChange": step(s, "SettleChange", s.settle), "WaitingChanges": step(s, "WaitingChanges", s.waitingChanges),
		"WakeRouters": func(context.Context, int64) error { s.woken++; return nil },
		"TellChanges": s.tellChanges, "Unresolved": s.unresolved, "ResolveDeployment": s.resolveDeployment, "ResolveHandled": s.resolveHandled,
		"LookUpPeer": step(s, "LookUpPeer", s.lookUp), "AssessAgreement": step(s, "AssessAgreement", s.assess),
		"PlanSessions": step(s, "PlanSessions", s.planSessions), "CountSessionsUp": step(s, "CountSessionsUp", s.countUp),
		"TellAwaited": step(s, "TellAwaited", s.tellAwaited),
	} {
		s.env.RegisterActivityWithOptions(f, activity.RegisterOptions{Name: name})
	}
}

// step lets an activity fail for good, or lose its first answer after it took effect.
func step[In, Out any](s *stage, name string, do func(In) (Out, error)) func(context.Context, In) (Out, error) {
	return func(_ context.Context, in In) (out Out, err error) {
		err = s.around(name, func() error { out, err = do(in); return err })
		return out, err
	}
}

func (s *stage) around(name string, do func() error) error {
	if s.broken[name] {
		return temporal.NewNonRetryableApplicationError(name+" is refused", string(peering.Invalid), nil)
	}
	if err := do(); err != nil {
		return err
	}
	s.calls = append(s.calls, name)
	if s.lost[name] {
		s.lost[name] = false
		return errLost
	}
	return nil
}

// deploy runs DeployChange to its end.
func (s *stage) deploy(t *testing.T) workflows.DeployChangeResult {
	t.Helper()
	return s.run(t, workflows.DeployChange, workflows.DeployChangeInput{Change: changeNumber})
}

// provision runs ProvisionPeering, with its child, to its end.
func (s *stage) provision(t *testing.T) workflows.DeployChangeResult {
	t.Helper()
	return s.run(t, workflows.ProvisionPeering, workflows.ProvisionPeeringInput{Change: changeNumber})
}

func (s *stage) run(t *testing.T, workflow, input any) workflows.DeployChangeResult {
	t.Helper()
	s.env.ExecuteWorkflow(workflow, input)
	var result workflows.DeployChangeResult
	if err := errors.Join(s.env.GetWorkflowError(), s.env.GetWorkflowResult(&result)); err != nil {
		t.Fatal(err)
	}
	if result.State != s.state {
		t.Errorf("answered %s, recorded %s", result.State, s.state)
	}
	if !s.state.Ended() {
		t.Errorf("the workflow ended and its change is %s", s.state)
	}
	for _, d := range s.deployments {
		if !d.state.Ended() {
			t.Errorf("the change ended while its deployment on router %d is %s", d.router, d.state)
		}
	}
	return result
}

// later does something after a while of the test's own time.
func (s *stage) later(after time.Duration, do func()) { s.env.RegisterDelayedCallback(do, after) }

// approve is a vote through the API: the row, then the signal that says look again.
func (s *stage) approve() {
	s.approved = true
	s.look("vote")
}

func (s *stage) look(why string) {
	s.env.SignalWorkflow(workflows.SignalLookAgain, workflows.LookAgainSignal{Why: why})
}

func (s *stage) describeChange(int64) (activities.DescribeResult, error) {
	return activities.DescribeResult{State: s.state, Outcome: s.outcome, PlanID: s.plan.PlanID}, nil
}

func (s *stage) scopeChange(context.Context, int64) (activities.ScopeResult, error) {
	return activities.ScopeResult{BlockedBy: s.blocked, Sites: s.sites}, nil
}

func (s *stage) noteStep(_ context.Context, in activities.StepInput) error {
	s.step = in.Text
	s.noted = append(s.noted, in.Text)
	if s.onNote != nil {
		s.onNote()
	}
	return nil
}

func (s *stage) planChange(in activities.PlanInput) (activities.PlanResult, error) {
	if s.away[in.Site] > 0 {
		s.away[in.Site]--
		return activities.PlanResult{}, nobodyCame
	}
	if s.refusal != "" {
		return activities.PlanResult{}, temporal.NewNonRetryableApplicationError(s.refusal, string(peering.Conflict), nil)
	}
	s.planned = append(s.planned, in)
	return s.plan, nil
}

// moveChange refuses what the record doesn't allow, and an end that would leave
// a deployment to nobody, as the database does.
func (s *stage) moveChange(_ context.Context, in activities.MoveInput) error {
	return s.around("MoveChange/"+string(in.To), func() error {
		if in.To == s.state {
			s.step, s.outcome = in.Step, in.Outcome
			return nil
		}
		err := s.state.To(in.To)
		for _, d := range s.deployments {
			if in.To.Ended() && !d.state.Ended() {
				err = fmt.Errorf("a deployment is %s", d.state)
			}
		}
		if err != nil {
			return temporal.NewNonRetryableApplicationError(err.Error(), string(peering.Conflict), nil)
		}
		s.state, s.step, s.outcome = in.To, in.Step, in.Outcome
		if in.To == peering.ChangeAwaitingApproval {
			s.expires = s.env.Now().Add(peering.ApprovalPatience)
		}
		return nil
	})
}

func (s *stage) tallyVotes(in activities.StandingInput) (activities.Standing, error) {
	standing := activities.Standing{Cancel: s.cancel, Resolve: s.resolve, Expires: s.expires}
	if in.Plan != 0 {
		standing.Tally = peering.Tally{Approved: s.approved && s.rejected == "", Rejected: s.rejected != "", Rejecter: s.rejected, Need: 1}
		if s.count != nil {
			standing.Tally = s.count()
		}
	}
	return standing, nil
}

func (s *stage) recordVote(in activities.VoteInput) (activities.VoteResult, error) {
	if in.Code != "GOOD" {
		return activities.VoteResult{Text: "there is no such approval code"}, nil
	}
	s.approved = true
	return activities.VoteResult{Accepted: true, Text: "approved"}, nil
}

func (s *stage) plannedRouters(int64) ([]activities.PlannedRouter, error) { return s.routers, nil }

// submit gives the row that exists for this plan and router, or writes one.
func (s *stage) submit(in activities.SubmitInput) (int64, error) {
	for i, d := range s.deployments {
		if d.router == in.Router && (!d.state.Ended() || d.state == peering.DeploymentConfirmed) {
			return int64(i), nil
		}
	}
	d := deployed{router: in.Router, state: peering.DeploymentQueued, endsAt: s.env.Now().Add(s.took), ends: peering.DeploymentConfirmed}
	if n := len(s.deployments); n < len(s.ends) {
		d.ends = s.ends[n]
	}
	s.deployments = append(s.deployments, d)
	return int64(len(s.deployments) - 1), nil
}

// tick lets deployments end whose time has come.
func (s *stage) tick() {
	for i, d := range s.deployments {
		if !d.state.Ended() && d.state != peering.DeploymentNeedsOperator && !s.env.Now().Before(d.endsAt) {
			s.deployments[i].state = d.ends
		}
	}
}

func (s *stage) readDeployment(id int64) (activities.DeploymentStatus, error) {
	s.tick()
	d := s.deployments[id].state
	return activities.DeploymentStatus{State: d, Ended: d.Ended() || d == peering.DeploymentNeedsOperator, Text: string(d)}, nil
}

// settle follows the last deployment, as one router's change does.
func (s *stage) settle(int64) (activities.DescribeResult, error) {
	s.tick()
	if n := len(s.deployments); n > 0 {
		to := map[peering.DeploymentState]peering.ChangeState{
			peering.DeploymentConfirmed: peering.ChangeCompleted, peering.DeploymentRolledBack: peering.ChangeRolledBack,
			peering.DeploymentFailed: peering.ChangeFailed, peering.DeploymentCancelled: peering.ChangeCancelled,
			peering.DeploymentInterfered: peering.ChangeInterfered, peering.DeploymentNeedsOperator: peering.ChangeNeedsOperator,
		}[s.deployments[n-1].state]
		if to == peering.ChangeCancelled && s.rejected != "" {
			to = peering.ChangeRejected
		}
		if to != "" && to != s.state {
			if err := s.state.To(to); err != nil {
				return activities.DescribeResult{}, temporal.NewNonRetryableApplicationError(err.Error(), string(peering.Conflict), nil)
			}
			s.state, s.outcome = to, string(s.deployments[n-1].state)
		}
	}
	return activities.DescribeResult{State: s.state, Outcome: s.outcome, PlanID: s.plan.PlanID}, nil
}

func (s *stage) waitingChanges(int64) ([]int64, error) { return []int64{7}, nil }

func (s *stage) tellChanges(context.Context, activities.TellInput) error {
	return s.around("TellChanges", func() error { return nil })
}

func (s *stage) unresolved(context.Context, int64) (open []activities.QueuedDeployment, err error) {
	for i, d := range s.deployments {
		if d.state == peering.DeploymentNeedsOperator {
			open = append(open, activities.QueuedDeployment{ID: int64(i), NeedsOperator: true})
		}
	}
	return open, nil
}

func (s *stage) resolveDeployment(_ context.Context, id int64) error {
	return s.around("ResolveDeployment", func() error {
		s.deployments[id].state = peering.DeploymentRolledBack
		return nil
	})
}

func (s *stage) resolveHandled(context.Context, int64) error {
	s.resolve, s.resolved = 0, true
	return nil
}

func (s *stage) lookUp(int64) (activities.LookUpResult, error) { return s.found, nil }

func (s *stage) assess(int64) (activities.AgreeResult, error) {
	return activities.AgreeResult{Agreed: s.agreed, Waiting: s.waiting, Refused: s.refused, Text: "AS64501", Ask: "Peering AS64500 with AS64501\n\nDear [peering] team,"}, nil
}

func (s *stage) planSessions(int64) (activities.SessionsResult, error) {
	return activities.SessionsResult{Sessions: s.sessions, Text: "planned"}, nil
}

func (s *stage) tellAwaited(in activities.AwaitedInput) (activities.AwaitedResult, error) {
	s.told = append(s.told, in)
	return activities.AwaitedResult{Up: s.up, Waiting: s.notUp, Text: fmt.Sprintf("%d of %d up after %d days", s.up, s.up+s.notUp, in.Days)}, nil
}

func (s *stage) countUp(int64) (activities.UpResult, error) {
	return activities.UpResult{Up: s.up, Waiting: s.notUp}, nil
}

// decide sends the update as the Temporal UI does, and answers what it is told.
func (s *stage) decide(d workflows.Decide) *answer {
	a := &answer{}
	s.env.UpdateWorkflow(workflows.UpdateDecide, fmt.Sprint(d.Decision, d.Code), a, d)
	return a
}

// answer is what came of an update.
type answer struct{ rejected, failed error }

func (a *answer) Accept()          {}
func (a *answer) Reject(err error) { a.rejected = err }
func (a *answer) Complete(_ any, err error) {
	a.failed = err
}
