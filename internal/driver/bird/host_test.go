package bird_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"peerflow/internal/driver"
	"peerflow/internal/driver/bird"
	"peerflow/internal/peering"
	"peerflow/standalone/lab"
)

// commitOf is a first deployment of an artifact.
func commitOf(text string) driver.Commit {
	return driver.Commit{Deployment: 1, Fence: 1, Artifact: text, Hash: peering.HashText(text), Timer: time.Minute}
}

// loginWith opens the router again by a login whose shell runs that first, on an sshd with more lines of configuration.
func (n *network) loginWith(startup string, more ...string) {
	n.t.Helper()
	home := n.t.TempDir()
	own, err := lab.StartSSHD(n.ctx, home, "127.0.0.1:0", more...)
	if err != nil {
		n.t.Fatal(err)
	}
	n.t.Cleanup(func() { own.Close() })
	// Debian's bash reads this for a command over SSH, too.
	if err := os.WriteFile(home+"/.bashrc", []byte(startup+"\n"), 0o600); err != nil {
		n.t.Fatal(err)
	}
	target := n.target
	target.Address, target.HostKey = own.Address, own.HostKey
	n.secrets[loginRef] = own.PrivateKey
	if n.conn, err = bird.New().Open(n.ctx, target, n.secrets); err != nil {
		n.t.Fatal(err)
	}
	n.t.Cleanup(func() { n.conn.Close() })
}

// configure loads the main file by hand.
func (n *network) configure() {
	n.t.Helper()
	if out, err := n.Birdc(n.ctx, "configure"); err != nil || !strings.Contains(out, "Reconfigur") {
		n.t.Fatalf("%v: %s", err, out)
	}
	for loaded := time.Now(); ; { // a file system's clock stands for some milliseconds
		file := filepath.Join(n.Dir, "clock")
		err := os.WriteFile(file, []byte("tick"), 0o640)
		info, errStat := os.Stat(file)
		if err := errors.Join(err, errStat); err != nil {
			n.t.Fatal(err)
		}
		if info.ModTime().After(loaded) {
			return
		}
	}
}

// birdcBy opens the router again with a script for its birdc, made around the real one.
func (n *network) birdcBy(script func(real string) string) driver.Conn {
	n.t.Helper()
	real := strings.Split(string(n.target.Settings), `"`)[3] // {"birdc":"…","main":…
	target := n.target
	target.Settings = []byte(strings.Replace(string(target.Settings), real, "sh "+n.write("birdc.sh", script(real)), 1))
	conn, err := bird.New().Open(n.ctx, target, n.secrets)
	if err != nil {
		n.t.Fatal(err)
	}
	n.t.Cleanup(func() { conn.Close() })
	return conn
}

// write puts a file into the router's folder; an old one was written long before.
func (n *network) write(name, text string) string {
	n.t.Helper()
	file := filepath.Join(n.Dir, name)
	old := time.Now().Add(-24 * time.Hour)
	if err := errors.Join(os.MkdirAll(filepath.Dir(file), 0o750), os.WriteFile(file, []byte(text), 0o640), os.Chtimes(file, old, old)); err != nil {
		n.t.Fatal(err)
	}
	return file
}

// In these ways somebody's change comes to be in the files that the main file includes;
// no deployment loads it along before they have loaded it themselves.
func TestChangeOfAnIncludedFileThatNobodyLoadedDoesNotRideAlong(t *testing.T) {
	t.Parallel()
	rename := func(n *network, from, to string) error {
		return os.Rename(filepath.Join(n.Dir, from), filepath.Join(n.Dir, to))
	}
	for name, change := range map[string]func(n *network) error{
		"written, two includes deep": func(n *network) error {
			edit(n.t, n.Dir+"/peers/a.inc", func(string) string { return "define A = 2;\n" })
			return nil
		},
		"moved here with its old time":       func(n *network) error { return rename(n, "new.inc", "peers/a.inc") },
		"one more of a wildcard":             func(n *network) error { return rename(n, "new.inc", "peers/c.inc") },
		"one less of a wildcard":             func(n *network) error { return os.Remove(n.Dir + "/peers/a.inc") },
		"named so that none includes it":     func(n *network) error { return rename(n, "peers/a.inc", "peers/a.off") },
		"one less of a wildcard for folders": func(n *network) error { return rename(n, "sites/a", "a") },
		"another release behind a link": func(n *network) error {
			return errors.Join(os.Symlink("new", n.Dir+"/next"), rename(n, "next", "release"))
		},
		"written where a link leads": func(n *network) error { n.write("elsewhere/b.inc", "define B = 2;\n"); return nil },
		"a link that leads elsewhere": func(n *network) error {
			return errors.Join(os.Symlink("../new.inc", n.Dir+"/peers/d"), rename(n, "peers/d", "peers/b.inc"))
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			n := startNetwork(t, 0)
			n.write("peers/a.inc", "define A = 1;\n")
			n.write("elsewhere/b.inc", "define B = 1;\n")
			n.write("new.inc", "define C = 1;\n")
			n.write("peers/all.conf", "  include \"*.inc\";")
			n.write("sites/a/s.inc", "define S = 1;\n")
			n.write("sites/b/s.inc", "define T = 1;\n")
			n.write("old/x.inc", "define X = 1;\n")
			n.write("new/x.inc", "define X = 2;\n")
			if err := errors.Join(os.Symlink("../elsewhere/b.inc", n.Dir+"/peers/b.inc"), os.Symlink("old", n.Dir+"/release")); err != nil {
				t.Fatal(err)
			}
			edit(t, n.Main, func(text string) string {
				return text + "include \"peers/all.conf\";\ninclude \"sites/*/s.inc\";\ninclude \"release/x.inc\";\n"
			})
			n.configure()
			c, d := commitOf(artifact("first")), n.conn.(driver.ConfirmedCommitter)
			if err := d.Stage(n.ctx, c); err != nil {
				t.Fatal(err)
			}
			if err := change(n); err != nil {
				t.Fatal(err)
			}
			for act, err := range map[string]error{"commit": d.Commit(n.ctx, c), "stage": d.Stage(n.ctx, c), "check": n.conn.(driver.Checker).CheckCandidate(n.ctx, c)} {
				if peering.KindOf(err) != peering.Conflict || !strings.Contains(err.Error(), n.Dir) || !strings.Contains(err.Error(), "ride along") {
					t.Errorf("%s gave %v", act, err)
				}
			}
			n.configure()
			n.push(artifact("first"))
		})
	}
}

