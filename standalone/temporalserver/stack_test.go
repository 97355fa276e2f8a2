package temporalserver

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"peerflow/internal/temporalauth"
	"peerflow/standalone/pgserver"
)

const (
	testSecret = "0123456789abcdef0123456789abcdef"
	ownSecret  = "fedcba9876543210fedcba9876543210" // of this process's own clients
)

// stack is PostgreSQL with Temporal on it, in one data folder.
type stack struct {
	pg       *pgserver.Server
	temporal *Server
	took     time.Duration

	mu        sync.Mutex
	refused   []string
	commanded []Command
}

func startStack(ctx context.Context, dir string, frontendPort int) (*stack, error) {
	began := time.Now()
	pg, err := pgserver.Start(ctx, pgserver.Options{DataDir: dir})
	if err != nil {
		return nil, err
	}
	s := &stack{pg: pg}
	if err := pg.EnsureDatabases(ctx, Databases()...); err != nil {
		return nil, errors.Join(err, s.stop())
	}
	s.temporal, err = Start(ctx, Options{SocketDir: pg.SocketDir(), User: pgserver.User, FrontendPort: frontendPort,
		Secret: testSecret, Own: ownSecret, Refused: s.refuse, Commanded: s.command, LogFile: filepath.Join(dir, "temporal.log")})
	if err != nil {
		return nil, errors.Join(err, s.stop())
	}
	s.took = time.Since(began)
	return s, nil
}

// refuse notes what the server refused.
func (s *stack) refuse(method, from string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.refused = append(s.refused, method+" from "+from)
}

// told is how often a refusal was told of.
func (s *stack) told(refusal string) (times int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, r := range s.refused {
		if r == refusal {
			times++
		}
	}
	return times
}

// command notes what somebody had the server do.
func (s *stack) command(c Command) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.commanded = append(s.commanded, c)
}

// commands are those that name this.
func (s *stack) commands(on string) (found []Command) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, c := range s.commanded {
		if strings.Contains(c.On, on) {
			found = append(found, c)
		}
	}
	return found
}

func (s *stack) stop() error {
	var err error
	if s.temporal != nil {
		err = s.temporal.Stop()
	}
	return errors.Join(err, s.pg.Stop(context.Background()))
}

// shared is one running stack for the tests that only talk to it; TestMain stops it.
var shared struct {
	once  sync.Once
	dir   string
	stack *stack
	err   error
}

func sharedStack(t *testing.T) *stack {
	t.Helper()
	shared.once.Do(func() {
		if shared.dir, shared.err = makeDataDir(); shared.err == nil {
			shared.stack, shared.err = startStack(context.Background(), shared.dir, 0)
		}
	})
	if shared.err != nil {
		t.Fatal(shared.err)
	}
	return shared.stack
}

func stopShared() {
	if shared.stack != nil {
		shared.stack.stop()
	}
	os.RemoveAll(shared.dir)
}

// makeDataDir: short enough for a socket, and open to the account that the database runs as.
func makeDataDir() (string, error) {
	dir, err := os.MkdirTemp("/tmp", "pf")
	if err != nil {
		return "", err
	}
	return dir, os.Chmod(dir, 0o711)
}

func limit(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	t.Cleanup(cancel)
	return ctx
}

func dial(hostPort, secret string) (client.Client, error) {
	return client.NewLazyClient(client.Options{HostPort: hostPort, Namespace: Namespace, HeadersProvider: temporalauth.Headers(secret), Logger: quietLogger{}})
}

func connect(t *testing.T, s *stack, secret string) client.Client {
	t.Helper()
	c, err := dial(s.temporal.HostPort(), secret)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

// await is a workflow that waits for its approval, as a change does.
func await(ctx workflow.Context) (string, error) {
	var by string
	err := workflow.SetUpdateHandlerWithOptions(ctx, "approve",
		func(_ workflow.Context, who string) (string, error) { by = who; return "approved by " + who, nil },
		workflow.UpdateHandlerOptions{Validator: func(who string) error {
			if who == "" {
				return temporal.NewApplicationError("who?", "Refused")
			}
			return nil
		}})
	if err != nil {
		return "", err
	}
	state := temporal.NewSearchAttributeKeyKeyword("PeerflowState")
	if err := workflow.UpsertTypedSearchAttributes(ctx, state.ValueSet("awaiting_approval")); err != nil {
		return "", err
	}
	if err := workflow.Await(ctx, func() bool { return by != "" }); err != nil {
		return "", err
	}
	return by, workflow.UpsertTypedSearchAttributes(ctx, state.ValueSet("completed"))
}

const queue = "control"

func runWorker(t *testing.T, c client.Client) {
	t.Helper()
	w := worker.New(c, queue, worker.Options{})
	w.RegisterWorkflowWithOptions(await, workflow.RegisterOptions{Name: "Await"})
	if err := w.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.Stop)
}

func startAwait(ctx context.Context, c client.Client, id string) (client.WorkflowRun, error) {
	return c.ExecuteWorkflow(ctx, client.StartWorkflowOptions{ID: id, TaskQueue: queue, TypedSearchAttributes: temporal.NewSearchAttributes(
		temporal.NewSearchAttributeKeyKeyword("PeerflowChange").ValueSet(id),
		temporal.NewSearchAttributeKeyKeywordList("PeerflowRouter").ValueSet([]string{"edge1", "edge2"}),
		temporal.NewSearchAttributeKeyInt64("PeerflowAsn").ValueSet(65551),
	)}, "Await")
}

func approve(ctx context.Context, c client.Client, id, who string) (string, error) {
	h, err := c.UpdateWorkflow(ctx, client.UpdateWorkflowOptions{WorkflowID: id, UpdateName: "approve", Args: []any{who}, WaitForStage: client.WorkflowUpdateStageCompleted})
	if err != nil {
		return "", err
	}
	var answer string
	err = h.Get(ctx, &answer)
	return answer, err
}
