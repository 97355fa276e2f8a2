package temporalserver

import (
	"context"
	"errors"
	"net"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	batchpb "go.temporal.io/api/batch/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"
)

func TestMain(m *testing.M) {
	if dir := os.Getenv(helperEnv); dir != "" {
		helper(dir)
	}
	code := m.Run()
	stopShared()
	os.Exit(code)
}

func TestUpdateWithValidatorAndSearchAttributes(t *testing.T) {
	t.Parallel()
	s := sharedStack(t)
	c := connect(t, s, testSecret)
	runWorker(t, c)
	ctx := limit(t)
	run, err := startAwait(ctx, c, "change/update")
	if err != nil {
		t.Fatal(err)
	}
	_, err = approve(ctx, c, "change/update", "")
	if refusal := new(temporal.ApplicationError); !errors.As(err, &refusal) || refusal.Type() != "Refused" {
		t.Errorf("the validator's refusal came as %v", err)
	}
	eventually(t, func() bool {
		return found(t, c, "PeerflowState = 'awaiting_approval' AND PeerflowChange = 'change/update'") == 1
	})
	if answer, err := approve(ctx, c, "change/update", "dave"); err != nil || answer != "approved by dave" {
		t.Fatalf("%q, %v", answer, err)
	}
	var by string
	if err := run.Get(ctx, &by); err != nil || by != "dave" {
		t.Fatalf("%q, %v", by, err)
	}
	eventually(t, func() bool {
		return found(t, c, "PeerflowState = 'completed' AND PeerflowRouter = 'edge1' AND PeerflowAsn = 65551 AND PeerflowChange = 'change/update'") == 1
	})
}

func found(t *testing.T, c client.Client, query string) int64 {
	t.Helper()
	answer, err := c.CountWorkflow(limit(t), &workflowservice.CountWorkflowExecutionsRequest{Namespace: Namespace, Query: query})
	if err != nil {
		t.Fatal(err)
	}
	return answer.GetCount()
}

func TestScheduleStartsWorkflows(t *testing.T) {
	t.Parallel()
	c := connect(t, sharedStack(t), testSecret)
	ctx := limit(t)
	const id = "scheduled"
	schedule, err := c.ScheduleClient().Create(ctx, client.ScheduleOptions{
		ID:     "sync/test",
		Spec:   client.ScheduleSpec{Intervals: []client.ScheduleIntervalSpec{{Every: time.Second}}},
		Action: &client.ScheduleWorkflowAction{ID: id, Workflow: "Await", TaskQueue: "nobody-polls"},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { schedule.Delete(context.Background()) })
	eventually(t, func() bool { return found(t, c, "WorkflowId STARTS_WITH 'scheduled-'") > 0 })
}

// A batch runs in Temporal's own worker, which calls back without our secret.
func TestBatchOfTemporalsOwnWorkerIsLetIn(t *testing.T) {
	t.Parallel()
	c := connect(t, sharedStack(t), testSecret)
	ctx := limit(t)
	const id = "change/batch"
	run, err := startAwait(ctx, c, id)
	if err != nil {
		t.Fatal(err)
	}
	query := "PeerflowChange = '" + id + "'"
	eventually(t, func() bool { return found(t, c, query) == 1 })
	_, err = c.WorkflowService().StartBatchOperation(ctx, &workflowservice.StartBatchOperationRequest{
		Namespace: Namespace, JobId: "batch-1", VisibilityQuery: query, Reason: "test",
		Operation: &workflowservice.StartBatchOperationRequest_TerminationOperation{TerminationOperation: &batchpb.BatchOperationTermination{}},
	})
	if err != nil {
		t.Fatal(err)
	}
	if terminated := new(temporal.TerminatedError); !errors.As(run.Get(ctx, nil), &terminated) {
		t.Error("the batch didn't end the workflow")
	}
}

func TestTakenPortIsNamed(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	port := l.Addr().(*net.TCPAddr).Port
	_, err = Start(limit(t), Options{SocketDir: "/nowhere", User: "postgres", Secret: testSecret, FrontendPort: port})
	if err == nil || !strings.Contains(err.Error(), "port "+strconv.Itoa(port)+" for Temporal is taken") {
		t.Fatalf("err = %v", err)
	}
}

func TestStartRefusesWithoutSecretOrDatabase(t *testing.T) {
	t.Parallel()
	if _, err := Start(limit(t), Options{SocketDir: "/nowhere", User: "postgres"}); err == nil || !strings.Contains(err.Error(), "without a secret") {
		t.Errorf("no secret: %v", err)
	}
	if _, err := Start(limit(t), Options{SocketDir: "/nowhere", User: "postgres", Secret: testSecret}); err == nil || !strings.Contains(err.Error(), "/nowhere") {
		t.Errorf("no database: %v", err)
	}
}
