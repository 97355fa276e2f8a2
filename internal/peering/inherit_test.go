package peering

import (
	"net/netip"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"peerflow/internal/bgp"
)

// level is a place where a value may be set.
type level string

const (
	onSession  level = "session"
	onNetwork  level = "network"
	onGroup    level = "group"
	onExchange level = "exchange"
	onMirror   level = "PeeringDB"
)

var levels = []level{onSession, onNetwork, onGroup, onExchange, onMirror}

// Figures that tell by themselves where a limit comes from; IPv6 has one more.
var limitAt = map[level]int64{onSession: 1000, onGroup: 2000, onNetwork: 3000, onMirror: 4000}

// The precedence of limits: the first row whose level is set.
var limitPrecedence = []struct {
	at     level
	origin Origin
}{{onSession, FromSession}, {onGroup, FromGroup}, {onNetwork, FromNetwork}}

// What a class of session has when no level is set: in IPv4 and IPv6, with PeeringDB's figure and without.
var limitByRole = map[bgp.Role]struct {
	known, unknown             [2]int64
	knownOrigin, unknownOrigin Origin
}{
	"":               {[2]int64{4400, 4401}, [2]int64{100, 50}, FromMirror, FromRule},
	bgp.RolePeer:     {[2]int64{4400, 4401}, [2]int64{100, 50}, FromMirror, FromRule},
	bgp.RoleProvider: {[2]int64{4400, 4401}, [2]int64{100, 50}, FromMirror, FromRule},
	bgp.RoleRSClient: {[2]int64{4400, 4401}, [2]int64{0, 0}, FromMirror, FromNowhere},
	bgp.RoleCustomer: {[2]int64{0, 0}, [2]int64{0, 0}, FromNowhere, FromNowhere},
}

// inherited is a desired state with one session and values on the levels in set.
// Its maps hold bystanders, and are filled in the order given.
func inherited(set map[level]bool, role bgp.Role, roleAt level, shuffle func([]int)) (Desired, Session) {
	limits := func(at level) Limits {
		if !set[at] {
			return Limits{}
		}
		v4, _ := bgp.Limit(limitAt[at])
		v6, _ := bgp.Limit(limitAt[at] + 1)
		return Limits{IPv4: v4, IPv6: v6}
	}
	relationship := func(at level) int64 {
		if roleAt == at {
			return 1
		}
		return 0
	}
	d := Desired{
		Relationships: map[int64]Relationship{}, Networks: map[int64]AutonomousSystem{}, Groups: map[int64]BGPGroup{},
		IXPs: map[int64]IXP{}, Connections: map[int64]Connection{}, Mirror: map[bgp.ASN]PDBLimits{}, Policies: map[int64]RoutingPolicy{},
	}
	many, _ := bgp.Limit(99)
	fill := []func(){
		func() { d.Relationships[1] = Relationship{Meta: Meta{ID: 1}, Name: "ours", Role: role} },
		func() { d.Relationships[2] = Relationship{Meta: Meta{ID: 2}, Role: bgp.RolePeer} },
		func() { d.Networks[1] = AutonomousSystem{Meta: Meta{ID: 1}, ASN: 64501, Limits: limits(onNetwork)} },
		func() { d.Networks[2] = AutonomousSystem{Meta: Meta{ID: 2}, ASN: 64502, Limits: Limits{many, many}} },
		func() { d.Networks[9] = AutonomousSystem{Meta: Meta{ID: 9}, ASN: 64501, Limits: Limits{many, many}} },
		func() {
			d.Groups[1] = BGPGroup{Meta: Meta{ID: 1}, RelationshipID: relationship(onGroup), Limits: limits(onGroup)}
		},
		func() { d.Groups[2] = BGPGroup{Meta: Meta{ID: 2}, RelationshipID: 2, Limits: Limits{many, many}} },
		func() { d.IXPs[1] = IXP{Meta: Meta{ID: 1}, RelationshipID: relationship(onExchange)} },
		func() { d.IXPs[2] = IXP{Meta: Meta{ID: 2}, RelationshipID: 2} },
		func() {
			d.Connections[1] = Connection{Meta: Meta{ID: 1}, IXPID: 1, IPv4: netip.MustParseAddr("192.0.2.1")}
		},
		func() { d.Mirror[64502] = PDBLimits{900_000, 900_000} }, // a member of the route server, say
		func() {
			if set[onMirror] {
				d.Mirror[64501] = PDBLimits{limitAt[onMirror], limitAt[onMirror] + 1}
			}
		},
	}
	order := make([]int, len(fill))
	for i := range order {
		order[i] = i
	}
	shuffle(order)
	for _, i := range order {
		fill[i]()
	}
	s := Session{Meta: Meta{ID: 7}, PeerAS: 64501, GroupID: 1, ConnectionID: 1, RelationshipID: relationship(onSession), Limits: limits(onSession),
		PeerAddress: netip.MustParseAddr("192.0.2.11"), Families: bgp.Families, Intent: Present}
	d.Sessions = map[int64]Session{7: s}
	return d, s
}

