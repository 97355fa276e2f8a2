package activities

import (
	"context"

	"go.temporal.io/sdk/activity"
)

// Mirroring keeps the local copy of PeeringDB.
type Mirroring struct {
	Sync MirrorSync
}

// MirrorSync fetches what changed since the last run, type by type.
type MirrorSync interface {
	// SyncMirror is resumable: types that succeeded in an interrupted run aren't
	// fetched again. progress is called now and then.
	SyncMirror(ctx context.Context, full bool, progress func(what string, rows int64)) (rows, changed int64, err error)
}

// SyncInput says how to sync.
type SyncInput struct {
	Full bool `json:"full"`
}

// SyncResult counts what came.
type SyncResult struct {
	Rows    int64 `json:"rows"`
	Changed int64 `json:"changed"`
}

// SyncMirror runs one sync. Idempotent: the same rows again change nothing.
func (m *Mirroring) SyncMirror(ctx context.Context, in SyncInput) (SyncResult, error) {
	rows, changed, err := m.Sync.SyncMirror(ctx, in.Full, func(what string, rows int64) {
		activity.RecordHeartbeat(ctx, what, rows)
	})
	return SyncResult{Rows: rows, Changed: changed}, fail(err)
}
