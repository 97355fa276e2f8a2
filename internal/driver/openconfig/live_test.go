package openconfig_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"peerflow/internal/bgp"
	"peerflow/internal/driver"
	"peerflow/internal/driver/openconfig"
	"peerflow/internal/peering"
	"peerflow/standalone/lab/gnmid"
)

// The router's first configuration: the hand-made neighbor 192.0.2.10 and policy.
const initial = `{
 "network-instances": {"network-instance": [{
  "name": "DEFAULT", "config": {"name": "DEFAULT", "type": "DEFAULT_INSTANCE"},
  "protocols": {"protocol": [{"identifier": "BGP", "name": "BGP", "config": {"identifier": "BGP", "name": "BGP"},
   "bgp": {
    "global": {"config": {"as": 64500, "router-id": "192.0.2.1"}},
    "neighbors": {"neighbor": [{"neighbor-address": "192.0.2.10",
      "config": {"neighbor-address": "192.0.2.10", "peer-as": 64510, "description": "made by hand"},
      "timers": {"config": {"hold-time": 9}},
      "apply-policy": {"config": {"import-policy": ["BY-HAND"], "export-policy": ["BY-HAND"]}},
      "afi-safis": {"afi-safi": [{"afi-safi-name": "IPV4_UNICAST", "config": {"afi-safi-name": "IPV4_UNICAST", "enabled": true}}]}
    }]}
   }}]}}]},
 "routing-policy": {"policy-definitions": {"policy-definition": [{"name": "BY-HAND", "config": {"name": "BY-HAND"},
   "statements": {"statement": [{"name": "1", "config": {"name": "1"}, "actions": {"config": {"policy-result": "ACCEPT_ROUTE"}}}]}}]}}}`

// artifactBase has one session, AS64501 at 192.0.2.11, filtered in and out.
const artifactBase = `
{"prefix-set": {"config": {"name": "pf-as64501", "mode": "IPV4"}, "prefixes": {"prefix": [
  {"config": {"ip-prefix": "198.51.100.0/24", "masklength-range": "24..28"}}]}}}
{"prefix-set": {"config": {"name": "pf-own", "mode": "IPV4"}, "prefixes": {"prefix": [
  {"config": {"ip-prefix": "203.0.113.0/24", "masklength-range": "exact"}}]}}}
{"policy": {"config": {"name": "pf-in"}, "statements": {"statement": [
  {"config": {"name": "10"}, "conditions": {"match-prefix-set": {"config": {"prefix-set": "pf-as64501"}}},
   "actions": {"config": {"policy-result": "ACCEPT_ROUTE"}, "bgp-actions": {"config": {"set-local-pref": 200}}}}]}}}
{"policy": {"config": {"name": "pf-out"}, "statements": {"statement": [
  {"config": {"name": "10"}, "conditions": {"match-prefix-set": {"config": {"prefix-set": "pf-own"}}},
   "actions": {"config": {"policy-result": "ACCEPT_ROUTE"}}}]}}}
{"peer-group": {"config": {"peer-group-name": "pf-peers"}, "timers": {"config": {"hold-time": 9}},
  "apply-policy": {"config": {"import-policy": ["pf-in"], "export-policy": ["pf-out"]}}}}
` + neighbor11

const neighbor11 = `{"neighbor": {"config": {"neighbor-address": "192.0.2.11", "peer-as": 64501, "peer-group": "pf-peers", "description": "AS64501"},
  "afi-safis": {"afi-safi": [{"config": {"afi-safi-name": "IPV4_UNICAST", "enabled": true},
    "ipv4-unicast": {"prefix-limit": {"config": {"max-prefixes": 100}}}}]}}}`

// secretStore is a Secrets of a test; login is id 1.
type secretStore map[peering.SecretRef]string

func (s secretStore) Resolve(_ context.Context, ref peering.SecretRef) (string, error) {
	clear, ok := s[ref]
	if !ok {
		return "", peering.Errorf(peering.NotFound, "no secret %d", ref.ID)
	}
	return clear, nil
}

var login = peering.SecretRef{ID: 1, Version: 1}

const loginPassword = "router-login-7f3a"

// bench is a live router, the driver on it, and room for peers.
type bench struct {
	*testing.T
	net     string // "127.90.N."
	port    int
	router  *gnmid.Target
	secrets secretStore
	fence   int64
}

