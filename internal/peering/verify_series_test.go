package peering

import (
	"encoding/json"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"peerflow/internal/bgp"
)

// series is a soak, sampled every second of it; now gives what the router shows at that second.
func series(t *testing.T, touched []TouchedSession, base []Neighbor, now func(second int) []Neighbor) (verdict Verdict, ended int) {
	t.Helper()
	p := DefaultProfile
	b := NewBaseline(base, base, nil, nil, start.Add(-time.Second))
	limit := int((p.SoakFor(b.LargestHold(touched)) + p.BandWait) / time.Second)
	for second := 0; second <= limit; second++ {
		elapsed := time.Duration(second) * time.Second
		verdict = Judge(p, touched, b, Observation{Neighbors: now(second), Now: start.Add(elapsed), Elapsed: elapsed, Earlier: verdict.Watch})
		if verdict.Outcome != CheckPending {
			return verdict, second
		}
	}
	t.Fatalf("still pending when everything had its time: %+v", verdict.Checks)
	return verdict, 0
}

func says(v Verdict, s CheckState, name, words string) bool {
	for _, c := range v.Checks {
		if c.State == s && c.Name == name && strings.Contains(c.Text, words) {
			return true
		}
	}
	return false
}

func with(n []Neighbor, more ...Neighbor) []Neighbor {
	return append(append([]Neighbor{}, n...), more...)
}

