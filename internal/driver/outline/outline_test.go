package outline_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"peerflow/internal/driver/outline"
	"peerflow/internal/peering"
)

var lines = outline.Syntax{
	Indent: " ", Closes: map[string]string{"address-family": "exit-address-family"}, Verbatim: map[string]string{"route-policy": "end-policy"},
	Classes: []outline.Class{
		{Path: []string{"prefix-list *"}, Effect: peering.DisruptsRefresh}, {Path: []string{"route-policy *"}}, {Path: []string{"router bgp *", "neighbor *"}, Session: true},
	},
	Effects: []outline.Effect{{Words: "description", Does: peering.DisruptsNone}, {Words: "route-map", Does: peering.DisruptsRefresh}},
}

var semicolons = outline.Syntax{
	Indent: "  ", Braces: true, End: ";",
	Classes: []outline.Class{{Path: []string{"policies", "policy *"}}, {Path: []string{"instances", "*", "bgp", "group *"}, Session: true}, {Path: []string{"bgp", "group *"}, Session: true}},
}

var newlines = outline.Syntax{
	Indent: "  ", Braces: true, Classes: []outline.Class{{Path: []string{"policies", "policy *"}}, {Path: []string{"bgp", "neighbor *"}, Session: true}},
}

const ofLines = `! written by hand
prefix-list a seq 5 permit 192.0.2.0/24
prefix-list a seq 10 permit 198.51.100.0/24
route-policy p
  if destination in a then
   pass

  endif
end-policy
router bgp 64496
  neighbor 192.0.2.1 remote-as 64501
  neighbor 192.0.2.2 remote-as 64502
  neighbor 192.0.2.1 description about p
  address-family ipv4
    neighbor 192.0.2.1 route-policy p in
    no neighbor 192.0.2.2 activate
  exit-address-family
  address-family ipv4 vrf red
    neighbor 192.0.2.1 remote-as 64503
`

const ofSemicolons = `/* two
lines */
policies { policy a { then accept; } policy "b c" { from policy a; } } # the rest
groups { replace: ours {
  bgp { group g1 { neighbor 192.0.2.1 { description "a; } \" {"; import [ a
     "b c" ]; } } }
  instances { red { bgp { group g1 { neighbor 2001:db8::1; family inet { unicast { } } } } } }
} }
`

const ofNewlinesInBraces = "bgp { group g1 { neighbor 192.0.2.1; } }"

const ofNewlines = `configure {
    policies { policy "a" { action accept } }
    bgp {
        neighbor "192.0.2.1" {
            import [ "a" "x" ]
            empty {
            }
        }
    }
}
`

var marks = outline.Syntax{
	Indent: "  ", Braces: true, End: ";", XML: true,
	Classes: []outline.Class{{Path: []string{"policies", "policy *"}}, {Path: []string{"instances", "instance *", "bgp", "group *"}, Session: true}, {Path: []string{"bgp", "group *"}, Session: true}},
}

const ofMarks = `<?xml version="1.0"?>
<!-- two
lines --><configuration xmlns="http://example.net/junos">
  <policies><policy><name>a</name><term><name>1</name><then><accept/></then></term><term><name>2</name><then><accept></accept></then></term></policy>
    <policy> <name>b &lt;c</name> <from><policy>a</policy></from> </policy></policies>
  <bgp><group replace="replace"><name>g1</name><neighbor><name>192.0.2.1</name><description>a &amp; "b"</description>
    <import>a</import><import>b &lt;c</import></neighbor></group></bgp>
  <instances><instance><name>red</name><bgp><group><name>g1</name><neighbor><name>2001:db8::1</name></neighbor></group></bgp></instance></instances>
</configuration>
`

func rows(t *testing.T, x outline.Syntax, text string) string {
	t.Helper()
	cut, err := x.Split(text)
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, s := range cut {
		out = append(out, fmt.Sprintf("%s | %s | %v", s.Key, strings.Join(s.Refs, ", "), s.Neighbor))
	}
	return strings.Join(out, "\n")
}

