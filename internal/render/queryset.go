package render

import (
	"strings"

	"peerflow/internal/jinja"
)

// querySet is a collection with Django's methods. Its records are in memory; those it is asked for are picked once.
type querySet struct {
	class   string // of its records
	related bool   // hangs on a record, as the tags of a session do: true even when empty, as Django's managers are
	items   []jinja.Value
	load    func() []jinja.Value // gives the items when a template first asks for them; nil once they are here
}

// lazy is a collection that is picked when it is asked for.
func lazy(class string, pick func() *querySet) *querySet {
	return &querySet{class: class, load: func() []jinja.Value { return pick().Items() }}
}

// rows is a collection that a filter or a method gives.
func rows[T jinja.Value](class string, list []T) *querySet {
	return &querySet{class: class, items: values(list)}
}

// manager is a collection that is an attribute of a record.
func manager[T jinja.Value](class string, list []T) jinja.Value {
	return &querySet{class: class, related: true, items: values(list)}
}

// like is a collection of the same kind with other items.
func (q *querySet) like(items []jinja.Value) *querySet {
	return &querySet{class: q.class, items: items}
}

func (q *querySet) TypeName() string {
	if q.related {
		return "ManyRelatedManager"
	}
	return "QuerySet"
}

func (q *querySet) Truth() bool  { return q.related || len(q.Items()) > 0 }
func (q *querySet) Repr() string { return q.String() }

func (q *querySet) Items() []jinja.Value {
	if q.load != nil {
		q.items, q.load = q.load(), nil
	}
	return q.items
}

// maxShown is how many records Django prints of a collection.
const maxShown = 20

func (q *querySet) String() string {
	if q.related {
		return q.class + ".None"
	}
	var shown []string
	for i, item := range q.Items() {
		if i == maxShown {
			shown = append(shown, "'...(remaining elements truncated)...'")
			break
		}
		if named, ok := item.(jinja.Reprer); ok {
			shown = append(shown, named.Repr())
		} else {
			shown = append(shown, jinja.Repr(item))
		}
	}
	return "<QuerySet [" + strings.Join(shown, ", ") + "]>"
}

// Item serves collection[n]. Django counts from the front only, and says so.
func (q *querySet) Item(key jinja.Value) (jinja.Value, bool) {
	n, ok := key.(jinja.Int)
	if ok && n < 0 {
		panic(jinja.Errorf(jinja.ValueErr, "Negative indexing is not supported: take .reverse() first"))
	}
	if !ok || int(n) >= len(q.Items()) {
		return nil, false
	}
	return q.Items()[n], true
}

// queryMethods are the methods of a collection.
var queryMethods = map[string]func(q *querySet, s *jinja.State, a jinja.Args) (jinja.Value, error){
	"all":     (*querySet).all,
	"filter":  func(q *querySet, s *jinja.State, a jinja.Args) (jinja.Value, error) { return q.filter(s, a, true) },
	"exclude": func(q *querySet, s *jinja.State, a jinja.Args) (jinja.Value, error) { return q.filter(s, a, false) },
	"get":     (*querySet).get,
	"first":   func(q *querySet, _ *jinja.State, a jinja.Args) (jinja.Value, error) { return q.end("first", a, 0) },
	"last": func(q *querySet, _ *jinja.State, a jinja.Args) (jinja.Value, error) {
		return q.end("last", a, len(q.Items())-1)
	},
	"count": func(q *querySet, _ *jinja.State, a jinja.Args) (jinja.Value, error) {
		return jinja.Int(len(q.Items())), none("count", a)
	},
	"exists": func(q *querySet, _ *jinja.State, a jinja.Args) (jinja.Value, error) {
		return jinja.Bool(len(q.Items()) > 0), none("exists", a)
	},
	"none": func(q *querySet, _ *jinja.State, a jinja.Args) (jinja.Value, error) {
		return q.like(nil), none("none", a)
	},
	"order_by":    (*querySet).orderBy,
	"reverse":     (*querySet).reverse,
	"distinct":    (*querySet).distinct,
	"values_list": (*querySet).valuesList,
	"values":      (*querySet).valuesDicts,
	"union":       (*querySet).union,
}

func (q *querySet) Attr(name string) (jinja.Value, bool) {
	run, ok := queryMethods[name]
	if !ok {
		return nil, false
	}
	return &jinja.Func{Name: name, Fn: func(s *jinja.State, a jinja.Args) (jinja.Value, error) { return run(q, s, a) }}, true
}

// none refuses arguments.
func none(name string, a jinja.Args) error {
	_, err := a.Bind(name)
	return err
}

func (q *querySet) all(_ *jinja.State, a jinja.Args) (jinja.Value, error) {
	return q.like(q.Items()), none("all", a)
}

func (q *querySet) end(name string, a jinja.Args, at int) (jinja.Value, error) {
	if err := none(name, a); err != nil || at < 0 || at >= len(q.Items()) {
		return jinja.None, err
	}
	return q.Items()[at], nil
}

func (q *querySet) get(s *jinja.State, a jinja.Args) (jinja.Value, error) {
	found, err := q.filter(s, a, true)
	if err != nil {
		return nil, err
	}
	switch items := found.Items(); len(items) {
	case 0:
		return nil, jinja.Errorf("DoesNotExist", "%s matching query does not exist.", q.class)
	case 1:
		return items[0], nil
	default:
		return nil, jinja.Errorf("MultipleObjectsReturned", "get() returned more than one %s -- it returned %d!", q.class, len(items))
	}
}

func (q *querySet) reverse(_ *jinja.State, a jinja.Args) (jinja.Value, error) {
	items := make([]jinja.Value, len(q.Items()))
	for i, item := range q.Items() {
		items[len(items)-1-i] = item
	}
	return q.like(items), none("reverse", a)
}

func (q *querySet) union(s *jinja.State, a jinja.Args) (jinja.Value, error) {
	all := q.Items()
	for _, other := range a.Pos {
		items, err := s.Items(other)
		if err != nil {
			return nil, err
		}
		for _, item := range items {
			if _, isRecord := item.(object); !isRecord {
				return nil, jinja.Errorf(jinja.TypeErr, "union() takes collections of records, not %s", item.TypeName())
			}
		}
		all = append(all[:len(all):len(all)], items...)
	}
	return q.like(uniqueItems(all)), nil
}
