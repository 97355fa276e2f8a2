package jinja

import "strings"

// statementParser finds the parser of a built-in tag; nil when there is no such tag.
func statementParser(tag string) func(*parser) node {
	switch tag {
	case "for":
		return (*parser).forStmt
	case "if":
		return (*parser).ifStmt
	case "set":
		return (*parser).setStmt
	case "with":
		return (*parser).withStmt
	case "include":
		return (*parser).includeStmt
	case "macro":
		return (*parser).macroStmt
	case "call":
		return (*parser).callStmt
	case "filter":
		return (*parser).filterStmt
	case "print":
		return (*parser).printStmt
	case "do":
		return (*parser).doStmt
	case "break", "continue":
		return (*parser).jump
	case "block":
		return (*parser).blockStmt
	case "extends":
		return (*parser).extendsStmt
	case "import":
		return (*parser).importStmt
	case "from":
		return (*parser).fromStmt
	case "autoescape":
		return (*parser).autoescapeStmt
	}
	return nil
}

func (p *parser) forStmt() node {
	n := &forStmt{position: p.next().pos}
	n.target = p.target(tupleRules{simple: true})
	p.expectName("in")
	n.iter = p.tuple(tupleRules{noConditional: true})
	if p.skipName("if") {
		n.test = p.expression()
	}
	n.recursive = p.skipName("recursive")
	n.body = p.bodyUntil("endfor", "else")
	if p.next().text == "else" {
		n.orElse = p.bodyThrough("endfor")
	}
	return n
}

func (p *parser) ifStmt() node {
	first := &ifStmt{position: p.next().pos}
	for n := first; ; {
		n.test = p.tuple(tupleRules{noConditional: true})
		n.body = p.bodyUntil("elif", "else", "endif")
		switch p.next().text {
		case "elif":
			n = &ifStmt{position: p.cur().pos}
			first.elifs = append(first.elifs, n)
			continue
		case "else":
			first.orElse = p.bodyThrough("endif")
		}
		return first
	}
}

func (p *parser) setStmt() node {
	pos := p.next().pos
	target := p.target(tupleRules{simple: true, namespace: true})
	if p.skipKind("=") {
		return &setStmt{pos, target, p.tuple(tupleRules{})}
	}
	filter := p.filterChain(nil)
	return &setBlock{pos, target, filter, p.bodyThrough("endset")}
}

// target parses what can be assigned to.
func (p *parser) target(rules tupleRules) node {
	n := p.tuple(rules)
	p.assignable(n)
	return n
}

func (p *parser) assignable(n node) {
	switch n := n.(type) {
	case *nameRef:
		n.store = true
	case *nsRef:
	case *tupleExpr:
		for _, item := range n.items {
			p.assignable(item)
		}
	default:
		p.fail(n.at(), SyntaxErr, "can't assign to "+quote(nodeName(n)))
	}
}

func nodeName(n node) string {
	switch n.(type) {
	case *constant:
		return "const"
	case *listExpr:
		return "list"
	case *dictExpr:
		return "dict"
	}
	return "expression"
}

// plainName parses a name to be assigned.
func (p *parser) plainName() *nameRef {
	t := p.expect(kindName)
	switch t.text {
	case "true", "false", "none", "True", "False", "None":
		p.fail(t.pos, SyntaxErr, "can't assign to 'name'")
	}
	return &nameRef{position: t.pos, name: t.text, store: true}
}

func (p *parser) withStmt() node {
	n := &withStmt{position: p.next().pos}
	for !p.isKind(kindTagEnd) {
		if len(n.targets) > 0 {
			p.expect(",")
		}
		target := p.target(tupleRules{simple: true})
		markParams(target)
		n.targets = append(n.targets, target)
		p.expect("=")
		n.values = append(n.values, p.expression())
	}
	n.body = p.bodyThrough("endwith")
	return n
}

func markParams(n node) {
	walk(n, func(n node) bool {
		if name, ok := n.(*nameRef); ok {
			name.param = true
		}
		return true
	})
}

func (p *parser) autoescapeStmt() node {
	n := &autoescapeStmt{position: p.next().pos, value: p.expression()}
	n.body = p.bodyThrough("endautoescape")
	return n
}

func (p *parser) blockStmt() node {
	n := &blockStmt{position: p.next().pos, name: p.expect(kindName).text}
	n.scoped = p.skipName("scoped")
	n.required = p.skipName("required")
	if p.isKind("-") {
		p.fail(p.cur().pos, SyntaxErr, "Block names in Jinja have to be valid Python identifiers and may not contain hyphens, use an underscore instead.")
	}
	n.body = p.bodyThrough("endblock")
	if n.required && !onlyBlank(n.body) {
		p.fail(p.cur().pos, SyntaxErr, "Required blocks can only contain comments or whitespace")
	}
	p.skipName(n.name)
	return n
}

