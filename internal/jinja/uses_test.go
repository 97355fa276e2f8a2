package jinja_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"peerflow/internal/jinja"
)

func TestUsesListsWhatATemplateAsksFor(t *testing.T) {
	t.Parallel()
	env := jinja.NewEnvironment(jinja.Options{
		Filters: map[string]jinja.Filter{"sessions": nil},
		Tags:    map[string]jinja.Tag{"include_configuration": {Literal: true}},
		Globals: map[string]jinja.Value{"now": jinja.None},
	})
	for template, want := range map[string]string{
		"{{ router.name }}": "attribute name(router) variable router",
		"{% for s in group | sessions %}{{ s.asn }}{% endfor %}":                                      "filter! sessions(group) variable group attribute asn(s)",
		"{{ a | nosuch | join(b) }}":                                                                  "filter! join(nosuch,a) filter nosuch(a) variable a variable b",
		"{% if a is defined and b is odder %}{% endif %}":                                             "test! defined(a) variable a? test odder(b) variable b",
		"{{ a['key'][0].x }}":                                                                         "attribute x(key,a) attribute key(a) variable a",
		"{% set x = range(3) %}{{ x }}{{ loop }}{{ now() }}":                                          "variable! range variable! now",
		"{{ a | default(1) }}{{ a }}{% include 'x' %}{% include 'y' ignore missing %}{% extends z %}": "filter! default(a) variable a? variable a? template x template y? variable z",
		"{% macro m(p, q=r) %}{{ p }}{{ caller() }}{% endmacro %}{{ m(1) }}":                          "variable r",
		"{% import 'a' as i %}{% from 'b' import f as g, h %}{{ i.x }}{{ g }}{{ h }}":                 "template a template b attribute x(i)",
		"{% include_configuration part %}{% with y = z %}{{ y }}{% endwith %}":                        "tag! include_configuration:part variable z",
		"{% set ns = namespace(n=0) %}{% set ns.n = ns.n + 1 %}{% filter upper %}x{% endfilter %}":    "variable! namespace attribute n(ns) filter! upper",
		"{{ (s | merge_import_policies | map(attribute='slug') | join(' ')) if s.a() else omitted }}": "attribute a(s) variable s filter! join(map,merge_import_policies,s) filter! map(merge_import_policies,s) filter merge_import_policies(s) variable s variable omitted",
	} {
		uses, err := env.Uses("t", template)
		if err != nil {
			t.Fatal(err)
		}
		var words []string
		for _, u := range uses {
			word := string(u.Kind)
			if u.Known {
				word += "!"
			}
			word += " " + u.Name
			if u.Arg != "" {
				word += ":" + u.Arg
			}
			if u.Spared {
				word += "?"
			}
			if len(u.Chain) > 0 {
				word += "(" + strings.Join(u.Chain, ",") + ")"
			}
			words = append(words, word)
		}
		if got := strings.Join(words, " "); got != want {
			t.Errorf("%s\n got %s\nwant %s", template, got, want)
		}
	}
	uses, _ := env.Uses("t", "a\n  {{ x | nosuch }}")
	if i := slices.IndexFunc(uses, func(u jinja.Use) bool { return u.Name == "nosuch" }); i < 0 || fmt.Sprint(uses[i].Line, uses[i].Column) != "2 10" {
		t.Errorf("where: %+v", uses)
	}
	if _, err := env.Uses("t", "{% for %}"); err == nil || !strings.Contains(err.Error(), "line 1") {
		t.Errorf("a template that can't be read: %v", err)
	}
}
