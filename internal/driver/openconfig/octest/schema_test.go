package octest

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"net"
	"net/netip"
	"slices"
	"sync"
	"testing"
	"time"

	gpb "github.com/openconfig/gnmi/proto/gnmi"
	"github.com/openconfig/ygot/exampleoc"
	"github.com/openconfig/ygot/ytypes"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/metadata"

	"peerflow/internal/driver"
	"peerflow/internal/driver/openconfig"
	"peerflow/internal/peering"
	"peerflow/standalone/lab/gnmid"
)

const initial = `{"network-instances": {"network-instance": [{
  "name": "DEFAULT", "config": {"name": "DEFAULT", "type": "DEFAULT_INSTANCE"},
  "protocols": {"protocol": [{"identifier": "BGP", "name": "BGP", "config": {"identifier": "BGP", "name": "BGP"},
   "bgp": {"global": {"config": {"as": 64500, "router-id": "192.0.2.1"}}}}]}}]}}`

// everything has each leaf that templates may use.
const everything = `
{"prefix-set": {"config": {"name": "pf-v4", "mode": "IPV4"}, "prefixes": {"prefix": [
  {"config": {"ip-prefix": "198.51.100.0/24", "masklength-range": "24..28"}}, {"config": {"ip-prefix": "203.0.113.0/24", "masklength-range": "exact"}}]}}}
{"prefix-set": {"config": {"name": "pf-v6", "mode": "IPV6"}, "prefixes": {"prefix": [{"config": {"ip-prefix": "2001:db8::/32", "masklength-range": "32..48"}}]}}}
{"community-set": {"config": {"community-set-name": "pf-drop", "community-member": ["64500:666", "NO_EXPORT"]}}}
{"as-path-set": {"config": {"as-path-set-name": "pf-path", "as-path-set-member": ["^64501_"]}}}
{"policy": {"config": {"name": "pf-in"}, "statements": {"statement": [
  {"config": {"name": "drop"}, "conditions": {"bgp-conditions": {
     "match-community-set": {"config": {"community-set": "pf-drop"}}, "as-path-length": {"config": {"operator": "ATTRIBUTE_GE", "value": 30}}}},
   "actions": {"config": {"policy-result": "REJECT_ROUTE"}}},
  {"config": {"name": "take"}, "conditions": {"match-prefix-set": {"config": {"prefix-set": "pf-v4"}},
     "bgp-conditions": {"match-as-path-set": {"config": {"as-path-set": "pf-path"}}}},
   "actions": {"config": {"policy-result": "ACCEPT_ROUTE"}, "bgp-actions": {"config": {"set-local-pref": 200, "set-med": 10},
     "set-as-path-prepend": {"config": {"repeat-n": 2, "asn": 64500}},
     "set-community": {"config": {"method": "INLINE", "options": "ADD"}, "inline": {"config": {"communities": ["64500:1"]}}}}}}]}}}
{"peer-group": {"config": {"peer-group-name": "pf-peers"}, "timers": {"config": {"hold-time": 90, "keepalive-interval": 30, "connect-retry": 10}},
  "apply-policy": {"config": {"import-policy": ["pf-in"], "export-policy": ["pf-in"]}}}}
{"neighbor": {"config": {"neighbor-address": "192.0.2.11", "peer-as": 64501, "local-as": 64500, "peer-group": "pf-peers", "description": "AS64501",
    "auth-password": "{secret:17@3}", "enabled": false},
  "transport": {"config": {"local-address": "192.0.2.1", "passive-mode": true}},
  "ebgp-multihop": {"config": {"enabled": true, "multihop-ttl": 2}},
  "as-path-options": {"config": {"allow-own-as": 1}},
  "afi-safis": {"afi-safi": [
    {"config": {"afi-safi-name": "IPV4_UNICAST", "enabled": true}, "ipv4-unicast": {"prefix-limit": {"config": {"max-prefixes": 100, "warning-threshold-pct": 80}}}},
    {"config": {"afi-safi-name": "IPV6_UNICAST", "enabled": true}, "ipv6-unicast": {"prefix-limit": {"config": {"max-prefixes": 50}}}}]}}}
{"neighbor": {"config": {"neighbor-address": "192.0.2.12", "peer-as": 64502, "peer-group": "pf-peers"}, "timers": {"config": {"hold-time": 9}},
  "afi-safis": {"afi-safi": [{"config": {"afi-safi-name": "IPV4_UNICAST", "enabled": true}}]}}}`

type secrets struct{}

func (secrets) Resolve(_ context.Context, ref peering.SecretRef) (string, error) {
	return map[int64]string{1: "login-password", 17: "tcp-md5-password"}[ref.ID], nil
}

// recorder keeps the Sets that the target saw.
type recorder struct {
	mu   sync.Mutex
	sets []*gpb.SetRequest
}

func (r *recorder) see(s *gpb.SetRequest) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.sets = append(r.sets, s)
}

