package db_test

import (
	"encoding/json"
	"errors"
	"net/netip"
	"strings"
	"testing"
	"time"

	"peerflow/db"
	"peerflow/internal/peering"
)

var nobody = peering.Actor{Kind: peering.ActorSystem, Name: "test"}

// rule records an approval rule in nobody's name.
func (s *stage) rule(r peering.ApprovalRule) peering.ApprovalRule {
	s.Helper()
	made, err := s.ApprovalRules().Create(s.Context(), nobody, r)
	s.must(err)
	return made
}

func (s *stage) edit(by peering.Actor, r peering.ApprovalRule, patch string) {
	s.Helper()
	_, err := s.ApprovalRules().Patch(s.Context(), by, r.ID, 0, json.RawMessage(patch))
	s.must(err)
}

func (s *stage) tally(c peering.Change, planID int64) peering.Tally {
	s.Helper()
	tally, err := s.TallyVotes(s.Context(), c.ID, planID)
	s.must(err)
	return tally
}

var (
	twoPeople    = peering.ApprovalRule{Name: "two-people", Terms: peering.Terms{VotesNeeded: 2}}
	smallRefresh = peering.ApprovalRule{Name: "small-refresh", Kinds: []peering.ChangeKind{peering.KindRefresh}, FilterChangeLimit: 5}
	solo         = peering.ApprovalRule{Name: "small-team", Terms: peering.Terms{VotesNeeded: 1, SoloAfterMinutes: 30}}
)

// admin makes the author one, as in a small team.
func (s *stage) admin(a peering.Actor) peering.Actor {
	s.Helper()
	s.run(`UPDATE app_user SET roles = '{admin}' WHERE id = $1`, a.UserID)
	a.Roles = []peering.Role{peering.Admin}
	return a
}

func TestAPlanTakesWhatTheRulesAskFor(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	s.rule(twoPeople)
	s.rule(peering.ApprovalRule{Name: "both-edges", MinRouters: 2, Terms: peering.Terms{VotesNeeded: 3}})
	s.rule(peering.ApprovalRule{Name: "elsewhere", SiteIDs: []int64{s.one(`INSERT INTO site (slug, name) VALUES ('fra', '') RETURNING id`)},
		Terms: peering.Terms{VotesNeeded: 5}})
	s.rule(peering.ApprovalRule{Name: "here", SiteIDs: []int64{s.site}, RouterIDs: []int64{s.edge2}, Terms: peering.Terms{VotesNeeded: 1, ApprovalMinutes: 60}})
	for name, test := range map[string]struct {
		routers []int64
		want    peering.Demand
	}{
		"one router":  {[]int64{s.edge1}, peering.Demand{Rule: "two-people", Terms: peering.Terms{VotesNeeded: 2}}},
		"two routers": {[]int64{s.edge1, s.edge2}, peering.Demand{Rule: "both-edges", Terms: peering.Terms{VotesNeeded: 3, ApprovalMinutes: 60}}},
	} {
		change := s.draft(s.create(s.edge1))
		if plan := s.plan(change, "text", test.routers...); plan.Demand != test.want {
			t.Errorf("%s: %+v, want %+v", name, plan.Demand, test.want)
		}
	}
}

func TestTwoOfThree(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	s.rule(twoPeople)
	change, plan := s.waiting()
	if got := s.vote(s.approver, change, plan, peering.Approve); got.Text != "approved by bob: 1 of 2" {
		t.Errorf("first: %+v", got)
	}
	if tally := s.tally(change, plan.ID); tally.Approved || tally.Line() != "1 of 2 approvals: bob" {
		t.Errorf("after one: %+v", tally)
	}
	s.must(s.RevokeVote(t.Context(), s.approver, change.ID, ""))
	s.vote(s.other, change, plan, peering.Approve)
	s.vote(s.approver, change, plan, peering.Approve)
	if tally := s.tally(change, plan.ID); !tally.Approved || tally.ApprovedBy() != "carol, bob" {
		t.Errorf("after both: %+v", tally)
	}
	s.must(s.MoveChange(t.Context(), change.ID, peering.ChangeApproved, "approved", ""))
	now, err := s.Change(t.Context(), change.ID)
	s.must(err)
	if now.ApprovedBy != "carol, bob" {
		t.Errorf("recorded as approved by %q", now.ApprovedBy)
	}
	s.must(s.MoveChange(t.Context(), change.ID, peering.ChangeStale, "a stanza moved", ""))
	if now, err = s.Change(t.Context(), change.ID); err != nil || now.ApprovedBy != "" {
		t.Errorf("stale, and approved by %q, %v", now.ApprovedBy, err)
	}
}

