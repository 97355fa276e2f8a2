package render

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"peerflow/internal/bgp"
	"peerflow/internal/peering"
	"peerflow/standalone/lab"
)

// frrMain is what the operator of an FRR has of its own.
const frrMain = `router bgp 64496
 bgp router-id 127.0.90.1
 bgp allow-martian-nexthop
 no bgp network import-check
 address-family ipv4 unicast
  network 203.0.113.0/24
  network 198.51.100.128/25
 exit-address-family
`

// onFRR has two sessions on loopback: 8 takes what is sane, 9 has a password and takes what its policy lists.
func onFRR(t testing.TB) peering.Desired {
	t.Helper()
	d := edited(t, "frr", func(s *peering.Session) { s.Password = peering.SecretRef{} })
	d.Router.BGPPort = lab.DefaultBGPPort
	d.LocalAS.Context = json.RawMessage(`{"own_prefixes": ["192.175.48.0/24", "2620:4f:8000::/48"]}`)
	port := d.Connections[1]
	port.IPv4, port.IPv4LAN = netip.MustParseAddr("127.0.90.1"), netip.MustParsePrefix("127.0.90.0/24")
	d.Connections[1] = port
	d.Policies[3] = peering.RoutingPolicy{Meta: peering.Meta{ID: 3}, Slug: "listed", Direction: peering.Import,
		Context: json.RawMessage(`{"accept": ["0.0.0.0/0", "192.175.48.0/24+", "198.51.100.0/24{25,26}"], "local_pref": 200}`)}
	a := d.Sessions[7]
	delete(d.Sessions, 7)
	a.ID, a.PeerAddress, a.Multihop, a.Description = 8, netip.MustParseAddr("127.0.90.8"), 2, "a\nneighbor 127.0.90.8 shutdown"
	hold := 9
	a.HoldTime = &hold
	b := a
	b.ID, b.PeerAddress, b.PeerAS, b.Password = 9, netip.MustParseAddr("127.0.90.9"), 64502, peering.SecretRef{ID: 17, Version: 3}
	b.Policies.Import, b.Limits = []int64{3}, peering.Limits{IPv4: limitOf(t, 6)}
	d.Sessions[8], d.Sessions[9] = a, b
	return d
}

