package db

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"peerflow/db/internal/dbsqlc"
	"peerflow/internal/peering"
)

// DB is a pool of connections to one database.
type DB struct {
	pool   *pgxpool.Pool
	q      *dbsqlc.Queries
	keeper Keeper
	// localApproval is Options.LocalApproval.
	localApproval bool
	needs         func(peering.Template, map[int64]peering.Template) peering.Needs
}

// Options are what Open may be told. The zero value is fit for one process of a small machine.
type Options struct {
	MaxConns int32  // connections at most; 0 is 8
	Keeper   Keeper // seals secrets; without one PutSecret and Resolve refuse
	// Tracer sees every statement, for figures and for tests that count them; nil: nobody looks.
	Tracer pgx.QueryTracer
	// LocalApproval lets the only user of an embedded installation decide by naming
	// the plan. Set only while every listener is on loopback.
	LocalApproval bool
	// Needs tells Desired what a router's template, which may include those of a library, can ask for of what is large;
	// nil: all of it is loaded.
	Needs func(t peering.Template, library map[int64]peering.Template) peering.Needs
}

const (
	defaultMaxConns = 8
	connectTimeout  = 5 * time.Second
	// A backstop against locks that nobody will release. Planning takes milliseconds, but a copy of a PeeringDB type
	// lasts as long as PeeringDB sends.
	statementTimeout = "15min"
	// A transaction that stands still holds locks that deployments need.
	idleInTransactionTimeout = "60s"
)

// Open connects to a database by URL or keyword string and proves that it
// answers. The schema is left as it is: Migrate and CheckSchema look after it.
func Open(ctx context.Context, url string, o Options) (*DB, error) {
	config, err := pgxpool.ParseConfig(url)
	if err != nil {
		return nil, peering.Errorf(peering.Invalid, "the database URL can't be read: %s", describeConfigError(err))
	}
	config.MaxConns = defaultMaxConns
	if o.MaxConns > 0 {
		config.MaxConns = o.MaxConns
	}
	config.MaxConnIdleTime = 5 * time.Minute
	config.ConnConfig.ConnectTimeout = connectTimeout
	config.ConnConfig.Tracer = o.Tracer
	for name, value := range map[string]string{
		"application_name":                    "peerflow",
		"timezone":                            "UTC",
		"statement_timeout":                   statementTimeout,
		"idle_in_transaction_session_timeout": idleInTransactionTimeout,
	} {
		if _, set := config.ConnConfig.RuntimeParams[name]; !set {
			config.ConnConfig.RuntimeParams[name] = value
		}
	}
	pool, err := pgxpool.NewWithConfig(ctx, config)
	if err != nil {
		return nil, fmt.Errorf("open database: %w", translate(err))
	}
	if err := pool.Ping(ctx); err != nil {
		pool.Close()
		return nil, explained(fmt.Errorf("connect to database %s: %w", config.ConnConfig.Database, translate(err)))
	}
	return &DB{pool: pool, q: dbsqlc.New(pool), keeper: o.Keeper, localApproval: o.LocalApproval, needs: o.Needs}, nil
}

// explained adds what the driver said: who opens a database is its operator.
func explained(err error) error {
	if cause := peering.CauseOf(err); cause != nil {
		return fmt.Errorf("%w (%w)", err, cause)
	}
	return err
}

// describeConfigError leaves out the URL, which holds a password.
func describeConfigError(err error) string {
	var parse *pgconn.ParseConfigError
	if errors.As(err, &parse) {
		return "want postgres://user@host:5432/name or key=value pairs"
	}
	return err.Error()
}

// Close gives all connections back. It waits for those in use.
func (d *DB) Close() { d.pool.Close() }

// Pool is for those who speak SQL of their own beside the source of truth: the mirror of PeeringDB.
func (d *DB) Pool() *pgxpool.Pool { return d.pool }

// Tx is one write transaction in the name of an actor.
type Tx struct {
	pgx   pgx.Tx
	q     *dbsqlc.Queries
	actor peering.Actor
	trial bool // all of it is taken back: what holds a record for now doesn't matter
}

// Actor is in whose name the transaction writes.
func (tx *Tx) Actor() peering.Actor { return tx.actor }

// writeAttempts bounds how often a transaction that lost against another one is run again.
const writeAttempts = 4

// Write runs fn in one transaction and commits it when fn returns nil. It is the
// only way to write to the source of truth. A deadlock or a lost serialization
// undoes the whole transaction, and fn runs again: it must have no effect
// besides the transaction. A commit whose answer got lost is never repeated.
func (d *DB) Write(ctx context.Context, actor peering.Actor, fn func(*Tx) error) error {
	var err error
	for attempt := range writeAttempts {
		if attempt > 0 && !pause(ctx, attempt) {
			break
		}
		if err = d.writeOnce(ctx, actor, fn); !lostRace(err) {
			break
		}
	}
	return translate(err)
}

// pause lets the winner finish: at once, the loser would take back the row that
// the winner waits for. False when ctx ended.
func pause(ctx context.Context, attempt int) bool {
	select {
	case <-ctx.Done():
		return false
	case <-time.After(time.Duration(attempt)*20*time.Millisecond + rand.N(30*time.Millisecond)):
		return true
	}
}

func (d *DB) writeOnce(ctx context.Context, actor peering.Actor, fn func(*Tx) error) error {
	return pgx.BeginFunc(ctx, d.pool, func(ptx pgx.Tx) error {
		return fn(&Tx{pgx: ptx, q: d.q.WithTx(ptx), actor: actor})
	})
}

// lostRace reports errors after which PostgreSQL has undone everything and asks to try again.
func lostRace(err error) bool {
	var pg *pgconn.PgError
	if !errors.As(err, &pg) {
		return false
	}
	return pg.Code == "40001" || pg.Code == "40P01" // serialization_failure, deadlock_detected
}

// read runs fn on one unchanging view of the database.
func (d *DB) read(ctx context.Context, fn func(pgx.Tx, *dbsqlc.Queries) error) error {
	options := pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly}
	return translate(pgx.BeginTxFunc(ctx, d.pool, options, func(ptx pgx.Tx) error {
		return fn(ptx, d.q.WithTx(ptx))
	}))
}
