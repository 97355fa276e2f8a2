// Package e2e runs peerflow as its users do, against live daemons.
package e2e

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"peerflow/cmd"
	"peerflow/db"
	"peerflow/internal/bgp"
	"peerflow/internal/peering"
	"peerflow/standalone/demo"
	"peerflow/standalone/up"
)

// bed is a running peerflow with the demo's network.
type bed struct {
	*up.Stack
	t     *testing.T
	net   *demo.Network
	admin peering.Actor
	// decider approves; nil is the admin, who may while alone.
	decider *peering.Actor
	said    *bytes.Buffer // what peerflow up printed
}

// setup starts the demo's network and peerflow beside it; change alters how peerflow starts.
func setup(t *testing.T, driver string, change ...func(*up.Options)) *bed {
	t.Helper()
	ctx, dir := folder(t)
	net, err := demo.Start(ctx, filepath.Join(dir, "lab"), driver)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = net.Close() })
	o := up.Options{PeeringDBURL: net.PeeringDB}
	for _, c := range change {
		c(&o)
	}
	b := start(ctx, t, dir, o)
	b.net = net
	b.must(demo.Seed(ctx, b.Parts.DB, net))
	b.must(b.Parts.EnsureSchedules(ctx))
	if _, err := b.Parts.Workflows.SyncNow(ctx, true); err != nil {
		t.Fatal(err)
	}
	if _, err := b.Parts.Workflows.AwaitSync(ctx); err != nil {
		t.Fatal(err)
	}
	return b
}

// folder makes a test's folder, and how long its start may take.
func folder(t *testing.T) (context.Context, string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 3*time.Minute)
	t.Cleanup(cancel)
	dir := t.TempDir()
	if err := os.Chmod(filepath.Dir(dir), 0o711); err != nil { // the database's user passes through
		t.Fatal(err)
	}
	return ctx, dir
}

// start starts peerflow, without a network.
func start(ctx context.Context, t *testing.T, dir string, o up.Options) *bed {
	t.Helper()
	var out bytes.Buffer
	o.DataDir, o.Listen, o.PollEvery, o.Out = filepath.Join(dir, "data"), "127.0.0.1:0", 2*time.Second, &out
	stack, err := up.Start(ctx, o)
	if err != nil {
		t.Fatalf("%v\n%s", err, out.String())
	}
	t.Log("\n" + out.String())
	t.Cleanup(func() {
		stop, cancel := context.WithTimeout(context.Background(), 30*time.Second)
		defer cancel()
		recordHistories(t, stack.Parts.Temporal)
		if err := stack.Stop(stop); err != nil {
			t.Error(err)
		}
		if t.Failed() {
			log, _ := os.ReadFile(filepath.Join(stack.Dir(), "peerflow.log"))
			t.Logf("peerflow.log:\n%s", tail(log, 6000))
		}
	})
	b := &bed{Stack: stack, t: t, said: &out}
	b.admin, err = stack.Parts.DB.Authenticate(ctx, stack.Token)
	b.must(err)
	return b
}

func tail(b []byte, n int) []byte {
	if len(b) > n {
		return b[len(b)-n:]
	}
	return b
}

func (b *bed) must(err error) {
	b.t.Helper()
	if err != nil {
		b.t.Fatal(err)
	}
}

// await polls until the condition holds.
func (b *bed) await(what string, patience time.Duration, holds func(ctx context.Context) bool) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	tick := time.NewTicker(200 * time.Millisecond)
	defer tick.Stop()
	for !holds(ctx) {
		select {
		case <-ctx.Done():
			b.t.Fatalf("%s didn't come true within %s", what, patience)
		case <-tick.C:
		}
	}
}

func (b *bed) change(n db.NewChange) peering.Change {
	b.t.Helper()
	c, _, err := b.Parts.DB.CreateChange(context.Background(), b.admin, n)
	b.must(err)
	return c
}

// inState waits until a change is in one of the states, and fails early when it ended elsewhere.
func (b *bed) inState(id int64, patience time.Duration, states ...peering.ChangeState) peering.Change {
	b.t.Helper()
	var c peering.Change
	b.await("change in "+string(states[0]), patience, func(ctx context.Context) bool {
		var err error
		c, err = b.Parts.DB.Change(ctx, id)
		if err != nil {
			return false
		}
		for _, s := range states {
			if c.State == s {
				return true
			}
		}
		if c.State.Ended() {
			b.t.Fatalf("change %d ended %s: %s", id, c.State, c.Outcome)
		}
		return false
	})
	return c
}

func (b *bed) approve(c peering.Change) {
	b.t.Helper()
	ctx := context.Background()
	who := b.admin
	if b.decider != nil {
		who = *b.decider
	}
	result, err := b.Parts.DB.CastVote(ctx, who, c.ID, c.PlanHash, peering.Approve, "looks right")
	b.must(err)
	if !result.Accepted {
		b.t.Fatal(result.Text)
	}
	b.must(b.Parts.Workflows.LookAgain(ctx, c.ID, "vote"))
}

// provision opens a change for a peer and waits until it can be approved.
func (b *bed) provision(asn bgp.ASN) peering.Change {
	b.t.Helper()
	key := "provision " + asn.String()
	c := b.change(db.NewChange{Kind: peering.KindProvision, Reason: "a test", Key: key, BodyHash: key, Request: peering.ChangeRequest{ASN: asn}})
	return b.inState(c.ID, time.Minute, peering.ChangeAwaitingApproval)
}

// onRouter reports that the edge runs something of that name or number.
func (b *bed) onRouter(what string) bool {
	b.t.Helper()
	running, err := b.net.Running(context.Background())
	b.must(err)
	return strings.Contains(running, what)
}

// unchanged compares what the edge boots with an earlier look.
func (b *bed) unchanged(before string) {
	b.t.Helper()
	now, err := b.net.Boot()
	b.must(err)
	if now != before {
		b.t.Errorf("the edge's boot configuration moved:\n%s", now)
	}
}

// nobody is a PeeringDB that doesn't answer: these tests don't ask it.
const nobody = "http://127.0.0.1:9/api"

// cli runs a command line as the administrator; anything but exit code 0 fails the test.
func (b *bed) cli(args ...string) string {
	b.t.Helper()
	env := map[string]string{"PEERFLOW_API": b.URL, "PEERFLOW_TOKEN": b.Token}
	var out, errs bytes.Buffer
	if code := cmd.Run(context.Background(), args, func(k string) string { return env[k] }, strings.NewReader(""), &out, &errs); code != 0 {
		b.t.Fatalf("peerflow %s: exit %d\n%s%s", strings.Join(args, " "), code, out.String(), errs.String())
	}
	return out.String()
}