func drawLevels(r *rapid.T) map[level]bool {
	set := map[level]bool{}
	for _, l := range levels {
		set[l] = rapid.Bool().Draw(r, string(l))
	}
	return set
}

func shuffled(r *rapid.T) func([]int) {
	return func(order []int) { copy(order, rapid.Permutation(order).Draw(r, "order")) }
}

// wantLimit reads the table.
func wantLimit(set map[level]bool, role bgp.Role, f bgp.Family) (int64, Origin) {
	v6 := int64(0)
	if f == bgp.IPv6 {
		v6 = 1
	}
	for _, row := range limitPrecedence {
		if set[row.at] {
			return limitAt[row.at] + v6, row.origin
		}
	}
	byRole := limitByRole[role]
	if set[onMirror] {
		return byRole.known[v6], byRole.knownOrigin
	}
	return byRole.unknown[v6], byRole.unknownOrigin
}

func TestExactlyOneLimitAndOriginForEverySubsetOfLevels(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(r *rapid.T) {
		set := drawLevels(r)
		role := rapid.SampledFrom([]bgp.Role{"", bgp.RolePeer, bgp.RoleProvider, bgp.RoleRSClient, bgp.RoleCustomer}).Draw(r, "role")
		roleAt := rapid.SampledFrom([]level{onSession, onGroup, onExchange}).Draw(r, "relationship stands on")
		d, s := inherited(set, role, roleAt, shuffled(r))
		refused := false
		for _, f := range bgp.Families {
			want, origin := wantLimit(set, role, f)
			got := d.LimitOf(s, f)
			if n, _ := got.Value.Count(); n != want || got.Origin != origin {
				r.Fatalf("%s: %s from %s, want %d from %s", f, got.Value, got.Origin, want, origin)
			}
			refused = refused || origin == FromNowhere
		}
		if err := d.CheckLimits(); (err != nil) != refused {
			r.Fatalf("refused: %v, and it lacks a limit: %v", err, refused)
		}
	})
}

func TestAClassOfSessionWithoutDefaultLimitIsRefusedByName(t *testing.T) {
	t.Parallel()
	same := func([]int) {}
	cases := map[string]struct {
		role bgp.Role
		edit func(*Session)
		want string
	}{
		"a transit without a figure":                   {bgp.RoleCustomer, func(*Session) {}, "session 7 with AS64501 at 192.0.2.11"},
		"a route server that publishes none":           {bgp.RoleRSClient, func(*Session) {}, "ipv4 prefix limit: set one"},
		"a transit with a figure in one family":        {bgp.RoleCustomer, func(s *Session) { s.Limits.IPv4 = bgp.Unlimited }, "ipv6 prefix limit"},
		"unlimited is a figure":                        {bgp.RoleCustomer, func(s *Session) { s.Limits = Limits{bgp.Unlimited, bgp.Unlimited} }, ""},
		"a peer has the floor":                         {bgp.RolePeer, func(*Session) {}, ""},
		"a transit that is absent is nobody's concern": {bgp.RoleCustomer, func(s *Session) { s.Intent = Absent }, ""},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d, s := inherited(nil, c.role, onExchange, same)
			c.edit(&s)
			d.Sessions[7] = s
			err := d.CheckLimits()
			if c.want == "" && err != nil || c.want != "" && (KindOf(err) != Invalid || !strings.Contains(err.Error(), c.want)) {
				t.Errorf("%v, want %q", err, c.want)
			}
		})
	}
}

