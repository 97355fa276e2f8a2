package workflows

import (
	"go.temporal.io/sdk/workflow"

	"peerflow/activities"
)

// PollRouterInput names a router, and the site whose workers open it.
type PollRouterInput struct {
	Router int64  `json:"router"`
	Site   string `json:"site,omitempty"` // by slug; "" is this workflow's own queue
}

// PollRouter looks at a router's neighbors once; a Schedule runs it. A site
// without a worker is recorded as a poll that failed.
func PollRouter(ctx workflow.Context, in PollRouterInput) (activities.PollResult, error) {
	var a *activities.Routers
	var result activities.PollResult
	err := workflow.ExecuteActivity(onSite(device(ctx), in.Site, servedWithin), a.PollNeighbors, in.Router).Get(ctx, &result)
	if unserved(err) {
		result.Error = noWorker(in.Site)
		err = workflow.ExecuteActivity(record(ctx), a.NoteUnpolled, activities.UnpolledInput{Router: in.Router, Text: result.Error}).Get(ctx, nil)
	}
	return result, err
}
