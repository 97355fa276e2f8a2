package bird_test

import (
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	"peerflow/internal/driver"
	"peerflow/internal/driver/bird"
	"peerflow/internal/peering"
)

// ownedText reads what runs and what boots.
func (n *network) ownedText() (running, boot string, err error) {
	n.t.Helper()
	r, err := n.conn.(driver.OwnedReader).ReadOwned(n.ctx, []peering.SecretRef{md5Ref, otherMD5Ref})
	if err != nil {
		return "", "", err
	}
	running, err = bird.Syntax{}.Join(r.Stanzas)
	if err != nil {
		n.t.Fatal(err)
	}
	boot, err = bird.Syntax{}.Join(r.Boot)
	if err != nil {
		n.t.Fatal(err)
	}
	return running, boot, nil
}

// edit changes a file as a person would.
func edit(t *testing.T, file string, change func(string) string) {
	t.Helper()
	raw, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(change(string(raw))), 0o640); err != nil {
		t.Fatal(err)
	}
	now := time.Now() // the kernel's own stamp may lie some milliseconds back
	if err := os.Chtimes(file, now, now); err != nil {
		t.Fatal(err)
	}
}

func TestEditOfOwnedFileCountsOnceItIsLoaded(t *testing.T) {
	t.Parallel()
	n := startNetwork(t, 0)
	n.push(artifact("first"))
	byHand := func(text string) string { return strings.ReplaceAll(text, "first", "by hand") }
	for _, how := range []string{"after our trial", "after a restart"} {
		if how == "after a restart" {
			if err := n.Restart(n.ctx); err != nil {
				t.Fatal(err)
			}
		}
		edit(t, n.Owned, byHand)
		running, boot, err := n.ownedText()
		if err != nil {
			t.Fatalf("%s: %v", how, err)
		}
		if running != artifact("first") || boot != byHand(artifact("first")) {
			t.Errorf("%s: an edit that nobody loaded counts as running, or not for boot:\n%s", how, running)
		}
		edit(t, n.Owned, func(text string) string { return strings.ReplaceAll(text, "by hand", "first") })
	}
	edit(t, n.Owned, byHand)
	if _, err := n.Birdc(n.ctx, "configure"); err != nil {
		t.Fatal(err)
	}
	if running, _, err := n.ownedText(); err != nil || running != byHand(artifact("first")) {
		t.Errorf("an edit that was loaded doesn't count (%v):\n%s", err, running)
	}
}

func TestEditOfUnmanagedOwnedFileIsUnknownUntilLoaded(t *testing.T) {
	t.Parallel()
	n := startNetwork(t, 0)
	if running, _, err := n.ownedText(); err != nil || running != "" {
		t.Fatalf("a fresh router runs %q (%v)", running, err)
	}
	edit(t, n.Owned, func(string) string { return "define BY_HAND = 1;\n" })
	if _, _, err := n.ownedText(); peering.KindOf(err) != peering.Conflict {
		t.Errorf("nobody can know what runs, and the read gave %v", err)
	}
	if _, err := n.Birdc(n.ctx, "configure"); err != nil {
		t.Fatal(err)
	}
	if running, _, err := n.ownedText(); err != nil || running != "define BY_HAND = 1;\n" {
		t.Errorf("runs %q (%v)", running, err)
	}
}

func TestEditOfMainFileThatNobodyLoadedDoesNotRideAlong(t *testing.T) {
	t.Parallel()
	n := startNetwork(t, 0)
	text := artifact("first")
	c := driver.Commit{Deployment: 1, Fence: 1, Artifact: text, Hash: peering.HashText(text), Timer: time.Minute}
	d := n.conn.(driver.ConfirmedCommitter)
	if err := d.Stage(n.ctx, c); err != nil {
		t.Fatal(err)
	}
	edit(t, n.Main, func(text string) string { return text + "define BY_HAND = 1;\n" })
	if err := d.Commit(n.ctx, c); peering.KindOf(err) != peering.Conflict {
		t.Errorf("commit of what was staged before the edit gave %v", err)
	}
	if err := d.Stage(n.ctx, c); peering.KindOf(err) != peering.Conflict {
		t.Errorf("stage gave %v", err)
	}
	if err := n.conn.(driver.Checker).CheckCandidate(n.ctx, c); peering.KindOf(err) != peering.Conflict {
		t.Errorf("check gave %v", err)
	}
	if out, _ := n.Birdc(n.ctx, "eval", "BY_HAND"); !strings.Contains(out, "error") {
		t.Errorf("the edit runs: %s", out)
	}
	if _, err := n.Birdc(n.ctx, "configure"); err != nil {
		t.Fatal(err)
	}
	n.push(text)
}

