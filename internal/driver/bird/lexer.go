package bird

import (
	"strings"

	"peerflow/internal/peering"
)

// kind is what a token of a BIRD configuration is, as far as cutting needs it.
type kind int

const (
	word    kind = iota // identifier or keyword, a 'quoted symbol' without its quotes
	quoted              // "text", with its quotes
	comment             // # to the line's end, or /* … */
	mark1               // one other byte: punctuation, or part of a number or address
)

// token is a piece of configuration text.
type token struct {
	kind       kind
	start, end int // offsets
	line       int // line of its start, from 1
	lastLine   int // line of its end
}

// text is the token as written; a quoted symbol comes without its quotes.
func (t token) text(source string) string {
	s := source[t.start:t.end]
	if t.kind == word {
		return strings.Trim(s, "'")
	}
	return s
}

func (t token) is(source, s string) bool { return t.kind != comment && source[t.start:t.end] == s }

// scan cuts a text into tokens. Like BIRD's lexer it has no escapes in strings,
// and strings end on their line.
func scan(text string) ([]token, error) {
	tokens := make([]token, 0, len(text)/8)
	line := 1
	for i := 0; i < len(text); {
		if text[i] == '\n' {
			line++
		}
		if strings.IndexByte(" \t\r\n", text[i]) >= 0 {
			i++
			continue
		}
		k, end := next(text, i)
		if end < 0 {
			return nil, peering.Errorf(peering.Invalid, "line %d: a quote or comment that nothing ends", line)
		}
		last := line + strings.Count(text[i:end], "\n")
		tokens = append(tokens, token{k, i, end, line, last})
		i, line = end, last
	}
	return tokens, nil
}

// next gives the kind and the end of the token at i; a negative end is a token that isn't complete.
func next(text string, i int) (kind, int) {
	switch c := text[i]; {
	case c == '#':
		return comment, endOr(text, i, "\n", len(text))
	case strings.HasPrefix(text[i:], "/*"):
		end := strings.Index(text[i+2:], "*/")
		if end < 0 {
			return comment, -1
		}
		return comment, i + 2 + end + 2
	case c == '"':
		return quoted, closing(text, i, '"')
	case c == '\'':
		return word, closing(text, i, '\'')
	case isLetter(c):
		end := i
		for end < len(text) && (isLetter(text[end]) || isDigit(text[end])) {
			end++
		}
		return word, end
	case isDigit(c):
		// A number or address may hold letters (0x1f, 2001:db8::1): none of them is a name.
		end := i
		for end < len(text) && (isLetter(text[end]) || isDigit(text[end])) {
			end++
		}
		return mark1, end
	}
	return mark1, i + 1
}

func endOr(text string, from int, what string, otherwise int) int {
	if n := strings.Index(text[from:], what); n >= 0 {
		return from + n
	}
	return otherwise
}

func closing(text string, i int, quote byte) int {
	for end := i + 1; end < len(text) && text[end] != '\n'; end++ {
		if text[end] == quote {
			return end + 1
		}
	}
	return -1
}

func isLetter(c byte) bool { return c == '_' || c|0x20 >= 'a' && c|0x20 <= 'z' }
func isDigit(c byte) bool  { return c >= '0' && c <= '9' }
