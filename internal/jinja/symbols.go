package jinja

// Jinja2 decides at compile time which variable a name means: a template becomes Python functions with local
// variables, and a name is bound in the innermost frame that assigns it. This file keeps to those rules exactly,
// since users rely on their odd corners (a set inside a loop is lost, one inside an if is not).

// function is what would be one Python function: the template's root, a block, a macro, a recursive loop.
type function struct {
	outer *function
	slots map[slotKey]*variable
}

type slotKey struct {
	level int
	name  string
}

type variable struct {
	fn   *function
	slot int
}

func newFunction(outer *function) *function {
	return &function{outer: outer, slots: map[slotKey]*variable{}}
}

func (f *function) variable(level int, name string) *variable {
	key := slotKey{level, name}
	if f.slots[key] == nil {
		f.slots[key] = &variable{f, len(f.slots)}
	}
	return f.slots[key]
}

// loadKind says where a variable's value comes from when its frame is entered.
type loadKind int

const (
	loadNothing loadKind = iota // not yet assigned
	loadParam                   // assigned by the construct itself
	loadResolve                 // looked up in the context
	loadAlias                   // copied from the same name in an outer frame
)

type load struct {
	kind  loadKind
	name  string
	alias *variable
}

// symbols are the names of one frame.
type symbols struct {
	fn     *function
	level  int
	parent *symbols
	refs   map[string]*variable
	loads  map[*variable]load
	order  []*variable // of loads
	stores map[string]bool
}

func newSymbols(fn *function, parent *symbols) *symbols {
	sym := &symbols{fn: fn, parent: parent, refs: map[string]*variable{}, loads: map[*variable]load{}, stores: map[string]bool{}}
	if parent != nil {
		sym.level = parent.level + 1
	}
	return sym
}

func (sym *symbols) copy() *symbols {
	c := *sym
	c.refs, c.loads, c.stores = map[string]*variable{}, map[*variable]load{}, map[string]bool{}
	c.order = nil
	c.merge(sym)
	return &c
}

// merge takes over what another set of symbols of the same frame knows.
func (sym *symbols) merge(other *symbols) {
	for name, v := range other.refs {
		sym.refs[name] = v
	}
	for _, v := range other.order {
		sym.setLoad(v, other.loads[v])
	}
	for name := range other.stores {
		sym.stores[name] = true
	}
}

func (sym *symbols) setLoad(v *variable, l load) {
	if _, known := sym.loads[v]; !known {
		sym.order = append(sym.order, v)
	}
	sym.loads[v] = l
}

func (sym *symbols) define(name string, l load) *variable {
	v := sym.fn.variable(sym.level, name)
	sym.refs[name] = v
	sym.setLoad(v, l)
	return v
}

// find is the variable that a name means here; nil when no frame knows it.
func (sym *symbols) find(name string) *variable {
	for ; sym != nil; sym = sym.parent {
		if v := sym.refs[name]; v != nil {
			return v
		}
	}
	return nil
}

func (sym *symbols) load(name string) {
	if sym.find(name) == nil {
		sym.define(name, load{kind: loadResolve, name: name})
	}
}

func (sym *symbols) store(name string) {
	sym.stores[name] = true
	if sym.refs[name] != nil {
		return
	}
	if outer := sym.parent.find(name); outer != nil {
		sym.define(name, load{kind: loadAlias, alias: outer})
		return
	}
	sym.define(name, load{})
}

func (sym *symbols) parameter(name string) *variable {
	sym.stores[name] = true
	return sym.define(name, load{kind: loadParam})
}

// branches joins what the branches of an if assign: each such name starts out as what it was before the if.
func (sym *symbols) branches(branches ...*symbols) {
	assigned := map[string]bool{}
	for _, b := range branches {
		for name := range b.stores {
			if !sym.stores[name] {
				assigned[name] = true
			}
		}
	}
	for _, b := range branches {
		sym.merge(b)
	}
	for name := range assigned {
		v := sym.find(name)
		if outer := sym.parent.find(name); outer != nil {
			sym.setLoad(v, load{kind: loadAlias, alias: outer})
			continue
		}
		sym.setLoad(v, load{kind: loadResolve, name: name})
	}
}

// visible lists the names assigned in this frame and its outer ones: an include sees them beside the context.
func (sym *symbols) visible() map[string]*variable {
	out := map[string]*variable{}
	for s := sym; s != nil; s = s.parent {
		for name := range s.stores {
			if out[name] == nil {
				out[name] = sym.find(name)
			}
		}
	}
	return out
}

func (sym *symbols) visitAll(nodes ...node) {
	for _, n := range nodes {
		sym.visit(n)
	}
}

// visit notes the names a node reads and assigns in this frame. It does not enter constructs with a frame of their own.
func (sym *symbols) visit(n node) {
	switch n := n.(type) {
	case *nameRef:
		sym.visitName(n)
	case *nsRef:
		sym.load(n.name)
	case *ifStmt:
		sym.visitIf(n)
	case *macroStmt:
		sym.store(n.name)
	case *importStmt:
		sym.visit(n.template)
		sym.store(n.target)
	case *fromStmt:
		sym.visit(n.template)
		for _, alias := range n.aliases {
			sym.store(alias)
		}
	case *setStmt:
		sym.visitAll(n.value, n.target)
	case *forStmt:
		sym.visit(n.iter)
	case *callBlock:
		sym.visit(n.call)
	case *filterBlock:
		sym.visit(n.filter)
	case *withStmt:
		sym.visitAll(n.values...)
	case *setBlock:
		sym.visit(n.target)
	case *autoescapeStmt, *blockStmt:
	default:
		sym.visitAll(children(n)...)
	}
}

func (sym *symbols) visitName(n *nameRef) {
	switch {
	case n.param:
		sym.parameter(n.name)
	case n.store:
		sym.store(n.name)
	default:
		sym.load(n.name)
	}
}

func (sym *symbols) visitIf(n *ifStmt) {
	sym.visit(n.test)
	body, elifs, orElse := sym.copy(), sym.copy(), sym.copy()
	body.visitAll(n.body...)
	elifs.visitAll(elifNodes(n)...)
	orElse.visitAll(n.orElse...)
	sym.branches(body, elifs, orElse)
}

// parameters declares every name of an assignment target as assigned by the construct.
func (sym *symbols) parameters(target node) {
	walk(target, func(n node) bool {
		if name, ok := n.(*nameRef); ok {
			sym.parameter(name.name)
		}
		return true
	})
}

// mentions tells which of the special names the nodes read without having assigned them first.
func mentions(nodes []node, names ...string) map[string]bool {
	open, found := map[string]bool{}, map[string]bool{}
	for _, name := range names {
		open[name] = true
	}
	for _, n := range nodes {
		walk(n, func(n node) bool {
			switch n := n.(type) {
			case *blockStmt:
				return false
			case *nameRef:
				if !n.store && !n.param && open[n.name] {
					found[n.name] = true
				} else {
					delete(open, n.name)
				}
			}
			return true
		})
	}
	return found
}
