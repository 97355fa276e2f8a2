package temporalserver

import (
	"context"
	"errors"
	"fmt"
	"time"

	"go.temporal.io/sdk/client"
	sdklog "go.temporal.io/sdk/log"
	"go.temporal.io/server/common/authorization"
	"go.temporal.io/server/common/config"
	"go.temporal.io/server/common/primitives"
	"go.temporal.io/server/temporal"

	"peerflow/internal/temporalauth"
)

// Options describe the server. SocketDir, User and Secret must be set.
type Options struct {
	// SocketDir is the folder of PostgreSQL's unix socket; the databases of Databases() must exist there.
	SocketDir string
	// User is the PostgreSQL role that owns them.
	User string
	// FrontendPort on 127.0.0.1 is where clients connect, usually 7233; 0 picks a free one.
	FrontendPort int
	// Secret must come with every call to the frontend, see temporalauth.LoadOrCreate.
	Secret string
	// Own is another secret, which only the clients of this process hold: what they call isn't told. "" is none.
	Own string
	// Refused hears of each call to the frontend that was refused: its method and the caller's host. It must return at
	// once, since the caller waits; nil means nobody hears.
	Refused func(method, from string)
	// Commanded hears of each call with Secret that may do something, see Command. It must return at once; nil means nobody hears.
	Commanded func(Command)
	// LogFile takes warnings and errors as JSON lines; empty means standard error.
	LogFile string
	// Shards is written into the database at its first start, and that value stays for good; 0 means 4.
	Shards int32
	// Retention is how long a closed workflow can be looked at, written at the first start; 0 means 30 days.
	Retention time.Duration
}

func (o *Options) complete() error {
	if o.SocketDir == "" || o.User == "" {
		return errors.New("temporal: no PostgreSQL socket folder or user given")
	}
	if o.Secret == "" {
		return errors.New("temporal: refusing to start without a secret")
	}
	if o.Shards == 0 {
		o.Shards = 4
	}
	if o.Retention == 0 {
		o.Retention = 30 * 24 * time.Hour
	}
	return nil
}

// Server is a running Temporal server.
type Server struct {
	server temporal.Server
	ports  map[primitives.ServiceName]int
}

// Start makes or upgrades the tables, starts all of Temporal's services in this process, and returns once the namespace
// with its search attributes can be used. ctx bounds the start only.
func Start(ctx context.Context, o Options) (*Server, error) {
	if err := o.complete(); err != nil {
		return nil, err
	}
	tuning := newSettings()
	ports, release, err := allPorts(o.FrontendPort)
	if err != nil {
		return nil, err
	}
	defer release() // they are bound by then
	server, err := build(ctx, o, ports, tuning)
	if err != nil {
		return nil, fmt.Errorf("temporal: %w", err)
	}
	s := &Server{server: server, ports: ports}
	if err := s.bringUp(ctx, o); err != nil {
		return nil, errors.Join(fmt.Errorf("temporal: %w", err), s.Stop())
	}
	tuning.settled.Store(true)
	return s, nil
}

// build assembles the server without starting it; it already reads and writes the database.
func build(ctx context.Context, o Options, ports map[primitives.ServiceName]int, tuning *settings) (temporal.Server, error) {
	logger, err := newLogger(o.LogFile)
	if err != nil {
		return nil, err
	}
	if err := o.ensureSchemas(ctx); err != nil {
		return nil, err
	}
	guard, err := newInternalTLS()
	if err != nil {
		return nil, err
	}
	return temporal.NewServer(
		temporal.WithConfig(serviceConfig(o, ports)),
		temporal.ForServices(temporal.Services),
		temporal.WithStaticHosts(hosts(ports)),
		temporal.WithLogger(logger),
		temporal.WithDynamicConfigClient(tuning),
		temporal.WithTLSConfigFactory(guard),
		temporal.WithAuthorizer(doorkeeper{refused: o.Refused, commanded: o.Commanded}),
		temporal.WithClaimMapper(func(*config.Config) authorization.ClaimMapper { return secretMapper{secret: o.Secret, own: o.Own} }),
	)
}

func (s *Server) bringUp(ctx context.Context, o Options) error {
	if err := s.server.Start(); err != nil {
		return err
	}
	c, err := client.DialContext(ctx, client.Options{
		HostPort: s.HostPort(), Namespace: Namespace, HeadersProvider: temporalauth.Headers(o.Secret), Logger: quietLogger{}})
	if err != nil {
		return err
	}
	defer c.Close()
	return ensureNamespace(ctx, c, o.Retention)
}

// HostPort is the frontend's address for client.Options.
func (s *Server) HostPort() string { return address(s.ports[primitives.FrontendService]) }

// Stop ends all services, which takes a second or two: callers are let go first. Stop workers and clients before it, and
// PostgreSQL after it.
func (s *Server) Stop() error { return s.server.Stop() }

// quietLogger: what goes wrong while starting is returned as an error.
type quietLogger struct{}

var _ sdklog.Logger = quietLogger{}

func (quietLogger) Debug(string, ...any) {}
func (quietLogger) Info(string, ...any)  {}
func (quietLogger) Warn(string, ...any)  {}
func (quietLogger) Error(string, ...any) {}
