package jinja

import (
	"math"
	"math/big"
	"strconv"
	"strings"
)

// formatFloat prints the size of a float by one of e E f F g G %, without its sign.
func formatFloat(f float64, kind byte, precision int, alternate bool) string {
	lower := kind | 0x20
	f = math.Abs(f)
	if math.IsInf(f, 0) || math.IsNaN(f) {
		text := "nan"
		if math.IsInf(f, 0) {
			text = "inf"
		}
		if kind == '%' {
			return text + "%"
		}
		return capitals(text, kind)
	}
	if precision < 0 {
		precision = 6
	}
	switch {
	case kind == '%':
		return strconv.FormatFloat(f*100, 'f', precision, 64) + "%"
	case lower == 'g':
		if precision == 0 {
			precision = 1
		}
		text := strconv.FormatFloat(f, 'g', precision, 64)
		if alternate {
			text = padDigits(text, precision)
		}
		return capitals(text, kind)
	}
	text := strconv.FormatFloat(f, lower, precision, 64)
	if alternate && precision == 0 {
		mantissa, exponent, _ := strings.Cut(text, "e")
		text = mantissa + "."
		if exponent != "" {
			text += "e" + exponent
		}
	}
	return capitals(text, kind)
}

// padDigits keeps the trailing zeros that %g drops.
func padDigits(text string, precision int) string {
	mantissa, exponent, scientific := strings.Cut(text, "e")
	if !strings.Contains(mantissa, ".") {
		mantissa += "."
	}
	digits := len(strings.TrimLeft(strings.Replace(mantissa, ".", "", 1), "0"))
	mantissa += strings.Repeat("0", max(precision-digits, 0))
	if scientific {
		return mantissa + "e" + exponent
	}
	return mantissa
}

func capitals(text string, kind byte) string {
	if 'A' <= kind && kind <= 'Z' {
		return strings.ToUpper(text)
	}
	return text
}

// formatInteger prints the size of an integer in the base of one of d b o x X, with its prefix if asked for.
func formatInteger(n *big.Int, kind byte, alternate bool) (prefix, digits string) {
	abs := new(big.Int).Abs(n)
	base := map[byte]int{'b': 2, 'o': 8, 'x': 16, 'X': 16}[kind]
	if base == 0 {
		return "", bigString(abs)
	}
	if alternate {
		prefix = "0" + string(kind)
	}
	return prefix, capitals(abs.Text(base), kind)
}

// group puts a separator between groups of digits of the whole part.
func group(digits string, sep byte, size int) string {
	if sep == 0 {
		return digits
	}
	end := strings.IndexAny(digits, ".e%")
	if end < 0 {
		end = len(digits)
	}
	whole := digits[:end]
	var b strings.Builder
	for i := range len(whole) {
		if i > 0 && (len(whole)-i)%size == 0 {
			b.WriteByte(sep)
		}
		b.WriteByte(whole[i])
	}
	return b.String() + digits[end:]
}
