package peering

import (
	"errors"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

func stanzas(pairs ...string) map[string]Stanza {
	m := map[string]Stanza{}
	for i := 0; i < len(pairs); i += 2 {
		m[pairs[i]] = Stanza{Key: pairs[i], Text: pairs[i+1]}
	}
	return m
}

func TestDeltaCarriesNothingOfOthers(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		without, with, running map[string]Stanza
		want                   []string
	}{
		"what the change adds":                         {stanzas(), stanzas("a", "1"), stanzas(), []string{"a"}},
		"what it removes":                              {stanzas("a", "1"), stanzas(), stanzas("a", "1"), []string{"a"}},
		"what it edits":                                {stanzas("a", "1"), stanzas("a", "2"), stanzas("a", "1"), []string{"a"}},
		"a pending edit of somebody else stays out":    {stanzas("b", "2"), stanzas("b", "2", "a", "1"), stanzas("b", "1"), []string{"a"}},
		"what the router has already is no move":       {stanzas(), stanzas("a", "1"), stanzas("a", "1"), nil},
		"what is gone from the router already is none": {stanzas("a", "1"), stanzas(), stanzas(), nil},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var got []string
			for _, m := range Delta(c.without, c.with, c.running) {
				got = append(got, m.Key)
			}
			if !slices.Equal(got, c.want) {
				t.Errorf("moves %v, want %v", got, c.want)
			}
		})
	}
}

func TestComposeRefusesAStanzaThatMoved(t *testing.T) {
	t.Parallel()
	moves := Delta(stanzas("a", "1"), stanzas("a", "2"), stanzas("a", "1"))
	_, err := Compose(stanzas("a", "hand"), moves, stanzas("a", "2"))
	var moved *StanzaMovedError
	if !errors.As(err, &moved) || moved.Key != "a" {
		t.Errorf("got %v", err)
	}
}

// Whatever the router runs, composing leaves every stanza that doesn't move as
// it is, and puts exactly what was planned in the place of those that do.
func TestComposeTouchesOnlyWhatMoves(t *testing.T) {
	t.Parallel()
	some := rapid.MapOf(rapid.SampledFrom([]string{"a", "b", "c", "d", "e"}), rapid.SampledFrom([]string{"1", "2", "3"}))
	build := func(m map[string]string) map[string]Stanza {
		out := map[string]Stanza{}
		for k, v := range m {
			out[k] = Stanza{Key: k, Text: v}
		}
		return out
	}
	rapid.Check(t, func(r *rapid.T) {
		without, with, running := build(some.Draw(r, "without")), build(some.Draw(r, "with")), build(some.Draw(r, "running"))
		moves := Delta(without, with, running)
		composed, err := Compose(running, moves, with)
		if err != nil {
			r.Fatal(err)
		}
		after, err := StanzaMap(composed)
		if err != nil {
			r.Fatal(err)
		}
		moved := map[string]Move{}
		for _, m := range moves {
			moved[m.Key] = m
		}
		for _, key := range []string{"a", "b", "c", "d", "e"} {
			m, moves := moved[key]
			if moves && hashOf(after, key) != m.After || !moves && hashOf(after, key) != hashOf(running, key) {
				r.Fatalf("%s: runs %q, composed %q, move %v", key, running[key].Text, after[key].Text, m)
			}
		}
	})
}
