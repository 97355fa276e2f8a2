package db_test

import (
	"strings"
	"testing"
	"time"

	"peerflow/db/dbtest"
	"peerflow/internal/peering"
	"peerflow/internal/render"
)

// prefixes is a list of kind ipv4 with some entries.
func prefixes(entries ...string) peering.IRRList {
	return peering.IRRList{Kind: peering.IRRPrefixes4, Entries: strings.Join(entries, "\n"), Count: len(entries), Source: "bgpq4 AS-EXAMPLE", FetchedAt: time.Date(2026, 2, 3, 4, 5, 6, 0, time.UTC)}
}

func TestListsOfANetworkReachItsRoutersTemplates(t *testing.T) {
	t.Parallel()
	d := dbtest.New(t)
	n := smallNetwork(t, d)
	numbers := peering.IRRList{Kind: peering.IRRNumbers, Entries: "64501\n64510", Count: 2, FetchedAt: time.Now()}
	if err := d.PutIRRLists(t.Context(), anna, n.peer.ID, []peering.IRRList{prefixes("192.0.2.0/24", "203.0.113.0/24{,26}"), numbers}, false); err != nil {
		t.Fatal(err)
	}
	rendered := func() string {
		t.Helper()
		desired, err := d.Desired(t.Context(), n.router.ID)
		if err != nil {
			t.Fatal(err)
		}
		desired.Template.Body = "{% for a in autonomous_systems %}{{ a.asn }}: {{ a | prefix_list(4) }} {{ a | prefix_list(6) }} {{ a | as_list }}{% endfor %}"
		text, lines, err := render.RouterWithOrigins(t.Context(), desired)
		if err != nil {
			t.Fatal(err)
		}
		for _, field := range []string{"|prefix_list", "|as_list"} {
			named := false
			for _, f := range lines[0].Fields {
				named = named || strings.HasPrefix(f.Record, "autonomous system ") && f.Field == field
			}
			if !named {
				t.Errorf("the line's origin doesn't name %s: %+v", field, lines[0])
			}
		}
		return text
	}
	const both = "64501: [{'exact': True, 'prefix': '192.0.2.0/24'}, {'exact': False, 'prefix': '203.0.113.0/24', 'less-equal': 26}] [] [64501, 64510]"
	if got := rendered(); got != both {
		t.Errorf("got\n%s\nwant\n%s", got, both)
	}

	// What a registry gives that fails is nothing: it takes a word to empty a list.
	err := d.PutIRRLists(t.Context(), anna, n.peer.ID, []peering.IRRList{prefixes()}, false)
	if peering.KindOf(err) != peering.Conflict || !strings.Contains(err.Error(), "has 2 entries") || rendered() != both {
		t.Errorf("emptied by mistake: %v", err)
	}
	if err := d.PutIRRLists(t.Context(), anna, n.peer.ID, []peering.IRRList{prefixes()}, true); err != nil {
		t.Fatal(err)
	}
	if got := rendered(); got != "64501: [] [] [64501, 64510]" {
		t.Errorf("emptied on purpose: %s", got)
	}
	if err := d.PutIRRLists(t.Context(), anna, 999, []peering.IRRList{prefixes("192.0.2.0/24")}, false); peering.KindOf(err) != peering.NotFound {
		t.Errorf("of a network that isn't there: %v", err)
	}
	if _, err := d.IRRLists(t.Context(), 999); peering.KindOf(err) != peering.NotFound {
		t.Errorf("read of a network that isn't there: %v", err)
	}

	var entries, longest int
	sqlRead(t, d, `SELECT count(*), max(length(after::text)) FROM change_log WHERE object = 'irr_list' AND object_id = $1`, []any{n.peer.ID}, &entries, &longest)
	if entries != 2 || longest > 400 {
		t.Errorf("%d entries in the change log, the longest of %d bytes: want the two writes, with counts alone", entries, longest)
	}
}

