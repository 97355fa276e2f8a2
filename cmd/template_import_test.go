package cmd

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// What Peering Manager's API lists becomes templates that render as they do there: lenient, with its switches, and edit scripts.
func TestPeeringManagersTemplatesAreImported(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.network() // its router's template is bird
	dir := t.TempDir()
	file := func(name, text string) string {
		path := filepath.Join(dir, name)
		b.must(os.WriteFile(path, []byte(text), 0o600))
		return path
	}
	routers := file("configurations.json", `{"count": 3, "next": null, "previous": null, "results": [
		{"id": 40, "url": "https://pm/api/devices/configurations/40/", "display": "edge", "name": "edge", "description": "", "jinja2_trim": true, "jinja2_lstrip": false, "tags": [],
		 "template": "{% include_configuration 41 %}{%- include_configuration \"head \\\"2\\\"\" -%}\r\n{{ router.nothing }}no neighbor 192.0.2.9"},
		{"id": 41, "name": "head \"2\"", "template": "hostname {{ router.name }}", "jinja2_trim": false, "jinja2_lstrip": true},
		{"id": 42, "name": "bird", "template": "other", "jinja2_trim": false, "jinja2_lstrip": false}]}`)
	mails := file("emails.json", `{"next": null, "results": [{"id": 41, "name": "edge", "subject": "AS{{ autonomous_system.asn }}", "template": "Dear {{ autonomous_system.name }}"}]}`)
	exports := file("exports.json", `{"next": null, "results": [
		{"id": 1, "name": "peers", "content_type": "peering.internetexchangepeeringsession", "template": "{{ dataset | length }}", "jinja2_trim": true, "jinja2_lstrip": true},
		{"id": 2, "name": "tags", "content_type": "extras.tag", "template": "x"}]}`)

	code, out, stderr := b.cli("admin", "", "template", "import", routers, mails, exports)
	if code != exitFailure || !strings.Contains(stderr, "export template tags is left out: exports here aren't given extras.tag") || !strings.Contains(stderr, "1 of 6 templates left out") ||
		!strings.Contains(out, "template/1  bird is here already, and is left as it is") || strings.Count(out, "recorded") != 4 {
		t.Errorf("exit %d: %s%s", code, out, stderr)
	}
	b.wants(b.do("admin", "GET", "/api/v1/templates?name=edge&kind=router", ""), 200,
		`"mode":"merge","engine":"jinja2","body":"{% include_configuration \"head \\\"2\\\"\" %}{%- include_configuration \"head \\\"2\\\"\" -%}\r\n{{ router.nothing }}no neighbor 192.0.2.9","lenient":true,"trim_blocks":true,"lstrip_blocks":false`)
	b.wants(b.do("admin", "GET", "/api/v1/templates?kind=mail", ""), 200, `"name":"edge","kind":"mail","subject":"AS{{ autonomous_system.asn }}"`)
	b.wants(b.do("admin", "GET", "/api/v1/templates?kind=export", ""), 200, `"dataset":"exchange-sessions"`)
	b.wants(b.do("admin", "GET", "/api/v1/templates?kind=export", ""), 200, `"lenient":true,"trim_blocks":false,"lstrip_blocks":false`)
	b.wants(b.do("admin", "PATCH", "/api/v1/routers/1", `{"template_id": 2}`, "If-Match", "*"), 200, "")
	if code, out, stderr := b.cli("admin", "", "template", "preview", "edge1", "--text"); code != exitOK || out != "hostname edge1hostname edge1no neighbor 192.0.2.9" {
		t.Errorf("exit %d: %q%s", code, out, stderr)
	}
	if code, out, stderr := b.cli("admin", "", "template", "import", mails); code != exitOK || !strings.Contains(out, "edge is here already") {
		t.Errorf("again, exit %d: %s%s", code, out, stderr)
	}
}

// What would become another template than it is there isn't imported, and the others are.
func TestATemplateThatWouldBeAnotherOneHereIsLeftOut(t *testing.T) {
	t.Parallel()
	b := setup(t)
	list := `{"next": null, "results": [
		{"id": 1, "name": "twice", "template": "a"}, {"id": 2, "name": "twice", "template": "b"},
		{"id": 3, "name": "far", "template": "{% include_configuration 9 %}"}, {"id": 4, "name": "7", "template": "c"}]}`
	code, out, stderr := b.cli("admin", list, "template", "import", "-")
	if code != exitFailure || strings.Count(stderr, "several of this name") != 2 || !strings.Contains(stderr, "it includes configuration 9, which isn't in these files") || !strings.Contains(out, "template/1  7 recorded") {
		t.Errorf("exit %d: %s%s", code, out, stderr)
	}
	for text, want := range map[string]string{
		`{"detail": "Invalid token."}`:                       `"results" is missing`,
		`{"next": "https://pm/?offset=50", "results": [{}]}`: "?limit=0",
		"<html>": "isn't what Peering Manager's API answers",
	} {
		if code, _, stderr := b.cli("admin", text, "template", "import", "-"); code != exitUsage || !strings.Contains(stderr, want) {
			t.Errorf("%s: exit %d: %s", text, code, stderr)
		}
	}
	if code, _, stderr := b.cli("admin", "", "template", "import"); code != exitUsage || !strings.Contains(stderr, "takes files") {
		t.Errorf("exit %d: %s", code, stderr)
	}
	for _, mode := range []string{"merge", "whole"} { // recorded, and then changed
		if code, _, stderr := b.cli("admin", "x", "template", "put", "edge", "-", "--mode", mode); code != exitOK {
			t.Errorf("exit %d: %s", code, stderr)
		}
		b.wants(b.do("admin", "GET", "/api/v1/templates?name=edge", ""), 200, `"mode":"`+mode+`"`)
	}
}
