package jinja

import (
	"fmt"
	"math"
	"math/big"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// maxNesting is how deep printing, comparing and hashing follow lists in lists before giving up, as Python does.
const maxNesting = 500

// toStr is Python's str().
func toStr(v Value) string {
	switch v := v.(type) {
	case Str:
		return string(v)
	case Markup:
		return string(v)
	case Int:
		return strconv.FormatInt(int64(v), 10)
	case *Undefined:
		v.used()
		return ""
	case Opaque:
		opaqueFail("turned into text", v)
	case Object:
		if named, ok := v.(Stringer); ok {
			return named.String()
		}
	}
	return repr(v)
}

// repr is Python's repr().
func repr(v Value) string {
	p := printer{}
	p.repr(v)
	return p.String()
}

// reprShort is repr for messages: it never fails and never grows long.
func reprShort(v Value) string {
	switch v.(type) {
	case Str, Markup, Int, Float, Bool, noneType:
		return repr(v)
	}
	return "<" + v.TypeName() + ">"
}

// printer builds a repr and notices containers that hold themselves.
type printer struct {
	strings.Builder
	open  []Value
	parts int
}

// The repr of one value is bounded in bytes and in parts: lists may hold one another so often that it would never end.
const (
	maxPrinted = 16 << 20
	maxParts   = 1 << 20
)

func (p *printer) repr(v Value) {
	if p.parts++; p.parts > maxParts || p.Len() > maxPrinted {
		throw(LimitErr, "the text of a list or dict is too long")
	}
	switch v := v.(type) {
	case Str:
		p.WriteString(quote(string(v)))
	case Markup:
		p.WriteString("Markup(" + quote(string(v)) + ")")
	case Int:
		p.WriteString(strconv.FormatInt(int64(v), 10))
	case *BigInt:
		p.WriteString(bigString(v.n))
	case Float:
		p.WriteString(floatRepr(float64(v)))
	case Bool:
		p.WriteString(boolName(bool(v)))
	case noneType:
		p.WriteString("None")
	case Bytes:
		p.WriteString("b" + quoteBytes(string(v)))
	case Tuple:
		p.tuple(v)
	case *List:
		p.nested(v, "[...]", func() { p.items("[", v.Items, "]") })
	case *Dict:
		p.nested(v, "{...}", func() { p.dict(v) })
	default:
		p.other(v)
	}
}

func (p *printer) other(v Value) {
	switch v := v.(type) {
	case *Range:
		p.WriteString(v.repr())
	case *dictView:
		p.WriteString(v.TypeName() + "(")
		p.items("[", v.items(), "]")
		p.WriteString(")")
	case *Undefined:
		p.WriteString("Undefined")
	case Opaque:
		opaqueFail("turned into text", v)
	case *namespace:
		p.nested(v, "<Namespace {...}>", func() {
			p.WriteString("<Namespace ")
			p.repr(v.attrs)
			p.WriteString(">")
		})
	case Reprer:
		p.WriteString(v.Repr())
	case Stringer:
		p.WriteString(v.String())
	case *Func:
		p.WriteString(v.repr())
	default:
		p.WriteString("<" + v.TypeName() + " object>")
	}
}

func boolName(b bool) string {
	if b {
		return "True"
	}
	return "False"
}

func (p *printer) nested(v Value, again string, print func()) {
	for _, outer := range p.open {
		if outer == v {
			p.WriteString(again)
			return
		}
	}
	if len(p.open) > maxNesting {
		throw(RecursionErr, "maximum recursion depth exceeded while getting the repr of an object")
	}
	p.open = append(p.open, v)
	print()
	p.open = p.open[:len(p.open)-1]
}

func (p *printer) items(open string, items []Value, end string) {
	p.WriteString(open)
	for i, item := range items {
		if i > 0 {
			p.WriteString(", ")
		}
		p.repr(item)
	}
	p.WriteString(end)
}

func (p *printer) tuple(t Tuple) {
	if len(p.open) > maxNesting {
		throw(RecursionErr, "maximum recursion depth exceeded while getting the repr of an object")
	}
	p.open = append(p.open, None)
	end := ")"
	if len(t) == 1 {
		end = ",)"
	}
	p.items("(", t, end)
	p.open = p.open[:len(p.open)-1]
}

func (p *printer) dict(d *Dict) {
	p.WriteString("{")
	first := true
	for k, v := range d.All {
		if !first {
			p.WriteString(", ")
		}
		first = false
		p.repr(k)
		p.WriteString(": ")
		p.repr(v)
	}
	p.WriteString("}")
}

// floatRepr prints the shortest digits that give the float back, in Python's layout.
func floatRepr(f float64) string {
	switch {
	case math.IsInf(f, 1):
		return "inf"
	case math.IsInf(f, -1):
		return "-inf"
	case math.IsNaN(f):
		return "nan"
	}
	text := strconv.FormatFloat(f, 'e', -1, 64)
	mantissa, exponent, _ := strings.Cut(text, "e")
	exp, _ := strconv.Atoi(exponent)
	if exp < -4 || exp >= 16 {
		return mantissa + exponentText(exp, 'e')
	}
	text = strconv.FormatFloat(f, 'f', -1, 64)
	if !strings.Contains(text, ".") {
		text += ".0"
	}
	return text
}

func exponentText(exp int, letter byte) string {
	return fmt.Sprintf("%c%+03d", letter, exp)
}

// maxDigits is Python's own limit for turning integers into text and back.
const maxDigits = 4300

func bigString(n *big.Int) string {
	if n.BitLen() > maxDigits*4 {
		failDigits()
	}
	text := n.String()
	if len(strings.TrimPrefix(text, "-")) > maxDigits {
		failDigits()
	}
	return text
}

func failDigits() {
	throw(ValueErr, "Exceeds the limit (%d digits) for integer string conversion; use sys.set_int_max_str_digits() to increase the limit", maxDigits)
}

// quote is the repr of text: single quotes unless the text holds those and no double ones.
func quote(s string) string {
	mark := byte('\'')
	if strings.Contains(s, "'") && !strings.Contains(s, `"`) {
		mark = '"'
	}
	var b strings.Builder
	b.Grow(len(s) + 2)
	b.WriteByte(mark)
	for _, r := range s {
		quoteRune(&b, r, mark)
	}
	b.WriteByte(mark)
	return b.String()
}

func quoteRune(b *strings.Builder, r rune, mark byte) {
	switch {
	case r == rune(mark) || r == '\\':
		b.WriteByte('\\')
		b.WriteRune(r)
	case r == '\n':
		b.WriteString(`\n`)
	case r == '\r':
		b.WriteString(`\r`)
	case r == '\t':
		b.WriteString(`\t`)
	case r < ' ' || r == 0x7f:
		fmt.Fprintf(b, `\x%02x`, r)
	case r < utf8.RuneSelf || isPrintable(r):
		b.WriteRune(r)
	case r <= 0xff:
		fmt.Fprintf(b, `\x%02x`, r)
	case r <= 0xffff:
		fmt.Fprintf(b, `\u%04x`, r)
	default:
		fmt.Fprintf(b, `\U%08x`, r)
	}
}

// isPrintable is Python's str.isprintable for one character: everything but "other" and separators, save the space.
func isPrintable(r rune) bool { return r == ' ' || unicode.IsGraphic(r) && !unicode.Is(unicode.Z, r) }

func quoteBytes(s string) string {
	mark := byte('\'')
	if strings.Contains(s, "'") && !strings.Contains(s, `"`) {
		mark = '"'
	}
	var b strings.Builder
	b.WriteByte(mark)
	for i := 0; i < len(s); i++ {
		if s[i] >= utf8.RuneSelf {
			fmt.Fprintf(&b, `\x%02x`, s[i])
			continue
		}
		quoteRune(&b, rune(s[i]), mark)
	}
	b.WriteByte(mark)
	return b.String()
}

// escapeHTML replaces the five characters that matter in HTML, the way MarkupSafe spells them.
var escapeHTML = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", "'", "&#39;", `"`, "&#34;").Replace

// escape is MarkupSafe's escape: markup stays, everything else is printed and escaped.
func escape(v Value) Markup {
	switch v := v.(type) {
	case Markup:
		return v
	case Int:
		return Markup(toStr(v))
	}
	return Markup(escapeHTML(toStr(v)))
}

// Repr is Python's repr(), for values of this package.
func Repr(v Value) string { return repr(v) }
