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
