package render

import (
	"strings"

	"peerflow/internal/jinja"
)

// formatArgs are what as_json and as_yaml take.
func formatArgs(s *jinja.State, a jinja.Args, fn string, indent int) (spaces int, sorted bool, err error) {
	bound, err := a.Bind(fn, "indent?", "sort_keys?")
	if err != nil {
		return 0, false, err
	}
	spaces = numberOr(bound[0], indent)
	if bound[0] == jinja.None {
		spaces = -1
	}
	sorted, err = truthOr(s, bound[1], true)
	return spaces, sorted, err
}

// filterAsJSON writes data, a record or a collection of records as JSON.
func filterAsJSON(s *jinja.State, in jinja.Value, a jinja.Args) (jinja.Value, error) {
	indent, sorted, err := formatArgs(s, a, "as_json", 4)
	if err != nil {
		return nil, err
	}
	data, err := serialized(s, in)
	if err != nil {
		return nil, err
	}
	text, err := s.JSON(data, indent, sorted)
	return jinja.Str(text), err
}

// filterAsYAML writes data, a record or a collection of records as YAML.
func filterAsYAML(s *jinja.State, in jinja.Value, a jinja.Args) (jinja.Value, error) {
	indent, sorted, err := formatArgs(s, a, "as_yaml", 2)
	if err != nil {
		return nil, err
	}
	data, err := serialized(s, in)
	if err != nil {
		return nil, err
	}
	text, err := dumpYAML(s, data, indent, sorted)
	return jinja.Str(text), err
}

// serialized is a record, or each of a collection, as data; anything else as it is.
func serialized(s *jinja.State, v jinja.Value) (jinja.Value, error) {
	switch v := v.(type) {
	case *querySet:
		list := jinja.NewList()
		for _, item := range v.Items() {
			data, err := serialized(s, item)
			if err != nil {
				return nil, err
			}
			list.Items = append(list.Items, data)
		}
		return list, nil
	case object:
		return stored(s, v)
	}
	return v, nil
}

// stored is a record as the database has it: relations by their ids, tags by their names.
func stored(s *jinja.State, row object) (jinja.Value, error) {
	data := jinja.NewDict(len(row.noun().stored))
	for _, field := range row.noun().stored {
		v, ok := row.Attr(field)
		if !ok {
			continue
		}
		flat, err := flattened(s, v)
		if err != nil {
			return nil, err
		}
		data.SetStr(field, flat)
	}
	if _, ok := row.Attr("tags"); ok {
		tags := jinja.NewList()
		for _, t := range row.record().Tags {
			tags.Items = append(tags.Items, jinja.Str(t.Name))
		}
		data.SetStr("tags", tags)
	}
	return data, nil
}

func flattened(s *jinja.State, v jinja.Value) (jinja.Value, error) {
	if key, ok := keyOf(v); ok {
		return key, nil
	}
	switch v := v.(type) {
	case *querySet:
		ids := jinja.NewList()
		for _, row := range v.Items() {
			key, _ := keyOf(row)
			ids.Items = append(ids.Items, key)
		}
		return ids, nil
	case secretValue:
		return jinja.Str(v.text(surrounding(s.Context()).secrets, false)), nil
	case instant:
		return jinja.Str(jsonTime(v)), nil
	case address, hosted, subnet, mac:
		text, err := s.Text(v)
		return jinja.Str(text), err
	}
	return v, nil
}

// jsonTime is a time as Django writes it in JSON: to the millisecond, with Z for UTC.
func jsonTime(t instant) string {
	text := t.iso()
	if dot := strings.IndexByte(text, '.'); dot > 0 {
		text = text[:dot+4] + text[dot+7:]
	}
	if utc, ok := strings.CutSuffix(text, "+00:00"); ok {
		return utc + "Z"
	}
	return text
}
