//go:build crash

package e2e

import (
	"os"
	"path/filepath"
	"testing"

	"peerflow/internal/peering"
)

// tree is all of peerflow in one process tree with one data folder.
type tree struct {
	*crashBed
	data, log string
	running   *child
}

// start starts it on its folder, again if need be.
func (r *tree) start(t *testing.T) {
	t.Helper()
	r.running = spawn(t, childConfig{Watch: r.url, DataDir: r.data}, r.log)
	r.open(t, r.running.config)
}

func TestAKilledProcessTreeLeavesNoDoubt(t *testing.T) {
	t.Parallel()
	root := t // the process outlives the rounds
	dir := t.TempDir()
	must(t, os.Chmod(filepath.Dir(dir), 0o711)) // the database's user passes through
	r := &tree{data: filepath.Join(dir, "data"), log: filepath.Join(dir, "tree.log"),
		crashBed: &crashBed{yard: startYard(t, filepath.Join(dir, "yard"), 72, len(crashPoints)+1), watch: newWatch(t)}}
	r.start(t)
	token, err := os.ReadFile(filepath.Join(r.data, "token"))
	must(t, err)
	r.admin, err = r.parts.DB.Authenticate(t.Context(), string(token))
	must(t, err)
	r.seed(t)
	r.settled(t)
	waits := r.wish(t, r.edges[len(crashPoints)]) // row 1: it waits for its approval through both kills
	waits.planned(t)
	t.Run("started again at once", func(t *testing.T) {
		r.round(t, r.edges, false, func(*testing.T, []*wish) {
			r.running.kill()
			r.start(root)
		})
	})
	t.Run("started again after the timer", func(t *testing.T) {
		r.round(t, r.edges, true, func(t *testing.T, wishes []*wish) {
			r.running.kill()
			outage(t, wishes)
			r.start(root)
		})
	})
	waits.approve(t)
	waits.judge(t, peering.DeploymentConfirmed)
}
