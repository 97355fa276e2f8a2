package render

import (
	"slices"
	"strings"

	"peerflow/internal/jinja"
)

// ranked orders itself among its like as its table does: related records are ordered by it.
type ranked interface{ rank(other jinja.Value) int }

// orderBy sorts by fields, each with - in front for descending. Absent values come last ascending, first descending.
func (q *querySet) orderBy(s *jinja.State, a jinja.Args) (jinja.Value, error) {
	if len(a.Kw) > 0 {
		return nil, jinja.Errorf(jinja.TypeErr, "order_by() takes names of fields")
	}
	items, err := slices.Clone(q.Items()), error(nil)
	for _, field := range slices.Backward(a.Pos) { // the last one first: sorting keeps the order of equals
		if items, err = sortedBy(s, items, field); err != nil {
			return nil, err
		}
	}
	return q.like(items), nil
}

func sortedBy(s *jinja.State, items []jinja.Value, field jinja.Value) ([]jinja.Value, error) {
	name, err := s.Text(field)
	if err != nil {
		return nil, err
	}
	path, descending := strings.CutPrefix(name, "-")
	type keyed struct{ key, item jinja.Value }
	list := make([]keyed, len(items))
	for i, item := range items {
		found, err := follow(item, strings.Split(path, "__"))
		if err != nil {
			return nil, err
		}
		list[i] = keyed{found[0], item}
	}
	slices.SortStableFunc(list, func(a, b keyed) int {
		order, fault := compareKeys(s, a.key, b.key)
		if fault != nil {
			err = fault
		}
		if descending {
			return -order
		}
		return order
	})
	out := make([]jinja.Value, len(list))
	for i, k := range list {
		out[i] = k.item
	}
	return out, err
}

func compareKeys(s *jinja.State, a, b jinja.Value) (int, error) {
	switch {
	case a == jinja.None && b == jinja.None:
		return 0, nil
	case a == jinja.None:
		return 1, nil
	case b == jinja.None:
		return -1, nil
	}
	if row, ok := a.(ranked); ok {
		return row.rank(b), nil
	}
	if x, ok := prefixOf(a); ok {
		if y, ok := prefixOf(b); ok {
			return compareInet(x, y), nil
		}
	}
	less, err := s.Ordered("<", a, b)
	if err != nil || less {
		return -1, err
	}
	more, err := s.Ordered(">", a, b)
	if more {
		return 1, err
	}
	return 0, err
}

// distinct drops repeated items, or with fields the items whose fields repeat.
func (q *querySet) distinct(s *jinja.State, a jinja.Args) (jinja.Value, error) {
	if len(a.Pos) == 0 {
		return q.like(uniqueItems(q.Items())), nil
	}
	var kept []jinja.Value
	seen := jinja.NewDict(len(q.Items()))
	for _, item := range q.Items() {
		key, err := leaves(s, item, a.Pos)
		if err != nil {
			return nil, err
		}
		if _, known := seen.Get(key); !known {
			seen.Set(key, jinja.None)
			kept = append(kept, item)
		}
	}
	return q.like(kept), nil
}

// uniqueItems keeps the first of equal items. Lists and dicts are equal to themselves only.
func uniqueItems(items []jinja.Value) []jinja.Value {
	seen := make(map[any]bool, len(items))
	var kept []jinja.Value
	for _, item := range items {
		key := any(item)
		if tuple, ok := item.(jinja.Tuple); ok {
			key = jinja.Repr(tuple)
		}
		if !seen[key] {
			seen[key] = true
			kept = append(kept, item)
		}
	}
	return kept
}

// leaves are the values of fields, with a record's id in its place.
func leaves(s *jinja.State, item jinja.Value, names []jinja.Value) (jinja.Tuple, error) {
	out := make(jinja.Tuple, len(names))
	for i, field := range names {
		name, err := s.Text(field)
		if err != nil {
			return nil, err
		}
		found, err := follow(item, strings.Split(name, "__"))
		if err != nil {
			return nil, err
		}
		out[i] = found[0]
		if key, ok := keyOf(out[i]); ok {
			out[i] = key
		}
	}
	return out, nil
}

// valuesList gives tuples of fields, or with flat=True the values of the one field named.
func (q *querySet) valuesList(s *jinja.State, a jinja.Args) (jinja.Value, error) {
	flat, err := (jinja.Args{Kw: a.Kw}).Bind("values_list", "flat?")
	if err != nil {
		return nil, err
	}
	single := false
	if flat[0] != nil {
		if single, err = s.Truth(flat[0]); err != nil {
			return nil, err
		}
	}
	if single && len(a.Pos) != 1 {
		return nil, jinja.Errorf(jinja.TypeErr, "'flat' is not valid when values_list is called with more than one field.")
	}
	out := make([]jinja.Value, len(q.Items()))
	for i, item := range q.Items() {
		tuple, err := leaves(s, item, a.Pos)
		if err != nil {
			return nil, err
		}
		out[i] = tuple
		if single {
			out[i] = tuple[0]
		}
	}
	return q.like(out), nil
}

func (q *querySet) valuesDicts(s *jinja.State, a jinja.Args) (jinja.Value, error) {
	out := make([]jinja.Value, len(q.Items()))
	for i, item := range q.Items() {
		tuple, err := leaves(s, item, a.Pos)
		if err != nil {
			return nil, err
		}
		row := jinja.NewDict(len(tuple))
		for j, v := range tuple {
			row.Set(a.Pos[j], v)
		}
		out[i] = row
	}
	return q.like(out), nil
}
