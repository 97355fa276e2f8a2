package workflows

import "fmt"

// ControlQueue is the task queue of orchestration and database work; SiteQueue
// has the work on routers.
const ControlQueue = "control"

// The words before the slash in workflow ids.
func provisionID(change int64) string      { return fmt.Sprintf("provision/%d", change) }
func changeID(change int64) string         { return fmt.Sprintf("change/%d", change) }
func routerID(router int64) string         { return fmt.Sprintf("router/%d", router) }
func deploymentID(deployment int64) string { return fmt.Sprintf("deployment/%d", deployment) }
func proposalID(deployment int64) string   { return fmt.Sprintf("proposal/%d", deployment) }
func diffID(router int64) string           { return fmt.Sprintf("diff/%d", router) }
func pollID(router int64) string           { return fmt.Sprintf("poll/%d", router) }

const syncID = "sync/peeringdb"

// Names of signals and updates: they stand in histories for ever.
const (
	UpdateDecide    = "decide"
	SignalEnqueue   = "enqueue"
	SignalLookAgain = "look_again"
)
