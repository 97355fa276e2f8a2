package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"peerflow/activities"
	"peerflow/internal/bgp"
	"peerflow/internal/peering"
	"peerflow/standalone/up"
	"peerflow/worker"
)

// What happens on the router between commit and confirm decides, on a router
// with thirty-six sessions of ours and four that somebody else wrote.
func TestWhatARouterDoesDecides(t *testing.T) {
	t.Parallel()
	var breaks breaking
	s := stage(t, 36, breaks.wire)
	t.Run("an edit of hold times resets those three sessions and no other", func(t *testing.T) { resetsThree(s.in(t)) })
	t.Run("a configure by hand is interference: frozen, and nothing confirmed", func(t *testing.T) { interfered(s.in(t)) })
	t.Run("an export mistake is reverted before it is confirmed", func(t *testing.T) { exportMistake(s.in(t)) })
	t.Run("an import mistake is reverted before it is confirmed", func(t *testing.T) { importMistake(s.in(t)) })
	t.Run("an edit of our part by hand is drift, until it is taken back", func(t *testing.T) { drifts(s.in(t)) })
	t.Run("a record that was deployed and taken back is reverted", func(t *testing.T) { takenBack(s.in(t)) })
	t.Run("a peer's own shutdown is recorded and rolls nothing back", func(t *testing.T) { peerShutsDown(s.in(t)) })
	t.Run("a change that drops five sessions is rolled back", func(t *testing.T) { dropsFive(s.in(t)) })
	t.Run("a change with which the paths of two sessions break silently is never confirmed", func(t *testing.T) {
		silentPath(s.in(t), &breaks, "2 of ", s.host(firstPeer+30), s.host(firstPeer+31))
	})
	t.Run("nor one with which that of a single protected session does", func(t *testing.T) {
		silentPath(s.in(t), &breaks, "AS64498 "+s.byHand(2).String()+" protected session (not ours) dropped", s.byHand(2))
	})
	t.Run("a password appears nowhere, and its change is a change", func(t *testing.T) { canary(s.in(t)) })
}

func resetsThree(s *scene) {
	var ops []peering.Operation
	for i := range 33 {
		if i < 3 {
			ops = append(ops, update(s.sessions[i].RouterID, peering.ObjectSession, s.sessions[i].ID, `{"hold_time": 12}`))
			continue
		}
		ops = append(ops, s.describe(i, "renamed"))
	}
	c := s.edit("hold times and names", ops...)
	want := fmt.Sprintf("resets 3: %s %s %s; edits 30 without disruption; announces 99 prefixes", peerAS(0), peerAS(1), peerAS(2))
	if got := s.plan(c).Impact.Line(); got != want {
		s.t.Errorf("impact %q, want %q", got, want)
	}
	before, up := s.since(), s.uptimes()
	s.deploy(c)
	s.await("all sessions are up", 30*time.Second, func(ctx context.Context) bool { return s.established(ctx) == len(handmade)+36 })
	s.unbroken(up, s.host(firstPeer), s.host(firstPeer+1), s.host(firstPeer+2))
	var restarted []string
	after := s.since()
	for name, at := range before {
		if now, up := after[name]; !up || now.Sub(at).Abs() > sinceJitter {
			restarted = append(restarted, name)
		}
	}
	slices.Sort(restarted)
	var named []string
	for i := range 3 {
		named = append(named, fmt.Sprintf("as%d_%d", peerAS(i), s.sessions[i].ID))
	}
	slices.Sort(named)
	if len(before) != len(handmade)+36 || !slices.Equal(restarted, named) {
		s.t.Errorf("of %d sessions these restarted: %v, want %v", len(before), restarted, named)
	}
}

func interfered(s *scene) {
	boot, up := s.boot(), s.uptimes()
	c := s.edit("a name", s.describe(5, "while somebody works"))
	s.approve(c)
	s.soaking(c)
	s.underWay(s.sessions[5].ID)
	s.birdc("configure")
	c = s.ends(c.ID)
	d := s.deployment(c)
	if c.State != peering.ChangeInterfered || d.State != peering.DeploymentInterfered {
		s.t.Fatalf("change %s, deployment %s: %s", c.State, d.State, c.Outcome)
	}
	if !d.ConfirmSentAt.IsZero() || !d.ConfirmedAt.IsZero() {
		s.t.Errorf("confirm sent at %s", d.ConfirmSentAt)
	}
	if s.boot() != boot {
		s.t.Errorf("the boot configuration moved:\n%s", s.boot())
	}
	s.unbroken(up)
	if n := s.standings(d, peering.SyncInterfered); n != len(s.sessions) {
		s.t.Errorf("%d of %d sessions became interfered", n, len(s.sessions))
	}
	s.settled() // the router runs its base again, as a poll reads
	s.waitsWhileFrozen(d)
}

