package cmd

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"peerflow/db/dbtest"
	"peerflow/internal/peering"
)

// wire leads to a real PostgreSQL and can be cut.
type wire struct {
	net.Listener
	mu    sync.Mutex
	ends  []net.Conn
	mute  bool // takes connections and says nothing
	where string
}

// wired is a database behind a wire.
func wired(t *testing.T) (*wire, string) {
	t.Helper()
	at, err := pgconn.ParseConfig(dbtest.URL(t))
	if err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	w := &wire{Listener: listener, where: listener.Addr().String()}
	t.Cleanup(w.cut)
	network, address := pgconn.NetworkAddress(at.Host, at.Port)
	go w.carry(network, address)
	_, port, _ := net.SplitHostPort(w.where)
	return w, fmt.Sprintf("host=127.0.0.1 port=%s user=%s password='%s' dbname=%s sslmode=disable", port, at.User, at.Password, at.Database)
}

func (w *wire) carry(network, address string) {
	for {
		near, err := w.Accept()
		if err != nil {
			return
		}
		w.mu.Lock()
		w.ends = append(w.ends, near)
		mute := w.mute
		w.mu.Unlock()
		far, err := net.Dial(network, address)
		if mute || err != nil {
			continue
		}
		go func() { _, _ = io.Copy(far, near); _ = far.Close() }()
		go func() { _, _ = io.Copy(near, far); _ = near.Close() }()
	}
}

func (w *wire) hangUp() {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, end := range w.ends {
		_ = end.Close()
	}
	w.ends = nil
}

func (w *wire) cut() {
	_ = w.Close()
	w.hangUp()
}

// unavailable checks an answer that a caller without a database gets.
func (b *bench) unavailable(what string, r reply) {
	b.Helper()
	if r.status != http.StatusServiceUnavailable || r.header.Get("Retry-After") == "" {
		b.Errorf("%s: %d, Retry-After %q: %s", what, r.status, r.header.Get("Retry-After"), r.text)
	}
	text, _, _ := strings.Cut(r.text, `"request_id"`) // which is random
	for _, word := range []string{"user=", "database=", "dbname", "test_", "127.0.0.1", ".s.PGSQL", "dial", "connect:", "FATAL", "SQLSTATE", "EOF", "pool"} {
		if strings.Contains(text, word) {
			b.Errorf("%s tells %q: %s", what, word, r.text)
		}
	}
}

// Each way of PostgreSQL not to be there is the same to a caller: 503, when to
// come again, and nothing of where the database is.
func TestWithoutADatabaseEveryRouteSaysSoAndNothingMore(t *testing.T) {
	t.Parallel()
	w, url := wired(t)
	b := setupOn(t, url)
	b.user("other", peering.Viewer)
	form := []string{"Content-Type", "application/x-www-form-urlencoded", "Origin", b.server.URL}
	login := func(who string) reply { return b.do("", "POST", "/login", "token="+b.tokens[who], form...) }
	cookie, _, _ := strings.Cut(b.wants(login("admin"), 303, "").header.Get("Set-Cookie"), ";")
	paths := b.openAPI().Paths
	fill := strings.NewReplacer("{id}", "1", "{name}", "nothing")

	all := func(why, text string) {
		t.Helper()
		for path, operations := range paths {
			for method, o := range operations {
				body := ""
				if o.RequestBody != nil {
					body = `{}`
				}
				r := b.do("admin", strings.ToUpper(method), fill.Replace(path), body, "If-Match", `"1"`, "Idempotency-Key", "key-of-the-test")
				b.unavailable(why+": "+method+" "+path, r)
				if r.header.Get("Content-Type") != "application/problem+json" || !strings.Contains(r.text, `"kind":"unavailable"`) || !strings.Contains(r.text, text) {
					t.Errorf("%s: %s %s: %s %s", why, method, path, r.header.Get("Content-Type"), r.text)
				}
			}
		}
		b.unavailable(why+": login", login("admin"))
		for _, page := range []string{"/docs/", "/openapi.json"} {
			b.unavailable(why+": "+page, b.do("", "GET", page, "", "Cookie", cookie, "Accept", "text/html"))
		}
	}

	admin := dbtest.New(t)
	at, err := pgconn.ParseConfig(url)
	b.must(err)
	server := func(sql string, args ...any) {
		t.Helper()
		_, err := admin.Pool().Exec(t.Context(), sql, args...)
		b.must(err)
	}
	server("ALTER DATABASE " + at.Database + " ALLOW_CONNECTIONS false")
	server("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1", at.Database)
	b.unavailable("PostgreSQL ends a connection in use", b.do("admin", "GET", "/api/v1/sites", ""))
	all("PostgreSQL refuses", "the database can't be reached")
	for until := time.Now().Add(time.Minute); time.Now().Before(until); <-time.After(5 * time.Second) {
		b.unavailable("PostgreSQL still refuses", b.do("admin", "GET", "/api/v1/sites", ""))
	}
	server("ALTER DATABASE " + at.Database + " ALLOW_CONNECTIONS true")
	b.wants(b.do("admin", "GET", "/api/v1/sites", ""), 200, "")

	w.mu.Lock()
	w.mute = true
	w.mu.Unlock()
	w.hangUp()
	b.unavailable("a connection breaks", b.do("admin", "GET", "/api/v1/sites", ""))
	b.unavailable("PostgreSQL says nothing", b.do("admin", "GET", "/api/v1/sites", ""))

	w.cut()
	all("nobody listens", "the database can't be reached: is PostgreSQL running")
	b.wants(b.do("", "GET", "/api/v1/sites", ""), 401, "log in")
	b.wants(b.do("", "GET", "/api/v1/sites", "", "Authorization", "Bearer nonsense"), 401, "unknown")
	code, _, stderr := b.cli("admin", "", "session", "list")
	if code != exitUnavailable || !strings.Contains(stderr, "the database can't be reached") {
		t.Errorf("exit %d: %s", code, stderr)
	}
}
