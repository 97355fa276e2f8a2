package jinja

import "sync/atomic"

func (c *compiler) exprs(nodes []node, f *frame) []expr {
	out := make([]expr, len(nodes))
	for i, n := range nodes {
		out[i] = c.expr(n, f)
	}
	return out
}

func (c *compiler) expr(n node, f *frame) expr {
	switch n := n.(type) {
	case *constant:
		val := n.val
		return func(*State) Value { return val }
	case *textData:
		text := Value(Str(n.text))
		return func(*State) Value { return text }
	case *nameRef:
		return c.name(n, f)
	case *getAttr:
		return c.getAttr(n, f)
	case *getItem:
		return c.getItem(n, f)
	case *callExpr:
		return c.call(n, f, nil)
	case *filterExpr:
		return c.filter(n, f)
	case *testExpr:
		test := c.test(n, f)
		return func(s *State) Value { return Bool(test(s)) }
	case *conditional:
		return c.conditional(n, f)
	case *logical:
		return c.logical(n, f)
	}
	return c.operation(n, f)
}

func (c *compiler) operation(n node, f *frame) expr {
	switch n := n.(type) {
	case *unary:
		return c.unary(n, f)
	case *binaryExpr:
		return c.binary(n, f)
	case *comparison:
		return c.comparison(n, f)
	case *concatExpr:
		return c.concat(n, f)
	case *tupleExpr:
		items := c.exprs(n.items, f)
		return func(s *State) Value { return Tuple(s.eval(items)) }
	case *listExpr:
		items := c.exprs(n.items, f)
		return func(s *State) Value { return s.newList(s.eval(items)) }
	case *dictExpr:
		return c.dict(n, f)
	case *sliceExpr: // in a tuple, l[x, 1:2]
		c.failPython(n, "invalid syntax")
	}
	panic("jinja: unknown expression")
}

func (s *State) eval(exprs []expr) []Value {
	s.spend(wordSize * len(exprs))
	out := make([]Value, len(exprs))
	for i, e := range exprs {
		out[i] = e(s)
	}
	return out
}

// condition compiles an expression of which only the truth counts.
func (c *compiler) condition(n node, f *frame) func(*State) bool {
	switch n := n.(type) {
	case *testExpr:
		return c.test(n, f)
	case *unary:
		if n.op == "not" {
			cond := c.condition(n.operand, f)
			return func(s *State) bool { return !cond(s) }
		}
	}
	value := c.expr(n, f)
	return func(s *State) bool { return isTrue(value(s)) }
}

func (c *compiler) name(n *nameRef, f *frame) expr {
	name, pos, get := n.name, n.position, c.readVar(f, f.sym.find(n.name))
	return func(s *State) Value {
		if v := get(s); v != nil {
			return v
		}
		return s.missing(Undefined{name: name}, pos)
	}
}

func (c *compiler) getAttr(n *getAttr, f *frame) expr {
	object, name, key, pos := c.expr(n.object, f), n.name, Value(Str(n.name)), n.position
	isMethod := dictMethods[name] != nil || name[0] == '_'
	hint := new(atomic.Int32)
	return func(s *State) Value {
		v := object(s)
		if d, ok := v.(*Dict); ok && !isMethod {
			if item, ok := d.getNear(key, hint); ok {
				return item
			}
		}
		s.pos = pos
		return s.getAttr(v, name, key)
	}
}

func (c *compiler) getItem(n *getItem, f *frame) expr {
	object, pos := c.expr(n.object, f), n.position
	if sl, ok := n.key.(*sliceExpr); ok {
		return c.slice(object, sl, pos, f)
	}
	key := c.expr(n.key, f)
	return func(s *State) Value {
		v, k := object(s), key(s)
		s.pos = pos
		return s.getItem(v, k)
	}
}

func (c *compiler) slice(object expr, n *sliceExpr, pos position, f *frame) expr {
	bounds := [3]expr{}
	for i, part := range []node{n.start, n.stop, n.step} {
		bounds[i] = func(*State) Value { return None }
		if part != nil {
			bounds[i] = c.expr(part, f)
		}
	}
	return func(s *State) Value {
		v := object(s)
		start, stop, step := bounds[0](s), bounds[1](s), bounds[2](s)
		s.pos = pos
		return s.slice(v, start, stop, step)
	}
}

