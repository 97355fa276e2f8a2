package db_test

import (
	"fmt"
	"testing"
	"time"

	"peerflow/db"
	"peerflow/internal/peering"
)

// begin is BeginDeployment without its answer.
func (s *stage) begin(id int64) error {
	_, err := s.BeginDeployment(s.Context(), id, time.Minute, now)
	return err
}

func (s *stage) deployment(id int64) peering.Deployment {
	s.Helper()
	d, err := s.Deployment(s.Context(), id)
	s.must(err)
	return d
}

func TestBeginRefusesWhatStandsInTheWay(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		hinder func(*stage, peering.Change, int64)
		words  string
	}{
		"a vote that was taken back": {func(s *stage, c peering.Change, _ int64) {
			s.must(s.RevokeVote(s.Context(), s.approver, c.ID, ""))
		}, "0 of 1 approvals"},
		"a reject after the approval": {func(s *stage, c peering.Change, _ int64) {
			plan, err := s.Plan(s.Context(), c.PlanID)
			s.must(err)
			s.vote(s.other, c, plan, peering.Reject)
		}, "rejected by carol"},
		"a voter who left": {func(s *stage, _ peering.Change, _ int64) {
			s.run(`UPDATE app_user SET active = false WHERE name = 'bob'`)
		}, "0 of 1 approvals"},
		"a plan that is no longer in force": {func(s *stage, c peering.Change, _ int64) {
			p, texts := planOn(c.ID, "another", s.edge1)
			_, err := s.StorePlan(s.Context(), p, texts, "moved")
			s.must(err)
		}, "no longer in force"},
		"a freeze of everything": {func(s *stage, _ peering.Change, _ int64) {
			s.freeze(peering.Freeze{Scope: peering.FreezeAll, Reason: "storm"})
		}, "frozen by bob (all, freeze 1): storm"},
		"a freeze of the site": {func(s *stage, _ peering.Change, _ int64) {
			s.freeze(peering.Freeze{Scope: peering.FreezeSite, SiteID: s.site, Reason: "works"})
		}, "frozen by bob (site"},
		"a freeze of the router": {func(s *stage, _ peering.Change, _ int64) {
			s.must(s.FreezeRouter(s.Context(), s.edge1, "interfered"))
		}, "frozen by peerflow (router"},
		"a cancel": {func(s *stage, c peering.Change, _ int64) {
			_, err := s.AddCommand(s.Context(), s.other, c.ID, peering.CommandCancel, "")
			s.must(err)
		}, "cancelled by carol"},
		"a router that is only observed": {func(s *stage, _ peering.Change, _ int64) {
			s.run(`UPDATE router SET mode = 'observe' WHERE name = 'edge1'`)
		}, "mode observe"},
		"another deployment in flight": {func(s *stage, _ peering.Change, _ int64) {
			_, _, ids := s.queue(s.edge1)
			s.must(s.begin(ids[0]))
		}, "one router, one writer"},
		"a deployment that began already": {func(s *stage, _ peering.Change, id int64) { s.soak(id) }, "it began already"},
		"an edit of what the overlay changes": {func(s *stage, c peering.Change, _ int64) {
			s.run(`INSERT INTO change_operation (change_id, position, router_id, object, object_id, action, base_version)
				VALUES ($1, 9, $2, 'router', $2, 'update', 7)`, c.ID, s.edge1)
		}, "changed since change"},
		"a peering that was suspended": {func(s *stage, _ peering.Change, _ int64) { s.suspend() }, "suspended (abuse)"},
		"a record that the overlay needs is gone": {func(s *stage, _ peering.Change, _ int64) {
			s.run(`DELETE FROM peering WHERE id = $1`, s.peering)
		}, "can't be recorded any more"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newStage(t)
			change, _, ids := s.queue(s.edge1)
			change, err := s.Change(t.Context(), change.ID)
			s.must(err)
			before := s.deployment(ids[0])
			test.hinder(s, change, ids[0])
			held := s.deployment(ids[0])
			s.refused(s.begin(ids[0]), peering.Denied, test.words)
			if after := s.deployment(ids[0]); after.State != held.State || after.Fence != held.Fence {
				t.Errorf("a refusal left %s with fence %d, was %s with %d", after.State, after.Fence, before.State, before.Fence)
			}
		})
	}
}

