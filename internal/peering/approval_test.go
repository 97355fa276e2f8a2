package peering_test

import (
	"encoding/json"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"peerflow/internal/peering"
)

// routine is what an automatic rule is for.
func routine() peering.ApprovalFacts {
	return peering.ApprovalFacts{Kind: peering.KindRefresh, ContextOnly: true, RouterIDs: []int64{1, 2}, SiteIDs: []int64{7},
		Impact: peering.Impact{Refreshes: 4, Routers: 2, Disruption: peering.DisruptsRefresh,
			Filters: peering.FilterChange{Added: 3, Removed: 2, Only: true}}}
}

func automatic(limit int) peering.ApprovalRule {
	return peering.ApprovalRule{Name: "small-refresh", Kinds: []peering.ChangeKind{peering.KindRefresh}, FilterChangeLimit: limit}
}

func votes(name string, n int) peering.ApprovalRule {
	return peering.ApprovalRule{Name: name, Terms: peering.Terms{VotesNeeded: n}}
}

func TestWhichPlansARuleMatches(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		rule    peering.ApprovalRule
		matches bool
	}{
		"no condition":               {peering.ApprovalRule{}, true},
		"its kind among others":      {peering.ApprovalRule{Kinds: []peering.ChangeKind{peering.KindDepeer, peering.KindRefresh}}, true},
		"another kind":               {peering.ApprovalRule{Kinds: []peering.ChangeKind{peering.KindDepeer, peering.KindProvision}}, false},
		"as disruptive":              {peering.ApprovalRule{Disruption: peering.DisruptsRefresh}, true},
		"less disruptive":            {peering.ApprovalRule{Disruption: peering.DisruptsReset}, false},
		"no protected session":       {peering.ApprovalRule{Protected: true}, false},
		"as many sessions":           {peering.ApprovalRule{MinSessions: 4}, true},
		"fewer sessions":             {peering.ApprovalRule{MinSessions: 5}, false},
		"as many routers":            {peering.ApprovalRule{MinRouters: 2}, true},
		"fewer routers":              {peering.ApprovalRule{MinRouters: 3}, false},
		"one of its routers":         {peering.ApprovalRule{RouterIDs: []int64{2, 9}}, true},
		"none of its routers":        {peering.ApprovalRule{RouterIDs: []int64{9}}, false},
		"its site":                   {peering.ApprovalRule{SiteIDs: []int64{7}}, true},
		"another site":               {peering.ApprovalRule{SiteIDs: []int64{8}}, false},
		"one condition of two holds": {peering.ApprovalRule{MinSessions: 4, SiteIDs: []int64{8}}, false},
		"disabled":                   {peering.ApprovalRule{Disabled: true}, false},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test.rule.Name, test.rule.VotesNeeded = "rule", 3
			want := "default"
			if test.matches {
				want = "rule"
			}
			if got := peering.Demanded([]peering.ApprovalRule{test.rule}, routine()); got.Rule != want {
				t.Errorf("answered by %+v, want %s", got, want)
			}
		})
	}
}

// The author picks the kind: a rule for provisioning isn't dodged by calling it maintenance.
func TestARuleOfAKindGoesByWhatThePlanDoes(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		kind   peering.ChangeKind
		impact peering.Impact
		rule   peering.ChangeKind
		want   bool
	}{
		"maintenance that adds a session":    {peering.KindMaintenance, peering.Impact{Adds: 1}, peering.KindProvision, true},
		"deploy that adds a session":         {peering.KindDeploy, peering.Impact{Adds: 1}, peering.KindProvision, true},
		"maintenance that adds none":         {peering.KindMaintenance, peering.Impact{Resets: 3}, peering.KindProvision, false},
		"maintenance that removes a session": {peering.KindMaintenance, peering.Impact{Removes: 1}, peering.KindDepeer, true},
		"provision that removes none":        {peering.KindProvision, peering.Impact{Adds: 1}, peering.KindDepeer, false},
		"its own kind still":                 {peering.KindMaintenance, peering.Impact{Adds: 1}, peering.KindMaintenance, true},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			rule := votes("strict", 2)
			rule.Kinds = []peering.ChangeKind{test.rule}
			got := peering.Demanded([]peering.ApprovalRule{rule}, peering.ApprovalFacts{Kind: test.kind, Impact: test.impact})
			if (got.Rule == "strict") != test.want {
				t.Errorf("answered by %+v, want the rule to match: %v", got, test.want)
			}
		})
	}
}

