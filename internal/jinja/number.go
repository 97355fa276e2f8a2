package jinja

import (
	"math"
	"math/big"
	"math/bits"
	"strings"
)

// maxBits bounds integers: enough for anything a configuration counts, small enough that no product takes long.
const maxBits = 1 << 17

func normalize(n *big.Int) Value {
	if n.IsInt64() {
		return Int(n.Int64())
	}
	if n.BitLen() > maxBits {
		throw(LimitErr, "an integer of %d bits is too big", n.BitLen())
	}
	return &BigInt{n}
}

func bigFromFloat(f float64) *big.Int {
	n, _ := new(big.Float).SetFloat64(f).Int(nil)
	return n
}

// asBig gives an integer value's number; booleans count as 0 and 1.
func asBig(v Value) (*big.Int, bool) {
	switch v := v.(type) {
	case Int:
		return big.NewInt(int64(v)), true
	case Bool:
		return big.NewInt(int64(boolInt(v))), true
	case *BigInt:
		return v.n, true
	}
	return nil, false
}

// asInt gives an integer value that fits int64.
func asInt(v Value) (int64, bool) {
	switch v := v.(type) {
	case Int:
		return int64(v), true
	case Bool:
		return int64(boolInt(v)), true
	}
	return 0, false
}

func boolInt(b Bool) Int {
	if b {
		return 1
	}
	return 0
}

func isInteger(v Value) bool {
	switch v.(type) {
	case Int, Bool, *BigInt:
		return true
	}
	return false
}

func isNumber(v Value) bool {
	_, isFloat := v.(Float)
	return isFloat || isInteger(v)
}

// asFloat converts a number as Python's float() does.
func asFloat(v Value) (float64, bool) {
	switch v := v.(type) {
	case Float:
		return float64(v), true
	case Int:
		return float64(v), true
	case Bool:
		return float64(boolInt(v)), true
	case *BigInt:
		f, _ := new(big.Float).SetInt(v.n).Float64()
		if math.IsInf(f, 0) {
			throw(OverflowErr, "int too large to convert to float")
		}
		return f, true
	}
	return 0, false
}

// arithmetic computes + - * / // % ** of two numbers; ok is false when one isn't a number.
func arithmetic(op string, a, b Value) (Value, bool) {
	x, xSmall := a.(Int)
	y, ySmall := b.(Int)
	if xSmall && ySmall {
		if v := smallArithmetic(op, int64(x), int64(y)); v != nil {
			return v, true
		}
	}
	if isInteger(a) && isInteger(b) {
		m, _ := asBig(a)
		n, _ := asBig(b)
		return bigArithmetic(op, m, n), true
	}
	if !isNumber(a) || !isNumber(b) {
		return nil, false
	}
	f, _ := asFloat(a)
	g, _ := asFloat(b)
	return floatArithmetic(op, f, g), true
}

// smallArithmetic gives nil where the result may not fit, or needs a closer look.
func smallArithmetic(op string, x, y int64) Value {
	switch op {
	case "+":
		if sum := x + y; (sum > x) == (y > 0) {
			return Int(sum)
		}
	case "-":
		if diff := x - y; (diff < x) == (y > 0) {
			return Int(diff)
		}
	case "*":
		hi, lo := bits.Mul64(uint64(abs64(x)), uint64(abs64(y)))
		if x != math.MinInt64 && y != math.MinInt64 && hi == 0 && lo <= math.MaxInt64 {
			return Int(x * y)
		}
	case "//":
		if y != 0 && x != math.MinInt64 {
			return Int(floorDiv(x, y))
		}
	case "%":
		if y != 0 && x != math.MinInt64 {
			return Int(x - y*floorDiv(x, y))
		}
	}
	return nil
}

func abs64(x int64) int64 {
	if x < 0 {
		return -x
	}
	return x
}

func floorDiv(x, y int64) int64 {
	q := x / y
	if x%y != 0 && (x < 0) != (y < 0) {
		q--
	}
	return q
}

func bigArithmetic(op string, x, y *big.Int) Value {
	switch op {
	case "+":
		return normalize(new(big.Int).Add(x, y))
	case "-":
		return normalize(new(big.Int).Sub(x, y))
	case "*":
		return normalize(new(big.Int).Mul(x, y))
	case "/":
		return divideExactly(x, y)
	case "**":
		return bigPower(x, y)
	}
	if y.Sign() == 0 {
		throw(DivisionErr, "integer division or modulo by zero")
	}
	quotient, rest := new(big.Int).QuoRem(x, y, new(big.Int))
	if rest.Sign() != 0 && rest.Sign() != y.Sign() {
		quotient.Sub(quotient, big.NewInt(1))
		rest.Add(rest, y)
	}
	if op == "//" {
		return normalize(quotient)
	}
	return normalize(rest)
}

