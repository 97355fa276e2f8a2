package jinja

import (
	"slices"
	"strings"
)

// getter reads an attribute path such as "peer.asn" or "0.name" off an item.
type getter func(Value) Value

// attributes splits a path: parts that are digits are indices.
func attributes(path Value) []Value {
	text, ok := isString(path)
	if !ok {
		return []Value{path}
	}
	if !strings.Contains(text, ".") && !allDigits(text) {
		return []Value{path}
	}
	var parts []Value
	for _, part := range strings.Split(text, ".") {
		if allDigits(part) {
			if n, ok := parseInt(part, 10); ok {
				parts = append(parts, n)
				continue
			}
		}
		parts = append(parts, Str(part))
	}
	return parts
}

func allDigits(text string) bool {
	return text != "" && strings.TrimLeft(asciiDigits(text), "0123456789") == ""
}

func (s *State) getter(path, byDefault Value, fold bool) getter {
	var parts []Value
	if path != nil && path != None {
		parts = attributes(path)
	}
	return func(v Value) Value {
		for _, part := range parts {
			v = s.getItem(v, part)
			if _, undefined := v.(*Undefined); undefined && byDefault != nil && byDefault != None {
				v = byDefault
			}
		}
		if fold {
			return foldCase(v)
		}
		return v
	}
}

// foldCase makes text lower case, for comparisons that ignore case.
func foldCase(v Value) Value {
	if text, ok := isString(v); ok {
		return Str(lowerText(text))
	}
	return v
}

func filterList(s *State, in Value, a Args) Value {
	a.bind("do_list")
	return s.newList(s.items(in))
}

func filterItems(s *State, in Value, a Args) Value {
	a.bind("do_items")
	switch v := in.(type) {
	case *Undefined:
		return overItems("generator", nil)
	case *Dict:
		it := overDict(v, pair)
		return generator(nil, it.next)
	}
	return generator(nil, func() (Value, bool) {
		throw(TypeErr, "Can only get item pairs from a mapping.")
		return nil, false
	})
}

func filterFirst(s *State, in Value, a Args) Value {
	a.bind("do_first")
	item, ok := s.iterate(in).next()
	if !ok {
		return &Undefined{policy: s.env.opts.Undefined, hint: "No first item, sequence was empty."}
	}
	return item
}

func filterLast(s *State, in Value, a Args) Value {
	a.bind("do_last")
	item, ok := s.reversed(in).next()
	if !ok {
		return &Undefined{policy: s.env.opts.Undefined, hint: "No last item, sequence was empty."}
	}
	return item
}

// reversed is Python's reversed(): for sequences and dicts.
func (s *State) reversed(v Value) *iterator {
	it := s.reversible(v)
	if it == nil {
		throw(TypeErr, "'%s' object is not reversible", v.TypeName())
	}
	return it
}

func (s *State) reversible(v Value) *iterator {
	kind := ""
	switch v := v.(type) {
	case *List:
		kind = "list_reverseiterator"
	case *Dict:
		kind = "dict_reversekeyiterator"
	case *dictView:
		kind = strings.Replace(v.kind, "dict_", "dict_reverse", 1) + "iterator"
	case *Range:
		kind = "range_iterator"
	case Tuple, Str, Markup, Bytes:
		kind = "reversed"
	case *Undefined:
		kind = "reversed"
	case Opaque:
		opaqueFail("walked", v)
	case Iterable:
		kind = "reversed"
	default:
		return nil
	}
	items := s.items(v)
	slices.Reverse(items)
	return overItems(kind, items)
}

func filterReverse(s *State, in Value, a Args) Value {
	a.bind("do_reverse")
	if text, ok := isString(in); ok {
		return sameKind(in, s.sliceText(text, None, None, Int(-1)))
	}
	if it := s.reversible(in); it != nil {
		return it
	}
	var items []Value
	err := s.guard(func() { items = s.items(in) })
	if e, ok := err.(*Error); ok && e.Class == TypeErr {
		throw(FilterErr, "argument must be iterable")
	} else if ok {
		panic(e)
	}
	slices.Reverse(items)
	return s.newList(items)
}

