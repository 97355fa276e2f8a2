package cmd

import (
	"fmt"
	"strings"
	"testing"

	"peerflow/internal/peering"
)

func TestListsOfNetworksAreRecordedAsBgpqGivesThem(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.network()
	b.user("bob", peering.Viewer)
	var id int64
	b.must(b.db.Pool().QueryRow(t.Context(), `SELECT id FROM autonomous_system WHERE asn = 64501`).Scan(&id))
	path := fmt.Sprintf("/api/v1/autonomous-systems/%d", id)
	b.wants(b.do("admin", "GET", path+"/prefixes", ""), 200, `{"ipv6":[],"ipv4":[],"lists":{}}`)
	b.wants(b.do("admin", "GET", path+"/as-list", ""), 200, `{"as_list":[],"lists":{}}`)

	b.wants(b.do("admin", "PUT", path+"/prefixes", `{"source": "bgpq4 AS-EXAMPLE", "fetched_at": "2026-02-03T04:05:06Z",
		"ipv4": [{"prefix": "203.0.113.0/24", "exact": false, "less-equal": 26}, {"prefix": "192.0.2.0\/24", "exact": true}]}`), 200,
		`{"ipv4":{"entries":2,"source":"bgpq4 AS-EXAMPLE","fetched_at":"2026-02-03T04:05:06Z"}}`)
	b.wants(b.do("admin", "PUT", path+"/prefixes", `{"ipv6": [{"prefix": "2001:db8::/32", "exact": false, "greater-equal": 33, "less-equal": 48}]}`), 200, `"ipv6":{"entries":1,"source":""`)
	b.wants(b.do("admin", "PUT", path+"/as-list", `{"as_list": [64502, 64501, 64502], "source": "bgpq4 -t"}`), 200, `"as":{"entries":2`)
	b.wants(b.do("admin", "GET", path+"/prefixes", ""), 200, `{"ipv6":[{"prefix":"2001:db8::/32","exact":false,"greater-equal":33,"less-equal":48}],`+
		`"ipv4":[{"prefix":"192.0.2.0/24","exact":true},{"prefix":"203.0.113.0/24","exact":false,"less-equal":26}]`)
	b.wants(b.do("admin", "GET", path+"/as-list", ""), 200, `{"as_list":[64501,64502],"lists":{"as":{"entries":2,"source":"bgpq4 -t"`)

	for body, want := range map[string]string{
		`{"ipv4": [{"prefix": "192.0.2.1/24", "exact": true}]}`:  "entry 1 of the ipv4 list: 192.0.2.1/24 has host bits: write 192.0.2.0/24",
		`{"ipv4": [{"prefix": "2001:db8::/32", "exact": true}]}`: "of the other family",
		`{"ipv5": []}`: "ipv5",
		`{}`:           "neither ipv4 nor ipv6",
		`{"ipv4": [{"prefix": "192.0.2.0/24", "exact": true}], "source": "` + strings.Repeat("a", 501) + `"}`: "at most 500",
		`{"ipv4": [{"prefix": `: "the body doesn't fit",
	} {
		b.wants(b.do("admin", "PUT", path+"/prefixes", body), 422, want)
	}
	b.wants(b.do("admin", "PUT", path+"/as-list", `{"as_list": [0]}`), 422, "1 to 4294967295")
	b.wants(b.do("admin", "PUT", path+"/as-list", `{}`), 422, "no as_list")
	b.wants(b.do("admin", "PUT", path+"/prefixes", `{"ipv4": []}`), 409, "allow_empty")
	b.wants(b.do("admin", "PUT", path+"/as-list", `{"as_list": []}`), 409, "has 2 entries")
	b.wants(b.do("admin", "GET", path+"/prefixes", ""), 200, `"ipv4":[{"prefix":"192.0.2.0/24"`)
	b.wants(b.do("admin", "PUT", path+"/prefixes?allow_empty=true", `{"ipv4": []}`), 200, `"ipv4":{"entries":0`)
	b.wants(b.do("admin", "PUT", "/api/v1/autonomous-systems/999/prefixes", `{"ipv4": []}`), 404, "999")
	b.wants(b.do("bob", "PUT", path+"/as-list", `{"as_list": [64501]}`), 403, "")

	// Long lists are taken, longer bodies than any other operation's too.
	var long strings.Builder
	for i := range 100_000 {
		fmt.Fprintf(&long, `,{"prefix": "10.%d.%d.%d/32", "exact": true}`, i>>16, i>>8&255, i&255)
	}
	b.wants(b.do("admin", "PUT", path+"/prefixes", `{"ipv4": [`+long.String()[1:]+`]}`), 200, `"entries":100000`)
	b.wants(b.do("admin", "PUT", path+"/as-list", `{"as_list": [`+strings.Repeat(`64501,`, 800_000)+`64501]}`), 413, "")
}

