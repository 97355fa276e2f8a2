package gnmid

import (
	"fmt"
	"net/netip"
	"slices"
	"testing"

	gpb "github.com/openconfig/gnmi/proto/gnmi"
)

func definedSet(kind, name, member, value string) *gpb.Update {
	list, key := kind+"-set", kind+"-set-name"
	return val(path("routing-policy", "defined-sets", "bgp-defined-sets", kind+"-sets", list+"["+key+"="+name+"]"),
		fmt.Sprintf(`{%q: %q, "config": {%q: %q, %q: [%q]}}`, key, name, key, name, member, value))
}

func policy(name string, statements ...string) *gpb.Update {
	text := ""
	for i, s := range statements {
		if i > 0 {
			text += ","
		}
		text += fmt.Sprintf(`{"name": "%d", "config": {"name": "%d"}, %s}`, i, i, s)
	}
	return val(policyPath(name), fmt.Sprintf(`{"name": %q, "config": {"name": %q}, "statements": {"statement": [%s]}}`, name, name, text))
}

func sessionEntry(address string, as uint32, family, imports, exports string) *gpb.Update {
	return val(neighborPath(address), fmt.Sprintf(`{"neighbor-address": %q, "config": {"neighbor-address": %q, "peer-as": %d},
	  "timers": {"config": {"hold-time": 9}}, "apply-policy": {"config": {"import-policy": [%s], "export-policy": [%s]}},
	  "afi-safis": {"afi-safi": [{"afi-safi-name": %q, "config": {"afi-safi-name": %q, "enabled": true}}]}}`,
		address, address, as, imports, exports, family, family))
}

// What one peer's routes are marked with on import decides what the other gets.
func TestPoliciesMatchAndSetCommunitiesPathsAndLengths(t *testing.T) {
	t.Parallel()
	b := setup(t, "127.90.9.")
	b.peer(64501, "11", "", "198.51.100.0/24", "192.0.2.0/25", "192.0.2.128/25")
	other := b.peer(64510, "10", "")
	b.mustSet(&gpb.SetRequest{
		Delete: []*gpb.Path{neighborPath("192.0.2.10")},
		Replace: []*gpb.Update{
			val(prefixSetPath("documentation"), documentationSet),
			definedSet("community", "marked", "community-member", "64500:7"),
			definedSet("as-path", "theirs", "as-path-set-member", "^64501$"),
			policy("mark",
				`"conditions": {"match-prefix-set": {"config": {"prefix-set": "documentation"}}},
				 "actions": {"config": {"policy-result": "ACCEPT_ROUTE"}, "bgp-actions": {"config": {"set-local-pref": 200},
				   "set-community": {"config": {"method": "INLINE", "options": "ADD"}, "inline": {"config": {"communities": ["64500:7"]}}}}}`,
				`"conditions": {"bgp-conditions": {"match-as-path-set": {"config": {"as-path-set": "theirs"}},
				   "as-path-length": {"config": {"operator": "ATTRIBUTE_LE", "value": 1}}}},
				 "actions": {"config": {"policy-result": "ACCEPT_ROUTE"}}`),
			policy("only-marked",
				`"conditions": {"bgp-conditions": {"match-community-set": {"config": {"community-set": "marked"}}}},
				 "actions": {"config": {"policy-result": "ACCEPT_ROUTE"}}`),
			sessionEntry("192.0.2.11", 64501, "IPV4_UNICAST", `"mark"`, ``),
			sessionEntry("192.0.2.10", 64510, "IPV4_UNICAST", ``, `"only-marked"`),
		},
	})
	poll(t, "all three pass the import", func() bool {
		return b.prefixes("192.0.2.11") == `{"installed":3,"received":3,"received-pre-policy":3,"sent":0}`
	})
	got := func() []string { routes, _ := other.Received(t.Context()); return routes }
	poll(t, "the marked one passes the export", func() bool { return slices.Equal(got(), []string{"198.51.100.0/24"}) })
	b.mustSet(&gpb.SetRequest{Replace: []*gpb.Update{definedSet("as-path", "theirs", "as-path-set-member", "^64599$")}})
	poll(t, "paths that no longer match are dropped", func() bool {
		return b.prefixes("192.0.2.11") == `{"installed":1,"received":1,"received-pre-policy":3,"sent":0}`
	})
	b.mustSet(&gpb.SetRequest{Replace: []*gpb.Update{definedSet("community", "marked", "community-member", "64500:8")}})
	poll(t, "the mark no longer matches and the route is withdrawn", func() bool { return len(got()) == 0 })
	if b.transitions("192.0.2.11") != 1 || b.transitions("192.0.2.10") != 1 {
		t.Error("a policy restarted a session")
	}
}

func TestIPv6RoutesOverAMappedNeighbor(t *testing.T) {
	t.Parallel()
	b := setup(t, "127.90.14.", func(c *Config) {
		c.Addresses[netip.MustParseAddr("2001:db8::11")] = netip.MustParseAddr("127.90.14.21")
		c.Originate = append(c.Originate, netip.MustParsePrefix("2001:db8:ffff::/48"))
	})
	p, err := StartPeer(t.Context(), PeerConfig{
		AS: 64501, Address: netip.MustParseAddr("127.90.14.21"), Port: b.port, Router: netip.MustParseAddr("127.90.14.1"), RouterAS: 64500,
		HoldTime: 9, IPv6: true, Originate: []netip.Prefix{netip.MustParsePrefix("2001:db8:1::/48")},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Close)
	b.mustSet(&gpb.SetRequest{Replace: []*gpb.Update{
		policy("all", `"actions": {"config": {"policy-result": "ACCEPT_ROUTE"}}`),
		sessionEntry("2001:db8::11", 64501, "IPV6_UNICAST", `"all"`, `"all"`),
	}})
	poll(t, "the session", func() bool { return p.Established(t.Context()) })
	poll(t, "the routes", func() bool {
		got, _ := p.Received(t.Context())
		v, _ := b.get(gpb.GetRequest_STATE, neighborPath("2001:db8::11", "afi-safis", "afi-safi[afi-safi-name=IPV6_UNICAST]", "state", "prefixes", "received"))
		return slices.Equal(got, []string{"2001:db8:ffff::/48"}) && v == "1"
	})
}
