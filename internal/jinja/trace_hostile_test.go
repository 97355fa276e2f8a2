package jinja_test

import (
	"errors"
	"fmt"
	"runtime"
	"strings"
	"testing"

	"peerflow/internal/jinja"
)

// What tracing remembers is paid for: a template that makes it remember without end fails as one that builds texts
// without end does.
func TestTracingIsPaidFor(t *testing.T) {
	objects := make([]jinja.Value, 3000)
	for i := range objects {
		objects[i] = &thing{fmt.Sprintf("session %d", i), map[string]jinja.Value{"asn": jinja.Int(i)}}
	}
	vars := jinja.NewDict(1)
	vars.SetStr("sessions", jinja.NewList(objects...))
	const memory = 16 << 20
	env := jinja.NewEnvironment(jinja.Options{Limits: jinja.Limits{Memory: memory}})
	for name, body := range map[string]string{
		"pieces that can't be joined": "{% for i in range(90000) %}{% for j in range(90) %}{{ sessions[0].asn }}\n{{ sessions[1].asn }}\n{% endfor %}{% endfor %}",
		"many reads for each line":    "{% for i in range(90000) %}{% for s in sessions %}{% set x = s.asn %}{% endfor %}x\n{% endfor %}",
		"a text that many reads led to, on many lines": "{% macro m() %}{% for s in sessions %}{{ s.asn }}\n{% endfor %}{% endmacro %}" +
			"{% for i in range(90000) %}{{ m() | upper }}{% endfor %}",
		"two parts of many reads on each of many lines": "{% macro m(s) %}{% for t in s %}{% set x = t.asn %}{% endfor %}y{% endmacro %}" +
			"{% for i in range(90000) %}{{ m(sessions[:64]) | upper }}{% if true %}\nz{% endif %}{{ m(sessions[64:128]) | upper }}\n{% endfor %}",
	} {
		tmpl, err := env.Parse("main", body)
		if err != nil {
			t.Fatal(err)
		}
		var before, after runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&before)
		_, _, err = tmpl.RenderTraced(t.Context(), vars, nameOf)
		runtime.ReadMemStats(&after)
		var failed *jinja.Error
		if !errors.As(err, &failed) || failed.Class != jinja.LimitErr || !strings.Contains(failed.Msg, "built more than") {
			t.Errorf("%s: %v", name, err)
		}
		if used := after.TotalAlloc - before.TotalAlloc; used > 8*memory {
			t.Errorf("%s: allocated %d bytes with a limit of %d", name, used, memory)
		}
	}
}

// Lines that one place wrote without reading anything cost next to nothing, and those that were read for all alike are told.
func TestLinesOfOnePlaceShareTheirOrigin(t *testing.T) {
	t.Parallel()
	objects := make([]jinja.Value, 2000)
	for i := range objects {
		objects[i] = &thing{fmt.Sprintf("session %d", i), map[string]jinja.Value{"asn": jinja.Int(i), "note": jinja.Str("a\nb")}}
	}
	vars := jinja.NewDict(1)
	vars.SetStr("sessions", jinja.NewList(objects...))
	tmpl, err := jinja.NewEnvironment(jinja.Options{TrimBlocks: true}).Parse("main", "{% for i in range(5000) %}\nprefix {{ i }} le {{ i + 1 }}\n{% endfor %}\n"+
		"{% set all = sessions | map(attribute='asn') | list %}\n{{ sessions[7].asn }} of {{ all | length }}\n{{ sessions[9].note }} {{ sessions[8].asn }}\n")
	if err != nil {
		t.Fatal(err)
	}
	_, origins, err := tmpl.RenderTraced(t.Context(), vars, nameOf)
	if err != nil {
		t.Fatal(err)
	}
	for i, o := range origins[:5000] {
		if len(o.Places) != 1 || &o.Places[0] != &origins[0].Places[0] || o.Places[0].Line != 2 || len(o.Fields) != 0 {
			t.Fatalf("line %d comes from %+v", i+1, o)
		}
	}
	summary := origins[5000].Fields
	if last := summary[len(summary)-1]; len(summary) != 64 || last != (jinja.Field{Object: "session 7", Name: "asn"}) {
		t.Errorf("a line that 2,000 things were read for tells of %d, the last %+v", len(summary), summary[len(summary)-1])
	}
	if got := fmt.Sprint(origins[5001].Fields, origins[5002].Fields); got != "[{session 9 note}] [{session 9 note} {session 8 asn}]" {
		t.Errorf("a value of two lines, and one after it: %s", got)
	}
}
