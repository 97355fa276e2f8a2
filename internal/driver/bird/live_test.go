package bird_test

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"strings"
	"testing"
	"time"

	"peerflow/internal/bgp"
	"peerflow/internal/driver"
	"peerflow/internal/driver/bird"
	"peerflow/internal/peering"
	"peerflow/standalone/lab"
)

// network is a live router with its login open, and peers that wait for it.
type network struct {
	*router
	t     *testing.T
	ctx   context.Context
	conn  driver.Conn
	peers []*lab.Peer
	last  int64 // deployment and token of the last push
}

// startNetwork starts a router and n peers of AS64501 with 5 routes each, at 127.1.<router>.<1…n>.
func startNetwork(t *testing.T, n int) *network {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 4*time.Minute)
	t.Cleanup(cancel)
	net := &network{router: startRouter(t, ""), t: t, ctx: ctx}
	var err error
	if net.conn, err = bird.New().Open(ctx, net.target, net.secrets); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { net.conn.Close() })
	for i := range n {
		p, err := lab.StartPeer(ctx, lab.PeerConfig{
			ASN: 64501, Address: net.peer(i), Prefixes: lab.Routes(100*i, 5),
			Neighbors: []lab.PeerNeighbor{{ASN: 64496, Address: net.address}},
		})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { p.Close() })
		net.peers = append(net.peers, p)
	}
	return net
}

func (n *network) peer(i int) netip.Addr {
	return netip.AddrFrom4([4]byte{127, 1, n.address.As4()[3], byte(i + 1)})
}

// push makes an artifact run for good.
func (n *network) push(artifact string) {
	n.t.Helper()
	n.last++
	c := driver.Commit{Deployment: n.last, Fence: n.last, Artifact: artifact, Hash: peering.HashText(artifact), Timer: time.Minute}
	d := n.conn.(driver.ConfirmedCommitter)
	for _, step := range []func(context.Context, driver.Commit) error{d.Stage, d.Commit, d.Confirm, d.Install, d.Discard} {
		if err := step(n.ctx, c); err != nil {
			n.t.Fatal(err)
		}
	}
}

func (n *network) neighbor(name string) peering.Neighbor {
	n.t.Helper()
	list, err := n.conn.(driver.NeighborReader).ReadNeighbors(n.ctx)
	if err != nil {
		n.t.Fatal(err)
	}
	for _, neighbor := range list {
		if neighbor.Name == name {
			return neighbor
		}
	}
	n.t.Fatalf("no neighbor %s", name)
	return peering.Neighbor{}
}

// await polls a neighbor until it is as wanted.
func (n *network) await(name, what string, holds func(peering.Neighbor) bool) peering.Neighbor {
	n.t.Helper()
	for {
		now := n.neighbor(name)
		if holds(now) {
			return now
		}
		select {
		case <-n.ctx.Done():
			out, _ := n.Birdc(context.Background(), "show", "protocols", "all", name)
			n.t.Fatalf("%s never: %s\n%+v\n%s", name, what, now, out)
		case <-time.After(100 * time.Millisecond):
		}
	}
}

func established(n peering.Neighbor) bool { return n.Established() }

// sessionText is one session of ours; more goes into the protocol, channel into its IPv4 channel.
func (n *network) sessionText(i int, more, channel string) string {
	return fmt.Sprintf(`protocol bgp s%d from neighbor_of_ours {
	description "first";
	local %s port 1179 as 64496;
	neighbor %s port 1179 as 64501;
	hold time 9;%s
	ipv4 { import filter ours_in; import limit 100 action disable; export filter to_peers;%s };
}
`, i, n.address, n.peer(i), more, channel)
}

const oursIn = "filter ours_in { accept; }\n\n"

