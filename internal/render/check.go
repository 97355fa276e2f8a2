package render

import (
	"context"
	"errors"
	"fmt"

	"peerflow/internal/jinja"
	"peerflow/internal/peering"
)

// checker gathers findings about one template. Each subject has its file: check_names.go, check_fields.go, …
type checker struct {
	ctx      context.Context
	template peering.Template
	library  map[int64]peering.Template
	seen     map[peering.Finding]bool
	alike    map[peering.Finding]int // how many were found of a code at a place
	found    []peering.Finding
	suspects []peering.Finding // told unless something else is found at their place
}

// Check looks for what its author should know about a template, in its text and in what it renders for routers, whose
// own template it takes the place of. library holds the templates that it may include. The list is in the order of the
// text, and empty when there is nothing to say. A template that can't be rendered is a finding too, never a failure of
// the check; when the context ends, the check ends with a note that says so.
func Check(ctx context.Context, t peering.Template, library map[int64]peering.Template, routers []peering.Desired) []peering.Finding {
	c := &checker{ctx: ctx, template: t, library: library, seen: map[peering.Finding]bool{}, alike: map[peering.Finding]int{}, found: []peering.Finding{}}
	c.mode()
	if c.static() && c.routers() { // mails and exports aren't tried on routers
		for i, d := range routers {
			if ctx.Err() != nil {
				c.unchecked(routers[i:]...)
				break
			}
			d.Template = t
			d.Template.ID = max(t.ID, 1)
			d.Templates = library
			c.router(d)
		}
	}
	c.suspected()
	peering.SortFindings(c.found)
	return c.found
}

// mode is about text that is rendered and shown, and that no driver takes to a router.
func (c *checker) mode() {
	if t := c.template; c.routers() && t.Mode != "" && t.Mode != peering.ModeStanza {
		c.note("mode", 0, fmt.Sprintf("a text of mode %s is shown and never deployed by peerflow", t.Mode),
			"take it to the router yourself, or write the full content of what peerflow is to own there, and record the template with mode stanza")
	}
}

// router looks at what one router would get.
func (c *checker) router(d peering.Desired) {
	_, refused := Router(c.ctx, d)
	plain := c.trial(d)
	for _, m := range plain.misses {
		c.miss(m)
	}
	if c.ctx.Err() != nil {
		c.unchecked(d)
		return
	}
	if refused != nil {
		c.refusal(refused)
	}
	c.policies(d)
	c.joined(d)
	if plain.err != nil {
		return
	}
	c.order(plain)
	c.zeroLimits(plain)
	if open, changed := withoutLimits(d); changed {
		c.zeroLimits(c.trial(open))
	}
	if c.template.Mode == peering.ModeMerge {
		c.listsThatGrow(plain)
	}
	if refused != nil { // what it doesn't print or read may be for that reason
		return
	}
	if c.template.Engine != peering.EnginePongo2 { // it is given all of them
		c.contexts(d, plain)
	}
	if c.template.Mode == peering.ModeMerge {
		c.removal(d, plain)
	}
}

func (c *checker) unchecked(left ...peering.Desired) {
	c.note("unchecked", 0, "the time was up before all was looked at on "+some(left, func(d peering.Desired) string { return d.Router.Name }), "check fewer routers at a time, or make the template do less")
}

// trial is one rendering, as lenient as can be.
type trial struct {
	text    string
	origins []jinja.Origin
	misses  []jinja.Miss
	network *Network
	router  *RouterRecord
	err     error
}

func (c *checker) trial(d peering.Desired) (t trial) {
	t.network, t.router = project(d)
	if d.Template.Engine == peering.EnginePongo2 {
		t.text, t.err = run(c.ctx, d, plain)
		return t
	}
	tmpl, err := forgiving(d.Template).Parse(d.Template.Name, d.Template.Body)
	if err != nil {
		t.err = err
		return t
	}
	ctx, cancel := context.WithTimeout(surroundingsOf(d).in(c.ctx), limit)
	defer cancel()
	t.text, t.origins, t.err = tmpl.RenderMissing(ctx, variables(d, t.network, t.router), func(jinja.Object) string { return "" }, func(m jinja.Miss) {
		if len(t.misses) < maxMisses {
			t.misses = append(t.misses, m)
		}
	})
	return t
}

// maxMisses is how much that doesn't exist is told of one rendering.
const maxMisses = 1000

// place is the template line that printed a line of the text, both from 0 and 1 as they are counted.
func (t trial) place(line int) (template string, at int) {
	if line >= len(t.origins) || len(t.origins[line].Places) == 0 {
		return "", 0
	}
	p := t.origins[line].Places[0]
	return p.Template, p.Line
}

// refusal is why a rendering fails, unless a finding stands at that line already.
func (c *checker) refusal(err error) {
	f := peering.Finding{Level: peering.FindingError, Code: "fails", Text: err.Error(), Fix: "mend what the message names"}
	var failed *jinja.Error
	if errors.As(err, &failed) {
		f.Template, f.Line, f.Column, f.Text = failed.Template, failed.Line, failed.Column, failed.Class+": "+failed.Msg
	}
	f.Template = c.included(f.Template)
	for _, g := range c.found {
		if g.Level == peering.FindingError && g.Template == f.Template && g.Line == f.Line && g.Line > 0 {
			return
		}
	}
	c.add(f)
}

// included is the name of a template as findings have it: "" for the one that is checked.
func (c *checker) included(name string) string {
	if name == c.template.Name {
		return ""
	}
	return name
}

const (
	maxFindings = 500 // ends the list of a template that is wrong everywhere
	maxAlike    = 3   // of one line: a fault in a loop is one fault, whatever it prints for each session
)

func (c *checker) add(f peering.Finding) {
	place := peering.Finding{Code: f.Code, Template: f.Template, Line: f.Line, Column: f.Column}
	if c.seen[f] || len(c.found) >= maxFindings || f.Line > 0 && c.alike[place] >= maxAlike {
		return
	}
	c.seen[f] = true
	c.alike[place]++
	c.found = append(c.found, f)
}

func (c *checker) note(code string, line int, text, fix string) {
	c.add(peering.Finding{Level: peering.FindingNote, Code: code, Line: line, Text: text, Fix: fix})
}

func (c *checker) warn(code string, line int, text, fix string) {
	c.add(peering.Finding{Level: peering.FindingWarning, Code: code, Line: line, Text: text, Fix: fix})
}

// some names a few of many.
func some[T any](list []T, name func(T) string) string {
	names := make([]string, len(list))
	for i, item := range list {
		names[i] = name(item)
	}
	return peering.Some(names, 3, ", ")
}
