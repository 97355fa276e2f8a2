package db_test

import (
	"net/netip"
	"testing"
	"time"

	"peerflow/db"
	"peerflow/internal/peering"
)

// deployed is a session that a confirmed deployment brought to edge1.
func (s *stage) deployed() peering.Session {
	s.Helper()
	change, _, ids := s.queue(s.edge1)
	id := s.one(`SELECT object_id FROM change_operation WHERE change_id = $1`, change.ID)
	s.soak(ids[0])
	s.confirm(ids[0])
	_, err := s.SettleChange(s.Context(), change.ID)
	s.must(err)
	return s.session(id)
}

// touching queues a change on edge1 that touches sessions.
func (s *stage) touching(kind peering.ChangeKind, removed bool, sessions ...int64) int64 {
	s.Helper()
	n := db.NewChange{Kind: kind, Reason: "test", Request: peering.ChangeRequest{Routers: []int64{s.edge1}}}
	if kind != peering.KindDeploy {
		n.Request.Operations = []peering.Operation{s.create(s.edge1)}
	}
	change, _, err := s.CreateChange(s.Context(), s.author, n)
	s.must(err)
	plan := s.plan(change, "touching", s.edge1)
	for _, id := range sessions {
		s.run(`UPDATE plan_router SET touched = touched || jsonb_build_array(jsonb_build_object('neighbor', '192.0.2.9', 'session_id', $1::bigint,
			'peer_asn', 64501, 'disruption', 'none', 'removed', $3::boolean)) WHERE plan_id = $2`, id, plan.ID, removed)
	}
	s.approve(change, plan)
	id, err := s.SubmitDeployment(s.Context(), change.ID, plan.ID, s.edge1)
	s.must(err)
	s.must(s.StoreBaseline(s.Context(), id, peering.BaselineRecord{Artifact: "touching\n"}))
	return id
}

// stands checks where a session stands, by key and by filter.
func (s *stage) stands(when string, id int64, want peering.Sync) {
	s.Helper()
	if got := s.session(id).Sync; got != want {
		s.Errorf("%s it is %s, want %s", when, got, want)
	}
	found, err := s.Sessions().List(s.Context(), []peering.Filter{{Field: "sync", Values: []string{string(want)}}}, peering.Page{Limit: 100})
	s.must(err)
	for _, one := range found.Items {
		if one.ID == id {
			return
		}
	}
	s.Errorf("%s the filter sync=%s doesn't find it", when, want)
}

func TestASessionIsDeployingWhileADeploymentTouchesIt(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	one, two := s.deployed().ID, s.deployed().ID
	id := s.touching(peering.KindMaintenance, false, one)
	s.stands("queued", one, peering.InSync)
	s.must(s.begin(id))
	s.stands("begun", one, peering.Deploying)
	s.stands("untouched", two, peering.InSync)
	s.must(s.HoldBack(t.Context(), id))
	s.stands("held back", one, peering.InSync)
	s.must(s.StoreBaseline(t.Context(), id, peering.BaselineRecord{Artifact: "touching\n"}))
	s.soak(id)
	s.stands("soaking", one, peering.Deploying)
	s.must(s.MarkUnknown(t.Context(), id, "no answer"))
	s.stands("not read", one, peering.Deploying)
	s.must(s.EndDeployment(t.Context(), id, peering.DeploymentEnd{State: peering.DeploymentNeedsOperator, Outcome: "look"}))
	s.stands("while a person has to look", one, peering.SyncUnknown)
	s.must(s.EndDeployment(t.Context(), id, peering.DeploymentEnd{State: peering.DeploymentRolledBack, Outcome: "resolved", Stanzas: map[string]string{}}))
	s.stands("an overlay taken back leaves it", one, peering.InSync)

	id = s.touching(peering.KindMaintenance, true, one)
	s.must(s.begin(id))
	s.stands("being taken off", one, peering.SyncRemoving)
	s.must(s.EndDeployment(t.Context(), id, peering.DeploymentEnd{State: peering.DeploymentFailed, Outcome: "refused"}))
	s.stands("nothing was written", one, peering.InSync)
}

