package jinja

import "strings"

// getAttr is value.name: an attribute or method first, then an item. What isn't there is undefined.
func (s *State) getAttr(v Value, name string, key Value) Value {
	switch v := v.(type) {
	case *Undefined:
		if isPythonInternal(v, name) {
			break
		}
		if v.policy != UndefinedChainable {
			v.fail()
		}
		v.used()
		if strings.HasPrefix(name, "_") && !strings.HasPrefix(name, "__") {
			return s.unsafeAttr(v, name)
		}
		return v
	case Opaque:
		opaqueFail("looked into", v)
	}
	if attr, ok := s.ownAttr(v, name); ok {
		return attr
	}
	if d, ok := v.(*Dict); ok {
		if item, ok := d.Get(key); ok {
			return item
		}
	}
	if indexed, ok := v.(Indexer); ok {
		if item, ok := indexed.Item(key); ok {
			return item
		}
	}
	return s.undefinedAttr(v, name)
}

func (s *State) undefinedAttr(v Value, name string) Value {
	return s.missing(Undefined{name: name, object: v}, s.pos)
}

// ownAttr is Python's getattr in the sandbox: names with an underscore in front exist, and are refused when used.
func (s *State) ownAttr(v Value, name string) (Value, bool) {
	if strings.HasPrefix(name, "_") {
		if !isPythonInternal(v, name) {
			return nil, false
		}
		return s.unsafeAttr(v, name), true
	}
	if m := findMethod(v, name); m != nil {
		return &Func{Name: name, kind: "builtin_function_or_method", fast: func(s *State, a Args) Value { return m(s, v, a) }}, true
	}
	if attr := s.kindAttr(v, name); attr != nil {
		return attr, true
	}
	if object, ok := v.(Object); ok {
		s.noteRead(v, name)
		return object.Attr(name)
	}
	return nil, false
}

func (s *State) unsafeAttr(v Value, name string) Value {
	hint := "access to attribute " + quote(name) + " of " + quote(v.TypeName()) + " object is unsafe."
	return &Undefined{policy: s.env.opts.Undefined, name: name, hint: hint, class: SecurityErr}
}

// isPythonInternal tells the attributes with underscores that a value has in Python. They only matter in that using
// them is a SecurityError, where using one that doesn't exist is an UndefinedError.
func isPythonInternal(v Value, name string) bool {
	if strings.Contains(internalNames, " "+name+" ") {
		return true
	}
	switch v.(type) {
	case *Func, *macro:
		return strings.Contains(callableNames, " "+name+" ")
	case Str, Markup, Tuple, *List, *Dict, *Range, Bytes:
		return strings.Contains(containerNames, " "+name+" ")
	}
	return false
}

const (
	internalNames = " __class__ __doc__ __init__ __new__ __repr__ __str__ __hash__ __eq__ __ne__ __lt__ __le__ __gt__ __ge__ __dir__ " +
		"__format__ __getattribute__ __setattr__ __delattr__ __reduce__ __reduce_ex__ __sizeof__ __subclasshook__ __init_subclass__ __getstate__ "
	callableNames  = " __call__ __name__ __qualname__ __module__ __self__ __globals__ __code__ __closure__ __defaults__ __dict__ __mro__ __bases__ "
	containerNames = " __len__ __iter__ __getitem__ __contains__ __add__ __mul__ __rmul__ "
)

// kindAttr gives attributes that aren't methods, by kind of value.
func (s *State) kindAttr(v Value, name string) Value {
	switch v := v.(type) {
	case *loopContext:
		return v.attr(name)
	case *macro:
		return v.attr(name)
	case *blockRef:
		return v.attr(s, name)
	case *selfRef:
		if stack := v.scope.blocks[name]; len(stack) > 0 {
			return &blockRef{name, v.scope, stack, 0}
		}
	case *namespace:
		if attr, ok := v.attrs.GetStr(name); ok {
			return attr
		}
	case *cycler:
		return v.attr(name)
	case *iterator:
		if name == "gi_frame" || name == "gi_code" {
			return s.unsafeAttr(v, name)
		}
	case Tuple:
		if len(v) == 2 {
			return groupAttr(v, name)
		}
	case *Range:
		switch name {
		case "start":
			return Int(v.start)
		case "stop":
			return Int(v.stop)
		case "step":
			return Int(v.step)
		}
	}
	return numberAttr(v, name)
}

