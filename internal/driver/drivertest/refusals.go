package drivertest

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"strings"
	"time"

	"peerflow/internal/driver"
	"peerflow/internal/peering"
)

// writes are all calls that write and carry a token.
func (r *router) writes() map[string]func(context.Context, driver.Commit) error {
	c := r.committer()
	return map[string]func(context.Context, driver.Commit) error{
		"stage": c.Stage, "commit": c.Commit, "confirm": c.Confirm, "abort": c.Abort, "install": c.Install, "discard": c.Discard,
	}
}

// pastTimer waits until a timer started before now would have ended.
func (r *router) pastTimer() {
	r.t.Helper()
	select {
	case <-time.After(r.h.Timer + time.Second):
	case <-r.ctx.Done():
		r.t.Fatal("out of time")
	}
}

func rejected(r *router) {
	base := r.text(r.read().Stanzas)
	c := r.commit(1, r.h.Bad)
	err := r.committer().Stage(r.ctx, c) // a driver may refuse here already
	if err == nil {
		err = r.committer().Commit(r.ctx, c)
	}
	var words *driver.RejectedError
	if !errors.As(r.clean(err), &words) || words.Words == "" {
		r.t.Errorf("a bad candidate gave %v, want a RejectedError with the router's words", err)
	}
	r.runs("after the rejection", base)
	r.push(2, r.h.First)
	r.runs("a good one after it", r.h.First)
}

func check(r *router) {
	checker := can[driver.Checker](r, r.conn)
	before := r.read()
	r.must("check of a good candidate", checker.CheckCandidate(r.ctx, r.commit(1, r.h.First)))
	var words *driver.RejectedError
	if err := checker.CheckCandidate(r.ctx, r.commit(1, r.h.Bad)); !errors.As(r.clean(err), &words) {
		r.t.Errorf("check of a bad candidate gave %v, want a RejectedError", err)
	}
	if after := r.read(); after.Generation != before.Generation || after.Pending != nil {
		r.t.Errorf("a check changed what runs")
	}
}

func wrongHash(r *router) {
	before := r.read()
	c := r.commit(1, r.h.First)
	c.Hash = peering.HashText(r.h.Second)
	if err := r.clean(r.committer().Stage(r.ctx, c)); peering.KindOf(err) != peering.Invalid {
		r.t.Errorf("stage gave %v, want an invalid input", err)
	}
	if err := r.clean(r.committer().Commit(r.ctx, c)); err == nil {
		r.t.Errorf("committed it")
	}
	if after := r.read(); after.Generation != before.Generation {
		r.t.Errorf("what runs has changed")
	}
}

func readOnly(r *router) {
	target := r.h.Target
	target.ReadOnly = true
	conn := r.open(target)
	if c, ok := conn.(driver.ConfirmedCommitter); ok {
		for name, write := range map[string]func(context.Context, driver.Commit) error{
			"stage": c.Stage, "commit": c.Commit, "confirm": c.Confirm, "abort": c.Abort, "install": c.Install, "discard": c.Discard,
		} {
			r.refused(name, write(r.ctx, r.commit(1, r.h.First)), driver.ErrReadOnly)
		}
	}
	if c, ok := conn.(driver.SessionClearer); ok {
		r.refused("clear", c.ClearSession(r.ctx, netip.MustParseAddr("192.0.2.1"), false), driver.ErrReadOnly)
	}
	if c, ok := conn.(driver.SessionShutter); ok {
		shut := driver.Shutdown{Neighbor: peering.NeighborKey{Address: netip.MustParseAddr("192.0.2.1")}, Fence: 1}
		r.refused("shut", c.ShutSession(r.ctx, shut), driver.ErrReadOnly)
	}
	running, err := can[driver.OwnedReader](r, conn).ReadOwned(r.ctx, r.h.Known)
	r.must("read", err)
	if running.Generation != r.read().Generation {
		r.t.Errorf("a read-only connection reads something else")
	}
}

func logins(r *router) {
	for name, c := range map[string]struct {
		change func(*driver.Target)
		want   error
	}{
		"a wrong host key": {func(t *driver.Target) { t.HostKey = r.h.WrongHostKey }, driver.ErrHostKey},
		"a wrong login":    {func(t *driver.Target) { t.Login = r.h.WrongLogin }, driver.ErrLogin},
		"a closed port":    {func(t *driver.Target) { t.Address = closedPort(r) }, driver.ErrUnreachable},
	} {
		target := r.h.Target
		c.change(&target)
		conn, err := r.h.Platform.Open(r.ctx, target, r.h.Secrets)
		if err == nil {
			_, err = can[driver.OwnedReader](r, conn).ReadOwned(r.ctx, nil) // some platforms log in at the first call
			conn.Close()
		}
		r.refused(name, err, c.want)
	}
	target := r.h.Target
	target.HostKey = ""
	if _, err := r.h.Platform.Open(r.ctx, target, r.h.Secrets); peering.KindOf(err) != peering.Invalid {
		r.t.Errorf("no recorded host key gave %v, want an invalid input", err)
	}
}

func closedPort(r *router) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	r.must("find a port", err)
	defer l.Close()
	return l.Addr().String()
}

func cancelled(r *router) {
	ctx, cancel := context.WithCancel(r.ctx)
	cancel()
	if conn, err := r.h.Platform.Open(ctx, r.h.Target, r.h.Secrets); err == nil {
		conn.Close()
		r.t.Errorf("open went on")
	}
	base := r.text(r.read().Stanzas)
	if err := r.clean(r.committer().Commit(ctx, r.commit(1, r.h.First))); err == nil {
		r.t.Errorf("commit went on")
	}
	r.reconnect()
	r.runs("after it", base)
}

func unknownSecret(r *router) {
	r.push(1, r.h.First)
	running, err := can[driver.OwnedReader](r, r.conn).ReadOwned(r.ctx, nil)
	r.must("read", err)
	text := r.text(running.Stanzas)
	r.silent("a read", text)
	for _, clear := range r.h.Clear {
		r.silentHash(text, clear)
	}
	if refs, err := peering.SecretRefs(text); err != nil || len(refs) > 0 {
		r.t.Errorf("an unknown secret came back as a placeholder: %v", refs)
	}
	if text == r.h.First {
		r.t.Errorf("an unknown secret counts as equal")
	}
	again, err := can[driver.OwnedReader](r, r.open(r.h.Target)).ReadOwned(r.ctx, nil)
	r.must("read again", err)
	if r.text(again.Stanzas) != text {
		r.t.Errorf("an unknown secret reads differently each time")
	}
}

// silentHash wants no plain hash of a secret in a text: it could be guessed from.
func (r *router) silentHash(text, clear string) {
	r.t.Helper()
	if strings.Contains(text, peering.HashText(clear)[:8]) {
		r.t.Errorf("a read shows a secret's plain hash")
	}
}
