package cmd

import (
	"strings"
	"testing"

	"peerflow/internal/peering"
)

// venues adds a peering with AS64501 in each state, one per exchange named after the state; ending last but one.
func (b *bench) venues(states ...peering.PeeringState) {
	b.Helper()
	for _, state := range states {
		x, err := b.db.IXPs().Create(b.Context(), b.actor("admin"), peering.IXP{Slug: strings.ReplaceAll(string(state), "_", "-"), LocalASID: 1})
		b.must(err)
		_, err = b.db.Peerings().Create(b.Context(), b.actor("admin"), peering.Peering{LocalASID: 1, PeerASID: 2, IXPID: x.ID, State: state, Evidence: peering.ByMail})
		b.must(err)
	}
	_, err := b.db.Peerings().Create(b.Context(), b.actor("admin"), peering.Peering{LocalASID: 1, PeerASID: 2, State: peering.Disputed, Evidence: peering.ByMail})
	b.must(err)
}

func (b *bench) standings() string {
	b.Helper()
	l, err := b.db.Peerings().List(b.Context(), nil, peering.Page{})
	b.must(err)
	var all []string
	for _, p := range l.Items {
		all = append(all, string(p.State))
	}
	return strings.Join(all, " ")
}

func TestAnAnswerCountsWhereOneIsAwaited(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.network()
	b.venues(peering.Ending, peering.PeeringNone, peering.Lapsed, peering.Ignored, peering.Suspended, peering.Declined, peering.Ended)
	code, stdout, stderr := b.cli("admin", "", "peering", "agree", "AS64501", "--evidence", "mail of today")
	if code != exitOK || !strings.Contains(stdout, "AS64501 agreed: 3 peerings") {
		t.Errorf("exit %d, %s%s", code, stdout, stderr)
	}
	if got, want := b.standings(), "agreed ending agreed agreed ignored suspended declined ended disputed"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
	for _, left := range []string{"ending, is ending: it ends first", "suspended, is suspended: if that is over, peerflow peering agree AS64501 --exchange suspended",
		"ignored, is ignored", "declined, is declined", "ended, is ended", "direct, is disputed: if that is over, peerflow peering agree AS64501 --exchange direct"} {
		if !strings.Contains(stderr, left) {
			t.Errorf("%q isn't in\n%s", left, stderr)
		}
	}
	code, _, stderr = b.cli("admin", "", "peering", "agree", "AS64501", "--evidence", "mail of today")
	if code != exitRefused || !strings.Contains(stderr, "is suspended") {
		t.Errorf("nothing waits any more: exit %d, %s", code, stderr)
	}
}

func TestADecisionIsTakenBackForItsVenueByName(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.network()
	b.venues(peering.Suspended, peering.Ending)
	for exchange, want := range map[string]struct {
		code int
		says string
	}{
		"suspended": {exitOK, "agreed: 1 peering"},
		"direct":    {exitOK, "agreed: 1 peering"},
		"ending":    {exitRefused, "ending can't become agreed"},
		"nowhere":   {exitNotFound, "at nowhere"},
	} {
		code, stdout, stderr := b.cli("admin", "", "peering", "agree", "AS64501", "--evidence", "mail of today", "--exchange", exchange)
		if code != want.code || !strings.Contains(stdout+stderr, want.says) {
			t.Errorf("%s: exit %d, %s%s", exchange, code, stdout, stderr)
		}
	}
	if got, want := b.standings(), "requested_by_us agreed ending agreed"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}
