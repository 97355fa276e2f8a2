package main

import (
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"

	"peerflow/internal/jinja/jinjatest"
)

// contextJSON holds the variables of every random template: all kinds of values, with names the grammar knows.
const contextJSON = `{"n": 7, "m": -3, "z": 0, "big": 1234567890123456789012, "f": 2.5, "g": -0.125, "t": true, "no": false,
"none": null, "s": "Hello World", "e": "", "u": "Grüße ẞ", "ml": "line1\nline2\n\n  line4", "html": "<a href=\"x\">&'</a>",
"ip": "192.0.2.1/24", "v6": "2001:db8::1", "num": "42", "fl": "3.75", "l": [3, 1, 2], "el": [], "ls": ["b", "A", "c", "a"],
"mix": [1, "a", null, true, 2.5], "nest": [[1, 2], [3, 4]], "d": {"b": 2, "a": 1, "c": 3}, "ed": {},
"deep": {"x": {"y": [1, {"z": "end"}]}, "items": [1], "list": "x"},
"peers": [{"name": "bob", "asn": 64500, "on": true, "tags": ["x", "y"], "site": {"city": "Lyon"}},
{"name": "Al", "asn": 64496, "on": false, "tags": [], "site": {"city": "Bern"}},
{"name": "cy", "asn": 64500, "on": true, "tags": ["y"]}]}`

type generator struct {
	*rand.Rand
	names []string // variables a template has assigned so far
}

func generate(n int, seed uint64) []jinjatest.Case {
	list := make([]jinjatest.Case, n)
	for i := range list {
		g := &generator{Rand: rand.New(rand.NewPCG(seed, uint64(i)))}
		c := jinjatest.Case{Name: fmt.Sprintf("random-%d-%d", seed, i), Group: "random", Context: g.context()}
		c.TrimBlocks, c.LstripBlocks = g.IntN(3) == 0, g.IntN(3) == 0
		switch g.IntN(12) {
		case 0:
			c.Undefined = "strict"
		case 1:
			c.Undefined = "chainable"
		}
		if g.IntN(3) == 0 {
			c.Template = g.body(3)
		} else {
			c.Template = "{{ " + g.expr(3) + " }}"
		}
		if g.IntN(6) == 0 {
			c.Template = g.mutate(c.Template)
		}
		if strings.Contains(c.Template, "'inc'") {
			c.Templates = map[string]string{
				"inc":  "[{{ n }}{{ x }}{{ i }}{% set y = 5 %}{{ y }}]",
				"mac":  "{% macro hi(a, b='q') %}{{ a }}{{ b }}{{ n }}{% endmacro %}{% set c = l %}{% set _p = 1 %}text",
				"base": "<{% block one %}1{{ x }}{% endblock %}|{% block two scoped %}2{% endblock %}>{{ x }}",
			}
		}
		list[i] = c
	}
	return list
}

// context is contextJSON, or with the values dealt to other names, so that filters and tests meet what they don't expect.
func (g *generator) context() json.RawMessage {
	if g.IntN(3) > 0 {
		return json.RawMessage(strings.ReplaceAll(contextJSON, "\n", " "))
	}
	var vars map[string]json.RawMessage
	if err := json.Unmarshal([]byte(contextJSON), &vars); err != nil {
		panic(err) // the constant is wrong
	}
	names := slices.Sorted(maps.Keys(vars))
	values := make([]json.RawMessage, len(names))
	for i, name := range names {
		values[i] = vars[name]
	}
	g.Shuffle(len(values), func(i, j int) { values[i], values[j] = values[j], values[i] })
	parts := make([]string, len(names))
	for i, name := range names {
		parts[i] = fmt.Sprintf("%q: %s", name, strings.ReplaceAll(string(values[i]), "\n", " "))
	}
	return json.RawMessage("{" + strings.Join(parts, ", ") + "}")
}

// mutate damages a template, mostly so that it can't be parsed: the faults have to be told alike, with their lines.
func (g *generator) mutate(template string) string {
	runes := []rune(template)
	for range 1 + g.IntN(3) {
		at := g.IntN(len(runes) + 1)
		to := min(len(runes), at+g.IntN(4))
		patch := g.pick("", "", "", "{", "}", "%}", "{%", "{{", "}}", "(", ")", "[", "]", "'", "\"", "|", ".", ",", "\n", " if ", " else ", " in ",
			" is ", " not ", "=", "**", "//", "{#", "#}", "-", "+", "~", ":", "\\", "1", "_", "0x", "1.5e", " recursive ", "{% endif %}", "{% endfor %}",
			"{% else %}", "{% raw %}", "{% endraw %}", "\r\n", "\u00a0", "é", "$", ";", "!", "{% block b %}", "{% endblock %}", "\t")
		runes = append(append(append([]rune{}, runes[:at]...), []rune(patch)...), runes[to:]...)
	}
	return string(runes)
}

