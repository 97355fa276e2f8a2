// Package capture finds real data that tests read: answers of PeeringDB and of
// routers, recorded elsewhere and never copied into this repository.
//
// For tests only. PEERFLOW_TESTDATA names the folder; ../shared/data beside the
// repository is where it lies otherwise.
package capture

import (
	"os"
	"path/filepath"
	"testing"
)

// Env names the folder of the data.
const Env = "PEERFLOW_TESTDATA"

// Path is where a file or folder of the data lies, and whether it is there.
func Path(elem ...string) (path string, found bool) {
	root := os.Getenv(Env)
	if root == "" {
		root = filepath.Join(repository(), "..", "shared", "data")
	}
	path = filepath.Join(append([]string{root}, elem...)...)
	_, err := os.Stat(path)
	return path, err == nil
}

// Need is Path for a test that says nothing without the data: it skips, by name.
func Need(t testing.TB, elem ...string) string {
	t.Helper()
	path, found := Path(elem...)
	if !found {
		t.Skipf("SKIPPED %s: no real data at %s; set %s", t.Name(), path, Env)
	}
	return path
}

// repository is the nearest folder upwards with a go.mod: tests run in their package's own.
func repository() string {
	dir, err := os.Getwd()
	for err == nil && dir != filepath.Dir(dir) {
		if _, missing := os.Stat(filepath.Join(dir, "go.mod")); missing == nil {
			return dir
		}
		dir = filepath.Dir(dir)
	}
	return "."
}
