package capture

import (
	"path/filepath"
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

func TestATestWithoutItsDataSkips(t *testing.T) {
	t.Setenv(Env, t.TempDir())
	skipped := false
	t.Run("needs it", func(t *testing.T) {
		defer func() { skipped = t.Skipped() }()
		Need(t, "nothing")
	})
	if !skipped {
		t.Error("it ran")
	}
}
