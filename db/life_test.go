package db_test

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"peerflow/internal/peering"
)

// replanned brings a change of two routers to where edge1 is confirmed, edge2's
// stanza moved, and a plan for edge2 alone waits for its votes.
func (s *stage) replanned() (peering.Change, peering.Plan) {
	s.Helper()
	change, _, ids := s.queue(s.edge1, s.edge2)
	s.soak(ids[0])
	s.confirm(ids[0])
	s.must(s.EndDeployment(s.Context(), ids[1], peering.DeploymentEnd{State: peering.DeploymentStale, Outcome: "stanza filter/x moved"}))
	s.must(s.MoveChange(s.Context(), change.ID, peering.ChangeStale, "filter/x moved", ""))
	plan := s.plan(change, "protocol bgp again {}", s.edge2)
	return change, plan
}

// deployTo submits, commits and confirms on one router of a plan.
func (s *stage) deployTo(change peering.Change, plan peering.Plan, router int64) {
	s.Helper()
	id, err := s.SubmitDeployment(s.Context(), change.ID, plan.ID, router)
	s.must(err)
	s.must(s.StoreBaseline(s.Context(), id, peering.BaselineRecord{Artifact: "protocol bgp {}\n"}))
	s.soak(id)
	s.confirm(id)
}

func TestAChangePlannedAgainForItsOtherRouterCompletesOnBoth(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	change, plan := s.replanned()
	s.approve(change, plan)
	s.deployTo(change, plan, s.edge2)
	settled, err := s.SettleChange(t.Context(), change.ID)
	s.must(err)
	if settled.State != peering.ChangeCompleted || settled.Outcome != "confirmed on 2 routers" {
		t.Errorf("settled as %s: %s", settled.State, settled.Outcome)
	}
	if n := s.one(`SELECT count(*) FROM session`); n != 2 {
		t.Errorf("%d sessions are recorded, want one per router", n)
	}
}

func TestAChangeThatARouterRunsAlreadyEndsPartial(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		end     func(*stage, peering.Change, peering.Plan)
		outcome string
	}{
		"rejected": {func(s *stage, c peering.Change, _ peering.Plan) {
			s.must(s.MoveChange(s.Context(), c.ID, peering.ChangeRejected, "", "rejected by bob: no"))
		}, "confirmed on edge1; the rest is rejected: rejected by bob: no"},
		"expired": {func(s *stage, c peering.Change, _ peering.Plan) {
			s.must(s.MoveChange(s.Context(), c.ID, peering.ChangeExpired, "", "nobody approved it"))
		}, "confirmed on edge1; the rest is expired: nobody approved it"},
		"failed": {func(s *stage, c peering.Change, _ peering.Plan) {
			s.must(s.MoveChange(s.Context(), c.ID, peering.ChangeFailed, "", "edge2 doesn't answer"))
		}, "confirmed on edge1; the rest is failed: edge2 doesn't answer"},
		"cancelled, and acted on at the next move": {func(s *stage, c peering.Change, _ peering.Plan) {
			s.must(s.order(s.other, c, peering.CommandCancel))
			s.must(s.MoveChange(s.Context(), c.ID, peering.ChangeAwaitingApproval, "still waits", ""))
		}, "confirmed on edge1; the rest is cancelled: cancelled by carol: because"},
		"rolled back on the other": {func(s *stage, c peering.Change, p peering.Plan) {
			s.approve(c, p)
			id, err := s.SubmitDeployment(s.Context(), c.ID, p.ID, s.edge2)
			s.must(err)
			s.must(s.StoreBaseline(s.Context(), id, peering.BaselineRecord{Artifact: "protocol bgp {}\n"}))
			s.soak(id)
			s.must(s.EndDeployment(s.Context(), id, peering.DeploymentEnd{State: peering.DeploymentRolledBack, Outcome: "announced 900"}))
			_, err = s.SettleChange(s.Context(), c.ID)
			s.must(err)
		}, "confirmed on edge1 (1 of 2 routers); edge2 rolled back: announced 900"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newStage(t)
			change, plan := s.replanned()
			test.end(s, change, plan)
			c, err := s.Change(t.Context(), change.ID)
			s.must(err)
			if c.State != peering.ChangePartial || c.Outcome != test.outcome || c.EndedAt.IsZero() {
				t.Errorf("ended %s: %s", c.State, c.Outcome)
			}
			if n := s.one(`SELECT count(*) FROM session`); n != 1 {
				t.Errorf("%d sessions are recorded, want edge1's", n)
			}
		})
	}
}

