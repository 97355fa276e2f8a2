package peering

import (
	"fmt"
	"net/netip"

	"peerflow/internal/bgp"
)

// AwaitedSession is a session that a change configured, while its other side is awaited.
type AwaitedSession struct {
	SessionID int64      `json:"session_id"`
	ASN       bgp.ASN    `json:"asn"`
	Address   netip.Addr `json:"peer_address"`
	Router    string     `json:"router"`
	Up        bool       `json:"up"`
	Why       string     `json:"why"` // one sentence, as `session why` gives it
}

// Awaited is what a change's watch tells: a reminder while it goes on, and the
// report that ends it.
type Awaited struct {
	Number   int              `json:"number"` // of the reminder, from 1; 0 is the report
	Days     int              `json:"days"`   // since the change completed
	Sessions []AwaitedSession `json:"sessions"`
}

// Event is what the outbox calls it.
func (a Awaited) Event() string {
	if a.Number == 0 {
		return "report"
	}
	return "reminder"
}

// Counts are the sessions that are up, and the others.
func (a Awaited) Counts() (up, waiting int) {
	for _, s := range a.Sessions {
		if s.Up {
			up++
		}
	}
	return up, len(a.Sessions) - up
}

// What a line holds: how many of the sessions that aren't up it names, and how
// many bytes of why, which may be a router's or the peer's words.
const (
	namedAwaited = 8
	mostOfWhy    = 160
)

// Text is the whole in one line, for people.
func (a Awaited) Text() string {
	up, waiting := a.Counts()
	text := fmt.Sprintf("%d of %d %s up after %d %s", up, len(a.Sessions), plural(len(a.Sessions), "session"), a.Days, plural(a.Days, "day"))
	if waiting == 0 {
		return text
	}
	var missing []string
	for _, s := range a.Sessions {
		if !s.Up {
			missing = append(missing, fmt.Sprintf("%s %s on %s (%s)", s.ASN, s.Address, s.Router, Clip(s.Why, mostOfWhy)))
		}
	}
	return text + "; not up: " + Some(missing, namedAwaited, ", ")
}
