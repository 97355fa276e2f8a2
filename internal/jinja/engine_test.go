package jinja_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"peerflow/internal/jinja"
)

type templates map[string]string

func (t templates) Load(_ context.Context, name string) (string, error) {
	if source, ok := t[name]; ok {
		return source, nil
	}
	return "", jinja.ErrNotFound
}

func render(tb testing.TB, opts jinja.Options, source string, vars *jinja.Dict) (string, error) {
	tb.Helper()
	tmpl, err := jinja.NewEnvironment(opts).Parse("main", source)
	if err != nil {
		return "", err
	}
	return tmpl.Render(context.Background(), vars)
}

func failure(tb testing.TB, err error) *jinja.Error {
	tb.Helper()
	var e *jinja.Error
	if !errors.As(err, &e) {
		tb.Fatalf("got %v, want a *jinja.Error", err)
	}
	return e
}

// TestExchangeIsWhatJinja2Prints compares 5,000 sessions with the text of Jinja2 3.1.6.
func TestExchangeIsWhatJinja2Prints(t *testing.T) {
	t.Parallel()
	tmpl, vars := exchange(t)
	text, err := tmpl.Render(context.Background(), vars)
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256([]byte(text))
	if got, want := hex.EncodeToString(sum[:]), "537ee1860cb7f9416735aaa886763a1101b4d58b2e7fcf78d4bf09c255b801b7"; got != want {
		t.Errorf("%d bytes with sum %s, want 1351065 bytes with sum %s", len(text), got, want)
	}
}

