package capture

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"
)

func TestDataLiesWhereTheEnvironmentSaysElseBesideTheRepository(t *testing.T) {
	t.Setenv(Env, "/somewhere")
	if path, found := Path("peeringdb", "x"); found || path != filepath.FromSlash("/somewhere/peeringdb/x") {
		t.Errorf("%s, found %v", path, found)
	}
	t.Setenv(Env, "")
	path, _ := Path("peeringdb")
	here, err := filepath.Abs("../../../shared/data/peeringdb")
	if err != nil || path != here {
		t.Errorf("by default %s, want %s", path, here)
	}
}

// skipper stands for a test that is asked to skip, so that this one needn't.
type skipper struct {
	testing.TB
	said string
}

func (s *skipper) Helper()      {}
func (s *skipper) Name() string { return "TestX" }
func (s *skipper) Skipf(format string, args ...any) {
	s.said = fmt.Sprintf(format, args...)
}

func TestATestWithoutItsDataSkipsByName(t *testing.T) {
	dir := t.TempDir()
	t.Setenv(Env, dir)
	s := &skipper{TB: t}
	Need(s, "nothing")
	if !strings.Contains(s.said, "SKIPPED TestX") || !strings.Contains(s.said, filepath.Join(dir, "nothing")) {
		t.Errorf("it said %q", s.said)
	}
	s.said = ""
	if path := Need(s); path != dir || s.said != "" {
		t.Errorf("data at %s: %s, said %q", dir, path, s.said)
	}
}