func onlyBlank(body []node) bool {
	for _, n := range body {
		out, ok := n.(*output)
		if !ok {
			return false
		}
		for _, part := range out.parts {
			text, ok := part.(*textData)
			if !ok || strings.TrimFunc(text.text, isSpace) != "" {
				return false
			}
		}
	}
	return true
}

func (p *parser) extendsStmt() node { return &extendsStmt{p.next().pos, p.expression()} }

func (p *parser) includeStmt() node {
	n := &includeStmt{position: p.next().pos, template: p.expression(), withContext: true}
	if p.isName("ignore") && p.nextName("missing") {
		p.next()
		p.next()
		n.ignoreMissing = true
	}
	p.contextClause(&n.withContext)
	return n
}

// contextClause parses an optional "with context" or "without context".
func (p *parser) contextClause(with *bool) bool {
	if !p.isName("with") && !p.isName("without") || !p.nextName("context") {
		return false
	}
	*with = p.next().text == "with"
	p.next()
	return true
}

func (p *parser) importStmt() node {
	n := &importStmt{position: p.next().pos, template: p.expression()}
	p.expectName("as")
	n.target = p.plainName().name
	p.contextClause(&n.withContext)
	return n
}

func (p *parser) fromStmt() node {
	n := &fromStmt{position: p.next().pos, template: p.expression()}
	p.expectName("import")
	for {
		if len(n.names) > 0 {
			p.expect(",")
		}
		if !p.isKind(kindName) {
			p.expect(kindName)
		}
		if p.contextClause(&n.withContext) {
			return n
		}
		p.importedName(n)
		if p.contextClause(&n.withContext) || !p.isKind(",") {
			return n
		}
	}
}

func (p *parser) importedName(n *fromStmt) {
	name := p.plainName()
	if strings.HasPrefix(name.name, "_") {
		p.fail(name.position, AssertionErr, "names starting with an underline can not be imported")
	}
	alias := name.name
	if p.skipName("as") {
		alias = p.plainName().name
	}
	n.names = append(n.names, name.name)
	n.aliases = append(n.aliases, alias)
}

func (p *parser) signature() signature {
	var sig signature
	p.expect("(")
	for !p.isKind(")") {
		if len(sig.params) > 0 {
			p.expect(",")
		}
		param := p.plainName()
		param.param = true
		if p.skipKind("=") {
			sig.defaults = append(sig.defaults, p.expression())
		} else if len(sig.defaults) > 0 {
			p.fail(p.cur().pos, SyntaxErr, "non-default argument follows default argument")
		}
		sig.params = append(sig.params, param)
	}
	p.expect(")")
	return sig
}

func (p *parser) macroStmt() node {
	n := &macroStmt{position: p.next().pos}
	n.name = p.plainName().name
	n.signature = p.signature()
	n.body = p.bodyThrough("endmacro")
	return n
}

func (p *parser) callStmt() node {
	n := &callBlock{position: p.next().pos}
	if p.isKind("(") {
		n.signature = p.signature()
	}
	call, ok := p.expression().(*callExpr)
	if !ok {
		p.fail(n.position, SyntaxErr, "expected call")
	}
	n.call = call
	n.body = p.bodyThrough("endcall")
	return n
}

func (p *parser) filterStmt() node {
	n := &filterBlock{position: p.next().pos}
	n.filter = p.filterChain(p.filterCall(nil))
	n.body = p.bodyThrough("endfilter")
	return n
}

func (p *parser) printStmt() node {
	n := &output{position: p.next().pos}
	for !p.isKind(kindTagEnd) {
		if len(n.parts) > 0 {
			p.expect(",")
		}
		n.parts = append(n.parts, p.expression())
	}
	return n
}

func (p *parser) doStmt() node { return &doStmt{p.next().pos, p.tuple(tupleRules{})} }

func (p *parser) jump() node {
	t := p.next()
	return &jumpStmt{t.pos, t.text == "break"}
}

// hostTag parses a tag of the host's: arguments as in a call, without the parentheses.
func (p *parser) hostTag() node {
	t := p.next()
	n := &tagStmt{position: t.pos, name: t.text}
	literal := p.env.opts.Tags[t.text].Literal
	for first := true; !p.isKind(kindTagEnd); first = false {
		if !first {
			p.expect(",")
		}
		if next := p.look().kind; literal && p.isKind(kindName) && (next == "," || next == kindTagEnd) {
			name := p.next()
			n.args.pos = append(n.args.pos, &constant{name.pos, Str(name.text)})
			continue
		}
		p.argument(&n.args, t.pos)
	}
	return n
}
