package activities

import (
	"net/netip"
	"testing"
	"time"

	"peerflow/internal/bgp"
	"peerflow/internal/peering"
)

const (
	ourAS  bgp.ASN = 64496
	peerAS bgp.ASN = 64501
)

// desired is a router with three sessions at one exchange: 1 and 2 with peers, 3 with our transit.
func desired(edit ...func(*peering.Desired)) peering.Desired {
	d := peering.Desired{
		Router: peering.Router{Meta: peering.Meta{ID: 1}}, LocalAS: peering.AutonomousSystem{ASN: ourAS},
		Sessions:      map[int64]peering.Session{},
		Connections:   map[int64]peering.Connection{1: {IXPID: 1}},
		IXPs:          map[int64]peering.IXP{1: {Policies: peering.Policies{Export: []int64{1}}}},
		Policies:      map[int64]peering.RoutingPolicy{1: {Meta: peering.Meta{ID: 1}, Slug: "peers-out"}},
		Relationships: map[int64]peering.Relationship{1: {Name: "Transit", Role: bgp.RoleCustomer}, 2: {Name: "Monitoring", Protected: true}},
		Mirror:        map[bgp.ASN]peering.PDBLimits{ourAS: {IPv4: 40}},
	}
	for id := int64(1); id <= 3; id++ {
		d.Sessions[id] = peering.Session{Meta: peering.Meta{ID: id}, ConnectionID: 1, PeerAS: peerAS, PeerAddress: at4(int(id)), Families: []bgp.Family{bgp.IPv4}}
	}
	transit := d.Sessions[3]
	transit.RelationshipID = 1
	d.Sessions[3] = transit
	for _, e := range edit {
		e(&d)
	}
	return d
}

func at4(host int) netip.Addr { return netip.AddrFrom4([4]byte{192, 0, 2, byte(host)}) }

func figure(n int64) *int64 { return &n }

func seen(host int, vrf string, announced int64) peering.Neighbor {
	return peering.Neighbor{VRF: vrf, Address: at4(host), State: bgp.Established, RemoteAS: peerAS, LocalAS: ourAS,
		Families: []peering.FamilyState{{Family: bgp.IPv4, Announced: &announced, ImportPolicy: "pf_in", ExportPolicy: "pf_out"}}}
}

func TestExpectedFigureComesFromTheFirstThatKnows(t *testing.T) {
	t.Parallel()
	said := func(d *peering.Desired) {
		p := d.Policies[1]
		p.ExpectIPv4 = figure(7)
		d.Policies[1] = p
	}
	unpublished := func(d *peering.Desired) { d.Mirror = nil }
	for name, c := range map[string]struct {
		edit      []func(*peering.Desired)
		neighbors []peering.Neighbor
		count     int64 // -1: none
		origin    string
	}{
		"the export policy":                             {edit: []func(*peering.Desired){said}, neighbors: []peering.Neighbor{seen(2, "", 12)}, count: 7, origin: "policy peers-out"},
		"else the most announced with the same policy":  {neighbors: []peering.Neighbor{seen(2, "", 12)}, count: 12, origin: "announced now to AS64501"},
		"else what we publish":                          {count: 40, origin: "PeeringDB's figure for AS64496"},
		"what is announced in another VRF doesn't tell": {neighbors: []peering.Neighbor{seen(2, "blue", 12)}, count: 40, origin: "PeeringDB's figure for AS64496"},
		"else nothing":                                  {edit: []func(*peering.Desired){unpublished}, count: -1, origin: "not known"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := desired(c.edit...)
			got := toucher{desired: d, before: d, neighbors: c.neighbors}.fill(peering.TouchedSession{Neighbor: at4(1)})
			e := got.Expect[0]
			if (e.Count == nil) != (c.count < 0) || e.Count != nil && *e.Count != c.count || e.Origin != c.origin {
				t.Errorf("expects %+v", e)
			}
		})
	}
}

