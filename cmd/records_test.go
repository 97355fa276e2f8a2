package cmd

import (
	"encoding/json"
	"strings"
	"testing"
)

// previewed is what a template prints on the network's router, as the API previews it.
func (b *bench) previewed(body string) string {
	b.Helper()
	request, err := json.Marshal(map[string]string{"body": body})
	b.must(err)
	var preview struct{ Text string }
	b.wants(b.do("admin", "POST", "/api/v1/routers/1/preview", string(request)), 200, "").into(b.T, &preview)
	return preview.Text
}

// edit patches one record, whatever its version.
func (b *bench) edit(path, patch string) reply {
	b.Helper()
	return b.do("admin", "PATCH", "/api/v1/"+path, patch, "If-Match", "*")
}

// What people record over HTTP is what a router's template is given.
func TestWhatIsRecordedReachesTheTemplate(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.network()
	b.wants(b.edit("sessions/1", `{"intent": "present", "families": ["ipv4"], "communities": [1]}`), 200, `"communities":[1]`)
	b.wants(b.do("admin", "POST", "/api/v1/communities", `{"slug": "region", "value": "64500:10:1"}`), 201, `"name":"region"`)
	b.wants(b.edit("autonomous-systems/2", `{"communities": [2, 1]}`), 200, `"communities":[1,2]`)
	const body = "{% for s in sessions %}protocol bgp as{{ s.peer_asn }} {\n" +
		"  # {{ s | merge_communities | iterate('value') | join(' ') }}\n}\n{% endfor %}"
	if got := b.previewed(body); !strings.Contains(got, "# 64500:1 64500:10:1\n") {
		t.Errorf("rendered:\n%s", got)
	}
}

func TestTextThatWouldBreakAConfigurationIsRefusedAndItsFieldNamed(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.network()
	for _, c := range []struct{ path, body, field string }{
		{"communities", `{"slug": "bad", "value": "64500:1; }"}`, "value"},
		{"communities", `{"slug": "bad", "value": "64500:1\n"}`, "value"},
		{"communities", `{"slug": "bad", "value": ""}`, "value"},
		{"communities", `{"slug": "bad\"", "value": "64500:1"}`, "slug"},
		{"communities", `{"slug": "bad", "value": "64500:1", "name": "a\nb"}`, "name"},
		{"communities", `{"slug": "bad", "value": "64500:1", "description": "` + strings.Repeat("x", 201) + `"}`, "description"},
		{"communities", `{"slug": "bad", "value": "64500:1", "type": "both"}`, "type"},
	} {
		b.wants(b.do("admin", "POST", "/api/v1/"+c.path, c.body), 422, c.field+" ")
	}
	b.wants(b.edit("communities/1", `{"value": "64500:1\" accept"}`), 422, "value ")
	b.wants(b.edit("sessions/1", `{"communities": [99]}`), 422, "communities")
}