func TestSplitGivesEachStatementToItsStanza(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		syntax     outline.Syntax
		text, want string
	}{
		"indentation": {lines, ofLines, `prefix-list a |  | invalid IP
route-policy p | prefix-list a | invalid IP
router bgp 64496/neighbor 192.0.2.1 | route-policy p | 192.0.2.1
router bgp 64496/neighbor 192.0.2.2 |  | 192.0.2.2
router bgp 64496/vrf red/neighbor 192.0.2.1 |  | 192.0.2.1`},
		"semicolons": {semicolons, ofSemicolons, `policies/policy a |  | invalid IP
policies/policy "b c" | policies/policy a | invalid IP
bgp/group g1 | policies/policy "b c", policies/policy a | 192.0.2.1
instances/red/bgp/group g1 |  | 2001:db8::1`},
		"lines in braces": {newlines, ofNewlines, `policies/policy "a" |  | invalid IP
bgp/neighbor "192.0.2.1" | policies/policy "a" | 192.0.2.1`},
		"XML": {marks, ofMarks, `policies/policy a |  | invalid IP
policies/policy "b <c" | policies/policy a | invalid IP
bgp/group g1 | policies/policy "b <c", policies/policy a | 192.0.2.1
instances/instance red/bgp/group g1 |  | 2001:db8::1`},
		"braces where XML may be": {marks, ofNewlinesInBraces, `bgp/group g1 |  | 192.0.2.1`},
	} {
		if diff := cmp.Diff(c.want, rows(t, c.syntax, c.text)); diff != "" {
			t.Errorf("%s:\n%s", name, diff)
		}
	}
}

func TestAStanzaStandsAlone(t *testing.T) {
	t.Parallel()
	cut, err := lines.Split(ofLines)
	if err != nil {
		t.Fatal(err)
	}
	const want = `router bgp 64496
 neighbor 192.0.2.1 remote-as 64501
 neighbor 192.0.2.1 description about p
 address-family ipv4
  neighbor 192.0.2.1 route-policy p in
 exit-address-family
`
	if diff := cmp.Diff(want, cut[2].Text); diff != "" {
		t.Error(diff)
	}
	if want := "route-policy p\n  if destination in a then\n   pass\n  endif\nend-policy\n"; cut[1].Text != want {
		t.Errorf("%q", cut[1].Text)
	}
}

func TestAStanzaInXMLStandsAlone(t *testing.T) {
	t.Parallel()
	cut, err := marks.Split(ofMarks)
	if err != nil {
		t.Fatal(err)
	}
	const want = `<configuration xmlns="http://example.net/junos">
  <bgp>
    <group replace="replace">
      <name>g1</name>
      <neighbor>
        <name>192.0.2.1</name>
        <description>a &amp; &#34;b&#34;</description>
        <import>a</import>
        <import>b &lt;c</import>
      </neighbor>
    </group>
  </bgp>
</configuration>
`
	if diff := cmp.Diff(want, cut[2].Text); diff != "" || cut[2].Line != 6 {
		t.Errorf("line %d %s", cut[2].Line, diff)
	}
	inBraces, err := marks.Split(ofNewlinesInBraces)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := marks.Join([]peering.Stanza{cut[0], inBraces[0]}); err == nil || !strings.Contains(err.Error(), "all of a router's text has one form") {
		t.Errorf("both forms in one text: %v", err)
	}
	if _, err := semicolons.Split(ofMarks); err == nil {
		t.Error("a platform without XML takes it")
	}
}

func TestJoinIsAFixpointInAnyOrder(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(1, 2))
	for name, c := range map[string]struct {
		syntax outline.Syntax
		text   string
	}{"indentation": {lines, ofLines}, "semicolons": {semicolons, ofSemicolons}, "lines in braces": {newlines, ofNewlines}, "XML": {marks, ofMarks}} {
		cut, err := c.syntax.Split(c.text)
		if err != nil {
			t.Fatal(err)
		}
		want, err := c.syntax.Join(cut)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		for range 20 {
			random.Shuffle(len(cut), func(i, j int) { cut[i], cut[j] = cut[j], cut[i] })
			if got, err := c.syntax.Join(cut); err != nil || got != want {
				t.Fatalf("%s: join depends on the order (%v):\n%s", name, err, cmp.Diff(want, got))
			}
		}
		again, err := c.syntax.Split(want)
		if err != nil {
			t.Fatalf("%s: %v\n%s", name, err, want)
		}
		key := func(a, b peering.Stanza) int { return strings.Compare(a.Key, b.Key) }
		slices.SortFunc(cut, key)
		slices.SortFunc(again, key)
		for i := range min(len(cut), len(again)) { // where a stanza stands is no part of it
			cut[i].Line, again[i].Line = 0, 0
		}
		if fmt.Sprint(cut) != fmt.Sprint(again) {
			t.Errorf("%s: %s", name, cmp.Diff(fmt.Sprint(cut), fmt.Sprint(again)))
		}
	}
}

