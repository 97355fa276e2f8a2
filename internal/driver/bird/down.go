package bird

import (
	"strings"

	"peerflow/internal/peering"
)

// lastErrors maps BIRD's "Last error" to a reason, first match wins. The part
// before the colon says who: Received is the other side's notification, BGP Error
// ours, Socket the system's.
var lastErrors = []struct {
	text   string
	reason peering.DownReason
}{
	{"Hold timer expired", peering.DownHoldTimer},
	{"Received: Maximum number of prefixes", peering.DownLimitTheirs},
	{"Received: Administrative", peering.DownAdminPeer},
	{"Received: Peer de-configured", peering.DownAdminPeer},
	{"Bad peer AS", peering.DownWrongASN},
	{"Automatic shutdown: Route limit exceeded", peering.DownLimitOurs},
	{"Maximum number of prefixes", peering.DownLimitOurs},
	{"Kernel MD5 auth failed", peering.DownAuth},
	{"Neighbor lost", peering.DownLink},
	{"Link down", peering.DownLink},
	{"BFD session down", peering.DownBFD},
	{"Socket: Connection refused", peering.DownRefused},
	{"Socket: Connection closed", peering.DownRefused}, // accepted and closed at once: most routers greet a stranger so
	{"Socket: Connection timed out", peering.DownNoAnswer},
	{"Socket: No route to host", peering.DownNoAnswer},
	{"Socket: Network is unreachable", peering.DownNoAnswer},
}

// downReason is why a session isn't up, from the router's words; its text is the
// error, and the other side's message where it sent one (RFC 9003).
func downReason(p protocol, n peering.Neighbor) (peering.DownReason, string) {
	last, message := p.fields["Last error"], p.fields["Message"]
	switch {
	case n.Established():
		return "", ""
	case n.AdminDown:
		return peering.DownAdminOurs, message
	case last == "":
		return peering.DownNoAnswer, "" // it tries, and nothing came back so far
	}
	if message != "" {
		// It stays until the session is up again, while later attempts overwrite the last error.
		return peering.DownAdminPeer, last + ": " + message
	}
	for _, e := range lastErrors {
		if strings.Contains(last, e.text) {
			return e.reason, last
		}
	}
	return peering.DownOther, last
}
