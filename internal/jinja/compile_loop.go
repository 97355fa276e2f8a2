package jinja

import "fmt"

// loop is a compiled {% for %}.
type loop struct {
	iter   expr
	filter *loopFilter // nil without "if"
	enter  stmt        // first values of the body's variables
	assign func(*State, Value)
	loop   func(*State, Value) // sets the variable "loop"; nil when the body doesn't use it
	body   stmt
	orElse stmt // nil without "else"
	fn     *function
	pos    position
}

// loopFilter is the condition of a loop: a function of its own, called while the loop goes on.
type loopFilter struct {
	fn     *function
	enter  stmt
	assign func(*State, Value)
	test   func(*State) bool
	item   expr // what the loop gets: the targets' values again, so a pair becomes a tuple
}

func (c *compiler) forStmt(n *forStmt, f *frame) stmt {
	c.keepLoopName(n)
	fn := f.sym.fn
	if n.recursive {
		fn = newFunction(fn)
	}
	in := f.inner(fn)
	in.jumps = true
	l := &loop{iter: c.expr(n.iter, f), fn: fn, pos: n.position}
	if n.recursive || mentions(n.body, "loop")["loop"] || hasScopedBlock(n) {
		l.loop = c.assignVar(in, in.sym.parameter("loop"))
	}
	in.sym.parameters(n.target)
	in.sym.visitAll(n.body...)
	l.enter = sequence(c.loads(in))
	l.assign = c.assign(n.target, in)
	l.body = c.body(n.body, in)
	if n.orElse != nil {
		other := f.inner(fn)
		other.sym.visitAll(n.orElse...)
		l.orElse = c.entered(other, c.body(n.orElse, other))
	}
	if n.test != nil {
		l.filter = c.loopFilter(n, f, fn)
	}
	if n.recursive {
		return func(s *State) flow {
			s.step(1)
			v := l.iter(s)
			s.write(l.recurse(s, v, 0), l.pos)
			return flowOn
		}
	}
	return func(s *State) flow {
		s.step(1)
		v := l.iter(s)
		s.pos = l.pos
		return l.run(s, v, nil, 0)
	}
}

// keepLoopName refuses loops that assign to "loop".
func (c *compiler) keepLoopName(n *forStmt) {
	walk(n, func(n node) bool {
		if name, ok := n.(*nameRef); ok && name.store && name.name == "loop" {
			c.fail(n, "Can't assign to special loop variable in for-loop target")
		}
		return true
	})
}

func hasScopedBlock(n node) bool {
	found := false
	walk(n, func(n node) bool {
		b, ok := n.(*blockStmt)
		found = found || ok && b.scoped
		return true
	})
	return found
}

func (c *compiler) loopFilter(n *forStmt, f *frame, loop *function) *loopFilter {
	in := f.inner(newFunction(loop))
	in.sym.parameters(n.target)
	in.sym.visit(n.test)
	return &loopFilter{in.sym.fn, sequence(c.loads(in)), c.assign(n.target, in), c.condition(n.test, in), c.targetValue(n.target, in)}
}

func (c *compiler) targetValue(target node, f *frame) expr {
	t, ok := target.(*tupleExpr)
	if !ok {
		return c.readVar(f, f.sym.find(target.(*nameRef).name))
	}
	items := make([]expr, len(t.items))
	for i, item := range t.items {
		items[i] = c.targetValue(item, f)
	}
	return func(s *State) Value { return Tuple(s.eval(items)) }
}

// pass gives those items of the source that meet the condition, one by one as they are asked for.
func (lf *loopFilter) pass(s *State, source *iterator) *iterator {
	inner := s.child(len(lf.fn.slots))
	entered := false
	return generate(source, func(item Value) (Value, bool) {
		s.step(1)
		if !entered {
			lf.enter(inner)
			entered = true
		}
		lf.assign(inner, item)
		if !lf.test(inner) {
			return nil, false
		}
		return lf.item(inner), true
	})
}

// child is a State for a function inside the running one.
func (s *State) child(slots int) *State {
	inner := *s
	inner.vars = make([]Value, slots)
	inner.outer = s
	return &inner
}

// recurse runs a recursive loop's function and gives its text.
func (l *loop) recurse(s *State, items Value, depth int) string {
	pos, from := s.enter("recursive loop", s.tmpl)
	inner := s.child(len(l.fn.slots))
	inner.out = &buffer{}
	l.run(inner, items, func(items Value, depth int) string { return l.recurse(s, items, depth) }, depth)
	s.leave(pos, from)
	text := inner.out.String()
	s.trace.captured(text, inner.out)
	s.spend(len(text))
	return text
}

func (l *loop) run(s *State, items Value, recurse func(Value, int) string, depth int) flow {
	source := s.iterate(items)
	if l.filter != nil {
		source, items = l.filter.pass(s, source), nil
	}
	completed := false
	if l.loop == nil {
		completed = l.plain(s, source)
	} else {
		completed = l.extended(s, &loopContext{source: source, items: items, index0: -1, recurse: recurse, depth0: depth, state: s})
	}
	if l.orElse != nil && !completed {
		return l.orElse(s)
	}
	return flowOn
}

