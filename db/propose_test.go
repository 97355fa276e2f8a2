package db_test

import (
	"encoding/json"
	"net/netip"
	"strings"
	"testing"
	"time"

	"peerflow/internal/peering"
)

// proposal brings a fresh change to where a person may paste it on edge1.
func (s *stage) proposal() (peering.Change, int64) {
	s.Helper()
	change, id := s.toPropose()
	s.must(s.ProposeDeployment(s.Context(), id))
	return change, id
}

// toPropose is that before the gate.
func (s *stage) toPropose() (peering.Change, int64) {
	s.Helper()
	s.run(`UPDATE router SET mode = 'propose' WHERE id = $1`, s.edge1)
	change := s.draft(s.create(s.edge1))
	p, texts := planOn(change.ID, "protocol bgp pasted {}", s.edge1)
	p.Routers[0].Mode = peering.Propose
	plan, err := s.StorePlan(s.Context(), p, texts, "")
	s.must(err)
	s.must(s.MoveChange(s.Context(), change.ID, peering.ChangePlanned, "planned", ""))
	s.must(s.MoveChange(s.Context(), change.ID, peering.ChangeAwaitingApproval, "waits for approval", ""))
	s.approve(change, plan)
	id, err := s.SubmitDeployment(s.Context(), change.ID, plan.ID, s.edge1)
	s.must(err)
	s.must(s.StoreBaseline(s.Context(), id, peering.BaselineRecord{Artifact: "protocol bgp {}\n", ReadAt: time.Now()}))
	change, err = s.Change(s.Context(), change.ID)
	s.must(err)
	return change, id
}

// standing is what the record says of a proposal.
func (s *stage) standing(id int64) peering.ProposalStanding {
	s.Helper()
	standing, err := s.ProposalStanding(s.Context(), id)
	s.must(err)
	return standing
}

// judge stores a verdict on what runs of a deployment now.
func (s *stage) judge(id int64, v peering.Verdict) error {
	return s.StoreVerdict(s.Context(), id, s.deployment(id).CommittedAt, v)
}

func TestAProposalNeverWritesAndNeverHoldsTheQueue(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	change, id := s.proposal()
	d := s.deployment(id)
	if d.State != peering.DeploymentProposed || d.Mode != peering.Propose || d.ProposedAt.IsZero() || d.Deadline.Sub(d.ProposedAt).Round(time.Hour) != peering.ProposalPatience {
		t.Errorf("proposed as %+v", d)
	}
	if s.state(change.ID) != peering.ChangeDeploying {
		t.Errorf("the change is %s", s.state(change.ID))
	}
	s.must(s.ProposeDeployment(t.Context(), id)) // twice is the same as once
	if again := s.deployment(id); !again.ProposedAt.Equal(d.ProposedAt) {
		t.Error("proposed anew")
	}
	s.refused(s.begin(id), peering.Denied, "is a proposal", "peerflow change paste 1")
	_, err := s.TakeFence(t.Context(), id)
	s.refused(err, peering.Conflict, "it writes nothing")
	_, err = s.MarkCommitSent(t.Context(), id, now, now)
	s.refused(err, peering.Conflict, "is proposed")
	if open, err := s.OpenDeployments(t.Context(), s.edge1); err != nil || len(open) != 0 {
		t.Errorf("the router's queue has %+v, %v", open, err)
	}
	if busy, err := s.BusyRouters(t.Context()); err != nil || len(busy) != 0 {
		t.Errorf("busy routers %v, %v", busy, err)
	}
	open, err := s.OpenProposals(t.Context(), 0)
	s.must(err)
	if len(open) != 1 || open[0].ID != id {
		t.Errorf("open proposals %+v", open)
	}
	if open, err = s.OpenProposals(t.Context(), s.edge2); err != nil || len(open) != 0 {
		t.Errorf("on another router %+v, %v", open, err)
	}
	ledger, err := s.Ledger(t.Context(), s.edge1)
	s.must(err)
	if _, announced := ledger["protocol/as64501_1"]; !announced {
		t.Error("what a person may paste isn't in the ledger")
	}
	s.refused(s.MoveChange(t.Context(), change.ID, peering.ChangeFailed, "", "lost"), peering.Conflict, "while deployment 1 is proposed on router edge1")
}

