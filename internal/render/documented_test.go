package render

import (
	"maps"
	"os"
	"slices"
	"strings"
	"testing"
)

func TestWhatATemplateSeesIsDocumented(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../../docs/templates.md")
	if err != nil {
		t.Fatal(err)
	}
	known := map[string]bool{}
	for _, word := range strings.FieldsFunc(string(text), func(r rune) bool {
		return r != '_' && (r < '0' || r > '9' && r < 'A' || r > 'Z' && r < 'a' || r > 'z')
	}) {
		known[word] = true
	}
	var names []string
	for _, n := range []*noun{systemNoun, groupNoun, exchangeNoun, connectionNoun, directNoun, ixpNoun, policyNoun, communityNoun, relationshipNoun, bfdNoun, routerNoun, platformNoun,
		configurationNoun, tagNoun, contactNoun, roleNoun, assignmentNoun, contextNoun, networkNoun, pdbExchangeNoun, lanNoun, portNoun, facilityNoun, organizationNoun, pocNoun} {
		names = append(names, n.names...)
	}
	for _, more := range [][]string{slices.Collect(maps.Keys(oursFields)), slices.Collect(maps.Keys(filters)), slices.Collect(maps.Keys(queryMethods)), slices.Collect(maps.Keys(operators)),
		slices.Collect(maps.Keys(includeTags)), slices.Collect(maps.Keys(globals)), slices.Collect(maps.Keys(ciphers))} {
		names = append(names, more...)
	}
	for _, name := range names {
		for _, word := range strings.Split(name, "-") {
			if !known[word] {
				t.Errorf("docs/templates.md doesn't tell of %s", name)
			}
		}
	}
}
