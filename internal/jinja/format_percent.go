package jinja

import (
	"math"
	"strings"
	"unicode/utf8"
)

// percent formats text with Python's % operator.
type percent struct {
	s       *State
	format  string
	i       int
	args    Tuple
	next    int
	mapping Value // nil when %(name)s isn't possible
	escape  bool
	out     strings.Builder
}

// directive is one %… of a format.
type directive struct {
	minus, plus, blank, alternate, zero bool
	width, precision                    int // -1: not given
	kind                                byte
	arg                                 Value
	keyed                               bool
}

// formatOperator is text % args; nil when a isn't text.
func (s *State) formatOperator(a, args Value) Value {
	format, ok := isString(a)
	if !ok {
		return nil
	}
	_, markup := a.(Markup)
	p := &percent{s: s, format: format, escape: markup}
	single := true
	if t, ok := args.(Tuple); ok {
		p.args, single = t, false
	} else {
		p.args = Tuple{args}
		switch args.(type) {
		case *Dict, *List, *Range, Bytes, *Undefined, Indexer, *namespace:
			p.mapping = args
		}
	}
	p.run()
	if p.next < len(p.args) && !(single && p.mapping != nil) {
		throw(TypeErr, "not all arguments converted during string formatting")
	}
	return sameKind(a, p.out.String())
}

func (p *percent) run() {
	for p.i < len(p.format) {
		at := strings.IndexByte(p.format[p.i:], '%')
		if at < 0 {
			p.out.WriteString(p.format[p.i:])
			break
		}
		p.out.WriteString(p.format[p.i : p.i+at])
		p.i += at + 1
		p.directive()
		p.s.step(1)
		p.s.fits(p.out.Len())
	}
	p.s.spend(p.out.Len())
}

func (p *percent) peek() byte {
	if p.i >= len(p.format) {
		throw(ValueErr, "incomplete format")
	}
	return p.format[p.i]
}

func (p *percent) directive() {
	d := directive{width: -1, precision: -1}
	switch p.peek() {
	case '%':
		p.i++
		p.out.WriteByte('%')
		return
	case '(':
		d.keyed = true
		d.arg = p.named()
	}
	p.flags(&d)
	d.width = p.number(&d)
	if d.width < -1 {
		d.minus, d.width = true, -d.width
	}
	if p.peek() == '.' {
		p.i++
		d.precision = max(p.number(&d), 0)
	}
	if strings.IndexByte("hlL", p.peek()) >= 0 {
		p.i++
	}
	d.kind = p.peek()
	p.i++
	if !d.keyed {
		d.arg = p.take()
	}
	p.write(&d)
}

func (p *percent) flags(d *directive) {
	for ; ; p.i++ {
		switch p.peek() {
		case '-':
			d.minus = true
		case '+':
			d.plus = true
		case ' ':
			d.blank = true
		case '#':
			d.alternate = true
		case '0':
			d.zero = true
		default:
			return
		}
	}
}

// number reads a width or precision: digits, or * for an argument. -1 means none.
func (p *percent) number(d *directive) int {
	if p.peek() == '*' {
		p.i++
		n, ok := asInt(p.take())
		if !ok {
			throw(TypeErr, "* wants int")
		}
		p.limit(n)
		return int(n)
	}
	n := int64(-1)
	for ; isDecimal(p.peek()); p.i++ {
		n = max(n, 0)*10 + int64(p.peek()-'0')
		p.limit(n)
	}
	return int(n)
}

func (p *percent) limit(n int64) {
	if n > int64(p.s.env.opts.Limits.Output) || n < -int64(p.s.env.opts.Limits.Output) {
		throw(ValueErr, "width too big")
	}
}

func (p *percent) take() Value {
	if p.next >= len(p.args) {
		throw(TypeErr, "not enough arguments for format string")
	}
	p.next++
	return p.args[p.next-1]
}

// named reads (name) and looks it up; brackets may nest.
func (p *percent) named() Value {
	start, depth := p.i+1, 0
	for ; ; p.i++ {
		if p.i >= len(p.format) {
			throw(ValueErr, "incomplete format key")
		}
		switch p.format[p.i] {
		case '(':
			depth++
		case ')':
			depth--
		}
		if depth == 0 {
			break
		}
	}
	key := p.format[start:p.i]
	p.i++
	if p.mapping == nil {
		throw(TypeErr, "format requires a mapping")
	}
	switch mapping := p.mapping.(type) {
	case *List, *Range, Bytes:
		throw(TypeErr, "%s indices must be integers or slices, not str", mapping.TypeName())
	case *Undefined:
		mapping.fail()
	}
	v, ok := p.s.item(p.mapping, Str(key))
	if !ok {
		throw(KeyErr, "%s", quote(key))
	}
	return v
}

