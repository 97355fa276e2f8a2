package e2e

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

// tree is all of peerflow in one process tree with one data folder.
type tree struct {
	*crashBed
	t         *testing.T // owns the processes
	data, log string
	running   *child
}

// start starts it on its folder, again if need be.
func (r *tree) start() (err error) {
	if r.running, err = launchChild(childConfig{Watch: r.url, DataDir: r.data}, r.log); err != nil {
		return err
	}
	r.t.Cleanup(r.running.kill)
	return r.open(r.running.config)
}

// kill ends PostgreSQL, Temporal, worker and API at once: all are stopped first,
// so that none sees another one's end.
func (r *tree) kill() {
	all := append([]int{r.running.cmd.Process.Pid}, offspring(r.running.cmd.Process.Pid)...)
	for _, s := range []syscall.Signal{syscall.SIGSTOP, syscall.SIGKILL} {
		for _, pid := range all {
			_ = syscall.Kill(pid, s) // a backend may have ended meanwhile
		}
	}
	r.running.kill()
}

// offspring are a process's children, and theirs.
func offspring(pid int) (all []int) {
	for _, child := range childrenOf(pid) {
		all = append(append(all, child), offspring(child)...)
	}
	return all
}

func TestAKilledProcessTreeLeavesNoDoubt(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	must(t, os.Chmod(filepath.Dir(dir), 0o711)) // the database's user passes through
	r := &tree{t: t, data: filepath.Join(dir, "data"), log: filepath.Join(dir, "tree.log"),
		crashBed: &crashBed{yard: startYard(t, filepath.Join(dir, "yard")), watch: newWatch(t), tally: &tally{}}}
	must(t, r.start())
	t.Cleanup(func() {
		r.parts.Close()
		if said, err := os.ReadFile(r.log); err == nil && t.Failed() {
			t.Logf("%s:\n%s", r.log, tail(said, 6000))
		}
	})
	token, err := os.ReadFile(filepath.Join(r.data, "token"))
	must(t, err)
	r.admin, err = r.parts.DB.Authenticate(t.Context(), string(token))
	must(t, err)
	r.seed(t)
	for _, late := range []bool{false, true} {
		t.Run(lateness(late), func(t *testing.T) {
			r.round(t, treePoints(late), late, func(edges []*edge) error {
				r.kill()
				if late {
					if err := awaitReverts(edges...); err != nil {
						return err
					}
				}
				return r.start()
			})
		})
	}
	r.enough(t)
}

// treePoints are each point on one of the drivers in turn, and on all with -full:
// what a driver does after a lost process is tried with the workers.
func treePoints(late bool) []tried {
	if *full {
		return pointsOf(late, crashDrivers...)
	}
	var some []tried
	for i, p := range pointsOf(late, "") {
		some = append(some, tried{p.point, crashDrivers[i%len(crashDrivers)]})
	}
	return some
}
