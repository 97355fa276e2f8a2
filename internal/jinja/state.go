package jinja

import (
	"context"
	"errors"
	"io/fs"
	"maps"
	"math"
	"math/rand/v2"
	"strings"
)

// Limits bound what one rendering may use. A zero field means the default.
type Limits struct {
	Steps  int // statements, calls and items walked
	Depth  int // macros, includes, blocks and recursive loops inside one another; some thousands exhaust Go's stack
	Range  int // length of a range(); 100,000 in Jinja2's sandbox
	Output int // bytes of any one text a template builds, the result included
	Memory int // bytes of all texts and lists a rendering builds, whether kept or not
}

// DefaultLimits are generous for a router with half a million prefixes, and small enough for a worker to survive.
var DefaultLimits = Limits{Steps: 100_000_000, Depth: 300, Range: 100_000, Output: 64 << 20, Memory: 512 << 20}

func (l Limits) withDefaults() Limits {
	pick := func(n *int, byDefault int) {
		if *n == 0 {
			*n = byDefault
		}
	}
	pick(&l.Steps, DefaultLimits.Steps)
	pick(&l.Depth, DefaultLimits.Depth)
	pick(&l.Range, DefaultLimits.Range)
	pick(&l.Output, DefaultLimits.Output)
	pick(&l.Memory, DefaultLimits.Memory)
	return l
}

const (
	wordSize  = 16       // bytes a Value takes in a list
	pollSteps = 256      // steps between two looks at the context
	pollBytes = 64 << 10 // bytes built at once that are worth a look too
)

// run is what all of one rendering shares.
type run struct {
	env       *Environment
	ctx       context.Context
	steps     int
	spent     int
	pos       position // of what is being evaluated, for errors
	tmpl      string
	calls     []Call
	modules   map[*Template]*module
	main      *Template            // the one that is rendered
	loaded    map[string]*Template // the others, by name
	globals   *layer
	random    *rand.Rand
	trace     *trace // nil unless the rendering is traced
	ancestors int    // templates extended so far
}

// State is where a rendering stands: the variables of the function being run, its context and its output.
// Filters, tests, tags and functions of the host receive it; it is valid during their call only.
type State struct {
	*run
	scope *scope
	vars  []Value
	outer *State
	out   *buffer
	root  *rootState
}

// rootState belongs to a template's root function and is shared by the loops and blocks inside it.
type rootState struct{ parent *Template }

// scope is Jinja2's context: the variables given to the template, and those it has set at its top level.
type scope struct {
	tmpl       *Template
	vars       map[string]Value
	exported   map[string]bool
	parent     *layer
	blocks     map[string][]*block
	autoescape bool
}

// layer is a read-only set of variables on top of another.
type layer struct {
	vars map[string]Value
	dict *Dict
	next *layer
}

func (l *layer) get(name string, key Value) Value {
	for ; l != nil; l = l.next {
		if v, ok := l.vars[name]; ok {
			return v
		}
		if l.dict != nil {
			if v, ok := l.dict.Get(key); ok {
				return v
			}
		}
	}
	return nil
}

// snapshot freezes what the scope holds now, with more variables on top.
func (sc *scope) snapshot(locals map[string]Value) *layer {
	base := sc.parent
	if len(sc.vars) > 0 {
		base = &layer{vars: maps.Clone(sc.vars), next: base}
	}
	if len(locals) > 0 {
		base = &layer{vars: locals, next: base}
	}
	return base
}

func (sc *scope) resolve(name string, key Value) Value {
	if v, ok := sc.vars[name]; ok {
		return v
	}
	return sc.parent.get(name, key)
}

// Context is the context.Context given to Render.
func (s *State) Context() context.Context { return s.ctx }

// Final is whether what is printed now goes straight into the text that Render gives, where no template can change it
// any more; false inside macros, set and filter blocks and whatever else a template captures. What a tag of the host
// includes is as final as the place of the tag, if the host prints it.
func (s *State) Final() bool { return s.out.final }

