package gnmid

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	gpb "github.com/openconfig/gnmi/proto/gnmi"
	"github.com/openconfig/gnmi/proto/gnmi_ext"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/durationpb"
)

// The foreign neighbor 192.0.2.10 is in the first configuration; 192.0.2.11 comes over gNMI.
const initial = `{
 "openconfig-network-instance:network-instances": {"network-instance": [{
  "name": "DEFAULT", "config": {"name": "DEFAULT", "type": "openconfig-network-instance-types:DEFAULT_INSTANCE"},
  "protocols": {"protocol": [{"identifier": "openconfig-policy-types:BGP", "name": "BGP", "config": {"identifier": "BGP", "name": "BGP"},
   "bgp": {
    "global": {"config": {"as": 64500, "router-id": "192.0.2.1"}},
    "neighbors": {"neighbor": [{"neighbor-address": "192.0.2.10",
      "config": {"neighbor-address": "192.0.2.10", "peer-as": 64510},
      "timers": {"config": {"hold-time": 9}},
      "apply-policy": {"config": {"default-import-policy": "ACCEPT_ROUTE", "default-export-policy": "ACCEPT_ROUTE"}},
      "afi-safis": {"afi-safi": [{"afi-safi-name": "IPV4_UNICAST", "config": {"afi-safi-name": "IPV4_UNICAST", "enabled": true}}]}
    }]}
   }}]}}]}}`

const neighbor11 = `{"neighbor-address": "192.0.2.11",
  "config": {"neighbor-address": "192.0.2.11", "peer-as": 64501},
  "timers": {"config": {"hold-time": 9}},
  "apply-policy": {"config": {"import-policy": ["only-documentation"]}},
  "afi-safis": {"afi-safi": [{"afi-safi-name": "openconfig-bgp-types:IPV4_UNICAST", "config": {"afi-safi-name": "openconfig-bgp-types:IPV4_UNICAST", "enabled": true}}]}}`

const onlyDocumentation = `{"name": "only-documentation", "config": {"name": "only-documentation"}, "statements": {"statement": [
  {"name": "10", "config": {"name": "10"}, "conditions": {"match-prefix-set": {"config": {"prefix-set": "documentation"}}},
   "actions": {"config": {"policy-result": "ACCEPT_ROUTE"}}}]}}`

const documentationSet = `{"name": "documentation", "config": {"name": "documentation", "mode": "IPV4"}, "prefixes": {"prefix": [
  {"ip-prefix": "198.51.100.0/24", "masklength-range": "24..28", "config": {"ip-prefix": "198.51.100.0/24", "masklength-range": "24..28"}}]}}`

// bench is one target with a client.
type bench struct {
	*testing.T
	target *Target
	client gpb.GNMIClient
	net    string // 127.90.N.
	port   int
}

