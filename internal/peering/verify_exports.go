package peering

import (
	"fmt"
	"slices"

	"peerflow/internal/bgp"
)

// exports holds every touched session to what the plan says it is announced. One
// that isn't up is held to it through its filter, where the router could count.
func (j *judge) exports() {
	for _, t := range j.touched {
		if t.Removed {
			continue
		}
		who := fmt.Sprintf("%s %s", t.PeerAS, t.Key())
		now, listed := j.now[t.Key()]
		if !listed {
			j.add("export", who, CheckNotChecked, "the router doesn't list it: guarded when it first comes up")
			continue
		}
		j.policies(who, now)
		if !now.Established() && len(j.e.Exports[t.Key()]) == 0 {
			j.add("export", who, CheckNotChecked, "not Established: guarded when it first comes up")
			continue
		}
		for _, c := range AnnouncedTo(now, j.e.Exports[t.Key()]) {
			j.export(who, expectFor(t.Expect, c.Family), c, now.Established())
		}
		for _, e := range t.Expect {
			if _, reported := now.Family(e.Family); !reported {
				j.add("export", who, CheckNotChecked, "%s: the router reports nothing of this family", e.Family)
			}
		}
	}
}

// AnnouncedTo joins what a router reports of a neighbor with what was counted for it.
func AnnouncedTo(n Neighbor, counted []ExportCount) []ExportCount {
	all := slices.Clone(counted)
	if !n.Established() {
		return all
	}
	for _, f := range n.Families {
		i := slices.IndexFunc(all, func(c ExportCount) bool { return c.Family == f.Family })
		switch {
		case i < 0:
			all = append(all, ExportCount{Family: f.Family, Announced: f.Announced})
		case f.Announced != nil:
			all[i].Announced = f.Announced // the newer one
		}
	}
	return all
}

// policies looks for both policies of each family that the router reports, of a
// session that is down too: it comes up with what is there. One that is shut doesn't.
func (j *judge) policies(who string, n Neighbor) {
	if n.RemoteAS == n.LocalAS || n.AdminDown {
		return
	}
	for _, f := range n.Families {
		if missing := n.MissingPolicy(f.Family); missing != "" {
			j.add("policy", who, CheckFailed, "%s", missing)
			continue
		}
		j.add("policy", who, CheckPassed, "%s: import %s, export %s", f.Family, f.ImportPolicy, f.ExportPolicy)
	}
}

func (j *judge) export(who string, expect ExpectedExport, c ExportCount, up bool) {
	how := "not Established; its filter lets pass"
	if up {
		how = "announces"
	}
	limit, limited := expect.Limit()
	switch breach := expect.Breach(c); {
	case breach != "" && !up:
		j.add("export", who, CheckFailed, "not Established; through its filter %s", breach)
	case breach != "":
		j.add("export", who, CheckFailed, "%s", breach)
	case c.Announced == nil:
		j.add("export", who, CheckNotChecked, "%s: the router doesn't report what it announces", c.Family)
	case !limited:
		j.add("export", who, CheckNotChecked, "%s: no expected figure", c.Family)
	case c.Default == nil || c.Long == nil:
		j.add("export", who, CheckPassed, "%s: %s %d, expected %d (limit %d)", c.Family, how, *c.Announced, *expect.Count, limit)
		j.add("export", who, CheckNotChecked, "%s: the router doesn't tell default and long prefixes among them", c.Family)
	default:
		j.add("export", who, CheckPassed, "%s: %s %d, expected %d (limit %d), of them %d default and %d longer than /%d",
			c.Family, how, *c.Announced, *expect.Count, limit, *c.Default, *c.Long, LongerThan(c.Family))
	}
}

// Breach says what is announced beyond what was expected; "" when nothing is.
// What isn't known is no breach.
func (e ExpectedExport) Breach(c ExportCount) string {
	limit, limited := e.Limit()
	switch {
	case limited && c.Announced != nil && *c.Announced > limit:
		return fmt.Sprintf("announced %d prefixes, expected %d (limit %d)", *c.Announced, *e.Count, limit)
	case c.Default != nil && *c.Default > 0 && !e.AllowDefault:
		return fmt.Sprintf("announced a default route (%s), and no export policy allows it", c.Family)
	case c.Long != nil && *c.Long > 0 && !e.AllowLong:
		return fmt.Sprintf("announced %d prefixes longer than /%d, and no export policy allows it", *c.Long, LongerThan(c.Family))
	}
	return ""
}

// expectFor is what a family is expected to be announced; without a figure when the plan has none.
func expectFor(all []ExpectedExport, f bgp.Family) ExpectedExport {
	for _, e := range all {
		if e.Family == f {
			return e
		}
	}
	return ExpectedExport{Family: f}
}