// Environment is the one the template was parsed with.
func (s *State) Environment() *Environment { return s.env }

// TemplateName is the name of the template being rendered, which may be an included one.
func (s *State) TemplateName() string { return s.tmpl }

// Lookup finds a variable given to the template, a global, or one set at the template's top level. As in Jinja2,
// variables of loops and macros are not among them.
func (s *State) Lookup(name string) (Value, bool) {
	v := s.scope.resolve(name, Str(name))
	return v, v != nil
}

// Text is str(v), or an error for values that have none, such as strict undefined ones.
func (s *State) Text(v Value) (text string, err error) {
	err = s.guard(func() { text = toStr(v) })
	return text, err
}

// Call calls a callable value.
func (s *State) Call(callee Value, args Args) (v Value, err error) {
	err = s.guard(func() { v = s.call(callee, args) })
	return v, err
}

// ApplyFilter runs a filter by name.
func (s *State) ApplyFilter(name string, in Value, args Args) (v Value, err error) {
	err = s.guard(func() { v = s.filter(name, in, args) })
	return v, err
}

// Equal is a == b in a template.
func (s *State) Equal(a, b Value) (same bool, err error) {
	err = s.guard(func() { same = equal(a, b) })
	return same, err
}

// Ordered is "a op b" with op one of < <= > >=; values of kinds that Python doesn't order are a TypeErr.
func (s *State) Ordered(op string, a, b Value) (holds bool, err error) {
	err = s.guard(func() { holds = s.ordered(op, a, b) })
	return holds, err
}

// Truth is whether a template takes v for true.
func (s *State) Truth(v Value) (truth bool, err error) {
	err = s.guard(func() { truth = isTrue(v) })
	return truth, err
}

// Length is Python's len(v).
func (s *State) Length(v Value) (n Value, err error) {
	err = s.guard(func() { n = filterLength(s, v, Args{}) })
	return n, err
}

// Items gives what a loop over v would walk.
func (s *State) Items(v Value) (items []Value, err error) {
	err = s.guard(func() { items = s.items(v) })
	return items, err
}

// Work counts steps of a host's own, and stops a rendering that takes too many or whose time is up.
func (s *State) Work(steps int) (err error) {
	return s.guard(func() { s.step(steps) })
}

// Attr is v.name in a template: an Undefined when there is no such attribute.
func (s *State) Attr(v Value, name string) (attr Value, err error) {
	err = s.guard(func() { attr = s.getAttr(v, name, Str(name)) })
	return attr, err
}

// guard turns what fn throws into an error, and puts the call stack back.
func (s *State) guard(fn func()) (err error) {
	depth, pos, tmpl := len(s.calls), s.pos, s.tmpl
	defer func() {
		if fault := recover(); fault != nil {
			err = s.located(asError(fault))
			s.calls, s.pos, s.tmpl = s.calls[:depth], pos, tmpl
		}
	}()
	fn()
	return nil
}

// step counts work, and now and then looks whether the context has ended.
func (s *State) step(n int) {
	before := s.steps
	s.steps += n
	if s.steps > s.env.opts.Limits.Steps {
		throw(LimitErr, "the template took more than %d steps", s.env.opts.Limits.Steps)
	}
	if before/pollSteps != s.steps/pollSteps || before == 0 {
		s.poll()
	}
}

func (s *State) poll() {
	if s.ctx.Err() != nil {
		cause := context.Cause(s.ctx)
		panic(&Error{Class: CancelledErr, Msg: cause.Error(), cause: cause})
	}
}

// chance is a random number below n, unless the host wants none here.
func (s *State) chance(n int) int {
	if allowed := s.env.opts.Chance; allowed != nil {
		if err := allowed(s.ctx); err != nil {
			panic(hostError(err))
		}
	}
	return s.random.IntN(n)
}