func setup(t *testing.T, net24 string, edits ...func(*Config)) *bench {
	t.Helper()
	b := &bench{T: t, net: net24, port: freePort(t, net24+"1")}
	cfg := b.config(t.TempDir())
	for _, edit := range edits {
		edit(&cfg)
	}
	target, err := Start(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(target.Close)
	b.target = target
	b.client = b.dial()
	return b
}

func (b *bench) config(dir string) Config {
	return Config{
		Dir: dir, Listen: b.net + "1:0", Username: "peerflow", Password: "router-password",
		BGPAddress: netip.MustParseAddr(b.net + "1"), BGPPort: b.port,
		Addresses: map[netip.Addr]netip.Addr{
			netip.MustParseAddr("192.0.2.10"): netip.MustParseAddr(b.net + "10"),
			netip.MustParseAddr("192.0.2.11"): netip.MustParseAddr(b.net + "11"),
		},
		Originate: []netip.Prefix{netip.MustParsePrefix("203.0.113.0/24")},
		Initial:   json.RawMessage(initial),
	}
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

func (b *bench) dial() gpb.GNMIClient {
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM([]byte(b.target.CertificatePEM()))
	c, err := grpc.NewClient(b.target.Address(), grpc.WithTransportCredentials(credentials.NewTLS(&tls.Config{RootCAs: roots})))
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { c.Close() })
	return gpb.NewGNMIClient(c)
}

func (b *bench) ctx() context.Context {
	return metadata.AppendToOutgoingContext(b.Context(), "username", "peerflow", "password", "router-password")
}

func (b *bench) peer(as uint32, host, password string, announce ...string) *Peer {
	b.Helper()
	cfg := PeerConfig{
		AS: as, Address: netip.MustParseAddr(b.net + host), Port: b.port,
		Router: netip.MustParseAddr(b.net + "1"), RouterAS: 64500, Password: password, HoldTime: 9,
	}
	for _, a := range announce {
		cfg.Originate = append(cfg.Originate, netip.MustParsePrefix(a))
	}
	p, err := StartPeer(b.Context(), cfg)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(p.Close)
	return p
}

func path(names ...string) *gpb.Path {
	p := &gpb.Path{}
	for _, n := range names {
		name, keys, _ := strings.Cut(n, "[")
		e := &gpb.PathElem{Name: name}
		for _, kv := range strings.Split(strings.TrimSuffix(keys, "]"), "][") {
			if k, v, ok := strings.Cut(kv, "="); ok {
				if e.Key == nil {
					e.Key = map[string]string{}
				}
				e.Key[k] = v
			}
		}
		p.Elem = append(p.Elem, e)
	}
	return p
}

func underBGP(names ...string) *gpb.Path {
	return path(append([]string{"network-instances", "network-instance[name=DEFAULT]", "protocols", "protocol[identifier=BGP][name=BGP]", "bgp"}, names...)...)
}

func neighborPath(a string, more ...string) *gpb.Path {
	return underBGP(append([]string{"neighbors", "neighbor[neighbor-address=" + a + "]"}, more...)...)
}

func policyPath(name string) *gpb.Path {
	return path("routing-policy", "policy-definitions", "policy-definition[name="+name+"]")
}

func prefixSetPath(name string) *gpb.Path {
	return path("routing-policy", "defined-sets", "prefix-sets", "prefix-set[name="+name+"]")
}

func val(p *gpb.Path, text string) *gpb.Update {
	return &gpb.Update{Path: p, Val: &gpb.TypedValue{Value: &gpb.TypedValue_JsonIetfVal{JsonIetfVal: []byte(text)}}}
}

func addNeighbor() *gpb.SetRequest {
	return &gpb.SetRequest{Replace: []*gpb.Update{
		val(neighborPath("192.0.2.11"), neighbor11),
		val(policyPath("only-documentation"), onlyDocumentation),
		val(prefixSetPath("documentation"), documentationSet),
	}}
}

func commit(id string, action any) *gnmi_ext.Extension {
	c := &gnmi_ext.Commit{Id: id}
	switch a := action.(type) {
	case time.Duration:
		c.Action = &gnmi_ext.Commit_Commit{Commit: &gnmi_ext.CommitRequest{RollbackDuration: durationpb.New(a)}}
	case string:
		switch a {
		case "confirm":
			c.Action = &gnmi_ext.Commit_Confirm{}
		case "cancel":
			c.Action = &gnmi_ext.Commit_Cancel{}
		}
	}
	return &gnmi_ext.Extension{Ext: &gnmi_ext.Extension_Commit{Commit: c}}
}

func wantCode(t testing.TB, err error, code codes.Code) {
	t.Helper()
	if status.Code(err) != code {
		t.Fatalf("answer is %v, want %v", err, code)
	}
}

func poll(t testing.TB, what string, f func() bool) {
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

func (b *bench) get(kind gpb.GetRequest_DataType, p *gpb.Path) (string, error) {
	r, err := b.client.Get(b.ctx(), &gpb.GetRequest{Path: []*gpb.Path{p}, Type: kind, Encoding: gpb.Encoding_JSON_IETF})
	if err != nil || len(r.Notification) == 0 || len(r.Notification[0].Update) == 0 {
		return "", err
	}
	return string(r.Notification[0].Update[0].Val.GetJsonIetfVal()), nil
}

func (b *bench) has(p *gpb.Path) bool {
	b.Helper()
	v, err := b.get(gpb.GetRequest_CONFIG, p)
	if err != nil {
		b.Fatal(err)
	}
	return v != ""
}
