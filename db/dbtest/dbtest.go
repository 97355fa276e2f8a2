// Package dbtest gives each test a migrated PostgreSQL database of its own.
//
// A test process starts one private cluster, on a socket in a temporary folder,
// migrates one database there and clones it for every test: that takes about a
// tenth of a second, so tests run in parallel and never see each other. The
// cluster ends with the process, whichever way that ends. Set
// PEERFLOW_TEST_DATABASE_URL to use a server that runs already; the migrated
// database stays behind there.
//
// For tests only. Start with New; the cluster's life is in cluster.go.
package dbtest

import (
	"context"
	"fmt"
	"os"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"peerflow/db"
)

// URLEnv names a server to use in place of a private one; its user may create databases.
const URLEnv = "PEERFLOW_TEST_DATABASE_URL"

const startLimit = 2 * time.Minute // a busy machine takes seconds for initdb

// New is a migrated, empty database that is gone when the test ends.
func New(t testing.TB) *db.DB {
	t.Helper()
	return Open(t, URL(t), db.Options{})
}

// Open connects with options of the test's own.
func Open(t testing.TB, url string, o db.Options) *db.DB {
	t.Helper()
	d, err := db.Open(t.Context(), url, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(d.Close)
	return d
}

// Sealed is like New, with a keeper of secrets.
func Sealed(t testing.TB, keeper db.Keeper) *db.DB {
	t.Helper()
	return Open(t, URL(t), db.Options{Keeper: keeper})
}

// URL is a migrated, empty database for those who open it themselves.
func URL(t testing.TB) string { return create(t, true) }

// EmptyURL is a database that nobody has migrated.
func EmptyURL(t testing.TB) string { return create(t, false) }

// server is what all tests of this process share.
type server struct {
	admin    string              // URL of a database to create others from
	at       func(string) string // URL of a database by name
	template string              // migrated, cloned for each test
}

var shared = sync.OnceValues(startServer)

var databases atomic.Int64

func create(t testing.TB, migrated bool) string {
	t.Helper()
	s, err := shared()
	if err != nil {
		t.Fatal(err)
	}
	name := fmt.Sprintf("test_%d_%d", os.Getpid(), databases.Add(1))
	statement := "CREATE DATABASE " + name
	if migrated {
		statement += " TEMPLATE " + s.template
	}
	if err := s.run(t.Context(), statement); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), startLimit)
		defer cancel()
		if err := s.run(ctx, "DROP DATABASE "+name+" WITH (FORCE)"); err != nil {
			t.Errorf("drop %s: %v", name, err)
		}
	})
	return s.at(name)
}

func (s *server) run(ctx context.Context, statement string) error {
	conn, err := pgx.Connect(ctx, s.admin)
	if err != nil {
		return fmt.Errorf("connect to the test server: %w", err)
	}
	defer conn.Close(ctx)
	if _, err := conn.Exec(ctx, statement); err != nil {
		return fmt.Errorf("%s: %w", statement, err)
	}
	return nil
}

func startServer() (*server, error) {
	ctx, cancel := context.WithTimeout(context.Background(), startLimit)
	defer cancel()
	s, err := findServer(ctx)
	if err != nil {
		return nil, err
	}
	s.template = fmt.Sprintf("template_%d", os.Getpid())
	if err := s.run(ctx, "CREATE DATABASE "+s.template); err != nil {
		return nil, err
	}
	d, err := db.Open(ctx, s.at(s.template), db.Options{})
	if err != nil {
		return nil, err
	}
	defer d.Close() // a template with an open connection can't be cloned
	if err := d.Migrate(ctx); err != nil {
		return nil, err
	}
	return s, guardTables(ctx, s.at(s.template))
}
