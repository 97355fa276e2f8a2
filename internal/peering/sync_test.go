package peering

import (
	"net/netip"
	"testing"

	"pgregory.net/rapid"
)

// storedSyncs are those that a record may hold: deploying and removing are derived.
var storedSyncs = []Sync{SyncUnknown, NotDeployed, InSync, Drifted, Reverted, SyncInterfered, ProvenAbsent}

var syncEvents = []SyncEvent{EventRecorded, EventTakenBack, EventInterfered, EventSame, EventOther, EventNone, EventGone, EventTakenOff}

func TestWhereASessionStandsToItsRouter(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		was    Sync
		event  SyncEvent
		wanted Intent
		want   Sync
	}{
		"a confirmed deployment brings it there":               {NotDeployed, EventRecorded, Present, InSync},
		"one that shuts it does too":                           {InSync, EventRecorded, Shutdown, InSync},
		"a confirmed deployment mends drift":                   {Drifted, EventRecorded, Present, InSync},
		"and interference":                                     {SyncInterfered, EventRecorded, Present, InSync},
		"and what was taken back before":                       {Reverted, EventRecorded, Present, InSync},
		"one that takes it off proves it absent":               {InSync, EventRecorded, Removing, ProvenAbsent},
		"what is recorded was taken back":                      {InSync, EventTakenBack, Present, Reverted},
		"and was never there":                                  {NotDeployed, EventTakenBack, Present, Reverted},
		"a drifted base is drifted still":                      {Drifted, EventTakenBack, Present, Drifted},
		"interference is told until somebody looked":           {SyncInterfered, EventTakenBack, Present, SyncInterfered},
		"interference claims nothing":                          {InSync, EventInterfered, Present, SyncInterfered},
		"somebody edits it by hand":                            {InSync, EventOther, Present, Drifted},
		"somebody brings it back by hand":                      {ProvenAbsent, EventOther, Absent, Drifted},
		"what somebody left in our window isn't told as drift": {SyncInterfered, EventOther, Present, SyncInterfered},
		"the edit is taken back":                               {Drifted, EventSame, Present, InSync},
		"the router is read as we left it":                     {SyncInterfered, EventSame, Present, InSync},
		"a read doesn't deploy what was taken back":            {Reverted, EventSame, Present, Reverted},
		"nor what was never deployed":                          {NotDeployed, EventSame, Present, NotDeployed},
		"what somebody typed is gone again":                    {Drifted, EventNone, Present, NotDeployed},
		"so is what was off the router":                        {Drifted, EventNone, Absent, ProvenAbsent},
		"nothing there, as recorded":                           {NotDeployed, EventNone, Present, NotDeployed},
		"somebody takes off what is to be removed":             {InSync, EventGone, Removing, ProvenAbsent},
		"and brings it back":                                   {ProvenAbsent, EventSame, Removing, InSync},
		"another session has the address of one that was":      {ProvenAbsent, EventSame, Absent, ProvenAbsent},
		"gone as recorded, and wanted all the same":            {InSync, EventGone, Present, InSync},
		"drifted, and a person took it off as proposed":        {Drifted, EventTakenOff, Present, Drifted},
		"taken off as proposed, and as recorded":               {InSync, EventTakenOff, Removing, ProvenAbsent},
		"one that no deployment of ours carried":               {InSync, EventNone, Present, InSync},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := tt.was.After(tt.event, tt.wanted); got != tt.want {
				t.Errorf("%s after %s is %s, want %s", tt.was, tt.event, got, tt.want)
			}
		})
	}
}

// Whatever happens, a session shows as deploying while a deployment that touches
// it is in flight, and never otherwise; telling the same again moves nothing.
func TestNoSessionStaysBehindAsDeploying(t *testing.T) {
	t.Parallel()
	states := []DeploymentState{DeploymentQueued, DeploymentCommitting, DeploymentSoaking, DeploymentUnknown, DeploymentNeedsOperator,
		DeploymentConfirmed, DeploymentStale, DeploymentCancelled, DeploymentFailed, DeploymentRolledBack, DeploymentInterfered}
	rapid.Check(t, func(r *rapid.T) {
		stored := rapid.SampledFrom(storedSyncs).Draw(r, "stored")
		for range rapid.IntRange(1, 20).Draw(r, "events") {
			e := rapid.SampledFrom(syncEvents).Draw(r, "event")
			intent := rapid.SampledFrom([]Intent{Absent, Present, Draining, Shutdown, Removing}).Draw(r, "intent")
			stored = stored.After(e, intent)
			if again := stored.After(e, intent); again != stored {
				r.Fatalf("%s, and told again %s", stored, again)
			}
			d, removed := rapid.SampledFrom(states).Draw(r, "deployment"), rapid.Bool().Draw(r, "removed")
			shown := SyncUnderWay(stored, d, removed)
			busy := shown == Deploying || shown == SyncRemoving
			if busy != (d.InFlight() && d != DeploymentNeedsOperator) {
				r.Fatalf("%s while its deployment is %s", shown, d)
			}
			if !d.InFlight() && shown != stored {
				r.Fatalf("shows %s for %s, and nothing is in flight", shown, stored)
			}
		}
	})
}

