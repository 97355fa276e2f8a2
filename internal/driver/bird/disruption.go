package bird

import "peerflow/internal/peering"

func (Syntax) Disruption(before, after *peering.Stanza) peering.Disruption {
	return peering.DisruptsUnknown
}
