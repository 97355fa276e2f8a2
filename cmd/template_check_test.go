package cmd

import (
	"encoding/json"
	"os"
	"strings"
	"testing"

	"peerflow/internal/peering"
)

func TestATemplateIsCheckedByFileAndByName(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.network()
	b.wants(b.do("admin", "PATCH", "/api/v1/sessions/1", `{"intent": "present", "families": ["ipv4"]}`, "If-Match", "*"), 200, "present")
	file := t.TempDir() + "/edge.j2"
	b.must(os.WriteFile(file, []byte("{% for s in sesions %}{% endfor %}\n"+strings.ReplaceAll(listing, "peer_asn", "peer_as")), 0o600))

	code, out, _ := b.cli("admin", "", "template", "check", file)
	if code != exitFailure || !strings.Contains(out, file+`:1:13 error there is no variable "sesions" – did you mean "sessions"?`) ||
		!strings.Contains(out, `a field "peer_as" – did you mean "peer_asn"?`) || !strings.Contains(out, "1 error, 2 warnings  its text alone") {
		t.Errorf("the text alone, exit %d: %s", code, out)
	}
	code, out, _ = b.cli("admin", "", "template", "check", file, "--router", "edge1")
	if code != exitFailure || !strings.Contains(out, ` has no field "peer_as" – did you mean "peer_asn"?`) || !strings.Contains(out, "without an effective import policy") || !strings.Contains(out, "on edge1") {
		t.Errorf("on a router, exit %d: %s", code, out)
	}
	if code, out, _ := b.cli("admin", "x {{ router.name }}", "template", "check", "-"); code != exitOK || !strings.HasPrefix(out, "nothing found") {
		t.Errorf("nothing wrong, exit %d: %s", code, out)
	}
	const merging = "{% for s in sessions if s.enabled %}neighbor {{ s.peer_address }}\n{% endfor %}x"
	if code, out, _ := b.cli("admin", merging, "template", "check", "-", "--router", "edge1", "--mode", "merge"); code != exitFailure || !strings.Contains(out, "a session that is shut down stays up") {
		t.Errorf("a merge, exit %d: %s", code, out)
	}
	if code, _, stderr := b.cli("admin", "", "template", "check", "nosuch"); code != exitNotFound || !strings.Contains(stderr, "there is no file nosuch") {
		t.Errorf("neither file nor template: exit %d: %s", code, stderr)
	}

	b.cli("admin", listing, "template", "put", "bird", "-")
	code, out, stderr := b.cli("admin", "", "template", "check", "bird", "--json")
	var checked peering.TemplateCheck
	if err := json.Unmarshal([]byte(out), &checked); err != nil || code != exitOK || strings.Join(checked.Routers, " ") != "edge1" || len(checked.Findings) != 2 || checked.Findings[0].Code != "no-import-policy" {
		t.Errorf("a recorded template, exit %d, %v: %s%s", code, err, out, stderr)
	}
	if _, out, _ := b.cli("admin", "", "template", "preview", "edge1"); !strings.Contains(out, "2 warnings: peerflow template check --router edge1 bird says which") {
		t.Errorf("the preview: %s", out)
	}
	b.cli("admin", "{% include_configuration bird %}", "template", "put", "other", "-")
	if code, out, stderr := b.cli("admin", "{% include_configuration bird %}", "template", "preview", "edge1", "-", "--text"); code != exitOK || !strings.Contains(out, "neighbor 198.51.100.2") {
		t.Errorf("an include that the router's own template doesn't have, exit %d: %s%s", code, out, stderr)
	}

	const mirrored = "{% for x in internet_exchange_points %}define LINKED = \"{{ x.linked_to_peeringdb }} {{ x.peeringdb_prefixes }}{{ local_as.as_list }}\";{% endfor %}"
	if code, out, stderr := b.cli("admin", mirrored, "template", "preview", "edge1", "-", "--text"); code != exitOK || !strings.Contains(out, "False {}[]") {
		t.Errorf("what the router's own template has no use for, exit %d: %s%s", code, out, stderr)
	}
	if code, out, stderr := b.cli("admin", mirrored+"{{ local_as.peeringdb_networks }}", "template", "check", "-", "--router", "edge1"); code != exitFailure ||
		!strings.Contains(out, `no field "peeringdb_networks" – did you mean "peeringdb_network"?`) || strings.Contains(out, "weren't loaded") {
		t.Errorf("a slip beside it, exit %d: %s%s", code, out, stderr)
	}

	b.user("looker", peering.Viewer)
	b.wants(b.do("looker", "POST", "/api/v1/templates/check", `{"body": "x"}`), 403, "operator")
	b.wants(b.do("admin", "POST", "/api/v1/templates/check", `{"body": "x", "router_ids": [9]}`), 404, "router")
	b.wants(b.do("admin", "POST", "/api/v1/templates/check", `{"body": "{{ x"}`), 200, `"code":"syntax"`)
}
