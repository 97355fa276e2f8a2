package activities

import (
	"context"
	"net/netip"
	"strings"
	"testing"

	"peerflow/internal/peering"
)

// before is what is known of a router's stanzas since they were deployed.
type before struct {
	IntentStore
	ledger map[string]string
	left   map[peering.Move]peering.LeftThere
}

func (b before) Ledger(context.Context, int64) (map[string]string, error) { return b.ledger, nil }
func (b before) LeftThere(context.Context, int64) (map[peering.Move]peering.LeftThere, error) {
	return b.left, nil
}
func (b before) PendingAuthors(context.Context, int64) ([]peering.User, error) {
	return []peering.User{{Name: "anna"}}, nil
}

func TestWhatAChangeWouldBuildOnIsNamedByWhoeverWroteIt(t *testing.T) {
	t.Parallel()
	const key = "neighbor 192.0.2.1"
	one := func(text string) map[string]peering.Stanza {
		return map[string]peering.Stanza{key: {Key: key, Text: text}}
	}
	hash := peering.HashText
	left := func(s peering.DeploymentState) map[peering.Move]peering.LeftThere {
		return map[peering.Move]peering.LeftThere{{Key: key, After: hash("ours\n")}: {DeploymentID: 12, ChangeID: 9, State: s}}
	}
	for name, tt := range map[string]struct {
		recorded, runs string
		left           map[peering.Move]peering.LeftThere
		refusal, label string
	}{
		"an edit that nobody deployed": {"edited\n", "deployed\n", nil, "edits of " + key + " by anna were never deployed: deploy those first", key + " by anna"},
		"somebody else wrote on the router": {"deployed\n", "by hand\n", nil, "somebody else wrote on the router, over " + key + ": peerflow router diff edge1 shows it; bring what is recorded there (peerflow router deploy edge1)",
			"instead of what somebody else wrote"},
		"our commit was left there by interference": {"deployed\n", "ours\n", left(peering.DeploymentInterfered),
			"the router runs, in place of " + key + ", what deployment 12 of change/9 left there, which was interfered with and never confirmed: peerflow router diff edge1", "instead of what deployment 12 of change/9 left"},
		"and the record was edited since": {"edited\n", "ours\n", left(peering.DeploymentInterfered), "deployment 12 of change/9", "deployment 12 of change/9"},
		"it waits for an operator":        {"deployed\n", "ours\n", left(peering.DeploymentNeedsOperator), "which needs an operator: look at the router, run peerflow change resolve 9, then plan", "change/9"},
		"it is being deployed":            {"deployed\n", "ours\n", left(peering.DeploymentSoaking), "which is soaking and not confirmed yet: plan this again once it ended", "change/9"},
		"it left something else there":    {"deployed\n", "by hand\n", left(peering.DeploymentInterfered), "somebody else wrote on the router", "somebody else"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := &Planning{Intent: before{ledger: map[string]string{key: hash("deployed\n")}, left: tt.left}}
			c := comparison{router: peering.Router{Name: "edge1"}, without: one(tt.recorded), with: one("wanted\n"), running: one(tt.runs)}
			_, _, err := p.moves(t.Context(), peering.Change{Kind: peering.KindMaintenance}, c)
			if peering.KindOf(err) != peering.Conflict || !strings.Contains(err.Error(), tt.refusal) || !strings.Contains(err.Error(), key) {
				t.Errorf("refused as %v, want %q", err, tt.refusal)
			}
			moves, labels, err := p.moves(t.Context(), peering.Change{Kind: peering.KindMaintenance, Request: peering.ChangeRequest{IncludePending: true}}, c)
			if err != nil || len(moves) != 1 || moves[0].Before != hash(tt.runs) || len(labels) != 1 || !strings.Contains(labels[0], tt.label) {
				t.Errorf("included as %v, labelled %q, %v; want %q", moves, labels, err, tt.label)
			}
		})
	}
}

// A session whose record is gone and that still runs is never left beside another one with the same neighbor.
func TestNoSecondSessionIsPlannedBesideOneThatRuns(t *testing.T) {
	t.Parallel()
	at := netip.MustParseAddr("192.0.2.11")
	old, fresh := peering.Stanza{Key: "protocol/as64501_4", Text: "old\n", Neighbor: at}, peering.Stanza{Key: "protocol/as64501_5", Text: "new\n", Neighbor: at}
	p := &Planning{Intent: before{ledger: map[string]string{old.Key: old.Hash()}}}
	c := comparison{router: peering.Router{Name: "edge1"}, without: map[string]peering.Stanza{}, with: map[string]peering.Stanza{fresh.Key: fresh}, running: map[string]peering.Stanza{old.Key: old}}
	_, _, err := p.moves(t.Context(), peering.Change{Kind: peering.KindProvision}, c)
	if peering.KindOf(err) != peering.Conflict || !strings.Contains(err.Error(), "edits of protocol/as64501_4 by anna were never deployed") {
		t.Errorf("refused as %v", err)
	}
	moves, labels, err := p.moves(t.Context(), peering.Change{Kind: peering.KindProvision, Request: peering.ChangeRequest{IncludePending: true}}, c)
	if err != nil || len(moves) != 2 || moves[0] != (peering.Move{Key: old.Key, Before: old.Hash()}) || moves[1].Key != fresh.Key || len(labels) != 1 {
		t.Errorf("%+v, %v, %v", moves, labels, err)
	}
	c.without[old.Key], c.with[old.Key] = old, old // in another VRF: both are recorded
	if moves, _, err := p.moves(t.Context(), peering.Change{Kind: peering.KindProvision}, c); err != nil || len(moves) != 1 {
		t.Errorf("%+v, %v", moves, err)
	}
}
