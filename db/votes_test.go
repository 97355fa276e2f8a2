package db_test

import (
	"strings"
	"sync"
	"testing"
	"time"

	"peerflow/db"
	"peerflow/db/dbtest"
	"peerflow/internal/peering"
)

// waiting is a planned change that waits for votes.
func (s *stage) waiting() (peering.Change, peering.Plan) {
	s.Helper()
	change := s.draft(s.create(s.edge1))
	plan := s.plan(change, "protocol bgp {}", s.edge1)
	return change, plan
}

// vote casts through the API's door and gives the answer.
func (s *stage) vote(who peering.Actor, change peering.Change, plan peering.Plan, decision peering.Decision) peering.VoteResult {
	s.Helper()
	result, err := s.CastVote(s.Context(), who, change.ID, plan.Hash, decision, "")
	s.must(err)
	return result
}

func (s *stage) code(who peering.Actor, change peering.Change, plan peering.Plan, decision peering.Decision) string {
	s.Helper()
	code, err := s.MintGrant(s.Context(), who, change.ID, plan.Hash, decision, time.Hour)
	s.must(err)
	return code
}

// decide is what the workflow's Update does.
func (s *stage) decide(v peering.VoteInput) peering.VoteResult {
	s.Helper()
	result, err := s.RecordVote(s.Context(), v)
	s.must(err)
	return result
}

// saysNo expects a refusal with these words, and one audit event more that tells it.
func (s *stage) saysNo(decide func() peering.VoteResult, words string) {
	s.Helper()
	before := s.one(`SELECT count(*) FROM audit_event WHERE refused`)
	votes := s.one(`SELECT count(*) FROM vote WHERE revoked_at IS NULL`)
	result := decide()
	if result.Accepted || !strings.Contains(result.Text, words) {
		s.Errorf("answer %+v, want a refusal that says %q", result, words)
	}
	if n := s.one(`SELECT count(*) FROM audit_event WHERE refused AND text = $1`, result.Text); n == 0 {
		s.Errorf("the refusal %q left no audit event", result.Text)
	}
	if n := s.one(`SELECT count(*) FROM audit_event WHERE refused`); n != before+1 {
		s.Errorf("%d audit events more, want 1", n-before)
	}
	if n := s.one(`SELECT count(*) FROM vote WHERE revoked_at IS NULL`); n != votes {
		s.Errorf("%d votes more after a refusal", n-votes)
	}
}

func TestAVoteByCodeCountsOnceAndAnswersTheSameAgain(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	change, plan := s.waiting()
	code := s.code(s.approver, change, plan, peering.Approve)
	if len(strings.ReplaceAll(code, "-", "")) != 32 {
		t.Errorf("code %q doesn't hold 160 bits in base32", code)
	}
	if n := s.one(`SELECT count(*) FROM approval_code WHERE encode(hash, 'escape') LIKE '%' || $1 || '%'`, code[:4]); n != 0 {
		t.Error("the code itself is stored")
	}
	in := peering.VoteInput{ChangeID: change.ID, UpdateID: "u1", Decision: peering.Approve, Code: strings.ToLower(code) + "\n", Reason: "fine"}
	first := s.decide(in)
	if !first.Accepted || first.Text != "approved by bob: 1 of 1" {
		t.Errorf("first answer %+v", first)
	}
	if again := s.decide(in); again != first {
		t.Errorf("the repeat answers %+v, want %+v", again, first)
	}
	if n := s.one(`SELECT count(*) FROM vote WHERE door = 'temporal' AND NOT solo AND reason = 'fine'`); n != 1 {
		t.Errorf("%d votes, want 1", n)
	}
	s.saysNo(func() peering.VoteResult {
		in.UpdateID = "u2"
		return s.decide(in)
	}, "used already")
	tally, err := s.TallyVotes(t.Context(), change.ID, plan.ID)
	s.must(err)
	if !tally.Approved || tally.Rejected || tally.Have != 1 || tally.Need != 1 {
		t.Errorf("tally %+v", tally)
	}
}

func TestUpdateIDsOfTwoChangesDontMeet(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	for range 2 {
		change, plan := s.waiting()
		in := peering.VoteInput{ChangeID: change.ID, UpdateID: "same", Decision: peering.Approve, Code: s.code(s.approver, change, plan, peering.Approve)}
		if result := s.decide(in); !result.Accepted {
			t.Errorf("change %d: %+v", change.ID, result)
		}
	}
}