func TestAnAutomaticRuleIsForRoutineAlone(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		edit func(*peering.ApprovalFacts, *peering.ApprovalRule)
		auto bool
	}{
		"a refresh inside the limit":     {func(*peering.ApprovalFacts, *peering.ApprovalRule) {}, true},
		"beyond the filter change limit": {func(f *peering.ApprovalFacts, _ *peering.ApprovalRule) { f.Impact.Filters.Added++ }, false},
		"another kind":                   {func(f *peering.ApprovalFacts, _ *peering.ApprovalRule) { f.Kind = peering.KindDriftFix }, false},
		"more than entries moves":        {func(f *peering.ApprovalFacts, _ *peering.ApprovalRule) { f.Impact.Filters.Only = false }, false},
		"more than a context is edited":  {func(f *peering.ApprovalFacts, _ *peering.ApprovalRule) { f.ContextOnly = false }, false},
		"edits of others ride along":     {func(f *peering.ApprovalFacts, _ *peering.ApprovalRule) { f.Carries = true }, false},
		"pending edits are labelled":     {func(f *peering.ApprovalFacts, _ *peering.ApprovalRule) { f.Impact.Pending = []string{"x by bob"} }, false},
		"a protected session":            {func(f *peering.ApprovalFacts, _ *peering.ApprovalRule) { f.Impact.Protected = []string{"AS64501"} }, false},
		"a reset":                        {func(f *peering.ApprovalFacts, _ *peering.ApprovalRule) { f.Impact.Resets = 1 }, false},
		"a reset by its class alone":     {func(f *peering.ApprovalFacts, _ *peering.ApprovalRule) { f.Impact.Disruption = peering.DisruptsUnknown }, false},
		"a session is added":             {func(f *peering.ApprovalFacts, _ *peering.ApprovalRule) { f.Impact.Adds = 1 }, false},
		"a session is removed":           {func(f *peering.ApprovalFacts, _ *peering.ApprovalRule) { f.Impact.Removes = 1 }, false},
		"its author wrote the rules":     {func(f *peering.ApprovalFacts, _ *peering.ApprovalRule) { f.OwnRules = true }, false},
		"one router isn't the rule's":    {func(_ *peering.ApprovalFacts, r *peering.ApprovalRule) { r.RouterIDs = []int64{1} }, false},
		"every router is the rule's":     {func(_ *peering.ApprovalFacts, r *peering.ApprovalRule) { r.RouterIDs = []int64{1, 2, 3} }, true},
		"one site isn't the rule's": {func(f *peering.ApprovalFacts, r *peering.ApprovalRule) {
			r.SiteIDs, f.SiteIDs = []int64{7}, []int64{7, 8}
		}, false},
		"the rule is disabled": {func(_ *peering.ApprovalFacts, r *peering.ApprovalRule) { r.Disabled = true }, false},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			facts, rule := routine(), automatic(5)
			test.edit(&facts, &rule)
			got := peering.Demanded([]peering.ApprovalRule{rule}, facts)
			if auto := got.VotesNeeded == 0; auto != test.auto {
				t.Errorf("demand %+v, want automatic %v", got, test.auto)
			}
			if !test.auto && got != peering.DefaultDemand {
				t.Errorf("demand %+v, want the default", got)
			}
		})
	}
}

