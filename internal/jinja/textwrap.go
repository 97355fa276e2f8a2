package jinja

import (
	"slices"
	"strings"
	"unicode"
)

// wrapper breaks a paragraph into lines, with the rules of Python's textwrap module.
type wrapper struct {
	width     int
	longWords bool // break words longer than a line
	hyphens   bool // break at hyphens
}

func filterWordwrap(s *State, in Value, a Args) Value {
	p := a.bind("do_wordwrap", "width?", "break_long_words?", "wrapstring?", "break_on_hyphens?")
	text := linesOf(in)
	w := wrapper{countArg(p[0], 79), p[1] == nil || isTrue(p[1]), p[3] == nil || isTrue(p[3])}
	newline := optional(p[2], None)
	if newline == None {
		newline = Str("\n")
	}
	sep, ok := isString(newline)
	if u, undefined := newline.(*Undefined); undefined {
		u.fail()
	}
	if !ok {
		throw(AttributeErr, "'%s' object has no attribute 'join'", newline.TypeName())
	}
	paragraphs := splitLines(text, false)
	for i, paragraph := range paragraphs {
		s.step(1 + len(paragraph)/16)
		lines := w.wrap(paragraph)
		s.spend(len(paragraph) + len(lines)*len(sep))
		paragraphs[i] = strings.Join(lines, sep)
	}
	return sameKind(newline, strings.Join(paragraphs, sep))
}

// linesOf is text of which the lines are wanted.
func linesOf(v Value) string {
	if u, ok := v.(*Undefined); ok {
		u.fail()
	}
	text, ok := isString(v)
	if !ok {
		throw(AttributeErr, "'%s' object has no attribute 'splitlines'", v.TypeName())
	}
	return text
}

func isBlank(r rune) bool { return strings.ContainsRune("\t\n\v\f\r ", r) }

// isPunct are the characters a dash may follow.
func isPunct(r rune) bool { return isRegexpWord(r) || strings.ContainsRune("!\"'&.,?", r) }

func isLetter(r rune) bool { return isRegexpWord(r) && !unicode.Is(unicode.Nd, r) }

// chunks cuts text into pieces between which a line may break.
func (w wrapper) chunks(text []rune) [][]rune {
	var out [][]rune
	for i := 0; i < len(text); {
		end := w.chunkEnd(text, i)
		out = append(out, text[i:end])
		i = end
	}
	return out
}

func (w wrapper) chunkEnd(text []rune, i int) int {
	if isBlank(text[i]) {
		for i < len(text) && isBlank(text[i]) {
			i++
		}
		return i
	}
	if !w.hyphens {
		for i < len(text) && !isBlank(text[i]) {
			i++
		}
		return i
	}
	if n := dashes(text, i); n > 0 && i > 0 && isPunct(text[i-1]) {
		return i + n
	}
	for end := i + 1; end < len(text); end++ {
		switch {
		case isBlank(text[end]):
			return end
		case breaksAtHyphen(text, end):
			return end + 1
		case isPunct(text[end-1]) && dashes(text, end) > 0:
			return end
		}
	}
	return len(text)
}

// dashes is the length of a dash of two or more hyphens before a word; 0 when there is none.
func dashes(text []rune, i int) int {
	n := 0
	for i+n < len(text) && text[i+n] == '-' {
		n++
	}
	if n < 2 || i+n >= len(text) || !isRegexpWord(text[i+n]) {
		return 0
	}
	return n
}

// breaksAtHyphen: two letters, or a letter, a hyphen and a character, before; two letters, maybe with a hyphen, behind.
func breaksAtHyphen(text []rune, i int) bool {
	if text[i] != '-' || i < 2 {
		return false
	}
	before := isLetter(text[i-2]) && isLetter(text[i-1]) ||
		i >= 3 && isLetter(text[i-3]) && text[i-2] == '-' && isPunct(text[i-1])
	rest := text[i+1:]
	if !before || len(rest) < 2 || !isLetter(rest[0]) {
		return false
	}
	return isLetter(rest[1]) || rest[1] == '-' && len(rest) > 2 && isLetter(rest[2])
}

func (w wrapper) wrap(text string) []string {
	if w.width <= 0 {
		throw(ValueErr, "invalid width %d (must be > 0)", w.width)
	}
	chunks := w.chunks([]rune(text))
	var lines []string
	for len(chunks) > 0 {
		if len(lines) > 0 && allBlank(chunks[0]) {
			chunks = chunks[1:]
		}
		var line [][]rune
		size := 0
		for len(chunks) > 0 && size+len(chunks[0]) <= w.width {
			line, size, chunks = append(line, chunks[0]), size+len(chunks[0]), chunks[1:]
		}
		if len(chunks) > 0 && len(chunks[0]) > w.width {
			line, chunks = w.breakWord(line, chunks, w.width-size)
		}
		if n := len(line); n > 0 && allBlank(line[n-1]) {
			line = line[:n-1]
		}
		if len(line) > 0 {
			var b strings.Builder
			for _, chunk := range line {
				b.WriteString(string(chunk))
			}
			lines = append(lines, b.String())
		}
	}
	return lines
}

// breakWord puts as much of a word on the line as fits, or all of it where words aren't broken.
func (w wrapper) breakWord(line, chunks [][]rune, space int) (newLine, rest [][]rune) {
	word := chunks[0]
	if w.longWords {
		end := space
		if w.hyphens && len(word) > space {
			if i := lastHyphen(word[:max(space, 0)]); i > 0 {
				end = i + 1
			}
		}
		chunks[0] = word[end:]
		return append(line, word[:end]), chunks
	}
	if len(line) == 0 {
		return [][]rune{word}, chunks[1:]
	}
	return line, chunks
}

// lastHyphen finds a hyphen with something else than hyphens before it.
func lastHyphen(word []rune) int {
	i := strings.LastIndexByte(string(word), '-')
	if i < 0 {
		return -1
	}
	i = runeCount(string(word)[:i])
	if strings.Trim(string(word[:i]), "-") == "" {
		return -1
	}
	return i
}

func allBlank(chunk []rune) bool {
	return !slices.ContainsFunc(chunk, func(r rune) bool { return !isSpace(r) })
}