func TestADeployOfTheRecordThatIsTakenBackIsReverted(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	one, two := s.deployed().ID, s.deployed().ID
	id := s.touching(peering.KindDeploy, false, one)
	s.soak(id)
	s.must(s.EndDeployment(t.Context(), id, peering.DeploymentEnd{State: peering.DeploymentRolledBack, Outcome: "leaks", Stanzas: map[string]string{}}))
	s.stands("taken back", one, peering.Reverted)
	s.stands("untouched", two, peering.InSync)
	watched := s.session(one).WatchUntil
	id = s.touching(peering.KindDeploy, false, one)
	s.soak(id)
	s.confirm(id)
	s.stands("deployed after all", one, peering.InSync)
	if now := s.session(one).WatchUntil; !now.Equal(watched) {
		t.Errorf("it is watched until %s, was until %s: it isn't new there", now, watched)
	}
}

func TestARecordEditedBackIsNoLongerReverted(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	one := s.deployed().ID
	s.run(`UPDATE session SET sync = 'reverted' WHERE id = $1`, one)
	change, _, err := s.CreateChange(t.Context(), s.author, db.NewChange{Kind: peering.KindDeploy, Request: peering.ChangeRequest{Routers: []int64{s.edge1}}})
	s.must(err)
	s.must(s.NoteUnmoved(t.Context(), change.ID))
	fresh := s.recorded(peering.Present)
	s.must(s.MoveChange(t.Context(), change.ID, peering.ChangeCompleted, "", "the routers run it already"))
	s.stands("read as recorded", one, peering.InSync)
	s.stands("recorded meanwhile", fresh, peering.NotDeployed)
}

func TestInterferenceIsToldOfEverySessionThatTheRouterHas(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	one, two, wanted := s.deployed(), s.deployed(), s.recorded(peering.Present)
	id := s.touching(peering.KindMaintenance, false, one.ID)
	s.soak(id)
	s.must(s.EndDeployment(t.Context(), id, peering.DeploymentEnd{State: peering.DeploymentInterfered, Outcome: "meddled", Stanzas: map[string]string{}}))
	s.stands("touched", one.ID, peering.SyncInterfered)
	s.stands("untouched", two.ID, peering.SyncInterfered)
	s.stands("never deployed", wanted, peering.NotDeployed)
	if n := s.one(`SELECT count(*) FROM change_log WHERE object = 'session' AND action = 'sync' AND after->>'sync' = 'interfered'`); n != 2 {
		t.Errorf("%d entries of the change log tell it, want 2", n)
	}

	// A poll that reads what was deployed last ends it, for those where it is so.
	s.noteSync(map[netip.Addr]peering.SyncEvent{one.PeerAddress: peering.EventOther, two.PeerAddress: peering.EventSame})
	s.stands("something else runs", one.ID, peering.SyncInterfered)
	s.stands("it runs as deployed", two.ID, peering.InSync)
}

// noteSync records what a poll read now.
func (s *stage) noteSync(found map[netip.Addr]peering.SyncEvent) {
	s.Helper()
	basis, err := s.SyncBasis(s.Context(), s.edge1)
	s.must(err)
	if !basis.Due || basis.Ledger["protocol/as64501_1"] == "" || basis.Artifact == "" {
		s.Fatalf("basis %+v", basis)
	}
	s.must(s.NoteSync(s.Context(), basis, found))
}

func TestAPollTellsDriftAndItsEnd(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	one := s.deployed()
	other, same := map[netip.Addr]peering.SyncEvent{one.PeerAddress: peering.EventOther}, map[netip.Addr]peering.SyncEvent{one.PeerAddress: peering.EventSame}
	version := one.Version
	for range 2 {
		s.noteSync(other)
		s.stands("edited by hand", one.ID, peering.Drifted)
	}
	if n := s.one(`SELECT count(*) FROM change_log WHERE object = 'session' AND action = 'sync' AND after->>'sync' = 'drifted'`); n != 1 {
		t.Errorf("%d entries of the change log tell it, want 1", n)
	}
	if now := s.session(one.ID).Version; now != version {
		t.Errorf("version %d after %d: a poll is no edit", now, version)
	}
	s.noteSync(same)
	s.stands("the edit is taken back", one.ID, peering.InSync)

	s.run(`UPDATE session SET intent = 'shutdown', held_by_hand = true, held_reason = 'export guard: 900 prefixes' WHERE id = $1`, one.ID)
	s.noteSync(other)
	s.stands("shut by the export guard", one.ID, peering.InSync)
}