func (g *generator) pick(options ...string) string { return options[g.IntN(len(options))] }

func (g *generator) some(n int, item func() string, sep string) string {
	parts := make([]string, g.IntN(n+1))
	for i := range parts {
		parts[i] = item()
	}
	return strings.Join(parts, sep)
}

func (g *generator) atom() string {
	if len(g.names) > 0 && g.IntN(3) == 0 {
		return g.names[g.IntN(len(g.names))]
	}
	return g.pick("n", "m", "z", "big", "f", "g", "t", "no", "none", "s", "e", "u", "ml", "html", "ip", "v6", "num", "fl",
		"l", "el", "ls", "mix", "nest", "d", "ed", "deep", "peers", "missing", "peers[0]", "d.a", "deep.x.y",
		"0", "1", "2", "-1", "3", "10", "1.5", "0.1", "1e20", "100", "'a'", "'b,c'", "' x '", "'%s'", "''", "\"it's\"", "'a\\nb'",
		"[1, 2, 3]", "('x', 'y')", "{'k': 1, 'j': [2]}", "range(4)", "()", "(1,)", "true", "none", "'é'", "{}")
}

func (g *generator) expr(depth int) string {
	if depth <= 0 {
		return g.atom()
	}
	sub := func() string { return g.expr(depth - 1) }
	switch g.IntN(22) {
	case 0, 1:
		return sub() + g.pick(" + ", " - ", " * ", " / ", " // ", " % ", " ~ ") + sub()
	case 2:
		return sub() + g.pick(" == ", " != ", " < ", " <= ", " > ", " >= ", " in ", " not in ") + sub()
	case 3:
		return sub() + g.pick(" and ", " or ") + sub()
	case 4:
		return g.pick("not ", "-", "+") + sub()
	case 5:
		return "(" + sub() + ")"
	case 6:
		return "(" + sub() + " if " + sub() + g.pick("", " else "+sub()) + ")"
	case 7:
		return "[" + g.some(3, sub, ", ") + "]"
	case 8:
		return "{" + g.some(2, func() string { return g.pick("'a'", "1", "'b'", "none", "true") + ": " + sub() }, ", ") + "}"
	case 9:
		return "(" + sub() + ")" + g.pick("[0]", "[-1]", "['a']", "[n]", ".a", ".name", ".x", ".items", "[none]", "[true]", "[1.0]", ".0", "['upper']", ".__class__", "._x")
	case 10, 11:
		return "(" + sub() + ")." + g.method(sub)
	case 12:
		return sub() + " is " + g.pick("", "not ") + g.test(sub)
	case 13:
		if g.IntN(2) == 0 {
			return g.pick("l", "s", "ls", "u", "mix", "peers", "n", "f", "d", "missing", "ip", "(l|list)", "e", "el") +
				g.pick("[1:]", "[:2]", "[::-1]", "[1:n:2]", "[::2]", "[-2:]", "[:-1]", "[5:1:-1]", "[:]", "[n:]", "[m:]", "[none:2]", "[::0]", "[:f]", "[::m]", "['a':]")
		}
		return "(" + sub() + ") ** " + g.pick("2", "3", "0", "-1")
	case 14:
		return "'" + g.percent() + "' % " + g.pick(sub(), "("+sub()+", "+sub()+")", "("+sub()+",)")
	case 15:
		return "'" + g.braces() + "'.format(" + sub() + ", " + sub() + ", k=" + sub() + ")"
	default:
		return "(" + sub() + ")|" + g.filter(sub) + g.pick("", "", "|"+g.filter(sub), "|list", "|list", "|join(',')")
	}
}

func (g *generator) percent() string {
	return g.pick("%s", "%d", "%5s", "%-5s|", "%05d", "%x", "%.2f", "%r", "%s-%s", "%+d", "%e", "%g", "%%", "%5.1f", "%o", "%X", "%#x",
		"%c", "%i", "% d", "%(a)s", "%03s", "%.3s", "%10.4s|", "%s %s %s", "%u", "%G", "%a", "%-08.3f|", "%")
}

