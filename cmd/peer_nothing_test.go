package cmd

import (
	"strings"
	"testing"

	"peerflow/internal/peering"
)

// A change that had nothing to plan ends well only if what was asked for is there.
func TestPeerWithNothingToPlanTellsWhatIsThere(t *testing.T) {
	t.Parallel()
	exists := peering.Omission{Code: peering.OmitExists, Exchange: "ams-ix", PeerAddress: "198.51.100.2", Text: "session 1 exists"}
	planned := peering.Omission{Code: peering.OmitExists, Exchange: "ams-ix", PeerAddress: "198.51.100.3", Text: "change 15 plans it already"}
	observed := peering.Omission{Code: peering.OmitObserve, Exchange: "ams-ix", PeerAddress: "198.51.100.2", Text: "router edge1 is in mode observe"}
	for name, tt := range map[string]struct {
		omitted []peering.Omission
		sync    peering.Sync
		flags   string
		code    int
		says    string
	}{
		"it is there":                              {[]peering.Omission{exists}, peering.InSync, "--yes", exitOK, "session/1"},
		"it is there, and up is awaited":           {[]peering.Omission{exists}, peering.InSync, "--wait=up --patience 1ms", exitWaiting, "session/1"},
		"it is being deployed":                     {[]peering.Omission{exists}, peering.Deploying, "--yes", exitWaiting, "session/1"},
		"it is recorded alone":                     {[]peering.Omission{exists}, peering.NotDeployed, "--yes", exitNotDeployed, "peerflow router deploy"},
		"another change plans it":                  {[]peering.Omission{planned}, peering.InSync, "--yes --wait=up", exitWaiting, "change 15 plans it already"},
		"another change plans the second of them":  {[]peering.Omission{exists, planned}, peering.InSync, "--yes", exitWaiting, "another change plans"},
		"the router may not be written to":         {[]peering.Omission{observed}, peering.InSync, "--yes", exitNotDeployed, "router_observed"},
		"there is no exchange to peer at":          {nil, peering.InSync, "--yes", exitNotDeployed, "none is there"},
		"what is left out beside it doesn't count": {[]peering.Omission{exists, observed}, peering.InSync, "--yes", exitOK, "session/1"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			b.network()
			_, err := b.db.Pool().Exec(t.Context(), "UPDATE session SET sync = $1", tt.sync)
			b.must(err)
			done := make(chan struct{})
			go func() {
				defer close(done)
				c := b.first(func(peering.Change) bool { return true })
				_, err := b.db.RecordOverlay(b.Context(), c.ID, nil, peering.Findings{Omitted: tt.omitted})
				b.check(err)
				b.check(b.db.MoveChange(b.Context(), c.ID, peering.ChangeCompleted, "", "nothing to configure"))
			}()
			code, stdout, stderr := b.cli("admin", "", append([]string{"peer", "AS64501"}, strings.Fields(tt.flags)...)...)
			<-done
			if code != tt.code || !strings.Contains(stdout, tt.says) {
				t.Errorf("exit %d, want %d with %q:\n%s%s", code, tt.code, tt.says, stdout, stderr)
			}
		})
	}
}
