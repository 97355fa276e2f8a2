package bird_test

import (
	"math/rand/v2"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"peerflow/internal/driver/bird"
	"peerflow/internal/peering"
)

const owned = `# Written for edge1
# by a template

define PF_A = [ 10.0.0.0/8{16,24}, 192.0.2.0/24 ];   # customers
define PF_B = PF_A;
/* a comment with protocol bgp x { inside
   and a second line */
function is_good(int a; prefix p) -> bool
int b;
{
  b = a + 0x1f; # }
  return net ~ PF_A && (20965, 0) ~ bgp_community;
}
filter 'pf-in' { if is_good(1, net) then accept; print "} ; #"; reject; }
ipv4 table t_peers sorted;
attribute int my_metric;

template bgp t_peer from t_base {
	hold time 9;
};
template bgp t_base { local as 64496; }
protocol bgp as64501_1 from t_peer {
	neighbor fe80::1%'eth0' port 179 as 64501;
	ipv4 { table t_peers; import filter 'pf-in'; };
}
protocol static s_1 { ipv4; route 203.0.113.0/24 blackhole; }
protocol bgp as64502 { local as 64496; neighbor 2001:db8::2 as 64502; ipv6 { import none; }; } # last
# tail
`

func TestSplitCutsBlocksWithTheirComments(t *testing.T) {
	t.Parallel()
	list, err := bird.Syntax{}.Split(owned)
	if err != nil {
		t.Fatal(err)
	}
	type row struct {
		Key, Refs, Neighbor string
	}
	var got []row
	for _, s := range list {
		r := row{Key: s.Key, Refs: strings.Join(s.Refs, " ")}
		if s.Neighbor.IsValid() {
			r.Neighbor = s.Neighbor.String()
		}
		got = append(got, r)
	}
	want := []row{
		{"define/PF_A", "", ""},
		{"define/PF_B", "define/PF_A", ""},
		{"function/is_good", "define/PF_A", ""},
		{"filter/pf-in", "function/is_good", ""},
		{"table/t_peers", "", ""},
		{"attribute/my_metric", "", ""},
		{"template/t_peer", "template/t_base", ""},
		{"template/t_base", "", ""},
		{"protocol/as64501_1", "filter/pf-in table/t_peers template/t_peer", "fe80::1%eth0"},
		{"protocol/s_1", "", ""},
		{"protocol/as64502", "", "2001:db8::2"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if want := "# Written for edge1\n# by a template\ndefine PF_A = [ 10.0.0.0/8{16,24}, 192.0.2.0/24 ];   # customers\n"; list[0].Text != want {
		t.Errorf("first block is\n%s", list[0].Text)
	}
	if last := list[10].Text; !strings.HasPrefix(last, "# tail\nprotocol bgp as64502") || !strings.HasSuffix(last, "# last\n") {
		t.Errorf("last block is\n%s", last)
	}
}

func TestJoinIsAFixpointInAnyOrder(t *testing.T) {
	t.Parallel()
	list, err := bird.Syntax{}.Split(owned)
	if err != nil {
		t.Fatal(err)
	}
	want, err := bird.Syntax{}.Join(list)
	if err != nil {
		t.Fatal(err)
	}
	again, err := bird.Syntax{}.Split(want)
	if err != nil {
		t.Fatal(err)
	}
	for _, cut := range [][]peering.Stanza{list, again} { // where they stood is no part of them
		for i := range cut {
			cut[i].Line = 0
		}
	}
	byKey := func(a, b peering.Stanza) int { return strings.Compare(a.Key, b.Key) }
	if diff := cmp.Diff(slices.SortedFunc(slices.Values(list), byKey), slices.SortedFunc(slices.Values(again), byKey), cmp.Comparer(func(a, b netip.Addr) bool { return a == b })); diff != "" {
		t.Errorf("split of join differs:\n%s", diff)
	}
	random := rand.New(rand.NewPCG(1, 2))
	for range 50 {
		random.Shuffle(len(list), func(i, j int) { list[i], list[j] = list[j], list[i] })
		if got, err := (bird.Syntax{}).Join(list); err != nil || got != want {
			t.Fatalf("join depends on the order (%v):\n%s", err, cmp.Diff(want, got))
		}
	}
	for _, pair := range [][2]string{
		{"define PF_A", "define PF_B"}, {"template bgp t_base", "template bgp t_peer"},
		{"ipv4 table", "protocol bgp"}, {"function", "filter"}, {"attribute", "function"},
	} {
		if strings.Index(want, pair[0]) > strings.Index(want, pair[1]) {
			t.Errorf("%s comes after %s:\n%s", pair[0], pair[1], want)
		}
	}
}

func TestSplitRefusesWhatCannotBeOwned(t *testing.T) {
	t.Parallel()
	tests := map[string]struct{ text, want string }{
		"a protocol without name":               {"\nprotocol bgp {\n}\n", "line 2: this protocol has no name"},
		"a protocol from a template, no name":   {"protocol bgp from t { }", "line 1: this protocol has no name"},
		"an include":                            {"define A = 1;\ninclude \"x.conf\";\n", "line 2: an include can't be owned"},
		"a statement for the daemon as a whole": {"router id 192.0.2.1;", "line 1: \"router\" starts no block"},
		"a name that comes twice":               {"define A = 1;\n\ndefine A = 2;", "line 3: define/A is defined on line 1 already"},
		"a block that never ends":               {"filter f {\n if net ~ [ 10.0.0.0/8 ] then {\n accept; }", "line 1: filter/f never ends"},
		"a bracket that nothing opened":         {"define A = 1 ];", "line 1: a bracket"},
		"a string that never ends":              {"protocol bgp a {\n description \"x;\n}", "line 2: a quote or comment"},
		"a comment that never ends":             {"define A = 1; /* x", "line 1: a quote or comment"},
		"stray text after a block":              {"filter f { accept; } accept;", "line 1: \"accept\" starts no block"},
		"a statement cut off at the end":        {"define A = 1;\ndefine B", "line 2: define/B never ends"},
		"a placeholder outside quotes ends odd": {"{secret:1@2}", "line 1: \"{\" starts no block"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := bird.Syntax{}.Split(tt.text)
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want %q", err, tt.want)
			}
			if peering.KindOf(err) != peering.Invalid {
				t.Errorf("kind is %q", peering.KindOf(err))
			}
		})
	}
}