func (g *generator) braces() string {
	return g.pick("{}", "{0}", "{1}-{0}", "{k}", "{:>8}", "{:<8}|", "{:^9}|", "{:05d}", "{:.2f}", "{:x}", "{:,}", "{!r}", "{0!s:>6}", "{:+}",
		"{:e}", "{:g}", "{:%}", "{:*^12}", "{:08.3f}", "{0.a}", "{0[a]}", "{0[0]}", "{{}}", "{:_}", "{:b}", "{:#x}", "{:c}", "{:{}}", "{",
		"{:.3}", "{k!r:^12}", "{2}", "{:n}", "{:012,}", "{: }", "{:=+8}", "{:G}", "{:o}", "{:.0f}", "{q}", "{!a}", "{:s}", "{:d}", "{:10}|")
}

func (g *generator) test(sub func() string) string {
	return g.pick("defined", "undefined", "none", "number", "string", "mapping", "sequence", "iterable", "boolean", "integer", "float",
		"odd", "even", "lower", "upper", "true", "false", "callable", "escaped", "divisibleby 3", "divisibleby(2)", "in l", "in(ls)",
		"eq "+g.atom(), "ne("+sub()+")", "gt 2", "lt("+sub()+")", "ge 1", "sameas none", "sameas("+sub()+")", "filter", "test",
		"equalto "+g.atom(), "greaterthan 1", "le 5", "in "+g.atom())
}

func (g *generator) method(sub func() string) string {
	return g.pick("upper()", "lower()", "title()", "capitalize()", "swapcase()", "strip()", "lstrip()", "rstrip()", "strip('x')", "split()",
		"split(',')", "split('l', 1)", "rsplit('l', 1)", "rsplit()", "rsplit(none, 1)", "splitlines()", "splitlines(true)", "partition('l')",
		"rpartition('o')", "replace('l', 'L')", "replace('l', '', 1)", "find('l')", "rfind('l')", "index('l')", "count('l')", "startswith('H')",
		"endswith(('d', 'x'))", "zfill(6)", "center(9)", "ljust(8)", "rjust(8, '*')", "isdigit()", "isalpha()", "isalnum()", "isupper()",
		"islower()", "isspace()", "istitle()", "join(ls)", "join(["+sub()+"])", "items()|list", "keys()|list", "values()|list", "get('a')", "get('q', 1)",
		"get("+sub()+")", "copy()", "append("+sub()+")", "extend("+sub()+")", "pop()", "pop(0)", "pop('a')", "pop('q', 2)", "insert(1, 5)",
		"remove(1)", "sort()", "reverse()", "count(1)", "index(2)", "clear()", "update({'a': 9})", "update(k=1)", "setdefault('q', 1)",
		"popitem()", "encode()", "casefold()", "expandtabs(3)", "removeprefix('He')", "removesuffix('ld')", "isidentifier()",
		"bit_length()", "is_integer()", "isnumeric()", "isdecimal()", "isascii()", "isprintable()", "split(none, 1)", "sort(reverse=true)",
		"find('l', 4)", "find('o', 2, 6)", "startswith('l', 2)", "count('')", "index('zz')", "split('')", "nosuch()", "upper(1)",
		"format("+sub()+")", "translate({108: 'L', 111: none})", "fromkeys(l)", "lstrip('H ')", "center(12, '-')", "replace('', '-')")
}

