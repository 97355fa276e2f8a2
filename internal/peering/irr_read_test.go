package peering

import (
	"slices"
	"strings"
	"testing"

	"peerflow/internal/bgp"
)

// What bgpq4 1.9 printed with -j, -j -A and -j -6, for documentation's prefixes.
const bgpq4JSON = `{ "NN": [
    { "prefix": "192.0.2.0\/24", "exact": true },
    { "prefix": "198.51.100.0\/24", "exact": false,
      "greater-equal": 25, "less-equal": 25 },
    { "prefix": "2001:db8::\/32", "exact": true }
] }
`

func TestPrefixesAreReadAsBgpqAndPeopleWriteThem(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		bgpq4JSON:                 "192.0.2.0/24 198.51.100.0/24{25,25} 2001:db8::/32",
		"{ \"NN\": [\n] }\n":      "",
		"\n  \n# nothing\n":       "",
		"192.0.2.0/24 # ours\r\n": "192.0.2.0/24",
		"192.0.2.0/24{25,}\n203.0.113.0/24{,26}\n2001:db8::/32+\n": "192.0.2.0/24{25,} 203.0.113.0/24{,26} 2001:db8::/32{32,}",

		"192.0.2.0/24\n\n192.0.2.0": `error: line 3: "192.0.2.0" is no prefix: write`,
		"192.0.2.0/24{}":            "error: line 1", "192.0.2.0/24{,}": "error: line 1", "192.0.2.0/24{25,26": "error: line 1",
		"192.0.2.0/24{a,26}": "error: line 1", "192.0.2.0/24{25,b}": "error: line 1", "192.0.2.0/24{25}": "error: line 1", "x+": "error: line 1", "x{1,2}": "error: line 1",
		`{"NN": [64501]}`: "error: the text is no JSON of bgpq3 or bgpq4", `{"a": [], "b": []}`: "error: the text is no JSON", `{"NN": `: "error: the text is no JSON",
	} {
		entries, err := ReadPrefixes(text)
		var lines []string
		for _, e := range entries {
			lines = append(lines, e.Line())
		}
		got := strings.Join(lines, " ")
		if err != nil {
			got = "error: " + err.Error()
		}
		if wrong, fails := strings.CutPrefix(want, "error: "); got != want && (!fails || KindOf(err) != Invalid || !strings.Contains(got, wrong)) {
			t.Errorf("%q\n got %s\nwant %s", text, got, want)
		}
	}
}

func TestASNumbersAreReadAsBgpqAndPeopleWriteThem(t *testing.T) {
	t.Parallel()
	for text, want := range map[string][]bgp.ASN{
		"{\"NN\": [\n  64501,64502\n]}\n":   {64501, 64502},
		"AS64501 as64502\n# x\n64503,65551": {64501, 64502, 64503, 65551},
		"":                                  nil,
	} {
		if got, err := ReadASNumbers(text); err != nil || !slices.Equal(got, want) {
			t.Errorf("%q: %v, %v", text, got, err)
		}
	}
	for _, text := range []string{"64501\nAS-EXAMPLE", bgpq4JSON, `{"NN": ["64501"]}`} {
		if got, err := ReadASNumbers(text); KindOf(err) != Invalid || got != nil {
			t.Errorf("%q: %v, %v", text, got, err)
		}
	}
}