func TestBeginAgainTakesANewFenceOnly(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	change, _, ids := s.queue(s.edge1)
	first, err := s.BeginDeployment(t.Context(), ids[0], 90*time.Second, now)
	s.must(err)
	if first.State != peering.DeploymentCommitting || first.Timer != 90*time.Second || !first.Deadline.After(now.Add(90*time.Second)) {
		t.Errorf("began as %+v", first)
	}
	if s.state(change.ID) != peering.ChangeDeploying {
		t.Errorf("the change is %s", s.state(change.ID))
	}
	again, err := s.BeginDeployment(t.Context(), ids[0], 10*time.Second, now.Add(time.Hour))
	s.must(err)
	if again.Fence <= first.Fence || again.Timer != first.Timer || !again.Deadline.Equal(first.Deadline) {
		t.Errorf("began again as %+v, first %+v", again, first)
	}
	third, err := s.TakeFence(t.Context(), ids[0])
	s.must(err)
	if third <= again.Fence || s.deployment(ids[0]).Fence != third {
		t.Errorf("fence %d after %d", third, again.Fence)
	}
}

func TestTheBaselineStaysOnceTheCommitWasSent(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	_, _, ids := s.queue(s.edge1)
	store := func(artifact string) {
		s.Helper()
		s.must(s.StoreBaseline(t.Context(), ids[0], peering.BaselineRecord{Base: "base\n", Artifact: artifact, Generation: "1",
			Incarnation: "boot-1", Baseline: peering.Baseline{TakenAt: now}}))
	}
	store("one\n")
	s.must(s.begin(ids[0]))
	store("two\n")
	if d := s.deployment(ids[0]); d.ArtifactHash != peering.HashText("two\n") || d.Baseline == nil || !d.Baseline.TakenAt.Equal(now) || d.BaseIncarnation != "boot-1" {
		t.Errorf("before the commit: %+v", d)
	}
	_, err := s.MarkCommitSent(t.Context(), ids[0], now, now.Add(time.Hour))
	s.must(err)
	store("three\n")
	d := s.deployment(ids[0])
	if d.ArtifactHash != peering.HashText("two\n") {
		t.Error("the artifact changed after the commit was sent")
	}
	if !d.Deadline.Equal(now.Add(time.Hour)) {
		t.Errorf("deadline %s, want the commit's own", d.Deadline)
	}
}

func TestACommitNeedsWhatItWouldWrite(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	change := s.draft(s.create(s.edge1))
	plan := s.plan(change, "text", s.edge1)
	s.approve(change, plan)
	id, err := s.SubmitDeployment(t.Context(), change.ID, plan.ID, s.edge1)
	s.must(err)
	_, err = s.MarkCommitSent(t.Context(), id, now, now)
	s.refused(err, peering.Conflict, "queued")
	s.refused(s.begin(id), peering.Denied, "from a new baseline")
	s.must(s.StoreBaseline(t.Context(), id, peering.BaselineRecord{Artifact: "protocol bgp {}\n"}))
	s.must(s.begin(id))
	s.run(`UPDATE deployment SET artifact_hash = NULL WHERE id = $1`, id)
	_, err = s.MarkCommitSent(t.Context(), id, now, now)
	s.refused(err, peering.Conflict, "not prepared")
}

func TestOnlyAnApprovedPlanInForceIsSubmittedAndOnce(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	change := s.draft(s.create(s.edge1))
	plan := s.plan(change, "text", s.edge1)
	_, err := s.SubmitDeployment(t.Context(), change.ID, plan.ID, s.edge1)
	s.refused(err, peering.Denied, "awaiting_approval")
	s.approve(change, plan)
	id, err := s.SubmitDeployment(t.Context(), change.ID, plan.ID, s.edge1)
	s.must(err)
	again, err := s.SubmitDeployment(t.Context(), change.ID, plan.ID, s.edge1)
	s.must(err)
	if again != id {
		t.Errorf("submitted as %d and again as %d", id, again)
	}
	_, err = s.SubmitDeployment(t.Context(), change.ID, plan.ID, s.edge2)
	s.refused(err, peering.Conflict, "moves nothing")
	_, err = s.SubmitDeployment(t.Context(), change.ID, plan.ID+1, s.edge1)
	s.refused(err, peering.Conflict, "isn't the plan in force")
}

