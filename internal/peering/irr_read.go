package peering

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"strconv"
	"strings"

	"peerflow/internal/bgp"
)

// ReadPrefixes reads the entries of a prefix list as bgpq3 and bgpq4 print them in
// JSON (-j), under whatever name, or one a line: 192.0.2.0/24 is exact,
// 192.0.2.0/24{25,28} has lengths from and to, either of which may be left out, and
// 192.0.2.0/24+ is it and all that is longer; # begins a comment. Entries are
// checked by NewPrefixList. The error is of kind invalid and names the line.
func ReadPrefixes(text string) ([]PrefixEntry, error) {
	return readList(text, func(line string) ([]PrefixEntry, error) {
		entry, err := prefixEntry(line)
		return []PrefixEntry{entry}, err
	})
}

// ReadASNumbers reads the numbers of an AS list as bgpq4 prints them in JSON
// (-j -t), or in lines of one or several, AS64501 or 64501.
func ReadASNumbers(text string) ([]bgp.ASN, error) {
	return readList(text, func(line string) (numbers []bgp.ASN, err error) {
		for _, word := range strings.FieldsFunc(line, func(r rune) bool { return r == ' ' || r == '\t' || r == ',' }) {
			asn, err := bgp.ParseASN(word)
			if err != nil {
				return nil, err
			}
			numbers = append(numbers, asn)
		}
		return numbers, nil
	})
}

func readList[T any](text string, read func(line string) ([]T, error)) ([]T, error) {
	if strings.HasPrefix(strings.TrimSpace(text), "{") {
		var named map[string][]T
		if err := json.Unmarshal([]byte(text), &named); err != nil || len(named) != 1 {
			return nil, Errorf(Invalid, "the text is no JSON of bgpq3 or bgpq4, which is one named list: use their -j, or write one entry a line")
		}
		for _, list := range named {
			return list, nil
		}
	}
	var list []T
	n := 0
	for line := range strings.SplitSeq(text, "\n") {
		n++
		line, _, _ = strings.Cut(line, "#")
		if line = strings.TrimSpace(line); line == "" {
			continue
		}
		more, err := read(line)
		if err != nil {
			return nil, Errorf(Invalid, "line %d: %w", n, err)
		}
		list = append(list, more...)
	}
	return list, nil
}

// prefixEntry reads an entry as a line.
func prefixEntry(line string) (PrefixEntry, error) {
	if prefix, ok := strings.CutSuffix(line, "+"); ok {
		parsed, err := netip.ParsePrefix(prefix)
		return PrefixEntry{Prefix: prefix, GreaterEqual: parsed.Bits()}, unreadable(line, err)
	}
	prefix, lengths, ranged := strings.Cut(line, "{")
	e := PrefixEntry{Prefix: prefix, Exact: !ranged}
	_, err := netip.ParsePrefix(prefix)
	if !ranged {
		return e, unreadable(line, err)
	}
	from, to, two := strings.Cut(strings.TrimSuffix(lengths, "}"), ",")
	var errs [2]error
	e.GreaterEqual, errs[0] = lengthOf(from)
	e.LessEqual, errs[1] = lengthOf(to)
	if !two || !strings.HasSuffix(lengths, "}") || from+to == "" {
		err = strconv.ErrSyntax
	}
	return e, unreadable(line, errors.Join(err, errs[0], errs[1]))
}

// lengthOf reads a length; nothing says nothing.
func lengthOf(text string) (int, error) {
	if text == "" {
		return 0, nil
	}
	return strconv.Atoi(text)
}

func unreadable(line string, err error) error {
	if err == nil {
		return nil
	}
	return Errorf(Invalid, "%.60q is no prefix: write 192.0.2.0/24, 192.0.2.0/24{25,28} or 192.0.2.0/24+", line)
}

// Line is the entry as ReadPrefixes takes it.
func (e PrefixEntry) Line() string {
	if e.GreaterEqual == 0 && e.LessEqual == 0 {
		return e.Prefix
	}
	return fmt.Sprintf("%s{%s,%s}", e.Prefix, length(e.GreaterEqual), length(e.LessEqual))
}
