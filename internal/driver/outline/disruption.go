package outline

import (
	"maps"
	"slices"
	"strings"

	"peerflow/internal/peering"
)

// Disruption tells what was measured of the platform. Anything else is unknown, except that a session which goes ends.
func (x Syntax) Disruption(before, after *peering.Stanza) peering.Disruption {
	switch {
	case before == nil, after != nil && before.Text == after.Text:
		return peering.DisruptsNone
	case after == nil:
		return x.removal(*before)
	}
	old, errOld := x.parts(before.Text)
	now, errNow := x.parts(after.Text)
	if errOld != nil || errNow != nil || len(old) != 1 || len(now) != 1 || old[0].class != now[0].class {
		return peering.DisruptsUnknown
	}
	if !old[0].session {
		return orUnknown(x.Classes[old[0].class].Effect)
	}
	return x.change(old[0], now[0])
}

func (x Syntax) removal(s peering.Stanza) peering.Disruption {
	gone, err := x.parts(s.Text)
	switch {
	case err != nil || len(gone) != 1:
		return peering.DisruptsUnknown
	case gone[0].session:
		return peering.DisruptsReset
	}
	return orUnknown(x.Classes[gone[0].class].Effect)
}

func orUnknown(d peering.Disruption) peering.Disruption {
	if d == "" {
		return peering.DisruptsUnknown
	}
	return d
}

// change of a session is the worst of its statements that come or go.
func (x Syntax) change(old, now *part) peering.Disruption {
	worst := peering.DisruptsNone
	a, b := leaves(old.top.below, ""), leaves(now.top.below, "")
	for _, s := range slices.Concat(slices.Collect(maps.Keys(a)), slices.Collect(maps.Keys(b))) {
		if a[s] != b[s] {
			worst = worst.Worse(x.effect(s.text))
		}
	}
	return worst
}

// statement is a line of a session, and the blocks that it stands in.
type statement struct{ blocks, text string }

// leaves counts the statements of a tree, those that open a block among them.
func leaves(tree []*node, blocks string) map[statement]int {
	counts := map[statement]int{}
	for _, n := range tree {
		counts[statement{blocks, n.text}]++
		for s, times := range leaves(n.below, blocks+"/"+n.text) {
			counts[s] += times
		}
	}
	return counts
}

// effect of one statement, without the neighbor that it begins with.
func (x Syntax) effect(text string) peering.Disruption {
	words := strings.Fields(text)
	if len(words) > 2 && words[0] == "neighbor" {
		words = words[2:]
	}
	for _, e := range x.Effects {
		if want := strings.Fields(e.Words); len(words) >= len(want) && slices.Equal(words[:len(want)], want) {
			return e.Does
		}
	}
	return peering.DisruptsUnknown
}
