package bird_test

import (
	"context"
	"flag"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"peerflow/internal/driver"
	"peerflow/internal/driver/bird"
	"peerflow/internal/driver/drivertest"
	"peerflow/internal/peering"
	"peerflow/standalone/lab"
)

// vault resolves references from a map.
type vault map[peering.SecretRef]string

func (v vault) Resolve(_ context.Context, ref peering.SecretRef) (string, error) {
	clear, ok := v[ref]
	if !ok {
		return "", peering.Errorf(peering.NotFound, "no secret %d version %d", ref.ID, ref.Version)
	}
	return clear, nil
}

var (
	loginRef      = peering.SecretRef{ID: 1, Version: 1}
	strangerLogin = peering.SecretRef{ID: 2, Version: 1}
	md5Ref        = peering.SecretRef{ID: 17, Version: 3}
	otherMD5Ref   = peering.SecretRef{ID: 18, Version: 1}
)

// Both sessions have the same clear password under two references.
const clearMD5 = "correct horse 'battery' $(staple)"

// sshd is one for all tests of the package: each router has its own files.
var sshd = sync.OnceValues(func() (*lab.SSHD, error) {
	dir, err := os.MkdirTemp("", "bird-sshd-")
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	return lab.StartSSHD(ctx, dir, "127.0.0.1:0")
})

func TestMain(m *testing.M) {
	flag.Parse()
	if parallel := flag.Lookup("test.parallel"); parallel.Value.String() == strconv.Itoa(runtime.GOMAXPROCS(0)) {
		// These tests wait for timers and sessions far more than they compute.
		if err := parallel.Value.Set("6"); err != nil {
			panic(err)
		}
	}
	code := m.Run()
	if s, err := sshd(); err == nil {
		s.Close()
		os.RemoveAll(filepath.Dir(s.Log))
	}
	os.Exit(code)
}

// lastAddress numbers the routers of this package: 127.0.80.1 and so on.
var lastAddress atomic.Int32

// router is a live BIRD with its login.
type router struct {
	*lab.Bird
	address netip.Addr
	target  driver.Target
	secrets vault
}

func startRouter(t *testing.T, more string) *router {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	login, err := sshd()
	if err != nil {
		t.Fatal(err)
	}
	n := lastAddress.Add(1)
	address := netip.AddrFrom4([4]byte{127, 0, 80, byte(n)})
	main := lab.EdgeMain(lab.EdgeConfig{
		ASN: 64496, Address: address, Originate: []netip.Prefix{netip.MustParsePrefix("203.0.113.0/24"), netip.MustParsePrefix("198.51.100.0/24")},
	}) + more
	b, err := lab.StartBird(ctx, t.TempDir(), lab.BirdConfig{Main: main})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { b.Close() })
	return &router{
		Bird: b, address: address,
		target: driver.Target{
			Router: "edge1", Address: login.Address, Username: login.Username, Login: loginRef,
			HostKey: login.HostKey, BGPPort: lab.DefaultBGPPort, Settings: b.Settings(),
		},
		secrets: vault{loginRef: login.PrivateKey, strangerLogin: strangerKey, md5Ref: clearMD5, otherMD5Ref: clearMD5},
	}
}

// artifact is canonical text of ours with two sessions.
func artifact(description string) string {
	return fmt.Sprintf(`define PF_IN = [ 10.0.0.0/8{24,24} ];

filter pf_in {
	if net ~ PF_IN then accept;
	reject;
}

# %[1]s
protocol bgp as64501_1 from neighbor_of_ours {
	description "%[1]s";
	neighbor 127.0.81.1 port 1179 as 64501;
	password "{secret:17@3}";
	ipv4 { import filter pf_in; import limit 100 action disable; export filter to_peers; };
}

protocol bgp as64502_1 from neighbor_of_ours {
	neighbor 127.0.81.2 port 1179 as 64502;
	password "{secret:18@1}";
	ipv4 { import filter pf_in; export none; };
}
`, description)
}

func TestConformance(t *testing.T) {
	t.Parallel()
	drivertest.Run(t, func(t *testing.T) drivertest.Harness {
		r := startRouter(t, "")
		first, second := artifact("first"), artifact("second")
		return drivertest.Harness{
			Platform: bird.New(), Target: r.target, Secrets: r.secrets,
			Known: []peering.SecretRef{md5Ref, otherMD5Ref}, Clear: []string{clearMD5, "BEGIN OPENSSH"},
			First: first, Second: second,
			Bad:     strings.Replace(first, "as 64501;", "as nobody;", 1),
			Timer:   8 * time.Second,
			Restart: r.Restart,
			ForeignCommit: func(ctx context.Context) error {
				_, err := r.Birdc(ctx, "configure")
				return err
			},
			Foreign: func(context.Context) (string, error) {
				main, err := os.ReadFile(r.Main)
				return string(main), err
			},
			WrongHostKey: strangerPublic, WrongLogin: strangerLogin,
		}
	})
}

// A key pair that no router knows; made for this test.
var strangerKey, strangerPublic = newKey()