// An edit that somebody loads after the main file was copied for the trial, and before that is loaded, stays.
func TestEditThatIsLoadedDuringACommitIsNotTakenBack(t *testing.T) {
	t.Parallel()
	n := startNetwork(t, 0)
	conn := n.birdcBy(func(real string) string {
		return "case $* in *'protocols all') if mv " + n.Dir + "/go " + n.Dir + "/gone; then\n" +
			"echo 'define BY_HAND = 1;' >>" + n.Main + "; " + real + " configure; fi ;; esac >/dev/null 2>&1\nexec " + real + " \"$@\"\n"
	})
	c, d := commitOf(artifact("first")), conn.(driver.ConfirmedCommitter)
	if err := d.Stage(n.ctx, c); err != nil {
		t.Fatal(err)
	}
	n.write("go", "")
	if err := d.Commit(n.ctx, c); peering.KindOf(err) != peering.Conflict {
		t.Errorf("commit gave %v", err)
	}
	if out, err := n.Birdc(n.ctx, "eval", "BY_HAND"); err != nil || !strings.Contains(out, "1") {
		t.Errorf("what was loaded by hand is gone: %v %s", err, out)
	}
	if err := errors.Join(d.Stage(n.ctx, c), d.Commit(n.ctx, c)); err != nil {
		t.Error(err)
	}
}

// Where the login's environment has a zone of its own, BIRD's times are still BIRD's.
func TestALoginInAnotherZoneSeesAnEdit(t *testing.T) {
	t.Parallel()
	n := startNetwork(t, 0)
	n.loginWith("export TZ=Etc/GMT+9") // nine hours behind: all that was written since seems to be old
	if err := n.conn.(driver.ConfirmedCommitter).Stage(n.ctx, commitOf(artifact("first"))); err != nil {
		t.Fatal(err)
	}
	edit(t, n.Main, func(text string) string { return text + "define BY_HAND = 1;\n" })
	if err := n.conn.(driver.ConfirmedCommitter).Stage(n.ctx, commitOf(artifact("first"))); peering.KindOf(err) != peering.Conflict {
		t.Errorf("with an edit that nobody loaded, stage gave %v", err)
	}
}

// What the login's shell prints by itself isn't the router's: neither in what is read
// nor in the copy of the main file that a trial loads.
func TestALoginWhoseShellTalksIsReadAndWrittenAsAnyOther(t *testing.T) {
	t.Parallel()
	n := startNetwork(t, 0)
	n.loginWith("echo Welcome to edge1; trap 'echo Good bye' EXIT")
	text := artifact("told as it is")
	n.push(text)
	r, err := n.conn.(driver.OwnedReader).ReadOwned(n.ctx, []peering.SecretRef{md5Ref, otherMD5Ref})
	if err != nil || r.Identity != peering.HashText(text) || r.Pending != nil {
		t.Errorf("it runs %.12s, pending %+v, %v", r.Identity, r.Pending, err)
	}
}

// Where sshd admits one session at a time, the next waits until the one before is cleared away.
func TestALoginWithOneSessionAtATimeServesAll(t *testing.T) {
	t.Parallel()
	n := startNetwork(t, 0)
	n.loginWith("", "MaxSessions 1")
	n.push(artifact("first"))
	if _, _, err := n.ownedText(); err != nil {
		t.Error(err)
	}
}

