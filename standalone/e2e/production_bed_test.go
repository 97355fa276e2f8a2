package e2e

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
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
	"syscall"
	"testing"
	"time"

	"go.temporal.io/sdk/client"

	"peerflow/cmd"
	"peerflow/internal/temporalauth"
	"peerflow/standalone/pgserver"
	"peerflow/standalone/temporalserver"
	"peerflow/standalone/up"
)

// installation is peerflow as production runs it: processes of the lean binary,
// on a PostgreSQL and a Temporal that aren't its own.
type installation struct {
	t        *testing.T
	dir, bin string
	env      []string
	url      string // of the API
	token    string
	temporal client.Client // to see what runs where
	postgres *pgserver.Server
	server   *temporalserver.Server
}

// install builds the lean binary and starts what it needs.
func install(t *testing.T, peeringDB string) *installation {
	t.Helper()
	ctx, dir := folder(t)
	i := &installation{t: t, dir: dir, bin: filepath.Join(dir, "peerflow")}
	if said, err := exec.CommandContext(ctx, "go", "build", "-o", i.bin, "../../cmd/peerflow").CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, said)
	}
	i.startPostgres()
	t.Cleanup(func() { _ = i.postgres.Stop(context.Background()) })
	must(t, i.postgres.EnsureDatabases(ctx, append([]string{"peerflow"}, temporalserver.Databases()...)...))
	i.startTemporal()
	t.Cleanup(func() { _ = i.server.Stop() })
	var err error
	i.temporal, err = client.Dial(client.Options{HostPort: i.server.HostPort(), HeadersProvider: temporalauth.Headers(temporalSecret)})
	must(t, err)
	t.Cleanup(i.temporal.Close)
	i.env = []string{"PATH=" + os.Getenv("PATH"), "PEERFLOW_DATABASE_URL=" + i.postgres.DSN("peerflow"), "PEERFLOW_TEMPORAL_ADDRESS=" + i.server.HostPort(),
		"PEERFLOW_TEMPORAL_SECRET=" + temporalSecret, "PEERFLOW_KEY_FILE=" + filepath.Join(dir, "envelope.key"), "PEERFLOW_PEERINGDB_URL=" + peeringDB,
		"PEERFLOW_LISTEN=127.0.0.1:0", "PEERFLOW_POLL=2s"}
	return i
}

const temporalSecret = "a secret between peerflow and Temporal"

// startPostgres starts it on its folder, again if need be.
func (i *installation) startPostgres() {
	i.t.Helper()
	var err error
	i.postgres, err = pgserver.Start(i.t.Context(), pgserver.Options{DataDir: filepath.Join(i.dir, "data")})
	must(i.t, err)
}

// startTemporal starts it on its databases, again if need be and then at the same address.
func (i *installation) startTemporal() {
	i.t.Helper()
	o := temporalserver.Options{SocketDir: i.postgres.SocketDir(), User: pgserver.User, Secret: temporalSecret, LogFile: filepath.Join(i.dir, "temporal.log")}
	if i.server != nil {
		_, port, err := net.SplitHostPort(i.server.HostPort())
		must(i.t, err)
		o.FrontendPort, err = strconv.Atoi(port)
		must(i.t, err)
	}
	server, err := temporalserver.Start(i.t.Context(), o)
	must(i.t, err)
	i.server = server
}

// in is the same installation for a part of the test.
func (i *installation) in(t *testing.T) *installation {
	part := *i
	part.t = t
	return &part
}

// command is one command line, typed where only the API and a token are known.
func (i *installation) command(ctx context.Context, stdin string, args ...string) (code int, said string) {
	c := exec.CommandContext(ctx, i.bin, args...)
	c.Env, c.Stdin = []string{"PEERFLOW_API=" + i.url, "PEERFLOW_TOKEN=" + i.token}, strings.NewReader(stdin)
	if i.url == "" { // on the host of the API, before there is one
		c.Env = i.env
	}
	text, err := c.CombinedOutput()
	if exit := (*exec.ExitError)(nil); err != nil && !errors.As(err, &exit) {
		i.t.Fatal(err)
	}
	return c.ProcessState.ExitCode(), string(text)
}

