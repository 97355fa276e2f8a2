package jinja

import (
	"cmp"
	"math/big"
	"strings"
	"unicode/utf8"
)

// equal is Python's ==.
func equal(a, b Value) bool { return equalAt(a, b, &effort{}) }

// effort bounds one comparison: lists may hold one another so often that comparing them would never end.
type effort struct{ depth, nodes int }

const maxCompared = 1 << 20

func (e *effort) enter() {
	e.depth++
	e.nodes++
	if e.depth > maxNesting {
		throw(RecursionErr, "maximum recursion depth exceeded in comparison")
	}
	if e.nodes > maxCompared {
		throw(LimitErr, "a comparison of more than %d parts", maxCompared)
	}
}

func equalAt(a, b Value, e *effort) bool {
	switch x := a.(type) {
	case Str:
		switch y := b.(type) {
		case Str:
			return x == y
		case Markup:
			return string(x) == string(y)
		}
	case Markup:
		if y, ok := isString(b); ok {
			return string(x) == y
		}
	case Int, Bool, Float, *BigInt:
		if isNumber(b) {
			return compareNumbers(a, b) == 0
		}
	case *Undefined:
		return equalUndefined(x, b)
	}
	if u, ok := b.(*Undefined); ok {
		return equalUndefined(u, a)
	}
	e.enter()
	same := equalOther(a, b, e)
	e.depth--
	return same
}

// equalUndefined: undefined values of one policy are equal. An inline if without else has the default one.
func equalUndefined(u *Undefined, other Value) bool {
	o, both := other.(*Undefined)
	for _, x := range [2]*Undefined{u, o} {
		if x != nil {
			x.used()
		}
	}
	return both && u.policy == o.policy
}

func equalOther(a, b Value, e *effort) bool {
	switch x := a.(type) {
	case *List:
		y, ok := b.(*List)
		return ok && (x == y || equalItems(x.Items, y.Items, e))
	case Tuple:
		y, ok := b.(Tuple)
		return ok && equalItems(x, y, e)
	case *Dict:
		y, ok := b.(*Dict)
		return ok && (x == y || equalDicts(x, y, e))
	case *Range:
		y, ok := b.(*Range)
		return ok && x.equal(y)
	case *dictView:
		y, ok := b.(*dictView)
		return ok && x.equal(y)
	case Bytes:
		y, ok := b.(Bytes)
		return ok && x == y
	}
	for _, v := range [2]Value{a, b} {
		if _, ok := v.(Opaque); ok {
			opaqueFail("compared", v)
		}
	}
	if x, ok := a.(Keyed); ok {
		y, ok := b.(Keyed)
		return ok && x.Key() == y.Key()
	}
	return sameObject(a, b)
}

// sameOrEqual is how containers look for a member: identity first.
func sameOrEqual(a, b Value, e *effort) bool {
	if u, ok := a.(*Undefined); ok && a == b {
		return u != nil
	}
	return equalAt(a, b, e)
}

func equalItems(a, b []Value, e *effort) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if !sameOrEqual(a[i], b[i], e) {
			return false
		}
	}
	return true
}

func equalDicts(a, b *Dict, e *effort) bool {
	if a.Len() != b.Len() {
		return false
	}
	for k, v := range a.All {
		other, ok := b.Get(k)
		if !ok || !sameOrEqual(v, other, e) {
			return false
		}
	}
	return true
}

// unordered is compareNumbers' answer when a NaN takes part.
const unordered = 2

func compareNumbers(a, b Value) int {
	if x, ok := asInt(a); ok {
		if y, ok := asInt(b); ok {
			return cmp.Compare(x, y)
		}
	}
	x, xInt := asBig(a)
	y, yInt := asBig(b)
	switch {
	case xInt && yInt:
		return x.Cmp(y)
	case xInt && x.BitLen() > 53, yInt && y.BitLen() > 53:
		return compareExactly(a, b)
	}
	f, _ := asFloat(a)
	g, _ := asFloat(b)
	if f != f || g != g {
		return unordered
	}
	return cmp.Compare(f, g)
}