// TestFRRTakesWhatTheStarterRenders asks a live FRR: it loads the text and says nothing, takes and announces what the
// policies say, drains a session without a reset, closes one at its limit and one that is shut down.
func TestFRRTakesWhatTheStarterRenders(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	self := netip.MustParseAddr("127.0.90.1")
	router, err := lab.StartFRR(ctx, t.TempDir(), lab.FRRConfig{Address: self, Main: frrMain})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { router.Close() })
	var announced []netip.Prefix
	for _, p := range []string{"0.0.0.0/0", "16.0.0.0/6", "10.0.0.0/16", "192.31.196.0/24", "192.31.196.0/25", "192.175.48.0/24", "192.175.48.0/25",
		"198.51.100.0/24", "198.51.100.0/25", "198.51.100.64/26", "198.51.100.64/27"} {
		announced = append(announced, netip.MustParsePrefix(p))
	}
	peers := map[int64]*lab.Peer{}
	for id, c := range map[int64]lab.PeerConfig{
		8: {ASN: 64501, Address: netip.MustParseAddr("127.0.90.8"), Neighbors: []lab.PeerNeighbor{{ASN: 64496, Address: self}}, Prefixes: announced},
		9: {ASN: 64502, Address: netip.MustParseAddr("127.0.90.9"), Neighbors: []lab.PeerNeighbor{{ASN: 64496, Address: self, Password: "s3cr3t"}}, Prefixes: announced},
	} {
		if peers[id], err = lab.StartPeer(ctx, c); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { peers[id].Close() })
	}
	load := func(edit func(*peering.Session)) {
		t.Helper()
		d := onFRR(t)
		s := d.Sessions[8]
		edit(&s)
		d.Sessions[8] = s
		text, err := Router(t.Context(), d)
		if err != nil {
			t.Fatal(err)
		}
		if err := router.Load(ctx, strings.ReplaceAll(text, "{secret:17@3}", "s3cr3t")); err != nil {
			t.Fatalf("%v\n%s", err, text)
		}
	}
	expect := func(what, want string, got func() string) {
		t.Helper()
		patience, cancel := context.WithTimeout(ctx, time.Minute)
		defer cancel()
		tick := time.NewTicker(50 * time.Millisecond) //nolint:forbidigo // a daemon takes its own time
		defer tick.Stop()
		last := got()
		for last != want && patience.Err() == nil {
			<-tick.C
			last = got()
		}
		if last != want {
			t.Fatalf("%s: %s, want %s", what, last, want)
		}
	}
	taken := func(id int64) func() string {
		return func() string { return frrRoutes(t, ctx, router, peers[id].Config.Address) }
	}
	heard := func(id int64) func() string {
		return func() string { return fmt.Sprint(peers[id].Heard(self)) }
	}

	load(func(*peering.Session) {})
	expect("sane routes", "192.31.196.0/24=100", taken(8))
	expect("listed routes, and sane ones", "0.0.0.0/0=200 192.31.196.0/24=100 198.51.100.0/25=200 198.51.100.64/26=200", taken(9))
	expect("announced", "map[203.0.113.0/24:[]]", heard(8))
	up := peers[8].Since(ctx, self)
	if up.IsZero() {
		t.Fatal("the session isn't up")
	}

	load(func(s *peering.Session) { s.Description, s.Limits = "another", peering.Limits{IPv4: limitOf(t, 50)} })
	own := "route-map " + mapOf(t, ctx, router, "pf-peers-in-v4") + " permit 40\n match ip address prefix-list longer\n set local-preference 50\n"
	for _, step := range []struct{ longest, want string }{{"24", "192.31.196.0/24=100"}, {"25", "192.31.196.0/24=100 192.31.196.0/25=50"}} {
		if err := router.Load(ctx, "ip prefix-list longer seq 5 permit 192.31.196.0/24 le "+step.longest+"\n"+own); err != nil {
			t.Fatal(err)
		}
		expect("after an edit of a list and a route map in use", step.want, taken(8))
	}

	load(func(s *peering.Session) { s.Intent = peering.Draining })
	expect("drained routes", "192.31.196.0/24=0", taken(8))
	expect("drained announcement", "map[203.0.113.0/24:[65535:0]]", heard(8))
	expect("the other session's", "map[203.0.113.0/24:[]]", heard(9))
	if now := peers[8].Since(ctx, self); now.IsZero() || !now.Equal(up) {
		t.Errorf("description, limit, route map or draining restarted the session: up since %s, and before since %s", now, up)
	}

	load(func(s *peering.Session) { s.Intent = peering.Shutdown })
	expect("shut down", "Idle (Admin)", func() string { return frrState(t, ctx, router, "127.0.90.8") })
	expect("the other session", string(bgp.Established), func() string { return string(peers[9].State(ctx, self)) })
	for i := range 8 { // FRR 8.4 closes at the first one after its limit is passed
		if err := peers[9].Announce(netip.PrefixFrom(netip.AddrFrom4([4]byte{192, 31, byte(197 + i), 0}), 24)); err != nil {
			t.Fatal(err)
		}
	}
	expect("over its limit", "Idle (PfxCt)", func() string { return frrState(t, ctx, router, "127.0.90.9") })
}

func frrJSON[T any](t *testing.T, ctx context.Context, router *lab.FRR, command string) (out T) {
	t.Helper()
	text, err := router.Vtysh(ctx, command)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal([]byte(text), &out); err != nil {
		t.Fatalf("%s: %v\n%s", command, err, text)
	}
	return out
}

// frrRoutes are those that FRR took from a neighbor, each with its local preference.
func frrRoutes(t *testing.T, ctx context.Context, router *lab.FRR, neighbor netip.Addr) string {
	t.Helper()
	type table struct {
		Routes map[string][]struct {
			LocPrf *int `json:"locPrf"`
		} `json:"routes"`
	}
	out := frrJSON[table](t, ctx, router, fmt.Sprintf("show bgp ipv4 unicast neighbors %s routes json", neighbor))
	var found []string
	for _, prefix := range slices.Sorted(maps.Keys(out.Routes)) {
		for _, path := range out.Routes[prefix] {
			if path.LocPrf == nil {
				found = append(found, prefix)
			} else {
				found = append(found, fmt.Sprintf("%s=%d", prefix, *path.LocPrf))
			}
		}
	}
	return strings.Join(found, " ")
}

