package openconfig

import (
	"context"
	"encoding/json"
	"net/netip"
	"strconv"
	"strings"
	"time"

	gpb "github.com/openconfig/gnmi/proto/gnmi"

	"peerflow/internal/bgp"
	"peerflow/internal/peering"
)

// ReadNeighbors reads the state tree and, for policies and limits, the
// configuration beside it with the peer groups folded in. A counter that the
// router doesn't report stays nil.
func (c *conn) ReadNeighbors(ctx context.Context) ([]peering.Neighbor, error) {
	root, err := c.mustGet(ctx, gpb.GetRequest_ALL, c.bgp("neighbors"), c.bgp("peer-groups"), c.bgp("global"))
	if err != nil {
		return nil, err
	}
	groups := map[string]map[string]any{}
	for _, g := range c.entries(root, classes[classIndex("peer-group")]) {
		groups[textAt(g, "peer-group-name")] = g
	}
	ourAS := asnAt(c.bgpIn(root), "global", "config", "as")
	var out []peering.Neighbor
	for _, raw := range c.entries(root, classes[classIndex("neighbor")]) {
		n, err := neighbor(raw, groups[textAt(raw, "config", "peer-group")], ourAS)
		if err != nil {
			return nil, peering.Errorf(peering.Invalid, "router %s: %w", c.target.Router, err)
		}
		if c.settings.NetworkInstance != "DEFAULT" && c.settings.NetworkInstance != "default" {
			n.VRF = c.settings.NetworkInstance
		}
		out = append(out, n)
	}
	return out, nil
}

func neighbor(raw, group map[string]any, ourAS bgp.ASN) (peering.Neighbor, error) {
	a, err := netip.ParseAddr(textAt(raw, "neighbor-address"))
	if err != nil {
		return peering.Neighbor{}, err
	}
	n := peering.Neighbor{
		Address:     a,
		RemoteAS:    firstASN(asnAt(raw, "state", "peer-as"), asnAt(raw, "config", "peer-as"), asnAt(group, "config", "peer-as")),
		LocalAS:     firstASN(asnAt(raw, "state", "local-as"), asnAt(raw, "config", "local-as"), asnAt(group, "config", "local-as"), ourAS),
		State:       bgp.State(strings.ToLower(textAt(raw, "state", "session-state"))),
		AdminDown:   valueAt(raw, "config", "enabled") == false || valueAt(raw, "state", "enabled") == false,
		Since:       nanosecondsAt(raw, "state", "last-established"),
		Transitions: -1,
		HoldTime:    holdTime(raw, group),
	}
	if ups, ok := countAt(raw, "state", "established-transitions"); ok {
		n.Transitions = ups
		if n.Established() && ups > 0 {
			n.Transitions-- // it counts arrivals; the last one hasn't been left
		}
	}
	if n.Established() {
		n.LastDown, _ = downReason(raw, false)
	} else {
		n.DownReason, n.DownText = downReason(raw, n.AdminDown)
	}
	n.Families = families(raw, group)
	return n, nil
}

func holdTime(raw, group map[string]any) time.Duration {
	for _, in := range []struct {
		m    map[string]any
		path []string
	}{
		{raw, []string{"timers", "state", "negotiated-hold-time"}},
		{raw, []string{"timers", "config", "hold-time"}},
		{group, []string{"timers", "config", "hold-time"}},
	} {
		if n, ok := countAt(in.m, in.path...); ok {
			return time.Duration(n) * time.Second
		}
	}
	return 0
}

var familyOf = map[string]bgp.Family{"IPV4_UNICAST": bgp.IPv4, "IPV6_UNICAST": bgp.IPv6}

// families lists IPv4 and IPv6 unicast, from the neighbor or, where it lists none, from its group.
func families(raw, group map[string]any) []peering.FamilyState {
	rows, ok := valueAt(raw, "afi-safis", "afi-safi").([]any)
	if !ok {
		rows, _ = valueAt(group, "afi-safis", "afi-safi").([]any)
	}
	var out []peering.FamilyState
	for _, r := range rows {
		m, _ := r.(map[string]any)
		f, known := familyOf[bareIdentity(textAt(m, "afi-safi-name"))]
		if !known || valueAt(m, "config", "enabled") == false {
			continue
		}
		s := peering.FamilyState{Family: f}
		s.Received, s.Accepted, s.Announced = counters(m)
		s.ImportPolicy, s.ExportPolicy = policies("import-policy", m, raw, group), policies("export-policy", m, raw, group)
		s.Limit = limit(f, m, group)
		out = append(out, s)
	}
	return out
}

