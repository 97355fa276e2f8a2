package workflows

import "maps"

// ActivitySummaries are those of every activity, by name.
func ActivitySummaries() map[string]string { return maps.Clone(activitySummaries) }

// OneLine makes a summary of any text.
var OneLine = oneLine
