package openconfig_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	gpb "github.com/openconfig/gnmi/proto/gnmi"

	"peerflow/internal/bgp"
	"peerflow/internal/driver"
	"peerflow/internal/driver/openconfig"
	"peerflow/internal/peering"
	"peerflow/standalone/lab/gnmid"
)

// The class that people approve is what the session then does.
func TestDisruptionClassesHoldOnALiveSession(t *testing.T) {
	t.Parallel()
	b := setup(t, "127.90.22.")
	b.secrets[md5Ref] = "tcp-md5"
	b.peer(64501, 11, "", "198.51.100.0/24")
	b.peer(64510, 10, "")
	c := b.open()
	text := artifactBase
	b.deploy(c, b.deployment(1, text, time.Minute))
	b.established(c, "192.0.2.11")
	b.established(c, "192.0.2.10")
	for i, edit := range [][2]string{
		{`"description": "AS64501"`, `"description": "Example Net"`},
		{`"max-prefixes": 100`, `"max-prefixes": 200`},
		{`"set-local-pref": 200`, `"set-local-pref": 150`},
		{`24..28`, `24..26`},
		{`"hold-time": 9`, `"hold-time": 12`},
	} {
		before, next := split(t, text), strings.Replace(text, edit[0], edit[1], 1)
		since := b.neighbor(c, "192.0.2.11").Since
		text = next
		b.deploy(c, b.deployment(int64(i+2), text, time.Minute))
		class := classOf(before, split(t, text))
		if class == peering.DisruptsReset {
			poll(t, "the session restarts", func() bool {
				n := b.neighbor(c, "192.0.2.11")
				return n.Established() && n.Since.After(since)
			})
			continue
		}
		if n := b.neighbor(c, "192.0.2.11"); !n.Established() || !n.Since.Equal(since) {
			t.Errorf("%s is said to be %s, and the session restarted", edit[1], class)
		}
	}
	if n := b.neighbor(c, "192.0.2.10"); !n.Established() || n.Transitions != 0 {
		t.Errorf("the foreign session felt it: %+v", n)
	}
}

func classOf(before, after []peering.Stanza) peering.Disruption {
	worst := peering.DisruptsNone
	for _, s := range after {
		i := slices.IndexFunc(before, func(o peering.Stanza) bool { return o.Key == s.Key })
		worst = worst.Worse(syntax.Disruption(&before[i], &s))
	}
	return worst
}

// A router of the letter: no arbitration, no extension path, confirmed Sets kept.
func TestStandardPathsAlone(t *testing.T) {
	t.Parallel()
	b := setup(t, "127.90.23.")
	plain := func(t *driver.Target) { t.Settings = json.RawMessage(`{"server_name": "router1.example.net"}`) }
	c := b.open(plain)
	if _, ok := c.(driver.Checker); ok {
		t.Error("says that it can check candidates")
	}
	base := b.read(c)
	if base.Pending != nil {
		t.Fatalf("pending on a fresh router: %+v", base.Pending)
	}
	d := b.deployment(5, artifactBase, time.Minute)
	b.must(c.Stage(t.Context(), d))
	b.must(c.Commit(t.Context(), d))
	waits := b.read(c)
	if waits.Pending == nil || waits.Pending.Owner != "" || len(waits.Boot) != 0 || waits.Generation == base.Generation {
		t.Fatalf("in the window: pending %+v, boot %v", waits.Pending, keys(waits.Boot))
	}
	b.runs(waits, d)
	if err := c.Commit(t.Context(), b.deployment(6, artifactBase, time.Minute)); !errors.Is(err, driver.ErrPending) {
		t.Errorf("a second commit: %v", err)
	}
	if err := c.Install(t.Context(), d); !errors.Is(err, driver.ErrPending) {
		t.Errorf("install in the window: %v", err)
	}
	b.must(c.Confirm(t.Context(), d))
	b.must(c.Install(t.Context(), d))
	b.must(b.router.Restart(t.Context()))
	c = b.open(plain)
	after := b.read(c)
	b.runs(after, d)
	if waits.Incarnation == "" || waits.Incarnation != base.Incarnation || after.Incarnation == waits.Incarnation {
		t.Errorf("booted at %s, %s in the window, and %s after the restart", base.Incarnation, waits.Incarnation, after.Incarnation)
	}
	if after.Pending != nil || !slices.Equal(keys(after.Boot), keys(after.Stanzas)) {
		t.Errorf("after the restart: pending %+v, boot %v", after.Pending, keys(after.Boot))
	}
}

