package jinja

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// FromJSON reads a JSON document into values. Objects keep the order of their keys, and 1 and 1.0 stay apart.
func FromJSON(data []byte) (Value, error) {
	r := jsonReader{dec: json.NewDecoder(bytes.NewReader(data)), keys: map[string]Value{}}
	r.dec.UseNumber()
	v, err := r.value()
	if err != nil {
		return nil, fmt.Errorf("read JSON: %w", err)
	}
	return v, nil
}

// jsonReader keeps one copy of each key: like objects share their keys, and lookups in them stay in the cache.
type jsonReader struct {
	dec  *json.Decoder
	keys map[string]Value
}

func (r *jsonReader) value() (Value, error) {
	tok, err := r.dec.Token()
	if err != nil {
		return nil, err
	}
	switch tok := tok.(type) {
	case json.Delim:
		if tok == '{' {
			return r.object()
		}
		return r.array()
	case string:
		return Str(tok), nil
	case bool:
		return Bool(tok), nil
	case json.Number:
		return jsonNumber(tok.String())
	}
	return None, nil
}

func jsonNumber(text string) (Value, error) {
	if strings.ContainsAny(text, ".eE") {
		f, err := strconv.ParseFloat(text, 64)
		return Float(f), err
	}
	if n, ok := parseInt(text, 10); ok {
		return n, nil
	}
	return nil, fmt.Errorf("number %.20s is too long", text)
}

func (r *jsonReader) object() (Value, error) {
	d := NewDict(0)
	for r.dec.More() {
		tok, err := r.dec.Token()
		if err != nil {
			return nil, err
		}
		name := tok.(string)
		if r.keys[name] == nil {
			r.keys[name] = Str(name)
		}
		val, err := r.value()
		if err != nil {
			return nil, err
		}
		d.Set(r.keys[name], val)
	}
	_, err := r.dec.Token()
	return d, err
}

func (r *jsonReader) array() (Value, error) {
	list := NewList()
	for r.dec.More() {
		val, err := r.value()
		if err != nil {
			return nil, err
		}
		list.Items = append(list.Items, val)
	}
	_, err := r.dec.Token()
	return list, err
}

// filterToJSON writes JSON as Python's json.dumps(sort_keys=True) does, with the characters escaped that matter in HTML.
func filterToJSON(s *State, in Value, a Args) Value {
	p := a.bind("do_tojson", "indent?")
	w := &jsonWriter{s: s, separator: ", "}
	if p[0] != nil && p[0] != None {
		w.separator = ","
		if text, ok := isString(p[0]); ok {
			w.indent = text
		} else {
			w.indent = strings.Repeat(" ", max(wholeNumber(p[0], 0), 0))
		}
		w.pretty = true
	}
	w.write(in, 0)
	text := jsonForHTML.Replace(w.out.String())
	s.spend(len(text))
	return Markup(text)
}

// JSON is Python's json.dumps(v, indent=…, sort_keys=…). An indent below 0 puts all on one line.
func (s *State) JSON(v Value, indent int, sortKeys bool) (text string, err error) {
	err = s.guard(func() {
		w := &jsonWriter{s: s, separator: ", ", unsorted: !sortKeys}
		if indent >= 0 {
			w.separator, w.indent, w.pretty = ",", strings.Repeat(" ", indent), true
		}
		w.write(v, 0)
		text = w.out.String()
		s.spend(len(text))
	})
	return text, err
}

var jsonForHTML = strings.NewReplacer("<", `\u003c`, ">", `\u003e`, "&", `\u0026`, "'", `\u0027`)

type jsonWriter struct {
	s         *State
	out       strings.Builder
	separator string
	indent    string
	pretty    bool
	unsorted  bool
	open      []Value
}