func TestEditingARuleAddsToAPlanThatWaitsAndTakesNothing(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	rule := s.rule(twoPeople)
	change, plan := s.waiting()
	need := func() int { return s.tally(change, plan.ID).Need }
	s.edit(nobody, rule, `{"votes_needed": 3}`)
	if need() != 3 {
		t.Errorf("raised to 3: needs %d", need())
	}
	s.edit(nobody, rule, `{"votes_needed": 1}`)
	if need() != 2 {
		t.Errorf("lowered to 1: needs %d", need())
	}
	s.must(s.ApprovalRules().Delete(t.Context(), nobody, rule.ID, 0))
	if need() != 2 {
		t.Errorf("deleted: needs %d", need())
	}
	equal, texts := planOn(change.ID, "protocol bgp {}", s.edge1)
	kept, err := s.StorePlan(t.Context(), equal, texts, "")
	s.must(err)
	if kept.ID != plan.ID || kept.VotesNeeded != 2 || kept.Rule != "two-people" {
		t.Errorf("the same plan again: %d needs %d by %s", kept.ID, kept.VotesNeeded, kept.Rule)
	}
	other, texts := planOn(change.ID, "protocol bgp other {}", s.edge1)
	next, err := s.StorePlan(t.Context(), other, texts, "moved")
	s.must(err)
	if next.Demand != peering.DefaultDemand {
		t.Errorf("another plan takes %+v", next.Demand)
	}
}

// refresh is a change of kind refresh that edits a policy's context, with a plan that moves so many entries.
func (s *stage) refresh(entries int) (peering.Change, peering.Plan) {
	s.Helper()
	policy := mustCreate(s, s.RoutingPolicies(), peering.RoutingPolicy{Slug: "p" + strings.Repeat("x", s.addresses), Direction: peering.Import})
	s.addresses++
	change, _, err := s.CreateChange(s.Context(), s.author, db.NewChange{Kind: peering.KindRefresh, Request: peering.ChangeRequest{
		Operations: []peering.Operation{{Object: peering.ObjectRoutingPolicy, ObjectID: policy.ID, Action: peering.Update,
			BaseVersion: 1, Patch: json.RawMessage(`{"context": {"accept": ["192.0.2.0/24"]}}`)}}}})
	s.must(err)
	p, texts := planOn(change.ID, "filter", s.edge1)
	p.Routers[0].Filters = peering.FilterChange{Added: entries, Only: true}
	p.Impact = peering.NewImpact(p.Routers, nil)
	plan, err := s.StorePlan(s.Context(), p, texts, "")
	s.must(err)
	s.must(s.MoveChange(s.Context(), change.ID, peering.ChangePlanned, "planned", ""))
	s.must(s.MoveChange(s.Context(), change.ID, peering.ChangeAwaitingApproval, "waits", ""))
	return change, plan
}

// queued moves a change on and prepares its deployment on edge1.
func (s *stage) queued(change peering.Change, plan peering.Plan) int64 {
	s.Helper()
	s.must(s.MoveChange(s.Context(), change.ID, peering.ChangeApproved, "approved", ""))
	id, err := s.SubmitDeployment(s.Context(), change.ID, plan.ID, s.edge1)
	s.must(err)
	s.must(s.StoreBaseline(s.Context(), id, peering.BaselineRecord{Artifact: "filter\n"}))
	return id
}

func TestAnAutomaticRuleApprovesUnderItsName(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	s.rule(smallRefresh)
	change, plan := s.refresh(5)
	if tally := s.tally(change, plan.ID); !tally.Approved || tally.Need != 0 || plan.Rule != "small-refresh" {
		t.Fatalf("plan by rule %q, tally %+v", plan.Rule, tally)
	}
	id := s.queued(change, plan)
	s.must(s.begin(id))
	now, err := s.Change(t.Context(), change.ID)
	s.must(err)
	if by := s.deployment(id).ApprovedBy; by != "rule small-refresh" || now.ApprovedBy != by {
		t.Errorf("deployment approved by %q, change by %q", by, now.ApprovedBy)
	}
	if n := s.one(`SELECT count(*) FROM audit_event WHERE door = 'rule' AND NOT refused AND change_id = $1 AND text LIKE 'approved by rule small-refresh%'`, change.ID); n != 1 {
		t.Errorf("%d audit events tell it, want 1", n)
	}
	more, plan := s.refresh(6)
	if tally := s.tally(more, plan.ID); tally.Approved || tally.Need != 1 || plan.Rule != "default" {
		t.Errorf("beyond the limit: rule %q, %+v", plan.Rule, tally)
	}
}

