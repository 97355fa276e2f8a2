package jinja

// tupleRules are the ways in which a comma-separated list may differ from place to place.
type tupleRules struct {
	simple        bool // names and literals only, as in assignment targets
	noConditional bool // no inline if, because "if" means something else here
	parentheses   bool // () is allowed
	namespace     bool // name.attr is allowed
}

// tuple parses one expression, or several with commas, which make a tuple.
func (p *parser) tuple(rules tupleRules) node {
	defer p.deeper()()
	pos := p.cur().pos
	var items []node
	isTuple := false
	for {
		if len(items) > 0 {
			p.expect(",")
		}
		if p.tupleEnds() {
			break
		}
		items = append(items, p.tupleItem(rules))
		if !p.isKind(",") {
			break
		}
		isTuple = true
		pos = p.cur().pos
	}
	if isTuple {
		return &tupleExpr{pos, items}
	}
	if len(items) == 1 {
		return items[0]
	}
	if !rules.parentheses {
		p.fail(p.cur().pos, SyntaxErr, "Expected an expression, got "+quote(p.cur().describe()))
	}
	return &tupleExpr{pos, nil}
}

// tupleEnds: a comma may stand before the end of a tag or a parenthesis. Before "in" and "recursive" it may not, although
// Jinja2's grammar means it to: there they are taken for one more name.
func (p *parser) tupleEnds() bool {
	switch p.cur().kind {
	case kindVarEnd, kindTagEnd, ")":
		return true
	}
	return false
}

func (p *parser) tupleItem(rules tupleRules) node {
	switch {
	case rules.simple:
		return p.primary(rules.namespace)
	case rules.noConditional:
		return p.or()
	}
	return p.expression()
}

func (p *parser) expression() node {
	defer p.deeper()()
	pos := p.cur().pos
	left := p.or()
	for p.skipName("if") {
		test := p.or()
		var no node
		if p.skipName("else") {
			no = p.expression()
		}
		left = &conditional{pos, test, left, no}
		pos = p.cur().pos
	}
	return left
}

func (p *parser) or() node {
	pos := p.cur().pos
	left := p.and()
	for p.skipName("or") {
		left = &logical{pos, true, left, p.and()}
		pos = p.cur().pos
	}
	return left
}

func (p *parser) and() node {
	pos := p.cur().pos
	left := p.not()
	for p.skipName("and") {
		left = &logical{pos, false, left, p.not()}
		pos = p.cur().pos
	}
	return left
}

func (p *parser) not() node {
	if !p.isName("not") {
		return p.compare()
	}
	defer p.deeper()()
	pos := p.next().pos
	return &unary{pos, "not", p.not()}
}

func (p *parser) compare() node {
	pos := p.cur().pos
	first := p.sum()
	c := &comparison{position: pos, first: first}
	for {
		switch op := p.cur().kind; {
		case op == "==" || op == "!=" || op == "<" || op == "<=" || op == ">" || op == ">=":
			p.next()
			c.ops = append(c.ops, op)
		case p.skipName("in"):
			c.ops = append(c.ops, "in")
		case p.isName("not") && p.nextName("in"):
			p.next()
			p.next()
			c.ops = append(c.ops, "not in")
		case len(c.ops) == 0:
			return first
		default:
			return c
		}
		c.rest = append(c.rest, p.sum())
		c.position = p.cur().pos
	}
}

// leftAssociative parses operand (op operand)*.
func (p *parser) leftAssociative(operand func() node, ops ...string) node {
	pos := p.cur().pos
	left := operand()
	for {
		op := ""
		for _, candidate := range ops {
			if p.isKind(candidate) {
				op = candidate
			}
		}
		if op == "" {
			return left
		}
		p.next()
		left = &binaryExpr{pos, op, left, operand()}
		pos = p.cur().pos
	}
}

func (p *parser) sum() node { return p.leftAssociative(p.tilde, "+", "-") }

