package peering

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"peerflow/internal/bgp"
)

func count(n int64) *int64 { return &n }

// neighbor is an Established session with 100 accepted prefixes, up since an hour.
func neighbor(host int, edit ...func(*Neighbor)) Neighbor {
	n := Neighbor{
		Address: netip.AddrFrom4([4]byte{192, 0, 2, byte(host)}), RemoteAS: 64500 + bgp.ASN(host%10), LocalAS: 64496, State: bgp.Established,
		Since: start.Add(-time.Hour), Transitions: -1, HoldTime: 9 * time.Second,
		Families: []FamilyState{{Family: bgp.IPv4, Received: count(100), Accepted: count(100), Announced: count(3), ImportPolicy: "in", ExportPolicy: "out"}},
	}
	for _, e := range edit {
		e(&n)
	}
	return n
}

func down(r DownReason) func(*Neighbor) {
	return func(n *Neighbor) { n.State, n.DownReason, n.Families = bgp.Idle, r, nil }
}

func unfiltered(n *Neighbor)          { n.Families[0].ExportPolicy = "" }
func idle(n *Neighbor)                { n.State = bgp.Active }
func bounced(n *Neighbor)             { n.Since = start.Add(5 * time.Second) }
func accepts(k int64) func(*Neighbor) { return func(n *Neighbor) { n.Families[0].Accepted = count(k) } }
func announces(k int64) func(*Neighbor) {
	return func(n *Neighbor) { n.Families[0].Announced = count(k) }
}

func many(from, to int, edit ...func(*Neighbor)) []Neighbor {
	var out []Neighbor
	for i := from; i <= to; i++ {
		out = append(out, neighbor(i, edit...))
	}
	return out
}

func TestJudge(t *testing.T) {
	t.Parallel()
	touched := []TouchedSession{{Neighbor: neighbor(200).Address, PeerAS: 64500, Disruption: DisruptsRefresh,
		Expect: []ExpectedExport{{Family: bgp.IPv4, Count: count(3), Origin: "policy out"}}}}
	base := many(1, 20)
	cases := map[string]struct {
		now     []Neighbor
		after   time.Duration
		manage  error
		protect int
		want    CheckState
		reason  string
	}{
		"nothing happened, soak over: passed":               {now: base, after: 20 * time.Second, want: CheckPassed},
		"nothing happened, soak not over: pending":          {now: base, after: 10 * time.Second, want: CheckPending},
		"a fresh login fails: failed at once":               {now: base, after: time.Second, manage: fmt.Errorf("refused"), want: CheckFailed, reason: "login"},
		"one peer shuts itself down: recorded":              {now: append(many(2, 20), neighbor(1, down(DownAdminPeer))), after: 20 * time.Second, want: CheckPassed},
		"all peers shut themselves down: recorded":          {now: many(1, 20, down(DownAdminPeer)), after: 20 * time.Second, want: CheckPassed},
		"one drop for a local cause: below the limit":       {now: append(many(2, 20), neighbor(1, down(DownHoldTimer))), after: 20 * time.Second, want: CheckPassed},
		"two drops for a local cause: failed at once":       {now: append(many(3, 20), many(1, 2, down(DownHoldTimer))...), after: time.Second, want: CheckFailed, reason: "2 of 20"},
		"two that bounced count though they are up again":   {now: append(many(3, 20), many(1, 2, bounced)...), after: 20 * time.Second, want: CheckFailed, reason: "2 of 20"},
		"two that vanished count":                           {now: many(3, 20), after: time.Second, want: CheckFailed, reason: "2 of 20"},
		"a protected one drops: failed at once":             {now: append(many(2, 20), neighbor(1, down(DownHoldTimer))), after: time.Second, protect: 1, want: CheckFailed, reason: "protected"},
		"a protected peer's own cease is no reason":         {now: append(many(2, 20), neighbor(1, down(DownAdminPeer))), after: 20 * time.Second, protect: 1, want: CheckPassed},
		"more announced than expected: failed at once":      {now: append(many(1, 20), neighbor(200, announces(900))), after: time.Second, want: CheckFailed, reason: "announced 900 prefixes, expected 3 (limit 13)"},
		"at the limit is in order":                          {now: append(many(1, 20), neighbor(200, announces(13))), after: 20 * time.Second, want: CheckPassed},
		"a missing counter is not checked, and not zero":    {now: append(many(1, 20), neighbor(200, func(n *Neighbor) { n.Families[0].Announced = nil })), after: 20 * time.Second, want: CheckPassed},
		"no export policy on the router: failed (RFC 8212)": {now: append(many(1, 20), neighbor(200, func(n *Neighbor) { n.Families[0].ExportPolicy = "" })), after: time.Second, want: CheckFailed, reason: "RFC 8212"},
		"no import policy on the router: failed (RFC 8212)": {now: append(many(1, 20), neighbor(200, func(n *Neighbor) { n.Families[0].ImportPolicy = "" })), after: time.Second, want: CheckFailed, reason: "no import policy"},
		"nor on one that is down, which comes up with it":   {now: append(many(1, 20), neighbor(200, idle, unfiltered)), after: time.Second, want: CheckFailed, reason: "no export policy"},
		"one that is shut doesn't come up":                  {now: append(many(1, 20), neighbor(200, idle, unfiltered, func(n *Neighbor) { n.AdminDown = true })), after: 20 * time.Second, want: CheckPassed},
		"RFC 8212 is about external sessions":               {now: append(many(1, 20), neighbor(200, unfiltered, func(n *Neighbor) { n.LocalAS = n.RemoteAS })), after: 20 * time.Second, want: CheckPassed},
		"the peer isn't there yet: no failure":              {now: append(many(1, 20), neighbor(200, down(DownNoAnswer))), after: 20 * time.Second, want: CheckPassed},
		"accepted prefixes fall out of the band":            {now: append(many(2, 20), neighbor(1, accepts(40))), after: 30 * time.Second, want: CheckFailed, reason: "from 100 to 40"},
		"a fall inside the band is in order":                {now: append(many(2, 20), neighbor(1, accepts(60))), after: 30 * time.Second, want: CheckPassed},
		"every session loses a little: the router's band":   {now: many(1, 20, accepts(85)), after: 30 * time.Second, want: CheckFailed, reason: "router"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			protected := map[NeighborKey]string{}
			if c.protect != 0 {
				protected[neighbor(c.protect).Key()] = "iBGP"
			}
			b := NewBaseline(base, base, nil, protected, start.Add(-time.Second))
			began := Judge(LabProfile, touched, b, Observation{Neighbors: c.now, Management: c.manage, Now: start})
			got := Judge(LabProfile, touched, b, Observation{Neighbors: c.now, Management: c.manage, Now: start.Add(c.after), Elapsed: c.after, Earlier: began.Watch})
			if got.Outcome != c.want || !strings.Contains(got.Reason, c.reason) {
				t.Errorf("got %s %q, want %s %q\n%+v", got.Outcome, got.Reason, c.want, c.reason, got.Checks)
			}
		})
	}
}