func TestConfirmNeedsAStoredVerdict(t *testing.T) {
	t.Parallel()
	passed := peering.Verdict{Outcome: peering.CheckPassed}
	failed := peering.Verdict{Outcome: peering.CheckFailed, Reason: "2 sessions dropped"}
	pending := peering.Verdict{Outcome: peering.CheckPending}
	tests := map[string]struct {
		verdicts []peering.Verdict
		words    string // "" may confirm
	}{
		"passed":                    {[]peering.Verdict{passed}, ""},
		"pending, then passed":      {[]peering.Verdict{pending, passed}, ""},
		"none":                      {nil, "isn't verified"},
		"still pending":             {[]peering.Verdict{pending}, "isn't verified"},
		"passed, then pending":      {[]peering.Verdict{passed, pending}, "isn't verified"},
		"failed":                    {[]peering.Verdict{failed}, "isn't verified"},
		"failed, and passed later":  {[]peering.Verdict{failed, passed}, "isn't verified"},
		"waived by whoever says so": {[]peering.Verdict{{Outcome: peering.CheckPending, Waived: "mallory"}}, "isn't verified"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newStage(t)
			_, _, ids := s.queue(s.edge1)
			s.soak(ids[0])
			for _, v := range test.verdicts {
				s.must(s.judge(ids[0], v))
			}
			err := s.MarkConfirmSent(t.Context(), ids[0], now)
			if test.words == "" {
				s.must(err)
				return
			}
			s.refused(err, peering.Denied, test.words)
			if !s.deployment(ids[0]).ConfirmSentAt.IsZero() {
				t.Error("the refused confirm is noted as sent")
			}
		})
	}
}

func TestConfirmIsForSoakingDeploymentsAlone(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	_, _, ids := s.queue(s.edge1)
	s.refused(s.MarkConfirmSent(t.Context(), ids[0], now), peering.Denied, "queued")
	s.soak(ids[0])
	s.must(s.judge(ids[0], peering.Verdict{Outcome: peering.CheckPassed}))
	s.must(s.MarkUnknown(t.Context(), ids[0], "the worker was lost"))
	s.refused(s.MarkConfirmSent(t.Context(), ids[0], now), peering.Denied, "unknown")
	s.must(s.MarkCommitted(t.Context(), ids[0], "generation-3", now.Add(time.Hour)))
	s.must(s.MarkConfirmSent(t.Context(), ids[0], now))
	if d := s.deployment(ids[0]); !d.CommittedAt.Equal(now) || !d.ConfirmSentAt.Equal(now) {
		t.Errorf("committed %s, confirm sent %s: the first time counts", d.CommittedAt, d.ConfirmSentAt)
	}
}

// Why a commit failed outlasts a router that can't be read for a while.
func TestWhyACommitFailedStays(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	_, _, ids := s.queue(s.edge1)
	s.must(s.NoteCommitFailed(t.Context(), ids[0], "before anything was sent"))
	s.must(s.StoreBaseline(t.Context(), ids[0], peering.BaselineRecord{Base: "b\n", Artifact: "a\n"}))
	s.must(s.begin(ids[0]))
	_, err := s.MarkCommitSent(t.Context(), ids[0], now, now)
	s.must(err)
	if d := s.deployment(ids[0]); d.Outcome != "" {
		t.Errorf("nothing failed, and it says %q", d.Outcome)
	}
	s.must(s.NoteCommitFailed(t.Context(), ids[0], "BIRD refuses it"))
	if d := s.deployment(ids[0]); d.State != peering.DeploymentCommitting || d.Outcome != "BIRD refuses it" || !d.EndedAt.IsZero() {
		t.Errorf("%s, %q, ended %s", d.State, d.Outcome, d.EndedAt)
	}
	s.must(s.MarkUnknown(t.Context(), ids[0], "no answer"))
	s.must(s.NoteCommitFailed(t.Context(), ids[0], "too late"))
	if d := s.deployment(ids[0]); d.State != peering.DeploymentUnknown || d.Outcome != "BIRD refuses it" || d.Unread != "no answer" {
		t.Errorf("%s, %q, unread %q", d.State, d.Outcome, d.Unread)
	}
}

