package cmd

import (
	"os"
	"strings"
	"testing"

	"peerflow/internal/peering"
)

// A mail is seen as a network would get it, recorded or not, and nothing is sent.
func TestAMailIsPreviewedToANetwork(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.network()
	b.wants(b.do("admin", "PUT", "/api/v1/secrets/as64501", `{"value": "s3cr3t-canary"}`), 200, "version")
	b.wants(b.do("admin", "PATCH", "/api/v1/sessions/1", `{"password": {"id": 1, "version": 1}}`, "If-Match", "*"), 200, "version")
	b.wants(b.do("admin", "POST", "/api/v1/autonomous-systems", `{"asn": 64510, "name": "Another of ours", "local": true}`), 201, "64510")
	const text = "Dear {{ autonomous_system.name }} from {% for a in affiliated_autonomous_systems %}{{ a.asn }} {% endfor %}({{ autonomous_systems.0.asn }} to {{ autonomous_systems.1.asn }}):\n" +
		"{% for s in autonomous_system | ixp_sessions %}{{ s | ip }} {{ s.status }} {{ s.password }} {{ s | local_ips }} {{ s.ixp_connection.router.name }}{{ ' dated' if s.created }}\n{% endfor %}{{ now('%Y') | length }}\n"
	file := t.TempDir() + "/mail.j2"
	b.must(os.WriteFile(file, []byte(text), 0o600))
	const want = "Dear Example from 64500 64510 (64500 to 64501):\n198.51.100.2 requested <secret v1> 198.51.100.1/24 edge1 dated\n4\n"

	run := func(args ...string) (int, string) {
		t.Helper()
		code, out, stderr := b.cli("admin", "", append([]string{"template", "preview"}, args...)...)
		return code, out + stderr
	}
	if code, out := run("--as", "AS64501", "--subject", "Peering with AS{{ autonomous_system.asn }}\n", file); code != exitOK || out != "To: AS64501 Example\nSubject: Peering with AS64501\n\n"+want {
		t.Errorf("a file, exit %d: %s", code, out)
	}
	if code, out, stderr := b.cli("admin", "", "template", "put", "hello", file, "--kind", "mail", "--subject", "{{ autonomous_system.asn }}"); code != exitOK {
		t.Fatalf("exit %d: %s%s", code, out, stderr)
	}
	if code, out := run("--as", "64501", "hello"); code != exitOK || !strings.HasPrefix(out, "To: AS64501 Example\nSubject: 64501\n\nDear") {
		t.Errorf("recorded, exit %d: %s", code, out)
	}
	if code, out := run("--as", "64501", "--local-as", "64510", "hello", "--json"); code != exitOK || !strings.Contains(out, `"subject": "64501"`) || !strings.Contains(out, "(64510 to 64501)") {
		t.Errorf("as JSON, from another, exit %d: %s", code, out)
	}

	broken := file + ".broken"
	b.must(os.WriteFile(broken, []byte("x\n{{ autonomous_sistem }}"), 0o600))
	for _, c := range []struct {
		args, want string
		code       int
	}{
		{"--as 64511 hello", "there is no AS64511", exitNotFound},
		{"--as edge hello", "no AS number", exitUsage},
		{"--as 64501 nosuch", "there is no mail template nosuch", exitNotFound},
		{"--as 64501 bird", "template bird is of kind router, and not mail: peerflow template preview ROUTER", exitUsage},
		{"--as 64501 --local-as 64501 hello", "AS64501 - Example is none of our networks", exitUsage},
		{"--as 64501 hello edge1", "and no router", exitUsage},
		{"--as 64501 --mode stanza hello", "routers' templates", exitUsage},
		{"--as 64501 --lenient hello", "its own switches", exitUsage},
		{"--as 64501 --engine pongo2 --subject x " + file, "in jinja2", exitUsage},
		{"--subject x edge1 " + file, "--as says to which network", exitUsage},
		{"--as 64501 --subject x " + broken, broken + ": line 2, column 4: UndefinedError", exitUsage},
		{"--as 64501 --subject {{nosuch}} " + file, "template subject: line 1", exitUsage},
		{"--as 64501 --subject x{{'\\n'}}y " + file, "several lines", exitUsage},
	} {
		if code, out := run(strings.Fields(c.args)...); code != c.code || !strings.Contains(out, c.want) {
			t.Errorf("%s: exit %d: %s, want %d %q", c.args, code, out, c.code, c.want)
		}
	}

	b.wants(b.do("admin", "POST", "/api/v1/autonomous-systems/999/mail-preview", `{"template_id": 2}`), 404, "999")
	b.wants(b.do("admin", "POST", "/api/v1/autonomous-systems/1/mail-preview", `{"template_id": 999}`), 404, "template 999")
	b.wants(b.do("admin", "POST", "/api/v1/autonomous-systems/1/mail-preview", `{"template_id": 2, "body": "x"}`), 422, "run as it is recorded")
	b.wants(b.do("admin", "POST", "/api/v1/autonomous-systems/1/mail-preview", `{"subject": "x"}`), 422, "neither template_id nor body")
	b.wants(b.do("admin", "POST", "/api/v1/autonomous-systems/1/mail-preview", `{"body": "{{ 'x' * 2000000000 }}"}`), 422, "bytes of text")
	b.user("looker", peering.Viewer)
	b.wants(b.do("looker", "POST", "/api/v1/autonomous-systems/1/mail-preview", `{"template_id": 2}`), 403, "operator")
}