// What was read before a deployment of ours says nothing of what runs after it.
func TestAReadFromBeforeADeploymentIsDropped(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	one := s.deployed()
	other := map[netip.Addr]peering.SyncEvent{one.PeerAddress: peering.EventOther}
	before, err := s.SyncBasis(t.Context(), s.edge1)
	s.must(err)
	id := s.touching(peering.KindMaintenance, false, one.ID)
	s.soak(id)
	s.must(s.NoteSync(t.Context(), before, other))
	if during, err := s.SyncBasis(t.Context(), s.edge1); err != nil || during.Due {
		t.Errorf("while one is in flight the basis is %+v, %v", during, err)
	}
	s.confirm(id)
	s.must(s.NoteSync(t.Context(), before, other))
	s.stands("confirmed after that read", one.ID, peering.InSync)
	after, err := s.SyncBasis(t.Context(), s.edge1)
	s.must(err)
	s.must(s.NoteSync(t.Context(), after, other))
	s.stands("read since", one.ID, peering.Drifted)
}

// What somebody wrote by hand runs along with an unrelated deployment, and isn't
// taken for deployed by that.
func TestAHandmadeEditStaysDriftThroughAnotherDeployment(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	s.deployed()
	s.run(`UPDATE stanza_ledger SET key = 'protocol/as64502_7', hash = 'deployed'`)
	_, _, ids := s.queue(s.edge1)
	s.soak(ids[0])
	s.must(s.judge(ids[0], peering.Verdict{Outcome: peering.CheckPassed}))
	s.must(s.MarkConfirmSent(t.Context(), ids[0], time.Now()))
	s.must(s.EndDeployment(t.Context(), ids[0], peering.DeploymentEnd{State: peering.DeploymentConfirmed, Outcome: "confirmed",
		Stanzas: map[string]string{"protocol/as64501_1": "moved", "protocol/as64502_7": "by hand"}}))
	ledger, err := s.Ledger(t.Context(), s.edge1)
	s.must(err)
	if len(ledger) != 2 || ledger["protocol/as64501_1"] != "moved" || ledger["protocol/as64502_7"] != "deployed" {
		t.Errorf("ledger %v", ledger)
	}
}

func TestWhatWasLeftOnARouterIsKnownByItsDeployment(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	left := func() map[peering.Move]peering.LeftThere {
		t.Helper()
		all, err := s.LeftThere(t.Context(), s.edge1)
		s.must(err)
		return all
	}
	change, plan, ids := s.queue(s.edge1)
	stanza := plan.Routers[0].Moves[0]
	s.must(s.begin(ids[0]))
	if all := left(); len(all) != 0 {
		t.Errorf("no commit was sent, and %v is there", all)
	}
	s.must(s.HoldBack(t.Context(), ids[0]))
	s.must(s.StoreBaseline(t.Context(), ids[0], peering.BaselineRecord{Artifact: "x\n"}))
	s.soak(ids[0])
	s.must(s.EndDeployment(t.Context(), ids[0], peering.DeploymentEnd{State: peering.DeploymentInterfered, Outcome: "meddled", Stanzas: map[string]string{stanza.Key: stanza.After}}))
	want := peering.LeftThere{DeploymentID: ids[0], ChangeID: change.ID, State: peering.DeploymentInterfered}
	if all := left(); len(all) != 1 || all[peering.Move{Key: stanza.Key, After: stanza.After}] != want {
		t.Errorf("left there: %v, want %v", all, want)
	}
	_, _, ids = s.queue(s.edge1)
	s.soak(ids[0])
	s.confirm(ids[0])
	if all := left(); len(all) != 1 {
		t.Errorf("a confirmed one left %v", all)
	}
}
