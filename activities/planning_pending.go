package activities

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"peerflow/internal/peering"
)

// moves takes the delta, and keeps other people's pending edits out of it
// unless the requester includes them.
func (p *Planning) moves(ctx context.Context, change peering.Change, c comparison) ([]peering.Move, []string, error) {
	if change.Kind == peering.KindDeploy {
		return peering.Delta(c.running, c.with, c.running), nil, nil
	}
	moves := peering.Delta(c.without, c.with, c.running)
	if len(moves) == 0 {
		return nil, nil, nil
	}
	var labels []string
	for _, key := range slices.Sorted(maps.Keys(c.held)) {
		labels = append(labels, fmt.Sprintf("%s stays shut (%s)", key, c.held[key]))
	}
	pending := slices.DeleteFunc(pendingIn(c, moves), func(key string) bool { return c.held[key] != "" })
	moves = withPending(c, moves, slices.Sorted(maps.Keys(c.held)))
	if len(pending) == 0 {
		return moves, labels, nil
	}
	whose, err := p.whose(ctx, c, pending)
	if err != nil {
		return nil, nil, err
	}
	if !change.Request.IncludePending {
		return nil, nil, peering.NewError(peering.Conflict, whose.refusal(c.router.Name))
	}
	return withPending(c, moves, pending), append(labels, whose.labels()...), nil
}

// pendingIn lists stanzas of the delta, and those that it newly refers to, that
// already differ between what is recorded and what runs.
func pendingIn(c comparison, moves []peering.Move) []string {
	var pending []string
	differs := func(key string) bool { return c.without[key].Text != c.running[key].Text }
	for _, m := range moves {
		if differs(m.Key) {
			pending = append(pending, m.Key)
		}
		for _, ref := range c.with[m.Key].Refs {
			if _, runs := c.running[ref]; !runs && !moved(moves, ref) {
				pending = append(pending, ref)
			}
		}
		pending = append(pending, besides(c, moves, m.Key)...)
	}
	slices.Sort(pending)
	return slices.Compact(pending)
}

// besides lists the stanzas that run for the neighbor of a moved one under another
// key, and that no record renders any more: a router never has two sessions with one neighbor.
func besides(c comparison, moves []peering.Move, key string) []string {
	neighbor := c.with[key].Neighbor
	var others []string
	for other, s := range c.running {
		if _, renders := c.with[other]; neighbor.IsValid() && s.Neighbor == neighbor && other != key && !renders && !moved(moves, other) {
			others = append(others, other)
		}
	}
	return others
}

func moved(moves []peering.Move, key string) bool {
	return slices.ContainsFunc(moves, func(m peering.Move) bool { return m.Key == key })
}

// withPending adds the stanzas of pending edits that the moves need.
func withPending(c comparison, moves []peering.Move, pending []string) []peering.Move {
	for _, key := range pending {
		if !moved(moves, key) {
			moves = append(moves, peering.Delta(c.running, pick(c.with, key), pick(c.running, key))...)
		}
	}
	slices.SortFunc(moves, func(a, b peering.Move) int { return strings.Compare(a.Key, b.Key) })
	return slices.CompactFunc(moves, func(a, b peering.Move) bool { return a.Key == b.Key })
}

func pick(m map[string]peering.Stanza, key string) map[string]peering.Stanza {
	if s, ok := m[key]; ok {
		return map[string]peering.Stanza{key: s}
	}
	return nil
}

// unlike are stanzas that a change would build on and that the router runs
// otherwise than recorded, by what made it so.
type unlike struct {
	edited  []string                       // the record: nobody deployed it yet
	meddled []string                       // the router: somebody else wrote there
	left    map[peering.LeftThere][]string // a commit of ours that was never confirmed
	authors string
}

// whose tells what made stanzas unlike the record. The ledger says which side
// moved since the last deployment.
func (p *Planning) whose(ctx context.Context, c comparison, keys []string) (u unlike, err error) {
	ledger, err := p.Intent.Ledger(ctx, c.router.ID)
	if err != nil {
		return u, err
	}
	left, err := p.Intent.LeftThere(ctx, c.router.ID)
	if err != nil {
		return u, err
	}
	u.left = map[peering.LeftThere][]string{}
	for _, key := range keys {
		recorded, runs := hashOf(c.without, key), hashOf(c.running, key)
		d, ours := left[peering.Move{Key: key, After: runs}]
		switch {
		case ours && runs != ledger[key]:
			u.left[d] = append(u.left[d], key)
		case recorded == ledger[key]:
			u.meddled = append(u.meddled, key)
		default:
			u.edited = append(u.edited, key)
		}
	}
	u.authors = p.authors(ctx, c)
	return u, nil
}

func hashOf(m map[string]peering.Stanza, key string) string {
	s, ok := m[key]
	if !ok {
		return ""
	}
	return s.Hash()
}

// authors names whose edits of a router's records weren't deployed.
func (p *Planning) authors(ctx context.Context, c comparison) string {
	users, err := p.Intent.PendingAuthors(ctx, c.router.ID)
	if err != nil || len(users) == 0 {
		return "somebody"
	}
	var names []string
	for _, u := range users {
		names = append(names, u.Name)
	}
	return strings.Join(names, ", ")
}

// commits lists the commits that were left there, the oldest first.
func (u unlike) commits() []peering.LeftThere {
	return slices.SortedFunc(maps.Keys(u.left), func(a, b peering.LeftThere) int { return int(a.DeploymentID - b.DeploymentID) })
}

// refusal says why nothing is planned on these stanzas, and what to do.
func (u unlike) refusal(router string) string {
	var parts []string
	for _, d := range u.commits() {
		parts = append(parts, fmt.Sprintf("the router runs, in place of %s, what %s: %s", peering.Some(u.left[d], named, ", "), d, d.Remedy(router)))
	}
	if len(u.meddled) > 0 {
		parts = append(parts, fmt.Sprintf("somebody else wrote on the router, over %s: %s", peering.Some(u.meddled, named, ", "), peering.BringBack(router)))
	}
	if len(u.edited) > 0 {
		parts = append(parts, fmt.Sprintf("edits of %s by %s were never deployed: deploy those first, or include them (--include-pending)",
			peering.Some(u.edited, named, ", "), u.authors))
	}
	return strings.Join(parts, "; ")
}

// labels tell the approver what rides along.
func (u unlike) labels() []string {
	var labels []string
	for _, d := range u.commits() {
		labels = append(labels, fmt.Sprintf("%s instead of what %s", peering.Some(u.left[d], named, ", "), d))
	}
	if len(u.meddled) > 0 {
		labels = append(labels, fmt.Sprintf("%s instead of what somebody else wrote on the router", peering.Some(u.meddled, named, ", ")))
	}
	if len(u.edited) > 0 {
		labels = append(labels, fmt.Sprintf("%s by %s", peering.Some(u.edited, named, ", "), u.authors))
	}
	return labels
}
