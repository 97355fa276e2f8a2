package workflows

import (
	"errors"
	"fmt"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"
)

// SiteQueue is the task queue of work on the routers of one site, by its slug: a
// worker that stands next to them serves it.
func SiteQueue(slug string) string { return "site." + slug }

// An activity waits this long for a worker of its site before people are told.
// It then waits again, longer each time so that an outage of days leaves a short
// history; a worker that comes back takes it up at once all the same.
const (
	servedWithin = 20 * time.Second
	maxUnserved  = 5 * time.Minute
)

// onSite sends activities to a site's workers; without a site they stay on the
// workflow's own queue.
func onSite(ctx workflow.Context, site string, wait time.Duration) workflow.Context {
	if site == "" {
		return ctx
	}
	options := workflow.GetActivityOptions(ctx)
	options.TaskQueue, options.ScheduleToStartTimeout = SiteQueue(site), wait
	return workflow.WithActivityOptions(ctx, options)
}

// unserved reports that no worker took an activity up: it didn't run. A retry
// that nobody takes up ends the same way.
func unserved(err error) bool {
	var timeout *temporal.TimeoutError
	return errors.As(err, &timeout) && timeout.TimeoutType() == enumspb.TIMEOUT_TYPE_SCHEDULE_TO_START
}

// noWorker says it to people.
func noWorker(site string) string {
	return fmt.Sprintf("no worker serves %s: start one that reaches its routers (PEERFLOW_SITES=%s peerflow worker)", SiteQueue(site), site)
}
