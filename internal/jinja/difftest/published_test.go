package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"peerflow/internal/jinja/jinjatest"
)

// TestPublishedTemplatesParseAsWithJinja2: filters of any name are taken, what is wrong is refused at the same line, and
// what isn't a template is left alone.
func TestPublishedTemplatesParseAsWithJinja2(t *testing.T) {
	t.Parallel()
	if _, err := jinjatest.Python(); err != nil {
		t.Skip(err)
	}
	var report strings.Builder
	differ, err := run(t.Context(), []string{"-published", folderOf(t, map[string]string{
		"roles/a.j2":    "{{ x | ansible.utils.ipaddr('net') }}{% if x is ansible.builtin.vault %}{% do y.append(1) %}{% endif %}",
		"roles/b.jinja": "a\n{{ 1 + }}",
		"c.txt":         "{{",
		"d.jinja2":      "{% trans %}x{% endtrans %}",
	})}, &report)
	if got := report.String(); err != nil || differ != 0 || got != "1 templates parse with both, 2 with neither, 0 different\n" {
		t.Errorf("%d differ, %v: %s", differ, err, got)
	}
}

// TestATemplateThatOneEngineRefusesIsTold, by its file and with what both say.
func TestATemplateThatOneEngineRefusesIsTold(t *testing.T) {
	t.Parallel()
	python := filepath.Join(t.TempDir(), "python")
	if err := os.WriteFile(python, []byte("#!/bin/sh\necho '{\"error\": \"TemplateSyntaxError\", \"lineno\": 3, \"message\": \"no\"}'\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	for text, wanted := range map[string]string{
		"{{ a }}":       "<nil>\n  Jinja2: TemplateSyntaxError at line 3: no\n0 templates parse with both, 0 with neither, 1 different",
		"\n{{ 1 + }}":   "line 2, column",
		"\n\n{{ 1 + }}": "0 templates parse with both, 1 with neither, 0 different",
	} {
		var report strings.Builder
		if _, err := run(t.Context(), []string{"-python", python, "-published", folderOf(t, map[string]string{"x.j2": text})}, &report); err != nil || !strings.Contains(report.String(), wanted) {
			t.Errorf("%q: %v: %s", text, err, report.String())
		}
	}
}

func folderOf(t *testing.T, files map[string]string) string {
	t.Helper()
	folder := t.TempDir()
	for name, text := range files {
		path := filepath.Join(folder, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return folder
}
