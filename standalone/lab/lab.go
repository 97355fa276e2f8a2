// Package lab runs real routing daemons on loopback, for tests and for the
// demo: Debian's BIRD and sshd as children, GoBGP peers inside the process.
//
// Each router has an address of its own in 127/8 and all share one BGP port, so
// neither root nor network namespaces are needed. Nothing here is a fake: what a
// test sees is what the daemon said. It holds no test logic and knows no driver.
// Start reading at StartBird, StartSSHD and StartPeer. Children are ended by
// their recorded pid, and the kernel ends them when this process dies.
package lab

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
)

// DefaultBGPPort is the port on which every lab router speaks BGP: free for any user, unlike 179.
const DefaultBGPPort = 1179

// stopPatience is how long a child gets between SIGTERM and SIGKILL.
const stopPatience = 3 * time.Second

// sbinFolders are where Debian keeps daemons; a plain user's PATH lacks them.
var sbinFolders = []string{"/usr/sbin", "/usr/local/sbin", "/sbin"}

// program finds a daemon's binary, or names the Debian package that has it.
func program(name, debianPackage string) (string, error) {
	if path, err := exec.LookPath(name); err == nil {
		return filepath.Abs(path)
	}
	for _, dir := range sbinFolders {
		if path, err := exec.LookPath(filepath.Join(dir, name)); err == nil {
			return path, nil
		}
	}
	return "", fmt.Errorf("the program %s is missing: on Debian, apt-get install %s", name, debianPackage)
}

// process is one child in the foreground, with its own process group.
type process struct {
	cmd    *exec.Cmd
	exited chan struct{}
	stop   sync.Once
}

// launch starts a child whose output goes to logFile. A terminal's Ctrl-C doesn't
// reach it, and it gets SIGKILL when the thread that started it ends with us.
func launch(logFile, path string, args ...string) (*process, error) {
	out, err := os.OpenFile(logFile, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	defer out.Close()
	cmd := exec.Command(path, args...)
	cmd.Stdout, cmd.Stderr = out, out
	cmd.Dir = filepath.Dir(logFile)
	cmd.SysProcAttr = childAttributes()
	p := &process{cmd: cmd, exited: make(chan struct{})}
	if err := p.run(); err != nil {
		return nil, fmt.Errorf("start %s: %w", path, err)
	}
	return p, nil
}

// run starts the child from a thread that lives as long as the child: the kernel kills the child with the thread that
// started it, and a thread ends with any goroutine that locked it meanwhile.
func (p *process) run() error {
	started := make(chan error)
	go func() {
		runtime.LockOSThread()
		err := p.cmd.Start()
		started <- err
		if err == nil {
			_ = p.cmd.Wait() // how it ended is in its log
			close(p.exited)
		}
	}()
	return <-started
}

// close asks the child to end, and makes it end when it doesn't.
func (p *process) close() error {
	p.stop.Do(func() {
		_ = p.cmd.Process.Signal(syscall.SIGTERM)
		select {
		case <-p.exited:
		case <-time.After(stopPatience):
		}
	})
	return p.kill()
}

// kill ends the child at once, as a crash would.
func (p *process) kill() error {
	err := p.cmd.Process.Kill()
	if err != nil && !errors.Is(err, os.ErrProcessDone) {
		return err
	}
	<-p.exited
	return nil
}

// await polls ready until it holds, the child ends, or ctx does.
func (p *process) await(ctx context.Context, what, logFile string, ready func() bool) error {
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for !ready() {
		select {
		case <-p.exited:
			return fmt.Errorf("%s ended at its start: %s", what, lastLines(logFile))
		case <-ctx.Done():
			_ = p.close()
			return fmt.Errorf("%s isn't ready: %w: %s", what, ctx.Err(), lastLines(logFile))
		case <-tick.C:
		}
	}
	return nil
}

// children lists the pids of a process's direct children.
func children(pid int) []int {
	raw, _ := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "task", strconv.Itoa(pid), "children"))
	var pids []int
	for _, field := range strings.Fields(string(raw)) {
		if child, err := strconv.Atoi(field); err == nil {
			pids = append(pids, child)
		}
	}
	return pids
}

// lastLines is the end of a log, for an error.
func lastLines(file string) string {
	raw, err := os.ReadFile(file)
	if err != nil {
		return err.Error()
	}
	lines := strings.Split(strings.TrimSpace(string(raw)), "\n")
	return strings.Join(lines[max(0, len(lines)-5):], " | ")
}

// freePort is a TCP port on which nobody listens at that address now.
func freePort(address string) (int, error) {
	l, err := net.Listen("tcp", net.JoinHostPort(address, "0"))
	if err != nil {
		return 0, err
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port, nil
}