func TestWhatAReadSaysOfSessions(t *testing.T) {
	t.Parallel()
	one, two := netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("192.0.2.2")
	filter := func(text string) Stanza { return Stanza{Key: "filter", Text: text} }
	session := func(key string, addr netip.Addr, text string, refs ...string) Stanza {
		return Stanza{Key: key, Text: text, Neighbor: addr, Refs: refs}
	}
	set := func(all ...Stanza) map[string]Stanza {
		m, err := StanzaMap(all)
		if err != nil {
			t.Fatal(err)
		}
		return m
	}
	deployed := set(filter("f\n"), session("one", one, "1\n", "filter"), session("two", two, "2\n"))
	for name, tt := range map[string]struct {
		running, recorded map[string]Stanza
		want              map[netip.Addr]SyncEvent
	}{
		"all as deployed":                      {deployed, nil, map[netip.Addr]SyncEvent{one: EventSame, two: EventSame}},
		"an edited session":                    {set(filter("f\n"), session("one", one, "1\n", "filter"), session("two", two, "x\n")), nil, map[netip.Addr]SyncEvent{one: EventSame, two: EventOther}},
		"a session taken off":                  {set(filter("f\n"), session("one", one, "1\n", "filter")), nil, map[netip.Addr]SyncEvent{one: EventSame, two: EventOther}},
		"an edited filter reaches who uses it": {set(filter("x\n"), session("one", one, "1\n", "filter"), session("two", two, "2\n")), nil, map[netip.Addr]SyncEvent{one: EventOther, two: EventSame}},
		"an edit that the record took over":    {set(filter("x\n"), session("one", one, "1\n", "filter"), session("two", two, "2\n")), set(filter("x\n")), map[netip.Addr]SyncEvent{one: EventSame, two: EventSame}},
		"taken off, as it is recorded":         {set(filter("f\n"), session("one", one, "1\n", "filter")), set(filter("f\n")), map[netip.Addr]SyncEvent{one: EventSame, two: EventGone}},
		"everything gone":                      {nil, nil, map[netip.Addr]SyncEvent{one: EventOther, two: EventOther}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := SyncBasis{Ledger: map[string]string{}}
			for key, s := range deployed {
				b.Ledger[key] = s.Hash()
			}
			moves := b.Moved(tt.running)
			if tt.recorded != nil {
				moves = Unrecorded(moves, tt.recorded)
			}
			got := SyncRead(deployed, tt.running, moves, nil)
			if len(got) != len(tt.want) || got[one] != tt.want[one] || got[two] != tt.want[two] {
				t.Errorf("%v, want %v", got, tt.want)
			}
		})
	}
}

func TestAProposedRemovalThatWasPastedIsNotInSync(t *testing.T) {
	t.Parallel()
	peer := netip.MustParseAddr("192.0.2.1")
	deployed := map[string]Stanza{"one": {Key: "one", Text: "1\n", Neighbor: peer}}
	b := SyncBasis{Ledger: map[string]string{"one": deployed["one"].Hash()}, Proposed: []Move{{Key: "one"}}}
	got := SyncRead(deployed, nil, b.Moved(nil), b.Proposed)
	if sync := Drifted.After(got[peer], Present); got[peer] != EventTakenOff || sync != Drifted {
		t.Errorf("a read says %v: the session is %s", got, sync)
	}
}

// Between the paste and the look that sees it, what was proposed is no drift; anything else is.
func TestWhatWasPastedAsProposedIsNoDrift(t *testing.T) {
	t.Parallel()
	before, after, other := Stanza{Key: "a", Text: "1\n"}, Stanza{Key: "a", Text: "2\n"}, Stanza{Key: "a", Text: "3\n"}
	b := SyncBasis{Ledger: map[string]string{"a": before.Hash()}, Proposed: []Move{{Key: "a", After: after.Hash()}}}
	for _, c := range []struct {
		runs Stanza
		want int
	}{{before, 0}, {after, 0}, {other, 1}} {
		if moves := b.Moved(map[string]Stanza{"a": c.runs}); len(moves) != c.want {
			t.Errorf("running %q is %v", c.runs.Text, moves)
		}
	}
	if moves := b.Moved(nil); len(moves) != 1 {
		t.Errorf("taken off is %v", moves)
	}
}