// waitsWhileFrozen sees the next change wait for the freeze that a deployment left, and lifts it.
func (s *scene) waitsWhileFrozen(d peering.Deployment) {
	ctx := context.Background()
	freezes, err := s.Parts.DB.ListFreezes(ctx, false)
	s.must(err)
	if len(freezes) != 1 || freezes[0].RouterID != d.RouterID || !strings.Contains(freezes[0].Reason, fmt.Sprintf("deployment %d", d.ID)) {
		s.t.Fatalf("freezes: %+v", freezes)
	}
	before := s.look()
	next := s.edit("the next one", s.describe(6, "after the freeze"))
	s.approve(next)
	s.await("it says that it waits", 30*time.Second, func(ctx context.Context) bool {
		all, err := s.Parts.DB.Deployments(ctx, next.ID)
		return err == nil && len(all) == 1 && all[0].State == peering.DeploymentQueued &&
			strings.Contains(s.details(ctx, fmt.Sprintf("deployment/%d", all[0].ID)), "frozen")
	})
	s.untouched(before)
	_, err = s.Parts.DB.LiftFreeze(ctx, s.admin, freezes[0].ID)
	s.must(err)
	s.inState(next.ID, time.Minute, peering.ChangeCompleted)
	if !strings.Contains(s.boot(), "after the freeze") {
		s.t.Error("the freeze is lifted, and the change isn't on the router")
	}
}

func exportMistake(s *scene) {
	before, up := s.look(), s.uptimes()
	c := s.edit("announce more", update(0, peering.ObjectRoutingPolicy, s.policy("peers-out").ID, `{"context": {"announce": "all"}}`))
	watched := s.peer(10)
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	var had, most atomic.Int64
	go func() {
		var began time.Time
		for ; ctx.Err() == nil; pauseFor(ctx, 10*time.Millisecond) {
			n := int64(watched.Received(ctx, s.ourAddr()))
			if n <= 13 {
				continue
			}
			if began.IsZero() {
				began = time.Now()
			}
			had.Store(int64(time.Since(began)))
			most.Store(max(most.Load(), n))
		}
	}()
	s.approve(c)
	if c = s.ends(c.ID); c.State != peering.ChangeRolledBack || !strings.Contains(c.Outcome, "expected 3 (limit 13)") {
		s.t.Fatalf("%s: %s", c.State, c.Outcome)
	}
	if d := s.deployment(c); !d.ConfirmSentAt.IsZero() {
		s.t.Errorf("confirm sent at %s", d.ConfirmSentAt)
	}
	s.untouched(before)
	s.await("every peer has what it had", 20*time.Second, func(ctx context.Context) bool {
		for i := range s.sessions {
			if s.peer(i).Received(ctx, s.ourAddr()) != 3 {
				return false
			}
		}
		return true
	})
	cancel()
	s.unbroken(up)
	s.settled() // an overlay that was taken back leaves no session deploying, nor reverted
	s.shows(s.sessions[10].ID, peering.ShowUp, peering.InSync)
	s.t.Logf("a peer had up to %d prefixes, for %s", most.Load(), time.Duration(had.Load()).Round(10*time.Millisecond))
	if most.Load() == 0 {
		s.t.Error("the mistake never reached the peer: this proves nothing")
	}
	if time.Duration(had.Load()) > 20*time.Second {
		s.t.Errorf("the peer had them for %s", time.Duration(had.Load()))
	}
}

// importMistake makes the whole Internet a prefix of ours: every import filter then refuses all.
func importMistake(s *scene) {
	ctx := context.Background()
	name := fmt.Sprintf("as%d_%d", peerAS(10), s.sessions[10].ID)
	takes := func(context.Context) bool {
		return strings.Contains(s.birdc("show", "route", "protocol", name, "count"), "3 of ")
	}
	s.await("the edge accepts what a peer announces", 30*time.Second, takes)
	us, err := s.Parts.DB.AutonomousSystems().List(ctx, []peering.Filter{{Field: "asn", Values: []string{fmt.Sprint(uint32(ourAS))}}}, peering.Page{Limit: 1})
	s.must(err)
	before, up := s.look(), s.uptimes()
	c := s.edit("our prefixes", update(0, peering.ObjectAutonomousSystem, us.Items[0].ID, `{"context": {"own_prefixes": ["0.0.0.0/0"]}}`))
	s.wants(s.plan(c).Impact.Line(), "changes imports of ")
	s.approve(c)
	c = s.ends(c.ID)
	d := s.deployment(c)
	if c.State != peering.ChangeRolledBack || !d.ConfirmSentAt.IsZero() ||
		!check(d.Verdict, "band", peering.CheckFailed, s.host(firstPeer+10).String()+" ipv4: none of 3 prefixes received is accepted (3 before)") {
		s.t.Fatalf("%s, confirm sent at %s: %s; verdict %+v", c.State, d.ConfirmSentAt, c.Outcome, d.Verdict)
	}
	s.untouched(before)
	s.await("the edge accepts them again", 20*time.Second, takes)
	s.unbroken(up)
	s.settled()
}