func (p *parser) tilde() node {
	pos := p.cur().pos
	parts := []node{p.product()}
	for p.skipKind("~") {
		parts = append(parts, p.product())
	}
	if len(parts) == 1 {
		return parts[0]
	}
	return &concatExpr{pos, parts}
}

func (p *parser) product() node { return p.leftAssociative(p.power, "*", "/", "//", "%") }

// power groups from the left, unlike Python's: 2 ** 3 ** 2 is 64.
func (p *parser) power() node {
	return p.leftAssociative(func() node { return p.unary(true) }, "**")
}

func (p *parser) unary(withFilter bool) node {
	defer p.deeper()()
	pos := p.cur().pos
	var n node
	switch {
	case p.skipKind("-"):
		n = &unary{pos, "-", p.unary(false)}
	case p.skipKind("+"):
		n = &unary{pos, "+", p.unary(false)}
	default:
		n = p.primary(false)
	}
	n = p.postfix(n)
	if withFilter {
		n = p.filtersAndTests(n)
	}
	return n
}

func (p *parser) primary(namespace bool) node {
	t := *p.cur()
	switch t.kind {
	case kindName:
		p.next()
		return p.nameOrConstant(t, namespace)
	case kindString:
		text := p.next().text
		for p.isKind(kindString) {
			text += p.next().text
		}
		return &constant{t.pos, Str(text)}
	case kindInt, kindFloat:
		p.next()
		return &constant{t.pos, t.val}
	case "(":
		p.next()
		n := p.tuple(tupleRules{parentheses: true})
		p.expect(")")
		return n
	case "[":
		p.next()
		return &listExpr{t.pos, p.listItems("]")}
	case "{":
		return p.dict()
	}
	p.fail(t.pos, SyntaxErr, "unexpected "+quote(t.describe()))
	return nil
}

func (p *parser) nameOrConstant(t token, namespace bool) node {
	switch t.text {
	case "true", "True":
		return &constant{t.pos, Bool(true)}
	case "false", "False":
		return &constant{t.pos, Bool(false)}
	case "none", "None":
		return &constant{t.pos, None}
	}
	if namespace && p.skipKind(".") {
		return &nsRef{t.pos, t.text, p.expect(kindName).text}
	}
	return &nameRef{position: t.pos, name: t.text}
}

func (p *parser) listItems(closer string) []node {
	var items []node
	for !p.isKind(closer) {
		if len(items) > 0 {
			p.expect(",")
		}
		if p.isKind(closer) {
			break
		}
		items = append(items, p.expression())
	}
	p.expect(closer)
	return items
}

func (p *parser) dict() node {
	d := &dictExpr{position: p.next().pos}
	for !p.isKind("}") {
		if len(d.keys) > 0 {
			p.expect(",")
		}
		if p.isKind("}") {
			break
		}
		d.keys = append(d.keys, p.expression())
		p.expect(":")
		d.vals = append(d.vals, p.expression())
	}
	p.expect("}")
	return d
}

// maxChain bounds a.b.c… and a|b|c…, which nest to the left.
const maxChain = 1000

func (p *parser) postfix(n node) node {
	for range maxChain {
		switch p.cur().kind {
		case ".":
			n = p.attribute(n)
		case "[":
			n = p.subscript(n)
		case "(":
			n = p.call(n)
		default:
			return n
		}
	}
	p.fail(p.cur().pos, RecursionErr, "the expression is too long")
	return nil
}

func (p *parser) filtersAndTests(n node) node {
	for range maxChain {
		switch {
		case p.isKind("|"):
			n = p.filter(n)
		case p.isName("is"):
			n = p.test(n)
		case p.isKind("("):
			n = p.call(n)
		default:
			return n
		}
	}
	p.fail(p.cur().pos, RecursionErr, "the expression is too long")
	return nil
}

func (p *parser) attribute(object node) node {
	pos := p.next().pos
	t := p.next()
	switch t.kind {
	case kindName:
		return &getAttr{pos, object, t.text}
	case kindInt:
		return &getItem{pos, object, &constant{t.pos, t.val}}
	}
	p.fail(t.pos, SyntaxErr, "expected name or number")
	return nil
}