func TestMissingIncludeIsRefused(t *testing.T) {
	t.Parallel()
	n := startNetwork(t, 0)
	edit(t, n.Main, func(text string) string {
		return strings.ReplaceAll(text, "include \"peerflow", "# include \"peerflow")
	})
	text := artifact("first")
	c := driver.Commit{Deployment: 1, Fence: 1, Artifact: text, Hash: peering.HashText(text), Timer: time.Minute}
	for name, act := range map[string]func() error{
		"read":  func() error { _, _, err := n.ownedText(); return err },
		"stage": func() error { return n.conn.(driver.ConfirmedCommitter).Stage(n.ctx, c) },
		"check": func() error { return n.conn.(driver.Checker).CheckCandidate(n.ctx, c) },
	} {
		if err := act(); err == nil || !strings.Contains(err.Error(), driver.ErrNoInclude.Error()) {
			t.Errorf("%s gave %v", name, err)
		}
	}
}

func TestFilesWithSecretsAreNotForEverybody(t *testing.T) {
	t.Parallel()
	n := startNetwork(t, 0)
	text := artifact("first")
	c := driver.Commit{Deployment: 1, Fence: 1, Artifact: text, Hash: peering.HashText(text), Timer: time.Minute}
	d := n.conn.(driver.ConfirmedCommitter)
	if err := d.Stage(n.ctx, c); err != nil {
		t.Fatal(err)
	}
	look := func() {
		entries, err := os.ReadDir(n.Dir + "/peerflow")
		if err != nil || len(entries) < 4 {
			t.Fatalf("%d files, %v", len(entries), err)
		}
		for _, e := range entries {
			if info, err := e.Info(); err != nil || info.Mode().Perm()&0o007 != 0 {
				t.Errorf("%s has mode %v (%v)", e.Name(), info.Mode(), err)
			}
		}
	}
	look()
	n.last = 1
	n.push(text)
	look()
	left, _ := os.ReadDir(n.Dir + "/peerflow")
	for _, e := range left {
		if strings.HasPrefix(e.Name(), "candidate") && e.Name() != "candidate-1.conf" || strings.Contains(e.Name(), "check") {
			t.Errorf("%s was left behind", e.Name())
		}
	}
}

func TestDaemonThatIsAwayIsUnreachableWhateverIsAsked(t *testing.T) {
	t.Parallel()
	n := startNetwork(t, 0)
	text := artifact("first")
	c := driver.Commit{Deployment: 1, Fence: 1, Artifact: text, Hash: peering.HashText(text), Timer: time.Minute}
	d := n.conn.(driver.ConfirmedCommitter)
	if err := d.Stage(n.ctx, c); err != nil {
		t.Fatal(err)
	}
	if err := n.Close(); err != nil {
		t.Fatal(err)
	}
	for name, act := range map[string]func() error{
		"commit":    func() error { return d.Commit(n.ctx, c) },
		"confirm":   func() error { return d.Confirm(n.ctx, c) },
		"abort":     func() error { return d.Abort(n.ctx, c) },
		"install":   func() error { return d.Install(n.ctx, c) },
		"discard":   func() error { return d.Discard(n.ctx, c) },
		"check":     func() error { return n.conn.(driver.Checker).CheckCandidate(n.ctx, c) },
		"read":      func() error { _, _, err := n.ownedText(); return err },
		"neighbors": func() error { _, err := n.conn.(driver.NeighborReader).ReadNeighbors(n.ctx); return err },
		"export": func() error {
			_, err := n.conn.(driver.ExportCounter).CountExport(n.ctx, peering.NeighborKey{Address: n.peer(0)})
			return err
		},
		"shut": func() error {
			return n.conn.(driver.SessionShutter).ShutSession(n.ctx, driver.Shutdown{Neighbor: peering.NeighborKey{Address: n.peer(0)}, Fence: 1})
		},
	} {
		if err := act(); !errors.Is(err, driver.ErrUnreachable) {
			t.Errorf("%s gave %v", name, err)
		}
	}
}

func TestFileThatIsNotThereIsNotAnEmptyOne(t *testing.T) {
	t.Parallel()
	n := startNetwork(t, 0)
	n.push(artifact("first"))
	for _, file := range []string{n.Owned, n.Main} {
		if err := os.Rename(file, file+".away"); err != nil {
			t.Fatal(err)
		}
		if _, _, err := n.ownedText(); peering.KindOf(err) != peering.Denied {
			t.Errorf("without %s the read gave %v", file, err)
		}
		if err := os.Rename(file+".away", file); err != nil {
			t.Fatal(err)
		}
	}
	for _, file := range []string{"installed.conf", "owned.conf"} {
		if err := os.WriteFile(n.Dir+"/peerflow/"+file, nil, 0o640); err != nil {
			t.Fatal(err)
		}
	}
	if _, _, err := n.ownedText(); peering.KindOf(err) != peering.Conflict {
		t.Errorf("nothing is left of what runs, and the read gave %v", err)
	}
}