func TestACancelInEachWindow(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		come  func(*stage) peering.Change // to the window
		words string                      // of the refusal; "" is accepted
		end   peering.ChangeState
	}{
		"awaiting approval: acted on at the next move": {func(s *stage) peering.Change {
			c := s.draft(s.create(s.edge1))
			s.plan(c, "text", s.edge1)
			return c
		}, "", peering.ChangeCancelled},
		"approved: it never deploys": {func(s *stage) peering.Change {
			c := s.draft(s.create(s.edge1))
			s.approve(c, s.plan(c, "text", s.edge1))
			return c
		}, "", peering.ChangeCancelled},
		"deploying, nothing submitted": {func(s *stage) peering.Change {
			c := s.draft(s.create(s.edge1))
			s.approve(c, s.plan(c, "text", s.edge1))
			s.must(s.MoveChange(s.Context(), c.ID, peering.ChangeDeploying, "deploying", ""))
			return c
		}, "", peering.ChangeCancelled},
		"deploying and queued: it leaves the queue": {func(s *stage) peering.Change {
			c, _, _ := s.queue(s.edge1)
			s.must(s.MoveChange(s.Context(), c.ID, peering.ChangeDeploying, "deploying", ""))
			return c
		}, "", peering.ChangeCancelled},
		"between two routers: partial": {func(s *stage) peering.Change {
			c, _, ids := s.queue(s.edge1, s.edge2)
			s.soak(ids[0])
			s.confirm(ids[0])
			return c
		}, "", peering.ChangePartial},
		"begun": {func(s *stage) peering.Change {
			c, _, ids := s.queue(s.edge1)
			s.must(s.begin(ids[0]))
			return c
		}, "use roll back now (peerflow change rollback", ""},
		"soaking": {func(s *stage) peering.Change {
			c, _, ids := s.queue(s.edge1)
			s.soak(ids[0])
			return c
		}, "use roll back now (peerflow change rollback", ""},
		"needs an operator": {func(s *stage) peering.Change {
			c, _, ids := s.queue(s.edge1)
			s.soak(ids[0])
			s.must(s.EndDeployment(s.Context(), ids[0], peering.DeploymentEnd{State: peering.DeploymentNeedsOperator, Outcome: "hm"}))
			return c
		}, "peerflow change resolve", ""},
		"confirmed everywhere, not settled yet": {func(s *stage) peering.Change {
			c, _, ids := s.queue(s.edge1)
			s.soak(ids[0])
			s.confirm(ids[0])
			return c
		}, "nothing left to cancel", ""},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newStage(t)
			c := test.come(s)
			err := s.order(s.other, c, peering.CommandCancel)
			if test.words != "" {
				s.refused(err, peering.Conflict, test.words)
				return
			}
			s.must(err)
			if n := s.one(`SELECT count(*) FROM deployment WHERE state = 'queued'`); n != 0 {
				t.Errorf("%d deployments still wait for their router", n)
			}
			if s.one(`SELECT count(*) FROM deployment`) == 0 {
				s.must(s.MoveChange(t.Context(), c.ID, peering.ChangeDeploying, "deploying", ""))
			}
			settled, err := s.SettleChange(t.Context(), c.ID)
			s.must(err)
			if settled.State != test.end {
				t.Errorf("ended %s: %s; want %s", settled.State, settled.Outcome, test.end)
			}
		})
	}
}

func TestAChangeExpiresUnlessItsPlanIsApproved(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	expires := func(id int64) time.Time { c, err := s.Change(t.Context(), id); s.must(err); return c.ExpiresAt }
	c := s.draft(s.create(s.edge1))
	plan := s.plan(c, "text", s.edge1)
	first := expires(c.ID)
	if left := time.Until(first); left < peering.ApprovalPatience-time.Minute || left > peering.ApprovalPatience {
		t.Errorf("expires in %s", left)
	}
	s.must(s.MoveChange(t.Context(), c.ID, peering.ChangeStale, "started again", ""))
	s.plan(c, "text", s.edge1)
	if !expires(c.ID).Equal(first) {
		t.Error("planning the same again gives it more time")
	}
	s.must(s.MoveChange(t.Context(), c.ID, peering.ChangeStale, "it moved", ""))
	other := s.plan(c, "another text", s.edge1)
	if !expires(c.ID).After(first) || other.ID == plan.ID {
		t.Error("another plan has the time of the first one")
	}
	s.approve(c, other)
	if !expires(c.ID).IsZero() {
		t.Error("an approved change expires")
	}
}