// TestHostileTemplatesEndInAnError: whatever a template does, the process lives on and the error says why.
func TestHostileTemplatesEndInAnError(t *testing.T) {
	t.Parallel()
	tests := map[string]struct{ source, class string }{
		"endless macro":              {"{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}", jinja.RecursionErr},
		"include of itself":          {"{% include 'self' %}", jinja.RecursionErr},
		"extends itself":             {"{% extends 'loop' %}", jinja.RecursionErr},
		"endless recursive loop":     {"{% for x in [1] recursive %}{{ loop([1]) }}{% endfor %}", jinja.RecursionErr},
		"endless block":              {"{% block a %}{{ self.a() }}{% endblock %}", jinja.RecursionErr},
		"endless call block":         {"{% macro m() %}{{ caller }}{% call m() %}{% endcall %}{% endmacro %}{{ m() }}", jinja.RecursionErr},
		"nested loops":               {"{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}", jinja.LimitErr},
		"loop that feeds itself":     {"{% set l = [1] %}{% for x in l %}{% do l.append(x) %}{% endfor %}", jinja.LimitErr},
		"long range":                 {"{{ range(100001) }}", jinja.OverflowErr},
		"long text":                  {"{{ 'a' * 10**9 }}", jinja.LimitErr},
		"long list":                  {"{{ [0] * 10**9 }}", jinja.LimitErr},
		"text that doubles":          {"{% set ns = namespace(t='ab') %}{% for i in range(99) %}{% set ns.t = ns.t + ns.t %}{% endfor %}", jinja.LimitErr},
		"list that doubles":          {"{% set l = [1] %}{% for i in range(99) %}{% do l.extend(l) %}{% endfor %}", jinja.LimitErr},
		"replace that explodes":      {"{{ ('a' * 100000)|replace('a', 'b' * 100000) }}", jinja.LimitErr},
		"join that explodes":         {"{{ range(99999)|join('x' * 99999) }}", jinja.LimitErr},
		"huge power":                 {"{{ 9 ** (9 ** 9) }}", jinja.LimitErr},
		"huge product":               {"{% set ns = namespace(n=3) %}{% for i in range(99) %}{% set ns.n = ns.n * ns.n %}{% endfor %}", jinja.LimitErr},
		"huge width":                 {"{{ '%999999999d' % 1 }}", jinja.ValueErr},
		"huge format":                {"{{ '{:999999999}'.format(1) }}", jinja.LimitErr},
		"huge center":                {"{{ 'a'|center(10**9) }}", jinja.LimitErr},
		"huge indent":                {"{{ 'a'|indent(10**9) }}", jinja.LimitErr},
		"much output":                {"{% set t = 'x' * 99999 %}{% for i in range(99999) %}{{ t }}{% endfor %}", jinja.LimitErr},
		"list in itself, compared":   {"{% set l = [] %}{% do l.append(l) %}{% set m = [] %}{% do m.append(m) %}{{ l == m }}", jinja.RecursionErr},
		"list in itself, as JSON":    {"{% set l = [] %}{% do l.append(l) %}{{ l|tojson }}", jinja.ValueErr},
		"list in itself, prettier":   {"{% set l = [] %}{% do l.append(l) %}{{ l|pprint }}", jinja.RecursionErr},
		"deep tuple":                 {"{% set ns = namespace(t=()) %}{% for i in range(9999) %}{% set ns.t = (ns.t,) %}{% endfor %}{{ ns.t }}", jinja.RecursionErr},
		"deep tuple as a key":        {"{% set ns = namespace(t=()) %}{% for i in range(9999) %}{% set ns.t = (ns.t,) %}{% endfor %}{{ {ns.t: 1} }}", jinja.RecursionErr},
		"chain of generators":        {"{% set ns = namespace(g=[1]) %}{% for i in range(99999) %}{% set ns.g = ns.g|map('string') %}{% endfor %}{{ ns.g|list }}", jinja.RecursionErr},
		"namespace in itself, equal": {"{% set ns = namespace() %}{% set ns.a = [ns] %}{{ ns }}{{ 1 // 0 }}", jinja.DivisionErr},
		"lists that share, compared": {"{% set ns = namespace(a=[], b=[]) %}{% for i in range(60) %}{% set ns.a = [ns.a, ns.a] %}{% set ns.b = [ns.b, ns.b] %}{% endfor %}{{ ns.a == ns.b }}", jinja.LimitErr},
		"lists that share, printed":  {"{% set ns = namespace(a=[]) %}{% for i in range(60) %}{% set ns.a = [ns.a, ns.a] %}{% endfor %}{{ ns.a }}", jinja.LimitErr},
		"tuples that share, hashed":  {"{% set ns = namespace(a=(1,)) %}{% for i in range(60) %}{% set ns.a = (ns.a, ns.a) %}{% endfor %}{{ {ns.a: 1} }}", jinja.LimitErr},
		"lists that share, as JSON":  {"{% set ns = namespace(a=[]) %}{% for i in range(60) %}{% set ns.a = [ns.a, ns.a] %}{% endfor %}{{ ns.a|tojson }}", jinja.LimitErr},
		"lists that share, prettier": {"{% set ns = namespace(a=[]) %}{% for i in range(60) %}{% set ns.a = [ns.a, ns.a] %}{% endfor %}{{ ns.a|pprint }}", jinja.LimitErr},
		"long text, many times":      {"{{ ['a' * 4000000] * 1000 }}", jinja.LimitErr},
		"long JSON":                  {"{{ (['a' * 4000000] * 1000)|tojson }}", jinja.LimitErr},
		"long percent format":        {"{{ ('%s' * 1000) % ((('a' * 4000000),) * 1000) }}", jinja.LimitErr},
		"long brace format":          {"{{ ('{0}' * 1000).format('a' * 4000000) }}", jinja.LimitErr},
		"many ands":                  {"{{ 1" + strings.Repeat(" and 1", 100000) + " }}", jinja.RecursionErr},
		"many inline ifs":            {"{{ 1" + strings.Repeat(" if 1 else 1", 100000) + " }}", jinja.RecursionErr},
		"many inline ifs in a row":   {"{{ 1" + strings.Repeat(" if 1", 100000) + " }}", jinja.RecursionErr},
		"many brackets":              {"{{ " + strings.Repeat("(", 100000) + " }}", jinja.RecursionErr},
		"many tags":                  {strings.Repeat("{% if 1 %}", 100000), jinja.RecursionErr},
		"many minus signs":           {"{{ " + strings.Repeat("-", 100000) + "1 }}", jinja.RecursionErr},
		"many nots":                  {"{{ " + strings.Repeat("not ", 100000) + "1 }}", jinja.RecursionErr},
		"many sums":                  {"{{ 1" + strings.Repeat("+1", 100000) + " }}", jinja.RecursionErr},
		"many filters":               {"{{ 1" + strings.Repeat("|string", 100000) + " }}", jinja.RecursionErr},
		"many attributes":            {"{{ a" + strings.Repeat(".a", 100000) + " }}", jinja.RecursionErr},
		"filter with a broken value": {"{{ 5|batch('x')|list }}", jinja.TypeErr},
	}
	loader := templates{"self": "{% include 'self' %}", "loop": "{% extends 'loop' %}"}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			limits := jinja.Limits{Steps: 2_000_000, Output: 8 << 20, Memory: 32 << 20}
			_, err := render(t, jinja.Options{Loader: loader, Limits: limits}, test.source, nil)
			if e := failure(t, err); e.Class != test.class {
				t.Errorf("got %v, want a %s", e, test.class)
			}
		})
	}
}

