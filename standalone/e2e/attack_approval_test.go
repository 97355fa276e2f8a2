package e2e

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	taskqueuepb "go.temporal.io/api/taskqueue/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"
	sdkworker "go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"peerflow/activities"
	"peerflow/internal/peering"
	"peerflow/internal/temporalauth"
	"peerflow/workflows"
)

// siege is a scene with two changes that nobody approved, and people and
// programs that want them on the router all the same.
type siege struct {
	*scene
	change, foreign peering.Change
	second, third   peering.Actor
	insider         client.Client // has the data folder's secret
	before          string
}

// Nothing reaches the router without the votes that the plan needs, whoever
// speaks to Temporal, and every decision that reaches us leaves a trace.
func TestAttacksPushNothing(t *testing.T) {
	t.Parallel()
	s := siege{scene: stage(t, 0)}
	s.second, s.third = s.user("second", peering.Approver), s.user("third", peering.Approver)
	s.insider = s.dial("insider", s.secret())
	s.change, s.foreign = s.provision(knownAS, "wanted"), s.provision(openAS, "another one")
	s.before = s.look()
	if told := s.commands(""); len(told) != 0 {
		t.Errorf("what peerflow itself had Temporal do is told as somebody's: %+v", told)
	}
	for _, attack := range []struct {
		name string
		try  func(siege)
	}{
		{"a stranger without the secret is refused", siege.stranger},
		{"votes that don't count", siege.votes},
		{"codes that don't count", siege.codes},
		{"workflows started by hand", siege.startedByHand},
		{"floods of signals", siege.floods},
		{"a change's workflow started again from its beginning", siege.reset},
		{"a worker that isn't ours", siege.hostileWorker},
	} {
		t.Run(attack.name, func(t *testing.T) {
			part := s
			part.scene = s.in(t)
			attack.try(part)
			part.held()
		})
	}
	t.Run("the right code counts, once, and the commit outlives the workflows around it", func(t *testing.T) {
		part := s
		part.scene = s.in(t)
		part.approved()
	})
}

// held checks that nothing came of an attack.
func (s siege) held() {
	s.t.Helper()
	s.untouched(s.before)
	c := s.inState(s.change.ID, 30*time.Second, peering.ChangeAwaitingApproval)
	if tally := s.tally(c); tally.Have != 0 || tally.Approved {
		s.t.Errorf("votes: %+v", tally)
	}
	for _, c := range []peering.Change{s.change, s.foreign} {
		all, err := s.Parts.DB.Deployments(context.Background(), c.ID)
		s.must(err)
		for _, d := range all {
			if !d.CommitSentAt.IsZero() {
				s.t.Errorf("deployment %d of change %d was committed", d.ID, c.ID)
			}
		}
	}
}

func (s *scene) secret() string {
	s.t.Helper()
	secret, err := os.ReadFile(filepath.Join(s.Dir(), "temporal.secret"))
	s.must(err)
	return strings.TrimSpace(string(secret))
}

// dial is a client of Temporal's real port that says it is somebody.
func (s *scene) dial(identity, secret string) client.Client {
	s.t.Helper()
	c, err := client.NewLazyClient(client.Options{HostPort: s.TemporalAddress(), Identity: identity, HeadersProvider: temporalauth.Headers(secret), Logger: silent{}})
	s.must(err)
	s.t.Cleanup(c.Close)
	return c
}

// silent is a logger for clients that are meant to fail.
type silent struct{}

func (silent) Debug(string, ...any) {}
func (silent) Info(string, ...any)  {}
func (silent) Warn(string, ...any)  {}
func (silent) Error(string, ...any) {}

func workflowOf(c peering.Change) string { return fmt.Sprintf("change/%d", c.ID) }