// Each session of one push is changed in one way, and what BIRD does to it is
// held against what Disruption foretold.
func TestDisruptionForetellsWhatBIRDDoes(t *testing.T) {
	t.Parallel()
	changes := []struct{ name, from, to string }{
		{"nothing", "", ""},
		{"description", "\"first\"", "\"second\""},
		{"limit", "limit 100", "limit 50"},
		{"export filter", "export filter to_peers", "export where net.len = 24"},
		{"import filter", "import filter ours_in", "import where net.len > 8"},
		{"hold time", "hold time 9", "hold time 12"},
		{"password", "hold time", "password \"{secret:17@3}\";\n\thold time"},
		{"AS", "as 64501;", "as 64502;"},
		{"neighbor address", "127.1.%d.9 ", "127.1.%d.200 "},
		{"local address", "local 127.0.", "local 127.2."},
		{"families", "\tipv4 {", "\tipv6 { import none; export none; };\n\tipv4 {"},
	}
	n := startNetwork(t, len(changes))
	before, after := oursIn, strings.Replace(oursIn, "accept", "bgp_local_pref = 200; accept", 1)
	var foretold []peering.Disruption
	for i, c := range changes {
		old := n.sessionText(i, "", "")
		third := n.address.As4()[3]
		now := old
		if c.from != "" {
			now = strings.Replace(old, strings.ReplaceAll(c.from, "%d", fmt.Sprint(third)), strings.ReplaceAll(c.to, "%d", fmt.Sprint(third)), 1)
			if now == old {
				t.Fatalf("%s changes nothing in\n%s", c.name, old)
			}
		}
		before, after = before+old+"\n", after+now+"\n"
		foretold = append(foretold, bird.Syntax{}.Disruption(stanza(t, old), stanza(t, now)))
	}
	n.push(before)
	since := make([]time.Time, len(changes))
	for i := range changes {
		since[i] = n.await(fmt.Sprintf("s%d", i), "up with routes", func(x peering.Neighbor) bool {
			f, _ := x.Family(bgp.IPv4)
			return x.Established() && f.Accepted != nil && *f.Accepted == 5
		}).Since
	}
	n.push(after)
	for i, c := range changes {
		now := n.neighbor(fmt.Sprintf("s%d", i))
		reset := !now.Established() || now.Since.Sub(since[i]).Abs() > time.Second
		if foretells := foretold[i] == peering.DisruptsReset; reset != foretells {
			t.Errorf("change of %s: foretold %s, and the session was reset: %v (%+v)", c.name, foretold[i], reset, now)
		}
	}
}

func TestReadNeighborsTellsWhySessionsAreDown(t *testing.T) {
	t.Parallel()
	n := startNetwork(t, 6)
	text := oursIn
	for i, more := range []string{"", "", "", "", "", "\n\tdisabled;", "\n\tpassword \"{secret:17@3}\";"} {
		s := n.sessionText(i, more, "")
		switch i {
		case 2:
			s = strings.Replace(s, "limit 100", "limit 3", 1)
		case 3:
			s = strings.Replace(s, "as 64501;", "as 64502;", 1)
		}
		text += s + "\n"
	}
	if err := n.peers[4].Close(); err != nil {
		t.Fatal(err)
	}
	n.push(text)

	up := n.await("s0", "up with routes both ways", func(x peering.Neighbor) bool {
		f, _ := x.Family(bgp.IPv4)
		return x.Established() && f.Announced != nil && *f.Announced == 2 && *f.Accepted == 5
	})
	f, _ := up.Family(bgp.IPv4)
	if f.ImportPolicy != "ours_in" || f.ExportPolicy != "to_peers" || f.Limit == nil || *f.Limit != 100 {
		t.Errorf("family is %+v", f)
	}
	if f.Received != nil {
		t.Errorf("%d routes received: BIRD doesn't count what it filtered away", *f.Received)
	}
	if up.RemoteAS != 64501 || up.LocalAS != 64496 || up.Address != n.peer(0) || up.HoldTime != 9*time.Second || up.Transitions != -1 {
		t.Errorf("neighbor is %+v", up)
	}
	if age := time.Since(up.Since); age < 0 || age > time.Minute {
		t.Errorf("up since %s: that is %s ago", up.Since, age)
	}

	if age := time.Since(up.LastMessage); age < 0 || age > 9*time.Second {
		t.Errorf("last message %s ago", age)
	}

	n.await("s1", "up", established)
	if err := n.peers[1].Disable(n.ctx, n.address, "moving racks"); err != nil {
		t.Fatal(err)
	}
	reasons := map[string]struct {
		reason peering.DownReason
		words  string
	}{
		"s1": {peering.DownAdminPeer, "moving racks"},
		"s2": {peering.DownLimitOurs, "limit exceeded"},
		"s3": {peering.DownWrongASN, "peer AS"},
		"s4": {peering.DownRefused, "Connection refused"},
		"s5": {peering.DownAdminOurs, ""},
		"s6": {peering.DownNoAnswer, ""},
	}
	for name, want := range reasons {
		n.await(name, string(want.reason), func(x peering.Neighbor) bool {
			return !x.Established() && x.DownReason == want.reason && strings.Contains(x.DownText, want.words)
		})
	}
	if s5 := n.neighbor("s5"); !s5.AdminDown || s5.Since.IsZero() {
		t.Errorf("a disabled session is %+v", s5)
	}
	if s2 := n.neighbor("s2"); s2.AdminDown {
		t.Errorf("a session over its limit counts as shut down by a person")
	}
	n.peers[0].Freeze()
	n.await("s0", "hold timer", func(x peering.Neighbor) bool { return x.DownReason == peering.DownHoldTimer })
}