// run is a command that has to succeed.
func (i *installation) run(args ...string) string {
	i.t.Helper()
	code, said := i.command(i.t.Context(), "", args...)
	if code != 0 {
		i.t.Fatalf("peerflow %s: exit %d\n%s", strings.Join(args, " "), code, said)
	}
	return said
}

// quickWorker serves in this process, with the numbers of verification that daemons on loopback need.
func (i *installation) quickWorker() {
	i.t.Helper()
	c, err := cmd.ConfigFromEnvironment(func(name string) string {
		for _, pair := range i.env {
			if value, found := strings.CutPrefix(pair, name+"="); found {
				return value
			}
		}
		return ""
	})
	must(i.t, err)
	parts, err := cmd.OpenParts(i.t.Context(), c, quiet())
	must(i.t, err)
	i.t.Cleanup(parts.Close)
	o := up.Options{}
	quick(&o)
	rollbackAfter(2 * time.Minute)(&o) // what just came back may be slow at first
	parts.Profile = o.Profile
	w := parts.Workers()
	must(i.t, w.Start(i.t.Context()))
	i.t.Cleanup(w.Stop)
}

// served is a process that runs until it is killed.
type served struct {
	cmd *exec.Cmd
	log string
}

// serve starts a process, and returns once its log has a line that matches.
func (i *installation) serve(name string, up *regexp.Regexp, command string, env ...string) (*served, []string) {
	i.t.Helper()
	p := &served{cmd: exec.Command(i.bin, command), log: filepath.Join(i.dir, name+".log")}
	log, err := os.Create(p.log)
	must(i.t, err)
	defer log.Close()
	p.cmd.Env, p.cmd.Stdout, p.cmd.Stderr = append(i.env, env...), log, log
	must(i.t, p.cmd.Start())
	i.t.Cleanup(func() {
		p.end(syscall.SIGKILL)
		if said, err := os.ReadFile(p.log); err == nil && i.t.Failed() {
			i.t.Logf("%s:\n%s", name, tail(said, 4000))
		}
	})
	var found []string
	eventually(i.t, time.Minute, name+" runs", func() bool {
		said, err := os.ReadFile(p.log)
		found = up.FindStringSubmatch(string(said))
		return err == nil && found != nil
	})
	return p, found
}

// end sends a signal and waits for the process to be gone.
func (p *served) end(s syscall.Signal) {
	if p.cmd.ProcessState == nil {
		_ = p.cmd.Process.Signal(s)
		_ = p.cmd.Wait()
	}
}

// request sends JSON to the API, reads the answer into out, and gives its status.
func (i *installation) request(method, path string, in, out any) int {
	i.t.Helper()
	text, err := json.Marshal(in)
	must(i.t, err)
	r, err := http.NewRequestWithContext(i.t.Context(), method, i.url+"/api/v1/"+path, bytes.NewReader(text))
	must(i.t, err)
	r.Header.Set("Authorization", "Bearer "+i.token)
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Idempotency-Key", rand.Text())
	answer, err := (&http.Client{Timeout: 30 * time.Second}).Do(r)
	must(i.t, err)
	defer answer.Body.Close()
	said, err := io.ReadAll(answer.Body)
	must(i.t, err)
	if err := json.Unmarshal(said, out); err != nil {
		i.t.Fatalf("%s %s: %d %s: %v", method, path, answer.StatusCode, said, err)
	}
	if answer.StatusCode >= http.StatusBadRequest {
		i.t.Logf("%s %s: %d %s", method, path, answer.StatusCode, said)
	}
	return answer.StatusCode
}

// record creates a noun and gives its id.
func (i *installation) record(noun string, v any) int64 {
	i.t.Helper()
	var made struct{ ID int64 }
	if status := i.request(http.MethodPost, noun, v, &made); status != http.StatusCreated {
		i.t.Fatalf("POST %s: %d", noun, status)
	}
	return made.ID
}

// worksOn is the process that runs an activity of a workflow now; 0 while none does.
func (i *installation) worksOn(workflow string) int {
	about, err := i.temporal.DescribeWorkflowExecution(i.t.Context(), workflow, "")
	if err != nil {
		return 0
	}
	for _, a := range about.GetPendingActivities() {
		pid := 0
		if n, _ := fmt.Sscanf(a.GetLastWorkerIdentity(), "%d@", &pid); n == 1 {
			return pid
		}
	}
	return 0
}