func TestWhatRulesAskForAddsUp(t *testing.T) {
	t.Parallel()
	solo := peering.ApprovalRule{Name: "solo", Terms: peering.Terms{VotesNeeded: 1, SoloAfterMinutes: 30}}
	slower := peering.ApprovalRule{Name: "slower", Terms: peering.Terms{VotesNeeded: 1, SoloAfterMinutes: 60}}
	brief := peering.ApprovalRule{Name: "brief", Terms: peering.Terms{VotesNeeded: 1, ApprovalMinutes: 90}}
	tests := map[string]struct {
		rules []peering.ApprovalRule
		own   bool
		want  peering.Demand
	}{
		"nothing matches":                 {nil, false, peering.DefaultDemand},
		"the most votes":                  {[]peering.ApprovalRule{votes("two", 2), votes("three", 3)}, false, peering.Demand{Rule: "three", Terms: peering.Terms{VotesNeeded: 3}}},
		"people over an automatic rule":   {[]peering.ApprovalRule{automatic(9), votes("one", 1)}, false, peering.Demand{Rule: "one", Terms: peering.Terms{VotesNeeded: 1}}},
		"solo beside an automatic rule":   {[]peering.ApprovalRule{automatic(9), solo}, false, peering.Demand{Rule: "solo", Terms: solo.Terms}},
		"no solo where one rule has none": {[]peering.ApprovalRule{solo, votes("two", 2)}, false, peering.Demand{Rule: "two", Terms: peering.Terms{VotesNeeded: 2}}},
		"the longer delay":                {[]peering.ApprovalRule{solo, slower}, false, peering.Demand{Rule: "slower", Terms: slower.Terms}},
		"the shorter life of an approval": {[]peering.ApprovalRule{brief, votes("two", 2)}, false, peering.Demand{Rule: "two", Terms: peering.Terms{VotesNeeded: 2, ApprovalMinutes: 90}}},
		"own rules ask for somebody else": {[]peering.ApprovalRule{solo}, true, peering.Demand{Rule: "default", Terms: peering.Terms{VotesNeeded: 1}}},
		"own rules may ask for more":      {[]peering.ApprovalRule{votes("two", 2)}, true, peering.Demand{Rule: "two", Terms: peering.Terms{VotesNeeded: 2}}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			facts := routine()
			facts.OwnRules = test.own
			if got := peering.Demanded(test.rules, facts); got != test.want {
				t.Errorf("got %+v, want %+v", got, test.want)
			}
		})
	}
}

// anyRule draws rules that Complete lets pass, over few enough values that many match.
func anyRule(t *rapid.T) peering.ApprovalRule {
	r := peering.ApprovalRule{
		Name:        rapid.StringMatching(`[a-d]`).Draw(t, "name"),
		Kinds:       rapid.SliceOfN(rapid.SampledFrom([]peering.ChangeKind{peering.KindRefresh, peering.KindPolicy}), 0, 2).Draw(t, "kinds"),
		Disruption:  rapid.SampledFrom([]peering.Disruption{peering.DisruptsNone, peering.DisruptsRefresh, peering.DisruptsReset}).Draw(t, "disruption"),
		MinSessions: rapid.IntRange(0, 6).Draw(t, "sessions"),
		RouterIDs:   rapid.SliceOfN(rapid.Int64Range(1, 3), 0, 2).Draw(t, "routers"),
		Disabled:    rapid.Bool().Draw(t, "disabled"),
	}
	switch rapid.IntRange(0, 2).Draw(t, "sort") {
	case 0:
		r.Kinds, r.FilterChangeLimit = []peering.ChangeKind{peering.KindRefresh}, rapid.IntRange(1, 9).Draw(t, "limit")
	case 1:
		r.VotesNeeded, r.SoloAfterMinutes = 1, rapid.IntRange(5, 60).Draw(t, "solo")
	default:
		r.VotesNeeded, r.ApprovalMinutes = rapid.IntRange(1, 4).Draw(t, "votes"), rapid.IntRange(0, 60).Draw(t, "life")
	}
	return r
}

func anyFacts(t *rapid.T) peering.ApprovalFacts {
	f := routine()
	f.Kind = rapid.SampledFrom([]peering.ChangeKind{peering.KindRefresh, peering.KindPolicy}).Draw(t, "kind")
	f.Impact.Refreshes = rapid.IntRange(0, 6).Draw(t, "refreshes")
	f.Impact.Filters.Added = rapid.IntRange(0, 9).Draw(t, "added")
	f.OwnRules = rapid.Bool().Draw(t, "own rules")
	return f
}

// atLeast tells that whoever satisfies d satisfies o.
func atLeast(d, o peering.Demand) bool {
	shorter := o.ApprovalMinutes == 0 || d.ApprovalMinutes != 0 && d.ApprovalMinutes <= o.ApprovalMinutes
	later := d.SoloAfterMinutes == 0 || o.SoloAfterMinutes != 0 && d.SoloAfterMinutes >= o.SoloAfterMinutes
	return o.VotesNeeded == 0 || d.VotesNeeded >= o.VotesNeeded && shorter && later
}

