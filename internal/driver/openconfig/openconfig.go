// Package openconfig speaks to routers that are managed over gNMI with the
// OpenConfig models network-instance, bgp and routing-policy, and that have the
// commit-confirmed extension.
//
// Start with syntax.go for the shape of artifacts (template writers read that
// one alone), read.go for what counts as ours on a router, and commit.go for the
// commit and the claims that hold for it. No vendor is assumed: what gNMI leaves
// open is a setting, and off by default.
package openconfig

import (
	"bytes"
	"context"
	"encoding/json"
	"io"

	gpb "github.com/openconfig/gnmi/proto/gnmi"

	"peerflow/internal/driver"
	"peerflow/internal/peering"
)

var (
	_ driver.Platform           = platform{}
	_ driver.Proposer           = platform{}
	_ driver.OwnedReader        = (*conn)(nil)
	_ driver.NeighborReader     = (*conn)(nil)
	_ driver.ExportCounter      = (*conn)(nil)
	_ driver.SessionShutter     = (*writer)(nil)
	_ driver.ConfirmedCommitter = (*writer)(nil)
	_ driver.Checker            = (*checker)(nil)
)

// platform is stateless; every connection has its own settings.
type platform struct{}

// New is the OpenConfig platform.
func New() driver.Platform { return platform{} }

func (platform) Name() string { return "openconfig" }

// Proof: the suite passes on our own gNMI target, whose sessions are real. No vendor's router has been tried.
func (platform) Proof() driver.Proof { return driver.Simulator }

func (platform) Syntax() peering.Syntax { return Syntax{} }

// settings are Target.Settings of this platform.
type settings struct {
	NetworkInstance string `json:"network_instance"` // default "DEFAULT"
	Protocol        string `json:"protocol"`         // name of the BGP protocol instance, default "BGP"
	ServerName      string `json:"server_name"`      // name in the router's certificate; default the host of the address

	// MasterArbitration sends the fence as election id with every write, so that
	// the router itself refuses an older attempt. Set it when the router implements
	// gNMI master arbitration.
	MasterArbitration bool `json:"master_arbitration"`
	// DatastorePath is where a router shows what gNMI has no standard path for:
	// its pending commit, a load counter and the boot configuration, in the shape
	// that read.go describes. Empty: see readPending for what is claimed then.
	DatastorePath string `json:"datastore_path"`
	// PasswordsHidden says that the router never shows auth-password. Which one it
	// has is then taken from the marker of the last commit (marker.go): a password
	// changed by hand isn't noticed.
	PasswordsHidden bool `json:"passwords_hidden"`
	// SavePath is a leaf that takes true and makes a restart load what runs, on
	// routers that don't keep a confirmed Set by themselves. Empty: they do.
	SavePath string `json:"save_path"`
	// CheckPath is a leaf that takes true and makes the router judge the rest of
	// the Set without loading it. Empty: candidates can't be checked.
	CheckPath string `json:"check_path"`
}

func readSettings(raw json.RawMessage) (settings, error) {
	s := settings{NetworkInstance: "DEFAULT", Protocol: "BGP"}
	if len(raw) == 0 {
		return s, nil
	}
	d := json.NewDecoder(bytes.NewReader(raw))
	d.DisallowUnknownFields()
	if err := d.Decode(&s); err != nil {
		return s, peering.Errorf(peering.Invalid, "openconfig settings: %w", err)
	}
	if _, err := d.Token(); err != io.EOF {
		return s, peering.Errorf(peering.Invalid, "openconfig settings: more than one JSON value")
	}
	if s.NetworkInstance == "" || s.Protocol == "" {
		return s, peering.Errorf(peering.Invalid, "openconfig settings: network_instance and protocol can't be empty")
	}
	return s, nil
}

// Open connects, pins the certificate, and asks for the router's capabilities,
// which proves the login. A read-only target gets a connection without
// writing methods.
func (p platform) Open(ctx context.Context, t driver.Target, secrets driver.Secrets) (driver.Conn, error) {
	c, err := dial(ctx, t, secrets)
	if err != nil {
		return nil, err
	}
	if err := c.checkCapabilities(ctx); err != nil {
		_ = c.Close()
		return nil, err
	}
	if t.ReadOnly {
		return c, nil
	}
	if c.settings.CheckPath != "" {
		return &checker{&writer{c}}, nil
	}
	return &writer{c}, nil
}

func (c *conn) checkCapabilities(ctx context.Context) error {
	r, err := c.client.Capabilities(c.as(ctx), &gpb.CapabilityRequest{})
	if err != nil {
		return c.failed("log in", err)
	}
	for _, e := range r.GetSupportedEncodings() {
		if e == gpb.Encoding_JSON_IETF {
			return nil
		}
	}
	return peering.Errorf(peering.Unsupported, "router %s doesn't offer JSON_IETF, which platform openconfig needs", c.target.Router)
}
