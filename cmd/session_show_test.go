package cmd

import (
	"strings"
	"testing"
)

// What a session is configured with comes with the record that says so, over HTTP and at the command line.
func TestASessionShowsWhatHoldsForItAndWhereItComesFrom(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.network()
	for _, r := range [][3]string{
		{"POST", "/api/v1/routing-policies", `{"slug": "send-ours", "direction": "export", "weight": 5}`},
		{"POST", "/api/v1/routing-policies", `{"slug": "no-bogons", "direction": "import"}`},
		{"PUT", "/api/v1/secrets/as64501", `{"value": "s3cr3t-canary"}`},
		{"PUT", "/api/v1/secrets/as64501", `{"value": "s3cr3t-canary-2"}`},
		{"PATCH", "/api/v1/exchanges/1", `{"import_policies": [1], "export_policies": [2], "relationship_id": 1}`},
		{"PATCH", "/api/v1/autonomous-systems/2", `{"import_policies": [3], "prefix_limits": {"ipv4": 300}}`},
		{"PATCH", "/api/v1/sessions/1", `{"hold_time": 30, "multihop": 2, "password": {"id": 1, "version": 2}}`},
	} {
		if answer := b.do("admin", r[0], r[1], r[2], "If-Match", "*"); answer.status > 299 {
			t.Fatalf("%s %s: %d %s", r[0], r[1], answer.status, answer.text)
		}
	}
	got := b.wants(b.do("admin", "GET", "/api/v1/sessions/1/effective", ""), 200, `"router":"edge1"`).text
	for _, want := range []string{
		`"prefix_limit":{"value":300,"origin":"autonomous_system","from":"AS64501 Example"}`,
		`"import_policies":[{"value":{"id":3,"slug":"no-bogons"},"origin":"autonomous_system","from":"AS64501 Example"},{"value":{"id":1,"slug":"accept-peers"},"origin":"exchange","from":"exchange ams-ix"}]`,
		`"export_policies":[{"value":{"id":2,"slug":"send-ours"},"origin":"exchange","from":"exchange ams-ix"}]`,
		`"relationship":{"value":"peer","origin":"exchange","from":"exchange ams-ix"}`,
		`"local_asn":{"value":64500,"origin":"router","from":"router edge1"}`,
		`"local_address":{"value":"198.51.100.1","origin":"connection","from":"connection 1 at ams-ix"}`,
		`"hold_time":{"value":30,"origin":"session","from":"session 1"}`,
		`"passive":{"value":false,"origin":"none"}`,
		`"password":{"value":{"id":1,"version":2},"origin":"session","from":"session 1"}`,
	} {
		if !strings.Contains(got, want) {
			t.Errorf("%s isn't in\n%s", want, got)
		}
	}
	code, table, stderr := b.cli("admin", "", "session", "show", "198.51.100.2")
	if code != exitOK {
		t.Fatalf("exit %d: %s", code, stderr)
	}
	lines := map[string]bool{}
	for line := range strings.Lines(table) {
		lines[strings.Join(strings.Fields(line), " ")] = true
	}
	for _, want := range []string{
		"VALUE IS FROM", "relationship peer (our role: peer) exchange ams-ix", "ipv4 prefix limit 300 AS64501 Example", "ipv4 import no-bogons AS64501 Example",
		"ipv4 import accept-peers exchange ams-ix", "hold time 30 s session 1", "multihop TTL 2 session 1", "passive no none", "password <secret v2> session 1",
	} {
		if !lines[want] {
			t.Errorf("no line %q in\n%s", want, table)
		}
	}
	_, report, _ := b.cli("admin", "", "session", "show", "1", "--json")
	if strings.Contains(got+table+report, "canary") || !strings.Contains(report, `"effective": {`) {
		t.Errorf("a password shows, or nothing does: %s", report)
	}
	b.wants(b.do("admin", "GET", "/api/v1/sessions/99/effective", ""), 404, "session")
}