func (s siege) stranger() {
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	for kind, secret := range map[string]string{"no secret": "", "a wrong secret": strings.Repeat("f", len(s.secret()))} {
		c := s.dial("stranger", secret)
		queue := &taskqueuepb.TaskQueue{Name: workflows.ControlQueue, Kind: enumspb.TASK_QUEUE_KIND_NORMAL}
		run := &commonpb.WorkflowExecution{WorkflowId: workflowOf(s.change)}
		for name, call := range map[string]func() error{
			"start": func() error {
				_, err := c.ExecuteWorkflow(ctx, client.StartWorkflowOptions{ID: "deployment/1", TaskQueue: workflows.ControlQueue}, workflows.DeployRouter, workflows.DeployRouterInput{Deployment: 1})
				return err
			},
			"signal": func() error {
				return c.SignalWorkflow(ctx, workflowOf(s.change), "", workflows.SignalLookAgain, workflows.LookAgainSignal{})
			},
			"decide": func() error {
				_, err := decide(ctx, c, s.change, "", workflows.Decide{Decision: peering.Approve, Plan: s.change.PlanHash[:8]})
				return err
			},
			"terminate": func() error { return c.TerminateWorkflow(ctx, workflowOf(s.change), "", "") },
			"reset": func() error {
				_, err := c.ResetWorkflowExecution(ctx, &workflowservice.ResetWorkflowExecutionRequest{Namespace: client.DefaultNamespace, WorkflowExecution: run, WorkflowTaskFinishEventId: 4})
				return err
			},
			"poll for activities": func() error {
				_, err := c.WorkflowService().PollActivityTaskQueue(ctx, &workflowservice.PollActivityTaskQueueRequest{Namespace: client.DefaultNamespace, TaskQueue: queue})
				return err
			},
			"poll for workflows": func() error {
				_, err := c.WorkflowService().PollWorkflowTaskQueue(ctx, &workflowservice.PollWorkflowTaskQueueRequest{Namespace: client.DefaultNamespace, TaskQueue: queue})
				return err
			},
			"read a history": func() error {
				_, err := c.GetWorkflowHistory(ctx, workflowOf(s.change), "", false, enumspb.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT).Next()
				return err
			},
		} {
			var denied *serviceerror.PermissionDenied
			if err := call(); !errors.As(err, &denied) {
				s.t.Errorf("%s with %s: %v", name, kind, err)
			}
		}
	}
}

// decide sends the update as the stock Temporal UI does; the answer is what a person gets to read.
func decide(ctx context.Context, c client.Client, change peering.Change, updateID string, payload any) (string, error) {
	handle, err := c.UpdateWorkflow(ctx, client.UpdateWorkflowOptions{WorkflowID: workflowOf(change), UpdateID: updateID,
		UpdateName: workflows.UpdateDecide, Args: []any{payload}, WaitForStage: client.WorkflowUpdateStageCompleted})
	if err != nil {
		return "", err
	}
	var result activities.VoteResult
	if err := handle.Get(ctx, &result); err != nil {
		var app *temporal.ApplicationError
		if errors.As(err, &app) {
			return app.Message(), nil
		}
		return "", err
	}
	if result.Accepted {
		return "ACCEPTED " + result.Text, nil
	}
	return result.Text, nil
}

// refusals counts the audited refusals on a change.
func (s siege) refusals(c peering.Change) int {
	s.t.Helper()
	events, err := s.Parts.DB.AuditEvents(context.Background(), c.ID)
	s.must(err)
	n := 0
	for _, e := range events {
		if e.Refused {
			n++
		}
	}
	return n
}

// refused presents a decision and wants it refused in these words, and audited so many times.
func (s siege) refused(what string, by client.Client, updateID string, payload any, words string, audited int) {
	s.t.Helper()
	before := s.refusals(s.change)
	text, err := decide(context.Background(), by, s.change, updateID, payload)
	if err != nil {
		text = err.Error()
	}
	if strings.HasPrefix(text, "ACCEPTED") || !strings.Contains(text, words) {
		s.t.Errorf("%s: %q, want %q", what, text, words)
	}
	if got := s.refusals(s.change) - before; got != audited {
		s.t.Errorf("%s: %d audited refusals, want %d", what, got, audited)
	}
}

func (s siege) votes() {
	db, ctx, c := s.Parts.DB, context.Background(), s.change
	forger := s.dial("second", s.secret())
	digits := workflows.Decide{Decision: peering.Approve, Plan: c.PlanHash[:8]}
	s.refused("the plan's digits, with more than one user", s.insider, "", digits, "exactly one active user", 1)
	s.refused("the same under an approver's name", forger, "", digits, "exactly one active user", 1)
	s.refused("a payload that names an approver", s.insider, "", map[string]any{"decision": "approve", "plan": c.PlanHash[:8], "user": "second", "user_id": s.second.UserID},
		"exactly one active user", 1)
	s.refused("neither code nor plan", s.insider, "", workflows.Decide{Decision: peering.Approve}, "approval code", 0)
	s.refused("no decision", s.insider, "", workflows.Decide{Decision: "yes", Code: "A"}, "approve or reject", 0)
	s.refused("an oversized code", s.insider, "", workflows.Decide{Decision: peering.Approve, Code: strings.Repeat("A", 1000)}, "at most", 0)

	for _, v := range []struct {
		what string
		by   peering.Actor
		plan string
		want string
	}{
		{"the author", s.admin, c.PlanHash, "somebody else has to approve"},
		{"a plan that isn't in force", s.second, strings.Repeat("0", 64), "the plan moved"},
		{"a plan of another change", s.second, s.foreign.PlanHash, "the plan moved"},
		{"somebody without the role", s.user("reader", peering.Viewer), c.PlanHash, "role approver"},
	} {
		before := s.refusals(c)
		if got := s.vote(v.by, c, v.plan); got.Accepted || !strings.Contains(got.Text, v.want) {
			s.t.Errorf("%s: %+v, want %q", v.what, got, v.want)
		}
		if s.refusals(c) != before+1 {
			s.t.Errorf("%s: the refusal isn't audited", v.what)
		}
	}
	if _, err := db.MintGrant(ctx, s.admin, c.ID, c.PlanHash, peering.Approve, 0); peering.KindOf(err) != peering.Denied {
		s.t.Errorf("the author's own code: %v", err)
	}
}

