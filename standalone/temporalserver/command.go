package temporalserver

import (
	"path"
	"slices"
	"strings"

	commonpb "go.temporal.io/api/common/v1"
	taskqueuepb "go.temporal.io/api/taskqueue/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/server/common/authorization"
	"go.temporal.io/server/common/tasktoken"
)

// Command is a call that may do something, of somebody who holds the data folder's secret and isn't a client of this
// process: a person in the Web UI, or another program.
type Command struct {
	Method    string   // such as StartWorkflowExecution
	On        string   // what the call names, as the caller wrote it: type and id of a workflow, a signal, a queue, a batch's query
	Workflows []string // the ids of workflows in it
	User      string   // the person whom the caller names, "" for nobody
	From      string   // the caller's host, "" when gRPC doesn't say
}

// reading begins the names of methods that do nothing.
var reading = []string{"Get", "List", "Describe", "Count", "Scan", "Query", "PollWorkflowExecution"}

// living are the methods by which a worker says no more than that it is there, or goes.
var living = []string{"RecordActivityTaskHeartbeat", "RecordWorkerHeartbeat", "ShutdownWorker"}

// command tells what a call with the secret may do, unless it is one of our own or does nothing. Temporal's own
// services have no secret and no name of ours.
func command(caller *authorization.Claims, target *authorization.CallTarget) (c Command, told bool) {
	method := path.Base(target.APIName)
	_, own := caller.Extensions.(ownClient)
	ours := caller.AuthType == servicePrincipal || caller.AuthType == userPrincipal
	if own || !ours || slices.Contains(living, method) || slices.ContainsFunc(reading, func(verb string) bool { return strings.HasPrefix(method, verb) }) {
		return c, false
	}
	on, workflows := names(target.Request)
	c = Command{Method: method, On: strings.Join(on, " "), Workflows: workflows}
	if caller.AuthType == userPrincipal {
		c.User = caller.Subject
	}
	return c, true
}

// names lists what a request is about, in the order of reading, and which of it are ids of workflows.
func names(request any) (found, workflows []string) {
	add := func(name string) {
		if name != "" {
			found = append(found, name)
		}
	}
	workflow := func(id string) {
		if add(id); id != "" {
			workflows = append(workflows, id)
		}
	}
	switch r := request.(type) {
	case *workflowservice.StartBatchOperationRequest:
		batch := r.ProtoReflect()
		if does := batch.WhichOneof(batch.Descriptor().Oneofs().ByName("operation")); does != nil {
			add(string(does.Name()))
		}
		add(r.GetVisibilityQuery())
		for _, e := range r.GetExecutions() { //nolint:staticcheck // deprecated, and obeyed
			workflow(e.GetWorkflowId())
		}
		for _, e := range r.GetTargetExecutions() {
			workflow(e.GetBusinessId())
		}
	case *workflowservice.ExecuteMultiOperationRequest:
		for _, one := range r.GetOperations() {
			for _, part := range []any{one.GetStartWorkflow(), one.GetUpdateWorkflow()} {
				on, ids := names(part)
				found, workflows = append(found, on...), append(workflows, ids...)
			}
		}
	}
	if r, ok := request.(interface{ GetWorkflowType() *commonpb.WorkflowType }); ok {
		add(r.GetWorkflowType().GetName())
	}
	if r, ok := request.(interface{ GetWorkflowId() string }); ok {
		workflow(r.GetWorkflowId())
	}
	if r, ok := request.(interface {
		GetWorkflowExecution() *commonpb.WorkflowExecution
	}); ok {
		workflow(r.GetWorkflowExecution().GetWorkflowId())
	}
	if r, ok := request.(interface {
		GetExecution() *commonpb.WorkflowExecution
	}); ok {
		workflow(r.GetExecution().GetWorkflowId())
	}
	if r, ok := request.(interface {
		GetTaskToken() []byte
		GetResourceId() string // which the answers to queries lack, whose tokens are others
	}); ok {
		if task, err := tasktoken.NewSerializer().Deserialize(r.GetTaskToken()); err == nil {
			workflow(task.GetWorkflowId())
		}
	}
	if r, ok := request.(interface{ GetSignalName() string }); ok {
		add(r.GetSignalName())
	}
	if r, ok := request.(interface{ GetScheduleId() string }); ok {
		add(r.GetScheduleId())
	}
	if r, ok := request.(interface{ GetTaskQueue() *taskqueuepb.TaskQueue }); ok && len(found) == 0 {
		add(r.GetTaskQueue().GetName())
	}
	return found, workflows
}
