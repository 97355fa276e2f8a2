package peering_test

import (
	"net/netip"
	"strings"
	"testing"

	"peerflow/internal/peering"
)

func TestWhatMovesOfPrefixLists(t *testing.T) {
	t.Parallel()
	filter := func(prefixes ...string) string {
		text := "filter pf_ours {\n"
		for _, p := range prefixes {
			text += "  if net = " + p + " then accept;\n"
		}
		return text + "  reject;\n}\n"
	}
	set := func(prefixes ...string) string { return "define OURS = [ " + strings.Join(prefixes, ", ") + " ];\n" }
	oc := func(prefixes ...string) string {
		for i, p := range prefixes {
			prefixes[i] = `{"config":{"ip-prefix":"` + p + `","masklength-range":"exact"},"ip-prefix":"` + p + `"}`
		}
		return `{"prefix-set":{"config":{"mode":"IPV4","name":"pf-ours"},"prefixes":{"prefix":[` + strings.Join(prefixes, ",") + "]}}}\n"
	}
	a, b, c := "192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24"
	tests := map[string]struct {
		before, after string
		want          peering.FilterChange
	}{
		"an entry more in a filter":       {filter(a), filter(a, b), peering.FilterChange{Added: 1, Only: true}},
		"one comes and two go":            {filter(a, b), filter(c), peering.FilterChange{Added: 1, Removed: 2, Only: true}},
		"in a set on one line":            {set(a), set(a, b, c), peering.FilterChange{Added: 2, Only: true}},
		"with ranges of one form":         {set(a + "+"), set(a+"+", b+"+"), peering.FilterChange{Added: 1, Only: true}},
		"IPv6":                            {set("2001:db8::/32"), set("2001:db8::/32", "2001:db8:1::/48"), peering.FilterChange{Added: 1, Only: true}},
		"in OpenConfig":                   {oc(a), oc(a, b, c), peering.FilterChange{Added: 4, Only: true}},
		"the first entry of all":          {filter(), filter(a), peering.FilterChange{Added: 1}},
		"the last entry of all":           {filter(a), filter(), peering.FilterChange{Removed: 1}},
		"a new list":                      {"", filter(a), peering.FilterChange{}},
		"a list that goes":                {filter(a), "", peering.FilterChange{}},
		"more than entries":               {filter(a), strings.Replace(filter(a, b), "reject", "accept", 1), peering.FilterChange{Added: 1}},
		"an entry of another form":        {filter(a), strings.Replace(filter(a, b), b+" then accept", b+"+ then accept", 1), peering.FilterChange{Added: 1}},
		"an entry that does the opposite": {filter(a), strings.Replace(filter(a, b), b+" then accept", b+" then reject", 1), peering.FilterChange{Added: 1}},
		"a default route":                 {filter(a), filter(a, "0.0.0.0/0"), peering.FilterChange{Added: 1}},
		"an IPv6 default route":           {set("2001:db8::/32"), set("2001:db8::/32", "::/0"), peering.FilterChange{Added: 1}},
		"half the Internet":               {filter(a), filter(a, "128.0.0.0/1"), peering.FilterChange{Added: 1}},
		"what looks like a prefix":        {"description \"rack 3/24\";\n", "description \"rack 4/24\";\n", peering.FilterChange{}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			side := func(text string) map[string]peering.Stanza {
				if text == "" {
					return nil
				}
				return map[string]peering.Stanza{"x": {Key: "x", Text: text}}
			}
			if got := peering.Filters(side(test.before), side(test.after), []peering.Move{{Key: "x"}}); got != test.want {
				t.Errorf("got %+v, want %+v", got, test.want)
			}
		})
	}
	session := map[string]peering.Stanza{"s": {Key: "s", Text: "protocol bgp\n", Neighbor: netip.MustParseAddr("192.0.2.9")}}
	if got := peering.Filters(session, session, []peering.Move{{Key: "s"}}); got.Only {
		t.Error("a session's own stanza counts as a prefix list")
	}
}