func TestDriverAndTargetKeepToTheFullSchema(t *testing.T) {
	t.Parallel()
	seen := &recorder{}
	router, port := start(t, seen)
	peer, err := gnmid.StartPeer(t.Context(), gnmid.PeerConfig{
		AS: 64502, Address: netip.MustParseAddr("127.90.30.12"), Port: port, Router: netip.MustParseAddr("127.90.30.1"), RouterAS: 64500,
		HoldTime: 9, Originate: []netip.Prefix{netip.MustParsePrefix("198.51.100.0/24")},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(peer.Close)
	deploy(t, router, everything)
	look := time.NewTicker(50 * time.Millisecond)
	defer look.Stop()
	deadline := time.After(20 * time.Second)
	for !peer.Established(t.Context()) {
		select {
		case <-look.C:
		case <-deadline:
			t.Fatal("the session never came up")
		}
	}

	schema, err := exampleoc.Schema()
	if err != nil {
		t.Fatal(err)
	}
	load(t, schema, initial)
	fits(t, schema, seen, 8)

	answer, err := exampleoc.Schema()
	if err != nil {
		t.Fatal(err)
	}
	load(t, answer, get(t, router))
	valid(t, answer)
}

// fits replays what the driver sent on the complete schema.
func fits(t *testing.T, schema *ytypes.Schema, seen *recorder, atLeast int) {
	t.Helper()
	edits := 0
	for _, s := range seen.sets {
		s.Extension = nil
		edits += len(s.Replace)
		if err := ytypes.UnmarshalSetRequest(schema, s); err != nil {
			t.Errorf("the driver's Set: %v", err)
		}
	}
	if edits < atLeast {
		t.Fatalf("only %d edits were seen", edits)
	}
	valid(t, schema)
}

func load(t *testing.T, schema *ytypes.Schema, text string) {
	t.Helper()
	if err := exampleoc.Unmarshal([]byte(text), schema.Root.(*exampleoc.Device)); err != nil {
		t.Fatal(err)
	}
}

func valid(t *testing.T, schema *ytypes.Schema) {
	t.Helper()
	if err := schema.Root.(*exampleoc.Device).Validate(); err != nil {
		t.Errorf("the result isn't valid: %v", err)
	}
}

func start(t *testing.T, seen *recorder) (*gnmid.Target, int) {
	t.Helper()
	l, err := net.Listen("tcp", "127.90.30.1:0")
	if err != nil {
		t.Fatal(err)
	}
	port := l.Addr().(*net.TCPAddr).Port
	l.Close()
	router, err := gnmid.Start(t.Context(), gnmid.Config{
		Dir: t.TempDir(), Listen: "127.90.30.1:0", Username: "peerflow", Password: "login-password",
		BGPAddress: netip.MustParseAddr("127.90.30.1"), BGPPort: port, Initial: json.RawMessage(initial), OnSet: seen.see,
		Addresses: map[netip.Addr]netip.Addr{
			netip.MustParseAddr("192.0.2.1"):  netip.MustParseAddr("127.90.30.1"),
			netip.MustParseAddr("192.0.2.11"): netip.MustParseAddr("127.90.30.11"),
			netip.MustParseAddr("192.0.2.12"): netip.MustParseAddr("127.90.30.12"),
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(router.Close)
	return router, port
}

func deploy(t *testing.T, router *gnmid.Target, text string) {
	t.Helper()
	conn, err := openconfig.New().Open(t.Context(), driver.Target{
		Router: "router1", Address: router.Address(), Username: "peerflow", Login: peering.SecretRef{ID: 1, Version: 1},
		HostKey: router.CertificatePEM(), Settings: router.Settings(),
	}, secrets{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	stanzas, err := openconfig.Syntax{}.Split(text)
	if err != nil {
		t.Fatal(err)
	}
	text, err = openconfig.Syntax{}.Join(stanzas)
	if err != nil {
		t.Fatal(err)
	}
	c := driver.Commit{Deployment: 1, Fence: 1, Artifact: text, Hash: peering.HashText(text), Timer: time.Minute}
	w := conn.(driver.ConfirmedCommitter)
	for _, step := range []func(context.Context, driver.Commit) error{w.Stage, w.Commit, w.Confirm, w.Install} {
		if err := step(t.Context(), c); err != nil {
			t.Fatal(err)
		}
	}
}

// get reads the standard part of the tree, configuration and state.
func get(t *testing.T, router *gnmid.Target) string {
	t.Helper()
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM([]byte(router.CertificatePEM()))
	conn, err := grpc.NewClient(router.Address(), grpc.WithTransportCredentials(credentials.NewTLS(&tls.Config{RootCAs: roots})))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	ctx := metadata.AppendToOutgoingContext(t.Context(), "username", "peerflow", "password", "login-password")
	all := map[string]json.RawMessage{}
	for _, name := range []string{"network-instances", "routing-policy", "system"} {
		r, err := gpb.NewGNMIClient(conn).Get(ctx, &gpb.GetRequest{Path: []*gpb.Path{{Elem: []*gpb.PathElem{{Name: name}}}}, Encoding: gpb.Encoding_JSON_IETF})
		if err != nil {
			t.Fatal(err)
		}
		modules := map[string]string{"network-instances": "openconfig-network-instance:", "routing-policy": "openconfig-routing-policy:", "system": "openconfig-system:"}
		all[modules[name]+name] = slices.Clone(r.GetNotification()[0].GetUpdate()[0].GetVal().GetJsonIetfVal())
	}
	text, err := json.Marshal(all)
	if err != nil {
		t.Fatal(err)
	}
	var tree any
	if err := json.Unmarshal(text, &tree); err != nil {
		t.Fatal(err)
	}
	text, err = json.Marshal(withoutEchoes(tree, false))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// withoutEchoes removes the state leaves that repeat configuration: the schema
// has them, but these bindings are compressed and know the config side alone.
func withoutEchoes(v any, state bool) any {
	switch v := v.(type) {
	case map[string]any:
		for name, x := range v {
			if state && slices.Contains([]string{"afi-safi-name", "enabled", "neighbor-address", "peer-as", "local-as"}, name) {
				delete(v, name)
				continue
			}
			v[name] = withoutEchoes(x, name == "state")
		}
	case []any:
		for i := range v {
			v[i] = withoutEchoes(v[i], false)
		}
	}
	return v
}
