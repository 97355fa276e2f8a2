package jinja

import (
	"slices"
	"strings"
)

// pretty prints a value over several lines, as Python's pprint module does with its defaults.
type pretty struct {
	s     *State
	out   strings.Builder
	level int
}

const prettyWidth = 80

func filterPprint(s *State, in Value, a Args) Value {
	a.bind("do_pprint")
	p := &pretty{s: s}
	p.value(in, 0, 0)
	s.spend(p.out.Len())
	return Str(p.out.String())
}

// sorted gives v with the keys of all its dicts in order, for its repr.
func (p *pretty) sorted(v Value, depth int) Value {
	if depth > maxNesting {
		throw(RecursionErr, "maximum recursion depth exceeded")
	}
	p.s.step(1)
	switch v := v.(type) {
	case *Dict:
		d := NewDict(v.Len())
		for _, item := range p.entries(v) {
			d.Set(item[0], p.sorted(item[1], depth+1))
		}
		return d
	case *List:
		return &List{Items: p.sortedItems(v.Items, depth)}
	case Tuple:
		return Tuple(p.sortedItems(v, depth))
	}
	return v
}

func (p *pretty) sortedItems(items []Value, depth int) []Value {
	out := make([]Value, len(items))
	for i, item := range items {
		out[i] = p.sorted(item, depth+1)
	}
	return out
}

// entries sorts by key; keys that can't be compared are ordered by their type's name.
func (p *pretty) entries(d *Dict) []Tuple {
	var out []Tuple
	for k, v := range d.All {
		out = append(out, Tuple{k, v})
	}
	slices.SortStableFunc(out, func(a, b Tuple) int {
		x, xText := isString(a[0])
		y, yText := isString(b[0])
		switch {
		case xText && yText:
			return strings.Compare(x, y)
		case isNumber(a[0]) && isNumber(b[0]):
			return compareNumbers(a[0], b[0])
		}
		return strings.Compare(a[0].TypeName(), b[0].TypeName())
	})
	return out
}

func (p *pretty) value(v Value, indent, allowance int) {
	text := repr(p.sorted(v, 0))
	if runeCount(text) <= prettyWidth-indent-allowance {
		p.out.WriteString(text)
		return
	}
	p.s.spend(len(text))
	p.s.fits(p.out.Len())
	p.level++
	switch v := v.(type) {
	case *Dict:
		p.dict(v, indent, allowance)
	case *List:
		p.items("[", v.Items, "]", indent, allowance)
	case Tuple:
		end := ")"
		if len(v) == 1 {
			end = ",)"
		}
		p.items("(", v, end, indent, allowance)
	case Str:
		p.text(string(v), indent, allowance)
	default:
		p.out.WriteString(text)
	}
	p.level--
}

func (p *pretty) newline(indent int) { p.out.WriteString(",\n" + strings.Repeat(" ", indent)) }

func (p *pretty) dict(d *Dict, indent, allowance int) {
	p.out.WriteByte('{')
	entries := p.entries(d)
	for i, e := range entries {
		key := repr(e[0])
		p.out.WriteString(key + ": ")
		rest := 1
		if i == len(entries)-1 {
			rest = allowance + 1
		}
		p.value(e[1], indent+1+runeCount(key)+2, rest)
		if i < len(entries)-1 {
			p.newline(indent + 1)
		}
	}
	p.out.WriteByte('}')
}

func (p *pretty) items(open string, items []Value, end string, indent, allowance int) {
	p.out.WriteString(open)
	for i, item := range items {
		rest := 1
		if i > 0 {
			p.newline(indent + 1)
		}
		if i == len(items)-1 {
			rest = allowance + len(end)
		}
		p.value(item, indent+1, rest)
	}
	p.out.WriteString(end)
}

// text cuts long text into literals that stand one below the other.
func (p *pretty) text(text string, indent, allowance int) {
	if p.level == 1 {
		indent++
		allowance++
	}
	var chunks []string
	lines := splitLines(text, true)
	for i, line := range lines {
		rest := 0
		if i == len(lines)-1 {
			rest = allowance
		}
		if whole := quote(line); runeCount(whole) <= prettyWidth-indent-rest {
			chunks = append(chunks, whole)
			continue
		}
		chunks = append(chunks, cutLine(line, prettyWidth-indent, rest)...)
	}
	joined := strings.Join(chunks, "\n"+strings.Repeat(" ", indent))
	if p.level == 1 && len(chunks) > 1 {
		joined = "(" + joined + ")"
	}
	p.out.WriteString(joined)
}

// cutLine fills literals with words; the last word leaves room for what follows the text.
func cutLine(line string, width, rest int) []string {
	var chunks []string
	current := ""
	words := wordsWithBlanks(line)
	for i, word := range words {
		if i == len(words)-1 {
			width -= rest
		}
		if runeCount(quote(current+word)) > width {
			if current != "" {
				chunks = append(chunks, quote(current))
			}
			current = word
			continue
		}
		current += word
	}
	if current != "" {
		chunks = append(chunks, quote(current))
	}
	return chunks
}

// wordsWithBlanks cuts behind each run of white space.
func wordsWithBlanks(line string) []string {
	var words []string
	blank, start := false, 0
	for i, r := range line {
		if blank && !isSpace(r) {
			words = append(words, line[start:i])
			start = i
		}
		blank = isSpace(r)
	}
	return append(words, line[start:])
}