// groupAttr names the parts of a pair made by groupby.
func groupAttr(pair Tuple, name string) Value {
	list, ok := pair[1].(*List)
	switch {
	case !ok || !list.isGroup:
	case name == "grouper":
		return pair[0]
	case name == "list":
		return list
	}
	return nil
}

func numberAttr(v Value, name string) Value {
	if !isNumber(v) {
		return nil
	}
	_, isFloat := v.(Float)
	switch name {
	case "real":
		return positive(v)
	case "imag":
		if isFloat {
			return Float(0)
		}
		return Int(0)
	case "numerator":
		if !isFloat {
			return positive(v)
		}
	case "denominator":
		if !isFloat {
			return Int(1)
		}
	}
	return nil
}

// getItem is value[key]: an item first, then, for text keys, an attribute.
func (s *State) getItem(v, key Value) Value {
	switch v := v.(type) {
	case *Undefined:
		if v.policy == UndefinedChainable {
			v.used()
			return v
		}
		v.fail()
	case Opaque:
		opaqueFail("looked into", v)
	}
	if _, ok := key.(Opaque); ok {
		opaqueFail("used as a key", key)
	}
	if item, ok := s.item(v, key); ok {
		return item
	}
	if name, ok := isString(key); ok {
		if attr, ok := s.ownAttr(v, name); ok {
			return attr
		}
		return s.undefinedAttr(v, name)
	}
	return s.missing(Undefined{name: reprShort(key), object: v, elem: key}, s.pos)
}

func (s *State) item(v, key Value) (Value, bool) {
	if d, ok := v.(*Dict); ok {
		if !hashable(key) {
			return nil, false
		}
		return d.Get(key)
	}
	if indexed, ok := v.(Indexer); ok {
		return indexed.Item(key)
	}
	i, ok := asInt(key)
	if !ok {
		return nil, false
	}
	switch v := v.(type) {
	case *List:
		return at(v.Items, i)
	case Tuple:
		return at(v, i)
	case Str:
		return charAt(string(v), i)
	case Markup:
		c, ok := charAt(string(v), i)
		if ok {
			return Markup(c.(Str)), true
		}
	case Bytes:
		return at(byteItems(v), i)
	case *Range:
		if i < 0 {
			i += v.n
		}
		if i >= 0 && i < v.n {
			return v.at(i), true
		}
	}
	return nil, false
}

func hashable(v Value) bool {
	switch v := v.(type) {
	case *List, *Dict, *dictView:
		return false
	case Tuple:
		for _, item := range v {
			if !hashable(item) {
				return false
			}
		}
	}
	return true
}

func at(items []Value, i int64) (Value, bool) {
	if i < 0 {
		i += int64(len(items))
	}
	if i < 0 || i >= int64(len(items)) {
		return nil, false
	}
	return items[i], true
}

func charAt(text string, i int64) (Value, bool) {
	if isASCII(text) {
		if i < 0 {
			i += int64(len(text))
		}
		if i < 0 || i >= int64(len(text)) {
			return nil, false
		}
		return Str(text[i : i+1]), true
	}
	runes := []rune(text)
	if i < 0 {
		i += int64(len(runes))
	}
	if i < 0 || i >= int64(len(runes)) {
		return nil, false
	}
	return Str(runes[i]), true
}

func isASCII(text string) bool {
	for i := 0; i < len(text); i++ {
		if text[i] >= 0x80 {
			return false
		}
	}
	return true
}

