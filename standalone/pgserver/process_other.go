//go:build !linux

package pgserver

import (
	"os/exec"
	"strconv"
	"strings"
	"syscall"
)

// childAttributes can't tie the child to us here: after a kill -9 it is the next Start that stops it.
func childAttributes(who account) *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Credential: who.credential(), Setpgid: true}
}

// runsCluster tells whether pid is a postgres started for clusterDir, and not a stranger who got the number later.
func runsCluster(pid int, clusterDir string) bool {
	out, err := exec.Command("ps", "-o", "command=", "-p", strconv.Itoa(pid)).Output()
	return err == nil && strings.Contains(string(out), "postgres") && strings.Contains(string(out), clusterDir)
}

// PIDs knows only the postmaster here.
func (s *Server) PIDs() []int { return []int{s.cmd.Process.Pid} }

// MemoryBytes is not known here.
func (s *Server) MemoryBytes() int64 { return 0 }
