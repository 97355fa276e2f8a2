package peering

import (
	"strings"
	"testing"

	"peerflow/internal/bgp"
)

func TestASessionThatComesUpWithoutAPolicyIsABreach(t *testing.T) {
	t.Parallel()
	without := func(in, out bool) func(*Neighbor) {
		return func(n *Neighbor) {
			if in {
				n.Families[0].ImportPolicy = ""
			}
			if out {
				n.Families[0].ExportPolicy = ""
			}
		}
	}
	for name, c := range map[string]struct {
		n       Neighbor
		family  bgp.Family
		finding string // "": no breach
	}{
		"both there":                    {n: neighbor(1)},
		"no export policy":              {n: neighbor(1, without(false, true)), finding: "no export policy"},
		"no import policy":              {n: neighbor(1, without(true, false)), finding: "no import policy"},
		"neither":                       {n: neighbor(1, without(true, true)), finding: "no import and no export policy"},
		"down":                          {n: neighbor(1, without(true, true), idle)},
		"iBGP":                          {n: neighbor(1, without(true, true), func(n *Neighbor) { n.RemoteAS = n.LocalAS })},
		"a family that it doesn't have": {n: neighbor(1, without(true, true)), family: bgp.IPv6},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			family := c.family
			if family == 0 {
				family = bgp.IPv4
			}
			g := ExportGuard{Neighbor: c.n.Key(), State: GuardArmed, Expect: ExpectedExport{Family: family, Count: count(3)}}.See(LabProfile, c.n, nil, start)
			if breached := g.State == GuardBreached; breached != (c.finding != "") || !strings.Contains(g.Finding, c.finding) {
				t.Errorf("%s: %q, want %q", g.State, g.Finding, c.finding)
			}
		})
	}
}
