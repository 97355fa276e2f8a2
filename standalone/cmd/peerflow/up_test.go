package main

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// asCommand makes this test binary the command itself.
const asCommand = "PEERFLOW_TEST_AS_COMMAND"

func TestMain(m *testing.M) {
	if os.Getenv(asCommand) != "" {
		main()
	}
	os.Exit(m.Run())
}

// process is a running command with what it has printed so far.
type process struct {
	*exec.Cmd
	mu   sync.Mutex
	text bytes.Buffer
	line chan string
	code chan int
}

func command(ctx context.Context, args ...string) *exec.Cmd {
	c := exec.CommandContext(ctx, os.Args[0], args...)
	c.Env = append(os.Environ(), asCommand+"=1", "PEERFLOW_PEERINGDB_URL=http://127.0.0.1:9/api")
	return c
}

// spawn starts the command; the end of the test ends it.
func spawn(t *testing.T, args ...string) *process {
	t.Helper()
	p := &process{Cmd: command(t.Context(), args...), line: make(chan string, 100), code: make(chan int, 1)}
	p.Cancel = func() error { return p.Process.Signal(syscall.SIGTERM) }
	p.WaitDelay = 40 * time.Second
	out, err := p.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	p.Stderr = p
	if err := p.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	t.Cleanup(func() { <-ended })
	go func() {
		defer close(ended)
		p.read(out)
		_ = p.Wait() // its code says how
		p.code <- p.ProcessState.ExitCode()
	}()
	return p
}

func (p *process) read(out io.Reader) {
	defer close(p.line)
	for s := bufio.NewScanner(out); s.Scan(); {
		_, _ = p.Write([]byte(s.Text() + "\n"))
		p.line <- s.Text()
	}
}

// Write keeps what is printed; it never fails.
func (p *process) Write(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.text.Write(b)
}

func (p *process) said() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.text.String()
}

// awaitUp waits for the line that says that everything runs.
func (p *process) awaitUp(t *testing.T) {
	t.Helper()
	late := time.After(2 * time.Minute)
	for {
		select {
		case line, open := <-p.line:
			if !open {
				t.Fatalf("it ended before it was up:\n%s", p.said())
			}
			if strings.HasPrefix(line, "up; stop with") {
				return
			}
		case <-late:
			t.Fatalf("not up after two minutes:\n%s", p.said())
		}
	}
}

// terminate asks it to stop as a service manager does, and checks that it does so well.
func (p *process) terminate(t *testing.T, data string) {
	t.Helper()
	if err := p.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	select {
	case code := <-p.code:
		if code != 0 {
			t.Errorf("exit code %d after SIGTERM:\n%s", code, p.said())
		}
	case <-time.After(time.Minute):
		t.Fatalf("still there a minute after SIGTERM:\n%s", p.said())
	}
	nobodyIn(t, data)
	log, err := os.ReadFile(filepath.Join(data, "postgres.log"))
	if err != nil || !strings.HasSuffix(strings.TrimSpace(string(log)), "database system is shut down") {
		t.Errorf("PostgreSQL wasn't shut down: %v\n%s", err, log)
	}
}

// nobodyIn checks that no process works in a folder or was started with it.
func nobodyIn(t *testing.T, dir string) {
	t.Helper()
	procs, err := filepath.Glob("/proc/[0-9]*")
	if err != nil || len(procs) == 0 {
		t.Fatalf("%v: this test reads /proc", err)
	}
	for _, proc := range procs {
		cwd, _ := os.Readlink(filepath.Join(proc, "cwd")) // it may have ended meanwhile
		line, _ := os.ReadFile(filepath.Join(proc, "cmdline"))
		if strings.HasPrefix(cwd, dir) || bytes.Contains(line, []byte(dir)) {
			t.Errorf("process %s is left: %q in %s", filepath.Base(proc), bytes.ReplaceAll(line, []byte{0}, []byte{' '}), cwd)
		}
	}
}

// refused runs the command to its end, which must come soon and not be success.
func refused(t *testing.T, args ...string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	out, err := command(ctx, args...).CombinedOutput()
	if err == nil || ctx.Err() != nil {
		t.Fatalf("%v: want a refusal\n%s", err, out)
	}
	return string(out)
}

// folderOf makes a place for a data folder which the database's user may pass to.
func folderOf(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "pf-up-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o711); err != nil {
		t.Fatal(err)
	}
	return filepath.Join(dir, "data")
}

// freePort is one that nobody uses now.
func freePort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return strconv.Itoa(l.Addr().(*net.TCPAddr).Port)
}