func TestAnAutomaticRuleHasToAnswerAgainAtBegin(t *testing.T) {
	t.Parallel()
	tests := map[string]func(*stage, peering.ApprovalRule){
		"it was deleted": func(s *stage, r peering.ApprovalRule) {
			s.must(s.ApprovalRules().Delete(s.Context(), nobody, r.ID, 0))
		},
		"it was disabled":              func(s *stage, r peering.ApprovalRule) { s.edit(nobody, r, `{"disabled": true}`) },
		"its limit is lower":           func(s *stage, r peering.ApprovalRule) { s.edit(nobody, r, `{"filter_change_limit": 2}`) },
		"it is about another router":   func(s *stage, r peering.ApprovalRule) { s.edit(nobody, r, `{"router_ids": [2]}`) },
		"another rule asks for people": func(s *stage, _ peering.ApprovalRule) { s.rule(twoPeople) },
		"its author wrote it":          func(s *stage, r peering.ApprovalRule) { s.edit(s.admin(s.author), r, `{"filter_change_limit": 9}`) },
		"edits of somebody else ride along": func(s *stage, _ peering.ApprovalRule) {
			s.run(`UPDATE change SET carried_authors = (SELECT array_agg(id) FROM app_user WHERE name = 'carol')`)
		},
		"its operations edit what guards the export": func(s *stage, _ peering.ApprovalRule) {
			s.run(`UPDATE change_operation SET patch = patch || '{"expect_prefixes_ipv4": 9000}'`)
		},
	}
	for name, hinder := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newStage(t)
			rule := s.rule(smallRefresh)
			change, plan := s.refresh(5)
			id := s.queued(change, plan)
			hinder(s, rule)
			err := s.begin(id)
			s.refused(err, peering.Denied, "0 of")
			if !errors.Is(err, peering.ErrUnapproved) {
				t.Errorf("%v isn't told apart from other refusals", err)
			}
			if by := s.deployment(id).ApprovedBy; by != "" {
				t.Errorf("refused, and approved by %q", by)
			}
		})
	}
}

func TestAnAutomaticRuleHasToAnswerAgainAtTheCommit(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	rule := s.rule(smallRefresh)
	change, plan := s.refresh(5)
	id := s.queued(change, plan)
	s.must(s.begin(id))
	s.edit(nobody, rule, `{"disabled": true}`)
	claimed, err := s.MarkCommitSent(t.Context(), id, time.Now(), time.Now().Add(time.Minute))
	s.refused(err, peering.Denied, "0 of 1")
	if claimed {
		t.Error("the commit goes out")
	}
}

func TestTheAuthorsOwnVoteCountsAfterADelay(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	s.rule(solo)
	change, plan := s.waiting()
	if got := s.vote(s.author, change, plan, peering.Approve); !got.Accepted || !strings.Contains(got.Text, "counts from") {
		t.Fatalf("answer %+v", got)
	}
	if n := s.one(`SELECT count(*) FROM vote WHERE solo AND user_id = $1`, s.author.UserID); n != 1 {
		t.Error("the vote isn't recorded as solo")
	}
	tally := s.tally(change, plan.ID)
	if tally.Approved || tally.Solo != "anna" || time.Until(tally.SoloAt) < 29*time.Minute || time.Until(tally.SoloAt) > 31*time.Minute {
		t.Errorf("at once: %+v", tally)
	}
	s.later(31 * time.Minute)
	if tally = s.tally(change, plan.ID); !tally.Approved || tally.ApprovedBy() != "anna (solo)" {
		t.Errorf("after the delay: %+v", tally)
	}
	s.must(s.begin(s.queued(change, plan)))
	if n := s.one(`SELECT count(*) FROM deployment WHERE approved_by = 'anna (solo)'`); n != 1 {
		t.Error("the deployment doesn't say solo")
	}
}

// later makes every vote so much older.
func (s *stage) later(d time.Duration) {
	s.Helper()
	s.run(`UPDATE vote SET created_at = created_at - make_interval(secs => $1)`, d.Seconds())
}

