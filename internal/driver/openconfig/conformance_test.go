package openconfig_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"math/big"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	gpb "github.com/openconfig/gnmi/proto/gnmi"

	"peerflow/internal/driver/drivertest"
	"peerflow/internal/driver/openconfig"
	"peerflow/internal/peering"
	"peerflow/standalone/lab/gnmid"
)

var (
	md5Ref      = peering.SecretRef{ID: 17, Version: 3}
	otherMD5Ref = peering.SecretRef{ID: 18, Version: 1}
	wrongLogin  = peering.SecretRef{ID: 2, Version: 1}
)

// Both secrets have the same clear text, which JSON has to escape.
const clearMD5 = `correct "horse" \battery`

const withPasswords = artifactBase + `
{"neighbor": {"config": {"neighbor-address": "192.0.2.12", "peer-as": 64502, "peer-group": "pf-peers", "auth-password": "{secret:17@3}"},
  "afi-safis": {"afi-safi": [{"config": {"afi-safi-name": "IPV4_UNICAST", "enabled": true}}]}}}
{"neighbor": {"config": {"neighbor-address": "192.0.2.13", "peer-as": 64503, "peer-group": "pf-peers", "auth-password": "{secret:18@1}"},
  "afi-safis": {"afi-safi": [{"config": {"afi-safi-name": "IPV4_UNICAST", "enabled": true}}]}}}`

// lastNet numbers the routers of the suite: 127.90.100.1 and so on.
var lastNet atomic.Int32

func TestConformance(t *testing.T) {
	t.Parallel()
	drivertest.Run(t, func(t *testing.T) drivertest.Harness {
		b := setup(t, fmt.Sprintf("127.90.%d.", 100+lastNet.Add(1)), func(c *gnmid.Config) { c.SaveExplicitly = true })
		b.secrets[md5Ref], b.secrets[otherMD5Ref], b.secrets[wrongLogin] = clearMD5, clearMD5, "not-the-login"
		first := b.deployment(0, withPasswords, time.Minute).Artifact
		return drivertest.Harness{
			Platform: openconfig.New(), Target: b.target(), Secrets: b.secrets,
			Known: []peering.SecretRef{md5Ref, otherMD5Ref}, Clear: []string{clearMD5, loginPassword},
			First:         first,
			Second:        b.deployment(0, strings.Replace(withPasswords, "24..28", "24..30", 1), time.Minute).Artifact,
			Bad:           strings.Replace(first, `"auth-password"`, `"no-such-leaf": true, "auth-password"`, 1),
			Timer:         5 * time.Second,
			Restart:       b.router.Restart,
			ForeignCommit: b.foreignCommit,
			Foreign:       b.foreign,
			WrongHostKey:  strangersCertificate(t),
			WrongLogin:    wrongLogin,
		}
	})
}

// foreignCommit removes a neighbor of ours on the console.
func (b *bench) foreignCommit(ctx context.Context) error {
	return b.router.OperatorSet(ctx, &gpb.SetRequest{Delete: []*gpb.Path{{Elem: []*gpb.PathElem{
		{Name: "network-instances"}, {Name: "network-instance", Key: map[string]string{"name": "DEFAULT"}},
		{Name: "protocols"}, {Name: "protocol", Key: map[string]string{"identifier": "BGP", "name": "BGP"}},
		{Name: "bgp"}, {Name: "neighbors"}, {Name: "neighbor", Key: map[string]string{"neighbor-address": "192.0.2.12"}},
	}}}})
}

// foreign is the router's configuration without what is ours, told apart by
// names alone and not by the driver.
func (b *bench) foreign(context.Context) (string, error) {
	var root any
	if err := json.Unmarshal(b.router.Running(), &root); err != nil {
		return "", err
	}
	text, err := json.MarshalIndent(withoutOurs(root), "", " ")
	return string(text), err
}

func withoutOurs(v any) any {
	switch v := v.(type) {
	case map[string]any:
		for k, x := range v {
			if v[k] = withoutOurs(x); v[k] == nil {
				delete(v, k)
			}
		}
		if len(v) == 0 {
			return nil
		}
	case []any:
		var rest []any
		for _, x := range v {
			if row, ok := x.(map[string]any); ok && ours(row) {
				continue
			}
			rest = append(rest, withoutOurs(x))
		}
		if rest == nil {
			return nil
		}
		return rest
	}
	return v
}

func ours(row map[string]any) bool {
	config, _ := row["config"].(map[string]any)
	for _, name := range []any{row["name"], row["peer-group-name"], config["peer-group"]} {
		if s, _ := name.(string); strings.HasPrefix(s, "pf-") || strings.HasPrefix(s, "PEERFLOW-") {
			return true
		}
	}
	return false
}

// strangersCertificate is well formed and nobody's here.
func strangersCertificate(t *testing.T) string {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour), DNSNames: []string{"router1.example.net"}}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
}
