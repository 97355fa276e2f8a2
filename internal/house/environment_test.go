package house

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// asked is a variable that a process reads by name.
var asked = regexp.MustCompile(`(?:[gG]etenv|orEnv)\("(PEERFLOW_[A-Z_]+)"`)

func TestEveryVariableHasALineInItsHelp(t *testing.T) {
	t.Parallel()
	help, err := os.ReadFile(filepath.Join(root, "cmd", "environment.go"))
	if err != nil {
		t.Fatal(err)
	}
	found := 0
	for _, name := range files(t) {
		text, err := os.ReadFile(name)
		if err != nil || !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go") {
			continue
		}
		for _, m := range asked.FindAllSubmatch(text, -1) {
			found++
			if !strings.Contains(string(help), "\n  "+string(m[1])+" ") {
				t.Errorf("%s reads %s, which peerflow help environment doesn't name", strings.TrimPrefix(name, root+"/"), m[1])
			}
		}
	}
	if found < 15 {
		t.Errorf("only %d variables are read: is the pattern still right?", found)
	}
}
