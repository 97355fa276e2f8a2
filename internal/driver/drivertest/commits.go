package drivertest

import (
	"strconv"
	"sync"

	"peerflow/internal/driver"
	"peerflow/internal/peering"
)

func stageTwice(r *router) {
	before := r.read()
	c := r.commit(1, r.h.First)
	r.must("stage", r.committer().Stage(r.ctx, c))
	r.must("stage again", r.committer().Stage(r.ctx, c))
	after := r.read()
	if after.Generation != before.Generation || after.Identity != before.Identity {
		r.t.Errorf("staging changed what runs: %q became %q", before.Generation, after.Generation)
	}
	r.must("commit", r.committer().Commit(r.ctx, c))
	if now := r.read(); now.Identity != c.Hash {
		r.t.Errorf("runs %.12s, want the staged %.12s", now.Identity, c.Hash)
	}
}

func commitReadsBack(r *router) {
	base := r.read()
	c := r.pend(7, r.h.First)
	now := r.read()
	if now.Identity != c.Hash || r.text(now.Stanzas) != r.h.First {
		r.t.Errorf("runs %.12s:\n%swant\n%s", now.Identity, r.text(now.Stanzas), r.h.First)
	}
	if now.Pending == nil || now.Pending.Owner != "7" {
		r.t.Fatalf("pending is %+v, want that of deployment 7", now.Pending)
	}
	if now.Pending.Remaining > r.timer {
		r.t.Errorf("%s remain of a timer of %s", now.Pending.Remaining, r.timer)
	}
	if r.text(now.Boot) != r.text(base.Boot) {
		r.t.Errorf("a restart would boot an unconfirmed artifact")
	}
	if now.Generation == base.Generation {
		r.t.Errorf("the generation didn't change with a commit")
	}
}

func commitTwice(r *router) {
	r.short()
	base := r.text(r.read().Stanzas)
	c := r.pend(1, r.h.First)
	r.fence++
	c.Fence = r.fence
	r.refused("the second commit", r.committer().Commit(r.ctx, c), driver.ErrPending)
	r.returns(base)
}

func commitOverOther(r *router) {
	r.short()
	base := r.text(r.read().Stanzas)
	r.pend(1, r.h.First)
	second := r.commit(2, r.h.Second)
	r.must("stage", r.committer().Stage(r.ctx, second))
	r.refused("the other deployment's commit", r.committer().Commit(r.ctx, second), driver.ErrPending)
	if now := r.read(); now.Pending == nil || now.Pending.Owner != "1" {
		r.t.Errorf("pending is %+v, want that of deployment 1", now.Pending)
	}
	r.returns(base)
}

func confirmStays(r *router) {
	r.short()
	c := r.pend(1, r.h.First)
	r.must("confirm", r.committer().Confirm(r.ctx, c))
	r.runs("after confirm", r.h.First)
	r.pastTimer()
	r.runs("past the timer", r.h.First)
}

func confirmNothing(r *router) {
	c := r.commit(1, r.h.First)
	r.refused("confirm before anything", r.committer().Confirm(r.ctx, c), driver.ErrNotPending)
	r.must("stage", r.committer().Stage(r.ctx, c))
	r.refused("confirm of what is only staged", r.committer().Confirm(r.ctx, c), driver.ErrNotPending)
	r.must("commit", r.committer().Commit(r.ctx, c))
	r.must("confirm", r.committer().Confirm(r.ctx, c))
	r.refused("the second confirm", r.committer().Confirm(r.ctx, c), driver.ErrNotPending)
	r.runs("after it", r.h.First)
}

func otherDeployment(r *router) {
	c := r.pend(1, r.h.First)
	other := r.commit(2, r.h.First)
	r.refused("another deployment's confirm", r.committer().Confirm(r.ctx, other), driver.ErrNotPending)
	r.refused("another deployment's abort", r.committer().Abort(r.ctx, other), driver.ErrNotPending)
	if now := r.read(); now.Pending == nil || now.Identity != c.Hash {
		r.t.Errorf("the pending commit is gone: %+v", now.Pending)
	}
}

