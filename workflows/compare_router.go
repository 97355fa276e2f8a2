package workflows

import (
	"fmt"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"peerflow/activities"
	"peerflow/internal/peering"
)

// CompareRouterInput names a router, and the site whose workers open it.
type CompareRouterInput struct {
	Router int64  `json:"router"`
	Site   string `json:"site,omitempty"` // by slug; "" is this workflow's own queue
}

// CompareRouter reads a router once, on behalf of a person who waits for the
// answer, and compares it with what is recorded.
func CompareRouter(ctx workflow.Context, in CompareRouterInput) (activities.CompareResult, error) {
	var a *activities.Routers
	var result activities.CompareResult
	screen{doing: "Reads what the router runs of ours, for a person who waits for the answer."}.show(ctx, labels{})
	err := workflow.ExecuteActivity(onSite(glance(ctx), in.Site, glanceBudget/2), a.CompareRouter, in.Router).Get(ctx, &result)
	if unserved(err) {
		err = temporal.NewApplicationError(noWorker(in.Site), string(peering.Unavailable))
	}
	if err == nil {
		screen{doing: fmt.Sprintf("%d stanzas differ from what is recorded.", result.Stanzas)}.show(ctx, labels{})
	}
	return result, err
}