// An export is run over the records of all routers.
func TestAnExportIsRunOverAllRecords(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.network()
	file := t.TempDir() + "/peers.j2"
	b.must(os.WriteFile(file, []byte("asn,name\n{% for a in dataset %}{{ a.asn }},{{ a.name }}\n{% endfor %}"), 0o600))
	if code, out, stderr := b.cli("admin", "", "template", "put", "peers", file, "--kind", "export", "--trim-blocks"); code != exitOK {
		t.Fatalf("exit %d: %s%s", code, out, stderr)
	}
	const want = "asn,name\n64500,us\n64501,Example\n"
	for _, args := range []string{"peers", "2", "--trim-blocks --dataset autonomous-systems " + file} {
		if code, out, stderr := b.cli("admin", "", append([]string{"template", "run"}, strings.Fields(args)...)...); code != exitOK || out != want {
			t.Errorf("%s: exit %d: %q%s", args, code, out, stderr)
		}
	}
	if _, out, _ := b.cli("admin", "", "template", "run", "peers", "--json"); !strings.Contains(out, `"records": 2`) {
		t.Error(out)
	}
	for _, d := range peering.Datasets {
		code, out, stderr := b.cli("admin", "{% for r in dataset %}{{ r.id }} {{ r }}\n{% endfor %}", "template", "run", "--dataset", string(d), "-")
		if code != exitOK || d != "communities" && d != "bgp-groups" && d != "direct-sessions" && d != "routing-policies" && !strings.HasPrefix(out, "1 ") {
			t.Errorf("%s: exit %d: %s%s", d, code, out, stderr)
		}
	}
	for _, c := range []struct {
		args, want string
		code       int
	}{
		{"nosuch", "there is no export template nosuch", exitNotFound},
		{"bird", "template bird is of kind router, and not export", exitUsage},
		{"--lenient peers", "its own switches", exitUsage},
		{"--dataset nosuch " + file, "dataset", exitUsage},
		{"--dataset routers /nowhere/x.j2", "/nowhere/x.j2", exitFailure},
		{"--dataset routers " + file, "'Router object' has no attribute", exitUsage},
	} {
		if code, out, stderr := b.cli("admin", "", append([]string{"template", "run"}, strings.Fields(c.args)...)...); code != c.code || !strings.Contains(out+stderr, c.want) {
			t.Errorf("%s: exit %d: %s%s, want %d %q", c.args, code, out, stderr, c.code, c.want)
		}
	}
	b.wants(b.do("admin", "POST", "/api/v1/templates/run", `{"template_id": 2, "dataset": "routers"}`), 422, "run as it is recorded")
	b.user("looker", peering.Viewer)
	b.wants(b.do("looker", "POST", "/api/v1/templates/run", `{"template_id": 2}`), 403, "operator")
}
