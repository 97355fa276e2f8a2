package jinja

import (
	"strings"
	"unicode"
)

// Mentions are the names that a template can ask records for, as far as its text tells.
type Mentions struct {
	// Names are those of attributes, filters, tests and keywords, and the words of the texts in its expressions, which
	// may come to be used as names. Paths and Django's lookups count part by part.
	Names map[string]bool
	// Includes are the host's tags with what they name, and the templates that are included, imported or extended.
	Includes []Use
	// Computed tells that it may ask for attributes, or include templates, by names that aren't in its text.
	Computed bool
}

// naming tells of Jinja2's filters how many of their first arguments name attributes or filters; so does the keyword attribute.
var naming = map[string]int{"attr": 1, "map": 1, "groupby": 1, "sum": 1, "select": 1, "reject": 1, "selectattr": 1, "rejectattr": 1,
	"sort": 3, "unique": 2, "min": 2, "max": 2}

// Mentions reads a template without running it. more are filters and methods of the host whose arguments all name
// attributes. The error is an *Error.
func (env *Environment) Mentions(name, source string, more ...string) (m Mentions, err error) {
	defer func() {
		if fault := recover(); fault != nil {
			e := asError(fault)
			e.Template = name
			m, err = Mentions{}, e
		}
	}()
	body := parse(env, source)
	reader := mentioning{Mentions: Mentions{Names: map[string]bool{}}, env: env, plain: displays(body), naming: map[string]bool{}}
	for _, name := range more {
		reader.naming[name] = true
	}
	for _, n := range body {
		walk(n, func(n node) bool {
			reader.see(n)
			return true
		})
	}
	return reader.Mentions, nil
}

type mentioning struct {
	Mentions
	env    *Environment
	plain  map[string]bool // variables that hold the template's own dictionaries and lists
	naming map[string]bool // the host's
}

func (m *mentioning) see(n node) {
	switch n := n.(type) {
	case *constant:
		if text, ok := isString(n.val); ok {
			m.words(text)
		}
	case *getAttr:
		m.words(n.name)
		if n.name == "format" || n.name == "format_map" { // "{0.name}".format(record)
			m.known(n.object)
		}
	case *getItem:
		m.key(n)
	case *testExpr:
		m.words(n.name)
		m.keywords(n.args)
	case *filterExpr:
		m.words(n.name)
		m.arguments(n.name, n.args)
	case *callExpr:
		m.keywords(n.args)
		if method, ok := n.callee.(*getAttr); ok && m.naming[method.name] {
			m.arguments(method.name, n.args)
		}
	case *tagStmt, *includeStmt, *importStmt, *fromStmt, *extendsStmt:
		use, ok := m.env.use(n, nil)
		m.Computed = m.Computed || !ok || use.Kind == UseTag && use.Arg == ""
		m.Includes = append(m.Includes, use)
	}
}

func (m *mentioning) words(text string) {
	for word := range strings.FieldsFuncSeq(text, func(r rune) bool { return r != '_' && !unicode.IsLetter(r) && !unicode.IsDigit(r) }) {
		m.Names[word] = true
		for part := range strings.SplitSeq(word, "__") {
			m.Names[part] = true
		}
	}
}

// key is about a[key]: a number and what the template wrote out itself tell of no attribute.
func (m *mentioning) key(n *getItem) {
	if owner, ok := n.object.(*nameRef); ok && m.plain[owner.name] {
		return
	}
	switch key := n.key.(type) {
	case *sliceExpr:
	case *unary: // a[-1]
		m.known(key.operand)
	default:
		m.known(key)
	}
}

// known holds that a name, or the text that holds it, is written out.
func (m *mentioning) known(n node) {
	if _, ok := n.(*constant); !ok {
		m.Computed = true
	}
}

func (m *mentioning) keywords(args callArgs) {
	for _, name := range args.names {
		m.words(name)
	}
	m.Computed = m.Computed || args.starStar != nil
}

func (m *mentioning) arguments(name string, args callArgs) {
	m.keywords(args)
	many := naming[name]
	if m.naming[name] {
		many = len(args.pos) + len(args.vals)
	}
	for i, arg := range args.all() {
		keyword := i >= len(args.pos) && i-len(args.pos) < len(args.names)
		if i < many || many > 0 && keyword && args.names[i-len(args.pos)] == "attribute" {
			m.known(arg)
		}
	}
	m.Computed = m.Computed || many > 0 && args.star != nil
}

// displays are the variables that a template sets to a dictionary or a list that it writes out, and to nothing else.
func displays(body []node) map[string]bool {
	names := map[string]bool{}
	all := func(visit func(node)) {
		for _, n := range body {
			walk(n, func(n node) bool { visit(n); return true })
		}
	}
	written := map[node]bool{}
	all(func(n node) {
		if set, ok := n.(*setStmt); ok && isDisplay(set.value) {
			written[set.target] = true
			if target, ok := set.target.(*nameRef); ok {
				names[target.name] = true
			}
		}
	})
	all(func(n node) {
		switch n := n.(type) {
		case *nameRef:
			if (n.store || n.param) && !written[n] {
				delete(names, n.name)
			}
		case *importStmt:
			delete(names, n.target)
		case *fromStmt:
			for _, alias := range n.aliases {
				delete(names, alias)
			}
		}
	})
	return names
}

func isDisplay(n node) bool {
	switch n := n.(type) {
	case *dictExpr, *listExpr:
		return true
	case *conditional:
		return isDisplay(n.yes) && n.no != nil && isDisplay(n.no)
	}
	return false
}