func filterRandom(s *State, in Value, a Args) Value {
	a.bind("random")
	n, ok := length(in)
	if !ok {
		throw(TypeErr, "object of type '%s' has no len()", in.TypeName())
	}
	if n == 0 {
		return &Undefined{policy: s.env.opts.Undefined, hint: "No random item, sequence was empty."}
	}
	item, ok := s.item(in, Int(s.chance(n)))
	if !ok {
		throw(KeyErr, "0")
	}
	return item
}

func filterJoin(s *State, in Value, a Args) Value {
	p := a.bind("sync_do_join", "d?", "attribute?")
	sep := optional(p[0], Str(""))
	source := s.iterate(in)
	if p[1] != nil && p[1] != None {
		get := s.getter(p[1], nil, false)
		plain := source
		source = generate(plain, func(v Value) (Value, bool) { return get(v), true })
	}
	if s.scope.autoescape {
		return s.joinEscaped(sep, source)
	}
	text := toStr(sep)
	return Str(s.joinIterator(text, source, toStr))
}

func (s *State) joinIterator(sep string, source *iterator, text func(Value) string) string {
	var b strings.Builder
	for i := 0; ; i++ {
		item, ok := source.next()
		if !ok {
			return b.String()
		}
		s.step(1)
		part := text(item)
		s.spend(len(part) + len(sep))
		if i > 0 {
			b.WriteString(sep)
		}
		b.WriteString(part)
	}
}

// joinEscaped gives markup when the separator or one of the items is markup.
func (s *State) joinEscaped(sep Value, source *iterator) Value {
	items := s.items(source)
	_, safe := sep.(Markup)
	for _, item := range items {
		_, ok := item.(Markup)
		safe = safe || ok
	}
	if !safe {
		return Str(s.joinIterator(toStr(sep), overItems("", items), toStr))
	}
	return Markup(s.joinIterator(string(escape(sep)), overItems("", items), func(v Value) string { return string(escape(v)) }))
}

func filterSum(s *State, in Value, a Args) Value {
	p := a.bind("sync_do_sum", "attribute?", "start?")
	total := optional(p[1], Int(0))
	if _, text := isString(total); text {
		throw(TypeErr, "sum() can't sum strings [use ''.join(seq) instead]")
	}
	get := s.getter(p[0], nil, false)
	for item := range s.each(in) {
		total = s.binary("+", total, get(item))
	}
	return total
}

// sortBy sorts items by their keys; equal ones keep their order, in reverse too.
func (s *State) sortBy(items []Value, key getter, reverse bool) []Value {
	type keyed struct{ key, item Value }
	pairs := make([]keyed, len(items))
	for i, item := range items {
		pairs[i] = keyed{key(item), item}
	}
	if reverse {
		slices.Reverse(pairs)
	}
	slices.SortStableFunc(pairs, func(a, b keyed) int {
		s.step(1)
		c := s.compare("<", a.key, b.key)
		if c == unordered {
			return 0
		}
		return c
	})
	if reverse {
		slices.Reverse(pairs)
	}
	for i := range pairs {
		items[i] = pairs[i].item
	}
	return items
}

func filterSort(s *State, in Value, a Args) Value {
	p := a.bind("do_sort", "reverse?", "case_sensitive?", "attribute?")
	var gets []getter
	fold := !optionalTrue(p[1])
	if paths, ok := isString(optional(p[2], None)); ok {
		for _, path := range strings.Split(paths, ",") {
			gets = append(gets, s.getter(Str(path), nil, fold))
		}
	} else {
		gets = append(gets, s.getter(p[2], nil, fold))
	}
	key := func(v Value) Value {
		parts := make(Tuple, len(gets))
		for i, get := range gets {
			parts[i] = get(v)
		}
		return parts
	}
	return s.newList(s.sortBy(s.items(in), key, wholeNumber(p[0], 0) != 0))
}

