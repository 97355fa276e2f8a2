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

func TestARouterSaysWhatItsDriverWasTriedOn(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.network()
	b.wants(b.do("admin", "GET", "/api/v1/drivers", ""), 200, `"name":"openconfig","proof":"simulator"`)
	code, stdout, stderr := b.cli("admin", "", "router", "show", "edge1")
	if code != exitOK || !strings.Contains(stdout, "driver bird, daemon-proven: the conformance suite passes on a live routing daemon\n") {
		t.Errorf("exit %d\n%s%s", code, stdout, stderr)
	}
}

func TestARoutersModeIsSetInWords(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.network() // edge1 is in observe
	mode := func(args ...string) (int, string) {
		t.Helper()
		code, stdout, stderr := b.cli("admin", "", append([]string{"router", "mode"}, args...)...)
		return code, stdout + stderr
	}
	is := func(want string) {
		t.Helper()
		b.wants(b.do("admin", "GET", "/api/v1/routers/1", ""), 200, `"mode":"`+want+`"`)
	}
	if code, out := mode("edge1", "manage"); code != exitUsage || !strings.Contains(out, "peerflow writes to edge1") || !strings.Contains(out, "--yes") {
		t.Errorf("nobody to ask: exit %d\n%s", code, out)
	}
	is("observe")
	if code, out := mode("edge1", "write"); code != exitUsage || !strings.Contains(out, "observe, propose or manage") {
		t.Errorf("no mode: exit %d\n%s", code, out)
	}
	if code, out := mode("edge9", "manage", "--yes"); code != exitNotFound {
		t.Errorf("no router: exit %d\n%s", code, out)
	}
	if code, out := mode("edge1", "manage", "--yes"); code != exitOK || !strings.Contains(out, "edge1: manage, was observe") {
		t.Errorf("exit %d\n%s", code, out)
	}
	is("manage")
	if code, out := mode("edge1", "manage"); code != exitOK || !strings.Contains(out, "already") {
		t.Errorf("as it is: exit %d\n%s", code, out)
	}
	if code, out := mode("1", "observe"); code != exitOK || !strings.Contains(out, "unable to write") { // less than before: nothing to ask
		t.Errorf("exit %d\n%s", code, out)
	}
	is("observe")
	if code, stdout, stderr := b.cli("admin", "", "router", "mode", "edge1", "propose", "--yes", "--json"); code != exitOK || !strings.Contains(stdout, `"mode": "propose"`) || !strings.Contains(stderr, "a person does") {
		t.Errorf("exit %d\n%s%s", code, stdout, stderr)
	}
	if code, out := mode("edge1", "manage", "--yes", "--unproven"); code != exitOK {
		t.Errorf("exit %d\n%s", code, out)
	}
	b.wants(b.do("admin", "GET", "/api/v1/routers/1", ""), 200, `"accept_unproven":true`)
}