func TestPasswordsOfARouterThatShowsNone(t *testing.T) {
	t.Parallel()
	b := setup(t, "127.90.24.", func(c *gnmid.Config) { c.HidePasswords = true })
	b.secrets[md5Ref], b.secrets[otherMD5Ref] = "tcp-md5", "tcp-md5"
	hidden := func(t *driver.Target) {
		t.Settings = json.RawMessage(strings.Replace(string(t.Settings), "{", `{"passwords_hidden": true,`, 1))
	}
	d := b.deployment(1, withPasswords, time.Minute)
	c := b.open(hidden)
	b.deploy(c, d)
	b.runs(b.read(c, md5Ref, otherMD5Ref), d)
	rotated := b.deployment(2, strings.Replace(withPasswords, "{secret:18@1}", "{secret:17@3}", 1), time.Minute)
	b.deploy(c, rotated)
	b.runs(b.read(c, md5Ref), rotated)

	unaware := b.open()
	text := join(t, b.read(unaware, md5Ref).Stanzas)
	if text == rotated.Artifact || strings.Contains(text, "auth-password") {
		t.Error("without the setting, a password that can't be read counts as equal")
	}
}

func TestAPasswordChangedByHandIsSeenAndLeftAlone(t *testing.T) {
	t.Parallel()
	b := setup(t, "127.90.25.")
	b.secrets[md5Ref], b.secrets[otherMD5Ref] = "tcp-md5", "other-md5"
	c := b.open()
	b.deploy(c, b.deployment(1, withPasswords, time.Minute))
	b.must(b.router.OperatorSet(t.Context(), &gpb.SetRequest{Update: []*gpb.Update{{
		Path: neighborConfig("192.0.2.12", "auth-password"),
		Val:  &gpb.TypedValue{Value: &gpb.TypedValue_JsonIetfVal{JsonIetfVal: []byte(`"by-hand-1234"`)}},
	}}}))
	running := b.read(c, md5Ref, otherMD5Ref)
	text := join(t, running.Stanzas)
	if strings.Contains(text, "by-hand-1234") || !strings.Contains(text, `"redacted:`) || strings.Contains(text, "{secret:17@3}") {
		t.Fatalf("reads as\n%s", text)
	}
	if again := join(t, b.read(b.open(), md5Ref, otherMD5Ref).Stanzas); again != text {
		t.Error("another connection reads it differently")
	}
	// A change elsewhere carries the stanza along as it runs.
	b.deploy(c, b.deployment(2, strings.Replace(text, "24..28", "24..27", 1), time.Minute))
	if !strings.Contains(string(b.router.Running()), "by-hand-1234") {
		t.Error("the password made by hand is gone")
	}
	touched := b.deployment(3, strings.Replace(text, `"peer-as": 64502`, `"peer-as": 64509`, 1), time.Minute)
	if err := c.Commit(t.Context(), touched); peering.KindOf(err) != peering.Conflict || strings.Contains(err.Error(), "by-hand") {
		t.Errorf("writing a password that nobody knows: %v", err)
	}
}

func neighborConfig(address, leaf string) *gpb.Path {
	return &gpb.Path{Elem: []*gpb.PathElem{
		{Name: "network-instances"}, {Name: "network-instance", Key: map[string]string{"name": "DEFAULT"}},
		{Name: "protocols"}, {Name: "protocol", Key: map[string]string{"identifier": "BGP", "name": "BGP"}},
		{Name: "bgp"}, {Name: "neighbors"}, {Name: "neighbor", Key: map[string]string{"neighbor-address": address}},
		{Name: "config"}, {Name: leaf},
	}}
}

func TestAForeignNeighborIsNotTakenOver(t *testing.T) {
	t.Parallel()
	b := setup(t, "127.90.26.")
	c := b.open()
	theft := b.deployment(1, strings.ReplaceAll(artifactBase, "192.0.2.11", "192.0.2.10"), time.Minute)
	for name, f := range map[string]func(context.Context, driver.Commit) error{
		"stage": c.Stage, "commit": c.Commit, "check": c.(driver.Checker).CheckCandidate,
	} {
		if err := f(t.Context(), theft); peering.KindOf(err) != peering.Conflict || !strings.Contains(err.Error(), "neighbor/192.0.2.10") {
			t.Errorf("%s: %v", name, err)
		}
	}
	if n := b.neighbor(c, "192.0.2.10"); n.RemoteAS != 64510 {
		t.Errorf("it is now of %s", n.RemoteAS)
	}
}