func (g *generator) filter(sub func() string) string {
	switch g.IntN(4) {
	case 0:
		return g.lazy() + g.consumer()
	case 1:
		return g.pick("sort", "sort(reverse=true)", "sort(true)", "sort(attribute='name')", "sort(attribute='asn', reverse=true)",
			"sort(case_sensitive=true)", "unique|list", "unique(attribute='asn')|list", "groupby('asn')", "groupby('site.city', default='-')", "min", "max",
			"min(attribute='asn')", "max(attribute='name')", "sum", "sum(attribute='asn')", "sum(start=10)", "first", "last", "length", "count",
			"reverse|list", "list", "batch(2)|list", "batch(3, 'x')|list", "slice(2)|list", "slice(3, 'x')|list", "join", "join(', ')", "join('-', 'name')",
			"join(attribute='asn')", "dictsort", "dictsort(by='value')", "dictsort(true)", "dictsort(reverse=true)", "items|list", "unique|list",
			"groupby('name')|list", "batch(0)|list", "slice(0)|list", "groupby(attribute='on')|map('last')|list", "sort|first", "dictsort(by='x')")
	case 2:
		return g.pick("upper", "lower", "title", "capitalize", "trim", "trim('x')", "center(12)", "indent", "indent(2, true)", "indent(3, blank=true)",
			"indent('> ')", "replace('l', 'L')", "replace('l', 'L', 1)", "truncate(5)", "truncate(5, true)", "truncate(8, false, '..', 0)", "wordcount",
			"wordwrap(10)", "wordwrap(5, false)", "wordwrap(6, true, '|')", "striptags", "escape", "e", "forceescape", "safe", "urlencode",
			"string", "format("+sub()+")", "format("+sub()+", "+sub()+")", "xmlattr", "urlize", "length", "wordwrap(4, break_on_hyphens=false)",
			"center(width=7)", "truncate(length=4, leeway=0)", "e|upper", "e|replace('<', 'x')", "safe|e", "escape ~ '<'", "indent(width=1, first=true)")
	}
	return g.pick("int", "int(5)", "int(base=16)", "float", "float(1.5)", "round", "round(1)", "round(1, 'floor')", "round(2, 'ceil')", "round(-1)",
		"abs", "default('x')", "d(1, true)", "default(boolean=true)", "tojson", "tojson(2)", "pprint", "filesizeformat", "filesizeformat(true)",
		"string", "attr('a')", "list", "default", "int|string", "tojson|length", "length", "round|int", "abs|int",
		"default("+sub()+")", "int(default="+sub()+")", "float|round(2)", "tojson(indent=1)", "attr('__class__')", "first|default('-')")
}

func (g *generator) name() string {
	name := g.pick("x", "y", "i", "k", "x", "ns", "s", "_h")
	g.names = append(g.names, name)
	return name
}

func (g *generator) body(depth int) string {
	var b strings.Builder
	for range 1 + g.IntN(3) {
		b.WriteString(g.statement(depth))
	}
	return b.String()
}

func (g *generator) open() string  { return g.pick("{% ", "{% ", "{% ", "{%- ", "{%+ ", "{%") }
func (g *generator) close() string { return g.pick(" %}", " %}", " %}", " -%}", "%}", " +%}") }

func (g *generator) tag(text string) string { return g.open() + text + g.close() }

func (g *generator) text() string {
	return g.pick("", " ", "a", "\n", "  ", "x\n", "\n  ", " b ", "\n\n", "  \n", "t\tt", "{", "}", "%}", "# x\n")
}

func (g *generator) statement(depth int) string {
	if depth <= 0 {
		return g.text() + g.pick("{{ ", "{{- ", "{{+ ", "{{ ")[0:2] + " " + g.expr(1) + g.pick(" }}", " -}}", "}}") + g.text()
	}
	sub := func() string { return g.expr(1) }
	in := func() string { return g.body(depth - 1) }
	switch g.IntN(20) {
	case 0, 1, 2:
		return g.text() + g.forLoop(sub, in)
	case 3, 4:
		return g.tag("if "+sub()) + in() + g.pick("", g.tag("elif "+sub())+in()) + g.pick("", g.tag("else")+in()) + g.tag("endif")
	case 5, 6:
		value := sub()
		return g.tag("set "+g.name()+" = "+value) + g.text()
	case 7:
		return g.tag("set "+g.name()+g.pick("", "|upper", "|trim|length")) + in() + g.tag("endset")
	case 8:
		value := sub()
		return g.tag("with "+g.name()+" = "+value) + in() + g.tag("endwith")
	case 9:
		return g.macro(sub, in)
	case 10:
		return g.tag("filter "+g.pick("upper", "trim", "replace('a', 'b')", "indent")) + in() + g.tag("endfilter")
	case 11:
		return g.text() + g.pick("{# c #}", "{#- c -#}", "{# c\nd #}\n", "{# c -#} ") + g.text()
	case 12:
		return g.tag("raw") + g.pick("{{ x }}", " {% if %} ", "\n{# #}") + g.tag("endraw") + g.text()
	case 13:
		return g.tag("do " + g.pick("l.append("+sub()+")", "d.update({'q': "+sub()+"})", sub()))
	case 14:
		return g.tag("set ns = namespace(a=1)") + "{% for i in l %}" + g.tag("set ns.a = ns.a + "+sub()) + "{% endfor %}{{ ns.a }}"
	case 15:
		return g.template(in)
	case 16:
		return g.tag("autoescape "+g.pick("true", "false", "t")) + in() + g.tag("endautoescape")
	}
	return g.text() + "{{ " + g.expr(2) + " }}" + g.text()
}

