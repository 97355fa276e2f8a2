package jinja

import (
	"fmt"
	"math"
	"reflect"
	"strings"
)

// Dict keeps its entries in the order of their insertion and finds keys as Python does: 1, 1.0 and true are one key.
type Dict struct {
	entries []dictEntry // removed ones have a nil key
	index   map[any]int // built once there are more than smallDict entries
	live    int
}

type dictEntry struct {
	key  Value
	hash any
	val  Value
}

// smallDict is how many entries are searched one by one: quicker than a map, and cheaper to build.
const smallDict = 8

// NewDict gives an empty Dict with room for n entries.
func NewDict(n int) *Dict { return &Dict{entries: make([]dictEntry, 0, n)} }

func (*Dict) TypeName() string { return "dict" }

// Len is the number of entries.
func (d *Dict) Len() int { return d.live }

// Get gives the value under a key; an unhashable key ends the rendering with TypeErr, as in Python.
func (d *Dict) Get(key Value) (Value, bool) {
	if i := d.find(hashKey(key)); i >= 0 {
		return d.entries[i].val, true
	}
	return nil, false
}

// GetStr is Get for a text key.
func (d *Dict) GetStr(key string) (Value, bool) { return d.Get(Str(key)) }

// Set replaces the value under a key, keeping its place, or appends an entry.
func (d *Dict) Set(key, val Value) {
	hash := hashKey(key)
	if i := d.find(hash); i >= 0 {
		d.entries[i].val = val
		return
	}
	d.entries = append(d.entries, dictEntry{key, hash, val})
	d.live++
	switch {
	case d.index != nil:
		d.index[hash] = len(d.entries) - 1
	case len(d.entries) > smallDict:
		d.reindex()
	}
}

// SetStr is Set for a text key.
func (d *Dict) SetStr(key string, val Value) { d.Set(Str(key), val) }

// Delete removes a key and tells its value.
func (d *Dict) Delete(key Value) (Value, bool) {
	hash := hashKey(key)
	i := d.find(hash)
	if i < 0 {
		return nil, false
	}
	val := d.entries[i].val
	d.entries[i] = dictEntry{}
	d.live--
	if d.index != nil {
		delete(d.index, hash)
	}
	if len(d.entries) > smallDict && d.live < len(d.entries)/2 {
		d.compact()
	}
	return val, true
}

// Clear removes all entries.
func (d *Dict) Clear() { *d = Dict{} }

// Copy is a shallow copy.
func (d *Dict) Copy() *Dict {
	c := NewDict(d.live)
	for k, v := range d.All {
		c.Set(k, v)
	}
	return c
}

// All yields the entries in order.
func (d *Dict) All(yield func(key, val Value) bool) {
	for i := 0; i < len(d.entries); i++ {
		if e := d.entries[i]; e.key != nil && !yield(e.key, e.val) {
			return
		}
	}
}

func (d *Dict) find(hash any) int {
	if d.index != nil {
		if i, ok := d.index[hash]; ok {
			return i
		}
		return -1
	}
	text, isText := hash.(Str)
	for i := range d.entries {
		e := &d.entries[i]
		if isText {
			if other, ok := e.hash.(Str); ok && other == text {
				return i
			}
		} else if e.key != nil && e.hash == hash {
			return i
		}
	}
	return -1
}

func (d *Dict) reindex() {
	d.index = make(map[any]int, 2*len(d.entries))
	for i, e := range d.entries {
		if e.key != nil {
			d.index[e.hash] = i
		}
	}
}

func (d *Dict) compact() {
	kept := make([]dictEntry, 0, d.live)
	for _, e := range d.entries {
		if e.key != nil {
			kept = append(kept, e)
		}
	}
	d.entries = kept
	d.index = nil
	if len(kept) > smallDict {
		d.reindex()
	}
}

type (
	bigKey   string
	tupleKey string
	bytesKey string
)

// hashKey maps a value to a Go-comparable key that is equal exactly when Python's keys are.
func hashKey(v Value) any {
	switch v := v.(type) {
	case Str:
		return v
	case Markup:
		return Str(v)
	case Int:
		return int64(v)
	case Bool:
		if v {
			return int64(1)
		}
		return int64(0)
	case Float:
		return floatKey(float64(v))
	case *BigInt:
		return bigKey(v.n.String())
	case Bytes:
		return bytesKey(v)
	case Tuple:
		return hashTuple(v)
	case *List, *Dict, *dictView:
		throw(TypeErr, "unhashable type: '%s'", v.TypeName())
	case *Undefined:
		if v.policy == UndefinedStrict {
			v.fail()
		}
		return "undefined"
	case Opaque:
		opaqueFail("used as a key", v)
	case Keyed:
		return v.Key()
	}
	if !reflect.TypeOf(v).Comparable() {
		throw(TypeErr, "unhashable type: '%s'", v.TypeName())
	}
	return v
}

func floatKey(f float64) any {
	if f == math.Trunc(f) && math.Abs(f) < 1<<63 {
		return int64(f)
	}
	if f == math.Trunc(f) && !math.IsInf(f, 0) {
		return bigKey(bigFromFloat(f).String())
	}
	return f
}

// hashTuple spells the parts' keys out; kinds are marked, so that (1,) and ("1",) stay apart.
func hashTuple(t Tuple) any {
	var b strings.Builder
	for _, item := range t {
		writeTupleKey(&b, hashKey(item))
	}
	return tupleKey(b.String())
}

func opaqueFail(act string, v Value) {
	throw(OpaqueErr, "%s can be printed, and not be %s", v.TypeName(), act)
}

// writeTupleKey spells one part of a tuple's key, with its length so that parts can't run into one another.
func writeTupleKey(b *strings.Builder, key any) {
	text := fmt.Sprintf("%T %v", key, key)
	if reflect.ValueOf(key).Kind() == reflect.Pointer {
		text = fmt.Sprintf("%T %p", key, key)
	}
	fmt.Fprintf(b, "%d:%s;", len(text), text)
}