func abortReturns(r *router) {
	r.short()
	base := r.read()
	c := r.pend(1, r.h.First)
	r.must("abort", r.committer().Abort(r.ctx, c))
	r.runs("after abort", r.text(base.Stanzas))
	if now := r.read(); now.Identity != base.Identity {
		r.t.Errorf("identity is %.12s, want the base's", now.Identity)
	}
	r.refused("the second abort", r.committer().Abort(r.ctx, c), driver.ErrNotPending)
	r.pastTimer()
	r.runs("past the timer", r.text(base.Stanzas))
}

func abortAfterConfirm(r *router) {
	c := r.pend(1, r.h.First)
	r.must("confirm", r.committer().Confirm(r.ctx, c))
	r.refused("abort", r.committer().Abort(r.ctx, c), driver.ErrNotPending)
	r.runs("after it", r.h.First)
}

func lostConnection(r *router) {
	r.short()
	base := r.text(r.read().Stanzas)
	c := r.pend(1, r.h.First)
	r.reconnect()
	if now := r.read(); now.Identity != c.Hash || now.Pending == nil {
		r.t.Fatalf("the commit didn't outlive its connection: %+v", now.Pending)
	}
	r.returns(base)
}

func fenced(r *router) {
	c := r.pend(1, r.h.First)
	newer := r.commit(2, r.h.Second)
	r.must("stage with a newer token", r.committer().Stage(r.ctx, newer))
	before := r.read()
	for name, write := range r.writes() {
		r.refused(name+" with the older token", write(r.ctx, c), driver.ErrFenced)
	}
	after := r.read()
	if after.Generation != before.Generation || after.Pending == nil || after.Identity != c.Hash {
		r.t.Errorf("a fenced write changed the router: %+v", after.Pending)
	}
	c.Fence = newer.Fence
	r.must("confirm with the newest token", r.committer().Confirm(r.ctx, c))
	c.Fence--
	r.refused("install with the older token", r.committer().Install(r.ctx, c), driver.ErrFenced)
	if r.text(r.read().Boot) == r.h.First {
		r.t.Errorf("a fenced install wrote the boot configuration")
	}
}

func restartInWindow(r *router) {
	r.short()
	before := r.read()
	base := r.text(before.Stanzas)
	c := r.pend(1, r.h.First)
	if now := r.read(); now.Incarnation != before.Incarnation {
		r.t.Errorf("a commit counts as a restart of the daemon")
	}
	r.must("restart", r.h.Restart(r.ctx))
	r.reconnect()
	r.runs("after the restart", base)
	if now := r.read(); before.Incarnation != "" && now.Incarnation == before.Incarnation {
		r.t.Errorf("the incarnation doesn't tell of the restart")
	}
	r.refused("confirm", r.committer().Confirm(r.ctx, c), driver.ErrNotPending)
	r.pastTimer()
	r.runs("past the timer", base)
}

func restartBeforeInstall(r *router) {
	base := r.text(r.read().Stanzas)
	c := r.pend(1, r.h.First)
	r.must("confirm", r.committer().Confirm(r.ctx, c))
	r.must("restart", r.h.Restart(r.ctx))
	r.reconnect()
	r.runs("after the restart", base)
	if err := r.clean(r.committer().Install(r.ctx, c)); err == nil {
		r.t.Errorf("installed an artifact that the router doesn't run")
	}
	if got := r.text(r.read().Boot); got != base {
		r.t.Errorf("a restart would boot\n%s", got)
	}
}

func restartAfterInstall(r *router) {
	c := r.push(1, r.h.First)
	r.must("restart", r.h.Restart(r.ctx))
	r.reconnect()
	r.runs("after the restart", r.h.First)
	if now := r.read(); now.Identity != c.Hash {
		r.t.Errorf("identity after the restart is %.12s, want %.12s", now.Identity, c.Hash)
	}
}

func installTwice(r *router) {
	c := r.pend(1, r.h.First)
	r.must("confirm", r.committer().Confirm(r.ctx, c))
	r.must("install", r.committer().Install(r.ctx, c))
	r.must("install again", r.committer().Install(r.ctx, c))
	r.must("discard", r.committer().Discard(r.ctx, c))
	r.must("install after discard", r.committer().Install(r.ctx, c))
	if got := r.text(r.read().Boot); got != r.h.First {
		r.t.Errorf("a restart would boot\n%s", got)
	}
}

