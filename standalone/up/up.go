// Package up runs all of peerflow in one process tree with one data folder: a
// private PostgreSQL, Temporal on it, Temporal's Web UI, the worker and the API.
//
// Everything is durable: killed at any moment, the next start goes on. Start
// reading at Start.
package up

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"peerflow/api"
	"peerflow/cmd"
	"peerflow/db"
	"peerflow/internal/peering"
	"peerflow/internal/secret"
	"peerflow/internal/temporalauth"
	"peerflow/standalone/pgserver"
	"peerflow/standalone/temporalserver"
	"peerflow/worker"
)

// Options say where everything lies. Zero ports take free ones.
type Options struct {
	DataDir string
	// Given names a database and a Temporal of the operator's, and how to reach
	// them; what it leaves out is started here. Its Listen is not used.
	Given        cmd.Config
	Listen       string // of the API, console and Temporal UI; loopback
	TemporalPort int
	PeeringDBURL string        // "" is the public one
	PeeringDBKey string        // "" asks anonymously
	PollEvery    time.Duration // 0 is 60 s
	Out          io.Writer     // progress, one line a part
	// Profile gives the numbers of verification; nil is peering.ProfileFor.
	Profile func(peering.Router) peering.Profile
	// Wire changes how activities are wired before the worker starts; nil leaves them.
	Wire func(worker.Activities)
	// Free tells the room at a folder; nil is FreeBytes.
	Free func(dir string) (bytes int64, err error)
}

// OwnDatabase says that peerflow's records lie in the data folder, and not in a database of the operator's.
func (o Options) OwnDatabase() bool { return o.Given.DatabaseURL == "" }

// OwnTemporal says that Temporal is started here.
func (o Options) OwnTemporal() bool { return o.Given.TemporalAddress == "" }

// OwnPostgres says that PostgreSQL is started here, for either of them.
func (o Options) OwnPostgres() bool { return o.OwnDatabase() || o.OwnTemporal() }

// Stack is everything that runs.
type Stack struct {
	Parts *cmd.Parts
	URL   string // of the API
	Token string // of the first administrator, from the data folder
	First bool   // this start made the token: show it

	dir      string
	own      string // what our own clients show to our own Temporal, for as long as this process lives
	secret   string // what everybody else shows, from the data folder
	lock     *os.File
	listener net.Listener              // of the API, from the beginning: a taken port is told before anything is made
	postgres *pgserver.Server          // nil: the operator's
	temporal *temporalserver.Server    // nil: the operator's
	guard    atomic.Pointer[api.Guard] // from when our database is open
	worker   *worker.Workers
	server   *http.Server
	closers  []func(context.Context) error // in the order of starting
}

// Start brings everything up, or nothing.
func Start(ctx context.Context, o Options) (*Stack, error) {
	s := &Stack{dir: o.DataDir, own: temporalauth.New()}
	if err := s.start(ctx, o); err != nil {
		stop, cancel := context.WithTimeout(context.WithoutCancel(ctx), 30*time.Second)
		defer cancel()
		return nil, errors.Join(err, s.Stop(stop))
	}
	return s, nil
}

func (s *Stack) start(ctx context.Context, o Options) error {
	for _, step := range []struct {
		what string
		do   func(context.Context, Options) error
	}{
		{"data folder", s.takeFolder},
		{"ports", s.takePorts},
		{"keys", s.keys},
		{"PostgreSQL", s.startPostgres},
		{"schema", s.migrate},
		{"Temporal", s.startTemporal},
		{"worker", s.startWorker},
		{"API", s.startAPI},
	} {
		began := time.Now()
		if err := step.do(ctx, o); err != nil {
			return fmt.Errorf("%s: %w", step.what, err)
		}
		fmt.Fprintf(o.Out, "  %-12s up after %s\n", step.what, time.Since(began).Round(10*time.Millisecond))
	}
	return nil
}

// closing registers the undo of a step before the next one starts.
func (s *Stack) closing(f func(context.Context) error) { s.closers = append(s.closers, f) }

func (s *Stack) takeFolder(_ context.Context, o Options) error {
	if err := Loopback(o.Listen); err != nil {
		return err
	}
	if err := os.MkdirAll(o.DataDir, 0o711); err != nil {
		return err
	}
	held, err := lock(o.DataDir)
	if err != nil {
		return err
	}
	s.lock = held
	s.closing(func(context.Context) error { return held.Close() })
	return nil
}

