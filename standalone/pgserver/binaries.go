package pgserver

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"peerflow/db"
)

// BinariesEnv names the environment variable that points at the folder with initdb and postgres.
const BinariesEnv = "PEERFLOW_POSTGRES_BIN"

var errNoBinaries = errors.New("no PostgreSQL on this machine: apt-get install postgresql, or set " + BinariesEnv + " to the folder that holds initdb and postgres")

// binaries is one installed PostgreSQL.
type binaries struct {
	dir   string
	major string // "15"; two numbers before version 10, e.g. "9.6"
}

func (b binaries) path(name string) string { return filepath.Join(b.dir, name) }

// findBinaries returns what is installed, the operator's own choice alone if there is one, else newest first.
func findBinaries() ([]binaries, error) {
	if dir := os.Getenv(BinariesEnv); dir != "" {
		b, err := inspect(dir)
		if err != nil {
			return nil, fmt.Errorf("%s=%s: %w", BinariesEnv, dir, err)
		}
		return []binaries{b}, nil
	}
	var found []binaries
	for _, dir := range candidateFolders() {
		if b, err := inspect(dir); err == nil {
			found = append(found, b)
		}
	}
	if len(found) == 0 {
		return nil, errNoBinaries
	}
	return found, nil
}

// candidateFolders lists Debian's version folders, newest first, then the one on PATH.
func candidateFolders() []string {
	dirs, _ := filepath.Glob("/usr/lib/postgresql/*/bin")
	sortByMajor(dirs)
	if p, err := exec.LookPath("postgres"); err == nil {
		dirs = append(dirs, filepath.Dir(p))
	}
	return dirs
}

// sortByMajor puts /usr/lib/postgresql/17/bin before /usr/lib/postgresql/9.6/bin, which text order would not.
func sortByMajor(dirs []string) {
	number := func(dir string) float64 {
		n, _ := strconv.ParseFloat(filepath.Base(filepath.Dir(dir)), 64)
		return n
	}
	for i := 1; i < len(dirs); i++ {
		for j := i; j > 0 && number(dirs[j]) > number(dirs[j-1]); j-- {
			dirs[j], dirs[j-1] = dirs[j-1], dirs[j]
		}
	}
}

var versionText = regexp.MustCompile(`\(PostgreSQL\) (\d+)(?:\.(\d+))?`)

// inspect asks the server binary in dir which version it is.
func inspect(dir string) (binaries, error) {
	if _, err := os.Stat(filepath.Join(dir, "initdb")); err != nil {
		return binaries{}, err
	}
	out, err := exec.Command(filepath.Join(dir, "postgres"), "--version").Output()
	if err != nil {
		return binaries{}, fmt.Errorf("postgres --version: %w", err)
	}
	major, err := majorOf(string(out))
	return binaries{dir: dir, major: major}, err
}

// majorOf reads the major version out of what `postgres --version` prints, in the form that PG_VERSION files have.
func majorOf(text string) (string, error) {
	m := versionText.FindStringSubmatch(text)
	if m == nil {
		return "", fmt.Errorf("unknown version %q", strings.TrimSpace(text))
	}
	if n, _ := strconv.Atoi(m[1]); n < 10 { // before 10 the first two numbers are the major version
		return m[1] + "." + m[2], nil
	}
	return m[1], nil
}

// choose picks the binaries that can open the cluster: the same major version, or the newest for a new cluster.
func choose(found []binaries, clusterDir string) (binaries, error) {
	raw, err := os.ReadFile(filepath.Join(clusterDir, "PG_VERSION"))
	if errors.Is(err, os.ErrNotExist) {
		if n, _ := strconv.ParseFloat(found[0].major, 64); n < db.OldestServer {
			return binaries{}, fmt.Errorf("the newest PostgreSQL on this machine is %s, in %s: install version %d or a newer one", found[0].major, found[0].dir, db.OldestServer)
		}
		return found[0], nil
	}
	if err != nil {
		return binaries{}, err
	}
	have := strings.TrimSpace(string(raw))
	var installed []string
	for _, b := range found {
		if b.major == have {
			return b, nil
		}
		if !slices.Contains(installed, b.major) { // one may be found on more than one path
			installed = append(installed, b.major)
		}
	}
	return binaries{}, fmt.Errorf("%s was written by PostgreSQL %s, and this machine has PostgreSQL %s: install version %s, or convert the folder with pg_upgrade (nothing was changed)",
		clusterDir, have, strings.Join(installed, ", "), have)
}
