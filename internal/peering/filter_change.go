package peering

import (
	"net/netip"
	"regexp"
	"slices"
	"strings"
)

// FilterChange is what moves do to the entries of prefix lists that the router has and keeps.
type FilterChange struct {
	Added   int  `json:"added"`
	Removed int  `json:"removed"`
	Only    bool `json:"only"` // nothing else moves, and no entry that comes is wider than any network's (see widest)
}

// And is what both do together.
func (c FilterChange) And(o FilterChange) FilterChange {
	return FilterChange{Added: c.Added + o.Added, Removed: c.Removed + o.Removed, Only: c.Only && o.Only}
}

// widest is the shortest prefix that a list may get without a person: RIRs
// allocate nothing shorter, so that a default route or half the Internet stands out.
const (
	widest4 = 8
	widest6 = 16
)

// Filters tells what moves do to prefix lists, whatever the platform: entries
// are found by their prefixes, and Only asks that the text around them is the
// same up to how often an entry is repeated.
func Filters(before, after map[string]Stanza, moves []Move) FilterChange {
	change := FilterChange{Only: true}
	for _, m := range moves {
		old, now := at(before, m.Key), at(after, m.Key)
		if isSession(old) || isSession(now) {
			change.Only = false
			continue
		}
		change = change.And(filterChange(old, now))
	}
	return change
}

func filterChange(old, now *Stanza) FilterChange {
	if old == nil || now == nil {
		return FilterChange{} // comes or goes as a whole
	}
	was, is := entriesOf(old.Text), entriesOf(now.Text)
	change := FilterChange{Only: slices.Equal(was.frame, is.frame)}
	for entry, n := range is.count {
		if come := n - was.count[entry]; come > 0 {
			change.Added += come
			change.Only = change.Only && !wide(entry)
		}
	}
	for entry, n := range was.count {
		change.Removed += max(n-is.count[entry], 0)
	}
	return change
}

func wide(entry netip.Prefix) bool {
	if entry.Addr().Is4() {
		return entry.Bits() < widest4
	}
	return entry.Bits() < widest6
}

// entries are a stanza's prefixes, and the words around them with each run of
// equal entries reduced to one.
type entries struct {
	count map[netip.Prefix]int
	frame []string
}

var prefixShape = regexp.MustCompile(`[0-9A-Fa-f:.]+/[0-9]{1,3}`)

// brackets stand as words of their own, commas say nothing.
var brackets = strings.NewReplacer(",", " ", "[", " [ ", "]", " ] ", "{", " { ", "}", " } ")

const entryMark = "\x00"

func entriesOf(stanza string) entries {
	e := entries{count: map[netip.Prefix]int{}}
	marked := prefixShape.ReplaceAllStringFunc(stanza, func(text string) string {
		p, err := netip.ParsePrefix(text)
		if err != nil {
			return text
		}
		e.count[p]++
		return entryMark
	})
	for _, word := range strings.Fields(brackets.Replace(marked)) {
		e.frame = reduced(append(e.frame, word))
	}
	return e
}

// longestEntry is how many words one entry of a list has at most.
const longestEntry = 24

// reduced drops an entry at the end that repeats the one before it.
func reduced(words []string) []string {
	n := len(words)
	for k := 1; k <= longestEntry && 2*k <= n; k++ {
		last := words[n-k:]
		if slices.Equal(last, words[n-2*k:n-k]) && slices.ContainsFunc(last, func(w string) bool { return strings.Contains(w, entryMark) }) {
			return words[:n-k]
		}
	}
	return words
}