func TestCountExportForetellsWhatIsAnnounced(t *testing.T) {
	t.Parallel()
	n := startNetwork(t, 1)
	odd := strings.Replace(n.sessionText(0, "", ""), "bgp s0", "bgp 's-0.x'", 1) // names with these letters are quoted
	exports := []string{"export filter to_peers", "export all", "export none", "export where net.len = 24", "export filter to_ibgp", "export filter 'leaks.all'"}
	text := oursIn + "filter 'leaks.all' { accept; }\n\nprotocol static leaked { ipv4; route 0.0.0.0/0 blackhole; route 192.0.2.128/25 blackhole; route 192.0.2.64/26 blackhole; }\n\n"
	for i, export := range exports {
		text += strings.Replace(n.sessionText(i+1, "", ""), "export filter to_peers", export, 1) + "\n"
	}
	n.push(text + odd)
	n.await("s-0.x", "up with routes", func(x peering.Neighbor) bool {
		f, _ := x.Family(bgp.IPv4)
		return f.Accepted != nil && *f.Accepted == 5 && f.Announced != nil
	})
	want := []string{"2 0 0", "10 1 2", "0 0 0", "not counted", "7 0 0", "10 1 2"}
	for i := range exports {
		if got := n.countExport(i + 1); got != want[i] {
			t.Errorf("%s, not up: %s, want %s", exports[i], got, want[i])
		}
	}
	n.await("s-0.x", "2 announced", func(peering.Neighbor) bool {
		return n.countExport(0) == "2 0 0" && n.peers[0].Received(n.ctx, n.address) == 2
	})
	leak := strings.Replace(odd, "export filter to_peers", "export filter 'leaks.all'", 1)
	n.push(text + leak)
	n.await("s-0.x", "the leak is counted while it is up", func(peering.Neighbor) bool { return n.countExport(0) == "5 1 2" })
	if _, err := n.conn.(driver.ExportCounter).CountExport(n.ctx, peering.NeighborKey{Address: n.peer(99)}); peering.KindOf(err) != peering.NotFound {
		t.Errorf("a neighbor that isn't there gave %v", err)
	}
	if _, err := n.conn.(driver.ExportCounter).CountExport(n.ctx, peering.NeighborKey{VRF: "blue", Address: n.peer(0)}); peering.KindOf(err) != peering.NotFound {
		t.Errorf("a neighbor of another VRF gave %v", err)
	}
}

// countExport is what is announced to a peer: all, default routes, long prefixes.
func (n *network) countExport(i int) string {
	n.t.Helper()
	got, err := n.conn.(driver.ExportCounter).CountExport(n.ctx, peering.NeighborKey{Address: n.peer(i)})
	if err != nil {
		n.t.Fatal(err)
	}
	if len(got) == 0 {
		return "not counted"
	}
	return fmt.Sprintf("%d %d %d", *got[0].Announced, *got[0].Default, *got[0].Long)
}

