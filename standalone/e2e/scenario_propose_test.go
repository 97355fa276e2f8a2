package e2e

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"peerflow/api"
	"peerflow/internal/bgp"
	"peerflow/internal/peering"
	"peerflow/standalone/lab"
)

// A router in mode propose: a person pastes what was approved, peerflow verifies
// it by the same checks as its own commits, and never writes anything there.
func TestAPersonPastesWhatWasApproved(t *testing.T) {
	t.Parallel()
	s := stage(t, 0)
	ctx := context.Background()
	s.cli("router", "mode", "edge1", "propose", "--yes")
	peer, up := s.peers[s.newcomer(knownAS)], s.uptimes()

	c := s.provision(knownAS, "to paste")
	if line := s.plan(c).Impact.Line(); !strings.Contains(line, "a person pastes it on edge1") {
		t.Errorf("impact %q", line)
	}
	before := s.files()
	s.approve(c)
	dep := s.proposed(c)
	if text := s.cli("change", "show", fmt.Sprint(c.ID)); !strings.Contains(text, "peerflow change paste") {
		t.Errorf("change show doesn't say how to go on:\n%s", text)
	}
	s.looks(dep, 2)
	s.same("before anybody pasted it", before)
	if s.deployment(c).State != peering.DeploymentProposed {
		t.Fatalf("it is %s", s.deployment(c).State)
	}

	// A part of it is nothing yet.
	whole := s.cli("change", "paste", fmt.Sprint(c.ID), "--text")
	filters, _, found := strings.Cut(whole, "protocol bgp")
	if !found {
		t.Fatalf("to paste is\n%s", whole)
	}
	s.paste(filters)
	s.await("the change says that a part runs", time.Minute, func(ctx context.Context) bool {
		now, err := s.Parts.DB.Change(ctx, c.ID)
		return err == nil && strings.Contains(now.Step, "runs a part of it") && strings.Contains(now.Step, "as before: protocol/")
	})

	s.paste(whole)
	s.must(peer.AddNeighbor(ctx, lab.PeerNeighbor{ASN: ourAS, Address: s.ourAddr()}))
	pasted := s.files()
	c = s.inState(c.ID, 2*time.Minute, peering.ChangeCompleted)
	dep = s.deployment(c)
	if dep.State != peering.DeploymentConfirmed || dep.Verdict == nil || dep.Verdict.Outcome != peering.CheckPassed || dep.Mode != peering.Propose || dep.ProposedAt.IsZero() || !dep.CommitSentAt.IsZero() {
		t.Errorf("deployment %+v", dep)
	}
	if now := s.sessionWith(knownAS); now.Intent != peering.Present || s.synced(now.ID) != "in_sync" {
		t.Errorf("session %+v is %s", now, s.synced(now.ID))
	}
	ledger, err := s.Parts.DB.Ledger(ctx, dep.RouterID)
	s.must(err)
	if len(ledger) != len(s.plan(c).Routers[0].Moves) {
		t.Errorf("the ledger has %v", ledger)
	}
	s.await("it is up with our 3 prefixes", time.Minute, func(ctx context.Context) bool {
		return peer.State(ctx, s.ourAddr()) == bgp.Established && peer.Received(ctx, s.ourAddr()) == len(ourPrefixes)
	})
	s.same("after it was pasted", pasted)
	s.unbroken(up)

	t.Run("a leak that was pasted needs an operator", func(t *testing.T) { s.in(t).pastesALeak(peer) })
	t.Run("what is cancelled before it was pasted claims nothing", func(t *testing.T) { s.in(t).cancelsAProposal() })
}

// pastesALeak pastes a change whose export filter leaks, and puts the earlier text back.
func (s *scene) pastesALeak(peer *lab.Peer) {
	s.polls(2)
	earlier, err := os.ReadFile(s.edge.Owned)
	s.must(err)
	c := s.edit("announce everything", update(0, peering.ObjectRoutingPolicy, s.policy("peers-out").ID, `{"context": {"announce": "all"}}`))
	s.approve(c)
	s.looks(s.proposed(c), 1)
	s.paste(s.cli("change", "paste", fmt.Sprint(c.ID), "--text"))
	pasted := s.files()
	c = s.inState(c.ID, 2*time.Minute, peering.ChangeNeedsOperator)
	dep := s.deployment(c)
	if v := dep.Verdict; v == nil || v.Outcome != peering.CheckFailed || !strings.Contains(v.Reason, "prefixes, expected 3") {
		s.t.Errorf("verdict %+v", v)
	}
	for _, want := range []string{"its verification failed", "prefixes, expected 3", "--earlier", fmt.Sprintf("peerflow change resolve %d", c.ID)} {
		if !strings.Contains(dep.Outcome, want) {
			s.t.Errorf("the outcome doesn't say %q: %s", want, dep.Outcome)
		}
	}
	s.same("while it leaks", pasted)
	back := s.cli("change", "paste", fmt.Sprint(c.ID), "--text", "--earlier")
	if back != string(earlier) {
		s.t.Errorf("the earlier text is\n%s\nand was\n%s", back, earlier)
	}
	s.paste(back)
	s.cli("change", "resolve", fmt.Sprint(c.ID))
	if c = s.ends(c.ID); c.State != peering.ChangeRolledBack {
		s.t.Errorf("it ended %s: %s", c.State, c.Outcome)
	}
	s.await("our 3 prefixes again", time.Minute, func(ctx context.Context) bool { return peer.Received(ctx, s.ourAddr()) == len(ourPrefixes) })
	if p := s.policy("peers-out"); strings.Contains(string(p.Context), `"all"`) {
		s.t.Errorf("the record has the leak: %s", p.Context)
	}
}