func TestTheContextEndsARendering(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Millisecond)
	defer cancel()
	tmpl, err := jinja.NewEnvironment(jinja.Options{}).Parse("", "{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}")
	if err != nil {
		t.Fatal(err)
	}
	_, err = tmpl.Render(ctx, nil)
	if e := failure(t, err); e.Class != jinja.CancelledErr || !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v", e)
	}
}

// password is an opaque value as the renderer uses it.
type password struct{ printed string }

func (password) TypeName() string                     { return "secret" }
func (p password) Print(*jinja.State) (string, error) { return p.printed, nil }

// where prints whether it goes straight into the text.
type where struct{}

func (where) TypeName() string { return "where" }
func (where) Print(s *jinja.State) (string, error) {
	return map[bool]string{true: "F", false: "h"}[s.Final()], nil
}

// TestALongWordIsWrappedInTimeOfItsLength: what looks at the rest of the word for each line takes an hour for this one, and
// no context ends it.
func TestALongWordIsWrappedInTimeOfItsLength(t *testing.T) {
	t.Parallel()
	tmpl, err := jinja.NewEnvironment(jinja.Options{}).Parse("t", "{{ ('a' * 1000000) | wordwrap(1) | length }}")
	if err != nil {
		t.Fatal(err)
	}
	if text, err := tmpl.Render(t.Context(), nil); err != nil || text != "1999999" {
		t.Errorf("%q, %v", text, err)
	}
}

func TestAnOpaqueValueKnowsWhetherATemplateHoldsItsText(t *testing.T) {
	t.Parallel()
	vars := jinja.NewDict(1)
	vars.SetStr("w", where{})
	opts := jinja.Options{Loader: templates{"in": "{{ w }}", "base": "{{ w }}{% block a %}{{ w }}{% endblock %}", "m": "{% macro m() %}{{ w }}{% endmacro %}"},
		Tags: map[string]jinja.Tag{"part": {Run: func(s *jinja.State, _ jinja.Args) (jinja.Value, error) {
			text, err := s.Include("in")
			return jinja.Str(text), err
		}}}}
	for source, want := range map[string]string{
		"{% part %}{% set x %}{% part %}{% endset %}{{ x }}{{ w }}":                            "FhF",
		"{{ w }}{% for x in [1] %}{{ w }}{% endfor %}{% if w %}{{ w }}{% endif %}":             "FFF",
		"{% include 'in' %}{% with %}{{ w }}{% endwith %}{% block b %}{{ w }}{% endblock %}":   "FFF",
		"{% extends 'base' %}{% block a %}{{ w }}{{ super() }}{% endblock %}":                  "FFh",
		"{% macro m() %}{{ w }}{% endmacro %}{{ m() }}{{ w }}":                                 "hF",
		"{% from 'm' import m with context %}{{ m() }}":                                        "h",
		"{% set x %}{{ w }}{% endset %}{{ x }}{{ w }}":                                         "hF",
		"{% filter upper %}{{ w }}{% include 'in' %}{% endfilter %}":                           "HH",
		"{% macro m() %}{{ caller() }}{{ w }}{% endmacro %}{% call m() %}{{ w }}{% endcall %}": "hh",
		"{% for x in [1] recursive %}{{ w }}{% if x %}{{ loop([0]) }}{% endif %}{% endfor %}":  "hh",
		"{% block b %}{{ w }}{% endblock %}{{ self.b() }}":                                     "Fh",
	} {
		if got, err := render(t, opts, source, vars); err != nil || got != want {
			t.Errorf("%s gave %q, %v; want %q", source, got, err, want)
		}
	}
}