func TestBandsEndOnARealNetwork(t *testing.T) {
	t.Parallel()
	table := int64(1_000_000)
	still := many(2, 20)
	full := func(k int64) Neighbor { return neighbor(1, accepts(k)) }
	refresh := []TouchedSession{{Neighbor: neighbor(1).Address, PeerAS: 64501, Disruption: DisruptsRefresh}}
	meant := []TouchedSession{{Neighbor: neighbor(1).Address, PeerAS: 64501, Disruption: DisruptsRefresh, ImportMoves: true}}
	ends, ends6, reset := slices.Clone(meant), slices.Clone(meant), slices.Clone(meant)
	ends[0].TakesNothing, ends6[0].TakesNothing, reset[0].Disruption = []bgp.Family{bgp.IPv4}, []bgp.Family{bgp.IPv6}, DisruptsReset
	receives := func(k *int64) func(*Neighbor) { return func(n *Neighbor) { n.Families[0].Received = k } }
	cease := func(n *Neighbor) { down(DownAdminPeer)(n) }
	cases := map[string]struct {
		touched []TouchedSession
		base    []Neighbor
		now     func(second int) []Neighbor
		want    CheckState
		within  int // seconds
		state   CheckState
		check   string // name of a check that has to be there in that state …
		says    string // … and part of its text
	}{
		"full table that never stands still: passed when the soak ends": {
			base: with(still, full(table)),
			now:  func(s int) []Neighbor { return with(still, full(table+int64(s*37%911)-400)) },
			want: CheckPassed, within: 60,
		},
		"full table that loses a tenth: failed": {
			base: with(still, full(table)),
			now:  func(s int) []Neighbor { return with(still, full(table*9/10+int64(s*37%911))) },
			want: CheckFailed, within: 75, state: CheckFailed, check: "band", says: "from 1000000 to",
		},
		"new session that grows to a full table counts for nobody": {
			touched: []TouchedSession{{Neighbor: neighbor(200).Address, Added: true, Disruption: DisruptsNone}},
			base:    still,
			now:     func(s int) []Neighbor { return with(still, neighbor(200, accepts(int64(s)*20_000))) },
			want:    CheckPassed, within: 60,
		},
		"slow ramp back after a refresh: waited for, passed": {
			touched: refresh, base: with(still, full(1000)),
			now:  func(s int) []Neighbor { return with(still, full(min(1000, int64(s)*15))) },
			want: CheckPassed, within: 85,
		},
		"ramp that isn't over when the soak must end and is outside: failed, with its figures": {
			touched: refresh, base: with(still, full(100_000)),
			now:  func(s int) []Neighbor { return with(still, full(int64(s)*500)) },
			want: CheckFailed, within: 90, state: CheckFailed, check: "band", says: "from 100000 to",
		},
		"still moving inside the band when the soak must end: not checked, with its reason": {
			base: with(still, full(1000)),
			now:  func(s int) []Neighbor { return with(still, full(1000+int64(s/10%2)*240-int64((s/10+1)%2)*240)) },
			want: CheckPassed, within: 90, state: CheckNotChecked, check: "band", says: "weren't stable for 15s",
		},
		"import policy that is meant to move has no forecast: recorded": {
			touched: meant, base: with(still, full(1000)),
			now:  func(int) []Neighbor { return with(still, full(10)) },
			want: CheckPassed, within: 60, state: CheckRecorded, check: "imports_fell", says: "from 1000 to 10; the import policy moves, so there is no forecast: look whether that is meant",
		},
		"import policy that is meant to move, and takes a little less: recorded": {
			touched: meant, base: with(still, full(1000)),
			now:  func(int) []Neighbor { return with(still, full(760)) },
			want: CheckPassed, within: 60, state: CheckRecorded, check: "band", says: "from 1000 to 760",
		},
		"import policy that is meant to move, and halves: told once it is stable": {
			touched: meant, base: with(still, full(1000)),
			now:  func(s int) []Neighbor { return with(still, full(1000-min(700, max(0, int64(s-50)*100)))) },
			want: CheckPassed, within: 80, state: CheckRecorded, check: "imports_fell", says: "from 1000 to 300",
		},
		"import policy that is meant to move, and halves nobody else's": {
			touched: meant, base: with(still, full(100)),
			now:  func(int) []Neighbor { return with(many(3, 20), neighbor(2, accepts(40)), full(100)) },
			want: CheckFailed, within: 80, state: CheckFailed, check: "band", says: "from 100 to 40",
		},
		"import policy that is meant to move, and refuses all: failed, with how to go on": {
			touched: meant, base: with(still, full(14)),
			now:  func(int) []Neighbor { return with(still, full(0)) },
			want: CheckFailed, within: 60, state: CheckFailed, check: "band", says: "none of 100 prefixes received is accepted (14 before)",
		},
		"another import policy than before that refuses all: failed, planned or not": {
			touched: refresh, base: with(still, full(14)),
			now: func(int) []Neighbor {
				return with(still, neighbor(1, accepts(0), func(n *Neighbor) { n.Families[0].ImportPolicy = "other" }))
			},
			want: CheckFailed, within: 60, state: CheckFailed, check: "band", says: "expect_prefixes_ipv4",
		},
		"refuses all, and the router doesn't tell what it receives: failed": {
			touched: meant, base: with(still, full(14)),
			now:  func(int) []Neighbor { return with(still, neighbor(1, accepts(0), receives(nil))) },
			want: CheckFailed, within: 60, state: CheckFailed, check: "band", says: "unknown number",
		},
		"refuses all after the peer restarted the session: failed": {
			touched: meant, base: with(still, full(14)),
			now: func(s int) []Neighbor {
				switch {
				case s < 10:
					return with(still, full(0))
				case s == 10:
					return with(still, neighbor(1, cease))
				}
				return with(still, neighbor(1, accepts(0), bounced))
			},
			want: CheckFailed, within: 60, state: CheckFailed, check: "band", says: "none of",
		},
		"accepts nothing, as the plan says: recorded": {
			touched: ends, base: with(still, full(14)),
			now:  func(int) []Neighbor { return with(still, full(0)) },
			want: CheckPassed, within: 60, state: CheckRecorded, check: "band", says: "from 14 to 0",
		},
		"accepts nothing, as the plan says of the other family: failed": {
			touched: ends6, base: with(still, full(14)),
			now:  func(int) []Neighbor { return with(still, full(0)) },
			want: CheckFailed, within: 60, state: CheckFailed, check: "band", says: "ipv4: none of",
		},
		"peer that withdraws everything: recorded": {
			touched: meant, base: with(still, full(14)),
			now:  func(int) []Neighbor { return with(still, neighbor(1, accepts(0), receives(count(0)))) },
			want: CheckPassed, within: 60, state: CheckRecorded, check: "band", says: "from 14 to 0",
		},
		"session that accepted nothing before either": {
			touched: meant, base: with(still, full(0)),
			now:  func(int) []Neighbor { return with(still, full(0)) },
			want: CheckPassed, within: 60,
		},
		"reset session that takes its time to accept: waited for, passed": {
			touched: reset, base: with(still, full(14)),
			now: func(s int) []Neighbor {
				switch {
				case s < 55:
					return with(still, neighbor(1, down(DownOther)))
				case s < 65:
					return with(still, neighbor(1, accepts(0), bounced))
				}
				return with(still, neighbor(1, accepts(14), bounced))
			},
			want: CheckPassed, within: 75,
		},
		"touched session is held to what it accepted before": {
			touched: refresh, base: with(still, full(1000)),
			now:  func(int) []Neighbor { return with(still, full(10)) },
			want: CheckFailed, within: 60, state: CheckFailed, check: "band", says: "from 1000 to 10",
		},
		"peer that ceases and comes back with half of its prefixes: recorded": {
			base: with(still, full(5000)),
			now: func(s int) []Neighbor {
				switch {
				case s == 10:
					return with(still, neighbor(1, cease))
				case s > 10:
					return with(still, neighbor(1, accepts(2500), bounced))
				}
				return with(still, full(5000))
			},
			want: CheckPassed, within: 60, state: CheckRecorded, check: "band", says: "the peer restarted the session itself",
		},
		"two peers that cease and then refuse connections: recorded, by the first reason": {
			base: with(still, neighbor(1), neighbor(30)),
			now: func(s int) []Neighbor {
				if s < 20 {
					return with(still, neighbor(1, cease), neighbor(30, cease))
				}
				return with(still, neighbor(1, down(DownRefused)), neighbor(30, down(DownRefused)))
			},
			want: CheckPassed, within: 60, state: CheckRecorded, check: "collateral", says: "admin_peer",
		},
		"two peers that were away between two samples, and the router still tells why: recorded": {
			base: with(still, neighbor(1), neighbor(30)),
			now: func(s int) []Neighbor {
				told := func(n *Neighbor) { n.LastDown = DownAdminPeer }
				return with(still, neighbor(1, bounced, told), neighbor(30, bounced, told))
			},
			want: CheckPassed, within: 60, state: CheckRecorded, check: "collateral", says: "admin_peer",
		},
		"a peer's own cease doesn't hide a drop of ours later": {
			base: with(still, neighbor(1), neighbor(30)),
			now: func(s int) []Neighbor {
				switch {
				case s < 5:
					return with(still, neighbor(1, cease), neighbor(30, cease))
				case s < 10:
					return with(still, neighbor(1, bounced), neighbor(30, bounced))
				}
				return with(still, neighbor(1, down(DownHoldTimer)), neighbor(30, down(DownHoldTimer)))
			},
			want: CheckFailed, within: 10, state: CheckFailed, check: "collateral", says: "2 of 21",
		},
		"IPv6 that is lost doesn't hide behind IPv4": {
			base: with(nil, both(1, table, 5000), both(2, table, 5000)),
			now:  func(int) []Neighbor { return with(nil, both(1, table, 4000), both(2, table, 4000)) },
			want: CheckFailed, within: 60, state: CheckFailed, check: "router_band", says: "ipv6: the router's accepted prefixes went from 10000 to 8000",
		},
		"two VRFs with the same addresses are two neighbors": {
			base: with(still, neighbor(1), neighbor(1, inVRF("blue"))),
			now:  func(int) []Neighbor { return with(still, neighbor(1), neighbor(1, inVRF("blue"), accepts(10))) },
			want: CheckFailed, within: 60, state: CheckFailed, check: "band", says: "from 100 to 10",
		},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, ended := series(t, c.touched, c.base, c.now)
			if got.Outcome != c.want || ended > c.within {
				t.Errorf("got %s %q after %d s, want %s within %d s\n%+v", got.Outcome, got.Reason, ended, c.want, c.within, got.Checks)
			}
			if c.check != "" && !says(got, c.state, c.check, c.says) {
				t.Errorf("no %s check %s says %q: %+v", c.state, c.check, c.says, got.Checks)
			}
		})
	}
}

