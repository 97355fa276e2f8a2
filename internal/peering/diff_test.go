package peering

import "testing"

func TestDiffComparesStanzaByStanza(t *testing.T) {
	t.Parallel()
	stanza := func(key, text string) Stanza { return Stanza{Key: key, Text: text} }
	cases := map[string]struct {
		before, after []Stanza
		want          string
	}{
		"equal text has no difference": {
			[]Stanza{stanza("a", "x\n")}, []Stanza{stanza("a", "x\n")}, ""},
		"another order of stanzas is no difference": {
			[]Stanza{stanza("a", "x\n"), stanza("b", "y\n")}, []Stanza{stanza("b", "y\n"), stanza("a", "x\n")}, ""},
		"the same lines in another stanza are removed there and added here": {
			[]Stanza{stanza("a", "x\n  limit 100\n"), stanza("b", "y\n")}, []Stanza{stanza("a", "x\n"), stanza("b", "y\n  limit 100\n")},
			"@@ a @@\n  x\n-   limit 100\n@@ b @@\n  y\n+   limit 100\n"},
		"two stanzas that swap their lines differ": {
			[]Stanza{stanza("a", "x\n"), stanza("b", "y\n")}, []Stanza{stanza("a", "y\n"), stanza("b", "x\n")},
			"@@ a @@\n- x\n+ y\n@@ b @@\n- y\n+ x\n"},
		"another order of lines within a stanza is a difference": {
			[]Stanza{stanza("a", "x\ny\n")}, []Stanza{stanza("a", "y\nx\n")}, "@@ a @@\n- x\n  y\n+ x\n"},
		"a stanza that comes and one that goes": {
			[]Stanza{stanza("a", "x\n")}, []Stanza{stanza("b", "x\n")}, "@@ a @@\n- x\n@@ b @@\n+ x\n"},
		"another version of a secret is a line of its own, without its id": {
			[]Stanza{stanza("a", "password \"{secret:17@3}\";\n")}, []Stanza{stanza("a", "password \"{secret:17@4}\";\n")},
			"@@ a @@\n- password \"<secret v3>\";\n+ password \"<secret v4>\";\n"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			before, err := StanzaMap(c.before)
			if err != nil {
				t.Fatal(err)
			}
			if got := HideSecrets(Diff(before, c.after)); got != c.want {
				t.Errorf("got\n%swant\n%s", got, c.want)
			}
		})
	}
}