func (s siege) code(who peering.Actor, c peering.Change, d peering.Decision, life time.Duration) string {
	s.t.Helper()
	code, err := s.Parts.DB.MintGrant(context.Background(), who, c.ID, c.PlanHash, d, life)
	s.must(err)
	return code
}

func (s siege) codes() {
	ctx := context.Background()
	approve := func(code string) workflows.Decide { return workflows.Decide{Decision: peering.Approve, Code: code} }
	s.refused("a code that nobody made", s.insider, "", approve("AAAA-BBBB-CCCC-DDDD-EEEE-FFFF-GGGG-HHHH"), "no such approval code", 1)

	foreign := s.code(s.second, s.foreign, peering.Approve, 0)
	s.refused("a code for another change", s.insider, "", approve(foreign), fmt.Sprintf("for change %d", s.foreign.ID), 1)
	if text, err := decide(ctx, s.insider, s.foreign, "", approve(foreign)); err != nil || !strings.Contains(text, "used already") {
		s.t.Errorf("a burnt code on its own change: %q %v", text, err)
	}

	expired := s.code(s.second, s.change, peering.Approve, time.Millisecond)
	made := time.Now()
	s.await("the code's end", time.Second, func(context.Context) bool { return time.Since(made) > 50*time.Millisecond })
	s.refused("an expired code", s.insider, "", approve(expired), "expired", 1)

	rejecting := s.code(s.second, s.change, peering.Reject, 0)
	s.refused("a code that says reject", s.insider, "", approve(rejecting), "says reject", 1)
	s.refused("the same once more", s.insider, "replayed", approve(rejecting), "used already", 1)
	s.refused("a replay of the update itself", s.insider, "replayed", approve(rejecting), "used already", 0)

	gone := s.user("gone", peering.Approver)
	left := s.code(gone, s.change, peering.Approve, 0)
	user, err := s.Parts.DB.User(ctx, gone.UserID)
	s.must(err)
	_, err = s.Parts.DB.UpdateUser(ctx, s.admin, user.ID, user.Version, user.Roles, false)
	s.must(err)
	s.refused("a code of somebody who left", s.insider, "", approve(left), "may not log in", 1)
}

// commands lists what the audit shows of somebody's commands to Temporal: those of a method, "" for all.
func (s siege) commands(method string) []peering.AuditEvent {
	s.t.Helper()
	_, text := s.get("/api/v1/audit?refused=false&door=temporal&limit=500&act__isw=" + url.QueryEscape("Temporal: "+method))
	var page struct {
		Items []peering.AuditEvent `json:"items"`
	}
	s.must(json.Unmarshal([]byte(text), &page))
	return page.Items
}

// told waits until the audit shows a command to Temporal, what it was on, and that it came with the secret.
func (s siege) told(method, on string) {
	s.t.Helper()
	want := fmt.Sprintf("%q from 127.0.0.1: with the data folder's secret", on)
	s.await(fmt.Sprintf("%s %s in the audit", method, want), 10*time.Second, func(context.Context) bool {
		return slices.ContainsFunc(s.commands(method), func(e peering.AuditEvent) bool { return e.Act == "Temporal: "+method && e.Text == want })
	})
}

