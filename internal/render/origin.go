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
	text, err = router(ctx, d, func(tmpl *jinja.Template, ctx context.Context, vars *jinja.Dict) (text string, err error) {
		text, origins, err = tmpl.RenderTraced(ctx, vars, recordName)
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
		}
	}
	return text, lines, nil
}

// sameSlice is whether two slices are one in memory, as those of many lines are that one place wrote.
func sameSlice[T any](a, b []T) bool {
	return len(a) == len(b) && (len(a) == 0 || &a[0] == &b[0])
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
