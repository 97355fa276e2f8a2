package pgserver

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
)

// User is the role that owns everything in the cluster. The socket's folder decides who may connect as it.
const User = "postgres"

// ensureCluster creates the cluster once. initdb works in a sibling folder that gets its name only when complete, so
// that a crash half way leaves nothing that looks like a cluster.
func ensureCluster(ctx context.Context, bin binaries, who account, dataDir string) (string, error) {
	dir := filepath.Join(dataDir, "postgres")
	switch ready, err := holdsCluster(dir); {
	case err != nil:
		return "", err
	case ready:
		return dir, nil
	}
	building := dir + ".initdb"
	if err := os.RemoveAll(building); err != nil { // ours, and never used: its initdb didn't finish
		return "", err
	}
	if err := os.Mkdir(building, 0o700); err != nil {
		return "", err
	}
	if err := who.own(building); err != nil {
		return "", err
	}
	if err := initdb(ctx, bin, who, building); err != nil {
		return "", err
	}
	if err := os.Rename(building, dir); err != nil {
		return "", err
	}
	return dir, syncFolder(dataDir)
}

// holdsCluster is false for a folder that is missing or empty, and an error for one with anything else in it.
func holdsCluster(dir string) (bool, error) {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, os.ErrNotExist) || err == nil && len(entries) == 0 {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	if _, err := os.Stat(filepath.Join(dir, "PG_VERSION")); err != nil {
		return false, fmt.Errorf("%s is neither empty nor a PostgreSQL cluster: move it away", dir)
	}
	return true, nil
}

// initdb also writes everything to disk before it returns; peer authentication is no gain over the shut socket folder.
func initdb(ctx context.Context, bin binaries, who account, dir string) error {
	cmd := exec.CommandContext(ctx, bin.path("initdb"), "-D", dir, "-U", User, "--auth-local=trust", "--auth-host=reject",
		"--encoding=UTF8", "--locale=C.UTF-8", "--no-instructions")
	cmd.Dir, cmd.Env, cmd.SysProcAttr = dir, childEnvironment(), &syscall.SysProcAttr{Credential: who.credential()}
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("initdb in %s: %w: %s", dir, err, strings.TrimSpace(string(out)))
	}
	return nil
}

// childEnvironment drops ours: a PGPORT or PGDATA in it would change what the child does.
func childEnvironment() []string {
	return []string{"PATH=/usr/local/bin:/usr/bin:/bin", "LC_ALL=C.UTF-8", "TZ=UTC"}
}

func syncFolder(dir string) error {
	f, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer f.Close()
	return f.Sync()
}