func (c *compiler) conditional(n *conditional, f *frame) expr {
	soft := f.softened()
	test, yes := c.condition(n.test, soft), c.expr(n.yes, soft)
	no := func(*State) Value {
		return &Undefined{hint: "the inline if-expression on line " + toStr(Int(n.line)) + " evaluated to false and no else section was defined."}
	}
	if n.no != nil {
		no = c.expr(n.no, soft)
	}
	return func(s *State) Value {
		if test(s) {
			return yes(s)
		}
		return no(s)
	}
}

func (c *compiler) logical(n *logical, f *frame) expr {
	left, right := c.expr(n.left, f), c.expr(n.right, f)
	isOr := n.isOr
	return func(s *State) Value {
		if v := left(s); isTrue(v) == isOr {
			return v
		}
		return right(s)
	}
}

func (c *compiler) unary(n *unary, f *frame) expr {
	if n.op == "not" {
		cond := c.condition(n.operand, f)
		return func(s *State) Value { return Bool(!cond(s)) }
	}
	operand, pos, apply := c.expr(n.operand, f), n.position, positive
	if n.op == "-" {
		apply = negate
	}
	return func(s *State) Value {
		v := operand(s)
		s.pos = pos
		return apply(v)
	}
}

func (c *compiler) binary(n *binaryExpr, f *frame) expr {
	left, right, op, pos := c.expr(n.left, f), c.expr(n.right, f), n.op, n.position
	return func(s *State) Value {
		a, b := left(s), right(s)
		s.pos = pos
		return s.binary(op, a, b)
	}
}

func (c *compiler) comparison(n *comparison, f *frame) expr {
	first, rest, ops, pos := c.expr(n.first, f), c.exprs(n.rest, f), n.ops, n.position
	if len(rest) == 1 {
		op, second := ops[0], rest[0]
		return func(s *State) Value {
			a, b := first(s), second(s)
			s.pos = pos
			return Bool(s.compares(op, a, b))
		}
	}
	return func(s *State) Value {
		left := first(s)
		for i, operand := range rest {
			right := operand(s)
			s.pos = pos
			if !s.compares(ops[i], left, right) {
				return Bool(false)
			}
			left = right
		}
		return Bool(true)
	}
}

func (s *State) compares(op string, a, b Value) bool {
	switch op {
	case "==":
		return equal(a, b)
	case "!=":
		return !equal(a, b)
	case "in":
		return s.contains(b, a)
	case "not in":
		return !s.contains(b, a)
	}
	return s.ordered(op, a, b)
}

func (c *compiler) concat(n *concatExpr, f *frame) expr {
	parts, pos := c.exprs(n.parts, f), n.position
	mode := f.autoescape
	return func(s *State) Value {
		vals := make([]Value, len(parts))
		for i, part := range parts {
			vals[i] = part(s)
		}
		s.pos = pos
		if mode == escapeAlways || mode == escapeAsked && s.scope.autoescape {
			return s.joinMarkup(vals)
		}
		return Str(s.joinText(vals))
	}
}

func (s *State) joinText(vals []Value) string {
	var b []byte
	for _, v := range vals {
		b = append(b, toStr(v)...)
		s.fits(len(b))
	}
	s.spend(len(b))
	return string(b)
}

// joinMarkup escapes the parts if one of them is markup; otherwise the text stays to be escaped later.
func (s *State) joinMarkup(vals []Value) Value {
	for _, v := range vals {
		if _, ok := v.(Markup); ok {
			var b []byte
			for _, v := range vals {
				b = append(b, escape(v)...)
			}
			s.spend(len(b))
			return Markup(b)
		}
	}
	return Str(s.joinText(vals))
}

func (c *compiler) dict(n *dictExpr, f *frame) expr {
	keys, vals, pos := c.exprs(n.keys, f), c.exprs(n.vals, f), n.position
	return func(s *State) Value {
		s.spend(3 * wordSize * len(keys))
		d := NewDict(len(keys))
		for i := range keys {
			k, v := keys[i](s), vals[i](s)
			s.pos = pos
			d.Set(k, v)
		}
		return d
	}
}

