package jinja

import "context"

// Miss is a place where a template used a variable, an attribute or an item that doesn't exist. Asking whether it is
// defined, or for a default instead of it, is no use.
type Miss struct {
	Template     string
	Line, Column int
	Object       Value // nil: a variable
	Name         string
}

// RenderMissing is RenderTraced that tells missed of every Miss, in order, also of those that Jinja2 lets pass. Only
// the first ends the rendering when the Environment is strict; where it is chainable, what doesn't exist prints nothing.
func (t *Template) RenderMissing(ctx context.Context, vars *Dict, name func(Object) string, missed func(Miss)) (string, []Origin, error) {
	trace := newTrace(name)
	trace.missed = missed
	return t.render(ctx, vars, trace)
}

// missing is what stands for something that doesn't exist.
func (s *State) missing(u Undefined, at position) *Undefined {
	u.policy = s.env.opts.Undefined
	if s.trace != nil && s.trace.missed != nil {
		miss := Miss{s.tmpl, int(at.line), int(at.column), u.object, u.name}
		u.note = func() { s.trace.missed(miss) }
	}
	return &u
}

// used is asked of an undefined value that is printed, looked into, walked or decided on.
func (u *Undefined) used() {
	u.noted()
	if u.policy == UndefinedStrict {
		u.fail()
	}
}

// noted tells of the first use.
func (u *Undefined) noted() {
	if u.note != nil {
		u.note()
		u.note = nil
	}
}