func TestSplitRefusesWhatCannotBeOwned(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		syntax     outline.Syntax
		text, want string
	}{
		"a statement of the router's own":         {lines, "router bgp 64496\n router-id 192.0.2.1\n", `line 2: "router-id 192.0.2.1" is no part`},
		"a block without a stanza":                {lines, "router bgp 64496\n", `line 1: "router bgp 64496" is no part`},
		"a statement that comes twice":            {lines, "prefix-list a permit x\nprefix-list a permit x\n", "line 2: \"prefix-list a permit x\" stands on line 1 already"},
		"a neighbor in two blocks":                {lines, "router bgp 1\n neighbor 192.0.2.1 remote-as 2\nrouter bgp 1\n neighbor 192.0.2.1 remote-as 3\n", "line 4: router bgp 1/neighbor 192.0.2.1 is defined on line 2 already"},
		"a policy that never ends":                {lines, "route-policy p\n pass\n", "end-policy is missing"},
		"a line indented like none":               {lines, "router bgp 1\n   neighbor 192.0.2.1 a\n  neighbor 192.0.2.1 b\n", "line 3: \"neighbor 192.0.2.1 b\" is indented like no line"},
		"a tab":                                   {lines, "router bgp 1\n\tneighbor 192.0.2.1 a\n", "line 2: a tab"},
		"an end of nothing":                       {lines, "exit-address-family\n", "line 1: exit-address-family closes nothing"},
		"a brace that nothing opened":             {semicolons, "policies { policy a; } }", "line 1: a brace that nothing opened"},
		"a block that never ends":                 {semicolons, "policies {\n policy a;\n", `line 1: "policies" never ends`},
		"a quote that never ends":                 {semicolons, "policies { policy \"a\n; }", "line 1: a quote that never ends"},
		"a comment that never ends":               {semicolons, "policies { policy a; } /* x", "line 1: a comment that never ends"},
		"a statement without its end":             {semicolons, "policies { policy a }", "line 1: a statement without its end"},
		"a statement cut off":                     {semicolons, "policies", "line 1: a statement cut off"},
		"a bracket within a bracket":              {semicolons, "policies { policy a [ b [ ] ]; }", "line 1: a bracket out of place"},
		"a block without a name":                  {semicolons, "{ policy a; }", "line 1: a statement without words"},
		"XML that breaks off":                     {marks, "<bgp>\n<group>", `line 2: "group" never ends`},
		"an element that ends another one":        {marks, "<bgp><group></bgp></group>", "line 1: </bgp> ends nothing"},
		"an element too many":                     {marks, "<bgp><group><name>a</name></group></bgp>\n</bgp>", "line 2: </bgp> ends nothing"},
		"an element that edits":                   {marks, `<bgp><group operation="delete"><name>a</name></group></bgp>`, `line 1: <group> says operation="delete": a text tells what is to be there`},
		"an inactive element":                     {marks, `<bgp><group inactive="inactive"><name>a</name></group></bgp>`, `<group> says inactive="inactive"`},
		"an element of a namespace":               {marks, "<bgp><x:group/></bgp>", "<x:group> has a prefix"},
		"a document type":                         {marks, "<!DOCTYPE a [<!ENTITY b 'c'>]><bgp/>", "line 1: a document type"},
		"an entity":                               {marks, "<bgp><group><name>&b;</name></group></bgp>", "isn't XML"},
		"a text beside elements":                  {marks, "<bgp><group>x<name>a</name></group></bgp>", "line 1: <group> has a text beside its elements"},
		"a text in no element":                    {marks, "<bgp><group><name>a</name></group></bgp>\nx", "line 2: a text that stands in no element"},
		"a value of two lines":                    {marks, "<bgp><group><name>a\nb</name></group></bgp>", "a control character in <name>"},
		"a name with a quote":                     {marks, `<bgp><group><name>a"b</name></group></bgp>`, "a name with a quote"},
		"an element of the router's own":          {marks, "<system><host-name>a</host-name></system>", `"host-name a" is no part`},
		"elements without end":                    {marks, strings.Repeat("<bgp>", 1000), "a block within more than 64 others"},
		"a semicolon where lines end a statement": {newlines, "policies {\n policy a;\n}", "line 2: a semicolon"},
	} {
		_, err := c.syntax.Split(c.text)
		if err == nil || !strings.Contains(err.Error(), c.want) || peering.KindOf(err) != peering.Invalid {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
}

func TestOnlyWhatWasMeasuredIsHarmless(t *testing.T) {
	t.Parallel()
	session := func(line string) *peering.Stanza {
		return &peering.Stanza{Key: "router bgp 1/neighbor 192.0.2.1", Text: "router bgp 1\n neighbor 192.0.2.1 remote-as 2\n" + line}
	}
	list := func(permit string) *peering.Stanza {
		return &peering.Stanza{Key: "prefix-list a", Text: "prefix-list a permit " + permit + "\n"}
	}
	policy := &peering.Stanza{Key: "route-policy p", Text: "route-policy p\n pass\nend-policy\n"}
	for name, c := range map[string]struct {
		before, after *peering.Stanza
		want          peering.Disruption
	}{
		"nothing":                   {session(""), session(""), peering.DisruptsNone},
		"a new session":             {nil, session(""), peering.DisruptsNone},
		"a session that goes":       {session(""), nil, peering.DisruptsReset},
		"a description":             {session(""), session(" neighbor 192.0.2.1 description x\n"), peering.DisruptsNone},
		"a route map":               {session(""), session(" address-family ipv4\n  neighbor 192.0.2.1 route-map x in\n"), peering.DisruptsUnknown}, // the family comes as well
		"another route map":         {session(" neighbor 192.0.2.1 route-map x in\n"), session(" neighbor 192.0.2.1 route-map y in\n"), peering.DisruptsRefresh},
		"a password":                {session(""), session(" neighbor 192.0.2.1 password x\n"), peering.DisruptsUnknown},
		"a list":                    {list("x"), list("y"), peering.DisruptsRefresh},
		"a list that goes":          {list("x"), nil, peering.DisruptsRefresh},
		"a policy of no known kind": {policy, &peering.Stanza{Text: "route-policy p\n drop\nend-policy\n"}, peering.DisruptsUnknown},
		"what is no stanza":         {session(""), &peering.Stanza{Text: "x"}, peering.DisruptsUnknown},
	} {
		if got := lines.Disruption(c.before, c.after); got != c.want {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
	}
}

// corpus are the texts of this file, and those that the starters render.
func corpus(t testing.TB) []string {
	t.Helper()
	texts := []string{ofLines, ofSemicolons, ofNewlines, ofMarks}
	files, err := filepath.Glob("../../render/testdata/starter/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatalf("no rendered texts: %v", err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		texts = append(texts, string(text))
	}
	return texts
}

// fixpoint holds what any text that is accepted must hold to.
func fixpoint(t *testing.T, x outline.Syntax, text string) bool {
	cut, err := x.Split(text)
	if err != nil {
		return false
	}
	joined, err := x.Join(cut)
	if err != nil {
		t.Fatalf("what was split can't be joined: %v\n%s", err, text)
	}
	again, err := x.Split(joined)
	if err != nil {
		t.Fatalf("what was joined can't be split: %v\n%s", err, joined)
	}
	if twice, err := x.Join(again); err != nil || twice != joined {
		t.Fatalf("not a fixpoint (%v):\n%s\nbecomes\n%s", err, joined, twice)
	}
	return true
}

// Whatever is made from a good text by cutting, repeating and stray punctuation is refused, or splits and joins to a fixpoint.
func TestDamagedTextIsRefusedOrAFixpoint(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(3, 4))
	accepted := map[string]int{}
	for name, x := range map[string]outline.Syntax{"lines": lines, "semicolons": semicolons, "newlines": newlines, "marks": marks} {
		text := map[string]string{"lines": ofLines, "semicolons": ofSemicolons, "newlines": ofNewlines, "marks": ofMarks}[name]
		for range 2000 {
			if fixpoint(t, x, damage(random, text)) {
				accepted[name]++
			}
		}
		if accepted[name] < 50 {
			t.Errorf("only %d texts of %s were accepted: the test tries too little", accepted[name], name)
		}
	}
}

func damage(random *rand.Rand, text string) string {
	for range 1 + random.IntN(3) {
		i, j := random.IntN(len(text)), random.IntN(len(text))
		i, j = min(i, j), max(i, j)
		switch random.IntN(3) {
		case 0:
			text = text[:i] + text[min(len(text), i+1+random.IntN(8)):]
		case 1:
			text = text[:i] + string("{}[];\"'#/*! \n"[random.IntN(13)]) + text[i+1:]
		case 2:
			text += text[i:j]
		}
	}
	return text
}

func FuzzSplit(f *testing.F) {
	for _, text := range corpus(f) {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		for _, x := range []outline.Syntax{lines, semicolons, newlines, marks} {
			fixpoint(t, x, text)
		}
	})
}
