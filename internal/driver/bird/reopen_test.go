package bird_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"peerflow/internal/driver"
	"peerflow/internal/peering"
)

// reopens lists what a commit of the artifact would open.
func (n *network) reopens(artifact string) string {
	n.t.Helper()
	opened, err := n.conn.(driver.Reopener).Reopens(n.ctx, artifact)
	if err != nil {
		n.t.Fatal(err)
	}
	var names []string
	for _, o := range opened {
		names = append(names, o.Name)
	}
	return strings.Join(names, " ")
}

// A session that BIRD can't start was closed by nobody, and keeps no change from the
// router; one that closed itself after an error waits for a person.
func TestOnlyWhatWasClosedIsKeptClosed(t *testing.T) {
	t.Parallel()
	n := startNetwork(t, 1)
	others := strings.ReplaceAll(n.sessionText(0, "\n\tdisable after error;", "")+n.sessionText(1, "\n\tdirect;", "")+
		strings.Replace(n.sessionText(2, "", ""), "local "+n.address.String(), "local 192.0.2.1", 1), "filter ours_in", "all")
	others = strings.Replace(strings.Replace(others, "bgp s0", "bgp 's-0'", 1), "as 64501", "as 64502", 1)
	edit(t, n.Main, func(text string) string { return text + others })
	n.configure()
	n.await("s-0", "closed after an error", func(x peering.Neighbor) bool { return x.DownReason == peering.DownWrongASN })
	n.await("s2", "not started", func(x peering.Neighbor) bool { return strings.Contains(x.DownText, "No listening socket") })
	n.await("s1", "not started", func(x peering.Neighbor) bool { return strings.Contains(x.DownText, "Invalid next hop") })
	opened, err := n.conn.(driver.Reopener).Reopens(n.ctx, artifact("first"))
	if err != nil || len(opened) != 1 || opened[0].Name != "s-0" || !strings.Contains(opened[0].Why, "by itself (BGP Error: Bad peer AS") ||
		!strings.HasPrefix(opened[0].Remedy, `birdc "enable 's-0'", `) {
		t.Errorf("a commit opens %+v, %v", opened, err)
	}
	edit(t, n.Main, func(text string) string { return strings.Replace(text, "as 64502", "as 64501", 1) })
	n.configure()
	n.push(artifact("first"))
}

func (n *network) birdc(words ...string) {
	n.t.Helper()
	if out, err := n.Birdc(n.ctx, words...); err != nil {
		n.t.Fatalf("%v: %s", err, out)
	}
}

// What somebody closed by a command stays closed: a commit would open it, and is
// refused, however late they did it. Measured along the way: BIRD does open it.
func TestACommitOpensNothingThatACommandClosed(t *testing.T) {
	t.Parallel()
	n := startNetwork(t, 4)
	included := filepath.Join(filepath.Dir(n.Main), "customers.conf")
	foreign := strings.Replace(n.sessionText(1, "", ""), "filter ours_in", "all", 1)
	closed := strings.Replace(n.sessionText(3, "\n\tdisabled;", ""), "filter ours_in", "all", 1)
	if err := os.WriteFile(included, []byte(foreign+closed), 0o640); err != nil {
		t.Fatal(err)
	}
	edit(t, n.Main, func(text string) string { return text + "include \"" + included + "\";\n" })
	n.birdc("configure")
	limited := strings.Replace(n.sessionText(2, "", ""), "limit 100", "limit 3", 1)
	both := oursIn + n.sessionText(0, "", "") + "\n" + limited
	n.push(both)
	n.await("s0", "up", established)
	n.await("s1", "up", established)
	n.await("s2", "closed at its limit", func(x peering.Neighbor) bool { return x.DownReason == peering.DownLimitOurs })

	if got := n.reopens(both); got != "s2" {
		t.Errorf("the limit's end: %q", got)
	}
	raised := strings.Replace(both, "limit 3", "limit 50", 1)
	if got := n.reopens(raised); got != "" {
		t.Errorf("a limit that is raised: %q", got)
	}
	n.push(raised)
	n.await("s2", "opened by the change of its limit", established)

	other := strings.Replace(raised, "\"first\"", "\"second\"", 1)
	c := driver.Commit{Deployment: n.last + 1, Fence: n.last + 1, Artifact: other, Hash: peering.HashText(other), Timer: time.Minute}
	d := n.conn.(driver.ConfirmedCommitter)
	if err := d.Stage(n.ctx, c); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"s1", "s0"} {
		n.birdc("disable", name)
		if got := n.reopens(other); got != name {
			t.Errorf("%s is closed, and a commit would open %q", name, got)
		}
		if err := d.Commit(n.ctx, c); !errors.Is(err, driver.ErrReopens) || !strings.Contains(err.Error(), name) {
			t.Errorf("%s is closed, and the commit gave %v", name, err)
		}
		if now := n.neighbor(name); !now.AdminDown {
			t.Errorf("it is open: %+v", now)
		}
		if name == "s1" {
			n.birdc("enable", name)
		}
	}
	if got := n.reopens(strings.Replace(other, "hold time 9;", "hold time 9;\n\tdisabled;", 1)); got != "" {
		t.Errorf("an artifact that says disabled opens %q", got)
	}
	if got := n.reopens(oursIn); got != "" {
		t.Errorf("an artifact without it opens %q", got)
	}
	n.birdc("configure")
	n.await("s0", "opened by a load: BIRD forgets what a command closed", established)
	if err := d.Commit(n.ctx, c); err != nil {
		t.Errorf("nothing is closed, and the commit gave %v", err)
	}
	if now := n.neighbor("s3"); !now.AdminDown {
		t.Errorf("what the main file closes is open: %+v", now)
	}
	n.birdc("disable", "s1")
	if err := d.Abort(n.ctx, c); err != nil {
		t.Errorf("the undo gave %v", err)
	}
	if now := n.neighbor("s1"); !now.AdminDown {
		t.Errorf("an undo opened what was closed during the trial: %+v", now)
	}
	if now := n.neighbor("s0"); now.AdminDown {
		t.Errorf("an undo closed what nobody did: %+v", now)
	}
}
