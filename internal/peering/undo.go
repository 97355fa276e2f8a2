package peering

import (
	"encoding/json"
	"reflect"
)

// Undo is the action on a record, and its patch, that lead back from how the
// record is after a change to how it was before; JSON null, or nothing, where there was
// none. No action: nothing differs that an operation writes.
func Undo(before, after json.RawMessage) (Action, json.RawMessage, error) {
	var was, is map[string]any
	for text, into := range map[*json.RawMessage]*map[string]any{&before: &was, &after: &is} {
		if len(*text) == 0 {
			continue
		}
		if err := unmarshalExact(*text, into); err != nil {
			return "", nil, err
		}
		for _, field := range unwritten {
			delete(*into, field)
		}
	}
	switch {
	case was == nil && is == nil:
		return "", nil, nil
	case was == nil:
		return Delete, json.RawMessage("{}"), nil
	case is == nil:
		patch, err := json.Marshal(was)
		return Create, patch, err
	}
	diff := mergeDiff(is, was)
	if len(diff) == 0 {
		return "", nil, nil
	}
	patch, err := json.Marshal(diff)
	return Update, patch, err
}

// unwritten are the fields of records that no operation writes.
var unwritten = []string{"id", "version", "created_at", "updated_at", "sync", "watch_until"}

// mergeDiff is the merge patch (RFC 7396) that leads from one object to another.
func mergeDiff(from, to map[string]any) map[string]any {
	diff := map[string]any{}
	for k, want := range to {
		has, there := from[k]
		inner, isObject := want.(map[string]any)
		old, wasObject := has.(map[string]any)
		switch {
		case there && reflect.DeepEqual(has, want):
		case isObject && wasObject:
			diff[k] = mergeDiff(old, inner)
		default:
			diff[k] = want
		}
	}
	for k := range from {
		if _, stays := to[k]; !stays {
			diff[k] = nil
		}
	}
	return diff
}