func setup(t *testing.T, net24 string, edits ...func(*gnmid.Config)) *bench {
	t.Helper()
	b := &bench{T: t, net: net24, secrets: secretStore{login: loginPassword}}
	b.port = freePort(t, b.address(1).String())
	cfg := gnmid.Config{
		Dir: t.TempDir(), Listen: b.address(1).String() + ":0", ServerName: "router1.example.net",
		Username: "peerflow", Password: loginPassword, BGPAddress: b.address(1), BGPPort: b.port,
		Addresses: map[netip.Addr]netip.Addr{}, Originate: []netip.Prefix{netip.MustParsePrefix("203.0.113.0/24")},
		Initial: json.RawMessage(initial),
	}
	for host := 10; host < 20; host++ {
		cfg.Addresses[netip.MustParseAddr(fmt.Sprintf("192.0.2.%d", host))] = b.address(host)
	}
	for _, edit := range edits {
		edit(&cfg)
	}
	var err error
	if b.router, err = gnmid.Start(t.Context(), cfg); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.router.Close)
	return b
}

func (b *bench) address(host int) netip.Addr {
	return netip.MustParseAddr(fmt.Sprintf("%s%d", b.net, host))
}

func freePort(t *testing.T, host string) int {
	t.Helper()
	l, err := net.Listen("tcp", host+":0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port
}

func (b *bench) target() driver.Target {
	return driver.Target{
		Router: "router1", Address: b.router.Address(), Username: "peerflow", Login: login,
		HostKey: b.router.CertificatePEM(), Settings: b.router.Settings(),
	}
}

// router is what a manager uses of a connection.
type router interface {
	driver.Conn
	driver.OwnedReader
	driver.NeighborReader
	driver.ConfirmedCommitter
}

func (b *bench) open(edits ...func(*driver.Target)) router {
	b.Helper()
	t := b.target()
	for _, edit := range edits {
		edit(&t)
	}
	c, err := openconfig.New().Open(b.Context(), t, b.secrets)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { c.Close() })
	return c.(router)
}

func (b *bench) peer(as uint32, host int, password string, announce ...string) *gnmid.Peer {
	b.Helper()
	cfg := gnmid.PeerConfig{AS: as, Address: b.address(host), Port: b.port, Router: b.address(1), RouterAS: 64500, Password: password, HoldTime: 9}
	for _, a := range announce {
		cfg.Originate = append(cfg.Originate, netip.MustParsePrefix(a))
	}
	p, err := gnmid.StartPeer(b.Context(), cfg)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(p.Close)
	return p
}

// deployment makes a commit of a text, brought into canonical form.
func (b *bench) deployment(id int64, text string, timer time.Duration) driver.Commit {
	b.Helper()
	stanzas, err := openconfig.Syntax{}.Split(text)
	if err != nil {
		b.Fatal(err)
	}
	artifact, err := openconfig.Syntax{}.Join(stanzas)
	if err != nil {
		b.Fatal(err)
	}
	b.fence++
	return driver.Commit{Deployment: id, Fence: b.fence, Artifact: artifact, Hash: peering.HashText(artifact), Timer: timer}
}

func (b *bench) must(err error) {
	b.Helper()
	if err != nil {
		b.Fatal(err)
	}
}

func (b *bench) deploy(c router, d driver.Commit) {
	b.Helper()
	b.must(c.Stage(b.Context(), d))
	b.must(c.Commit(b.Context(), d))
	b.must(c.Confirm(b.Context(), d))
	b.must(c.Install(b.Context(), d))
}

func (b *bench) read(c driver.OwnedReader, known ...peering.SecretRef) peering.Running {
	b.Helper()
	r, err := c.ReadOwned(b.Context(), known)
	b.must(err)
	return r
}

// runs asserts what the router itself says, both ways: present and absent.
func (b *bench) runs(r peering.Running, d driver.Commit) {
	b.Helper()
	text, err := openconfig.Syntax{}.Join(r.Stanzas)
	b.must(err)
	if text != d.Artifact || r.Identity != d.Hash {
		b.Fatalf("router runs identity %.8s and\n%s\nwant identity %.8s and\n%s", r.Identity, text, d.Hash, d.Artifact)
	}
}

func poll(t *testing.T, what string, f func() bool) {
	t.Helper()
	look := time.NewTicker(50 * time.Millisecond)
	defer look.Stop()
	deadline := time.After(20 * time.Second)
	for !f() {
		select {
		case <-look.C:
		case <-deadline:
			t.Fatalf("not within 20 s: %s", what)
		}
	}
}

func (b *bench) neighbor(c driver.NeighborReader, address string) peering.Neighbor {
	b.Helper()
	all, err := c.ReadNeighbors(b.Context())
	b.must(err)
	i := slices.IndexFunc(all, func(n peering.Neighbor) bool { return n.Address == netip.MustParseAddr(address) })
	if i < 0 {
		return peering.Neighbor{}
	}
	return all[i]
}

