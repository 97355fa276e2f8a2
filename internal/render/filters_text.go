package render

import (
	"strings"

	"golang.org/x/text/unicode/norm"

	"peerflow/internal/jinja"
)

// filterSafeString drops what isn't ASCII, and the marks of letters that are.
func filterSafeString(s *jinja.State, in jinja.Value, a jinja.Args) (jinja.Value, error) {
	if err := none("safe_string", a); err != nil {
		return nil, err
	}
	text, err := textOf(s, in, "safe_string takes text")
	if err != nil {
		return nil, err
	}
	return jinja.Str(strings.Map(func(r rune) rune {
		if r >= 0x80 {
			return -1
		}
		return r
	}, norm.NFKD.String(text))), nil
}

// filterQuote puts quotes, or another string, around text. Of nothing it makes nothing.
func filterQuote(s *jinja.State, in jinja.Value, a jinja.Args) (jinja.Value, error) {
	bound, err := a.Bind("quote", "char?")
	if err != nil {
		return nil, err
	}
	if full, err := s.Truth(in); err != nil || !full {
		return jinja.Str(""), err
	}
	text, err := s.Text(in)
	if err != nil {
		return nil, err
	}
	char := `"`
	if bound[0] != nil {
		if char, err = s.Text(bound[0]); err != nil {
			return nil, err
		}
	}
	return jinja.Str(char + text + char), nil
}

// filterIndent puts n times chars in front of each line, the first one too. With reset the line's own chars go first.
func filterIndent(s *jinja.State, in jinja.Value, a jinja.Args) (jinja.Value, error) {
	bound, err := a.Bind("indent", "n", "chars?", "reset?")
	if err != nil {
		return nil, err
	}
	n, ok := bound[0].(jinja.Int)
	if !ok {
		return nil, jinja.Errorf(jinja.TypeErr, "indent takes a number of characters")
	}
	chars := " "
	if bound[1] != nil {
		if chars, err = s.Text(bound[1]); err != nil {
			return nil, err
		}
	}
	reset, err := truthOr(s, bound[2], false)
	if err != nil {
		return nil, err
	}
	text, err := s.Text(in)
	if err != nil {
		return nil, err
	}
	if int(n)*len(chars) > maxIndent {
		return nil, jinja.Errorf(jinja.LimitErr, "indent by more than %d characters", maxIndent)
	}
	pad := strings.Repeat(chars, max(int(n), 0))
	var b strings.Builder
	for _, line := range splitLines(text) {
		if reset {
			line = strings.TrimLeft(line, chars)
		}
		b.WriteString(pad + line)
	}
	return jinja.Str(b.String()), nil
}

const maxIndent = 1000

// splitLines is Python's splitlines(True): more ends a line than \n.
func splitLines(text string) []string {
	var lines []string
	start := 0
	for i, r := range text {
		if !strings.ContainsRune("\n\r\v\f\x1c\x1d\x1e\u0085\u2028\u2029", r) || r == '\r' && strings.HasPrefix(text[i+1:], "\n") {
			continue
		}
		end := i + len(string(r))
		lines = append(lines, text[start:end])
		start = end
	}
	if start < len(text) {
		lines = append(lines, text[start:])
	}
	return lines
}
