package db_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"peerflow/db"
	"peerflow/db/dbtest"
	"peerflow/internal/peering"
)

// stage is a database with people, two routers and a peer: what a change needs.
type stage struct {
	*testing.T
	*db.DB
	author, approver, other peering.Actor
	edge1, edge2            int64 // routers, in mode manage
	site                    int64
	peering                 int64
	addresses               int // peer addresses given out so far
}

func newStage(t *testing.T) *stage {
	t.Helper()
	return stageOn(t, dbtest.New(t))
}

func stageOn(t *testing.T, d *db.DB) *stage {
	t.Helper()
	s := &stage{T: t, DB: d}
	s.author = s.person("anna", "{operator,approver}")
	s.approver = s.person("bob", "{operator,approver}")
	s.other = s.person("carol", "{operator,approver}")
	s.site = s.one(`INSERT INTO site (slug, name) VALUES ('ams', 'Amsterdam') RETURNING id`)
	s.one(`INSERT INTO platform (slug, name, driver) VALUES ('bird', 'BIRD', 'bird') RETURNING id`)
	ours := s.one(`INSERT INTO autonomous_system (asn, local) VALUES (64496, true) RETURNING id`)
	theirs := s.one(`INSERT INTO autonomous_system (asn) VALUES (64501) RETURNING id`)
	s.edge1, s.edge2 = s.router("edge1"), s.router("edge2")
	s.peering = s.one(`INSERT INTO peering (local_as_id, peer_as_id, state, evidence) VALUES ($1, $2, 'agreed', 'person') RETURNING id`, ours, theirs)
	return s
}

func (s *stage) person(name, roles string) peering.Actor {
	s.Helper()
	id := s.one(`INSERT INTO app_user (name, roles) VALUES ($1, $2::text::app_role[]) RETURNING id`, name, roles)
	actor := peering.Actor{Kind: peering.ActorUser, UserID: id, Name: name, Door: peering.DoorAPI}
	for role := range strings.SplitSeq(strings.Trim(roles, "{}"), ",") {
		actor.Roles = append(actor.Roles, peering.Role(role))
	}
	return actor
}

func (s *stage) router(name string) int64 {
	s.Helper()
	return s.one(`INSERT INTO router (name, site_id, platform_id, local_as_id, mode, address, lab)
		SELECT $1, (SELECT min(id) FROM site), (SELECT min(id) FROM platform), id, 'manage', '127.0.0.1:22', true FROM autonomous_system WHERE local
		RETURNING id`, name)
}

// one runs a statement that gives one number.
func (s *stage) one(sql string, args ...any) (n int64) {
	s.Helper()
	if err := s.Pool().QueryRow(s.Context(), sql, args...).Scan(&n); err != nil {
		s.Fatalf("%s: %v", sql, err)
	}
	return n
}

func (s *stage) run(sql string, args ...any) {
	s.Helper()
	if _, err := s.Pool().Exec(s.Context(), sql, args...); err != nil {
		s.Fatalf("%s: %v", sql, err)
	}
}

func (s *stage) must(err error) {
	s.Helper()
	if err != nil {
		s.Fatal(err)
	}
}

// refused expects a kind and words of the text.
func (s *stage) refused(err error, kind peering.Kind, words ...string) {
	s.Helper()
	if peering.KindOf(err) != kind {
		s.Errorf("got %v (kind %q), want kind %s", err, peering.KindOf(err), kind)
		return
	}
	for _, w := range words {
		if !strings.Contains(err.Error(), w) {
			s.Errorf("%q doesn't say %q", err, w)
		}
	}
}

// create is an operation that adds a session on a router.
func (s *stage) create(router int64) peering.Operation {
	s.addresses++
	return peering.Operation{RouterID: router, Object: peering.ObjectSession, Action: peering.Create, Patch: patch(map[string]any{
		"kind": "direct", "peering_id": s.peering, "router_id": router, "peer_address": fmt.Sprintf("192.0.2.%d", s.addresses),
		"peer_asn": 64501, "families": []string{"ipv4"}, "intent": "present"})}
}

func patch(v any) json.RawMessage {
	text, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return text
}

// draft opens a change of the author with these operations.
func (s *stage) draft(ops ...peering.Operation) peering.Change {
	s.Helper()
	change, _, err := s.CreateChange(s.Context(), s.author, db.NewChange{Kind: peering.KindMaintenance, Reason: "test",
		Request: peering.ChangeRequest{Operations: ops}})
	s.must(err)
	return change
}