func TestProtectedSessionsAreTouchedByKindsThatNameThem(t *testing.T) {
	t.Parallel()
	reached := func(d *peering.Desired) { d.Router.ReachedVia = at4(1) }
	internal := func(d *peering.Desired) {
		s := d.Sessions[1]
		s.PeerAS = ourAS
		d.Sessions[1] = s
	}
	monitoring := func(d *peering.Desired) {
		s := d.Sessions[1]
		s.RelationshipID = 2
		d.Sessions[1] = s
	}
	for name, c := range map[string]struct {
		edit  []func(*peering.Desired)
		id    int64
		why   string
		named bool // a change of kind maintenance that names it may
	}{
		"a peer":                    {id: 1, named: true},
		"transit":                   {id: 3, why: "Transit", named: true},
		"iBGP":                      {edit: []func(*peering.Desired){internal}, id: 1, why: "iBGP", named: true},
		"what is marked":            {edit: []func(*peering.Desired){monitoring}, id: 1, why: "Monitoring", named: true},
		"our way to the router":     {edit: []func(*peering.Desired){reached}, id: 1, why: peering.CarriesManagement},
		"our way, nowhere recorded": {edit: []func(*peering.Desired){reached, func(d *peering.Desired) { d.Sessions = nil }}, id: 1, why: peering.CarriesManagement},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := desired(c.edit...)
			got := toucher{desired: d, before: d}.fill(peering.TouchedSession{Neighbor: at4(int(c.id))})
			if got.Protected != c.why {
				t.Errorf("protected: %q, want %q", got.Protected, c.why)
			}
			plan := peering.Plan{Routers: []peering.RouterPlan{{Touched: []peering.TouchedSession{got}}}}
			ops := []peering.Operation{{Object: peering.ObjectSession, ObjectID: c.id}}
			for kind, may := range map[peering.ChangeKind]bool{peering.KindPolicy: c.why == "", peering.KindDeploy: c.why == "", peering.KindMaintenance: c.named} {
				if err := refuseProtected(kind, plan, ops); (err == nil) != may {
					t.Errorf("%s: %v", kind, err)
				}
			}
			if err := refuseProtected(peering.KindMaintenance, plan, nil); (err == nil) != (c.why == "") {
				t.Errorf("maintenance of something else: %v", err)
			}
		})
	}
}

func TestNeighborsThatAreNotOursAreProtectedInCollateral(t *testing.T) {
	t.Parallel()
	d := desired(func(d *peering.Desired) { d.Router.ReachedVia = at4(2) })
	key := func(i int) peering.NeighborKey { return peering.NeighborKey{Address: at4(i)} }
	deployed := []peering.DeployedSession{{NeighborKey: key(1), Protected: "Customer"}, {NeighborKey: key(3)}, {NeighborKey: key(7)}, {NeighborKey: key(8), Protected: "Transit"}}
	for _, c := range []struct {
		n    peering.Neighbor
		want string
	}{
		{seen(1, "", 0), "Customer"}, // when it was deployed
		{seen(7, "", 0), "deployed by peerflow, and its record is gone"},
		{seen(7, "blue", 0), "not ours"},
		{seen(8, "", 0), "Transit"},
		{seen(1, "blue", 0), "not ours"},
		{seen(2, "", 0), peering.CarriesManagement},
		{seen(3, "", 0), "Transit"},
		{seen(9, "", 0), "not ours"},
		{peering.Neighbor{Address: at4(1), RemoteAS: ourAS, LocalAS: ourAS}, "iBGP"},
	} {
		if got := d.ProtectedNeighbor(c.n, deployed); got != c.want {
			t.Errorf("%s: %q, want %q", c.n.Key(), got, c.want)
		}
	}
	if got := d.ProtectedNeighbor(seen(1, "", 0), nil); got != "" {
		t.Errorf("a peer of ours is protected: %q", got)
	}
}

func TestImportMovesOnlyWhereTheMovesReachTheImportPolicy(t *testing.T) {
	t.Parallel()
	running := map[string]peering.Stanza{"filter/pf_in": {Key: "filter/pf_in"}, "filter/pf_out": {Key: "filter/pf_out"}, "define/nets": {Key: "define/nets"}}
	for name, c := range map[string]struct {
		moves string
		want  bool
	}{
		"the export policy": {"filter/pf_out", false}, "the import policy": {"filter/pf_in", true}, "a set that it refers to": {"define/nets", true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			with := map[string]peering.Stanza{}
			for k, s := range running {
				if k == "filter/pf_in" {
					s.Refs = []string{"define/nets"}
				}
				with[k] = s
			}
			d := desired()
			got := toucher{desired: d, before: d, neighbors: []peering.Neighbor{seen(1, "", 3)}, stanzas: with,
				reached: peering.Reached(with, with, []peering.Move{{Key: c.moves}})}.fill(peering.TouchedSession{Neighbor: at4(1)})
			if got.ImportMoves != c.want {
				t.Errorf("import moves: %v", got.ImportMoves)
			}
		})
	}
	d := desired()
	if got := (toucher{desired: d, before: d, neighbors: []peering.Neighbor{seen(1, "", 3)}}).fill(peering.TouchedSession{Neighbor: at4(1)}); !got.ImportMoves {
		t.Error("a policy that is no stanza of ours has no forecast")
	}
}

