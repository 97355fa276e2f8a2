package pgserver

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// helperEnv makes the test binary run one database until it is killed: the tests need a process to kill.
const helperEnv = "PGSERVER_TEST_HELPER_DIR"

func TestMain(m *testing.M) {
	if dir := os.Getenv(helperEnv); dir != "" {
		helper(dir)
	}
	os.Exit(m.Run())
}

func helper(dir string) {
	s, err := Start(context.Background(), Options{DataDir: dir})
	if err != nil {
		fmt.Println("error", err)
		os.Exit(1)
	}
	fmt.Println("postmaster", s.cmd.Process.Pid)
	select {}
}

// dataDir is short enough for a socket, and the database's account can reach it, which t.TempDir offers to neither.
func dataDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("/tmp", "pf")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o711); err != nil {
		t.Fatal(err)
	}
	return dir
}

func limit(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 90*time.Second)
	t.Cleanup(cancel)
	return ctx
}

func start(t *testing.T, dir string) *Server {
	t.Helper()
	began := time.Now()
	s, err := Start(limit(t), Options{DataDir: dir})
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("started in %v, %d processes, %d MiB", time.Since(began).Round(time.Millisecond), len(s.PIDs()), s.MemoryBytes()>>20)
	t.Cleanup(func() { s.Stop(context.Background()) })
	return s
}

func stop(t *testing.T, s *Server) {
	t.Helper()
	if err := s.Stop(limit(t)); err != nil {
		t.Fatal(err)
	}
}

func query(t *testing.T, s *Server, db, sql string) (text string) {
	t.Helper()
	conn, err := pgx.Connect(limit(t), s.DSN(db))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(context.Background())
	if err := conn.QueryRow(limit(t), sql).Scan(&text); err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
	return text
}

func TestStartsEmptyStopsAndKeepsItsData(t *testing.T) {
	t.Parallel()
	dir := dataDir(t)
	s := start(t, dir)
	for range 2 { // the second time finds both
		if err := s.EnsureDatabases(limit(t), "app", `odd "name`); err != nil {
			t.Fatal(err)
		}
	}
	run(t, s, "app", "CREATE TABLE kept AS SELECT 64500 AS asn")
	stop(t, s)
	select {
	case <-s.Exited():
	default:
		t.Fatal("Exited is open after Stop")
	}
	again := start(t, dir)
	if got := query(t, again, "app", "SELECT asn::text FROM kept"); got != "64500" {
		t.Fatalf("asn = %s", got)
	}
}

func run(t *testing.T, s *Server, db, sql string) {
	t.Helper()
	conn, err := pgx.Connect(limit(t), s.DSN(db))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(context.Background())
	if _, err := conn.Exec(limit(t), sql); err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
}

func TestIsPrivateAndDurable(t *testing.T) {
	t.Parallel()
	s := start(t, dataDir(t))
	for name, want := range map[string]string{
		"listen_addresses": "", "synchronous_commit": "on", "fsync": "on", "full_page_writes": "on", "max_connections": "120",
	} {
		if got := query(t, s, "postgres", "SELECT current_setting('"+name+"')"); got != want {
			t.Errorf("%s = %q, want %q", name, got, want)
		}
	}
	info, err := os.Stat(s.SocketDir())
	if err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("socket folder: %v, %v", info, err)
	}
}

func TestExitedTellsWhenPostgresEndsByItself(t *testing.T) {
	t.Parallel()
	s := start(t, dataDir(t))
	if err := syscall.Kill(-s.cmd.Process.Pid, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	select {
	case <-s.Exited():
	case <-limit(t).Done():
		t.Fatal("Exited stays open")
	}
	stop(t, s) // is then no error, and lets go of the folder
}

func TestSecondOwnerIsRefused(t *testing.T) {
	t.Parallel()
	dir := dataDir(t)
	s := start(t, dir)
	_, err := Start(limit(t), Options{DataDir: dir})
	if err == nil || !strings.Contains(err.Error(), "in use by another peerflow (process "+strconv.Itoa(os.Getpid())+")") {
		t.Fatalf("err = %v", err)
	}
	query(t, s, "postgres", "SELECT 'the first is unharmed'")
}

// startHelper runs a database in another process and returns that process and the postmaster's number.
func startHelper(t *testing.T, dir string) (*exec.Cmd, int) {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), helperEnv+"="+dir)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cmd.Process.Kill(); cmd.Wait() })
	line, _ := bufio.NewReader(out).ReadString('\n')
	number, ok := strings.CutPrefix(strings.TrimSpace(line), "postmaster ")
	pid, err := strconv.Atoi(number)
	if !ok || err != nil {
		t.Fatalf("helper said %q", line)
	}
	return cmd, pid
}

func TestKill9OfTheOwnerEndsPostgresAndLosesNothing(t *testing.T) {
	t.Parallel()
	dir := dataDir(t)
	cmd, pid := startHelper(t, dir)
	writer := &Server{socketDir: filepath.Join(dir, "run")}
	run(t, writer, "postgres", "CREATE TABLE kept AS SELECT 64501 AS asn")
	cmd.Process.Kill()
	cmd.Wait()
	s := start(t, dir)
	if runsCluster(pid, s.clusterDir) {
		t.Errorf("postmaster %d outlived its owner", pid)
	}
	if got := query(t, s, "postgres", "SELECT asn::text FROM kept"); got != "64501" {
		t.Fatalf("asn = %s", got)
	}
}