func inVRF(name string) func(*Neighbor) { return func(n *Neighbor) { n.VRF = name } }

// both is a neighbor with both families.
func both(host int, v4, v6 int64) Neighbor {
	return neighbor(host, accepts(v4), func(n *Neighbor) {
		n.Families = append(n.Families, FamilyState{Family: bgp.IPv6, Accepted: count(v6), ImportPolicy: "in", ExportPolicy: "out"})
	})
}

func TestExportGuardRefusesDefaultAndLongPrefixes(t *testing.T) {
	t.Parallel()
	counts := func(announced, def, long *int64) []ExportCount {
		return []ExportCount{{Family: bgp.IPv4, Announced: announced, Default: def, Long: long}}
	}
	for name, c := range map[string]struct {
		counted   []ExportCount
		allow     bool
		up        bool
		want      CheckState
		reason    string
		unchecked string
	}{
		"nothing of the kind":                       {counted: counts(count(3), count(0), count(0)), up: true, want: CheckPassed},
		"a default route":                           {counted: counts(count(3), count(1), count(0)), up: true, want: CheckFailed, reason: "announced a default route"},
		"a /25":                                     {counted: counts(count(3), count(0), count(1)), up: true, want: CheckFailed, reason: "announced 1 prefixes longer than /24"},
		"both, and the policy says so":              {counted: counts(count(3), count(1), count(1)), up: true, allow: true, want: CheckPassed},
		"not told is not checked":                   {counted: counts(count(3), nil, nil), up: true, want: CheckPassed, unchecked: "doesn't tell default and long"},
		"down, and its filter lets a leak pass":     {counted: counts(count(900), count(0), count(0)), want: CheckFailed, reason: "announced 900 prefixes, expected 3 (limit 13)"},
		"down, and its filter lets a default pass":  {counted: counts(count(3), count(1), count(0)), want: CheckFailed, reason: "default route"},
		"down, and its filter is in order":          {counted: counts(count(3), count(0), count(0)), want: CheckPassed},
		"down, and the router can't count a filter": {want: CheckPassed, unchecked: "guarded when it first comes up"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			n := neighbor(200)
			if !c.up {
				n = neighbor(200, down(DownNoAnswer))
			}
			touched := []TouchedSession{{Neighbor: n.Address, PeerAS: 64500, Added: true, Expect: []ExpectedExport{
				{Family: bgp.IPv4, Count: count(3), AllowDefault: c.allow, AllowLong: c.allow}}}}
			base := many(1, 3)
			got := Judge(LabProfile, touched, NewBaseline(base, base, nil, nil, start), Observation{Neighbors: with(base, n), Now: start.Add(20 * time.Second),
				Elapsed: 20 * time.Second, Exports: map[NeighborKey][]ExportCount{n.Key(): c.counted}, Earlier: stableWatch(base)})
			if got.Outcome != c.want || !strings.Contains(got.Reason, c.reason) {
				t.Errorf("got %s %q, want %s %q\n%+v", got.Outcome, got.Reason, c.want, c.reason, got.Checks)
			}
			if c.unchecked != "" && !says(got, CheckNotChecked, "export", c.unchecked) {
				t.Errorf("nothing says %q: %+v", c.unchecked, got.Checks)
			}
		})
	}
}

