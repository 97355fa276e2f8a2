package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/netip"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"peerflow/internal/bgp"
	"peerflow/internal/peering"
	"peerflow/internal/peeringdb/pdbfake"
	"peerflow/standalone/lab"
	"peerflow/standalone/up"
)

// Bad input ends with a text that names the thing and the remedy, leaves the
// router as it was, and a good change works right after it.
func TestBadInputNamesThingAndRemedy(t *testing.T) {
	t.Parallel()
	var left atomic.Int64 // on the disk
	left.Store(1 << 40)
	s := stage(t, 2, func(o *up.Options) { o.Free = func(string) (int64, error) { return left.Load(), nil } })
	router, template := s.router(), s.template()
	mute := s.ourAddr().String() + ":9" // nobody listens there
	rename := func(s *scene) peering.Change { return s.open("a name", s.describe(0, "something else")) }
	peer := func(s *scene) peering.Change { return s.wish(knownAS, "a peer") }
	// Unless a case says otherwise, the change is failed.
	for _, c := range []struct {
		name  string
		spoil func(*scene) (mend func())
		wish  func(*scene) peering.Change
		state peering.ChangeState
		words []string
	}{
		{name: "unknown AS number", wish: func(s *scene) peering.Change { return s.wish(64507, "a typo") },
			words: []string{"PeeringDB has no network AS64507", "check the number"}},
		{name: "no common exchange", wish: func(s *scene) peering.Change { return s.wish(elsewhereAS, "far away") },
			words: []string{"no common exchange with AS64509", "record the exchange", "direct session"}},
		{name: "router that doesn't answer", wish: rename, spoil: editing(router.ID, `{"address": "`+mute+`"}`, `{"address": "`+router.Address+`"}`),
			words: []string{"router edge1", mute}},
		{name: "wrong credentials", wish: rename, spoil: (*scene).strangersKey, words: []string{"router edge1", "refused the login", "check its username and credential"}},
		{name: "changed host key", wish: rename, spoil: (*scene).otherHostKey, words: []string{"router edge1", "host key", "record the new one"}},
		{name: "template with an error", wish: rename, spoil: body(template, "{% for %}"), words: []string{"template starter", "line 1"}},
		{name: "undefined variable", wish: rename, spoil: body(template, "# {{ session.peer_name }}\n"+template.Body), words: []string{"template starter", "line 1", "session"}},
		{name: "empty rendering", wish: rename, spoil: body(template, " \n"), words: []string{"template starter renders nothing for 2 sessions"}},
		{name: "text of another platform", wish: rename, spoil: body(template, "router bgp 64496\n neighbor 192.0.2.1\n"), words: []string{"template starter", "platform bird", "line 1"}},
		{name: "router in observe, named by an edit", wish: rename, spoil: editing(router.ID, `{"mode": "observe"}`, `{"mode": "manage"}`),
			words: []string{"router edge1", "mode observe", "peerflow router mode edge1 propose"}},
		{name: "router in observe, at a peer's exchange", wish: peer, spoil: editing(router.ID, `{"mode": "observe"}`, `{"mode": "manage"}`),
			state: peering.ChangeCompleted, words: []string{"nothing to configure", "router edge1 is in mode observe"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := s.in(t)
			if c.spoil != nil {
				mend := c.spoil(s)
				defer mend()
			}
			if c.state == "" {
				c.state = peering.ChangeFailed
			}
			before, up := s.look(), s.uptimes()
			ended := s.ends(c.wish(s).ID)
			if ended.State != c.state {
				t.Errorf("%s, want %s: %s", ended.State, c.state, ended.Outcome)
			}
			t.Log(ended.Outcome)
			for _, w := range c.words {
				s.wants(ended.Outcome, w)
			}
			s.untouched(before)
			s.unbroken(up)
			s.leftNothing(ended)
		})
	}
	up := s.uptimes()
	t.Run("our own AS number", func(t *testing.T) { s.in(t).withOurselves() })
	t.Run("a neighbor by somebody else's hand", func(t *testing.T) { s.in(t).neighborByHand() })
	t.Run("one of two neighbors by somebody else's hand", func(t *testing.T) { s.in(t).oneOfTwoByHand() })
	t.Run("a neighbor that somebody closed", func(t *testing.T) { s.in(t).closedByHand() })
	t.Run("PeeringDB is away", func(t *testing.T) { s.in(t).withoutPeeringDB() })
	t.Run("somebody's commit waits on the router", func(t *testing.T) { s.in(t).behindAnotherCommit() })
	t.Run("the disk is nearly full", func(t *testing.T) { s.in(t).fullDisk(&left) })
	s.unbroken(up)
	t.Run("a good change works after all that", func(t *testing.T) {
		s := s.in(t)
		s.deploy(s.provision(knownAS, "at last"))
		if !s.runs("64501") {
			t.Error("AS64501 isn't on the router")
		}
		again := s.ends(s.wish(knownAS, "once more").ID)
		s.unbroken(up)
		if again.State != peering.ChangeCompleted || !strings.Contains(again.Outcome, "nothing to configure") || !strings.Contains(again.Outcome, fmt.Sprintf("session %d exists", s.session(knownAS).ID)) {
			t.Errorf("the same peer again is %s: %s", again.State, again.Outcome)
		}
	})
}

