package gnmid

import (
	"context"
	"encoding/json"
	"net/netip"
	"strconv"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

func (t *Target) addState(ctx context.Context, root tree) error {
	observed, err := t.speaker.observe(ctx)
	if err != nil {
		return status.Errorf(codes.Internal, "read sessions: %v", err)
	}
	for _, n := range bgpOf(root).at("neighbors").rows("neighbor") {
		addNeighborState(n, observed[t.speaker.mapped(n.text("neighbor-address"))])
	}
	boot, err := t.boot()
	if err != nil {
		return status.Errorf(codes.Internal, "read the boot configuration: %v", err)
	}
	if t.cfg.HidePasswords {
		hidePasswords(boot)
	}
	state := tree{"generation": strconv.FormatUint(t.generation, 10)}
	if t.pending != nil {
		left := max(time.Until(t.pending.until), 0)
		state["pending"] = tree{"id": t.pending.id, "remaining-seconds": number(uint64(left / time.Second))}
	}
	root[datastoreName] = tree{"state": state, "boot": boot}
	root["system"] = tree{"state": tree{"boot-time": strconv.FormatInt(t.booted.UnixNano(), 10)}}
	return nil
}

// observedState is one session as the speaker sees it now.
type observedState struct {
	session     string // IDLE … ESTABLISHED
	peerAS      uint32
	localAS     uint32
	transitions uint64
	lastChange  time.Time
	holdTime    uint64
	updatesIn   uint64
	updatesOut  uint64
	received    lastNotification
	sent        lastNotification
	families    map[string]familyCounts
}

// familyCounts are the prefixes of one family: before and after import policy,
// announced, and best in the local table.
type familyCounts struct{ prePolicy, received, sent, installed uint64 }

// lastNotification is the last NOTIFICATION in one direction.
type lastNotification struct {
	count         uint64
	code, subcode string
	at            time.Time
}

func number(n uint64) json.Number { return json.Number(strconv.FormatUint(n, 10)) }

func addNeighborState(n conf, o observedState) {
	if o.session == "" {
		o.session = "IDLE"
	}
	state := tree{
		"neighbor-address":        n.text("neighbor-address"),
		"session-state":           o.session,
		"peer-as":                 number(uint64(o.peerAS)),
		"local-as":                number(uint64(o.localAS)),
		"established-transitions": strconv.FormatUint(o.transitions, 10),
		"messages": tree{
			"received": messages(o.updatesIn, o.received),
			"sent":     messages(o.updatesOut, o.sent),
		},
	}
	if !o.lastChange.IsZero() {
		state["last-established"] = strconv.FormatInt(o.lastChange.UnixNano(), 10)
	}
	if c := n.at("config"); c.has("enabled") {
		state["enabled"] = c.truth("enabled")
	}
	n.tree["state"] = state
	if o.holdTime > 0 {
		timers, _ := n.tree["timers"].(tree)
		if timers == nil {
			timers = tree{}
			n.tree["timers"] = timers
		}
		timers["state"] = tree{"negotiated-hold-time": number(o.holdTime)}
	}
	addFamilyStates(n, o)
}

func messages(updates uint64, last lastNotification) tree {
	out := tree{"UPDATE": strconv.FormatUint(updates, 10), "NOTIFICATION": strconv.FormatUint(last.count, 10)}
	if last.count == 0 {
		return out
	}
	out["last-notification-time"] = strconv.FormatInt(last.at.UnixNano(), 10)
	out["last-notification-error-code"] = last.code
	if last.subcode != "" {
		out["last-notification-error-subcode"] = last.subcode
	}
	return out
}

func addFamilyStates(n conf, o observedState) {
	for _, f := range n.at("afi-safis").rows("afi-safi") {
		name := f.text("afi-safi-name")
		state := tree{"afi-safi-name": name, "enabled": f.at("config").truth("enabled")}
		if c, ok := o.families[name]; ok && o.session == "ESTABLISHED" {
			state["active"] = true
			state["prefixes"] = tree{
				"received-pre-policy": number(c.prePolicy), "received": number(c.received),
				"sent": number(c.sent), "installed": number(c.installed),
			}
		}
		f.tree["state"] = state
	}
}

// mapped is the loopback address behind a configured one.
func (s *speaker) mapped(configured string) netip.Addr {
	a, err := netip.ParseAddr(configured)
	if err != nil {
		return netip.Addr{}
	}
	if to, ok := s.cfg.Addresses[a]; ok {
		return to
	}
	return a
}