func TestConcurrentRepeatsOfOneDecisionMakeOneVote(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	change, plan := s.waiting()
	in := peering.VoteInput{ChangeID: change.ID, UpdateID: "u", Decision: peering.Approve, Code: s.code(s.approver, change, plan, peering.Approve)}
	var group sync.WaitGroup
	for range 10 {
		group.Go(func() {
			if result, err := s.RecordVote(t.Context(), in); err != nil || !result.Accepted {
				t.Errorf("%+v, %v", result, err)
			}
		})
	}
	group.Wait()
	if n := s.one(`SELECT count(*) FROM vote`); n != 1 {
		t.Errorf("%d votes, want 1", n)
	}
}

func TestACodeIsBurntByAnyPresentation(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	change, plan := s.waiting()
	elsewhere, planElsewhere := s.waiting()
	with := func(c peering.Change, d peering.Decision, code string) func() peering.VoteResult {
		return func() peering.VoteResult {
			return s.decide(peering.VoteInput{ChangeID: c.ID, Decision: d, Code: code})
		}
	}
	tests := map[string]struct {
		code   string
		change peering.Change
		says   peering.Decision
		words  string
	}{
		"on another change":      {s.code(s.approver, elsewhere, planElsewhere, peering.Approve), change, peering.Approve, "for change"},
		"with another decision":  {s.code(s.approver, change, plan, peering.Reject), change, peering.Approve, "says reject"},
		"of a person who left":   {s.code(s.other, change, plan, peering.Approve), change, peering.Approve, "may not log in"},
		"after it expired":       {s.code(s.approver, change, plan, peering.Approve), change, peering.Approve, "expired"},
		"that nobody was given":  {"AAAA-BBBB", change, peering.Approve, "no such approval code"},
		"that is nothing at all": {"-", change, peering.Approve, "no such approval code"},
	}
	for name, test := range tests {
		switch name {
		case "of a person who left":
			s.run(`UPDATE app_user SET active = false WHERE name = 'carol'`)
		case "after it expired":
			s.run(`UPDATE approval_code SET expires_at = now() - interval '1 second' WHERE id = (SELECT max(id) FROM approval_code)`)
			s.run(`UPDATE approval_code SET expires_at = now() - interval '1 second' WHERE decision = 'approve' AND change_id = $1 AND user_id = $2`, change.ID, s.approver.UserID)
		}
		s.saysNo(with(test.change, test.says, test.code), test.words)
		if strings.HasPrefix(test.words, "no such") {
			continue
		}
		s.saysNo(with(test.change, test.says, test.code), "used already")
	}
}

func TestACodeForAnEarlierPlanIsRefused(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	change, plan := s.waiting()
	code := s.code(s.approver, change, plan, peering.Approve)
	next, texts := planOn(change.ID, "another text", s.edge1)
	_, err := s.StorePlan(t.Context(), next, texts, "moved")
	s.must(err)
	s.saysNo(func() peering.VoteResult {
		return s.decide(peering.VoteInput{ChangeID: change.ID, Decision: peering.Approve, Code: code})
	}, "the plan moved")
	s.saysNo(func() peering.VoteResult { return s.vote(s.approver, change, plan, peering.Approve) }, "the plan moved")
}

func TestARefusalIsAnsweredTheSameAgain(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	change, _ := s.waiting()
	in := peering.VoteInput{ChangeID: change.ID, UpdateID: "u", Decision: peering.Approve, Code: "AAAA"}
	first := s.decide(in)
	if again := s.decide(in); first.Accepted || again != first {
		t.Errorf("first %+v, again %+v", first, again)
	}
	if n := s.one(`SELECT count(*) FROM audit_event`); n != 1 {
		t.Errorf("%d audit events, want 1", n)
	}
}