func installRefused(r *router) {
	base := r.text(r.read().Boot)
	c := r.commit(1, r.h.First)
	r.must("stage", r.committer().Stage(r.ctx, c))
	if r.clean(r.committer().Install(r.ctx, c)) == nil {
		r.t.Errorf("installed what was only staged")
	}
	r.must("commit", r.committer().Commit(r.ctx, c))
	r.refused("install while pending", r.committer().Install(r.ctx, c), driver.ErrPending)
	if got := r.text(r.read().Boot); got != base {
		r.t.Errorf("a restart would boot\n%s", got)
	}
}

func discard(r *router) {
	c := r.pend(1, r.h.First)
	_ = r.clean(r.committer().Discard(r.ctx, c)) // a refusal or nothing: both are fine
	if r.text(r.read().Stanzas) != r.h.First {
		r.t.Errorf("discard took away what is pending")
	}
	r.must("confirm", r.committer().Confirm(r.ctx, c))
	r.must("discard before install", r.committer().Discard(r.ctx, c))
	r.must("install", r.committer().Install(r.ctx, c))
	r.must("discard", r.committer().Discard(r.ctx, c))
	r.must("discard again", r.committer().Discard(r.ctx, c))
	r.runs("after it", r.h.First)
}

func fixpoint(r *router) {
	for i, artifact := range []string{r.h.First, r.h.Second, r.h.First} {
		c := r.push(int64(i+1), artifact)
		now := r.read()
		want, err := r.h.Platform.Syntax().Split(artifact)
		r.must("split", err)
		running, err := peering.StanzaMap(now.Stanzas)
		r.must("read", err)
		if diff := peering.Diff(running, want); diff != "" || now.Identity != c.Hash {
			r.t.Fatalf("push %d, read, diff:\n%s", i+1, diff)
		}
		if again := r.read(); r.text(again.Stanzas) != r.text(now.Stanzas) || again.Generation != now.Generation {
			r.t.Errorf("two reads differ")
		}
		if r.text(now.Boot) != artifact {
			r.t.Errorf("what boots isn't what runs")
		}
	}
	r.push(4, r.h.First)
	r.runs("pushed again", r.h.First)
}

func interference(r *router) {
	c := r.pend(1, r.h.First)
	before := r.read()
	r.must("the other writer", r.h.ForeignCommit(r.ctx))
	now := r.read()
	if now.Pending != nil && now.Pending.Owner == "1" {
		r.t.Errorf("the other writer's commit left ours pending")
	}
	if now.Generation == before.Generation {
		r.t.Errorf("the generation doesn't tell of the other writer")
	}
	r.refused("confirm", r.committer().Confirm(r.ctx, c), driver.ErrNotPending)
	r.refused("abort", r.committer().Abort(r.ctx, c), driver.ErrNotPending)
	if later := r.read(); later.Generation != now.Generation {
		r.t.Errorf("we wrote over the other writer")
	}
}

func twoConnections(r *router) {
	other := can[driver.ConfirmedCommitter](r, r.open(r.h.Target))
	a, b := r.commit(1, r.h.First), r.commit(2, r.h.Second)
	a.Fence = b.Fence // neither is fenced: only the pending commit keeps the second out
	r.must("stage", r.committer().Stage(r.ctx, a))
	r.must("stage", other.Stage(r.ctx, b))
	var wait sync.WaitGroup
	var errs [2]error
	wait.Go(func() { errs[0] = r.committer().Commit(r.ctx, a) })
	wait.Go(func() { errs[1] = other.Commit(r.ctx, b) })
	wait.Wait()
	winner := 0
	if errs[0] != nil {
		winner = 1
	}
	r.must("the winner's commit", errs[winner])
	r.refused("the loser's commit", errs[1-winner], driver.ErrPending)
	if now := r.read(); now.Pending == nil || now.Pending.Owner != strconv.Itoa(winner+1) {
		r.t.Errorf("pending is %+v, want that of deployment %d", now.Pending, winner+1)
	}
}