// takePorts holds the API's port; Temporal takes its own later, and is asked
// here already so that a start which can't succeed ends at once.
func (s *Stack) takePorts(_ context.Context, o Options) error {
	listener, err := net.Listen("tcp", o.Listen)
	if err != nil {
		return fmt.Errorf("the API can't listen: %w: stop what does, or give another address with --listen", err)
	}
	s.listener = listener
	s.closing(func(context.Context) error {
		_ = listener.Close() // the server may have closed it
		return nil
	})
	if o.TemporalPort == 0 || !o.OwnTemporal() {
		return nil
	}
	temporal, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", o.TemporalPort))
	if err != nil {
		return fmt.Errorf("no port for Temporal: %w: stop what listens there, or give another port with --temporal-port", err)
	}
	return temporal.Close()
}

// keys makes the envelope key before there is a database. Where there is one,
// a missing key must not be made anew: what is stored couldn't be opened.
func (s *Stack) keys(_ context.Context, o Options) error {
	if o.Given.KeyFile != "" {
		_, err := secret.OpenFile(o.Given.KeyFile, false)
		return err
	}
	if !o.OwnDatabase() {
		return nil // the schema's step makes one, as long as nothing is sealed there with another
	}
	_, err := os.Stat(s.path("postgres"))
	_, err = secret.OpenFile(s.path("secrets.key"), errors.Is(err, os.ErrNotExist))
	return err
}

// Loopback refuses to listen where strangers are: the first token would cross
// the network in clear.
func Loopback(listen string) error {
	host, _, err := net.SplitHostPort(listen)
	if err != nil {
		return fmt.Errorf("listen address %s: %w", listen, err)
	}
	if ip := net.ParseIP(host); host == "localhost" || ip != nil && ip.IsLoopback() {
		return nil
	}
	return fmt.Errorf("peerflow up listens on loopback only, not on %s: for a network run peerflow api behind TLS", host)
}

func (s *Stack) path(name string) string { return filepath.Join(s.dir, name) }

func (s *Stack) startPostgres(ctx context.Context, o Options) error {
	if !o.OwnPostgres() {
		return nil
	}
	server, err := pgserver.Start(ctx, pgserver.Options{DataDir: s.dir, LogFile: s.path("postgres.log")})
	if err != nil {
		return err
	}
	s.postgres = server
	s.closing(server.Stop)
	return server.EnsureDatabases(ctx, append([]string{"peerflow"}, temporalserver.Databases()...)...)
}

// config is where the parts find each other. Deciding without an approval code is
// for an installation that is all our own.
func (s *Stack) config(o Options) (c cmd.Config) {
	c = o.Given
	c.Listen, c.PeeringDBURL, c.PeeringDBKey, c.PollEvery = o.Listen, o.PeeringDBURL, o.PeeringDBKey, o.PollEvery
	c.LocalApproval = o.OwnDatabase() && o.OwnTemporal()
	if c.KeyFile == "" {
		c.KeyFile = s.path("secrets.key")
	}
	if o.OwnDatabase() {
		c.DatabaseURL = s.postgres.DSN("peerflow")
	}
	if o.OwnTemporal() {
		c.Namespace, c.TemporalTLS, c.TemporalKeyFile = temporalserver.Namespace, cmd.TemporalTLS{}, ""
		c.TemporalSecret = s.own
	}
	if s.temporal != nil {
		c.TemporalAddress = s.temporal.HostPort()
	}
	return c
}

func (s *Stack) migrate(ctx context.Context, o Options) error {
	c := s.config(o)
	if !o.OwnDatabase() {
		if err := cmd.MigrateDatabase(ctx, c); err != nil {
			return err
		}
	}
	database, err := cmd.OpenDatabase(ctx, c, 2)
	if err != nil {
		return err
	}
	defer database.Close()
	if err := database.Migrate(ctx); err != nil {
		return err
	}
	s.Token, s.First, err = firstToken(ctx, database, s.path("token"))
	return err
}

func (s *Stack) startTemporal(ctx context.Context, o Options) error {
	if !o.OwnTemporal() {
		return cmd.PrepareTemporal(ctx, s.config(o), slog.New(slog.DiscardHandler))
	}
	var err error
	if s.secret, err = temporalauth.LoadOrCreate(s.path("temporal.secret")); err != nil {
		return err
	}
	server, err := temporalserver.Start(ctx, temporalserver.Options{
		SocketDir: s.postgres.SocketDir(), User: "postgres", FrontendPort: o.TemporalPort, Secret: s.secret, LogFile: s.path("temporal.log"),
		Own: s.own, Refused: s.refused, Commanded: s.commanded,
	})
	if err != nil {
		return err
	}
	s.temporal = server
	s.closing(func(context.Context) error { return server.Stop() })
	return nil
}

// refused audits a call that Temporal refused. Until our own database is open,
// a moment after Temporal is up, nobody hears.
func (s *Stack) refused(method, from string) {
	if guard := s.guard.Load(); guard != nil {
		guard.Refused(peering.DoorTemporal, "call Temporal", method, from, "without the data folder's secret")
	}
}