func TestWhoMayDecide(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		prepare string
		who     func(*stage) peering.Actor
		words   string // "" is accepted
	}{
		"an approver":                            {"", func(s *stage) peering.Actor { return s.approver }, ""},
		"an admin":                               {`UPDATE app_user SET roles = '{admin}' WHERE name = 'bob'`, func(s *stage) peering.Actor { return s.approver }, ""},
		"not the author":                         {"", func(s *stage) peering.Actor { return s.author }, "is the author"},
		"not the author of carried edits":        {`UPDATE change SET carried_authors = (SELECT array_agg(id) FROM app_user WHERE name = 'bob')`, func(s *stage) peering.Actor { return s.approver }, "carries edits by bob"},
		"not without the role":                   {`UPDATE app_user SET roles = '{operator}' WHERE name = 'bob'`, func(s *stage) peering.Actor { return s.approver }, "lacks the role approver"},
		"not with a token that lacks the role":   {"", func(s *stage) peering.Actor { a := s.approver; a.Roles = []peering.Role{peering.Viewer}; return a }, "this login doesn't have"},
		"not with the emergency right alone":     {`UPDATE app_user SET roles = '{emergency}' WHERE name = 'bob'`, func(s *stage) peering.Actor { return s.approver }, "lacks the role approver"},
		"not who left":                           {`UPDATE app_user SET active = false WHERE name = 'bob'`, func(s *stage) peering.Actor { return s.approver }, "may not log in"},
		"not while nothing waits for a decision": {`UPDATE change SET state = 'planned'`, func(s *stage) peering.Actor { return s.approver }, "isn't waiting for a decision"},
		"not once it deploys":                    {`UPDATE change SET state = 'deploying'`, func(s *stage) peering.Actor { return s.approver }, "isn't waiting for a decision"},
		"not on a void plan":                     {`UPDATE plan SET voided_at = now()`, func(s *stage) peering.Actor { return s.approver }, "the plan is void"},
		"the author while alone":                 {`UPDATE app_user SET active = false WHERE name <> 'anna'`, func(s *stage) peering.Actor { return s.author }, ""},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newStage(t)
			change, plan := s.waiting()
			if test.prepare != "" {
				s.run(test.prepare)
			}
			if test.words != "" {
				s.saysNo(func() peering.VoteResult { return s.vote(test.who(s), change, plan, peering.Approve) }, test.words)
				_, err := s.MintGrant(t.Context(), test.who(s), change.ID, plan.Hash, peering.Approve, 0)
				if peering.KindOf(err) != peering.Denied {
					t.Errorf("an approval code is given out: %v", err)
				}
				return
			}
			if result := s.vote(test.who(s), change, plan, peering.Approve); !result.Accepted {
				t.Error(result.Text)
			}
			solo := s.one(`SELECT count(*) FROM vote WHERE solo`)
			if want := int64(0); name == "the author while alone" {
				if want = 1; solo != want {
					t.Error("the vote isn't marked solo")
				}
			} else if solo != want {
				t.Error("the vote is marked solo")
			}
		})
	}
}

func TestOnePersonHasOneVoteAndMayTakeItBack(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	change, plan := s.waiting()
	s.vote(s.approver, change, plan, peering.Approve)
	s.saysNo(func() peering.VoteResult { return s.vote(s.approver, change, plan, peering.Reject) }, "take that vote back first")
	s.must(s.RevokeVote(t.Context(), s.approver, change.ID, "second thoughts"))
	tally, err := s.TallyVotes(t.Context(), change.ID, plan.ID)
	s.must(err)
	if tally.Approved || tally.Have != 0 {
		t.Errorf("tally after the vote was taken back: %+v", tally)
	}
	s.refused(s.RevokeVote(t.Context(), s.approver, change.ID, ""), peering.Conflict, "has no vote")
	if result := s.vote(s.approver, change, plan, peering.Reject); !result.Accepted {
		t.Error(result.Text)
	}
	tally, err = s.TallyVotes(t.Context(), change.ID, plan.ID)
	s.must(err)
	if !tally.Rejected || tally.Approved || tally.Rejecter != "bob" {
		t.Errorf("tally after a reject: %+v", tally)
	}
	votes, err := s.Votes(t.Context(), change.ID)
	s.must(err)
	if len(votes) != 2 || votes[0].RevokedAt.IsZero() || !votes[1].RevokedAt.IsZero() {
		t.Errorf("votes %+v", votes)
	}
}

