package jinja

import (
	"fmt"
	"math"
	"math/big"
	"strings"
	"unicode"
)

// textFilter applies a string method to str(in), as most text filters do.
func textFilter(s *State, in Value, method string, args ...Value) Value {
	text := softStr(in)
	return strMethods[method](s, text, Args{Pos: args})
}

func filterUpper(s *State, in Value, a Args) Value {
	a.bind("do_upper")
	return textFilter(s, in, "upper")
}

func filterLower(s *State, in Value, a Args) Value {
	a.bind("do_lower")
	return textFilter(s, in, "lower")
}

func filterCapitalize(s *State, in Value, a Args) Value {
	a.bind("do_capitalize")
	return textFilter(s, in, "capitalize")
}

func filterCenter(s *State, in Value, a Args) Value {
	p := a.bind("do_center", "width?")
	return textFilter(s, in, "center", optional(p[0], Int(80)))
}

func filterTrim(s *State, in Value, a Args) Value {
	p := a.bind("do_trim", "chars?")
	return textFilter(s, in, "strip", optional(p[0], None))
}

func filterFormat(s *State, in Value, a Args) Value {
	if len(a.Pos) > 0 && len(a.Kw) > 0 {
		throw(FilterErr, "can't handle positional and keyword arguments at the same time")
	}
	if len(a.Kw) > 0 {
		return s.formatOperator(softStr(in), a.kwDict())
	}
	return s.formatOperator(softStr(in), Tuple(a.Pos))
}

func filterReplace(s *State, in Value, a Args) Value {
	p := a.bind("do_replace", "old", "new", "count?")
	count := -1
	if p[2] != nil && p[2] != None {
		count = wholeNumber(p[2], -1)
	}
	if !s.scope.autoescape {
		return Str(s.replaceText(toStr(in), toStr(p[0]), toStr(p[1]), count))
	}
	_, inSafe := in.(Markup)
	_, oldSafe := p[0].(Markup)
	_, newSafe := p[1].(Markup)
	if oldSafe || newSafe && !inSafe {
		in = escape(in)
	}
	return strMethods["replace"](s, softStr(in), Args{Pos: []Value{softStr(p[0]), softStr(p[1]), Int(count)}})
}

// replaceText counts what it builds before it builds it.
func (s *State) replaceText(text, old, repl string, count int) string {
	n := strings.Count(text, old)
	if count >= 0 {
		n = min(n, count)
	}
	s.spendProduct(max(len(repl)-len(old), 0), int64(n))
	s.spend(len(text))
	return strings.Replace(text, old, repl, count)
}

// filterTitle capitalizes what follows a hyphen, blank or opening bracket; str.title() has other rules.
func filterTitle(_ *State, in Value, a Args) Value {
	a.bind("do_title")
	text, _ := isString(softStr(in))
	var b strings.Builder
	start := true
	for _, r := range text {
		switch {
		case isSpace(r) || strings.ContainsRune("-({[<", r):
			start = true
			b.WriteRune(r)
		case start:
			b.WriteString(upperText(string(r)))
			start = false
		default:
			b.WriteString(lowerText(string(r)))
		}
	}
	return Str(b.String())
}

func filterIndent(s *State, in Value, a Args) Value {
	p := a.bind("do_indent", "width?", "first?", "blank?")
	indention, ok := isString(optional(p[0], Int(4)))
	if !ok {
		n := max(countArg(p[0], 4), 0)
		s.spend(n)
		indention = strings.Repeat(" ", n)
	}
	if _, ok := isString(in); !ok {
		s.rejectIndent(in)
	}
	text, _ := isString(in)
	_, isMarkup := in.(Markup)
	if _, safe := optional(p[0], None).(Markup); isMarkup && !safe {
		indention = escapeHTML(indention)
	}
	lines := splitLines(text+"\n", false)
	var b strings.Builder
	for i, line := range lines {
		s.spend(len(line) + len(indention))
		if i > 0 {
			b.WriteByte('\n')
		}
		if i == 0 && optionalTrue(p[1]) || i > 0 && (optionalTrue(p[2]) || line != "") {
			b.WriteString(indention)
		}
		b.WriteString(line)
	}
	return sameKind(in, b.String())
}

// rejectIndent fails as Python does, which adds a newline to the value first: lists take it.
func (s *State) rejectIndent(v Value) {
	if _, ok := v.(*List); !ok {
		s.binary("+", v, Str("\n"))
	}
	linesOf(v)
}