func TestWhatEndedStays(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	change, _, ids := s.queue(s.edge1)
	s.soak(ids[0])
	end := peering.DeploymentEnd{State: peering.DeploymentRolledBack, Outcome: "the timer ended", Stanzas: map[string]string{}}
	s.must(s.EndDeployment(t.Context(), ids[0], end))
	s.must(s.EndDeployment(t.Context(), ids[0], end))
	end.State, end.Stanzas = peering.DeploymentConfirmed, map[string]string{"a": "b"}
	s.refused(s.EndDeployment(t.Context(), ids[0], end), peering.Conflict, "rolled_back")
	s.refused(s.MarkCommitted(t.Context(), ids[0], "", now), peering.Conflict)
	s.refused(s.judge(ids[0], peering.Verdict{Outcome: peering.CheckPassed}), peering.Conflict)
	s.refused(s.MarkAbortSent(t.Context(), ids[0], "", now), peering.Conflict)
	_, err := s.TakeFence(t.Context(), ids[0])
	s.refused(err, peering.Conflict, "writes nothing")
	if n := s.one(`SELECT count(*) FROM session`) + s.one(`SELECT count(*) FROM change_operation WHERE applied_at IS NOT NULL`); n != 0 {
		t.Error("a rolled back deployment left something in the records")
	}
	if n := s.one(`SELECT count(*) FROM stanza_ledger WHERE absent_at IS NULL`); n != 0 {
		t.Error("the ledger keeps what the router was proven not to have")
	}
	settled, err := s.SettleChange(t.Context(), change.ID)
	s.must(err)
	if settled.State != peering.ChangeRolledBack || settled.Outcome != "edge1 rolled back: the timer ended" {
		t.Errorf("settled as %s: %s", settled.State, settled.Outcome)
	}
	if n := s.one(`SELECT count(*) FROM change_operation WHERE discarded_at IS NOT NULL`); n != 1 {
		t.Error("what is left of the overlay isn't discarded")
	}
}

// A commit attempt that was given up may claim its commit between our last look
// and the end: whether anything was written is the router's to say.
func TestADeploymentThatSentItsCommitCanNotHaveFailed(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	_, _, ids := s.queue(s.edge1)
	s.must(s.begin(ids[0]))
	claimed, err := s.MarkCommitSent(t.Context(), ids[0], now, now)
	s.must(err)
	end := peering.DeploymentEnd{State: peering.DeploymentFailed, Outcome: "nothing was written"}
	s.refused(s.EndDeployment(t.Context(), ids[0], end), peering.Conflict, "sent its commit")
	if d := s.deployment(ids[0]); !claimed || d.State != peering.DeploymentCommitting {
		t.Errorf("claimed %t, and it is %s", claimed, d.State)
	}
}

