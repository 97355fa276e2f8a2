package dbtest

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"
)

// BinariesEnv names the folder that holds initdb and postgres.
const BinariesEnv = "PEERFLOW_POSTGRES_BIN"

func findServer(ctx context.Context) (*server, error) {
	if external := os.Getenv(URLEnv); external != "" {
		u, err := url.Parse(external)
		if err != nil || u.Scheme == "" {
			return nil, fmt.Errorf("%s is no URL: write it as postgres://user@host:5432/postgres", URLEnv)
		}
		return &server{admin: external, at: func(name string) string { at := *u; at.Path = "/" + name; return at.String() }}, nil
	}
	bin, err := binaries()
	if err != nil {
		return nil, err
	}
	c := &cluster{bin: bin}
	if err := c.start(ctx); err != nil {
		return nil, errors.Join(err, os.RemoveAll(c.dir))
	}
	return &server{admin: c.url("postgres"), at: c.url}, nil
}

// binaries is the folder of the newest PostgreSQL, or of the one that was named.
func binaries() (string, error) {
	if dir := os.Getenv(BinariesEnv); dir != "" {
		if _, err := os.Stat(filepath.Join(dir, "initdb")); err != nil {
			return "", fmt.Errorf("%s names a folder without PostgreSQL (apt-get install postgresql): %w", BinariesEnv, err)
		}
		return dir, nil
	}
	found, _ := filepath.Glob("/usr/lib/postgresql/*/bin/postgres")
	slices.SortFunc(found, func(a, b string) int { return majorOf(b) - majorOf(a) })
	if len(found) > 0 {
		return filepath.Dir(found[0]), nil
	}
	if path, err := exec.LookPath("postgres"); err == nil {
		return filepath.Dir(path), nil
	}
	return "", errors.New("these tests need PostgreSQL: apt-get install postgresql, or set " + BinariesEnv + " or " + URLEnv)
}

// majorOf reads 15 from /usr/lib/postgresql/15/bin/postgres; 9.6 is older than any that we run on.
func majorOf(path string) int {
	n, _ := strconv.Atoi(filepath.Base(filepath.Dir(filepath.Dir(path))))
	return n
}

// cluster is a private PostgreSQL, gone with this process.
type cluster struct {
	bin string
	dir string // data and socket; short, since a socket's path has 107 bytes at most
}

func (c *cluster) url(database string) string {
	return fmt.Sprintf("host=%s user=postgres dbname=%s", c.dir, database)
}

func (c *cluster) start(ctx context.Context) error {
	dir, err := os.MkdirTemp(place(), "pfdb")
	if err != nil {
		return err
	}
	c.dir = dir
	attributes, err := c.account()
	if err != nil {
		return err
	}
	initdb := exec.CommandContext(ctx, filepath.Join(c.bin, "initdb"),
		"-D", c.data(), "-U", "postgres", "-A", "trust", "--no-sync", "--no-instructions", "-E", "UTF8", "--locale=C")
	initdb.SysProcAttr, initdb.Dir = &syscall.SysProcAttr{Credential: attributes.Credential}, dir
	if out, err := initdb.CombinedOutput(); err != nil {
		return fmt.Errorf("initdb: %w\n%s", err, out)
	}
	if err := c.launch(attributes); err != nil {
		return err
	}
	return c.await(ctx)
}

// enough is the room that a cluster asks for (bytes). The tests of db fill 100 MB; what PostgreSQL keeps
// of its log of writes may grow to 1 GB.
const enough = 2 << 30

// place is where clusters lie: in memory, where there is a file system with room. A
// database has nearly 700 files, and each test makes one and drops it: ext4, which
// passes over inodes that were in use seconds ago, takes longer to find free ones than
// the tests take.
func place() string {
	const memory = "/dev/shm"
	var fs syscall.Statfs_t
	if err := syscall.Statfs(memory, &fs); err == nil && fs.Bavail*uint64(fs.Bsize) >= enough {
		return memory
	}
	return "/tmp"
}

func (c *cluster) data() string { return filepath.Join(c.dir, "data") }

// account lends root the package's own user, since PostgreSQL refuses to run as root.
func (c *cluster) account() (*syscall.SysProcAttr, error) {
	attributes := &syscall.SysProcAttr{}
	if os.Geteuid() != 0 {
		return attributes, nil
	}
	u, err := user.Lookup("postgres")
	if err != nil {
		return nil, fmt.Errorf("PostgreSQL can't run as root: %w", err)
	}
	uid, _ := strconv.Atoi(u.Uid)
	gid, _ := strconv.Atoi(u.Gid)
	attributes.Credential = &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
	return attributes, os.Chown(c.dir, uid, gid)
}

// supervisor waits until its standard input ends, which happens however the test process ends, then stops the
// database at once and removes its files. It runs in a group of its own: Ctrl-C and go test's kill don't reach it.
const supervisor = `"$1" -D "$2" -k "$3" -F -c listen_addresses= -c full_page_writes=off -c synchronous_commit=off \
	-c max_connections=300 -c shared_buffers=64MB -c jit=off -c autovacuum=off -c log_min_messages=fatal >"$3/log" 2>&1 </dev/null &
cat >/dev/null
kill -QUIT $!
wait $!
rm -rf "$3"`

// launch keeps the write end of a pipe open as long as this process lives: no handler has to run for it to close.
func (c *cluster) launch(attributes *syscall.SysProcAttr) error {
	attributes.Setpgid = true
	cmd := exec.Command("/bin/sh", "-c", supervisor, "sh", filepath.Join(c.bin, "postgres"), c.data(), c.dir)
	cmd.SysProcAttr, cmd.Dir = attributes, "/"
	life, err := cmd.StdinPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("start postgres: %w", err)
	}
	go func() {
		_ = cmd.Wait()
		runtime.KeepAlive(life) // the collector would close it, and with it the database
	}()
	return nil
}

// await returns once the server answers, or with what it printed.
func (c *cluster) await(ctx context.Context) error {
	for {
		conn, err := pgx.Connect(ctx, c.url("postgres"))
		if err == nil {
			return conn.Close(ctx)
		}
		select {
		case <-ctx.Done():
			printed, _ := os.ReadFile(filepath.Join(c.dir, "log"))
			return fmt.Errorf("the test database doesn't come up: %w\n%s", err, printed)
		case <-time.After(20 * time.Millisecond):
		}
	}
}