func (p *parser) subscript(object node) node {
	pos := p.next().pos
	var keys []node
	for !p.isKind("]") {
		if len(keys) > 0 {
			p.expect(",")
		}
		keys = append(keys, p.subscriptKey())
	}
	p.expect("]")
	if len(keys) == 1 {
		return &getItem{pos, object, keys[0]}
	}
	return &getItem{pos, object, &tupleExpr{pos, keys}}
}

func (p *parser) subscriptKey() node {
	s := &sliceExpr{position: p.cur().pos}
	if !p.isKind(":") {
		s.start = p.expression()
		if !p.isKind(":") {
			return s.start
		}
	}
	p.next()
	if !p.sliceEnds() {
		s.stop = p.expression()
	}
	if p.skipKind(":") && !p.sliceEnds() {
		s.step = p.expression()
	}
	return s
}

func (p *parser) sliceEnds() bool { return p.isKind(":") || p.isKind("]") || p.isKind(",") }

func (p *parser) call(callee node) node {
	pos := p.cur().pos
	return &callExpr{pos, callee, p.arguments()}
}

// arguments parses (…), with Python's order: positional, keyword, *args, **kwargs.
func (p *parser) arguments() callArgs {
	opened := p.expect("(").pos
	var a callArgs
	for first := true; !p.isKind(")"); first = false {
		if !first {
			p.expect(",")
			if p.isKind(")") {
				break
			}
		}
		p.argument(&a, opened)
	}
	p.expect(")")
	return a
}

func (p *parser) argument(a *callArgs, opened position) {
	allowed := func(ok bool) {
		if !ok {
			p.fail(opened, SyntaxErr, "invalid syntax for function call expression")
		}
	}
	switch {
	case p.skipKind("*"):
		allowed(a.star == nil && a.starStar == nil)
		a.star = p.expression()
	case p.skipKind("**"):
		allowed(a.starStar == nil)
		a.starStar = p.expression()
	case p.isKind(kindName) && p.look().kind == "=":
		allowed(a.starStar == nil)
		a.names = append(a.names, p.next().text)
		p.next()
		a.vals = append(a.vals, p.expression())
	default:
		allowed(a.star == nil && a.starStar == nil && len(a.names) == 0)
		a.pos = append(a.pos, p.expression())
	}
}

// dotted parses a filter's or test's name, which may hold dots.
func (p *parser) dotted() (string, position) {
	t := p.expect(kindName)
	name := t.text
	for p.skipKind(".") {
		name += "." + p.expect(kindName).text
	}
	return name, t.pos
}

func (p *parser) filter(input node) *filterExpr {
	p.expect("|")
	return p.filterCall(input)
}

func (p *parser) filterCall(input node) *filterExpr {
	name, pos := p.dotted()
	f := &filterExpr{position: pos, input: input, name: name}
	if p.isKind("(") {
		f.args = p.arguments()
	}
	return f
}

// filterChain parses |a|b, applied to text that a block captures; nil when there is none.
func (p *parser) filterChain(f *filterExpr) *filterExpr {
	for p.isKind("|") {
		if f == nil {
			f = p.filter(nil)
		} else {
			f = p.filter(f)
		}
	}
	return f
}

func (p *parser) test(input node) node {
	is := p.next().pos
	negated := p.skipName("not")
	name, _ := p.dotted()
	t := &testExpr{position: is, input: input, name: name}
	switch p.cur().kind {
	case "(":
		t.args = p.arguments()
	case kindName, kindString, kindInt, kindFloat, "[", "{":
		if p.isName("else") || p.isName("or") || p.isName("and") {
			break
		}
		if p.isName("is") {
			p.fail(p.cur().pos, SyntaxErr, "You cannot chain multiple tests with is")
		}
		t.args.pos = []node{p.postfix(p.primary(false))}
	}
	if negated {
		return &unary{is, "not", t}
	}
	return t
}