// sameKind makes text of the kind that v is: markup stays markup.
func sameKind(v Value, text string) Value {
	if _, ok := v.(Markup); ok {
		return Markup(text)
	}
	return Str(text)
}

func filterTruncate(s *State, in Value, a Args) Value {
	p := a.bind("do_truncate", "length?", "killwords?", "end?", "leeway?")
	size, end, leeway := countArg(p[0], 255), toStr(optional(p[2], Str("..."))), 5
	if p[3] != nil && p[3] != None {
		leeway = countArg(p[3], 5)
	}
	if size < runeCount(end) {
		throw("AssertionError", "expected length >= %d, got %d", runeCount(end), size)
	}
	if leeway < 0 {
		throw("AssertionError", "expected leeway >= 0, got %d", leeway)
	}
	n, ok := length(in)
	if !ok {
		throw(TypeErr, "object of type '%s' has no len()", in.TypeName())
	}
	if n <= size+leeway {
		return in
	}
	text, ok := isString(in)
	if !ok {
		s.slice(in, None, Int(1), None)
		if !optionalTrue(p[1]) {
			throw(AttributeErr, "'%s' object has no attribute 'rsplit'", in.TypeName())
		}
		throw(TypeErr, "can only concatenate %s (not \"str\") to %s", in.TypeName(), in.TypeName())
	}
	cut := string([]rune(text)[:size-runeCount(end)])
	if !optionalTrue(p[1]) {
		if i := strings.LastIndexByte(cut, ' '); i >= 0 {
			cut = cut[:i]
		}
	}
	return s.binary("+", sameKind(in, cut), optional(p[2], Str("...")))
}

func filterWordcount(_ *State, in Value, a Args) Value {
	a.bind("do_wordcount")
	text, _ := isString(softStr(in))
	words, inside := 0, false
	for _, r := range text {
		word := isRegexpWord(r)
		if word && !inside {
			words++
		}
		inside = word
	}
	return Int(words)
}

// isRegexpWord is \w of Python's regular expressions: letters, numbers and the underscore.
func isRegexpWord(r rune) bool { return r == '_' || unicode.IsLetter(r) || unicode.IsNumber(r) }

func filterFilesize(s *State, in Value, a Args) Value {
	p := a.bind("do_filesizeformat", "binary?")
	size := s.toFloat(in)
	base, suffix := int64(1000), "B"
	prefixes := []string{"k", "M", "G", "T", "P", "E", "Z", "Y"}
	if optionalTrue(p[0]) {
		base, suffix, prefixes[0] = 1024, "iB", "K"
	}
	switch {
	case size == 1:
		return Str("1 Byte")
	case size < float64(base):
		return Str(toStr(truncateFloat(size)) + " Bytes")
	}
	unit, last := big.NewInt(base), len(prefixes)-1
	for i, prefix := range prefixes {
		unit.Mul(unit, big.NewInt(base))
		whole := new(big.Float).SetInt(unit)
		if i == last || !math.IsNaN(size) && big.NewFloat(size).Cmp(whole) < 0 {
			rounded, _ := whole.Float64()
			number := (&braces{s: s}).plainValue(Float(float64(base)*size/rounded), ".1f")
			return Str(number + " " + prefix + suffix)
		}
	}
	return nil
}

func filterURLEncode(s *State, in Value, a Args) Value {
	a.bind("do_urlencode")
	if _, text := isString(in); text || !isIterable(in) {
		encoded := percentEncode(toStr(in), "/", false)
		s.spend(len(encoded))
		return Str(encoded)
	}
	pairs := in
	if d, ok := in.(*Dict); ok {
		pairs = &dictView{d, "dict_items", pair}
	}
	var parts []string
	for item := range s.each(pairs) {
		kv := s.items(item)
		if len(kv) != 2 {
			throw(ValueErr, "not enough values to unpack (expected 2, got %d)", len(kv))
		}
		parts = append(parts, percentEncode(toStr(kv[0]), "", true)+"="+percentEncode(toStr(kv[1]), "", true))
	}
	return Str(strings.Join(parts, "&"))
}

func percentEncode(text, safe string, plus bool) string {
	var b strings.Builder
	for i := 0; i < len(text); i++ {
		c := text[i]
		switch {
		case c < 0x80 && (unicode.IsLetter(rune(c)) || isDecimal(c)) || strings.IndexByte("_.-~"+safe, c) >= 0:
			b.WriteByte(c)
		case c == ' ' && plus:
			b.WriteByte('+')
		default:
			fmt.Fprintf(&b, "%%%02X", c)
		}
	}
	return b.String()
}
