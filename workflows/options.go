package workflows

import (
	"time"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"
)

// record is for steps that only touch the database: quick, and worth trying for
// as long as the database is away.
func record(ctx workflow.Context) workflow.Context {
	return workflow.WithActivityOptions(ctx, workflow.ActivityOptions{
		StartToCloseTimeout: 15 * time.Second,
		RetryPolicy:         &temporal.RetryPolicy{InitialInterval: 500 * time.Millisecond, BackoffCoefficient: 2, MaximumInterval: 10 * time.Second},
	})
}

// plan is for steps that render and read routers: minutes for many routers, a
// few tries, since a person waits for the answer.
func plan(ctx workflow.Context) workflow.Context {
	return workflow.WithActivityOptions(ctx, workflow.ActivityOptions{
		StartToCloseTimeout: 10 * time.Minute,
		HeartbeatTimeout:    60 * time.Second, // one router's reading and rendering
		RetryPolicy:         &temporal.RetryPolicy{InitialInterval: time.Second, BackoffCoefficient: 2, MaximumInterval: 30 * time.Second, MaximumAttempts: 5},
	})
}

// lookUp is for other people's services: few tries, the change goes on without.
func lookUp(ctx workflow.Context) workflow.Context {
	return workflow.WithActivityOptions(ctx, workflow.ActivityOptions{
		StartToCloseTimeout: 30 * time.Second,
		RetryPolicy:         &temporal.RetryPolicy{InitialInterval: time.Second, MaximumAttempts: 2},
	})
}

// heartbeatTimeout gives a silent worker up: two of them fit into every rollback
// timer (peering.Profile), so that a worker lost after a commit costs no rollback.
const heartbeatTimeout = 8 * time.Second

// device is for reading a router and for writing steps that decide by reading
// first. A worker that is silent for the heartbeat timeout is given up.
func device(ctx workflow.Context) workflow.Context {
	return workflow.WithActivityOptions(ctx, workflow.ActivityOptions{
		StartToCloseTimeout: time.Minute,
		HeartbeatTimeout:    heartbeatTimeout,
		RetryPolicy:         &temporal.RetryPolicy{InitialInterval: time.Second, BackoffCoefficient: 1.5, MaximumInterval: 5 * time.Second, MaximumAttempts: 4},
	})
}

// glanceBudget is how long a person waits for a look at a router: an answer that
// takes longer is an error that says so, well before proxies cut the request.
const glanceBudget = 20 * time.Second

// glance is one look at a router while somebody waits: one try, within the
// budget, however long workers are busy.
func glance(ctx workflow.Context) workflow.Context {
	return workflow.WithActivityOptions(ctx, workflow.ActivityOptions{
		ScheduleToCloseTimeout: glanceBudget,
		RetryPolicy:            &temporal.RetryPolicy{MaximumAttempts: 1},
	})
}

// commitOnce is the device commit: one attempt, whatever happens. What became
// of it is read from the router.
func commitOnce(ctx workflow.Context) workflow.Context {
	return workflow.WithActivityOptions(ctx, workflow.ActivityOptions{
		StartToCloseTimeout: 90 * time.Second,
		HeartbeatTimeout:    heartbeatTimeout,
		RetryPolicy:         &temporal.RetryPolicy{MaximumAttempts: 1},
	})
}

// soak is the watch between commit and confirm. A lost worker is replaced
// within two heartbeat timeouts, well inside the rollback timer.
func soak(ctx workflow.Context) workflow.Context {
	return workflow.WithActivityOptions(ctx, workflow.ActivityOptions{
		StartToCloseTimeout: 30 * time.Minute,
		HeartbeatTimeout:    heartbeatTimeout,
		RetryPolicy:         &temporal.RetryPolicy{InitialInterval: 500 * time.Millisecond, BackoffCoefficient: 1.5, MaximumInterval: 3 * time.Second, MaximumAttempts: 20},
	})
}

// untilRead decides what a router in doubt needs: it is asked until it answers,
// often enough to be terminal within a minute after it can be reached.
func untilRead(ctx workflow.Context) workflow.Context {
	return workflow.WithActivityOptions(ctx, workflow.ActivityOptions{
		StartToCloseTimeout: time.Minute,
		HeartbeatTimeout:    heartbeatTimeout,
		RetryPolicy: &temporal.RetryPolicy{InitialInterval: time.Second, BackoffCoefficient: 1.5, MaximumInterval: 10 * time.Second,
			NonRetryableErrorTypes: []string{"not_found"}},
	})
}

// mirror is one sync of PeeringDB: it resumes by type, and the schedule comes
// again anyway. A pause that PeeringDB asks for (Retry-After) stands in place of
// the interval; one that outlasts the workflow's time ends it at once.
func mirror(ctx workflow.Context) workflow.Context {
	return workflow.WithActivityOptions(ctx, workflow.ActivityOptions{
		StartToCloseTimeout: 30 * time.Minute,
		HeartbeatTimeout:    2 * time.Minute,
		RetryPolicy:         &temporal.RetryPolicy{InitialInterval: 30 * time.Second, MaximumAttempts: 3},
	})
}
