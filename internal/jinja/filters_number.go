package jinja

import (
	"math"
	"math/big"
	"strconv"
	"strings"
)

func filterAbs(_ *State, in Value, a Args) Value {
	a.bind("abs")
	switch n := in.(type) {
	case Float:
		return Float(math.Abs(float64(n)))
	case Bool:
		return boolInt(n)
	}
	n, ok := asBig(in)
	if !ok {
		throw(TypeErr, "bad operand type for abs(): '%s'", in.TypeName())
	}
	return normalize(new(big.Int).Abs(n))
}

// numberText is a text, or bytes, that may be read as a number.
func numberText(v Value) (string, bool) {
	if b, ok := v.(Bytes); ok {
		return string(b), true
	}
	return isString(v)
}

func filterInt(s *State, in Value, a Args) Value {
	p := a.bind("do_int", "default?", "base?")
	byDefault := optional(p[0], Int(0))
	if text, ok := numberText(in); ok {
		base, isInt := asInt(optional(p[1], Int(10)))
		if _, bytes := in.(Bytes); bytes { // they are read without one
			base, isInt = 10, true
		}
		if n, ok := parseInt(text, int(base)); ok && isInt { // any other base reads as no whole number
			return n
		}
		f, ok := parseFloat(text)
		if !ok || math.IsInf(f, 0) || math.IsNaN(f) {
			return byDefault
		}
		return truncateFloat(f)
	}
	switch n := in.(type) {
	case Float:
		if math.IsNaN(float64(n)) {
			return byDefault
		}
		return truncateFloat(float64(n))
	case *Undefined:
		n.fail()
	case Bool:
		return boolInt(n)
	}
	if isInteger(in) {
		return in
	}
	return byDefault
}

func truncateFloat(f float64) Value {
	if math.IsInf(f, 0) {
		throw(OverflowErr, "cannot convert float infinity to integer")
	}
	return normalize(bigFromFloat(f))
}

// parseInt is Python's int(text, base).
func parseInt(text string, base int) (Value, bool) {
	if base != 0 && (base < 2 || base > 36) {
		return nil, false
	}
	text = strings.TrimFunc(text, isSpace)
	sign, digits := "", text
	if text != "" && (text[0] == '-' || text[0] == '+') {
		sign, digits = text[:1], text[1:]
	}
	digits = asciiDigits(digits)
	if base == 0 || base == 2 || base == 8 || base == 16 {
		digits, base = stripBase(digits, base)
	}
	if !groupedDigits(digits) || base == 10 && len(digits) > maxDigits || len(digits) > maxBits/4 {
		return nil, false
	}
	n, ok := new(big.Int).SetString(sign+strings.ReplaceAll(digits, "_", ""), base)
	if !ok {
		return nil, false
	}
	return normalize(n), true
}

// stripBase takes a prefix like 0x off, where the base allows it.
func stripBase(digits string, base int) (string, int) {
	if len(digits) > 2 && digits[0] == '0' {
		own := map[byte]int{'b': 2, 'o': 8, 'x': 16}[digits[1]|0x20]
		if own != 0 && (base == 0 || base == own) {
			return strings.TrimPrefix(digits[2:], "_"), own
		}
	}
	if base == 0 {
		if strings.Trim(digits, "0_") != "" && strings.HasPrefix(digits, "0") {
			return "", 10
		}
		return digits, 10
	}
	return digits, base
}

// groupedDigits allows single underscores between digits.
func groupedDigits(digits string) bool {
	return digits != "" && digits[0] != '_' && digits[len(digits)-1] != '_' && !strings.Contains(digits, "__") &&
		!strings.ContainsAny(digits, "+-")
}

// asciiDigits turns the decimal digits of other scripts into 0 to 9, which Python accepts as well.
func asciiDigits(text string) string {
	if isASCII(text) {
		return text
	}
	return strings.Map(func(r rune) rune {
		if d, ok := decimalDigit(r); ok {
			return '0' + rune(d)
		}
		return r
	}, text)
}

