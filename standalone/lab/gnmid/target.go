package gnmid

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	gpb "github.com/openconfig/gnmi/proto/gnmi"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
)

// Config describes one target. Its zero fields are refused where they mean nothing.
type Config struct {
	Dir        string // holds boot.json and the certificate; made when missing
	Listen     string // gNMI: host:port; port 0 picks one and keeps it for this folder while it is free
	ServerName string // name in the certificate beside the listening address; may be empty
	Username   string
	Password   string

	BGPAddress netip.Addr                // where the speaker listens, in 127/8
	BGPPort    int                       // its port and that of every peer; at least 1024 needs no rights
	Addresses  map[netip.Addr]netip.Addr // documentation address to loopback address; absent means itself
	Originate  []netip.Prefix            // routes of our own, announced as export policies allow
	Initial    json.RawMessage           // configuration at the first start, RFC 7951, foreign neighbors included

	OnSet func(*gpb.SetRequest) // sees every Set before it is judged; nil for none

	HidePasswords  bool // leave auth-password out of every answer, as many devices do
	SaveExplicitly bool // a confirmed configuration is lost in a restart until it is saved (see extension.go)
}

// Target is a running router. Its methods may be called from any goroutine.
type Target struct {
	cfg  Config
	cert certificate

	mu         sync.Mutex // one writer: Set, rollback timer, restart
	running    tree
	pending    *pending
	elections  map[string]election // highest election id per role, kept in memory only
	generation uint64              // counts every load of a configuration
	booted     time.Time           // of the last boot
	speaker    *speaker
	server     *grpc.Server
	address    string
}

// Start brings a router up with its boot file, or with cfg.Initial when it has none.
func Start(ctx context.Context, cfg Config) (*Target, error) {
	if cfg.Dir == "" || cfg.Username == "" || cfg.Password == "" || !cfg.BGPAddress.IsValid() || cfg.BGPPort == 0 {
		return nil, errors.New("gnmi target: give a folder, a login, a BGP address and a BGP port")
	}
	if err := os.MkdirAll(cfg.Dir, 0o700); err != nil {
		return nil, fmt.Errorf("gnmi target: %w", err)
	}
	cert, err := loadCertificate(cfg)
	if err != nil {
		return nil, fmt.Errorf("gnmi target: certificate: %w", err)
	}
	t := &Target{cfg: cfg, cert: cert, address: cfg.Listen}
	t.mu.Lock()
	defer t.mu.Unlock()
	return t, t.up(ctx)
}

// Address is where gNMI listens, host:port.
func (t *Target) Address() string { return t.address }

// CertificatePEM is the certificate that clients pin.
func (t *Target) CertificatePEM() string { return string(t.cert.pem) }

// Settings are the driver settings which fit this target, its extensions included.
func (t *Target) Settings() json.RawMessage {
	settings := map[string]any{
		"network_instance": "DEFAULT", "server_name": t.cfg.ServerName, "master_arbitration": true,
		"datastore_path": "/" + datastoreName, "check_path": "/" + datastoreName + "/config/" + validateOnly,
	}
	if t.cfg.SaveExplicitly {
		settings["save_path"] = "/" + datastoreName + "/config/" + saveRunning
	}
	s, _ := json.Marshal(settings)
	return s
}

// Running is the configuration that runs, passwords in clear: what an operator
// sees on the console.
func (t *Target) Running() json.RawMessage {
	t.mu.Lock()
	defer t.mu.Unlock()
	raw, _ := json.MarshalIndent(t.running, "", "  ")
	return raw
}

// up boots: boot file, speaker, gNMI. Called with the lock held.
func (t *Target) up(ctx context.Context) error {
	running, err := t.loadBoot()
	if err != nil {
		return fmt.Errorf("gnmi target: boot configuration: %w", err)
	}
	global := bgpOf(running).at("global", "config")
	if t.speaker, err = newSpeaker(ctx, t.cfg, global.number("as"), global.text("router-id")); err != nil {
		return fmt.Errorf("gnmi target: speaker: %w", err)
	}
	if err := t.speaker.apply(ctx, running); err != nil {
		t.speaker.stop()
		return fmt.Errorf("gnmi target: boot configuration: %w", err)
	}
	t.running, t.pending, t.elections = running, nil, map[string]election{}
	t.generation++
	t.booted = time.Now()
	if err := t.listen(); err != nil {
		t.speaker.stop()
		return err
	}
	return nil
}