// arguments compiles call arguments. caller, when given, is handed over as the keyword argument of that name.
func (c *compiler) arguments(a *callArgs, f *frame, caller expr) func(*State) Args {
	pos, vals, names := c.exprs(a.pos, f), c.exprs(a.vals, f), a.names
	if len(names) == 0 && a.star == nil && a.starStar == nil && caller == nil {
		if len(pos) == 0 {
			return func(*State) Args { return Args{} }
		}
		return func(s *State) Args { return Args{Pos: s.eval(pos)} }
	}
	var star, starStar expr
	if a.star != nil {
		star = c.expr(a.star, f)
	}
	if a.starStar != nil {
		starStar = c.expr(a.starStar, f)
	}
	return func(s *State) Args {
		args := Args{Pos: s.eval(pos)}
		for i, val := range vals {
			args.Kw = append(args.Kw, Keyword{names[i], val(s)})
		}
		if caller != nil {
			args.Kw = append(args.Kw, Keyword{"caller", caller(s)})
		}
		if star != nil {
			args.Pos = append(args.Pos, s.starArgs(star(s))...)
		}
		if starStar != nil {
			args.Kw = s.starKeywords(args.Kw, starStar(s))
		}
		return args
	}
}

func (s *State) starArgs(v Value) []Value {
	if !isIterable(v) {
		throw(TypeErr, "argument after * must be an iterable, not %s", v.TypeName())
	}
	return s.items(v)
}

func (s *State) starKeywords(kw []Keyword, v Value) []Keyword {
	d, ok := v.(*Dict)
	if !ok {
		throw(TypeErr, "argument after ** must be a mapping, not %s", v.TypeName())
	}
	for k, val := range d.All {
		name, ok := isString(k)
		if !ok {
			throw(TypeErr, "keywords must be strings")
		}
		for _, known := range kw {
			if known.Name == name {
				throw(TypeErr, "got multiple values for keyword argument '%s'", name)
			}
		}
		kw = append(kw, Keyword{name, val})
	}
	return kw
}

// call compiles a call; caller is the body of a call block, or nil.
func (c *compiler) call(n *callExpr, f *frame, caller expr) expr {
	args, pos := c.arguments(&n.args, f, caller), n.position
	if len(n.args.names) > 0 {
		c.checkKeywords(n, n.args.names)
	}
	if attr, ok := n.callee.(*getAttr); ok && caller == nil {
		return c.methodCall(attr, args, pos, f)
	}
	callee := c.expr(n.callee, f)
	return func(s *State) Value {
		fn, a := callee(s), args(s)
		s.pos = pos
		return s.call(fn, a)
	}
}

// checkKeywords refuses f(a=1, a=2), as Python's own compiler does.
func (c *compiler) checkKeywords(n node, names []string) {
	seen := map[string]bool{}
	for _, name := range names {
		if seen[name] {
			c.failPython(n, "keyword argument repeated: "+name)
		}
		seen[name] = true
	}
}

// methodCall saves making a function value of each method that is only called.
func (c *compiler) methodCall(n *getAttr, args func(*State) Args, pos position, f *frame) expr {
	object, name, key := c.expr(n.object, f), n.name, Value(Str(n.name))
	return func(s *State) Value {
		v := object(s)
		if m := findMethod(v, name); m != nil {
			a := args(s)
			s.pos = pos
			s.step(1)
			return m(s, v, a)
		}
		s.pos = pos
		fn := s.getAttr(v, name, key)
		a := args(s)
		s.pos = pos
		return s.call(fn, a)
	}
}

func (c *compiler) filter(n *filterExpr, f *frame) expr {
	def, known := c.env.filters[n.name]
	if !known && !f.soft {
		c.fail(n, "No filter named "+quote(n.name)+".")
	}
	var input expr
	if n.input != nil {
		input = c.expr(n.input, f)
	} else {
		input = c.captured(f)
	}
	args, pos, name := c.arguments(&n.args, f, nil), n.position, n.name
	c.checkKeywords(n, n.args.names)
	return func(s *State) Value {
		v, a := input(s), args(s)
		s.pos = pos
		if !known {
			throw(RuntimeErr, "No filter named '%s' found.", name)
		}
		return def.apply(s, name, v, a)
	}
}

// capturedName is no identifier, so no template can touch the variable.
const capturedName = "|"

func (c *compiler) captured(f *frame) expr { return c.readVar(f, f.sym.find(capturedName)) }

func (c *compiler) test(n *testExpr, f *frame) func(*State) bool {
	test, known := c.env.tests[n.name]
	if !known && !f.soft {
		c.fail(n, "No test named "+quote(n.name)+".")
	}
	input, args, pos, name := c.expr(n.input, f), c.arguments(&n.args, f, nil), n.position, n.name
	c.checkKeywords(n, n.args.names)
	return func(s *State) bool {
		v, a := input(s), args(s)
		s.pos = pos
		if !known {
			throw(RuntimeErr, "No test named '%s' found.", name)
		}
		return s.applyTest(test, name, v, a)
	}
}
