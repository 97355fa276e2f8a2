package peering_test

import (
	"testing"
	"time"

	"peerflow/internal/peering"
)

func TestWhichVotesCount(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	one := peering.Demand{Rule: "one", Terms: peering.Terms{VotesNeeded: 1}}
	two := peering.Demand{Rule: "two", Terms: peering.Terms{VotesNeeded: 2}}
	solo := peering.Demand{Rule: "solo", Terms: peering.Terms{VotesNeeded: 1, SoloAfterMinutes: 30}}
	brief := peering.Demand{Rule: "brief", Terms: peering.Terms{VotesNeeded: 1, ApprovalMinutes: 60}}
	bob := peering.CastVote{User: "bob", Decision: peering.Approve, At: at}
	carol := peering.CastVote{User: "carol", Decision: peering.Approve, At: at}
	no := peering.CastVote{User: "carol", Decision: peering.Reject, Reason: "not today", At: at}
	author := peering.CastVote{User: "anna", Decision: peering.Approve, At: at, Author: true}
	carried := peering.CastVote{User: "dave", Decision: peering.Approve, At: at, Carried: true}
	both := peering.CastVote{User: "anna", Decision: peering.Approve, At: at, Author: true, Carried: true}
	tests := map[string]struct {
		demand   peering.Demand
		votes    []peering.CastVote
		alone    bool
		after    time.Duration
		approved bool
		line, by string
	}{
		"none yet":                              {two, nil, false, 0, false, "0 of 2 approvals", ""},
		"one of two":                            {two, []peering.CastVote{bob}, false, 0, false, "1 of 2 approvals: bob", ""},
		"two of two":                            {two, []peering.CastVote{bob, carol}, false, 0, true, "2 of 2 approvals: bob, carol", "bob, carol"},
		"more than needed":                      {one, []peering.CastVote{bob, carol}, false, 0, true, "2 of 1 approval: bob, carol", "bob, carol"},
		"one reject decides":                    {one, []peering.CastVote{bob, no}, false, 0, false, "rejected by carol: not today", ""},
		"not the author's own":                  {one, []peering.CastVote{author}, false, 0, false, "0 of 1 approval", ""},
		"not that of a carried edit's author":   {one, []peering.CastVote{carried}, false, 0, false, "0 of 1 approval", ""},
		"the author's while alone":              {one, []peering.CastVote{author}, true, 0, true, "1 of 1 approval: anna (solo)", "anna (solo)"},
		"the author's before the delay":         {solo, []peering.CastVote{author}, false, 30*time.Minute - 1, false, "0 of 1 approval; the author's own (anna) counts from 2026-11-22 12:30 UTC, unless somebody rejects", ""},
		"the author's after the delay":          {solo, []peering.CastVote{author}, false, 30 * time.Minute, true, "1 of 1 approval: anna (solo)", "anna (solo)"},
		"own pending edits after the delay":     {solo, []peering.CastVote{both}, false, time.Hour, true, "1 of 1 approval: anna (solo)", "anna (solo)"},
		"no delay helps a carried edit's":       {solo, []peering.CastVote{carried}, false, time.Hour, false, "0 of 1 approval", ""},
		"an objection within the delay":         {solo, []peering.CastVote{author, no}, false, time.Hour, false, "rejected by carol: not today", ""},
		"somebody else needs no delay":          {solo, []peering.CastVote{author, bob}, false, 0, true, "1 of 1 approval: bob; the author's own (anna) counts from 2026-11-22 12:30 UTC, unless somebody rejects", "bob"},
		"just before it expires":                {brief, []peering.CastVote{bob}, false, time.Hour - 1, true, "1 of 1 approval: bob", "bob"},
		"expired":                               {brief, []peering.CastVote{bob}, false, time.Hour, false, "0 of 1 approval; expired: bob", ""},
		"nobody is needed by an automatic rule": {peering.Demand{Rule: "small"}, nil, false, 0, true, "approved by rule small", "rule small"},
		"a reject stops an automatic rule":      {peering.Demand{Rule: "small"}, []peering.CastVote{no}, false, 0, false, "rejected by carol: not today", ""},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := test.demand.Tally(test.votes, test.alone, at.Add(test.after))
			if got.Approved != test.approved || got.Line() != test.line || got.ApprovedBy() != test.by {
				t.Errorf("approved %v by %q: %q, want %v by %q: %q", got.Approved, got.ApprovedBy(), got.Line(), test.approved, test.by, test.line)
			}
		})
	}
}
