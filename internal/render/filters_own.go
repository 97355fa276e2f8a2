package render

import (
	"crypto/sha256"
	"encoding/hex"
	"net/netip"
	"strconv"
	"strings"

	"peerflow/internal/bgp"
	"peerflow/internal/jinja"
)

// maxLabel is what the shortest description of a router keeps: IOS cuts at 80 characters.
const maxLabel = 80

// filterLabel makes text that every router takes as one word or a description: printable ASCII on one line, without what
// quotes, ends, comments or completes something on any platform.
func filterLabel(s *jinja.State, in jinja.Value, a jinja.Args) (jinja.Value, error) {
	if err := none("label", a); err != nil {
		return nil, err
	}
	text, err := textOf(s, in, "label takes text")
	if err != nil {
		return nil, err
	}
	folded, err := filterSafeString(s, jinja.Str(strings.Join(strings.Fields(text), " ")), a)
	if err != nil {
		return nil, err
	}
	kept := strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' || strings.ContainsRune("\"'`\\?!;{}[]$#|<>^~", r) {
			return -1
		}
		return r
	}, string(folded.(jinja.Str)))
	return jinja.Str(strings.TrimSpace(kept[:min(len(kept), maxLabel)])), nil
}

// filterInteger is a whole number within bounds, out of a number or its digits. Free data that goes into a configuration
// as a number is held to being one by it.
func filterInteger(s *jinja.State, in jinja.Value, a jinja.Args) (jinja.Value, error) {
	bounds, err := a.Bind("integer", "least", "most")
	if err != nil {
		return nil, err
	}
	n, ok := wholeNumber(in)
	low, fine := wholeNumber(bounds[0])
	high, finer := wholeNumber(bounds[1])
	switch {
	case !fine || !finer:
		return nil, jinja.Errorf(jinja.ValueErr, "integer takes the least and the most as whole numbers")
	case !ok || n < low || n > high:
		text, err := s.Text(in)
		if err != nil {
			return nil, err
		}
		return nil, invalidInput(s, in, "%.60q is no whole number from %d to %d", text, low, high)
	}
	return jinja.Int(n), nil
}

func wholeNumber(v jinja.Value) (int64, bool) {
	switch v := v.(type) {
	case jinja.Int:
		return int64(v), true
	case jinja.Str:
		n, err := strconv.ParseInt(string(v), 10, 64)
		return n, err == nil
	}
	return 0, false
}

// filterDigest is a short name for content, as templates print it: equal content has an equal one in any process.
func filterDigest(s *jinja.State, in jinja.Value, a jinja.Args) (jinja.Value, error) {
	if err := none("digest", a); err != nil {
		return nil, err
	}
	text, err := s.Text(in)
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256([]byte(text))
	return jinja.Str(hex.EncodeToString(sum[:3])), nil
}

// filterPrefixRange reads 192.0.2.0/24, 192.0.2.0/24+ (and what is longer) or 192.0.2.0/24{24,28} (from one length to
// another, which is never less than the prefix's own) into what rangeShape says.
func filterPrefixRange(s *jinja.State, in jinja.Value, a jinja.Args) (jinja.Value, error) {
	if err := none("prefix_range", a); err != nil {
		return nil, err
	}
	text, err := textOf(s, in, "prefix_range takes a prefix as text")
	if err != nil {
		return nil, err
	}
	prefix, low, high, ok := prefixRange(text)
	if !ok {
		return nil, jinja.Errorf(jinja.ValueErr, "%.60q is no range of prefixes: write 192.0.2.0/24, 192.0.2.0/24+ or 192.0.2.0/24{24,28}", text)
	}
	return rangeShape.of(jinja.Str(prefix.String()), jinja.Str(bgp.FamilyOf(prefix.Addr()).String()), jinja.Int(prefix.Bits()), jinja.Int(low), jinja.Int(high)), nil
}

var rangeShape = shaped("prefix", "family", "length", "low", "high")

func prefixRange(text string) (prefix netip.Prefix, low, high int, ok bool) {
	text = strings.ReplaceAll(text, " ", "")
	plain, lengths, ranged := strings.Cut(text, "{")
	plain, longer := strings.CutSuffix(plain, "+")
	prefix, err := netip.ParsePrefix(plain)
	if err != nil || prefix != prefix.Masked() || longer && ranged {
		return prefix, 0, 0, false
	}
	low, high = prefix.Bits(), prefix.Bits()
	if longer {
		high = prefix.Addr().BitLen()
	}
	if ranged {
		from, to, _ := strings.Cut(strings.TrimSuffix(lengths, "}"), ",")
		var errs [2]error
		low, errs[0] = strconv.Atoi(from)
		high, errs[1] = strconv.Atoi(to)
		if errs != [2]error{} || !strings.HasSuffix(lengths, "}") {
			return prefix, 0, 0, false
		}
		low = max(low, prefix.Bits())
	}
	return prefix, low, high, low <= high && high <= prefix.Addr().BitLen()
}