func TestAnOpaqueValueCanOnlyBePrinted(t *testing.T) {
	t.Parallel()
	vars := jinja.NewDict(2)
	vars.SetStr("s", password{"{secret:17@3}"})
	vars.SetStr("l", jinja.NewList(password{"in a list"}))
	opts := jinja.Options{Filters: map[string]jinja.Filter{
		"cipher": func(_ *jinja.State, in jinja.Value, _ jinja.Args) (jinja.Value, error) {
			return password{strings.TrimSuffix(in.(password).printed, "}") + "|junos-9}"}, nil
		},
	}}
	allowed := map[string]string{
		"{{ s }}":                                 "{secret:17@3}",
		"{{ s | cipher }}":                        "{secret:17@3|junos-9}",
		"{{ s | default('none') }}":               "{secret:17@3}",
		"{% if s %}set{% endif %}":                "set",
		"{{ s is defined }}{{ s is none }}":       "TrueFalse",
		"{% set p = s %}{{ p if p else 'none' }}": "{secret:17@3}",
		"{% for p in l %}{{ p }}{% endfor %}":     "in a list",
	}
	for source, want := range allowed {
		if got, err := render(t, opts, source, vars); err != nil || got != want {
			t.Errorf("%s gave %q, %v; want %q", source, got, err, want)
		}
	}
	for _, source := range []string{
		"{{ s|upper }}", "{{ s ~ 'x' }}", "{{ s + 'x' }}", "{{ 'x' + s }}", "{{ s == 'x' }}", "{{ 'x' == s }}", "{{ s != s }}", "{{ '%s' % s }}",
		"{{ '%r' % s }}", "{{ '{}'.format(s) }}", "{{ '{!r}'.format(s) }}", "{{ '{:>9}'.format(s) }}", "{{ s.printed }}", "{{ s[0] }}", "{{ s[1:] }}",
		"{{ s|length }}", "{{ s|list }}", "{{ s|string }}", "{{ s|tojson }}", "{{ [s] }}", "{{ [s]|join }}", "{{ {'a': s} }}", "{{ {s: 1} }}",
		"{{ 'a' in s }}", "{{ s in 'abc' }}", "{{ s in ['a'] }}", "{{ s < 'x' }}", "{{ s() }}", "{{ -s }}", "{{ s * 2 }}", "{{ l|map('upper')|list }}",
		"{{ l|pprint }}", "{{ l|tojson }}", "{{ l|sort }}{{ [s, s]|sort }}", "{{ l|unique|list }}", "{{ s is string }}", "{{ s is eq 'x' }}", "{{ ','.join(l) }}",
		"{{ 'a'.replace('a', s) }}", "{{ 'a'|replace('a', s) }}", "{{ 'a'|indent(s) }}", "{{ 'a'.center(s) }}", "{{ s|e }}", "{{ (s, s)|max }}", "{{ l|sum }}",
		"{% for c in s %}{% endfor %}", "{% filter upper %}{{ s|trim }}{% endfilter %}", "{{ dict(s) }}", "{{ 'a'|truncate(1, true, s, 0) }}", "{{ {'a': s}|xmlattr }}",
		"{{ [s].index('x') }}", "{{ [s].count(s) }}", "{{ {'k': s}|urlencode }}", "{{ 'x'|default(s)|attr(s) }}", "{{ s is in ['a'] }}", "{{ lipsum(s) }}", "{{ range(s) }}",
	} {
		if text, err := render(t, opts, source, vars); err == nil {
			t.Errorf("%s gave %q, want an error", source, text)
		} else if e := failure(t, err); strings.Contains(e.Error(), "secret:17") || e.Class == jinja.InternalErr {
			t.Errorf("%s failed with %v", source, e)
		}
	}
}

// router is a host's view: three attributes, a list and a method.
type router struct{ name string }

func (*router) TypeName() string     { return "Router" }
func (r *router) String() string     { return r.name }
func (r *router) Key() any           { return r.name }
func (*router) Items() []jinja.Value { return []jinja.Value{jinja.Int(1), jinja.Int(2)} }

func (r *router) Attr(name string) (jinja.Value, bool) {
	switch name {
	case "hostname":
		return jinja.Str(r.name), true
	case "peers":
		return &jinja.Func{Name: "peers", Fn: func(_ *jinja.State, a jinja.Args) (jinja.Value, error) {
			p, err := a.Bind("peers", "family?")
			if err != nil {
				return nil, err
			}
			return jinja.NewList(p...), nil
		}}, true
	}
	return nil, false
}

