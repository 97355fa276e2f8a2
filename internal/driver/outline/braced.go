package outline

import (
	"strings"

	"peerflow/internal/peering"
)

// braced reads statements whose blocks stand in braces. A statement without a block ends with End, and where that is
// nothing, with its line.
func (x Syntax) braced(text string) ([]*node, error) {
	top := &node{}
	r := braces{Syntax: x, text: text, line: 1, open: []*node{top}}
	for r.at < len(text) {
		if err := r.next(); err != nil {
			return nil, err
		}
	}
	if err := r.endLine(); err != nil {
		return nil, err
	}
	if len(r.open) > 1 {
		last := r.open[len(r.open)-1]
		return nil, peering.Errorf(peering.Invalid, "line %d: %q never ends", last.line, shorten(last.text))
	}
	return top.below, nil
}

// braces reads one statement's words at a time.
type braces struct {
	Syntax
	text     string
	at, line int
	words    []string // of the statement that is being read
	since    int      // the line where it began
	list     bool     // within [ ]
	open     []*node
}

func (r *braces) next() error {
	switch c := r.text[r.at]; {
	case c == '\n':
		r.at++
		if err := r.endLine(); err != nil {
			return err
		}
		r.line++
	case c == ' ' || c == '\t' || c == '\r':
		r.at++
	case c == '#':
		r.at += len(r.text[r.at:]) - len(strings.TrimLeftFunc(r.text[r.at:], func(c rune) bool { return c != '\n' }))
	case strings.HasPrefix(r.text[r.at:], "/*"):
		end := strings.Index(r.text[r.at:], "*/")
		if end < 0 {
			return r.fault("a comment that never ends")
		}
		r.line += strings.Count(r.text[r.at:r.at+end], "\n")
		r.at += end + 2
	case c == '{':
		r.at++
		return r.begin()
	case c == '}':
		r.at++
		return r.close()
	case c == ';':
		r.at++
		if r.End != ";" {
			return r.fault("a semicolon")
		}
		return r.end()
	default:
		return r.word()
	}
	return nil
}

// word reads one word, quotes with all in them, or a bracket.
func (r *braces) word() error {
	start := r.at
	switch r.text[r.at] {
	case '[', ']':
		if r.list == (r.text[r.at] == '[') {
			return r.fault("a bracket out of place")
		}
		r.list = !r.list
		r.at++
	case '"':
		for r.at++; r.at < len(r.text) && r.text[r.at] != '"' && r.text[r.at] != '\n'; r.at++ {
			if r.text[r.at] == '\\' {
				r.at++
			}
		}
		if r.at >= len(r.text) || r.text[r.at] == '\n' {
			return r.fault("a quote that never ends")
		}
		r.at++
	default:
		length := strings.IndexAny(r.text[r.at:], " \t\r\n{};[]\"#")
		if length < 0 {
			length = len(r.text) - r.at
		}
		r.at += length
	}
	word := r.text[start:r.at]
	if !printable(word) {
		return r.fault("a control character")
	}
	if len(r.words) == 0 {
		r.since = r.line
	}
	r.words = append(r.words, word)
	return nil
}

// add puts the statement that was read into the innermost open block.
func (r *braces) add(block bool) (*node, error) {
	if len(r.words) == 0 {
		return nil, r.fault("a statement without words")
	}
	if r.list {
		return nil, r.fault("a list that never ends")
	}
	said := strings.Join(r.words, " ")
	if r.End == "" { // SR OS writes ["a" "b"]
		said = strings.ReplaceAll(strings.ReplaceAll(said, "[ ", "["), " ]", "]")
	}
	n := &node{text: said, line: r.since, block: block}
	inside := r.open[len(r.open)-1]
	inside.below = append(inside.below, n)
	r.words = nil
	return n, nil
}

func (r *braces) begin() error {
	n, err := r.add(true)
	if err != nil {
		return err
	}
	if r.open = append(r.open, n); len(r.open) > deepest {
		return tooDeep(r.line)
	}
	return nil
}

func (r *braces) end() error {
	_, err := r.add(false)
	return err
}

// endLine ends a statement where lines do.
func (r *braces) endLine() error {
	if len(r.words) == 0 || r.list {
		return nil
	}
	if r.End == "" {
		return r.end()
	}
	if r.at >= len(r.text) {
		return r.fault("a statement cut off at the end")
	}
	return nil
}

func (r *braces) close() error {
	if len(r.words) > 0 {
		if r.End != "" {
			return r.fault("a statement without its end")
		}
		if err := r.end(); err != nil {
			return err
		}
	}
	if len(r.open) == 1 {
		return r.fault("a brace that nothing opened")
	}
	r.open = r.open[:len(r.open)-1]
	return nil
}

func (r *braces) fault(what string) error {
	return peering.Errorf(peering.Invalid, "line %d: %s", r.line, what)
}
