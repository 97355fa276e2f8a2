package jinja

import (
	"math"
	"math/big"
	"slices"
)

// method is a method of a built-in type.
type method func(s *State, self Value, a Args) Value

// findMethod gives the method that a value of a built-in type has under a name; nil when there is none.
func findMethod(v Value, name string) method {
	switch v.(type) {
	case Str:
		return strMethod(name)
	case Markup:
		if name == "striptags" || name == "unescape" {
			return markupMethods[name]
		}
		return strMethod(name)
	case *Dict:
		return dictMethods[name]
	case *List:
		return listMethods[name]
	case Tuple:
		return tupleMethods[name]
	case Int, Bool, *BigInt:
		return intMethods[name]
	case Float:
		return floatMethods[name]
	case *Range:
		return rangeMethods[name]
	case Bytes:
		return bytesMethods[name]
	}
	return nil
}

var listMethods = map[string]method{
	"append": listAppend, "extend": listExtend, "insert": listInsert, "pop": listPop, "remove": listRemove,
	"reverse": listReverse, "sort": listSort, "index": listIndex, "count": listCount, "copy": listCopy, "clear": listClear,
}

var tupleMethods = map[string]method{"index": listIndex, "count": listCount}

var rangeMethods = map[string]method{"index": listIndex, "count": listCount}

func listAppend(s *State, self Value, a Args) Value {
	p := a.positional("append", 1, 1)
	l := self.(*List)
	s.spend(wordSize)
	l.Items = append(l.Items, p[0])
	return None
}

func listExtend(s *State, self Value, a Args) Value {
	p := a.positional("extend", 1, 1)
	l := self.(*List)
	l.Items = append(l.Items, s.items(p[0])...)
	return None
}

func listInsert(s *State, self Value, a Args) Value {
	p := a.positional("insert", 2, 2)
	l := self.(*List)
	i := wholeNumber(p[0], 0)
	if i < 0 {
		i += len(l.Items)
	}
	s.spend(wordSize)
	s.step(len(l.Items) / 64)
	l.Items = slices.Insert(l.Items, max(0, min(i, len(l.Items))), p[1])
	return None
}

func listPop(s *State, self Value, a Args) Value {
	p := a.positional("pop", 0, 1)
	l := self.(*List)
	i := wholeNumber(p[0], -1)
	if len(l.Items) == 0 {
		throw(IndexErr, "pop from empty list")
	}
	if i < 0 {
		i += len(l.Items)
	}
	if i < 0 || i >= len(l.Items) {
		throw(IndexErr, "pop index out of range")
	}
	s.step((len(l.Items) - i) / 64)
	item := l.Items[i]
	l.Items = slices.Delete(l.Items, i, i+1)
	return item
}

func listRemove(s *State, self Value, a Args) Value {
	p := a.positional("remove", 1, 1)
	l := self.(*List)
	i := s.indexOf(l.Items, p[0])
	if i < 0 {
		throw(ValueErr, "list.remove(x): x not in list")
	}
	l.Items = slices.Delete(l.Items, i, i+1)
	return None
}

func (s *State) indexOf(items []Value, v Value) int {
	s.step(len(items) / 16)
	return slices.IndexFunc(items, func(item Value) bool { return sameOrEqual(item, v, &effort{}) })
}

func listReverse(s *State, self Value, a Args) Value {
	a.positional("reverse", 0, 0)
	l := self.(*List)
	s.step(len(l.Items) / 64)
	slices.Reverse(l.Items)
	return None
}

func listSort(s *State, self Value, a Args) Value {
	if len(a.Pos) > 0 {
		throw(TypeErr, "sort() takes no positional arguments")
	}
	p := a.bind("sort", "key?", "reverse?")
	l := self.(*List)
	key := func(v Value) Value { return v }
	if p[0] != nil && p[0] != None {
		key = func(v Value) Value { return s.call(p[0], Args{Pos: []Value{v}}) }
	}
	l.Items = s.sortBy(l.Items, key, wholeNumber(p[1], 0) != 0)
	return None
}

func listIndex(s *State, self Value, a Args) Value {
	p := a.positional("index", 1, 3)
	items := s.items(self)
	from, to := 0, len(items)
	if p[1] != nil {
		from, to, _ = sliceBounds(len(items), p[1], optional(p[2], None), None)
	}
	i := s.indexOf(items[from:max(from, to)], p[0])
	if i < 0 {
		throw(ValueErr, "%s is not in list", reprShort(p[0]))
	}
	return Int(from + i)
}

func listCount(s *State, self Value, a Args) Value {
	p := a.positional("count", 1, 1)
	n := 0
	for item := range s.each(self) {
		if sameOrEqual(item, p[0], &effort{}) {
			n++
		}
	}
	return Int(n)
}

func listCopy(s *State, self Value, a Args) Value {
	a.positional("copy", 0, 0)
	return s.newList(s.items(self))
}

func listClear(_ *State, self Value, a Args) Value {
	a.positional("clear", 0, 0)
	self.(*List).Items = nil
	return None
}

