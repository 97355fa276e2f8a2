package render

import (
	"cmp"
	"maps"
	"slices"
	"strings"
	"time"

	"peerflow/internal/jinja"
)

// Record is what the records of a Network have in common.
type Record struct {
	ID               int64     // 0 for what stands nowhere, such as a network that nobody recorded
	Created, Updated time.Time // zero prints as None
	Description      string
	Comments         string
	Tags             []*Tag // in the order in which they were set
	Contexts         []*ContextAssignment
	LocalContext     Data // what the record itself adds to its contexts
}

func (r *Record) record() *Record { return r }

// object is a record as a template holds it.
type object interface {
	jinja.Object
	record() *Record
	noun() *noun
	String() string
}

// noun tells what the records of a kind are called, and which attributes are theirs to store.
type noun struct {
	class  string   // of Peering Manager, which a list prints: <Community: blackhole>
	stored []string // what as_json and as_yaml write
	names  []string // all attributes, for messages
}

// fields are the attributes that a kind of record offers to templates. What isn't here doesn't exist.
type fields[T any] map[string]func(T) jinja.Value

// of gives an attribute. As in Django, a relation's name with _id gives the related record's id.
func (f fields[T]) of(row T, name string) (jinja.Value, bool) {
	if get, ok := f[name]; ok {
		return get(row), true
	}
	if relation, ok := strings.CutSuffix(name, "_id"); ok && f[relation] != nil {
		if id, ok := keyOf(f[relation](row)); ok {
			return id, true
		}
	}
	return nil, false
}

// with adds fields to those that kinds of records share.
func (f fields[T]) with(more fields[T]) fields[T] {
	maps.Copy(f, more)
	return f
}

func describe[T any](class string, f fields[T], stored string) *noun {
	offering(f)
	return &noun{class: class, stored: strings.Fields(stored), names: slices.Sorted(maps.Keys(f))}
}

// offered are the names of all attributes of whatever a template is given.
var offered = map[string]bool{}

// offering notes what values of a kind offer.
func offering[T any](f fields[T]) fields[T] {
	for name := range f {
		offered[name] = true
	}
	return f
}

// shape are the keys of dictionaries that are made for templates, in order.
type shape []string

func shaped(keys ...string) shape {
	for _, key := range keys {
		offered[key] = true
	}
	return keys
}

// of makes a dictionary with a value for each key.
func (s shape) of(vals ...jinja.Value) *jinja.Dict {
	made := jinja.NewDict(len(s))
	for i, key := range s {
		made.SetStr(key, vals[i])
	}
	return made
}

// keyOf is the primary key of a related record; None where there is none.
func keyOf(v jinja.Value) (jinja.Value, bool) {
	if v == jinja.None {
		return v, true
	}
	if row, ok := v.(object); ok {
		return id(row.record().ID), true
	}
	return nil, false
}

func id(n int64) jinja.Value {
	if n == 0 {
		return jinja.None
	}
	return jinja.Int(n)
}

// identified is what every kind has.
func identified[T interface{ record() *Record }]() fields[T] {
	return fields[T]{
		"id":      func(r T) jinja.Value { return id(r.record().ID) },
		"pk":      func(r T) jinja.Value { return id(r.record().ID) },
		"created": func(r T) jinja.Value { return moment(r.record().Created) },
		"updated": func(r T) jinja.Value { return moment(r.record().Updated) },
	}
}

// featured is what the kinds have that people edit.
func featured[T interface{ record() *Record }]() fields[T] {
	return identified[T]().with(fields[T]{
		"description": func(r T) jinja.Value { return jinja.Str(r.record().Description) },
		"tags":        func(r T) jinja.Value { return manager("Tag", r.record().Tags) },
		"config_contexts": func(r T) jinja.Value {
			return manager("ConfigContextAssignment", inOrder(r.record().Contexts, byWeight))
		},
		"local_context_data": func(r T) jinja.Value { return r.record().LocalContext.get() },
		"config_context":     func(r T) jinja.Value { return r.record().configContext() },
		"context":            func(r T) jinja.Value { return r.record().context() },
	})
}

// primary is featured with comments.
func primary[T interface{ record() *Record }]() fields[T] {
	return featured[T]().with(fields[T]{
		"comments": func(r T) jinja.Value { return jinja.Str(r.record().Comments) },
	})
}

const (
	storedAlways = "created updated local_context_data description "
	storedInMost = storedAlways + "comments "
)

// text prints what may be absent: None for nothing.
func text(s string) jinja.Value {
	if s == "" {
		return jinja.None
	}
	return jinja.Str(s)
}

// one prints a relation that may be absent.
func one[T interface {
	comparable
	jinja.Value
}](row T) jinja.Value {
	var none T
	if row == none {
		return jinja.None
	}
	return row
}

// values are records as a template walks them.
func values[T jinja.Value](rows []T) []jinja.Value {
	out := make([]jinja.Value, len(rows))
	for i, row := range rows {
		out[i] = row
	}
	return out
}

// method is an attribute that a template calls with parentheses and nothing in them.
func method(name string, fn func() jinja.Value) jinja.Value {
	return &jinja.Func{Name: name, Fn: func(_ *jinja.State, a jinja.Args) (jinja.Value, error) {
		_, err := a.Bind(name)
		return fn(), err
	}}
}

// reprOf is how a list prints a record.
func reprOf(o object) string { return "<" + o.noun().class + ": " + o.String() + ">" }

// inOrder gives the rows in the order of the database, without changing the slice it is given.
func inOrder[T any](rows []T, order func(a, b T) int) []T {
	if slices.IsSortedFunc(rows, order) {
		return rows
	}
	rows = slices.Clone(rows)
	slices.SortStableFunc(rows, order)
	return rows
}

// nullsLast orders relations that may be absent as PostgreSQL does.
func nullsLast[T comparable](a, b T, order func(a, b T) int) int {
	var none T
	switch {
	case a == b:
		return 0
	case a == none:
		return 1
	case b == none:
		return -1
	}
	return order(a, b)
}

func byID(a, b object) int { return cmp.Compare(a.record().ID, b.record().ID) }