func TestWhatStopsADelayedSolo(t *testing.T) {
	t.Parallel()
	tests := map[string]func(*stage, peering.Change, peering.Plan, peering.ApprovalRule){
		"the author takes it back": func(s *stage, c peering.Change, _ peering.Plan, _ peering.ApprovalRule) {
			s.must(s.RevokeVote(s.Context(), s.author, c.ID, ""))
		},
		"somebody objects": func(s *stage, c peering.Change, p peering.Plan, _ peering.ApprovalRule) {
			s.vote(s.other, c, p, peering.Reject)
		},
		"the rule forbids it now": func(s *stage, _ peering.Change, _ peering.Plan, r peering.ApprovalRule) {
			s.edit(nobody, r, `{"solo_after_minutes": 0}`)
		},
		"the rule wants a longer delay now": func(s *stage, _ peering.Change, _ peering.Plan, r peering.ApprovalRule) {
			s.edit(nobody, r, `{"solo_after_minutes": 60}`)
		},
		"another rule asks for two": func(s *stage, _ peering.Change, _ peering.Plan, _ peering.ApprovalRule) { s.rule(twoPeople) },
		"the author wrote the rule": func(s *stage, _ peering.Change, _ peering.Plan, r peering.ApprovalRule) {
			s.edit(s.admin(s.author), r, `{"solo_after_minutes": 5}`)
		},
		"the author lost the role": func(s *stage, _ peering.Change, _ peering.Plan, _ peering.ApprovalRule) {
			s.run(`UPDATE app_user SET roles = '{operator}' WHERE name = 'anna'`)
		},
	}
	for name, stop := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newStage(t)
			rule := s.rule(solo)
			change, plan := s.waiting()
			s.vote(s.author, change, plan, peering.Approve)
			s.later(31 * time.Minute)
			if !s.tally(change, plan.ID).Approved {
				t.Fatal("the delay has passed, and the vote doesn't count")
			}
			stop(s, change, plan, rule)
			if tally := s.tally(change, plan.ID); tally.Approved {
				t.Errorf("tally %+v", tally)
			}
		})
	}
}

func TestADelayedSoloIsTheChangesAuthorsAlone(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	s.rule(solo)
	change, plan := s.waiting()
	s.run(`UPDATE change SET carried_authors = (SELECT array_agg(id) FROM app_user WHERE name = 'bob')`)
	s.saysNo(func() peering.VoteResult { return s.vote(s.approver, change, plan, peering.Approve) }, "carries edits by bob")
	s.saysNo(func() peering.VoteResult { return s.vote(s.author, change, plan, peering.Reject) }, "cancel the change instead")
}

func TestRulesDontEaseTheirEditorsOwnChanges(t *testing.T) {
	t.Parallel()
	tests := map[string]func(*stage, peering.Actor){
		"a rule that lets it pass": func(s *stage, by peering.Actor) {
			_, err := s.ApprovalRules().Create(s.Context(), by, smallRefresh)
			s.must(err)
		},
		"a stricter rule out of the way": func(s *stage, by peering.Actor) {
			s.rule(smallRefresh)
			strict := s.rule(twoPeople)
			s.must(s.ApprovalRules().Delete(s.Context(), by, strict.ID, 0))
		},
		"a stricter rule made narrower": func(s *stage, by peering.Actor) {
			s.rule(smallRefresh)
			s.edit(by, s.rule(twoPeople), `{"min_sessions": 1000}`)
		},
	}
	for name, edit := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newStage(t)
			author := s.admin(s.author)
			edit(s, author)
			change, plan := s.refresh(1)
			if plan.Demand != peering.DefaultDemand {
				t.Errorf("the plan takes %+v", plan.Demand)
			}
			s.saysNo(func() peering.VoteResult { return s.vote(author, change, plan, peering.Approve) }, "somebody else has to approve")
			s.run(`UPDATE change_log SET at = at - interval '25 hours'`)
			if next, plan := s.refresh(1); !s.tally(next, plan.ID).Approved {
				t.Error("a day later the rule still doesn't count")
			}
			if s.tally(change, plan.ID).Approved {
				t.Error("and eases the plan that was made before")
			}
		})
	}
}

func TestVotesThatNoLongerCountAtBegin(t *testing.T) {
	t.Parallel()
	tests := map[string]func(*stage){
		"the role was taken away": func(s *stage) { s.run(`UPDATE app_user SET roles = '{operator}' WHERE name = 'bob'`) },
		"the user was deactivated": func(s *stage) {
			s.run(`UPDATE app_user SET active = false WHERE name = 'bob'`)
		},
		"the vote expired": func(s *stage) { s.later(61 * time.Minute) },
		"the voter's edits ride along now": func(s *stage) {
			s.run(`UPDATE change SET carried_authors = (SELECT array_agg(id) FROM app_user WHERE name = 'bob')`)
		},
		"a rule asks for two now": func(s *stage) { s.rule(twoPeople) },
	}
	for name, hinder := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newStage(t)
			s.rule(peering.ApprovalRule{Name: "brief", Terms: peering.Terms{VotesNeeded: 1, ApprovalMinutes: 60}})
			change, _, ids := s.queue(s.edge1)
			if !s.tally(change, s.deployment(ids[0]).PlanID).Approved {
				t.Fatal("not approved to begin with")
			}
			hinder(s)
			if err := s.begin(ids[0]); !errors.Is(err, peering.ErrUnapproved) {
				t.Errorf("began: %v", err)
			}
		})
	}
}

