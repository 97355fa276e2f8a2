package cmd

import (
	"net/netip"
	"strings"
	"testing"
	"time"

	"peerflow/db"
	"peerflow/internal/peering"
)

// published puts AS64501 with a port on the network's exchange into the mirror.
func (b *bench) published() {
	b.Helper()
	b.wants(b.do("admin", "PATCH", "/api/v1/exchanges/1", `{"ixlan_id": 26}`, "If-Match", "*"), 200, "")
	b.wants(b.do("admin", "PATCH", "/api/v1/routers/1", `{"mode": "manage"}`, "If-Match", "*"), 200, "")
	head := peering.PDBHead{ID: 1, Status: peering.PDBOK, Created: time.Now(), Updated: time.Now()}
	b.must(db.NewPeeringDBMirror(b.db.Pool()).LoadNetwork(b.Context(), 64501, time.Now(), []peering.PDBRow{
		&peering.PDBNetwork{PDBHead: head, OrgID: 1, ASN: 64501, Name: "Example", IRRASSet: "AS-EXAMPLE", InfoPrefixes4: 20},
		&peering.PDBPort{PDBHead: head, NetID: 1, LANID: 26, ASN: 64501, IPv4: netip.MustParseAddr("198.51.100.2"), Operational: true}}))
}

func TestTheTextToSendIsShownWhereAPeersAnswerIsAwaited(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.network()
	b.published()
	b.wants(b.do("admin", "PATCH", "/api/v1/autonomous-systems/1", `{"context": {"contact": "peering@example.net"}, "irr_as_set": "AS-US"}`, "If-Match", "*"), 200, "")
	code, text, stderr := b.cli("admin", "", "peering", "ask", "AS64501")
	if code != exitOK {
		t.Fatalf("exit %d: %s", code, stderr)
	}
	for _, want := range []string{"to the peering contacts at https://www.peeringdb.com/asn/64501", "subject Peering AS64500 with AS64501 at ams-ix",
		"198.51.100.1              198.51.100.2", "AS-SET      AS-US", "peering@example.net", "AS-SET      AS-EXAMPLE", "prefixes    IPv4 20"} {
		if !strings.Contains(text, want) {
			t.Errorf("%q isn't in\n%s", want, text)
		}
	}
	b.wants(b.do("admin", "GET", "/api/v1/autonomous-systems/2/ask", ""), 200, `"subject":"Peering AS64500 with AS64501 at ams-ix"`)
	b.wants(b.do("admin", "GET", "/api/v1/autonomous-systems/1/ask", ""), 404, "AS64500 is not in the PeeringDB mirror")

	// A change that waits shows it by itself; once the peer agreed there is nothing to show.
	b.wants(b.do("admin", "POST", "/api/v1/peerings", `{"asn": 64501}`, "Idempotency-Key", "key-0001"), 202, "")
	b.must(b.db.MoveChange(t.Context(), 1, peering.ChangeDraft, "waits for the peer", ""))
	_, body, _ := strings.Cut(text, "\n")
	if _, shown, _ := b.cli("admin", "", "change", "show", "1"); !strings.Contains(shown, body) || !strings.Contains(shown, "peerflow peering agree AS64501 --evidence TEXT") {
		t.Errorf("change show prints\n%s", shown)
	}
	if _, shown, _ := b.cli("admin", "", "change", "show", "1", "--json"); !strings.Contains(shown, `"subject": "Peering AS64500 with AS64501 at ams-ix"`) {
		t.Errorf("as JSON %s", shown)
	}
	b.must(b.db.MoveChange(t.Context(), 1, peering.ChangePlanned, "planned", ""))
	if _, shown, _ := b.cli("admin", "", "change", "show", "1"); strings.Contains(shown, "to send") {
		t.Errorf("what is planned still asks: %s", shown)
	}
	b.wants(b.do("admin", "PATCH", "/api/v1/peerings/1", `{"state": "declined"}`, "If-Match", "*"), 200, "")
	if code, _, stderr := b.cli("admin", "", "peering", "ask", "64501"); code != exitRefused || !strings.Contains(stderr, "nothing to ask AS64501 for") {
		t.Errorf("declined: exit %d, %s", code, stderr)
	}
	if code, _, stderr := b.cli("admin", "", "peering", "ask", "AS64511"); code != exitNotFound || !strings.Contains(stderr, "peerflow peer AS64511") {
		t.Errorf("unknown: exit %d, %s", code, stderr)
	}
}