func (b *bench) established(c driver.NeighborReader, address string) {
	b.Helper()
	poll(b.T, address+" established", func() bool { return b.neighbor(c, address).Established() })
}

func keys(r []peering.Stanza) []string {
	m, _ := peering.StanzaMap(r)
	return slices.Sorted(maps.Keys(m))
}

func TestDeployBringsTheSessionUpAndReadsBackWhatWasPushed(t *testing.T) {
	t.Parallel()
	b := setup(t, "127.90.20.")
	peer := b.peer(64501, 11, "", "198.51.100.0/24", "198.51.100.128/25", "192.0.2.0/24")
	c := b.open()
	before := b.read(c)
	if len(before.Stanzas) != 0 || before.Identity != "" || before.Pending != nil {
		t.Fatalf("a router without anything of ours reads as %+v", before)
	}
	d := b.deployment(42, artifactBase, time.Minute)
	b.must(c.Stage(t.Context(), d))
	b.must(c.Stage(t.Context(), d))
	b.must(c.Commit(t.Context(), d))
	pending := b.read(c)
	b.runs(pending, d)
	if pending.Pending == nil || pending.Pending.Owner != "42" || pending.Pending.Remaining < 50*time.Second || len(pending.Boot) != 0 {
		t.Fatalf("while it waits, pending is %+v and boot has %v", pending.Pending, keys(pending.Boot))
	}
	b.must(c.Confirm(t.Context(), d))
	b.must(c.Install(t.Context(), d))
	b.must(c.Install(t.Context(), d))
	after := b.read(c)
	b.runs(after, d)
	if after.Pending != nil || !slices.Equal(keys(after.Boot), keys(after.Stanzas)) || after.Generation == before.Generation {
		t.Fatalf("after confirm: pending %v, boot %v, generation %s", after.Pending, keys(after.Boot), after.Generation)
	}
	b.established(c, "192.0.2.11")
	poll(t, "counters", func() bool {
		f, _ := b.neighbor(c, "192.0.2.11").Family(bgp.IPv4)
		return f.Received != nil && *f.Received == 3 && *f.Accepted == 2 && *f.Announced == 1
	})
	got, err := peer.Received(t.Context())
	if err != nil || !slices.Equal(got, []string{"203.0.113.0/24"}) {
		t.Fatalf("the peer received %v, %v", got, err)
	}
	n := b.neighbor(c, "192.0.2.11")
	f, _ := n.Family(bgp.IPv4)
	if n.RemoteAS != 64501 || n.LocalAS != 64500 || n.HoldTime != 9*time.Second || n.Transitions != 0 || n.Since.IsZero() ||
		f.ImportPolicy != "pf-in" || f.ExportPolicy != "pf-out" || f.Limit == nil || *f.Limit != 100 {
		t.Fatalf("neighbor reads as %+v, family %+v", n, f)
	}
}

func TestSecondCommitInTheWindowIsRefusedAndTheTimerRestoresTheBase(t *testing.T) {
	t.Parallel()
	b := setup(t, "127.90.21.")
	c := b.open()
	base := b.deployment(1, artifactBase, time.Minute)
	b.deploy(c, base)
	next := b.deployment(2, strings.Replace(artifactBase, "max-prefixes\": 100", "max-prefixes\": 50", 1), 3*time.Second)
	b.must(c.Commit(t.Context(), next))
	for _, again := range []driver.Commit{next, b.deployment(3, artifactBase, time.Minute)} {
		if err := c.Commit(t.Context(), again); !errors.Is(err, driver.ErrPending) {
			t.Fatalf("commit of deployment %d in the window: %v", again.Deployment, err)
		}
	}
	next.Fence = b.fence // neither is fenced: the commit id alone decides
	other := next
	other.Deployment = 77
	for name, f := range map[string]func(context.Context, driver.Commit) error{"confirm": c.Confirm, "abort": c.Abort} {
		if err := f(t.Context(), other); !errors.Is(err, driver.ErrNotPending) {
			t.Fatalf("%s of another deployment's commit: %v", name, err)
		}
	}
	poll(t, "the timer", func() bool { return b.read(c).Pending == nil })
	b.runs(b.read(c), base)
	if err := c.Confirm(t.Context(), next); !errors.Is(err, driver.ErrNotPending) {
		t.Fatalf("confirm after the timer: %v", err)
	}
	b.runs(b.read(c), base)
}
