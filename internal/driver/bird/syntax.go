package bird

import (
	"cmp"
	"maps"
	"net/netip"
	"slices"
	"strings"

	"peerflow/internal/peering"
)

// Syntax cuts BIRD 2 configuration into its top-level blocks: define, attribute,
// table, function, filter, template and protocol, each under its name.
//
// Comments above a block, and one after it on its last line, belong to it; those
// after the last block go above that block. Blocks without a name and statements
// that configure the daemon as a whole are refused: they can't be owned alone.
type Syntax struct{}

// classes are the blocks that can be owned, in the order BIRD wants them: what is referred to comes first.
var classes = []string{"define", "attribute", "table", "function", "filter", "template", "protocol"}

// Split cuts a text into stanzas in its own order.
func (Syntax) Split(text string) ([]peering.Stanza, error) {
	text = strings.ReplaceAll(text, "\r\n", "\n")
	tokens, err := scan(text)
	if err != nil {
		return nil, err
	}
	blocks, err := cut(text, tokens)
	if err != nil {
		return nil, err
	}
	return stanzas(blocks), nil
}

// Join orders stanzas by class, then so that what is referred to comes first, then by key.
func (Syntax) Join(list []peering.Stanza) (string, error) {
	var blocks []block
	for _, s := range list {
		tokens, err := scan(s.Text)
		if err != nil {
			return "", err
		}
		own, err := cut(s.Text, tokens)
		if err != nil {
			return "", err
		}
		if len(own) != 1 || own[0].key() != s.Key {
			return "", peering.Errorf(peering.Invalid, "stanza %s isn't one block of that name", s.Key)
		}
		blocks = append(blocks, own[0])
	}
	ordered, err := order(blocks)
	if err != nil {
		return "", err
	}
	texts := make([]string, 0, len(ordered))
	for _, b := range ordered {
		texts = append(texts, b.text)
	}
	return strings.Join(texts, "\n"), nil
}

// block is one top-level statement.
type block struct {
	class, name string
	kind        string // second word of a protocol or template: bgp, static
	text        string // canonical
	code        string // without comments, one blank between tokens that had any
	words       map[string]bool
	neighbor    netip.Addr
	line        int // of its first word
	from        int // line of its first comment, or first word
}

func (b block) key() string { return b.class + "/" + b.name }

// cut finds the blocks of a text.
func cut(text string, tokens []token) ([]block, error) {
	var blocks []block
	seen := map[string]int{}
	for i := 0; i < len(tokens); {
		start := i
		for i < len(tokens) && (tokens[i].kind == comment || tokens[i].is(text, ";")) {
			i++
		}
		if i == len(tokens) {
			return keepTail(text, tokens[start:], blocks), nil
		}
		b, err := identify(text, code(tokens[i:]))
		if err != nil {
			return nil, err
		}
		end, err := blockEnd(text, tokens, i, b)
		if err != nil {
			return nil, err
		}
		if first, twice := seen[b.key()]; twice {
			return nil, peering.Errorf(peering.Invalid, "line %d: %s is defined on line %d already", b.line, b.key(), first)
		}
		seen[b.key()] = b.line
		blocks = append(blocks, finish(text, b, tokens[start:i], tokens[i:end]))
		i = end
	}
	return blocks, nil
}

// keepTail puts the comments after the last block above it. A text of comments
// alone has no block, and says nothing to a router.
func keepTail(text string, tail []token, blocks []block) []block {
	if len(blocks) == 0 {
		return nil
	}
	last := &blocks[len(blocks)-1]
	for _, t := range slices.Backward(tail) {
		if t.kind == comment {
			last.text = canonical(t.text(text)) + last.text
		}
	}
	return blocks
}

func code(tokens []token) []token {
	return slices.DeleteFunc(slices.Clone(tokens[:min(len(tokens), 16)]), func(t token) bool { return t.kind == comment })
}

// identify reads class and name from a block's first words.
func identify(text string, t []token) (block, error) {
	first := t[0].text(text)
	at := func(i int) string {
		if i < len(t) && t[i].kind == word {
			return t[i].text(text)
		}
		return ""
	}
	b := block{class: first, line: t[0].line}
	switch first {
	case "define", "function", "filter":
		b.name = at(1)
	case "attribute":
		b.name = at(2)
	case "protocol", "template":
		b.kind, b.name = at(1), at(2)
		if b.kind == "" || b.name == "from" {
			b.name = ""
		}
	case "include":
		return b, peering.Errorf(peering.Invalid, "line %d: an include can't be owned: write what it holds", b.line)
	default:
		if i := slices.IndexFunc(t[:min(len(t), 3)], func(t token) bool { return t.is(text, "table") }); i >= 0 {
			b.class, b.name = "table", at(i+1)
			break
		}
		return b, peering.Errorf(peering.Invalid, "line %d: %q starts no block that peerflow can own: it owns %s", b.line, first, strings.Join(classes, ", "))
	}
	if b.name == "" {
		return b, peering.Errorf(peering.Invalid, "line %d: this %s has no name: give it one", b.line, b.class)
	}
	return b, nil
}

