package up_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"peerflow/cmd"
	"peerflow/internal/peering"
	"peerflow/standalone/demo"
	"peerflow/standalone/up"
)

// childEnv makes this test binary a peerflow that a test may kill. Its value is
// a childConfig.
const childEnv = "PEERFLOW_UP_CHILD"

type childConfig struct{ DataDir, PeeringDB string }

// running is what such a process tells when it is up.
type running struct {
	URL, Token string
	First      bool
	Config     cmd.Config
}

func TestMain(m *testing.M) {
	text := os.Getenv(childEnv)
	if text == "" {
		os.Exit(m.Run())
	}
	if err := serve(text); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// serve runs until its standard input ends, which happens however the test ends.
func serve(text string) error {
	var c childConfig
	if err := json.Unmarshal([]byte(text), &c); err != nil {
		return err
	}
	stack, err := up.Start(context.Background(), up.Options{DataDir: c.DataDir, Listen: "127.0.0.1:0", PeeringDBURL: c.PeeringDB,
		PollEvery: 2 * time.Second, Out: os.Stderr, Profile: shortProfile})
	if err != nil {
		return err
	}
	err = json.NewEncoder(os.Stdout).Encode(running{stack.URL, stack.Token, stack.First, stack.Parts.Config})
	_, inputErr := io.Copy(io.Discard, os.Stdin)
	return errors.Join(err, inputErr, stack.Stop(context.Background()))
}

// shortProfile soaks a few seconds, and leaves the timer room on a busy machine.
func shortProfile(peering.Router) peering.Profile {
	p := peering.LabProfile
	p.Settle, p.Soak, p.Sample, p.Stable, p.MinTimer = time.Second, 3*time.Second, time.Second, time.Second, 60*time.Second
	return p
}

// child is a running peerflow with its standard input, which ends it.
type child struct {
	running
	process *exec.Cmd
	input   io.Closer
}

func spawn(t *testing.T, c childConfig) *child {
	t.Helper()
	text, err := json.Marshal(c)
	must(t, err)
	p := exec.Command(os.Args[0])
	p.Env = append(os.Environ(), childEnv+"="+string(text))
	p.Stderr = os.Stderr
	input, err := p.StdinPipe()
	must(t, err)
	output, err := p.StdoutPipe()
	must(t, err)
	must(t, p.Start())
	s := &child{process: p, input: input}
	t.Cleanup(s.stop)
	line, err := bufio.NewReader(output).ReadBytes('\n')
	must(t, err)
	must(t, json.Unmarshal(line, &s.running))
	return s
}

// stop ends it in good order; a killed one is gone already.
func (s *child) stop() {
	_ = s.input.Close()
	_ = s.process.Wait()
}

// kill9 ends the whole tree at once, and waits until none of it is left.
func (s *child) kill9(t *testing.T) {
	t.Helper()
	tree := descendants(s.process.Process.Pid)
	if len(tree) < 5 {
		t.Fatalf("a tree of %d processes has no PostgreSQL in it", len(tree))
	}
	for _, pid := range tree {
		if err := syscall.Kill(pid, syscall.SIGKILL); err != nil && !errors.Is(err, syscall.ESRCH) {
			t.Fatal(err)
		}
	}
	_ = s.process.Wait() // killed, which is an error
	await(t, "end of the whole tree", 10*time.Second, func() bool { return !slices.ContainsFunc(tree, alive) })
}

// descendants is a process and all below it, parents first.
func descendants(pid int) []int {
	all := []int{pid}
	lists, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", pid)) // the pattern is ours
	for _, list := range lists {
		text, _ := os.ReadFile(list) // a thread may have ended meanwhile
		for field := range strings.FieldsSeq(string(text)) {
			if below, err := strconv.Atoi(field); err == nil {
				all = append(all, descendants(below)...)
			}
		}
	}
	return all
}

// alive leaves out zombies, which only wait to be counted by their parent.
func alive(pid int) bool {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	_, after, _ := strings.Cut(string(text), ") ")
	return err == nil && !strings.HasPrefix(after, "Z")
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func await(t *testing.T, what string, patience time.Duration, holds func() bool) {
	t.Helper()
	late := time.After(patience)
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for !holds() {
		select {
		case <-late:
			t.Fatalf("%s didn't come true within %s", what, patience)
		case <-tick.C:
		}
	}
}

// place is a folder which the database's user may pass through.
func place(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "pf-up-")
	must(t, err)
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	must(t, os.Chmod(dir, 0o711))
	return dir
}

// record fills the fresh database with the demo's network, and its mirror.
func record(t *testing.T, c cmd.Config, net *demo.Network) {
	t.Helper()
	parts, err := cmd.OpenParts(t.Context(), c, slog.New(slog.DiscardHandler))
	must(t, err)
	defer parts.Close()
	must(t, demo.Seed(t.Context(), parts.DB, net))
	must(t, parts.EnsureSchedules(t.Context()))
	_, err = parts.Workflows.SyncNow(t.Context(), true)
	must(t, err)
	_, err = parts.Workflows.AwaitSync(t.Context())
	must(t, err)
}

func TestAChangeThatAwaitsApprovalOutlivesKill9(t *testing.T) {
	t.Parallel()
	dir := place(t)
	net, err := demo.Start(t.Context(), filepath.Join(dir, "lab"), "bird")
	must(t, err)
	t.Cleanup(func() { _ = net.Close() })
	config := childConfig{DataDir: filepath.Join(dir, "data"), PeeringDB: net.PeeringDB}
	before := spawn(t, config)
	record(t, before.Config, net)
	client := &cmd.Client{URL: before.URL, Token: before.Token}
	change, err := client.Peer(t.Context(), cmd.Wish{ASN: uint32(demo.PeerASN), Reason: "it has to outlive a kill"})
	must(t, err)
	waiting := reaches(t, client, change.ID, peering.ChangeAwaitingApproval)
	before.kill9(t)

	after := spawn(t, config)
	if after.Token != before.Token || !before.First || after.First {
		t.Errorf("first %t then %t, same token: %t", before.First, after.First, after.Token == before.Token)
	}
	client = &cmd.Client{URL: after.URL, Token: before.Token}
	still, err := client.Change(t.Context(), change.ID)
	must(t, err)
	if still.State != peering.ChangeAwaitingApproval || still.PlanHash != waiting.PlanHash {
		t.Fatalf("after the kill change %d is %s with plan %.12s, before %s with %.12s", still.ID, still.State, still.PlanHash, waiting.State, waiting.PlanHash)
	}
	if running, err := net.Running(t.Context()); err != nil || strings.Contains(running, "64501") {
		t.Fatalf("%v; before the approval the router runs:\n%s", err, running)
	}
	_, err = client.Decide(t.Context(), change.ID, peering.Approve, still.PlanHash, "looks right")
	must(t, err)
	reaches(t, client, change.ID, peering.ChangeCompleted)
	if running, err := net.Running(t.Context()); err != nil || !strings.Contains(running, "64501") {
		t.Errorf("%v; after it completed the router runs:\n%s", err, running)
	}
}

// reaches waits for a state, and tells at once when the change ends in another one.
func reaches(t *testing.T, client *cmd.Client, id int64, want peering.ChangeState) (c peering.Change) {
	t.Helper()
	await(t, "change "+string(want), 2*time.Minute, func() bool {
		var err error
		c, err = client.Change(t.Context(), id)
		must(t, err)
		if c.State != want && c.State.Ended() {
			t.Fatalf("change %d ended %s: %s", id, c.State, c.Outcome)
		}
		return c.State == want
	})
	return c
}