// slice is value[start:stop:step].
func (s *State) slice(v, start, stop, step Value) Value {
	switch v := v.(type) {
	case *List:
		return s.newList(s.sliceItems(v.Items, start, stop, step))
	case Tuple:
		return Tuple(s.sliceItems(v, start, stop, step))
	case Str:
		return Str(s.sliceText(string(v), start, stop, step))
	case Markup:
		return Markup(s.sliceText(string(v), start, stop, step))
	case *Range:
		return v.slice(sliceBounds(int(v.n), start, stop, step))
	case Bytes:
		var out []byte
		for _, item := range s.sliceItems(byteItems(v), start, stop, step) {
			out = append(out, byte(item.(Int)))
		}
		return Bytes(out)
	case *Undefined:
		if v.policy == UndefinedChainable {
			v.used()
			return v
		}
		v.fail()
	case Opaque:
		opaqueFail("cut", v)
	case *Dict:
		throw(TypeErr, "unhashable type: 'slice'")
	case Iterable:
		return s.newList(s.sliceItems(v.Items(), start, stop, step))
	}
	throw(TypeErr, "'%s' object is not subscriptable", v.TypeName())
	return nil
}

func (r *Range) slice(from, to, by int) Value {
	part := &Range{start: r.start + int64(from)*r.step, stop: r.start + int64(to)*r.step, step: r.step * int64(by)}
	if by > 0 && from < to || by < 0 && from > to {
		part.n = int64((to - from + by - by/max(by, -by)) / by)
	}
	return part
}

func (s *State) sliceText(text string, start, stop, step Value) string {
	if by, ok := asInt(step); isASCII(text) && (step == None || ok && by == 1) {
		from, to, _ := sliceBounds(len(text), start, stop, step)
		return text[from:max(from, to)]
	}
	runes := []rune(text)
	from, to, by := sliceBounds(len(runes), start, stop, step)
	var out []rune
	for i := from; by > 0 && i < to || by < 0 && i > to; i += by {
		out = append(out, runes[i])
	}
	return string(out)
}

func (s *State) sliceItems(items []Value, start, stop, step Value) []Value {
	from, to, by := sliceBounds(len(items), start, stop, step)
	var out []Value
	for i := from; by > 0 && i < to || by < 0 && i > to; i += by {
		out = append(out, items[i])
	}
	s.spend(wordSize * len(out))
	return out
}

// sliceBounds resolves the three parts of a slice over n items, as slice.indices does.
func sliceBounds(n int, start, stop, step Value) (from, to, by int) {
	by = sliceIndex(step, 1)
	if by == 0 {
		throw(ValueErr, "slice step cannot be zero")
	}
	by = max(min(by, n+1), -n-1)
	low, high := 0, n
	if by < 0 {
		low, high = -1, n-1
	}
	clip := func(v Value, byDefault int) int {
		i := sliceIndex(v, byDefault)
		if v != None && i < 0 {
			i += n
		}
		return max(low, min(high, i))
	}
	if by < 0 {
		return clip(start, high), clip(stop, low), by
	}
	return clip(start, low), clip(stop, high), by
}

func sliceIndex(v Value, byDefault int) int {
	const far = 1 << 40
	switch v := v.(type) {
	case noneType:
		return byDefault
	case *BigInt:
		return v.n.Sign() * far
	}
	i, ok := asInt(v)
	if !ok {
		throw(TypeErr, "slice indices must be integers or None or have an __index__ method")
	}
	return int(max(-far, min(far, i)))
}

// call calls a value.
func (s *State) call(fn Value, a Args) Value {
	s.step(1)
	switch f := fn.(type) {
	case *macro:
		return f.call(s, a)
	case *Func:
		if f.fast != nil {
			return f.fast(s, a)
		}
		return s.callHost(f.Name, func() (Value, error) { return f.Fn(s, a) })
	case *loopContext:
		return f.call(a)
	case *blockRef:
		a.bind("__call__")
		return f.call(s)
	case *joiner:
		return f.call()
	case *Undefined:
		f.fail()
	case Opaque:
		opaqueFail("called", f)
	case Callable:
		return s.callHost(fn.TypeName(), func() (Value, error) { return f.Call(s, a) })
	}
	throw(TypeErr, "'%s' object is not callable", fn.TypeName())
	return nil
}

// callHost turns a host's error into a throw. A nil value counts as None.
func (s *State) callHost(name string, fn func() (Value, error)) Value {
	v, err := fn()
	if err != nil {
		panic(hostError(err))
	}
	switch v := v.(type) {
	case nil:
		return None
	case Str:
		s.spend(len(v))
	case Markup:
		s.spend(len(v))
	case *List:
		s.spend(wordSize * len(v.Items))
	}
	return v
}
