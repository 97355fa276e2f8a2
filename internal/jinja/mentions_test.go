package jinja_test

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"peerflow/internal/jinja"
)

func TestMentionsAreTheNamesThatATemplateCanAskFor(t *testing.T) {
	t.Parallel()
	env := jinja.NewEnvironment(jinja.Options{
		Filters: map[string]jinja.Filter{"iterate": nil, "filter": nil},
		Tags:    map[string]jinja.Tag{"include_configuration": {Literal: true}},
	})
	for template, want := range map[string]string{
		"prefixes {# a.prefixes #}{% raw %}{{ a.prefixes }}{% endraw %}": "",
		"{{ prefixes }}":                                  "", // a variable asks no record
		"{{ a.prefixes['ipv6'][0] }}":                     "ipv6 prefixes",
		"{{ a | as_list | map(attribute='b.c') }}":        "as_list attribute b c map",
		"{{ a | filter(net__asn=1) }}":                    "asn filter net net__asn",
		"{{ a | order_by('-x') }}":                        "order_by x",
		"{% for f in ['x', 'y'] %}{{ a[f] }}{% endfor %}": "computed x y",
		"{{ a[b] }}":                                                       "computed",
		"{{ a['x' ~ 'y'] }}":                                               "computed x y",
		"{{ a[0] }}{{ a[-1] }}{{ a[1:n] }}":                                "",
		"{% set d = {'k': 1} %}{{ d[b] }}":                                 "k",
		"{% set d = {} if c else [] %}{{ d[b] }}":                          "",
		"{% set d = {} %}{% set d = e %}{{ d[b] }}":                        "computed",
		"{% set d = {} %}{% for d in e %}{{ d[b] }}{% endfor %}":           "computed",
		"{% set d = {} %}{% from 'x' import e as d %}{{ d[b] }}":           "computed includes:x x",
		"{% set d = {} %}{% macro m(d) %}{{ d[b] }}{% endmacro %}":         "computed",
		"{{ a | attr('x') }}":                                              "attr x",
		"{{ a | attr(b) }}":                                                "attr computed",
		"{{ a | map(b) }}":                                                 "computed map",
		"{{ a | map(attribute=b) }}":                                       "attribute computed map",
		"{{ a | selectattr('x', 'equalto', b) }}":                          "equalto selectattr x",
		"{{ a | sort(false, true, b) }}":                                   "computed sort",
		"{{ a | sort(*b) }}":                                               "computed sort",
		"{{ a | iterate('x') }}":                                           "iterate x",
		"{{ a | iterate(b) }}":                                             "computed iterate",
		"{{ a.values_list('x', flat=true) }}":                              "flat values_list x",
		"{{ a.values_list(b) }}":                                           "computed values_list",
		"{{ f(**b) }}":                                                     "computed",
		"{{ '{0.prefixes}'.format(a) }}":                                   "0 format prefixes",
		"{{ b.format(a) }}":                                                "computed format",
		"{% include_configuration part %}{% include 'y' ignore missing %}": "includes:part,y part y",
		"{% include a %}":                                                  "computed includes:",
		"{% include ['x', 'y'] %}":                                         "computed includes: x y",
		"{% include_configuration a.b %}":                                  "b computed includes:",
		"{% extends 'x' %}{% import 'y' as y %}":                           "includes:x,y x y",
	} {
		m, err := env.Mentions("t", template, "iterate", "values_list")
		if err != nil {
			t.Fatalf("%s: %v", template, err)
		}
		words := slices.Collect(maps.Keys(m.Names))
		if m.Computed {
			words = append(words, "computed")
		}
		if m.Includes != nil {
			var names []string
			for _, u := range m.Includes {
				name := u.Name
				if u.Kind == jinja.UseTag {
					name = u.Arg
				}
				names = append(names, name)
			}
			words = append(words, "includes:"+strings.Join(names, ","))
		}
		slices.Sort(words)
		got, wanted := strings.Join(words, " "), strings.Fields(want)
		slices.Sort(wanted)
		if got != strings.Join(wanted, " ") {
			t.Errorf("%s\n got %s\nwant %s", template, got, strings.Join(wanted, " "))
		}
	}
	if _, err := env.Mentions("t", "{% for %}"); err == nil || !strings.Contains(err.Error(), "line 1") {
		t.Errorf("a template that can't be read: %v", err)
	}
}