func TestAResolvedChangeGoesOnWithItsOtherRouters(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	change, plan, ids := s.queue(s.edge1, s.edge2)
	s.run(`DELETE FROM deployment WHERE id = $1`, ids[1]) // a change submits one at a time
	s.soak(ids[0])
	s.must(s.EndDeployment(t.Context(), ids[0], peering.DeploymentEnd{State: peering.DeploymentNeedsOperator, Outcome: "look at it"}))
	settle := func(want peering.ChangeState) {
		t.Helper()
		c, err := s.SettleChange(t.Context(), change.ID)
		s.must(err)
		if c.State != want {
			t.Errorf("settled as %s: %s; want %s", c.State, c.Outcome, want)
		}
	}
	settle(peering.ChangeNeedsOperator)
	s.must(s.order(s.other, change, peering.CommandResolve))
	s.must(s.EndDeployment(t.Context(), ids[0], peering.DeploymentEnd{State: peering.DeploymentConfirmed, Outcome: "resolved", Stanzas: map[string]string{"a": "b"}}))
	settle(peering.ChangeDeploying)
	s.deployTo(change, plan, s.edge2)
	settle(peering.ChangeCompleted)
}

// An edit that came between commit and confirm would hold the queue for good:
// row versions never go back. Resolving records the change over it.
func TestResolvingRecordsTheChangeOverLaterEdits(t *testing.T) {
	t.Parallel()
	update := func(s *stage, session int64) peering.Operation {
		return peering.Operation{RouterID: s.edge1, Object: peering.ObjectSession, ObjectID: session, Action: peering.Update, Patch: patch(map[string]any{"description": "by the change"})}
	}
	remove := func(s *stage, session int64) peering.Operation {
		return peering.Operation{RouterID: s.edge1, Object: peering.ObjectSession, ObjectID: session, Action: peering.Delete}
	}
	tests := map[string]struct {
		op   func(*stage, int64) peering.Operation
		edit string // of the session, while the change soaks
		left int64  // sessions afterwards
	}{
		"an update of what was edited":  {update, `UPDATE session SET version = version + 1, passive = true`, 1},
		"an update of what was deleted": {update, `DELETE FROM session`, 0},
		"a delete of what was edited":   {remove, `UPDATE session SET version = version + 1, passive = true`, 0},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newStage(t)
			session := s.one(`INSERT INTO session (kind, peering_id, router_id, peer_address, peer_asn, families) VALUES ('direct', $1, $2, '192.0.2.77', 64501, '{4}') RETURNING id`, s.peering, s.edge1)
			change := s.draft(test.op(s, session))
			plan := s.plan(change, "text", s.edge1)
			s.approve(change, plan)
			id, err := s.SubmitDeployment(t.Context(), change.ID, plan.ID, s.edge1)
			s.must(err)
			s.must(s.StoreBaseline(t.Context(), id, peering.BaselineRecord{Artifact: "text\n"}))
			s.soak(id)
			s.run(test.edit)
			s.confirm(id)
			if d := s.deployment(id); d.State != peering.DeploymentNeedsOperator {
				t.Fatalf("ended %s: %s", d.State, d.Outcome)
			}
			s.must(s.EndDeployment(t.Context(), id, peering.DeploymentEnd{State: peering.DeploymentConfirmed, Outcome: "resolved", Stanzas: map[string]string{"a": "b"}}))
			settled, err := s.SettleChange(t.Context(), change.ID)
			s.must(err)
			if settled.State != peering.ChangeCompleted {
				t.Errorf("settled as %s: %s", settled.State, settled.Outcome)
			}
			if n := s.one(`SELECT count(*) FROM session`); n != test.left {
				t.Errorf("%d sessions are left, want %d", n, test.left)
			}
			if test.left == 1 && s.one(`SELECT count(*) FROM session WHERE passive AND description = 'by the change'`) != 1 {
				t.Error("the session isn't both what was edited and what the change did")
			}
		})
	}
}

