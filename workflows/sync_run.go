package workflows

import (
	"context"
	"errors"

	"go.temporal.io/api/serviceerror"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/temporal"

	"peerflow/activities"
	"peerflow/internal/peering"
)

// SyncRun tells how the sync goes that SyncNow started last: from what its worker
// reports while it runs, from its result afterwards.
func (c Client) SyncRun(ctx context.Context) (peering.PDBSyncRun, error) {
	ctx, cancel := context.WithTimeout(ctx, takeUp)
	defer cancel()
	seen, err := c.Temporal.DescribeWorkflowExecution(ctx, syncID, "")
	var gone *serviceerror.NotFound
	if errors.As(err, &gone) {
		return peering.PDBSyncRun{}, peering.NewError(peering.NotFound, "nobody asked for a sync of PeeringDB's mirror lately: peerflow sync does")
	}
	if err != nil {
		return peering.PDBSyncRun{}, peering.Hide(peering.Unavailable, "Temporal doesn't answer: is it running?", err)
	}
	info := seen.GetWorkflowExecutionInfo()
	run := peering.PDBSyncRun{Running: info.GetCloseTime() == nil, StartedAt: info.GetStartTime().AsTime()}
	if run.Running {
		return run, fetching(&run, seen)
	}
	run.EndedAt = info.GetCloseTime().AsTime()
	var result activities.SyncResult
	err = c.Temporal.GetWorkflow(ctx, syncID, info.GetExecution().GetRunId()).Get(ctx, &result)
	run.Rows, run.Changed, run.Error = result.Rows, result.Changed, whyEnded(err)
	return run, nil
}

// fetching adds what the worker's activity tells with its heartbeats.
func fetching(run *peering.PDBSyncRun, seen *workflowservice.DescribeWorkflowExecutionResponse) error {
	for _, pending := range seen.GetPendingActivities() {
		run.Attempt, run.Error = pending.GetAttempt(), pending.GetLastFailure().GetMessage()
		if told := pending.GetHeartbeatDetails(); told != nil {
			return converter.GetDefaultDataConverter().FromPayloads(told, &run.Type, &run.Rows)
		}
	}
	return nil
}

// whyEnded is the activity's own words, without Temporal's around them; "" without an error.
func whyEnded(err error) string {
	var app *temporal.ApplicationError
	switch {
	case err == nil:
		return ""
	case errors.As(err, &app):
		return app.Message()
	}
	return err.Error()
}