func (p *percent) write(d *directive) {
	sign, body := "", ""
	switch d.kind {
	case 's', 'r', 'a':
		body = p.text(d)
		d.zero = false
	case 'c':
		body = p.character(d)
		d.zero = false
	case 'd', 'i', 'u', 'o', 'x', 'X':
		sign, body = p.integer(d)
	case 'e', 'E', 'f', 'F', 'g', 'G':
		sign, body = p.float(d)
	default:
		throw(ValueErr, "unsupported format character '%c' (0x%x) at index %d", d.kind, d.kind, p.i-1)
	}
	p.pad(d, sign, body)
}

func (p *percent) pad(d *directive, sign, body string) {
	missing := max(d.width-utf8.RuneCountInString(sign)-utf8.RuneCountInString(body), 0)
	p.s.spend(missing)
	switch {
	case d.minus:
		p.out.WriteString(sign + body + strings.Repeat(" ", missing))
	case d.zero:
		p.out.WriteString(sign + strings.Repeat("0", missing) + body)
	default:
		p.out.WriteString(strings.Repeat(" ", missing) + sign + body)
	}
}

func (p *percent) text(d *directive) string {
	var text string
	switch {
	case d.kind == 's' && p.escape:
		text = string(escape(d.arg))
	case d.kind == 's':
		text = toStr(d.arg)
	default:
		text = repr(d.arg)
		if d.kind == 'a' {
			text = asciiOnly(text)
		}
		if p.escape {
			text = escapeHTML(text)
		}
	}
	if d.precision >= 0 && d.precision < runeCount(text) {
		text = string([]rune(text)[:d.precision])
	}
	return text
}

func asciiOnly(text string) string {
	var b strings.Builder
	for _, r := range text {
		if r < utf8.RuneSelf {
			b.WriteRune(r)
		} else {
			b.WriteString(quoteASCII(r))
		}
	}
	return b.String()
}

func (p *percent) character(d *directive) string {
	if text, ok := isString(d.arg); ok && runeCount(text) == 1 {
		return text
	}
	n, ok := asBig(d.arg)
	if !ok {
		throw(TypeErr, "%%c requires int or char")
	}
	if !n.IsInt64() || n.Int64() < 0 || n.Int64() > utf8.MaxRune {
		throw(OverflowErr, "%%c arg not in range(0x110000)")
	}
	return string(rune(n.Int64()))
}

func (p *percent) signOf(d *directive, negative bool) string {
	switch {
	case negative:
		return "-"
	case d.plus:
		return "+"
	case d.blank:
		return " "
	}
	return ""
}

func (p *percent) integer(d *directive) (sign, body string) {
	n, ok := asBig(d.arg)
	if f, isFloat := d.arg.(Float); isFloat && strings.IndexByte("diu", d.kind) >= 0 {
		if math.IsNaN(float64(f)) {
			throw(ValueErr, "cannot convert float NaN to integer")
		}
		n, _ = asBig(truncateFloat(float64(f)))
		ok = true
	}
	if !ok {
		if strings.IndexByte("diu", d.kind) >= 0 {
			p.rejectUndefined(d.arg)
			throw(TypeErr, "%%%c format: a real number is required, not %s", d.kind, d.arg.TypeName())
		}
		throw(TypeErr, "%%%c format: an integer is required, not %s", d.kind, d.arg.TypeName())
	}
	kind := d.kind
	if kind == 'i' || kind == 'u' {
		kind = 'd'
	}
	prefix, digits := formatInteger(n, kind, d.alternate)
	if d.precision > len(digits) {
		p.s.spend(d.precision)
		digits = strings.Repeat("0", d.precision-len(digits)) + digits
	}
	return p.signOf(d, n.Sign() < 0) + prefix, digits
}

func (p *percent) rejectUndefined(v Value) {
	if u, ok := v.(*Undefined); ok {
		u.fail()
	}
	if _, ok := v.(Opaque); ok {
		opaqueFail("formatted", v)
	}
}

func (p *percent) float(d *directive) (sign, body string) {
	p.rejectUndefined(d.arg)
	f, ok := asFloat(d.arg)
	if !ok {
		throw(TypeErr, "must be real number, not %s", d.arg.TypeName())
	}
	p.s.spend(max(d.precision, 0))
	return p.signOf(d, math.Signbit(f) && !math.IsNaN(f)), formatFloat(f, d.kind, d.precision, d.alternate)
}
