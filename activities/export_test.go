package activities

import "peerflow/internal/peering"

// Assemble makes one plan of what was found on each router.
func Assemble(change peering.Change, parts []peering.PlanPart) (peering.Plan, error) {
	return assemble(change, nil, parts)
}
