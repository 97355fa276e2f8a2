package openconfig

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync"

	gpb "github.com/openconfig/gnmi/proto/gnmi"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"peerflow/internal/driver"
	"peerflow/internal/peering"
)

// maxAnswer bounds what a router may answer (bytes); a full BGP configuration with big prefix sets fits.
const maxAnswer = 64 << 20

// conn is a login that can read. It has no method that writes: see writer.
type conn struct {
	target    driver.Target
	settings  settings
	secrets   driver.Secrets
	password  string // of the login
	handshake *handshake
	grpc      *grpc.ClientConn
	client    gpb.GNMIClient
}

func dial(ctx context.Context, t driver.Target, secrets driver.Secrets) (*conn, error) {
	s, err := readSettings(t.Settings)
	if err != nil {
		return nil, err
	}
	password, err := secrets.Resolve(ctx, t.Login)
	if err != nil {
		return nil, fmt.Errorf("resolve the login of router %s: %w", t.Router, err)
	}
	config, err := pinned(t, s)
	if err != nil {
		return nil, err
	}
	c := &conn{target: t, settings: s, secrets: secrets, password: password, handshake: &handshake{TransportCredentials: credentials.NewTLS(config)}}
	c.grpc, err = grpc.NewClient("passthrough:///"+t.Address,
		grpc.WithTransportCredentials(c.handshake), grpc.WithDisableRetry(), grpc.WithDisableServiceConfig(),
		grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(maxAnswer)))
	if err != nil {
		return nil, peering.Errorf(peering.Invalid, "router %s: address: %w", t.Router, err)
	}
	c.client = gpb.NewGNMIClient(c.grpc)
	return c, nil
}

// pinned trusts the recorded certificate and nothing else, and checks the name in it.
func pinned(t driver.Target, s settings) (*tls.Config, error) {
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM([]byte(t.HostKey)) {
		return nil, peering.Errorf(peering.Invalid, "router %s: record its certificate, or that of its CA, in PEM", t.Router)
	}
	name := s.ServerName
	if name == "" {
		host, _, err := net.SplitHostPort(t.Address)
		if err != nil {
			return nil, peering.Errorf(peering.Invalid, "router %s: the address must be host:port", t.Router)
		}
		name = host
	}
	return &tls.Config{RootCAs: roots, ServerName: name, MinVersion: tls.VersionTLS12}, nil
}

// handshake keeps the last TLS failure, which gRPC reports as a mere "unavailable".
type handshake struct {
	credentials.TransportCredentials
	mu  sync.Mutex
	err error
}

func (h *handshake) ClientHandshake(ctx context.Context, authority string, raw net.Conn) (net.Conn, credentials.AuthInfo, error) {
	c, info, err := h.TransportCredentials.ClientHandshake(ctx, authority, raw)
	h.mu.Lock()
	defer h.mu.Unlock()
	h.err = err
	return c, info, err
}

// Clone shares the record: gRPC may copy credentials before it uses them.
func (h *handshake) Clone() credentials.TransportCredentials { return h }

// untrusted reports that the certificate, not the network, was the trouble.
func (h *handshake) untrusted() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	var verification *tls.CertificateVerificationError
	return errors.As(h.err, &verification)
}

func (c *conn) Close() error { return c.grpc.Close() }

// as adds the login to a call. It travels inside TLS only.
func (c *conn) as(ctx context.Context) context.Context {
	return metadata.AppendToOutgoingContext(ctx, "username", c.target.Username, "password", c.password)
}

// failed is the one place where a status becomes a driver's error. It never
// repeats the router's words: those may hold configuration.
func (c *conn) failed(act string, err error) error {
	kind := driver.ErrUnreachable
	switch status.Code(err) {
	case codes.Unauthenticated, codes.PermissionDenied:
		kind = driver.ErrLogin
	case codes.Unavailable:
		if c.handshake.untrusted() {
			kind = driver.ErrHostKey
		}
	case codes.DeadlineExceeded, codes.Canceled:
		kind = peering.Errorf(peering.Unavailable, "the router didn't answer in time")
	case codes.Unimplemented:
		kind = peering.Errorf(peering.Unsupported, "the router doesn't implement this gNMI call or extension")
	case codes.InvalidArgument, codes.NotFound:
		kind = peering.Errorf(peering.Invalid, "the router knows no such path: check network_instance, protocol and datastore_path")
	default:
		kind = fmt.Errorf("%w: %s", driver.ErrAnswered, status.Code(err))
	}
	return fmt.Errorf("%s on router %s: %w", act, c.target.Router, kind)
}

// words are a router's own, with every secret that we sent taken out.
func words(err error, secrets []string) string {
	text := status.Convert(err).Message()
	for _, clear := range secrets {
		if clear == "" {
			continue
		}
		quoted, _ := json.Marshal(clear) // a router may quote what it was sent
		text = strings.ReplaceAll(text, string(quoted[1:len(quoted)-1]), "<secret>")
		text = strings.ReplaceAll(text, clear, "<secret>")
	}
	return text
}
