package render

import (
	"fmt"
	"slices"
	"strings"

	"peerflow/internal/bgp"
	"peerflow/internal/jinja"
	"peerflow/internal/peering"
)

// policies is about sessions that have none in a direction (RFC 8212).
func (c *checker) policies(d peering.Desired) {
	for _, dir := range []peering.Direction{peering.Import, peering.Export} {
		var without []string
		for _, s := range d.SessionsInOrder() {
			for _, f := range s.Families {
				if s.PeerAS != d.LocalASOf(s) && len(d.PolicyOf(s, dir, f)) == 0 {
					without = append(without, fmt.Sprintf("session %d with %s (%s)", s.ID, s.PeerAS, f))
				}
			}
		}
		if len(without) == 0 {
			continue
		}
		c.warn("no-"+string(dir)+"-policy", 0,
			fmt.Sprintf("on router %s %s without an effective %s policy: with RFC 8212 nothing is exchanged, and on platforms without it everything", d.Router.Name, peering.Some(without, 3, ", "), dir),
			fmt.Sprintf("set an %s policy on the session, its network, its group or its exchange", dir))
	}
}

// joined is about a list of policies that is printed where a platform takes one, on a router where there are several.
func (c *checker) joined(d peering.Desired) {
	if c.template.Engine == peering.EnginePongo2 {
		return
	}
	uses, err := environment(c.template).Uses(c.template.Name, c.template.Body)
	if err != nil {
		return
	}
	lines := strings.Split(c.template.Body, "\n")
	for _, u := range uses {
		if u.Kind != jinja.UseFilter || u.Name != "join" || u.Line > len(lines) || listed(lines[u.Line-1], u.Column) {
			continue
		}
		i := slices.IndexFunc(u.Chain, isPolicies)
		if i < 0 {
			continue
		}
		dir := peering.Export
		if strings.Contains(u.Chain[i], "import") {
			dir = peering.Import
		}
		example, n := several(d, dir, strings.HasPrefix(u.Chain[i], "iter_"))
		if n < 2 {
			continue
		}
		c.add(peering.Finding{Level: peering.FindingWarning, Code: "joined-policies", Line: u.Line, Column: u.Column,
			Text: fmt.Sprintf("several %s policies are joined where a platform takes the name of one: %s has %d", dir, example, n),
			Fix:  "give the session one policy that calls the others, or print what your platform takes for several"})
	}
}

func isPolicies(name string) bool {
	for _, list := range []string{"merge_%s_policies", "merged_%s_policies", "iter_%s_policies", "%s_chain"} {
		if name == fmt.Sprintf(list, "import") || name == fmt.Sprintf(list, "export") {
			return true
		}
	}
	return false
}

// listed reports whether what stands in a column is within brackets, or in a comment of the configuration.
func listed(line string, column int) bool {
	before := line[:min(max(column-1, 0), len(line))]
	if trimmed := strings.TrimSpace(before); strings.HasPrefix(trimmed, "!") || strings.HasPrefix(trimmed, "# ") {
		return true
	}
	opened := strings.LastIndexAny(before[:max(strings.LastIndex(before, "{{"), 0)], "[")
	return opened >= 0 && !strings.Contains(before[opened:], "]")
}

// several is a session with more policies than one, or with own a record that has them itself, and how many there are.
func several(d peering.Desired, dir peering.Direction, own bool) (example string, most int) {
	for _, s := range d.SessionsInOrder() {
		families := s.Families
		if own {
			families = bgp.Families
		}
		for _, f := range families {
			all := d.PolicyOf(s, dir, f)
			n := len(all)
			if own {
				n = ofOne(all)
			}
			if n > most {
				example, most = fmt.Sprintf("session %d with %s", s.ID, s.PeerAS), n
			}
		}
	}
	return example, most
}

// ofOne is how many come from the record that has the most.
func ofOne(all []peering.Effective[peering.RoutingPolicy]) (most int) {
	byOrigin := map[peering.Origin]int{}
	for _, e := range all {
		byOrigin[e.Origin]++
		most = max(most, byOrigin[e.Origin])
	}
	return most
}
