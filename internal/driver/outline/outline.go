// Package outline cuts configurations that are outlines of statements, by
// indentation, by braces or in XML, into stanzas, and joins them again. It knows how
// texts are built and no platform: each platform's folder says which statements
// can be owned, in a Syntax. It decides nothing about what a router does with
// them, beyond what a platform says was measured. Start at Syntax.
//
// Comments, blank lines and separators ("!") are no statements: routers don't
// keep them, and neither does a stanza.
package outline

import (
	"cmp"
	"maps"
	"net/netip"
	"slices"
	"strings"

	"peerflow/internal/peering"
)

// Syntax is one platform's. It is a peering.Syntax.
type Syntax struct {
	Classes []Class // in the order the platform wants them: what is referred to comes first
	Indent  string  // one level
	// Braces: blocks stand in braces, and Join writes what stanzas have in common
	// once. Otherwise blocks are indented, and each stanza repeats what it stands in.
	Braces bool
	// XML: a text that begins with an element is XML, and so are its stanzas.
	XML bool
	// End is what ends a statement that opens no block, in braces: ";", or "" for the end of its line.
	End string
	// Closes gives the line that closes a block by its first word, indented as the block's first line: "exit-address-family".
	Closes map[string]string
	// Verbatim gives the line that ends a block by its first word where what is inside has a grammar of its own: "end-policy".
	Verbatim map[string]string
	// Effects of statements that come to a session or leave it, without the session's own name: "route-map". Only what was
	// measured on the platform; the first that fits counts.
	Effects []Effect
}

// Class is one kind of stanza.
type Class struct {
	// Path leads to the stanza: the first words of statements, each within the one before or deeper; a * stands for any
	// word. What begins with the last one is the stanza's, with all that is inside. One class's stanza may be several
	// statements.
	Path []string
	// Session: the stanza is a BGP session, which nothing refers to.
	Session bool
	// Effect of a change on sessions that refer to it. "" wasn't measured.
	Effect peering.Disruption
}

// Effect is what the coming or going of a statement does to its session.
type Effect struct {
	Words string // the statement's first
	Does  peering.Disruption
}

// Split cuts a text into stanzas in its own order. A statement that no class owns is refused, and so are blocks
// within more than 64 others.
func (x Syntax) Split(text string) ([]peering.Stanza, error) {
	parts, err := x.parts(text)
	if err != nil {
		return nil, err
	}
	named := map[string][]*part{} // what a session may refer to
	for _, p := range parts {
		if name := strings.Trim(p.name, `"`); !p.session {
			named[name] = append(named[name], p)
		}
	}
	out := make([]peering.Stanza, 0, len(parts))
	for _, p := range parts {
		out = append(out, peering.Stanza{Key: p.key, Text: x.print(p.top.below, x.isMarked(text)), Refs: p.refs(named), Neighbor: p.neighbor(), Line: p.own[0].line})
	}
	return out, nil
}

// Join orders stanzas by class and key.
func (x Syntax) Join(list []peering.Stanza) (string, error) {
	byKey, marked := map[string]*part{}, len(list) > 0 && x.isMarked(list[0].Text)
	for _, s := range list {
		if x.isMarked(s.Text) != marked {
			return "", peering.Errorf(peering.Invalid, "stanza %s is XML and others aren't, or the other way round: all of a router's text has one form", s.Key)
		}
		own, err := x.parts(s.Text)
		if err != nil {
			return "", err
		}
		if len(own) != 1 || own[0].key != s.Key {
			return "", peering.Errorf(peering.Invalid, "stanza %s isn't one block of that name", s.Key)
		}
		if byKey[s.Key] != nil {
			return "", peering.Errorf(peering.Invalid, "stanza %s comes twice", s.Key)
		}
		byKey[s.Key] = own[0]
	}
	sorted := slices.SortedFunc(maps.Values(byKey), func(a, b *part) int {
		return cmp.Or(cmp.Compare(a.class, b.class), cmp.Compare(a.key, b.key))
	})
	var all node
	for _, p := range sorted {
		if x.Braces || marked {
			all.merge(p.top.below)
		} else {
			all.below = append(all.below, p.top.below...)
		}
	}
	return x.print(all.below, marked), nil
}

// part is a stanza as a tree, with the statements that it stands in.
type part struct {
	key   string
	class int     // index
	name  string  // its last one
	root  *node   // the first statement of the text that it is in
	top   node    // holds its tree
	own   []*node // its own statements in the tree

	session bool
	marked  bool // XML
}

func (x Syntax) parts(text string) ([]*part, error) {
	read := x.indented
	switch {
	case x.isMarked(text):
		read = x.marked
	case x.Braces:
		read = x.braced
	}
	tree, err := read(strings.ReplaceAll(text, "\r\n", "\n"))
	if err != nil {
		return nil, err
	}
	c := cutter{Syntax: x, marked: x.isMarked(text), byKey: map[string]*part{}}
	for _, n := range tree {
		if err := c.cut(n, nil); err != nil {
			return nil, err
		}
	}
	return c.parts, nil
}