func TestARouterInModeObserveHasNoWritingMethods(t *testing.T) {
	t.Parallel()
	b := setup(t, "127.90.27.")
	target := b.target()
	target.ReadOnly = true
	c, err := openconfig.New().Open(t.Context(), target, b.secrets)
	b.must(err)
	t.Cleanup(func() { c.Close() })
	if _, ok := c.(driver.ConfirmedCommitter); ok {
		t.Error("it can commit")
	}
	if _, ok := c.(driver.Checker); ok {
		t.Error("it can check, which is a Set")
	}
	all, err := c.(driver.NeighborReader).ReadNeighbors(t.Context())
	if err != nil || len(all) != 1 || all[0].Families[0].ImportPolicy != "BY-HAND" {
		t.Errorf("neighbors are %+v, %v", all, err)
	}
}

func TestOpenRefuses(t *testing.T) {
	t.Parallel()
	b := setup(t, "127.90.28.")
	for name, c := range map[string]struct {
		edit func(*driver.Target)
		want error
	}{
		"an unknown setting":       {func(t *driver.Target) { t.Settings = json.RawMessage(`{"verify": false}`) }, peering.KindError(peering.Invalid)},
		"settings twice":           {func(t *driver.Target) { t.Settings = json.RawMessage(`{}{}`) }, peering.KindError(peering.Invalid)},
		"no network instance":      {func(t *driver.Target) { t.Settings = json.RawMessage(`{"network_instance": ""}`) }, peering.KindError(peering.Invalid)},
		"an address without port":  {func(t *driver.Target) { t.Address, t.Settings = "192.0.2.1", nil }, peering.KindError(peering.Invalid)},
		"another server's name":    {func(t *driver.Target) { t.Settings = json.RawMessage(`{"server_name": "router2.example.net"}`) }, driver.ErrHostKey},
		"a stranger's certificate": {func(x *driver.Target) { x.HostKey = strangersCertificate(t) }, driver.ErrHostKey},
		"another user":             {func(t *driver.Target) { t.Username = "root" }, driver.ErrLogin},
		"nobody there":             {func(t *driver.Target) { t.Address = b.address(99).String() + ":9" }, driver.ErrUnreachable},
	} {
		target := b.target()
		c.edit(&target)
		_, err := openconfig.New().Open(t.Context(), target, b.secrets)
		kind := peering.KindOf(c.want)
		if errors.Is(c.want, driver.ErrHostKey) || errors.Is(c.want, driver.ErrLogin) || errors.Is(c.want, driver.ErrUnreachable) {
			if !errors.Is(err, c.want) {
				t.Errorf("%s: %v, want %v", name, err, c.want)
			}
		} else if peering.KindOf(err) != kind {
			t.Errorf("%s: %v, want %s", name, err, kind)
		}
		if err != nil && strings.Contains(err.Error(), loginPassword) {
			t.Errorf("%s: the refusal shows the login", name)
		}
	}
	_, err := b.open(func(t *driver.Target) {
		t.Settings = json.RawMessage(strings.Replace(string(t.Settings), "/datastore\"", "/nowhere\"", 1))
	}).ReadOwned(t.Context(), nil)
	if peering.KindOf(err) != peering.Invalid {
		t.Errorf("a wrong datastore_path: %v", err)
	}
}

func TestNeighborsTellWhyTheyAreDown(t *testing.T) {
	t.Parallel()
	b := setup(t, "127.90.29.")
	b.peer(64501, 11, "", "198.51.100.0/24", "198.51.100.0/25", "198.51.100.128/25")
	b.peer(64599, 12, "")
	c := b.open()
	shut := `{"neighbor": {"config": {"neighbor-address": "192.0.2.%d", "peer-as": 64502, "peer-group": "pf-peers"%s},
	  "afi-safis": {"afi-safi": [{"config": {"afi-safi-name": "IPV4_UNICAST", "enabled": true}}]}}}`
	text := artifactBase + fmt.Sprintf(shut, 12, "") + fmt.Sprintf(shut, 13, `, "enabled": false`)
	b.deploy(c, b.deployment(1, strings.Replace(text, `"max-prefixes": 100`, `"max-prefixes": 2`, 1), time.Minute))
	for address, want := range map[string]peering.DownReason{
		"192.0.2.11": peering.DownLimitOurs, "192.0.2.12": peering.DownWrongASN, "192.0.2.13": peering.DownAdminOurs,
	} {
		poll(t, address+" says "+string(want), func() bool { return b.neighbor(c, address).DownReason == want })
	}
	n := b.neighbor(c, "192.0.2.13")
	f, _ := n.Family(bgp.IPv4)
	if !n.AdminDown || n.Transitions != 0 || f.Received != nil || f.Announced != nil {
		t.Errorf("a session that never came up reads as %+v, family %+v", n, f)
	}
}