func frrState(t *testing.T, ctx context.Context, router *lab.FRR, neighbor string) string {
	t.Helper()
	type summary struct {
		Peers map[string]struct {
			State string `json:"state"`
		} `json:"peers"`
	}
	return frrJSON[summary](t, ctx, router, "show bgp ipv4 unicast summary json").Peers[neighbor].State
}

// TestFRRTakesNothingFromAPeerThatRFC7454Refuses asks a live FRR what the starter's route maps take of every kind of route.
func TestFRRTakesNothingFromAPeerThatRFC7454Refuses(t *testing.T) {
	t.Parallel()
	d := onFRR(t)
	for id, s := range d.Sessions {
		s.Families, s.Password = bgp.Families, peering.SecretRef{}
		d.Sessions[id] = s
	}
	text, err := Router(t.Context(), d)
	if err != nil {
		t.Fatal(err)
	}
	main := "router bgp 64496\n no bgp network import-check\n address-family ipv4 unicast\n"
	for _, p := range []string{"0.0.0.0/0", "16.0.0.0/6", "10.0.0.0/16", "100.64.0.0/24", "127.0.0.0/24", "192.31.196.0/24", "192.31.196.0/25", "192.168.0.0/24",
		"192.175.48.0/24", "192.175.48.0/25", "198.51.100.0/24", "198.51.100.0/25", "203.0.113.0/24"} {
		main += "  network " + p + "\n"
	}
	main += " exit-address-family\n address-family ipv6 unicast\n"
	for _, p := range []string{"::/0", "2000::/12", "2001:4:112::/48", "2001:4:112::/49", "2001:db8::/32", "2002::/16", "2002:c000::/24", "2620:4f:8000::/48", "fc00::/48", "3fff::/24"} {
		main += "  network " + p + "\n"
	}
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	router, err := lab.StartFRR(ctx, t.TempDir(), lab.FRRConfig{Address: netip.MustParseAddr("127.0.90.2"), Main: main + " exit-address-family\n"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { router.Close() })
	if err := router.Load(ctx, text); err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	for chain, want := range map[string]string{
		"pf-peers-in-v4":             "192.31.196.0/24",
		"pf-peers-in-v6":             "2001:4:112::/48 2002::/16",
		"pf-listed-THEN-peers-in-v4": "0.0.0.0/0 192.31.196.0/24 198.51.100.0/25",
		"pf-listed-THEN-peers-in-v6": "2001:4:112::/48 2002::/16",
		"pf-peers-out-v4":            "203.0.113.0/24",
		"pf-peers-out-v6":            "",
	} {
		type table struct {
			Routes map[string]any `json:"routes"`
		}
		out := frrJSON[table](t, ctx, router, fmt.Sprintf("show bgp ip%s unicast route-map %s json", chain[len(chain)-2:], mapOf(t, ctx, router, chain)))
		if got := strings.Join(slices.Sorted(maps.Keys(out.Routes)), " "); got != want {
			t.Errorf("%s takes %q, want %q", chain, got, want)
		}
	}
}

// mapOf is the route map of a chain of policies, with its digest.
func mapOf(t *testing.T, ctx context.Context, router *lab.FRR, chain string) string {
	t.Helper()
	running, err := router.Vtysh(ctx, "show running-config")
	if err != nil {
		t.Fatal(err)
	}
	_, after, used := strings.Cut(running, "route-map "+chain+"-")
	if !used {
		t.Fatalf("no route map %s in\n%s", chain, running)
	}
	digest, _, _ := strings.Cut(after, " ")
	return chain + "-" + digest
}

func limitOf(t testing.TB, n int64) bgp.PrefixLimit {
	t.Helper()
	limit, err := bgp.Limit(n)
	if err != nil {
		t.Fatal(err)
	}
	return limit
}
