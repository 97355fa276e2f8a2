package jinja

import "strings"

// builtinGlobals are the functions every template has.
var builtinGlobals = map[string]Value{
	"range":     &Func{Name: "range", kind: "builtin_function_or_method", fast: globalRange},
	"dict":      &Func{Name: "dict", kind: "type", fast: globalDict},
	"lipsum":    builtin("generate_lorem_ipsum", lipsum),
	"cycler":    &Func{Name: "Cycler", kind: "type", fast: newCycler},
	"joiner":    &Func{Name: "Joiner", kind: "type", fast: newJoiner},
	"namespace": &Func{Name: "Namespace", kind: "type", fast: newNamespace},
}

// repr is what Python prints, without an address.
func (f *Func) repr() string {
	switch {
	case f.kind != "type":
		return "<function " + f.Name + ">"
	case f.Name == "dict":
		return "<class 'dict'>"
	}
	return "<class 'jinja2.utils." + f.Name + "'>"
}

func globalRange(s *State, a Args) Value {
	args := a.positional("range", 1, 3)
	bounds := [3]int64{0, 0, 1}
	for i, arg := range a.Pos {
		n, ok := asInt(arg)
		if !ok {
			rejectIndex(arg)
		}
		bounds[i] = n
	}
	if args[1] == nil {
		bounds[0], bounds[1] = 0, bounds[0]
	}
	r := &Range{start: bounds[0], stop: bounds[1], step: bounds[2]}
	switch {
	case r.step == 0:
		throw(ValueErr, "range() arg 3 must not be zero")
	case r.step > 0 && r.stop > r.start:
		r.n = (r.stop-r.start-1)/r.step + 1
	case r.step < 0 && r.stop < r.start:
		r.n = (r.start-r.stop-1)/-r.step + 1
	}
	if limit := s.env.opts.Limits.Range; r.n > int64(limit) || r.n < 0 {
		throw(OverflowErr, "Range too big. The sandbox blocks ranges larger than MAX_RANGE (%d).", limit)
	}
	return r
}

func rejectIndex(v Value) {
	if _, ok := v.(*BigInt); ok {
		throw(OverflowErr, "Python int too large to convert to C ssize_t")
	}
	throw(TypeErr, "'%s' object cannot be interpreted as an integer", v.TypeName())
}

func globalDict(s *State, a Args) Value {
	d := NewDict(len(a.Kw))
	if len(a.Pos) > 1 {
		throw(TypeErr, "dict expected at most 1 argument, got %d", len(a.Pos))
	}
	if len(a.Pos) == 1 {
		s.updateDict(d, a.Pos[0])
	}
	for _, kw := range a.Kw {
		d.SetStr(kw.Name, kw.Value)
	}
	return d
}

// updateDict adds the entries of a mapping, or of pairs.
func (s *State) updateDict(d *Dict, from Value) {
	if other, ok := from.(*Dict); ok {
		s.spend(3 * wordSize * other.Len())
		for k, v := range other.All {
			d.Set(k, v)
		}
		return
	}
	i := 0
	for item := range s.each(from) {
		if !isIterable(item) {
			throw(TypeErr, "cannot convert dictionary update sequence element #%d to a sequence", i)
		}
		kv := s.items(item)
		if len(kv) != 2 {
			throw(ValueErr, "dictionary update sequence element #%d has length %d; 2 is required", i, len(kv))
		}
		s.spend(3 * wordSize)
		d.Set(kv[0], kv[1])
		i++
	}
}

// namespace is an object whose attributes a template may set, from within loops too.
type namespace struct{ attrs *Dict }

func (*namespace) TypeName() string { return "Namespace" }

func newNamespace(s *State, a Args) Value { return &namespace{globalDict(s, a).(*Dict)} }

// cycler gives its items in turn, over and over.
type cycler struct {
	items []Value
	pos   int
}

func (*cycler) TypeName() string { return "Cycler" }

func newCycler(_ *State, a Args) Value {
	items := a.positional("Cycler", 0, -1)
	if len(items) == 0 {
		throw(PythonRunErr, "at least one item has to be provided")
	}
	return &cycler{items: items}
}

func (c *cycler) attr(name string) Value {
	switch name {
	case "current":
		return c.items[c.pos]
	case "pos":
		return Int(c.pos)
	case "items":
		return Tuple(c.items)
	case "reset":
		return builtin("reset", func(_ *State, a Args) Value {
			a.bind("reset")
			c.pos = 0
			return None
		})
	case "next":
		return builtin("next", func(_ *State, a Args) Value {
			a.bind("next")
			item := c.items[c.pos]
			c.pos = (c.pos + 1) % len(c.items)
			return item
		})
	}
	return nil
}

// joiner gives nothing the first time it is called, and its separator afterwards.
type joiner struct {
	sep  Value
	used bool
}

func (*joiner) TypeName() string { return "Joiner" }

func newJoiner(_ *State, a Args) Value {
	args := a.bind("Joiner", "sep?")
	if args[0] == nil {
		args[0] = Str(", ")
	}
	return &joiner{sep: args[0]}
}

func (j *joiner) call() Value {
	if !j.used {
		j.used = true
		return Str("")
	}
	return j.sep
}

// fillerWords are what lipsum makes its sentences of.
var fillerWords = strings.Fields("aenean amet ante arcu commodo consectetur cras dapibus diam dolor eget elit enim erat est " +
	"fames felis fusce gravida iaculis in ipsum lacus lectus libero lorem magna massa mattis mauris metus morbi nam nec nibh " +
	"nulla nunc odio orci pede porta purus quam quis risus sapien sed sem sit sodales tellus tempus tortor turpis urna ut velit vitae")

// lipsum makes paragraphs of filler text.
func lipsum(s *State, a Args) Value {
	p := a.bind("lipsum", "n?", "html?", "min?", "max?")
	least, most := wholeNumber(p[2], 20), wholeNumber(p[3], 100)
	if most <= least {
		throw(ValueErr, "empty range for randrange()")
	}
	var paragraphs []string
	for range wholeNumber(p[0], 5) {
		paragraphs = append(paragraphs, s.filler(least+s.chance(most-least)))
	}
	if p[1] != nil && !isTrue(p[1]) {
		return Str(strings.Join(paragraphs, "\n\n"))
	}
	return Markup("<p>" + strings.Join(paragraphs, "</p>\n<p>") + "</p>")
}

// filler is a paragraph of n words, in sentences of about a dozen.
func (s *State) filler(n int) string {
	var b strings.Builder
	for i := range n {
		s.spend(wordSize)
		word := fillerWords[s.chance(len(fillerWords))]
		if i%12 == 0 {
			word = capitalizeText(word)
		}
		b.WriteString(word)
		switch {
		case i == n-1 || i%12 == 11:
			b.WriteString(". ")
		case i%12 == 5:
			b.WriteString(", ")
		default:
			b.WriteByte(' ')
		}
	}
	return strings.TrimSpace(b.String())
}
