package bird_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/json"
	"errors"
	"net"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"

	"peerflow/internal/driver"
	"peerflow/internal/driver/bird"
	"peerflow/internal/peering"
)

func ecdsaHostKey(t *testing.T) string {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	public, err := ssh.NewPublicKey(key.Public())
	if err != nil {
		t.Fatal(err)
	}
	return string(ssh.MarshalAuthorizedKey(public))
}

// mute accepts connections and says nothing, like a management plane that hangs.
func mute(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l.Addr().String()
}

func TestOpenSaysWhatIsWrongWithALogin(t *testing.T) {
	t.Parallel()
	login, err := sshd()
	if err != nil {
		t.Fatal(err)
	}
	password, broken := peering.SecretRef{ID: 3, Version: 1}, peering.SecretRef{ID: 4, Version: 1}
	secrets := vault{loginRef: login.PrivateKey, password: "hunter two", broken: strings.Replace(login.PrivateKey, "\n", "\nZZQQ", 2)}
	tests := map[string]struct {
		change func(*driver.Target)
		want   error
		kind   peering.Kind
	}{
		"right":                               {func(*driver.Target) {}, nil, ""},
		"a second recorded key is the right":  {func(x *driver.Target) { x.HostKey = strangerPublic + "\n" + x.HostKey + "\n" }, nil, ""},
		"a host key of another kind":          {func(x *driver.Target) { x.HostKey = ecdsaHostKey(t) }, driver.ErrHostKey, peering.Denied},
		"a host key that is none":             {func(x *driver.Target) { x.HostKey = "ssh-ed25519 nonsense" }, nil, peering.Invalid},
		"a password where keys are wanted":    {func(x *driver.Target) { x.Login = password }, driver.ErrLogin, peering.Denied},
		"a user that isn't there":             {func(x *driver.Target) { x.Username = "nobody-at-all" }, driver.ErrLogin, peering.Denied},
		"a private key that can't be read":    {func(x *driver.Target) { x.Login = broken }, nil, peering.Invalid},
		"a secret that isn't there":           {func(x *driver.Target) { x.Login.Version = 9 }, nil, peering.NotFound},
		"an address that isn't one":           {func(x *driver.Target) { x.Address = "127.0.0.1" }, driver.ErrUnreachable, peering.Unavailable},
		"a port where nobody says a word":     {func(x *driver.Target) { x.Address = mute(t) }, driver.ErrUnreachable, peering.Unavailable},
		"a setting of another platform":       {func(x *driver.Target) { x.Settings = json.RawMessage(`{"vrf":"mgmt"}`) }, nil, peering.Invalid},
		"right, by the registry's capability": {func(x *driver.Target) { x.ReadOnly = true }, nil, ""},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
			defer cancel()
			target := driver.Target{Router: "edge1", Address: login.Address, Username: login.Username, Login: loginRef, HostKey: login.HostKey}
			tt.change(&target)
			conn, err := bird.New().Open(ctx, target, secrets)
			if err == nil {
				defer conn.Close()
				if _, err := driver.Can[driver.ConfirmedCommitter](bird.New(), conn); (err != nil) != target.ReadOnly {
					t.Errorf("read-only %v, and the capability to commit: %v", target.ReadOnly, err)
				}
			}
			if peering.KindOf(err) != tt.kind || tt.want != nil && !errors.Is(err, tt.want) {
				t.Errorf("got %v (%s), want %v (%s)", err, peering.KindOf(err), tt.want, tt.kind)
			}
			if err != nil && (strings.Contains(err.Error(), "hunter") || strings.Contains(err.Error(), "ZZQQ")) {
				t.Errorf("the error shows a secret: %v", err)
			}
		})
	}
}
