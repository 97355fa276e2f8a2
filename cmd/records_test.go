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
	b.wants(b.do("admin", "POST", "/api/v1/tags", `{"slug": "canary", "name": "Canary first"}`), 201, `"color":"9e9e9e"`)
	b.wants(b.edit("sessions/1", `{"tags": [2, 1]}`), 200, `"tags":[2,1]`)
	b.wants(b.edit("routers/1", `{"tags": [1]}`), 200, `"tags":[1]`)
	for query, want := range map[string]string{
		"tag=canary": `"id":1`, "tag=canary&tag=weekend": `"id":1`, "tag=canary&tag=nosuch": `"items":[]`, "tag__n=canary": `"items":[]`, "tag__n=nosuch": `"id":1`,
	} {
		b.wants(b.do("admin", "GET", "/api/v1/sessions?"+query, ""), 200, want)
	}
	b.wants(b.edit("sessions/1", `{"bfd_id": 1, "service_reference": "ORDER-1"}`), 200, `"service_reference":"ORDER-1"`)
	b.wants(b.do("admin", "POST", "/api/v1/config-contexts", `{"name": "site", "data": {"site": "fra", "rack": {"row": 1}}}`), 201, `"is_active":true`)
	b.wants(b.edit("sessions/1", `{"config_contexts": [{"config_context_id": 2, "weight": 2000}, {"config_context_id": 1}], "context": {"rack": {"unit": 7}}}`), 200,
		`"config_contexts":[{"config_context_id":1,"weight":1000},{"config_context_id":2,"weight":2000}]`)
	b.wants(b.edit("autonomous-systems/2", `{"contacts": [{"contact_id": 1, "role_id": 1}]}`), 200, `"contacts":[{"contact_id":1,"role_id":1}]`)
	const body = "{% for s in sessions %}protocol bgp as{{ s.peer_asn }} {\n" +
		"  # {{ s | merge_communities | iterate('value') | join(' ') }}\n" +
		"  # {{ s.tags.all() | join(', ') }} {{ s | has_tag('Canary first') }} {{ s | has_tag('canary') }} {{ router | has_not_tag('canary') }}\n" +
		"  # {% for b in router | bfds %}{{ b.slug }} {{ b.minimum_transmit_interval }} {{ s.bfd.detection_multiplier }}{% endfor %} {{ s.service_reference }}\n" +
		"  # {{ s | context_get_key('site') }} {{ s | context_get_key('row') }} {{ s.config_context.rack.unit }} {{ s | context_has_key('dscp') }} {{ s | context_get_key('no', 'default') }}\n" +
		"  # {{ s | contact('noc', 'email') }} {{ s.autonomous_system.contacts.count() }} {{ s | contact('abuse') }}\n}\n{% endfor %}"
	if got, want := b.previewed(body), "  # 64500:1 64500:10:1\n  # Canary first, weekend True True True\n  # fast 50 3 ORDER-1\n  # fra 1 7 True default\n  # noc@example.net 1 None\n"; !strings.Contains(got, want) {
		t.Errorf("rendered:\n%s\nwant\n%s", got, want)
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
		{"tags", `{"slug": "bad slug"}`, "slug"},
		{"config-contexts", `{"name": "bad", "data": [1]}`, "data"},
		{"config-contexts", `{"name": "bad", "data": {"a": "` + strings.Repeat("x", 256<<10) + `"}}`, "data"},
		{"config-contexts", `{"data": {}}`, "name"},
		{"contacts", `{"name": "a", "email": "a\n@example.net"}`, "email"},
		{"contacts", `{"name": "a", "email": "NOC <noc@example.net>"}`, "email"},
		{"contacts", `{"name": "a\nb"}`, "name"},
		{"contact-roles", `{"slug": "A"}`, "slug"},
		{"bfd", `{"slug": "bad", "hold_time": 255001}`, "hold_time"},
		{"bfd", `{"slug": "bad", "detection_multiplier": -1}`, "detection_multiplier"},
		{"tags", `{"slug": "bad", "color": "red"}`, "color"},
		{"tags", `{"slug": "bad", "name": "a\u0007"}`, "name"},
	} {
		b.wants(b.do("admin", "POST", "/api/v1/"+c.path, c.body), 422, c.field+" ")
	}
	b.wants(b.edit("communities/1", `{"value": "64500:1\" accept"}`), 422, "value ")
	for _, text := range []string{`a\nb`, `a;`, `a\"b`, `{`, `a\\`, strings.Repeat("x", 256)} {
		b.wants(b.edit("sessions/1", `{"service_reference": "`+text+`"}`), 422, "service_reference ")
	}
	b.wants(b.edit("sessions/1", `{"bfd_id": 99}`), 422, "bfd_id")
	b.wants(b.edit("sessions/1", `{"config_contexts": [{"config_context_id": 1, "weight": 40000}]}`), 422, "weight")
	b.wants(b.edit("sessions/1", `{"config_contexts": [{"config_context_id": 1}, {"config_context_id": 1}]}`), 422, "twice")
	b.wants(b.edit("exchanges/1", `{"contacts": [{"contact_id": 1, "role_id": 9}]}`), 422, "role_id")
	b.wants(b.edit("sessions/1", `{"communities": [99]}`), 422, "communities")
}