// plain runs a loop that doesn't use "loop". It tells whether a round went through to its end: Jinja2 runs the else
// branch when none did.
func (l *loop) plain(s *State, source *iterator) (completed bool) {
	for {
		item, ok := source.next()
		if !ok {
			return completed
		}
		s.step(1)
		l.assign(s, item)
		l.enter(s)
		switch l.body(s) {
		case flowOn:
			completed = true
		case flowBreak:
			return completed
		}
	}
}

func (l *loop) extended(s *State, lc *loopContext) (completed bool) {
	l.loop(s, nil)
	for {
		item, ok := lc.advance()
		if !ok {
			return completed
		}
		s.step(1)
		l.assign(s, item)
		l.loop(s, lc)
		l.enter(s)
		switch l.body(s) {
		case flowOn:
			completed = true
		case flowBreak:
			return completed
		}
	}
}

// loopContext is the variable "loop".
type loopContext struct {
	source  *iterator
	items   Value // what is walked, when its length can be asked for; nil otherwise
	size    int   // once known; see sized
	sized   bool
	index0  int
	depth0  int
	after   Value // looked ahead
	current Value
	before  Value
	changed []Value
	recurse func(items Value, depth int) string
	state   *State
}

func (*loopContext) TypeName() string { return "LoopContext" }

func (lc *loopContext) String() string {
	return fmt.Sprintf("<LoopContext %d/%d>", lc.index0+1, lc.length())
}

func (lc *loopContext) advance() (Value, bool) {
	item, ok := lc.after, lc.after != nil
	lc.after = nil
	if !ok {
		if item, ok = lc.source.next(); !ok {
			return nil, false
		}
	}
	lc.index0++
	lc.before, lc.current = lc.current, item
	return item, true
}

func (lc *loopContext) peek() Value {
	if lc.after == nil {
		lc.after, _ = lc.source.next()
	}
	return lc.after
}

// length walks the rest of a sequence that can't tell its length.
func (lc *loopContext) length() int {
	if lc.sized {
		return lc.size
	}
	lc.sized = true
	if lc.items != nil {
		if _, undefined := lc.items.(*Undefined); !undefined {
			if n, ok := length(lc.items); ok {
				lc.size = n
				return n
			}
		}
	}
	rest := lc.state.items(lc.source)
	lc.source = overItems(lc.source.kind, rest)
	lc.size = len(rest) + lc.index0 + 1
	if lc.after != nil {
		lc.size++
	}
	return lc.size
}

// pairs is what a template gets that loops over "loop" itself.
func (lc *loopContext) pairs() *iterator {
	return generator(nil, func() (Value, bool) {
		item, ok := lc.advance()
		if !ok {
			return nil, false
		}
		return Tuple{item, lc}, true
	})
}

func (lc *loopContext) attr(name string) Value {
	switch name {
	case "index":
		return Int(lc.index0 + 1)
	case "index0":
		return Int(lc.index0)
	case "first":
		return Bool(lc.index0 == 0)
	case "last":
		return Bool(lc.peek() == nil)
	case "length":
		return Int(lc.length())
	case "revindex":
		return Int(lc.length() - lc.index0)
	case "revindex0":
		return Int(lc.length() - lc.index0 - 1)
	case "depth":
		return Int(lc.depth0 + 1)
	case "depth0":
		return Int(lc.depth0)
	}
	return lc.attrMore(name)
}

func (lc *loopContext) attrMore(name string) Value {
	policy := lc.state.env.opts.Undefined
	switch name {
	case "previtem":
		if lc.index0 == 0 {
			return &Undefined{policy: policy, hint: "there is no previous item"}
		}
		return lc.before
	case "nextitem":
		if next := lc.peek(); next != nil {
			return next
		}
		return &Undefined{policy: policy, hint: "there is no next item"}
	case "cycle":
		return builtin("cycle", func(_ *State, a Args) Value {
			items := a.positional("cycle", 0, -1)
			if len(items) == 0 {
				throw(TypeErr, "no items for cycling given")
			}
			return items[lc.index0%len(items)]
		})
	case "changed":
		return builtin("changed", func(_ *State, a Args) Value {
			now := a.positional("changed", 0, -1)
			if lc.changed != nil && equalItems(lc.changed, now, &effort{}) {
				return Bool(false)
			}
			lc.changed = append([]Value{}, now...)
			return Bool(true)
		})
	}
	return nil
}

func (lc *loopContext) call(a Args) Value {
	items := a.bind("__call__", "iterable")
	if lc.recurse == nil {
		throw(TypeErr, "The loop must have the 'recursive' marker to be called recursively.")
	}
	return Str(lc.recurse(items[0], lc.depth0+1))
}
