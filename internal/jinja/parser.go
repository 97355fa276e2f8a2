package jinja

import (
	"slices"
	"strings"
)

// maxDepth is how deep expressions and statements may nest: deeper ones exhaust Python's stack as well.
const maxDepth = 200

// parser turns tokens into nodes by recursive descent, with Jinja2's grammar and its error messages.
type parser struct {
	env    *Environment
	tokens []token
	i      int
	depth  int
	tags   []string   // names of the tags being parsed, outermost first
	ends   [][]string // tags that may end each of the bodies being parsed
}

func parse(env *Environment, source string) []node {
	p := &parser{env: env, tokens: tokenize(&env.opts, source)}
	p.check()
	nodes := p.body(nil)
	for _, n := range nodes {
		p.requireFlat(n, 0)
	}
	return nodes
}

// maxHeight bounds how many nodes hang one below the other. Limits.Depth times this is how deep closures call each
// other at the worst, which has to fit a goroutine's stack.
const maxHeight = 1000

func (p *parser) requireFlat(n node, height int) {
	if height > maxHeight {
		p.fail(n.at(), RecursionErr, "the template nests too deeply")
	}
	for _, child := range children(n) {
		p.requireFlat(child, height+1)
	}
}

func (p *parser) cur() *token { return &p.tokens[p.i] }

func (p *parser) look() *token {
	if p.i+1 < len(p.tokens) {
		if t := &p.tokens[p.i+1]; t.kind != kindLexError {
			return t
		}
		p.i++
		p.check()
	}
	return p.cur()
}

func (p *parser) next() token {
	t := p.tokens[p.i]
	if p.i+1 < len(p.tokens) {
		p.i++
		p.check()
	}
	return t
}

// check throws the lexer's fault once it is reached.
func (p *parser) check() {
	if t := p.cur(); t.kind == kindLexError {
		p.fail(t.pos, SyntaxErr, t.text)
	}
}

func (p *parser) fail(pos position, class, msg string) {
	panic(&Error{Class: class, Line: int(pos.line), Column: int(pos.column), Msg: msg})
}

func (p *parser) isKind(kind string) bool { return p.cur().kind == kind }
func (p *parser) isName(name string) bool { return p.cur().kind == kindName && p.cur().text == name }
func (p *parser) nextName(n string) bool  { t := p.look(); return t.kind == kindName && t.text == n }

func (p *parser) skipName(name string) bool {
	if p.isName(name) {
		p.next()
		return true
	}
	return false
}

func (p *parser) skipKind(kind string) bool {
	if p.isKind(kind) {
		p.next()
		return true
	}
	return false
}

func (p *parser) expect(kind string) token {
	if !p.isKind(kind) {
		p.expected(describeKind(kind))
	}
	return p.next()
}

func (p *parser) expectName(name string) token {
	if !p.isName(name) {
		p.expected(name)
	}
	return p.next()
}

func (p *parser) expected(what string) {
	t := p.cur()
	if t.kind == kindEOF {
		p.fail(t.pos, SyntaxErr, "unexpected end of template, expected "+quote(what)+".")
	}
	p.fail(t.pos, SyntaxErr, "expected token "+quote(what)+", got "+quote(t.describe()))
}

// deeper bounds the recursion of the grammar; use it as defer p.deeper()().
func (p *parser) deeper() func() {
	p.depth++
	if p.depth > maxDepth {
		p.fail(p.cur().pos, RecursionErr, "the template nests too deeply")
	}
	return func() { p.depth-- }
}

// body parses text and tags until one of the end tags, which stays the current token.
func (p *parser) body(ends []string) []node {
	defer p.deeper()()
	if ends != nil {
		p.ends = append(p.ends, ends)
		defer func() { p.ends = p.ends[:len(p.ends)-1] }()
	}
	var nodes, parts []node
	flush := func() {
		if len(parts) > 0 {
			nodes = append(nodes, &output{parts[0].at(), parts})
			parts = nil
		}
	}
	for {
		switch t := p.cur(); t.kind {
		case kindEOF:
			flush()
			return nodes
		case kindData:
			parts = append(parts, &textData{t.pos, t.text})
			p.next()
		case kindVarOpen:
			p.next()
			parts = append(parts, p.tuple(tupleRules{}))
			p.expect(kindVarEnd)
		default:
			flush()
			p.next()
			if p.isKind(kindName) && slices.Contains(ends, p.cur().text) {
				return nodes
			}
			nodes = append(nodes, p.statement())
			p.expect(kindTagEnd)
		}
	}
}

// bodyUntil parses the rest of a tag and what follows it, up to one of the end tags.
func (p *parser) bodyUntil(ends ...string) []node {
	p.skipKind(":")
	p.expect(kindTagEnd)
	nodes := p.body(ends)
	if p.isKind(kindEOF) {
		p.unknownTag("", p.cur().pos, append(p.ends, ends))
	}
	return nodes
}

// bodyThrough is bodyUntil that takes the end tag too.
func (p *parser) bodyThrough(end string) []node {
	nodes := p.bodyUntil(end)
	p.next()
	return nodes
}

func (p *parser) statement() node {
	t := p.cur()
	if t.kind != kindName {
		p.fail(t.pos, SyntaxErr, "tag name expected")
	}
	parse := statementParser(t.text)
	if _, own := p.env.opts.Tags[t.text]; own {
		parse = (*parser).hostTag
	}
	if parse == nil {
		p.unknownTag(t.text, t.pos, p.ends)
	}
	p.tags = append(p.tags, t.text)
	defer func() { p.tags = p.tags[:len(p.tags)-1] }()
	return parse(p)
}

// unknownTag reports a tag that doesn't belong here, or with no name the early end of the template.
func (p *parser) unknownTag(name string, pos position, ends [][]string) {
	msg := "Unexpected end of template."
	if name != "" {
		msg = "Encountered unknown tag " + quote(name) + "."
	}
	if len(ends) > 0 {
		wanted := ends[len(ends)-1]
		quoted := make([]string, len(wanted))
		for i, w := range wanted {
			quoted[i] = quote(w)
		}
		list := strings.Join(quoted, " or ")
		if name != "" && slices.ContainsFunc(ends, func(e []string) bool { return slices.Contains(e, name) }) {
			msg += " You probably made a nesting mistake. Jinja is expecting this tag, but currently looking for " + list + "."
		} else {
			msg += " Jinja was looking for the following tags: " + list + "."
		}
	}
	if len(p.tags) > 0 {
		msg += " The innermost block that needs to be closed is " + quote(p.tags[len(p.tags)-1]) + "."
	}
	p.fail(pos, SyntaxErr, msg)
}
