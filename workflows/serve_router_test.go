package workflows_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/testsuite"
	"go.temporal.io/sdk/workflow"

	"peerflow/activities"
	"peerflow/workflows"
)

// queue is one router's open deployments as the database has them.
type queue struct {
	env    *testsuite.TestWorkflowEnvironment
	open   []activities.QueuedDeployment
	served []int64
	told   []int64
	shut   []string      // sessions that were shut, with what was served by then
	stuck  bool          // no session can be shut
	fails  map[int64]int // so many times, a deployment's workflow fails
	frozen bool          // no deployment begins, and none is told when that ends
	looked []int64       // deployments that were woken
}

func newQueue(t *testing.T, ids ...int64) *queue {
	t.Helper()
	var suite testsuite.WorkflowTestSuite
	q := &queue{env: suite.NewTestWorkflowEnvironment(), fails: map[int64]int{}}
	q.env.SetTestTimeout(20 * time.Second)
	for _, id := range ids {
		q.open = append(q.open, activities.QueuedDeployment{ID: id})
	}
	q.env.RegisterWorkflowWithOptions(q.deployRouter, workflow.RegisterOptions{Name: "DeployRouter"})
	q.env.RegisterActivityWithOptions(func(context.Context, int64) ([]activities.QueuedDeployment, error) { return q.open, nil },
		activity.RegisterOptions{Name: "QueuedDeployments"})
	q.env.RegisterActivityWithOptions(func(_ context.Context, id int64) error { q.told = append(q.told, id); return nil },
		activity.RegisterOptions{Name: "TellDeployment"})
	q.env.RegisterActivityWithOptions(q.shutSession, activity.RegisterOptions{Name: "ShutSession"})
	return q
}

func (q *queue) deployRouter(ctx workflow.Context, in workflows.DeployRouterInput) (workflows.DeployRouterResult, error) {
	woken := workflow.GetSignalChannel(ctx, workflows.SignalLookAgain)
	for q.frozen {
		woken.Receive(ctx, nil)
		q.looked = append(q.looked, in.Deployment)
	}
	if err := workflow.Sleep(ctx, time.Minute); err != nil {
		return workflows.DeployRouterResult{}, err
	}
	if q.fails[in.Deployment] > 0 {
		q.fails[in.Deployment]--
		return workflows.DeployRouterResult{}, errors.New("its history was broken")
	}
	q.served = append(q.served, in.Deployment)
	q.open = slices.DeleteFunc(q.open, func(d activities.QueuedDeployment) bool { return d.ID == in.Deployment })
	return workflows.DeployRouterResult{}, nil
}

func (q *queue) shutSession(_ context.Context, session int64) error {
	if q.stuck {
		return temporal.NewNonRetryableApplicationError("the platform can't", "unsupported", nil)
	}
	q.shut = append(q.shut, fmt.Sprint(session, q.served))
	q.open = slices.DeleteFunc(q.open, func(d activities.QueuedDeployment) bool { return d.Shut == session })
	return nil
}

func (q *queue) enqueue(id int64) {
	q.open = append(q.open, activities.QueuedDeployment{ID: id})
	q.env.SignalWorkflow(workflows.SignalEnqueue, workflows.EnqueueSignal{Deployment: id})
}

// serve runs until the test's own time ends: the queue itself never does.
func (q *queue) serve(t *testing.T, patience time.Duration) {
	t.Helper()
	q.env.SetWorkflowRunTimeout(patience)
	q.env.ExecuteWorkflow(workflows.ServeRouter, workflows.ServeRouterInput{Router: 3})
}

func TestOneRouterIsServedOneDeploymentAtATimeInOrder(t *testing.T) {
	t.Parallel()
	q := newQueue(t, 1, 2)
	q.env.RegisterDelayedCallback(func() { q.enqueue(3) }, 30*time.Second)
	q.env.RegisterDelayedCallback(func() { q.enqueue(4) }, time.Hour)
	q.env.RegisterDelayedCallback(func() { q.env.SignalWorkflow(workflows.SignalEnqueue, workflows.EnqueueSignal{Deployment: 4}) }, time.Hour)
	q.serve(t, 2*time.Hour)
	if want := []int64{1, 2, 3, 4}; !slices.Equal(q.served, want) || !slices.Equal(q.told, want) {
		t.Errorf("served %v, told %v, want %v", q.served, q.told, want)
	}
}

func TestADeploymentWhoseWorkflowFailedIsStartedAgain(t *testing.T) {
	t.Parallel()
	q := newQueue(t, 1, 2)
	q.fails[1] = 3
	q.serve(t, time.Hour)
	if want := []int64{1, 2}; !slices.Equal(q.served, want) {
		t.Errorf("served %v, want %v", q.served, want)
	}
}

func TestTheQueueStandsWhileADeploymentNeedsAnOperator(t *testing.T) {
	t.Parallel()
	q := newQueue(t, 1, 2)
	q.open[0].NeedsOperator = true
	q.env.RegisterDelayedCallback(func() {
		if len(q.served) != 0 {
			t.Errorf("served %v meanwhile", q.served)
		}
		q.open = q.open[1:]
	}, 48*time.Hour)
	q.serve(t, 50*time.Hour)
	if want := []int64{2}; !slices.Equal(q.served, want) {
		t.Errorf("served %v, want %v", q.served, want)
	}
}

