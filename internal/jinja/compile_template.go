package jinja

func (c *compiler) blockStmt(n *blockStmt, f *frame) stmt {
	if f.toplevel && c.knownExtends {
		return nil
	}
	name, pos, required := n.name, n.position, n.required
	scoped := func(s *State) *scope { return s.scope }
	if n.scoped {
		locals := c.locals(f)
		scoped = func(s *State) *scope { return s.scope.derived(locals(s)) }
	}
	skip := f.toplevel && c.extends > 0
	return func(s *State) flow {
		if skip && s.root.parent != nil {
			return flowOn
		}
		s.pos = pos
		stack := s.scope.blocks[name]
		if required && len(stack) <= 1 {
			throw(RuntimeErr, "Required block %s not found", quote(name))
		}
		s.runBlock(stack[0], scoped(s))
		return flowOn
	}
}

func (c *compiler) extendsStmt(n *extendsStmt, f *frame) stmt {
	if !f.toplevel {
		c.fail(n, "cannot use extend from a non top-level scope")
	}
	template, pos := c.expr(n.template, f), n.position
	if f.rootlevel {
		c.knownExtends = true
	}
	c.extends++
	return func(s *State) flow {
		s.pos = pos
		if s.root.parent != nil {
			throw(RuntimeErr, "extended multiple times")
		}
		name := template(s)
		s.pos = pos
		s.root.parent = s.template(name)
		s.step(1)
		s.inherit(s.root.parent)
		return flowOn
	}
}

// inherit puts the parent's blocks behind those of the templates that extend it.
func (s *State) inherit(parent *Template) {
	if s.ancestors++; s.ancestors > s.env.opts.Limits.Depth {
		throw(RecursionErr, "maximum recursion depth exceeded")
	}
	for name, b := range parent.blocks {
		s.scope.blocks[name] = append(s.scope.blocks[name], b)
	}
}

// template finds the template that a value names.
func (s *State) template(v Value) *Template {
	name, ok := isString(v)
	if !ok {
		if u, undefined := v.(*Undefined); undefined {
			u.fail()
		}
		hashKey(v) // names nothing, or can't name anything
		throw(NotFoundErr, "%s", toStr(v))
	}
	tmpl, err := s.load(name)
	if err != nil {
		panic(err.(*Error))
	}
	return tmpl
}

// selectTemplate takes the first of several names that exists; nil when none does and missing ones are allowed.
func (s *State) selectTemplate(v Value, ignoreMissing bool) *Template {
	if name, ok := isString(v); ok {
		tmpl, err := s.load(name)
		if err != nil && !(ignoreMissing && isMissing(err)) {
			panic(err.(*Error))
		}
		return tmpl
	}
	if u, ok := v.(*Undefined); ok {
		u.fail()
	}
	missing := "Tried to select from an empty list of templates."
	if isTrue(v) {
		if tmpl := s.firstOf(s.items(v)); tmpl != nil {
			return tmpl
		}
		missing = "none of the templates given were found"
	}
	if !ignoreMissing {
		throw(NoneFoundErr, "%s", missing)
	}
	return nil
}

// firstOf loads the first of some names that exists, or nil. What is undefined or no text names nothing.
func (s *State) firstOf(names []Value) *Template {
	for _, v := range names {
		name, ok := isString(v)
		if _, undefined := v.(*Undefined); !ok && !undefined {
			hashKey(v)
		}
		if !ok {
			continue
		}
		tmpl, err := s.load(name)
		if err == nil {
			return tmpl
		}
		if !isMissing(err) {
			panic(err.(*Error))
		}
	}
	return nil
}

func isMissing(err error) bool { return err.(*Error).Class == NotFoundErr }

func (c *compiler) includeStmt(n *includeStmt, f *frame) stmt {
	template, pos, locals := c.expr(n.template, f), n.position, c.locals(f)
	ignore, with := n.ignoreMissing, n.withContext
	return func(s *State) flow {
		v := template(s)
		s.pos = pos
		s.step(1)
		switch tmpl := s.selectTemplate(v, ignore); {
		case tmpl == nil:
		case with:
			s.include(tmpl, s.scope.snapshot(locals(s)))
		default:
			s.write(s.defaultModule(tmpl).text, pos)
		}
		return flowOn
	}
}

// imported compiles the common part of import and from.
func (c *compiler) imported(template node, pos position, withContext bool, f *frame) func(*State) *module {
	name, locals := c.expr(template, f), c.locals(f)
	return func(s *State) *module {
		v := name(s)
		s.pos = pos
		s.step(1)
		tmpl := s.template(v)
		if withContext {
			return s.newModule(tmpl, s.scope.snapshot(locals(s)))
		}
		return s.defaultModule(tmpl)
	}
}

func (c *compiler) importStmt(n *importStmt, f *frame) stmt {
	load, assign := c.imported(n.template, n.position, n.withContext, f), c.assignVar(f, f.sym.find(n.target))
	set := func(s *State) flow {
		assign(s, load(s))
		return flowOn
	}
	if !f.toplevel {
		return set
	}
	return sequence(set, c.export(n.target, f, false), c.hide(n.target))
}

// hide takes a name back from what the template exports: imported names aren't passed on.
func (c *compiler) hide(name string) stmt {
	return func(s *State) flow {
		if name[0] != '_' {
			delete(s.scope.exported, name)
		}
		return flowOn
	}
}

func (c *compiler) fromStmt(n *fromStmt, f *frame) stmt {
	load, pos := c.imported(n.template, n.position, n.withContext, f), n.position
	sets := make([]func(*State, Value), len(n.aliases))
	var exports []stmt
	for i, alias := range n.aliases {
		sets[i] = c.assignVar(f, f.sym.find(alias))
		if f.toplevel {
			exports = append(exports, c.export(alias, f, false), c.hide(alias))
		}
	}
	names := n.names
	set := func(s *State) flow {
		m := load(s)
		for i, name := range names {
			v, ok := m.vars[name]
			if !ok {
				v = s.notExported(m, name, pos)
			}
			sets[i](s, v)
		}
		return flowOn
	}
	return sequence(append([]stmt{set}, exports...)...)
}

func (s *State) notExported(m *module, name string, pos position) Value {
	hint := "the template " + quote(m.name) + " (imported on line " + toStr(Int(pos.line)) + " in " + quote(s.tmpl) +
		") does not export the requested name " + quote(name)
	return &Undefined{policy: s.env.opts.Undefined, name: name, hint: hint}
}
