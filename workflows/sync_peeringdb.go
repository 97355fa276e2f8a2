package workflows

import (
	"fmt"

	"go.temporal.io/sdk/workflow"

	"peerflow/activities"
)

// SyncPeeringDBInput says how to sync.
type SyncPeeringDBInput struct {
	Full bool `json:"full"` // fetch everything, not only what changed
}

// SyncPeeringDB renews the local mirror; a Schedule runs it, and so may a person.
func SyncPeeringDB(ctx workflow.Context, in SyncPeeringDBInput) (activities.SyncResult, error) {
	var a *activities.Mirroring
	var result activities.SyncResult
	screen{doing: "Fetches what changed in PeeringDB."}.show(ctx, labels{})
	err := workflow.ExecuteActivity(mirror(ctx), a.SyncMirror, activities.SyncInput{Full: in.Full}).Get(ctx, &result)
	if err == nil {
		screen{doing: fmt.Sprintf("Of %d rows that PeeringDB gave, %d changed the mirror.", result.Rows, result.Changed)}.show(ctx, labels{})
	}
	return result, err
}