func TestASessionInBreachIsShutBeforeEveryDeploymentButTheOneUnderWay(t *testing.T) {
	t.Parallel()
	q := newQueue(t)
	q.open = []activities.QueuedDeployment{{ID: 1, InFlight: true}, {Shut: 7}, {ID: 2}}
	q.env.RegisterDelayedCallback(q.poll, 30*time.Second)
	q.serve(t, time.Hour)
	if !slices.Equal(q.served, []int64{1, 2}) || !slices.Equal(q.shut, []string{"7 [1]"}) {
		t.Errorf("served %v, shut %v", q.served, q.shut)
	}
	q = newQueue(t)
	q.open = []activities.QueuedDeployment{{Shut: 7}, {ID: 2, NeedsOperator: true}}
	q.serve(t, time.Hour)
	if !slices.Equal(q.shut, []string{"7 []"}) {
		t.Errorf("a deployment that needs an operator holds up the guard: shut %v", q.shut)
	}
	q = newQueue(t)
	q.stuck, q.open = true, []activities.QueuedDeployment{{Shut: 7}, {ID: 2}}
	q.serve(t, time.Hour)
	if !slices.Equal(q.served, []int64{2}) {
		t.Errorf("a session that can't be shut holds up the queue: served %v", q.served)
	}
}

// A deployment that was started and hasn't begun, however long a freeze lasts,
// keeps no session leaking.
func TestASessionInBreachIsShutWhileADeploymentWaitsToBegin(t *testing.T) {
	t.Parallel()
	q := newQueue(t, 1, 2)
	q.frozen = true
	q.env.RegisterDelayedCallback(func() {
		q.open = append([]activities.QueuedDeployment{{Shut: 7}}, q.open...)
		q.poll()
	}, 10*time.Hour)
	q.env.RegisterDelayedCallback(func() {
		if !slices.Equal(q.shut, []string{"7 []"}) || len(q.looked) != 0 {
			t.Errorf("a minute later: shut %v, woken %v", q.shut, q.looked)
		}
		q.frozen = false
		q.env.SignalWorkflow(workflows.SignalEnqueue, workflows.EnqueueSignal{Deployment: 2}) // the freeze is lifted
	}, 10*time.Hour+time.Minute)
	q.serve(t, 11*time.Hour)
	if !slices.Equal(q.served, []int64{1, 2}) || !slices.Equal(q.looked, []int64{1}) {
		t.Errorf("served %v, woken %v", q.served, q.looked)
	}
}

// poll is the queue's word that there is a session to shut.
func (q *queue) poll() {
	q.env.SignalWorkflow(workflows.SignalEnqueue, workflows.EnqueueSignal{})
}

// A frozen deployment sleeps long: who queues behind it must not wait for its own
// next look once it was cancelled and the freeze is lifted.
func TestWhatMayGoOnWakesTheDeploymentAtTheHead(t *testing.T) {
	t.Parallel()
	q := newQueue(t, 1)
	q.frozen = true
	q.env.RegisterDelayedCallback(func() {
		q.open = nil // cancelled: it ends once it looks
		q.enqueue(2)
	}, time.Hour)
	q.env.RegisterDelayedCallback(func() {
		if !slices.Equal(q.looked, []int64{1}) || len(q.served) != 0 {
			t.Errorf("woken %v, served %v", q.looked, q.served)
		}
		q.frozen = false
		q.env.SignalWorkflow(workflows.SignalEnqueue, workflows.EnqueueSignal{Deployment: 2})
	}, 2*time.Hour)
	q.serve(t, 2*time.Hour+5*time.Minute)
	if !slices.Equal(q.served, []int64{1, 2}) {
		t.Errorf("served %v", q.served)
	}
}

func TestTemporalsCancelEndsNoQueue(t *testing.T) {
	t.Parallel()
	q := newQueue(t, 1)
	q.env.RegisterDelayedCallback(q.env.CancelWorkflow, 10*time.Second)
	q.env.RegisterDelayedCallback(func() { q.enqueue(2) }, time.Hour)
	q.serve(t, 2*time.Hour)
	if want := []int64{1, 2}; !slices.Equal(q.served, want) {
		t.Errorf("served %v, want %v", q.served, want)
	}
}

// A run ends after a hundred deployments, so that its history stays short.
func TestALongQueueGoesOnInANewRun(t *testing.T) {
	t.Parallel()
	ids := make([]int64, 130)
	for i := range ids {
		ids[i] = int64(i + 1)
	}
	q := newQueue(t, ids...)
	q.serve(t, 24*time.Hour)
	if !workflow.IsContinueAsNewError(q.env.GetWorkflowError()) || len(q.served) != 100 {
		t.Errorf("served %d, then %v", len(q.served), q.env.GetWorkflowError())
	}
}
