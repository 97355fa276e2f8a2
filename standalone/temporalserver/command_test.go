package temporalserver

import (
	"reflect"
	"testing"

	commonpb "go.temporal.io/api/common/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/server/api/token/v1"
	"go.temporal.io/server/common/authorization"
	"go.temporal.io/server/common/tasktoken"
)

// Many workflows in one call, and a worker's answer, which whoever guesses its token may give.
func TestACommandNamesWhatItIsOn(t *testing.T) {
	t.Parallel()
	answer, err := tasktoken.NewSerializer().Serialize(&token.Task{WorkflowId: "change/12", RunId: "r", ScheduledEventId: 5, Attempt: 1})
	if err != nil {
		t.Fatal(err)
	}
	start := &workflowservice.ExecuteMultiOperationRequest_Operation{Operation: &workflowservice.ExecuteMultiOperationRequest_Operation_StartWorkflow{
		StartWorkflow: &workflowservice.StartWorkflowExecutionRequest{WorkflowId: "change/12", WorkflowType: &commonpb.WorkflowType{Name: "change/13"}}}}
	for method, c := range map[string]struct {
		request   any
		on        string
		workflows []string
	}{
		"StartBatchOperation": {&workflowservice.StartBatchOperationRequest{VisibilityQuery: `WorkflowType="Change"`,
			Operation: &workflowservice.StartBatchOperationRequest_TerminationOperation{}}, `termination_operation WorkflowType="Change"`, nil},
		"StartBatchOperation of some": {&workflowservice.StartBatchOperationRequest{
			Executions:       []*commonpb.WorkflowExecution{{WorkflowId: "change/12"}}, //nolint:staticcheck // deprecated, and obeyed
			TargetExecutions: []*commonpb.Execution{{BusinessId: "change/13"}}}, "change/12 change/13", []string{"change/12", "change/13"}},
		"ExecuteMultiOperation": {&workflowservice.ExecuteMultiOperationRequest{Operations: []*workflowservice.ExecuteMultiOperationRequest_Operation{start}},
			"change/13 change/12", []string{"change/12"}},
		"RespondActivityTaskCompleted": {&workflowservice.RespondActivityTaskCompletedRequest{TaskToken: answer}, "change/12", []string{"change/12"}},
		"RespondWorkflowTaskFailed":    {&workflowservice.RespondWorkflowTaskFailedRequest{TaskToken: []byte("no token")}, "", nil},
	} {
		got, told := command(&authorization.Claims{AuthType: servicePrincipal}, &authorization.CallTarget{APIName: "/S/" + method, Request: c.request})
		if want := (Command{Method: method, On: c.on, Workflows: c.workflows}); !told || !reflect.DeepEqual(got, want) {
			t.Errorf("told %t: %+v, want %+v", told, got, want)
		}
	}
	if c, told := command(&authorization.Claims{AuthType: servicePrincipal}, &authorization.CallTarget{APIName: "/S/RecordActivityTaskHeartbeat"}); told {
		t.Errorf("a heartbeat is told: %+v", c)
	}
}
