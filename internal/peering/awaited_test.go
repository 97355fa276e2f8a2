package peering

import (
	"net/netip"
	"testing"
)

func TestAwaitedSessionsAreToldInOneLine(t *testing.T) {
	t.Parallel()
	up := AwaitedSession{ASN: 64501, Address: netip.MustParseAddr("192.0.2.7"), Router: "edge1", Up: true}
	away := AwaitedSession{ASN: 64501, Address: netip.MustParseAddr("2001:db8::7"), Router: "edge2", Why: "never up (no_answer)"}
	for name, c := range map[string]struct {
		told        Awaited
		event, text string
	}{
		"a reminder names who isn't there":  {Awaited{Number: 1, Days: 1, Sessions: []AwaitedSession{up, away}}, "reminder", "1 of 2 sessions up after 1 day; not up: AS64501 2001:db8::7 on edge2 (never up (no_answer))"},
		"the report of one that never came": {Awaited{Days: 14, Sessions: []AwaitedSession{away}}, "report", "0 of 1 session up after 14 days; not up: AS64501 2001:db8::7 on edge2 (never up (no_answer))"},
		"the report when all came up":       {Awaited{Days: 3, Sessions: []AwaitedSession{up}}, "report", "1 of 1 session up after 3 days"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if c.told.Event() != c.event || c.told.Text() != c.text {
				t.Errorf("%s: %q", c.told.Event(), c.told.Text())
			}
		})
	}
}
