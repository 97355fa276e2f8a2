package e2e

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	taskqueuepb "go.temporal.io/api/taskqueue/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/interceptor"
	sdkworker "go.temporal.io/sdk/worker"

	"peerflow/activities"
	"peerflow/internal/peering"
	"peerflow/internal/temporalauth"
	"peerflow/worker"
	"peerflow/workflows"
)

// liar polls peerflow's queues as somebody would who has the workers' secret. It
// answers the activities that it has a lie for, without doing them; the others it
// does as one of our workers would, since one of ours may get them as well.
type liar struct {
	interceptor.ClientInterceptorBase
	interceptor.WorkerInterceptorBase
	mu   sync.Mutex
	lies map[string]any
	told map[string]int
}

func (l *liar) InterceptActivity(_ context.Context, next interceptor.ActivityInboundInterceptor) interceptor.ActivityInboundInterceptor {
	return &lying{ActivityInboundInterceptorBase: interceptor.ActivityInboundInterceptorBase{Next: next}, liar: l}
}

type lying struct {
	interceptor.ActivityInboundInterceptorBase
	liar *liar
}

func (l *lying) ExecuteActivity(ctx context.Context, in *interceptor.ExecuteActivityInput) (any, error) {
	name := activity.GetInfo(ctx).ActivityType.Name
	l.liar.mu.Lock()
	lie, lies := l.liar.lies[name]
	if lies {
		l.liar.told[name]++
	}
	l.liar.mu.Unlock()
	if lies {
		return lie, nil
	}
	return l.Next.ExecuteActivity(ctx, in)
}

// tells has it tell these lies from now on; none: it is honest.
func (l *liar) tells(lies map[string]any) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.lies, l.told = lies, map[string]int{}
}

// hasTold reports that each of these was told at least once.
func (l *liar) hasTold(names ...string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, name := range names {
		if l.told[name] == 0 {
			return false
		}
	}
	return true
}

// polls starts it on the queues of control and site, with so many polls open that it gets nearly all there is. It runs
// workflows as ours do: a worker keeps the activities of those that it runs for itself.
func (l *liar) polls(s siege) {
	s.t.Helper()
	c, err := client.NewLazyClient(client.Options{HostPort: s.TemporalAddress(), Identity: "liar", HeadersProvider: temporalauth.Headers(s.secret()), Logger: silent{},
		Interceptors: []interceptor.ClientInterceptor{l}})
	s.must(err)
	s.t.Cleanup(c.Close)
	a := s.Parts.Activities()
	control := sdkworker.New(c, workflows.ControlQueue, sdkworker.Options{MaxConcurrentActivityTaskPollers: 60,
		MaxConcurrentWorkflowTaskPollers: 60, Interceptors: []interceptor.WorkerInterceptor{workflows.Summarize()}})
	worker.Register(control, a)
	site := sdkworker.New(c, workflows.SiteQueue("lab"), sdkworker.Options{DisableWorkflowWorker: true, MaxConcurrentActivityTaskPollers: 60})
	for _, part := range []any{a.Planning, a.Deploying, a.Routers} {
		site.RegisterActivity(part)
	}
	for _, w := range []sdkworker.Worker{control, site} {
		s.must(w.Start())
		s.t.Cleanup(w.Stop)
	}
}

// Whoever has the workers' secret and answers their tasks with lies gets nothing
// into the record that the router doesn't say.
func TestALyingWorkerGetsNoLieIntoTheRecord(t *testing.T) {
	t.Parallel()
	s := siege{scene: stage(t, 0, rollbackAfter(20*time.Second))}
	s.second = s.user("second", peering.Approver)
	s.foreign = s.provision(openAS, "approved, and lied about")
	s.strangersPoll()
	l := &liar{told: map[string]int{}}
	l.polls(s)
	s.liesAboutTheRouter(l)
	for _, queue := range []string{workflows.ControlQueue, workflows.SiteQueue("lab")} {
		s.told("PollActivityTaskQueue", queue)
	}
	s.told("PollWorkflowTaskQueue", workflows.ControlQueue)
}