func (g *generator) forLoop(sub, in func() string) string {
	iter := g.pick("l", "ls", "peers", "d", "d.items()", "nest", "range(3)", "el", "s", "missing", "l|reverse", "peers|map(attribute='name')", sub())
	target := g.name()
	if iter == "d.items()" || iter == "nest" {
		target += ", " + g.name()
	}
	head := "for " + target + " in " + iter + g.pick("", "", " if "+sub(), " if loop is defined") + g.pick("", "", "", " recursive")
	body := in() + g.pick("", "{{ loop."+g.pick("index", "index0", "first", "last", "length", "revindex", "depth", "previtem", "nextitem",
		"changed("+target+")", "cycle('a', 'b')", "revindex0")+" }}", "{% if loop.index > 1 %}"+g.pick("{% break %}", "{% continue %}")+"{% endif %}",
		"{{ "+strings.Split(target, ",")[0]+" }}", "{% if "+sub()+" %}{% continue %}{% endif %}")
	return g.tag(head) + body + g.pick("", "", g.tag("else")+in()) + g.tag("endfor")
}

func (g *generator) macro(sub, in func() string) string {
	params := g.pick("", "a", "a, b=2", "a, b="+sub(), "x=1")
	body := in() + g.pick("", "{{ a }}", "{{ varargs }}", "{{ kwargs }}", "{{ caller() }}", "{{ caller is defined }}", "{{ b }}")
	args := g.pick("", sub(), sub()+", "+sub(), "a="+sub(), "b=3", "1, q=2", "*l", "**{'a': 1}")
	use := g.pick("{{ mm("+args+") }}", "{% call mm("+args+") %}"+in()+"{% endcall %}", "{% call(q) mm("+args+") %}{{ q }}{% endcall %}", "{{ mm.name }}{{ mm.arguments }}")
	return g.tag("macro mm("+params+")") + body + g.tag("endmacro") + use + g.pick("", use)
}

func (g *generator) template(in func() string) string {
	return g.pick("{% include 'inc' %}", "{% include ['nope', 'inc'] %}", "{% include 'nope' ignore missing %}{# 'inc' #}",
		"{% import 'mac' as mod %}{{ mod.hi(1) }}{{ mod.c }}{{ mod._p }}{# 'inc' #}", "{% from 'mac' import hi, c as cc %}{{ hi(x) }}{{ cc }}{# 'inc' #}",
		"{% import 'mac' as mod with context %}{{ mod.hi('p') }}{{ mod }}{# 'inc' #}", "{% extends 'base' %}{% block one %}"+in()+"{{ super() }}{% endblock %}{# 'inc' #}",
		"{% extends 'base' %}{% set x = 5 %}"+in()+"{% block two %}"+in()+"{% endblock %}{# 'inc' #}", "{% block own %}"+in()+"{% endblock %}{{ self.own() }}")
}

// lazy are filters that give a generator, whose text would hold an address; so a consumer follows.
func (g *generator) lazy() string {
	return g.pick("map(attribute='name')", "map(attribute='site.city')", "map(attribute='site.city', default='-')", "map('upper')",
		"map('int')", "map('string')", "map('default', 1)", "map(attribute=0)", "map('first')", "map('length')", "map('replace', 'a', 'b')",
		"select", "reject", "select('odd')", "reject('none')", "select('gt', 1)", "select('string')", "selectattr('on')", "rejectattr('on')",
		"selectattr('asn', 'eq', 64500)", "selectattr('site', 'defined')", "rejectattr('tags')", "map('nosuch')", "map", "selectattr",
		"select('in', l)", "map('join', '-')", "selectattr('site.city', 'defined')", "map(attribute='tags')", "sort(attribute='asn,name')",
		"select('nosuch')", "map(attribute='name', bad=1)")
}

func (g *generator) consumer() string {
	return g.pick("|list", "|list", "|list", "|join(',')", "|first", "|sort", "|sum", "|reverse|list", "|unique|list", "|max", "|batch(2)|list",
		"|join('-')|upper", "|map('string')|list", "|list|length", "|select('defined')|list", "|groupby('x')|list", "|list|last", "|slice(2)|list")
}