func TestTheLedgerKeepsWhatWasWrittenUntilItIsProvenAbsent(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	ledger := func(where string) int64 { return s.one(`SELECT count(*) FROM stanza_ledger WHERE ` + where) }
	_, _, ids := s.queue(s.edge1)
	s.must(s.begin(ids[0]))
	if ledger("true") != 0 {
		t.Error("keys are ours before anything is written")
	}
	_, err := s.MarkCommitSent(t.Context(), ids[0], now, now)
	s.must(err)
	if ledger("hash = '' AND absent_at IS NULL") != 1 {
		t.Error("a key that is being written isn't in the ledger")
	}
	s.must(s.MarkCommitted(t.Context(), ids[0], "", now))
	s.confirm(ids[0])

	_, _, ids = s.queue(s.edge1)
	s.soak(ids[0])
	s.must(s.judge(ids[0], peering.Verdict{Outcome: peering.CheckPassed}))
	s.must(s.MarkConfirmSent(t.Context(), ids[0], now))
	err = s.EndDeployment(t.Context(), ids[0], peering.DeploymentEnd{State: peering.DeploymentConfirmed})
	s.refused(err, peering.Invalid, "without the stanzas")
	s.must(s.EndDeployment(t.Context(), ids[0], peering.DeploymentEnd{State: peering.DeploymentConfirmed,
		Stanzas: map[string]string{"filter/in": peering.HashText("f")}}))
	if ledger("key = 'protocol/as64501_1' AND hash = '' AND absent_at IS NOT NULL") != 1 {
		t.Error("a key that vanished isn't proven absent")
	}
	if ledger(fmt.Sprintf("key = 'filter/in' AND hash = '%s' AND deployment_id = %d", peering.HashText("f"), ids[0])) != 1 {
		t.Error("the ledger doesn't have what the router runs")
	}
}

func TestAnOverlayThatNoLongerFitsNeedsAnOperator(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	change, _, ids := s.queue(s.edge1)
	s.soak(ids[0])
	s.run(`DELETE FROM peering WHERE id = $1`, s.peering)
	s.confirm(ids[0])
	if d := s.deployment(ids[0]); d.State != peering.DeploymentNeedsOperator || d.Outcome == "" {
		t.Errorf("ended as %s: %s", d.State, d.Outcome)
	}
	settled, err := s.SettleChange(t.Context(), change.ID)
	s.must(err)
	if settled.State != peering.ChangeNeedsOperator {
		t.Errorf("the change is %s", settled.State)
	}
	_, err = s.AddCommand(t.Context(), s.other, change.ID, peering.CommandResolve, "the peering is recorded again")
	s.must(err)
	s.run(`INSERT INTO peering (id, local_as_id, peer_as_id, state, evidence) OVERRIDING SYSTEM VALUE
		SELECT $1, us.id, them.id, 'agreed', 'person' FROM autonomous_system us, autonomous_system them WHERE us.local AND NOT them.local`, s.peering)
	s.must(s.EndDeployment(t.Context(), ids[0], peering.DeploymentEnd{State: peering.DeploymentConfirmed, Outcome: "resolved",
		Stanzas: map[string]string{"protocol/as64501_1": peering.HashText("x")}}))
	if settled, err = s.SettleChange(t.Context(), change.ID); err != nil || settled.State != peering.ChangeCompleted {
		t.Errorf("after resolve: %s, %v", settled.State, err)
	}
}