// stableWatch is what a soak remembers that saw these from its first second.
func stableWatch(base []Neighbor) Watch {
	return Watch{}.See(LabProfile, Baseline{}, base, start, 0)
}

func TestClockThatJumpsRestartsNoSessionAndEndsNoSoak(t *testing.T) {
	t.Parallel()
	base := many(1, 5)
	b := NewBaseline(base, base, nil, nil, start.Add(-time.Second))
	for name, c := range map[string]struct {
		jump time.Duration
		edit func(*Neighbor)
		want CheckState
	}{
		"forward by an hour, nothing happened":   {jump: time.Hour, want: CheckPending},
		"back by an hour, nothing happened":      {jump: -time.Hour, want: CheckPending},
		"forward by an hour, and they bounced":   {jump: time.Hour, edit: bounced, want: CheckFailed},
		"back by half an hour, and they bounced": {jump: -30 * time.Minute, edit: bounced, want: CheckFailed},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			now := many(1, 5, func(n *Neighbor) {
				if c.edit != nil {
					c.edit(n)
				}
				n.Since = n.Since.Add(c.jump) // drivers tell it by the distance from the router's own now
			})
			got := Judge(LabProfile, nil, b, Observation{Neighbors: now, Now: start.Add(10*time.Second + c.jump), Elapsed: 10 * time.Second, Earlier: stableWatch(base)})
			if got.Outcome != c.want {
				t.Errorf("got %s %q: %+v", got.Outcome, got.Reason, got.Checks)
			}
		})
	}
}

