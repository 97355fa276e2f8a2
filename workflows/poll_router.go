package workflows

import (
	"fmt"
	"strings"

	"go.temporal.io/sdk/workflow"

	"peerflow/activities"
	"peerflow/internal/peering"
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
	screen{doing: "Reads the router's neighbors."}.show(ctx, labels{})
	err := workflow.ExecuteActivity(onSite(device(ctx), in.Site, servedWithin), a.PollNeighbors, in.Router).Get(ctx, &result)
	if unserved(err) {
		result.Error = noWorker(in.Site)
		err = workflow.ExecuteActivity(record(ctx), a.NoteUnpolled, activities.UnpolledInput{Router: in.Router, Text: result.Error}).Get(ctx, nil)
	}
	if err == nil {
		polled(result).show(ctx, labels{})
	}
	return result, err
}

// polled is the screen of what a poll saw. Only one that went wrong is labelled:
// polls are many.
func polled(r activities.PollResult) screen {
	s := screen{doing: fmt.Sprintf("%d neighbors, %d of them Established.", r.Neighbors, r.Established)}
	if len(r.Changed) > 0 {
		s.doing += " Since the last poll came up or went down: " + strings.Join(r.Changed, ", ") + "."
	}
	if len(r.Breached) > 0 {
		s.state, s.turn = "breached", peering.TurnUs
		s.doing += " Announced more than expected, and shut for it: " + strings.Join(r.Breached, ", ") + "."
		s.can = []can{{"see why", "peerflow session why " + r.Breached[0]}}
	}
	if r.Error != "" {
		s.state, s.turn, s.doing = "unread", peering.TurnUs, r.Error
	}
	return s
}
