package jinja

// macroDef is what is known of a macro or call block at compile time.
type macroDef struct {
	name   string
	params []string
	slots  []func(*State, Value) // by parameter
	fill   stmt                  // gives absent parameters their defaults
	body   stmt
	fn     *function
	tmpl   *Template

	caller, kwargs, varargs func(*State, Value) // nil when the body doesn't use them
	explicitCaller          bool
}

// macro is a macro at run time: its definition and the State of the function it is defined in.
type macro struct {
	*macroDef
	state *State
}

func (*macro) TypeName() string { return "Macro" }

func (m *macro) String() string {
	if m.name == "" {
		return "<Macro anonymous>"
	}
	return "<Macro " + quote(m.name) + ">"
}

func (c *compiler) macroStmt(n *macroStmt, f *frame) stmt {
	def := c.macro(n, n.signature, n.name, n.body, f)
	assign := c.assignVar(f, f.sym.find(n.name))
	set := func(s *State) flow {
		assign(s, &macro{def, s})
		return flowOn
	}
	if !f.toplevel {
		return set
	}
	return sequence(set, c.export(n.name, f, true))
}

func (c *compiler) callStmt(n *callBlock, f *frame) stmt {
	def := c.macro(n, n.signature, "", n.body, f)
	pos := n.position
	call := c.call(n.call, f, func(s *State) Value { return &macro{def, s} })
	return func(s *State) flow {
		v := call(s)
		s.pos = pos
		s.write(blockText(v), pos)
		return flowOn
	}
}

func (c *compiler) macro(n node, sig signature, name string, body []node, f *frame) *macroDef {
	in := f.inner(newFunction(f.sym.fn))
	in.guarded = false
	m := &macroDef{name: name, fn: in.sym.fn, tmpl: c.tmpl}
	used := mentions(body, "caller", "kwargs", "varargs")
	for i, param := range sig.params {
		m.slots = append(m.slots, c.assignVar(in, in.sym.parameter(param.name)))
		if indexParam(m.params, param.name) >= 0 {
			c.failPython(n, "duplicate argument '"+param.name+"' in function definition")
		}
		m.params = append(m.params, param.name)
		if param.name == "caller" {
			m.explicitCaller = true
			if used["caller"] && i < len(sig.params)-len(sig.defaults) {
				c.fail(n, `When defining macros or call blocks the special "caller" argument must be omitted or be given a default.`)
			}
		}
	}
	c.specialParams(m, used, in)
	in.sym.visitAll(sig.defaults...)
	in.sym.visitAll(body...)
	enter := c.loads(in)
	m.fill = sequence(enter, c.defaults(sig, in))
	m.body = c.body(body, in)
	return m
}

// specialParams declares those of caller, kwargs and varargs that the body reads without naming them as parameters.
func (c *compiler) specialParams(m *macroDef, used map[string]bool, in *frame) {
	declare := func(name string) func(*State, Value) {
		if !used[name] || indexParam(m.params, name) >= 0 {
			return nil
		}
		return c.assignVar(in, in.sym.parameter(name))
	}
	m.caller, m.kwargs, m.varargs = declare("caller"), declare("kwargs"), declare("varargs")
}

func (c *compiler) defaults(sig signature, in *frame) stmt {
	var fills []stmt
	required := len(sig.params) - len(sig.defaults)
	for i, param := range sig.params {
		name, v := param.name, in.sym.find(param.name)
		byDefault := func(s *State) Value {
			return &Undefined{policy: s.env.opts.Undefined, name: name, hint: "parameter " + quote(name) + " was not provided"}
		}
		if i >= required {
			byDefault = c.expr(sig.defaults[i-required], in)
		}
		slot := v.slot
		fills = append(fills, func(s *State) flow {
			if s.vars[slot] == nil {
				s.vars[slot] = byDefault(s)
			}
			return flowOn
		})
	}
	return sequence(fills...)
}

// call runs the macro and gives its text.
func (m *macro) call(s *State, a Args) Value {
	what := "call block"
	if m.name != "" {
		what = "macro " + m.name
	}
	pos, from := s.enter(what, m.tmpl.name)
	inner := m.state.child(len(m.fn.slots))
	inner.out = &buffer{}
	m.bind(inner, a)
	m.fill(inner)
	m.body(inner)
	s.leave(pos, from)
	text := inner.out.String()
	s.trace.captured(text, inner.out)
	s.spend(len(text))
	return s.safe(text)
}

// bind follows Jinja2: positional arguments, keywords for the rest, then caller, kwargs and varargs.
func (m *macro) bind(inner *State, a Args) {
	given := min(len(a.Pos), len(m.params))
	for i := range given {
		m.slots[i](inner, a.Pos[i])
	}
	foundCaller := m.explicitCaller && given == len(m.params)
	for i := given; i < len(m.params); i++ {
		var v Value
		if v, a = a.take(m.params[i]); v != nil {
			m.slots[i](inner, v)
		}
		foundCaller = foundCaller || m.params[i] == "caller"
	}
	if m.caller != nil && !foundCaller {
		v, rest := a.take("caller")
		a = rest
		if v == nil {
			v = &Undefined{policy: inner.env.opts.Undefined, name: "caller", hint: "No caller defined"}
		}
		m.caller(inner, v)
	}
	m.bindRest(inner, a)
}

func (m *macro) bindRest(inner *State, a Args) {
	switch {
	case m.kwargs != nil:
		m.kwargs(inner, a.kwDict())
	case len(a.Kw) > 0:
		if v, _ := a.take("caller"); v != nil {
			throw(TypeErr, "macro %s was invoked with two values for the special caller argument. This is most likely a bug.", quote(m.name))
		}
		throw(TypeErr, "macro %s takes no keyword argument %s", quote(m.name), quote(a.Kw[0].Name))
	}
	extra := a.Pos[min(len(a.Pos), len(m.params)):]
	switch {
	case m.varargs != nil:
		m.varargs(inner, Tuple(extra))
	case len(extra) > 0:
		throw(TypeErr, "macro %s takes not more than %d argument(s)", quote(m.name), len(m.params))
	}
}

func (m *macro) attr(name string) Value {
	switch name {
	case "name":
		if m.name == "" {
			return None
		}
		return Str(m.name)
	case "arguments":
		params := make(Tuple, len(m.params))
		for i, p := range m.params {
			params[i] = Str(p)
		}
		return params
	case "catch_kwargs":
		return Bool(m.kwargs != nil)
	case "catch_varargs":
		return Bool(m.varargs != nil)
	case "caller":
		return Bool(m.caller != nil || m.explicitCaller)
	case "explicit_caller":
		return Bool(m.explicitCaller)
	}
	return nil
}
