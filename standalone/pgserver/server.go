package pgserver

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"
)

// Options say where the cluster lives.
type Options struct {
	// DataDir is peerflow's data folder, made when missing. The cluster is <DataDir>/postgres.
	DataDir string
	// LogFile takes what postgres prints; empty means <DataDir>/postgres.log.
	LogFile string
	// Params override the defaults in params.go, e.g. {"shared_buffers": "512MB"}. Those that keep data safe and
	// the server off the network can't be changed.
	Params map[string]string
}

// Server is a running PostgreSQL, ours until Stop.
type Server struct {
	bin        binaries
	who        account
	clusterDir string
	socketDir  string
	logFile    string
	lock       *os.File
	cmd        *exec.Cmd
	exited     chan struct{}
}

// Start creates the cluster if there is none, stops what a killed predecessor left behind, starts postgres and returns
// once it answers. ctx bounds the start only, not the server's life.
func Start(ctx context.Context, o Options) (*Server, error) {
	s, err := prepare(ctx, o)
	if err != nil {
		return nil, err
	}
	if err := s.launch(ctx, o.Params); err != nil {
		s.lock.Close()
		return nil, err
	}
	return s, nil
}

// prepare does everything short of starting postgres; it holds the folder's lock when it succeeds.
func prepare(ctx context.Context, o Options) (*Server, error) {
	found, err := findBinaries()
	if err != nil {
		return nil, err
	}
	who, err := databaseAccount()
	if err != nil {
		return nil, err
	}
	dataDir, err := dataFolder(o.DataDir, who)
	if err != nil {
		return nil, err
	}
	s := &Server{who: who, logFile: o.LogFile}
	if s.logFile == "" {
		s.logFile = filepath.Join(dataDir, "postgres.log")
	}
	if s.lock, err = lockFolder(dataDir); err != nil {
		return nil, err
	}
	if err := s.prepareCluster(ctx, found, dataDir); err != nil {
		s.lock.Close()
		return nil, err
	}
	return s, nil
}

func (s *Server) prepareCluster(ctx context.Context, found []binaries, dataDir string) (err error) {
	if s.bin, err = choose(found, filepath.Join(dataDir, "postgres")); err != nil {
		return err
	}
	if s.socketDir, err = socketFolder(dataDir, s.who); err != nil {
		return err
	}
	if s.clusterDir, err = ensureCluster(ctx, s.bin, s.who, dataDir); err != nil {
		return err
	}
	return stopOrphan(ctx, s.clusterDir, s.socketDir)
}

// dataFolder returns the absolute path without symbolic links, as postgres will write it into postmaster.pid.
func dataFolder(dir string, who account) (string, error) {
	mode := os.FileMode(0o700)
	if who.borrowed {
		mode = 0o711 // the database's account must pass through, and need not list
	}
	if err := os.MkdirAll(dir, mode); err != nil {
		return "", fmt.Errorf("make data folder: %w", err)
	}
	dir, err := filepath.Abs(dir)
	if err != nil {
		return "", err
	}
	if dir, err = filepath.EvalSymlinks(dir); err != nil {
		return "", err
	}
	return dir, who.reach(dir)
}