func pauseFor(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}

func peerShutsDown(s *scene) {
	ctx, up := context.Background(), s.uptimes()
	c := s.edit("a name", s.describe(7, "while a peer works"))
	s.approve(c)
	s.soaking(c)
	s.must(s.peer(20).Disable(ctx, s.ourAddr(), "maintenance 4711"))
	s.inState(c.ID, time.Minute, peering.ChangeCompleted)
	if v := s.deployment(c).Verdict; !check(v, "collateral", peering.CheckRecorded, "maintenance 4711") {
		s.t.Errorf("the verdict doesn't record the peer's shutdown: %+v", v)
	}
	s.unbroken(up, s.host(firstPeer+20))
	s.must(s.peer(20).Enable(ctx, s.ourAddr()))
	s.await("the peer is back", 30*time.Second, func(ctx context.Context) bool { return s.peer(20).State(ctx, s.ourAddr()) == bgp.Established })
}

func dropsFive(s *scene) {
	before, up := s.look(), s.uptimes()
	var ops []peering.Operation
	var dropped []netip.Addr
	for i := 24; i < 29; i++ {
		dropped = append(dropped, s.host(firstPeer+i))
		ops = append(ops, update(s.sessions[i].RouterID, peering.ObjectSession, s.sessions[i].ID, `{"local_asn": 64500}`))
	}
	c := s.edit("another number of ours, which those peers don't expect", ops...)
	s.approve(c)
	c = s.ends(c.ID)
	d := s.deployment(c)
	if c.State != peering.ChangeRolledBack || !check(d.Verdict, "collateral", peering.CheckFailed, "5 of ") {
		s.t.Fatalf("%s: %s; verdict %+v", c.State, c.Outcome, d.Verdict)
	}
	s.untouched(before)
	s.await("the five are back", 30*time.Second, func(ctx context.Context) bool { return s.established(ctx) == len(handmade)+36 })
	s.unbroken(up, dropped...)
}

// breaking does something at the moment before a commit is sent.
type breaking struct{ do atomic.Pointer[func()] }

type breakingStore struct {
	activities.DeploymentStore
	at *breaking
}

func (b *breaking) wire(o *up.Options) {
	o.Wire = func(a worker.Activities) { a.Deploying.Deployments = breakingStore{a.Deploying.Deployments, b} }
}

func (s breakingStore) MarkCommitSent(ctx context.Context, id int64, at, deadline time.Time) (bool, error) {
	if do := s.at.do.Swap(nil); do != nil {
		(*do)()
	}
	return s.DeploymentStore.MarkCommitSent(ctx, id, at, deadline)
}

// silentPath breaks the paths to some of the other sides at the moment of the commit.
func silentPath(s *scene, b *breaking, want string, broken ...netip.Addr) {
	before, up := s.look(), s.uptimes()
	do := func() {
		for _, at := range broken {
			s.peers[at].Freeze()
		}
	}
	thaw := func() {
		for _, at := range broken {
			s.peers[at].Thaw()
		}
	}
	defer thaw()
	c := s.edit("a name", s.describe(8, "while a path breaks"))
	b.do.Store(&do)
	s.approve(c)
	c = s.ends(c.ID)
	d := s.deployment(c)
	if c.State != peering.ChangeRolledBack {
		s.t.Fatalf("%s: %s", c.State, c.Outcome)
	}
	if !d.ConfirmSentAt.IsZero() || !check(d.Verdict, "collateral", peering.CheckFailed, want) {
		s.t.Errorf("confirm sent at %s, verdict %+v", d.ConfirmSentAt, d.Verdict)
	}
	s.untouched(before)
	thaw()
	s.await("the path works again", time.Minute, func(ctx context.Context) bool { return s.established(ctx) == len(handmade)+36 })
	s.unbroken(up, broken...)
}

// ref is how a session names a password.
func ref(r peering.SecretRef) string {
	text, _ := json.Marshal(r) // two numbers always marshal
	return string(text)
}
