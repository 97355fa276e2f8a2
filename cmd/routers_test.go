package cmd

import (
	"fmt"
	"strings"
	"testing"

	"peerflow/internal/peering"
)

func TestARouterDiffIsLabelledAndNeverEmptyForWantOfAnAnswer(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.network()
	b.flows.diff = peering.RouterDiff{RouterID: 1, Router: "edge1", Authors: []string{"ada"}, Stanzas: []peering.StanzaDiff{
		{Key: "protocol/as64501_1", Labels: []peering.DiffReason{peering.DiffPending}, Text: "@@ protocol/as64501_1 @@\n- limit 100;\n+ limit 200;\n"},
		{Key: "filter/in", Labels: []peering.DiffReason{peering.DiffDrift}, Text: "@@ filter/in @@\n+ accept;\n"},
		{Key: "filter/out", Labels: []peering.DiffReason{peering.DiffDeploying}, ChangeID: 7, Text: "@@ filter/out @@\n- reject;\n"}}}
	b.wants(b.do("admin", "GET", "/api/v1/routers/1/diff", ""), 200, `"labels":["pending"]`)
	b.wants(b.do("admin", "GET", "/api/v1/routers/9/diff", ""), 404, "9")

	code, stdout, stderr := b.cli("admin", "", "router", "diff", "edge1")
	for _, want := range []string{"3 stanzas", "pending, edits by ada", "drift", "change/7 put it there", "  - limit 100;\n  + limit 200;\n"} {
		if code != exitOK || !strings.Contains(stdout, want) {
			t.Errorf("exit %d, %q isn't in\n%s%s", code, want, stdout, stderr)
		}
	}
	b.flows.diff = peering.RouterDiff{RouterID: 1, Router: "edge1", InSync: true}
	if _, stdout, _ := b.cli("admin", "", "router", "diff", "1"); !strings.Contains(stdout, "runs what is recorded") {
		t.Errorf("in sync: %s", stdout)
	}
	b.flows.down = peering.NewError(peering.Unavailable, "router edge1: the router can't be reached")
	if code, stdout, stderr := b.cli("admin", "", "router", "diff", "edge1"); code != exitUnavailable || stdout != "" || !strings.Contains(stderr, "can't be reached") {
		t.Errorf("exit %d, %q, %q", code, stdout, stderr)
	}
}

func TestAdoptPrintsTheLine(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.network()
	const line = `include "/srv/bird/ours.conf";`
	b.wants(b.do("admin", "PATCH", "/api/v1/routers/1", `{"settings": {"owned": "/srv/bird/ours.conf"}}`, "If-Match", "*"), 200, "")
	code, stdout, stderr := b.cli("admin", "", "router", "adopt", "edge1")
	if code != exitOK || !strings.Contains(stdout, "    "+line+"\n") || !strings.Contains(stdout, "/etc/bird/bird.conf") {
		t.Errorf("exit %d\n%s%s", code, stdout, stderr)
	}
	platform := b.wants(b.do("admin", "POST", "/api/v1/platforms", `{"slug": "oc", "driver": "openconfig"}`), 201, "")
	var made peering.PlatformRecord
	platform.into(t, &made)
	b.wants(b.do("admin", "PATCH", "/api/v1/routers/1", fmt.Sprintf(`{"platform_id": %d}`, made.ID), "If-Match", "*"), 200, "")
	b.wants(b.do("admin", "GET", "/api/v1/routers/1/adoption", ""), 200, `"line":""`)
}
