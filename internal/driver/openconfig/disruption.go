package openconfig

import (
	"fmt"
	"slices"
	"strings"

	"peerflow/internal/peering"
)

// Disruption compares two versions of a stanza leaf by leaf. Removing a session,
// or a group that sessions use, counts as a reset.
func (Syntax) Disruption(before, after *peering.Stanza) peering.Disruption {
	switch {
	case before == nil:
		return peering.DisruptsNone
	case after == nil:
		return removalOf(before.Key)
	}
	class, old, errOld := parse(*before)
	_, now, errNow := parse(*after)
	if errOld != nil || errNow != nil {
		return peering.DisruptsUnknown
	}
	worst := peering.DisruptsNone
	for _, path := range changedLeaves(old, now) {
		worst = worst.Worse(leafDisruption(class, path))
	}
	return worst
}

func removalOf(key string) peering.Disruption {
	if strings.HasPrefix(key, "neighbor/") || strings.HasPrefix(key, "peer-group/") {
		return peering.DisruptsReset
	}
	return peering.DisruptsRefresh
}

func changedLeaves(a, b map[string]any) []string {
	leaves := func(v any) map[string]string {
		out := map[string]string{}
		walk(v, "", func(path string, v any) { out[path] += fmt.Sprintf("%v\n", v) })
		return out
	}
	old, now := leaves(a), leaves(b)
	var out []string
	for path, v := range old {
		if now[path] != v {
			out = append(out, path)
		}
	}
	for path, v := range now {
		if old[path] != v {
			out = append(out, path)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// resetting are the parts of a session that go into its connection or OPEN message.
var resetting = []string{
	"config/peer-as", "config/local-as", "config/auth-password", "config/enabled", "config/peer-group",
	"timers/", "transport/", "ebgp-multihop/", "afi-safis/", "as-path-options/",
}

func leafDisruption(c class, path string) peering.Disruption {
	switch {
	case !c.bgp:
		return peering.DisruptsRefresh
	case path == "config/description":
		return peering.DisruptsNone
	case strings.Contains(path, "apply-policy/"), strings.Contains(path, "/prefix-limit/"):
		return peering.DisruptsRefresh
	}
	for _, prefix := range resetting {
		if strings.HasPrefix(path, prefix) {
			return peering.DisruptsReset
		}
	}
	return peering.DisruptsUnknown
}
