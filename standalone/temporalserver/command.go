package temporalserver

import (
	"path"
	"slices"
	"strings"

	commonpb "go.temporal.io/api/common/v1"
	taskqueuepb "go.temporal.io/api/taskqueue/v1"
	"go.temporal.io/server/common/authorization"
)

// Command is a call that may do something, of somebody who holds the data folder's secret and isn't a client of this
// process: a person in the Web UI, or another program.
type Command struct {
	Method string // such as StartWorkflowExecution
	On     string // what the call names, as the caller wrote it: type and id of a workflow, a signal, a queue
	User   string // the person whom the caller names, "" for nobody
	From   string // the caller's host, "" when gRPC doesn't say
}

// reading begins the names of methods that do nothing.
var reading = []string{"Get", "List", "Describe", "Count", "Scan", "Query", "PollWorkflowExecution"}

// answering are the methods that a worker answers with: that it asked for work was told.
var answering = []string{
	"RespondWorkflowTaskCompleted", "RespondWorkflowTaskFailed", "RespondActivityTaskCompleted", "RespondActivityTaskFailed", "RespondActivityTaskCanceled",
	"RespondQueryTaskCompleted", "RespondNexusTaskCompleted", "RespondNexusTaskFailed", "RecordActivityTaskHeartbeat", "RecordWorkerHeartbeat", "ShutdownWorker",
}

// command tells what a call with the secret may do, unless it is one of our own or does nothing. Temporal's own
// services have no secret and no name of ours.
func command(caller *authorization.Claims, target *authorization.CallTarget) (c Command, told bool) {
	method := path.Base(target.APIName)
	_, own := caller.Extensions.(ownClient)
	ours := caller.AuthType == servicePrincipal || caller.AuthType == userPrincipal
	if own || !ours || slices.Contains(answering, method) || slices.ContainsFunc(reading, func(verb string) bool { return strings.HasPrefix(method, verb) }) {
		return c, false
	}
	c = Command{Method: method, On: names(target.Request)}
	if caller.AuthType == userPrincipal {
		c.User = caller.Subject
	}
	return c, true
}

// names lists what a request is about, in the order of reading.
func names(request any) string {
	var found []string
	add := func(name string) {
		if name != "" {
			found = append(found, name)
		}
	}
	if r, ok := request.(interface{ GetWorkflowType() *commonpb.WorkflowType }); ok {
		add(r.GetWorkflowType().GetName())
	}
	if r, ok := request.(interface{ GetWorkflowId() string }); ok {
		add(r.GetWorkflowId())
	}
	if r, ok := request.(interface {
		GetWorkflowExecution() *commonpb.WorkflowExecution
	}); ok {
		add(r.GetWorkflowExecution().GetWorkflowId())
	}
	if r, ok := request.(interface {
		GetExecution() *commonpb.WorkflowExecution
	}); ok {
		add(r.GetExecution().GetWorkflowId())
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
	return strings.Join(found, " ")
}