func TestAnObjectShowsWhatItOffersAndNothingElse(t *testing.T) {
	t.Parallel()
	vars := jinja.NewDict(2)
	vars.SetStr("r", &router{"edge1"})
	vars.SetStr("same", &router{"edge1"})
	tests := map[string]string{
		"{{ r.hostname }}{{ r['hostname'] }}":                          "edge1edge1",
		"{{ r }}|{{ [r] }}|{{ r ~ 1 }}":                                "edge1|[edge1]|edge11",
		"{{ r.name }}|{{ r.Attr }}|{{ r.name is defined }}":            "||False",
		"{{ r.peers(family=6) }}":                                      "[6]",
		"{{ r == same }}{{ r in [same] }}{{ {r: 1}[same] }}":           "TrueTrue1",
		"{% for i in r %}{{ i }}{% endfor %}{{ r|length }}{{ r|sum }}": "1223",
		"{{ r.peers(1)|map('string')|join }}":                          "1",
	}
	for source, want := range tests {
		if got, err := render(t, jinja.Options{}, source, vars); err != nil || got != want {
			t.Errorf("%s gave %q, %v; want %q", source, got, err, want)
		}
	}
	_, err := render(t, jinja.Options{}, "{{ r.peers(bad=1) }}", vars)
	if e := failure(t, err); e.Class != jinja.TypeErr {
		t.Errorf("a wrong argument gave %v", e)
	}
}

func TestAHostsTagRendersWithTheVariablesInSight(t *testing.T) {
	t.Parallel()
	opts := jinja.Options{
		Loader: templates{"configuration::edge": "[{{ x }}{{ i }}]"},
		Tags: map[string]jinja.Tag{"include_configuration": {Literal: true, Run: func(s *jinja.State, a jinja.Args) (jinja.Value, error) {
			p, err := a.Bind("include_configuration", "name")
			if err != nil {
				return nil, err
			}
			name, err := s.Text(p[0])
			if err != nil {
				return nil, err
			}
			text, err := s.Include("configuration::" + name)
			return jinja.Str(text), err
		}}},
	}
	got, err := render(t, opts, `{% set x = 1 %}{% for i in [5, 6] %}{% include_configuration edge %}{% include_configuration "edge" %}{% endfor %}`, nil)
	if want := "[15][15][16][16]"; err != nil || got != want {
		t.Errorf("got %q, %v; want %q", got, err, want)
	}
	_, err = render(t, opts, "\n{% include_configuration nope %}", nil)
	if e := failure(t, err); e.Class != jinja.NotFoundErr || e.Line != 2 {
		t.Errorf("a missing configuration gave %v", e)
	}
}

func TestAnErrorSaysWhereItIsAndHowItGotThere(t *testing.T) {
	t.Parallel()
	loader := templates{
		"lib":  "{% macro neighbor(s) %}\n{{ s.address.family }}{% endmacro %}",
		"part": "x\n{% from 'lib' import neighbor %}{{ neighbor({}) }}",
	}
	_, err := render(t, jinja.Options{Loader: loader}, "\n\n{% include 'part' %}", nil)
	e := failure(t, err)
	if e.Template != "lib" || e.Line != 2 || e.Column != 13 || e.Class != jinja.UndefinedErr {
		t.Errorf("got %s line %d column %d %s", e.Template, e.Line, e.Column, e.Class)
	}
	want := []jinja.Call{{What: "include", Template: "main", Line: 3}, {What: "macro neighbor", Template: "part", Line: 2}}
	if fmt.Sprint(e.Stack) != fmt.Sprint(want) {
		t.Errorf("stack %v, want %v", e.Stack, want)
	}
	const secret = "hunter2 is in the template"
	_, err = render(t, jinja.Options{}, secret+"{% if %}"+secret, nil)
	if strings.Contains(failure(t, err).Error(), "hunter2") {
		t.Errorf("the error quotes the template: %v", err)
	}
}

