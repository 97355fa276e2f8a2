package jinja

import (
	"fmt"
	"math"
	"reflect"
	"strings"
	"sync/atomic"
)

// Dict keeps its entries in the order of their insertion and finds keys as Python does: 1, 1.0 and true are one key.
type Dict struct {
	entries []dictEntry // removed ones have a nil key
	index   map[any]int // built once there are more than smallDict entries
	live    int
}

type dictEntry struct{ key, val Value }

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
	d.entries = append(d.entries, dictEntry{key, val})
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
	if text, ok := hash.(Str); ok {
		return d.findText(text)
	}
	for i := range d.entries {
		if e := &d.entries[i]; e.key != nil && hashKey(e.key) == hash {
			return i
		}
	}
	return -1
}

// getNear is Get for a text key that was last found at *hint, in this dict or in one of the same make. Templates walk
// lists of like dicts, so the hint is right nearly always. It is shared by goroutines.
func (d *Dict) getNear(key Value, hint *atomic.Int32) (Value, bool) {
	if i := int(hint.Load()); i < len(d.entries) {
		if text, ok := d.entries[i].key.(Str); ok && text == key.(Str) {
			return d.entries[i].val, true
		}
	}
	i := d.find(key)
	if i < 0 {
		return nil, false
	}
	hint.Store(int32(i))
	return d.entries[i].val, true
}

// findText saves comparing interfaces, which is what most lookups would spend their time on.
func (d *Dict) findText(text Str) int {
	for i := range d.entries {
		switch key := d.entries[i].key.(type) {
		case Str:
			if key == text {
				return i
			}
		case Markup:
			if string(key) == string(text) {
				return i
			}
		}
	}
	return -1
}

func (d *Dict) reindex() {
	d.index = make(map[any]int, 2*len(d.entries))
	for i, e := range d.entries {
		if e.key != nil {
			d.index[hashKey(e.key)] = i
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
func hashKey(key Value) any {
	switch v := key.(type) {
	case Str:
		return key // and not v, which would be copied to the heap
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
	case *Range:
		return v.key()
	case *List, *Dict, *dictView:
		throw(TypeErr, "unhashable type: '%s'", v.TypeName())
	case *Undefined:
		v.used()
		return "undefined"
	case Opaque:
		opaqueFail("used as a key", v)
	case Keyed:
		return v.Key()
	}
	if !reflect.TypeOf(key).Comparable() {
		throw(TypeErr, "unhashable type: '%s'", key.TypeName())
	}
	return key
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

// maxTupleKey bounds what a tuple's key is spelled with: tuples may hold one another so often that it would never end.
const maxTupleKey = 1 << 16

// hashTuple spells the parts' keys out, each with its kind and length, so that (1,) and ("1",) stay apart.
func hashTuple(t Tuple) any {
	var b strings.Builder
	writeTuple(&b, t, 0)
	return tupleKey(b.String())
}

func writeTuple(b *strings.Builder, t Tuple, depth int) {
	if depth > maxNesting {
		throw(RecursionErr, "maximum recursion depth exceeded while hashing a tuple")
	}
	b.WriteByte('(')
	for _, item := range t {
		if inner, ok := item.(Tuple); ok {
			writeTuple(b, inner, depth+1)
			continue
		}
		key := hashKey(item)
		text := fmt.Sprintf("%T %v", key, key)
		if reflect.ValueOf(key).Kind() == reflect.Pointer {
			text = fmt.Sprintf("%T %p", key, key)
		}
		fmt.Fprintf(b, "%d:%s", len(text), text)
		if b.Len() > maxTupleKey {
			throw(LimitErr, "a tuple used as a key has more than %d bytes", maxTupleKey)
		}
	}
	b.WriteByte(')')
}

func opaqueFail(act string, v Value) {
	throw(OpaqueErr, "%s can be printed, and not be %s", v.TypeName(), act)
}
