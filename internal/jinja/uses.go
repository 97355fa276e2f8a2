package jinja

import (
	"maps"
	"slices"
	"strings"
)

// UseKind is what a template asks for by name.
type UseKind string

const (
	UseVariable  UseKind = "variable" // not set anywhere in the template: its user has to give it, unless it is a global
	UseFilter    UseKind = "filter"
	UseTest      UseKind = "test"
	UseAttribute UseKind = "attribute" // a.name, or a["name"]
	UseTag       UseKind = "tag"       // one of the host's
	UseTemplate  UseKind = "template"  // included, imported or extended, by a name that stands there
)

// Use is one place where a template asks for something by name.
type Use struct {
	Kind   UseKind
	Name   string
	Known  bool     // the environment has it: a filter, a test, a global variable; always so for tags, never for attributes
	Spared bool     // its absence is allowed for: a variable that is tested for being defined somewhere, or has a default; an include that ignores what is missing
	Arg    string   // of a tag: its first argument, where it is a text or a bare name
	Chain  []string // names of the filters and attributes it is applied to, the nearest first
	Line   int
	Column int
}

// Uses lists what a template asks for, in the order of its text, without running it. Filters that don't exist are
// listed, where Parse refuses them. The error is an *Error.
func (env *Environment) Uses(name, source string) (uses []Use, err error) {
	defer func() {
		if fault := recover(); fault != nil {
			e := asError(fault)
			e.Template = name
			uses, err = nil, e
		}
	}()
	body := parse(env, source)
	own, spared := assigned(body), spared(body)
	for _, n := range body {
		walk(n, func(n node) bool {
			if use, ok := env.use(n, own); ok {
				use.Line, use.Column = int(n.at().line), int(n.at().column)
				use.Spared = use.Spared || use.Kind == UseVariable && spared[use.Name]
				uses = append(uses, use)
			}
			return true
		})
	}
	return uses, nil
}

// Names lists the filters, tests or global variables that there are, in order, and the attributes that values of
// Jinja2's own types have: methods, and what loops, macros and the like tell.
func (env *Environment) Names(kind UseKind) []string {
	switch kind {
	case UseFilter:
		return slices.Sorted(maps.Keys(env.filters))
	case UseTest:
		return slices.Sorted(maps.Keys(env.tests))
	case UseVariable:
		var names []string
		for name := range env.globals.All {
			names = append(names, string(name.(Str)))
		}
		return names
	case UseAttribute:
		known := map[string]method{}
		for _, methods := range []map[string]method{strMethods, markupMethods, listMethods, tupleMethods, rangeMethods, dictMethods, intMethods, floatMethods, bytesMethods} {
			maps.Copy(known, methods)
		}
		return slices.Sorted(slices.Values(slices.Concat(slices.Collect(maps.Keys(known)), otherAttributes)))
	}
	return nil
}

// otherAttributes are those of loops, macros, cyclers, groups and numbers.
var otherAttributes = strings.Fields("index index0 first last length revindex revindex0 depth depth0 previtem nextitem cycle changed " +
	"format format_map name arguments explicit_caller catch_kwargs catch_varargs caller current next reset grouper list real imag numerator denominator")

func (env *Environment) use(n node, own map[string]bool) (Use, bool) {
	switch n := n.(type) {
	case *nameRef:
		_, global := env.globals.GetStr(n.name)
		return Use{Kind: UseVariable, Name: n.name, Known: global}, !n.store && !n.param && !own[n.name]
	case *getAttr:
		return Use{Kind: UseAttribute, Name: n.name, Chain: chain(n.object)}, true
	case *getItem:
		key, ok := n.key.(*constant)
		if !ok {
			return Use{}, false
		}
		text, ok := isString(key.val)
		return Use{Kind: UseAttribute, Name: text, Chain: chain(n.object)}, ok
	case *filterExpr:
		_, known := env.filters[n.name]
		return Use{Kind: UseFilter, Name: n.name, Known: known, Chain: chain(n.input)}, true
	case *testExpr:
		_, known := env.tests[n.name]
		return Use{Kind: UseTest, Name: n.name, Known: known, Chain: chain(n.input)}, true
	case *tagStmt:
		use := Use{Kind: UseTag, Name: n.name, Known: true}
		if len(n.args.pos) > 0 {
			use.Arg, _ = textOf(n.args.pos[0])
		}
		return use, true
	case *includeStmt:
		name, ok := textOf(n.template)
		return Use{Kind: UseTemplate, Name: name, Spared: n.ignoreMissing}, ok
	case *importStmt:
		return named(n.template)
	case *fromStmt:
		return named(n.template)
	case *extendsStmt:
		return named(n.template)
	}
	return Use{}, false
}

func named(template node) (Use, bool) {
	name, ok := textOf(template)
	return Use{Kind: UseTemplate, Name: name}, ok
}

// textOf is the text of a constant, or a whole number's.
func textOf(n node) (string, bool) {
	c, ok := n.(*constant)
	if !ok {
		return "", false
	}
	if number, ok := c.val.(Int); ok {
		return toStr(number), true
	}
	return isString(c.val)
}

// spared are the variables that a template tests for being defined, or gives a default.
func spared(body []node) map[string]bool {
	names := map[string]bool{}
	for _, n := range body {
		walk(n, func(n node) bool {
			var asked node
			switch n := n.(type) {
			case *testExpr:
				if n.name == "defined" || n.name == "undefined" {
					asked = n.input
				}
			case *filterExpr:
				if n.name == "default" || n.name == "d" {
					asked = n.input
				}
			}
			if name, ok := asked.(*nameRef); ok {
				names[name.name] = true
			}
			return true
		})
	}
	return names
}

// chain names what an expression goes through, from its end to its start.
func chain(n node) (names []string) {
	for {
		switch e := n.(type) {
		case *filterExpr:
			names, n = append(names, e.name), e.input
		case *getAttr:
			names, n = append(names, e.name), e.object
		case *callExpr:
			n = e.callee
		case *getItem:
			if key, ok := e.key.(*constant); ok {
				if text, ok := isString(key.val); ok {
					names = append(names, text)
				}
			}
			n = e.object
		case *nameRef:
			return append(names, e.name)
		default:
			return names
		}
	}
}

// assigned are the names that a template sets itself, anywhere, and those that the language sets.
func assigned(body []node) map[string]bool {
	own := map[string]bool{"loop": true, "self": true, "super": true, "caller": true, "varargs": true, "kwargs": true}
	for _, n := range body {
		walk(n, func(n node) bool {
			switch n := n.(type) {
			case *nameRef:
				if n.store || n.param {
					own[n.name] = true
				}
			case *macroStmt:
				own[n.name] = true
			case *importStmt:
				own[n.target] = true
			case *fromStmt:
				for _, alias := range n.aliases {
					own[alias] = true
				}
			}
			return true
		})
	}
	return own
}
