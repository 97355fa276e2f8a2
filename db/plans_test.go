package db_test

import (
	"errors"
	"net/netip"
	"testing"
	"time"

	"peerflow/internal/peering"
)

func TestAnEqualPlanKeepsItsVotesAndAnotherVoidsThem(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	change := s.draft(s.create(s.edge1))
	first := s.plan(change, "protocol bgp one {}", s.edge1)
	s.vote(s.approver, change, first, peering.Approve)

	equal, texts := planOn(change.ID, "protocol bgp one {}", s.edge1)
	equal.Routers[0].Diff, equal.Routers[0].BaseHash = "+ as seen later", peering.HashText("later")
	kept, err := s.StorePlan(t.Context(), equal, texts, "")
	s.must(err)
	if kept.ID != first.ID || kept.Routers[0].Diff != "+ as seen later" || kept.Routers[0].BaseHash != peering.HashText("later") {
		t.Errorf("stored %+v, want plan %d with the new base and diff", kept, first.ID)
	}
	if tally, err := s.TallyVotes(t.Context(), change.ID, kept.ID); err != nil || !tally.Approved {
		t.Errorf("tally %+v, %v: the votes are gone", tally, err)
	}

	other, texts := planOn(change.ID, "protocol bgp two {}", s.edge1)
	next, err := s.StorePlan(t.Context(), other, texts, "protocol/as64501_1 moved")
	s.must(err)
	if next.ID == first.ID {
		t.Error("another hash has the same plan")
	}
	if n := s.one(`SELECT count(*) FROM plan WHERE id = $1 AND voided_at IS NOT NULL AND void_reason = 'protocol/as64501_1 moved'`, first.ID); n != 1 {
		t.Error("the earlier plan isn't void with the reason")
	}
	if n := s.one(`SELECT count(*) FROM vote WHERE plan_id = $1 AND revoked_at IS NULL`, first.ID); n != 0 {
		t.Error("votes on a void plan are valid")
	}
	now, err := s.Change(t.Context(), change.ID)
	s.must(err)
	if now.PlanID != next.ID || now.PlanHash != other.Hash {
		t.Errorf("plan %d %s is in force, want %d", now.PlanID, now.PlanHash, next.ID)
	}
}

func TestAPlanThatWasDeployedToAnEndIsNotKept(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	change, plan, ids := s.queue(s.edge1)
	s.must(s.EndDeployment(t.Context(), ids[0], peering.DeploymentEnd{State: peering.DeploymentStale, Outcome: "protocol/as64501_1 moved"}))
	settled, err := s.SettleChange(t.Context(), change.ID)
	s.must(err)
	if settled.State != peering.ChangeStale {
		t.Fatalf("settled as %s", settled.State)
	}
	if tally, err := s.TallyVotes(t.Context(), change.ID, plan.ID); err != nil || tally.Approved {
		t.Errorf("tally of the stale plan %+v, %v", tally, err)
	}
	same, texts := planOn(change.ID, "protocol bgp 1 {}", s.edge1)
	if same.Hash != plan.Hash {
		t.Fatal("the test wants the same plan again")
	}
	next, err := s.StorePlan(t.Context(), same, texts, "moved back")
	s.must(err)
	if next.ID == plan.ID {
		t.Error("the plan whose deployment ended is in force again: its router could never be deployed to")
	}
}

func TestAPlanIsRefused(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	change, _, ids := s.queue(s.edge1)
	p, texts := planOn(change.ID, "other", s.edge1)
	p.Hash = peering.HashText("made up")
	_, err := s.StorePlan(t.Context(), p, texts, "")
	s.refused(err, peering.Invalid, "isn't the hash of its moves")

	s.soak(ids[0])
	p, texts = planOn(change.ID, "other", s.edge1)
	_, err = s.StorePlan(t.Context(), p, texts, "")
	s.refused(err, peering.Conflict, "deploying")

	p, _ = planOn(s.draft(s.create(s.edge2)).ID, "text that nobody stored", s.edge2)
	_, err = s.StorePlan(t.Context(), p, nil, "")
	s.refused(err, peering.Invalid, "stored text")
}

func TestTextsAreStoredOnceUnderTheirHash(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	for range 2 {
		p, texts := planOn(s.draft(s.create(s.edge1)).ID, "the same", s.edge1)
		_, err := s.StorePlan(t.Context(), p, texts, "")
		s.must(err)
	}
	hash := peering.HashText("the same\n")
	if n := s.one(`SELECT count(*) FROM config_text WHERE hash = $1`, hash); n != 1 {
		t.Errorf("the text is stored %d times", n)
	}
	got, err := s.Texts(t.Context(), []string{hash})
	s.must(err)
	if got[hash] != "the same\n" {
		t.Errorf("got %q", got[hash])
	}
	_, err = s.Texts(t.Context(), []string{hash, peering.HashText("nowhere")})
	s.refused(err, peering.NotFound, peering.HashText("nowhere"))
	s.run(`UPDATE config_text SET text = 'tampered' WHERE hash = $1`, hash)
	_, err = s.Texts(t.Context(), []string{hash})
	s.refused(err, peering.Conflict, "isn't what it was")
}