func (w *jsonWriter) write(v Value, depth int) {
	if depth > maxNesting {
		throw(RecursionErr, "maximum recursion depth exceeded while encoding a JSON object")
	}
	w.s.step(1)
	w.s.fits(w.out.Len())
	switch v := v.(type) {
	case noneType:
		w.out.WriteString("null")
	case Bool:
		w.out.WriteString(strings.ToLower(boolName(bool(v))))
	case Int, *BigInt:
		w.out.WriteString(repr(v))
	case Float:
		w.out.WriteString(jsonFloat(float64(v)))
	case Str:
		w.text(string(v))
	case Markup:
		w.text(string(v))
	case *List:
		w.nested(v, func() { w.array(v.Items, depth) })
	case Tuple:
		w.array(v, depth)
	case *Dict:
		w.nested(v, func() { w.object(v, depth) })
	default:
		if _, ok := v.(Opaque); ok {
			opaqueFail("written as JSON", v)
		}
		throw(TypeErr, "Object of type %s is not JSON serializable", v.TypeName())
	}
}

func jsonFloat(f float64) string {
	switch {
	case math.IsNaN(f):
		return "NaN"
	case math.IsInf(f, 1):
		return "Infinity"
	case math.IsInf(f, -1):
		return "-Infinity"
	}
	return floatRepr(f)
}

func (w *jsonWriter) nested(v Value, write func()) {
	for _, outer := range w.open {
		if outer == v {
			throw(ValueErr, "Circular reference detected")
		}
	}
	w.open = append(w.open, v)
	write()
	w.open = w.open[:len(w.open)-1]
}

func (w *jsonWriter) newline(depth int) {
	if w.pretty {
		w.s.spend(len(w.indent) * depth)
		w.out.WriteString("\n" + strings.Repeat(w.indent, depth))
	}
}

func (w *jsonWriter) array(items []Value, depth int) {
	if len(items) == 0 {
		w.out.WriteString("[]")
		return
	}
	w.out.WriteByte('[')
	for i, item := range items {
		if i > 0 {
			w.out.WriteString(w.separator)
		}
		w.newline(depth + 1)
		w.write(item, depth+1)
	}
	w.newline(depth)
	w.out.WriteByte(']')
}

func (w *jsonWriter) object(d *Dict, depth int) {
	if d.Len() == 0 {
		w.out.WriteString("{}")
		return
	}
	items := w.s.items(&dictView{d, "dict_items", pair})
	if !w.unsorted {
		items = w.s.sortBy(items, func(v Value) Value { return v.(Tuple)[0] }, false)
	}
	w.out.WriteByte('{')
	for i, item := range items {
		if i > 0 {
			w.out.WriteString(w.separator)
		}
		w.newline(depth + 1)
		w.key(item.(Tuple)[0])
		w.out.WriteString(": ")
		w.write(item.(Tuple)[1], depth+1)
	}
	w.newline(depth)
	w.out.WriteByte('}')
}

func (w *jsonWriter) key(v Value) {
	switch v := v.(type) {
	case Str, Markup:
		text, _ := isString(v)
		w.text(text)
	case noneType:
		w.text("null")
	case Bool:
		w.text(strings.ToLower(boolName(bool(v))))
	case Int, *BigInt:
		w.text(repr(v))
	case Float:
		w.text(jsonFloat(float64(v)))
	default:
		throw(TypeErr, "keys must be str, int, float, bool or None, not %s", v.TypeName())
	}
}

var jsonEscapes = map[rune]string{'"': `\"`, '\\': `\\`, '\n': `\n`, '\r': `\r`, '\t': `\t`, '\f': `\f`, '\b': `\b`}

func (w *jsonWriter) text(text string) {
	w.out.WriteByte('"')
	for _, r := range text {
		switch escape, special := jsonEscapes[r]; {
		case special:
			w.out.WriteString(escape)
		case r >= 0x10000:
			high, low := utf16.EncodeRune(r)
			fmt.Fprintf(&w.out, `\u%04x\u%04x`, high, low)
		case r < ' ' || r >= utf8.RuneSelf-1:
			fmt.Fprintf(&w.out, `\u%04x`, r)
		default:
			w.out.WriteRune(r)
		}
	}
	w.out.WriteByte('"')
}