// "Absent" is asserted on the router itself, not through the driver.
func TestWhatAnArtifactLacksIsRemovedAndComesBackWithTheTimer(t *testing.T) {
	t.Parallel()
	b := setup(t, "127.90.32.")
	b.secrets[md5Ref], b.secrets[otherMD5Ref] = "tcp-md5", "tcp-md5"
	b.peer(64501, 11, "", "198.51.100.0/24")
	c := b.open()
	full := b.deployment(1, withPasswords, time.Minute)
	b.deploy(c, full)
	b.established(c, "192.0.2.11")
	foreign, err := b.foreign(t.Context())
	b.must(err)

	empty := b.deployment(2, "", 3*time.Second)
	b.must(c.Commit(t.Context(), empty))
	running := string(b.router.Running())
	for _, gone := range []string{"192.0.2.11", "192.0.2.13", "pf-", full.Hash, "tcp-md5"} {
		if strings.Contains(running, gone) {
			t.Errorf("the router still has %s", gone)
		}
	}
	b.runs(b.read(c), empty)
	poll(t, "the timer", func() bool { return b.read(c).Pending == nil })
	b.runs(b.read(c, md5Ref, otherMD5Ref), full)
	b.established(c, "192.0.2.11")

	fewer := b.deployment(3, artifactBase, time.Minute)
	b.deploy(c, fewer)
	b.runs(b.read(c), fewer)
	if running := string(b.router.Running()); strings.Contains(running, "192.0.2.12") || strings.Contains(running, "tcp-md5") || !strings.Contains(running, "192.0.2.11") {
		t.Error("removed the wrong neighbors")
	}
	if now, err := b.foreign(t.Context()); err != nil || now != foreign {
		t.Errorf("what isn't ours has changed: %s, %v", now, err)
	}
}

// The reply to a commit is lost: the next read, over another connection, tells
// what happened, and the commit can be finished there.
func TestACommitWhoseReplyWasLostIsFoundPending(t *testing.T) {
	t.Parallel()
	late := make(chan struct{})
	b := setup(t, "127.90.33.", func(c *gnmid.Config) {
		c.OnSet = func(r *gpb.SetRequest) {
			if len(r.GetReplace()) > 0 {
				<-late // the router has the request; the client gives up
			}
		}
	})
	c := b.open()
	d := b.deployment(9, artifactBase, time.Minute)
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	if err := c.Commit(ctx, d); peering.KindOf(err) != peering.Unavailable {
		t.Fatalf("a commit without an answer: %v", err)
	}
	close(late)
	again := b.open()
	poll(t, "the commit is seen", func() bool {
		p := b.read(again).Pending
		return p != nil && p.Owner == "9"
	})
	b.runs(b.read(again), d)
	if err := again.Commit(t.Context(), d); !errors.Is(err, driver.ErrPending) {
		t.Errorf("committing again: %v", err)
	}
	b.must(again.Confirm(t.Context(), d))
	b.must(again.Install(t.Context(), d))
	b.runs(b.read(again), d)
}

// A worker that was stopped between its last check and its write wakes up after
// another has taken over: the router itself refuses it.
func TestAZombiesCommitIsRefusedByTheRouterHoweverLate(t *testing.T) {
	t.Parallel()
	asleep, woken := make(chan struct{}), make(chan struct{})
	b := setup(t, "127.90.34.", func(c *gnmid.Config) {
		c.OnSet = func(r *gpb.SetRequest) {
			if len(r.GetReplace()) > 0 {
				close(asleep)
				<-woken
			}
		}
	})
	zombie, successor := b.open(), b.open()
	old, newer := b.deployment(1, artifactBase, time.Minute), b.deployment(2, artifactBase, time.Minute)
	answer := make(chan error, 1)
	go func() { answer <- zombie.Commit(context.WithoutCancel(t.Context()), old) }()
	<-asleep
	b.must(successor.Stage(t.Context(), newer))
	close(woken)
	if err := <-answer; !errors.Is(err, driver.ErrFenced) {
		t.Errorf("the zombie's commit: %v", err)
	}
	if r := b.read(successor); len(r.Stanzas) > 0 || r.Pending != nil || r.Identity != "" {
		t.Errorf("the zombie wrote: %v, pending %+v", keys(r.Stanzas), r.Pending)
	}
}

func TestAWriteGivesUpAfterTenSeconds(t *testing.T) {
	t.Parallel()
	stuck := make(chan struct{})
	b := setup(t, "127.90.35.", func(c *gnmid.Config) { c.OnSet = func(*gpb.SetRequest) { <-stuck } })
	t.Cleanup(func() { close(stuck) })
	c := b.open()
	began := time.Now()
	err := c.Confirm(t.Context(), b.deployment(1, artifactBase, time.Minute))
	if took := time.Since(began); peering.KindOf(err) != peering.Unavailable || took < 9*time.Second || took > 14*time.Second {
		t.Errorf("after %s: %v", took, err)
	}
}
