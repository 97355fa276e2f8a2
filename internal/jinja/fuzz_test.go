package jinja_test

import (
	"encoding/json"
	"fmt"
	"os"
	"testing"
	"time"

	"peerflow/internal/jinja"
	"peerflow/internal/jinja/jinjatest"
)

// FuzzRender feeds the engine what nobody would write: it has to answer with text or an *Error, in good time.
func FuzzRender(f *testing.F) {
	for _, file := range []string{"testdata/jinja2-cases.json", "testdata/found-cases.json"} {
		data, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		cases, err := jinjatest.Read(data)
		if err != nil {
			f.Fatal(err)
		}
		for i, c := range cases {
			f.Add(c.Template, i%2 == 0, i%3 == 0, i%5 == 0)
		}
	}
	limits := jinja.Limits{Steps: 100_000, Depth: 50, Output: 1 << 20, Memory: 8 << 20}
	loader := templates{"inc": "{{ n }}{{ l }}", "mac": "{% macro hi(a) %}{{ a }}{% endmacro %}", "base": "A{% block b %}{% endblock %}"}
	const vars = `{"n": 7, "s": "Hello", "l": [3, 1, 2], "d": {"a": 1}, "f": 2.5, "none": null, "t": true, "users": [{"name": "bob", "age": 3}]}`
	f.Fuzz(func(t *testing.T, source string, trim, lstrip, strict bool) {
		opts := jinja.Options{TrimBlocks: trim, LstripBlocks: lstrip, Loader: loader, Limits: limits}
		if strict {
			opts.Undefined = jinja.UndefinedStrict
		}
		given, err := jinja.FromJSON(json.RawMessage(vars))
		if err != nil {
			t.Fatal(err)
		}
		watchdog := time.AfterFunc(20*time.Second, func() { panic(fmt.Sprintf("still rendering %q", source)) })
		defer watchdog.Stop()
		text, err := render(t, opts, source, given.(*jinja.Dict))
		if err != nil {
			if e := failure(t, err); e.Class == jinja.InternalErr || text != "" {
				t.Errorf("%v, with text %q", e, text)
			}
		}
	})
}
