package house

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var citation = regexp.MustCompile(`RFC (\d{3,5})`)

func TestEachCitedRFCIsListed(t *testing.T) {
	t.Parallel()
	listed, err := os.ReadFile(filepath.Join(root, "docs", "rfcs.md"))
	if err != nil {
		t.Fatal(err)
	}
	cited := 0
	for _, name := range files(t, "*.go", "*.sql", "*.j2") {
		text, err := os.ReadFile(name)
		if err != nil {
			continue // deleted in the work tree
		}
		for _, found := range citation.FindAllStringSubmatch(string(text), -1) {
			cited++
			if !regexp.MustCompile(`(?m)^\|[\d, ]*\b` + found[1] + `\b`).Match(listed) {
				t.Errorf("%s cites RFC %s, which docs/rfcs.md doesn't list", strings.TrimPrefix(name, root+"/"), found[1])
			}
		}
	}
	if cited == 0 {
		t.Error("no RFC is cited anywhere: this test looks in the wrong place")
	}
}

var link = regexp.MustCompile(`\]\(([^)#\s]+)(#[^)]*)?\)`)

func TestLinksInDocumentsLeadSomewhere(t *testing.T) {
	t.Parallel()
	followed := 0
	for _, name := range files(t, "*.md") {
		text, err := os.ReadFile(name)
		if err != nil {
			continue // deleted in the work tree
		}
		for _, found := range link.FindAllStringSubmatch(string(text), -1) {
			if strings.Contains(found[1], "://") {
				continue
			}
			followed++
			if _, err := os.Stat(filepath.Join(filepath.Dir(name), found[1])); err != nil {
				t.Errorf("%s links to %s, which isn't there", strings.TrimPrefix(name, root+"/"), found[1])
			}
		}
	}
	if followed == 0 {
		t.Error("no document links to another: this test looks in the wrong place")
	}
}
