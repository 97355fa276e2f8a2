package render

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	"peerflow/internal/jinja"
	"peerflow/internal/peering"
)

// static looks at the text alone, and reports whether it can be rendered at all.
func (c *checker) static() bool {
	c.secrets()
	if c.template.Engine == peering.EnginePongo2 { // its rendering says what is wrong
		return true
	}
	if c.template.Kind == peering.MailTemplate {
		c.names(subjectPart, subjectPart, c.template.Subject, map[string]bool{})
	}
	return c.names("", c.template.Name, c.template.Body, map[string]bool{})
}

// names looks at what a template asks for by name, and at what it includes. in is "" for the text of the template that is
// checked, and its subject's is subjectPart.
func (c *checker) names(in, name, body string, visited map[string]bool) bool {
	env := environment(c.template)
	uses, err := env.Uses(name, body)
	if err != nil {
		c.syntax(in, err)
		return false
	}
	sound, spared, own := true, spelledOut(body), in == "" || in == subjectPart
	for _, u := range uses {
		if c.ctx.Err() != nil {
			c.note("unchecked", 0, "the time was up before all of the text was looked at", "check a shorter template, or give the check more time")
			return sound
		}
		f, wrong := c.use(env, own, u)
		if wrong {
			f.Template, f.Line, f.Column = in, u.Line, u.Column
			c.add(f)
			sound = sound && (u.Kind != jinja.UseFilter && u.Kind != jinja.UseTest || u.Known)
		}
		if u.Kind == jinja.UseAttribute && own {
			c.misspelt(in, spared, u)
		}
		c.include(in, u, visited)
	}
	return sound
}

func (c *checker) syntax(in string, err error) {
	f := peering.Finding{Level: peering.FindingError, Code: "syntax", Template: in, Text: err.Error(), Fix: "mend the line: nothing else can be looked at before"}
	var failed *jinja.Error
	if errors.As(err, &failed) {
		f.Line, f.Column, f.Text = failed.Line, failed.Column, failed.Msg
	}
	c.add(f)
}

// use is what is wrong with one use of a name; variables are looked at in the template that is checked alone, as an
// included one may have them from the other.
func (c *checker) use(env *jinja.Environment, own bool, u jinja.Use) (f peering.Finding, wrong bool) {
	switch u.Kind {
	case jinja.UseFilter, jinja.UseTest:
		switch {
		case !u.Known:
			return unknown(string(u.Kind), u.Name, env.Names(u.Kind)), true
		case !c.routers(): // what moves by itself, and all routers' sessions, are a mail's and an export's
			return f, false
		case u.Kind == jinja.UseFilter && u.Name == "random":
			return byChance("random"), true
		}
		if u.Name == "sessions" || u.Name == "route_server" {
			return otherRouters(u), true
		}
	case jinja.UseAttribute:
		if u.Name == "get_peering_sessions" && c.routers() {
			return otherRouters(u), true
		}
	case jinja.UseVariable:
		return c.variable(env, own, u)
	}
	return f, false
}

func byChance(what string) peering.Finding {
	return peering.Finding{Level: peering.FindingError, Code: "random", Text: what + " gives something else at each rendering, and the text that is approved wouldn't be the one that is pushed",
		Fix: "choose by something recorded, such as a session's id"}
}

func (c *checker) variable(env *jinja.Environment, own bool, u jinja.Use) (f peering.Finding, wrong bool) {
	switch {
	case u.Known && !c.routers():
		return f, false
	case u.Known && u.Name == "now":
		return peering.Finding{Level: peering.FindingError, Code: "now", Text: "now() would print another text at each rendering, and the text that is approved wouldn't be the one that is pushed",
			Fix: "leave it out: peerflow records who changed what, and when"}, true
	case u.Known && u.Name == "lipsum":
		return byChance("lipsum()"), true
	case u.Known || !own || slices.Contains(c.roots(), u.Name):
		return f, false
	}
	f = unknown("variable", u.Name, append(env.Names(jinja.UseVariable), c.roots()...))
	_, near := peering.Nearest(u.Name, c.roots())
	if !near && !c.routers() {
		f.Fix = "set it in the template, or give it a default: a template of kind " + string(c.template.Kind) + " gets " + strings.Join(c.roots(), ", ")
	}
	switch {
	case u.Spared && !near: // it may be meant for another template's use
		return f, false
	case u.Spared:
		f.Level, f.Text = peering.FindingWarning, fmt.Sprintf("nothing gives the variable %q, which is asked whether it is defined", u.Name)
	case c.template.Lenient:
		f.Level, f.Text = peering.FindingWarning, f.Text+": it prints nothing"
	}
	return f, true
}

