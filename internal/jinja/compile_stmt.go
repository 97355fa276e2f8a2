package jinja

func (c *compiler) stmt(n node, f *frame) stmt {
	switch n := n.(type) {
	case *output:
		return c.output(n, f)
	case *ifStmt:
		return c.ifStmt(n, f)
	case *forStmt:
		return c.forStmt(n, f)
	case *setStmt:
		return c.setStmt(n, f)
	case *setBlock:
		return c.setBlock(n, f)
	case *withStmt:
		return c.withStmt(n, f)
	case *macroStmt:
		return c.macroStmt(n, f)
	case *callBlock:
		return c.callStmt(n, f)
	case *filterBlock:
		return c.filterStmt(n, f)
	case *autoescapeStmt:
		return c.autoescapeStmt(n, f)
	case *doStmt:
		value := c.expr(n.expr, f)
		return func(s *State) flow { value(s); return flowOn }
	case *jumpStmt:
		return c.jump(n, f)
	case *tagStmt:
		return c.hostTag(n, f)
	}
	return c.templateStmt(n, f)
}

func (c *compiler) templateStmt(n node, f *frame) stmt {
	switch n := n.(type) {
	case *blockStmt:
		return c.blockStmt(n, f)
	case *extendsStmt:
		return c.extendsStmt(n, f)
	case *includeStmt:
		return c.includeStmt(n, f)
	case *importStmt:
		return c.importStmt(n, f)
	case *fromStmt:
		return c.fromStmt(n, f)
	}
	panic("jinja: unknown statement")
}

// output writes text and values. In a template that extends another one, what stands outside blocks is dropped.
func (c *compiler) output(n *output, f *frame) stmt {
	if f.guarded && c.knownExtends {
		return nil
	}
	parts := make([]stmt, 0, len(n.parts))
	for _, part := range n.parts {
		parts = append(parts, c.print(part, f))
	}
	write := sequence(parts...)
	if !f.guarded {
		return write
	}
	return func(s *State) flow {
		if s.root.parent != nil {
			return flowOn
		}
		return write(s)
	}
}

func (c *compiler) print(n node, f *frame) stmt {
	if data, ok := n.(*textData); ok {
		text, pos := data.text, data.position
		return func(s *State) flow { s.writeFrom(text, pos, true); return flowOn }
	}
	value, pos, mode := c.expr(n, f), n.at(), f.autoescape
	if c.env.opts.Finalize == nil && mode == escapeNever {
		return func(s *State) flow {
			v := value(s)
			s.step(1)
			if text, ok := v.(Str); ok {
				s.write(string(text), pos)
				return flowOn
			}
			s.pos = pos
			s.write(s.printed(v), pos)
			return flowOn
		}
	}
	return func(s *State) flow {
		v := value(s)
		s.step(1)
		s.pos = pos
		s.write(s.finalized(v, mode), pos)
		return flowOn
	}
}

// printed is the text of a value in {{ … }}.
func (s *State) printed(v Value) string {
	if !isOpaque(v) {
		return toStr(v)
	}
	text, err := v.(Opaque).Print(s)
	if err != nil {
		panic(hostError(err))
	}
	return text
}

func (s *State) finalized(v Value, mode autoescape) string {
	if finalize := s.env.opts.Finalize; finalize != nil {
		out, err := finalize(s, v)
		if err != nil {
			panic(hostError(err))
		}
		v = out
	}
	if isOpaque(v) || mode == escapeNever || mode == escapeAsked && !s.scope.autoescape {
		return s.printed(v)
	}
	return string(escape(v))
}

func (c *compiler) ifStmt(n *ifStmt, f *frame) stmt {
	soft := f.softened()
	type branch struct {
		test func(*State) bool
		body stmt
	}
	branches := []branch{{c.condition(n.test, soft), c.body(n.body, soft)}}
	for _, e := range n.elifs {
		branches = append(branches, branch{c.condition(e.test, soft), c.body(e.body, soft)})
	}
	orElse, hasElse := c.body(n.orElse, soft), len(n.orElse) > 0
	return func(s *State) flow {
		s.step(1)
		mark := s.trace.mark()
		for i := range branches {
			if branches[i].test(s) {
				return branches[i].body(s)
			}
		}
		if !hasElse {
			s.trace.forget(mark)
		}
		return orElse(s)
	}
}

// exporter tells the context about names assigned where it wants to know.
func (c *compiler) exporter(target node, f *frame) stmt {
	if !f.toplevel {
		return nil
	}
	var stmts []stmt
	walk(target, func(n node) bool {
		if name, ok := n.(*nameRef); ok {
			stmts = append(stmts, c.export(name.name, f, true))
		}
		return true
	})
	return sequence(stmts...)
}

// export sets a top-level name in the context; public ones are seen by import too.
func (c *compiler) export(name string, f *frame, public bool) stmt {
	get := c.readVar(f, f.sym.find(name))
	public = public && name[0] != '_'
	return func(s *State) flow {
		s.scope.vars[name] = get(s)
		if public {
			s.scope.exported[name] = true
		}
		return flowOn
	}
}

