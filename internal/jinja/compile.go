package jinja

// expr computes a value; stmt does something and tells whether the loop around it is to go on.
type (
	expr func(*State) Value
	stmt func(*State) flow
)

type flow int

const (
	flowOn flow = iota
	flowBreak
	flowContinue
)

// block is a compiled {% block %}, or the root of a template.
type block struct {
	name string
	fn   *function
	body stmt
	tmpl *Template
}

func (b *block) size() int { return len(b.fn.slots) }

// compiler turns the nodes of one template into closures.
type compiler struct {
	env          *Environment
	tmpl         *Template
	knownExtends bool
	extends      int
}

// frame is one block of names at compile time; see symbols.
type frame struct {
	sym        *symbols
	toplevel   bool // assignments are exported
	rootlevel  bool // toplevel and not inside an if
	soft       bool // in an if: unknown filters are reported when they are used
	guarded    bool // output counts only when the template extends none
	autoescape autoescape
	jumps      bool // break and continue have a loop to act on
}

// autoescape is what is known at compile time about escaping.
type autoescape int

const (
	escapeNever autoescape = iota
	escapeAlways
	escapeAsked // {% autoescape expression %}: known while rendering
)

func (f *frame) inner(fn *function) *frame {
	in := &frame{guarded: f.guarded, autoescape: f.autoescape, jumps: f.jumps && fn == f.sym.fn}
	in.sym = newSymbols(fn, f.sym)
	return in
}

func (f *frame) softened() *frame {
	in := *f
	in.rootlevel, in.soft = false, true
	return &in
}

func compileTemplate(env *Environment, name string, nodes []node) *Template {
	c := &compiler{env: env, tmpl: &Template{env: env, name: name, blocks: map[string]*block{}}}
	blocks := c.findBlocks(nodes)
	hasExtends := false
	for _, n := range nodes {
		walk(n, func(n node) bool {
			_, found := n.(*extendsStmt)
			hasExtends = hasExtends || found
			return true
		})
	}
	c.tmpl.root = c.rootBlock(nodes, hasExtends)
	for _, b := range blocks {
		c.tmpl.blocks[b.name] = c.block(b)
	}
	return c.tmpl
}

func (c *compiler) fail(n node, msg string)       { failAt(n, AssertionErr, msg) }
func (c *compiler) failPython(n node, msg string) { failAt(n, PySyntaxErr, msg) }

func failAt(n node, class, msg string) {
	pos := n.at()
	panic(&Error{Class: class, Line: int(pos.line), Column: int(pos.column), Msg: msg})
}

func (c *compiler) findBlocks(nodes []node) []*blockStmt {
	var found []*blockStmt
	seen := map[string]bool{}
	for _, n := range nodes {
		walk(n, func(n node) bool {
			if b, ok := n.(*blockStmt); ok {
				if seen[b.name] {
					c.fail(b, "block "+quote(b.name)+" defined twice")
				}
				seen[b.name] = true
				found = append(found, b)
			}
			return true
		})
	}
	return found
}

func (c *compiler) newFrame() *frame {
	f := &frame{sym: newSymbols(newFunction(nil), nil)}
	if c.env.opts.Autoescape {
		f.autoescape = escapeAlways
	}
	return f
}

func (c *compiler) rootBlock(nodes []node, hasExtends bool) *block {
	f := c.newFrame()
	f.toplevel, f.rootlevel, f.guarded = true, true, hasExtends
	self := c.special(f, nodes, "self", func(s *State) Value { return &selfRef{s.scope} })
	f.sym.visitAll(nodes...)
	body := c.entered(f, c.body(nodes, f))
	b := &block{name: "", fn: f.sym.fn, tmpl: c.tmpl}
	b.body = sequence(self, body)
	return b
}

func (c *compiler) block(n *blockStmt) *block {
	f := c.newFrame()
	b := &block{name: n.name, fn: f.sym.fn, tmpl: c.tmpl}
	self := c.special(f, n.body, "self", func(s *State) Value { return &selfRef{s.scope} })
	super := c.special(f, n.body, "super", func(s *State) Value { return s.superBlock(b) })
	f.sym.visitAll(n.body...)
	b.body = sequence(self, super, c.entered(f, c.body(n.body, f)))
	return b
}

// special declares one of the names that Jinja2 provides, if the nodes use it.
func (c *compiler) special(f *frame, nodes []node, name string, value expr) stmt {
	if !mentions(nodes, name)[name] {
		return nil
	}
	set := c.assignVar(f, f.sym.parameter(name))
	return func(s *State) flow {
		set(s, value(s))
		return flowOn
	}
}

// sequence joins statements; nil ones are left out.
func sequence(stmts ...stmt) stmt {
	var kept []stmt
	for _, st := range stmts {
		if st != nil {
			kept = append(kept, st)
		}
	}
	switch len(kept) {
	case 0:
		return func(*State) flow { return flowOn }
	case 1:
		return kept[0]
	case 2:
		first, second := kept[0], kept[1]
		return func(s *State) flow {
			if f := first(s); f != flowOn {
				return f
			}
			return second(s)
		}
	}
	return func(s *State) flow {
		for _, st := range kept {
			if f := st(s); f != flowOn {
				return f
			}
		}
		return flowOn
	}
}

