package temporalserver

import (
	"bufio"
	"context"
	"encoding/hex"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"
)

// helperEnv makes the test binary run the whole stack in the folder it names, until it is killed.
const helperEnv = "TEMPORALSERVER_TEST_HELPER_DIR"

// helper leaves a workflow waiting, says so in one line, and lives on.
func helper(dir string) {
	began := time.Now()
	s, err := startStack(context.Background(), dir, 0)
	if err != nil {
		fmt.Println("error", err)
		os.Exit(1)
	}
	if err := s.leaveWaiting("change/7"); err != nil {
		fmt.Println("error", err)
		os.Exit(1)
	}
	fmt.Println("waiting", s.pg.PIDs()[0], s.temporal.HostPort(), len(s.pg.PIDs()), s.pg.MemoryBytes()>>20, s.took.Milliseconds(), time.Since(began).Milliseconds())
	select {}
}

// leaveWaiting starts a workflow, lets it refuse once, and so knows that it waits.
func (s *stack) leaveWaiting(id string) error {
	c, err := dial(s.temporal.HostPort(), testSecret)
	if err != nil {
		return err
	}
	w := worker.New(c, queue, worker.Options{})
	w.RegisterWorkflowWithOptions(await, workflow.RegisterOptions{Name: "Await"})
	if err := w.Start(); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	if _, err := startAwait(ctx, c, id); err != nil {
		return err
	}
	if _, err := approve(ctx, c, id, ""); err == nil {
		return fmt.Errorf("%s accepted what it must refuse", id)
	}
	return nil
}

func TestKill9OfTheWholeTreeThenTheWaitingWorkflowGoesOn(t *testing.T) {
	t.Parallel()
	dir, err := makeDataDir()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	cmd, postmaster := startHelper(t, dir)
	if err := syscall.Kill(-postmaster, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	cmd.Process.Kill()
	cmd.Wait()
	finishWaiting(t, dir, "change/7", true)
	finishWaiting(t, dir, "change/8", false) // and once more after an orderly stop
}

// finishWaiting starts the stack again and completes the workflow, starting it first unless it was left waiting.
func finishWaiting(t *testing.T, dir, id string, left bool) {
	t.Helper()
	began := time.Now()
	s, err := startStack(limit(t), dir, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer s.stop()
	ctx := limit(t)
	c := connect(t, s, testSecret)
	w := worker.New(c, queue, worker.Options{})
	w.RegisterWorkflowWithOptions(await, workflow.RegisterOptions{Name: "Await"})
	if err := w.Start(); err != nil {
		t.Fatal(err)
	}
	defer w.Stop()
	if !left {
		if _, err := startAwait(ctx, c, id); err != nil {
			t.Fatal(err)
		}
	}
	if answer, err := approve(ctx, c, id, "dave"); err != nil || answer != "approved by dave" {
		t.Fatalf("%q, %v", answer, err)
	}
	var by string
	if err := c.GetWorkflow(ctx, id, "").Get(ctx, &by); err != nil || by != "dave" {
		t.Fatalf("%q, %v", by, err)
	}
	t.Logf("restart: ready after %v, %s completed after %v", s.took.Round(time.Millisecond), id, time.Since(began).Round(time.Millisecond))
}

func startHelper(t *testing.T, dir string) (cmd *exec.Cmd, postmaster int) {
	t.Helper()
	cmd = exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), helperEnv+"="+dir)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cmd.Process.Kill(); cmd.Wait() })
	line, _ := bufio.NewReader(out).ReadString('\n')
	var hostPort string
	var processes, mib, ready, waiting int
	if _, err := fmt.Sscanf(line, "waiting %d %s %d %d %d %d", &postmaster, &hostPort, &processes, &mib, &ready, &waiting); err != nil {
		t.Fatalf("helper said %q", line)
	}
	t.Logf("empty folder: ready after %d ms, first workflow answers after %d ms; PostgreSQL: %d processes, %d MiB", ready, waiting, processes, mib)
	if runtime.GOOS == "linux" { // where /proc tells
		t.Logf("this process: %d MiB", residentMiB(t, cmd.Process.Pid))
		checkListeners(t, cmd.Process.Pid, hostPort)
	}
	return cmd, postmaster
}

func residentMiB(t *testing.T, pid int) int {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "status"))
	if err != nil {
		t.Fatal(err)
	}
	_, after, _ := strings.Cut(string(raw), "VmRSS:")
	kib, err := strconv.Atoi(strings.Fields(after)[0])
	if err != nil {
		t.Fatal(err)
	}
	return kib >> 10
}

// checkListeners: the process listens on loopback only, on one port for each of Temporal's five services and no other,
// which leaves none for its HTTP API.
func checkListeners(t *testing.T, pid int, frontend string) {
	t.Helper()
	own := sockets(t, pid)
	var listening []string
	for _, table := range []string{"tcp", "tcp6"} {
		raw, err := os.ReadFile("/proc/net/" + table)
		if err != nil {
			continue // no IPv6 here
		}
		for line := range strings.Lines(string(raw)) {
			f := strings.Fields(line)
			if len(f) > 9 && f[3] == "0A" && own["socket:["+f[9]+"]"] { // 0A: LISTEN
				listening = append(listening, readAddress(t, f[1]))
			}
		}
	}
	seen := false
	for _, at := range listening {
		seen = seen || at == frontend
		if !strings.HasPrefix(at, "127.0.0.1:") {
			t.Errorf("listens on %s", at)
		}
	}
	if len(listening) != 5 || !seen {
		t.Errorf("listens on %v, want the frontend's %s and four others", listening, frontend)
	}
}

func sockets(t *testing.T, pid int) map[string]bool {
	t.Helper()
	dir := filepath.Join("/proc", strconv.Itoa(pid), "fd")
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	own := map[string]bool{}
	for _, e := range entries {
		if target, err := os.Readlink(filepath.Join(dir, e.Name())); err == nil {
			own[target] = true
		}
	}
	return own
}

// readAddress turns the kernel's "0100007F:1C41" into "127.0.0.1:7233"; IPv6 is left as it is, since none is expected.
func readAddress(t *testing.T, text string) string {
	t.Helper()
	host, port, _ := strings.Cut(text, ":")
	b, err := hex.DecodeString(host)
	n, portErr := strconv.ParseUint(port, 16, 16)
	if err != nil || portErr != nil || len(b) != 4 {
		return text
	}
	return fmt.Sprintf("%d.%d.%d.%d:%d", b[3], b[2], b[1], b[0], n)
}
