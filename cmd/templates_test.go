package cmd

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"peerflow/internal/driver"
	"peerflow/internal/peering"
	"peerflow/internal/render"
)

const listing = "{% for s in sessions %}protocol bgp as{{ s.peer_asn }} {\n  neighbor {{ s.peer_address }} as {{ s.peer_asn }};\n  password \"{{ s.password }}\";\n}\n{% endfor %}"

// A template is tried on a router before it is recorded, and nothing of the trial is kept.
func TestATemplateIsTriedBeforeItIsRecorded(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.network()
	b.wants(b.do("admin", "PUT", "/api/v1/secrets/as64501", `{"value": "s3cr3t-canary"}`), 200, "version")
	b.wants(b.do("admin", "PATCH", "/api/v1/sessions/1", `{"intent": "present", "password": {"id": 1, "version": 1}, "families": ["ipv4"]}`, "If-Match", "*"), 200, "present")
	file := t.TempDir() + "/edge.j2"
	b.must(os.WriteFile(file, []byte(listing), 0o600))

	code, out, stderr := b.cli("admin", "", "template", "preview", "edge1", file, "--trim-blocks")
	if code != exitOK || !strings.Contains(out, "edge1  1 stanza added, 0 changed, 0 removed") || !strings.Contains(out, "+   neighbor 198.51.100.2 as 64501;") || !strings.Contains(out, "<secret v1>") {
		t.Errorf("exit %d: %s%s", code, out, stderr)
	}
	if code, out, _ := b.cli("admin", listing, "template", "preview", "edge1", "-", "--text"); code != exitOK || !strings.HasPrefix(out, "protocol bgp as64501 {\n") {
		t.Errorf("the whole text, exit %d: %s", code, out)
	}
	if code, out, stderr := b.cli("admin", "", "template", "preview", "edge1"); code != exitUsage || !strings.Contains(stderr, "template bird renders nothing for 1 session") {
		t.Errorf("its own template, exit %d: %s%s", code, out, stderr)
	}
	b.wants(b.do("admin", "GET", "/api/v1/templates?name=bird", ""), 200, "{# nothing #}")

	for what, c := range map[string]struct{ body, want string }{
		"a wrong name":            {`{"body": "x\n{{ sesions }}", "name": "edge.j2"}`, "edge.j2: line 2"},
		"a template that grows":   {`{"body": "{{ 'x' * 2000000000 }}"}`, "bytes of text"},
		"text of another router":  {`{"body": "router bgp 64500\n neighbor x"}`, "can't be cut into stanzas of platform bird"},
		"a field that isn't ours": {`{"body": "x", "boody": "y"}`, "boody"},
	} {
		answer := b.do("admin", "POST", "/api/v1/routers/1/preview", c.body)
		if answer.status != 422 || !strings.Contains(answer.text, c.want) {
			t.Errorf("%s: %d %s, want %q", what, answer.status, answer.text, c.want)
		}
	}
	b.wants(b.do("admin", "POST", "/api/v1/routers/9/preview", ""), 404, "router")
	b.user("looker", peering.Viewer)
	b.wants(b.do("looker", "POST", "/api/v1/routers/1/preview", ""), 403, "operator")

	for _, step := range []struct {
		args []string
		want string
	}{
		{[]string{"template", "put", "bird", file, "--trim-blocks"}, "template/1  bird has a new text"},
		{[]string{"template", "put", "other", file, "--lenient"}, "template/2  other recorded"},
		{[]string{"template", "list"}, "other"},
		{[]string{"template", "show", "other"}, listing},
	} {
		if code, out, stderr := b.cli("admin", "", step.args...); code != exitOK || !strings.Contains(out, step.want) {
			t.Errorf("%v: exit %d: %s%s", step.args, code, out, stderr)
		}
	}
	b.wants(b.do("admin", "GET", "/api/v1/templates/1", ""), 200, `"lenient":false,"trim_blocks":true`)
	b.wants(b.do("admin", "GET", "/api/v1/templates/2", ""), 200, `"lenient":true,"trim_blocks":false`)
	if code, _, stderr := b.cli("admin", "", "template", "put", "bird", file+".not"); code == exitOK || !strings.Contains(stderr, file+".not") {
		t.Errorf("no such file: exit %d %s", code, stderr)
	}
}

