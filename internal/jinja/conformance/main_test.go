package main

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestAFileOfCasesIsCounted(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "cases.json")
	const cases = `[
		{"name": "text", "template": "{{ n }}", "context": {"n": 1.0}, "expected": "1.0"},
		{"name": "order", "template": "{{ d }}", "context": {"d": {"b": 1, "a": 2}}, "expected": "{'b': 1, 'a': 2}"},
		{"name": "class", "template": "{{ missing.x }}", "context": {}, "error": "UndefinedError"},
		{"name": "line", "template": "\n{% if %}", "context": {}, "error": "TemplateSyntaxError", "lineno": 2},
		{"name": "other text", "template": "{{ 1 }}", "context": {}, "expected": "2"},
		{"name": "other class", "template": "{{ missing.x }}", "context": {}, "error": "TypeError"},
		{"name": "other line", "template": "\n{% if %}", "context": {}, "error": "TemplateSyntaxError", "lineno": 1},
		{"name": "no error", "template": "x", "context": {}, "error": "TypeError"},
		{"name": "error instead", "template": "{{ missing.x }}", "context": {}, "expected": ""}
	]`
	if err := os.WriteFile(file, []byte(cases), 0o600); err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	failed, err := run(context.Background(), []string{file}, &out)
	if err != nil || failed != 5 {
		t.Fatalf("%d failed, %v; want 5\n%s", failed, err, &out)
	}
	if text := out.String(); !strings.HasSuffix(text, "4 passed, 5 failed\n") || !strings.Contains(text, "wanted \"2\"") || !strings.Contains(text, "other line") {
		t.Errorf("printed\n%s", text)
	}
}