func TestWhatCountsAsApproved(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		prepare  string
		votes    int
		approved bool
	}{
		"one of one":                           {"", 1, true},
		"one of two":                           {`UPDATE plan SET votes_needed = 2`, 1, false},
		"two of two":                           {`UPDATE plan SET votes_needed = 2`, 2, true},
		"none needed, and no rule says so":     {`UPDATE plan SET votes_needed = 0, rule = 'refresh'`, 0, false},
		"not by a vote of someone who left":    {`UPDATE app_user SET active = false WHERE name = 'bob'`, 1, false},
		"not by a vote of someone demoted":     {`UPDATE app_user SET roles = '{viewer}' WHERE name = 'bob'`, 1, false},
		"not on a plan that is void":           {`UPDATE plan SET voided_at = now()`, 1, false},
		"not by an author of edits it carries": {`UPDATE change SET carried_authors = (SELECT array_agg(id) FROM app_user WHERE name = 'bob')`, 1, false},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newStage(t)
			change, plan := s.waiting()
			for _, who := range []peering.Actor{s.approver, s.other}[:test.votes] {
				s.vote(who, change, plan, peering.Approve)
			}
			if test.prepare != "" {
				s.run(test.prepare)
			}
			tally, err := s.TallyVotes(t.Context(), change.ID, plan.ID)
			s.must(err)
			if tally.Approved != test.approved {
				t.Errorf("tally %+v, want approved %v", tally, test.approved)
			}
		})
	}
}

func TestTheOnlyUserMayNameThePlan(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		options db.Options
		prepare string
		plan    func(hash string) string
		words   string // "" is accepted
	}{
		"embedded, alone, one vote":    {db.Options{LocalApproval: true}, "", nil, ""},
		"not unless the program says":  {db.Options{}, "", nil, "runs embedded"},
		"not with a second user":       {db.Options{LocalApproval: true}, `UPDATE app_user SET active = true WHERE name = 'bob'`, nil, "exactly one active user"},
		"not where two votes count":    {db.Options{LocalApproval: true}, `UPDATE plan SET votes_needed = 2`, nil, "needs 2"},
		"not without the role":         {db.Options{LocalApproval: true}, `UPDATE app_user SET roles = '{operator}'`, nil, "lacks the role"},
		"not with fewer digits":        {db.Options{LocalApproval: true}, "", func(h string) string { return h[:7] }, "isn't the plan in force"},
		"not with the whole hash":      {db.Options{LocalApproval: true}, "", func(h string) string { return h }, "isn't the plan in force"},
		"not with another plan's hash": {db.Options{LocalApproval: true}, "", func(string) string { return "00000000" }, "isn't the plan in force"},
		"not with nothing":             {db.Options{LocalApproval: true}, "", func(string) string { return "" }, "needs an approval code"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := stageOn(t, dbtest.Open(t, dbtest.URL(t), test.options))
			change, plan := s.waiting()
			s.run(`UPDATE app_user SET active = false WHERE name <> 'anna'`)
			if test.prepare != "" {
				s.run(test.prepare)
			}
			digits := plan.Hash[:8]
			if test.plan != nil {
				digits = test.plan(plan.Hash)
			}
			decide := func() peering.VoteResult {
				return s.decide(peering.VoteInput{ChangeID: change.ID, UpdateID: "u", Decision: peering.Approve, Plan: digits})
			}
			if test.words != "" {
				s.saysNo(decide, test.words)
				return
			}
			if result := decide(); !result.Accepted {
				t.Fatal(result.Text)
			}
			if n := s.one(`SELECT count(*) FROM vote WHERE door = 'local' AND solo AND user_id = $1`, s.author.UserID); n != 1 {
				t.Errorf("%d local solo votes, want 1", n)
			}
		})
	}
}

func TestWhatDoorsDidCanBeRead(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	change, plan := s.waiting()
	s.code(s.approver, change, plan, peering.Approve)
	s.vote(s.author, change, plan, peering.Approve)
	s.vote(s.approver, change, plan, peering.Approve)
	events, err := s.AuditEvents(t.Context(), change.ID)
	s.must(err)
	if len(events) != 3 {
		t.Fatalf("%d events, want 3", len(events))
	}
	minted, refused, accepted := events[0], events[1], events[2]
	if minted.Act != "mint approval code" || minted.User != "bob" || minted.Refused || minted.Text != "to approve plan "+plan.Hash[:8] {
		t.Errorf("minted: %+v", minted)
	}
	if !refused.Refused || refused.User != "anna" || refused.Act != "decide approve" || refused.Door != peering.DoorAPI {
		t.Errorf("refused: %+v", refused)
	}
	if accepted.Refused || accepted.User != "bob" || accepted.Text != "approved by bob: 1 of 1" {
		t.Errorf("accepted: %+v", accepted)
	}
}