// What bgpq4 prints goes in by the command line and comes out as lines.
func TestListsOfNetworksGoThroughTheCommandLine(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.network()
	const json4 = "{ \"NN\": [\n    { \"prefix\": \"192.0.2.0\\/24\", \"exact\": true },\n    { \"prefix\": \"198.51.100.0\\/24\", \"exact\": false,\n      \"greater-equal\": 25, \"less-equal\": 25 }\n] }\n"
	for _, step := range []struct {
		args     string
		in, want string
		code     int
	}{
		{"show AS64501", "", "LIST  ENTRIES", exitOK},
		{"set AS64501 --family 4 --source bgpq4", json4, "AS64501  ipv4  2 entries recorded\n", exitOK},
		{"show AS64501 --family 4", "", "192.0.2.0/24\n198.51.100.0/24{25,25}\n", exitOK},
		{"set 64501 -", "2001:db8::/32+ # all of it\n203.0.113.0/24\n", "AS64501  ipv4  1 entry recorded\nAS64501  ipv6  1 entry recorded\n", exitOK},
		{"show 64501 --family 6", "", "2001:db8::/32{32,}\n", exitOK},
		{"set AS64501 --as-list", "{\"NN\": [\n  64502,64501\n]}\n", "AS64501  as  2 entries recorded\n", exitOK},
		{"show AS64501 --as-list", "", "AS64501\nAS64502\n", exitOK},
		{"set AS64501 --family 4", "{ \"NN\": [\n] }\n", "allow_empty", exitRefused},
		{"set AS64501 --family 4 --allow-empty", "{ \"NN\": [\n] }\n", "AS64501  ipv4  0 entries recorded\n", exitOK},
		{"show AS64501", "", "ipv6  1", exitOK},
		{"set AS64501", "\n", "--family says which", exitUsage},
		{"set AS64501 --family 5", "", "4 or 6", exitUsage},
		{"set AS64501 --family 4 --as-list", "", "no family", exitUsage},
		{"set AS64501 --family 6", "2001:db8::/32\n203.0.113.0/24\n", "entry 2 of the ipv6 list: 203.0.113.0/24 is of the other family", exitUsage},
		{"set AS64501 --family 6", "2001:db8::/32\nAS-EXAMPLE\n", "line 2", exitUsage},
		{"set AS64511", "192.0.2.0/24", "there is no AS64511", exitNotFound},
		{"set edge", "192.0.2.0/24", "no AS number", exitUsage},
		{"set AS64501 /nowhere/list", "", "/nowhere/list", exitFailure},
	} {
		code, out, stderr := b.cli("admin", step.in, append([]string{"irr"}, strings.Fields(step.args)...)...)
		if code != step.code || !strings.Contains(out+stderr, step.want) {
			t.Errorf("irr %s: exit %d %q %q, want %d %q", step.args, code, out, stderr, step.code, step.want)
		}
	}
	if _, out, _ := b.cli("admin", "", "irr", "show", "AS64501", "--json"); !strings.Contains(out, `"as_list": [`) || !strings.Contains(out, `"entries": 0`) {
		t.Error(out)
	}
	b.user("bob", peering.Viewer)
	if code, _, stderr := b.cli("bob", "AS64501", "irr", "set", "AS64501", "--as-list"); code != exitRefused {
		t.Errorf("a viewer, exit %d: %s", code, stderr)
	}
}
