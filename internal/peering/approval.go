package peering

import (
	"encoding/json"
	"slices"
)

// Terms are the figures of an approval.
type Terms struct {
	VotesNeeded      int `json:"votes_needed"`       // people who have to approve; 0 only where an automatic rule answers
	ApprovalMinutes  int `json:"approval_minutes"`   // how long an approval counts; 0: as long as the change waits
	SoloAfterMinutes int `json:"solo_after_minutes"` // when the author's own approval starts to count; 0: never
}

// Demand is how much approval a plan takes, and the rule that says so.
type Demand struct {
	Rule string `json:"rule"`
	Terms
}

// DefaultDemand is what counts where no rule matches: one vote of somebody else.
var DefaultDemand = Demand{Rule: "default", Terms: Terms{VotesNeeded: 1}}

// And is what satisfies both demands. It takes its name from the one that asks
// for more people. One that needs nobody adds nothing.
func (d Demand) And(o Demand) Demand {
	switch {
	case d.VotesNeeded == 0:
		return o
	case o.VotesNeeded == 0:
		return d
	}
	strict := d
	if o.VotesNeeded > d.VotesNeeded || o.VotesNeeded == d.VotesNeeded && o.Rule < d.Rule {
		strict = o
	}
	strict.ApprovalMinutes = min(d.ApprovalMinutes, o.ApprovalMinutes)
	if strict.ApprovalMinutes == 0 {
		strict.ApprovalMinutes = max(d.ApprovalMinutes, o.ApprovalMinutes)
	}
	strict.SoloAfterMinutes = max(d.SoloAfterMinutes, o.SoloAfterMinutes)
	if d.SoloAfterMinutes == 0 || o.SoloAfterMinutes == 0 {
		strict.SoloAfterMinutes = 0
	}
	return strict
}

// ApprovalRule says how much approval the plans take that meet all of its
// conditions. An empty condition is met by every plan. A rule that needs 0 votes
// is automatic: it answers for routine plans alone (see routine).
type ApprovalRule struct {
	Meta
	Name        string       `json:"name"`
	Disabled    bool         `json:"disabled"`
	Kinds       []ChangeKind `json:"kinds"`        // any of them, by the change's name or by what its plan does
	Disruption  Disruption   `json:"disruption"`   // to some session, at least: none, refresh, reset or router
	Protected   bool         `json:"protected"`    // reaches a protected session
	MinSessions int          `json:"min_sessions"` // reached, at least
	MinRouters  int          `json:"min_routers"`  // changed, at least
	RouterIDs   []int64      `json:"router_ids"`   // changes one of them; an automatic rule: none but them
	SiteIDs     []int64      `json:"site_ids"`     // likewise
	Terms
	FilterChangeLimit int `json:"filter_change_limit"` // automatic: most entries of prefix lists that come and go; 0 for other rules
}

// ApprovalFacts is what rules look at.
type ApprovalFacts struct {
	Kind        ChangeKind
	Impact      Impact
	RouterIDs   []int64
	SiteIDs     []int64
	Carries     bool // edits of somebody other than the author ride along
	ContextOnly bool // its operations edit the context of routing policies and nothing else
	OwnRules    bool // an author edited approval rules within the last day
}

// Demanded is what all matching rules ask for together, and the default where
// none matches. Who edited rules lately can't lower the default for a change of
// their own: somebody else has to approve it.
func Demanded(rules []ApprovalRule, f ApprovalFacts) Demand {
	var d Demand
	for _, r := range rules {
		if r.matches(f) {
			d = d.And(Demand{Rule: r.Name, Terms: r.Terms})
		}
	}
	if d.Rule == "" || f.OwnRules {
		return d.And(DefaultDemand)
	}
	return d
}

func (r ApprovalRule) matches(f ApprovalFacts) bool {
	automatic := r.VotesNeeded == 0
	switch {
	case r.Disabled,
		len(r.Kinds) > 0 && !slices.ContainsFunc(r.Kinds, f.is),
		rank[f.Impact.Disruption] < rank[r.Disruption],
		r.Protected && len(f.Impact.Protected) == 0,
		f.Impact.Sessions() < r.MinSessions,
		f.Impact.Routers < r.MinRouters,
		!reaches(f.RouterIDs, r.RouterIDs, automatic),
		!reaches(f.SiteIDs, r.SiteIDs, automatic):
		return false
	}
	return !automatic || f.routine(r.FilterChangeLimit)
}

// is tells whether a plan is of a kind: by its change's, which the author chose,
// or by what it does. What adds sessions is a provision, and what removes some a depeer.
func (f ApprovalFacts) is(kind ChangeKind) bool {
	return kind == f.Kind || kind == KindProvision && f.Impact.Adds > 0 || kind == KindDepeer && f.Impact.Removes > 0
}