// divideExactly rounds the true quotient once, as Python does, rather than dividing two rounded floats.
func divideExactly(x, y *big.Int) Value {
	if y.Sign() == 0 {
		throw(DivisionErr, "division by zero")
	}
	f, _ := new(big.Rat).SetFrac(x, y).Float64()
	if math.IsInf(f, 0) {
		throw(OverflowErr, "integer division result too large for a float")
	}
	if f == 0 && (x.Sign() < 0) != (y.Sign() < 0) {
		f = math.Copysign(0, -1)
	}
	return Float(f)
}

func bigPower(x, y *big.Int) Value {
	if y.Sign() < 0 {
		f, _ := asFloat(normalize(x))
		g, _ := asFloat(normalize(y))
		return floatArithmetic("**", f, g)
	}
	if x.BitLen() > 1 && (!y.IsInt64() || int64(x.BitLen()-1)*y.Int64() > maxBits || y.Int64() > maxBits) {
		throw(LimitErr, "the power is too big an integer")
	}
	if x.BitLen() <= 1 && y.BitLen() > 1 { // -1, 0 and 1 repeat with every second power
		y = big.NewInt(2 + int64(y.Bit(0)))
	}
	return normalize(new(big.Int).Exp(x, y, nil))
}

func floatArithmetic(op string, x, y float64) Value {
	switch op {
	case "+":
		return Float(x + y)
	case "-":
		return Float(x - y)
	case "*":
		return Float(x * y)
	case "**":
		return floatPower(x, y)
	}
	if y == 0 {
		throw(DivisionErr, "%s", map[string]string{"/": "float division by zero", "//": "float floor division by zero", "%": "float modulo"}[op])
	}
	switch op {
	case "/":
		return Float(x / y)
	case "//":
		quotient, _ := floatDivMod(x, y)
		return Float(quotient)
	}
	_, rest := floatDivMod(x, y)
	return Float(rest)
}

func floatPower(x, y float64) Value {
	if x == 0 && y < 0 {
		throw(DivisionErr, "0.0 cannot be raised to a negative power")
	}
	if x < 0 && y != math.Trunc(y) && !math.IsInf(x, 0) && !math.IsInf(y, 0) {
		throw(TypeErr, "complex numbers are not supported")
	}
	f := precisePower(x, y)
	if math.IsInf(f, 0) && !math.IsInf(x, 0) && !math.IsInf(y, 0) {
		throw(OverflowErr, "(34, 'Numerical result out of range')")
	}
	return Float(f)
}

// precisePower rounds once, as the C library nearly always does; math.Pow is off by a digit now and then.
func precisePower(x, y float64) float64 {
	if y == 0.5 && x >= 0 {
		return math.Sqrt(x)
	}
	if y != math.Trunc(y) || math.Abs(y) > 1024 || x == 0 || math.IsInf(x, 0) || math.IsNaN(x) {
		return math.Pow(x, y)
	}
	power, square := big.NewFloat(1).SetPrec(256), big.NewFloat(x).SetPrec(256)
	for n := int(math.Abs(y)); n > 0; n /= 2 {
		if n%2 == 1 {
			power.Mul(power, square)
		}
		square.Mul(square, square)
	}
	if y < 0 {
		power.Quo(big.NewFloat(1).SetPrec(256), power)
	}
	f, _ := power.Float64()
	return f
}

// floatDivMod follows CPython: the rest has the divisor's sign, and the quotient is rounded to the nearest whole.
func floatDivMod(x, y float64) (quotient, rest float64) {
	rest = math.Mod(x, y)
	div := (x - rest) / y
	if rest != 0 {
		if (y < 0) != (rest < 0) {
			rest += y
			div--
		}
	} else {
		rest = math.Copysign(0, y)
	}
	if div == 0 {
		return math.Copysign(0, x/y), rest
	}
	quotient = math.Floor(div)
	if div-quotient > 0.5 {
		quotient++
	}
	return quotient, rest
}

func negate(v Value) Value {
	switch n := v.(type) {
	case Float:
		return -n
	case Int:
		if n != math.MinInt64 {
			return -n
		}
	case *Undefined:
		n.fail()
	}
	n, ok := asBig(v)
	if !ok {
		badUnary("-", v)
	}
	return normalize(new(big.Int).Neg(n))
}

func positive(v Value) Value {
	if u, ok := v.(*Undefined); ok {
		u.fail()
	}
	if b, ok := v.(Bool); ok {
		return boolInt(b)
	}
	if !isNumber(v) {
		badUnary("+", v)
	}
	return v
}

