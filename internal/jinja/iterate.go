package jinja

import (
	"fmt"
	"iter"
)

// iterator is a lazy, one-shot sequence, as Python's generators are: map, select and their like give one.
type iterator struct {
	kind  string
	next  func() (Value, bool)
	depth int // iterators that this one draws from, one through the other
}

func (it *iterator) TypeName() string { return it.kind }

// generator makes an iterator that draws its items from another value.
func generator(from Value, next func() (Value, bool)) *iterator {
	g := &iterator{kind: "generator", next: next}
	if source, ok := from.(*iterator); ok {
		g.depth = source.depth + 1
	}
	if g.depth > maxNesting {
		throw(RecursionErr, "maximum recursion depth exceeded by generators")
	}
	return g
}

// generate makes an iterator that passes the items of another one through step, which may change or drop them.
func generate(source *iterator, step func(Value) (Value, bool)) *iterator {
	return generator(source, func() (Value, bool) {
		for {
			item, ok := source.next()
			if !ok {
				return nil, false
			}
			if out, keep := step(item); keep {
				return out, true
			}
		}
	})
}

func overItems(kind string, items []Value) *iterator {
	i := 0
	return &iterator{kind: kind, next: func() (Value, bool) {
		if i >= len(items) {
			return nil, false
		}
		i++
		return items[i-1], true
	}}
}

// overList sees what is appended to the list while it is walked, as in Python.
func overList(list *List) *iterator {
	i := 0
	return &iterator{kind: "list_iterator", next: func() (Value, bool) {
		if i >= len(list.Items) {
			return nil, false
		}
		i++
		return list.Items[i-1], true
	}}
}

func overDict(d *Dict, pick func(key, val Value) Value) *iterator {
	i, size := 0, d.Len()
	return &iterator{kind: "dict_keyiterator", next: func() (Value, bool) {
		if d.Len() != size {
			throw(PythonRunErr, "dictionary changed size during iteration")
		}
		for i < len(d.entries) {
			e := d.entries[i]
			i++
			if e.key != nil {
				return pick(e.key, e.val), true
			}
		}
		return nil, false
	}}
}

func overText(text string) *iterator {
	runes := []rune(text)
	i := 0
	return &iterator{kind: "str_iterator", next: func() (Value, bool) {
		if i >= len(runes) {
			return nil, false
		}
		i++
		return Str(runes[i-1]), true
	}}
}

func keyOnly(key, _ Value) Value { return key }
func valOnly(_, val Value) Value { return val }
func pair(key, val Value) Value  { return Tuple{key, val} }

// iterate is Python's iter().
func (s *State) iterate(v Value) *iterator {
	switch v := v.(type) {
	case *List:
		return overList(v)
	case Tuple:
		return overItems("tuple_iterator", v)
	case *Dict:
		return overDict(v, keyOnly)
	case *dictView:
		return overDict(v.dict, v.pick)
	case *iterator:
		return v
	case *Range:
		return v.iterator()
	case Str:
		return overText(string(v))
	case Markup:
		return overText(string(v))
	case Bytes:
		return overItems("bytes_iterator", byteItems(v))
	case *Undefined:
		v.used()
		return overItems("generator", nil)
	case *loopContext:
		return v.pairs()
	case Opaque:
		opaqueFail("walked", v)
	case Iterable:
		return overItems("iterator", v.Items())
	}
	throw(TypeErr, "'%s' object is not iterable", v.TypeName())
	return nil
}

func byteItems(b Bytes) []Value {
	items := make([]Value, len(b))
	for i := range items {
		items[i] = Int(b[i])
	}
	return items
}

func isIterable(v Value) bool {
	switch v := v.(type) {
	case *List, Tuple, *Dict, *dictView, *iterator, *Range, Str, Markup, Bytes, *loopContext:
		return true
	case *Undefined:
		v.used()
		return true
	case Opaque:
		return false
	case Iterable:
		return true
	}
	return false
}

// each walks v and counts a step for each item.
func (s *State) each(v Value) iter.Seq[Value] {
	it := s.iterate(v)
	return func(yield func(Value) bool) {
		for {
			item, ok := it.next()
			if !ok {
				return
			}
			s.step(1)
			if !yield(item) {
				return
			}
		}
	}
}

// items collects v into a slice of its own.
func (s *State) items(v Value) []Value {
	switch v := v.(type) {
	case *List:
		s.spend(wordSize * len(v.Items))
		return append([]Value(nil), v.Items...)
	case Tuple:
		s.spend(wordSize * len(v))
		return append([]Value(nil), v...)
	}
	var out []Value
	for item := range s.each(v) {
		s.spend(wordSize)
		out = append(out, item)
	}
	return out
}

// length is Python's len(); ok is false for values without one.
func length(v Value) (n int, ok bool) {
	switch v := v.(type) {
	case Str:
		return runeCount(string(v)), true
	case Markup:
		return runeCount(string(v)), true
	case *List:
		return len(v.Items), true
	case Tuple:
		return len(v), true
	case *Dict:
		return v.Len(), true
	case *dictView:
		return v.dict.Len(), true
	case Bytes:
		return len(v), true
	case *Range:
		return int(v.n), true
	case *Undefined:
		v.used()
		return 0, true
	case *loopContext:
		return v.length(), true
	case Opaque:
		return 0, false
	case Iterable:
		return len(v.Items()), true
	}
	return 0, false
}

// dictView is what dict.keys(), values() and items() give: it follows later changes of the dict.
type dictView struct {
	dict *Dict
	kind string
	pick func(key, val Value) Value
}

func (v *dictView) TypeName() string { return v.kind }

func (v *dictView) items() []Value {
	out := make([]Value, 0, v.dict.Len())
	for k, val := range v.dict.All {
		out = append(out, v.pick(k, val))
	}
	return out
}

// equal compares keys and items as sets; values are equal to themselves only.
func (v *dictView) equal(w *dictView) bool {
	if v.kind == "dict_values" || v.kind != w.kind {
		return v == w
	}
	if v.kind == "dict_items" {
		return equalDicts(v.dict, w.dict, &effort{})
	}
	for k := range v.dict.All {
		if _, ok := w.dict.Get(k); !ok {
			return false
		}
	}
	return v.dict.Len() == w.dict.Len()
}

func (r *Range) at(i int64) Value { return Int(r.start + i*r.step) }

func (r *Range) iterator() *iterator {
	i := int64(0)
	return &iterator{kind: "range_iterator", next: func() (Value, bool) {
		if i >= r.n {
			return nil, false
		}
		i++
		return r.at(i - 1), true
	}}
}

func (r *Range) contains(v Value) bool {
	if f, ok := v.(Float); ok && float64(f) == float64(int64(f)) {
		v = Int(f)
	}
	x, ok := asInt(v)
	if !ok {
		return false
	}
	offset := x - r.start
	return offset%r.step == 0 && offset/r.step >= 0 && offset/r.step < r.n
}

func (r *Range) equal(q *Range) bool {
	return r.key() == q.key()
}

// rangeKey is one for ranges that are equal.
type rangeKey struct{ start, step, n int64 }

func (r *Range) key() rangeKey {
	switch r.n {
	case 0:
		return rangeKey{}
	case 1:
		return rangeKey{start: r.start, n: 1}
	}
	return rangeKey{r.start, r.step, r.n}
}

func (r *Range) repr() string {
	stop := r.stop
	if r.step == 1 {
		return fmt.Sprintf("range(%d, %d)", r.start, stop)
	}
	return fmt.Sprintf("range(%d, %d, %d)", r.start, stop, r.step)
}
