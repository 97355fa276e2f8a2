package workflows

import (
	"go.temporal.io/sdk/workflow"

	"peerflow/activities"
)

// CompareRouterInput names a router.
type CompareRouterInput struct {
	Router int64 `json:"router"`
}

// CompareRouter reads a router once, on behalf of a person who waits for the
// answer, and compares it with what is recorded.
func CompareRouter(ctx workflow.Context, in CompareRouterInput) (activities.CompareResult, error) {
	var a *activities.Routers
	var result activities.CompareResult
	err := workflow.ExecuteActivity(glance(ctx), a.CompareRouter, in.Router).Get(ctx, &result)
	return result, err
}
