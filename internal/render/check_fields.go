package render

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"sync"

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

// misspelt suspects the name of an attribute that nothing of ours has, nor the template's own data, and that is nearly
// the name of one. A rendering tells of those that it comes by; this is for branches that no router takes today.
func (c *checker) misspelt(in string, spared map[string]bool, u jinja.Use) {
	if len(u.Name) < shortestSlip || spared[u.Name] || slices.ContainsFunc(u.Chain, isData) || slices.Contains(ownAttributes, u.Name) ||
		slices.Contains(recordAttributes(), strings.TrimSuffix(u.Name, "_id")) {
		return
	}
	best, near := peering.Nearest(u.Name, recordAttributes())
	if !near {
		return
	}
	c.suspects = append(c.suspects, peering.Finding{Level: peering.FindingWarning, Code: "unknown-field", Template: in, Line: u.Line, Column: u.Column,
		Text: fmt.Sprintf("nothing that a template is given has a field %q", u.Name), Fix: fmt.Sprintf("did you mean %q?", best)})
}

var oneWord = regexp.MustCompile(`\w+`)

// spelledOut are the names that a text has in quotes or assigns something to: the template's own data may be called so.
func spelledOut(body string) map[string]bool {
	names := map[string]bool{}
	for _, at := range oneWord.FindAllStringIndex(body, -1) {
		before, after := body[:at[0]], body[at[1]:]
		quoted := strings.HasSuffix(before, `"`) || strings.HasSuffix(before, "'")
		if quoted && (strings.HasPrefix(after, `"`) || strings.HasPrefix(after, "'")) || assigned.MatchString(after) {
			names[body[at[0]:at[1]]] = true
		}
	}
	return names
}

var assigned = regexp.MustCompile(`^\s*=`)

// suspected adds the suspects at whose place nothing is found.
func (c *checker) suspected() {
	for _, s := range c.suspects {
		if !slices.ContainsFunc(c.found, func(f peering.Finding) bool {
			return f.Template == s.Template && f.Line == s.Line && f.Column == s.Column
		}) {
			c.add(s)
		}
	}
}

// isData holds for attributes with keys that people make up.
func isData(name string) bool {
	return slices.Contains([]string{"context", "config_context", "local_context_data", "data"}, name)
}

// shortestSlip is how long a name has to be for another one to be nearly it.
const shortestSlip = 5

var ownAttributes = environment(peering.Template{}).Names(jinja.UseAttribute)

// recordAttributes are those of all records, collections, addresses, times, and data that filters make.
var recordAttributes = sync.OnceValue(func() []string {
	known := slices.AppendSeq(slices.Collect(maps.Keys(offered)), maps.Keys(queryMethods))
	slices.Sort(known)
	return slices.Compact(known)
})