var dictMethods = map[string]method{
	"get": dictGet, "items": dictViewer("dict_items", pair), "keys": dictViewer("dict_keys", keyOnly),
	"values": dictViewer("dict_values", valOnly), "pop": dictPop, "popitem": dictPopItem, "update": dictUpdate,
	"setdefault": dictSetDefault, "copy": dictCopy, "clear": dictClear, "fromkeys": dictFromKeys,
}

func dictViewer(kind string, pick func(key, val Value) Value) method {
	return func(_ *State, self Value, a Args) Value {
		a.positional(kind, 0, 0)
		return &dictView{self.(*Dict), kind, pick}
	}
}

func dictGet(_ *State, self Value, a Args) Value {
	p := a.positional("get", 1, 2)
	if v, ok := self.(*Dict).Get(p[0]); ok {
		return v
	}
	return optional(p[1], None)
}

func dictPop(_ *State, self Value, a Args) Value {
	p := a.positional("pop", 1, 2)
	if v, ok := self.(*Dict).Delete(p[0]); ok {
		return v
	}
	if p[1] == nil {
		throw(KeyErr, "%s", reprShort(p[0]))
	}
	return p[1]
}

func dictPopItem(_ *State, self Value, a Args) Value {
	a.positional("popitem", 0, 0)
	d := self.(*Dict)
	for i := len(d.entries) - 1; i >= 0; i-- {
		if e := d.entries[i]; e.key != nil {
			d.Delete(e.key)
			return Tuple{e.key, e.val}
		}
	}
	throw(KeyErr, "'popitem(): dictionary is empty'")
	return nil
}

func dictUpdate(s *State, self Value, a Args) Value {
	d := self.(*Dict)
	if len(a.Pos) > 1 {
		throw(TypeErr, "update expected at most 1 argument, got %d", len(a.Pos))
	}
	if len(a.Pos) == 1 {
		s.updateDict(d, a.Pos[0])
	}
	for _, kw := range a.Kw {
		d.SetStr(kw.Name, kw.Value)
	}
	return None
}

func dictSetDefault(s *State, self Value, a Args) Value {
	p := a.positional("setdefault", 1, 2)
	d := self.(*Dict)
	if v, ok := d.Get(p[0]); ok {
		return v
	}
	s.spend(3 * wordSize)
	v := optional(p[1], None)
	d.Set(p[0], v)
	return v
}

func dictCopy(s *State, self Value, a Args) Value {
	a.positional("copy", 0, 0)
	d := self.(*Dict)
	s.spend(3 * wordSize * d.Len())
	return d.Copy()
}

func dictClear(_ *State, self Value, a Args) Value {
	a.positional("clear", 0, 0)
	self.(*Dict).Clear()
	return None
}

func dictFromKeys(s *State, _ Value, a Args) Value {
	p := a.positional("fromkeys", 1, 2)
	d := NewDict(0)
	for key := range s.each(p[0]) {
		s.spend(3 * wordSize)
		d.Set(key, optional(p[1], None))
	}
	return d
}

var intMethods = map[string]method{
	"bit_length": func(_ *State, self Value, a Args) Value {
		a.positional("bit_length", 0, 0)
		n, _ := asBig(self)
		return Int(n.BitLen())
	},
	"bit_count": func(_ *State, self Value, a Args) Value {
		a.positional("bit_count", 0, 0)
		n, _ := asBig(self)
		ones := 0
		for _, digit := range new(big.Int).Abs(n).Text(2) {
			ones += int(digit - '0')
		}
		return Int(ones)
	},
	"conjugate": func(_ *State, self Value, a Args) Value {
		a.positional("conjugate", 0, 0)
		return positive(self)
	},
	"as_integer_ratio": func(_ *State, self Value, a Args) Value {
		a.positional("as_integer_ratio", 0, 0)
		return Tuple{positive(self), Int(1)}
	},
}

var floatMethods = map[string]method{
	"is_integer": func(_ *State, self Value, a Args) Value {
		a.positional("is_integer", 0, 0)
		f := float64(self.(Float))
		return Bool(f == math.Trunc(f) && !math.IsInf(f, 0))
	},
	"conjugate": func(_ *State, self Value, a Args) Value {
		a.positional("conjugate", 0, 0)
		return self
	},
	"as_integer_ratio": func(_ *State, self Value, a Args) Value {
		a.positional("as_integer_ratio", 0, 0)
		r := new(big.Rat).SetFloat64(float64(self.(Float)))
		if r == nil {
			throw(OverflowErr, "cannot convert Infinity to integer ratio")
		}
		return Tuple{normalize(r.Num()), normalize(r.Denom())}
	},
}

var bytesMethods = map[string]method{
	"decode": func(_ *State, self Value, a Args) Value {
		a.bind("decode", "encoding?", "errors?")
		return Str(self.(Bytes))
	},
	"hex": func(_ *State, self Value, a Args) Value {
		a.positional("hex", 0, 0)
		return Str(new(big.Int).SetBytes([]byte(self.(Bytes))).Text(16))
	},
}