func TestKill9OfEverythingLosesNothing(t *testing.T) {
	t.Parallel()
	dir := dataDir(t)
	cmd, pid := startHelper(t, dir)
	writer := &Server{socketDir: filepath.Join(dir, "run")}
	run(t, writer, "postgres", "CREATE TABLE kept AS SELECT 64502 AS asn")
	if err := syscall.Kill(-pid, syscall.SIGKILL); err != nil { // the process group: postmaster and backends
		t.Fatal(err)
	}
	cmd.Process.Kill()
	cmd.Wait()
	s := start(t, dir)
	if got := query(t, s, "postgres", "SELECT asn::text FROM kept"); got != "64502" {
		t.Fatalf("asn = %s", got)
	}
}

func TestOrphanThatTheKernelDidNotStopIsStopped(t *testing.T) {
	t.Parallel()
	dir := dataDir(t)
	first := start(t, dir)
	stop(t, first)
	orphan := exec.Command(first.cmd.Path, first.cmd.Args[1:]...)
	orphan.Dir, orphan.Env = first.clusterDir, first.cmd.Env
	orphan.SysProcAttr = &syscall.SysProcAttr{Credential: first.who.credential(), Setpgid: true}
	if err := orphan.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() { orphan.Wait(); close(ended) }()
	t.Cleanup(func() { orphan.Process.Kill(); <-ended })
	if !waitFor(limit(t), time.Minute, func() bool { return recordedPID(first.clusterDir) == orphan.Process.Pid }) {
		t.Fatal("the orphan didn't start")
	}
	start(t, dir)
	<-ended
}

func TestStaleLockFilesDontStopTheStart(t *testing.T) {
	t.Parallel()
	who, err := databaseAccount()
	if err != nil {
		t.Fatal(err)
	}
	other := exec.Command("sleep", "120") // of the same account: PostgreSQL ignores numbers of others
	other.SysProcAttr = &syscall.SysProcAttr{Credential: who.credential()}
	if err := other.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { other.Process.Kill(); other.Wait() })
	for name, content := range map[string]string{
		"the number was given to another process": strconv.Itoa(other.Process.Pid) + "\n",
		"a power cut left it empty":               "",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := dataDir(t)
			s := start(t, dir)
			stop(t, s)
			path := filepath.Join(s.clusterDir, "postmaster.pid")
			if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
				t.Fatal(err)
			}
			if err := os.Chown(path, s.who.uid, s.who.gid); err != nil {
				t.Fatal(err)
			}
			start(t, dir)
		})
	}
}

func TestInterruptedInitdbIsBegunAnew(t *testing.T) {
	t.Parallel()
	dir := dataDir(t)
	half := filepath.Join(dir, "postgres.initdb")
	if err := os.Mkdir(half, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(half, "PG_VERSION"), []byte("15\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	start(t, dir)
	if _, err := os.Stat(half); !os.IsNotExist(err) {
		t.Errorf("the half-made folder is still there: %v", err)
	}
}

func TestClusterOfAnotherMajorVersionIsRefusedAndUntouched(t *testing.T) {
	t.Parallel()
	dir := dataDir(t)
	if err := os.Mkdir(filepath.Join(dir, "postgres"), 0o700); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, "postgres", "PG_VERSION")
	if err := os.WriteFile(file, []byte("9.6\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := Start(limit(t), Options{DataDir: dir})
	found, findErr := findBinaries()
	if findErr != nil {
		t.Fatal(findErr)
	}
	for _, want := range []string{"PostgreSQL 9.6", "has PostgreSQL " + found[0].major, "pg_upgrade"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("err = %v, want %q in it", err, want)
		}
	}
	if raw, err := os.ReadFile(file); err != nil || string(raw) != "9.6\n" {
		t.Errorf("PG_VERSION is now %q, %v", raw, err)
	}
}

func TestFolderWithOtherFilesIsRefused(t *testing.T) {
	t.Parallel()
	dir := dataDir(t)
	if err := os.MkdirAll(filepath.Join(dir, "postgres", "somebody's"), 0o700); err != nil {
		t.Fatal(err)
	}
	_, err := Start(limit(t), Options{DataDir: dir})
	if err == nil || !strings.Contains(err.Error(), "neither empty nor a PostgreSQL cluster") {
		t.Fatalf("err = %v", err)
	}
}

func TestABadParameterIsReportedInPostgresOwnWords(t *testing.T) {
	t.Parallel()
	_, err := Start(limit(t), Options{DataDir: dataDir(t), Params: map[string]string{"shared_buffers": "many"}})
	if err == nil || !strings.Contains(err.Error(), "shared_buffers") {
		t.Fatalf("err = %v", err)
	}
}

func TestLongDataFolderGetsAShortSocketFolder(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(dataDir(t), strings.Repeat("long/", 20))
	s := start(t, dir)
	t.Cleanup(func() { os.RemoveAll(s.SocketDir()) })
	if n := len(filepath.Join(s.SocketDir(), socketName)); n > maxSocketPath {
		t.Errorf("%s: %d bytes", s.SocketDir(), n)
	}
	query(t, s, "postgres", "SELECT 'connected'")
}