func TestJoinRefusesACircle(t *testing.T) {
	t.Parallel()
	_, err := bird.Syntax{}.Join([]peering.Stanza{
		{Key: "function/a", Text: "function a() { b(); }\n"}, {Key: "function/b", Text: "function b() { a(); }\n"},
	})
	if err == nil {
		t.Error("two functions that need each other were ordered")
	}
}

// Whatever text is made from a good one by cutting, repeating and stray
// punctuation is refused, or splits and joins to a fixpoint.
func TestDamagedTextIsRefusedOrAFixpoint(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(3, 4))
	accepted := 0
	for range 4000 {
		text := damage(random, owned)
		list, err := bird.Syntax{}.Split(text)
		if err != nil {
			continue
		}
		joined, err := bird.Syntax{}.Join(list)
		if err != nil {
			continue // a circle
		}
		accepted++
		again, err := bird.Syntax{}.Split(joined)
		if err != nil {
			t.Fatalf("what was joined can't be split: %v\n%s", err, joined)
		}
		if twice, err := (bird.Syntax{}).Join(again); err != nil || twice != joined {
			t.Fatalf("not a fixpoint (%v):\n%s\nbecomes\n%s", err, joined, twice)
		}
	}
	if accepted < 100 {
		t.Errorf("only %d texts were accepted: the test tries too little", accepted)
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
			text = text[:i] + string("{}[]();\"'#/* \n"[random.IntN(14)]) + text[i+1:]
		case 2:
			text += text[i:j]
		}
	}
	return text
}
