package peering

import "cmp"

// BFD are timers of bidirectional forwarding detection (RFC 5880), for sessions to use. Intervals are in milliseconds.
type BFD struct {
	Meta
	Slug            string `json:"slug"`
	Name            string `json:"name" doc:"at most 100 characters; the slug when left out"`
	Description     string `json:"description" doc:"at most 200 characters"`
	MinimumTransmit int    `json:"minimum_transmit_interval" doc:"milliseconds, 1 to 255000; 300 when left out"`
	MinimumReceive  int    `json:"minimum_receive_interval" doc:"milliseconds, 1 to 255000; 300 when left out"`
	Multiplier      int    `json:"detection_multiplier" doc:"packets that may be missed, 1 to 255; 3 when left out"`
	HoldTime        int    `json:"hold_time" doc:"milliseconds for which a session has to be up before it counts, 0 to 255000"`
}

const longestInterval = 255000 // milliseconds, RFC 5880 §4.1 in the range that routers take

// Complete fills defaults and refuses timers that can't be.
func (b *BFD) Complete() error {
	b.MinimumTransmit, b.MinimumReceive, b.Multiplier = cmp.Or(b.MinimumTransmit, 300), cmp.Or(b.MinimumReceive, 300), cmp.Or(b.Multiplier, 3)
	return firstError(labelled(b.Slug, &b.Name, b.Description),
		within("minimum_transmit_interval", b.MinimumTransmit, 1, longestInterval),
		within("minimum_receive_interval", b.MinimumReceive, 1, longestInterval),
		within("detection_multiplier", b.Multiplier, 1, 255), within("hold_time", b.HoldTime, 0, longestInterval))
}
