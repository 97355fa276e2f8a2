package e2e

import (
	"context"
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	enumspb "go.temporal.io/api/enums/v1"
	historypb "go.temporal.io/api/history/v1"
	"go.temporal.io/api/temporalproto"
	"go.temporal.io/api/workflow/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/converter"
)

// record keeps the histories of a run for workflows/replay_test.go, one of each
// workflow and way to its end. They are recorded from what is released, never from
// a change under test:
//
//	rm workflows/testdata/replay/*
//	go test ./standalone/e2e -run 'OnePeeringEndToEnd/bird|OperatorEndedThem|APersonPastes|OverGNMIAndOneOverSSH' -parallel 1 -record
var record = flag.Bool("record", false, "write the histories of this run to workflows/testdata/replay")

func recordHistories(t *testing.T, c client.Client) {
	t.Helper()
	if !*record || t.Failed() {
		return
	}
	dir := filepath.Join("..", "..", "workflows", "testdata", "replay")
	must(t, os.MkdirAll(dir, 0o755))
	kept := map[string]bool{}
	list, err := c.ListWorkflow(context.Background(), &workflowservice.ListWorkflowExecutionsRequest{PageSize: 1000})
	must(t, err)
	for _, run := range list.GetExecutions() {
		name := run.GetType().GetName()
		if strings.HasPrefix(name, "temporal-") {
			continue
		}
		h := history(t, c, run)
		file := strings.Join(append([]string{name}, way(h)...), ".") + ".json"
		if kept[file] || strings.HasSuffix(file, ".failed.json") { // whose text has a router's own words, which may name what it was sent
			continue
		}
		kept[file] = true
		text, err := temporalproto.CustomJSONMarshalOptions{Indent: " "}.Marshal(h)
		must(t, err)
		must(t, os.WriteFile(filepath.Join(dir, file), append(text, '\n'), 0o644))
	}
}

// way names how a run went: the states on its way that not every run has, and
// the last one that it was labelled with.
func way(h *historypb.History) (states []string) {
	last := "unlabelled"
	for _, event := range h.GetEvents() {
		set := event.GetUpsertWorkflowSearchAttributesEventAttributes().GetSearchAttributes()
		if started := event.GetWorkflowExecutionStartedEventAttributes(); started != nil {
			set = started.GetSearchAttributes()
		}
		var state string
		payload := set.GetIndexedFields()["PeerflowState"]
		if payload == nil || converter.GetDefaultDataConverter().FromPayload(payload, &state) != nil {
			continue
		}
		if last = state; slices.Contains([]string{"stale", "unknown", "needs_operator"}, state) && !slices.Contains(states, state) {
			states = append(states, state)
		}
	}
	if !slices.Contains(states, last) {
		states = append(states, last)
	}
	return states
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
