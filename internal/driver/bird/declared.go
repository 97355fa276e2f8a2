package bird

import (
	"net/netip"
	"slices"
	"strconv"
	"strings"
)

// declaration is what a configuration says of one protocol, as far as opening it goes.
type declaration struct {
	name     string
	neighbor netip.Addr // zero for none, and for a range
	disabled bool       // by its own words, or by those of what it is made from
	code     string     // without comments
}

// declarations reads the protocols of a complete configuration, under the names
// that BIRD gives to those without one.
func declarations(text string) (map[string]declaration, error) {
	tokens, err := scan(text)
	if err != nil {
		return nil, err
	}
	tokens = slices.DeleteFunc(tokens, func(t token) bool { return t.kind == comment })
	known, found, unnamed := map[string]declaration{}, map[string]declaration{}, map[string]int{}
	for i, depth := 0, 0; i < len(tokens); {
		protocol := tokens[i].is(text, "protocol")
		if depth != 0 || !begins(text, tokens, i) || !protocol && !tokens[i].is(text, "template") {
			depth += brace(text, tokens[i])
			i++
			continue
		}
		s, end := declarationAt(text, tokens, i, known)
		for kind := kindOf(text, tokens[i:]); s.name == ""; {
			unnamed[kind]++
			if name := kind + strconv.Itoa(unnamed[kind]); known[name].name == "" {
				s.name = name
			}
		}
		known[s.name] = s
		if protocol {
			found[s.name] = s
		}
		i = end
	}
	return found, nil
}

// kindOf is the word after "protocol" or "template"; "" where the text breaks off.
func kindOf(text string, tokens []token) string {
	if len(tokens) < 2 {
		return ""
	}
	return tokens[1].text(text)
}

// declarationAt reads the block at i, "protocol bgp name from other { … }", with a
// version between kind and name for some kinds, and gives the index after it.
func declarationAt(text string, tokens []token, i int, known map[string]declaration) (s declaration, end int) {
	for end = i + 1; end < len(tokens) && !tokens[end].is(text, "{"); end++ {
		switch w := tokens[end].text(text); {
		case tokens[end-1].is(text, "from"):
			s.disabled = known[w].disabled
		case end > i+1 && tokens[end].kind == word && !slices.Contains([]string{"from", "v2", "v3", "ng"}, w):
			s.name = w
		}
	}
	for depth := 0; end < len(tokens); {
		depth += brace(text, tokens[end])
		if depth == 1 && begins(text, tokens, end) {
			switch {
			case tokens[end].is(text, "disabled") && end+1 < len(tokens):
				s.disabled = slices.Contains([]string{";", "yes", "on", "true"}, tokens[end+1].text(text))
			case tokens[end].is(text, "neighbor"):
				s.neighbor = neighborOf(text, tokens[end:end+1])
			}
		}
		if end++; depth == 0 {
			break
		}
	}
	s.code = codeOf(text, tokens[i:end])
	return s, end
}

// begins reports that the token is the first of its statement.
func begins(text string, tokens []token, i int) bool {
	return i == 0 || strings.Contains("{;}", text[tokens[i-1].start:tokens[i-1].end])
}

// brace is by how much a token leads into braces or out of them.
func brace(text string, t token) int {
	switch {
	case t.is(text, "{"):
		return 1
	case t.is(text, "}"):
		return -1
	}
	return 0
}