// compareExactly compares a float with an integer that a float can't hold.
func compareExactly(a, b Value) int {
	f, floatFirst := a.(Float)
	if !floatFirst {
		return -compareExactly(b, a)
	}
	if f != f {
		return unordered
	}
	n, _ := asBig(b)
	return new(big.Float).SetFloat64(float64(f)).Cmp(new(big.Float).SetInt(n))
}

// ordered is "a op b" with op one of < <= > >=.
func (s *State) ordered(op string, a, b Value) bool {
	return decide(op, s.compare(op, a, b))
}

func decide(op string, c int) bool {
	switch op {
	case "<":
		return c == -1
	case "<=":
		return c == -1 || c == 0
	case ">":
		return c == 1
	}
	return c == 1 || c == 0
}

// compare orders two values of kinds that Python orders, and throws TypeErr for others.
func (s *State) compare(op string, a, b Value) int { return s.compareAt(op, a, b, &effort{}) }

func (s *State) compareAt(op string, a, b Value, e *effort) int {
	if isNumber(a) && isNumber(b) {
		return compareNumbers(a, b)
	}
	if x, ok := isString(a); ok {
		if y, ok := isString(b); ok {
			return strings.Compare(x, y)
		}
	}
	e.enter()
	switch x := a.(type) {
	case *List:
		if y, ok := b.(*List); ok {
			return s.compareItems(op, x.Items, y.Items, e)
		}
	case Tuple:
		if y, ok := b.(Tuple); ok {
			return s.compareItems(op, x, y, e)
		}
	case Bytes:
		if y, ok := b.(Bytes); ok {
			return strings.Compare(string(x), string(y))
		}
	}
	for _, v := range [2]Value{a, b} {
		if u, ok := v.(*Undefined); ok {
			u.fail()
		}
		if _, ok := v.(Opaque); ok {
			opaqueFail("compared", v)
		}
	}
	if x, ok := a.(Ordered); ok {
		if order, ok := x.Compare(b); ok {
			return order
		}
	}
	throw(TypeErr, "'%s' not supported between instances of '%s' and '%s'", op, a.TypeName(), b.TypeName())
	return 0
}

func (s *State) compareItems(op string, a, b []Value, e *effort) int {
	for i := 0; i < len(a) && i < len(b); i++ {
		if !sameOrEqual(a[i], b[i], e) {
			return s.compareAt(op, a[i], b[i], e)
		}
	}
	return cmp.Compare(len(a), len(b))
}

// contains is "item in container".
func (s *State) contains(container, item Value) bool {
	switch c := container.(type) {
	case Str, Markup:
		text, _ := isString(c)
		part, ok := isString(item)
		if !ok {
			rejectPart(item)
		}
		return strings.Contains(text, part)
	case *Dict:
		_, ok := c.Get(item)
		return ok
	case *List:
		return s.hasItem(c.Items, item)
	case Tuple:
		return s.hasItem(c, item)
	case *Range:
		return c.contains(item)
	case *Undefined:
		c.used()
		return false
	case Opaque:
		opaqueFail("searched", c)
	case Iterable:
	case Indexer:
		_, ok := c.Item(item)
		return ok
	}
	if !isIterable(container) {
		throw(TypeErr, "argument of type '%s' is not iterable", container.TypeName())
	}
	for v := range s.each(container) {
		if sameOrEqual(v, item, &effort{}) {
			return true
		}
	}
	return false
}

func rejectPart(item Value) {
	if _, ok := item.(Opaque); ok {
		opaqueFail("searched for", item)
	}
	throw(TypeErr, "'in <string>' requires string as left operand, not %s", item.TypeName())
}

func (s *State) hasItem(items []Value, item Value) bool {
	s.step(len(items) / 16)
	for _, v := range items {
		if sameOrEqual(v, item, &effort{}) {
			return true
		}
	}
	return false
}

// runeCount is len() of a Python string.
func runeCount(text string) int { return utf8.RuneCountInString(text) }