func TestAProposalIsConfirmedByAReadAndAVerdict(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	change, id := s.proposal()
	confirmed := peering.DeploymentEnd{State: peering.DeploymentConfirmed, Outcome: "pasted", Stanzas: map[string]string{"protocol/as64501_1": peering.HashText("x")}}
	passed := peering.Verdict{Outcome: peering.CheckPassed, At: now}
	s.refused(s.judge(id, passed), peering.Conflict, "it isn't being verified")
	s.refused(s.EndDeployment(t.Context(), id, confirmed), peering.Denied, "isn't verified")
	s.must(s.MarkPasted(t.Context(), id, "generation-2"))
	s.refused(s.EndDeployment(t.Context(), id, confirmed), peering.Denied, "isn't verified")
	s.must(s.StoreBaseline(t.Context(), id, peering.BaselineRecord{Artifact: "another\n"})) // too late: what is compared with stays
	if d := s.deployment(id); d.ArtifactHash != peering.HashText("protocol bgp {}\n") {
		t.Error("the artifact moved after it was pasted")
	}
	_, err := s.Routers().Patch(t.Context(), s.approver, s.edge1, 0, json.RawMessage(`{"mode": "observe"}`))
	s.refused(err, peering.Conflict, "deployment 1 of change 1 is proposed", "peerflow change cancel 1")

	s.must(s.judge(id, passed))
	s.must(s.ForgetPaste(t.Context(), id))
	if d := s.deployment(id); d.Verdict != nil || !d.CommittedAt.IsZero() {
		t.Errorf("after it was gone: %+v", d)
	}
	s.must(s.MarkPasted(t.Context(), id, "generation-3"))
	s.must(s.judge(id, passed))
	s.freeze(peering.Freeze{Scope: peering.FreezeAll, Reason: "storm"}) // never between the paste and the verdict
	s.must(s.EndDeployment(t.Context(), id, confirmed))
	if n := s.one(`SELECT count(*) FROM session WHERE sync = 'in_sync'`); n != 1 {
		t.Errorf("%d sessions are in sync", n)
	}
	settled, err := s.SettleChange(t.Context(), change.ID)
	s.must(err)
	if settled.State != peering.ChangeCompleted {
		t.Errorf("settled as %s: %s", settled.State, settled.Outcome)
	}
}

// A worker that judged one paste, and comes late, neither passes the next one nor shortens its soak.
func TestAVerdictOnOnePasteCountsForNoOther(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	_, id := s.proposal()
	passed := peering.Verdict{Outcome: peering.CheckPassed, At: now}
	s.must(s.MarkPasted(t.Context(), id, "g"))
	first := s.deployment(id).CommittedAt
	s.must(s.ForgetPaste(t.Context(), id))
	s.refused(s.StoreVerdict(t.Context(), id, first, passed), peering.Conflict)
	before, err := s.DatabaseTime(t.Context())
	s.must(err)
	s.must(s.MarkPasted(t.Context(), id, "g"))
	if second := s.deployment(id).CommittedAt; second.Before(before) {
		t.Errorf("pasted at %s, before it was marked at %s", second, before)
	}
	s.refused(s.StoreVerdict(t.Context(), id, first, passed), peering.Conflict, "pasted anew since")
	s.refused(s.StoreVerdict(t.Context(), id, time.Time{}, passed), peering.Conflict, "pasted anew since")
	if d := s.deployment(id); d.Verdict != nil {
		t.Errorf("the verdict on the first counts for the second: %+v", d.Verdict)
	}
}