// counters of one family. OpenConfig's "received" is after policy since
// received-pre-policy exists; a router without the latter means all routes by it
// and shows what policy left as "installed" at best, which also drops routes that
// lost to better ones: then accepted isn't reported.
func counters(m map[string]any) (received, accepted, announced *int64) {
	all, after := pointerAt(m, "received-pre-policy"), pointerAt(m, "received")
	if all == nil {
		return after, nil, pointerAt(m, "sent")
	}
	return all, after, pointerAt(m, "sent")
}

func pointerAt(family map[string]any, counter string) *int64 {
	n, ok := countAt(family, "state", "prefixes", counter)
	if !ok {
		return nil
	}
	return &n
}

// policies in force: the nearest of family, neighbor and group that names any.
func policies(leaf string, levels ...map[string]any) string {
	for _, m := range levels {
		values, _ := valueAt(m, "apply-policy", "config", leaf).([]any)
		var names []string
		for _, v := range values {
			if s, ok := v.(string); ok {
				names = append(names, s)
			}
		}
		if len(names) > 0 {
			return strings.Join(names, " ")
		}
	}
	return ""
}

// limit of one family, from the neighbor or else from the group's entry of the same family.
func limit(f bgp.Family, m, group map[string]any) *int64 {
	rows, _ := valueAt(group, "afi-safis", "afi-safi").([]any)
	candidates := []map[string]any{m}
	for _, r := range rows {
		if g, ok := r.(map[string]any); ok && familyOf[bareIdentity(textAt(g, "afi-safi-name"))] == f {
			candidates = append(candidates, g)
		}
	}
	for _, c := range candidates {
		if n, ok := countAt(c, f.String()+"-unicast", "prefix-limit", "config", "max-prefixes"); ok {
			return &n
		}
	}
	return nil
}

// downReason reads the last NOTIFICATION in either direction; the later one counts.
func downReason(raw map[string]any, adminDown bool) (peering.DownReason, string) {
	if adminDown {
		return peering.DownAdminOurs, ""
	}
	side, ours := "received", false
	if nanosecondsAt(raw, "state", "messages", "sent", "last-notification-time").After(nanosecondsAt(raw, "state", "messages", "received", "last-notification-time")) {
		side, ours = "sent", true
	}
	code := bareIdentity(textAt(raw, "state", "messages", side, "last-notification-error-code"))
	subcode := bareIdentity(textAt(raw, "state", "messages", side, "last-notification-error-subcode"))
	if code == "" {
		return "", ""
	}
	return reasonOf(code, subcode, ours), strings.TrimSpace("notification " + side + ": " + code + " " + subcode)
}

func reasonOf(code, subcode string, ours bool) peering.DownReason {
	switch {
	case code == "HOLD_TIMER_EXPIRED":
		return peering.DownHoldTimer
	case subcode == "BAD_PEER_AS":
		return peering.DownWrongASN
	case subcode == "MAX_NUM_PREFIXES_REACHED" && ours:
		return peering.DownLimitOurs
	case subcode == "MAX_NUM_PREFIXES_REACHED":
		return peering.DownLimitTheirs
	case subcode == "ADMINISTRATIVE_SHUTDOWN" && ours:
		return peering.DownAdminOurs
	case code == "CEASE" && !ours:
		return peering.DownAdminPeer
	}
	return peering.DownOther
}

func valueAt(m map[string]any, names ...string) any {
	var at any = m
	for _, n := range names {
		container, _ := at.(map[string]any)
		at = container[n]
	}
	return at
}

// countAt reads a counter; 64-bit ones come as strings (RFC 7951 §6.1), and some routers quote all.
func countAt(m map[string]any, names ...string) (int64, bool) {
	text := ""
	switch v := valueAt(m, names...).(type) {
	case json.Number:
		text = v.String()
	case string:
		text = v
	}
	n, err := strconv.ParseInt(text, 10, 64)
	return n, err == nil
}

func asnAt(m map[string]any, names ...string) bgp.ASN {
	n, _ := countAt(m, names...)
	return bgp.ASN(n)
}

func firstASN(all ...bgp.ASN) bgp.ASN {
	for _, a := range all {
		if a != 0 {
			return a
		}
	}
	return 0
}

// nanosecondsAt reads timeticks64: nanoseconds since 1970; zero time when absent.
func nanosecondsAt(m map[string]any, names ...string) time.Time {
	n, ok := countAt(m, names...)
	if !ok || n == 0 {
		return time.Time{}
	}
	return time.Unix(0, n)
}