// TestAnErrorShowsItsExpression: the tag that it is in, without texts, which may be secrets.
func TestAnErrorShowsItsExpression(t *testing.T) {
	t.Parallel()
	loader := templates{"part": "a\n{{ x.y.z }} b", "broken": "\n{{ 1 + }}"}
	long := "{{ [" + strings.Repeat("'x', ", 100) + "] | map('lower') | nosuch }}"
	for source, want := range map[string]string{
		"x {{ a.b | upper }} y":                                 "{{ a.b | upper }}",
		"{{ 'hunter2' ~ (1\n  + \"q\").z -}} 'hunter2'":         "{{ '…' ~ (1 + '…').z }}",
		"{{ '{{ }}' + 1 }}{{ 'hunter2' }}":                      "{{ '…' + 1 }}",
		"{% set p = 'hunter2' %}{% if p.q.r %}{% endif %}":      "{% if p.q.r %}",
		"{% if true %}{%- for i in 5 %}{% endfor %}{% endif %}": "{% for i in 5 %}",
		"hunter2{{ 1 + }}hunter2":                               "{{ 1 + }}",
		"hunter2{{ 'hunter2 }}":                                 "",
		"{{ x 'hunter2' ? }}":                                   "{{ x '…'",
		"{% endif %}":                                           "{% endif %}",
		"{% if x":                                               "{% if x",
		"{% include 'part' %}":                                  "{{ x.y.z }}",
		"{% include 'broken' %}":                                "{{ 1 + }}",
		"{% macro m(a) %}{{ a.b.c }}{% endmacro %} {{ m() }}":   "{{ a.b.c }}",
		long: "… nosuch }}",
	} {
		_, err := render(t, jinja.Options{Loader: loader}, source, nil)
		e := failure(t, err)
		if e.Expression != want || want != "" && !strings.Contains(e.Error(), want) || strings.Contains(e.Error(), "hunter2") {
			t.Errorf("%.60q shows %q, want %q: %v", source, e.Expression, want, e)
		}
	}
}

func TestAHostsErrorIsKept(t *testing.T) {
	t.Parallel()
	cause := errors.New("no such community")
	opts := jinja.Options{Filters: map[string]jinja.Filter{
		"find": func(*jinja.State, jinja.Value, jinja.Args) (jinja.Value, error) { return nil, cause },
		"boom": func(*jinja.State, jinja.Value, jinja.Args) (jinja.Value, error) { panic("bug in a filter") },
	}}
	_, err := render(t, opts, "\n{{ 1|find }}", nil)
	if e := failure(t, err); !errors.Is(err, cause) || e.Class != jinja.HostErr || e.Line != 2 {
		t.Errorf("got %v", e)
	}
	_, err = render(t, opts, "{{ 1|boom }}", nil)
	if e := failure(t, err); e.Class != jinja.InternalErr {
		t.Errorf("a panic gave %v", e)
	}
}

func TestFinalizeSeesWhatIsPrinted(t *testing.T) {
	t.Parallel()
	opts := jinja.Options{Finalize: func(_ *jinja.State, v jinja.Value) (jinja.Value, error) {
		if v == jinja.None {
			return jinja.Str(""), nil
		}
		return v, nil
	}}
	got, err := render(t, opts, "{{ none }}|{{ 1 }}|None", nil)
	if err != nil || got != "|1|None" {
		t.Errorf("got %q, %v", got, err)
	}
}

func TestATemplateIsSharedByGoroutines(t *testing.T) {
	t.Parallel()
	env := jinja.NewEnvironment(jinja.Options{Loader: templates{"m": "{% macro f(x) %}{% set y = x * 2 %}{{ y }}{% endmacro %}"}})
	tmpl, err := env.Parse("", "{% import 'm' as m %}{% for i in range(50) %}{{ m.f(i + n) }},{% endfor %}")
	if err != nil {
		t.Fatal(err)
	}
	var group sync.WaitGroup
	for n := range 8 {
		group.Go(func() {
			vars := jinja.NewDict(1)
			vars.SetStr("n", jinja.Int(n))
			text, err := tmpl.Render(context.Background(), vars)
			if want := fmt.Sprintf("%d,%d,", 2*n, 2*n+2); err != nil || !strings.HasPrefix(text, want) {
				t.Errorf("got %.20q, %v; want %q first", text, err, want)
			}
		})
	}
	group.Wait()
}

func TestAFailedRenderingGivesNoText(t *testing.T) {
	t.Parallel()
	text, err := render(t, jinja.Options{}, "neighbor {{ peer.address }}", nil)
	if err == nil || text != "" {
		t.Errorf("got %q, %v", text, err)
	}
}
