package jinja

import (
	"math"
	"strconv"
	"strings"
	"unicode/utf8"
)

// braces formats text with str.format.
type braces struct {
	s      *State
	args   []Value
	kw     Value // mapping of names
	auto   int   // next automatic index
	manual bool
	escape bool
}

func strFormat(s *State, self Value, a Args) Value {
	return s.formatBraces(self, a.Pos, a.kwDict())
}

func strFormatMap(s *State, self Value, a Args) Value {
	p := a.positional("format_map", 1, 1)
	return s.formatBraces(self, nil, p[0])
}

func (s *State) formatBraces(self Value, args []Value, kw Value) Value {
	format, _ := isString(self)
	_, markup := self.(Markup)
	f := &braces{s: s, args: args, kw: kw, escape: markup}
	text := f.format(format, 2)
	s.spend(len(text))
	return sameKind(self, text)
}

// format fills the fields of a format in. Fields inside a field's specification are filled one level deep.
func (f *braces) format(format string, depth int) string {
	if depth < 0 {
		throw(ValueErr, "Max string recursion exceeded")
	}
	var b strings.Builder
	for i := 0; i < len(format); i++ {
		c := format[i]
		switch {
		case c != '{' && c != '}':
			b.WriteByte(c)
		case i+1 < len(format) && format[i+1] == c:
			b.WriteByte(c)
			i++
		case c == '}':
			throw(ValueErr, "Single '}' encountered in format string")
		default:
			field, size := cutField(format[i+1:])
			b.WriteString(f.field(field, depth))
			f.s.step(1)
			f.s.fits(b.Len())
			i += size
		}
	}
	return b.String()
}

// fieldText is name!conversion:specification.
type fieldText struct {
	name, spec string
	conversion rune // 0 for none
}

// cutField reads a field behind its opening brace; size counts the closing one. Braces
// nest in the specification alone, and what stands in brackets is part of the name.
func cutField(text string) (field fieldText, size int) {
	if text == "" {
		throw(ValueErr, "Single '{' encountered in format string")
	}
	end := nameEnd(text)
	field.name = text[:end]
	rest := text[end+1:]
	if text[end] == '!' {
		if rest == "" {
			throw(ValueErr, "end of string while looking for conversion specifier")
		}
		var width int
		field.conversion, width = utf8.DecodeRuneInString(rest)
		rest = rest[width:]
		switch {
		case strings.HasPrefix(rest, "}"):
			return field, len(text) - len(rest) + 1
		case rest != "" && rest[0] != ':':
			throw(ValueErr, "expected ':' after conversion specifier")
		}
		rest = strings.TrimPrefix(rest, ":")
	} else if text[end] == '}' {
		return field, end + 1
	}
	for i, depth := 0, 1; i < len(rest); i++ {
		switch rest[i] {
		case '{':
			depth++
		case '}':
			if depth--; depth == 0 {
				field.spec = rest[:i]
				return field, len(text) - len(rest) + i + 1
			}
		}
	}
	throw(ValueErr, "unmatched '{' in format spec")
	return field, 0
}

// nameEnd is where a field's name ends: at its conversion, specification or closing brace.
func nameEnd(text string) int {
	for i := 0; i < len(text); i++ {
		switch text[i] {
		case '{':
			throw(ValueErr, "unexpected '{' in field name")
		case '[':
			if closing := strings.IndexByte(text[i:], ']'); closing >= 0 {
				i += closing
			} else {
				i = len(text)
			}
		case '}', ':', '!':
			return i
		}
	}
	throw(ValueErr, "expected '}' before end of string")
	return 0
}

func (f *braces) field(field fieldText, depth int) string {
	v := f.lookup(field.name)
	switch field.conversion {
	case 0:
	case 's':
		v = Str(toStr(v))
	case 'r':
		v = Str(repr(v))
	case 'a':
		v = Str(asciiOnly(repr(v)))
	default:
		throw(ValueErr, "Unknown conversion specifier %c", field.conversion)
	}
	return f.value(v, f.format(field.spec, depth-1))
}

// lookup follows first.attr[key]… with the sandbox's rules.
func (f *braces) lookup(name string) Value {
	name = f.numbered(name)
	end := strings.IndexAny(name, ".[")
	if end < 0 {
		end = len(name)
	}
	v := f.first(name[:end])
	for rest := name[end:]; rest != ""; {
		if rest[0] == '.' {
			end := strings.IndexAny(rest[1:], ".[") + 1
			if end == 0 {
				end = len(rest)
			}
			if end == 1 {
				throw(ValueErr, "Empty attribute in format string")
			}
			v = f.s.getAttr(v, rest[1:end], Str(rest[1:end]))
			rest = rest[end:]
			continue
		}
		close := strings.IndexByte(rest, ']')
		if rest[0] != '[' {
			throw(ValueErr, "Only '.' or '[' may follow ']' in format field specifier")
		}
		if close < 0 {
			throw(ValueErr, "Missing ']' in format string")
		}
		if close == 1 {
			throw(ValueErr, "Empty attribute in format string")
		}
		v = f.s.getItem(v, formatKey(rest[1:close]))
		rest = rest[close+1:]
	}
	return v
}