// withOurselves is refused at the door: PeeringDB, which has no such network, isn't asked.
func (s *scene) withOurselves() {
	before := s.look()
	status, answer := s.post("/api/v1/peerings", fmt.Sprintf(`{"asn": %d}`, uint32(ourAS)))
	if status != http.StatusUnprocessableEntity || !strings.Contains(answer, "AS64496 is one of our own AS numbers: a network doesn't peer with itself") {
		s.t.Errorf("%d %s", status, answer)
	}
	s.untouched(before)
}

// writtenByHand writes a neighbor into the edge's own configuration, and later takes it out again.
func (s *scene) writtenByHand(asn bgp.ASN, at netip.Addr) (mend func()) {
	s.t.Helper()
	main, err := os.ReadFile(s.edge.Main)
	s.must(err)
	text := fmt.Sprintf("protocol bgp byhand {\n local %s as %d;\n neighbor %s port %d as %d;\n multihop 2;\n ipv4 { import none; export none; };\n}\n",
		s.ourAddr(), ourAS, at, lab.DefaultBGPPort, asn)
	s.must(os.WriteFile(s.edge.Main, append([]byte(text), main...), 0o600))
	s.birdc("configure")
	return func() {
		s.must(os.WriteFile(s.edge.Main, main, 0o600))
		s.birdc("configure")
	}
}

// neighborByHand is planned around by nobody: neither when it is there before
// the plan nor when it comes between approval and commit.
func (s *scene) neighborByHand() {
	refused := func(c peering.Change) {
		s.t.Helper()
		ended := s.ends(c.ID)
		if ended.State != peering.ChangeFailed {
			s.t.Errorf("%s: %s", ended.State, ended.Outcome)
		}
		s.t.Log(ended.Outcome)
		for _, w := range []string{"nothing is left to configure", s.newcomer(openAS).String() + ": configured by hand on edge1 as byhand (AS64510", "peerflow peer AS64510 again"} {
			s.wants(ended.Outcome, w)
		}
		s.leftNothing(ended)
	}
	mend := s.writtenByHand(openAS, s.newcomer(openAS))
	before := s.look()
	refused(s.wish(openAS, "there already"))
	s.untouched(before)
	mend()

	c := s.provision(openAS, "there by the time of the commit")
	mend = s.writtenByHand(openAS, s.newcomer(openAS))
	before = s.look()
	s.approve(c)
	refused(c)
	s.untouched(before)
	mend()
}

// oneOfTwoByHand: the one is left out and says so, the other goes on.
func (s *scene) oneOfTwoByHand() {
	mend := s.writtenByHand(twinAS, s.host(twins[0]))
	c := s.provision(twinAS, "one of two is there by hand")
	if len(c.Omissions) != 1 || c.Omissions[0].Code != peering.OmitForeign || c.Omissions[0].PeerAddress != s.host(twins[0]).String() {
		s.t.Errorf("left out: %+v", c.Omissions)
	}
	plan := s.plan(c)
	if touched := plan.Routers[0].Touched; len(touched) != 1 || touched[0].Neighbor != s.host(twins[1]) || !touched[0].Added {
		s.t.Errorf("the plan touches %+v", touched)
	}
	if shown := s.cli("change", "show", fmt.Sprint(c.ID)); !strings.Contains(shown, "foreign") || !strings.Contains(shown, "configured by hand on edge1 as byhand") {
		s.t.Errorf("shown as\n%s", shown)
	}
	s.deploy(c)
	running := s.birdc("show", "protocols", "all")
	if strings.Count(running, "Neighbor address: "+s.host(twins[0]).String()+"\n") != 1 || strings.Count(running, "Neighbor address: "+s.host(twins[1]).String()+"\n") != 1 {
		s.t.Errorf("the router runs\n%s", running)
	}
	if session := s.session(twinAS); session.PeerAddress != s.host(twins[1]) {
		s.t.Errorf("recorded with %s", session.PeerAddress)
	}
	mend()

	// Taken out by hand, it is planned like any other.
	again := s.provision(twinAS, "it was taken out")
	if touched := s.plan(again).Routers[0].Touched; len(touched) != 1 || touched[0].Neighbor != s.host(twins[0]) {
		s.t.Errorf("the plan touches %+v", touched)
	}
	s.cancel(again)
}

// leftNothing checks that a change that failed keeps no part of its overlay open.
func (s *scene) leftNothing(c peering.Change) {
	s.t.Helper()
	ops, err := s.Parts.DB.Operations(context.Background(), c.ID)
	s.must(err)
	for _, op := range ops {
		if op.DiscardedAt.IsZero() || !op.AppliedAt.IsZero() {
			s.t.Errorf("operation %d of a change that ended %s: applied %s, discarded %s", op.ID, c.State, op.AppliedAt, op.DiscardedAt)
		}
	}
}