// What is tried is taken for what the router's own template is, unless it says otherwise.
func TestAPreviewIsOfTheRoutersOwnModeAndLanguage(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.network()
	b.wants(b.do("admin", "PATCH", "/api/v1/sessions/1", `{"intent": "present", "families": ["ipv4"]}`, "If-Match", "*"), 200, "present")
	try := func(fields string) reply {
		return b.do("admin", "POST", "/api/v1/routers/1/preview", fmt.Sprintf(`{"body": %q%s}`, listing, fields))
	}
	b.wants(b.do("admin", "PATCH", "/api/v1/templates/1", `{"mode": "merge"}`, "If-Match", "*"), 200, "merge")
	b.wants(try(""), 200, `"mode":"merge"`)
	b.wants(try(`, "mode": "stanza"`), 200, "protocol bgp as64501")
	if code, out, stderr := b.cli("admin", listing, "template", "preview", "edge1", "-"); code != exitOK || !strings.Contains(out, "of mode merge, which peerflow brings to no router") || !strings.Contains(out, "+ protocol bgp as64501") {
		t.Errorf("exit %d: %s%s", code, out, stderr)
	}
	edits := "no neighbor 192.0.2.9\nwhat no stanza holds\n" // in no platform's syntax
	for _, mode := range []string{"merge", "whole"} {
		if code, out, stderr := b.cli("admin", edits, "template", "preview", "edge1", "-", "--mode", mode, "--text"); code != exitOK || out+"\n" != edits {
			t.Errorf("--mode %s: exit %d: %q%s", mode, code, out, stderr)
		}
	}
	if code, _, stderr := b.cli("admin", listing, "template", "preview", "edge1", "-", "--mode", "stanza"); code != exitOK {
		t.Errorf("--mode stanza: exit %d: %s", code, stderr)
	}
	b.wants(b.do("admin", "PATCH", "/api/v1/templates/1", `{"mode": "stanza", "engine": "pongo2"}`, "If-Match", "*"), 200, "pongo2")
	b.wants(b.do("admin", "POST", "/api/v1/routers/1/preview", `{"body": "{% for s in sessions %}{{ s.name ~ 'x' }}{% endfor %}"}`), 422, "")
	b.wants(try(`, "engine": "jinja2"`), 200, "protocol bgp as64501")
}

// What was deployed last is what a preview is compared with.
func TestAPreviewIsComparedWithWhatWasDeployed(t *testing.T) {
	t.Parallel()
	stanza := func(key, text string) peering.Stanza { return peering.Stanza{Key: key, Text: text} }
	p := peering.PreviewOf(peering.Router{Name: "edge1"}, "all\n",
		map[string]peering.Stanza{"a": stanza("a", "a old\n"), "b": stanza("b", "b\n"), "c": stanza("c", "c\n")},
		map[string]peering.Stanza{"a": stanza("a", "a new {secret:1@3}\n"), "c": stanza("c", "c\n"), "d": stanza("d", "d\n")})
	if p.Adds != 1 || p.Edits != 1 || p.Removes != 1 || !strings.Contains(p.Diff, "- a old") || !strings.Contains(p.Diff, "+ a new <secret v3>") || strings.Contains(p.Diff, "c\n+") {
		t.Errorf("%+v", p)
	}
}

// Text that merges would be taken for all that we own, and the rest deleted.
func TestATemplateOfAnotherModeIsRefused(t *testing.T) {
	t.Parallel()
	platform, err := Drivers().Platform("bird")
	if err != nil {
		t.Fatal(err)
	}
	for _, mode := range []peering.TemplateMode{peering.ModeMerge, peering.ModeWhole} {
		_, err := peering.CutTemplate(platform.Syntax(), platform.Name(), peering.Template{Name: "imported", Mode: mode}, "")
		if peering.KindOf(err) != peering.Unsupported || !strings.Contains(err.Error(), "template imported is of mode "+string(mode)) {
			t.Errorf("%s: %v", mode, err)
		}
	}
}

func TestEveryDriverHasAStarterAndTheCLIPrintsIt(t *testing.T) {
	t.Parallel()
	b := setup(t)
	_, all, _ := b.cli("admin", "", "template", "starter")
	for _, p := range platformsOf(Drivers()) {
		want, err := render.Starter(p)
		if err != nil {
			t.Fatal(err)
		}
		if _, out, stderr := b.cli("admin", "", "template", "starter", p); out != want {
			t.Errorf("%s: %q %s", p, out, stderr)
		}
		if !strings.Contains(all, p) {
			t.Errorf("%s isn't in\n%s", p, all)
		}
	}
	if code, _, stderr := b.cli("admin", "", "template", "starter", "nosuch"); code != exitNotFound || !strings.Contains(stderr, "bird") {
		t.Errorf("exit %d %s", code, stderr)
	}
}

// A router of a platform that no driver speaks to is previewed all the same, and not listed as one that can be reached.
func TestATemplateIsTriedForAPlatformWithoutADriver(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.network()
	b.wants(b.do("admin", "PATCH", "/api/v1/sessions/1", `{"intent": "present", "families": ["ipv4"]}`, "If-Match", "*"), 200, "present")
	drivers := b.do("admin", "GET", "/api/v1/drivers", "").text
	for name := range renderedOnly {
		b.wants(b.do("admin", "PATCH", "/api/v1/platforms/1", `{"driver": "`+name+`"}`, "If-Match", "*"), 200, name)
		body, err := render.Starter(name)
		if err != nil {
			t.Fatal(err)
		}
		code, out, stderr := b.cli("admin", body, "template", "preview", "edge1", "-")
		if code != exitOK || !strings.Contains(out, "stanzas added, 0 changed, 0 removed") || !strings.Contains(out, "198.51.100.2") {
			t.Errorf("%s: exit %d: %s%s", name, code, out, stderr)
		}
		if strings.Contains(drivers, `"`+name+`"`) {
			t.Errorf("%s is listed as a driver: %s", name, drivers)
		}
	}
	if code, _, stderr := b.cli("admin", "frobnicate\n", "template", "preview", "edge1", "-"); code == exitOK || !strings.Contains(stderr, "can't be cut into stanzas") {
		t.Errorf("text of no platform: exit %d %s", code, stderr)
	}
}

func platformsOf(r driver.Registry) (names []string) {
	for _, p := range r.Platforms() {
		names = append(names, p.Name())
	}
	return names
}
