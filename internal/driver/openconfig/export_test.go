package openconfig_test

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"peerflow/internal/driver"
	"peerflow/internal/peering"
	"peerflow/standalone/lab/gnmid"
)

// countExport is what is announced to a neighbor: all, default routes, long prefixes.
func (b *bench) countExport(c driver.Conn, address string) string {
	b.Helper()
	got, err := c.(driver.ExportCounter).CountExport(b.Context(), peering.NeighborKey{Address: netip.MustParseAddr(address)})
	b.must(err)
	if len(got) == 0 {
		return "not counted"
	}
	return fmt.Sprintf("%s %d %d %d", got[0].Family, *got[0].Announced, *got[0].Default, *got[0].Long)
}

func TestCountExportReadsTheAdjRIBOut(t *testing.T) {
	t.Parallel()
	b := setup(t, "127.90.45.", func(c *gnmid.Config) {
		for _, p := range []string{"0.0.0.0/0", "192.0.2.128/25", "192.0.2.64/26"} {
			c.Originate = append(c.Originate, netip.MustParsePrefix(p))
		}
	})
	c := b.open()
	b.deploy(c, b.deployment(1, artifactBase, time.Minute))
	if got := b.countExport(c, "192.0.2.11"); got != "not counted" {
		t.Errorf("a session that is down has no Adj-RIB-Out: %s", got)
	}
	b.peer(64501, 11, "")
	b.established(c, "192.0.2.11")
	poll(t, "one prefix", func() bool { return b.countExport(c, "192.0.2.11") == "ipv4 1 0 0" })
	leak := strings.Replace(artifactBase, `"conditions": {"match-prefix-set": {"config": {"prefix-set": "pf-own"}}},`, "", 1)
	b.deploy(c, b.deployment(2, leak, time.Minute))
	poll(t, "everything", func() bool { return b.countExport(c, "192.0.2.11") == "ipv4 4 1 2" })
}

func TestShutSessionStaysShut(t *testing.T) {
	t.Parallel()
	b := setup(t, "127.90.46.")
	other, peer := b.peer(64510, 10, ""), b.peer(64501, 11, "")
	c := b.open()
	base := b.deployment(1, artifactBase, time.Minute)
	b.deploy(c, base)
	b.established(c, "192.0.2.10")
	b.established(c, "192.0.2.11")
	since := b.neighbor(c, "192.0.2.10").Since
	shut := driver.Shutdown{Neighbor: peering.NeighborKey{Address: netip.MustParseAddr("192.0.2.11")}, Fence: b.fence + 1}
	for range 2 {
		b.must(c.(driver.SessionShutter).ShutSession(t.Context(), shut))
	}
	if n := b.neighbor(c, "192.0.2.11"); n.Established() || !n.AdminDown {
		t.Errorf("it isn't shut: %+v", n)
	}
	if peer.Established(t.Context()) || !other.Established(t.Context()) || b.neighbor(c, "192.0.2.10").Since != since {
		t.Error("the peer still has it, or the other session was touched")
	}
	runs := b.read(c)
	said := b.deployment(2, strings.Replace(artifactBase, `"peer-as": 64501,`, `"peer-as": 64501, "enabled": false,`, 1), time.Minute)
	for name, stanzas := range map[string][]peering.Stanza{"runs": runs.Stanzas, "boots": runs.Boot} {
		for _, s := range stanzas {
			if s.Neighbor == shut.Neighbor.Address && !strings.Contains(said.Artifact, s.Text) {
				t.Errorf("what %s isn't what a session renders to that is shut down:\n%s", name, s.Text)
			}
		}
	}
	shut.Fence = 1
	if err := c.(driver.SessionShutter).ShutSession(t.Context(), shut); !errors.Is(err, driver.ErrFenced) {
		t.Errorf("an older token gave %v", err)
	}
	// While a commit waits, the router refuses it.
	waits := b.deployment(3, strings.Replace(said.Artifact, `"enabled": false`, `"enabled": true`, 1), time.Minute)
	waits.Fence = shut.Fence + 100
	b.must(c.Commit(t.Context(), waits))
	shut.Fence = waits.Fence + 1
	if err := c.(driver.SessionShutter).ShutSession(t.Context(), shut); !errors.Is(err, driver.ErrPending) {
		t.Errorf("while a commit waits it gave %v", err)
	}
}
