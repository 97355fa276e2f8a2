package jinja

import "maps"

// filterDef is a built-in filter, or a host's.
type filterDef struct {
	fn   func(s *State, in Value, a Args) Value
	host Filter
	// seesOpaque lets a built-in filter have an Opaque value; the host's always may.
	seesOpaque bool
}

func (d filterDef) apply(s *State, name string, in Value, a Args) Value {
	s.step(1)
	if d.host != nil {
		if s.trace != nil {
			s.noteRead(in, "|"+name)
		}
		return s.callHost(name, func() (Value, error) { return d.host(s, in, a) })
	}
	if !d.seesOpaque && isOpaque(in) {
		opaqueFail("passed to the filter "+name, in)
	}
	return d.fn(s, in, a)
}

// filter applies a filter by name, as map() does.
func (s *State) filter(name string, in Value, a Args) Value {
	def, ok := s.env.filters[name]
	if !ok {
		throw(RuntimeErr, "No filter named %s.", quote(name))
	}
	return def.apply(s, name, in, a)
}

func builtinFilters(host map[string]Filter) map[string]filterDef {
	all := maps.Clone(filterTable)
	for name, fn := range host {
		all[name] = filterDef{host: fn}
	}
	return all
}

var filterTable = map[string]filterDef{
	"abs": {fn: filterAbs}, "attr": {fn: filterAttr}, "batch": {fn: filterBatch}, "capitalize": {fn: filterCapitalize},
	"center": {fn: filterCenter}, "count": {fn: filterLength}, "d": {fn: filterDefault, seesOpaque: true},
	"default": {fn: filterDefault, seesOpaque: true}, "dictsort": {fn: filterDictsort}, "e": {fn: filterEscape},
	"escape": {fn: filterEscape}, "filesizeformat": {fn: filterFilesize}, "first": {fn: filterFirst},
	"float": {fn: filterFloat}, "forceescape": {fn: filterForceEscape}, "format": {fn: filterFormat},
	"groupby": {fn: filterGroupby}, "indent": {fn: filterIndent}, "int": {fn: filterInt}, "join": {fn: filterJoin},
	"last": {fn: filterLast}, "length": {fn: filterLength}, "list": {fn: filterList}, "lower": {fn: filterLower},
	"items": {fn: filterItems}, "map": {fn: filterMap}, "min": {fn: filterMin}, "max": {fn: filterMax},
	"pprint": {fn: filterPprint}, "random": {fn: filterRandom}, "reject": {fn: selecting(false, false)},
	"rejectattr": {fn: selecting(false, true)}, "replace": {fn: filterReplace}, "reverse": {fn: filterReverse},
	"round": {fn: filterRound}, "safe": {fn: filterSafe}, "select": {fn: selecting(true, false)},
	"selectattr": {fn: selecting(true, true)}, "slice": {fn: filterSlice}, "sort": {fn: filterSort},
	"string": {fn: filterString}, "striptags": {fn: filterStriptags}, "sum": {fn: filterSum}, "title": {fn: filterTitle},
	"trim": {fn: filterTrim}, "truncate": {fn: filterTruncate}, "unique": {fn: filterUnique}, "upper": {fn: filterUpper},
	"urlencode": {fn: filterURLEncode}, "urlize": {fn: filterUrlize}, "wordcount": {fn: filterWordcount},
	"wordwrap": {fn: filterWordwrap}, "xmlattr": {fn: filterXMLAttr}, "tojson": {fn: filterToJSON},
}

func filterDefault(_ *State, in Value, a Args) Value {
	p := a.bind("do_default", "default_value?", "boolean?")
	_, undefined := in.(*Undefined)
	if undefined || p[1] != nil && isTrue(p[1]) && !isTrue(in) {
		if p[0] == nil {
			return Str("")
		}
		return p[0]
	}
	return in
}

func filterAttr(s *State, in Value, a Args) Value {
	p := a.bind("do_attr", "name")
	name, ok := isString(p[0])
	if !ok {
		throw(TypeErr, "attribute name must be string, not '%s'", p[0].TypeName())
	}
	if _, ok := in.(*Undefined); ok {
		return s.getAttr(in, name, p[0])
	}
	if attr, ok := s.ownAttr(in, name); ok {
		return attr
	}
	return s.undefinedAttr(in, name)
}

func filterLength(_ *State, in Value, a Args) Value {
	a.bind("len")
	n, ok := length(in)
	if !ok {
		throw(TypeErr, "object of type '%s' has no len()", in.TypeName())
	}
	return Int(n)
}

func filterString(_ *State, in Value, a Args) Value {
	a.bind("soft_str")
	return softStr(in)
}

// softStr makes text of v and leaves markup as it is.
func softStr(v Value) Value {
	if _, ok := isString(v); ok {
		return v
	}
	return Str(toStr(v))
}

func filterSafe(_ *State, in Value, a Args) Value {
	a.bind("do_mark_safe")
	if m, ok := in.(Markup); ok {
		return m
	}
	return Markup(toStr(in))
}

func filterEscape(s *State, in Value, a Args) Value {
	a.bind("escape")
	text := escape(in)
	s.spend(len(text))
	return text
}

func filterForceEscape(s *State, in Value, a Args) Value {
	a.bind("do_forceescape")
	text := escapeHTML(toStr(in))
	s.spend(len(text))
	return Markup(text)
}

// optional picks an argument or its default.
func optional(v Value, byDefault Value) Value {
	if v == nil {
		return byDefault
	}
	return v
}

func optionalTrue(v Value) bool { return v != nil && isTrue(v) }

// countArg is wholeNumber where Python computes with the argument first, so that an undefined one says so.
func countArg(v Value, byDefault int) int {
	if u, ok := v.(*Undefined); ok {
		u.fail()
	}
	return wholeNumber(v, byDefault)
}

// wholeNumber is an argument that Python uses as an index.
func wholeNumber(v Value, byDefault int) int {
	if v == nil {
		return byDefault
	}
	n, ok := asInt(v)
	if !ok {
		rejectIndex(v)
	}
	return int(n) // of 64 bits on all machines we build for
}
