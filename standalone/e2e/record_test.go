package e2e

import (
	"context"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	enumspb "go.temporal.io/api/enums/v1"
	historypb "go.temporal.io/api/history/v1"
	"go.temporal.io/api/temporalproto"
	"go.temporal.io/api/workflow/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
)

// record keeps the histories of a run for workflows/replay_test.go. They are
// recorded from what is released, never from a change under test:
//
//	go test ./standalone/e2e -run OnePeeringEndToEnd/bird -record
var record = flag.Bool("record", false, "write the histories of this run to workflows/testdata/replay")

// perWorkflow is how many histories of one workflow are kept.
const perWorkflow = 2

func recordHistories(t *testing.T, c client.Client) {
	t.Helper()
	if !*record || t.Failed() {
		return
	}
	dir := filepath.Join("..", "..", "workflows", "testdata", "replay")
	must(t, os.MkdirAll(dir, 0o755))
	kept := map[string]int{}
	list, err := c.ListWorkflow(context.Background(), &workflowservice.ListWorkflowExecutionsRequest{PageSize: 1000})
	must(t, err)
	for _, run := range list.GetExecutions() {
		name := run.GetType().GetName()
		if kept[name]++; kept[name] > perWorkflow || strings.HasPrefix(name, "temporal-") {
			continue
		}
		text, err := temporalproto.CustomJSONMarshalOptions{Indent: " "}.Marshal(history(t, c, run))
		must(t, err)
		file := fmt.Sprintf("%s.%d.json", name, kept[name])
		must(t, os.WriteFile(filepath.Join(dir, file), append(text, '\n'), 0o644))
	}
}

func history(t *testing.T, c client.Client, run *workflow.WorkflowExecutionInfo) *historypb.History {
	t.Helper()
	var h historypb.History
	at := run.GetExecution()
	events := c.GetWorkflowHistory(context.Background(), at.GetWorkflowId(), at.GetRunId(), false, enumspb.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT)
	for events.HasNext() {
		event, err := events.Next()
		must(t, err)
		h.Events = append(h.Events, event)
	}
	return &h
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