// Whoever has the workers' secret and says that people approved gets nothing pushed: the record and every
// deployment read the votes where they are kept.
func TestALyingWorkerGetsNoVoteCounted(t *testing.T) {
	t.Parallel()
	s := siege{scene: stage(t, 0)}
	s.second = s.user("second", peering.Approver)
	s.insider = s.dial("insider", s.secret())
	l := &liar{told: map[string]int{}}
	l.polls(s)
	s.change = s.inState(s.provision(openAS, "nobody approves it").ID, 2*time.Minute, peering.ChangeAwaitingApproval)
	s.before = s.look()
	l.tells(map[string]any{
		"RecordVote": activities.VoteResult{Accepted: true, Text: "approved by second: 2 of 2"},
		"TallyVotes": activities.Standing{Tally: peering.Tally{Approved: true, Have: 2, Need: 2, By: []string{"second", "third"}}},
	})
	made := workflows.Decide{Decision: peering.Approve, Code: "AAAA-BBBB"}
	s.await("lies about votes", 2*time.Minute, func(ctx context.Context) bool {
		_, err := s.insider.WorkflowService().ResetStickyTaskQueue(ctx, &workflowservice.ResetStickyTaskQueueRequest{ // takes it from ours
			Namespace: client.DefaultNamespace, Execution: &commonpb.WorkflowExecution{WorkflowId: workflowOf(s.change)}})
		s.must(err)
		_, _ = decide(ctx, s.insider, s.change, "", made)
		return l.hasTold("RecordVote", "TallyVotes")
	})
	var refused []peering.Deployment
	s.await("deployments that go by the lies", 2*time.Minute, func(ctx context.Context) bool {
		all, err := s.Parts.DB.Deployments(ctx, s.change.ID)
		refused = slices.DeleteFunc(all, func(d peering.Deployment) bool { return !d.State.Ended() })
		return err == nil && len(refused) > 1
	})
	for _, d := range refused {
		if d.State != peering.DeploymentStale || !strings.Contains(d.Outcome, "0 of 1 approvals") || !d.CommitSentAt.IsZero() {
			t.Errorf("deployment %d is %s: %s", d.ID, d.State, d.Outcome)
		}
	}
	s.untouched(s.before)
	l.tells(nil)
	s.change = s.inState(s.change.ID, 2*time.Minute, peering.ChangeAwaitingApproval)
	if tally := s.tally(s.change); tally.Have != 0 || tally.Approved {
		t.Errorf("votes: %+v", tally)
	}
	s.untouched(s.before)
}

// strangersPoll is the same without the secret.
func (s siege) strangersPoll() {
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	for _, secret := range []string{"", strings.Repeat("f", 64), s.Token} {
		for _, queue := range []string{workflows.ControlQueue, workflows.SiteQueue("lab")} {
			_, err := s.dial("liar", secret).WorkflowService().PollActivityTaskQueue(ctx, &workflowservice.PollActivityTaskQueueRequest{
				Namespace: client.DefaultNamespace, TaskQueue: &taskqueuepb.TaskQueue{Name: queue, Kind: enumspb.TASK_QUEUE_KIND_NORMAL}})
			var denied *serviceerror.PermissionDenied
			if !errors.As(err, &denied) {
				s.t.Errorf("polling %s without the secret: %v", queue, err)
			}
		}
	}
}

func (s siege) liesAboutTheRouter(l *liar) {
	ctx := context.Background()
	c := s.inState(s.foreign.ID, 2*time.Minute, peering.ChangeAwaitingApproval)
	l.tells(map[string]any{"CommitDeployment": peering.Next{Step: peering.StepEnd, State: peering.DeploymentInterfered, Text: "somebody was there"}})
	if result := s.vote(s.second, c, c.PlanHash); !result.Accepted {
		s.t.Fatal(result.Text)
	}
	s.await("a commit, most likely a lie", 3*time.Minute, func(ctx context.Context) bool {
		all, err := s.Parts.DB.Deployments(ctx, c.ID)
		return l.hasTold("CommitDeployment") || err == nil && len(all) > 0 && !all[0].CommitSentAt.IsZero()
	})
	if d := s.deployment(c); d.State.Ended() && d.CommitSentAt.IsZero() {
		s.t.Errorf("ended %s by a lie: %s", d.State, d.Outcome)
	}
	frozen, err := s.Parts.DB.ListFreezes(ctx, false)
	s.must(err)
	if len(frozen) != 0 {
		s.t.Errorf("frozen by a lie: %+v", frozen)
	}

	confirmed := peering.Next{Step: peering.StepEnd, State: peering.DeploymentConfirmed, Text: "trust me"}
	l.tells(map[string]any{"SoakDeployment": peering.Next{Step: peering.StepConfirm, Wait: time.Minute}, "ConfirmDeployment": confirmed, "EndDeployment": confirmed})
	s.await("a soak, a confirm and an end that are lies, or the record's end when our own worker took one of them", 4*time.Minute, func(context.Context) bool {
		return l.hasTold("SoakDeployment", "ConfirmDeployment", "EndDeployment") || s.deployment(c).State.Ended()
	})
	if !l.hasTold("CommitDeployment") && !l.hasTold("SoakDeployment") && !l.hasTold("ConfirmDeployment") && !l.hasTold("EndDeployment") {
		s.t.Error("nothing was lied about: our own worker took every task")
	}
	// The rollback timer runs out behind the lies; then the router has the word.
	s.await("the router's own end", 2*time.Minute, func(context.Context) bool {
		d := s.deployment(c)
		return d.State.Ended() || !s.runs("64510") && time.Now().After(d.Deadline)
	})
	l.tells(nil)
	s.await("the record's end", 3*time.Minute, func(context.Context) bool {
		d := s.deployment(c)
		return d.State.Ended() || d.State == peering.DeploymentNeedsOperator
	})
	d := s.deployment(c)
	s.t.Logf("deployment %d ended %s: %s", d.ID, d.State, d.Outcome)
	if d.State == peering.DeploymentConfirmed != s.runs("64510") {
		s.t.Errorf("the record says %s (%s), and the router runs it: %t", d.State, d.Outcome, s.runs("64510"))
	}
	if d.State == peering.DeploymentConfirmed && !d.Verdict.Confirmable() {
		s.t.Errorf("confirmed without a verification: %+v", d.Verdict)
	}
}