func (t *Target) listen() error {
	l, err := t.bind()
	if err != nil {
		return fmt.Errorf("gnmi target: %w", err)
	}
	t.address = l.Addr().String()
	s := grpc.NewServer(grpc.Creds(credentials.NewServerTLSFromCert(&t.cert.tls)), grpc.UnaryInterceptor(t.login))
	gpb.RegisterGNMIServer(s, &service{target: t})
	t.server = s
	go func() { _ = s.Serve(l) }() // ends with Stop
	return nil
}

// bind takes the address of an earlier start, so that records of this router stay true.
func (t *Target) bind() (net.Listener, error) {
	file := filepath.Join(t.cfg.Dir, "address")
	if earlier, err := os.ReadFile(file); err == nil && t.address == t.cfg.Listen && strings.HasSuffix(t.cfg.Listen, ":0") {
		if l, err := net.Listen("tcp", string(earlier)); err == nil {
			return l, nil
		}
	}
	l, err := net.Listen("tcp", t.address)
	if err != nil {
		return nil, err
	}
	return l, os.WriteFile(file, []byte(l.Addr().String()), 0o600)
}

// Close ends sessions and gNMI; what was not confirmed is not in the boot file.
func (t *Target) Close() { t.KillHard() }

// KillHard takes the router down at once, open gNMI calls included, and leaves
// it down: Start or Restart boots it again from its file. The one difference to
// a power cut is that in-process sessions end with a NOTIFICATION.
func (t *Target) KillHard() {
	if s := t.takeServer(); s != nil {
		s.Stop() // waits for handlers, which may need the lock
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.down()
}

func (t *Target) takeServer() *grpc.Server {
	t.mu.Lock()
	defer t.mu.Unlock()
	s := t.server
	t.server = nil
	return s
}

func (t *Target) down() {
	t.endPending()
	if t.speaker != nil {
		t.speaker.stop()
		t.speaker = nil
	}
}

// Restart reboots: a pending commit is lost and the boot file is loaded.
func (t *Target) Restart(ctx context.Context) error {
	t.KillHard()
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.up(ctx)
}

func (t *Target) bootPath() string { return filepath.Join(t.cfg.Dir, "boot.json") }

// loadBoot reads the boot file; the first start writes it from Config.Initial.
func (t *Target) loadBoot() (tree, error) {
	raw, err := os.ReadFile(t.bootPath())
	if errors.Is(err, os.ErrNotExist) {
		raw, err = t.cfg.Initial, nil
	}
	if err != nil {
		return nil, err
	}
	v, err := decode(raw)
	if err != nil {
		return nil, err
	}
	n, err := normalise(schemaRoot, v, "")
	if err != nil {
		return nil, err
	}
	root := n.(tree)
	if err := validate(root); err != nil {
		return nil, err
	}
	return root, t.saveBoot(root)
}

// saveBoot replaces the boot file atomically: a crash leaves the old or the new one.
func (t *Target) saveBoot(root tree) error {
	raw, err := json.MarshalIndent(root, "", "  ")
	if err != nil {
		return err
	}
	f, err := os.CreateTemp(t.cfg.Dir, "boot-*")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	_, err = f.Write(raw)
	err = errors.Join(err, f.Sync(), f.Close())
	if err != nil {
		return err
	}
	return os.Rename(f.Name(), t.bootPath())
}

func (t *Target) boot() (tree, error) {
	raw, err := os.ReadFile(t.bootPath())
	if err != nil {
		return nil, err
	}
	v, err := decode(raw)
	if err != nil {
		return nil, err
	}
	return v.(tree), nil
}

// activate makes a configuration run, or leaves the earlier one running.
func (t *Target) activate(next tree) error {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	if err := t.speaker.apply(ctx, next); err != nil {
		return errors.Join(err, t.speaker.apply(ctx, t.running))
	}
	t.running = next
	t.generation++
	return nil
}