func (c *compiler) body(nodes []node, f *frame) stmt {
	stmts := make([]stmt, 0, len(nodes))
	for _, n := range nodes {
		stmts = append(stmts, c.stmt(n, f))
	}
	return sequence(stmts...)
}

// entered gives the frame's variables their first values, and then runs body.
func (c *compiler) entered(f *frame, body stmt) stmt {
	return sequence(c.loads(f), body)
}

func (c *compiler) loads(f *frame) stmt {
	var stmts []stmt
	for _, v := range f.sym.order {
		l := f.sym.loads[v]
		if l.kind == loadParam {
			continue
		}
		stmts = append(stmts, c.loadInto(f, v, l))
	}
	if len(stmts) == 0 {
		return nil
	}
	return sequence(stmts...)
}

func (c *compiler) loadInto(f *frame, v *variable, l load) stmt {
	slot := v.slot
	switch l.kind {
	case loadResolve:
		name, key := l.name, Value(Str(l.name))
		return func(s *State) flow {
			s.vars[slot] = s.scope.resolve(name, key)
			return flowOn
		}
	case loadAlias:
		get := c.readVar(f, l.alias)
		return func(s *State) flow {
			s.vars[slot] = get(s)
			return flowOn
		}
	}
	return func(s *State) flow {
		s.vars[slot] = nil
		return flowOn
	}
}

// hops counts the functions between the frame's and the one that owns the variable.
func hops(f *frame, v *variable) int {
	n := 0
	for fn := f.sym.fn; fn != v.fn && fn != nil; fn = fn.outer {
		n++
	}
	return n
}

// readVar gives nil for a variable that isn't assigned.
func (c *compiler) readVar(f *frame, v *variable) expr {
	slot := v.slot
	switch n := hops(f, v); n {
	case 0:
		return func(s *State) Value { return s.vars[slot] }
	case 1:
		return func(s *State) Value { return s.outer.vars[slot] }
	default:
		return func(s *State) Value {
			for range n {
				s = s.outer
			}
			return s.vars[slot]
		}
	}
}

func (c *compiler) assignVar(f *frame, v *variable) func(*State, Value) {
	slot := v.slot
	n := hops(f, v)
	if n == 0 {
		return func(s *State, val Value) { s.vars[slot] = val }
	}
	return func(s *State, val Value) {
		for range n {
			s = s.outer
		}
		s.vars[slot] = val
	}
}

// assign compiles an assignment target. names collects what is assigned, for the export of top-level names.
func (c *compiler) assign(target node, f *frame) func(*State, Value) {
	switch t := target.(type) {
	case *nameRef:
		return c.assignVar(f, f.sym.find(t.name))
	case *nsRef:
		return c.assignNamespace(t, f)
	case *tupleExpr:
		parts := make([]func(*State, Value), len(t.items))
		for i, item := range t.items {
			parts[i] = c.assign(item, f)
		}
		pos := t.position
		return func(s *State, val Value) { s.unpack(val, parts, pos) }
	}
	panic("jinja: not an assignment target")
}

// requireNamespaces looks, before the value is computed, whether each name.attr to be assigned has a namespace.
func (c *compiler) requireNamespaces(target node, f *frame) stmt {
	var checks []stmt
	walk(target, func(n node) bool {
		if ref, ok := n.(*nsRef); ok {
			get, pos := c.readVar(f, f.sym.find(ref.name)), ref.position
			checks = append(checks, func(s *State) flow {
				s.pos = pos
				asNamespace(get(s))
				return flowOn
			})
		}
		return true
	})
	if len(checks) == 0 {
		return nil
	}
	return sequence(checks...)
}

func asNamespace(v Value) *namespace {
	ns, ok := v.(*namespace)
	if !ok {
		throw(RuntimeErr, "cannot assign attribute on non-namespace object")
	}
	return ns
}

func (c *compiler) assignNamespace(t *nsRef, f *frame) func(*State, Value) {
	get := c.readVar(f, f.sym.find(t.name))
	key := Str(t.attr)
	return func(s *State, val Value) { asNamespace(get(s)).attrs.Set(key, val) }
}

// unpack spreads a sequence over targets, whose number it must have.
func (s *State) unpack(val Value, parts []func(*State, Value), pos position) {
	if tuple, ok := val.(Tuple); ok && len(tuple) == len(parts) {
		for i, part := range parts {
			part(s, tuple[i])
		}
		return
	}
	s.pos = pos
	if !isIterable(val) {
		throw(TypeErr, "cannot unpack non-iterable %s object", val.TypeName())
	}
	var items []Value
	for item := range s.each(val) {
		if items = append(items, item); len(items) > len(parts) {
			throw(ValueErr, "too many values to unpack (expected %d)", len(parts))
		}
	}
	if len(items) < len(parts) {
		throw(ValueErr, "not enough values to unpack (expected %d, got %d)", len(parts), len(items))
	}
	for i, part := range parts {
		part(s, items[i])
	}
}