func TestUpFromTheFirstStartToTheSecond(t *testing.T) {
	t.Parallel()
	data, api, temporal := folderOf(t), freePort(t), freePort(t)
	args := []string{"up", "--data", data, "--listen", "127.0.0.1:" + api, "--temporal-port", temporal}
	first := spawn(t, args...)
	first.awaitUp(t)
	token := read(t, filepath.Join(data, "token"))
	for _, want := range []string{token, filepath.Join(data, "token"), filepath.Join(data, "secrets.key"), "losing it loses every stored secret",
		"http://127.0.0.1:" + api + "/temporal/", "127.0.0.1:" + temporal} {
		if !strings.Contains(first.said(), want) {
			t.Errorf("the first start doesn't say %q:\n%s", want, first.said())
		}
	}
	private(t, filepath.Join(data, "token"), filepath.Join(data, "secrets.key"), filepath.Join(data, "temporal.secret"))
	answers(t, api, token)
	t.Run("a second up on the folder names the first", func(t *testing.T) { refusesSecond(t, first.Process.Pid, data) })
	t.Run("a taken API port is named", func(t *testing.T) {
		refusesPort(t, "127.0.0.1:"+api, "--listen", "--listen", "127.0.0.1:"+api, "--temporal-port", "0")
	})
	t.Run("a taken Temporal port is named", func(t *testing.T) {
		refusesPort(t, "127.0.0.1:"+temporal, "--temporal-port", "--listen", "127.0.0.1:0", "--temporal-port", temporal)
	})
	t.Run("what it says for the command line works as it stands", func(t *testing.T) { typed(t, first.said()) })
	t.Run("doctor looks at what the operator names", func(t *testing.T) { looksElsewhere(t, data, temporal) })
	t.Run("an outage of PeeringDB is told", func(t *testing.T) { tellsOutage(t, api, data) })
	made := modified(t, filepath.Join(data, "token"))
	first.terminate(t, data)

	second := spawn(t, args...)
	second.awaitUp(t)
	if said := second.said(); strings.Contains(said, token) || strings.Contains(said, "admin token") || strings.Contains(said, "envelope key") {
		t.Errorf("the second start tells secrets again:\n%s", said)
	}
	if read(t, filepath.Join(data, "token")) != token || modified(t, filepath.Join(data, "token")) != made {
		t.Error("the second start wrote the token again")
	}
	answers(t, api, token)
	second.terminate(t, data)
	if err := os.Remove(filepath.Join(data, "secrets.key")); err != nil {
		t.Fatal(err)
	}
	if said := refused(t, args...); !strings.Contains(said, "secrets.key is missing: restore it from a backup") {
		t.Errorf("a database whose key is gone:\n%s", said)
	}
}

// typed does in a shell of another folder what up said.
func typed(t *testing.T, said string) {
	line := regexp.MustCompile(`(?m)^for the CLI +(.*)$`).FindStringSubmatch(said)
	if line == nil {
		t.Fatalf("it says nothing for the command line:\n%s", said)
	}
	c := exec.CommandContext(t.Context(), "sh", "-c", line[1]+`; exec "$0" router list`, os.Args[0])
	c.Dir, c.Env = t.TempDir(), append(os.Environ(), asCommand+"=1")
	if out, err := c.CombinedOutput(); err != nil || !strings.Contains(string(out), "ROUTER") {
		t.Errorf("%s: %v\n%s", line[1], err, out)
	}
}

func TestWhatUpSaysForTheCommandLineIsAShellsWords(t *testing.T) {
	t.Parallel()
	for _, data := range []string{"/var/lib/peerflow", "/tmp/two words", "/tmp/it's $HOME;"} {
		out, err := exec.CommandContext(t.Context(), "sh", "-c", forCLI(data, "http://127.0.0.1:1")+`; printf %s "$PEERFLOW_DATA $PEERFLOW_API"`).CombinedOutput()
		if want := data + " http://127.0.0.1:1"; err != nil || string(out) != want {
			t.Errorf("%v: %q, want %q", err, out, want)
		}
	}
	if said := forCLI("here", "http://127.0.0.1:1"); !strings.Contains(said, "PEERFLOW_DATA=/") {
		t.Errorf("%s: a folder that depends on where one stands", said)
	}
}