func badUnary(op string, v Value) {
	throw(TypeErr, "bad operand type for unary %s: '%s'", op, v.TypeName())
}

// binary computes a op b for all kinds of values.
func (s *State) binary(op string, a, b Value) Value {
	if v, ok := arithmetic(op, a, b); ok {
		return v
	}
	_, isMarkup := a.(Markup)
	if _, undefined := b.(*Undefined); undefined && isMarkup && op == "*" {
		rejectIndex(b) // markup multiplies itself, before an undefined value can say what is missing
	}
	for _, v := range [2]Value{a, b} {
		if u, ok := v.(*Undefined); ok && !isTextMod(op, a) {
			u.fail()
		}
		if _, ok := v.(Opaque); ok {
			opaqueFail("an operand", v)
		}
	}
	var result Value
	switch op {
	case "+":
		result = s.join2(a, b)
	case "*":
		if result = s.repeat(a, b); result == nil {
			result = s.repeat(b, a)
		}
	case "%":
		result = s.formatOperator(a, b)
	}
	if result == nil {
		result = shifted(op, a, b)
	}
	if result == nil {
		badOperands(op, a, b)
	}
	return result
}

// shifted adds a whole number to a host's object, or takes it away; nil when it can't.
func shifted(op string, a, b Value) Value {
	x, ok := a.(Shifter)
	n, isInt := asInt(b)
	if !ok || !isInt || op != "+" && op != "-" {
		return nil
	}
	if op == "-" {
		n = -n
	}
	v, _ := x.Shift(n)
	return v
}

// isTextMod: "%s" % undefined prints nothing, where every other operator fails.
func isTextMod(op string, a Value) bool {
	_, text := isString(a)
	return op == "%" && text
}

func badOperands(op string, a, b Value) {
	if op == "+" {
		switch a.(type) {
		case Str, *List, Tuple:
			throw(TypeErr, "can only concatenate %s (not \"%s\") to %s", a.TypeName(), b.TypeName(), a.TypeName())
		}
	}
	if op == "**" {
		op = "** or pow()"
	}
	throw(TypeErr, "unsupported operand type(s) for %s: '%s' and '%s'", op, a.TypeName(), b.TypeName())
}

// join2 is + on sequences; nil when the two don't go together.
func (s *State) join2(a, b Value) Value {
	switch x := a.(type) {
	case Str:
		switch y := b.(type) {
		case Str:
			s.spend(len(x) + len(y))
			return x + y
		case Markup:
			s.spend(len(x) + len(y))
			return escape(x) + y
		}
	case Markup:
		if _, ok := isString(b); ok {
			text := x + escape(b)
			s.spend(len(text))
			return text
		}
	case *List:
		if y, ok := b.(*List); ok {
			return s.newList(concat(s, x.Items, y.Items))
		}
	case Tuple:
		if y, ok := b.(Tuple); ok {
			return Tuple(concat(s, x, y))
		}
	case Bytes:
		if y, ok := b.(Bytes); ok {
			return x + y
		}
	}
	return nil
}

func concat(s *State, a, b []Value) []Value {
	s.spend(wordSize * (len(a) + len(b)))
	return append(append(make([]Value, 0, len(a)+len(b)), a...), b...)
}

// repeat is sequence * count; nil when the two don't go together.
func (s *State) repeat(seq, count Value) Value {
	n, ok := asInt(count)
	if _, big := count.(*BigInt); big {
		switch seq.(type) {
		case Str, Markup, Bytes, *List, Tuple:
			throw(OverflowErr, "cannot fit 'int' into an index-sized integer")
		}
	}
	if !ok {
		return nil
	}
	n = max(n, 0)
	switch x := seq.(type) {
	case Str:
		s.spendProduct(len(x), n)
		return Str(strings.Repeat(string(x), int(n)))
	case Markup:
		s.spendProduct(len(x), n)
		return Markup(strings.Repeat(string(x), int(n)))
	case Bytes:
		s.spendProduct(len(x), n)
		return Bytes(strings.Repeat(string(x), int(n)))
	case *List:
		return s.newList(s.repeatItems(x.Items, n))
	case Tuple:
		return Tuple(s.repeatItems(x, n))
	}
	return nil
}

func (s *State) repeatItems(items []Value, n int64) []Value {
	if len(items) == 0 {
		return nil
	}
	s.spendProduct(wordSize*len(items), n)
	out := make([]Value, 0, len(items)*int(n))
	for range n {
		out = append(out, items...)
	}
	return out
}