// formatKey: digits are an index, anything else is text.
func formatKey(text string) Value {
	if text == "" || strings.Trim(text, "0123456789") != "" {
		return Str(text)
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		throw(ValueErr, "Too many decimal digits in format string")
	}
	return Int(n)
}

// numbered gives a field without a name the next number. Numbers that stand alone
// don't mix with that; as in Python's string.Formatter, those before a dot or bracket do.
func (f *braces) numbered(name string) string {
	digits := name != "" && strings.Trim(name, "0123456789") == ""
	if name == "" && f.manual || digits && f.auto > 0 {
		throw(ValueErr, "cannot switch from manual field specification to automatic field numbering")
	}
	if digits {
		f.manual = true
	}
	if name == "" {
		name = strconv.Itoa(f.auto)
		f.auto++
	}
	return name
}

func (f *braces) first(name string) Value {
	key := formatKey(name)
	if i, ok := key.(Int); ok {
		v, ok := at(f.args, int64(i))
		if !ok {
			throw(IndexErr, "Replacement index %d out of range for positional args tuple", i)
		}
		return v
	}
	v, ok := f.s.item(f.kw, key)
	if !ok {
		throw(KeyErr, "%s", quote(name))
	}
	return v
}

// spec is a parsed format specification.
type spec struct {
	fill      string
	align     byte
	sign      byte
	unsigned  bool // zero has no sign
	alternate bool
	width     int
	grouping  byte
	precision int
	kind      byte
}

func (f *braces) value(v Value, text string) string {
	_, markup := v.(Markup)
	if markup && f.escape && text == "" {
		return string(v.(Markup))
	}
	out := f.plainValue(v, text)
	if f.escape {
		return escapeHTML(out)
	}
	return out
}

func (f *braces) plainValue(v Value, text string) string {
	if text == "" {
		return toStr(v)
	}
	_, isText := isString(v)
	if !isText && !isNumber(v) {
		if _, ok := v.(Opaque); ok {
			opaqueFail("formatted", v)
		}
		throw(TypeErr, "unsupported format string passed to %s.__format__", v.TypeName())
	}
	sp := f.parseSpec(text, v)
	switch {
	case isText:
		return f.textValue(v, sp)
	case isInteger(v) && strings.IndexByte("\x00bcdoxXn", sp.kind) >= 0:
		return f.integerValue(v, sp)
	}
	return f.floatValue(v, sp)
}

func (f *braces) parseSpec(text string, v Value) spec {
	sp := spec{fill: " ", width: 0, precision: -1}
	if _, size := utf8.DecodeRuneInString(text); len(text) > size && strings.IndexByte("<>=^", text[size]) >= 0 {
		sp.fill, sp.align, text = text[:size], text[size], text[size+1:]
	} else if strings.IndexByte("<>=^", text[0]) >= 0 {
		sp.align, text = text[0], text[1:]
	}
	flag := func(set string) byte {
		if text != "" && strings.IndexByte(set, text[0]) >= 0 {
			c := text[0]
			text = text[1:]
			return c
		}
		return 0
	}
	sp.sign = flag("+- ")
	sp.unsigned = flag("z") != 0
	sp.alternate = flag("#") != 0
	if flag("0") != 0 && sp.align == 0 {
		sp.fill, sp.align = "0", '='
		if _, isText := isString(v); isText {
			sp.align = '<'
		}
	}
	sp.width, text = f.digits(text, 0)
	sp.grouping = flag(",_")
	if flag(".") != 0 {
		if sp.precision, text = f.digits(text, -1); sp.precision < 0 {
			throw(ValueErr, "Format specifier missing precision")
		}
	}
	if len(text) > 1 {
		throw(ValueErr, "Invalid format specifier")
	}
	sp.kind = flag("bcdeEfFgGnosxX%")
	if text != "" {
		throw(ValueErr, "Unknown format code '%s' for object of type '%s'", text, v.TypeName())
	}
	return sp
}

func (f *braces) digits(text string, byDefault int) (int, string) {
	end := 0
	for end < len(text) && isDecimal(text[end]) {
		end++
	}
	if end == 0 {
		return byDefault, text
	}
	n, err := strconv.Atoi(text[:end])
	if err != nil || n > math.MaxInt32 {
		throw(ValueErr, "Too many decimal digits in format string")
	}
	f.s.spend(n)
	return n, text[end:]
}

