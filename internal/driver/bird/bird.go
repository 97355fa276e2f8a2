// Package bird drives BIRD 2 over SSH.
//
// What peerflow owns is one file that the operator's main file includes; the
// main file is never written. A commit loads a copy of the main file that
// includes a candidate instead, under BIRD's own undo timer; after the
// confirmation the candidate becomes the owned file. Every write is one remote
// command under a lock that compares and stores the fencing token first.
//
// BIRD can't print its running configuration. What runs is known by a constant in
// the candidate (PEERFLOW_ARTIFACT) and one in the copied main file
// (PEERFLOW_DEPLOYMENT), both read back from the daemon, and by the file that
// carries the same constant. Start reading at commit.go and owned.go.
package bird

import (
	"context"

	"peerflow/internal/driver"
	"peerflow/internal/peering"
)

// What a connection to BIRD can do. In modes observe and propose it is a *Reader, which has no method that writes.
var (
	_ driver.OwnedReader        = (*Reader)(nil)
	_ driver.NeighborReader     = (*Reader)(nil)
	_ driver.ExportCounter      = (*Reader)(nil)
	_ driver.Reopener           = (*Reader)(nil)
	_ driver.Checker            = (*Conn)(nil)
	_ driver.ConfirmedCommitter = (*Conn)(nil)
	_ driver.SessionClearer     = (*Conn)(nil)
	_ driver.SessionShutter     = (*Conn)(nil)
	_ driver.Proposer           = platform{}
)

type platform struct{}

// New is the driver for BIRD 2 (tried on 2.0.12).
func New() driver.Platform { return platform{} }

func (platform) Name() string           { return "bird" }
func (platform) Proof() driver.Proof    { return driver.DaemonProven }
func (platform) Syntax() peering.Syntax { return Syntax{} }

// Open logs in over SSH. The login secret is a private key in PEM or a password.
func (platform) Open(ctx context.Context, target driver.Target, secrets driver.Secrets) (driver.Conn, error) {
	settings, err := parseSettings(target.Settings)
	if err != nil {
		return nil, err
	}
	login, err := secrets.Resolve(ctx, target.Login)
	if err != nil {
		return nil, err
	}
	shell, err := dial(ctx, target, login)
	if err != nil {
		return nil, err
	}
	r := &Reader{router: target.Router, shell: shell, settings: settings, secrets: secrets, redaction: redactionKey(login)}
	if target.ReadOnly {
		return r, nil
	}
	return &Conn{Reader: r}, nil
}

// Reader reads one BIRD. It has no method that writes.
type Reader struct {
	router    string
	shell     *shell
	settings  Settings
	secrets   driver.Secrets
	redaction []byte // key of the texts that stand for passwords that nobody named
}

// Close ends the login.
func (r *Reader) Close() error { return r.shell.Close() }

// Conn is a Reader that may write.
type Conn struct{ *Reader }