func TestSoakThatIsTakenOverGoesOnWithWhatWasStored(t *testing.T) {
	t.Parallel()
	base := many(1, 5)
	b := NewBaseline(base, base, nil, nil, start.Add(-time.Second))
	ceased := append(many(3, 5), many(1, 2, down(DownAdminPeer))...)
	stored := Judge(LabProfile, nil, b, Observation{Neighbors: ceased, Now: start.Add(time.Second), Elapsed: time.Second}).Watch
	refused := append(many(3, 5), many(1, 2, down(DownRefused))...)
	late := Observation{Neighbors: refused, Now: start.Add(20 * time.Second), Elapsed: 20 * time.Second}
	if got := Judge(LabProfile, nil, b, late); got.Outcome != CheckFailed {
		t.Errorf("without memory two that refuse count as ours: %s", got.Outcome)
	}
	late.Earlier = stored
	if got := Judge(LabProfile, nil, b, late); got.Outcome != CheckPassed {
		t.Errorf("with the stored watch: %s %s", got.Outcome, got.Reason)
	}
}

func TestBaselineAndVerdictSurviveStorage(t *testing.T) {
	t.Parallel()
	base := append(many(1, 2), neighbor(1, inVRF("blue")))
	b := NewBaseline(base, base, map[NeighborKey]string{neighbor(1, inVRF("blue")).Key(): "dropped 3 times"},
		map[NeighborKey]string{neighbor(2).Key(): "iBGP"}, start)
	now := Observation{Neighbors: append(many(1, 1), neighbor(2, down(DownAdminPeer))), Now: start.Add(time.Second), Elapsed: time.Second}
	v := Judge(LabProfile, nil, b, now)
	var storedBase Baseline
	var storedVerdict Verdict
	for from, to := range map[any]any{&b: &storedBase, &v: &storedVerdict} {
		text, err := json.Marshal(from)
		if err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(text, to); err != nil {
			t.Fatal(err)
		}
	}
	if !reflect.DeepEqual(storedBase.Ignored, b.Ignored) || !reflect.DeepEqual(storedBase.Protected, b.Protected) || len(b.Ignored) != 1 {
		t.Errorf("baseline: %+v, was %+v", storedBase, b)
	}
	if !reflect.DeepEqual(storedVerdict.Watch, v.Watch) || len(v.Watch.Left) != 1 || len(v.Watch.Levels) != 1 {
		t.Errorf("watch: %+v, was %+v", storedVerdict.Watch, v.Watch)
	}
}