func TestShutSessionClosesOneSessionUntilAConfigurationOpensIt(t *testing.T) {
	t.Parallel()
	n := startNetwork(t, 2)
	both := oursIn + n.sessionText(0, "", "") + "\n" + n.sessionText(1, "", "")
	n.push(both)
	n.await("s0", "up", established)
	other := n.await("s1", "up", established)
	shutter := n.conn.(driver.SessionShutter)
	shut := driver.Shutdown{Neighbor: peering.NeighborKey{Address: n.peer(0)}, Fence: n.last + 1}
	for range 2 {
		if err := shutter.ShutSession(n.ctx, shut); err != nil {
			t.Fatal(err)
		}
	}
	if now := n.neighbor("s0"); now.Established() || !now.AdminDown {
		t.Errorf("it isn't shut: %+v", now)
	}
	if now := n.neighbor("s1"); !now.Established() || now.Since.Sub(other.Since).Abs() > time.Second {
		t.Errorf("the other session was touched: %+v", now)
	}
	shut.Fence = n.last - 1
	if err := shutter.ShutSession(n.ctx, shut); !errors.Is(err, driver.ErrFenced) {
		t.Errorf("an older token gave %v", err)
	}
	shut.Fence, shut.Neighbor.Address = n.last+2, n.peer(99)
	if err := shutter.ShutSession(n.ctx, shut); peering.KindOf(err) != peering.NotFound {
		t.Errorf("a neighbor that isn't there gave %v", err)
	}
	// Measured: loading a configuration that doesn't say "disabled" opens it again. That is why every
	// artifact after a shutdown has to carry it.
	n.birdc("configure")
	n.await("s0", "opened by a load", established)
	n.last += 2
	n.push(strings.Replace(both, "hold time 9;", "hold time 9;\n\tdisabled;", 1))
	n.await("s0", "kept shut by an artifact that says so", func(x peering.Neighbor) bool { return x.AdminDown })
	n.push(both)
	n.await("s0", "opened by an artifact that says so no more", established)
}

func TestClearSessionRestartsOneSessionOrNone(t *testing.T) {
	t.Parallel()
	n := startNetwork(t, 2)
	n.push(oursIn + n.sessionText(0, "", "") + "\n" + n.sessionText(1, "", ""))
	a, b := n.await("s0", "up", established), n.await("s1", "up", established)
	clearer := n.conn.(driver.SessionClearer)
	if err := clearer.ClearSession(n.ctx, n.peer(0), true); err != nil {
		t.Fatal(err)
	}
	if now := n.neighbor("s0"); !now.Established() || now.Since.Sub(a.Since).Abs() > time.Second {
		t.Errorf("a soft clear restarted the session: %+v", now)
	}
	if err := clearer.ClearSession(n.ctx, n.peer(0), false); err != nil {
		t.Fatal(err)
	}
	n.await("s0", "up again", func(x peering.Neighbor) bool { return x.Established() && x.Since.Sub(a.Since) > time.Second })
	if now := n.neighbor("s1"); !now.Established() || now.Since.Sub(b.Since).Abs() > time.Second {
		t.Errorf("the other session was restarted too: %+v", now)
	}
}

// A session that isn't ours stays up through a commit that reverts, one that is
// aborted and one that stays.
func TestForeignSessionsAreNotDisturbed(t *testing.T) {
	t.Parallel()
	n := startNetwork(t, 2)
	foreign := strings.Replace(n.sessionText(1, "", ""), "filter ours_in", "all", 1)
	edit(t, n.Main, func(text string) string { return text + strings.ReplaceAll(foreign, "\t", "    ") })
	if _, err := n.Birdc(n.ctx, "configure"); err != nil {
		t.Fatal(err)
	}
	before := n.await("s1", "up", established)
	main, err := os.ReadFile(n.Main)
	if err != nil {
		t.Fatal(err)
	}
	text := oursIn + n.sessionText(0, "", "")
	d := n.conn.(driver.ConfirmedCommitter)
	c := driver.Commit{Deployment: 1, Fence: 1, Artifact: text, Hash: peering.HashText(text), Timer: time.Second}
	for _, step := range []func(context.Context, driver.Commit) error{d.Stage, d.Commit} {
		if err := step(n.ctx, c); err != nil {
			t.Fatal(err)
		}
	}
	n.awaitOwned("the timer's revert", func(r peering.Running) bool { return r.Pending == nil && r.Identity == "" })
	c.Timer = time.Minute
	for _, step := range []func(context.Context, driver.Commit) error{d.Commit, d.Abort} {
		if err := step(n.ctx, c); err != nil {
			t.Fatal(err)
		}
	}
	n.last = 1
	n.push(text)
	ours := n.await("s0", "up", established)
	if _, err := n.Birdc(n.ctx, "configure"); err != nil { // what boots is what runs: loading it changes nothing
		t.Fatal(err)
	}
	if now := n.neighbor("s0"); !now.Established() || now.Since.Sub(ours.Since).Abs() > time.Second {
		t.Errorf("loading the main file disturbed our session: %+v", now)
	}
	after := n.neighbor("s1")
	if !after.Established() || after.Since.Sub(before.Since).Abs() > time.Second {
		t.Errorf("the operator's own session was disturbed: %+v", after)
	}
	if now, err := os.ReadFile(n.Main); err != nil || string(now) != string(main) {
		t.Errorf("the main file was written (%v)", err)
	}
}

