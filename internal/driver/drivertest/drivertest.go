// Package drivertest is the suite that every driver with a confirmed commit
// passes on a live daemon. It says in tests what driver.ConfirmedCommitter and
// its neighbors say in words, above all: after any refusal, loss or crash the
// router runs its base or the artifact, never anything else.
//
// A driver's own test gives Run a function that starts a router of its own for
// each test. The suite knows no platform: it judges by what the driver reads back
// and by what the harness sees on the router itself. Start reading at Run.
package drivertest

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"peerflow/internal/driver"
	"peerflow/internal/peering"
)

// Harness is one fresh router, with its base loaded and nothing pending. The
// artifacts differ from the base and from each other in what the router runs,
// are in the syntax's canonical form, and hold at least one secret.
type Harness struct {
	Platform driver.Platform
	Target   driver.Target
	Secrets  driver.Secrets
	Known    []peering.SecretRef // every secret in the artifacts
	Clear    []string            // their clear texts, which nothing may show

	First, Second string // artifacts that the router accepts
	Bad           string // one that it refuses, with a secret in the refused block

	Timer time.Duration // a short rollback timer that is waited for; longer than a slow machine needs for a handful of calls

	// Restart crashes the routing daemon and boots it.
	Restart func(ctx context.Context) error
	// ForeignCommit is another writer who loads a configuration without our part's change, for good.
	ForeignCommit func(ctx context.Context) error
	// Foreign is everything on the router that isn't ours, byte for byte.
	Foreign func(ctx context.Context) (string, error)
	// WrongHostKey is well formed and another router's.
	WrongHostKey string
	// WrongLogin names a secret that the router doesn't accept.
	WrongLogin peering.SecretRef
}

// patience bounds one test on a slow machine.
const patience = 90 * time.Second

// longTimer is for tests in which the timer isn't to end.
const longTimer = 60 * time.Second

// Run tests a driver. newHarness is called once per test, and cleans up by t.Cleanup.
func Run(t *testing.T, newHarness func(t *testing.T) Harness) {
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ctx, cancel := context.WithTimeout(context.Background(), patience)
			t.Cleanup(cancel)
			h := newHarness(t)
			r := &router{t: t, ctx: ctx, h: h, timer: longTimer}
			r.conn = r.open(h.Target)
			foreign := r.foreign()
			test(r)
			if now := r.foreign(); now != foreign {
				t.Errorf("what isn't ours has changed:\n%s", now)
			}
		})
	}
}

// tests are the rules. Each starts on a router that runs its base.
var tests = map[string]func(r *router){
	"stage writes beside what runs, and twice is once":                stageTwice,
	"a commit is read back as ours, pending, and not yet for boot":    commitReadsBack,
	"commit twice in the window is refused and the base returns":      commitTwice,
	"a pending commit of another deployment refuses ours":             commitOverOther,
	"confirm makes the artifact stay past the timer":                  confirmStays,
	"confirm with nothing pending is a failure":                       confirmNothing,
	"another deployment's confirm and abort are refused":              otherDeployment,
	"abort returns to the base at once":                               abortReturns,
	"abort after confirm is refused and the artifact stays":           abortAfterConfirm,
	"the timer reverts by itself when the connection is lost":         lostConnection,
	"an older token is refused at every write":                        fenced,
	"a daemon that restarts in the window boots the base":             restartInWindow,
	"a daemon that restarts between confirm and install boots base":   restartBeforeInstall,
	"a daemon that restarts after install boots the artifact":         restartAfterInstall,
	"install twice is once":                                           installTwice,
	"install of what doesn't run is refused":                          installRefused,
	"discard leaves what runs alone":                                  discard,
	"push, read, diff is empty; read twice, same; push again, empty":  fixpoint,
	"another writer in the window takes the pending commit away":      interference,
	"a bad candidate is rejected in the router's words, not pending":  rejected,
	"check judges a candidate and loads nothing":                      check,
	"an artifact that isn't what its hash names is refused":           wrongHash,
	"two connections at once: one commit wins":                        twoConnections,
	"a read-only connection is unable to write":                       readOnly,
	"a wrong host key, a wrong login and no answer are told apart":    logins,
	"a cancelled context ends a call":                                 cancelled,
	"a password that nobody named is no placeholder and not readable": unknownSecret,
}

// router is one test's view of its router.
type router struct {
	t     *testing.T
	ctx   context.Context
	h     Harness
	conn  driver.Conn
	fence int64
	timer time.Duration
}

