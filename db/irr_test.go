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