func (n *network) awaitOwned(what string, holds func(peering.Running) bool) {
	n.t.Helper()
	for {
		r, err := n.conn.(driver.OwnedReader).ReadOwned(n.ctx, nil)
		if err != nil {
			n.t.Fatal(err)
		}
		if holds(r) {
			return
		}
		select {
		case <-n.ctx.Done():
			n.t.Fatalf("never: %s", what)
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// The path breaks at some instant of a commit. The next attempt's first write
// waits for what is still under way and shuts out the rest: after it the router
// runs its base with nothing pending, or the artifact with the timer running.
func TestPathThatBreaksDuringACommitLeavesBaseOrArtifact(t *testing.T) {
	t.Parallel()
	n := startNetwork(t, 0)
	own, err := lab.StartSSHD(n.ctx, t.TempDir(), "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { own.Close() })
	target := n.target
	target.Address, target.HostKey = own.Address, own.HostKey
	n.secrets[loginRef], n.secrets[strangerLogin] = own.PrivateKey, ""
	outcomes := map[string]int{}
	for i, delay := range []int{20, 120, 220, 320, 420, 5000} { // milliseconds; the last commit is through by then
		i := int64(i)
		text := artifact(fmt.Sprintf("attempt %d", i))
		c := driver.Commit{Deployment: i + 1, Fence: 2*i + 1, Artifact: text, Hash: peering.HashText(text), Timer: time.Minute}
		if err := brokenCommit(n, own, target, c, time.Duration(delay)*time.Millisecond); err != nil {
			t.Fatal(err)
		}
		conn, err := bird.New().Open(n.ctx, target, n.secrets)
		if err != nil {
			t.Fatal(err)
		}
		n.conn = conn
		t.Cleanup(func() { conn.Close() })
		d := conn.(driver.ConfirmedCommitter)
		c.Fence++
		if err := d.Stage(n.ctx, c); err != nil {
			t.Fatal(err)
		}
		r, err := conn.(driver.OwnedReader).ReadOwned(n.ctx, []peering.SecretRef{md5Ref, otherMD5Ref})
		if err != nil {
			t.Fatal(err)
		}
		switch {
		case r.Identity == "" && r.Pending == nil && len(r.Stanzas) == 0:
			outcomes["base"]++
			continue
		case r.Identity == c.Hash && r.Pending != nil && r.Pending.Owner == fmt.Sprint(c.Deployment):
			outcomes["artifact"]++
		default:
			t.Fatalf("neither base nor artifact: %.12s, pending %+v", r.Identity, r.Pending)
		}
		if err := d.Abort(n.ctx, c); err != nil {
			t.Fatal(err)
		}
	}
	t.Log(outcomes)
	if outcomes["artifact"] == 0 {
		t.Error("no commit came through, not even the one that nothing cut")
	}
}

// brokenCommit stages a candidate and cuts the login some time after the commit is sent.
func brokenCommit(n *network, own *lab.SSHD, target driver.Target, c driver.Commit, after time.Duration) error {
	conn, err := bird.New().Open(n.ctx, target, n.secrets)
	if err != nil {
		return err
	}
	defer conn.Close()
	d := conn.(driver.ConfirmedCommitter)
	if err := d.Stage(n.ctx, c); err != nil {
		return err
	}
	cut := time.AfterFunc(after, own.DropSessions)
	defer cut.Stop()
	if err := d.Commit(n.ctx, c); err != nil && !errors.Is(err, driver.ErrUnreachable) {
		return err
	}
	return nil
}
