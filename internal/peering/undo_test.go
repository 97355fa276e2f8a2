package peering

import (
	"encoding/json"
	"reflect"
	"testing"

	"pgregory.net/rapid"
)

// anyObject draws objects as records hold them: without null, two levels deep.
func anyObject(depth int) *rapid.Generator[map[string]any] {
	value := rapid.OneOf(rapid.Just[any](true), rapid.Just[any]("text"), rapid.Just[any](json.Number("7")), rapid.Just[any]([]any{json.Number("1")}))
	if depth > 0 {
		value = rapid.OneOf(value, rapid.Map(anyObject(depth-1), func(m map[string]any) any { return m }))
	}
	return rapid.MapOfN(rapid.SampledFrom([]string{"a", "b", "c", "d"}), value, 0, 4)
}

func TestTheDiffOfTwoObjectsLeadsFromOneToTheOther(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		from, to := anyObject(2).Draw(t, "from"), anyObject(2).Draw(t, "to")
		text, err := json.Marshal(from)
		if err != nil {
			t.Fatal(err)
		}
		var copied map[string]any
		if err := unmarshalExact(text, &copied); err != nil {
			t.Fatal(err)
		}
		if got := merge(copied, mergeDiff(from, to)); !reflect.DeepEqual(got, to) {
			t.Errorf("led to %v, want %v", got, to)
		}
	})
}

func TestUndoLeadsBack(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		before, after string
		action        Action
		patch         string
	}{
		"created":                       {`null`, `{"id": 3, "asn": 64501}`, Delete, `{}`},
		"deleted: with all that it was": {`{"id": 3, "version": 9, "asn": 64501, "sync": "in_sync"}`, `null`, Create, `{"asn":64501}`},
		"edited: what differs, and no more": {`{"id": 3, "version": 1, "asn": 64501, "hold_time": null}`, `{"id": 3, "version": 2, "asn": 64501, "hold_time": 9, "interface": "x"}`,
			Update, `{"hold_time":null,"interface":null}`},
		"edited in what no operation writes": {`{"version": 1, "sync": "in_sync"}`, `{"version": 2, "sync": "drifted"}`, "", ``},
		"created and deleted":                {``, ``, "", ``},
	} {
		action, patch, err := Undo(json.RawMessage(c.before), json.RawMessage(c.after))
		if err != nil || action != c.action || string(patch) != c.patch {
			t.Errorf("%s: %s %s, %v; want %s %s", name, action, patch, err, c.action, c.patch)
		}
	}
}