func filterDictsort(s *State, in Value, a Args) Value {
	p := a.bind("do_dictsort", "case_sensitive?", "by?", "reverse?")
	which := 0
	switch by, _ := isString(optional(p[1], Str("key"))); by {
	case "key":
	case "value":
		which = 1
	default:
		throw(FilterErr, `You can only sort by either "key" or "value"`)
	}
	if u, ok := in.(*Undefined); ok {
		u.fail()
	}
	d, ok := in.(*Dict)
	if !ok {
		throw(AttributeErr, "'%s' object has no attribute 'items'", in.TypeName())
	}
	items := s.items(&dictView{d, "dict_items", pair})
	key := func(v Value) Value { return v.(Tuple)[which] }
	if !optionalTrue(p[0]) {
		key = func(v Value) Value { return foldCase(v.(Tuple)[which]) }
	}
	return s.newList(s.sortBy(items, key, wholeNumber(p[2], 0) != 0))
}

func filterMin(s *State, in Value, a Args) Value { return s.extreme("do_min", in, a, -1) }
func filterMax(s *State, in Value, a Args) Value { return s.extreme("do_max", in, a, 1) }

func (s *State) extreme(name string, in Value, a Args, want int) Value {
	p := a.bind(name, "case_sensitive?", "attribute?")
	get := s.getter(p[1], nil, !optionalTrue(p[0]))
	op := "<"
	if want > 0 {
		op = ">"
	}
	var best, bestKey Value
	for item := range s.each(in) {
		key := get(item)
		if best == nil || s.compare(op, key, bestKey) == want {
			best, bestKey = item, key
		}
	}
	if best == nil {
		return &Undefined{policy: s.env.opts.Undefined, hint: "No aggregated item, sequence was empty."}
	}
	return best
}

func filterUnique(s *State, in Value, a Args) Value {
	p := a.bind("do_unique", "case_sensitive?", "attribute?")
	get := s.getter(p[1], nil, !optionalTrue(p[0]))
	seen := map[any]bool{}
	return generate(s.lazily(in), func(v Value) (Value, bool) {
		key := hashKey(get(v))
		if seen[key] {
			return nil, false
		}
		s.spend(2 * wordSize)
		seen[key] = true
		return v, true
	})
}

// lazily starts walking v at the first item asked for: a generator raises its errors only then.
func (s *State) lazily(v Value) *iterator {
	var source *iterator
	return generator(v, func() (Value, bool) {
		if source == nil {
			source = s.iterate(v)
		}
		s.step(1)
		return source.next()
	})
}

func filterBatch(s *State, in Value, a Args) Value {
	p := a.bind("do_batch", "linecount", "fill_with?")
	source := s.lazily(in)
	size := p[0]
	var ahead Value
	return generator(source, func() (Value, bool) {
		var row []Value
		if ahead != nil {
			row, ahead = append(row, ahead), nil
		}
		for {
			item, ok := source.next()
			if !ok {
				break
			}
			if equal(Int(len(row)), size) {
				ahead = item
				return s.newList(row), true
			}
			s.spend(wordSize)
			row = append(row, item)
		}
		if len(row) == 0 {
			return nil, false
		}
		return s.newList(s.padRow(row, size, p[1])), true
	})
}

func (s *State) padRow(row []Value, size, fill Value) []Value {
	if fill == nil || fill == None || !s.ordered("<", Int(len(row)), size) {
		return row
	}
	want := wholeNumber(size, 0)
	s.spendProduct(wordSize, int64(want-len(row)))
	for len(row) < want {
		row = append(row, fill)
	}
	return row
}

func filterSlice(s *State, in Value, a Args) Value {
	p := a.bind("sync_do_slice", "slices", "fill_with?")
	var items []Value
	i, offset := -1, 0
	return generator(in, func() (Value, bool) {
		if i < 0 {
			items, i = s.items(in), 0
			s.requireSlices(p[0], len(items))
		}
		count := wholeNumber(p[0], 1)
		if i >= count {
			return nil, false
		}
		s.step(1)
		each, extra := len(items)/count, len(items)%count
		start := offset + i*each
		if i < extra {
			offset++
		}
		part := append([]Value(nil), items[start:offset+(i+1)*each]...)
		if p[1] != nil && p[1] != None && i >= extra {
			part = append(part, p[1])
		}
		i++
		return s.newList(part), true
	})
}