func TestAChangeFollowsItsDeployments(t *testing.T) {
	t.Parallel()
	const none = peering.DeploymentState("")
	tests := map[string]struct {
		first, second peering.DeploymentState
		want          peering.ChangeState
	}{
		"both confirmed":                    {peering.DeploymentConfirmed, peering.DeploymentConfirmed, peering.ChangeCompleted},
		"one confirmed, one not tried":      {peering.DeploymentConfirmed, none, peering.ChangeDeploying},
		"one confirmed, one soaking":        {peering.DeploymentConfirmed, peering.DeploymentSoaking, peering.ChangeDeploying},
		"one confirmed, one rolled back":    {peering.DeploymentConfirmed, peering.DeploymentRolledBack, peering.ChangePartial},
		"one confirmed, one stale":          {peering.DeploymentConfirmed, peering.DeploymentStale, peering.ChangePartial},
		"one rolled back, one not tried":    {peering.DeploymentRolledBack, none, peering.ChangeRolledBack},
		"one stale, one not tried":          {peering.DeploymentStale, none, peering.ChangeStale},
		"one failed, one not tried":         {peering.DeploymentFailed, none, peering.ChangeFailed},
		"one cancelled, one not tried":      {peering.DeploymentCancelled, none, peering.ChangeCancelled},
		"one confirmed, one interfered":     {peering.DeploymentConfirmed, peering.DeploymentInterfered, peering.ChangeInterfered},
		"one confirmed, one needs somebody": {peering.DeploymentConfirmed, peering.DeploymentNeedsOperator, peering.ChangeNeedsOperator},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newStage(t)
			change := s.draft(s.create(s.edge1), s.create(s.edge2))
			plan := s.plan(change, "text", s.edge1, s.edge2)
			s.approve(change, plan)
			for router, state := range map[int64]peering.DeploymentState{s.edge1: test.first, s.edge2: test.second} {
				if state == none {
					continue
				}
				s.run(`INSERT INTO deployment (change_id, plan_id, router_id, state, ended_at) VALUES ($1, $2, $3, $4::text::deployment_state, CASE WHEN $5 THEN now() END)`,
					change.ID, plan.ID, router, string(state), state.Ended())
			}
			s.run(`UPDATE change SET state = 'deploying'`)
			settled, err := s.SettleChange(t.Context(), change.ID)
			s.must(err)
			if settled.State != test.want || settled.State.Ended() == settled.EndedAt.IsZero() {
				t.Errorf("settled as %s (ended %s), want %s", settled.State, settled.EndedAt, test.want)
			}
			if again, err := s.SettleChange(t.Context(), change.ID); err != nil || again.State != settled.State {
				t.Errorf("settled again as %s, %v", again.State, err)
			}
		})
	}
}

func TestARemovedSessionIsProvenAbsent(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	session := s.one(`INSERT INTO session (kind, peering_id, router_id, peer_address, peer_asn, families, sync) VALUES ('direct', $1, $2, '192.0.2.77', 64501, '{4}', 'in_sync') RETURNING id`, s.peering, s.edge1)
	change := s.draft(peering.Operation{RouterID: s.edge1, Object: peering.ObjectSession, ObjectID: session, Action: peering.Update, Patch: patch(map[string]any{"intent": "removing"})})
	plan := s.plan(change, "text", s.edge1)
	s.approve(change, plan)
	id, err := s.SubmitDeployment(t.Context(), change.ID, plan.ID, s.edge1)
	s.must(err)
	s.must(s.StoreBaseline(t.Context(), id, peering.BaselineRecord{Artifact: "text\n"}))
	s.soak(id)
	s.confirm(id)
	if n := s.one(`SELECT count(*) FROM session WHERE sync = 'proven_absent' AND intent = 'absent' AND watch_until IS NULL`); n != 1 {
		t.Error("the session isn't absent")
	}
}

func TestOpenDeploymentsComeInFlightFirst(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	_, _, first := s.queue(s.edge1)
	_, _, second := s.queue(s.edge1)
	_, _, third := s.queue(s.edge1)
	s.must(s.begin(second[0]))
	open, err := s.OpenDeployments(t.Context(), s.edge1)
	s.must(err)
	var ids []int64
	for _, d := range open {
		ids = append(ids, d.ID)
	}
	if want := []int64{second[0], first[0], third[0]}; fmt.Sprint(ids) != fmt.Sprint(want) {
		t.Errorf("open deployments %v, want %v", ids, want)
	}
}

// freeze is AddFreeze by the approver.
func (s *stage) freeze(f peering.Freeze) peering.Freeze {
	s.Helper()
	added, err := s.AddFreeze(s.Context(), s.approver, f)
	s.must(err)
	return added
}

// eventsUntil reads a change's events until one has this name: other databases'
// transactions hold them up as well.
func (s *stage) eventsUntil(change int64, name string) (events []db.Event) {
	s.Helper()
	var at db.Position
	for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); {
		more, next, err := s.Events(s.Context(), at, change, 100)
		s.must(err)
		events, at = append(events, more...), next
		if len(events) > 0 && events[len(events)-1].Event == name {
			return events
		}
	}
	s.Fatalf("no event %q among %d", name, len(events))
	return nil
}