// blockEnd gives the index after a block's last token: its closing brace, or its
// semicolon where the class has no braces.
func blockEnd(text string, tokens []token, i int, b block) (int, error) {
	braces := slices.Contains([]string{"function", "filter", "template", "protocol"}, b.class)
	depth := 0
	for ; i < len(tokens); i++ {
		if tokens[i].kind != mark1 {
			continue
		}
		switch text[tokens[i].start] {
		case '(', '[', '{':
			depth++
		case ')', ']', '}':
			depth--
			if depth < 0 {
				return 0, peering.Errorf(peering.Invalid, "line %d: a bracket that nothing opened", tokens[i].line)
			}
			if braces && depth == 0 && text[tokens[i].start] == '}' {
				return afterBlock(text, tokens, i+1), nil
			}
		case ';':
			if !braces && depth == 0 {
				return afterBlock(text, tokens, i+1), nil
			}
		}
	}
	return 0, peering.Errorf(peering.Invalid, "line %d: %s never ends", b.line, b.key())
}

// afterBlock takes in what stands on the block's last line: a stray semicolon and a comment.
func afterBlock(text string, tokens []token, i int) int {
	line := tokens[i-1].lastLine
	for i < len(tokens) && tokens[i].line == line && (tokens[i].is(text, ";") || tokens[i].kind == comment) {
		i++
	}
	return i
}

// finish writes the block's canonical text: comments, then the block.
func finish(text string, b block, before, tokens []token) block {
	b.from = b.line
	for _, t := range before {
		if t.kind == comment {
			b.text += canonical(t.text(text))
			b.from = min(b.from, t.line)
		}
	}
	b.text += canonical(text[tokens[0].start:tokens[len(tokens)-1].end])
	b.code = codeOf(text, tokens)
	b.words = map[string]bool{}
	for _, t := range tokens {
		if t.kind == word {
			b.words[t.text(text)] = true
		}
	}
	if b.class == "protocol" && b.kind == "bgp" {
		b.neighbor = neighborOf(text, tokens)
	}
	return b
}

// codeOf writes tokens without comments, with one blank where there was any and around braces.
func codeOf(text string, tokens []token) string {
	var b strings.Builder
	end := -1
	for _, t := range tokens {
		if t.kind == comment {
			continue
		}
		brace := t.is(text, "{") || t.is(text, "}")
		if end >= 0 && (brace || t.start > end || text[end-1] == '{' || text[end-1] == '}') {
			b.WriteByte(' ')
		}
		b.WriteString(text[t.start:t.end])
		end = t.end
	}
	return b.String()
}

// canonical trims the ends of lines and gives one final newline.
func canonical(text string) string {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	for i := range lines {
		lines[i] = strings.TrimRight(lines[i], " \t\r")
	}
	return strings.Join(lines, "\n") + "\n"
}

// neighborOf reads "neighbor 192.0.2.1 port 179 as 64501"; a range has no address.
func neighborOf(text string, tokens []token) netip.Addr {
	for _, t := range tokens {
		if !t.is(text, "neighbor") {
			continue
		}
		const ends = " \t\r\n;"
		rest := strings.TrimLeft(text[t.end:], ends)
		if end := strings.IndexAny(rest, ends); end >= 0 { // of one word: what follows is the rest of the router
			rest = rest[:end]
		}
		return parseAddr(rest)
	}
	return netip.Addr{}
}

// parseAddr reads an address with an optional %interface, which BIRD may quote. Zero is none.
func parseAddr(s string) netip.Addr {
	a, err := netip.ParseAddr(strings.ReplaceAll(s, "'", ""))
	if err != nil {
		return netip.Addr{}
	}
	return a
}

func stanzas(blocks []block) []peering.Stanza {
	keys := names(blocks)
	out := make([]peering.Stanza, 0, len(blocks))
	for _, b := range blocks {
		out = append(out, peering.Stanza{Key: b.key(), Text: b.text, Refs: refs(b, keys), Neighbor: b.neighbor, Line: b.from})
	}
	return out
}

// names maps what blocks are called to their keys. BIRD has one space of names for all classes.
func names(blocks []block) map[string][]string {
	keys := map[string][]string{}
	for _, b := range blocks {
		keys[b.name] = append(keys[b.name], b.key())
	}
	return keys
}

func refs(b block, keys map[string][]string) []string {
	var found []string
	for w := range b.words {
		for _, key := range keys[w] {
			if key != b.key() {
				found = append(found, key)
			}
		}
	}
	slices.Sort(found)
	return found
}

// order sorts blocks by class, reference and key.
func order(blocks []block) ([]block, error) {
	keys := names(blocks)
	byKey := map[string]block{}
	for _, b := range blocks {
		if _, twice := byKey[b.key()]; twice {
			return nil, peering.Errorf(peering.Invalid, "stanza %s comes twice", b.key())
		}
		byKey[b.key()] = b
	}
	sorted := slices.SortedFunc(maps.Values(byKey), func(a, b block) int {
		return cmp.Or(cmp.Compare(slices.Index(classes, a.class), slices.Index(classes, b.class)), cmp.Compare(a.key(), b.key()))
	})
	o := orderer{byKey: byKey, keys: keys, state: map[string]int{}}
	for _, b := range sorted {
		if err := o.visit(b); err != nil {
			return nil, err
		}
	}
	return o.out, nil
}

// orderer puts a block after those of its own class that it refers to.
type orderer struct {
	byKey map[string]block
	keys  map[string][]string
	state map[string]int // 1 on the way, 2 done
	out   []block
}

func (o *orderer) visit(b block) error {
	switch o.state[b.key()] {
	case 1:
		return peering.Errorf(peering.Invalid, "stanza %s refers to itself by way of others", b.key())
	case 2:
		return nil
	}
	o.state[b.key()] = 1
	for _, key := range refs(b, o.keys) {
		if o.byKey[key].class != b.class {
			continue
		}
		if err := o.visit(o.byKey[key]); err != nil {
			return err
		}
	}
	o.state[b.key()] = 2
	o.out = append(o.out, b)
	return nil
}
