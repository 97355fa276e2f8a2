package peering

import (
	"fmt"
	"strings"
	"testing"
)

func TestARouterDiffSaysWhichSideMoved(t *testing.T) {
	t.Parallel()
	was, edited, typed := "limit 100;\n", "limit 200;\n", "limit 300;\n"
	const key = "protocol/as64501_1"
	at := func(text string) map[string]Stanza {
		if text == "" {
			return nil
		}
		return map[string]Stanza{key: {Key: key, Text: text}}
	}
	flight := []UnderWay{{ChangeID: 7, Moves: []Move{{Key: key, Before: HashText(was), After: HashText(edited)}}}}
	for name, tt := range map[string]struct {
		runs, recorded, deployed string
		flying                   []UnderWay
		want                     string
	}{
		"nothing moved":                                  {was, was, was, nil, "[]"},
		"both moved to the same text":                    {edited, edited, was, nil, "[]"},
		"the record moved: pending":                      {was, edited, was, nil, "[[pending] 0]"},
		"a new record: pending":                          {"", edited, "", nil, "[[pending] 0]"},
		"the router moved: drift":                        {typed, was, was, nil, "[[drift] 0]"},
		"somebody took it off the router: drift":         {"", was, was, nil, "[[drift] 0]"},
		"both moved, to different texts":                 {typed, edited, was, nil, "[[pending drift] 0]"},
		"a change under way put it there":                {edited, was, was, flight, "[[deploying] 7]"},
		"a change under way doesn't excuse another text": {typed, was, was, flight, "[[drift] 0]"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ledger := map[string]string{}
			if tt.deployed != "" {
				ledger[key] = HashText(tt.deployed)
			}
			var got []string
			for _, d := range DiffStanzas(at(tt.runs), at(tt.recorded), ledger, tt.flying) {
				got = append(got, fmt.Sprint(d.Labels, " ", d.ChangeID))
				if !strings.Contains(d.Text, "@@ "+key+" @@") {
					t.Errorf("the text doesn't name its stanza: %s", d.Text)
				}
			}
			if fmt.Sprint(got) != tt.want {
				t.Errorf("%v, want %s", got, tt.want)
			}
		})
	}
}

func TestARouterDiffShowsNoSecret(t *testing.T) {
	t.Parallel()
	recorded := map[string]Stanza{"a": {Key: "a", Text: "password \"{secret:17@3}\";\n"}}
	got := DiffStanzas(nil, recorded, nil, nil)[0].Text
	if want := "@@ a @@\n+ password \"<secret v3>\";\n"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}
