package peering

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"peerflow/internal/bgp"
)

// The longest lists of a network that are recorded (entries).
const (
	MaxPrefixEntries = 500_000
	MaxASNumbers     = 100_000
)

// IRRKind is what a list holds.
type IRRKind string

const (
	IRRPrefixes4 IRRKind = "ipv4"
	IRRPrefixes6 IRRKind = "ipv6"
	IRRNumbers   IRRKind = "as"
)

// IRRList is one list that an IRR gave for a network's AS-SET.
type IRRList struct {
	Kind      IRRKind
	Entries   string // as it is kept: see PrefixList for prefixes; AS numbers one a line, sorted, each once
	Count     int
	Source    string // what was asked, in the words of whoever asked; at most 500 characters
	FetchedAt time.Time
	UpdatedAt time.Time // when it was recorded; set by the database
}

// IRRListView is a list without its entries: what people and the change log see.
type IRRListView struct {
	Entries   int       `json:"entries"`
	Source    string    `json:"source" doc:"what was asked, as whoever recorded the list put it"`
	FetchedAt time.Time `json:"fetched_at"`
}

// View is the list without its entries.
func (l IRRList) View() IRRListView {
	return IRRListView{Entries: l.Count, Source: l.Source, FetchedAt: l.FetchedAt}
}

// IRRLists are the lists of one network; a kind that isn't there was never recorded.
type IRRLists map[IRRKind]IRRList

// PrefixEntry is an entry of a prefix list as bgpq3 and bgpq4 write it in JSON: a
// prefix alone (exact), or with the lengths of what it matches.
type PrefixEntry struct {
	Prefix       string `json:"prefix" example:"192.0.2.0/24"`
	Exact        bool   `json:"exact" doc:"the prefix alone; false goes with greater-equal or less-equal"`
	GreaterEqual int    `json:"greater-equal,omitempty" doc:"the shortest length that matches; the prefix's own when left out"`
	LessEqual    int    `json:"less-equal,omitempty" doc:"the longest length that matches; the family's longest when left out"`
}

// PrefixList is a prefix list as it is kept: a line for each entry, sorted and each
// once. 192.0.2.0/24 is exact; 192.0.2.0/24{25,28} has greater-equal 25 and
// less-equal 28, and either may be left out.
type PrefixList string

// NewPrefixList checks the entries of one family and puts them in order. A prefix
// has no host bits, a length above 0, and lengths of what it matches from its own
// to the family's longest. The error is of kind invalid and names the entry.
func NewPrefixList(f bgp.Family, entries []PrefixEntry) (PrefixList, int, error) {
	if len(entries) > MaxPrefixEntries {
		return "", 0, Errorf(Invalid, "the %s list has %d entries, and %d are the most: an AS-SET that long is no filter", f, len(entries), MaxPrefixEntries)
	}
	type line struct {
		prefix    netip.Prefix
		low, high int
	}
	lines := make([]line, len(entries))
	for i, e := range entries {
		prefix, err := e.checked(f)
		if err != nil {
			return "", 0, Errorf(Invalid, "entry %d of the %s list: %w", i+1, f, err)
		}
		lines[i] = line{prefix, e.GreaterEqual, e.LessEqual}
	}
	slices.SortFunc(lines, func(a, b line) int {
		return cmp.Or(a.prefix.Addr().Compare(b.prefix.Addr()), cmp.Compare(a.prefix.Bits(), b.prefix.Bits()), cmp.Compare(a.low, b.low), cmp.Compare(a.high, b.high))
	})
	lines = slices.Compact(lines)
	text := make([]byte, 0, 20*len(lines))
	for i, l := range lines {
		if i > 0 {
			text = append(text, '\n')
		}
		text = l.prefix.AppendTo(text)
		if l.low != 0 || l.high != 0 {
			text = fmt.Appendf(text, "{%s,%s}", length(l.low), length(l.high))
		}
	}
	return PrefixList(text), len(lines), nil
}

// length writes 0, which says nothing, as nothing.
func length(n int) string {
	if n == 0 {
		return ""
	}
	return strconv.Itoa(n)
}

