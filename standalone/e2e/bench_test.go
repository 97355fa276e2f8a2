package e2e

import (
	"bufio"
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	commonpb "go.temporal.io/api/common/v1"
	"go.temporal.io/api/workflowservice/v1"

	"peerflow/cmd"
	"peerflow/internal/peering"
	"peerflow/internal/temporalauth"
	"peerflow/standalone/demo"
)

// What the figures should be at most. They are printed beside them and never
// judged: a busy machine isn't a fault of ours.
const (
	aimCold   = 15.0 // seconds, from the command to an answer of the API, in an empty folder
	aimWarm   = 8.0  // seconds, in a folder that was stopped well
	aimMemory = 700  // MB of the whole tree
	aimCommit = 10.0 // seconds from the approval to the router's commit
	aimEvents = 80   // in the histories of one change with one deployment
)

func BenchmarkColdStart(b *testing.B) {
	binary := product(b)
	var took time.Duration
	for range b.N {
		p := launch(b, binary, benchFolder(b), nobody)
		took += p.took
		p.stop(b)
	}
	b.ReportMetric(took.Seconds()/float64(b.N), "s/start")
	b.ReportMetric(aimCold, "s-aim")
}

func BenchmarkWarmStart(b *testing.B) {
	binary, dir := product(b), benchFolder(b)
	launch(b, binary, dir, nobody).stop(b)
	b.ResetTimer()
	var took time.Duration
	for range b.N {
		p := launch(b, binary, dir, nobody)
		took += p.took
		p.stop(b)
	}
	b.ReportMetric(took.Seconds()/float64(b.N), "s/start")
	b.ReportMetric(aimWarm, "s-aim")
}

// One change with one deployment, on each driver: how long from the approval to
// the commit, how long the histories are, and the memory of it all. The demo's
// network runs in the benchmark's process and doesn't count.
func BenchmarkDeployment(b *testing.B) {
	for _, driver := range []string{"bird", "openconfig"} {
		b.Run(driver, func(b *testing.B) {
			var sum deployed
			for range b.N {
				sum = sum.plus(deployOnce(b, driver))
			}
			sum.report(b)
		})
	}
}

// deployed are the figures of one deployment.
type deployed struct {
	sent, committed time.Duration // since the approval
	events          [5]int64      // per eventKinds, and all together
	started, after  treeMemory
}

// eventKinds are the workflows that take part in a deployment.
var eventKinds = [...]string{"provision", "change", "router", "deployment"}

func (d deployed) plus(e deployed) deployed {
	d.sent, d.committed = d.sent+e.sent, d.committed+e.committed
	for i := range d.events {
		d.events[i] += e.events[i]
	}
	d.started, d.after = d.started.plus(e.started), d.after.plus(e.after)
	return d
}

func (d deployed) report(b *testing.B) {
	n := float64(b.N)
	b.ReportMetric(d.sent.Seconds()/n, "s-to-commit-sent")
	b.ReportMetric(d.committed.Seconds()/n, "s-to-committed")
	b.ReportMetric(aimCommit, "s-aim")
	for i, kind := range append(eventKinds[:], "all") {
		b.ReportMetric(float64(d.events[i])/n, "events-"+kind)
	}
	b.ReportMetric(aimEvents, "events-aim")
	b.ReportMetric(d.started.all()/n, "MB-started")
	b.ReportMetric(d.started.postgres/n, "MB-started-PostgreSQL")
	b.ReportMetric(d.after.all()/n, "MB-deployed")
	b.ReportMetric(d.after.postgres/n, "MB-deployed-PostgreSQL")
	b.ReportMetric(aimMemory, "MB-aim")
}