// launch starts postgres and waits until it answers.
func (s *Server) launch(ctx context.Context, params map[string]string) error {
	args, err := arguments(s.clusterDir, s.socketDir, s.bin.major, params)
	if err != nil {
		return err
	}
	logTo, err := os.OpenFile(s.logFile, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer logTo.Close()
	s.cmd = exec.Command(s.bin.path("postgres"), args...)
	s.cmd.Dir, s.cmd.Env, s.cmd.Stdout, s.cmd.Stderr = s.clusterDir, childEnvironment(), logTo, logTo
	s.cmd.SysProcAttr = childAttributes(s.who)
	from, _ := logTo.Seek(0, io.SeekEnd)
	if err := s.run(); err != nil {
		return fmt.Errorf("start %s: %w", s.cmd.Path, err)
	}
	if err := s.awaitReady(ctx); err != nil {
		s.kill()
		return fmt.Errorf("%w%s", err, s.complaint(from))
	}
	return nil
}

// run starts the child from a thread that lives as long as the child: the kernel's signal on our death is tied to the
// thread that started it, and Go ends threads at will unless they are locked.
func (s *Server) run() error {
	s.exited = make(chan struct{})
	started := make(chan error)
	go func() {
		runtime.LockOSThread()
		err := s.cmd.Start()
		started <- err
		if err == nil {
			_ = s.cmd.Wait() // how it ended stands in its log
			close(s.exited)
		}
	}()
	return <-started
}

// awaitReady connects until it succeeds. The pauses grow, since every try during crash recovery leaves a line in the log.
func (s *Server) awaitReady(ctx context.Context) error {
	for pause := 20 * time.Millisecond; ; pause = min(2*pause, 500*time.Millisecond) {
		conn, err := pgx.Connect(ctx, s.DSN("postgres"))
		if err == nil {
			return conn.Close(ctx)
		}
		select {
		case <-s.exited:
			return errors.New("PostgreSQL ended while starting")
		case <-ctx.Done():
			return fmt.Errorf("PostgreSQL is not ready: %w", err)
		case <-time.After(pause):
		}
	}
}

// complaint is the last FATAL or ERROR line that postgres logged since byte from, or where to look.
func (s *Server) complaint(from int64) string {
	raw, _ := os.ReadFile(s.logFile)
	last := ""
	for line := range strings.Lines(string(raw[min(from, int64(len(raw))):])) {
		if _, text, ok := strings.Cut(line, "FATAL:"); ok && !strings.Contains(text, "starting up") {
			last = ": " + strings.TrimSpace(text)
		}
	}
	return last + " (see " + s.logFile + ")"
}

// DSN is a connection string for the database db.
func (s *Server) DSN(db string) string {
	q := url.Values{"host": {s.socketDir}, "port": {"5432"}, "sslmode": {"disable"}}
	u := url.URL{Scheme: "postgres", User: url.User(User), Path: "/" + db, RawQuery: q.Encode()}
	return u.String()
}

// SocketDir is the folder of the unix socket, for clients that take no connection string.
func (s *Server) SocketDir() string { return s.socketDir }

// EnsureDatabases creates those of the databases that are missing.
func (s *Server) EnsureDatabases(ctx context.Context, names ...string) error {
	conn, err := pgx.Connect(ctx, s.DSN("postgres"))
	if err != nil {
		return err
	}
	defer conn.Close(ctx)
	for _, name := range names {
		var exists bool
		if err := conn.QueryRow(ctx, "SELECT EXISTS (SELECT FROM pg_database WHERE datname = $1)", name).Scan(&exists); err != nil {
			return fmt.Errorf("look for database %s: %w", name, err)
		}
		if exists {
			continue
		}
		if _, err := conn.Exec(ctx, "CREATE DATABASE "+pgx.Identifier{name}.Sanitize()); err != nil {
			return fmt.Errorf("create database %s: %w", name, err)
		}
	}
	return nil
}

// Exited is closed when postgres has ended, by Stop or by itself.
func (s *Server) Exited() <-chan struct{} { return s.exited }

// Stop ends all sessions and shuts down with a checkpoint. When ctx ends first, postgres is told to drop everything; its
// next start then replays the log, and nothing committed is lost.
func (s *Server) Stop(ctx context.Context) error {
	defer s.lock.Close()
	s.signal(syscall.SIGINT)
	select {
	case <-s.exited:
		return nil
	case <-ctx.Done():
	}
	s.kill()
	return fmt.Errorf("PostgreSQL was stopped at once: %w", context.Cause(ctx))
}

// kill is the immediate shutdown, and SIGKILL for a postmaster that ignores even that.
func (s *Server) kill() {
	s.signal(syscall.SIGQUIT)
	select {
	case <-s.exited:
		return
	case <-time.After(6 * time.Second): // postgres itself kills its children after 5
	}
	s.signal(syscall.SIGKILL)
	<-s.exited
}

func (s *Server) signal(sig syscall.Signal) {
	_ = s.cmd.Process.Signal(sig) // fails only when it has ended
}
