package cmd

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"peerflow/api"
	"peerflow/db"
	"peerflow/db/dbtest"
	"peerflow/internal/peering"
	"peerflow/internal/render"
	"peerflow/internal/secret"
)

// bench is the real API over a real database; Temporal alone is missing.
type bench struct {
	*testing.T
	db       *db.DB
	server   *httptest.Server
	flows    *flows            // nil where Temporal's client is real
	tokens   map[string]string // by the user's name
	users    map[string]peering.User
	patience time.Duration // of a request; 0: as long as it takes
	health   api.Status    // what the server says of its own parts
}

// flows notes what Temporal would have been told.
type flows struct {
	mu     sync.Mutex
	starts int
	woken  []string
	down   error
	syncs  []peering.PDBSyncRun // how a sync goes, look by look
	diff   peering.RouterDiff   // what a worker would find
	db     *db.DB
}

func (f *flows) StartPending(context.Context) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.starts++
	return f.down
}

func (f *flows) LookAgain(_ context.Context, _ int64, why string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.woken = append(f.woken, why)
	return f.down
}

func (f *flows) Enqueue(_ context.Context, _, id int64) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.woken = append(f.woken, "deployment "+strconv.FormatInt(id, 10))
	return f.down
}

func (f *flows) SyncNow(context.Context, bool) (string, error) { return "sync/peeringdb", f.down }

// SyncRun tells syncs one after the other; the last one stays. None: it ended well.
func (f *flows) SyncRun(context.Context) (run peering.PDBSyncRun, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.syncs) > 0 {
		run = f.syncs[0]
	}
	if len(f.syncs) > 1 {
		f.syncs = f.syncs[1:]
	}
	return run, f.down
}

func (f *flows) CompareRouter(ctx context.Context, _ int64) (string, time.Time, error) {
	if f.down != nil {
		return "", time.Time{}, f.down
	}
	text, err := json.Marshal(f.diff)
	if err != nil {
		return "", time.Time{}, err
	}
	hash, err := f.db.PutText(ctx, string(text))
	return hash, time.Unix(1700000000, 0), err
}

func setup(t *testing.T) *bench {
	t.Helper()
	return setupOn(t, dbtest.URL(t))
}

// setupOn is setup on a migrated, empty database by its URL.
func setupOn(t *testing.T, url string) *bench {
	t.Helper()
	keeper, err := secret.OpenFile(t.TempDir()+"/key", true)
	if err != nil {
		t.Fatal(err)
	}
	b := &bench{T: t, db: dbtest.Open(t, url, db.Options{Keeper: keeper, Needs: render.Needs}), flows: &flows{}, health: api.Status{Database: "ok", Temporal: "ok"}, tokens: map[string]string{}, users: map[string]peering.User{}}
	b.flows.db = b.db
	b.user("admin", peering.Admin, peering.Emergency)
	status := func(context.Context) api.Status { return b.health }
	log := slog.New(slog.NewTextHandler(t.Output(), nil))
	b.server = httptest.NewServer(api.New(apiDeps(b.db, newGuard(b.db, log, "peerflow.example.net"), b.flows, status, time.Minute, log)))
	t.Cleanup(b.server.Close)
	return b
}

func (b *bench) must(err error) {
	b.Helper()
	if err != nil {
		b.Fatal(err)
	}
}

// user makes a person with a token of the same roles.
func (b *bench) user(name string, roles ...peering.Role) {
	b.Helper()
	system := peering.Actor{Kind: peering.ActorSystem, Name: "test"}
	user, err := b.db.CreateUser(b.Context(), system, name, roles)
	b.must(err)
	token, _, err := b.db.MintToken(b.Context(), system, user.ID, "test", roles, time.Time{})
	b.must(err)
	b.tokens[name], b.users[name] = token, user
}

func (b *bench) actor(name string) peering.Actor {
	u := b.users[name]
	return peering.Actor{Kind: peering.ActorUser, UserID: u.ID, Name: u.Name, Roles: u.Roles, Door: peering.DoorAPI}
}

// reply is one answer of the API.
type reply struct {
	status int
	header http.Header
	text   string
}

func (r reply) into(t testing.TB, v any) {
	t.Helper()
	if err := json.Unmarshal([]byte(r.text), v); err != nil {
		t.Fatalf("%v in %s", err, r.text)
	}
}

// do sends a request as a person; body "" sends none. Headers come in pairs.
func (b *bench) do(who, method, path, body string, headers ...string) reply {
	b.Helper()
	req, err := http.NewRequestWithContext(b.Context(), method, b.server.URL+path, strings.NewReader(body))
	b.must(err)
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	if who != "" {
		req.Header.Set("Authorization", "Bearer "+b.tokens[who])
	}
	for i := 0; i+1 < len(headers); i += 2 {
		if headers[i] == "Host" {
			req.Host = headers[i+1]
			continue
		}
		req.Header.Set(headers[i], headers[i+1])
	}
	client := http.Client{Timeout: b.patience, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	res, err := client.Do(req)
	b.must(err)
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	b.must(err)
	return reply{res.StatusCode, res.Header, string(text)}
}

// wants fails unless the answer has the status, and text somewhere in it.
func (b *bench) wants(r reply, status int, text string) reply {
	b.Helper()
	if r.status != status || !strings.Contains(r.text, text) {
		b.Fatalf("answer %d %s, want %d with %q", r.status, r.text, status, text)
	}
	return r
}

// cli runs a command line as a person and gives its exit code and output.
func (b *bench) cli(who, stdin string, args ...string) (code int, stdout, stderr string) {
	b.Helper()
	env := map[string]string{"PEERFLOW_API": b.server.URL, "PEERFLOW_TOKEN": b.tokens[who], "PEERFLOW_DATA": b.TempDir()}
	var out, errs bytes.Buffer
	ctx, cancel := context.WithTimeout(b.Context(), time.Minute)
	defer cancel()
	code = Run(ctx, args, func(k string) string { return env[k] }, strings.NewReader(stdin), &out, &errs)
	return code, out.String(), errs.String()
}
