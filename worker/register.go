// Package worker builds Temporal workers. register.go is the list of every
// workflow and every activity that exists; nothing registers itself.
package worker

import (
	"time"

	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/interceptor"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"peerflow/activities"
	"peerflow/workflows"
)

// Activities holds one struct per outside system.
type Activities struct {
	Planning  *activities.Planning
	Approving *activities.Approving
	Changing  *activities.Changing
	Deploying *activities.Deploying
	Routers   *activities.Routers
	Mirroring *activities.Mirroring
}

// heartbeatInterval is how often heartbeats are passed on at most: the SDK's own
// choice, 80 % of the timeout, would give up a living worker on a busy machine.
const heartbeatInterval = 2 * time.Second

// New builds the worker of the control queue.
func New(c client.Client, a Activities) worker.Worker {
	w := worker.New(c, workflows.ControlQueue, worker.Options{
		MaxConcurrentActivityExecutionSize:     50,
		MaxConcurrentWorkflowTaskExecutionSize: 20,
		MaxConcurrentActivityTaskPollers:       4,
		MaxConcurrentWorkflowTaskPollers:       4,
		MaxHeartbeatThrottleInterval:           heartbeatInterval,
		Interceptors:                           []interceptor.WorkerInterceptor{workflows.Summarize()},
	})
	Register(w, a)
	return w
}

// NewAtSite builds the worker of a site's queue: of the activities that open routers.
func NewAtSite(c client.Client, site string, a Activities) worker.Worker {
	w := worker.New(c, workflows.SiteQueue(site), worker.Options{
		DisableWorkflowWorker:              true,
		MaxConcurrentActivityExecutionSize: 50,
		MaxConcurrentActivityTaskPollers:   2,
		MaxHeartbeatThrottleInterval:       heartbeatInterval,
	})
	registerOnRouters(w, a)
	return w
}

// registerOnRouters lists the activities that open routers.
func registerOnRouters(w worker.ActivityRegistry, a Activities) {
	w.RegisterActivity(a.Planning)
	w.RegisterActivity(a.Deploying)
	w.RegisterActivity(a.Routers)
}

// Register lists the workflows and activities. Those that open routers are among
// them, for workflows that were started without a site.
func Register(w worker.Registry, a Activities) {
	for name, f := range map[string]any{
		"ProvisionPeering": workflows.ProvisionPeering,
		"DeployChange":     workflows.DeployChange,
		"ServeRouter":      workflows.ServeRouter,
		"DeployRouter":     workflows.DeployRouter,
		"ProposeRouter":    workflows.ProposeRouter,
		"PollRouter":       workflows.PollRouter,
		"CompareRouter":    workflows.CompareRouter,
		"SyncPeeringDB":    workflows.SyncPeeringDB,
	} {
		w.RegisterWorkflowWithOptions(f, workflow.RegisterOptions{Name: name})
	}
	registerOnRouters(w, a)
	w.RegisterActivity(a.Approving)
	w.RegisterActivity(a.Changing)
	w.RegisterActivity(a.Mirroring)
}
