package jinja_test

import (
	"context"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"peerflow/internal/jinja"
)

// thing is a host's object that wants to be told of.
type thing struct {
	name   string
	fields map[string]jinja.Value
}

func (*thing) TypeName() string { return "thing" }
func (t *thing) Key() any       { return t.name }
func (t *thing) String() string { return t.name }
func (t *thing) Attr(name string) (jinja.Value, bool) {
	v, ok := t.fields[name]
	return v, ok
}

func nameOf(o jinja.Object) string { return o.(*thing).name }

type sources map[string]string

func (s sources) Load(_ context.Context, name string) (string, error) {
	if text, ok := s[name]; ok {
		return text, nil
	}
	return "", jinja.ErrNotFound
}

func traced(t *testing.T, template string, opts jinja.Options) string {
	t.Helper()
	session := func(id int, passive bool) jinja.Value {
		return &thing{fmt.Sprintf("session %d", id), map[string]jinja.Value{"asn": jinja.Int(64500 + id), "passive": jinja.Bool(passive), "note": jinja.Str("a\nb")}}
	}
	vars := jinja.NewDict(1)
	vars.SetStr("sessions", jinja.NewList(session(1, false), session(2, true)))
	opts.Filters = map[string]jinja.Filter{"shout": func(s *jinja.State, in jinja.Value, _ jinja.Args) (jinja.Value, error) {
		return s.Attr(in, "asn")
	}}
	tmpl, err := jinja.NewEnvironment(opts).Parse("main", template)
	if err != nil {
		t.Fatal(err)
	}
	text, origins, err := tmpl.RenderTraced(t.Context(), vars, nameOf)
	if err != nil {
		t.Fatal(err)
	}
	if plain, err := tmpl.Render(t.Context(), vars); err != nil || plain != text {
		t.Errorf("traced %q, else %q, %v", text, plain, err)
	}
	lines := strings.Split(text, "\n")
	if len(lines) != len(origins) {
		t.Fatalf("%d lines, %d origins", len(lines), len(origins))
	}
	var out []string
	for i, o := range origins {
		var words []string
		for _, p := range o.Places {
			words = append(words, fmt.Sprintf("%s:%d", p.Template, p.Line))
		}
		for _, f := range o.Fields {
			words = append(words, f.Object+"."+f.Name)
		}
		out = append(out, lines[i]+" <- "+strings.Join(words, " "))
	}
	return strings.Join(out, "\n")
}

func TestEachLineSaysWhereItComesFrom(t *testing.T) {
	t.Parallel()
	trim := jinja.Options{TrimBlocks: true, LstripBlocks: true}
	for name, c := range map[string]struct {
		template, want string
		opts           jinja.Options
	}{
		"the template's own text": {"one\ntwo\n\nfour", "one <- main:1\ntwo <- main:2\n <- \nfour <- main:4", trim},
		"values, and what decided on a line": {
			"{% for s in sessions %}\nneighbor {{ s.asn }}\n{% if s.passive %}\n passive\n{% endif %}\n{% endfor %}\nend",
			"neighbor 64501 <- main:2 session 1.asn\nneighbor 64502 <- main:2 session 2.asn\n passive <- main:4 session 2.passive\nend <- main:7", trim},
		"without trimming": {
			"{% for s in sessions %}\nneighbor {{ s.asn }}\n{% endfor %}",
			" <- \nneighbor 64501 <- main:2 session 1.asn\n <- \nneighbor 64502 <- main:2 session 2.asn\n <- ", jinja.Options{}},
		"the other branch is decided, too": {
			"{% for s in sessions %}\n{% if s.passive %}\np\n{% else %}\na\n{% endif %}\n{% endfor %}",
			"a <- main:5 session 1.passive\np <- main:3 session 2.passive\n <- ", trim},
		"a macro's lines are its own": {
			"{% macro n(s) %}\nneighbor {{ s.asn }}\n description x\n{% endmacro %}\n{% for s in sessions %}\n{{ n(s) }}{% endfor %}",
			"neighbor 64501 <- main:2 session 1.asn\n description x <- main:3\nneighbor 64502 <- main:2 session 2.asn\n description x <- main:3\n <- ", trim},
		"a macro's text that a filter changed comes from its call": {
			"{% macro n(s) %}\nneighbor {{ s.asn }}\n{% endmacro %}\n{{ n(sessions[0]) | upper }}",
			"NEIGHBOR 64501 <- main:4 session 1.asn\n <- ", trim},
		"an included template": {
			"a\n{% include 'part' %}\nz", "a <- main:1\nin part 64501 <- part:1 session 1.asn\nz <- main:3",
			jinja.Options{Loader: sources{"part": "in part {{ sessions[0].asn }}\n"}}},
		"a value of several lines":     {"{{ sessions[0].note }}\nz", "a <- main:1 session 1.note\nb <- main:1 session 1.note\nz <- main:2", trim},
		"a host's filter, and map":     {"{{ sessions[0] | shout }} {{ sessions | map(attribute='asn') | join }}", "64501 6450164502 <- main:1 session 1.|shout session 1.asn session 2.asn", trim},
		"a block of a child template":  {"{% extends 'base' %}{% block b %}x\n{% endblock %}", "x <- main:1\ntail <- base:2", jinja.Options{Loader: sources{"base": "{% block b %}{% endblock %}\ntail"}, TrimBlocks: true}},
		"a call block and a recursion": {"{% macro m() %}<{{ caller() }}>{% endmacro %}{% call m() %}x{% endcall %}\n{% for s in sessions recursive %}{{ s.asn }}{% endfor %}", "<x> <- main:1\n6450164502 <- main:2 session 1.asn session 2.asn", jinja.Options{}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := traced(t, c.template, c.opts); got != c.want {
				t.Errorf("got\n%s\nwant\n%s", got, c.want)
			}
		})
	}
}

func TestATracedRenderingFailsAsAnyOther(t *testing.T) {
	t.Parallel()
	tmpl, err := jinja.NewEnvironment(jinja.Options{}).Parse("main", "a\n{{ 1 / 0 }}")
	if err != nil {
		t.Fatal(err)
	}
	text, origins, err := tmpl.RenderTraced(t.Context(), nil, nameOf)
	_, plain := tmpl.Render(t.Context(), nil)
	if text != "" || origins != nil || err == nil || !reflect.DeepEqual(err.Error(), plain.Error()) {
		t.Errorf("%q, %v, %v; untraced %v", text, origins, err, plain)
	}
}