// reaches tells whether one of the ids is meant, or all of them are.
func reaches(ids, meant []int64, all bool) bool {
	if len(meant) == 0 {
		return true
	}
	is := func(id int64) bool { return slices.Contains(meant, id) }
	if all {
		return !slices.ContainsFunc(ids, func(id int64) bool { return !is(id) })
	}
	return slices.ContainsFunc(ids, is)
}

// routine plans may go on without a person: a refresh that adds and removes at
// most limit entries of prefix lists, moves nothing else, and reaches no
// protected session. Its author edits nothing that the export guard goes by.
func (f ApprovalFacts) routine(limit int) bool {
	i := f.Impact
	return f.Kind == KindRefresh && f.ContextOnly && !f.Carries && len(i.Pending) == 0 && len(i.Protected) == 0 &&
		i.Adds+i.Removes+i.Resets == 0 && rank[i.Disruption] <= rank[DisruptsRefresh] &&
		i.Filters.Only && i.Filters.Added+i.Filters.Removed <= limit
}

// ContextOnly tells whether operations edit the context of routing policies and nothing else.
func ContextOnly(ops []Operation) bool {
	return len(ops) > 0 && !slices.ContainsFunc(ops, func(o Operation) bool {
		var fields map[string]json.RawMessage
		err := json.Unmarshal(o.Patch, &fields)
		_, context := fields["context"]
		return err != nil || o.Object != ObjectRoutingPolicy || o.Action != Update || !context || len(fields) > 1
	})
}

// shortestSolo leaves others time to look (minutes); longestTerm is a year of them.
const (
	shortestSolo = 5
	longestTerm  = 365 * 24 * 60
	mostVotes    = 20
)

// Complete fills defaults and refuses an approval rule that can't be.
func (r *ApprovalRule) Complete() error {
	if r.VotesNeeded == 0 && r.FilterChangeLimit == 0 {
		r.VotesNeeded = 1
	}
	r.Kinds, r.RouterIDs, r.SiteIDs = orNone(r.Kinds), orNone(r.RouterIDs), orNone(r.SiteIDs)
	for i := range r.Kinds {
		if err := choice("kinds", &r.Kinds[i], changeKinds...); err != nil {
			return err
		}
	}
	if r.Name == DefaultDemand.Rule {
		return Errorf(Invalid, "name %q is what counts where no rule matches: give another", r.Name)
	}
	err := firstError(choice("disruption", &r.Disruption, DisruptsNone, DisruptsRefresh, DisruptsReset, DisruptsRouter),
		within("min_sessions", r.MinSessions, 0, 1_000_000), within("min_routers", r.MinRouters, 0, 1_000_000),
		within("votes_needed", r.VotesNeeded, 0, mostVotes), within("approval_minutes", r.ApprovalMinutes, 0, longestTerm),
		within("solo_after_minutes", r.SoloAfterMinutes, 0, longestTerm), within("filter_change_limit", r.FilterChangeLimit, 0, 1_000_000))
	if err != nil {
		return err
	}
	return firstError(r.completeAutomatic(), r.completeSolo(), shaped("name", r.Name))
}

func (r *ApprovalRule) completeAutomatic() error {
	switch automatic := r.VotesNeeded == 0; {
	case !automatic && r.FilterChangeLimit > 0:
		return Errorf(Invalid, "filter_change_limit belongs to automatic rules: set votes_needed to 0, or leave it out")
	case automatic && r.FilterChangeLimit == 0:
		return Errorf(Invalid, "an automatic rule (votes_needed 0) needs its filter_change_limit")
	case automatic && !slices.Equal(r.Kinds, []ChangeKind{KindRefresh}):
		return Errorf(Invalid, "an automatic rule (votes_needed 0) is for kind refresh alone: set kinds to [\"refresh\"]")
	case automatic && r.ApprovalMinutes+r.SoloAfterMinutes > 0:
		return Errorf(Invalid, "an automatic rule (votes_needed 0) has no approval_minutes and no solo_after_minutes: nobody votes")
	}
	return nil
}

func (r *ApprovalRule) completeSolo() error {
	switch {
	case r.SoloAfterMinutes == 0:
		return nil
	case r.VotesNeeded != 1:
		return Errorf(Invalid, "solo_after_minutes goes with votes_needed 1: where more are needed, the author's isn't one of them")
	case r.SoloAfterMinutes < shortestSolo:
		return Errorf(Invalid, "solo_after_minutes %d: give others %d minutes or more to object", r.SoloAfterMinutes, shortestSolo)
	case r.ApprovalMinutes > 0 && r.ApprovalMinutes <= r.SoloAfterMinutes:
		return Errorf(Invalid, "an approval that counts for %d minutes is over before the author's own starts to count", r.ApprovalMinutes)
	}
	return nil
}