func TestARelationshipComesFromTheNearestLevel(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(r *rapid.T) {
		set := drawLevels(r)
		d, s := inherited(nil, "", "", shuffled(r))
		for i, l := range []level{onSession, onGroup, onExchange} {
			id := int64(10 + i)
			d.Relationships[id] = Relationship{Meta: Meta{ID: id}}
			switch {
			case !set[l]:
			case l == onSession:
				s.RelationshipID = id
			case l == onGroup:
				d.Groups[1] = BGPGroup{RelationshipID: id}
			case l == onExchange:
				d.IXPs[1] = IXP{RelationshipID: id}
			}
		}
		want, origin := int64(0), FromNowhere
		switch {
		case set[onSession]:
			want, origin = 10, FromSession
		case set[onGroup]:
			want, origin = 11, FromGroup
		case set[onExchange]:
			want, origin = 12, FromExchange
		}
		if got := d.Relationship(s); got.Value.ID != want || got.Origin != origin {
			r.Fatalf("%d from %s, want %d from %s", got.Value.ID, got.Origin, want, origin)
		}
	})
}

func TestPoliciesAddUpByWeightAndThenFromTheNearestLevel(t *testing.T) {
	t.Parallel()
	order := []level{onSession, onNetwork, onGroup, onExchange}
	origins := map[level]Origin{onSession: FromSession, onNetwork: FromNetwork, onGroup: FromGroup, onExchange: FromExchange}
	rapid.Check(t, func(r *rapid.T) {
		set := drawLevels(r)
		d, s := inherited(nil, bgp.RolePeer, onSession, shuffled(r))
		// Each level names a policy of its own, one that all name, and one of IPv6 alone.
		lists := map[level]Policies{}
		weights := map[int64]int{1: rapid.IntRange(0, 1).Draw(r, "weight"), 2: 0}
		d.Policies[1] = RoutingPolicy{Meta: Meta{ID: 1}, Weight: weights[1]}
		d.Policies[2] = RoutingPolicy{Meta: Meta{ID: 2}, Family: bgp.IPv6}
		for i, l := range order {
			id := int64(10 + i)
			weights[id] = rapid.IntRange(0, 2).Draw(r, "weight of "+string(l))
			d.Policies[id] = RoutingPolicy{Meta: Meta{ID: id}, Weight: weights[id]}
			if set[l] {
				lists[l] = Policies{Import: []int64{id, 1, 2}, Export: []int64{1}}
			}
		}
		s.Policies = lists[onSession]
		network, group, ixp := d.Networks[1], d.Groups[1], d.IXPs[1]
		network.Policies, group.Policies, ixp.Policies = lists[onNetwork], lists[onGroup], lists[onExchange]
		d.Networks[1], d.Groups[1], d.IXPs[1] = network, group, ixp
		for _, f := range bgp.Families {
			type one struct {
				id     int64
				origin Origin
			}
			var want, got []one
			for weight := 2; weight >= 0; weight-- {
				for _, l := range order {
					for _, id := range lists[l].Import {
						seen := slices.ContainsFunc(want, func(o one) bool { return o.id == id })
						if weights[id] == weight && !seen && (id != 2 || f == bgp.IPv6) {
							want = append(want, one{id, origins[l]})
						}
					}
				}
			}
			for _, e := range d.PolicyOf(s, Import, f) {
				got = append(got, one{e.Value.ID, e.Origin})
			}
			if !slices.Equal(got, want) {
				r.Fatalf("%s: %v, want %v", f, got, want)
			}
		}
	})
}

func TestOurSideOfASessionIsItsOwnElseTheConnections(t *testing.T) {
	t.Parallel()
	same := func([]int) {}
	d, s := inherited(nil, bgp.RolePeer, onSession, same)
	d.LocalAS = AutonomousSystem{ASN: 64496}
	if a := d.LocalAddressOf(s); a.Value != "192.0.2.1" || a.Origin != FromPort || d.LocalASOf(s) != 64496 {
		t.Errorf("inherited: %v %v", a, d.LocalASOf(s))
	}
	s.LocalAddress, s.LocalAS = netip.MustParseAddr("192.0.2.2"), 64499
	if a := d.LocalAddressOf(s); a.Value != "192.0.2.2" || a.Origin != FromSession || d.LocalASOf(s) != 64499 {
		t.Errorf("its own: %v %v", a, d.LocalASOf(s))
	}
	s.LocalAddress, s.PeerAddress = netip.Addr{}, netip.MustParseAddr("2001:db8::11")
	if a := d.LocalAddressOf(s); a.Value != "" || a.Origin != FromNowhere {
		t.Errorf("the connection has no IPv6: %v", a)
	}
}
