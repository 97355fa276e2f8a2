package outline

import (
	"slices"
	"strings"
)

// node is a statement with those inside it.
type node struct {
	text  string // without what ends it
	line  int    // 1 is the first
	block bool   // it opens a block, which may be empty
	below []*node
	attrs string   // of an element, as they are written
	raw   []string // the lines of a verbatim block, its end among them

	said map[string]*node // those inside by their text, once somebody looked for one: configurations have long lists
}

// words are the statement's, without a "no" before it.
func (n *node) words() []string {
	words := fields(n.text)
	if len(words) > 1 && words[0] == "no" {
		return words[1:]
	}
	return words
}

// fields are words, with what is in quotes as one.
func fields(text string) []string {
	quoted := false
	return strings.FieldsFunc(text, func(r rune) bool {
		quoted = quoted != (r == '"')
		return r == ' ' && !quoted
	})
}

// each gives the words of a statement and of those inside it, until it is told to stop.
func (n *node) each(yield func([]string) bool) bool {
	if !yield(n.words()) {
		return false
	}
	for _, line := range n.raw {
		if !yield(strings.Fields(line)) {
			return false
		}
	}
	return !slices.ContainsFunc(n.below, func(child *node) bool { return !child.each(yield) })
}

// find gives the statement of a text inside, nil for none.
func (n *node) find(text string) *node {
	if n.said == nil {
		n.said = make(map[string]*node, len(n.below))
		for _, child := range n.below {
			n.say(child)
		}
	}
	return n.said[text]
}

// add puts a statement at the end.
func (n *node) add(child *node) {
	n.below = append(n.below, child)
	if n.said != nil {
		n.say(child)
	}
}

// say notes a statement. Of several with one text the first counts; a block comes before what is none, which nothing is put into.
func (n *node) say(child *node) {
	if known := n.said[child.text]; known == nil || child.block && !known.block {
		n.said[child.text] = child
	}
}

// merge writes blocks of the same name once.
func (n *node) merge(more []*node) {
	for _, m := range more {
		if known := n.find(m.text); known != nil && known.block && m.block {
			known.merge(m.below)
			continue
		}
		n.add(m)
	}
}

func (x Syntax) print(nodes []*node, marked bool) string {
	var b strings.Builder
	if marked {
		x.writeMarked(&b, nodes, "")
	} else {
		x.write(&b, nodes, "")
	}
	return b.String()
}

func (x Syntax) write(b *strings.Builder, nodes []*node, indent string) {
	for _, n := range nodes {
		b.WriteString(indent + n.text)
		switch {
		case !n.block:
			b.WriteString(x.End + "\n")
			continue
		case x.Braces:
			b.WriteString(" {")
		}
		b.WriteByte('\n')
		for _, line := range n.raw {
			b.WriteString(line + "\n")
		}
		x.write(b, n.below, indent+x.Indent)
		if closing := x.closing(n); closing != "" {
			b.WriteString(indent + closing + "\n")
		}
	}
}

func (x Syntax) closing(n *node) string {
	if x.Braces {
		return "}"
	}
	first, _, _ := strings.Cut(n.text, " ")
	return x.Closes[first]
}
