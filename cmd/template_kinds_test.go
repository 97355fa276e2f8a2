package cmd

import (
	"os"
	"strings"
	"testing"
)

// Mails and exports are recorded beside routers' templates, under names of their own.
func TestMailsAndExportsAreRecordedAsWhatTheyAre(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.network() // its router's template is bird
	file := t.TempDir() + "/mail.j2"
	b.must(os.WriteFile(file, []byte("Dear {{ autonomous_system.name }}, {{ router.name }}"), 0o600))
	for _, step := range []struct {
		args []string
		want string
	}{
		{[]string{"template", "put", "bird", file, "--kind", "mail", "--subject", "AS{{ autonomous_system.asn }}"}, "template/2  bird recorded"},
		{[]string{"template", "put", "peers", file, "--kind", "export"}, "template/3  peers recorded"},
		{[]string{"template", "put", "bird", file, "--kind", "mail", "--subject", "new"}, "template/2  bird has a new text"},
		{[]string{"template", "list"}, "mail"},
	} {
		if code, out, stderr := b.cli("admin", "", step.args...); code != exitOK || !strings.Contains(out, step.want) {
			t.Errorf("%s: exit %d: %s%s, want %q", step.args, code, out, stderr, step.want)
		}
	}
	b.wants(b.do("admin", "GET", "/api/v1/templates/2", ""), 200, `"subject":"new"`)
	b.wants(b.do("admin", "GET", "/api/v1/templates/3", ""), 200, `"dataset":"autonomous-systems"`)
	b.wants(b.do("admin", "PATCH", "/api/v1/routers/1", `{"template_id": 2}`, "If-Match", "*"), 422, "a router takes a template of kind router")
	if code, out, _ := b.cli("admin", "", "template", "check", file, "--kind", "mail"); code != exitFailure || !strings.Contains(out, `there is no variable "router"`) || strings.Contains(out, "autonomous_system\"") {
		t.Errorf("exit %d: %s", code, out)
	}
	wrong := file + ".sound"
	b.must(os.WriteFile(wrong, []byte("Dear {{ autonomous_system.name }}"), 0o600))
	if code, out, _ := b.cli("admin", "", "template", "check", wrong, "--kind", "mail", "--subject", "AS{{ autonomous_sistem.asn }}"); code != exitFailure || !strings.HasPrefix(out, "subject:1:6 error there is no variable \"autonomous_sistem\"") {
		t.Errorf("a subject, exit %d: %s", code, out)
	}
	if code, out, stderr := b.cli("admin", "", "template", "put", "wrong", wrong, "--kind", "mail", "--subject", "{{ x"); code != exitOK {
		t.Errorf("exit %d: %s%s", code, out, stderr)
	}
	if code, out, _ := b.cli("admin", "", "template", "check", "wrong"); code != exitFailure || !strings.HasPrefix(out, "subject:1:4 error") {
		t.Errorf("a recorded subject, exit %d: %s", code, out)
	}
	if code, out, stderr := b.cli("admin", "", "template", "show", "bird"); code == exitOK || !strings.Contains(stderr, "2 records fit") {
		t.Errorf("a name of two kinds, exit %d: %s%s", code, out, stderr)
	}
}
