package render

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"

	"peerflow/internal/jinja"
)

// Data is free data, read from its JSON when a template first asks for it. The
// zero value is null.
type Data struct {
	raw   json.RawMessage
	made  func() jinja.Value // in place of raw, for what isn't kept as JSON
	value jinja.Value
}

// NewData keeps JSON text. Text that is no JSON counts as null.
func NewData(raw json.RawMessage) Data { return Data{raw: raw} }

// get is the data's value: None for null, and the same one each time, as a template may add to it.
func (d *Data) get() jinja.Value {
	if d.value != nil {
		return d.value
	}
	d.value = jinja.None
	if d.made != nil {
		d.value = d.made()
	}
	if len(bytes.TrimSpace(d.raw)) > 0 {
		if read, err := jinja.FromJSON(d.raw); err == nil {
			d.value = read
		}
	}
	return d.value
}

// object is the data as a dictionary; nil when it is empty or none.
func (d *Data) object() *jinja.Dict {
	if object, ok := d.get().(*jinja.Dict); ok && object.Len() > 0 {
		return object
	}
	return nil
}

// ContextAssignment gives a config context to a record. Those of less weight come first, and later ones win.
type ContextAssignment struct {
	Weight  int
	Context *ConfigContext
}

// ConfigContext is data that several records share.
type ConfigContext struct {
	Record
	Name     string
	IsActive bool
	Data     Data
}

// configContext merges a record's contexts and its own data; None when there is nothing.
func (r *Record) configContext() jinja.Value {
	var merged *jinja.Dict
	for _, a := range inOrder(r.Contexts, byWeight) {
		merged = mergeDicts(merged, a.Context.Data.object())
	}
	if merged = mergeDicts(merged, r.LocalContext.object()); merged == nil {
		return jinja.None
	}
	return merged
}

// context is configContext, and an empty dictionary where there is nothing.
func (r *Record) context() jinja.Value {
	if merged := r.configContext(); merged != jinja.None {
		return merged
	}
	return jinja.NewDict(0)
}

// mergeDicts lays b over a: dictionaries in both are merged, anything else of b replaces what a has.
func mergeDicts(a, b *jinja.Dict) *jinja.Dict {
	switch {
	case b == nil:
		return a
	case a == nil:
		a = jinja.NewDict(b.Len()) // a copy of b, as a template may add to what it is given
	}
	merged := a.Copy()
	for key, val := range b.All {
		inner, isDict := val.(*jinja.Dict)
		if isDict {
			old, _ := merged.Get(key)
			outer, _ := old.(*jinja.Dict)
			val = mergeDicts(outer, inner)
		}
		merged.Set(key, val)
	}
	return merged
}

// find looks a key up, in the order of the data and depth first when nested.
func find(d *jinja.Dict, key jinja.Value, nested bool) (jinja.Value, bool) {
	return findIn(d, key, nested, map[*jinja.Dict]bool{})
}

// findIn looks into each dictionary once: a template may have put one into itself.
func findIn(d *jinja.Dict, key jinja.Value, nested bool, seen map[*jinja.Dict]bool) (jinja.Value, bool) {
	seen[d] = true
	for k, v := range d.All {
		if sameKey(k, key) {
			return v, true
		}
		if inner, ok := v.(*jinja.Dict); ok && nested && !seen[inner] {
			if found, ok := findIn(inner, key, true, seen); ok {
				return found, true
			}
		}
	}
	return nil, false
}

func sameKey(a, b jinja.Value) bool {
	x, ok := a.(jinja.Str)
	y, same := b.(jinja.Str)
	return ok && same && x == y
}

func (*ContextAssignment) TypeName() string { return "ConfigContextAssignment" }
func (a *ContextAssignment) String() string { return a.Context.Name }
func (a *ContextAssignment) Repr() string   { return fmt.Sprintf("<%s: %s>", a.TypeName(), a) }
func (a *ContextAssignment) Attr(name string) (jinja.Value, bool) {
	return contextAssignmentFields.of(a, name)
}

var contextAssignmentFields = offering(fields[*ContextAssignment]{
	"weight":         func(a *ContextAssignment) jinja.Value { return jinja.Int(a.Weight) },
	"config_context": func(a *ContextAssignment) jinja.Value { return a.Context },
})

func byWeight(a, b *ContextAssignment) int {
	return cmp.Or(cmp.Compare(a.Weight, b.Weight), cmp.Compare(a.Context.Name, b.Context.Name))
}

var contextFields = identified[*ConfigContext]().with(fields[*ConfigContext]{
	"name":        func(c *ConfigContext) jinja.Value { return jinja.Str(c.Name) },
	"description": func(c *ConfigContext) jinja.Value { return jinja.Str(c.Description) },
	"is_active":   func(c *ConfigContext) jinja.Value { return jinja.Bool(c.IsActive) },
	"data":        func(c *ConfigContext) jinja.Value { return c.Data.get() },
})

var contextNoun = describe("ConfigContext", contextFields, "created updated name description is_active data")

func (c *ConfigContext) noun() *noun                          { return contextNoun }
func (c *ConfigContext) TypeName() string                     { return "ConfigContext" }
func (c *ConfigContext) String() string                       { return c.Name }
func (c *ConfigContext) Repr() string                         { return reprOf(c) }
func (c *ConfigContext) Attr(name string) (jinja.Value, bool) { return contextFields.of(c, name) }
