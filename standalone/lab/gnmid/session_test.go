package gnmid

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	gpb "github.com/openconfig/gnmi/proto/gnmi"
)

// transitions is how often a session came up; -1 while it isn't up.
func (b *bench) transitions(a string) int {
	b.Helper()
	v, err := b.get(gpb.GetRequest_STATE, neighborPath(a, "state"))
	if err != nil {
		b.Fatal(err)
	}
	var s struct {
		Transitions json.Number `json:"openconfig-network-instance:established-transitions"`
		State       string      `json:"openconfig-network-instance:session-state"`
	}
	if err := json.Unmarshal([]byte(v), &s); err != nil {
		b.Fatalf("%v in %s", err, v)
	}
	n, _ := s.Transitions.Int64()
	if s.State != "ESTABLISHED" {
		return -1
	}
	return int(n)
}

func (b *bench) prefixes(a string) string {
	b.Helper()
	v, err := b.get(gpb.GetRequest_STATE, neighborPath(a, "afi-safis", "afi-safi[afi-safi-name=IPV4_UNICAST]", "state", "prefixes"))
	if err != nil {
		b.Fatal(err)
	}
	return strings.ReplaceAll(v, "openconfig-network-instance:", "")
}

func TestSessionsKeepUpThroughWhatDoesNotTouchThem(t *testing.T) {
	t.Parallel()
	b := setup(t, "127.90.15.")
	b.peer(64510, "10", "")
	ours := b.peer(64501, "11", "", "198.51.100.0/24", "198.51.100.0/26", "192.0.2.0/24")
	b.mustSet(addNeighbor())
	poll(t, "both up", func() bool { return b.transitions("192.0.2.10") == 1 && b.transitions("192.0.2.11") == 1 })
	poll(t, "the import policy's count", func() bool {
		return b.prefixes("192.0.2.11") == `{"installed":2,"received":2,"received-pre-policy":3,"sent":0}`
	})
	if got, _ := ours.Received(t.Context()); len(got) > 0 {
		t.Fatalf("without an export policy the peer got %v (RFC 8212)", got)
	}

	b.mustSet(&gpb.SetRequest{Replace: []*gpb.Update{
		val(prefixSetPath("documentation"), strings.ReplaceAll(documentationSet, "24..28", "exact")),
		val(neighborPath("192.0.2.11", "apply-policy", "config", "default-export-policy"), `"ACCEPT_ROUTE"`),
		val(neighborPath("192.0.2.11", "config", "description"), `"new words"`),
		val(neighborPath("192.0.2.11", "afi-safis", "afi-safi[afi-safi-name=IPV4_UNICAST]", "ipv4-unicast", "prefix-limit", "config", "max-prefixes"), `1000`),
	}})
	poll(t, "the new policy's count", func() bool {
		return strings.Contains(b.prefixes("192.0.2.11"), `"received":1,"received-pre-policy":3`)
	})
	poll(t, "our own route", func() bool {
		got, _ := ours.Received(t.Context())
		return slices.Contains(got, "203.0.113.0/24")
	})
	if b.transitions("192.0.2.11") != 1 || b.transitions("192.0.2.10") != 1 {
		t.Fatal("policy, limit or description restarted a session")
	}

	b.mustSet(&gpb.SetRequest{Update: []*gpb.Update{val(neighborPath("192.0.2.11", "timers", "config", "hold-time"), `12`)}})
	poll(t, "the session is back after a new hold time", func() bool { return b.transitions("192.0.2.11") == 2 })
	b.mustSet(&gpb.SetRequest{Delete: []*gpb.Path{neighborPath("192.0.2.11")}})
	poll(t, "the peer sees it go", func() bool { return !ours.Established(t.Context()) })
	if b.transitions("192.0.2.10") != 1 {
		t.Fatal("our changes restarted the foreign session")
	}
}

func TestPasswordChangesRestartTheSessionAndBothSidesMustAgree(t *testing.T) {
	t.Parallel()
	b := setup(t, "127.90.16.")
	p := b.peer(64501, "11", "old-password")
	r := addNeighbor()
	r.Replace[0] = val(neighborPath("192.0.2.11"), strings.Replace(neighbor11, `"peer-as"`, `"auth-password": "old-password", "peer-as"`, 1))
	b.mustSet(r)
	poll(t, "up with a password", func() bool { return p.Established(t.Context()) && b.transitions("192.0.2.11") == 1 })
	b.mustSet(&gpb.SetRequest{Update: []*gpb.Update{val(neighborPath("192.0.2.11", "config", "auth-password"), `"new-password"`)}})
	poll(t, "down with another password", func() bool { return b.transitions("192.0.2.11") == -1 })
	b.mustSet(&gpb.SetRequest{Update: []*gpb.Update{val(neighborPath("192.0.2.11", "config", "auth-password"), `"old-password"`)}})
	poll(t, "up again", func() bool { return b.transitions("192.0.2.11") == 2 })
	b.mustSet(&gpb.SetRequest{Delete: []*gpb.Path{neighborPath("192.0.2.11", "config", "auth-password")}})
	p.Close()
	b.peer(64501, "11", "")
	poll(t, "up without a password", func() bool { return b.transitions("192.0.2.11") == 3 })
}

func TestLimitAndShutdownEndASessionWithTheirReason(t *testing.T) {
	t.Parallel()
	b := setup(t, "127.90.17.")
	b.peer(64501, "11", "", "198.51.100.0/24", "198.51.100.0/25", "198.51.100.128/25")
	r := addNeighbor()
	b.mustSet(r)
	poll(t, "up", func() bool { return b.transitions("192.0.2.11") == 1 })
	b.mustSet(&gpb.SetRequest{Update: []*gpb.Update{val(neighborPath("192.0.2.11", "config", "enabled"), `false`)}})
	poll(t, "shut down", func() bool { return b.transitions("192.0.2.11") == -1 })
	b.mustSet(&gpb.SetRequest{Update: []*gpb.Update{
		val(neighborPath("192.0.2.11", "config", "enabled"), `true`),
		val(neighborPath("192.0.2.11", "afi-safis", "afi-safi[afi-safi-name=IPV4_UNICAST]", "ipv4-unicast", "prefix-limit", "config", "max-prefixes"), `2`),
	}})
	poll(t, "closed for its limit (RFC 4486)", func() bool {
		v, _ := b.get(gpb.GetRequest_STATE, neighborPath("192.0.2.11", "state", "messages", "sent"))
		return strings.Contains(v, "MAX_NUM_PREFIXES_REACHED")
	})
	b.mustSet(&gpb.SetRequest{Update: []*gpb.Update{
		val(neighborPath("192.0.2.11", "afi-safis", "afi-safi[afi-safi-name=IPV4_UNICAST]", "ipv4-unicast", "prefix-limit", "config", "max-prefixes"), `100`),
	}})
	poll(t, "open again under a higher limit", func() bool { return b.transitions("192.0.2.11") > 1 })
}
