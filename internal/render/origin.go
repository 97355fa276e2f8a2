package render

import (
	"context"
	"fmt"
	"strings"
	"unicode"

	"peerflow/internal/jinja"
	"peerflow/internal/peering"
)

// RouterWithOrigins is Router that also says, for each line of the text, which
// template lines and which fields of our records made it.
func RouterWithOrigins(ctx context.Context, d peering.Desired) (text string, lines []peering.LineOrigin, err error) {
	var origins []jinja.Origin
	named := map[string]object{}
	name := func(o jinja.Object) string {
		called := recordName(o)
		if called != "" {
			named[called] = o.(object)
		}
		return called
	}
	text, err = router(ctx, d, func(tmpl *jinja.Template, ctx context.Context, vars *jinja.Dict) (text string, err error) {
		text, origins, err = tmpl.RenderTraced(ctx, vars, name)
		return text, err
	})
	if err != nil {
		return "", nil, err
	}
	lines = make([]peering.LineOrigin, len(origins))
	for i, o := range origins {
		if i > 0 && sameSlice(o.Places, origins[i-1].Places) && sameSlice(o.Fields, origins[i-1].Fields) {
			lines[i] = lines[i-1]
			continue
		}
		for _, p := range o.Places {
			lines[i].Places = append(lines[i].Places, peering.TemplatePlace{Template: p.Template, Line: p.Line})
		}
		for _, f := range o.Fields {
			lines[i].Fields = append(lines[i].Fields, peering.FieldRead{Record: f.Object, Field: f.Name})
			lines[i].Fields = append(lines[i].Fields, behind(named[f.Object], f.Name)...)
		}
	}
	return text, lines, nil
}

// sameSlice is whether two slices are one in memory, as those of many lines are that one place wrote.
func sameSlice[T any](a, b []T) bool {
	return len(a) == len(b) && (len(a) == 0 || &a[0] == &b[0])
}

// behind are the fields of other records that a field or a filter of one reads for a template, which doesn't see them.
func behind(row object, field string) []peering.FieldRead {
	switch field {
	case "config_context", "context", "|context_get_key", "|context_has_key", "|context_has_not_key":
		var contexts []*ConfigContext
		for _, a := range row.record().Contexts {
			contexts = append(contexts, a.Context)
		}
		return reads("data", contexts)
	case "|has_tag", "|has_not_tag":
		return reads("name", row.record().Tags)
	case "|communities":
		list, _ := communitiesOf(row)
		return reads("value", list)
	case "|merge_communities":
		if session, ok := row.(*Session); ok {
			return reads("value", session.mergedCommunities())
		}
		return behind(row, "|communities")
	}
	if field == "|contact" {
		return reads("name", contactsOf(row))
	}
	return nil
}

func contactsOf(row object) (list []*Contact) {
	var assigned []*ContactAssignment
	switch v := row.(type) {
	case *AutonomousSystem:
		assigned = v.Contacts
	case *InternetExchange:
		assigned = v.Contacts
	case *Session:
		assigned = v.AS.Contacts
	}
	for _, a := range assigned {
		list = append(list, a.Contact)
	}
	return list
}

func reads[T object](field string, rows []T) []peering.FieldRead {
	var list []peering.FieldRead
	for _, row := range rows {
		list = append(list, peering.FieldRead{Record: recordName(row), Field: field})
	}
	return list
}

// recordName calls a record as people find it: "session 12", "routing policy 3". What stands nowhere has no name.
func recordName(o jinja.Object) string {
	row, ok := o.(object)
	if !ok || row.record().ID == 0 {
		return ""
	}
	return fmt.Sprintf("%s %d", spaced(row.noun().class), row.record().ID)
}

// spaced writes RoutingPolicy as "routing policy".
func spaced(class string) string {
	switch class { // one kind of ours, two of Peering Manager's
	case "DirectPeeringSession", "InternetExchangePeeringSession":
		return "session"
	}
	var b strings.Builder
	for i, r := range class {
		if i > 0 && unicode.IsUpper(r) && !unicode.IsUpper(rune(class[i-1])) {
			b.WriteByte(' ')
		}
		b.WriteRune(unicode.ToLower(r))
	}
	return b.String()
}
