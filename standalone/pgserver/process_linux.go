package pgserver

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

// childAttributes make the kernel stop postgres (SIGINT: fast shutdown) when the thread that started it ends, which
// covers kill -9 of us. An own process group keeps a terminal's Ctrl-C away from it: we stop it in our own order.
func childAttributes(who account) *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Credential: who.credential(), Setpgid: true, Pdeathsig: syscall.SIGINT}
}

// runsCluster tells whether pid is a postgres working in clusterDir, and not a stranger who got the number later.
func runsCluster(pid int, clusterDir string) bool {
	proc := filepath.Join("/proc", strconv.Itoa(pid))
	exe, err := os.Readlink(filepath.Join(proc, "exe"))
	if err != nil || !strings.HasPrefix(filepath.Base(exe), "postgres") {
		return false
	}
	cwd, err := os.Readlink(filepath.Join(proc, "cwd"))
	return err == nil && cwd == clusterDir
}

// PIDs lists the postmaster and its children, for measurements and tests.
func (s *Server) PIDs() []int {
	pid := s.cmd.Process.Pid
	raw, _ := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "task", strconv.Itoa(pid), "children"))
	pids := []int{pid}
	for _, field := range strings.Fields(string(raw)) {
		if child, err := strconv.Atoi(field); err == nil {
			pids = append(pids, child)
		}
	}
	return pids
}

// MemoryBytes is the memory of all its processes, shared pages divided among those that share them (PSS). 0 = unknown.
func (s *Server) MemoryBytes() int64 {
	var sum int64
	for _, pid := range s.PIDs() {
		raw, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "smaps_rollup"))
		if err != nil {
			continue // it ended meanwhile
		}
		sum += pssOf(string(raw))
	}
	return sum
}

func pssOf(rollup string) int64 {
	for line := range strings.Lines(rollup) {
		if rest, ok := strings.CutPrefix(line, "Pss:"); ok {
			kib, _ := strconv.ParseInt(strings.Fields(rest)[0], 10, 64)
			return kib * 1024
		}
	}
	return 0
}
