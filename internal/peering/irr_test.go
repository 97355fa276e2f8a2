package peering

import (
	"encoding/json"
	"os"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"peerflow/internal/bgp"
	"peerflow/internal/capture"
)

func TestPrefixEntriesAreCheckedAndPutInOrder(t *testing.T) {
	t.Parallel()
	text, count, err := NewPrefixList(bgp.IPv4, []PrefixEntry{
		{Prefix: "203.0.113.0/24", LessEqual: 26}, {Prefix: "198.51.100.0/25", Exact: true}, {Prefix: "198.51.100.0/24", Exact: true},
		{Prefix: "198.51.100.0/24", GreaterEqual: 25, LessEqual: 28}, {Prefix: "203.0.113.0/24", LessEqual: 26}, {Prefix: "192.0.2.0/24", GreaterEqual: 30}})
	if want := "192.0.2.0/24{30,}\n198.51.100.0/24\n198.51.100.0/24{25,28}\n198.51.100.0/25\n203.0.113.0/24{,26}"; err != nil || string(text) != want || count != 5 {
		t.Errorf("%d entries, %v:\n%s", count, err, text)
	}
	for name, c := range map[string]struct {
		family bgp.Family
		entry  PrefixEntry
		want   string
	}{
		"no prefix":                {bgp.IPv4, PrefixEntry{Prefix: "192.0.2.0", Exact: true}, "is no prefix"},
		"host bits":                {bgp.IPv4, PrefixEntry{Prefix: "192.0.2.1/24", Exact: true}, "write 192.0.2.0/24"},
		"the other family":         {bgp.IPv6, PrefixEntry{Prefix: "192.0.2.0/24", Exact: true}, "of the other family"},
		"IPv4 in IPv6":             {bgp.IPv4, PrefixEntry{Prefix: "::ffff:192.0.2.0/120", Exact: true}, "is no prefix"},
		"the default route":        {bgp.IPv6, PrefixEntry{Prefix: "::/0", LessEqual: 48}, "is everything"},
		"exact, with lengths":      {bgp.IPv4, PrefixEntry{Prefix: "192.0.2.0/24", Exact: true, LessEqual: 25}, "one or the other"},
		"neither":                  {bgp.IPv4, PrefixEntry{Prefix: "192.0.2.0/24"}, "has no greater-equal"},
		"shorter than the prefix":  {bgp.IPv4, PrefixEntry{Prefix: "192.0.2.0/24", GreaterEqual: 23}, "from 24 to 32"},
		"longer than its family's": {bgp.IPv4, PrefixEntry{Prefix: "192.0.2.0/24", LessEqual: 33}, "from 24 to 32"},
		"backwards":                {bgp.IPv6, PrefixEntry{Prefix: "2001:db8::/32", GreaterEqual: 48, LessEqual: 40}, "the shorter first"},
		"negative":                 {bgp.IPv6, PrefixEntry{Prefix: "2001:db8::/32", GreaterEqual: -1, LessEqual: 40}, "from 32 to 128"},
	} {
		_, _, err := NewPrefixList(c.family, []PrefixEntry{c.entry})
		if KindOf(err) != Invalid || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, _, err := NewPrefixList(bgp.IPv4, make([]PrefixEntry, MaxPrefixEntries+1)); KindOf(err) != Invalid {
		t.Errorf("a list that is too long: %v", err)
	}
	if text, n, err := NewPrefixList(bgp.IPv4, nil); err != nil || n != 0 || text != "" || len(text.Rows()) != 0 {
		t.Errorf("an empty list: %d %q %v", n, text, err)
	}
}

func TestPrefixListsComeBackAsTheyWere(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(r *rapid.T) {
		entries := rapid.SliceOfDistinct(rapid.Custom(func(r *rapid.T) PrefixEntry {
			e := PrefixEntry{Prefix: rapid.SampledFrom([]string{"192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24"}).Draw(r, "prefix")}
			e.GreaterEqual = rapid.SampledFrom([]int{0, 24, 25}).Draw(r, "ge")
			e.LessEqual = rapid.SampledFrom([]int{0, 26, 32}).Draw(r, "le")
			e.Exact = e.GreaterEqual == 0 && e.LessEqual == 0
			return e
		}), func(e PrefixEntry) PrefixEntry { return e }).Draw(r, "entries")
		text, count, err := NewPrefixList(bgp.IPv4, entries)
		if err != nil {
			r.Fatal(err)
		}
		rows := text.Rows()
		if count != len(entries) || len(rows) != len(entries) {
			r.Fatalf("%d entries give %d, and %d rows", len(entries), count, len(rows))
		}
		for _, e := range entries {
			if !slices.Contains(rows, e) {
				r.Fatalf("%+v is lost in %v", e, rows)
			}
		}
		slices.Reverse(entries)
		if again, _, _ := NewPrefixList(bgp.IPv4, entries); again != text {
			r.Fatalf("another order gives another text:\n%s\n%s", text, again)
		}
	})
}

// What bgpq3 gave for AS-HEANET is taken as it is.
func TestRealAnswersOfBgpqFit(t *testing.T) {
	t.Parallel()
	for file, family := range map[string]bgp.Family{"heanet-prefixes-v4.json": bgp.IPv4, "heanet-prefixes-v6.json": bgp.IPv6} {
		body, err := os.ReadFile(capture.Need(t, "irr", "bgpq3-heanet", file))
		if err != nil {
			t.Fatal(err)
		}
		var answer map[string][]PrefixEntry
		if err := json.Unmarshal(body, &answer); err != nil {
			t.Fatal(err)
		}
		list, count, err := NewPrefixList(family, answer["pl"])
		if err != nil || count != len(answer["pl"]) || count == 0 || !slices.Equal(list.Rows(), answer["pl"]) {
			t.Errorf("%s: %d of %d, %v", file, count, len(answer["pl"]), err)
		}
	}
}

func TestASListsAreCheckedAndPutInOrder(t *testing.T) {
	t.Parallel()
	text, count, err := NewASList([]bgp.ASN{65536, 64496, 65536})
	if err != nil || count != 2 || text != "64496\n65536" || !slices.Equal((IRRList{Entries: text}).Numbers(), []bgp.ASN{64496, 65536}) {
		t.Errorf("%d %q %v", count, text, err)
	}
	if _, _, err := NewASList([]bgp.ASN{0}); KindOf(err) != Invalid {
		t.Errorf("AS 0: %v", err)
	}
	if _, _, err := NewASList(make([]bgp.ASN, MaxASNumbers+1)); KindOf(err) != Invalid {
		t.Errorf("a list that is too long: %v", err)
	}
}
