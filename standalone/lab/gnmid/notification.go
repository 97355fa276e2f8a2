package gnmid

import (
	"context"
	"log/slog"
	"net/netip"
)

// notifications listens to GoBGP's log for the NOTIFICATIONs it sends and
// receives. Its events tell of some only in words of their own, and of those on
// a connection that it dialed itself not at all.
type notifications struct {
	speaker *speaker
	peer    netip.Addr // from the logger of one session
}

func (n notifications) Enabled(_ context.Context, l slog.Level) bool { return l >= slog.LevelInfo }

func (n notifications) WithGroup(string) slog.Handler { return n }

func (n notifications) WithAttrs(attrs []slog.Attr) slog.Handler {
	for _, a := range attrs {
		if a.Key == "Key" {
			n.peer, _ = netip.ParseAddr(a.Value.String())
		}
	}
	return n
}

func (n notifications) Handle(_ context.Context, r slog.Record) error {
	sent := r.Message == "sent notification"
	if !sent && r.Message != "received notification" || !n.peer.IsValid() {
		return nil
	}
	var code, subcode int64
	r.Attrs(func(a slog.Attr) bool {
		switch a.Key {
		case "Code":
			code = a.Value.Int64()
		case "Subcode":
			subcode = a.Value.Int64()
		}
		return true
	})
	n.speaker.mu.Lock()
	defer n.speaker.mu.Unlock()
	h := n.speaker.history(n.peer)
	last := &h.received
	if sent {
		last = &h.sent
	}
	*last = lastNotification{count: last.count + 1, code: errorCodes[code], subcode: subcodes[code][subcode], at: r.Time}
	return nil
}

// errorCodes are the identities of openconfig-bgp-errors by error code, RFC 4271 §4.5.
var errorCodes = map[int64]string{
	1: "MESSAGE_HEADER_ERROR", 2: "OPEN_MESSAGE_ERROR", 3: "UPDATE_MESSAGE_ERROR",
	4: "HOLD_TIMER_EXPIRED", 5: "FINITE_STATE_MACHINE_ERROR", 6: "CEASE",
}

// subcodes of OPEN errors (RFC 4271 §4.5) and Cease (RFC 4486 §3); others are left out.
var subcodes = map[int64]map[int64]string{
	2: {
		1: "UNSUPPORTED_VERSION_NUMBER", 2: "BAD_PEER_AS", 3: "BAD_BGP_IDENTIFIER",
		4: "UNSUPPORTED_OPTIONAL_PARAMETER", 6: "UNACCEPTABLE_HOLD_TIME",
	},
	6: {
		1: "MAX_NUM_PREFIXES_REACHED", 2: "ADMINISTRATIVE_SHUTDOWN", 3: "PEER_DE_CONFIGURED", 4: "ADMINISTRATIVE_RESET",
		5: "CONNECTION_REJECTED", 6: "OTHER_CONFIG_CHANGE", 7: "CONN_COLLISION_RESOLUTION", 8: "OUT_OF_RESOURCES",
	},
}
