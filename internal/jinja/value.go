package jinja

import (
	"math/big"
	"reflect"
)

// Value is anything a template can hold. The kinds of this package are None, Bool, Int, *BigInt, Float, Str,
// Markup, Bytes, *List, Tuple, *Dict, *Range, *Func, *Undefined and iterators; a host adds its own by Object.
// A nil Value means "no such variable" and never reaches a template.
type Value interface {
	// TypeName is the name Python gives the type: it shows in error messages.
	TypeName() string
}

type (
	noneType struct{}
	Bool     bool
	Int      int64
	// BigInt is an integer beyond int64; smaller ones are always Int.
	BigInt struct{ n *big.Int }
	Float  float64
	Str    string
	// Markup is text that is safe in HTML as it stands; operations on it escape what they add.
	Markup string
	Bytes  string
	Tuple  []Value
	// List is shared by reference, as in Python.
	List struct {
		Items   []Value
		isGroup bool // second part of a pair made by groupby, which answers to .grouper and .list
	}
	// Range is Python's range: n numbers, counted lazily.
	Range struct{ start, stop, step, n int64 }
)

// None is Python's None: printed as "None", and not undefined.
var None Value = noneType{}

func (noneType) TypeName() string { return "NoneType" }
func (Bool) TypeName() string     { return "bool" }
func (Int) TypeName() string      { return "int" }
func (*BigInt) TypeName() string  { return "int" }
func (Float) TypeName() string    { return "float" }
func (Str) TypeName() string      { return "str" }
func (Markup) TypeName() string   { return "Markup" }
func (Bytes) TypeName() string    { return "bytes" }
func (Tuple) TypeName() string    { return "tuple" }
func (*List) TypeName() string    { return "list" }
func (*Range) TypeName() string   { return "range" }

// NewList wraps items, which it keeps.
func NewList(items ...Value) *List { return &List{Items: items} }

// Object is a host's view on something of its own: a template reads the attributes it offers and nothing else.
// Further abilities are optional: Stringer, Reprer, Iterable, Indexer, Callable, Truther, Keyed, Ordered, Shifter.
type Object interface {
	Value
	Attr(name string) (Value, bool)
}

type (
	// Stringer prints an Object; without it an Object prints as "<its TypeName>".
	Stringer interface{ String() string }
	// Reprer prints an Object where it stands in a list or dict; without it, it prints there as everywhere.
	Reprer interface{ Repr() string }
	// Iterable makes an Object loopable, and gives it a length.
	Iterable interface{ Items() []Value }
	// Indexer serves object[key]; attributes are tried after it.
	Indexer interface {
		Item(key Value) (Value, bool)
	}
	// Callable makes an Object callable.
	Callable interface {
		Call(s *State, args Args) (Value, error)
	}
	// Truther decides an Object's truth; without it an Iterable is true when it has items, any other Object always.
	Truther interface{ Truth() bool }
	// Keyed gives Objects equality by a comparable key instead of by identity.
	Keyed interface{ Key() any }
	// Ordered gives Objects < and >, and sorting: -1, 0 or 1. False when the two can't be ordered.
	Ordered interface {
		Compare(other Value) (order int, ok bool)
	}
	// Shifter is an Object that whole numbers may be added to and taken from; false when that leads nowhere.
	Shifter interface {
		Shift(n int64) (Value, bool)
	}
)

// Opaque is a value to be printed and nothing more, such as a secret: true, and any operation on it but printing,
// "default", the tests on being defined or none, and the host's own filters, fails with OpaqueErr.
type Opaque interface {
	Value
	// Print gives the text that stands for the value in the output.
	Print(s *State) (string, error)
}

// Func is a callable value.
type Func struct {
	Name string
	Fn   func(s *State, args Args) (Value, error)
	// fast is used by built-ins, which throw.
	fast func(s *State, args Args) Value
	kind string
}

func (f *Func) TypeName() string {
	if f.kind != "" {
		return f.kind
	}
	return "function"
}

func builtin(name string, fn func(s *State, args Args) Value) *Func {
	return &Func{Name: name, fast: fn}
}

// Undefined is the result of a name, attribute or item that does not exist. It remembers what was asked for.
type Undefined struct {
	policy UndefinedPolicy
	name   string
	object Value
	hint   string
	class  string
	elem   Value
	note   func() // told once that it was used; nil unless misses are collected
}

func (*Undefined) TypeName() string { return "Undefined" }

// message tells what was missing, in Jinja2's words.
func (u *Undefined) message() string {
	switch {
	case u.hint != "":
		return u.hint
	case u.object == nil:
		return quote(u.name) + " is undefined"
	case u.elem != nil:
		return objectName(u.object) + " has no element " + reprShort(u.elem)
	}
	return quote(objectName(u.object)) + " has no attribute " + quote(u.name)
}

func (u *Undefined) fail() {
	u.noted()
	class := u.class
	if class == "" {
		class = UndefinedErr
	}
	throw(class, "%s", u.message())
}

func objectName(v Value) string {
	switch v.(type) {
	case noneType:
		return "None"
	case *Dict:
		return "dict object"
	}
	return v.TypeName() + " object"
}

// isOpaque asks the kinds of this package first, which costs nothing; asking for an interface does.
func isOpaque(v Value) bool {
	switch v.(type) {
	case Str, Int, Bool, noneType, *Dict, *List, *iterator, *Undefined:
		return false
	case Opaque:
		return true
	}
	return false
}

// isTrue is Python's truth of a value.
func isTrue(v Value) bool {
	switch v := v.(type) {
	case Bool:
		return bool(v)
	case noneType:
		return false
	case Str:
		return v != ""
	case Int:
		return v != 0
	case *Undefined:
		v.used()
		return false
	case *List:
		return len(v.Items) > 0
	case *Dict:
		return v.Len() > 0
	case Tuple:
		return len(v) > 0
	case Float:
		return v != 0
	case Markup:
		return v != ""
	case Bytes:
		return v != ""
	case *Range:
		return v.n > 0
	case *dictView:
		return v.dict.Len() > 0
	case Truther:
		return v.Truth()
	case Iterable:
		return len(v.Items()) > 0
	}
	return true
}

// sameObject is Python's "is". Small immutable values are the same when they are equal.
func sameObject(a, b Value) bool {
	switch x := a.(type) {
	case Tuple:
		y, ok := b.(Tuple)
		return ok && len(x) == len(y) && (len(x) == 0 || &x[0] == &y[0])
	case *Undefined:
		y, ok := b.(*Undefined)
		return ok && x == y
	}
	if reflect.TypeOf(a) != reflect.TypeOf(b) || !reflect.TypeOf(a).Comparable() {
		return false
	}
	return a == b
}

// isString tells whether v is text, and gives it.
func isString(v Value) (string, bool) {
	switch v := v.(type) {
	case Str:
		return string(v), true
	case Markup:
		return string(v), true
	}
	return "", false
}

func isCallable(v Value) bool {
	switch v := v.(type) {
	case *Func, *macro, *loopContext, *blockRef, *joiner, *Undefined:
		return true
	case Object:
		_, ok := v.(Callable)
		return ok
	}
	return false
}