func (s *State) requireSlices(count Value, n int) {
	s.binary("//", Int(n), count)
	wholeNumber(count, 1)
}

func filterMap(s *State, in Value, a Args) Value {
	var fn getter
	return generate(s.unlessFalse(in, func() { fn = s.mapper(a) }), func(v Value) (Value, bool) { return fn(v), true })
}

// unlessFalse walks v unless it is false, after a preparation, both at the first item asked for.
func (s *State) unlessFalse(v Value, prepare func()) *iterator {
	var source *iterator
	return generator(v, func() (Value, bool) {
		if source == nil {
			if !isTrue(v) {
				source = overItems("", nil)
			} else {
				prepare()
				source = s.iterate(v)
			}
		}
		s.step(1)
		return source.next()
	})
}

func (s *State) mapper(a Args) getter {
	if path, rest := a.take("attribute"); len(a.Pos) == 0 && path != nil {
		byDefault, rest := rest.take("default")
		if len(rest.Kw) > 0 {
			throw(FilterErr, "Unexpected keyword argument %s", quote(rest.Kw[0].Name))
		}
		return s.getter(path, byDefault, false)
	}
	if len(a.Pos) == 0 {
		throw(FilterErr, "map requires a filter argument")
	}
	name, rest := a.Pos[0], Args{Pos: a.Pos[1:], Kw: a.Kw}
	return func(v Value) Value { return s.filter(nameOf(name, "filter"), v, rest) }
}

// nameOf reads the name of a filter or test once there is an item for it: before, as in Jinja2, any is taken.
func nameOf(v Value, kind string) string {
	name, ok := isString(v)
	if !ok {
		hashKey(v)
		throw(RuntimeErr, "No %s named %s.", kind, reprShort(v))
	}
	return name
}

// selecting makes select, reject, selectattr and rejectattr.
func selecting(keep, byAttr bool) func(*State, Value, Args) Value {
	return func(s *State, in Value, a Args) Value {
		var test func(Value) bool
		return generate(s.unlessFalse(in, func() { test = s.selector(a, byAttr) }), func(v Value) (Value, bool) {
			return v, test(v) == keep
		})
	}
}

func (s *State) selector(a Args, byAttr bool) func(Value) bool {
	get := func(v Value) Value { return v }
	if byAttr {
		if len(a.Pos) == 0 {
			throw(FilterErr, "Missing parameter for attribute name")
		}
		get = s.getter(a.Pos[0], nil, false)
		a.Pos = a.Pos[1:]
	}
	if len(a.Pos) == 0 {
		return func(v Value) bool { return isTrue(get(v)) }
	}
	named, rest := a.Pos[0], Args{Pos: a.Pos[1:], Kw: a.Kw}
	return func(v Value) bool {
		v = get(v)
		name := nameOf(named, "test")
		test, ok := s.env.tests[name]
		if !ok {
			throw(RuntimeErr, "No test named %s.", quote(name))
		}
		return s.applyTest(test, name, v, rest)
	}
}

func filterGroupby(s *State, in Value, a Args) Value {
	p := a.bind("sync_do_groupby", "attribute", "default?", "case_sensitive?")
	fold := !optionalTrue(p[2])
	key, shown := s.getter(p[0], p[1], fold), s.getter(p[0], p[1], false)
	items := s.sortBy(s.items(in), key, false)
	var groups []Value
	var group *List
	var last Value
	for _, item := range items {
		k := key(item)
		if group == nil || !equal(k, last) {
			group, last = &List{isGroup: true}, k
			groups = append(groups, Tuple{shown(item), group})
		}
		group.Items = append(group.Items, item)
	}
	return s.newList(groups)
}
