package peering

import (
	"testing"

	"peerflow/internal/bgp"
)

// The effective view says what a template is given, and names the record behind each value.
func TestEffectiveValuesNameTheirOrigin(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		set    []level
		mirror int64
		role   bgp.Role
		limit  string
		origin Origin
		from   string
	}{
		"the session's own":                         {[]level{onSession, onGroup, onNetwork}, 4000, bgp.RolePeer, "1000", FromSession, "session 7"},
		"its group's":                               {[]level{onGroup, onNetwork}, 4000, bgp.RolePeer, "2000", FromGroup, "BGP group direct"},
		"its network's":                             {[]level{onNetwork}, 4000, bgp.RolePeer, "3000", FromNetwork, "AS64501 Example Net"},
		"what PeeringDB says, and a tenth":          {nil, 4000, bgp.RolePeer, "4400", FromMirror, "PeeringDB's 4000 for AS64501, × 1.1"},
		"the floor, where PeeringDB says less":      {nil, 20, bgp.RolePeer, "100", FromRule, "the least in ipv4, as PeeringDB's 20 for AS64501 is low"},
		"the floor, where PeeringDB says nothing":   {nil, 0, bgp.RolePeer, "100", FromRule, "the least in ipv4, as PeeringDB has no figure for AS64501"},
		"nothing for a transit, which is given one": {nil, 4000, bgp.RoleCustomer, "inherit", FromNowhere, "give the session, its group or its AS one"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			set := map[level]bool{}
			for _, l := range c.set {
				set[l] = true
			}
			d, s := inherited(set, c.role, onSession, func([]int) {})
			d.Mirror[64501] = PDBLimits{IPv4: c.mirror}
			network, group := d.Networks[1], d.Groups[1]
			network.Name, group.Slug = "Example Net", "direct"
			d.Networks[1], d.Groups[1] = network, group
			e, err := d.EffectiveOf(s.ID)
			if err != nil {
				t.Fatal(err)
			}
			got := e.Families[0].Limit
			if got.Value.String() != c.limit || got.Origin != c.origin || got.From != c.from {
				t.Errorf("%s from %s (%s), want %s from %s (%s)", got.Value, got.Origin, got.From, c.limit, c.origin, c.from)
			}
		})
	}
}

func TestNoEffectiveValuesOfASessionElsewhere(t *testing.T) {
	t.Parallel()
	d, _ := inherited(nil, bgp.RolePeer, onSession, func([]int) {})
	if _, err := d.EffectiveOf(8); KindOf(err) != NotFound {
		t.Errorf("session 8: %v", err)
	}
}