func deployOnce(b *testing.B, driver string) (d deployed) {
	b.StopTimer()
	defer b.StartTimer()
	ctx, dir := context.Background(), benchFolder(b)
	net, err := demo.Start(ctx, filepath.Join(dir, "lab"), driver)
	benchMust(b, err)
	defer func() { _ = net.Close() }()
	p := launch(b, product(b), dir, net.PeeringDB)
	defer p.stop(b)
	d.started = p.memory()
	parts := p.open(b)
	defer parts.Close()
	benchMust(b, demo.Seed(ctx, parts.DB, net))
	benchMust(b, parts.EnsureSchedules(ctx))
	_, err = parts.Workflows.SyncNow(ctx, true)
	benchMust(b, err)
	_, err = parts.Workflows.AwaitSync(ctx)
	benchMust(b, err)
	benchAwait(b, "the foreign sessions", func() bool { return net.Established(ctx) == foreignSessions })

	client := p.client()
	change, err := client.Peer(ctx, cmd.Wish{ASN: uint32(demo.PeerASN), Reason: "benchmark"})
	benchMust(b, err)
	change = benchReach(b, client, change.ID, peering.ChangeAwaitingApproval)
	approved := time.Now()
	_, err = client.Decide(ctx, change.ID, peering.Approve, change.PlanHash, "benchmark")
	benchMust(b, err)
	change = benchReach(b, client, change.ID, peering.ChangeCompleted)
	d.after = p.memory()
	deployments, err := client.Deployments(ctx, change.ID)
	benchMust(b, err)
	only := deployments[0]
	d.sent, d.committed = only.CommitSentAt.Sub(approved), only.CommittedAt.Sub(approved)
	for i, id := range []int64{change.ID, change.ID, only.RouterID, only.ID} {
		d.events[i] = historyLength(b, parts, fmt.Sprintf("%s/%d", eventKinds[i], id))
		d.events[len(eventKinds)] += d.events[i]
	}
	return d
}

// historyLength counts the events of a workflow that is at rest: ended, or with
// nothing under way. The router's waits for the next change, and the peering's
// for the other side.
func historyLength(b *testing.B, parts *cmd.Parts, id string) (events int64) {
	b.Helper()
	benchAwait(b, id+" at rest", func() bool {
		described, err := parts.Temporal.WorkflowService().DescribeWorkflowExecution(context.Background(), describe(id))
		benchMust(b, err)
		info := described.GetWorkflowExecutionInfo()
		rests := info.GetCloseTime() != nil || len(described.GetPendingActivities())+len(described.GetPendingChildren()) == 0 && described.GetPendingWorkflowTask() == nil
		events = info.GetHistoryLength()
		return rests
	})
	return events
}

// launched is a running `peerflow up`, as an operator has it.
type launched struct {
	*exec.Cmd
	took     time.Duration // until the API answered
	url      string
	temporal string
	data     string
	rest     chan struct{} // its output has ended
}

// product builds the binary with everything in it, once.
func product(b *testing.B) string {
	b.Helper()
	path, err := buildProduct()
	benchMust(b, err)
	return path
}

var buildProduct = sync.OnceValues(func() (string, error) {
	path := filepath.Join(os.TempDir(), fmt.Sprintf("peerflow-bench-%d", os.Getuid()))
	out, err := exec.Command("go", "build", "-o", path, "peerflow/standalone/cmd/peerflow").CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("go build: %w: %s", err, out)
	}
	return path, nil
})

// launch starts the product and waits until its API answers.
func launch(b *testing.B, binary, dir, peeringdb string) *launched {
	b.Helper()
	p := &launched{Cmd: exec.Command(binary, "up", "--data", filepath.Join(dir, "data"), "--listen", "127.0.0.1:0", "--temporal-port", "0"),
		data: filepath.Join(dir, "data"), rest: make(chan struct{})}
	p.Env = append(os.Environ(), "PEERFLOW_PEERINGDB_URL="+peeringdb)
	p.Stderr = os.Stderr
	out, err := p.StdoutPipe()
	benchMust(b, err)
	began := time.Now()
	benchMust(b, p.Start())
	lines := bufio.NewScanner(out)
	for p.temporal == "" && lines.Scan() {
		if f := strings.Fields(lines.Text()); len(f) > 1 {
			switch {
			case f[0] == "API" && strings.HasPrefix(f[1], "http"):
				p.url = strings.TrimSuffix(f[1], "/api/v1/")
			case f[0] == "Temporal" && len(f) == 2:
				p.temporal = f[1]
			}
		}
	}
	benchAwait(b, "an answer of the API", func() bool { return answers(p.url + "/api/v1/routers") })
	p.took = time.Since(began)
	go func() {
		defer close(p.rest)
		for lines.Scan() {
			continue // an unread pipe would stop it
		}
	}()
	return p
}

func answers(url string) bool {
	answer, err := http.Get(url)
	if err != nil {
		return false
	}
	_ = answer.Body.Close()
	return answer.StatusCode == http.StatusUnauthorized // it asks for a token: it looked into the database
}