// cancelsAProposal ends one that nobody pasted.
func (s *scene) cancelsAProposal() {
	session := s.sessionWith(knownAS)
	c := s.edit("not needed after all", update(session.RouterID, peering.ObjectSession, session.ID, `{"description": "never"}`))
	s.approve(c)
	s.looks(s.proposed(c), 1)
	before := s.files()
	s.cli("change", "cancel", fmt.Sprint(c.ID), "--reason", "a test")
	if c = s.ends(c.ID); c.State != peering.ChangeCancelled || !strings.Contains(c.Outcome, "nothing is claimed: router edge1 runs nothing of it") {
		s.t.Errorf("it ended %s: %s", c.State, c.Outcome)
	}
	s.same("after the cancel", before)
}

// proposed waits until a person may paste a change, and gives its deployment.
func (s *scene) proposed(c peering.Change) peering.Deployment {
	s.t.Helper()
	var d peering.Deployment
	s.await(fmt.Sprintf("change %d is proposed", c.ID), time.Minute, func(ctx context.Context) bool {
		all, err := s.Parts.DB.Deployments(ctx, c.ID)
		if err != nil || len(all) == 0 {
			return false
		}
		if d = all[len(all)-1]; d.State.Ended() {
			s.t.Fatalf("it ended %s: %s", d.State, d.Outcome)
		}
		return d.State == peering.DeploymentProposed
	})
	var shown []api.ProposalView
	s.must(json.Unmarshal([]byte(s.cli("change", "paste", fmt.Sprint(c.ID), "--json")), &shown))
	if len(shown) != 1 || shown[0].Proposal == nil || !strings.Contains(shown[0].Proposal.Where, s.edge.Owned) || !strings.HasSuffix(strings.Join(shown[0].Proposal.Commands, "\n"), " configure") {
		s.t.Errorf("to paste is %+v", shown)
	}
	return d
}

// looks waits until peerflow read the router so many times more for a proposal: each
// takes the baseline anew.
func (s *scene) looks(d peering.Deployment, times int) {
	s.t.Helper()
	last := time.Now()
	s.await(fmt.Sprintf("%d looks at the router", times), 2*time.Minute, func(ctx context.Context) bool {
		now, err := s.Parts.DB.Deployment(ctx, d.ID)
		if err == nil && now.Baseline != nil && now.Baseline.TakenAt.After(last) {
			last, times = now.Baseline.TakenAt, times-1
		}
		return times <= 0
	})
}

// paste is what a person does with a text.
func (s *scene) paste(text string) {
	s.t.Helper()
	s.must(os.WriteFile(s.edge.Owned, []byte(text), 0o640))
	s.birdc("configure")
}

// files are the router's own and those of our folder on it, with time, size and content.
func (s *scene) files() string {
	s.t.Helper()
	text := ""
	ours, err := filepath.Glob(filepath.Join(filepath.Dir(s.edge.Owned), "*"))
	s.must(err)
	hidden, err := filepath.Glob(filepath.Join(filepath.Dir(s.edge.Owned), ".*"))
	s.must(err)
	for _, f := range append(append([]string{s.edge.Main}, ours...), hidden...) {
		at, err := os.Stat(f)
		s.must(err)
		if at.IsDir() {
			continue
		}
		content, err := os.ReadFile(f)
		s.must(err)
		text += fmt.Sprintf("%s %s %d %x\n", f, at.ModTime().UTC().Format(time.RFC3339Nano), at.Size(), sha256.Sum256(content))
	}
	return text
}

// same checks that nobody wrote to the router's files since.
func (s *scene) same(when, before string) {
	s.t.Helper()
	if now := s.files(); now != before {
		s.t.Errorf("%s, something was written on the router. Before:\n%s\nNow:\n%s", when, before, now)
	}
}

// synced is a session's sync with its router, as recorded.
func (s *scene) synced(session int64) (sync string) {
	s.t.Helper()
	s.must(s.Parts.DB.Pool().QueryRow(context.Background(), `SELECT sync FROM session WHERE id = $1`, session).Scan(&sync))
	return sync
}
