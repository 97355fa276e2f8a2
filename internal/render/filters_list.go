package render

import (
	"peerflow/internal/jinja"
)

// filterLength counts the items of anything, where Jinja2's counts what is in memory.
func filterLength(s *jinja.State, in jinja.Value, a jinja.Args) (jinja.Value, error) {
	if err := none("length", a); err != nil {
		return nil, err
	}
	switch v := in.(type) {
	case *querySet:
		return jinja.Int(len(v.Items())), nil
	case *generated:
		return jinja.Int(len(v.items)), nil
	}
	return s.Length(in)
}

// filterFilter takes Django's lookups on a collection, and compares attributes for equality on anything else.
func filterFilter(s *jinja.State, in jinja.Value, a jinja.Args) (jinja.Value, error) {
	if q, ok := in.(*querySet); ok {
		return q.filter(s, a, true)
	}
	if len(a.Pos) > 0 {
		return nil, jinja.Errorf(jinja.TypeErr, "filter takes attributes by name, such as filter(slug='x')")
	}
	items, err := s.Items(in)
	if err != nil {
		return nil, err
	}
	kept := jinja.NewList()
	for _, item := range items {
		ok, err := hasAll(s, item, a.Kw)
		if err != nil {
			return nil, err
		}
		if ok {
			kept.Items = append(kept.Items, item)
		}
	}
	return kept, nil
}

func hasAll(s *jinja.State, item jinja.Value, wanted []jinja.Keyword) (bool, error) {
	for _, kw := range wanted {
		have, ok := getattr(item, kw.Name)
		if !ok {
			return false, nil
		}
		if same, err := s.Equal(have, kw.Value); err != nil || !same {
			return false, err
		}
	}
	return true, nil
}

// filterGet is the one item that matches, or else all that do.
func filterGet(s *jinja.State, in jinja.Value, a jinja.Args) (jinja.Value, error) {
	found, err := filterFilter(s, in, a)
	if err != nil {
		return nil, err
	}
	items, err := s.Items(found)
	if err != nil || len(items) != 1 {
		return found, err
	}
	return items[0], nil
}

// filterUniqueItems keeps the first item of each value of a field, and none that lacks it.
func filterUniqueItems(s *jinja.State, in jinja.Value, a jinja.Args) (jinja.Value, error) {
	field, err := textArgs(s, a, "unique_items", "field")
	if err != nil {
		return nil, err
	}
	items, err := s.Items(in)
	if err != nil {
		return nil, err
	}
	seen := jinja.NewDict(len(items))
	var kept []jinja.Value
	for _, item := range items {
		v, ok := getattr(item, field[0])
		if !ok {
			continue
		}
		if _, known := seen.Get(v); !known {
			seen.Set(v, jinja.None)
			kept = append(kept, item)
		}
	}
	if q, ok := in.(*querySet); ok {
		return q.like(kept), nil
	}
	return jinja.NewList(kept...), nil
}

// generated is what a Python generator gives: true, even when nothing comes of it.
type generated struct{ items []jinja.Value }

func (*generated) TypeName() string                { return "generator" }
func (g *generated) Items() []jinja.Value          { return g.items }
func (*generated) Truth() bool                     { return true }
func (*generated) Attr(string) (jinja.Value, bool) { return nil, false }

// filterIterate gives a field of each item, None where an item has none.
func filterIterate(s *jinja.State, in jinja.Value, a jinja.Args) (jinja.Value, error) {
	field, err := textArgs(s, a, "iterate", "field")
	if err != nil {
		return nil, err
	}
	items, err := s.Items(in)
	if err != nil {
		return nil, err
	}
	out := make([]jinja.Value, len(items))
	for i, item := range items {
		out[i] = jinja.None
		if v, ok := getattr(item, field[0]); ok {
			out[i] = v
		}
	}
	return &generated{out}, nil
}