func (p *launched) stop(b *testing.B) {
	b.Helper()
	benchMust(b, p.Process.Signal(syscall.SIGTERM))
	<-p.rest
	benchMust(b, p.Wait())
}

func (p *launched) client() *cmd.Client {
	token, _ := os.ReadFile(filepath.Join(p.data, "token")) // without one the API refuses
	return &cmd.Client{URL: p.url, Token: string(token)}
}

// open connects to the running one's database and Temporal.
func (p *launched) open(b *testing.B) *cmd.Parts {
	b.Helper()
	secret, err := temporalauth.LoadOrCreate(filepath.Join(p.data, "temporal.secret"))
	benchMust(b, err)
	parts, err := cmd.OpenParts(context.Background(), cmd.Config{
		DatabaseURL:     "postgres://postgres@/peerflow?sslmode=disable&port=5432&host=" + filepath.Join(p.data, "run"),
		TemporalAddress: p.temporal, TemporalSecret: secret, KeyFile: filepath.Join(p.data, "secrets.key"), LocalApproval: true, PollEvery: 2 * time.Second,
	}, slog.New(slog.DiscardHandler))
	benchMust(b, err)
	return parts
}

// treeMemory is in MB (10^6 bytes). PostgreSQL's processes share pages, which
// are divided among them (PSS); peerflow's own are counted in full (RSS).
type treeMemory struct{ own, postgres float64 }

func (m treeMemory) all() float64 { return m.own + m.postgres }

func (m treeMemory) plus(o treeMemory) treeMemory {
	return treeMemory{m.own + o.own, m.postgres + o.postgres}
}

func (p *launched) memory() treeMemory {
	m := treeMemory{own: kilobytes(p.Process.Pid, "Rss:") / 1000}
	for _, pid := range childrenOf(p.Process.Pid) {
		m.postgres += kilobytes(pid, "Pss:") / 1000
		for _, backend := range childrenOf(pid) {
			m.postgres += kilobytes(backend, "Pss:") / 1000
		}
	}
	return m
}

func childrenOf(pid int) (children []int) {
	lists, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", pid)) // the pattern is ours
	for _, list := range lists {
		text, _ := os.ReadFile(list) // a thread may have ended meanwhile
		for field := range strings.FieldsSeq(string(text)) {
			if child, err := strconv.Atoi(field); err == nil {
				children = append(children, child)
			}
		}
	}
	return children
}

// kilobytes reads one figure of a process, 0 when it ended meanwhile. The kernel counts in KiB.
func kilobytes(pid int, figure string) float64 {
	text, _ := os.ReadFile(fmt.Sprintf("/proc/%d/smaps_rollup", pid))
	for line := range strings.Lines(string(text)) {
		if rest, found := strings.CutPrefix(line, figure); found {
			kib, _ := strconv.ParseFloat(strings.Fields(rest)[0], 64)
			return kib * 1.024
		}
	}
	return 0
}

// benchFolder is short, for the sockets in it, and open for the database's user.
func benchFolder(b *testing.B) string {
	b.Helper()
	dir, err := os.MkdirTemp("", "pf-bench-")
	benchMust(b, err)
	b.Cleanup(func() { _ = os.RemoveAll(dir) })
	benchMust(b, os.Chmod(dir, 0o711))
	return dir
}

func benchMust(b *testing.B, err error) {
	b.Helper()
	if err != nil {
		b.Fatal(err)
	}
}

func benchAwait(b *testing.B, what string, holds func() bool) {
	b.Helper()
	late := time.After(2 * time.Minute)
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for !holds() {
		select {
		case <-late:
			b.Fatalf("%s didn't come true within two minutes", what)
		case <-tick.C:
		}
	}
}

func benchReach(b *testing.B, client *cmd.Client, id int64, want peering.ChangeState) (c peering.Change) {
	b.Helper()
	benchAwait(b, fmt.Sprintf("change %d %s", id, want), func() bool {
		var err error
		c, err = client.Change(context.Background(), id)
		benchMust(b, err)
		if c.State != want && c.State.Ended() {
			b.Fatalf("change %d ended %s: %s", id, c.State, c.Outcome)
		}
		return c.State == want
	})
	return c
}

func describe(id string) *workflowservice.DescribeWorkflowExecutionRequest {
	return &workflowservice.DescribeWorkflowExecutionRequest{Namespace: "default", Execution: &commonpb.WorkflowExecution{WorkflowId: id}}
}