func (r *router) open(target driver.Target) driver.Conn {
	r.t.Helper()
	conn, err := r.h.Platform.Open(r.ctx, target, r.h.Secrets)
	r.must("open", err)
	r.t.Cleanup(func() { conn.Close() })
	return conn
}

// must fails the test on an error; no error may ever show a secret.
func (r *router) must(act string, err error) {
	r.t.Helper()
	if err != nil {
		r.t.Fatalf("%s: %v", act, r.clean(err))
	}
}

// refused wants a particular error.
func (r *router) refused(act string, err, want error) {
	r.t.Helper()
	if !errors.Is(r.clean(err), want) {
		r.t.Errorf("%s gave %v, want %v", act, err, want)
	}
}

func (r *router) clean(err error) error {
	r.t.Helper()
	if err != nil {
		r.silent("an error", err.Error())
	}
	return err
}

// silent wants no clear secret in a text.
func (r *router) silent(what, text string) {
	r.t.Helper()
	for _, clear := range r.h.Clear {
		if strings.Contains(text, clear) {
			r.t.Errorf("%s shows a secret", what)
		}
	}
}

func can[T any](r *router, conn driver.Conn) T {
	r.t.Helper()
	c, err := driver.Can[T](r.h.Platform, conn)
	r.must("capability", err)
	return c
}

func (r *router) committer() driver.ConfirmedCommitter {
	r.t.Helper()
	return can[driver.ConfirmedCommitter](r, r.conn)
}

// commit is a deployment of an artifact with a new token.
func (r *router) commit(deployment int64, artifact string) driver.Commit {
	r.fence++
	return driver.Commit{
		Deployment: deployment, Fence: r.fence, Artifact: artifact, Hash: peering.HashText(artifact), Timer: r.timer,
	}
}

// pend stages and commits, and leaves the timer running.
func (r *router) pend(deployment int64, artifact string) driver.Commit {
	r.t.Helper()
	c := r.commit(deployment, artifact)
	r.must("stage", r.committer().Stage(r.ctx, c))
	r.must("commit", r.committer().Commit(r.ctx, c))
	return c
}

// short makes the timer of the commits to come one that a test can wait for.
func (r *router) short() { r.timer = r.h.Timer }

// push brings an artifact to the router for good.
func (r *router) push(deployment int64, artifact string) driver.Commit {
	r.t.Helper()
	c := r.pend(deployment, artifact)
	r.must("confirm", r.committer().Confirm(r.ctx, c))
	r.must("install", r.committer().Install(r.ctx, c))
	r.must("discard", r.committer().Discard(r.ctx, c))
	return c
}

func (r *router) read() peering.Running {
	r.t.Helper()
	running, err := can[driver.OwnedReader](r, r.conn).ReadOwned(r.ctx, r.h.Known)
	r.must("read", err)
	return running
}

func (r *router) foreign() string {
	r.t.Helper()
	text, err := r.h.Foreign(r.ctx)
	r.must("look at the router", err)
	return text
}

// text joins stanzas as the platform writes them.
func (r *router) text(stanzas []peering.Stanza) string {
	r.t.Helper()
	text, err := r.h.Platform.Syntax().Join(stanzas)
	r.must("join", err)
	return text
}

// runs wants the router to run exactly this, with nothing pending.
func (r *router) runs(what, text string) {
	r.t.Helper()
	now := r.read()
	if got := r.text(now.Stanzas); got != text {
		r.t.Errorf("%s: the router runs\n%swant\n%s", what, got, text)
	}
	if now.Pending != nil {
		r.t.Errorf("%s: a commit of %q is pending", what, now.Pending.Owner)
	}
}

// returns waits until the router runs a text by itself, at most the timer and its slack.
func (r *router) returns(text string) {
	r.t.Helper()
	deadline := time.Now().Add(r.h.Timer + 10*time.Second)
	for time.Now().Before(deadline) {
		now := r.read()
		if now.Pending == nil && r.text(now.Stanzas) == text {
			return
		}
		time.Sleep(100 * time.Millisecond) // the interval of a poll with a deadline
	}
	r.t.Errorf("the router never returned to its base")
}

// reconnect logs in again: the old connection doesn't survive what the test did.
func (r *router) reconnect() {
	r.t.Helper()
	r.conn.Close()
	r.conn = r.open(r.h.Target)
}