// start starts a workflow by hand and ends it with the test.
func (s siege) start(id string, kind, input any) {
	s.t.Helper()
	ctx := context.Background()
	run, err := s.insider.ExecuteWorkflow(ctx, client.StartWorkflowOptions{ID: id, TaskQueue: workflows.ControlQueue}, kind, input)
	s.must(err)
	s.await(id+" has run", 30*time.Second, func(ctx context.Context) bool {
		events := s.insider.GetWorkflowHistory(ctx, id, run.GetRunID(), false, enumspb.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT)
		done := 0
		for events.HasNext() {
			event, err := events.Next()
			if err != nil {
				return false
			}
			switch event.GetEventType() {
			case enumspb.EVENT_TYPE_ACTIVITY_TASK_COMPLETED, enumspb.EVENT_TYPE_ACTIVITY_TASK_FAILED:
				done++
			case enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_COMPLETED, enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_FAILED, enumspb.EVENT_TYPE_TIMER_STARTED:
				return true
			}
		}
		return done >= 3
	})
	_ = s.insider.TerminateWorkflow(ctx, id, run.GetRunID(), "the attack is over") // it may have ended
}

func (s siege) startedByHand() {
	s.start("deployment/4711", workflows.DeployRouter, workflows.DeployRouterInput{Deployment: 4711})
	s.start("also mine", workflows.ProvisionPeering, workflows.ProvisionPeeringInput{Change: s.change.ID})
	ctx := context.Background()
	router := s.router().ID
	_, err := s.insider.ExecuteWorkflow(ctx, client.StartWorkflowOptions{ID: "mine", TaskQueue: workflows.ControlQueue}, workflows.DeployChange, workflows.DeployChangeInput{Change: s.change.ID})
	s.must(err)
	s.await("it waits for approval like the real one", time.Minute, func(ctx context.Context) bool {
		return strings.Contains(s.details(ctx, "mine"), "awaiting approval")
	})
	s.must(s.insider.TerminateWorkflow(ctx, "mine", "", "the attack is over"))
	_, err = s.insider.SignalWithStartWorkflow(ctx, "queue of mine", workflows.SignalEnqueue, workflows.EnqueueSignal{Deployment: 4711},
		client.StartWorkflowOptions{ID: "queue of mine", TaskQueue: workflows.ControlQueue}, workflows.ServeRouter, workflows.ServeRouterInput{Router: router})
	s.must(err)
	s.await("the queue is idle", 30*time.Second, func(ctx context.Context) bool { return strings.Contains(s.details(ctx, "queue of mine"), "idle") })
	s.must(s.insider.TerminateWorkflow(ctx, "queue of mine", "", "the attack is over"))
	for _, on := range []string{"DeployRouter deployment/4711", "ProvisionPeering also mine", "DeployChange mine"} {
		s.told("StartWorkflowExecution", on)
	}
	s.told("SignalWithStartWorkflowExecution", "ServeRouter queue of mine enqueue")
	s.told("TerminateWorkflowExecution", "mine")
}

func (s siege) floods() {
	ctx := context.Background()
	router := s.router().ID
	for i := range 60 {
		s.must(s.insider.SignalWorkflow(ctx, workflowOf(s.change), "", workflows.SignalLookAgain, workflows.LookAgainSignal{Why: "approved"}))
		s.must(workflows.Client{Temporal: s.insider}.Enqueue(ctx, router, int64(4711+i)))
	}
	s.await("the queue is idle", time.Minute, func(ctx context.Context) bool {
		return strings.Contains(s.details(ctx, fmt.Sprintf("router/%d", router)), "idle")
	})
	s.told("SignalWorkflowExecution", workflowOf(s.change)+" "+workflows.SignalLookAgain)
	s.told("SignalWithStartWorkflowExecution", fmt.Sprintf("ServeRouter router/%d %s", router, workflows.SignalEnqueue))
}

func (s siege) reset() {
	ctx := context.Background()
	s.again(s.change)
	s.await("it waits again", time.Minute, func(ctx context.Context) bool {
		return strings.Contains(s.details(ctx, workflowOf(s.change)), "awaiting approval")
	})
	s.told("ResetWorkflowExecution", workflowOf(s.change))
	if said := s.cli("audit", "list", "--change", fmt.Sprint(s.change.ID)); !strings.Contains(said, "Temporal: ResetWorkflowExecution") {
		s.t.Errorf("the change's audit lacks the reset:\n%s", said)
	}
	if now, err := s.Parts.DB.Change(ctx, s.change.ID); err != nil || now.PlanHash != s.change.PlanHash {
		s.t.Errorf("plan %s, was %s: %v", now.PlanHash, s.change.PlanHash, err)
	}
}