func TestSilentSessionsHoldTheVerdictUntilTheirHoldTimer(t *testing.T) {
	t.Parallel()
	slow := func(n *Neighbor) { n.HoldTime = 90 * time.Second }
	base := many(1, 3, slow)
	b := NewBaseline(base, base, nil, nil, start)
	silent := Observation{Neighbors: base, Now: start.Add(60 * time.Second), Elapsed: 60 * time.Second}
	if got := Judge(LabProfile, nil, b, silent); got.Outcome != CheckPending {
		t.Errorf("silent for 60 of 90 s: %s", got.Outcome)
	}
	silent.Earlier = Judge(LabProfile, nil, b, silent).Watch
	silent.Now, silent.Elapsed = start.Add(91*time.Second), 91*time.Second
	if got := Judge(LabProfile, nil, b, silent); got.Outcome != CheckPassed {
		t.Errorf("hold time over: %s %s", got.Outcome, got.Reason)
	}
}

func TestBaselineIgnoresWhatWasUnstableBefore(t *testing.T) {
	t.Parallel()
	first := []Neighbor{neighbor(1), neighbor(2), neighbor(3, down(DownNoAnswer)), neighbor(4)}
	jitter := func(n *Neighbor) { n.Since = n.Since.Add(900 * time.Millisecond) }
	second := []Neighbor{neighbor(1, jitter), neighbor(2, bounced), neighbor(3, down(DownNoAnswer)), neighbor(4)}
	b := NewBaseline(first, second, map[NeighborKey]string{neighbor(4).Key(): "dropped 3 times"}, nil, start)
	for host, ignored := range map[int]bool{1: false, 2: true, 3: true, 4: true} {
		if got := b.Ignored[neighbor(host).Key()] != ""; got != ignored {
			t.Errorf("neighbor %d ignored = %v", host, got)
		}
	}
	if got := b.LargestHold(nil); got != 9*time.Second {
		t.Errorf("largest hold %s", got)
	}
}

func TestVerdictIsConfirmableOnlyWhenPassedOrWaived(t *testing.T) {
	t.Parallel()
	var none *Verdict
	for _, c := range []struct {
		v    *Verdict
		want bool
	}{
		{none, false},
		{&Verdict{Outcome: CheckPending}, false},
		{&Verdict{Outcome: CheckPassed}, true},
		{&Verdict{Outcome: CheckFailed}, false},
		{&Verdict{Outcome: CheckPending, Waived: "ada"}, true},
		{&Verdict{Outcome: CheckFailed, Waived: "ada"}, false},
	} {
		if got := c.v.Confirmable(); got != c.want {
			t.Errorf("%+v: %v", c.v, got)
		}
	}
}