func (e PrefixEntry) checked(f bgp.Family) (netip.Prefix, error) {
	prefix, err := netip.ParsePrefix(e.Prefix)
	if err != nil || prefix.Addr().Is4In6() {
		return prefix, fmt.Errorf("%.60q is no prefix", e.Prefix)
	}
	longest := prefix.Addr().BitLen()
	switch {
	case bgp.FamilyOf(prefix.Addr()) != f:
		return prefix, fmt.Errorf("%s is of the other family", prefix)
	case prefix != prefix.Masked():
		return prefix, fmt.Errorf("%s has host bits: write %s", e.Prefix, prefix.Masked())
	case prefix.Bits() == 0:
		return prefix, fmt.Errorf("%s is everything, and no network's prefix", prefix)
	case e.Exact && (e.GreaterEqual != 0 || e.LessEqual != 0):
		return prefix, fmt.Errorf("%s is exact and has lengths: it is one or the other", prefix)
	case !e.Exact && e.GreaterEqual == 0 && e.LessEqual == 0:
		return prefix, fmt.Errorf("%s isn't exact and has no greater-equal or less-equal", prefix)
	case outside(e.GreaterEqual, prefix.Bits(), longest), outside(e.LessEqual, prefix.Bits(), longest), e.LessEqual != 0 && e.GreaterEqual > e.LessEqual:
		return prefix, fmt.Errorf("%s matches lengths from %d to %d: they are from %d to %d, the shorter first", prefix, e.GreaterEqual, e.LessEqual, prefix.Bits(), longest)
	}
	return prefix, nil
}

func outside(n, low, high int) bool { return n != 0 && (n < low || n > high) }

// Lengths are those of the prefixes that an entry matches; 0 where nothing is said
// of an end. The zero value is an exact entry.
type Lengths struct{ GreaterEqual, LessEqual int }

// All walks the entries: the prefix's text, a part of the list's own, and lengths.
func (l PrefixList) All(yield func(prefix string, lengths Lengths) bool) {
	for rest := string(l); rest != ""; {
		var line string
		line, rest, _ = strings.Cut(rest, "\n")
		var lengths Lengths
		if at := strings.IndexByte(line, '{'); at >= 0 {
			from, to, _ := strings.Cut(line[at+1:len(line)-1], ",")
			lengths.GreaterEqual, _ = strconv.Atoi(from) // "" is 0
			lengths.LessEqual, _ = strconv.Atoi(to)
			line = line[:at]
		}
		if !yield(line, lengths) {
			return
		}
	}
}

// Rows are the entries as bgpq3 and bgpq4 write them.
func (l PrefixList) Rows() []PrefixEntry {
	rows := make([]PrefixEntry, 0, strings.Count(string(l), "\n")+1)
	for prefix, lengths := range l.All {
		rows = append(rows, PrefixEntry{prefix, lengths == Lengths{}, lengths.GreaterEqual, lengths.LessEqual})
	}
	return rows
}

// NewASList checks AS numbers and puts them in order, one a line.
func NewASList(numbers []bgp.ASN) (text string, count int, err error) {
	if len(numbers) > MaxASNumbers {
		return "", 0, Errorf(Invalid, "the list has %d AS numbers, and %d are the most", len(numbers), MaxASNumbers)
	}
	sorted := slices.Compact(slices.Sorted(slices.Values(numbers)))
	lines := make([]string, len(sorted))
	for i, n := range sorted {
		if n == 0 {
			return "", 0, NewError(Invalid, "an AS number is 1 to 4294967295 (RFC 7607 refuses 0)")
		}
		lines[i] = strconv.FormatUint(uint64(n), 10)
	}
	return strings.Join(lines, "\n"), len(lines), nil
}

// Numbers are the AS numbers of a list of kind IRRNumbers.
func (l IRRList) Numbers() []bgp.ASN {
	numbers := make([]bgp.ASN, 0, l.Count)
	for line := range strings.SplitSeq(l.Entries, "\n") {
		if n, err := strconv.ParseUint(line, 10, 32); err == nil {
			numbers = append(numbers, bgp.ASN(n))
		}
	}
	return numbers
}