func (f *braces) textValue(v Value, sp spec) string {
	text, _ := isString(v)
	switch {
	case sp.kind != 0 && sp.kind != 's':
		throw(ValueErr, "Unknown format code '%c' for object of type 'str'", sp.kind)
	case sp.unsigned:
		throw(ValueErr, "Negative zero coercion (z) not allowed in string format specifier")
	case sp.sign != 0:
		throw(ValueErr, "Sign not allowed in string format specifier")
	case sp.align == '=':
		throw(ValueErr, "'=' alignment not allowed in string format specifier")
	case sp.grouping != 0:
		throw(ValueErr, "Cannot specify '%c' with 's'.", sp.grouping)
	case sp.alternate:
		throw(ValueErr, "Alternate form (#) not allowed in string format specifier")
	}
	if sp.precision >= 0 && sp.precision < runeCount(text) {
		text = string([]rune(text)[:sp.precision])
	}
	return sp.pad("", text, '<')
}

func (f *braces) integerValue(v Value, sp spec) string {
	n, _ := asBig(v)
	switch {
	case sp.precision >= 0:
		throw(ValueErr, "Precision not allowed in integer format specifier")
	case sp.unsigned:
		throw(ValueErr, "Negative zero coercion (z) not allowed in integer format specifier")
	}
	if sp.kind == 'c' {
		if !n.IsInt64() || n.Int64() < 0 || n.Int64() > utf8.MaxRune {
			throw(OverflowErr, "%%c arg not in range(0x110000)")
		}
		return sp.pad("", string(rune(n.Int64())), '<')
	}
	prefix, digits := formatInteger(n, sp.kind, sp.alternate)
	size := 3
	if sp.kind != 0 && sp.kind != 'd' && sp.kind != 'n' {
		size = 4
		if sp.grouping == ',' {
			throw(ValueErr, "Cannot specify ',' with '%c'.", sp.kind)
		}
	}
	return sp.number(n.Sign() < 0, prefix, digits, size)
}

func (f *braces) floatValue(v Value, sp spec) string {
	x, _ := asFloat(v)
	switch sp.kind {
	case 'b', 'c', 'd', 'o', 's', 'x', 'X':
		throw(ValueErr, "Unknown format code '%c' for object of type '%s'", sp.kind, v.TypeName())
	}
	text := ""
	switch {
	case sp.kind == 0 && sp.precision < 0:
		text = strings.TrimPrefix(floatRepr(x), "-")
	case sp.kind == 0:
		text = formatFloat(x, 'g', sp.precision, false)
		if !strings.ContainsAny(text, ".en") {
			text = shortFloat(x, text, sp.precision)
		}
	case sp.kind == 'n':
		text = formatFloat(x, 'g', sp.precision, sp.alternate)
	default:
		text = formatFloat(x, sp.kind, sp.precision, sp.alternate)
	}
	negative := math.Signbit(x) && !math.IsNaN(x)
	if sp.unsigned && !strings.ContainsAny(text, "123456789i") {
		negative = false
	}
	return sp.number(negative, "", text, 3)
}

// shortFloat: without a type a float keeps a digit behind the point, or takes an exponent where that has no room.
func shortFloat(x float64, text string, precision int) string {
	if len(text) >= max(precision, 1) {
		return strings.Replace(strconv.FormatFloat(math.Abs(x), 'e', max(precision, 1)-1, 64), ".0e", "e", 1)
	}
	return text + ".0"
}

// number adds sign, grouping and padding; zeros that pad are grouped too.
func (sp spec) number(negative bool, prefix, digits string, size int) string {
	sign := ""
	switch {
	case negative:
		sign = "-"
	case sp.sign == '+' || sp.sign == ' ':
		sign = string(sp.sign)
	}
	sign += prefix
	if sp.fill == "0" && sp.align == '=' && sp.grouping != 0 {
		for len(sign)+len(group(digits, sp.grouping, size)) < sp.width {
			digits = "0" + digits
		}
	}
	return sp.pad(sign, group(digits, sp.grouping, size), '>')
}

func (sp spec) pad(sign, text string, align byte) string {
	if sp.align != 0 {
		align = sp.align
	}
	missing := max(sp.width-runeCount(sign)-runeCount(text), 0)
	left := 0
	switch align {
	case '=':
		return sign + strings.Repeat(sp.fill, missing) + text
	case '>':
		left = missing
	case '^':
		left = missing / 2
	}
	return strings.Repeat(sp.fill, left) + sign + text + strings.Repeat(sp.fill, missing-left)
}
