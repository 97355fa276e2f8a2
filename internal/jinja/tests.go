package jinja

// builtinTests gives the tests of Jinja2 with the host's on top.
func builtinTests(host map[string]Test) map[string]Test {
	all := map[string]Test{}
	for name, fn := range testTable {
		all[name] = func(s *State, in Value, a Args) (bool, error) {
			if !opaqueTests[name] && isOpaque(in) {
				opaqueFail("tested with "+name, in)
			}
			return fn(s, in, a), nil
		}
	}
	for name, fn := range host {
		all[name] = fn
	}
	return all
}

func (s *State) applyTest(test Test, name string, in Value, a Args) bool {
	s.step(1)
	ok, err := test(s, in, a)
	if err != nil {
		panic(hostError(err))
	}
	return ok
}

// opaqueTests are those that tell nothing of a value but that it is there.
var opaqueTests = map[string]bool{"defined": true, "undefined": true, "none": true}

type testFunc func(s *State, in Value, a Args) bool

var testTable = map[string]testFunc{
	"odd":         testRemainder(2, 1),
	"even":        testRemainder(2, 0),
	"divisibleby": testDivisible,
	"defined":     testPlain("defined", func(v Value) bool { _, no := v.(*Undefined); return !no }),
	"undefined":   testPlain("undefined", func(v Value) bool { _, yes := v.(*Undefined); return yes }),
	"none":        testPlain("none", func(v Value) bool { return v == None }),
	"boolean":     testPlain("boolean", func(v Value) bool { _, ok := v.(Bool); return ok }),
	"false":       testPlain("false", func(v Value) bool { b, ok := v.(Bool); return ok && !bool(b) }),
	"true":        testPlain("true", func(v Value) bool { b, ok := v.(Bool); return ok && bool(b) }),
	"integer":     testPlain("integer", func(v Value) bool { _, b := v.(Bool); return isInteger(v) && !b }),
	"float":       testPlain("float", func(v Value) bool { _, ok := v.(Float); return ok }),
	"lower":       testPlain("lower", func(v Value) bool { return isLower(toStr(v)) }),
	"upper":       testPlain("upper", func(v Value) bool { return isUpper(toStr(v)) }),
	"string":      testPlain("string", func(v Value) bool { _, ok := isString(v); return ok }),
	"mapping":     testPlain("mapping", func(v Value) bool { _, ok := v.(*Dict); return ok }),
	"number":      testPlain("number", isNumber),
	"sequence":    testPlain("sequence", isSequence),
	"iterable":    testPlain("iterable", isIterable),
	"callable":    testPlain("callable", isCallable),
	"escaped":     testPlain("escaped", isEscaped),
	"sameas":      func(_ *State, v Value, a Args) bool { return sameObject(v, a.bind("sameas", "other")[0]) },
	"filter":      testKnown("filter", func(env *Environment, name string) bool { _, ok := env.filters[name]; return ok }),
	"test":        testKnown("test", func(env *Environment, name string) bool { _, ok := env.tests[name]; return ok }),
	"in":          func(s *State, v Value, a Args) bool { return s.contains(a.bind("in", "seq")[0], v) },

	"==": testCompare("=="), "eq": testCompare("=="), "equalto": testCompare("=="), "!=": testCompare("!="),
	"ne": testCompare("!="), ">": testCompare(">"), "gt": testCompare(">"), "greaterthan": testCompare(">"),
	">=": testCompare(">="), "ge": testCompare(">="), "<": testCompare("<"), "lt": testCompare("<"),
	"lessthan": testCompare("<"), "<=": testCompare("<="), "le": testCompare("<="),
}

func testPlain(name string, fn func(Value) bool) testFunc {
	return func(_ *State, v Value, a Args) bool {
		a.bind("test_" + name)
		return fn(v)
	}
}

func testCompare(op string) testFunc {
	return func(s *State, v Value, a Args) bool { return s.compares(op, v, a.positional(op, 1, 1)[0]) }
}

func testRemainder(by, want int) testFunc {
	return func(s *State, v Value, a Args) bool {
		a.bind("test_odd")
		return equal(s.binary("%", v, Int(by)), Int(want))
	}
}

func testDivisible(s *State, v Value, a Args) bool {
	return equal(s.binary("%", v, a.bind("test_divisibleby", "num")[0]), Int(0))
}

func testKnown(kind string, known func(*Environment, string) bool) testFunc {
	return func(s *State, v Value, a Args) bool {
		a.bind("test_" + kind)
		hashKey(v)
		name, ok := isString(v)
		return ok && known(s.env, name)
	}
}

func isEscaped(v Value) bool {
	if u, ok := v.(*Undefined); ok {
		return u.policy == UndefinedChainable
	}
	_, ok := v.(Markup)
	return ok
}

// isSequence: what has a length and can be indexed. Dicts count, as in Jinja2.
func isSequence(v Value) bool {
	switch v := v.(type) {
	case Str, Markup, Bytes, *List, Tuple, *Dict, *Range:
		return true
	case *Undefined:
		return v.policy == UndefinedDefault || v.policy == UndefinedChainable
	case Opaque:
		return false
	case Iterable:
		return true
	}
	return false
}