func TestARouterKeepsItsRecordWhileADeploymentIsInFlight(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	other := s.one(`INSERT INTO platform (slug, name, driver) VALUES ('oc', 'OpenConfig', 'openconfig') RETURNING id`)
	change, _, ids := s.queue(s.edge1)
	edit := func(patch string) error {
		r, err := s.Routers().Get(t.Context(), s.edge1)
		s.must(err)
		_, err = s.Routers().Patch(t.Context(), s.approver, s.edge1, r.Version, json.RawMessage(patch))
		return err
	}
	s.must(edit(`{"mode": "propose"}`))
	s.refused(s.begin(ids[0]), peering.Denied, "mode propose")
	s.must(edit(`{"mode": "manage"}`))
	s.soak(ids[0])
	s.run(`UPDATE router SET lab = false`)
	edits := []string{`{"mode": "observe"}`, `{"address": "192.0.2.9:22"}`, `{"host_key": "another"}`, `{"username": "else"}`,
		jsonOf(map[string]any{"platform_id": other}), `{"settings": {"owned": "/x"}}`, `{"lab": true}`}
	for _, e := range edits {
		s.refused(edit(e), peering.Conflict, "deployment 1 of change 1 is soaking on router edge1", "peerflow change rollback 1")
	}
	s.must(edit(`{"context": {"note": "harmless"}}`))
	s.refused(s.Routers().Delete(t.Context(), s.approver, s.edge1, 0), peering.Conflict, "deployment 1")
	_, err := s.Platforms().Patch(t.Context(), s.approver, s.one(`SELECT platform_id FROM router WHERE id = $1`, s.edge1), 0, json.RawMessage(`{"driver": "openconfig"}`))
	s.refused(err, peering.Conflict, "deployment 1 of change 1 is soaking")

	s.must(s.MarkUnknown(t.Context(), ids[0], "the router refused the login"))
	s.run(`UPDATE deployment SET deadline = now() + interval '1 hour'`)
	s.refused(edit(`{"username": "else"}`), peering.Conflict, "is unknown", "the router refused the login")
	s.run(`UPDATE deployment SET deadline = now() - interval '1 second'`)
	s.must(edit(`{"username": "else"}`)) // past the deadline, a login that works is the way out
	s.refused(edit(`{"mode": "observe"}`), peering.Conflict, "is unknown")
	s.must(s.EndDeployment(t.Context(), ids[0], peering.DeploymentEnd{State: peering.DeploymentNeedsOperator, Outcome: "look at it"}))
	s.refused(edit(`{"mode": "observe"}`), peering.Conflict, "needs operator", "peerflow change resolve 1")
	s.must(s.EndDeployment(t.Context(), ids[0], peering.DeploymentEnd{State: peering.DeploymentRolledBack, Outcome: "resolved", Stanzas: map[string]string{}}))
	s.must(edit(`{"mode": "observe"}`))
	_ = change
}

func jsonOf(v any) string { return string(patch(v)) }

func TestWhatShouldRunIsListed(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	change, _, ids := s.queue(s.edge1)
	ended := s.draft(s.create(s.edge2))
	fresh := s.draft(s.create(s.edge2))
	for _, c := range []peering.Change{change, ended} {
		s.must(s.MarkStarted(t.Context(), fmt.Sprintf("change/%d", c.ID)))
	}
	s.must(s.MoveChange(t.Context(), ended.ID, peering.ChangeCancelled, "", "cancelled"))
	open, err := s.OpenStarts(t.Context())
	s.must(err)
	if len(open) != 1 || open[0].SubjectID != change.ID {
		t.Errorf("should run: %+v; want change %d, neither %d, which ended, nor %d, which the relay starts", open, change.ID, ended.ID, fresh.ID)
	}
	busy, err := s.BusyRouters(t.Context())
	s.must(err)
	if len(busy) != 1 || busy[0] != s.edge1 {
		t.Errorf("busy routers %v", busy)
	}
	all := s.freeze(peering.Freeze{Scope: peering.FreezeAll, Reason: "storm"})
	elsewhere := s.freeze(peering.Freeze{Scope: peering.FreezeRouter, RouterID: s.edge2, Reason: "works"})
	for f, want := range map[int64]string{all.ID: fmt.Sprint(map[int64]int64{s.edge1: ids[0]}), elsewhere.ID: "map[]"} {
		held, err := s.HeldBy(t.Context(), f)
		s.must(err)
		if fmt.Sprint(held) != want {
			t.Errorf("freeze %d holds %v, want %s", f, held, want)
		}
	}
}