// spend counts bytes built.
func (s *State) spend(n int) {
	s.spent += n
	limits := &s.env.opts.Limits
	if s.spent > limits.Memory {
		throw(LimitErr, "the template built more than %d bytes of text and lists", limits.Memory)
	}
	if n > limits.Output {
		throw(LimitErr, "the template built a text or list of more than %d bytes", limits.Output)
	}
	if n > pollBytes {
		s.poll()
	}
}

// fits stops a text under construction that has grown too long.
func (s *State) fits(n int) {
	if limit := s.env.opts.Limits.Output; n > limit {
		throw(LimitErr, "the template built a text of more than %d bytes", limit)
	}
}

// spendProduct is spend(size*n) that can't overflow.
func (s *State) spendProduct(size int, n int64) {
	if size == 0 {
		return
	}
	if n > math.MaxInt32 {
		throw(LimitErr, "a repetition of %d times is too long", n)
	}
	s.spend(size * int(n))
}

func (s *State) newList(items []Value) *List { return &List{Items: items} }

// enter notes a call; leave forgets it. After a throw the stack stays as it is, and becomes Error.Stack.
func (s *State) enter(what, tmpl string) (pos position, from string) {
	if len(s.calls) >= s.env.opts.Limits.Depth {
		throw(RecursionErr, "maximum recursion depth exceeded")
	}
	s.step(1)
	pos, from = s.pos, s.tmpl
	s.calls = append(s.calls, Call{what, from, int(pos.line)})
	s.tmpl = tmpl
	return pos, from
}

func (s *State) leave(pos position, from string) {
	s.calls = s.calls[:len(s.calls)-1]
	s.pos, s.tmpl = pos, from
}

// buffer collects output.
type buffer struct {
	strings.Builder
	pieces []piece // of a traced rendering
	final  bool    // it is what Render gives, and nothing in the template holds it
}

// write adds the text of a value that is printed at pos.
func (s *State) write(text string, pos position) { s.writeFrom(text, pos, false) }

func (s *State) writeFrom(text string, pos position, literal bool) {
	s.out.WriteString(text)
	s.fits(s.out.Len())
	s.noteWritten(text, pos.line, literal)
}

// capture runs fn with an output of its own and gives what it wrote.
func (s *State) capture(fn func()) string {
	saved := s.out
	s.out = &buffer{}
	fn()
	text := s.out.String()
	s.trace.captured(text, s.out)
	s.out = saved
	s.spend(len(text))
	return text
}

// load finds a template through the loader; each name is loaded once in a rendering.
func (s *State) load(name string) (*Template, error) {
	if tmpl := s.loaded[name]; tmpl != nil {
		return tmpl, nil
	}
	loader := s.env.opts.Loader
	if loader == nil {
		return nil, &Error{Class: NotFoundErr, Msg: name}
	}
	source, err := loader.Load(s.ctx, name)
	switch {
	case err == ErrNotFound || errors.Is(err, fs.ErrNotExist):
		return nil, &Error{Class: NotFoundErr, Msg: name, cause: err}
	case errors.Is(err, ErrNotFound):
		return nil, &Error{Class: NotFoundErr, Msg: err.Error(), cause: err}
	case err != nil:
		return nil, hostError(err)
	}
	tmpl, err := s.env.Parse(name, source)
	if err == nil {
		s.loaded[name] = tmpl
	}
	return tmpl, err
}

// Include renders another template with the variables that are visible here, and gives its text.
func (s *State) Include(name string) (text string, err error) {
	tmpl, err := s.load(name)
	if err != nil {
		return "", err
	}
	final := s.out.final
	err = s.guard(func() {
		text = s.capture(func() {
			s.out.final = final
			s.include(tmpl, s.scope.snapshot(nil))
		})
	})
	return text, err
}

// ErrNotFound is what a Loader returns for a template that does not exist; wrapped, its text says more than the name.
var ErrNotFound = errors.New("template not found")
