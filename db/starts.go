package db

import (
	"context"
	"fmt"
	"time"

	"peerflow/db/internal/dbsqlc"
	"peerflow/internal/peering"
)

// Start is a workflow that has to be started: it was promised in the
// transaction that recorded its subject, and a relay tries until it runs.
type Start struct {
	WorkflowID string
	Workflow   string
	SubjectID  int64 // its only argument
	CreatedAt  time.Time
}

// startOf is the workflow that leads a change.
func startOf(changeID int64, kind peering.ChangeKind) dbsqlc.StartInsertParams {
	if kind == peering.KindProvision {
		return dbsqlc.StartInsertParams{WorkflowID: fmt.Sprintf("provision/%d", changeID), Workflow: "ProvisionPeering", SubjectID: changeID}
	}
	return dbsqlc.StartInsertParams{WorkflowID: fmt.Sprintf("change/%d", changeID), Workflow: "DeployChange", SubjectID: changeID}
}

// PendingStarts lists workflows that nobody has started yet, oldest first.
func (d *DB) PendingStarts(ctx context.Context, limit int) ([]Start, error) {
	rows, err := d.q.StartPending(ctx, int32(limit))
	if err != nil {
		return nil, translate(err)
	}
	starts := make([]Start, len(rows))
	for i, r := range rows {
		starts[i] = Start{WorkflowID: r.WorkflowID, Workflow: r.Workflow, SubjectID: r.SubjectID, CreatedAt: r.CreatedAt.UTC()}
	}
	return starts, nil
}

// OpenStarts lists the workflows that should run: those of open changes that were
// started once, oldest first.
func (d *DB) OpenStarts(ctx context.Context) ([]Start, error) {
	rows, err := d.q.StartOpen(ctx)
	if err != nil {
		return nil, translate(err)
	}
	starts := make([]Start, len(rows))
	for i, r := range rows {
		starts[i] = Start{WorkflowID: r.WorkflowID, Workflow: r.Workflow, SubjectID: r.SubjectID, CreatedAt: r.CreatedAt.UTC()}
	}
	return starts, nil
}

// BusyRouters lists the routers with open deployments: their queues should run.
func (d *DB) BusyRouters(ctx context.Context) ([]int64, error) {
	ids, err := d.q.DeploymentBusyRouters(ctx)
	return ids, translate(err)
}

// MarkStarted notes that a workflow runs, or ran: starting one that exists counts.
func (d *DB) MarkStarted(ctx context.Context, workflowID string) error {
	return translate(d.q.StartMark(ctx, workflowID))
}
