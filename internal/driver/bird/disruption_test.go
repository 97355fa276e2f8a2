package bird_test

import (
	"strings"
	"testing"

	"peerflow/internal/driver/bird"
	"peerflow/internal/peering"
)

const session = `protocol bgp as64501_1 {
	description "first; and { not } a block";
	local 192.0.2.1 as 64496;
	neighbor 192.0.2.2 as 64501; # their router
	hold time 90;
	password "{secret:17@3}";
	ipv4 {
		import filter pf_in;
		export where net ~ [ 203.0.113.0/24 ];
		import limit 100 action disable;
	};
}
`

func TestDisruption(t *testing.T) {
	t.Parallel()
	change := func(from, to string) string { return strings.Replace(session, from, to, 1) }
	tests := map[string]struct {
		before, after string
		want          peering.Disruption
	}{
		"a new session disturbs nobody":            {"", session, peering.DisruptsNone},
		"a removed session goes down":              {session, "", peering.DisruptsReset},
		"the same again":                           {session, session, peering.DisruptsNone},
		"a description":                            {session, change("first", "second"), peering.DisruptsNone},
		"a comment":                                {session, change("their", "the other"), peering.DisruptsNone},
		"a limit":                                  {session, change("limit 100", "limit 200"), peering.DisruptsNone},
		"a filter is evaluated again":              {session, change("filter pf_in", "filter pf_other"), peering.DisruptsRefresh},
		"a condition is evaluated again":           {session, change("203.0.113.0/24", "198.51.100.0/24"), peering.DisruptsRefresh},
		"filter instead of all":                    {session, change("import filter pf_in", "import all"), peering.DisruptsRefresh},
		"hold time":                                {session, change("hold time 90", "hold time 30"), peering.DisruptsReset},
		"password":                                 {session, change("17@3", "17@4"), peering.DisruptsReset},
		"no password":                              {session, change("\tpassword \"{secret:17@3}\";\n", ""), peering.DisruptsReset},
		"neighbor's AS":                            {session, change("as 64501;", "as 64502;"), peering.DisruptsReset},
		"neighbor's address":                       {session, change("192.0.2.2", "192.0.2.3"), peering.DisruptsReset},
		"local address":                            {session, change("192.0.2.1", "192.0.2.4"), peering.DisruptsReset},
		"another family":                           {session, change("\tipv4 {", "\tipv6 { import none; export none; };\n\tipv4 {"), peering.DisruptsReset},
		"another template":                         {session, change("bgp as64501_1", "bgp as64501_1 from other"), peering.DisruptsReset},
		"an option of the channel nobody measured": {session, change("import limit", "add paths rx;\nimport limit"), peering.DisruptsReset},
		"the worst of two counts":                  {session, strings.NewReplacer("first", "x", "time 90", "time 9").Replace(session), peering.DisruptsReset},
		"a filter":                                 {"filter f { accept; }", "filter f { reject; }", peering.DisruptsRefresh},
		"a set of prefixes":                        {"define P = [ 10.0.0.0/8 ];", "define P = [ 10.0.0.0/9 ];", peering.DisruptsRefresh},
		"a number may be a timer somewhere":        {"define H = 9;", "define H = 90;", peering.DisruptsUnknown},
		"announced routes of a static protocol":    {"protocol static s { ipv4; route 10.0.0.0/8 blackhole; }", "protocol static s { ipv4; }", peering.DisruptsRefresh},
		"a template counts for the sessions that follow it": {"template bgp t { hold time 9; }", "template bgp t { hold time 90; }", peering.DisruptsReset},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := (bird.Syntax{}).Disruption(stanza(t, tt.before), stanza(t, tt.after)); got != tt.want {
				t.Errorf("got %s, want %s", got, tt.want)
			}
		})
	}
}

// stanza cuts a text of one block; "" is none.
func stanza(t *testing.T, text string) *peering.Stanza {
	t.Helper()
	if text == "" {
		return nil
	}
	list, err := bird.Syntax{}.Split(text)
	if err != nil || len(list) != 1 {
		t.Fatalf("%d stanzas, %v", len(list), err)
	}
	return &list[0]
}
