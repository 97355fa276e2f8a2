package render

import (
	"strings"

	"peerflow/internal/jinja"
	"peerflow/internal/peering"
)

// What asks records for PeeringDB's objects and for the lists of IRRs: their attributes, and filters. What is reached from
// there needs no entry.
var (
	askPeeringDB = strings.Fields("peeringdb_network general_policy peeringdb_contacts can_receive_email peeringdb_ixlan peeringdb_prefixes peeringdb_netixlan " +
		"linked_to_peeringdb exists_in_peeringdb shared_ixps shared_facilities missing_sessions prefix_list as_json as_yaml")
	askIRR = strings.Fields("prefixes as_list prefix_list as_json as_yaml")
)

// fieldNaming are the filters and methods whose arguments name fields of any record.
var fieldNaming = strings.Fields("iterate unique_items values values_list order_by")

// Needs tells what a router's template, and what it includes, may ask for of what is large. library holds the templates
// that it may include. All is needed where names are computed, so that nobody can tell.
func Needs(t peering.Template, library map[int64]peering.Template) peering.Needs {
	if t.ID == 0 || t.Engine == peering.EnginePongo2 { // which is given neither: see pongoFields
		return peering.Needs{}
	}
	r := reader{around: surroundingsOf(peering.Desired{Templates: library}), env: environment(t), seen: map[string]bool{}}
	return r.needs(t.Name, t.Body)
}

type reader struct {
	around surroundings
	env    *jinja.Environment
	seen   map[string]bool // included templates, by kind and name
}

func (r reader) needs(name, body string) peering.Needs {
	m, err := r.env.Mentions(name, body, fieldNaming...)
	if err != nil || m.Computed {
		return peering.AllNeeds
	}
	needs := peering.Needs{PeeringDB: mentionsAny(m, askPeeringDB), IRR: mentionsAny(m, askIRR)}
	for _, u := range m.Includes {
		if needs == peering.AllNeeds {
			break
		}
		kind, identifier, _ := includedBy(u)
		found, err := r.around.find(kind, identifier)
		if path := kind + "::" + identifier; err == nil && !r.seen[path] {
			r.seen[path] = true
			needs = needs.Or(r.needs(found.name, found.body))
		}
	}
	return needs
}

func mentionsAny(m jinja.Mentions, names []string) bool {
	for _, name := range names {
		if m.Names[name] || m.Names[name+"_id"] {
			return true
		}
	}
	return false
}

// unneeded fails where a template asks for what was left out in loading.
func unneeded(leftOut bool, what string) {
	if leftOut {
		panic(jinja.Errorf(jinja.ValueErr, "%s, and no template in use names what asks for them: write the name of the field or filter out where it is used", what))
	}
}