func TestALonePersonsVoteEndsWithASecondPerson(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	change, plan := s.waiting()
	s.run(`UPDATE app_user SET active = false WHERE name <> 'anna'`)
	s.vote(s.author, change, plan, peering.Approve)
	id := s.queued(change, plan)
	s.run(`UPDATE app_user SET active = true WHERE name = 'bob'`)
	s.refused(s.begin(id), peering.Denied, "0 of 1")
	s.run(`UPDATE app_user SET active = false WHERE name = 'bob'`)
	s.must(s.begin(id))
}

func TestOnePersonIsOneVoteThroughAnyDoor(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	s.rule(twoPeople)
	change, plan := s.waiting()
	codes := []string{s.code(s.approver, change, plan, peering.Approve), s.code(s.approver, change, plan, peering.Approve)}
	s.vote(s.approver, change, plan, peering.Approve)
	cli := s.approver
	cli.Door = peering.DoorCLI // another token, another door
	s.saysNo(func() peering.VoteResult { return s.vote(cli, change, plan, peering.Approve) }, "decided on this plan already")
	for _, code := range codes {
		s.saysNo(func() peering.VoteResult {
			return s.decide(peering.VoteInput{ChangeID: change.ID, UpdateID: code, Decision: peering.Approve, Code: code})
		}, "decided on this plan already")
	}
	if tally := s.tally(change, plan.ID); tally.Have != 1 || tally.Approved {
		t.Errorf("tally %+v", tally)
	}
}

func TestApprovalRulesAreChecked(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	rules := s.ApprovalRules()
	refuses := func(r peering.ApprovalRule, words string) {
		t.Helper()
		_, err := rules.Create(t.Context(), nobody, r)
		s.refused(err, peering.Invalid, words)
	}
	refuses(peering.ApprovalRule{Name: "a", RouterIDs: []int64{s.edge1, 99}}, "no router 99")
	refuses(peering.ApprovalRule{Name: "a", SiteIDs: []int64{98}}, "no site 98")
	refuses(peering.ApprovalRule{Name: "default"}, "no rule matches")
	s.rule(twoPeople)
	_, err := rules.Create(t.Context(), nobody, twoPeople)
	s.refused(err, peering.Conflict, "exists already")
	found, err := rules.List(t.Context(), []peering.Filter{{Field: "votes_needed", Values: []string{"2"}}}, peering.Page{})
	s.must(err)
	if len(found.Items) != 1 || found.Items[0].Name != "two-people" {
		t.Errorf("found %+v", found.Items)
	}
}

func TestAProtectedSessionAsksForItsRule(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	s.rule(peering.ApprovalRule{Name: "protected", Protected: true, Terms: peering.Terms{VotesNeeded: 2}})
	s.rule(peering.ApprovalRule{Name: "resets", Disruption: peering.DisruptsReset, Terms: peering.Terms{VotesNeeded: 3}})
	plan := func(t peering.TouchedSession) peering.Plan {
		p, texts := planOn(s.draft(s.create(s.edge1)).ID, "text", s.edge1)
		t.Neighbor = netip.MustParseAddr("192.0.2.250")
		p.Routers[0].Touched = []peering.TouchedSession{t}
		p.Impact = peering.NewImpact(p.Routers, nil)
		stored, err := s.StorePlan(s.Context(), p, texts, "")
		s.must(err)
		return stored
	}
	for name, test := range map[string]struct {
		touched peering.TouchedSession
		rule    string
	}{
		"nothing special": {peering.TouchedSession{Disruption: peering.DisruptsRefresh}, "default"},
		"a transit":       {peering.TouchedSession{Disruption: peering.DisruptsNone, Protected: "transit"}, "protected"},
		"a reset":         {peering.TouchedSession{Disruption: peering.DisruptsReset}, "resets"},
		"not known":       {peering.TouchedSession{Disruption: peering.DisruptsUnknown}, "resets"},
		"a removal":       {peering.TouchedSession{Disruption: peering.DisruptsNone, Removed: true}, "resets"},
		"an addition":     {peering.TouchedSession{Disruption: peering.DisruptsReset, Added: true}, "default"},
	} {
		if got := plan(test.touched); got.Rule != test.rule {
			t.Errorf("%s: rule %s, want %s", name, got.Rule, test.rule)
		}
	}
}
