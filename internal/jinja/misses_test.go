package jinja_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"peerflow/internal/jinja"
)

func TestEveryMissIsToldAndTheRenderingGoesOn(t *testing.T) {
	t.Parallel()
	env := jinja.NewEnvironment(jinja.Options{Undefined: jinja.UndefinedChainable})
	vars := jinja.NewDict(1)
	row := jinja.NewDict(1)
	row.SetStr("asn", jinja.Int(64501))
	vars.SetStr("row", row)
	for template, want := range map[string]string{
		"{{ row.asn }}":                           "",
		"{{ row.nam }}{{ row['nick'] }}":          "1:7 dict.nam, 1:20 dict.nick",
		"a\n {{ rows }}":                          "2:5 rows",
		"{{ row.peer.name.first }}":               "1:7 dict.peer",
		"{% if row.up %}{% endif %}":              "1:10 dict.up",
		"{% for x in row.list %}{% endfor %}":     "1:16 dict.list",
		"{% if row.a is defined %}{% endif %}":    "",
		"{{ row.a | default('x') }}":              "",
		"{{ [row] | map(attribute='b') | join }}": "1:33 dict.b",
		"{{ row.c == 1 }}{{ 1 in row.d }}":        "1:7 dict.c, 1:28 dict.d",
		"{% set x = row.e %}":                     "",
		"{% set x = row.e %}\n{{ x }}{{ x }}":     "1:15 dict.e",
	} {
		tmpl, err := env.Parse("t", template)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		_, _, err = tmpl.RenderMissing(context.Background(), vars, func(jinja.Object) string { return "" }, func(m jinja.Miss) {
			what := m.Name
			if m.Object != nil {
				what = m.Object.TypeName() + "." + m.Name
			}
			got = append(got, fmt.Sprintf("%d:%d %s", m.Line, m.Column, what))
		})
		if err != nil || strings.Join(got, ", ") != want {
			t.Errorf("%s\n got %s %v\nwant %s", template, strings.Join(got, ", "), err, want)
		}
	}
}

func TestAMissThatCannotBeOverlookedIsToldToo(t *testing.T) {
	t.Parallel()
	env := jinja.NewEnvironment(jinja.Options{Undefined: jinja.UndefinedChainable})
	tmpl, err := env.Parse("t", "{{ count + 1 }}")
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	_, _, err = tmpl.RenderMissing(context.Background(), nil, func(jinja.Object) string { return "" }, func(m jinja.Miss) { got = append(got, m.Name) })
	if err == nil || len(got) != 1 || got[0] != "count" {
		t.Errorf("%v %v", got, err)
	}
}