func TestAProposalStandsAsLongAsPeopleWantIt(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		hinder func(*stage, peering.Change)
		want   peering.ProposalStanding // Why holds these words
	}{
		"a cancel":                   {func(s *stage, c peering.Change) { s.must(s.order(s.other, c, peering.CommandCancel)) }, peering.ProposalStanding{End: peering.DeploymentCancelled, Why: "cancelled by carol: because"}},
		"a vote that was taken back": {func(s *stage, c peering.Change) { s.must(s.order(s.approver, c, peering.CommandRevoke)) }, peering.ProposalStanding{End: peering.DeploymentCancelled, Why: "0 of 1 approvals"}},
		"a rejection of what was approved": {func(s *stage, c peering.Change) {
			plan, err := s.Plan(s.Context(), c.PlanID)
			s.must(err)
			s.vote(s.other, c, plan, peering.Reject)
		}, peering.ProposalStanding{End: peering.DeploymentCancelled, Why: "carol rejected the plan"}},
		"a router that is managed meanwhile": {func(s *stage, _ peering.Change) { s.run(`UPDATE router SET mode = 'manage' WHERE id = $1`, s.edge1) },
			peering.ProposalStanding{End: peering.DeploymentStale, Why: "router edge1 is in mode manage now"}},
		"a router that is only observed": {func(s *stage, _ peering.Change) { s.run(`UPDATE router SET mode = 'observe' WHERE id = $1`, s.edge1) },
			peering.ProposalStanding{End: peering.DeploymentCancelled, Why: "mode observe"}},
		"a peering that isn't agreed any more": {func(s *stage, _ peering.Change) { s.suspend() },
			peering.ProposalStanding{End: peering.DeploymentCancelled, Why: "only agreed peerings deploy"}},
		"a freeze holds it": {func(s *stage, _ peering.Change) {
			s.freeze(peering.Freeze{Scope: peering.FreezeAll, Reason: "storm"})
		}, peering.ProposalStanding{Hold: true, Why: "frozen by bob (all, freeze 1): storm"}},
		"another one that is being verified holds it": {func(s *stage, _ peering.Change) {
			_, other := s.proposal()
			s.must(s.MarkPasted(s.Context(), other, "g"))
		}, peering.ProposalStanding{Hold: true, Why: "deployment 2 of change 2 is proposed on router edge1"}},
		"another one that waits doesn't": {func(s *stage, _ peering.Change) { s.proposal() }, peering.ProposalStanding{}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newStage(t)
			change, id := s.proposal()
			test.hinder(s, change)
			got := s.standing(id)
			if got.End != test.want.End || got.Hold != test.want.Hold || !strings.Contains(got.Why, test.want.Why) {
				t.Errorf("it stands as %+v, want %+v", got, test.want)
			}
			err := s.MarkPasted(t.Context(), id, "g")
			if test.want == (peering.ProposalStanding{}) {
				s.must(err)
			} else {
				s.refused(err, peering.Denied, test.want.Why)
			}
			if d := s.deployment(id); d.State != peering.DeploymentProposed {
				t.Errorf("the deployment is %s: only a look at the router ends it", d.State)
			}
		})
	}
}

func TestNothingThatPeopleTookBackIsConfirmed(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	change, id := s.proposal()
	s.must(s.MarkPasted(t.Context(), id, "g"))
	s.must(s.judge(id, peering.Verdict{Outcome: peering.CheckPassed, At: now}))
	s.must(s.order(s.other, change, peering.CommandCancel))
	s.refused(s.EndDeployment(t.Context(), id, peering.DeploymentEnd{State: peering.DeploymentConfirmed, Stanzas: map[string]string{"a": "b"}}), peering.Denied, "cancelled by carol")
	s.must(s.EndDeployment(t.Context(), id, peering.DeploymentEnd{State: peering.DeploymentCancelled, Outcome: "cancelled", Stanzas: map[string]string{}}))
	settled, err := s.SettleChange(t.Context(), change.ID)
	s.must(err)
	if settled.State != peering.ChangeCancelled || s.one(`SELECT count(*) FROM session`) != 0 || s.one(`SELECT count(*) FROM stanza_ledger WHERE absent_at IS NULL`) != 0 {
		t.Errorf("settled as %s: %s, with %d sessions and %d stanzas", settled.State, settled.Outcome, s.one(`SELECT count(*) FROM session`),
			s.one(`SELECT count(*) FROM stanza_ledger WHERE absent_at IS NULL`))
	}
}