// again resets a change's workflow to its first task.
func (s siege) again(c peering.Change) {
	s.t.Helper()
	_, err := s.insider.ResetWorkflowExecution(context.Background(), &workflowservice.ResetWorkflowExecutionRequest{Namespace: client.DefaultNamespace,
		WorkflowExecution: &commonpb.WorkflowExecution{WorkflowId: workflowOf(c)}, Reason: "attack", RequestId: time.Now().String(), WorkflowTaskFinishEventId: 4})
	s.must(err)
}

// forged is one activity that a stranger's workflow asks our worker for.
type forged struct {
	Name string `json:"name"`
	Args []any  `json:"args"`
}

// forge is a workflow of somebody else: it runs our activities in an order of its own, and tells what they said.
func forge(ctx workflow.Context, steps []forged) ([]string, error) {
	ctx = workflow.WithActivityOptions(ctx, workflow.ActivityOptions{TaskQueue: workflows.ControlQueue,
		StartToCloseTimeout: time.Minute, RetryPolicy: &temporal.RetryPolicy{MaximumAttempts: 1}})
	var said []string
	for _, step := range steps {
		var answer any
		err := workflow.ExecuteActivity(ctx, step.Name, step.Args...).Get(ctx, &answer)
		said = append(said, fmt.Sprintf("%s: %v %v", step.Name, answer, err))
	}
	return said, nil
}

// hostileWorker serves a workflow that lies about approval to our own worker.
func (s siege) hostileWorker() {
	ctx := context.Background()
	w := sdkworker.New(s.insider, "mine", sdkworker.Options{})
	w.RegisterWorkflowWithOptions(forge, workflow.RegisterOptions{Name: "DeployChange"})
	s.must(w.Start())
	defer w.Stop()
	run := func(steps ...forged) {
		var said []string
		r, err := s.insider.ExecuteWorkflow(ctx, client.StartWorkflowOptions{ID: "forged", TaskQueue: "mine"}, "DeployChange", steps)
		s.must(err)
		s.must(r.Get(ctx, &said))
		s.t.Log(strings.Join(said, "\n"))
	}
	c := s.foreign
	run(forged{"MoveChange", []any{activities.MoveInput{Change: c.ID, To: peering.ChangeApproved}}},
		forged{"SubmitDeployment", []any{activities.SubmitInput{Change: c.ID, Plan: c.PlanID, Router: s.router().ID}}})
	d := s.deployment(c)
	var steps []forged
	for _, name := range []string{"PrepareDeployment", "BeginDeployment", "CommitDeployment", "SoakDeployment", "ConfirmDeployment", "InstallDeployment"} {
		steps = append(steps, forged{name, []any{d.ID}})
	}
	run(append(steps, forged{"EndDeployment", []any{activities.EndInput{Deployment: d.ID, State: peering.DeploymentConfirmed, Text: "trust me"}}})...)
	s.await("the deployment's end", time.Minute, func(context.Context) bool { return s.deployment(c).State.Ended() })
	if d = s.deployment(c); d.State == peering.DeploymentConfirmed || s.runs("64510") {
		s.t.Errorf("deployment %s: %s", d.State, d.Outcome)
	}
	s.wants(d.Outcome, "0 of 1 approvals")
	s.told("StartWorkflowExecution", "DeployChange forged")
	s.told("PollWorkflowTaskQueue", "mine")
	if tally := s.tally(c); tally.Have != 0 {
		s.t.Errorf("votes: %+v", tally)
	}
}

// approved lets the right code through, and breaks the workflows around the commit.
func (s siege) approved() {
	ctx := context.Background()
	code := workflows.Decide{Decision: peering.Approve, Code: s.code(s.second, s.change, peering.Approve, 0)}
	text, err := decide(ctx, s.insider, s.change, "", code)
	if err != nil || text != "ACCEPTED approved by second: 1 of 1" {
		s.t.Fatalf("%q %v", text, err)
	}
	s.soaking(s.change)
	s.refused("the same code again", s.insider, "", code, "used already", 1)
	s.must(s.insider.TerminateWorkflow(ctx, fmt.Sprintf("router/%d", s.router().ID), "", "an attack"))
	s.again(s.change)
	c := s.ends(s.change.ID)
	d := s.deployment(c)
	if c.State != peering.ChangeCompleted || d.State != peering.DeploymentConfirmed || !s.runs("64501") {
		s.t.Fatalf("change %s (%s), deployment %s (%s)", c.State, c.Outcome, d.State, d.Outcome)
	}
	after := s.look()
	s.start("deployment/once-more", workflows.DeployRouter, workflows.DeployRouterInput{Deployment: d.ID})
	s.untouched(after)
}