// unknown says that a name doesn't exist, and which one was probably meant.
func unknown(kind, name string, known []string) peering.Finding {
	fix := "take it out, or use what there is: " + peering.Some(known, 20, ", ")
	if kind == "variable" {
		fix = "set it in the template, or give it a default: a router's template gets " + strings.Join(rootNames(), ", ")
	}
	if best, near := peering.Nearest(name, known); near {
		fix = fmt.Sprintf("did you mean %q?", best)
	}
	return peering.Finding{Level: peering.FindingError, Code: "unknown-" + kind, Text: fmt.Sprintf("there is no %s %q", kind, name), Fix: fix}
}

// routers is whether the template gives a router's text.
func (c *checker) routers() bool {
	return c.template.Kind != peering.MailTemplate && c.template.Kind != peering.ExportTemplate
}

// roots are the variables that the template is given.
func (c *checker) roots() []string {
	switch c.template.Kind {
	case peering.MailTemplate:
		return strings.Fields("autonomous_system affiliated_autonomous_systems autonomous_systems")
	case peering.ExportTemplate:
		return strings.Fields("dataset")
	}
	return rootNames()
}

// rootNames are the variables that a router's template is given.
var rootNames = sync.OnceValue(func() (names []string) {
	network, router := project(peering.Desired{})
	for name := range variables(peering.Desired{}, network, router).All {
		names = append(names, string(name.(jinja.Str)))
	}
	return names
})

// otherRouters is about the sessions of a whole exchange or group.
func otherRouters(u jinja.Use) peering.Finding {
	of := "x"
	if len(u.Chain) > 0 {
		of = u.Chain[0]
	}
	fix := fmt.Sprintf("write \"router | ixp_sessions(ixp=%s)\" for an exchange, \"router | direct_sessions(group=%s)\" for a group", of, of)
	if u.Name == "route_server" {
		fix = fmt.Sprintf("write \"router | ixp_sessions(ixp=%s)\" and take those with is_route_server", of)
	}
	return peering.Finding{Level: peering.FindingWarning, Code: "sessions-of-all-routers", Fix: fix,
		Text: fmt.Sprintf("%q gives the sessions of all routers in Peering Manager, so that each would get the other's neighbors; here it gives this router's", u.Name)}
}

// includedBy is the template that a tag or a statement names.
func includedBy(u jinja.Use) (kind, identifier string, ok bool) {
	switch u.Kind {
	case jinja.UseTag:
		return strings.TrimPrefix(u.Name, "include_"), u.Arg, true
	case jinja.UseTemplate:
		kind, identifier = kindAndName(u.Name)
		return kind, identifier, true
	}
	return "", "", false
}

// include follows what a template includes by name.
func (c *checker) include(in string, u jinja.Use, visited map[string]bool) {
	kind, identifier, ok := includedBy(u)
	if !ok {
		return
	}
	if identifier == "" || u.Spared {
		return
	}
	found, err := surroundingsOf(peering.Desired{Templates: c.library}).find(kind, identifier)
	if err != nil {
		text, fix, ok := strings.Cut(strings.TrimSuffix(err.Error(), " ("+jinja.ErrNotFound.Error()+")"), ": ")
		if !ok {
			fix = "record it first, or leave the line out"
		}
		c.add(peering.Finding{Level: peering.FindingError, Code: "unknown-template", Template: in, Line: u.Line, Column: u.Column, Text: text, Fix: fix})
		return
	}
	// Templates that routers include have no source but their text.
	if name := kind + "::" + identifier; !visited[name] {
		visited[name] = true
		if body, err := found.source(c.ctx); err == nil {
			c.names(name, name, body, visited)
		}
	}
}