// parseFloat is Python's float(text).
func parseFloat(text string) (float64, bool) {
	text = asciiDigits(strings.TrimFunc(text, isSpace))
	bare := strings.TrimLeft(text, "+-")
	if len(text)-len(bare) > 1 {
		return 0, false
	}
	switch strings.ToLower(bare) {
	case "inf", "infinity", "nan":
	default:
		if bare == "" || strings.ContainsAny(bare, "xXpPiInN") || badUnderscore(bare) {
			return 0, false
		}
	}
	f, err := strconv.ParseFloat(strings.ReplaceAll(text, "_", ""), 64)
	if err != nil && !math.IsInf(f, 0) {
		return 0, false
	}
	return f, true
}

// badUnderscore finds an underscore that doesn't stand between two digits.
func badUnderscore(text string) bool {
	for i := 0; i < len(text); i++ {
		if text[i] == '_' && (i == 0 || i == len(text)-1 || !isDecimal(text[i-1]) || !isDecimal(text[i+1])) {
			return true
		}
	}
	return false
}

func filterFloat(_ *State, in Value, a Args) Value {
	p := a.bind("do_float", "default?")
	if text, ok := numberText(in); ok {
		if f, ok := parseFloat(text); ok {
			return Float(f)
		}
	} else if f, ok := asFloat(in); ok {
		return Float(f)
	} else if u, ok := in.(*Undefined); ok {
		u.fail()
	}
	return optional(p[0], Float(0))
}

// toFloat is Python's float(v).
func (s *State) toFloat(v Value) float64 {
	if text, ok := numberText(v); ok {
		f, ok := parseFloat(text)
		if !ok {
			throw(ValueErr, "could not convert string to float: %s", repr(v))
		}
		return f
	}
	if u, ok := v.(*Undefined); ok {
		u.fail()
	}
	f, ok := asFloat(v)
	if !ok {
		throw(TypeErr, "float() argument must be a string or a real number, not '%s'", v.TypeName())
	}
	return f
}

func filterRound(s *State, in Value, a Args) Value {
	p := a.bind("do_round", "precision?", "method?")
	method := toStr(optional(p[1], Str("common")))
	precision := optional(p[0], Int(0))
	switch method {
	case "common":
		return roundNumber(in, wholeNumber(precision, 0))
	case "ceil", "floor":
		scale := s.binary("**", Int(10), precision)
		whole := roundTo(s.binary("*", in, scale), method)
		return s.binary("/", whole, scale)
	}
	throw(FilterErr, "method must be common, ceil or floor")
	return nil
}

// roundTo is math.ceil or math.floor: an integer.
func roundTo(v Value, method string) Value {
	if isInteger(v) {
		return positive(v)
	}
	f, ok := v.(Float)
	if !ok {
		throw(TypeErr, "must be real number, not %s", v.TypeName())
	}
	if math.IsNaN(float64(f)) {
		throw(ValueErr, "cannot convert float NaN to integer")
	}
	if method == "ceil" {
		return truncateFloat(math.Ceil(float64(f)))
	}
	return truncateFloat(math.Floor(float64(f)))
}

// roundNumber is Python's round(v, precision): half to even, on the exact decimal value.
func roundNumber(v Value, precision int) Value {
	if n, ok := asBig(v); ok {
		if precision >= 0 {
			return positive(v)
		}
		return roundInteger(n, -precision)
	}
	f, ok := v.(Float)
	if !ok {
		throw(TypeErr, "type %s doesn't define __round__ method", v.TypeName())
	}
	switch {
	case math.IsInf(float64(f), 0) || math.IsNaN(float64(f)) || precision > 323:
		return f
	case precision < -308:
		return Float(math.Copysign(0, float64(f)))
	case precision >= 0:
		rounded, _ := strconv.ParseFloat(strconv.FormatFloat(float64(f), 'f', precision, 64), 64)
		return Float(rounded)
	}
	return Float(roundTens(float64(f), -precision))
}

func roundTens(f float64, places int) float64 {
	scale := math.Pow(10, float64(places))
	return math.RoundToEven(f/scale) * scale
}

func roundInteger(n *big.Int, places int) Value {
	if places > maxDigits {
		return Int(0)
	}
	scale := new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(places)), nil)
	quotient, rest := new(big.Int).DivMod(n, scale, new(big.Int))
	twice := rest.Lsh(rest, 1).Cmp(scale)
	if twice > 0 || twice == 0 && quotient.Bit(0) == 1 {
		quotient.Add(quotient, big.NewInt(1))
	}
	return normalize(quotient.Mul(quotient, scale))
}
