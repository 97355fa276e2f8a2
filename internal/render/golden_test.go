package render

import (
	"encoding/json"
	"flag"
	"net/netip"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"peerflow/internal/bgp"
	"peerflow/internal/peering"
)

var update = flag.Bool("update", false, "write what the starters render to testdata/starter, for a person to read")

// thorough has a session of every kind: over an exchange with a chain of policies in both families and a password, one
// that drains, one that is shut down over several hops with an AS number of its own, one with a route server, one in a
// VRF, one without policies.
func thorough(t testing.TB, driver string) peering.Desired {
	d := chained(t, driver)
	d.LocalAS.Context = json.RawMessage(`{"own_prefixes": ["203.0.113.0/24", "2001:db8:ffff::/48"]}`)
	d.Relationships = map[int64]peering.Relationship{1: {Meta: peering.Meta{ID: 1}, Slug: "route-server", Name: "route server", Role: bgp.RoleRSClient}}
	port := d.Connections[1]
	port.IPv6, port.IPv6LAN = netip.MustParseAddr("2001:db8:1::1"), netip.MustParsePrefix("2001:db8:1::/64")
	d.Connections[1] = port
	add := func(id int64, address string, edit func(*peering.Session)) {
		s := d.Sessions[7]
		s.ID, s.PeerAddress, s.Password, s.Policies = id, netip.MustParseAddr(address), peering.SecretRef{}, peering.Policies{}
		s.Families = []bgp.Family{bgp.FamilyOf(s.PeerAddress)}
		edit(&s)
		d.Sessions[id] = s
	}
	direct := func(s *peering.Session) {
		s.Kind, s.ConnectionID = peering.DirectSession, 0
		s.Policies = peering.Policies{Import: []int64{1}, Export: []int64{2}}
	}
	add(8, "2001:db8:1::12", func(s *peering.Session) { s.Intent, s.Limits.IPv6 = peering.Draining, bgp.Unlimited })
	add(9, "198.51.100.9", func(s *peering.Session) {
		direct(s)
		hold := 30
		s.Intent, s.Multihop, s.LocalAS, s.HoldTime, s.LocalAddress = peering.Shutdown, 4, 64510, &hold, netip.MustParseAddr("198.51.100.8")
		s.Password, s.Passive, s.Description = peering.SecretRef{ID: 18, Version: 1}, true, "Café \"Zürich\"; {x}\n neighbor 192.0.2.11 shutdown"
		s.Context = json.RawMessage(`{"update_source": "Loopback0"}`)
	})
	add(10, "192.0.2.250", func(s *peering.Session) { s.PeerAS, s.RelationshipID, s.Limits.IPv4 = 64510, 1, limitOf(t, 200000) })
	add(11, "198.51.100.11", func(s *peering.Session) {
		direct(s)
		s.VRF, s.Policies.Export = "customers", []int64{6}
	})
	add(12, "198.51.100.12", func(s *peering.Session) { direct(s); s.Policies = peering.Policies{} })
	d.Policies[6] = peering.RoutingPolicy{Meta: peering.Meta{ID: 6}, Slug: "all", Direction: peering.Export, Context: json.RawMessage(`{"announce": "all"}`)}
	return d
}

// rendersFor are the platforms that no driver speaks to: what is rendered for them lies in testdata/starter, for a person to read.
var rendersFor = []string{"frr", "junos", "iosxr", "eos", "iosxe", "nxos", "sros"}

func TestStartersRenderWhatPeopleRead(t *testing.T) {
	t.Parallel()
	for _, platform := range rendersFor {
		text, err := Router(t.Context(), thorough(t, platform))
		if err != nil {
			t.Errorf("%s: %v", platform, err)
			continue
		}
		file := "testdata/starter/" + platform + ".txt"
		if *update {
			if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(string(want), text); diff != "" {
			t.Errorf("%s renders something else (go test ./internal/render -run PeopleRead -update writes it):\n%s", platform, diff)
		}
	}
}

// limits are the words that platforms have for a prefix limit.
var limits = regexp.MustCompile(`maximum(-prefix|-routes)? [1-9]`)

// TestStartersKeepWhatTheyPromise holds every starter to what each platform's text must say whatever its syntax.
func TestStartersKeepWhatTheyPromise(t *testing.T) {
	t.Parallel()
	for _, platform := range rendersFor {
		d := thorough(t, platform)
		text, err := Router(t.Context(), d)
		if err != nil {
			t.Errorf("%s: %v", platform, err)
			continue
		}
		cut, err := syntaxes[platform].Split(text)
		if err != nil {
			t.Errorf("%s: %v", platform, err)
			continue
		}
		mustMap(t, cut)
		sessions := map[netip.Addr]peering.Stanza{}
		for i, s := range cut {
			for _, ref := range s.Refs {
				if before := slices.IndexFunc(cut[:i], func(o peering.Stanza) bool { return o.Key == ref }); before < 0 {
					t.Errorf("%s: %s uses %s before it is there", platform, s.Key, ref)
				}
			}
			if s.Neighbor.IsValid() {
				sessions[s.Neighbor] = s
			}
		}
		for _, s := range d.Sessions {
			stanza, ok := sessions[s.PeerAddress]
			if !ok {
				t.Errorf("%s: no stanza is session %d at %s", platform, s.ID, s.PeerAddress)
			}
			if wanted := map[bool]int{true: 1, false: 2}[s.ID == 12]; len(stanza.Refs) < wanted { // 12 has none: both are "nothing"
				t.Errorf("%s: session %d has no policy for import and export: it refers to %v", platform, s.ID, stanza.Refs)
			}
			if n := strings.Count(stanza.Text, "{secret:"); (n == 1) == s.Password.IsZero() {
				t.Errorf("%s: session %d writes %d passwords", platform, s.ID, n)
			}
		}
		if strings.Contains(text, "\n neighbor 192.0.2.11 shutdown") || strings.Contains(text, `"Z`) {
			t.Errorf("%s: a description says more than a description:\n%s", platform, text)
		}
		if unlimited := sessions[d.Sessions[8].PeerAddress].Text; limits.MatchString(unlimited) {
			t.Errorf("%s: an unlimited session has a limit:\n%s", platform, unlimited)
		}
		if limited := sessions[d.Sessions[10].PeerAddress].Text; !strings.Contains(limited, "200000") || !limits.MatchString(limited) {
			t.Errorf("%s: a session has no limit:\n%s", platform, limited)
		}
		joined, err := syntaxes[platform].Join(cut)
		if err != nil {
			t.Fatal(err)
		}
		again, err := syntaxes[platform].Split(joined)
		if err != nil {
			t.Fatal(err)
		}
		if twice, err := syntaxes[platform].Join(again); err != nil || twice != joined {
			t.Errorf("%s: joining isn't a fixpoint (%v):\n%s", platform, err, cmp.Diff(joined, twice))
		}
	}
}
