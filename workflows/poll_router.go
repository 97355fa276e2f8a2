package workflows

import (
	"go.temporal.io/sdk/workflow"

	"peerflow/activities"
)

// PollRouterInput names a router.
type PollRouterInput struct {
	Router int64 `json:"router"`
}

// PollRouter looks at a router's neighbors once; a Schedule runs it.
func PollRouter(ctx workflow.Context, in PollRouterInput) (activities.PollResult, error) {
	var a *activities.Routers
	var result activities.PollResult
	err := workflow.ExecuteActivity(device(ctx), a.PollNeighbors, in.Router).Get(ctx, &result)
	return result, err
}
