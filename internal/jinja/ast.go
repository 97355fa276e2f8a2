package jinja

// node is a part of a template. Every node knows where it stands.
type node interface{ at() position }

func (p position) at() position { return p }

// Expressions.
type (
	constant struct {
		position
		val Value
	}
	nameRef struct {
		position
		name  string
		store bool
		param bool
	}
	// nsRef is the target of {% set name.attr = … %}.
	nsRef struct {
		position
		name, attr string
	}
	tupleExpr struct {
		position
		items []node
	}
	listExpr struct {
		position
		items []node
	}
	dictExpr struct {
		position
		keys, vals []node
	}
	unary struct {
		position
		op      string
		operand node
	}
	binaryExpr struct {
		position
		op          string
		left, right node
	}
	logical struct {
		position
		isOr        bool
		left, right node
	}
	comparison struct {
		position
		first node
		ops   []string
		rest  []node
	}
	concatExpr struct {
		position
		parts []node
	}
	conditional struct {
		position
		test, yes, no node // no is nil without else
	}
	getAttr struct {
		position
		object node
		name   string
	}
	getItem struct {
		position
		object, key node
	}
	sliceExpr struct {
		position
		start, stop, step node // each may be nil
	}
	callExpr struct {
		position
		callee node
		args   callArgs
	}
	filterExpr struct {
		position
		input node // nil: the text captured by a filter or set block
		name  string
		args  callArgs
	}
	testExpr struct {
		position
		input node
		name  string
		args  callArgs
	}
)

type callArgs struct {
	pos      []node
	names    []string
	vals     []node
	star     node // *args
	starStar node // **kwargs
}

// all lists the expressions in the order Python evaluates them.
func (a *callArgs) all() []node {
	out := append(append([]node{}, a.pos...), a.vals...)
	for _, n := range []node{a.star, a.starStar} {
		if n != nil {
			out = append(out, n)
		}
	}
	return out
}

// Statements.
type (
	// output is a run of text and printed expressions.
	output struct {
		position
		parts []node
	}
	textData struct {
		position
		text string
	}
	ifStmt struct {
		position
		test   node
		body   []node
		elifs  []*ifStmt
		orElse []node
	}
	forStmt struct {
		position
		target, iter, test node
		body, orElse       []node
		recursive          bool
	}
	setStmt struct {
		position
		target, value node
	}
	setBlock struct {
		position
		target node
		filter *filterExpr
		body   []node
	}
	withStmt struct {
		position
		targets, values []node
		body            []node
	}
	signature struct {
		params   []*nameRef
		defaults []node
	}
	macroStmt struct {
		position
		signature
		name string
		body []node
	}
	callBlock struct {
		position
		signature
		call *callExpr
		body []node
	}
	filterBlock struct {
		position
		filter *filterExpr
		body   []node
	}
	autoescapeStmt struct {
		position
		value node
		body  []node
	}
	blockStmt struct {
		position
		name             string
		scoped, required bool
		body             []node
	}
	extendsStmt struct {
		position
		template node
	}
	includeStmt struct {
		position
		template      node
		ignoreMissing bool
		withContext   bool
	}
	importStmt struct {
		position
		template    node
		target      string
		withContext bool
	}
	fromStmt struct {
		position
		template       node
		names, aliases []string
		withContext    bool
	}
	doStmt struct {
		position
		expr node
	}
	jumpStmt struct {
		position
		isBreak bool
	}
	tagStmt struct {
		position
		name string
		args callArgs
	}
)

// children lists a node's parts in the order in which Jinja2 visits them.
func children(n node) []node {
	switch n := n.(type) {
	case *tupleExpr:
		return n.items
	case *listExpr:
		return n.items
	case *dictExpr:
		var out []node
		for i := range n.keys {
			out = append(out, n.keys[i], n.vals[i])
		}
		return out
	case *unary:
		return []node{n.operand}
	case *binaryExpr:
		return []node{n.left, n.right}
	case *logical:
		return []node{n.left, n.right}
	case *comparison:
		return append([]node{n.first}, n.rest...)
	case *concatExpr:
		return n.parts
	case *conditional:
		return present(n.test, n.yes, n.no)
	case *getAttr:
		return []node{n.object}
	case *getItem:
		return []node{n.object, n.key}
	case *sliceExpr:
		return present(n.start, n.stop, n.step)
	case *callExpr:
		return append([]node{n.callee}, n.args.all()...)
	case *filterExpr:
		return append(present(n.input), n.args.all()...)
	case *testExpr:
		return append([]node{n.input}, n.args.all()...)
	}
	return statementChildren(n)
}

func statementChildren(n node) []node {
	switch n := n.(type) {
	case *output:
		return n.parts
	case *ifStmt:
		return join(present(n.test), n.body, elifNodes(n), n.orElse)
	case *forStmt:
		return join(present(n.target, n.iter), n.body, n.orElse, present(n.test))
	case *setStmt:
		return []node{n.target, n.value}
	case *setBlock:
		out := []node{n.target}
		if n.filter != nil {
			out = append(out, n.filter)
		}
		return append(out, n.body...)
	case *withStmt:
		return join(n.targets, n.values, n.body)
	case *macroStmt:
		return join(paramNodes(n.params), n.defaults, n.body)
	case *callBlock:
		return join([]node{n.call}, paramNodes(n.params), n.defaults, n.body)
	case *filterBlock:
		return join(n.body, []node{n.filter})
	case *autoescapeStmt:
		return join([]node{n.value}, n.body)
	case *blockStmt:
		return n.body
	case *extendsStmt:
		return []node{n.template}
	case *includeStmt:
		return []node{n.template}
	case *importStmt:
		return []node{n.template}
	case *fromStmt:
		return []node{n.template}
	case *doStmt:
		return []node{n.expr}
	case *tagStmt:
		return n.args.all()
	}
	return nil
}

func join(lists ...[]node) []node {
	var out []node
	for _, list := range lists {
		out = append(out, list...)
	}
	return out
}

func present(nodes ...node) []node {
	var out []node
	for _, n := range nodes {
		if n != nil {
			out = append(out, n)
		}
	}
	return out
}

func elifNodes(n *ifStmt) []node {
	out := make([]node, len(n.elifs))
	for i, e := range n.elifs {
		out[i] = e
	}
	return out
}

func paramNodes(params []*nameRef) []node {
	out := make([]node, len(params))
	for i, p := range params {
		out[i] = p
	}
	return out
}

// walk visits n and everything below it until visit refuses to go deeper.
func walk(n node, visit func(node) (deeper bool)) {
	if !visit(n) {
		return
	}
	for _, child := range children(n) {
		walk(child, visit)
	}
}
