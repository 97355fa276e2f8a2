package jinja

// UseKind is what a template asks for by name.
type UseKind string

const (
	UseVariable  UseKind = "variable" // neither a global nor set anywhere in the template: its user has to give it
	UseFilter    UseKind = "filter"
	UseTest      UseKind = "test"
	UseAttribute UseKind = "attribute" // a.name, or a["name"]
	UseTag       UseKind = "tag"       // one of the host's
)

// Use is one place where a template asks for something by name.
type Use struct {
	Kind   UseKind
	Name   string
	Known  bool     // the environment has it; always so for tags, never for variables and attributes
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
	own := assigned(body)
	for _, n := range body {
		walk(n, func(n node) bool {
			if use, ok := env.use(n, own); ok {
				use.Line, use.Column = int(n.at().line), int(n.at().column)
				uses = append(uses, use)
			}
			return true
		})
	}
	return uses, nil
}

func (env *Environment) use(n node, own map[string]bool) (Use, bool) {
	switch n := n.(type) {
	case *nameRef:
		_, global := env.globals.GetStr(n.name)
		return Use{Kind: UseVariable, Name: n.name}, !n.store && !n.param && !global && !own[n.name]
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
		return Use{Kind: UseTag, Name: n.name, Known: true}, true
	}
	return Use{}, false
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