func TestAProposalThatFailedIsResolvedByAReadAlone(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	change, id := s.proposal()
	s.must(s.MarkPasted(t.Context(), id, "g"))
	s.must(s.judge(id, peering.Verdict{Outcome: peering.CheckFailed, Reason: "announces 900", At: now}))
	s.must(s.EndDeployment(t.Context(), id, peering.DeploymentEnd{State: peering.DeploymentNeedsOperator, Outcome: "put the earlier text back", Stanzas: map[string]string{"protocol/as64501_1": "x"}}))
	if n := s.one(`SELECT count(*) FROM session`); n != 0 {
		t.Errorf("%d sessions are recorded", n)
	}
	_, other := s.toPropose()
	s.refused(s.ProposeDeployment(t.Context(), other), peering.Denied, "one router, one writer")
	s.refused(s.order(s.other, change, peering.CommandCancel), peering.Conflict, "peerflow change resolve 1")
	s.must(s.EndDeployment(t.Context(), id, peering.DeploymentEnd{State: peering.DeploymentRolledBack, Outcome: "resolved", Stanzas: map[string]string{}}))
	s.must(s.ProposeDeployment(t.Context(), other))
}

func TestTheGateOfAProposalIsThatOfACommit(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	_, id := s.toPropose()
	f := s.freeze(peering.Freeze{Scope: peering.FreezeRouter, RouterID: s.edge1, Reason: "works"})
	s.refused(s.ProposeDeployment(t.Context(), id), peering.Denied, "frozen by bob")
	_, err := s.LiftFreeze(t.Context(), s.approver, f.ID)
	s.must(err)
	s.run(`UPDATE router SET mode = 'manage' WHERE id = $1`, s.edge1)
	s.refused(s.ProposeDeployment(t.Context(), id), peering.Denied, "the plan is that a person pastes it")
	_, _, managed := s.queue(s.edge2)
	s.refused(s.ProposeDeployment(t.Context(), managed[0]), peering.Denied, "isn't a proposal")
	s.run(`UPDATE router SET mode = 'propose' WHERE id = $1`, s.edge2)
	s.refused(s.begin(managed[0]), peering.Denied, "the plan is that peerflow writes it")
}

// A poll that read the router before a proposal was recorded says nothing of it any more.
func TestNoReadOfBeforeMakesAConfirmedProposalDrift(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	_, id := s.proposal()
	basis := func() peering.SyncBasis {
		b, err := s.SyncBasis(t.Context(), s.edge1)
		s.must(err)
		return b
	}
	before := basis()
	if !before.Due || len(before.Proposed) != 1 || before.Proposed[0].Key != "protocol/as64501_1" || before.Proposed[0].After == "" {
		t.Errorf("compared with %+v", before)
	}
	s.must(s.MarkPasted(t.Context(), id, "g"))
	if b := basis(); b.Due {
		t.Error("a router is compared while what was pasted there is verified")
	}
	s.must(s.judge(id, peering.Verdict{Outcome: peering.CheckPassed, At: now}))
	s.must(s.EndDeployment(t.Context(), id, peering.DeploymentEnd{State: peering.DeploymentConfirmed, Outcome: "pasted", Stanzas: map[string]string{"protocol/as64501_1": peering.HashText("x")}}))
	session := s.session(s.one(`SELECT id FROM session`))
	s.must(s.NoteSync(t.Context(), before, map[netip.Addr]peering.SyncEvent{session.PeerAddress: peering.EventOther}))
	s.stands("after a read of before", session.ID, peering.InSync)
	s.must(s.NoteSync(t.Context(), basis(), map[netip.Addr]peering.SyncEvent{session.PeerAddress: peering.EventOther}))
	s.stands("after a read of now", session.ID, peering.Drifted)
}