func TestSwitchesWithoutEffectAreRefused(t *testing.T) {
	t.Parallel()
	data := folderOf(t)
	for want, args := range map[string][]string{
		"leave out --data " + data: {"up", "--demo", "--exit", "--yes", "--data", data},
		"--yes is for --demo":      {"up", "--yes", "--data", data},
		"--demo-router is for":     {"up", "--demo-router", "bird", "--data", data},
	} {
		if said := refused(t, args...); !strings.Contains(said, want) || !strings.Contains(said, "up --help") {
			t.Errorf("%v: want %q:\n%s", args, want, said)
		}
	}
	if _, err := os.Stat(data); err == nil {
		t.Error("something was made in the folder")
	}
}

func refusesSecond(t *testing.T, pid int, data string) {
	said := refused(t, "up", "--data", data, "--listen", "127.0.0.1:0", "--temporal-port", "0")
	if want := fmt.Sprintf("runs already on data folder %s (process %d)", data, pid); !strings.Contains(said, want) {
		t.Errorf("want %q:\n%s", want, said)
	}
}

// refusesPort tries a folder of its own; nothing may have been made or started there.
func refusesPort(t *testing.T, address, remedy string, args ...string) {
	data := folderOf(t)
	said := refused(t, append([]string{"up", "--data", data}, args...)...)
	if !strings.Contains(said, address) || !strings.Contains(said, "in use") || !strings.Contains(said, remedy) {
		t.Errorf("want %s, in use, and %s:\n%s", address, remedy, said)
	}
	nobodyIn(t, data)
	if _, err := os.Stat(filepath.Join(data, "postgres")); err == nil {
		t.Error("it made a database first")
	}
}

// tellsOutage asks for a sync while nobody listens where PeeringDB should.
func tellsOutage(t *testing.T, port, data string) {
	c := command(t.Context(), "sync", "--no-wait", "--api", "http://127.0.0.1:"+port)
	c.Env = append(c.Env, "PEERFLOW_DATA="+data)
	if out, err := c.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	for _, path := range []string{"/api/v1/sync/peeringdb", "/api/v1/status"} {
		again, late := time.NewTicker(200*time.Millisecond), time.After(time.Minute)
		defer again.Stop()
		for {
			_, told := get(t, port, path, read(t, filepath.Join(data, "token")))
			if strings.Contains(told, "connection refused") {
				break
			}
			select {
			case <-again.C:
			case <-late:
				t.Fatalf("%s names no outage: %s", path, told)
			}
		}
	}
}

// answers checks that the API knows the token.
func answers(t *testing.T, port, token string) {
	t.Helper()
	if status, text := get(t, port, "/api/v1/routers", token); status != http.StatusOK {
		t.Errorf("the API answers the token of the data folder with %d: %s", status, text)
	}
}

func get(t *testing.T, port, path, token string) (status int, text string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://127.0.0.1:"+port+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+token)
	answer, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer.StatusCode, string(body)
}

func read(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil || len(text) == 0 {
		t.Fatalf("%s: %v, %d bytes", path, err, len(text))
	}
	return string(text)
}

func private(t *testing.T, paths ...string) {
	t.Helper()
	for _, path := range paths {
		info, err := os.Stat(path)
		if err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: mode %v, %v", path, info.Mode(), err)
		}
	}
}

func modified(t *testing.T, path string) time.Time {
	t.Helper()
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	return info.ModTime()
}

func TestUpListensOnLoopbackOnly(t *testing.T) {
	t.Parallel()
	for _, listen := range []string{"0.0.0.0:0", ":0", "[::]:0", "192.0.2.1:0", "router.example:0"} {
		data := folderOf(t)
		if said := refused(t, "up", "--data", data, "--listen", listen); !strings.Contains(said, "loopback only") {
			t.Errorf("--listen %s:\n%s", listen, said)
		}
		if _, err := os.Stat(data); err == nil {
			t.Errorf("--listen %s: it made the data folder first", listen)
		}
	}
}

func TestUpNamesTheFolderThatTheDatabaseCannotPass(t *testing.T) {
	t.Parallel()
	data := folderOf(t)
	shut := filepath.Dir(data)
	mode, remedy := os.FileMode(0o700), "chmod o+x "+shut
	if os.Geteuid() != 0 { // then the database runs as ourselves, and we can't pass either
		mode, remedy = 0o000, "permission denied"
	}
	if err := os.Chmod(shut, mode); err != nil {
		t.Fatal(err)
	}
	said := refused(t, "up", "--data", data, "--listen", "127.0.0.1:0", "--temporal-port", "0")
	if !strings.Contains(said, shut) || !strings.Contains(said, remedy) {
		t.Errorf("want %s and %s:\n%s", shut, remedy, said)
	}
	nobodyIn(t, data)
}