func TestAPlanComesBackAsItWasStored(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	p, texts := planOn(s.draft(s.create(s.edge1)).ID, "text", s.edge1, s.edge2)
	p.Routers[1].Refers = []peering.Move{{Key: "filter/in", Before: peering.HashText("f"), After: peering.HashText("f")}}
	p.Routers[1].Touched = []peering.TouchedSession{{PeerAS: 64501, Disruption: peering.DisruptsNone, Added: true, Protected: "transit"}}
	p.Hash = peering.PlanHash(p.Routers)
	stored, err := s.StorePlan(t.Context(), p, texts, "")
	s.must(err)
	got, err := s.Plan(t.Context(), stored.ID)
	s.must(err)
	if peering.PlanHash(got.Routers) != p.Hash {
		t.Error("the moves that came back have another hash")
	}
	if got.Routers[0].Router != "edge1" || got.Routers[1].Touched[0].Protected != "transit" || len(got.Routers[1].Refers) != 1 {
		t.Errorf("routers %+v", got.Routers)
	}
	_, err = s.Plan(t.Context(), 999)
	s.refused(err, peering.NotFound, "plan 999")
}

func TestAPlanThatReachesFurtherNeedsNewVotes(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	change := s.draft(s.create(s.edge1))
	first := s.plan(change, "protocol bgp one {}", s.edge1)
	s.vote(s.approver, change, first, peering.Approve)

	further, texts := planOn(change.ID, "protocol bgp one {}", s.edge1)
	further.Routers[0].Touched = append(further.Routers[0].Touched, peering.TouchedSession{
		Neighbor: netip.MustParseAddr("192.0.2.250"), Disruption: peering.DisruptsReset,
	})
	next, err := s.StorePlan(t.Context(), further, texts, "it reaches another session")
	s.must(err)
	if next.ID == first.ID || next.Hash != first.Hash {
		t.Errorf("plan %d %s took the place of %d %s", next.ID, next.Hash, first.ID, first.Hash)
	}
	if tally, err := s.TallyVotes(t.Context(), change.ID, next.ID); err != nil || tally.Approved {
		t.Errorf("tally %+v, %v: votes on less count for more", tally, err)
	}
}

func TestAChangeStaysOpenWhileItsDeploymentIsInFlight(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	change, _, ids := s.queue(s.edge1)
	s.must(s.begin(ids[0]))
	for _, end := range []peering.ChangeState{peering.ChangeFailed, peering.ChangeCompleted, peering.ChangeCancelled} {
		wantKind(t, "end as "+string(end), s.MoveChange(t.Context(), change.ID, end, "", "lost its way"), peering.Conflict)
	}
	now, err := s.Change(t.Context(), change.ID)
	s.must(err)
	if now.State != peering.ChangeDeploying {
		t.Errorf("the change is %s", now.State)
	}
}

func TestAFreezeAfterBeginHoldsTheCommitBackUntilItIsLifted(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	_, _, ids := s.queue(s.edge1)
	id := ids[0]
	claim := func() (bool, error) {
		return s.MarkCommitSent(t.Context(), id, time.Now(), time.Now().Add(time.Minute))
	}
	s.must(s.begin(id))
	freeze := s.one(`INSERT INTO change_freeze (scope, reason) VALUES ('all', 'somebody digs') RETURNING id`)
	claimed, err := claim()
	if claimed || !errors.Is(err, peering.ErrFrozen) {
		t.Errorf("claimed %v, %v: the commit goes out into a freeze", claimed, err)
	}
	for range 2 { // the step may run twice
		s.must(s.HoldBack(t.Context(), id))
	}
	if d := s.deployment(id); d.State != peering.DeploymentQueued || d.Baseline != nil || !d.Deadline.IsZero() || d.Timer != 0 {
		t.Errorf("held back as %s with baseline %v, timer %s until %s: want it queued, to be prepared again", d.State, d.Baseline, d.Timer, d.Deadline)
	}
	// The worker that was taken for dead finds nothing to commit, lifted or not.
	s.run(`UPDATE change_freeze SET lifted_at = now() WHERE id = $1`, freeze)
	if claimed, err := claim(); claimed || peering.KindOf(err) != peering.Conflict {
		t.Errorf("claimed %v, %v: a deployment that is queued again is committed", claimed, err)
	}
	s.must(s.StoreBaseline(t.Context(), id, peering.BaselineRecord{Artifact: "protocol bgp {}\n"}))
	s.must(s.begin(id))
	if claimed, err := claim(); !claimed || err != nil {
		t.Errorf("claimed %v, %v: the freeze is lifted", claimed, err)
	}
	s.refused(s.HoldBack(t.Context(), id), peering.Conflict, "was sent")
	if d := s.deployment(id); d.State != peering.DeploymentCommitting {
		t.Errorf("it is %s", d.State)
	}
}