// commanded audits what somebody has Temporal do past peerflow's own doors: it may
// be the person's right, and leaves no row of ours.
func (s *Stack) commanded(c temporalserver.Command) {
	why := "with the data folder's secret"
	if c.User != "" {
		why += ", in the name of " + c.User
	}
	if guard := s.guard.Load(); guard != nil {
		for _, change := range changesOf(c.Workflows) {
			guard.LetThrough(peering.DoorTemporal, "Temporal: "+c.Method, change, c.On, c.From, why)
		}
	}
}

// changesOf are the changes whose workflows are named; 0 alone for none.
func changesOf(workflows []string) (ids []int64) {
	for _, name := range workflows {
		kind, number, _ := strings.Cut(name, "/")
		id, err := strconv.ParseInt(number, 10, 64) // a stranger may name what it likes
		if (kind == "change" || kind == "provision") && err == nil && id > 0 && !slices.Contains(ids, id) {
			ids = append(ids, id)
		}
	}
	if len(ids) == 0 {
		return []int64{0}
	}
	return ids
}

func (s *Stack) startWorker(ctx context.Context, o Options) error {
	c := s.config(o)
	logFile, err := os.OpenFile(s.path("peerflow.log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	s.closing(func(context.Context) error { return logFile.Close() })
	log := slog.New(slog.NewTextHandler(logFile, &slog.HandlerOptions{Level: slog.LevelInfo}))
	if s.Parts, err = cmd.OpenParts(ctx, c, log); err != nil {
		return err
	}
	s.closing(func(context.Context) error { s.Parts.Close(); return nil })
	s.guard.Store(s.Parts.Guard())
	s.closing(func(context.Context) error { s.guard.Store(nil); return nil })
	if o.Profile != nil {
		s.Parts.Profile = o.Profile
	}
	s.Parts.Wire = o.Wire
	free := FreeBytes
	if o.Free != nil {
		free = o.Free
	}
	if s.postgres != nil {
		s.Parts.Room = func() error { return Room(s.dir, free) }
	}
	s.worker = s.Parts.Workers()
	if err := s.worker.Start(ctx); err != nil {
		return err
	}
	s.closing(func(context.Context) error { s.worker.Stop(); return nil })
	relay, cancel := context.WithCancel(context.WithoutCancel(ctx))
	go s.Parts.Relay(relay)
	go s.Parts.KeepPolling(relay)
	go s.boundLogs(relay)
	s.closing(func(context.Context) error { cancel(); return nil })
	return s.Parts.EnsureSchedules(ctx)
}

func (s *Stack) startAPI(context.Context, Options) error {
	handler, err := s.handler()
	if err != nil {
		return err
	}
	s.server = &http.Server{Handler: handler, ReadHeaderTimeout: 10 * time.Second}
	go func() { _ = s.server.Serve(s.listener) }()
	s.URL = "http://" + s.listener.Addr().String()
	s.closing(func(ctx context.Context) error {
		if err := s.server.Shutdown(ctx); err != nil {
			return s.server.Close() // event streams don't end by themselves
		}
		return nil
	})
	return nil
}

// Dir is the data folder.
func (s *Stack) Dir() string { return s.dir }

// TemporalAddress is where Temporal's gRPC listens.
func (s *Stack) TemporalAddress() string { return s.Parts.Config.TemporalAddress }

// ServesTemporalUI reports that the Web UI is here, as Temporal is.
func (s *Stack) ServesTemporalUI() bool { return s.temporal != nil }

// PostgresExited is closed when our database ends by itself.
func (s *Stack) PostgresExited() <-chan struct{} {
	if s.postgres == nil {
		return nil
	}
	return s.postgres.Exited()
}

// Stop ends everything in the opposite order of starting.
func (s *Stack) Stop(ctx context.Context) error {
	var errs []error
	for i := len(s.closers) - 1; i >= 0; i-- {
		errs = append(errs, s.closers[i](ctx))
	}
	s.closers = nil
	return errors.Join(errs...)
}

// firstToken reads the data folder's token, or makes the first administrator
// with one. It lies there for the CLI, readable by the owner only. A start that
// died before it was written makes another.
func firstToken(ctx context.Context, database *db.DB, path string) (token string, made bool, err error) {
	kept, err := os.ReadFile(path)
	if err == nil && len(kept) > 0 {
		return string(kept), false, nil
	}
	token, err = cmd.FirstAdmin(ctx, database, "admin", "data folder")
	if err != nil || token == "" {
		return "", false, err // somebody removed the file on purpose
	}
	return token, true, os.WriteFile(path, []byte(token), 0o600)
}
