package render

import (
	"testing"

	"peerflow/internal/jinja"
)

func TestDataIsWrittenAsJSON(t *testing.T) {
	t.Parallel()
	check(t, map[string]rule{
		"indented by 4 and sorted": {body: "{{ {'b': [1, none], 'a': {}} | as_json }}", want: "{\n    \"a\": {},\n    \"b\": [\n        1,\n        null\n    ]\n}"},
		"or as asked for":          {body: "{{ {'b': 1, 'a': 'é<'} | as_json(indent=none, sort_keys=false) }}", want: `{"b": 1, "a": "\u00e9<"}`},
		"a record as its columns":  {body: "{{ communities | first | as_json(indent=none) }}", want: `{"created": null, "description": "", "local_context_data": null, "name": "learned", "slug": "learned", "tags": [], "type": "ingress", "updated": null, "value": "64500:100"}`},
		"a collection as a list":   {body: "{{ (communities.filter(slug='x')) | as_json }}", want: "[]"},
		"relations as ids, tags as names, times in UTC": {body: "{% set j = [x4, peer] %}{{ (x4 | as_json(none)).split('\"created\": ')[1][:22] }} {{ '\"autonomous_system\": 2' in (x4 | as_json) }} {{ '\"Filter Prefixes\"' in (peer | as_json) }} {{ '\"ip_address\": \"198.51.100.1/31\"' in (d4 | as_json) }}",
			want: `"2026-02-03T04:05:06Z" True True True`},
		"what is no data fails": {body: "{{ [x4] | as_json }}", class: jinja.TypeErr, want: "not JSON serializable"},
	})
}

// The wanted texts are what PyYAML 6 prints.
func TestDataIsWrittenAsYAML(t *testing.T) {
	t.Parallel()
	check(t, map[string]rule{
		"a word ends its document":            {body: "{{ 'abc' | as_yaml }}|{{ 5 | as_yaml }}|{{ none | as_yaml }}", want: "abc\n...\n|5\n...\n|null\n...\n"},
		"quoted text doesn't":                 {body: "{{ 'a: b' | as_yaml }}|{{ '' | as_yaml }}", want: "'a: b'\n|''\n"},
		"nothing in brackets":                 {body: "{{ [] | as_yaml }}{{ {} | as_yaml }}", want: "[]\n{}\n"},
		"lists in mappings aren't indented":   {body: "{{ {'b': {'c': []}, 'a': [1, true]} | as_yaml }}", want: "a:\n- 1\n- true\nb:\n  c: []\n"},
		"lists and mappings in lists are":     {body: "{{ [1, [2, 3], {'a': 1, 'b': [4, {'c': 5}]}] | as_yaml }}", want: "- 1\n- - 2\n  - 3\n- a: 1\n  b:\n  - 4\n  - c: 5\n"},
		"by 4 on request":                     {body: "{{ [1, [2, 3], {'a': 1, 'b': [4, {'c': 5}]}] | as_yaml(indent=4) }}", want: "- 1\n-   - 2\n    - 3\n-   a: 1\n    b:\n    - 4\n    -   c: 5\n"},
		"keys are sorted unless told":         {body: "{{ {'b': 1, 'a': 2} | as_yaml(sort_keys=false) }}", want: "b: 1\na: 2\n"},
		"text that reads as something else":   {body: "{{ ['- x', '123', '1e5', 'null', '2020-01-01', 'a #b', 'a:b', '#x', 'yes', '~', '=', '0x1f', '12:30:45', '-', '-a', 'ipv6::/32'] | as_yaml }}", want: "- '- x'\n- '123'\n- 1e5\n- 'null'\n- '2020-01-01'\n- 'a #b'\n- a:b\n- '#x'\n- 'yes'\n- '~'\n- '='\n- '0x1f'\n- '12:30:45'\n- '-'\n- -a\n- ipv6::/32\n"},
		"quotes and blanks":                   {body: `{{ ["it's", "'q'", '"dq"', ' lead', 'trail '] | as_yaml }}`, want: "- it's\n- '''q'''\n- '\"dq\"'\n- ' lead'\n- 'trail '\n"},
		"what isn't ASCII is escaped":         {body: "{{ {'k': 'é\t日'} | as_yaml }}", want: "k: \"\\xE9\\t\\u65E5\"\n"},
		"lines keep their ends":               {body: "{{ ['line1\nline2\n'] | as_yaml }}", want: "- 'line1\n\n  line2\n\n  '\n"},
		"long text is folded at 80":           {body: "{{ {'a': 'x y ' * 40} | as_yaml }}", want: "a: 'x y x y x y x y x y x y x y x y x y x y x y x y x y x y x y x y x y x y x y x\n  y x y x y x y x y x y x y x y x y x y x y x y x y x y x y x y x y x y x y x y x\n  y '\n"},
		"floats":                              {body: "{{ [1.5, 1e300, 1e16] | as_yaml }}", want: "- 1.5\n- 1.0e+300\n- 1.0e+16\n"},
		"a record is its columns":             {body: "{{ communities | first | as_yaml }}", want: "created: null\ndescription: ''\nlocal_context_data: null\nname: learned\nslug: learned\ntags: []\ntype: ingress\nupdated: null\nvalue: 64500:100\n"},
		"what is no data is told how to pass": {body: "{{ [x4] | as_yaml }}", class: jinja.TypeErr, want: "as_yaml can't write a InternetExchangePeeringSession"},
	})
}