func TestElapsedTakesTheShorterOfTwoClocks(t *testing.T) {
	t.Parallel()
	committed := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	dep := peering.Deployment{CommittedAt: committed, CommitSentAt: committed, Timer: 5 * time.Minute}
	for _, c := range []struct{ clock, left, want time.Duration }{
		{30 * time.Second, 0, 30 * time.Second}, // the router doesn't tell
		{30 * time.Second, 4*time.Minute + 30*time.Second, 30 * time.Second},
		{time.Hour, 4*time.Minute + 30*time.Second, 30 * time.Second},
		{-time.Hour, 4 * time.Minute, -time.Hour},
	} {
		running := peering.Running{ReadAt: committed.Add(c.clock), Pending: &peering.Pending{Remaining: c.left}}
		if got := elapsed(dep, running); got != c.want {
			t.Errorf("clock %s, %s left: %s, want %s", c.clock, c.left, got, c.want)
		}
	}
}

func TestASessionIsOpenedWhenItStoodShut(t *testing.T) {
	t.Parallel()
	with := func(intent peering.Intent) func(*peering.Desired) {
		return func(d *peering.Desired) {
			s := d.Sessions[1]
			s.Intent = intent
			d.Sessions[1] = s
		}
	}
	down := seen(1, "", 0)
	down.AdminDown, down.State = true, bgp.Idle
	for name, c := range map[string]struct {
		before, after peering.Intent
		neighbor      peering.Neighbor
		runs          netip.Addr // neighbor of the stanza that runs
		elsewhere     bool       // the session's own stanza doesn't move
		touched       peering.TouchedSession
		want          bool
	}{
		"running":                              {before: peering.Present, after: peering.Present, neighbor: seen(1, "", 1), runs: at4(1)},
		"recorded as shut":                     {before: peering.Shutdown, after: peering.Present, neighbor: seen(1, "", 1), runs: at4(1), want: true},
		"recorded as shut, to be drained":      {before: peering.Shutdown, after: peering.Draining, neighbor: seen(1, "", 1), runs: at4(1), want: true},
		"shut on the router, recorded as open": {before: peering.Present, after: peering.Present, neighbor: down, runs: at4(1), want: true},
		"shut in another VRF":                  {before: peering.Present, after: peering.Present, neighbor: peering.Neighbor{VRF: "blue", Address: at4(1), AdminDown: true}, runs: at4(1)},
		"shut there, and merely referred to":   {before: peering.Present, after: peering.Present, neighbor: down, runs: at4(1), elsewhere: true},
		"with another neighbor":                {before: peering.Present, after: peering.Present, runs: at4(9), want: true},
		"shut before and after":                {before: peering.Shutdown, after: peering.Shutdown, neighbor: down, runs: at4(1)},
		"drained":                              {before: peering.Present, after: peering.Draining, neighbor: seen(1, "", 1), runs: at4(1)},
		"added: it says so itself":             {before: peering.Shutdown, after: peering.Present, touched: peering.TouchedSession{Added: true}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			to := toucher{desired: desired(with(c.after)), before: desired(with(c.before)), neighbors: []peering.Neighbor{c.neighbor},
				stanzas: map[string]peering.Stanza{"protocol/x": {Neighbor: c.runs}}, own: map[netip.Addr]bool{at4(1): !c.elsewhere}}
			c.touched.Neighbor = at4(1)
			if got := to.fill(c.touched); got.Opened != c.want {
				t.Errorf("opened %v, want %v", got.Opened, c.want)
			}
		})
	}
}