// Two loads of one day are one to a reader of dates.
func TestBIRDThatDoesNotTellWhenItLoadedIsRefused(t *testing.T) {
	t.Parallel()
	n := startNetwork(t, 0)
	text := artifact("first")
	n.push(text)
	for _, format := range []string{"iso short ms", `"%F"`, `"%s"`} {
		edit(t, n.Main, func(text string) string { return "timeformat base " + format + ";\n" + text })
		n.configure()
		for act, err := range map[string]error{
			"read":  func() error { _, _, err := n.ownedText(); return err }(),
			"stage": n.conn.(driver.ConfirmedCommitter).Stage(n.ctx, commitOf(text)),
			"check": n.conn.(driver.Checker).CheckCandidate(n.ctx, commitOf(text)),
		} {
			if peering.KindOf(err) != peering.Unsupported || !strings.Contains(err.Error(), "timeformat base iso long") {
				t.Errorf("with %s, %s gave %v", format, act, err)
			}
		}
		edit(t, n.Main, func(text string) string { _, text, _ = strings.Cut(text, "\n"); return text })
	}
	edit(t, n.Main, func(text string) string { return "timeformat base iso long;\n" + text })
	n.configure()
	n.push(text)
}

// A folder that can't be written is named, and what is tried there leaves nothing half done.
func TestFolderThatCannotBeWrittenIsNamed(t *testing.T) {
	t.Parallel()
	n := startNetwork(t, 0)
	c := commitOf(artifact(strings.Repeat("long ", 1000)))
	folder := filepath.Dir(n.Owned)
	for what, try := range map[string]struct {
		file, text string // of the folder, before
		kind       peering.Kind
		words      string
	}{
		"a lock that isn't ours":    {".lock/x", "", peering.Denied, folder},
		"a fence that isn't ours":   {".fence/x", "", peering.Denied, folder},
		"a fence of text":           {".fence", "here be dragons\n", peering.Conflict, folder + "/.fence"},
		"a fence with a line's end": {".fence", "1\r\n", peering.Conflict, folder + "/.fence"},
		"a fence beyond all tokens": {".fence", "99999999999999999999\n", peering.Conflict, folder + "/.fence"},
		"an empty fence":            {".fence", "", "", ""},
	} {
		n.write("peerflow/"+try.file, try.text)
		err := n.conn.(driver.ConfirmedCommitter).Stage(n.ctx, c)
		if peering.KindOf(err) != try.kind || err != nil && !strings.Contains(err.Error(), try.words) {
			t.Errorf("%s: stage gave %v", what, err)
		}
		left, _ := filepath.Glob(folder + "/*1.conf*")
		if err != nil && len(left) > 0 {
			t.Errorf("%s: %v are left", what, left)
		}
		for _, file := range append(left, folder+"/.lock", folder+"/.fence") {
			os.RemoveAll(file)
		}
	}
	n.loginWith("ulimit -f 2; trap '' XFSZ") // no file beyond 2 KiB, as on a disk without room
	if err := n.conn.(driver.ConfirmedCommitter).Stage(n.ctx, c); peering.KindOf(err) != peering.Denied || !strings.Contains(err.Error(), "disk") {
		t.Errorf("a full disk: stage gave %v", err)
	}
	if left, _ := filepath.Glob(folder + "/*1.conf*"); len(left) > 0 {
		t.Errorf("a full disk: %v are left", left)
	}
}

// A list of sessions that ends early isn't the list: what is missing in it would count as gone.
func TestAnswerCutShortIsNone(t *testing.T) {
	t.Parallel()
	n := startNetwork(t, 0)
	n.push(artifact("first"))
	n.write("cut", "protocols all")
	conn := n.birdcBy(func(real string) string {
		return real + " \"$@\" | head -n 12\ncase $* in *\"$(cat " + n.Dir + "/cut)\") kill -9 $$ ;; esac\n"
	})
	c := commitOf(artifact("second"))
	c.Deployment, c.Fence = 2, 2
	d := conn.(driver.ConfirmedCommitter)
	if err := d.Stage(n.ctx, c); err != nil {
		t.Fatal(err)
	}
	for name, act := range map[string]func(context.Context) error{
		"neighbors": func(ctx context.Context) error { _, err := conn.(driver.NeighborReader).ReadNeighbors(ctx); return err },
		"reopens":   func(ctx context.Context) error { _, err := conn.(driver.Reopener).Reopens(ctx, c.Artifact); return err },
		"commit":    func(ctx context.Context) error { return d.Commit(ctx, c) },
		"a commit's last look": func(ctx context.Context) error {
			n.write("cut", "show protocols")
			return d.Commit(ctx, c)
		},
	} {
		n.write("cut", "protocols all")
		if err := act(n.ctx); !errors.Is(err, driver.ErrUnreachable) {
			t.Errorf("%s gave %v", name, err)
		}
	}
}
