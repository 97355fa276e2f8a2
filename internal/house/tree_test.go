package house

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

const module = "peerflow"

// root is the repository's top folder, seen from this package.
const root = "../.."

// pkg is what `go list -json` says of one package of ours; import paths are without the module's name.
type pkg struct {
	ImportPath   string
	Dir          string
	GoFiles      []string
	Imports      []string
	TestImports  []string
	XTestImports []string
	Module       *struct{ Path string }
	Standard     bool
}

// folder is the package's path below the repository's top.
func (p pkg) folder() string { return strings.TrimPrefix(p.ImportPath, module+"/") }

// packages lists this module's packages. A package that doesn't compile at the moment is listed all the same (-e):
// its imports are known, and its own build says the rest.
var packages = sync.OnceValues(func() ([]pkg, error) {
	return goList("-e", "-json=ImportPath,Dir,GoFiles,Imports,TestImports,XTestImports", "./...")
})

// dependencies lists everything that the packages under these folders link, themselves included.
func dependencies(t *testing.T, folders ...string) []pkg {
	t.Helper()
	args := []string{"-e", "-deps", "-json=ImportPath,Standard"}
	for _, folder := range folders {
		args = append(args, "./"+folder)
	}
	list, err := goList(args...)
	if err != nil {
		t.Fatal(err)
	}
	return list
}

func goList(args ...string) ([]pkg, error) {
	cmd := exec.Command("go", append([]string{"list"}, args...)...)
	cmd.Dir = root
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return nil, errors.New("go list: " + stderr.String())
	}
	var list []pkg
	for decoder := json.NewDecoder(bytes.NewReader(out)); ; {
		var p pkg
		if err := decoder.Decode(&p); errors.Is(err, io.EOF) {
			return list, nil
		} else if err != nil {
			return nil, err
		}
		list = append(list, p)
	}
}

func ourPackages(t *testing.T) []pkg {
	t.Helper()
	list, err := packages()
	if err != nil {
		t.Fatal(err)
	}
	if len(list) == 0 {
		t.Fatal("go list names no package of this module: every rule would hold for nothing")
	}
	return list
}

// files lists what a commit of the work tree would hold: tracked and new files, not the ignored ones.
func files(t *testing.T, patterns ...string) []string {
	t.Helper()
	args := append([]string{"ls-files", "-z", "--cached", "--others", "--exclude-standard", "--"}, patterns...)
	cmd := exec.Command("git", args...)
	cmd.Dir = root
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("git ls-files: %v", err)
	}
	var list []string
	for name := range strings.SplitSeq(strings.TrimRight(string(out), "\x00"), "\x00") {
		list = append(list, filepath.Join(root, name))
	}
	return list
}

// within says whether folder is one of these or lies below it.
func within(folder string, parents ...string) bool {
	for _, parent := range parents {
		if folder == parent || strings.HasPrefix(folder, parent+"/") {
			return true
		}
	}
	return false
}