// Whoever deletes, renumbers or reclassifies a record makes its session no less protected on the router.
func TestWhatWasDeployedProtectedStaysSo(t *testing.T) {
	t.Parallel()
	as := func(host int, why string) []peering.DeployedSession {
		return []peering.DeployedSession{{NeighborKey: peering.NeighborKey{Address: at4(host)}, PeerAS: 64502, Protected: why}}
	}
	gone := func(d *peering.Desired) { delete(d.Sessions, 1) }
	internal := peering.Neighbor{Address: at4(1), State: bgp.Established, RemoteAS: ourAS, LocalAS: ourAS}
	for name, c := range map[string]struct {
		edit      []func(*peering.Desired)
		deployed  []peering.DeployedSession
		neighbors []peering.Neighbor
		touched   peering.TouchedSession
		why       string
		as        bgp.ASN
	}{
		"a record that is gone":                         {edit: []func(*peering.Desired){gone}, deployed: as(1, "Transit"), why: "Transit", as: 64502},
		"one that nothing protected":                    {edit: []func(*peering.Desired){gone}, deployed: as(1, ""), as: 64502},
		"another's":                                     {edit: []func(*peering.Desired){gone}, deployed: as(2, "Transit"), neighbors: []peering.Neighbor{seen(1, "", 0)}, as: peerAS},
		"one that the router says is internal":          {edit: []func(*peering.Desired){gone}, neighbors: []peering.Neighbor{internal}, why: "iBGP", as: ourAS},
		"a record that is of another relationship":      {deployed: as(1, "Transit"), why: "Transit", as: peerAS},
		"a record that has another address":             {deployed: as(9, "Transit"), touched: peering.TouchedSession{From: at4(9)}, why: "Transit", as: peerAS},
		"a record that nothing protected, where it was": {deployed: as(1, ""), as: peerAS},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := desired(c.edit...)
			c.touched.Neighbor = at4(1)
			got := toucher{desired: d, before: d, neighbors: c.neighbors, deployed: c.deployed}.fill(c.touched)
			if got.Protected != c.why || got.PeerAS != c.as || got.Protects != "" {
				t.Errorf("protected: %q then %q, %s; want %q, %s", got.Protected, got.Protects, got.PeerAS, c.why, c.as)
			}
			if err := refuseProtected(peering.KindDeploy, peering.Plan{Routers: []peering.RouterPlan{{Touched: []peering.TouchedSession{got}}}}, nil); (err != nil) != (c.why != "") {
				t.Errorf("a deploy: %v", err)
			}
		})
	}
	d := desired()
	if got := (toucher{desired: d, before: d}).fill(peering.TouchedSession{Neighbor: at4(3)}); got.Protects != "Transit" {
		t.Errorf("deployed, it is protected as %q", got.Protects)
	}
	if got := (toucher{desired: d, before: d}).fill(peering.TouchedSession{Neighbor: at4(3), Removed: true}); got.Protects != "" || got.Protected != "Transit" {
		t.Errorf("taken off, it is protected as %q", got.Protects)
	}
}

func TestImportsMoveAndEndAsTheRecordsSay(t *testing.T) {
	t.Parallel()
	zero := figure(0)
	policies := func(ids ...int64) func(*peering.Desired) {
		return func(d *peering.Desired) {
			d.Policies[2] = peering.RoutingPolicy{Meta: peering.Meta{ID: 2}, Slug: "peers-in", Direction: peering.Import}
			d.Policies[3] = peering.RoutingPolicy{Meta: peering.Meta{ID: 3}, Slug: "nothing-in", Direction: peering.Import, ExpectIPv4: zero}
			d.IXPs[1] = peering.IXP{Policies: peering.Policies{Import: ids, Export: []int64{1}}}
		}
	}
	drains := func(d *peering.Desired) {
		s := d.Sessions[1]
		s.Intent = peering.Draining
		d.Sessions[1] = s
	}
	known := map[string]peering.Stanza{"filter/pf_in": {Key: "filter/pf_in"}}
	for name, c := range map[string]struct {
		after       []func(*peering.Desired)
		moves, ends bool
	}{
		"as before":                       {after: []func(*peering.Desired){policies(2)}},
		"a policy that takes nothing":     {after: []func(*peering.Desired){policies(3)}, moves: true, ends: true},
		"that, and another that does":     {after: []func(*peering.Desired){policies(3, 2)}, moves: true},
		"no policy at all is no forecast": {after: []func(*peering.Desired){policies()}, moves: true},
		"drained":                         {after: []func(*peering.Desired){policies(2), drains}, moves: true, ends: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := toucher{desired: desired(c.after...), before: desired(policies(2)), neighbors: []peering.Neighbor{seen(1, "", 3)}, stanzas: known}.fill(peering.TouchedSession{Neighbor: at4(1)})
			if got.ImportMoves != c.moves || (len(got.TakesNothing) > 0) != c.ends {
				t.Errorf("imports move: %v, end: %v", got.ImportMoves, got.TakesNothing)
			}
		})
	}
}
