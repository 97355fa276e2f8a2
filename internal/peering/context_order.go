package peering

import (
	"cmp"
	"encoding/json"
	"maps"
	"slices"
)

// asStored orders the keys of free data as the database keeps them, by length and
// then by bytes: a template may walk over them, and has to see one order before
// and after a change is recorded.
func asStored(c Context) (Context, error) {
	var v any
	if err := unmarshalExact(c, &v); err != nil {
		return nil, err
	}
	return appendStored(nil, v)
}

func appendStored(out []byte, v any) ([]byte, error) {
	var err error
	switch v := v.(type) {
	case map[string]any:
		out = append(out, '{')
		for i, key := range slices.SortedFunc(maps.Keys(v), byLength) {
			if i > 0 {
				out = append(out, ',')
			}
			if out, err = appendStored(out, key); err != nil {
				return nil, err
			}
			if out, err = appendStored(append(out, ':'), v[key]); err != nil {
				return nil, err
			}
		}
		return append(out, '}'), nil
	case []any:
		out = append(out, '[')
		for i, item := range v {
			if i > 0 {
				out = append(out, ',')
			}
			if out, err = appendStored(out, item); err != nil {
				return nil, err
			}
		}
		return append(out, ']'), nil
	}
	text, err := json.Marshal(v)
	return append(out, text...), err
}

func byLength(a, b string) int { return cmp.Or(cmp.Compare(len(a), len(b)), cmp.Compare(a, b)) }
