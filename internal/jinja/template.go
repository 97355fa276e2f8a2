package jinja

import (
	"context"
	"maps"
	"math/rand/v2"
	"sync/atomic"
)

// Template is a parsed template. It is immutable and may be rendered by many goroutines at once.
type Template struct {
	env    *Environment
	name   string
	source string
	root   *block
	blocks map[string]*block
	size   atomic.Int64 // of the last text, a guess at the next one's
}

// Name is the name given to Parse.
func (t *Template) Name() string { return t.name }

// Render runs the template over vars, which may be nil. It returns an *Error, and no text, when anything fails:
// a half-rendered configuration is never handed out. A template may change the lists and dicts in vars, so renderings
// that run at the same time need vars of their own.
func (t *Template) Render(ctx context.Context, vars *Dict) (text string, err error) {
	text, _, err = t.render(ctx, vars, nil)
	return text, err
}

func (t *Template) render(ctx context.Context, vars *Dict, trace *trace) (text string, origins []Origin, err error) {
	s := t.newState(ctx, vars)
	s.trace = trace
	defer func() {
		if fault := recover(); fault != nil {
			text, origins, err = "", nil, s.located(asError(fault))
		}
	}()
	s.poll()
	s.out.Grow(int(t.size.Load()))
	s.runRoot(t.root)
	t.size.Store(int64(s.out.Len()))
	if trace != nil {
		origins = s.origins()
	}
	return s.out.String(), origins, nil
}

func (t *Template) newState(ctx context.Context, vars *Dict) *State {
	globals := &layer{dict: t.env.globals}
	parent := globals
	if vars != nil {
		parent = &layer{dict: vars, next: globals}
	}
	r := &run{env: t.env, ctx: ctx, tmpl: t.name, main: t, modules: map[*Template]*module{}, loaded: map[string]*Template{}, globals: globals}
	r.random = rand.New(rand.NewPCG(rand.Uint64(), rand.Uint64()))
	return &State{run: r, scope: t.newScope(parent), out: &buffer{final: true}}
}

func (t *Template) newScope(parent *layer) *scope {
	sc := &scope{tmpl: t, vars: map[string]Value{}, exported: map[string]bool{}, parent: parent, autoescape: t.env.opts.Autoescape}
	sc.blocks = make(map[string][]*block, len(t.blocks))
	for name, b := range t.blocks {
		sc.blocks[name] = []*block{b}
	}
	return sc
}

// derived is a scope for a scoped block or a host's tag: the same blocks, and the locals as variables.
func (sc *scope) derived(locals map[string]Value) *scope {
	d := &scope{tmpl: sc.tmpl, vars: map[string]Value{}, exported: map[string]bool{}, autoescape: sc.autoescape}
	d.parent = sc.snapshot(locals)
	d.blocks = maps.Clone(sc.blocks)
	return d
}

// located adds to an error where the rendering was.
func (s *State) located(e *Error) *Error {
	if e.Line == 0 {
		e.Line, e.Column = int(s.pos.line), int(s.pos.column)
	}
	if e.Template == "" {
		e.Template = s.tmpl
	}
	if e.Expression == "" {
		if tmpl := s.named(e.Template); tmpl != nil {
			e.Expression = s.env.expression(tmpl.source, position{int32(e.Line), int32(e.Column)})
		}
	}
	if e.Stack == nil {
		e.Stack = append([]Call(nil), s.calls...)
	}
	return e
}

// named is a template that takes part in the rendering, by its name.
func (s *State) named(name string) *Template {
	if name == s.main.name {
		return s.main
	}
	return s.loaded[name]
}

// runRoot runs a template's root function, and then its parent's if it extends one.
func (s *State) runRoot(b *block) {
	for {
		inner := *s
		inner.vars, inner.outer, inner.root = make([]Value, b.size()), nil, &rootState{}
		b.body(&inner)
		if inner.root.parent == nil {
			return
		}
		b = inner.root.parent.root
		s.tmpl = b.tmpl.name
	}
}

// runBlock runs one of the blocks of a name.
func (s *State) runBlock(b *block, sc *scope) {
	pos, from := s.enter("block "+b.name, b.tmpl.name)
	inner := *s
	inner.scope, inner.vars, inner.outer, inner.root = sc, make([]Value, b.size()), nil, &rootState{}
	b.body(&inner)
	s.leave(pos, from)
}

// include renders another template here.
func (s *State) include(t *Template, parent *layer) {
	pos, from := s.enter("include", t.name)
	inner := *s
	inner.scope = t.newScope(parent)
	inner.runRoot(t.root)
	s.leave(pos, from)
}

// module is an imported template: its text, and the names it exports.
type module struct {
	name string
	text string
	vars map[string]Value
}

func (*module) TypeName() string { return "TemplateModule" }

func (m *module) String() string { return m.text }

func (m *module) Attr(name string) (Value, bool) {
	v, ok := m.vars[name]
	return v, ok
}

func (s *State) newModule(t *Template, parent *layer) *module {
	pos, from := s.enter("import", t.name)
	inner := *s
	inner.scope, inner.out = t.newScope(parent), &buffer{}
	inner.runRoot(t.root)
	s.leave(pos, from)
	m := &module{name: t.name, text: inner.out.String(), vars: map[string]Value{}}
	s.trace.captured(m.text, inner.out)
	for name := range inner.scope.exported {
		if v, ok := inner.scope.vars[name]; ok {
			m.vars[name] = v
		}
	}
	return m
}

// defaultModule is a template imported without context; it is run once in a rendering.
func (s *State) defaultModule(t *Template) *module {
	if s.modules[t] == nil {
		s.modules[t] = s.newModule(t, s.globals)
	}
	return s.modules[t]
}

// selfRef is the variable "self": its attributes are the blocks.
type selfRef struct{ scope *scope }

func (*selfRef) TypeName() string { return "TemplateReference" }

// blockRef is a block that can be called, by self.name() or super().
type blockRef struct {
	name  string
	scope *scope
	stack []*block
	depth int
}

func (*blockRef) TypeName() string { return "BlockReference" }

func (b *blockRef) call(s *State) Value {
	return s.safe(s.capture(func() { s.runBlock(b.stack[b.depth], b.scope) }))
}

func (b *blockRef) attr(s *State, name string) Value {
	switch name {
	case "name":
		return Str(b.name)
	case "super":
		if b.depth+1 >= len(b.stack) {
			return s.noParentBlock(b.name)
		}
		return &blockRef{b.name, b.scope, b.stack, b.depth + 1}
	}
	return nil
}

func (s *State) noParentBlock(name string) Value {
	return &Undefined{policy: s.env.opts.Undefined, name: "super", hint: "there is no parent block called " + quote(name) + "."}
}

func (s *State) superBlock(current *block) Value {
	stack := s.scope.blocks[current.name]
	for i, b := range stack {
		if b == current && i+1 < len(stack) {
			return &blockRef{current.name, s.scope, stack, i + 1}
		}
	}
	return s.noParentBlock(current.name)
}
