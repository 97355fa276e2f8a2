package render

import (
	"peerflow/internal/jinja"
)

// inContext looks a key up in the config context of a record.
func inContext(s *jinja.State, in, key, nested jinja.Value) (jinja.Value, bool, error) {
	row, ok := in.(object)
	if !ok {
		return nil, false, invalidInput(s, in, "object has no config context: it is %s", name(in))
	}
	if _, ok := row.Attr("config_context"); !ok {
		return nil, false, jinja.Errorf(jinja.AttributeErr, "object has no config context: %s is a %s", row, row.TypeName())
	}
	deep, err := truthOr(s, nested, true)
	if err != nil {
		return nil, false, err
	}
	context, ok := row.record().configContext().(*jinja.Dict)
	if !ok {
		return nil, false, nil
	}
	found, ok := find(context, key, deep)
	return found, ok, nil
}

func contextHasKey(want bool) jinja.Filter {
	return func(s *jinja.State, in jinja.Value, a jinja.Args) (jinja.Value, error) {
		bound, err := a.Bind("context_has_key", "key", "recursive?")
		if err != nil {
			return nil, err
		}
		_, has, err := inContext(s, in, bound[0], bound[1])
		return jinja.Bool(has == want), err
	}
}

func filterContextGetKey(s *jinja.State, in jinja.Value, a jinja.Args) (jinja.Value, error) {
	bound, err := a.Bind("context_get_key", "key", "default?", "recursive?")
	if err != nil {
		return nil, err
	}
	found, has, err := inContext(s, in, bound[0], bound[2])
	switch {
	case err != nil || has:
		return found, err
	case bound[1] != nil:
		return bound[1], nil
	}
	return jinja.None, nil
}