func TestOneDemandAnswersAndNoMatchingRuleIsUndercut(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		facts := anyFacts(t)
		rules := rapid.SliceOfN(rapid.Custom(anyRule), 0, 5).Draw(t, "rules")
		all := peering.Demanded(rules, facts)
		if all.Rule == "" {
			t.Fatal("nothing answered")
		}
		for _, r := range rules {
			alone := peering.Demanded([]peering.ApprovalRule{r}, facts)
			if alone.Rule == r.Name && !atLeast(all, alone) {
				t.Fatalf("together %+v, and rule %+v alone asks for more", all, alone)
			}
		}
		backwards := make([]peering.ApprovalRule, 0, len(rules))
		for i := range rules {
			backwards = append(backwards, rules[len(rules)-1-i])
		}
		if turned := peering.Demanded(backwards, facts); turned.Terms != all.Terms {
			t.Fatalf("in another order %+v instead of %+v", turned, all)
		}
		if all.VotesNeeded == 0 && facts.OwnRules {
			t.Fatal("an author's own rules let the change pass")
		}
	})
}

func TestAnotherConditionOfOneRuleCantEaseWhatTheOthersAsk(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		facts := anyFacts(t)
		others := rapid.SliceOfN(rapid.Custom(anyRule), 1, 4).Draw(t, "others")
		narrowed := rapid.Custom(anyRule).Draw(t, "rule")
		rest := peering.Demanded(others, facts)
		if rest.Rule == peering.DefaultDemand.Rule {
			t.Skip("none of the others matches")
		}
		if with := peering.Demanded(append(others, narrowed), facts); !atLeast(with, rest) {
			t.Fatalf("with the rule %+v, without it %+v", with, rest)
		}
	})
}

func TestAnApprovalRuleThatCantBeIsRefused(t *testing.T) {
	t.Parallel()
	tests := map[string]string{
		`{"name": "default"}`:                                                                  "no rule matches",
		`{"name": "Two People"}`:                                                               "lower-case",
		`{"name": "a", "kinds": ["nonsense"]}`:                                                 "kinds",
		`{"name": "a", "disruption": "unknown"}`:                                               "disruption",
		`{"name": "a", "votes_needed": -1}`:                                                    "votes_needed",
		`{"name": "a", "votes_needed": 21}`:                                                    "votes_needed",
		`{"name": "a", "votes_needed": 1, "filter_change_limit": 5}`:                           "automatic rules",
		`{"name": "a", "filter_change_limit": 5}`:                                              "refresh alone",
		`{"name": "a", "kinds": ["drift_fix"], "filter_change_limit": 5}`:                      "refresh alone",
		`{"name": "a", "kinds": ["refresh"], "filter_change_limit": 5, "approval_minutes": 5}`: "nobody votes",
		`{"name": "a", "votes_needed": 2, "solo_after_minutes": 30}`:                           "votes_needed 1",
		`{"name": "a", "solo_after_minutes": 4}`:                                               "to object",
		`{"name": "a", "solo_after_minutes": 30, "approval_minutes": 30}`:                      "is over before",
	}
	for text, words := range tests {
		var r peering.ApprovalRule
		if err := json.Unmarshal([]byte(text), &r); err != nil {
			t.Fatal(err)
		}
		if err := r.Complete(); peering.KindOf(err) != peering.Invalid || !strings.Contains(err.Error(), words) {
			t.Errorf("%s: %v, want a refusal that says %q", text, err, words)
		}
	}
	r := peering.ApprovalRule{Name: "plain"}
	if err := r.Complete(); err != nil || r.VotesNeeded != 1 || r.Disruption != peering.DisruptsNone || r.Kinds == nil {
		t.Errorf("completed to %+v, %v", r, err)
	}
}

func TestContextOnly(t *testing.T) {
	t.Parallel()
	op := func(object peering.ObjectKind, action peering.Action, patch string) peering.Operation {
		return peering.Operation{Object: object, Action: action, Patch: json.RawMessage(patch)}
	}
	context := op(peering.ObjectRoutingPolicy, peering.Update, `{"context": {"announce": []}}`)
	tests := map[string]struct {
		ops  []peering.Operation
		want bool
	}{
		"of policies":                    {[]peering.Operation{context, context}, true},
		"nothing at all":                 {nil, false},
		"with what the export guard has": {[]peering.Operation{op(peering.ObjectRoutingPolicy, peering.Update, `{"context": {}, "expect_prefixes_ipv4": 9000}`)}, false},
		"of a session":                   {[]peering.Operation{context, op(peering.ObjectSession, peering.Update, `{"context": {}}`)}, false},
		"of a new policy":                {[]peering.Operation{op(peering.ObjectRoutingPolicy, peering.Create, `{"context": {}}`)}, false},
		"in a patch that can't be read":  {[]peering.Operation{op(peering.ObjectRoutingPolicy, peering.Update, `[]`)}, false},
	}
	for name, test := range tests {
		if got := peering.ContextOnly(test.ops); got != test.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}