func TestEveryMoveLeavesALogEntryAndAnEvent(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	change, _, ids := s.queue(s.edge1)
	s.soak(ids[0])
	s.confirm(ids[0])
	_, err := s.SettleChange(t.Context(), change.ID)
	s.must(err)
	events := s.eventsUntil(change.ID, "completed")
	seen := map[string]bool{}
	for _, e := range events {
		seen[e.Topic+" "+e.Event] = true
	}
	for _, want := range []string{"change draft", "change planned", "change awaiting_approval", "change approved", "change deploying", "change completed",
		"deployment queued", "deployment committing", "deployment soaking", "deployment confirmed", "deployment commit_sent", "deployment confirm_sent", "vote create", "session create"} {
		if !seen[want] {
			t.Errorf("no event %q", want)
		}
	}
	if n := s.one(`SELECT count(*) FROM change_log WHERE change_id = $1 AND object = 'change'`, change.ID); n != 6 {
		t.Errorf("%d entries of the change log tell the change's states, want 6", n)
	}
	if n := s.one(`SELECT count(*) FROM change_log WHERE change_id = $1 AND object = 'deployment' AND actor = $2`, change.ID, fmt.Sprintf("deployment/%d", ids[0])); n != 3 {
		t.Errorf("%d entries tell the deployment's states after queued, want 3", n)
	}
}

func TestEveryStepOfADeploymentMayRunTwice(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	change, plan, ids := s.queue(s.edge1)
	id, end := ids[0], peering.DeploymentEnd{State: peering.DeploymentConfirmed, Outcome: "confirmed", Stanzas: map[string]string{"protocol/as64501_1": "h"}}
	steps := []struct {
		name string
		do   func() error
	}{
		{"submit", func() error { _, err := s.SubmitDeployment(t.Context(), change.ID, plan.ID, s.edge1); return err }},
		{"baseline", func() error {
			return s.StoreBaseline(t.Context(), id, peering.BaselineRecord{Base: "b\n", Artifact: "a\n"})
		}},
		{"begin", func() error { return s.begin(id) }},
		{"commit sent", func() error { _, err := s.MarkCommitSent(t.Context(), id, now, now); return err }},
		{"committed", func() error { return s.MarkCommitted(t.Context(), id, "2", now) }},
		{"unknown", func() error { return s.MarkUnknown(t.Context(), id, "no answer") }},
		{"committed after all", func() error { return s.MarkCommitted(t.Context(), id, "2", now) }},
		{"verdict", func() error {
			return s.judge(id, peering.Verdict{Outcome: peering.CheckPassed})
		}},
		{"confirm sent", func() error { return s.MarkConfirmSent(t.Context(), id, now) }},
		{"end", func() error { return s.EndDeployment(t.Context(), id, end) }},
		{"settle", func() error { _, err := s.SettleChange(t.Context(), change.ID); return err }},
		{"submit at the end", func() error { _, err := s.SubmitDeployment(t.Context(), change.ID, plan.ID, s.edge1); return err }},
	}
	for _, step := range steps {
		var states [2]peering.DeploymentState
		for i := range 2 {
			if err := step.do(); err != nil {
				t.Fatalf("%s, time %d: %v", step.name, i+1, err)
			}
			states[i] = s.deployment(id).State
		}
		if states[0] != states[1] {
			t.Errorf("%s: %s, then %s", step.name, states[0], states[1])
		}
	}
	if n := s.one(`SELECT count(*) FROM deployment`) + s.one(`SELECT count(*) FROM session`); n != 2 {
		t.Errorf("%d deployments and sessions, want one of each", n)
	}
}

func TestOneOfTwoChangesBeginsOnARouter(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	var ids []int64
	for range 5 {
		_, _, one := s.queue(s.edge1)
		ids = append(ids, one...)
	}
	errs := make(chan error, len(ids))
	for _, id := range ids {
		go func() { errs <- s.begin(id) }()
	}
	begun := 0
	for range ids {
		if err := <-errs; err == nil {
			begun++
		} else {
			s.refused(err, peering.Denied, "one router, one writer")
		}
	}
	if begun != 1 {
		t.Errorf("%d of %d began", begun, len(ids))
	}
}