func TestWhoRecordsAListIsAnAuthorOfWhatIsPending(t *testing.T) {
	t.Parallel()
	d := dbtest.New(t)
	n := smallNetwork(t, d)
	other := mustCreate(t, d.AutonomousSystems(), peering.AutonomousSystem{ASN: 64509})
	for name, network := range map[string]int64{"ida": n.peer.ID, "joe": other.ID} {
		u := newUser(t, d, name, peering.Operator)
		by := peering.Actor{Kind: peering.ActorUser, UserID: u.ID, Name: name, Roles: u.Roles}
		if err := d.PutIRRLists(t.Context(), by, network, []peering.IRRList{prefixes("192.0.2.0/24")}, false); err != nil {
			t.Fatal(err)
		}
	}
	users, err := d.PendingAuthors(t.Context(), n.router.ID)
	if err != nil || len(users) != 1 || users[0].Name != "ida" {
		t.Errorf("pending authors %+v, %v: want ida, and not joe, whose network has no session there", users, err)
	}
}

// Whoever asks an IRR each night records the same list most of the time: that edits nothing, and holds nobody from approving.
func TestTheSameListAgainIsNoEdit(t *testing.T) {
	t.Parallel()
	d := dbtest.New(t)
	n := smallNetwork(t, d)
	put := func(l peering.IRRList, at time.Time) error {
		l.FetchedAt = at
		return d.PutIRRLists(t.Context(), anna, n.peer.ID, []peering.IRRList{l}, false)
	}
	head := func() (l peering.IRRList) {
		t.Helper()
		lists, err := d.IRRLists(t.Context(), n.peer.ID)
		if err != nil {
			t.Fatal(err)
		}
		return lists[peering.IRRPrefixes4]
	}
	logged := func(want int, text ...string) {
		t.Helper()
		var entries int
		var last string
		sqlRead(t, d, `SELECT count(*), coalesce(max(before::text || after::text) FILTER (WHERE id = (SELECT max(id) FROM change_log)), '') FROM change_log WHERE object = 'irr_list'`, nil, &entries, &last)
		if entries != want {
			t.Errorf("%d entries in the change log, want %d", entries, want)
		}
		for _, part := range text {
			if !strings.Contains(last, part) {
				t.Errorf("the log says %s, want %s", last, part)
			}
		}
	}
	first, second, third := prefixes().FetchedAt, prefixes().FetchedAt.Add(time.Hour), prefixes().FetchedAt.Add(2*time.Hour)
	if err := put(prefixes("192.0.2.0/24"), first); err != nil {
		t.Fatal(err)
	}
	logged(1)
	recorded := head().UpdatedAt
	again := prefixes("192.0.2.0/24")
	again.Source = "bgpq3"
	if err := put(again, second); err != nil {
		t.Fatal(err)
	}
	logged(1)
	if l := head(); !l.FetchedAt.Equal(second) || l.Source != "bgpq3" || !l.UpdatedAt.Equal(recorded) {
		t.Errorf("the same list again is %+v: want when it was fetched last, and recorded when it was first", l)
	}
	for name, l := range map[string]peering.IRRList{"an older list": prefixes("203.0.113.0/24"), "the same list, older": prefixes("192.0.2.0/24")} {
		err := put(l, first)
		wantKind(t, name, err, peering.Conflict)
		if err == nil || !strings.Contains(err.Error(), "ask the IRR again") {
			t.Errorf("%s: %v", name, err)
		}
	}
	if l := head(); l.Entries != "192.0.2.0/24" || !l.FetchedAt.Equal(second) {
		t.Errorf("an older list came over it: %+v", l)
	}
	wantKind(t, "a list from the future", put(prefixes("203.0.113.0/24"), time.Now().Add(time.Hour)), peering.Invalid)
	if err := put(prefixes("203.0.113.0/24"), third); err != nil {
		t.Fatal(err)
	}
	logged(2, peering.HashText("192.0.2.0/24"), peering.HashText("203.0.113.0/24"))

	// Of several lists, the log has those that differ.
	six := peering.IRRList{Kind: peering.IRRPrefixes6, Entries: "2001:db8::/32", Count: 1, FetchedAt: third}
	if err := d.PutIRRLists(t.Context(), anna, n.peer.ID, []peering.IRRList{head(), six}, false); err != nil {
		t.Fatal(err)
	}
	logged(3, "ipv6")
	var fours int
	sqlRead(t, d, `SELECT count(*) FROM change_log WHERE id = (SELECT max(id) FROM change_log) AND (before ? 'ipv4' OR after ? 'ipv4')`, nil, &fours)
	if fours != 0 {
		t.Error("the log of another list names the one that stays")
	}
}