// cutter hands statements to the stanzas they belong to.
type cutter struct {
	Syntax
	marked bool
	parts  []*part
	byKey  map[string]*part
}

func (c *cutter) cut(n *node, above []*node) error {
	trail := append(slices.Clone(above), n)
	for i, class := range c.Classes {
		if key, name, ok := class.match(trail); ok {
			return c.give(&part{key: key, name: name, class: i, session: class.Session, marked: c.marked, root: trail[0]}, trail)
		}
	}
	if len(n.below) == 0 {
		return peering.Errorf(peering.Invalid, "line %d: %q is no part of what peerflow can own: it owns %s", n.line, shorten(n.text), strings.Join(c.owned(), ", "))
	}
	for _, child := range n.below {
		if err := c.cut(child, trail); err != nil {
			return err
		}
	}
	return nil
}

// give adds a statement, the last of the trail, to its stanza.
func (c *cutter) give(p *part, trail []*node) error {
	n := trail[len(trail)-1]
	if known := c.byKey[p.key]; known == nil {
		c.byKey[p.key] = p
		c.parts = append(c.parts, p)
	} else if p.root != known.root && len(trail) > 1 {
		return peering.Errorf(peering.Invalid, "line %d: %s is defined on line %d already", n.line, p.key, known.own[0].line)
	} else {
		p = known
	}
	inside := &p.top
	for _, outer := range trail[:len(trail)-1] {
		block := inside.find(outer.text)
		if block == nil {
			block = &node{text: outer.text, line: outer.line, block: true, attrs: outer.attrs}
			inside.add(block)
		}
		inside = block
	}
	if other := inside.find(n.text); other != nil {
		return peering.Errorf(peering.Invalid, "line %d: %q stands on line %d already", n.line, shorten(n.text), other.line)
	}
	inside.add(n)
	p.own = append(p.own, n)
	return nil
}

func (c *cutter) owned() []string {
	var names []string
	for _, class := range c.Classes {
		names = append(names, strings.ReplaceAll(strings.Join(class.Path, "/"), " *", ""))
	}
	return names
}

// match tells whether the last of some statements, each within the one before, begins a stanza of the class.
func (c Class) match(trail []*node) (key, name string, ok bool) {
	var parts []string
	step := 0
	for i, n := range trail {
		words := n.words()
		last := i == len(trail)-1
		if step < len(c.Path) && last == (step == len(c.Path)-1) {
			if found, named := match(strings.Fields(c.Path[step]), words); found != "" {
				parts, name = append(parts, found), named
				step++
			}
		}
		if at := slices.Index(words, "vrf"); !last && at >= 0 && at+1 < len(words) {
			parts = append(parts, "vrf "+words[at+1])
		}
	}
	return strings.Join(parts, "/"), name, step == len(c.Path)
}

// match gives the words that fit a pattern, and the last that stands for a *.
func match(pattern, words []string) (found, name string) {
	if len(words) < len(pattern) {
		return "", ""
	}
	for i, p := range pattern {
		switch {
		case p == "*":
			name = words[i]
		case p != words[i]:
			return "", ""
		}
	}
	return strings.Join(words[:len(pattern)], " "), name
}

// neighbor is the address of the session that a stanza is.
func (p *part) neighbor() (found netip.Addr) {
	if !p.session {
		return found
	}
	for words := range p.statements() {
		at := slices.Index(words, "neighbor")
		if at < 0 || at+1 == len(words) {
			continue
		}
		if addr, err := netip.ParseAddr(strings.Trim(words[at+1], `"`)); err == nil {
			return addr
		}
	}
	return found
}

// refs are the other stanzas whose names a stanza says, sorted.
func (p *part) refs(named map[string][]*part) []string {
	said := map[string]bool{}
	for words := range p.statements() {
		for _, w := range words {
			said[strings.Trim(w, `"[](),;`)] = true
		}
		if p.marked && len(words) > 2 { // an element's text is one word
			said[strings.Join(words[1:], " ")] = true
		}
	}
	var found []string
	for word := range said {
		for _, other := range named[word] {
			if other != p {
				found = append(found, other.key)
			}
		}
	}
	slices.Sort(found)
	return found
}

// statements gives the words of each of the stanza's own statements; descriptions say nothing to a router.
func (p *part) statements() func(yield func([]string) bool) {
	return func(yield func([]string) bool) {
		for _, n := range p.own {
			if !n.each(func(words []string) bool { return slices.Contains(words, "description") || yield(words) }) {
				return
			}
		}
	}
}

// deepest is how many blocks may stand within one another: no platform needs a
// quarter of that, and whatever walks a tree does it by recursion.
const deepest = 64

func tooDeep(line int) error {
	return peering.Errorf(peering.Invalid, "line %d: a block within more than %d others", line, deepest)
}

func shorten(text string) string { return text[:min(len(text), 60)] }