func (c *compiler) setStmt(n *setStmt, f *frame) stmt {
	value, assign, export := c.expr(n.value, f), c.assign(n.target, f), c.exporter(n.target, f)
	check := c.requireNamespaces(n.target, f)
	set := func(s *State) flow {
		s.step(1)
		assign(s, value(s))
		return flowOn
	}
	return sequence(check, set, export)
}

func (c *compiler) setBlock(n *setBlock, f *frame) stmt {
	in := f.inner(f.sym.fn)
	in.guarded = false
	in.sym.visitAll(n.body...)
	value := c.filtered(n.filter, n.body, in)
	assign := c.assign(n.target, f)
	return sequence(func(s *State) flow {
		s.step(1)
		v, jump := value(s)
		if jump == flowOn {
			if _, markup := v.(Markup); !markup && s.scope.autoescape { // a filter's result is markup, too
				v = Markup(s.printed(v))
			}
			assign(s, v)
		}
		return jump
	}, c.exporter(n.target, f))
}

// filtered captures what a body writes and runs it through the filters, if any. A break in the body ends it early.
func (c *compiler) filtered(filter *filterExpr, body []node, f *frame) func(*State) (Value, flow) {
	slot := f.sym.parameter(capturedName).slot
	if filter != nil {
		f.sym.visit(filter)
	}
	enter, run := c.loads(f), c.body(body, f)
	text := c.captured(f)
	if filter != nil {
		text = c.filter(filter, f)
	}
	enter = sequence(enter)
	return func(s *State) (Value, flow) {
		enter(s)
		jump := flowOn
		captured := s.capture(func() { jump = run(s) })
		if jump != flowOn {
			return nil, jump
		}
		s.vars[slot] = s.safe(captured)
		return text(s), flowOn
	}
}

// safe makes text of the template's own markup where escaping is on.
func (s *State) safe(text string) Value {
	if s.scope.autoescape {
		return Markup(text)
	}
	return Str(text)
}

func (c *compiler) filterStmt(n *filterBlock, f *frame) stmt {
	in := f.inner(f.sym.fn)
	in.sym.visitAll(n.body...)
	value, pos := c.filtered(n.filter, n.body, in), n.position
	return func(s *State) flow {
		v, jump := value(s)
		if jump == flowOn {
			s.pos = pos
			s.write(blockText(v), pos)
		}
		return jump
	}
}

// blockText is the result of a filter or call block, which has to be text already.
func blockText(v Value) string {
	text, ok := isString(v)
	if !ok {
		throw(TypeErr, "expected str instance, %s found", v.TypeName())
	}
	return text
}

func (c *compiler) withStmt(n *withStmt, f *frame) stmt {
	in := f.inner(f.sym.fn)
	in.sym.visitAll(n.targets...)
	in.sym.visitAll(n.body...)
	var sets []stmt
	for i, target := range n.targets {
		assign, value := c.assign(target, in), c.expr(n.values[i], f)
		sets = append(sets, func(s *State) flow { assign(s, value(s)); return flowOn })
	}
	return sequence(c.loads(in), sequence(sets...), c.body(n.body, in))
}

func (c *compiler) autoescapeStmt(n *autoescapeStmt, f *frame) stmt {
	in := f.inner(f.sym.fn)
	in.sym.visit(n.value)
	in.sym.visitAll(n.body...)
	in.autoescape = escapeAsked
	if known, ok := n.value.(*constant); ok {
		in.autoescape = escapeNever
		if isTrue(known.val) {
			in.autoescape = escapeAlways
		}
	}
	enter, value, body := sequence(c.loads(in)), c.expr(n.value, in), c.body(n.body, in)
	return func(s *State) flow {
		enter(s)
		saved := s.scope.autoescape
		s.scope.autoescape = isTrue(value(s))
		result := body(s)
		s.scope.autoescape = saved
		return result
	}
}

func (c *compiler) jump(n *jumpStmt, f *frame) stmt {
	if !f.jumps {
		msg := "'continue' not properly in loop"
		if n.isBreak {
			msg = "'break' outside loop"
		}
		c.failPython(n, msg)
	}
	result := flowContinue
	if n.isBreak {
		result = flowBreak
	}
	return func(*State) flow { return result }
}

func (c *compiler) hostTag(n *tagStmt, f *frame) stmt {
	tag, args, locals, pos, name := c.env.opts.Tags[n.name], c.arguments(&n.args, f, nil), c.locals(f), n.position, n.name
	return func(s *State) flow {
		a := args(s)
		s.pos = pos
		inner := *s
		inner.scope = s.scope.derived(locals(s))
		v, err := tag.Run(&inner, a)
		if err != nil {
			panic(hostError(err))
		}
		if v == nil {
			throw(HostErr, "the tag %s gave no value", name)
		}
		s.write(s.printed(v), pos)
		return flowOn
	}
}

// locals collects the assigned variables that are visible in the frame.
func (c *compiler) locals(f *frame) func(*State) map[string]Value {
	reads := map[string]expr{}
	for name, v := range f.sym.visible() {
		if name != capturedName {
			reads[name] = c.readVar(f, v)
		}
	}
	return func(s *State) map[string]Value {
		out := make(map[string]Value, len(reads))
		for name, read := range reads {
			if v := read(s); v != nil {
				out[name] = v
			}
		}
		return out
	}
}
