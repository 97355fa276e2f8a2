package peering

import (
	"slices"
	"testing"
)

func TestMovedSince(t *testing.T) {
	t.Parallel()
	plan := func(router string, moves []Move, refers ...Move) []RouterPlan {
		return []RouterPlan{{Router: router, Moves: moves, Refers: refers}}
	}
	session := []Move{{Key: "bgp/a", After: "1"}}
	for name, c := range map[string]struct {
		earlier, now []RouterPlan
		want         []string
	}{
		"the same plan": {plan("r1", session), plan("r1", session), nil},
		"a stanza that is referred to": {plan("r1", session, Move{Key: "filter/f", Before: "1", After: "1"}), plan("r1", session, Move{Key: "filter/f", Before: "2", After: "2"}),
			[]string{"filter/f on r1"}},
		"what the router runs": {plan("r1", session), plan("r1", []Move{{Key: "bgp/a", Before: "0", After: "1"}}), []string{"bgp/a on r1"}},
		"a router less":        {slices.Concat(plan("r1", session), plan("r2", session)), plan("r1", session), []string{"bgp/a on r2"}},
		"a stanza more":        {plan("r1", nil), plan("r1", session), []string{"bgp/a on r1"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := MovedSince(c.earlier, c.now); !slices.Equal(got, c.want) {
				t.Errorf("moved %q, want %q", got, c.want)
			}
		})
	}
}