// editing edits the router's record, and later edits it back.
func editing(id int64, spoil, mend string) func(*scene) func() {
	edit := func(s *scene, patch string) {
		_, err := s.Parts.DB.Routers().Patch(context.Background(), s.admin, id, 0, []byte(patch))
		s.must(err)
	}
	return func(s *scene) func() {
		edit(s, spoil)
		return func() { edit(s, mend) }
	}
}

// body gives the template another text for a while.
func body(t peering.Template, text string) func(*scene) func() {
	edit := func(s *scene, text string) {
		patch, err := json.Marshal(map[string]string{"body": text})
		s.must(err)
		_, err = s.Parts.DB.Templates().Patch(context.Background(), s.admin, t.ID, 0, patch)
		s.must(err)
	}
	return func(s *scene) func() {
		edit(s, text)
		return func() { edit(s, t.Body) }
	}
}

func (s *scene) strangersKey() func() {
	router := s.router()
	r, err := s.Parts.DB.PutSecret(context.Background(), s.admin, "a stranger's login", s.other.PrivateKey)
	s.must(err)
	return editing(router.ID, `{"login": `+ref(r)+`}`, `{"login": `+ref(router.Login)+`}`)(s)
}

func (s *scene) otherHostKey() func() {
	router := s.router()
	return editing(router.ID, `{"host_key": "`+s.other.HostKey+`"}`, `{"host_key": "`+router.HostKey+`"}`)(s)
}

// withoutPeeringDB goes on with what the mirror knows.
func (s *scene) withoutPeeringDB() {
	for _, t := range peering.PDBTypes {
		s.pdb.Fail(t, pdbfake.ServerError)
	}
	defer s.pdb.Heal()
	before := s.look()
	c := s.provision(knownAS, "while PeeringDB is away")
	s.wants(s.story(c.ID), "PeeringDB couldn't be asked for AS64501: planning with the mirror's view")
	c = s.inState(c.ID, 2*time.Minute, peering.ChangeAwaitingApproval)
	shown := s.output("change", "show", fmt.Sprint(c.ID))
	s.wants(shown, "PeeringDB's data on AS64501 is from 20")
	s.wants(shown, "PeeringDB couldn't be asked since (peeringdb net: unavailable (HTTP 5")
	s.cancel(c)
	s.untouched(before)
}

// fullDisk holds new commits back, says so, and lets them go on when there is room.
func (s *scene) fullDisk(left *atomic.Int64) {
	room := left.Swap(100 << 20)
	before := s.look()
	c := s.edit("a name", s.describe(0, "on a full disk"))
	s.approve(c)
	s.await("the change says that the disk is nearly full", time.Minute, func(ctx context.Context) bool {
		now, err := s.Parts.DB.Change(ctx, c.ID)
		return err == nil && strings.Contains(now.Step, "100 MiB are free at "+s.Dir()+": make room, at least 512 MiB")
	})
	s.untouched(before)
	left.Store(room)
	s.inState(c.ID, 2*time.Minute, peering.ChangeCompleted)
}

// closedByHand stays closed: a commit that is about something else would open it.
func (s *scene) closedByHand() {
	defer s.writtenByHand(openAS, s.newcomer(openAS))()
	c := s.edit("a name", s.describe(1, "while byhand is closed"))
	if line := s.plan(c).Impact.Line(); strings.Contains(line, "warning") {
		s.t.Errorf("nothing is closed yet, and the plan says %q", line)
	}
	s.birdc("disable", "byhand")
	warned := s.edit("another name", s.describe(0, "planned while byhand is closed"))
	for _, w := range []string{"warning: router edge1: any commit would open", "byhand (" + s.newcomer(openAS).String() + ")", "birdc enable byhand", "until then the commit is refused"} {
		s.wants(s.plan(warned).Impact.Line(), w)
	}
	s.cancel(warned)
	before := s.look()
	s.approve(c)
	c = s.ends(c.ID)
	if c.State != peering.ChangeFailed {
		s.t.Errorf("%s: %s", c.State, c.Outcome)
	}
	s.t.Log(c.Outcome)
	for _, w := range []string{"router edge1", "byhand (" + s.newcomer(openAS).String() + ")", "birdc enable byhand", "\"disabled;\"", "nothing was written"} {
		s.wants(c.Outcome, w)
	}
	s.untouched(before)
	s.leftNothing(c)
	if out, err := s.edge.Birdc(context.Background(), "show", "protocols", "byhand"); err != nil || !strings.Contains(out, " down ") {
		s.t.Errorf("byhand is open (%v):\n%s", err, out)
	}
}

func (s *scene) behindAnotherCommit() {
	c := s.edit("a name", s.describe(1, "behind another commit"))
	s.birdc("configure", "timeout", "120")
	before := s.look()
	s.approve(c)
	c = s.ends(c.ID)
	if c.State != peering.ChangeFailed {
		s.t.Errorf("%s: %s", c.State, c.Outcome)
	}
	s.t.Log(c.Outcome)
	for _, w := range []string{"edge1", "another commit waits for its confirmation", "nothing was written"} {
		s.wants(c.Outcome, w)
	}
	s.untouched(before)
	s.leftNothing(c)
	s.birdc("configure", "confirm")
}
