package pgserver

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

const (
	orphanGrace    = 5 * time.Second  // an orphan that got the kernel's signal is usually gone within a second
	orphanPatience = 30 * time.Second // a fast shutdown writes a checkpoint first
)

// lockFolder makes us the only one who may run this cluster. The kernel drops the lock when we die, so whoever holds it
// knows that a postmaster found on the cluster has no owner any more.
func lockFolder(dataDir string) (*os.File, error) {
	f, err := os.OpenFile(filepath.Join(dataDir, "postgres.lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		owner := make([]byte, 20)
		n, _ := f.ReadAt(owner, 0)
		f.Close()
		return nil, fmt.Errorf("data folder %s is in use by another peerflow (process %s)", dataDir, strings.TrimSpace(string(owner[:n])))
	}
	if err := f.Truncate(0); err != nil {
		f.Close()
		return nil, err
	}
	_, err = f.WriteAt([]byte(strconv.Itoa(os.Getpid())+"\n"), 0)
	return f, err
}

// stopOrphan ends a postmaster that a killed predecessor left behind, and clears the lock files of one that is gone.
func stopOrphan(ctx context.Context, clusterDir, socketDir string) error {
	pid := recordedPID(clusterDir)
	if pid != 0 && runsCluster(pid, clusterDir) {
		if err := endOrphan(ctx, pid, clusterDir); err != nil {
			return err
		}
	}
	return clearStale(clusterDir, socketDir)
}

// endOrphan waits for the shutdown that the kernel's signal began, then asks itself: fast, and at last immediate.
func endOrphan(ctx context.Context, pid int, clusterDir string) error {
	gone := func() bool { return !runsCluster(pid, clusterDir) }
	if waitFor(ctx, orphanGrace, gone) {
		return nil
	}
	for _, sig := range []syscall.Signal{syscall.SIGINT, syscall.SIGQUIT} {
		if err := syscall.Kill(pid, sig); err != nil && !errors.Is(err, syscall.ESRCH) {
			return fmt.Errorf("stop the PostgreSQL left behind on %s (process %d): %w", clusterDir, pid, err)
		}
		if waitFor(ctx, orphanPatience, gone) {
			return nil
		}
	}
	return fmt.Errorf("the PostgreSQL left behind on %s (process %d) doesn't stop", clusterDir, pid)
}

// clearStale removes lock files whose process is not our postmaster: one whose number is alive again (in a container it
// often is), or one that a power cut left empty. PostgreSQL would refuse to start on either. A number that is dead is left
// to PostgreSQL, which then also checks for backends that outlived their postmaster.
func clearStale(clusterDir, socketDir string) error {
	stale := []string{filepath.Join(socketDir, socketName), filepath.Join(socketDir, socketName+".lock")}
	if pid := recordedPID(clusterDir); pid == 0 || syscall.Kill(pid, 0) != syscall.ESRCH {
		stale = append(stale, filepath.Join(clusterDir, "postmaster.pid"))
	}
	for _, path := range stale {
		if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
			return err
		}
	}
	return nil
}

// recordedPID is the postmaster's number from postmaster.pid, 0 when there is none. The folder that the file also names is
// not asked: it is the old one after a move, while runsCluster sees where the process works now.
func recordedPID(clusterDir string) int {
	raw, err := os.ReadFile(filepath.Join(clusterDir, "postmaster.pid"))
	if err != nil {
		return 0
	}
	first, _, _ := strings.Cut(string(raw), "\n")
	pid, err := strconv.Atoi(strings.TrimSpace(first))
	if err != nil || pid <= 1 {
		return 0
	}
	return pid
}

// waitFor polls until done, and reports whether that came in time.
func waitFor(ctx context.Context, limit time.Duration, done func() bool) bool {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for !done() {
		select {
		case <-ctx.Done():
			return false
		case <-tick.C:
		}
	}
	return true
}
