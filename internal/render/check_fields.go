package render

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"peerflow/internal/jinja"
	"peerflow/internal/peering"
)

// miss is about something that a rendering used and that wasn't there. A lenient template may do so with its own data.
func (c *checker) miss(m jinja.Miss) {
	var f peering.Finding
	switch known, ours := attributes(m.Object, m.Name); {
	case m.Object == nil:
		f = unknown("variable", m.Name, rootNames())
	case ours:
		f = unknown("field", m.Name, known)
		f.Text = fmt.Sprintf("%s has no field %q", m.Object.TypeName(), m.Name)
	case c.template.Lenient:
		return
	default:
		f = peering.Finding{Level: peering.FindingError, Code: "missing", Text: fmt.Sprintf("%q isn't there on every router: %s", m.Name, kindOf(m.Object)),
			Fix: fmt.Sprintf("ask whether it is defined first, or give a default: %s | default(…)", m.Name)}
	}
	if c.template.Lenient {
		f.Level, f.Text = peering.FindingWarning, f.Text+": it prints nothing"
	}
	f.Template, f.Line, f.Column = c.included(m.Template), m.Line, m.Column
	for _, g := range c.found {
		if g.Code == f.Code && g.Template == f.Template && g.Line == f.Line && g.Column == f.Column && m.Object == nil {
			return // the text told already
		}
	}
	c.add(f)
}

// attributes are what a record or a collection of ours has beside the one that it lacks; false for other values, such as the data of a context.
func attributes(v jinja.Value, name string) ([]string, bool) {
	switch v := v.(type) {
	case *Session:
		names := v.noun().names
		if v.Ours != nil {
			names = append(slices.Clone(names), slices.Sorted(maps.Keys(oursFields))...)
		}
		return names, true
	case object:
		return v.noun().names, true
	case *querySet: // collection.1 asks for an item
		if strings.Trim(name, "0123456789") == "" {
			return nil, false
		}
		return slices.Sorted(maps.Keys(queryMethods)), true
	}
	return nil, false
}

func kindOf(v jinja.Value) string {
	switch v.(type) {
	case *jinja.Dict:
		return "the data has no such key"
	case *jinja.List, *querySet:
		return "the list has no such item"
	}
	return "a " + v.TypeName() + " has no such attribute"
}