// planOn is a plan that adds one stanza per router; different texts are different plans.
func planOn(change int64, text string, routers ...int64) (peering.Plan, []string) {
	p := peering.Plan{ChangeID: change}
	stanza, artifact := text+"\n", "# all of it\n"+text+"\n"
	for _, r := range routers {
		p.Routers = append(p.Routers, peering.RouterPlan{RouterID: r, BaseHash: peering.HashText(""), ArtifactHash: peering.HashText(artifact),
			Diff: "+ " + text, Moves: []peering.Move{{Key: "protocol/as64501_1", After: peering.HashText(stanza)}}})
	}
	p.Impact = peering.NewImpact(p.Routers, nil)
	p.Hash = peering.PlanHash(p.Routers)
	return p, []string{stanza, artifact}
}

// plan stores a plan and moves the change to where it waits for votes.
func (s *stage) plan(change peering.Change, text string, routers ...int64) peering.Plan {
	s.Helper()
	p, texts := planOn(change.ID, text, routers...)
	stored, err := s.StorePlan(s.Context(), p, texts, "a stanza moved")
	s.must(err)
	s.must(s.MoveChange(s.Context(), change.ID, peering.ChangePlanned, "planned", ""))
	s.must(s.MoveChange(s.Context(), change.ID, peering.ChangeAwaitingApproval, "waits for approval", ""))
	return stored
}

// approve votes by the approver and moves the change on.
func (s *stage) approve(change peering.Change, plan peering.Plan) {
	s.Helper()
	result, err := s.CastVote(s.Context(), s.approver, change.ID, plan.Hash, peering.Approve, "")
	s.must(err)
	if !result.Accepted {
		s.Fatal(result.Text)
	}
	s.must(s.MoveChange(s.Context(), change.ID, peering.ChangeApproved, "approved", ""))
}

// queue brings a fresh change to a queued, prepared deployment per router.
func (s *stage) queue(routers ...int64) (peering.Change, peering.Plan, []int64) {
	s.Helper()
	var ops []peering.Operation
	for _, r := range routers {
		ops = append(ops, s.create(r))
	}
	change := s.draft(ops...)
	plan := s.plan(change, fmt.Sprintf("protocol bgp %d {}", change.ID), routers...)
	s.approve(change, plan)
	var ids []int64
	for _, r := range routers {
		id, err := s.SubmitDeployment(s.Context(), change.ID, plan.ID, r)
		s.must(err)
		s.must(s.StoreBaseline(s.Context(), id, peering.BaselineRecord{Artifact: "protocol bgp {}\n"}))
		ids = append(ids, id)
	}
	return change, plan, ids
}

var now = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

// soak begins and commits a queued deployment.
func (s *stage) soak(id int64) {
	s.Helper()
	_, err := s.BeginDeployment(s.Context(), id, time.Minute, now)
	s.must(err)
	claimed, err := s.MarkCommitSent(s.Context(), id, now, now.Add(2*time.Minute))
	s.must(err)
	if !claimed {
		s.Fatal("the commit was claimed before")
	}
	s.must(s.MarkCommitted(s.Context(), id, "generation-2", now))
}

// confirm verifies, confirms and ends a soaking deployment.
func (s *stage) confirm(id int64) {
	s.Helper()
	s.must(s.judge(id, peering.Verdict{Outcome: peering.CheckPassed, At: now}))
	s.must(s.MarkConfirmSent(s.Context(), id, now))
	s.must(s.EndDeployment(s.Context(), id, peering.DeploymentEnd{State: peering.DeploymentConfirmed, Outcome: "confirmed",
		Stanzas: map[string]string{"protocol/as64501_1": peering.HashText("x")}}))
}

func (s *stage) state(id int64) peering.ChangeState {
	s.Helper()
	c, err := s.Change(s.Context(), id)
	s.must(err)
	return c.State
}

func TestAChangeBecomesIntentWhenItsDeploymentIsConfirmed(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	change, _, ids := s.queue(s.edge1)
	if n := s.one(`SELECT count(*) FROM session`); n != 0 {
		t.Errorf("%d sessions are recorded before the commit", n)
	}
	s.soak(ids[0])
	s.confirm(ids[0])
	settled, err := s.SettleChange(t.Context(), change.ID)
	s.must(err)
	if settled.State != peering.ChangeCompleted || settled.EndedAt.IsZero() || settled.Outcome == "" {
		t.Errorf("settled as %+v", settled)
	}
	if n := s.one(`SELECT count(*) FROM session WHERE router_id = $1 AND sync = 'in_sync' AND watch_until > now()`, s.edge1); n != 1 {
		t.Errorf("%d sessions are in sync and watched, want 1", n)
	}
	if n := s.one(`SELECT count(*) FROM stanza_ledger WHERE key = 'protocol/as64501_1' AND hash = $1 AND absent_at IS NULL`, peering.HashText("x")); n != 1 {
		t.Errorf("%d entries of the ledger, want 1", n)
	}
	ops, err := s.Operations(t.Context(), change.ID)
	s.must(err)
	if len(ops) != 1 || ops[0].AppliedAt.IsZero() {
		t.Errorf("operations %+v, want one that is applied", ops)
	}
}
